//! What follows from a turn of the journal: what was seen is forgotten, and an Event tells of it.

use crate::api::{Turn, TurnKind, names};
use crate::engine::decide::BREAK_GLASS;
use crate::run::mode::State;

use super::{Actor, Memory, look, survey};

impl Actor {
    /// After a change of direction what was seen may be hours old, and is read anew. But a return
    /// begins with the targets that were seen to hold our values: it may not wait for a large fleet
    /// to be read, and each of its writes is guarded.
    pub(super) fn turned(&self, state: &mut State, memory: &mut Memory, turn: &Turn) {
        if turn.kind == TurnKind::Withdrawn {
            // Nothing was switched by it, and nothing is.
            let by = turn.by.as_deref().unwrap_or("unknown");
            let note = format!(
                "{by} asks for something else: approvals of the earlier plan count no more"
            );
            self.deps.events.mode(&self.mode, false, "Withdrawn", &note);
            return;
        }
        if turn.kind == TurnKind::Granted {
            self.acts_for(state, turn);
            // It may ask for something else of what was found for the plan before, and need not name it.
            state.strangers |= !memory.adopted.is_empty() || survey::holds_adopted(&state.ledger);
            memory.adopted.clear();
        }
        if turn.kind == TurnKind::Restoring {
            let manager = names::field_manager(&self.mode.id.name, &self.mode.id.uid);
            look::keep_standing(state, &manager);
        } else {
            state.sights.clear();
        }
        state.dirty.clear();
        state.given_up.clear();
        state.unwatched.clear();
        memory.begun.clear();
        memory.looking.end();
        memory.holds = None;
        let reason = turn.reason.clone().unwrap_or_default();
        let (word, note) = match turn.kind {
            TurnKind::Leader | TurnKind::Withdrawn => return,
            TurnKind::Granted if turn.reason.as_deref() == Some(BREAK_GLASS) => {
                let by = turn.by.as_deref().unwrap_or("unknown");
                let note = format!("{by} acted without quorum: somebody else has to review it");
                self.deps.events.mode(&self.mode, true, BREAK_GLASS, &note);
                (
                    "Activated",
                    "the plan is in force without quorum".to_owned(),
                )
            }
            TurnKind::Granted => ("Activated", "the plan is in force".to_owned()),
            TurnKind::Restoring => ("Restoring", format!("the return began: {reason}")),
            TurnKind::Held => ("Held", format!("stopped, values stay: {reason}")),
            TurnKind::Closed => ("Closed", format!("the mode is over: {reason}")),
        };
        self.deps.events.mode(&self.mode, false, word, &note);
    }

    /// From now on targets are read and written as the account of the plan that was granted, and as no
    /// other that somebody asked for meanwhile.
    fn acts_for(&self, state: &State, turn: &Turn) {
        let hash = turn.plan_hash.as_ref();
        let Some(plan) = hash.and_then(|hash| state.plans.get(hash)) else {
            return;
        };
        if let Err(problem) = self.account(&plan.spec.service_account_name) {
            tracing::warn!(problem, "the playbook's account cannot be acted as");
        }
    }
}
