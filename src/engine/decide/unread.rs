//! What is decided for a mode whose journal or object cannot be read: nothing is touched, and it is said.
//! A mode whose journal is damaged is let go once two people have given it up for lost.

use jiff::Timestamp;

use crate::api::condition::{self, types};
use crate::api::{Authority, Condition, EmergencyModeSpec, EmergencyModeStatus, Phase};
use crate::engine::authority;
use crate::engine::enforcement::Enforcement;
use crate::ledger::ABANDONED;

use super::rules::AGAIN;
use super::{Blocked, Decision, Need};

/// What is known of a mode whose journal is damaged.
#[derive(Clone, Copy, Debug)]
pub struct Damaged<'a> {
    /// What is wrong with its journal.
    pub damage: &'a str,
    /// The generation of its object.
    pub generation: i64,
    /// Its spec; `None` when the object is gone.
    pub spec: Option<&'a EmergencyModeSpec>,
    /// Its status, as last published.
    pub status: Option<&'a EmergencyModeStatus>,
    /// What its playbook says now of who may do what, where there is one that can be read. The copy that
    /// was approved is in the journal.
    pub authority: Option<&'a Authority>,
    /// Whether the API server enforces the rules of authority.
    pub enforcement: &'a Enforcement,
    /// Now.
    pub now: Timestamp,
}

/// What is decided for a mode whose journal is damaged.
///
/// Guarantees: nothing is journalled and nothing written. It is closed only where two people of its lists
/// gave it up while the rules hold: then its object may go, and its records stay, which are all that says
/// what was there. Where the rules have to be tried for that, it is asked for.
pub fn damaged(known: &Damaged<'_>) -> Decision {
    let lists: Vec<&Authority> = known.authority.into_iter().collect();
    let given_up = known.spec.map(|spec| authority::abandoned(spec, &lists));
    let blocked = Blocked::JournalDamaged(known.damage.to_owned());
    let status = known.status.cloned();
    let stopped = stopped(blocked, known.generation, status, known.now);
    let Some(given_up) = given_up.filter(authority::Quorum::met) else {
        return stopped;
    };
    match known.enforcement.vouches(known.now) {
        Some(true) => let_go(known, &given_up.given.join(", ")),
        Some(false) => Decision {
            again_at: Some(known.now + AGAIN),
            ..stopped
        },
        None => Decision {
            need: Some(Need::Proof),
            ..stopped
        },
    }
}

/// What is decided for a mode whose object cannot be read: nothing, and it is said.
///
/// `since` is when it was created: what is said must not change with every look, or saying it
/// would be looked at again.
pub fn malformed(problem: &str, generation: i64, since: Timestamp) -> Decision {
    let blocked = Blocked::Malformed(problem.to_owned());
    stopped(blocked, generation, None, since)
}

fn stopped(
    blocked: Blocked,
    generation: i64,
    status: Option<EmergencyModeStatus>,
    now: Timestamp,
) -> Decision {
    let mut status = status.unwrap_or_default();
    for type_ in [types::BLOCKED, types::STALLED] {
        let new = Condition {
            type_: type_.to_owned(),
            status: "True".to_owned(),
            reason: blocked.reason().to_owned(),
            message: blocked.sentence(),
            last_transition_time: now,
            observed_generation: generation,
        };
        condition::set(&mut status.conditions, new);
    }
    Decision {
        blocked: Some(blocked),
        status,
        ..Decision::default()
    }
}

/// What is decided for a mode whose journal is damaged and that was given up for lost.
fn let_go(known: &Damaged<'_>, by: &str) -> Decision {
    let mut status = known.status.cloned().unwrap_or_default();
    status.phase = Some(Phase::Closed);
    status.observed_generation = known.generation;
    status.waiting_on = None;
    status.denies.clear();
    let left = format!(
        "given up for lost by {by}, with a damaged journal: what it changed stays as it is, and nothing \
         brings it back by itself; its records are kept: see docs/guides/operate.md, Damaged journal ({})",
        known.damage
    );
    for (type_, message) in [
        (types::RESTORED, left.as_str()),
        (types::ACTIVE, ""),
        (types::READY, ""),
        (types::RECONCILING, ""),
        (types::BLOCKED, ""),
        (types::STALLED, ""),
    ] {
        let new = Condition {
            type_: type_.to_owned(),
            status: "False".to_owned(),
            reason: ABANDONED.to_owned(),
            message: message.to_owned(),
            last_transition_time: known.now,
            observed_generation: known.generation,
        };
        condition::set(&mut status.conditions, new);
    }
    Decision {
        closed: true,
        status,
        ..Decision::default()
    }
}
