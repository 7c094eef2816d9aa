//! Rights, on a real API server: an account with exactly what is generated carries its playbook out and
//! back, one that lacks any of it is told so before anybody approves, and a playbook says by itself
//! whether it is ready.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kube::api::{Api, Patch, PatchParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{Concern, Level, Phase, Playbook, PlaybookStatus, names};
use serde_json::{Value, json};

use super::ending::halve;
use super::oracles::Allowed;
use super::world::{PATIENCE, World};
use crate::support::kubectl_with;

/// The stages: counts, flags with a restart, a custom kind, an autoscaler, what is made, what is
/// suspended, and a wait.
fn stages(world: &World) -> Value {
    let space = &world.namespace;
    let here = json!({ "names": [space] });
    let mut stage = halve(world, "first", &["portal-web", "helm-api"]);
    stage["steps"].as_array_mut().expect("steps").extend([
        json!({ "name": "all-stores", "targets": { "kinds": ["StatefulSet"], "namespaces": here },
            "scale": { "replicas": 2 } }),
        json!({ "name": "flags", "targets": { "kinds": ["ConfigMap"], "namespaces": here, "names": ["portal-flags"] },
            "config": { "set": { "homepage.carousel": "off" }, "restart": [{ "kind": "Deployment", "name": "legacy" }] } }),
        json!({ "name": "counters", "targets": { "kinds": ["fleet.example.com/Pool"], "namespaces": here },
            "scale": { "replicas": 1 } }),
        json!({ "name": "notice", "apply": { "objects": [{ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "notice", "namespace": space }, "data": { "text": "closed" } }] } }),
        json!({ "name": "seen", "targets": { "kinds": ["Deployment"], "namespaces": here, "names": ["legacy"] },
            "timeout": "30s", "wait": { "expression": "object.metadata.name == 'legacy'" } }),
    ]);
    json!([stage])
}

/// The program's own call, as admin.
fn pingzhan(world: &World, line: &[&str], input: Option<&str>) -> (Option<i32>, String, String) {
    pingzhan_as(&world.plane.kubeconfig, line, input)
}

fn pingzhan_as(
    kubeconfig: &Path,
    line: &[&str],
    input: Option<&str>,
) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
        .args(line)
        .env("KUBECONFIG", kubeconfig)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin
        .write_all(input.unwrap_or_default().as_bytes())
        .expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Every text of a document.
fn sentences(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| sentences(item, into)),
        Value::Object(fields) => fields.values().for_each(|item| sentences(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a sentence says that something may not be done, or is not known.
fn denies(sentence: &str) -> bool {
    let words = ["may not", "cannot", "could not", "not known"];
    words.iter().any(|word| sentence.contains(word))
}

/// Somebody who may act as every account: what the operator asks for itself is counted.
fn engineer(world: &World) -> PathBuf {
    world.plane.identity("engineer", &["system:masters"])
}

/// Everything that a plan says in a sentence: findings, and what could not be read.
fn plan_says(kubeconfig: &Path) -> Vec<String> {
    let line = ["plan", "flood", "--level", "I", "-o", "json"];
    let (_, json, said) = pingzhan_as(kubeconfig, &line, None);
    let plan: Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}\n{said}"));
    let mut said = Vec::new();
    sentences(&plan, &mut said);
    said
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|one| serde::Deserialize::deserialize(one).expect("YAML"))
        .collect()
}

impl World {
    /// A playbook under an account that has no rights yet.
    async fn playbook_of(&self, account: &str) -> Value {
        let mut playbook = self.playbook(&stages(self));
        playbook["serviceAccountName"] = json!(account);
        self.publish("flood", playbook.clone()).await;
        playbook
    }

    /// Writes a playbook over.
    async fn republish(&self, name: &str, spec: Value) {
        let api_version = format!("{}/{}", names::GROUP, names::VERSION);
        let metadata = json!({ "name": name });
        let book = json!({ "apiVersion": api_version, "kind": "Playbook", "metadata": metadata, "spec": spec });
        self.put(&api_version, "playbooks", "", book).await;
    }

    /// The generated account, roles and bindings.
    fn generated(&self) -> String {
        let (code, yaml, said) = pingzhan(self, &["rbac", "generate", "flood"], None);
        assert_eq!(code, Some(0), "{said}");
        yaml
    }

    fn apply_yaml(&self, yaml: &str) {
        let mut kubectl = kubectl_with(&self.plane.kubeconfig);
        kubectl.args(["apply", "--server-side", "--force-conflicts", "-f", "-"]);
        let mut child = kubectl
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("kubectl runs");
        let mut input = child.stdin.take().expect("its input is piped");
        input.write_all(yaml.as_bytes()).expect("it is read");
        drop(input);
        assert!(child.wait().expect("it ends").success(), "{yaml}");
    }

    async fn readiness(&self, wanted: impl Fn(&PlaybookStatus) -> bool) -> PlaybookStatus {
        let api: Api<Playbook> = Api::all(self.client.clone());
        let mut last = None;
        let said = async {
            loop {
                let book = api.get("flood").await.expect("it is there");
                if let Some(status) = book.status.clone()
                    && Some(status.observed_generation) == book.metadata.generation
                    && wanted(&status)
                {
                    return status;
                }
                last.clone_from(&book.status);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, said).await;
        said.unwrap_or_else(|_| panic!("the playbook does not say so: {last:?}"))
    }
}

fn reason(status: &PlaybookStatus) -> &str {
    let ready = condition::get(&status.conditions, types::READY);
    ready.map_or("", |ready| ready.reason.as_str())
}

/// What is generated is what people apply unread: too little stops an emergency in the middle, and each
/// rule that could be left out is a right too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_exactly_the_generated_rights_carries_its_playbook_out_and_back() {
    let world = World::with_fleet().await;
    let account = format!("{}-least", world.namespace);
    world.playbook_of(&account).await;
    let yaml = world.generated();
    world.apply_yaml(&yaml);
    let said = plan_says(&engineer(&world));
    let of_account = |one: &&String| denies(one) && one.contains(&account);
    let denied: Vec<&String> = said.iter().filter(of_account).collect();
    assert!(denied.is_empty(), "{denied:#?}");
    let before = world.snapshot().await;
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await;
    world.judge(Allowed::default()).await;
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    world.owners_go_on().await;
}

/// A right that is missing has to be known before people say yes, whichever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_rule_is_taken_away_the_plan_says_so() {
    let world = World::with_fleet().await;
    let account = format!("{}-least", world.namespace);
    world.playbook_of(&account).await;
    let yaml = world.generated();
    let engineer = engineer(&world);
    let mut tried = 0;
    for (place, role) in documents(&yaml).iter().enumerate() {
        for rule in 0..role["rules"].as_array().map_or(0, Vec::len) {
            let mut all = documents(&yaml);
            let taken = all[place]["rules"]
                .as_array_mut()
                .expect("rules")
                .remove(rule);
            let text: Vec<String> = all
                .iter()
                .map(|one| serde_yaml::to_string(one).expect("YAML"))
                .collect();
            world.apply_yaml(&text.join("---\n"));
            let resource = taken["resources"][0]
                .as_str()
                .expect("a resource")
                .to_owned();
            // The authorizer follows its roles a moment later.
            let told = async {
                loop {
                    let said = plan_says(&engineer);
                    if said
                        .iter()
                        .any(|one| one.contains(&resource) && denies(one))
                    {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            };
            let in_time = tokio::time::timeout(PATIENCE, told).await;
            assert!(
                in_time.is_ok(),
                "nothing is said without {taken}: {:#?}",
                plan_says(&engineer)
            );
            tried += 1;
        }
    }
    assert!(tried >= 10, "{tried} rules\n{yaml}");
}

/// What admission would refuse is known only by asking it: approvers read it in the policy's own words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_policy_would_refuse_is_read_before_the_approval() {
    let world = World::with_fleet().await;
    world.refuse("preflight", &["portal-web"]).await;
    let mut playbook = world.playbook(&json!([halve(
        &world,
        "first",
        &["portal-web", "helm-api"]
    )]));
    playbook["stages"][0]["steps"][0]["critical"] = json!(true);
    world.publish("flood", playbook).await;
    let before = world.snapshot().await;
    world.declare("flood", json!({ "level": "III" })).await;
    let mode = world
        .until("flood", "says what it would meet", |status| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some())
        })
        .await;
    let plan = mode.status.and_then(|status| status.plan).expect("a plan");
    let listed = plan.findings.expect("findings").listed;
    let said = listed
        .iter()
        .find(|finding| finding.message.contains("not to be changed"))
        .unwrap_or_else(|| panic!("nothing is said of it: {listed:?}"));
    assert_eq!(said.concern, Concern::Harm);
    assert!(
        said.message.contains("portal-web") && said.message.contains("critical"),
        "{said:?}"
    );
    assert!(
        !listed.iter().any(|one| one.message.contains("helm-api")),
        "{listed:?}"
    );
    // A dry run leaves nothing behind.
    world.compare(&before).await;
    world.stand_down("flood").await;
    world.phase("flood", Phase::Closed).await;
    world.accept("preflight", "portal-web").await;
}

/// A proposal is planned as of peacetime, and written over wartime: what is tried must fit what is there,
/// a key included that only the mode has made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_is_tried_over_what_wartime_has_made() {
    let world = World::with_fleet().await;
    let mut stage = halve(&world, "first", &["portal-web"]);
    stage["steps"].as_array_mut().expect("steps").push(json!({
        "name": "flags", "config": { "set": { "counters.closed": "yes" } },
        "targets": { "kinds": ["ConfigMap"], "namespaces": { "names": [world.namespace] }, "names": ["portal-flags"] },
    }));
    let before = world.snapshot().await;
    world.switch("flood", &json!([stage])).await;
    world.propose(Level::III).await;
    let mode = world
        .until("flood", "says what the proposal would meet", |status| {
            let proposed = status.proposed.as_ref();
            proposed.is_some_and(|proposed| proposed.findings.is_some())
        })
        .await;
    let proposed = mode
        .status
        .and_then(|status| status.proposed)
        .expect("a proposal");
    let listed = proposed.findings.expect("findings").listed;
    let refused = |one: &pingzhan::api::PlanFinding| {
        ["refused", "would meet is not known"]
            .iter()
            .any(|word| one.message.contains(word))
    };
    assert!(!listed.iter().any(refused), "{listed:?}");
    world.come_back("flood").await;
    world.compare(&before).await;
}

/// A playbook that would not work is found out on a quiet day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_says_whether_it_is_ready_and_who_carries_out_which_copy() {
    let mut world = World::with_fleet().await;
    world.stop().await;
    world.readiness = Some(Duration::from_hours(1));
    world.start().await;
    let account = format!("{}-ready", world.namespace);
    let playbook = world.playbook_of(&account).await;
    let missing = world
        .readiness(|status| reason(status) == "AccountMissing")
        .await;
    assert!(
        missing.conditions[0]
            .message
            .contains("pingzhan rbac generate")
    );
    let yaml = world.generated();
    let only_account = documents(&yaml).remove(0);
    world.apply_yaml(&only_account.to_string());
    // Nothing of the playbook changed: it is looked at when somebody touches it.
    let edit = |title: &str| {
        let mut edited = playbook.clone();
        edited["title"] = json!({ "en": title, "zh-CN": title });
        edited
    };
    world.republish("flood", edit("two")).await;
    let lacking = world
        .readiness(|status| reason(status) == "RightsMissing")
        .await;
    let said = &lacking.conditions[0].message;
    assert!(
        said.contains("may not") && said.contains(&account),
        "{said}"
    );
    world.apply_yaml(&yaml);
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.republish("flood", edit("three")).await;
    let ready = world.readiness(|status| reason(status) == "Ready").await;
    assert!(ready.last_checked.is_some());
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await;
    let used = world.readiness(|status| !status.in_use.is_empty()).await;
    assert!(used.in_use[0].current, "{used:?}");
    let generation = used.in_use[0].generation.expect("it was seen");
    world.republish("flood", edit("four")).await;
    let pinned = world
        .readiness(|status| status.in_use.iter().any(|one| !one.current))
        .await;
    assert_eq!(pinned.in_use[0].generation, Some(generation));
    let text = &pinned.findings[0].message;
    assert!(
        text.contains(&format!("flood runs generation {generation}")),
        "{text}"
    );
    world.come_back("flood").await;
    world.readiness(|status| status.in_use.is_empty()).await;
}

/// Who writes a playbook may have no cluster at hand; what is printed has to be what kubectl takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_alone_gives_rights_of_the_whole_cluster_where_labels_select() {
    let world = World::new().await;
    let file = "apiVersion: pingzhan.dev/v1alpha1\nkind: Playbook\nmetadata: { name: p }\nspec:\n  \
        title: { en: x, zh-CN: x }\n  hazard: x\n  owner: x\n  serviceAccountName: p\n  \
        authority: { requesterGroups: [duty], approverGroups: [chiefs] }\n  stages:\n  - name: s\n    \
        steps: [ { name: t, targets: { kinds: [Deployment], namespaces: { matchLabels: { tier: a } } }, \
        scale: { replicas: 3 } } ]\n";
    let line = ["rbac", "generate", "-", "--offline"];
    let (code, yaml, said) = pingzhan(&world, &line, Some(file));
    assert_eq!(code, Some(0), "{said}");
    let kinds: Vec<String> = documents(&yaml)
        .iter()
        .map(|one| one["kind"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        kinds,
        ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
    );
    world.apply_yaml(&yaml);
    let api: Api<k8s_openapi::api::core::v1::ServiceAccount> =
        Api::namespaced(world.client.clone(), names::ACCOUNT_NAMESPACE);
    let label = Patch::Merge(json!({ "metadata": { "labels": { "seen": "yes" } } }));
    let patched = api.patch("p", &PatchParams::default(), &label).await;
    patched.expect("the account is there");
}
