//! Somebody who may write policies, bindings and kinds takes the rules of authority away, or makes them
//! weaker: the operator begins nothing, stops in the middle, says why, and goes on when they are back.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use pingzhan::api::condition::types;
use pingzhan::api::{EmergencyModeStatus, Phase, StageState};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::acts::message;
use super::ending::{after, halve};
use super::oracles::Allowed;
use super::prometheus::free;
use super::world::{PATIENCE, World, anything};

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
/// The metric that says that rules are not in force.
const BROKEN: &str = "pingzhan_rules_broken";

impl World {
    /// Weakens a policy, a binding or a kind, as a cluster's owner may: nothing guards these.
    async fn weaken(&self, (api_version, plural): (&str, &str), name: &str, patch: Value) {
        let api: Api<DynamicObject> = anything(
            &self.client,
            api_version,
            plural,
            "",
            &json!({ "kind": "Anything" }),
        );
        let params = PatchParams::default();
        let patched = api
            .patch(name, &params, &Patch::<Value>::Json(operations(patch)))
            .await;
        patched.expect("it is accepted");
    }

    /// One stage, a question, and another stage; the question is open.
    async fn half_way(&self) {
        let mut first = halve(self, "first", &["portal-web"]);
        let question = json!({ "name": "confirm", "after": ["halve"], "gate": {
            "groups": ["emergency-command"], "timeout": "10m",
            "prompt": { "en": "Halve the rest?", "zh-CN": "其余也减半?" } } });
        first["steps"].as_array_mut().expect("steps").push(question);
        let second = after(halve(self, "second", &["legacy"]), "first");
        self.publish("flood", self.playbook(&json!([first, second])))
            .await;
        self.declare("flood", json!({})).await;
        let asks = |status: &EmergencyModeStatus| {
            let waits = status.waiting_on.as_deref().unwrap_or_default();
            waits.contains("an answer")
        };
        self.until("flood", "asks", asks).await;
    }

    /// An Event says what is wrong and what to do, and the metric counts.
    async fn is_told(&self, says: &str) {
        let mode = self.mode("flood").await;
        let told = self.event(&mode, "Blocked", "RulesNotEnforced").await;
        let advice = "apply manifests/policies and manifests/crds";
        assert!(told.contains(says) && told.contains(advice), "{told}");
        self.metric_is(BROKEN, "1").await;
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

    async fn proceed(&self) {
        let answer = json!({ "stage": "first", "step": "confirm", "answer": "Proceed",
            "by": "commander-wang", "as": "emergency-command" });
        self.add("flood", "answers", answer).await;
    }
}

fn operations(patch: Value) -> json_patch::Patch {
    serde_json::from_value(patch).expect("a patch")
}

/// Policies, bindings and kinds, each tampered with in the middle of a switch: it stops before the next
/// stage, says what is wrong and what to do over every way that there is, and goes on by itself when it is
/// mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_stops_in_the_middle_where_the_rules_are_weakened_and_goes_on_when_mended() {
    let policies = (ADMISSION, "validatingadmissionpolicies");
    let bindings = (ADMISSION, "validatingadmissionpolicybindings");
    let crds = ("apiextensions.k8s.io/v1", "customresourcedefinitions");
    let rows = [
        (
            policies,
            "pingzhan-emergencymode",
            json!([{ "op": "replace", "path": "/spec/validations/0/expression", "value": "true" }]),
            "spec.validations[0].expression",
        ),
        (
            bindings,
            "pingzhan-emergencymode-playbook",
            json!([{ "op": "replace", "path": "/spec/validationActions", "value": ["Audit"] }]),
            "spec.validationActions",
        ),
        (
            bindings,
            "pingzhan-operator-only",
            json!([{ "op": "remove", "path": "/metadata/labels/app.kubernetes.io~1name" }]),
            "is missing",
        ),
        (
            crds,
            "emergencymodes.pingzhan.dev",
            json!([{ "op": "remove", "path":
                "/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations" }]),
            "x-kubernetes-validations",
        ),
    ];
    let mut world = World::with_fleet_alone().await;
    world.metrics = Some(free().await);
    world.start().await;
    let before = world.snapshot().await;
    for (of, name, patch, says) in rows {
        world.half_way().await;
        world.weaken(of, name, patch).await;
        let said = world.blocked("flood", "RulesNotEnforced").await;
        assert!(said.contains(name) && said.contains(says), "{name}: {said}");
        world.is_told(says).await;
        world.proceed().await;
        let generation = world.mode("flood").await.metadata.generation;
        let seen = world
            .until("flood", "has seen the answer", |status| {
                Some(status.observed_generation) == generation
            })
            .await;
        let status = seen.status.expect("a status");
        assert_eq!(status.stages[1].state, StageState::Waiting, "{name}");
        world.plane.mend();
        world.phase("flood", Phase::Active).await;
        world.metric_is(BROKEN, "0").await;
        world.come_back("flood").await;
        world.compare(&before).await;
        world.delete_mode("flood").await;
        world.unpublish("flood").await;
    }
    world.judge(Allowed::default()).await;
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
