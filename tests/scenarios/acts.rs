//! What people do in a scenario: publish, declare, approve, change, stand down; and how it waits
//! for what comes of it.

use std::time::Duration;

use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyMode, EmergencyModeSpec, EmergencyModeStatus, Phase, Playbook};
use serde_json::{Value, json};

use super::world::{PATIENCE, World};
use crate::support::people::{person, who_acts};

/// Who declares in a scenario.
pub const REQUESTER: &str = "duty-officer-zhou";
/// In whose name they declare.
pub const REQUESTERS: &str = "emergency-duty";
/// In whose name they approve.
pub const APPROVERS: &str = "emergency-approvers";

impl World {
    /// A playbook of these stages under this world's account: level IV needs no approval, III one,
    /// II and I two.
    pub fn playbook(&self, stages: &Value) -> Value {
        json!({
            "title": { "en": "Flood" }, "hazard": "Flood", "owner": "scenarios",
            "serviceAccountName": self.namespace,
            "authority": {
                "requesterGroups": [REQUESTERS], "approverGroups": [APPROVERS],
                "breakGlassGroups": ["emergency-command"],
                "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 },
            },
            "stages": stages,
        })
    }

    /// Publishes a playbook.
    pub async fn publish(&self, name: &str, spec: Value) {
        let api: Api<Playbook> = Api::all(self.client.clone());
        let spec = serde_json::from_value(spec).expect("a playbook");
        let published = api
            .create(&PostParams::default(), &Playbook::new(name, spec))
            .await;
        published.expect("the playbook is accepted");
    }

    /// Takes a playbook away.
    pub async fn unpublish(&self, name: &str) {
        let api: Api<Playbook> = Api::all(self.client.clone());
        let deleted = api.delete(name, &DeleteParams::default()).await;
        deleted.expect("the playbook may be deleted");
    }

    /// Declares a mode of the playbook of the same name, at level IV where nothing else is said.
    pub async fn declare(&self, name: &str, more: Value) {
        let declared = self.try_declare(name, more).await;
        declared.expect("the mode is accepted");
    }

    /// The same, where the server may refuse it: what it says.
    pub async fn try_declare(&self, name: &str, more: Value) -> Result<(), String> {
        let mut spec = json!({
            "playbookRef": { "name": name }, "level": "IV", "reason": "the river rises",
            "requestedBy": REQUESTER, "requestedAs": REQUESTERS, "expiresAfter": "1h",
        });
        for (key, value) in more.as_object().expect("fields of a mode") {
            spec[key] = value.clone();
        }
        let spec: EmergencyModeSpec = serde_json::from_value(spec).expect("a mode");
        let api = self.acting(&spec.requested_by, &spec.requested_as);
        let declared = EmergencyMode::new(name, spec);
        let created = api.create(&PostParams::default(), &declared).await;
        created.map(drop).map_err(|error| error.to_string())
    }

    /// All modes, as a person acts on them.
    fn acting(&self, name: &str, group: &str) -> Api<EmergencyMode> {
        Api::all(person(&self.client, name, group))
    }

    /// Publishes and declares under one name, and waits until the mode is active.
    pub async fn switch(&self, name: &str, stages: &Value) -> EmergencyMode {
        self.publish(name, self.playbook(stages)).await;
        self.declare(name, json!({})).await;
        self.phase(name, Phase::Active).await
    }

    /// All modes.
    pub fn modes(&self) -> Api<EmergencyMode> {
        Api::all(self.client.clone())
    }

    /// A mode as it is.
    pub async fn mode(&self, name: &str) -> EmergencyMode {
        self.modes().get(name).await.expect("the mode is there")
    }

    /// Changes what a mode asks for: as who acts in it, or as the requester.
    pub async fn change(&self, name: &str, spec: Value) {
        let changed = self.try_change(name, spec).await;
        changed.expect("the change is accepted");
    }

    /// The same, where the server may refuse it: what it says.
    pub async fn try_change(&self, name: &str, spec: Value) -> Result<(), String> {
        let (by, group) = who_acts(&spec).unwrap_or((REQUESTER, REQUESTERS));
        let api = self.acting(by, group);
        let patch = Patch::Merge(json!({ "spec": spec }));
        let changed = api.patch(name, &PatchParams::default(), &patch).await;
        changed.map(drop).map_err(|error| error.to_string())
    }

    /// Adds an item to one of a mode's lists of acts.
    pub async fn add(&self, name: &str, list: &str, item: Value) {
        let added = self.try_add(name, list, item).await;
        added.expect("the change is accepted");
    }

    /// The same, where the server may refuse it: what it says.
    pub async fn try_add(&self, name: &str, list: &str, item: Value) -> Result<(), String> {
        let mode = serde_json::to_value(self.mode(name).await.spec).expect("a mode is JSON");
        let mut items = mode[list].as_array().cloned().unwrap_or_default();
        items.push(item);
        self.try_change(name, json!({ list: items })).await
    }

    /// Somebody approves a plan.
    pub async fn approve(&self, name: &str, who: &str, hash: &str) {
        self.add(
            name,
            "approvals",
            json!({ "by": who, "as": APPROVERS, "planHash": hash }),
        )
        .await;
    }

    /// A verdict on everything that is drifted.
    pub async fn verdict(&self, name: &str, choice: &str) {
        let item =
            json!({ "of": { "all": true }, "choice": choice, "by": "chen", "as": APPROVERS });
        self.add(name, "verdicts", item).await;
    }

    /// Stands a mode down.
    pub async fn stand_down(&self, name: &str) {
        self.change(name, json!({ "posture": "Peacetime" })).await;
    }

    /// Stands a mode down and waits until it is closed.
    pub async fn come_back(&self, name: &str) -> EmergencyMode {
        self.stand_down(name).await;
        self.phase(name, Phase::Closed).await
    }

    /// Deletes a mode's object, once the operator has let go of it.
    pub async fn delete_mode(&self, name: &str) {
        let free = async {
            while self.mode(name).await.metadata.finalizers.is_some() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, free).await;
        in_time.expect("a closed mode is let go of");
        let deleted = self.modes().delete(name, &DeleteParams::default()).await;
        deleted.expect("the mode may be deleted");
    }

    /// Waits until a mode is in a phase.
    pub async fn phase(&self, name: &str, phase: Phase) -> EmergencyMode {
        self.until(name, &format!("is {phase:?}"), |status| {
            status.phase == Some(phase)
        })
        .await
    }

    /// Waits until a condition of a mode is true, for this reason.
    pub async fn condition(&self, name: &str, type_: &str, reason: &str) -> EmergencyMode {
        self.until(name, &format!("is {type_} ({reason})"), |status| {
            condition::is_true(&status.conditions, type_)
                && condition::get(&status.conditions, type_)
                    .is_some_and(|found| found.reason == reason)
        })
        .await
    }

    /// Waits until a mode is blocked for this reason, and returns the sentence.
    pub async fn blocked(&self, name: &str, reason: &str) -> String {
        let mode = self.condition(name, types::BLOCKED, reason).await;
        message(&mode, types::BLOCKED)
    }

    /// Waits until a mode's status says something.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        says: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> EmergencyMode {
        let holds = |mode: Option<&EmergencyMode>| {
            mode.and_then(|mode| mode.status.as_ref())
                .is_some_and(&says)
        };
        let watched = async {
            loop {
                match await_condition(self.modes(), name, holds).await {
                    Ok(Some(mode)) => return mode,
                    Ok(None) => panic!("the watch on {name} ended"),
                    // A kind that was just applied anew: its storage is made ready.
                    Err(error) if format!("{error:?}").contains("TooManyRequests") => {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                    Err(error) => panic!("the watch on {name} ended: {error:?}"),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, watched).await {
            Ok(mode) => mode,
            Err(error) => {
                let status = self
                    .modes()
                    .get_opt(name)
                    .await
                    .ok()
                    .flatten()
                    .and_then(|mode| mode.status);
                let status = serde_json::to_string_pretty(&status).unwrap_or_default();
                panic!("{error}: {name} never {what}; its status is {status}");
            }
        }
    }

    /// Waits until an object of the fleet is as it should be.
    pub async fn becomes(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let holds = |object: Option<&kube::api::DynamicObject>| {
            object
                .and_then(|object| serde_json::to_value(object).ok())
                .is_some_and(|object| is(&object))
        };
        let waited =
            tokio::time::timeout(PATIENCE, await_condition(self.api(kind), name, holds)).await;
        match waited {
            Ok(Ok(Some(object))) => serde_json::to_value(object).expect("an object is JSON"),
            Ok(other) => panic!("the watch on {kind} {name} ended: {other:?}"),
            Err(error) => panic!(
                "{error}: {kind} {name} never {what}; it is {}",
                self.get(kind, name).await
            ),
        }
    }
}

impl World {
    /// Waits until a mode's object is gone.
    pub async fn vanishes(&self, name: &str) {
        let gone = await_condition(self.modes(), name, |mode: Option<&EmergencyMode>| {
            mode.is_none()
        });
        let in_time = tokio::time::timeout(PATIENCE, gone).await;
        in_time
            .expect("the mode is let go")
            .expect("modes can be watched");
    }
}

/// What a condition of a mode says.
pub fn message(mode: &EmergencyMode, type_: &str) -> String {
    let conditions = mode
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    condition::get(conditions, type_)
        .map(|found| found.message.clone())
        .unwrap_or_default()
}
