//! What is attacked: a playbook, modes on their way, a journal, accounts, a freeze, and the policies in
//! front of them. Everything is made by those who may, through the policies.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use pingzhan::api;
use pingzhan::api::names::{FREEZE_POLICY, PROBE_LABEL};
use pingzhan::policies::{self, Names};
use serde_json::{Value, json};

use super::acts::GUARD;
use super::ask::{APPLY, Answer, Ask, MERGE, Refusal, send};
use super::frozen::{self, FREEZE, FREEZES, FROZEN};
use super::people::{
    self, CHEN, CONTROLLER, ENDER, HE, INSIDER, LIN, MENG, OPERATOR_ITSELF, REPLICAS, ROOT, WANG,
    Who, ZHOU,
};

pub const MODES: &str = "/apis/pingzhan.dev/v1alpha1/emergencymodes";
pub const PLAYBOOKS: &str = "/apis/pingzhan.dev/v1alpha1/playbooks";
pub const RECORDS: &str = "/apis/pingzhan.dev/v1alpha1/changerecords";
pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const ROLE_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
pub const SYSTEM: &str = "/api/v1/namespaces/pingzhan-system";
pub const ACCOUNTS: &str = "/api/v1/namespaces/pingzhan-playbooks";
pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/pingzhan-system/leases";
/// The operator's pod.
pub const POD: &str = "pingzhan-0";
/// A Secret that holds a token of the operator's account, from before the policies.
pub const TOKEN: &str = "attacked-token";
/// The finalizer of modes.
pub const FINALIZER: &str = "pingzhan.dev/mode";
/// A policy is enforced about a second after it is stored; on a busy machine later.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is asked.
const AGAIN: Duration = Duration::from_millis(100);

/// Modes, and on what part of their way they are.
pub const OPEN: &str = "attacked-open";
pub const FULL: &str = "attacked-full";
pub const PROPOSED: &str = "attacked-proposed";
pub const ENDED: &str = "attacked-ended";
pub const CLOSED: &str = "attacked-closed";
/// Two that are over and were set in force without quorum: one that nobody else has reviewed, and one of
/// which the operator has not seen the review yet.
pub const UNREVIEWED: &str = "attacked-unreviewed";
pub const REVIEWED: &str = "attacked-reviewed";
/// One that two people have given up for lost.
pub const LOST: &str = "attacked-lost";
/// One that the operator has not seen yet.
pub const BARE: &str = "attacked-bare";
const ALL_MODES: [&str; 9] = [
    OPEN, FULL, PROPOSED, ENDED, CLOSED, UNREVIEWED, REVIEWED, LOST, BARE,
];

/// The hash of the plan, and that of a proposal.
pub fn hash(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// One of the two servers, prepared.
pub struct World {
    pub admin: Client,
    /// The modes, as they are when everything is prepared.
    pub modes: BTreeMap<&'static str, Value>,
    /// The freeze, the same.
    pub freeze: Value,
    /// A namespace that ends, and is frozen too: without controllers it never does.
    pub ending: String,
    /// How much was done that may be done.
    pub done: usize,
    /// Whether the server lets people into pods and gives out tokens, and so asks whether they may.
    pub connects: bool,
}

impl World {
    /// Installs the policies, and makes everything.
    pub async fn prepare(admin: Client, connects: bool) -> Self {
        before(&admin).await;
        let mut world = Self::install(admin, connects).await;
        world.stage().await;
        for name in ALL_MODES {
            let mode = world.read(&format!("{MODES}/{name}")).await;
            world.modes.insert(name, mode);
        }
        world.freeze = world.read(&format!("{FREEZES}/{FREEZE}")).await;
        world
    }

    /// Installs the policies, with a playbook and everybody's rights.
    pub async fn install(admin: Client, connects: bool) -> Self {
        let world = Self {
            admin,
            connects,
            modes: BTreeMap::new(),
            freeze: Value::Null,
            ending: format!("attacked-{}", std::process::id()),
            done: 0,
        };
        for object in people::rights() {
            world.put(&object).await;
        }
        for account in ["flood", "other"] {
            let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account } });
            let path = format!("{ACCOUNTS}/serviceaccounts/{account}");
            world.apply(&path, body).await;
        }
        for policy in policies::all(&Names::default()) {
            for object in policy.objects().expect("YAML") {
                world.put(&object).await;
            }
        }
        world.in_force().await;
        world
    }

    /// Waits until every policy is in force. It makes the playbook by the way, since a policy without
    /// parameters asks nothing.
    async fn in_force(&self) {
        self.apply(&format!("{PLAYBOOKS}/flood"), playbook("flood", "flood"))
            .await;
        for policy in needed() {
            self.refused(&OPERATOR_ITSELF, &probe(policy), policy).await;
        }
    }

    /// Waits until a policy refuses this.
    async fn refused(&self, who: &Who, ask: &Ask, policy: &'static str) {
        let follows = async {
            while !send(&self.admin, Some(who), ask)
                .await
                .is(Refusal::Policy(policy, ""))
            {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, follows).await;
        in_time.unwrap_or_else(|_| panic!("{policy} does not come in force"));
    }

    /// Modes on every part of their way, a journal, a freeze and a lease.
    async fn stage(&mut self) {
        let plan = hash('a');
        for name in ALL_MODES {
            let mode = declaration(name, &ZHOU, json!({}));
            self.act(&ZHOU, Ask::with("POST", MODES, mode)).await;
            if name == BARE {
                continue;
            }
            let finalizer = json!({ "metadata": { "finalizers": [FINALIZER] } });
            self.operator(format!("{MODES}/{name}"), finalizer).await;
            let status = json!({ "phase": "Pending", "plan": planned(&plan) });
            self.status(name, status).await;
        }
        for name in [OPEN, FULL, PROPOSED] {
            for who in if name == PROPOSED {
                &[LIN][..]
            } else {
                &[LIN, CHEN]
            } {
                let approval = json!({ "planHash": plan });
                self.add(name, who, "approvals", approval).await;
            }
        }
        self.status(OPEN, json!({ "phase": "Active" })).await;
        let denies = json!({ "metadata": { "labels": { "pingzhan.dev/denies": "true" } } });
        self.operator(format!("{MODES}/{OPEN}"), denies).await;
        self.full().await;
        self.on_their_way().await;
        self.without_quorum().await;
        self.beside().await;
    }

    /// A mode with every act.
    async fn full(&mut self) {
        let glass = json!({ "reason": "no time" });
        self.once(FULL, &WANG, "breakGlass", glass).await;
        for (who, list, item) in [
            (
                WANG,
                "answers",
                json!({ "stage": "counters", "step": "confirm", "answer": "Proceed" }),
            ),
            (
                WANG,
                "answers",
                json!({ "stage": "counters", "step": "confirm", "answer": "Stop" }),
            ),
            (
                MENG,
                "verdicts",
                json!({ "of": { "all": true }, "choice": "Keep" }),
            ),
            (
                MENG,
                "verdicts",
                json!({ "of": { "all": true }, "choice": "Ours" }),
            ),
            (
                WANG,
                "skips",
                json!({ "stage": "counters", "step": "confirm", "reason": "closed" }),
            ),
            (
                WANG,
                "skips",
                json!({ "stage": "counters", "step": "calm", "reason": "closed" }),
            ),
            (
                MENG,
                "reviews",
                json!({ "of": "breakGlass", "outcome": "Justified" }),
            ),
            (
                LIN,
                "reviews",
                json!({ "of": "breakGlass", "outcome": "Unjustified" }),
            ),
            (CHEN, "abandon", json!({ "reason": "lost" })),
        ] {
            self.add(FULL, &who, list, item).await;
        }
        let abort = json!({ "choice": "Hold", "reason": "enough" });
        self.once(FULL, &ZHOU, "abort", abort).await;
    }

    /// A mode with a proposal, two that are over, and one that is lost.
    async fn on_their_way(&mut self) {
        self.status(PROPOSED, json!({ "phase": "Active" })).await;
        let level =
            json!({ "spec": { "level": "I", "requestedBy": INSIDER.name, "requestedAs": "duty" } });
        let level = Ask::with("PATCH", format!("{MODES}/{PROPOSED}"), level);
        self.act(&INSIDER, level.media(MERGE)).await;
        let proposed =
            json!({ "planHash": hash('b'), "level": "I", "expiresAfter": "24h", "changes": 1 });
        let proposed = json!({ "phase": "Active", "proposed": proposed });
        self.status(PROPOSED, proposed).await;
        for (name, phase) in [(ENDED, "Restoring"), (CLOSED, "Closed")] {
            let down = json!({ "spec": { "posture": "Peacetime" } });
            let down = Ask::with("PATCH", format!("{MODES}/{name}"), down);
            self.act(&ZHOU, down.media(MERGE)).await;
            self.status(name, json!({ "phase": phase })).await;
        }
        let free = json!({ "metadata": { "finalizers": null } });
        self.operator(format!("{MODES}/{CLOSED}"), free).await;
        self.status(LOST, json!({ "phase": "Active" })).await;
        for who in [LIN, CHEN] {
            let lost = json!({ "reason": "lost" });
            self.add(LOST, &who, "abandon", lost).await;
        }
    }

    /// Two modes that are over and were set in force without quorum.
    async fn without_quorum(&mut self) {
        let said = json!({ "type": "Approved", "status": "True", "reason": "BreakGlassOverdue",
            "message": "the review is overdue", "lastTransitionTime": "2026-07-01T00:00:00Z" });
        for name in [UNREVIEWED, REVIEWED] {
            let glass = json!({ "reason": "no time" });
            self.once(name, &WANG, "breakGlass", glass).await;
            let down = json!({ "spec": { "posture": "Peacetime" } });
            let down = Ask::with("PATCH", format!("{MODES}/{name}"), down);
            self.act(&ZHOU, down.media(MERGE)).await;
            let status = json!({ "phase": "Closed", "conditions": [said] });
            self.status(name, status).await;
            let free = json!({ "metadata": { "finalizers": null } });
            self.operator(format!("{MODES}/{name}"), free).await;
        }
        let review = json!({ "of": "breakGlass", "outcome": "Justified" });
        self.add(REVIEWED, &LIN, "reviews", review).await;
    }

    /// What lies beside modes.
    async fn beside(&mut self) {
        for at in 1..=3 {
            let record = Ask::with("POST", RECORDS, record("attacked", at));
            self.act(&OPERATOR_ITSELF, record).await;
        }
        let lease = json!({ "metadata": { "name": "pingzhan-operator" }, "spec": { "holderIdentity": "a" } });
        let plain = json!({ "metadata": { "name": "plain" } });
        let maps = format!("{SYSTEM}/configmaps");
        self.act(&ROOT, Ask::with("POST", &maps, plain.clone()))
            .await;
        let here = format!("{FROZEN}/configmaps");
        self.act(&ROOT, Ask::with("POST", here, plain)).await;
        self.frozen().await;
        self.act(&OPERATOR_ITSELF, Ask::with("POST", LEASES, lease))
            .await;
        let made = Ask::with("POST", format!("{SYSTEM}/pods"), pod(POD));
        self.act(&REPLICAS, made).await;
        for (name, terms) in [("endless", Value::Null), ("partly", json!({ "II": null }))] {
            let mut book = playbook(name, "flood");
            book["spec"]["authority"]["maxTerm"] = terms;
            self.act(&HE, Ask::with("POST", PLAYBOOKS, book)).await;
        }
    }

    /// A namespace that is frozen, and another one that ends.
    async fn frozen(&mut self) {
        let space = self.ending.clone();
        let body =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": space } });
        let path = format!("/api/v1/namespaces/{space}");
        self.apply(&path, body).await;
        for (space, list) in [
            ("default", FREEZES.to_owned()),
            (&*space, self.ending_freezes()),
        ] {
            let freeze = Ask::with("POST", list, frozen::freeze(FREEZE));
            self.act(&OPERATOR_ITSELF, freeze).await;
            self.refused(&OPERATOR_ITSELF, &frozen::probe(space), FREEZE_POLICY)
                .await;
        }
        // Of one that ends already nobody is asked any more.
        let deleted = Ask::new("DELETE", path);
        let answer = send(&self.admin, Some(&ROOT), &deleted).await;
        let held = Refusal::Policy(FREEZE_POLICY, "holds delete of namespaces by root");
        assert!(answer.is(held), "{} {}", answer.code, answer.message());
        self.act(&ENDER, deleted).await;
    }

    /// Where the freeze of the namespace is that ends.
    pub fn ending_freezes(&self) -> String {
        let space = &self.ending;
        format!("/apis/pingzhan.dev/v1alpha1/namespaces/{space}/changefreezes")
    }

    /// Something that may be done.
    pub async fn act(&mut self, who: &Who, ask: Ask) -> Value {
        let answer = send(&self.admin, Some(who), &ask).await;
        assert!(
            answer.is_taken(),
            "{}: {ask:?}: {} {}",
            who.name,
            answer.code,
            answer.message()
        );
        self.done += 1;
        answer.body
    }

    pub async fn operator(&mut self, path: String, body: Value) {
        let ask = Ask::with("PATCH", path, body)
            .media(MERGE)
            .query("fieldManager=pingzhan-operator");
        self.act(&OPERATOR_ITSELF, ask).await;
    }

    pub async fn status(&mut self, name: &str, status: Value) -> Value {
        let body = json!({ "status": status });
        let ask = Ask::with("PATCH", format!("{MODES}/{name}/status"), body).media(MERGE);
        let ask = ask.query("fieldManager=pingzhan-operator");
        self.act(&OPERATOR_ITSELF, ask).await
    }

    async fn add(&mut self, name: &str, who: &Who, list: &str, mut item: Value) {
        item["by"] = who.name.into();
        item["as"] = who.group().into();
        let path = format!("{MODES}/{name}");
        let now = self.read(&path).await;
        let mut items = now["spec"][list].as_array().cloned().unwrap_or_default();
        items.push(item);
        self.act(
            who,
            Ask::with("PATCH", path, json!({ "spec": { list: items } })).media(MERGE),
        )
        .await;
    }

    async fn once(&mut self, name: &str, who: &Who, field: &str, mut said: Value) {
        said["by"] = who.name.into();
        said["as"] = who.group().into();
        let path = format!("{MODES}/{name}");
        self.act(
            who,
            Ask::with("PATCH", path, json!({ "spec": { field: said } })).media(MERGE),
        )
        .await;
    }

    /// One object.
    pub async fn read(&self, path: &str) -> Value {
        let answer = send(&self.admin, None, &Ask::new("GET", path)).await;
        assert!(answer.is_taken(), "{path}: {}", answer.message());
        answer.body
    }

    /// Everything that may not have changed: where it is, and which version it has.
    pub async fn everything(&self) -> BTreeMap<String, Value> {
        let lists = [
            MODES,
            PLAYBOOKS,
            RECORDS,
            CRDS,
            POLICIES,
            BINDINGS,
            LEASES,
            "/api/v1/namespaces",
            "/apis/pingzhan.dev/v1alpha1/changefreezes",
        ];
        let mut paths: Vec<String> = lists.map(str::to_owned).into();
        for space in [SYSTEM, ACCOUNTS] {
            for plural in ["serviceaccounts", "secrets", "configmaps", "pods"] {
                paths.push(format!("{space}/{plural}"));
            }
        }
        paths.push(format!("{FROZEN}/configmaps"));
        let mut all = BTreeMap::new();
        for path in paths {
            let list = self.read(&path).await;
            for item in list["items"].as_array().into_iter().flatten() {
                let metadata = &item["metadata"];
                let name = metadata["name"].as_str().unwrap_or_default();
                let version = json!([
                    metadata["uid"],
                    metadata["resourceVersion"],
                    metadata["deletionTimestamp"]
                ]);
                all.insert(format!("{path}/{name}"), version);
            }
        }
        all
    }

    /// Applies an object, as the administrator who installs.
    async fn put(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let list = list_of(object);
        self.apply(&format!("{list}/{name}"), object.clone()).await;
    }

    pub async fn apply(&self, path: &str, body: Value) -> Answer {
        let answer = send(&self.admin, None, &applied(path, body)).await;
        assert!(
            answer.is_taken(),
            "{path}: {} {}",
            answer.code,
            answer.message()
        );
        answer
    }

    /// Takes away what the next test on this server would not: what is ours is taken away before it.
    pub async fn leave(&self) {
        // What stays frozen until then holds administrators, too.
        let lifted = Ask::new("DELETE", format!("{FREEZES}/{FREEZE}"));
        let ended = Ask::new("DELETE", format!("{}/{FREEZE}", self.ending_freezes()));
        let plain = Ask::new("DELETE", format!("{FROZEN}/configmaps/plain"));
        for (who, ask) in [
            (OPERATOR_ITSELF, lifted),
            (OPERATOR_ITSELF, ended),
            (CONTROLLER, plain),
        ] {
            let answer = send(&self.admin, Some(&who), &ask).await;
            let gone = answer.is_taken() || answer.code == 404;
            assert!(gone, "{}", answer.message());
        }
        self.ends_wholly().await;
        for (plural, name) in [("configmaps", "plain"), ("secrets", TOKEN), ("pods", POD)] {
            self.remove(&format!("{SYSTEM}/{plural}/{name}")).await;
        }
        for object in people::rights() {
            let list = list_of(&object);
            let name = object["metadata"]["name"].as_str().expect("a name");
            self.remove(&format!("{list}/{name}")).await;
        }
    }

    /// The namespace that ends is gone, as where controllers run: else it stands first in every list, and ends
    /// for ever.
    async fn ends_wholly(&self) {
        let path = format!("/api/v1/namespaces/{}", self.ending);
        let answer = send(&self.admin, None, &Ask::new("GET", &path)).await;
        if answer.code == 404 {
            return;
        }
        let mut space = answer.body;
        space["spec"]["finalizers"] = json!([]);
        let ask = Ask::with("PUT", format!("{path}/finalize"), space);
        let answer = send(&self.admin, None, &ask).await;
        assert!(
            answer.is_taken(),
            "{path}: {} {}",
            answer.code,
            answer.message()
        );
        let answer = send(&self.admin, None, &Ask::new("GET", &path)).await;
        assert_eq!(answer.code, 404, "{path}: it is still there");
    }

    async fn remove(&self, path: &str) {
        let answer = send(&self.admin, None, &Ask::new("DELETE", path)).await;
        let gone = answer.is_taken() || answer.code == 404;
        assert!(gone, "{path}: {} {}", answer.code, answer.message());
    }
}

/// An object, as the administrator who installs applies it.
fn applied(path: &str, body: Value) -> Ask {
    let ask = Ask::with("PATCH", path, body).media(APPLY);
    ask.query("fieldManager=admin&force=true")
}

/// Makes what can only have been there before the policies: a Secret with a token. Where they are in force
/// already, the guard refuses nothing until it is installed anew.
async fn before(admin: &Client) {
    let notes = json!({ "spec": { "validationActions": ["Audit"] } });
    let notes = Ask::with("PATCH", format!("{BINDINGS}/{GUARD}"), notes).media(MERGE);
    let answer = send(admin, None, &notes).await;
    let is_new = answer.code == 404;
    assert!(answer.is_taken() || is_new, "{}", answer.message());
    let account = json!({ "kubernetes.io/service-account.name": "pingzhan" });
    let token = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": TOKEN, "annotations": account } });
    let token = applied(&format!("{SYSTEM}/secrets/{TOKEN}"), token);
    let made = async {
        loop {
            let answer = send(admin, None, &token).await;
            if answer.is_taken() {
                return;
            }
            assert!(
                answer.is(Refusal::Policy(GUARD, "")),
                "{}",
                answer.message()
            );
            tokio::time::sleep(AGAIN).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, made).await;
    in_time.expect("admission follows its bindings");
}

/// Where objects of a kind are.
fn list_of(object: &Value) -> &'static str {
    match object["kind"].as_str() {
        Some("ValidatingAdmissionPolicy") => POLICIES,
        Some("ValidatingAdmissionPolicyBinding") => BINDINGS,
        Some("ClusterRole") => ROLES,
        Some("ClusterRoleBinding") => ROLE_BINDINGS,
        Some("RoleBinding") => frozen::ROLE_BINDINGS,
        other => panic!("{other:?} is not installed here"),
    }
}

/// The policies without which nothing may be begun.
pub fn needed() -> Vec<&'static str> {
    let all = policies::all(&Names::default()).into_iter();
    let needed = all.filter(policies::Policy::is_needed);
    needed.map(|policy| policy.name).collect()
}

/// The record that a policy is there to refuse, as the operator sends it.
pub fn probe(policy: &str) -> Ask {
    let mut probe = record("probe", 1);
    probe["metadata"] = json!({ "name": "probe-000001", "labels": { PROBE_LABEL: policy } });
    Ask::with("POST", RECORDS, probe).dry()
}

fn planned(hash: &str) -> Value {
    json!({ "hash": hash, "changes": 1, "targets": 1, "amendments": 0 })
}

/// A mode as somebody declares it.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is written where it is passed"
)]
pub fn declaration(name: &str, who: &Who, more: Value) -> Value {
    let mut spec = json!({
        "playbookRef": { "name": "flood" }, "level": "II", "reason": "the river rises",
        "requestedBy": who.name, "requestedAs": who.group(), "expiresAfter": "24h",
    });
    let more = more.as_object().expect("fields").clone();
    spec.as_object_mut().expect("fields").extend(more);
    json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
        "metadata": { "name": name }, "spec": spec })
}

/// A playbook that names every group but those of outsiders.
pub fn playbook(name: &str, account: &str) -> Value {
    json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook", "metadata": { "name": name },
        "spec": {
            "title": { "en": "Flood", "zh-CN": "洪水" }, "hazard": "Flood", "owner": "office",
            "authority": {
                "requesterGroups": ["duty", "retired"], "approverGroups": ["chiefs", "retired"],
                "breakGlassGroups": ["command", "retired"], "maxTerm": { "II": "48h" },
            },
            "serviceAccountName": account,
            "stages": [{ "name": "counters", "steps": [
                { "name": "confirm", "gate": { "groups": ["command"], "prompt": { "en": "Close?" },
                    "timeout": "5m", "onTimeout": "Skip" } },
            ] }],
        } })
}

/// A pod of the operator, as its controller makes it and as the pod security standard of the namespace wants
/// it.
pub fn pod(name: &str) -> Value {
    let container = json!({ "name": "a", "image": "a", "securityContext": {
        "allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } } });
    json!({ "metadata": { "name": name },
        "spec": { "serviceAccountName": "pingzhan", "containers": [container] } })
}

/// A record of a journal.
pub fn record(mode: &str, sequence: i64) -> Value {
    json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeRecord",
        "metadata": { "name": format!("{mode}-{sequence:06}"), "finalizers": ["pingzhan.dev/journal"],
            "labels": { "pingzhan.dev/mode-uid": mode } },
        "spec": { "format": 1, "mode": { "name": mode, "uid": mode }, "sequence": sequence, "epoch": 1,
            "at": "2026-07-01T00:00:00Z", "prev": "", "type": "Turn" } })
}

/// Our kinds, for the sand table.
pub fn kinds() -> Vec<Value> {
    api::kinds().to_vec()
}
