//! Times in which nothing more can be switched: a person stopped or paused the mode, the rules of
//! authority are not known to be in force, or no record can be stored. Nothing is late for them.
//!
//! No record speaks of them. Each decision is told of those that are known, and says which are known
//! after it; status has them for a new leader, so that it counts as the one before did.

use jiff::{SignedDuration, Timestamp};

use crate::api::Interruption;
use crate::ledger::Direction;

use super::{Blocked, Decision, Input, Need};

/// How many are known: a switch that is interrupted more often has other troubles, and status must stay
/// small. What lies between two that are joined counts as one, so that nothing is late too soon.
const KEPT: usize = 16;
/// What is shorter is forgotten: nothing is late for it, and rules that are tried every ten minutes
/// would have a status written each time.
const MOMENT: SignedDuration = SignedDuration::from_secs(5);

/// When what began at `from` has had so much time, interruptions not counted.
pub(super) fn end(input: &Input<'_>, from: Timestamp, allowed: SignedDuration) -> Timestamp {
    let later = |at: Timestamp, by: SignedDuration| at.saturating_add(by).unwrap_or(Timestamp::MAX);
    let mut end = later(from, allowed);
    for one in input.interruptions {
        if one.from >= end {
            break;
        }
        let until = one.until.unwrap_or(input.now);
        let lost = until.duration_since(one.from.max(from));
        end = later(end, lost.max(SignedDuration::ZERO));
    }
    end
}

/// The interruptions that are known after a decision, the oldest first.
pub(super) fn known(input: &Input<'_>, decision: &Decision) -> Vec<Interruption> {
    let mut known = match input.ledger.direction {
        Direction::Wartime | Direction::Held => input.interruptions.to_vec(),
        // Nothing is switched, and nothing will be.
        Direction::Pending | Direction::Restoring | Direction::Closed => return Vec::new(),
    };
    let last = known.last().copied().filter(|last| last.until.is_none());
    // Nothing goes on while the rules are tried, for a moment or until they can be.
    let is_one = is_interrupted(input, decision) || decision.need == Some(Need::Proof);
    match last {
        None if is_one => known.push(Interruption {
            from: input.now,
            until: None,
        }),
        Some(last) if !is_one => {
            known.pop();
            if input.now.duration_since(last.from) >= MOMENT {
                known.push(Interruption {
                    until: Some(input.now),
                    ..last
                });
            }
        }
        None | Some(_) => {}
    }
    while known.len() > KEPT {
        let oldest = known.remove(0);
        known[0].from = oldest.from;
    }
    known
}

/// Those that are said: as a rule the rules are proven in a moment, and that is no news.
pub(super) fn said(input: &Input<'_>, decision: &Decision) -> Vec<Interruption> {
    let mut said = decision.interruptions.clone();
    let is_proof_alone = !is_interrupted(input, decision);
    if is_proof_alone && said.last().is_some_and(|last| last.from == input.now) {
        said.pop();
    }
    said
}

fn is_interrupted(input: &Input<'_>, decision: &Decision) -> bool {
    let is_held = input.ledger.direction == Direction::Held;
    let is_paused = input.mode.spec.is_some_and(|spec| spec.paused);
    let has_no_rules = matches!(
        decision.blocked,
        Some(Blocked::NotEnforced(_) | Blocked::NotProven(_))
    );
    is_held || is_paused || has_no_rules || input.refused.is_some()
}

/// Moves interruptions to another clock than they were told by. None of them is later than now.
pub fn move_interruptions(known: &mut [Interruption], by: SignedDuration, now: Timestamp) {
    let times = known
        .iter_mut()
        .flat_map(|one| std::iter::once(&mut one.from).chain(&mut one.until));
    for at in times {
        *at = at.saturating_add(by).unwrap_or(Timestamp::MAX).min(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new leader's clock may be minutes from the old one's. An interruption that it took for one to
    /// come, or for longer than it was, would keep a stage from ever being late.
    #[test]
    fn interruptions_move_with_the_clock_and_never_beyond_it() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut known = [
            Interruption {
                from: at(100),
                until: Some(at(160)),
            },
            Interruption {
                from: at(200),
                until: None,
            },
        ];
        move_interruptions(&mut known, SignedDuration::from_secs(50), at(205));
        assert_eq!((known[0].from, known[0].until), (at(150), Some(at(205))));
        assert_eq!((known[1].from, known[1].until), (at(205), None));
        move_interruptions(&mut known, SignedDuration::from_secs(-100), at(105));
        assert_eq!((known[0].from, known[0].until), (at(50), Some(at(105))));
        assert_eq!((known[1].from, known[1].until), (at(105), None));
    }
}
