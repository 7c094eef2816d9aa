//! Before a plan is set in force, and again before each of its stages begins, or goes on after the switch
//! stood still, the mode is read from the API server itself: a watch may be behind, and what people have
//! said meanwhile counts.

use std::collections::BTreeSet;

use kube::api::Api;

use crate::api::{ActEvent, EmergencyMode, TurnKind};
use crate::engine::acts::Ask;
use crate::engine::decide::{Blocked, Decision, Waiting};
use crate::engine::work::Act;
use crate::ledger::Direction;
use crate::ledger::record::Body;

use super::{Actor, Memory};

/// The turn that the mode takes by a decision, if it takes one.
fn turn(decision: &Decision) -> Option<TurnKind> {
    decision.append.iter().find_map(|body| match body {
        Body::Turn(turn) => Some(turn.kind),
        Body::Plan(_) | Body::Intents(_) | Body::Outcomes(_) | Body::Acts(_) => None,
    })
}

/// Whether the switch stands still by a decision: what goes on afterwards is asked about anew.
const fn stands_still(decision: &Decision) -> bool {
    matches!(decision.waiting, Some(Waiting::Resume))
        || matches!(
            decision.blocked,
            Some(Blocked::NotEnforced(_) | Blocked::NotProven(_))
        )
}

/// The stages of which something is written for the first time, begun, looked at or carried out by a
/// decision. While something is to be read first that is only what is written; what is journalled comes
/// before the rest.
fn taken_further(decision: &Decision) -> BTreeSet<&str> {
    let works = decision.works.iter();
    let items = works.flat_map(|work| match &work.payload.act {
        Act::Switch(items) => items.as_slice(),
        Act::Rewrite(_) | Act::Revert { .. } | Act::GiveBack { .. } | Act::Note(_) => &[],
    });
    let written = items.map(|item| &*item.entry.stage);
    if decision.need.is_some() {
        return written.collect();
    }
    if decision.append.is_empty() {
        let asks = decision.asks.iter().filter(|(_, ask)| **ask != Ask::Undo);
        let asked = asks.map(|((stage, _), _)| stage.as_str());
        return written.chain(asked).collect();
    }
    let notes = decision.append.iter().flat_map(|body| match body {
        Body::Acts(notes) => notes.as_slice(),
        Body::Plan(_) | Body::Intents(_) | Body::Outcomes(_) | Body::Turn(_) => &[],
    });
    let begun = notes.filter(|note| note.event == ActEvent::Begun);
    begun.map(|note| note.stage.as_str()).collect()
}

/// The stages that a decision takes further and that were not asked about.
fn begun(asked: &BTreeSet<String>, decision: &Decision) -> BTreeSet<String> {
    let stages = taken_further(decision).into_iter();
    let unasked = stages.filter(|stage| !asked.contains(*stage));
    unasked.map(str::to_owned).collect()
}

/// What a decision takes further was not written: its stages are asked about again before they begin,
/// whenever that is.
pub(super) fn forget(memory: &mut Memory, decision: &Decision) {
    for stage in taken_further(decision) {
        memory.begun.remove(stage);
    }
}

impl Actor {
    /// Whether what begins with this decision may begin: a plan that is set in force, stages that start.
    /// Nothing begins of what people have changed meanwhile.
    ///
    /// Guarantees: each stage of a plan in force was asked about at the API server by whoever leads, just
    /// before they write the first of it or carry it out, and once more when it goes on after a pause, after
    /// the rules were not in force, or after what a decision journals could not be. What status says of it,
    /// also meanwhile, does not count.
    ///
    /// # Errors
    /// The mode cannot be read now: nothing begins.
    pub(super) async fn may_begin(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        decision: &Decision,
    ) -> Result<bool, String> {
        if stands_still(decision) {
            memory.begun.clear();
        }
        let turn = turn(decision);
        // Nothing is journalled before what is still to be read.
        let is_granted = turn == Some(TurnKind::Granted) && decision.need.is_none();
        // Only what is switched begins: a return waits for nothing.
        let is_switched = self.mode.state.lock().await.ledger.direction == Direction::Wartime;
        let begun = if is_switched && turn.is_none() {
            begun(&memory.begun, decision)
        } else {
            BTreeSet::new()
        };
        if !is_granted && begun.is_empty() {
            return Ok(true);
        }
        if !self.is_current(object).await? {
            tracing::warn!(
                mode = self.mode.id.name,
                "nothing begins: the watch does not say yet what the API server has of the mode"
            );
            return Ok(false);
        }
        memory.begun.extend(begun);
        Ok(true)
    }

    /// Whether the mode that was decided upon is the one that the API server has.
    async fn is_current(&self, object: Option<&EmergencyMode>) -> Result<bool, String> {
        let Some(object) = object else {
            return Ok(true);
        };
        let api: Api<EmergencyMode> = Api::all(self.own.writes.clone());
        let live = api.get_metadata_opt(&self.mode.id.name).await;
        let live = live
            .map_err(|error| format!("the mode cannot be read again before it goes on: {error}"))?;
        Ok(live.is_some_and(|live| {
            live.metadata.uid == object.metadata.uid
                && live.metadata.generation == object.metadata.generation
                && live.metadata.deletion_timestamp.is_some()
                    == object.metadata.deletion_timestamp.is_some()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ActNote;
    use crate::engine::decide::Need;
    use crate::engine::scheduler::{Before, Class, Lane, Work};
    use crate::engine::work::{SwitchItem, Task};
    use crate::run::executor::testing::entry;

    /// The first write of stage `surge`.
    fn first_write() -> Work<Task> {
        let entry = entry();
        let target = entry.target.clone();
        let item = SwitchItem::new(entry, None);
        Work {
            uid: "web".into(),
            class: Class::REST,
            rank: 0,
            tag: 0,
            lane: Lane::Value,
            before: Before::Nothing,
            payload: Task {
                target,
                sight: None,
                act: Act::Switch(vec![item]),
            },
        }
    }

    fn note(stage: &str, event: ActEvent) -> ActNote {
        ActNote {
            stage: stage.to_owned(),
            step: "people".to_owned(),
            event,
            by: None,
            reason: None,
            ready: None,
            answers: 0,
        }
    }

    fn found(asked: &[&str], decision: &Decision) -> Vec<String> {
        let asked: BTreeSet<String> = asked.iter().map(|stage| (*stage).to_owned()).collect();
        begun(&asked, decision).into_iter().collect()
    }

    /// Who stands down while the mode is paused, or while targets are read, must not see the next stage
    /// begin because it was asked about long before: only what is done by a decision begins with it, and
    /// each stage once.
    #[test]
    fn a_stage_begins_with_what_is_done_of_it() {
        let mut decision = Decision::default();
        assert_eq!(found(&[], &decision), [""; 0], "nothing is done");
        decision.works.push(first_write());
        assert_eq!(found(&[], &decision), ["surge"]);
        assert_eq!(found(&["surge"], &decision), [""; 0], "it was asked about");
        let key = |stage: &str| (stage.to_owned(), "people".to_owned());
        decision.asks.insert(key("tell"), Ask::Carry);
        decision.asks.insert(key("back"), Ask::Undo);
        assert_eq!(found(&[], &decision), ["surge", "tell"]);
        let notes = vec![
            note("gate", ActEvent::Begun),
            note("tell", ActEvent::Undoing),
        ];
        decision.append.push(Body::Acts(notes));
        assert_eq!(found(&[], &decision), ["gate"], "the record comes first");
        decision.need = Some(Need::Sights(Vec::new()));
        assert_eq!(found(&[], &decision), ["surge"], "only writes go on");
    }

    /// A journal may be out of reach for minutes: who stands down meanwhile must not see a stage begin
    /// because it was asked about before a record that came to nothing.
    #[test]
    fn a_stage_whose_record_was_not_written_is_asked_about_again() {
        let mut memory = Memory::default();
        let all = ["gate", "surge"].map(str::to_owned);
        memory.begun.extend(all);
        let mut decision = Decision::default();
        let notes = vec![note("gate", ActEvent::Begun)];
        decision.append.push(Body::Acts(notes));
        assert!(begun(&memory.begun, &decision).is_empty());
        forget(&mut memory, &decision);
        assert_eq!(begun(&memory.begun, &decision), ["gate".to_owned()].into());
        assert_eq!(memory.begun, ["surge".to_owned()].into(), "it goes on");
    }

    /// A pause may last for hours, and so may rules that are not in force: what was known before says
    /// nothing of what people want afterwards.
    #[test]
    fn the_switch_stands_still_while_it_is_paused_or_the_rules_are_not_in_force() {
        let still = |waiting: Option<Waiting>, blocked: Option<Blocked>| {
            let mut decision = Decision::default();
            decision.works.push(first_write());
            decision.waiting = waiting;
            decision.blocked = blocked;
            stands_still(&decision)
        };
        assert!(still(Some(Waiting::Resume), None));
        assert!(still(None, Some(Blocked::NotEnforced(Vec::new()))));
        assert!(still(None, Some(Blocked::NotProven(String::new()))));
        assert!(!still(None, None));
        let other = Blocked::StageFailed(Vec::new());
        assert!(!still(Some(Waiting::Unreadable(1)), Some(other)));
    }
}
