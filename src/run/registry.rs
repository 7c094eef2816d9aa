//! All modes that this process carries out: what one holds every other one has to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::api::{RecordMode, names};
use crate::field::Uid;

use super::mode::Mode;

/// All modes that this process carries out.
#[derive(Clone, Default)]
pub struct Registry {
    modes: Arc<Mutex<BTreeMap<String, Arc<Mode>>>>,
    damage: Arc<Mutex<BTreeMap<String, Damaged>>>,
    opening: Arc<watch::Sender<Opening>>,
    /// Is told when a mode begins or ends to carry a playbook out.
    uses: Arc<watch::Sender<()>>,
    /// Whether only some modes are carried out, and the others cannot act.
    is_alone: bool,
    /// Held while changes are journalled, so that of two modes that want one field at the same moment
    /// the later one knows what the earlier one took for peacetime's value.
    pub captures: Arc<Mutex<()>>,
    /// Held while a mode is decided upon and its turn journalled, so that no two modes are set in
    /// force over the same field at the same moment.
    pub grants: Arc<Mutex<()>>,
}

/// A mode whose journal cannot be read.
#[derive(Clone)]
struct Damaged {
    name: String,
    problem: String,
}

/// The journals that are still to be read.
#[derive(Default)]
struct Opening {
    uids: BTreeSet<String>,
    /// Whether all modes that were there at first are known.
    listed: bool,
}

impl Registry {
    /// A mode's journal is about to be read.
    pub(super) fn opens(&self, uid: &str) {
        self.opening.send_if_modified(|opening| {
            // Of one that is declared later no other mode has to know anything.
            !opening.listed && opening.uids.insert(uid.to_owned())
        });
    }

    /// Those that are about to be read are all that there are.
    pub(super) fn listed(&self) {
        self.opening.send_modify(|opening| opening.listed = true);
    }

    /// That journal is read, or known not to be.
    pub(super) fn opened(&self, uid: &str) {
        self.opening.send_modify(|opening| {
            opening.uids.remove(uid);
        });
    }

    /// Waits until the journals of all modes that were there at first are read: what one holds every
    /// other one has to know before it takes a value for peacetime's.
    pub async fn all_open(&self) {
        let mut opening = self.opening.subscribe();
        let all = opening.wait_for(|opening| opening.listed && opening.uids.is_empty());
        // The sender lives as long as this.
        let _ = all.await;
    }

    /// Modes whose journals cannot be read, by field manager.
    pub async fn unreadable(&self) -> BTreeMap<String, String> {
        let damage = self.damage.lock().await;
        let managers = damage
            .iter()
            .map(|(uid, of)| (names::field_manager(&of.name, uid), of.name.clone()));
        managers.collect()
    }

    /// Of a process that carries out only some modes.
    pub fn alone() -> Self {
        Self {
            is_alone: true,
            ..Self::default()
        }
    }

    /// Whether only some modes are carried out, and the others cannot act.
    pub const fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Wakes the other modes that have something on some targets.
    pub async fn wake_others<'a>(
        &self,
        uid: &str,
        targets: impl IntoIterator<Item = &'a Uid> + Clone,
    ) {
        for other in self.others(uid).await {
            let state = other.state.lock().await;
            let mut all = targets.clone().into_iter();
            let is_near = all.any(|uid| state.ledger.has_changes_of(uid));
            drop(state);
            if is_near {
                other.wake.notify_one();
            }
        }
    }

    /// All modes but one.
    pub async fn others(&self, uid: &str) -> Vec<Arc<Mode>> {
        let modes = self.modes.lock().await;
        modes
            .iter()
            .filter(|(other, _)| *other != uid)
            .map(|(_, mode)| mode.clone())
            .collect()
    }

    /// Is told when modes begin or end to carry playbooks out.
    pub(super) fn uses(&self) -> watch::Receiver<()> {
        self.uses.subscribe()
    }

    /// A mode began or ended to carry a playbook out.
    pub(super) fn turned(&self) {
        self.uses.send_replace(());
    }

    /// A mode of this process.
    pub async fn find(&self, uid: &str) -> Option<Arc<Mode>> {
        self.modes.lock().await.get(uid).cloned()
    }

    /// Why a mode's journal cannot be opened, if so.
    pub async fn problem(&self, uid: &str) -> Option<String> {
        let damage = self.damage.lock().await;
        damage.get(uid).map(|of| of.problem.clone())
    }

    /// A mode's journal is not to be read: nobody knows what of it is in force.
    pub(super) async fn damaged(&self, id: &RecordMode, problem: String) {
        let damaged = Damaged {
            name: id.name.clone(),
            problem,
        };
        self.damage.lock().await.insert(id.uid.clone(), damaged);
        self.opened(&id.uid);
    }

    pub(super) async fn insert(&self, mode: Arc<Mode>) {
        let uid = mode.id.uid.clone();
        self.modes.lock().await.insert(uid.clone(), mode);
        self.damage.lock().await.remove(&uid);
        self.opened(&uid);
        self.turned();
    }

    pub(super) async fn remove(&self, uid: &str) {
        self.modes.lock().await.remove(uid);
        self.turned();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn id(name: &str) -> RecordMode {
        RecordMode {
            name: name.into(),
            uid: format!("{name}-uid"),
        }
    }

    /// A decision that knows some modes only would take what the others wrote for peacetime's.
    #[tokio::test]
    async fn nothing_is_decided_before_all_journals_are_read_or_known_not_to_be() {
        let registry = Registry::default();
        assert!(registry.all_open().now_or_never().is_none(), "not listed");
        for name in ["flood", "heat"] {
            registry.opens(&id(name).uid);
        }
        registry.listed();
        registry.damaged(&id("flood"), "a gap".into()).await;
        assert!(registry.all_open().now_or_never().is_none(), "one is left");
        registry.damaged(&id("heat"), "no mode".into()).await;
        assert!(registry.all_open().now_or_never().is_some());
        registry.opens("declared-later");
        assert!(registry.all_open().now_or_never().is_some());
    }

    /// What such a mode wrote is known by its name, and by nothing else.
    #[tokio::test]
    async fn a_mode_that_is_not_read_is_known_by_its_field_manager() {
        let registry = Registry::default();
        registry.damaged(&id("flood"), "a gap".into()).await;
        let manager = names::field_manager("flood", "flood-uid");
        let known = registry.unreadable().await;
        assert_eq!(known, [(manager, "flood".to_owned())].into());
        let problem = registry.problem("flood-uid").await;
        assert_eq!(problem.as_deref(), Some("a gap"));
    }
}
