//! Before a plan is set in force, and again before each of its stages begins, the mode is read from the
//! API server itself: a watch may be behind, and what people have said meanwhile counts.

use std::collections::BTreeSet;

use kube::api::Api;

use crate::api::{EmergencyMode, StageState, TurnKind};
use crate::engine::decide::Decision;
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

/// The stages that run by this decision and were not asked about.
fn begun(asked: &BTreeSet<String>, decision: &Decision) -> Vec<String> {
    let stages = decision.status.stages.iter();
    let runs = stages.filter(|stage| stage.state == StageState::Running);
    runs.map(|stage| stage.name.clone())
        .filter(|name| !asked.contains(name))
        .collect()
}

impl Actor {
    /// Whether what begins with this decision may begin: a plan that is set in force, stages that start.
    /// Nothing begins of what people have changed meanwhile.
    ///
    /// Guarantees: each stage of a plan in force was asked about at the API server before its first write,
    /// by whoever leads; not what status says of it, which is written before.
    ///
    /// # Errors
    /// The mode cannot be read now: nothing begins.
    pub(super) async fn may_begin(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        decision: &Decision,
    ) -> Result<bool, String> {
        let turn = turn(decision);
        let is_granted = turn == Some(TurnKind::Granted);
        // Only what is switched begins: a return waits for nothing.
        let is_switched = self.mode.state.lock().await.ledger.direction == Direction::Wartime;
        let begun = match turn {
            None | Some(TurnKind::Granted | TurnKind::Withdrawn) if is_switched => {
                begun(&memory.begun, decision)
            }
            Some(_) | None => Vec::new(),
        };
        if !is_granted && begun.is_empty() {
            return Ok(true);
        }
        if !self.is_current(object).await? {
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
