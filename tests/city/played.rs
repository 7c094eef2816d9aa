//! The playbook for floods is played on the city: the operator with its own rights, the playbook's account
//! with those of its account file, from the declaration to the exact return, in paused time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use pingzhan::api::{EmergencyMode, EmergencyModeStatus, Phase, Playbook, kinds, names};
use pingzhan::field::exact;
use pingzhan::run::clock::Clock;
use pingzhan::run::operator::{self, Settings};
use pingzhan::run::{lease, retention};
use pingzhan::sandtable::installed::shipped;
use pingzhan::sandtable::load;
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::standins::{self, Standins};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::flood::spec;
use super::loaded::{Place, found, made, whole};
use crate::fleet::table::{Access, Tier};
use crate::fleet::{self, City};
use crate::support::people::{person, who_acts};
use pingzhan::rehearsal::keda;

/// Who declares and stands down, and in whose name.
pub const OFFICER: (&str, &str) = ("zhou", "emergency-duty");
/// The playbook's account with its rights.
pub const ACCOUNT: &str = include_str!("../../playbooks/flood-response/account.yaml");
/// A department that is frozen, and what an engineer tries to change in it.
const FROZEN: (&str, &str) = ("hotline", "hotline-knowledge");
/// Every object of the city.
pub type Whole = BTreeMap<Place, Value>;
const NAME: &str = "flood";
/// How long the cluster's own controllers take until the city is at rest.
const SETTLED: Duration = Duration::from_mins(1);
/// How long anything may take, in the time of the story: stages wait a minute for what does not become
/// ready, and here nothing does.
const PATIENCE: u32 = 1800;

/// A sand table on which Pingzhan is installed.
pub fn installed(clock: &Clock) -> Service {
    let now = clock.now();
    let mut server = Server::new(schema::builtin(), 7, now);
    for kind in kinds() {
        load::manifests(&mut server, &kind.to_string(), now).expect("it is accepted");
    }
    for text in shipped().iter().map(String::as_str).chain([ACCOUNT]) {
        load::manifests(&mut server, text, now).expect("they are accepted");
    }
    let clock = *clock;
    Service::new(server, move || clock.now())
}

pub fn settings() -> Settings {
    Settings {
        namespace: names::DEFAULT_NAMESPACE.into(),
        accounts_namespace: names::ACCOUNT_NAMESPACE.into(),
        identity: "operator".into(),
        concurrency: 8,
        address: None,
        record_retention: retention::DEFAULT,
        lease: lease::settings(15),
        signals: std::sync::Arc::default(),
        readiness: None,
    }
}

/// The workloads whose count an autoscaler drives.
fn driven(city: &City) -> BTreeSet<Place> {
    let all = city.workloads();
    let driven = all.filter(|(_, one)| one.hpa.is_some() || one.keda.is_some());
    driven
        .map(|(department, one)| {
            let kind = one.kind.name().to_owned();
            (kind, department.namespace.clone(), one.name.clone())
        })
        .collect()
}

/// Waits until the mode is as wanted.
pub async fn until(
    modes: &Api<EmergencyMode>,
    wanted: impl Fn(&EmergencyModeStatus) -> bool,
) -> EmergencyModeStatus {
    let mut last = EmergencyModeStatus::default();
    for _ in 0..PATIENCE {
        sleep(Duration::from_secs(1)).await;
        let mode = modes.get(NAME).await.expect("the mode is there");
        last = mode.status.unwrap_or_default();
        if wanted(&last) {
            return last;
        }
    }
    panic!("it did not come: {last:?}");
}

pub async fn write(admin: &Client, spec: Value) {
    write_as(OFFICER, admin, spec).await;
}

/// The same by who acts in it, or else by this person.
pub async fn write_as(who: (&str, &str), admin: &Client, spec: Value) {
    let (name, group) = who_acts(&spec).unwrap_or(who);
    let modes: Api<EmergencyMode> = Api::all(person(admin, name, group));
    let patch = Patch::Merge(json!({ "spec": spec }));
    let written = modes.patch(NAME, &PatchParams::default(), &patch).await;
    written.expect("the mode is changed");
}

pub fn phase(wanted: Phase) -> impl Fn(&EmergencyModeStatus) -> bool {
    move |status| status.phase == Some(wanted)
}

/// Publishes the playbook, declares at level II and approves what was planned.
pub async fn declare(admin: &Client, modes: &Api<EmergencyMode>) {
    let playbooks: Api<Playbook> = Api::all(admin.clone());
    let playbook = Playbook::new("flood-response", spec());
    let published = playbooks.create(&PostParams::default(), &playbook).await;
    published.expect("the playbook is accepted");
    let declared = serde_json::from_value(json!({
        "playbookRef": { "name": "flood-response" }, "level": "II", "reason": "the river rises",
        "requestedBy": OFFICER.0, "requestedAs": OFFICER.1, "expiresAfter": "24h",
    }));
    let mode = EmergencyMode::new(NAME, declared.expect("a mode"));
    let officer: Api<EmergencyMode> = Api::all(person(admin, OFFICER.0, OFFICER.1));
    let created = officer.create(&PostParams::default(), &mode).await;
    created.expect("the mode is accepted");
    let plan = until(modes, |status| status.plan.is_some()).await.plan;
    let hash = plan.expect("a plan").hash;
    let approval = |by: &str| json!({ "by": by, "as": "emergency-approvers", "planHash": hash });
    write(admin, json!({ "approvals": [approval("lin")] })).await;
    let both = [approval("lin"), approval("chen")];
    write(admin, json!({ "approvals": both })).await;
}

/// What the playbook makes: kind and namespace, and how many.
fn to_be_made(city: &City) -> BTreeMap<(String, String), usize> {
    let of = |kind: &str, namespace: &str| (kind.to_owned(), namespace.to_owned());
    let critical = city.departments.iter();
    let critical = critical.filter(|one| one.tier == Tier::Critical && !one.exclude);
    let mut made: BTreeMap<_, _> = critical
        .flat_map(|department| {
            [("NetworkPolicy", 2), ("ChangeFreeze", 1)]
                .map(|(kind, many)| (of(kind, &department.namespace), many))
        })
        .collect();
    made.insert(of("RoleBinding", "medical-insurance"), 1);
    made
}

/// Whether suppliers have no rights any more, and every way to the counters leads to the page.
fn is_closed(city: &City, wartime: &Whole) {
    let of_suppliers = |one: &&Access| one.party.is_some();
    for department in city.departments.iter().filter(|one| !one.exclude) {
        let namespace = || department.namespace.clone();
        for access in department.access.iter().filter(of_suppliers) {
            let place = ("RoleBinding".to_owned(), namespace(), access.name.clone());
            assert_eq!(wartime[&place].get("subjects"), None, "{place:?}");
        }
        for route in &department.routes {
            let place = ("HTTPRoute".to_owned(), namespace(), route.name.clone());
            let rules = wartime[&place]["spec"]["rules"].as_array();
            for rule in rules.expect("a route has rules") {
                let to_page = rule["backendRefs"][0]["name"] == "emergency-page";
                assert_eq!(to_page, department.service == "counters", "{place:?}");
            }
        }
    }
    for access in city.access.iter().filter(of_suppliers) {
        let place = (
            "ClusterRoleBinding".to_owned(),
            String::new(),
            access.name.clone(),
        );
        assert_eq!(wartime[&place].get("subjects"), None, "{place:?}");
    }
}

/// Whether an engineer is let change what people depend on.
async fn may_change(admin: &Client) -> bool {
    let (namespace, name) = FROZEN;
    let he: Api<Deployment> = Api::namespaced(person(admin, "he", "platform"), namespace);
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "seen-by": "he" } } }));
    match he.patch(name, &PatchParams::default(), &patch).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.message.contains("change freeze") => false,
        Err(error) => panic!("neither let nor stopped: {error}"),
    }
}

/// Whether all targets are held, and nothing else differs but what autoscalers made of it.
fn is_at_war(city: &City, before: &Whole, wartime: &Whole, targets: usize) {
    let marked = |object: &Value| {
        object["metadata"]["labels"]
            .get(names::HELD_BY_LABEL)
            .is_some()
    };
    let ours = wartime.values().filter(|object| marked(object));
    assert_eq!(ours.count(), targets);
    // What else differs is what autoscalers made of what they were told.
    let driven = driven(city);
    for (place, was) in before.iter().filter(|(place, _)| !marked(&wartime[*place])) {
        let differs = exact::differences(was, &wartime[place]);
        let told = place.0 == "HorizontalPodAutoscaler" && place.2.starts_with("keda-hpa-");
        assert!(
            differs.is_empty() || told || driven.contains(place),
            "{place:?}: {differs:?}"
        );
    }
}

/// How everything differs from what it was.
pub fn unlike(city: &City, before: &Whole, after: &Whole) -> Vec<String> {
    let driven = driven(city);
    let mut all = Vec::new();
    for (place, was) in before {
        let mut differs = exact::differences(was, &after[place]);
        // Counts that an autoscaler drives, and who owns them, are its own, as documented.
        differs.retain(|one| !(driven.contains(place) && one.contains("replicas")));
        all.extend(differs.iter().map(|what| format!("{place:?}: {what}")));
    }
    all
}

/// Answers the one gate, once it asks.
pub async fn answer(admin: &Client, modes: &Api<EmergencyMode>) {
    let asks = |status: &EmergencyModeStatus| {
        let said = status.waiting_on.as_deref().unwrap_or_default();
        said.contains("counters/confirm waits for: an answer")
    };
    until(modes, asks).await;
    let answer = json!({ "stage": "counters", "step": "confirm", "answer": "Proceed",
        "by": "wang", "as": "emergency-command" });
    write(admin, json!({ "answers": [answer] })).await;
}

/// The city at peace, with the cluster's own controllers and KEDA at work.
pub struct Peace {
    pub clock: Clock,
    pub service: Service,
    pub admin: Client,
    pub city: City,
    /// Everything of it, whole.
    pub before: Whole,
}

/// A city on a sand table of its own, at rest.
pub async fn at_peace() -> Peace {
    let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
    let clock = Clock::from(begin);
    let service = installed(&clock);
    let (admin, city) = (service.client(), fleet::yunxi());
    found(&admin, &city).await;
    let standins = Standins::new(standins::Settings::default());
    tokio::spawn(standins::drive(service.clone(), standins));
    tokio::spawn(keda::play(service.of(keda::user()).client()));
    sleep(SETTLED).await;
    let before = whole(&admin, &city).await;
    Peace {
        clock,
        service,
        admin,
        city,
        before,
    }
}

/// What a city adopts must come back as it was, of eight kinds of owners, with the rights of its account file
/// and no others; and of what it made nothing may be left.
#[tokio::test(start_paused = true)]
async fn the_playbook_for_floods_is_played_and_everything_is_as_it_was() {
    let Peace {
        clock,
        service,
        admin,
        city,
        before,
    } = at_peace().await;
    let own = service.of(User::account(names::DEFAULT_NAMESPACE, "pingzhan"));
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(operator::run_over(own.client(), settings(), clock, stopped));

    let modes: Api<EmergencyMode> = Api::all(admin.clone());
    declare(&admin, &modes).await;
    answer(&admin, &modes).await;
    let active = until(&modes, phase(Phase::Active)).await;
    let stages = active.stages.iter();
    let stages: BTreeMap<&str, (i64, i64, i64)> = stages
        .map(|stage| {
            (
                stage.name.as_str(),
                (stage.changes, stage.applied, stage.failed),
            )
        })
        .collect();
    let expected = [
        ("protect", (32, 32, 0)),
        ("shed", (37, 37, 0)),
        // Of level I alone.
        ("spare", (0, 0, 0)),
        ("surge", (35, 35, 0)),
        ("access", (22, 22, 0)),
        ("counters", (4, 4, 0)),
    ];
    assert_eq!(stages, expected.into());
    let wartime = whole(&admin, &city).await;
    let own = made(&admin).await;
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (kind, namespace, _) in &own {
        *places.entry((kind.clone(), namespace.clone())).or_default() += 1;
    }
    assert_eq!(places, to_be_made(&city));
    let targets = active.plan.expect("a plan").targets;
    let targets = usize::try_from(targets).expect("a count");
    is_at_war(&city, &before, &wartime, targets - own.len());
    is_closed(&city, &wartime);
    assert!(!may_change(&admin).await);

    write(&admin, json!({ "posture": "Peacetime" })).await;
    until(&modes, phase(Phase::Closed)).await;
    let after = whole(&admin, &city).await;
    assert_eq!(unlike(&city, &before, &after), Vec::<String>::new());
    assert_eq!(made(&admin).await, BTreeSet::new());
    assert!(may_change(&admin).await);
    stop.send(()).expect("the operator runs");
    task.await.expect("no panic").expect("it ends in peace");
}
