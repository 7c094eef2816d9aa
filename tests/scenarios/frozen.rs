//! The change freeze: proven before anything counts on it, held, lifted last, and never more than the
//! playbook's account may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use pingzhan::api::{ChangeFreeze, Concern, Phase, StageState, names};
use pingzhan::field::{Image, creation};
use pingzhan::ledger::Ledger;
use pingzhan::run::clock::Clock;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::fleet::{self, How, Owned};
use super::history::History;
use super::oracles::Allowed;
use super::world::{PATIENCE, World, resource};
use crate::policies::freeze::{POLICY, Stage};
use crate::policies::machine::{self, Program};

const GROUP: &str = "admissionregistration.k8s.io/v1";
const POLICIES: &str = "validatingadmissionpolicies";
const BINDINGS: &str = "validatingadmissionpolicybindings";
const COMMAND: &str = "emergency-approvers";

/// Takes the policy away, or its binding, as an administrator can.
async fn remove(world: &World, plural: &str) {
    let at = format!("/apis/{GROUP}/{plural}/{}", names::FREEZE_POLICY);
    let request = http::Request::delete(at).body(Vec::new());
    let removed = world.client.request::<Value>(request.expect("a request"));
    removed.await.expect("nothing guards it");
}

/// The policy, as it is shipped.
async fn install(world: &World) {
    for document in serde_yaml::Deserializer::from_str(POLICY) {
        let object = Value::deserialize(document).expect("YAML");
        let plural = match object["kind"].as_str() {
            Some("ValidatingAdmissionPolicy") => POLICIES,
            _ => BINDINGS,
        };
        world.put(GROUP, plural, "", object).await;
    }
}

/// Lets the fleet's account freeze these namespaces, and see all there are.
async fn may_freeze(world: &World, names: &[&str]) {
    let rbac = "rbac.authorization.k8s.io/v1";
    let name = format!("{}-freeze", world.namespace);
    let rules = json!([
        { "apiGroups": [""], "resources": ["namespaces"], "resourceNames": names, "verbs": ["freeze"] },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"] },
    ]);
    let metadata = json!({ "name": name });
    let role =
        json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": metadata, "rules": rules });
    world.put(rbac, "clusterroles", "", role).await;
    let subject = json!({ "kind": "ServiceAccount", "name": world.namespace, "namespace": names::ACCOUNT_NAMESPACE });
    let role =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    let binding = json!({ "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": role, "subjects": [subject] });
    world.put(rbac, "clusterrolebindings", "", binding).await;
}

/// A stage that freezes, and one after it that grows a service.
pub fn stages(world: &World, namespaces: &Value) -> Value {
    json!([
        { "name": "calm", "steps": [{ "name": "no-changes", "freeze": {
            "namespaces": namespaces, "except": [{ "kind": "Group", "name": COMMAND }],
        } }] },
        { "name": "surge", "dependsOn": ["calm"], "steps": [{
            "name": "grow", "scale": { "replicas": 9 },
            "targets": { "kinds": ["Deployment"], "namespaces": { "names": [world.namespace] }, "names": ["web"] },
        }] },
    ])
}

pub fn here(world: &World) -> Value {
    json!({ "names": [world.namespace] })
}

/// A world with one Deployment and one ConfigMap, the policy, and an operator that runs.
pub async fn world() -> World {
    filled(World::new().await).await
}

async fn filled(world: World) -> World {
    install(&world).await;
    may_freeze(&world, &[&world.namespace]).await;
    let web = fleet::deployment(&world.namespace, "web", Some(3));
    world.apply("office", &web).await.expect("it is created");
    let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "carousel": "on" },
        "metadata": { "name": "flags", "namespace": world.namespace } });
    world.apply("office", &flags).await.expect("it is created");
    world.started().await
}

/// Somebody who has every right.
pub async fn person(world: &World, name: &str, groups: &[&str]) -> Client {
    let groups: Vec<&str> = groups.iter().copied().chain(["system:masters"]).collect();
    world.plane.client_as(name, &groups).await
}

/// What is answered where somebody writes a label of no meaning: nothing where it is written.
async fn refusal(client: &Client, namespace: &str) -> Option<String> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    // What changes nothing is no write of the fleet's history.
    let patch = Patch::Merge(json!({ "data": { "carousel": "on" } }));
    match api.patch("flags", &PatchParams::default(), &patch).await {
        Ok(_) => None,
        Err(kube::Error::Api(answer)) => Some(answer.message.clone()),
        Err(error) => panic!("{error}"),
    }
}

pub async fn becomes(client: &Client, namespace: &str, refused: bool) {
    let follows = async {
        while refusal(client, namespace).await.is_some() != refused {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, follows).await;
    in_time.unwrap_or_else(|_| panic!("it does not become refused = {refused}"));
}

/// The freezes of a namespace, as an administrator sees them.
fn of(world: &World, namespace: &str) -> Api<ChangeFreeze> {
    Api::namespaced(world.client.clone(), namespace)
}

/// All that there are, wherever.
async fn freezes(world: &World) -> Vec<ChangeFreeze> {
    let all: Api<ChangeFreeze> = Api::all(world.client.clone());
    let listed = all.list(&ListParams::default()).await;
    listed.expect("they are listed").items
}

/// Waits until a freeze of this name is there.
async fn appears(world: &World, name: &str) {
    let own = of(world, &world.namespace);
    let there = async {
        while own.get_opt(name).await.expect("it is answered").is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, there).await;
    in_time.expect("it is made again");
}

/// What happens to freezes from now on.
async fn watched(world: &World) -> History {
    let freezes = resource("ChangeFreeze");
    let all = Api::all_with(world.client.clone(), &freezes);
    let history = History::of(vec![(all, freezes)]);
    // Those that are there are known: what happens to them will be.
    history.events().await;
    history
}

/// The freeze of this uid was deleted when every other field was back, by the order in which the API server
/// stored both.
async fn is_lifted_last(world: &World, freezes: &History, uid: &str, ledger: &Ledger) {
    let gone = async {
        loop {
            let events = freezes.events().await;
            let mut events = events.iter();
            if let Some(event) = events.find(|event| event.removed && event.uid == uid) {
                return event.version;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    let gone = gone.expect("the freeze is deleted");
    let events = world.history.events().await;
    let others = ledger.entries.values();
    let others: Vec<_> = others
        .filter(|entry| !creation::is(&entry.target.uid))
        .collect();
    assert!(!others.is_empty());
    for entry in others {
        let target = entry.target.uid.as_str();
        let mut events = events.iter();
        let then = events.rfind(|event| event.uid == target && event.version < gone);
        let then = then.expect("it is of the fleet");
        let was = Image::at(&then.object, &entry.path);
        assert_eq!(
            was, entry.base,
            "{} when the freeze went",
            entry.target.name
        );
    }
}

/// The whole way: proven, in force for people and not for the playbook, made again where somebody takes
/// it away, lifted last, and everything as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_holds_people_until_the_mode_is_over_and_is_lifted_last() {
    let world = world().await;
    let he = person(&world, "he", &[]).await;
    let wang = person(&world, "wang", &[COMMAND]).await;
    let before = world.snapshot().await;
    let active = world.switch("flood", &stages(&world, &here(&world))).await;
    let said = refusal(&he, &world.namespace).await.expect("he is refused");
    for part in [
        "EmergencyMode flood holds update of configmaps by he",
        "`pingzhan status flood` says it now",
        "emergency-approvers may act",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(refusal(&wang, &world.namespace).await, None);
    assert_eq!(world.get("Deployment", "web").await["spec"]["replicas"], 9);
    let [made] = freezes(&world).await.try_into().expect("one freeze");
    let labels = made.metadata.labels.expect("it is labelled");
    assert_eq!(labels[names::HELD_BY_LABEL], "flood");
    let space = made.metadata.namespace.as_deref();
    assert_eq!(space, Some(&*world.namespace), "where it holds");
    assert_eq!(made.spec.mode, "flood");
    assert_eq!(made.spec.groups, [COMMAND]);
    let status = active.status.expect("a status");
    assert!(
        status
            .stages
            .iter()
            .all(|stage| stage.state == StageState::Done)
    );

    // Somebody takes it away.
    let name = made.metadata.name.expect("it has a name");
    let own = of(&world, &world.namespace);
    let gone = own.delete(&name, &DeleteParams::default()).await;
    gone.expect("the administrator may");
    appears(&world, &name).await;
    becomes(&he, &world.namespace, true).await;

    let [again] = freezes(&world).await.try_into().expect("one freeze");
    let uid = again.metadata.uid.expect("it has a uid");
    let seen = watched(&world).await;
    world.stand_down("flood").await;
    let closed = world.phase("flood", Phase::Closed).await;
    assert_eq!(refusal(&he, &world.namespace).await, None);
    assert!(freezes(&world).await.is_empty());
    let evidence = world.judge(Allowed::default()).await;
    let ledger = evidence.ledger(&closed);
    is_lifted_last(&world, &seen, &uid, ledger).await;
    let told = ledger
        .told
        .iter()
        .filter_map(|(_, note)| note.reason.as_deref());
    let told: Vec<&str> = told.collect();
    for part in ["in force in 1 namespaces", "changes are possible again"] {
        assert!(told.iter().any(|why| why.contains(part)), "{told:?}");
    }
    world.compare(&before).await;
}

/// Who approves a freeze must read whom it stops before these people find out, of what is really there:
/// whoever wrote, by the names of their programs, and not those who only report a status.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_names_who_wrote_there_lately_and_who_of_them_would_be_stopped() {
    let world = world().await;
    let services = json!([{ "apiGroups": [""], "resources": ["services"], "verbs": ["list"] }]);
    world.allow(services).await;
    let api = fleet::deployment(&world.namespace, "api", Some(2));
    world.apply("helm", &api).await.expect("it is created");
    let legacy = Owned {
        manager: "kubectl-client-side-apply",
        how: How::ClientSide,
        manifest: fleet::deployment(&world.namespace, "legacy", Some(2)),
    };
    world.write(&legacy).await;
    for (manager, kind, name) in [
        ("kubectl-edit", "ConfigMap", "flags"),
        ("deployer", "Deployment", "web"),
        ("deployer", "Deployment", "api"),
        ("release-bot", "Deployment", "web"),
    ] {
        let label = json!({ "metadata": { "labels": { manager: "yes" } } });
        world.merge(manager, kind, name, label).await;
    }
    let reported = json!({ "observedGeneration": 1 });
    world.status("Deployment", "web", reported).await;
    let mut asked = stages(&world, &here(&world));
    let deployer = json!({ "kind": "ServiceAccount", "namespace": "ci", "name": "deployer" });
    asked[0]["steps"][0]["freeze"]["automation"] = json!([deployer]);
    world.publish("flood", world.playbook(&asked)).await;
    world.declare("flood", json!({ "level": "III" })).await;
    let mode = world
        .until("flood", "says what it would come to", |status| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some())
        })
        .await;
    let plan = mode.status.and_then(|status| status.plan).expect("a plan");
    let listed = plan.findings.expect("findings").listed;
    let mut said = listed.iter();
    let said = said.find(|one| one.message.contains("those who wrote"));
    let said = said.unwrap_or_else(|| panic!("nobody is named: {listed:?}"));
    assert_eq!(said.concern, Concern::Note);
    assert_eq!(said.step.as_deref(), Some("calm/no-changes"));
    assert_eq!(
        said.message,
        "of those who wrote in what is frozen, in the week up to the latest write, deployer (2), helm (1), \
         kubectl-client-side-apply (1), kubectl-edit (1) would be stopped; office (2), release-bot (1) go on \
         where they are service accounts that are not named"
    );
    world.come_back("flood").await;
}

/// Somebody who sends the same request again and again.
struct Worker {
    client: Client,
    send: String,
    body: Value,
    /// Whether a freeze stops them.
    stopped: bool,
}

/// What came of a worker's requests.
#[derive(Clone, Debug, Default)]
struct Came {
    through: usize,
    stopped: usize,
    /// Answers that are neither.
    other: Vec<String>,
}

/// What came of all of them, by their names, and how often each had its turn.
#[derive(Clone, Debug, Default)]
struct Log {
    turns: usize,
    came: BTreeMap<String, Came>,
}

/// Workers at work until they are sent home.
struct Crowd {
    log: Arc<Mutex<Log>>,
    work: JoinHandle<()>,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Crowd {
    /// Sends them to work, one request of each a turn.
    fn of(stage: Stage, workers: BTreeMap<String, Worker>) -> Self {
        let log: Arc<Mutex<Log>> = Arc::default();
        let told = log.clone();
        let work = tokio::spawn(async move {
            loop {
                for (name, worker) in &workers {
                    let answer = stage.send(&worker.client, &worker.send, Some(&worker.body));
                    let (code, said) = answer.await;
                    let mut log = told.lock().unwrap_or_else(PoisonError::into_inner);
                    log.came.entry(name.clone()).or_default().note(code, &said);
                }
                told.lock().unwrap_or_else(PoisonError::into_inner).turns += 1;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        });
        Self { log, work }
    }

    fn so_far(&self) -> Log {
        let log = self.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many turns after the one that is under way.
    async fn turns(&self, many: usize) -> Log {
        let from = self.so_far().turns;
        let done = async {
            loop {
                let log = self.so_far();
                if log.turns > from + many {
                    return log;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, done).await;
        in_time.expect("they work on")
    }

    /// Who was let through, and who was stopped, each time in two turns that begin now.
    async fn sorted(&self) -> (Vec<String>, Vec<String>) {
        let before = self.turns(0).await.came;
        let after = self.turns(2).await.came;
        let (mut through, mut stopped) = (Vec::new(), Vec::new());
        for (name, now) in after {
            let then = before.get(&name).cloned().unwrap_or_default();
            assert_eq!(now.other, [""; 0], "{name}");
            let passed = now.through - then.through;
            let refused = now.stopped - then.stopped;
            let list = match (passed > 0, refused > 0) {
                (true, false) => &mut through,
                (false, true) => &mut stopped,
                both => panic!("{name} was let through, and stopped: {both:?}"),
            };
            list.push(name);
        }
        (through, stopped)
    }
}

impl Came {
    fn note(&mut self, code: u16, said: &str) {
        let ours = said.contains("ValidatingAdmissionPolicy 'pingzhan-freeze'");
        match (code, ours) {
            // What is made already is made once only, and was let through.
            (200 | 409, false) => self.through += 1,
            (403, true) => self.stopped += 1,
            _ => self.other.push(format!("{code} {said}")),
        }
    }
}

/// Every program of the table, and a person, who changes what the programs change.
async fn crowd(world: &World, stage: &Stage) -> BTreeMap<String, Worker> {
    let programs = Program::all();
    machine::settle(stage, &programs).await;
    let mut workers = BTreeMap::new();
    for program in programs {
        let worker = Worker {
            client: program.client(&world.plane).await,
            send: program.send.clone(),
            body: program.body.clone(),
            stopped: program.stopped,
        };
        workers.insert(program.user(), worker);
    }
    let person = Worker {
        client: person(world, "he", &[]).await,
        send: "PATCH /api/v1/namespaces/{frozen}/configmaps/flags".to_owned(),
        body: json!({ "data": { "banner": "by hand" } }),
        stopped: true,
    };
    workers.insert("he".to_owned(), person);
    workers
}

/// A freeze that stops the machine stops the surge: from before the declaration until after the return
/// network, storage, mesh, autoscalers, rollouts and GitOps go on, and only people and the automation that
/// the step names stand still, for as long as it is in force. It stands in the last stage here, which goes
/// back first: what it is for is back before it is lifted all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_works_on_while_a_mode_freezes_and_people_when_all_else_is_back() {
    let world = World::new().await;
    let stage = Stage {
        admin: world.client.clone(),
        clients: BTreeMap::new(),
        prefix: world.plane.namespace("crowd"),
        is_real: true,
    };
    let workers = crowd(&world, &stage).await;
    let space = stage.space("frozen");
    may_freeze(&world, &[&space]).await;
    let web = fleet::deployment(&world.namespace, "web", Some(3));
    world.apply("office", &web).await.expect("it is created");
    let world = world.started().await;
    let before = world.snapshot().await;
    let named = |stopped: bool| -> Vec<String> {
        let own = workers.iter().filter(|(_, one)| one.stopped == stopped);
        own.map(|(name, _)| name.clone()).collect()
    };
    let (machine, stopped) = (named(false), named(true));
    assert_eq!((machine.len(), stopped.len()), (9, 2));
    let everybody: Vec<String> = workers.keys().cloned().collect();
    let crowd = Crowd::of(stage, workers);
    assert_eq!(crowd.sorted().await, (everybody.clone(), Vec::new()));

    let mut asked = stages(&world, &json!({ "names": [space] }));
    let deployer = json!({ "kind": "ServiceAccount", "namespace": "ci", "name": "deployer" });
    asked[0]["steps"][0]["freeze"]["automation"] = json!([deployer]);
    asked[0]["dependsOn"] = json!(["surge"]);
    asked[1]["dependsOn"] = json!([]);
    world.switch("flood", &asked).await;
    assert_eq!(world.get("Deployment", "web").await["spec"]["replicas"], 9);
    assert_eq!(crowd.sorted().await, (machine.clone(), stopped));

    let [made] = freezes(&world).await.try_into().expect("one freeze");
    let uid = made.metadata.uid.expect("it has a uid");
    let seen = watched(&world).await;
    let closed = world.come_back("flood").await;
    assert_eq!(crowd.sorted().await, (everybody, Vec::new()));
    let all = crowd.so_far().came;
    for name in &machine {
        assert_eq!(all[name].stopped, 0, "{name}");
    }
    drop(crowd);
    let evidence = world.judge(Allowed::default()).await;
    is_lifted_last(&world, &seen, &uid, evidence.ledger(&closed)).await;
    world.compare(&before).await;
}

/// The operator writes the freeze with its own rights, so a playbook must not freeze by it what its
/// account may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_freezes_only_what_its_account_may_and_never_what_is_needed_to_repair() {
    let world = world().await;
    may_freeze(&world, &["another"]).await;
    let asked = stages(&world, &here(&world));
    world.publish("flood", world.playbook(&asked)).await;
    world.declare("flood", json!({})).await;
    let why = world.blocked("flood", "Unreadable").await;
    let rule = format!("resourceNames: [{}], verbs: [freeze]", world.namespace);
    assert!(
        why.contains("may not freeze") && why.contains(&rule),
        "{why}"
    );
    assert!(freezes(&world).await.is_empty());
    may_freeze(&world, &[&world.namespace]).await;
    world.phase("flood", Phase::Active).await;
    world.come_back("flood").await;

    // All of them are meant, and these are left out.
    let never = [
        "kube-system",
        "kube-public",
        names::DEFAULT_NAMESPACE,
        names::ACCOUNT_NAMESPACE,
    ];
    let mut named: Vec<&str> = never.to_vec();
    named.push(&world.namespace);
    may_freeze(&world, &named).await;
    let asked = stages(&world, &json!({ "names": named }));
    world.publish("wide", world.playbook(&asked)).await;
    world.declare("wide", json!({})).await;
    world.phase("wide", Phase::Active).await;
    let [made] = freezes(&world).await.try_into().expect("one freeze");
    let space = made.metadata.namespace.as_deref();
    assert_eq!(space, Some(&*world.namespace));
    world.come_back("wide").await;
    world.judge(Allowed::default()).await;
}

/// What only the freeze step may have the operator write, no playbook writes by `apply`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_cannot_write_a_freeze_of_its_own() {
    let world = world().await;
    let object = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze",
        "metadata": { "name": "pingzhan-freeze-0123456789abcdef", "namespace": world.namespace },
        "spec": { "mode": "flood" } });
    let asked =
        json!([{ "name": "calm", "steps": [{ "name": "own", "apply": { "objects": [object] } }] }]);
    let published = world.playbook(&asked);
    world.publish("flood", published).await;
    world.declare("flood", json!({})).await;
    let blocked = |reason: &str| reason == "PlanFaulty" || reason == "PlaybookInvalid";
    let mode = world
        .until("flood", "is blocked", |status| {
            let mut all = status.conditions.iter();
            all.any(|one| one.type_ == "Blocked" && one.status == "True" && blocked(&one.reason))
        })
        .await;
    assert!(mode.status.expect("a status").plan.is_none());
    assert!(freezes(&world).await.is_empty());
}

/// A freeze that is believed and not in force is worse than none: the stage fails, and says what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_policy_the_step_fails_and_says_what_is_missing() {
    let world = world().await;
    let he = person(&world, "he", &[]).await;
    // Whatever the server goes by yet, a freeze of its own shows: it must not be the former binding by which
    // the mode's is proven.
    let trial = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "ChangeFreeze",
        "metadata": { "name": "trial", "namespace": world.namespace }, "spec": { "mode": "trial" } });
    world
        .put(
            "pingzhan.dev/v1alpha1",
            "changefreezes",
            &world.namespace,
            trial,
        )
        .await;
    becomes(&he, &world.namespace, true).await;
    let at = format!("/apis/{GROUP}/{BINDINGS}/{}", names::FREEZE_POLICY);
    let audit = json!({ "spec": { "validationActions": ["Audit"] } });
    let request = http::Request::patch(at)
        .header("content-type", "application/merge-patch+json")
        .body(serde_json::to_vec(&audit).expect("JSON"));
    let weakened = world.client.request::<Value>(request.expect("a request"));
    weakened.await.expect("nothing guards it");
    becomes(&he, &world.namespace, false).await;
    let own = of(&world, &world.namespace);
    let lifted = own.delete("trial", &DeleteParams::default()).await;
    lifted.expect("the administrator may");
    let mut asked = stages(&world, &here(&world));
    asked[0]["steps"][0]["timeout"] = json!("15s");
    world.publish("flood", world.playbook(&asked)).await;
    world.declare("flood", json!({})).await;
    let why = world.blocked("flood", "ActFailed").await;
    assert!(why.contains("not in force in"), "{why}");
    assert!(why.contains("apply manifests/policies"), "{why}");
    assert_eq!(world.get("Deployment", "web").await["spec"]["replicas"], 3);
    world.come_back("flood").await;
    assert!(freezes(&world).await.is_empty());
    install(&world).await;
}

/// With no operator and no mode left, the records alone lift it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_alone_lift_a_freeze() {
    let mut world = world().await;
    let he = person(&world, "he", &[]).await;
    let before = world.snapshot().await;
    world.switch("flood", &stages(&world, &here(&world))).await;
    world.stop().await;
    let config = world.operator_config().await;
    let settings = world.settings("recovery");
    let wait = Duration::from_secs(30);
    let clock = Clock::machine();
    let restored =
        pingzhan::recover::restore(config, settings, clock, false, Some("flood"), wait, |_| {})
            .await;
    let restored = restored.expect("it is restored");
    assert!(restored[0].closed, "{restored:?}");
    assert!(freezes(&world).await.is_empty());
    becomes(&he, &world.namespace, false).await;
    world.compare(&before).await;
}

/// A new namespace that the playbook's selector means is frozen too, by a freeze of its own, and comes
/// back with the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_namespace_is_adopted_by_a_freeze_of_its_own() {
    let world = world().await;
    let (new, label) = (
        format!("{}-new", world.namespace),
        format!("{}-city", world.namespace),
    );
    may_freeze(&world, &[&world.namespace, &new]).await;
    let space = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": { "city": label } } })
    };
    world
        .put("v1", "namespaces", "", space(&world.namespace))
        .await;
    let asked = stages(&world, &json!({ "matchLabels": { "city": label } }));
    let mut playbook = world.playbook(&asked);
    playbook["newTargets"] = json!("Adopt");
    world.publish("flood", playbook).await;
    world.declare("flood", json!({})).await;
    world.phase("flood", Phase::Active).await;
    world.put("v1", "namespaces", "", space(&new)).await;
    let flags = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "carousel": "on" },
        "metadata": { "name": "flags", "namespace": new } });
    let he = person(&world, "he", &[COMMAND]).await;
    let api: Api<ConfigMap> = Api::namespaced(he.clone(), &new);
    let flags = serde_json::from_value(flags).expect("an object");
    let made = api.create(&kube::api::PostParams::default(), &flags).await;
    made.expect("who is excepted goes on");
    let he = person(&world, "he", &[]).await;
    becomes(&he, &new, true).await;
    let made = freezes(&world).await;
    let spaces = made.iter().map(|one| one.metadata.namespace.as_deref());
    let spaces: BTreeSet<Option<&str>> = spaces.collect();
    let both = BTreeSet::from([Some(&*world.namespace), Some(&*new)]);
    assert_eq!((made.len(), spaces), (2, both));
    assert_eq!(made[0].metadata.name, made[1].metadata.name, "of one step");
    world.come_back("flood").await;
    assert!(freezes(&world).await.is_empty());
    becomes(&he, &new, false).await;
}

/// Whoever stores the policy or its binding anew must find that it goes by the freezes that there are and by
/// those that come, and holds nobody for one that is lifted. With parameters of a kind of its own the API server
/// (1.36) goes by those that it knew at first until it is restarted: so a freeze is of a kind of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_policy_was_deleted_and_stored_again_freezes_come_and_go_as_before() {
    let plane = crate::support::cluster_alone("refrozen").await;
    let world = filled(World::on(plane).await).await;
    let he = person(&world, "he", &[]).await;
    let space = world.namespace.as_str();
    let rounds: [(&str, &[&str]); 3] = [
        ("flood", &[BINDINGS, POLICIES]),
        ("again", &[BINDINGS]),
        ("third", &[]),
    ];
    for (name, anew) in rounds {
        // From the second one on it is new to a policy that was stored again.
        world.switch(name, &stages(&world, &here(&world))).await;
        becomes(&he, space, true).await;
        for plural in anew {
            remove(&world, plural).await;
        }
        if !anew.is_empty() {
            // The server has noticed that it is gone.
            becomes(&he, space, false).await;
            install(&world).await;
            becomes(&he, space, true).await;
        }
        // It is over once it is proven that people are let in.
        world.come_back(name).await;
        assert!(freezes(&world).await.is_empty());
        becomes(&he, space, false).await;
    }
}

/// A namespace that ends is not kept by its freeze, nor the mode by the namespace: people may not delete what is
/// frozen, and a program that is not named may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_namespace_ends_wholly_and_its_mode_comes_back() {
    let plane = crate::support::cluster_with_controllers("frozen-end").await;
    let world = filled(World::on(plane).await).await;
    let quiet = format!("{}-quiet", world.namespace);
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": quiet } });
    world.put("v1", "namespaces", "", object).await;
    let both = [&*world.namespace, &*quiet];
    may_freeze(&world, &both).await;
    let asked = stages(&world, &json!({ "names": both }));
    world.switch("flood", &asked).await;
    assert_eq!(freezes(&world).await.len(), 2);

    let he = person(&world, "he", &[]).await;
    let delete = DeleteParams::default();
    let spaces: Api<Namespace> = Api::all(he.clone());
    let refused = spaces.delete(&quiet, &delete).await;
    let refused = refused.expect_err("it is frozen").to_string();
    assert!(
        refused.contains("holds delete of namespaces by he"),
        "{refused}"
    );
    let janitor = person(&world, "system:serviceaccount:platform:janitor", &[]).await;
    let spaces: Api<Namespace> = Api::all(janitor);
    let deleted = spaces.delete(&quiet, &delete).await;
    deleted.expect("no freeze holds a program that it does not name");
    let gone = async {
        while spaces.get_opt(&quiet).await.expect("an answer").is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, gone).await;
    in_time.expect("its freeze does not keep it");
    let [left] = freezes(&world).await.try_into().expect("one freeze");
    let space = left.metadata.namespace.as_deref();
    assert_eq!(space, Some(&*world.namespace));
    assert!(refusal(&he, &world.namespace).await.is_some());
    // That nothing holds there any more is said, by name.
    let is_said = |status: &pingzhan::api::EmergencyModeStatus| {
        let mut targets = status.targets.iter();
        targets.any(|one| {
            let message = one.message.as_deref().unwrap_or_default();
            one.namespace.as_deref() == Some(&*quiet) && message.contains("its namespace is gone")
        })
    };
    world.until("flood", "says what is gone", is_said).await;

    world.come_back("flood").await;
    assert!(freezes(&world).await.is_empty());
    becomes(&he, &world.namespace, false).await;
    assert_eq!(world.get("Deployment", "web").await["spec"]["replicas"], 3);
}
