//! What a mode watches while its values are to be held: the kinds of its targets as the playbook's
//! account, its freezes with the operator's own rights, and the namespaces where it freezes some.

use crate::engine::decide::Decision;
use crate::run::hold::{self, Watches};

use super::{Actor, Memory};

impl Actor {
    /// Watches targets while values are to be held.
    pub(super) async fn hold(&self, memory: &mut Memory, decision: &Decision) {
        if !decision.hold {
            memory.holds = None;
            return;
        }
        let mut state = self.mode.state.lock().await;
        let collections = hold::collections(&state);
        // What is not watched any more is looked at anew, should it ever be again.
        state.known_strangers.watch(&collections);
        state.unwatched.retain(|of, _| collections.contains(of));
        drop(state);
        let Some(account) = self.mode.account() else {
            return;
        };
        let same = memory
            .holds
            .as_mut()
            .is_some_and(|holds| holds.collections == collections && holds.are_alive());
        if !same {
            memory.holds = Some(Watches::start(&self.mode, &account, &self.own, collections));
        }
    }
}
