//! People, owners and rivals of a simulation: they do what the story says, as they would.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, EmergencyModeSpec, Phase};
use pingzhan::sandtable::standins::READY_AFTER;
use serde_json::{Value, json};

use super::city::{City, SECOND, SPACES, owned, space_of};
use super::closed;
use super::lawless::Times;
use super::story::{Act, GROUPS, Story};
use crate::scenarios::fleet::{GROUP, How, Owned};
use crate::scenarios::world::CLOSED_KINDS;
use crate::support::people::{person, who_acts};

/// Who declares and stands down, and in whose name.
const OFFICER: (&str, &str) = ("duty-officer-zhou", "emergency-duty");

/// Everybody but the operator.
pub struct People {
    city: Arc<City>,
    /// Kind and name of each target, in order.
    targets: Vec<(String, String)>,
    /// Targets that somebody touched.
    pub touched: BTreeSet<(String, String)>,
    /// Targets whose changes admission refuses.
    denied: BTreeSet<usize>,
    /// Deployments over which there is an autoscaler.
    scaled: BTreeSet<String>,
    /// When somebody weakened the rules of authority, and when they were put back.
    pub lawless: Times,
    /// Whether anything of the rules was weakened.
    tampered: bool,
    expires: bool,
}

impl People {
    pub fn new(city: Arc<City>) -> Self {
        let mut targets: Vec<(String, String)> = city.before.keys().cloned().collect();
        // What closes comes first: seeds draw among as many as the fleet has.
        targets.sort_by_key(|(kind, _)| !CLOSED_KINDS.contains(&kind.as_str()));
        Self {
            targets,
            city,
            touched: BTreeSet::new(),
            denied: BTreeSet::new(),
            scaled: BTreeSet::new(),
            lawless: Times::default(),
            tampered: false,
            expires: false,
        }
    }

    fn acting(&self, (name, group): (&str, &str)) -> Api<EmergencyMode> {
        Api::all(person(&self.city.admin, name, group))
    }

    /// The duty officer declares.
    pub async fn declare(&mut self, story: &Story) {
        let acts = || story.happenings.iter().map(|one| &one.act);
        let renews = acts().any(|act| matches!(act, Act::Renew(_)));
        self.expires = !renews && !acts().any(|act| *act == Act::StandDown);
        let spec = serde_json::from_value(json!({ "playbookRef": { "name": "flood" },
            "level": story.level, "reason": "the river rises", "requestedBy": OFFICER.0,
            "requestedAs": OFFICER.1, "expiresAfter": story.expires_after }));
        let mode = EmergencyMode::new("flood", spec.expect("a mode"));
        let declared = self
            .acting(OFFICER)
            .create(&PostParams::default(), &mode)
            .await;
        declared.expect("the mode is accepted");
    }

    /// Somebody does something. What the server refuses is not done: its reasons are its own.
    pub async fn act(&mut self, act: &Act) {
        if let Some(target) = act.touches() {
            return self.touch(target, act).await;
        }
        match act {
            Act::Approve(who) => self.approve(who, GROUPS[0]).await,
            Act::ApproveAs(who, group) => self.slip_in(who, group),
            Act::Level(level) => self.ask(json!({ "level": level })).await,
            Act::Pause(paused) => self.ask(json!({ "paused": paused })).await,
            Act::Abort(choice) => {
                let abort = json!({ "choice": choice, "reason": "the river fell",
                    "by": "commander-wang", "as": "emergency-command" });
                self.ask(json!({ "abort": abort })).await;
            }
            Act::StandDown => self.ask(json!({ "posture": "Peacetime" })).await,
            Act::Renew(term) => self.ask(json!({ "expiresAfter": term })).await,
            Act::Verdict(choice) => self.verdict(choice).await,
            Act::Allow(writes) => self.city.allow(*writes).await,
            Act::Deny(target, denied) => self.deny(*target, *denied).await,
            Act::Compact => self.city.forget(),
            Act::Lose(record) => self.city.lose(*record),
            Act::End(space) => self.end(*space).await,
            Act::Second(level) => self.second(*level).await,
            Act::Tamper(which) => {
                self.tampered = true;
                self.city.tamper(*which).await;
                self.lawless.note(act, self.city.now());
            }
            Act::Mend => {
                self.lawless.note(act, self.city.now());
                self.city.mend().await;
            }
            Act::Edit(..)
            | Act::Scale(..)
            | Act::Reapply(_)
            | Act::Force(_)
            | Act::Label(_)
            | Act::Delete(_)
            | Act::Recreate(_)
            | Act::Status(_)
            | Act::Autoscale(_)
            | Act::Stall(_)
            | Act::Down(_)
            | Act::Quota(_)
            | Act::Freeze(..)
            | Act::Kill(_) => {}
        }
    }

    /// Another mode is declared or stood down; its playbook needs no approval.
    async fn second(&self, level: Option<&str>) {
        let Some(level) = level else {
            let patch = Patch::Merge(json!({ "spec": { "posture": "Peacetime" } }));
            let params = PatchParams::default();
            let _ = self.acting(OFFICER).patch(SECOND, &params, &patch).await;
            return;
        };
        let spec = serde_json::from_value(json!({ "playbookRef": { "name": SECOND },
            "level": level, "reason": "the heat", "requestedBy": OFFICER.0,
            "requestedAs": OFFICER.1, "expiresAfter": "4h" }));
        let mode = EmergencyMode::new(SECOND, spec.expect("a mode"));
        let declared = self
            .acting(OFFICER)
            .create(&PostParams::default(), &mode)
            .await;
        declared.expect("the mode is accepted");
    }

    /// A namespace is deleted, and with it whatever is in it.
    async fn end(&mut self, space: usize) {
        let space = SPACES[space % SPACES.len()];
        let lost = self
            .targets
            .iter()
            .filter(|(_, name)| space_of(name) == space);
        self.touched.extend(lost.cloned());
        self.city.end(space).await;
    }

    /// Whoever it is of, and else the duty officer, changes the spec.
    pub async fn ask(&self, spec: Value) {
        let (name, group) = who_acts(&spec).unwrap_or(OFFICER);
        let patch = Patch::Merge(json!({ "spec": spec }));
        let _ = self
            .acting((name, group))
            .patch("flood", &PatchParams::default(), &patch)
            .await;
    }

    fn spec(&self) -> Option<EmergencyModeSpec> {
        self.city.mode().map(|mode| mode.spec)
    }

    async fn approve(&self, who: &str, group: &str) {
        if let Some(all) = self.with_one_more(who, group) {
            self.ask(json!({ "approvals": all })).await;
        }
    }

    /// The same, past admission.
    fn slip_in(&self, who: &str, group: &str) {
        if let Some(all) = self.with_one_more(who, group) {
            self.city.slip(|spec| spec["approvals"] = all);
        }
    }

    /// Yes to what waits: the proposal, if there is one, else the plan. Nothing where that is said already.
    fn with_one_more(&self, who: &str, group: &str) -> Option<Value> {
        let mode = self.city.mode()?;
        let status = mode.status?;
        let proposed = status.proposed.map(|proposed| proposed.plan_hash);
        let hash = proposed.or(status.plan.map(|plan| plan.hash))?;
        let mut all = json!(mode.spec.approvals);
        let one = json!({ "by": who, "as": group, "planHash": hash });
        let list = all.as_array_mut()?;
        if list.contains(&one) {
            return None;
        }
        list.push(one);
        Some(all)
    }

    async fn verdict(&self, choice: &str) {
        let Some(spec) = self.spec() else { return };
        let mut all = json!(spec.verdicts);
        let list = all.as_array_mut().expect("a list");
        if list.len() < 60 {
            list.push(json!({ "of": { "all": true }, "choice": choice, "by": "engineer-he", "as": "emergency-approvers" }));
            self.ask(json!({ "verdicts": all })).await;
        }
    }

    /// Lets a mode go on that somebody paused, and decides about what waits for a verdict.
    pub async fn have_the_last_word(&mut self, choice: &str) {
        let Some(mode) = self.city.mode() else { return };
        let Some(status) = mode.status else { return };
        if mode.spec.paused && status.phase != Some(Phase::Closed) {
            self.ask(json!({ "paused": false })).await;
        }
        let waits = status
            .targets
            .iter()
            .any(|target| ["Drifted", "Stuck"].contains(&target.state.as_str()));
        if waits && status.phase != Some(Phase::Closed) {
            self.verdict(choice).await;
        }
    }

    /// Whoever is in the way of the end, goes; the mode is stood down, where its term does not end it.
    pub async fn put_right(&mut self) {
        self.city.allow(true).await;
        for target in self.denied.clone() {
            self.deny(target, false).await;
        }
        for name in std::mem::take(&mut self.scaled) {
            self.city.delete(&autoscaler(&name), &name).await;
        }
        if self.tampered {
            self.lawless.note(&Act::Mend, self.city.now());
            self.city.mend().await;
        }
        self.second(None).await;
        let Some(mode) = self.city.mode() else { return };
        let status = mode.status.unwrap_or_default();
        if status.phase == Some(Phase::Closed) {
            return;
        }
        // What nobody approved has no term.
        if !self.expires || status.granted.is_none() {
            self.ask(json!({ "posture": "Peacetime" })).await;
        }
    }

    /// Somebody touches a target.
    async fn touch(&mut self, target: usize, act: &Act) {
        let key = self.targets[target % self.targets.len()].clone();
        self.touched.insert(key.clone());
        let (kind, name) = (key.0.as_str(), key.1.as_str());
        match act {
            Act::Scale(_, value) if kind == "Deployment" => {
                self.city.scale("capacity", name, *value).await;
            }
            Act::Edit(_, value) | Act::Scale(_, value) => self.edit(kind, name, *value).await,
            Act::Reapply(_) => {
                if let Some(owned) = owner(kind, name) {
                    self.city.write(&owned).await;
                }
            }
            Act::Force(_) => self.force(kind, name).await,
            Act::Label(_) => {
                let labels = json!({ "metadata": { "labels": { "seen-by": "operations" } } });
                self.merge(kind, name, labels).await;
            }
            Act::Delete(_) => self.delete(kind, name).await,
            Act::Recreate(_) => {
                self.delete(kind, name).await;
                if let Some(owned) = owner(kind, name) {
                    self.city.write(&owned).await;
                }
            }
            Act::Status(_) => self.status(kind, name).await,
            Act::Autoscale(_) => self.autoscale(kind, name).await,
            Act::Stall(_) => {
                let labels = json!({ "metadata": { "labels": { READY_AFTER: "never" } } });
                self.merge(kind, name, labels).await;
            }
            Act::Approve(_)
            | Act::ApproveAs(..)
            | Act::Level(_)
            | Act::Pause(_)
            | Act::Abort(_)
            | Act::StandDown
            | Act::Renew(_)
            | Act::Verdict(_)
            | Act::Allow(_)
            | Act::Deny(..)
            | Act::Down(_)
            | Act::Quota(_)
            | Act::End(_)
            | Act::Second(_)
            | Act::Tamper(_)
            | Act::Mend
            | Act::Compact
            | Act::Freeze(..)
            | Act::Kill(_)
            | Act::Lose(_) => {}
        }
    }

    async fn merge(&self, kind: &str, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        let _ = self.city.api(kind, name).patch(name, &params, &patch).await;
    }

    async fn edit(&self, kind: &str, name: &str, value: i64) {
        let patch = match kind {
            "ConfigMap" => json!({ "data": { "homepage.carousel": format!("mode {value}") } }),
            "Pool" => json!({ "spec": { "size": value } }),
            "HTTPRoute" => {
                let backend = json!({ "name": format!("edited-{value}"), "port": 80 });
                json!({ "spec": { "rules": [{ "backendRefs": [backend] }] } })
            }
            "RoleBinding" => {
                let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
                    "name": format!("edited-{value}") });
                json!({ "subjects": [subject] })
            }
            _ => json!({ "spec": { "replicas": value } }),
        };
        self.merge(kind, name, patch).await;
    }

    /// A reverter of the platform's: what the owner wrote, whoever has it now.
    async fn force(&self, kind: &str, name: &str) {
        let Some(owned) = owner(kind, name) else {
            return;
        };
        if owned.how == How::ClientSide {
            self.city.write(&owned).await;
            return;
        }
        let params = PatchParams::apply(owned.manager).force();
        let api = self.city.api(kind, name);
        let _ = api
            .patch(name, &params, &Patch::Apply(&owned.manifest))
            .await;
    }

    async fn delete(&self, kind: &str, name: &str) {
        let _ = self
            .city
            .api(kind, name)
            .delete(name, &DeleteParams::background())
            .await;
    }

    async fn status(&self, kind: &str, name: &str) {
        if kind == "ConfigMap" {
            return;
        }
        let api = self.city.api(kind, name);
        let Ok(object) = api.get(name).await else {
            return;
        };
        let generation = object.metadata.generation.unwrap_or_default();
        let status = json!({ "status": { "observedGeneration": generation } });
        let params = PatchParams {
            field_manager: Some("kube-controller-manager".to_owned()),
            ..PatchParams::default()
        };
        let _ = api.patch_status(name, &params, &Patch::Merge(status)).await;
    }

    /// An autoscaler is put over a workload: from now on it keeps the count between 8 and 10.
    async fn autoscale(&mut self, kind: &str, name: &str) {
        if kind != "Deployment" {
            return;
        }
        self.scaled.insert(name.to_owned());
        self.city.put(&autoscaler(name)).await;
    }

    /// Admission refuses every change of a target, or lets it pass again.
    async fn deny(&mut self, target: usize, denied: bool) {
        let (_, name) = &self.targets[target % self.targets.len()];
        let group = "admissionregistration.k8s.io/v1";
        let policy = format!("deny-{target}");
        if !denied {
            self.denied.remove(&target);
            let binding =
                json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding" });
            self.city.delete(&binding, &policy).await;
            return;
        }
        self.denied.insert(target);
        let rule = |group: &str, resources: &[&str]| json!({ "apiGroups": [group], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": resources });
        self.city
            .put(&json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": policy },
                "spec": { "failurePolicy": "Fail",
                    "matchConstraints": { "resourceRules": [
                        rule("apps", &["deployments", "statefulsets"]), rule("", &["configmaps"]), rule(GROUP, &["pools"]),
                        rule("gateway.networking.k8s.io", &["httproutes"]),
                        rule("rbac.authorization.k8s.io", &["rolebindings"]) ] },
                    "validations": [{ "expression": format!("object.metadata.name != '{name}'"),
                        "message": "this one is not to be changed" }] } }))
            .await;
        self.city
            .put(&json!({ "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": policy },
                "spec": { "policyName": policy, "validationActions": ["Deny"],
                    "matchResources": { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": space_of(name) } } } } }))
            .await;
    }
}

fn autoscaler(name: &str) -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": name, "namespace": space_of(name) },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicas": 8, "maxReplicas": 10 } })
}

/// How a target's first owner writes it.
fn owner(kind: &str, name: &str) -> Option<Owned> {
    let mut all = owned().into_iter().chain(closed::more());
    all.find(|one| one.manifest["kind"] == kind && one.manifest["metadata"]["name"] == name)
}
