//! Changes of targets that were adopted, once they are journalled. Whoever found such a target names it
//! only until then, and a new leader never does: its entry alone says what is still to be written.

use crate::engine::plan::{Change, Intent, Plan};
use crate::engine::scheduler::Class;
use crate::ledger::{Entry, State};
use crate::step::Rule;

use super::Decision;
use super::board::{Board, Standing};
use super::hold::{self, HOLD_RANK};
use super::switch::Place;
use super::work::Desk;

/// Takes what is journalled and not confirmed further, whatever has become of its stage.
pub(super) fn decide(board: &Board<'_>, plan: &Plan, desk: &mut Desk, decision: &mut Decision) {
    let ledger = board.input.ledger;
    let is_open = |entry: &&&Entry| {
        let latest = ledger.head_of(&entry.target.uid, &entry.path);
        let is_latest = latest.is_some_and(|latest| latest.id == entry.id);
        is_latest && entry.state == State::Intended && !entry.turned
    };
    for entry in board.amended.iter().filter(is_open) {
        let target = &entry.target;
        let covers = board.input.layers.over(&target.uid, &entry.path);
        let is_covered = covers.is_some();
        let Some(step) = plan
            .planned(&entry.stage, &entry.step)
            .filter(|_| !is_covered)
        else {
            continue;
        };
        let change = Change {
            target: target.clone(),
            path: entry.path.clone(),
            base: entry.base.clone(),
            after: entry.after.clone(),
            why: String::new(),
            wave: 0,
            class: Class::REST,
            intent: Intent::Other,
            rule: Rule::Fixed,
        };
        let at = Place {
            plan,
            step,
            rank: HOLD_RANK,
            words: (entry.stage.clone(), entry.step.clone()),
        };
        let standing = Standing::Doing(entry);
        hold::switch(
            board,
            &at,
            &change,
            entry.amendment,
            standing,
            desk,
            decision,
        );
    }
}
