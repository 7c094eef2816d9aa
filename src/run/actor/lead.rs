//! How an actor takes a mode over: the first record is its own.

use crate::api::{EmergencyMode, Turn, TurnKind};
use crate::engine::decide::move_interruptions;
use crate::ledger::Direction;
use crate::ledger::record::Body;
use crate::run::executor::outcomes;
use crate::run::{publish, records};

use super::Actor;

impl Actor {
    /// The first record of a new leader in a live mode: from then on the old one cannot commit.
    pub(super) async fn lead(&self, object: Option<&EmergencyMode>) -> Result<(), String> {
        let mut state = self.mode.state.lock().await;
        state.follow(&self.deps.clock);
        if state.ledger.direction == Direction::Closed {
            return Ok(());
        }
        if let Some(object) = object {
            publish::hold(&self.own.writes, object)
                .await
                .map_err(|error| error.to_string())?;
        }
        let turn = Turn {
            kind: TurnKind::Leader,
            by: Some(self.settings.identity.clone()),
            reason: None,
            plan_hash: None,
            level: None,
            expires_at: None,
            approvals: Vec::new(),
        };
        let last = state.ledger.last_at;
        let appended = outcomes::append(&self.deps, &mut state, Body::Turn(turn)).await;
        appended.map_err(|error| self.deposed_or(&error))?;
        // How long a stage may take was counted by another machine's clock, which may be minutes from
        // ours: we count from here on, as the journal does, and what is not in it follows.
        if let Some(last) = last {
            let now = self.deps.clock.now();
            let by = now.duration_since(last);
            let said = object.and_then(|object| object.status.as_ref());
            let said = said.map(|status| status.interruptions.clone());
            state.interruptions = said.unwrap_or_default();
            move_interruptions(&mut state.interruptions, by, now);
        }
        Ok(())
    }

    pub(super) fn deposed_or(&self, error: &records::Error) -> String {
        self.deps.ends_term(error);
        error.to_string()
    }
}
