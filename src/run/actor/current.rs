//! Before a plan is set in force, and again before each of its stages begins, the mode is read from the
//! API server itself: a watch may be behind, and what people have said meanwhile counts.

use kube::api::Api;

use crate::api::{EmergencyMode, StageState, TurnKind};
use crate::engine::decide::Decision;
use crate::ledger::record::Body;

use super::{Actor, Memory};

impl Actor {
    /// Whether something begins with this decision: a plan is set in force, or a stage of it starts.
    pub(super) fn begins(
        memory: &Memory,
        object: Option<&EmergencyMode>,
        decision: &Decision,
    ) -> bool {
        let grants =
            |body: &Body| matches!(body, Body::Turn(turn) if turn.kind == TurnKind::Granted);
        if decision.append.iter().any(grants) {
            return true;
        }
        let known = memory.published.as_ref();
        let known = known.or_else(|| object.and_then(|object| object.status.as_ref()));
        let ran = |name: &str| {
            let mut stages = known.into_iter().flat_map(|status| &status.stages);
            stages.any(|stage| stage.name == name && stage.state != StageState::Waiting)
        };
        let mut stages = decision.status.stages.iter();
        stages.any(|stage| stage.state == StageState::Running && !ran(&stage.name))
    }

    /// Whether the mode that was decided upon is the one that the API server has.
    ///
    /// # Errors
    /// It cannot be read now: nothing begins.
    pub(super) async fn is_current(&self, object: Option<&EmergencyMode>) -> Result<bool, String> {
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
