//! The fields that a plan shares with modes that hold something, and whose value stands.

use super::layers::Rank;
use super::plan::{Plan, describe};
use crate::ledger::Ledger;

/// Most shared fields that are named one by one.
const NAMED: usize = 20;

/// A mode that holds something.
#[derive(Clone, Debug)]
pub struct Holder<'a> {
    /// Its journal.
    pub ledger: &'a Ledger,
    /// Where its layer lies.
    pub rank: Rank,
    /// Whether its object is gone, so that nobody carries it out any more.
    pub is_gone: bool,
}

/// The fields that a plan shares with others, a sentence each. `own` is where its layer would lie.
pub fn shared(plan: &Plan, own: &Rank, others: &[Holder<'_>]) -> Vec<String> {
    if plan.tabletop {
        return Vec::new();
    }
    let mut said = Vec::new();
    let mut more = 0;
    for (_, _, change) in plan.changes() {
        for other in others {
            let held = other.ledger.head_of(&change.target.uid, &change.path);
            let Some(held) = held.filter(|held| !held.state.is_settled_back()) else {
                continue;
            };
            if said.len() == NAMED {
                more += 1;
                continue;
            }
            let place = if other.is_gone {
                "over it; that mode is gone, and the return brings back peacetime's value"
            } else if *own > other.rank {
                "over it"
            } else {
                "under it, and stands once that mode is over"
            };
            said.push(format!(
                "{} {}: {} has it at {}; this plan's {} lies {place}",
                describe(&change.target),
                change.path.to_pointer(),
                other.ledger.mode.name,
                held.ours().display(),
                change.after.display(),
            ));
        }
    }
    if more > 0 {
        said.push(format!("{more} more fields are shared with other modes"));
    }
    said
}
