//! When faults strike, and what they do.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{EmergencyModeStatus, Phase};
use crate::engine::plan::Plan;
use crate::sandtable::store::Key;

use super::fault::Fault;
use super::rivals::{self, Written, Wrote};
use super::stage::Stage;

/// Of a thousand requests so many are turned away.
const TURNED_AWAY: u64 = 200;
/// How long after its death another operator is started.
const REVIVES: Duration = Duration::from_secs(10);
/// How long after the switch somebody edits by hand.
const EDITS: Duration = Duration::from_mins(2);
/// How many counts they set.
const EDITED: usize = 3;
/// Under which name they do.
const EDITOR: &str = "kubectl-edit";

/// The faults of a rehearsal, and what became of them.
pub(super) struct Strikes {
    faults: BTreeSet<Fault>,
    seed: u64,
    /// Faults that struck and do not strike again.
    over: BTreeSet<(Fault, bool)>,
    /// The operator that leads, and when the next one is started.
    operator: usize,
    revives: Option<Instant>,
    active: Option<Instant>,
    /// What was noted before anybody looked.
    noted: Vec<(Fault, String)>,
}

impl Strikes {
    pub fn of(faults: &[Fault], seed: u64) -> Self {
        Self {
            faults: faults.iter().copied().collect(),
            seed,
            over: BTreeSet::new(),
            operator: 0,
            revives: None,
            active: None,
            noted: Vec::new(),
        }
    }

    /// What is so from the declaration on.
    pub fn begin(&mut self, stage: &Stage) {
        if self.faults.contains(&Fault::Api429) {
            stage.line.turns_away(TURNED_AWAY);
        }
        for fault in [Fault::Api429, Fault::ControllersSlow, Fault::ApproverLate] {
            if self.faults.contains(&fault) {
                self.noted.push((fault, String::new()));
            }
        }
    }

    /// What applies so many objects puts its values back from now on.
    pub fn rivals(&mut self, count: usize) {
        self.noted.push((Fault::GitopsReverts, count.to_string()));
    }

    /// Lets what is due strike. Says what did, and at which object.
    pub async fn look(
        &mut self,
        stage: &mut Stage,
        status: &EmergencyModeStatus,
        plan: &Plan,
        written: &Written,
    ) -> Vec<(Fault, String)> {
        let mut struck = std::mem::take(&mut self.noted);
        let counts = status.counts.unwrap_or_default();
        let changes = i64::try_from(plan.change_count()).unwrap_or(i64::MAX);
        let third = |count: i64| count > 0 && count * 3 >= changes;
        let is_switching = status.phase == Some(Phase::Activating) && third(counts.applied);
        let is_returning = status.phase == Some(Phase::Restoring) && third(counts.restored);
        // What is over before anybody looked strikes as soon as it is seen.
        let is_there = status.phase == Some(Phase::Active);
        if self.is_due(Fault::NodeLoss, false, is_switching || is_there) {
            struck.push((Fault::NodeLoss, self.lose_node(stage)));
        }
        let dies = self.is_due(Fault::OperatorDeath, false, is_switching || is_there)
            || self.is_due(Fault::OperatorDeath, true, is_returning);
        if dies {
            stage.kill_operator(self.operator);
            self.revives = Some(Instant::now() + REVIVES);
            struck.push((Fault::OperatorDeath, format!("operator-{}", self.operator)));
        }
        if self.revives.is_some_and(|at| Instant::now() >= at) {
            self.revives = None;
            self.operator = stage.begin_operator();
        }
        if is_there {
            let since = *self.active.get_or_insert_with(Instant::now);
            if self.is_due(Fault::HandEdit, false, since.elapsed() >= EDITS) {
                for edited in edit(stage, plan, written).await {
                    struck.push((Fault::HandEdit, edited));
                }
            }
        }
        struck
    }

    fn is_due(&mut self, fault: Fault, back: bool, now: bool) -> bool {
        now && self.faults.contains(&fault) && self.over.insert((fault, back))
    }

    /// Takes a node away: which, follows from the seed. Says which; nothing where there is none.
    fn lose_node(&self, stage: &Stage) -> String {
        let names: Vec<String> = {
            let server = stage.service.lock();
            let nodes = server.store.list("", "nodes", "", None);
            nodes.map(|(key, _)| key.name.clone()).collect()
        };
        let count = u64::try_from(names.len()).unwrap_or_default();
        let Some(place) = self.seed.checked_rem(count) else {
            return String::new();
        };
        let name = usize::try_from(place)
            .ok()
            .and_then(|place| names.get(place));
        let name = name.cloned().unwrap_or_default();
        stage.service.act(|server, _| {
            let kind = server.kinds.find("", "nodes").cloned();
            let key = Key {
                plural: "nodes".to_owned(),
                name: name.clone(),
                ..Key::default()
            };
            if let Some(kind) = kind {
                server.drop(&kind, &key);
            }
        });
        name
    }
}

/// Sets counts that the mode holds to some third value, as a person would, where nothing stops them. Says of
/// which workloads.
async fn edit(stage: &Stage, plan: &Plan, written: &Written) -> Vec<String> {
    let kinds: Vec<_> = stage.service.lock().kinds.all().cloned().collect();
    let counts = plan.changes().filter(|(_, _, change)| {
        let is_workload = ["Deployment", "StatefulSet"].contains(&change.target.kind.as_str());
        is_workload && change.path.to_pointer() == "/spec/replicas"
    });
    let mut edited = Vec::new();
    for (_, _, change) in counts {
        if edited.len() == EDITED {
            break;
        }
        let target = &change.target;
        let place = format!("{}/{}", target.namespace, target.name);
        let found = rivals::find(&kinds, &target.api_version, &target.kind, &place);
        let Some(found) = found else { continue };
        let now = stage.service.lock().store.get(&found.key).cloned();
        let Some(now) = now.and_then(|now| now["spec"]["replicas"].as_i64()) else {
            continue;
        };
        let base = change
            .base
            .value()
            .and_then(Value::as_i64)
            .unwrap_or_default();
        // Neither ours nor peacetime's.
        let other = if now + 1 == base { now + 2 } else { now + 1 };
        let patch = json!([{ "op": "replace", "path": "/spec/replicas", "value": other }]);
        if rivals::write(&stage.service.client(), &found.path, EDITOR, &patch).await {
            let object = format!("{} {place}", target.kind);
            written.note(Wrote {
                object: object.clone(),
                path: change.path.to_pointer(),
                manager: EDITOR.to_owned(),
            });
            edited.push(object);
        }
    }
    edited
}
