//! Modes whose objects are gone while their journals are open: somebody took the finalizer away, or the
//! whole kind, while no operator ran. Nobody carries them out any more but an offline restore; what
//! they found in peacetime every other mode has to know, or it would take what they wrote for it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;

use crate::api::RecordMode;
use crate::ledger::Direction;

use super::crew::{Crew, FAILED};
use super::mode::{Mode, State};
use super::records::{self, Journal};
use super::{retention, task};

/// Stands for the search among the journals that are still to be read.
pub(super) const SEARCH: &str = "(modes without an object)";

/// The pause before what could not be read is read again: nothing is decided meanwhile.
const AGAIN: Duration = Duration::from_secs(2);

impl Crew {
    /// Reads the journals of all modes but those that are present, and keeps those that hold
    /// anything. Returns nobody's uid: no actor is over.
    pub(super) async fn find_vanished(self, present: BTreeSet<String>) -> String {
        let search = || self.search(&present);
        task::anew("the search for modes without an object", search).await;
        String::new()
    }

    async fn search(&self, present: &BTreeSet<String>) {
        let open = loop {
            match retention::open(&self.own.reads).await {
                Ok(open) => break open,
                Err(error) => {
                    tracing::warn!(%error, "it is not known yet which modes have records");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        let vanished = open.into_iter().filter(|id| !present.contains(&id.uid));
        for id in vanished {
            let known = self.know(id.clone());
            // One journal at which the program fails keeps no mode waiting.
            if AssertUnwindSafe(known).catch_unwind().await.is_err() {
                self.deps.metrics.panics.inc();
                self.unreadable(&id, FAILED.to_owned()).await;
            }
        }
        self.registry.opened(SEARCH);
    }

    /// Reads the journal of a mode that nobody carries out, and keeps it where it holds anything.
    async fn know(&self, id: RecordMode) {
        loop {
            match self.read(&id).await {
                Ok(None) => return,
                Ok(Some((id, state))) => return self.keep(id, state).await,
                Err(error @ records::Error::Damaged { .. }) => {
                    return self.unreadable(&id, error.to_string()).await;
                }
                Err(error) => {
                    tracing::warn!(mode = id.name, %error, "the journal cannot be read yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn keep(&self, id: RecordMode, state: State) {
        if let Some(problem) = state.damage {
            return self.unreadable(&id, problem).await;
        }
        tracing::error!(
            mode = id.name,
            "its EmergencyMode is gone and it holds fields still: stop the operator, and `pingzhan \
             restore --from-records {}` brings them back",
            id.name
        );
        let mode = Arc::new(Mode::vanished(id, state));
        self.registry.insert(mode).await;
    }

    async fn unreadable(&self, id: &RecordMode, problem: String) {
        tracing::error!(
            mode = id.name,
            problem,
            "its EmergencyMode is gone, and its journal is damaged"
        );
        self.registry.damaged(id, problem).await;
    }

    /// The state of a mode by its records, where it holds anything.
    async fn read(&self, id: &RecordMode) -> Result<Option<(RecordMode, State)>, records::Error> {
        let all = records::list_records(&self.own, id).await?;
        // A label does not hold every name whole.
        let id = all
            .first()
            .map_or_else(|| id.clone(), |one| one.mode.clone());
        let (journal, ledger) = Journal::of(&self.own, id.clone(), self.epoch, all)?;
        let holds = ledger.direction != Direction::Closed && ledger.live().next().is_some();
        Ok(holds.then(|| (id, State::new(journal, ledger, self.deps.clock.now()))))
    }
}
