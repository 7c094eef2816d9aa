//! Rights, on a real API server: an account with exactly what is generated carries its playbook out and
//! back, one that lacks any of it is told so before anybody approves, and a playbook says by itself
//! whether it is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kube::api::{Api, ListParams, Patch, PatchParams};
use pingzhan::api::condition::{self, types};
use pingzhan::api::{
    Concern, Level, Nature, Phase, Playbook, PlaybookSpec, PlaybookStatus, Term, names,
};
use pingzhan::cluster::{self, Accounts, Discovery};
use pingzhan::engine::plan::{self, Request};
use pingzhan::engine::protect::Own;
use pingzhan::field::exact;
use pingzhan::ledger::State;
use pingzhan::playbook::{Expanded, expand};
use pingzhan::run::observe::{self, View};
use pingzhan::run::preflight;
use serde_json::{Value, json};

use super::ending::halve;
use super::fleet;
use super::oracles::{Allowed, Evidence};
use super::world::{PATIENCE, World, anything};
use crate::support::{self, kubectl_with};

const RBAC: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The stages: counts, flags with a restart, a custom kind, what is made, and a wait.
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

/// These, and a step of every other kind that needs rights: an autoscaler's bounds, what is suspended, frozen,
/// cut, given, taken and sent elsewhere, and a field of any kind.
fn every_kind(world: &World) -> Value {
    let space = &world.namespace;
    let here = json!({ "names": [space] });
    let of =
        |kind: &str, name: &str| json!({ "kinds": [kind], "namespaces": here, "names": [name] });
    let vendors = json!([{ "kind": "Group", "name": vendors(world) }]);
    let grant = json!({
        "subjects": [{ "kind": "Group", "name": "community" }],
        "role": { "kind": "ClusterRole", "name": role(world) }, "namespaces": here,
        "purpose": "find the sick in flooded districts", "legalBasis": "个人信息保护法 第十三条第一款第四项",
    });
    let mut stages = stages(world);
    let steps = stages[0]["steps"].as_array_mut().expect("steps");
    steps.extend([
        json!({ "name": "gateway", "targets": of("Deployment", "gateway"), "scale": { "percent": 200 } }),
        json!({ "name": "nightly", "targets": of("CronJob", "nightly"), "suspend": { "onResume": "SkipMissed" } }),
        json!({ "name": "no-changes", "freeze": { "namespaces": here } }),
        json!({ "name": "cut", "isolate": { "preset": "DenyAll", "namespaces": here } }),
        json!({ "name": "who", "access": {
            "grant": [grant], "revoke": [{ "subjects": vendors, "namespaces": here }],
            "lockDown": { "bindings": { "matchLabels": { "party": space } } } } }),
        json!({ "name": "to-page", "targets": of("Ingress", "counters"),
            "route": { "to": { "name": "emergency-page", "port": 80 } } }),
        json!({ "name": "slower", "targets": of("Deployment", "shared"),
            "patch": { "set": [{ "path": "/spec/minReadySeconds", "value": 5 }] } }),
    ]);
    stages
}

/// A role, of the cluster and of the namespace, which gives what no account has.
fn role(world: &World) -> String {
    format!("{}-reader", world.namespace)
}

/// A group whose rights are taken.
fn vendors(world: &World) -> String {
    format!("{}-vendors", world.namespace)
}

/// What these steps work on beside the fleet, each with its owner.
fn further(world: &World) -> Vec<(&'static str, Value)> {
    let space = &world.namespace;
    let named = |name: &str| json!({ "name": name, "namespace": space });
    let scaled = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "gateway" });
    let bounds = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": named("gateway"),
        "spec": { "minReplicas": 2, "maxReplicas": 6, "scaleTargetRef": scaled } });
    let pods = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    let nightly = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": named("nightly"),
        "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": pods } } } } });
    let backend = json!({ "service": { "name": "start", "port": { "number": 80 } } });
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": named("counters"), "spec": { "defaultBackend": backend } });
    let group = |name: String| json!({ "kind": "Group", "apiGroup": RBAC, "name": name });
    let binding = |name: &str, of: &str| {
        json!({ "apiVersion": VERSION, "kind": "RoleBinding", "metadata": named(name),
            "roleRef": { "apiGroup": RBAC, "kind": of, "name": role(world) },
            "subjects": [group("staff".to_owned()), group(vendors(world))] })
    };
    let mut locked = binding("locked", "ClusterRole");
    locked["metadata"]["labels"] = json!({ "party": space });
    vec![
        ("helm", fleet::deployment(space, "gateway", Some(3))),
        ("helm", bounds),
        ("helm", nightly),
        ("flux", ingress),
        ("helm", locked),
        ("flux", binding("mixed", "Role")),
    ]
}

/// The binding of the whole cluster out of which everybody is taken.
fn everywhere(world: &World) -> Value {
    json!({ "apiVersion": VERSION, "kind": "ClusterRoleBinding",
        "metadata": { "name": vendors(world), "labels": { "party": world.namespace } },
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": role(world) },
        "subjects": [{ "kind": "Group", "apiGroup": RBAC, "name": vendors(world) }] })
}

/// A world of its own, since bindings are selected all over the cluster, with all that these steps work on.
async fn furnished(name: &str) -> World {
    let plane = support::cluster_alone(name).await;
    let world = World::with_closed_kinds_on(plane).await;
    world.fill().await;
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
    for (plural, kind, space) in [
        ("clusterroles", "ClusterRole", ""),
        ("roles", "Role", world.namespace.as_str()),
    ] {
        let mut metadata = json!({ "name": role(&world) });
        if !space.is_empty() {
            metadata["namespace"] = json!(space);
        }
        let object =
            json!({ "apiVersion": VERSION, "kind": kind, "metadata": metadata, "rules": rules });
        world.put(VERSION, plural, space, object).await;
    }
    let binding = everywhere(&world);
    world.put(VERSION, "clusterrolebindings", "", binding).await;
    for (owner, object) in further(&world) {
        let applied = world.apply(owner, &object).await;
        applied.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
    }
    world.started().await
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
pub fn denies(sentence: &str) -> bool {
    let words = ["may not", "cannot", "could not", "not known"];
    words.iter().any(|word| sentence.contains(word))
}

/// Somebody who may act as every account: what the operator asks for itself is counted.
fn engineer(world: &World) -> PathBuf {
    world.plane.identity("engineer", &["system:masters"])
}

/// Everything that a plan says in a sentence: findings, and what could not be read.
pub fn plan_says(kubeconfig: &Path, playbook: &str) -> Vec<String> {
    let line = ["plan", playbook, "--level", "I", "-o", "json"];
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
    async fn playbook_of(&self, account: &str, stages: &Value) -> Value {
        let mut playbook = self.playbook(stages);
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

    /// The bindings that were made by hand since are the scenario's own.
    async fn took_part(&self) {
        let bindings = self.api("RoleBinding").list(&ListParams::default()).await;
        for binding in bindings.expect("bindings are listed") {
            self.note(&binding, None);
        }
    }

    /// The binding of the whole cluster, as it is.
    async fn wide(&self) -> Value {
        let manifest = everywhere(self);
        let api = anything(&self.client, VERSION, "clusterrolebindings", "", &manifest);
        let found = api.get(&vendors(self)).await.expect("it is there");
        serde_json::to_value(found).expect("an object is JSON")
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
    let world = furnished("least").await;
    let account = format!("{}-least", world.namespace);
    let book = every_kind(&world);
    world.playbook_of(&account, &book).await;
    let yaml = world.generated();
    world.apply_yaml(&yaml);
    world.took_part().await;
    let said = plan_says(&engineer(&world), "flood");
    let of_account = |one: &&String| denies(one) && one.contains(&account);
    let denied: Vec<&String> = said.iter().filter(of_account).collect();
    assert!(denied.is_empty(), "{denied:#?}");
    let (before, wide) = (world.snapshot().await, world.wide().await);
    world.declare("flood", json!({})).await;
    let active = world.phase("flood", Phase::Active).await;
    let evidence = Evidence::of(world.history.events().await, world.foreign());
    let entries = evidence.ledger(&active).entries.values();
    let mut carried = BTreeSet::new();
    for entry in entries {
        assert_eq!(entry.state, State::Applied, "{entry:?}");
        carried.insert(entry.step.to_string());
    }
    let steps = book[0]["steps"].as_array().expect("steps").iter();
    let steps = steps.filter(|step| step.get("wait").is_none());
    let steps = steps.map(|step| step["name"].as_str().expect("a name").to_owned());
    assert_eq!(carried, steps.collect(), "every step changes something");
    assert_eq!(world.wide().await.get("subjects"), None);
    world.come_back("flood").await;
    world.judge(Allowed::default()).await;
    world.compare(&before).await;
    let differs = exact::differences(&wide, &world.wide().await);
    assert_eq!(differs, [""; 0]);
    world.owners_go_on().await;
}

/// A look at the playbook as an account, made as the preview of `plan` makes it.
struct Preview {
    spec: PlaybookSpec,
    expanded: Expanded,
    accounts: Accounts,
    discovery: Discovery,
}

impl Preview {
    async fn of(world: &World, spec: &Value) -> Self {
        let config = world.config_as("engineer", &["system:masters"]).await;
        let (own, accounts) = cluster::connect(config, None).expect("there are clients");
        let spec: PlaybookSpec = serde_json::from_value(spec.clone()).expect("a playbook");
        let expanded = expand::expand(&spec, Level::I, &BTreeMap::new());
        Self {
            expanded: expanded.expect("it expands"),
            spec,
            accounts,
            discovery: Discovery::new(own.reads),
        }
    }

    /// Everything that it says in a sentence.
    async fn says(&self) -> Vec<String> {
        let name = &self.spec.service_account_name;
        let account = self.accounts.account(names::ACCOUNT_NAMESPACE, name);
        let account = account.expect("the account has clients");
        let view = View {
            account: &account,
            discovery: &self.discovery,
            scope: None,
            own: Own {
                operator: names::DEFAULT_NAMESPACE,
                accounts: names::ACCOUNT_NAMESPACE,
            },
            explains: true,
        };
        let facts = observe::observe(view, &self.expanded).await;
        let request = Request {
            playbook: "flood",
            playbook_uid: "flood",
            spec: &self.spec,
            level: Level::I,
            nature: Nature::Actual,
            tabletop: false,
            scope: None,
            expires_after: &Term("1h".to_owned()),
            round: 0,
        };
        let mut plan = plan::compute(&request, &self.expanded, &facts);
        observe::explain(view, &mut plan, &facts).await;
        preflight::add(view, &self.expanded, &facts, names::TRY_MANAGER, &mut plan).await;
        let wrong = [plan.problems(), plan.faults()].concat().into_iter();
        let mut said: Vec<String> = wrong.map(|(_, why)| why.to_owned()).collect();
        let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
        let of_steps = steps.flat_map(|step| &step.findings);
        let all = plan.findings.iter().chain(of_steps);
        said.extend(all.map(|finding| finding.text.clone()));
        said
    }

    /// Waits until it says that a right is missing: the authorizer follows its roles a moment later.
    async fn tells(&self, cut: &Cut) {
        let told = async {
            while !self.says().await.iter().any(|one| cut.is_told(one)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, told).await;
        assert!(
            in_time.is_ok(),
            "nothing is said without {cut:?}: {:#?}",
            self.says().await
        );
    }
}

/// Verbs of which each is taken away alone. To look is asked for by `get` here and by `list` there; that no
/// look is possible is what the loss of a whole rule shows.
const VERBS: [&str; 6] = ["bind", "create", "delete", "freeze", "patch", "watch"];

/// A part of a rule that is taken away.
#[derive(Clone, Debug)]
struct Cut {
    resource: String,
    /// Nothing where the whole rule is.
    verb: Option<String>,
    /// What is left of the role.
    left: Value,
}

impl Cut {
    /// Each rule of a role, and each verb of those rules that have several.
    fn all(role: &Value) -> Vec<Self> {
        let texts = |value: &Value| -> Vec<String> {
            let all = value.as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut cuts = Vec::new();
        let rules = role["rules"].as_array().cloned().unwrap_or_default();
        for (place, rule) in rules.iter().enumerate() {
            let resource = texts(&rule["resources"])[0].clone();
            let mut left = role.clone();
            left["rules"].as_array_mut().expect("rules").remove(place);
            let verbs = texts(&rule["verbs"]);
            let own = verbs.iter().filter(|verb| VERBS.contains(&verb.as_str()));
            let is_one = verbs.len() == 1;
            cuts.push(Self {
                resource: resource.clone(),
                verb: own.clone().find(|_| is_one).cloned(),
                left,
            });
            for verb in own.filter(|_| !is_one) {
                let mut left = role.clone();
                let others: Vec<&String> = verbs.iter().filter(|other| *other != verb).collect();
                left["rules"][place]["verbs"] = json!(others);
                cuts.push(Self {
                    resource: resource.clone(),
                    verb: Some(verb.clone()),
                    left,
                });
            }
        }
        cuts
    }

    /// Whether a sentence says that it is missing.
    fn is_told(&self, said: &str) -> bool {
        let verb = self.verb.as_deref().unwrap_or_default();
        // Who may bind a role is not asked for by its verb: the server says that nobody gives what they have not.
        let gives = verb == "bind" && said.contains("attempting to grant");
        gives || denies(said) && said.contains(&self.resource) && said.contains(verb)
    }
}

/// A right that is missing has to be known before people say yes, whichever it is: one to see, and each one to
/// change and to bring back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_right_is_taken_away_the_plan_says_so() {
    let world = furnished("lacking").await;
    let account = format!("{}-least", world.namespace);
    let spec = world.playbook_of(&account, &every_kind(&world)).await;
    let yaml = world.generated();
    world.apply_yaml(&yaml);
    let preview = Preview::of(&world, &spec).await;
    let (mut tried, mut verbs) = (0, BTreeSet::new());
    for role in documents(&yaml) {
        let kind = role["kind"].as_str().expect("a kind").to_owned();
        let space = role["metadata"]["namespace"].as_str().unwrap_or_default();
        let plural = match kind.as_str() {
            "Role" => "roles",
            "ClusterRole" => "clusterroles",
            _ => continue,
        };
        // There is nothing yet of what may appear there.
        if space == "default" {
            continue;
        }
        for cut in Cut::all(&role) {
            world.put(VERSION, plural, space, cut.left.clone()).await;
            preview.tells(&cut).await;
            tried += 1;
            verbs.extend(cut.verb);
        }
        world.put(VERSION, plural, space, role.clone()).await;
    }
    assert!(tried >= 30, "{tried} rights\n{yaml}");
    for verb in VERBS {
        assert!(verbs.contains(verb), "no {verb} in {verbs:?}\n{yaml}");
    }
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
    let playbook = world.playbook_of(&account, &stages(&world)).await;
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
