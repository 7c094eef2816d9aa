//! Somebody who may write policies, bindings and kinds takes the rules of authority away, or makes them
//! weaker: the operator begins nothing, stops in the middle, says why, and goes on when they are back. Of
//! what a mode relies on besides it says that it lapsed, and goes on.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{EmergencyModeStatus, Phase, StageState, names};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::acts::message;
use super::ending::{after, halve};
use super::oracles::Allowed;
use super::prometheus::free;
use super::world::{PATIENCE, World, anything};
use super::{fleet, frozen};

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
/// The metric that says that rules are not in force.
const BROKEN: &str = "pingzhan_rules_broken";

/// A kind of what is tampered with: its version and plural.
type Kind = (&'static str, &'static str);

const POLICIES: Kind = (ADMISSION, "validatingadmissionpolicies");
const BINDINGS: Kind = (ADMISSION, "validatingadmissionpolicybindings");
const CRDS: Kind = ("apiextensions.k8s.io/v1", "customresourcedefinitions");

/// One way to weaken the rules.
struct Row {
    of: Kind,
    name: &'static str,
    /// The operations; without any it is deleted.
    patch: Value,
    /// What the operator says of it, beside the name.
    says: &'static str,
    /// The file that is replaced; all are applied again where none is named.
    cure: &'static str,
}

impl Row {
    const fn new(
        of: Kind,
        name: &'static str,
        patch: Value,
        says: &'static str,
        cure: &'static str,
    ) -> Self {
        Self {
            of,
            name,
            patch,
            says,
            cure,
        }
    }
}

fn change(op: &str, path: &str, value: &Value) -> Value {
    json!([{ "op": op, "path": path, "value": value }])
}

/// Policies and bindings.
fn weaker_policies() -> [Row; 7] {
    let label = "/metadata/labels/app.kubernetes.io~1name";
    let never = json!([{ "name": "never", "expression": "false" }]);
    let nowhere = json!({ "matchLabels": { "is": "nowhere" } });
    [
        Row::new(
            POLICIES,
            "pingzhan-emergencymode",
            change("replace", "/spec/validations/0/expression", &json!("true")),
            "spec.validations[0].expression is not",
            "",
        ),
        Row::new(
            BINDINGS,
            "pingzhan-guard",
            change("replace", "/spec/validationActions", &json!(["Audit"])),
            "spec.validationActions is not",
            "manifests/policies/guard.yaml",
        ),
        Row::new(
            BINDINGS,
            "pingzhan-operator-only",
            json!([{ "op": "remove", "path": label }]),
            "is missing, or has not the label",
            "",
        ),
        Row::new(
            POLICIES,
            "pingzhan-playbook",
            change("replace", "/spec/failurePolicy", &json!("Ignore")),
            "spec.failurePolicy is not",
            "manifests/policies/playbook.yaml",
        ),
        Row::new(
            POLICIES,
            "pingzhan-operator-only",
            change("add", "/spec/matchConditions", &never),
            "spec.matchConditions is not",
            "manifests/policies/operator-only.yaml",
        ),
        Row::new(
            BINDINGS,
            "pingzhan-emergencymode-playbook",
            change("replace", "/spec/paramRef/selector", &nowhere),
            "spec.paramRef.selector.matchLabels is not",
            "manifests/policies/emergencymode-playbook.yaml",
        ),
        Row::new(POLICIES, "pingzhan-playbook", Value::Null, "is missing", ""),
    ]
}

/// Kinds: a rule that is taken out, and a part that takes whatever it is given.
fn weaker_kinds() -> [Row; 3] {
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let rules = format!("{spec}/x-kubernetes-validations");
    let whatever = format!("{spec}/x-kubernetes-preserve-unknown-fields");
    [
        Row::new(
            CRDS,
            "emergencymodes.pingzhan.dev",
            json!([{ "op": "remove", "path": rules }]),
            "x-kubernetes-validations is not as strict",
            "",
        ),
        Row::new(
            CRDS,
            "changerecords.pingzhan.dev",
            change("add", &whatever, &json!(true)),
            "x-kubernetes-preserve-unknown-fields is not as strict",
            "manifests/crds/changerecords.yaml",
        ),
        Row::new(
            CRDS,
            "changefreezes.pingzhan.dev",
            change("add", &whatever, &json!(true)),
            "x-kubernetes-preserve-unknown-fields is not as strict",
            "manifests/crds/changefreezes.yaml",
        ),
    ]
}

/// The name of a stage, and of the Deployment that it halves.
fn named(number: usize) -> String {
    format!("row-{number}")
}

/// Stages after each other; each but the last one ends with a question.
fn stages(world: &World, last: usize) -> Value {
    let question = json!({ "name": "confirm", "after": ["halve"], "gate": {
        "groups": ["emergency-command"], "timeout": "10m",
        "prompt": { "en": "Halve the next?", "zh-CN": "其余也减半?" } } });
    let stage = |number: usize| {
        let name = named(number);
        let mut stage = halve(world, &name, &[&name]);
        if number < last {
            let steps = stage["steps"].as_array_mut();
            steps.expect("steps").push(question.clone());
        }
        match number.checked_sub(1) {
            Some(before) => after(stage, &named(before)),
            None => stage,
        }
    };
    (0..=last).map(stage).collect()
}

impl World {
    /// Weakens a policy, a binding or a kind, as a cluster's owner may: nothing guards these. Without
    /// operations it is deleted.
    async fn weaken(&self, (api_version, plural): Kind, name: &str, patch: Value) {
        let kind = json!({ "kind": "Anything" });
        let api: Api<DynamicObject> = anything(&self.client, api_version, plural, "", &kind);
        if patch.is_null() {
            let deleted = api.delete(name, &DeleteParams::default()).await;
            deleted.expect("nothing guards it");
            return;
        }
        let operations: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
        let patch = Patch::<Value>::Json(operations);
        let patched = api.patch(name, &PatchParams::default(), &patch).await;
        patched.expect("it is accepted");
    }

    /// Waits until a stage's question is open.
    async fn asks(&self, number: usize) {
        let asks = format!("{}/confirm waits for: an answer", named(number));
        let says = |status: &EmergencyModeStatus| {
            let waits = status.waiting_on.as_deref().unwrap_or_default();
            waits.contains(&asks)
        };
        self.until("flood", "asks", says).await;
    }

    /// Waits until the operator tells this of a metric that has no labels.
    async fn metric_is(&self, name: &str, value: &str) {
        let line = format!("{name} {value}");
        let told = async {
            while !self.scraped().await.lines().any(|told| told == line) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, told).await;
        in_time.unwrap_or_else(|_| panic!("never {line}"));
    }

    /// Everything that a scrape gets.
    async fn scraped(&self) -> String {
        let address = self.metrics.expect("the operator tells its metrics");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let asked = stream.write_all(request.as_bytes()).await;
        asked.expect("it reads");
        let mut answer = String::new();
        let answered = stream.read_to_string(&mut answer).await;
        answered.expect("it answers");
        answer
    }

    async fn proceed(&self, number: usize) {
        let answer = json!({ "stage": named(number), "step": "confirm", "answer": "Proceed",
            "by": "commander-wang", "as": "emergency-command" });
        self.add("flood", "answers", answer).await;
    }

    /// Weakens the rules while a stage's question is open, and answers it: the next stage does not begin,
    /// and it is said why. Then the rules are put back.
    async fn stops_at(&self, number: usize, row: Row) {
        let Row {
            of,
            name,
            patch,
            says,
            cure,
        } = row;
        self.asks(number).await;
        self.weaken(of, name, patch).await;
        let said = self.blocked("flood", "RulesNotEnforced").await;
        assert!(said.contains(name) && said.contains(says), "{name}: {said}");
        self.metric_is(BROKEN, "1").await;
        self.proceed(number).await;
        let generation = self.mode("flood").await.metadata.generation;
        let seen = self
            .until("flood", "has seen the answer", |status| {
                Some(status.observed_generation) == generation
            })
            .await;
        let next = named(number + 1);
        let status = seen.status.expect("a status");
        let mut all = status.stages.iter();
        let stage = all.find(|stage| stage.name == next).expect("the next");
        assert_eq!(stage.state, StageState::Waiting, "{name}: {says}");
        let waits = self.get("Deployment", &next).await;
        assert_eq!(waits["spec"]["replicas"], 4, "{name}: {says}");
        if cure.is_empty() {
            self.plane.mend();
        } else {
            self.plane.replace(cure);
        }
        self.metric_is(BROKEN, "0").await;
    }
}

/// Policies, bindings and kinds, one after another tampered with in the middle of a switch: each time it
/// stops before the next stage, names what is wrong, and goes on by itself when it is mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_stops_in_the_middle_where_the_rules_are_weakened_and_goes_on_when_mended() {
    let rows: Vec<Row> = weaker_policies()
        .into_iter()
        .chain(weaker_kinds())
        .collect();
    let last = rows.len();
    let mut world = World::new().await;
    world.metrics = Some(free().await);
    for number in 0..=last {
        let manifest = fleet::deployment(&world.namespace, &named(number), Some(4));
        let made = world.apply("office", &manifest).await;
        made.expect("it is created");
    }
    let world = world.started().await;
    let before = world.snapshot().await;
    let playbook = world.playbook(&stages(&world, last));
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    for (number, row) in rows.into_iter().enumerate() {
        world.stops_at(number, row).await;
    }
    let active = world.phase("flood", Phase::Active).await;
    assert_eq!(message(&active, types::BLOCKED), "");
    // Later ones of the same reason are counted on the first, whose words stay for some minutes.
    let advice = "apply manifests/policies and manifests/crds";
    let told = world.event(&active, types::BLOCKED, advice).await;
    assert!(told.contains("RulesNotEnforced"), "{told}");
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// A freeze whose binding lets everybody through keeps nobody from anything. Nothing stops for that, and
/// everybody who counts on the freeze reads it, until it is in force again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_that_is_weakened_in_wartime_is_said() {
    let world = frozen::world().await;
    let he = frozen::person(&world, "he", &[]).await;
    let before = world.snapshot().await;
    let stages = frozen::stages(&world, &frozen::here(&world));
    let active = world.switch("flood", &stages).await;
    let conditions = active.status.expect("a status").conditions;
    assert!(!condition::is_true(&conditions, types::DEGRADED));
    frozen::becomes(&he, &world.namespace, true).await;

    let actions = |all: Value| change("replace", "/spec/validationActions", &all);
    let weakened = actions(json!(["Audit"]));
    world.weaken(BINDINGS, names::FREEZE_POLICY, weakened).await;
    let degraded = world
        .condition("flood", types::DEGRADED, "RulesLapsed")
        .await;
    let said = message(&degraded, types::DEGRADED);
    for part in [
        "the change freeze is not enforced",
        "ValidatingAdmissionPolicyBinding pingzhan-freeze: spec.validationActions is not",
        "apply manifests/policies",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let told = world.event(&degraded, types::DEGRADED, "RulesLapsed").await;
    assert!(told.contains("the change freeze"), "{told}");
    frozen::becomes(&he, &world.namespace, false).await;
    let status = world.mode("flood").await.status.expect("a status");
    assert_eq!(status.phase, Some(Phase::Active));
    assert!(!condition::is_true(&status.conditions, types::BLOCKED));

    let whole = actions(json!(["Deny", "Audit"]));
    world.weaken(BINDINGS, names::FREEZE_POLICY, whole).await;
    world
        .until("flood", "is whole again", |status| {
            !condition::is_true(&status.conditions, types::DEGRADED)
        })
        .await;
    frozen::becomes(&he, &world.namespace, true).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
}

/// What is approved while the rules are away could have been approved by anybody: it is not begun, even
/// by enough people, before they are back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_begun_while_the_rules_are_away() {
    let world = World::with_fleet().await;
    let before = world.snapshot().await;
    let hash = world.awaits_approval().await;
    world.plane.disarm("pingzhan-emergencymode").await;
    world.approve("flood", "lin", &hash).await;
    world.approve("flood", "he", &hash).await;
    let said = world.blocked("flood", "RulesNotEnforced").await;
    assert!(said.contains("pingzhan-emergencymode"), "{said}");
    let evidence = world.judge(Allowed::default()).await;
    assert_eq!(evidence.write_count(), 0, "nothing is touched");
    world.plane.arm();
    let active = world.phase("flood", Phase::Active).await;
    assert_eq!(message(&active, types::BLOCKED), "");
    world.come_back("flood").await;
    world.is_exact(&before).await;
}
