//! The playbooks for floods and for cyber incidents on a real API server, with the rights of their account
//! files and no others: each step of the gravest level is carried out, and everything is as it was, owners
//! included. A part of the city is enough for that. Nothing makes pods here: what waits for them is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Config;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use pingzhan::api::{
    ChangeRecord, EmergencyMode, EmergencyModeStatus, Phase, Playbook, PlaybookSpec, names,
};
use pingzhan::field::exact;
use pingzhan::ledger::{ActState, Direction, Ledger, State as EntryState};
use pingzhan::run::clock::Clock;
use pingzhan::run::operator::{self, Settings};
use pingzhan::run::signal::Signals;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::loaded::{found, made, whole};
use super::played::{self, settings, write_as};
use super::{cyber, flood};
use crate::fleet::table::Tier;
use crate::fleet::{self, City};
use crate::scenarios::least::{denies, plan_says};
use crate::support::people::person;
use crate::support::{self, ControlPlane};

/// The name of the mode, as people of the city write it.
const NAME: &str = "flood";
/// The longest wait for anything: what is waited for is looked at every few seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// One playbook, and who carries it out on what.
struct Story {
    playbook: &'static str,
    spec: PlaybookSpec,
    /// The account file, as it ships.
    account: &'static str,
    /// Who declares and stands down, and in whose name.
    officer: (&'static str, &'static str),
    approvers: &'static [&'static str],
    /// The channel over which people are told.
    channel: &'static str,
    /// The stage and the step of the one gate.
    gate: (&'static str, &'static str),
    city: City,
}

/// These departments of the city. No autoscaler drives what people depend on: none is at work here, and what
/// it drives would never be as many as are waited for.
fn part(namespaces: &[&str]) -> City {
    let mut city = fleet::yunxi();
    let departments = &mut city.departments;
    departments.retain(|one| namespaces.contains(&one.namespace.as_str()));
    assert_eq!(departments.len(), namespaces.len());
    let critical = departments
        .iter_mut()
        .filter(|one| one.tier == Tier::Critical);
    for workload in critical.flat_map(|one| &mut one.workloads) {
        (workload.hpa, workload.keda) = (None, None);
    }
    city
}

/// A channel to somebody on loopback, and how often they were told.
async fn channel(name: &str) -> (Signals, Arc<AtomicUsize>) {
    async fn told(State(count): State<Arc<AtomicUsize>>) {
        count.fetch_add(1, Ordering::SeqCst);
    }
    let count = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(told).with_state(count.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let signals = support::signals(name, &format!("http://{address}/"));
    (signals, count)
}

/// An operator under its own identity.
struct Operator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), operator::Error>>,
}

impl Operator {
    async fn of(plane: &ControlPlane, signals: Signals) -> Self {
        let read = Kubeconfig::read_from(plane.operator()).expect("the kubeconfig is readable");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(read, &options).await;
        let config = config.expect("the kubeconfig names a server");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let settings = Settings {
            signals: Arc::new(signals),
            ..settings()
        };
        let task = tokio::spawn(operator::run(config, settings, Clock::machine(), stopped));
        Self { stop, task }
    }

    async fn ends(self) {
        self.stop.send(()).expect("the operator runs");
        let ended = self.task.await.expect("no panic");
        ended.expect("it ends in peace");
    }
}

/// An emergency on a plane of its own.
struct Emergency {
    story: Story,
    plane: ControlPlane,
    modes: Api<EmergencyMode>,
}

impl Emergency {
    /// The city at peace, and the account with what its file gives it.
    async fn prepare(story: Story) -> Self {
        let plane = support::cluster_alone(story.playbook).await;
        let admin = &plane.client;
        found(admin, &story.city).await;
        for document in serde_yaml::Deserializer::from_str(story.account) {
            let object = Value::deserialize(document).expect("YAML");
            cyber::apply(admin, "admin", &object).await;
        }
        let playbooks: Api<Playbook> = Api::all(admin.clone());
        let playbook = Playbook::new(story.playbook, story.spec.clone());
        let published = playbooks.create(&PostParams::default(), &playbook).await;
        published.expect("the playbook is accepted");
        let modes = Api::all(admin.clone());
        Self {
            story,
            plane,
            modes,
        }
    }

    /// The account lacks nothing that the plan asks for, to change or to know.
    fn has_all_rights(&self) {
        let engineer = self.plane.identity("engineer", &["system:masters"]);
        let (space, name) = (
            names::ACCOUNT_NAMESPACE,
            &self.story.spec.service_account_name,
        );
        // As we name it, and as the API server does.
        let account = [format!("{space}/{name}"), format!("{space}:{name}")];
        let said = plan_says(&engineer, self.story.playbook);
        let of_account = |one: &str| account.iter().any(|name| one.contains(name));
        let lacks = |one: &&String| denies(one) && of_account(one);
        let lacking: Vec<&String> = said.iter().filter(lacks).collect();
        assert!(lacking.is_empty(), "{lacking:#?}");
    }

    /// Waits until the status says something.
    async fn until(
        &self,
        what: &str,
        says: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> EmergencyModeStatus {
        let holds = |mode: Option<&EmergencyMode>| {
            let status = mode.and_then(|mode| mode.status.as_ref());
            status.is_some_and(&says)
        };
        let waited = await_condition(self.modes.clone(), NAME, holds);
        match tokio::time::timeout(PATIENCE, waited).await {
            Ok(Ok(Some(mode))) => mode.status.unwrap_or_default(),
            Ok(other) => panic!("the watch on the mode ended: {other:?}"),
            Err(_) => {
                let mode = self.modes.get(NAME).await.expect("the mode is there");
                panic!("the mode never {what}: {:#?}", mode.status);
            }
        }
    }

    async fn waits_for(&self, what: &str) {
        let says = |status: &EmergencyModeStatus| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            said.contains(what)
        };
        self.until(&format!("says {what}"), says).await;
    }

    async fn write(&self, spec: Value) {
        write_as(self.story.officer, &self.plane.client, spec).await;
    }

    /// Declares at the gravest level, and has the plan approved.
    async fn declare(&self) {
        let (name, group) = self.story.officer;
        let declared = serde_json::from_value(json!({
            "playbookRef": { "name": self.story.playbook }, "level": "I", "reason": "it is grave",
            "requestedBy": name, "requestedAs": group, "expiresAfter": "24h",
        }));
        let mode = EmergencyMode::new(NAME, declared.expect("a mode"));
        let officer: Api<EmergencyMode> = Api::all(person(&self.plane.client, name, group));
        let created = officer.create(&PostParams::default(), &mode).await;
        created.expect("the mode is accepted");
        let planned = self.until("has a plan", |status| status.plan.is_some());
        let hash = planned.await.plan.expect("a plan").hash;
        let mut approvals = Vec::new();
        for by in self.story.approvers {
            approvals.push(json!({ "by": by, "as": "emergency-approvers", "planHash": hash }));
            self.write(json!({ "approvals": approvals })).await;
        }
    }

    /// Somebody says that it goes on, once they are asked.
    async fn answer(&self) {
        let (stage, step) = self.story.gate;
        self.waits_for(&format!("{stage}/{step} waits for: an answer"))
            .await;
        let answer = json!({ "stage": stage, "step": step, "answer": "Proceed",
            "by": "wang", "as": "emergency-command" });
        self.write(json!({ "answers": [answer] })).await;
    }

    /// Says of what people depend on that as many are ready as are wanted, as the cluster's controllers do:
    /// they go on in a freeze.
    async fn are_ready(&self) {
        let manager = "system:kube-controller-manager";
        let manager = self.plane.client_as(manager, &["system:masters"]).await;
        let params = PatchParams::default();
        let departments = self.story.city.departments.iter();
        for department in departments.filter(|one| one.tier == Tier::Critical) {
            let api: Api<Deployment> = Api::namespaced(manager.clone(), &department.namespace);
            let all = api.list(&ListParams::default()).await;
            for deployment in all.expect("they are listed") {
                let wanted = deployment.spec.and_then(|spec| spec.replicas);
                let status = json!({ "observedGeneration": 99, "replicas": wanted,
                    "readyReplicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted });
                let name = deployment.metadata.name.expect("a name");
                let patch = Patch::Merge(json!({ "status": status }));
                let told = api.patch_status(&name, &params, &patch).await;
                told.expect("the status is accepted");
            }
        }
    }

    /// The mode's journal, which has to be whole.
    async fn ledger(&self) -> Ledger {
        let api: Api<ChangeRecord> = Api::all(self.plane.client.clone());
        let records = api.list(&ListParams::default()).await;
        let records = records.expect("records are listed").into_iter();
        let specs: Vec<_> = records.map(|record| record.spec).collect();
        let mode = specs[0].mode.clone();
        assert!(specs.iter().all(|spec| spec.mode == mode));
        Ledger::fold(mode, specs).expect("the journal is whole")
    }

    /// Every step is carried out: what changes something has changes, all of them in force, and what changes
    /// nothing has ended well.
    async fn is_carried_out(&self, status: &EmergencyModeStatus) {
        let failed: Vec<_> = status.stages.iter().filter(|one| one.failed > 0).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let ledger = self.ledger().await;
        let mut changed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for entry in ledger.entries.values() {
            assert_eq!(entry.state, EntryState::Applied, "{entry:?}");
            let key = (&*entry.stage, &*entry.step);
            *changed.entry(key).or_default() += 1;
        }
        let done: BTreeSet<(&str, &str)> = ledger
            .acts
            .iter()
            .filter(|(_, act)| act.state == ActState::Done)
            .map(|((stage, step), _)| (stage.as_str(), step.as_str()))
            .collect();
        for stage in &self.story.spec.stages {
            for step in &stage.steps {
                let key = (stage.name.as_str(), step.name.as_str());
                let acts = [
                    step.wait.is_some(),
                    step.gate.is_some(),
                    step.notify.is_some(),
                ];
                if acts.contains(&true) {
                    assert!(done.contains(&key), "{key:?}: {:?}", ledger.acts);
                } else {
                    assert!(changed.contains_key(&key), "{key:?} changes nothing");
                }
            }
        }
        let planned = status.plan.as_ref().expect("a plan").changes;
        assert_eq!(i64::try_from(ledger.entries.len()), Ok(planned));
    }

    /// The journal says that all of it is given back, and it is.
    async fn is_as_it_was(&self, before: &played::Whole, changes: usize) {
        let ledger = self.ledger().await;
        assert_eq!(ledger.direction, Direction::Closed);
        assert_eq!(ledger.entries.len(), changes);
        for entry in ledger.entries.values() {
            assert_eq!(entry.state, EntryState::OwnersBack, "{entry:?}");
        }
        let after = whole(&self.plane.client, &self.story.city).await;
        for (place, was) in before {
            let differs = exact::differences(was, &after[place]);
            assert!(differs.is_empty(), "{place:?}: {differs:?}");
        }
        assert_eq!(made(&self.plane.client).await, BTreeSet::new());
    }

    /// From the declaration to the return; `wartime` is what is waited for and done before people are asked.
    async fn play(&self, wartime: impl AsyncFnOnce(&Self)) {
        self.has_all_rights();
        let before = whole(&self.plane.client, &self.story.city).await;
        let (signals, told) = channel(self.story.channel).await;
        let operator = Operator::of(&self.plane, signals).await;
        self.declare().await;
        wartime(self).await;
        self.answer().await;
        let active = |status: &EmergencyModeStatus| status.phase == Some(Phase::Active);
        let status = self.until("is in force", active).await;
        // People are told meanwhile: nothing waits for that.
        let ends = async {
            while told.load(Ordering::SeqCst) == 0 || !self.is_told().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, ends).await;
        in_time.expect("people are told");
        self.is_carried_out(&status).await;
        let changes = self.ledger().await.entries.len();
        self.write(json!({ "posture": "Peacetime" })).await;
        let closed = |status: &EmergencyModeStatus| status.phase == Some(Phase::Closed);
        self.until("is over", closed).await;
        self.is_as_it_was(&before, changes).await;
        assert_eq!(told.load(Ordering::SeqCst), 1, "they are told once");
        operator.ends().await;
    }

    /// Whether the journal says so of every act.
    async fn is_told(&self) -> bool {
        let ledger = self.ledger().await;
        let mut acts = ledger.acts.values();
        acts.all(|act| act.state == ActState::Done)
    }
}

/// What is published for cyber incidents closes doors with rights that nobody has looked at in peacetime: it
/// has to go through as it ships, where the API server itself says who may give what, and leave no trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_playbook_for_cyber_incidents_is_carried_out_and_back() {
    let story = Story {
        playbook: "cyber-incident",
        spec: cyber::spec(),
        account: cyber::ACCOUNT,
        officer: cyber::SECURITY,
        approvers: &["lin"],
        channel: "departments",
        gate: ("public", "confirm"),
        city: part(&[
            "portal",
            "hotline",
            "medical-insurance",
            "housing-fund",
            "audit",
        ]),
    };
    let emergency = Emergency::prepare(story).await;
    let admin = &emergency.plane.client;
    cyber::hit(admin).await;
    let before = cyber::now(admin).await;
    emergency.play(async |_| {}).await;
    for (was, is) in before.iter().zip(cyber::now(admin).await) {
        assert_eq!(exact::differences(was, &is), Vec::<String>::new());
    }
}

/// The same of the playbook for floods: eight kinds of owners, autoscalers, GitOps at its roots, a freeze, cuts,
/// rights, and counters that people decide about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_playbook_for_floods_is_carried_out_and_back() {
    let story = Story {
        playbook: "flood-response",
        spec: flood::spec(),
        account: played::ACCOUNT,
        officer: played::OFFICER,
        approvers: &["lin", "chen"],
        channel: "districts",
        gate: ("counters", "confirm"),
        city: part(&[
            "portal",
            "hotline",
            "medical-insurance",
            "household",
            "counters",
            "housing-fund",
            "audit",
        ]),
    };
    let emergency = Emergency::prepare(story).await;
    let wartime = async |emergency: &Emergency| {
        emergency.waits_for("surge/wait-critical waits for").await;
        emergency.are_ready().await;
    };
    emergency.play(wartime).await;
}
