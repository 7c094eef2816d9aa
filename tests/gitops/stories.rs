//! What is played: a GitOps rival without any suspension, with one that is not at the root, and with one
//! that is; and one that never goes on again.

use std::time::Duration;

use jiff::Timestamp;
use pingzhan::api::condition::types;
use pingzhan::api::{EmergencyModeStatus, Phase, names};
use pingzhan::field::exact;
use pingzhan::run::clock::Clock;
use pingzhan::run::operator;
use pingzhan::sandtable::people::User;
use serde_json::{Value, json};

use super::reconcilers::{ARGO, HELM, KUSTOMIZE};
use super::sites::{DEPLOYMENTS, PEACE, Site, WAR};
use super::witness::most_in_a_minute;
use crate::city::played::{installed, settings};
use crate::scenarios::world::World;

/// Longest wait on a real server: a fight takes some seconds, on a busy machine many more.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longest wait in paused time.
const PAUSED: Duration = Duration::from_hours(1);
/// Most writes of a target in a minute while it is held; one more brought it there.
const REWRITES: usize = 3;

/// What is suspended before anything is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    /// Not the roots.
    Children,
    All,
}

fn stages(namespace: &str, hold: Hold) -> Value {
    let here = json!({ "names": [namespace] });
    let mut targets = json!({ "namespaces": here, "kinds": [
        "kustomize.toolkit.fluxcd.io/Kustomization", "helm.toolkit.fluxcd.io/HelmRelease",
        "argoproj.io/Application", "argoproj.io/Rollout"] });
    if hold == Hold::Children {
        targets["names"] = json!(["city"]);
    }
    let shed = json!({ "name": "shed", "steps": [{ "name": "shrink", "scale": { "replicas": WAR },
        "targets": { "namespaces": here, "kinds": ["Deployment"], "names": DEPLOYMENTS } }] });
    if hold == Hold::Nothing {
        return json!([shed]);
    }
    let mut shed = shed;
    shed["dependsOn"] = json!(["protect"]);
    json!([{ "name": "protect", "steps": [{ "name": "hold", "suspend": {}, "targets": targets }] }, shed])
}

/// The fields that are held, and what they are to have.
fn fields_of(hold: Hold) -> Vec<(&'static str, &'static str, &'static str, Option<Value>)> {
    let mut fields: Vec<_> = DEPLOYMENTS
        .into_iter()
        .map(|name| ("Deployment", name, "/spec/replicas", Some(json!(WAR))))
        .collect();
    let names: &[&'static str] = match hold {
        Hold::Nothing => &[],
        Hold::Children => &["city"],
        Hold::All => &["city", "root"],
    };
    for name in names.iter().copied() {
        fields.push(("Kustomization", name, "/spec/suspend", Some(json!(true))));
        fields.push(("Application", name, "/spec/syncPolicy/automated", None));
    }
    fields
}

fn said<'a>(status: &'a EmergencyModeStatus, type_: &str) -> Option<&'a str> {
    let mut conditions = status.conditions.iter();
    let found = conditions.find(|one| one.type_ == type_ && one.status == "True")?;
    Some(&found.message)
}

fn phase(wanted: Phase) -> impl Fn(&EmergencyModeStatus) -> bool {
    move |status| status.phase == Some(wanted)
}

/// A rival that is not held is named, and fought at most three times a minute; whatever came of the
/// fight, after the return everything is as Git has it, and GitOps goes on.
async fn is_contested(site: &Site, hold: Hold, rivals: &[&str]) {
    let before = site.all().await;
    site.declare(&stages(&site.namespace, hold)).await;
    site.until("is contested", |status| {
        let said = said(status, types::CONTESTED).unwrap_or_default();
        rivals.iter().all(|rival| said.contains(rival))
    })
    .await;
    let mut fought = 0;
    for (kind, name, pointer, value) in fields_of(hold) {
        let writes = site.witness.writes(kind, name, pointer, value.as_ref());
        let most = most_in_a_minute(&writes);
        fought += usize::from(most > REWRITES);
        assert!(
            most <= REWRITES + 1,
            "{kind} {name}: {most} writes in a minute"
        );
    }
    assert!(fought >= rivals.len(), "{fought} targets were fought over");
    site.stand_down().await;
    let closed = site.until("is over", phase(Phase::Closed)).await;
    assert_eq!(said(&closed, types::DEGRADED), None);
    goes_on(site).await;
    // Whoever fought has written since; what was written is what Git has, and nothing of ours is left.
    for (was, is) in before.iter().zip(site.all().await) {
        assert_eq!(was["spec"], is["spec"], "{}", is["metadata"]["name"]);
        assert_eq!(is["metadata"]["labels"].get(names::HELD_BY_LABEL), None);
        let managers = is["metadata"]["managedFields"].as_array().expect("owners");
        let ours = |entry: &Value| {
            entry["manager"]
                .as_str()
                .is_some_and(|name| name.starts_with("pingzhan"))
        };
        assert!(!managers.iter().any(ours), "{is}");
    }
}

/// A rival that is held at its root writes nothing for as long as the emergency lasts, and everything
/// is exact afterwards, owners and all.
async fn is_held(site: &Site, how_long: Duration) {
    let before = site.all().await;
    site.declare(&stages(&site.namespace, Hold::All)).await;
    site.until("is active", phase(Phase::Active)).await;
    tokio::time::sleep(how_long).await;
    let active = site.until("is active", phase(Phase::Active)).await;
    assert_eq!(said(&active, types::CONTESTED), None);
    assert_eq!(said(&active, types::DRIFTED), None);
    assert_eq!(
        site.get("Rollout", "city").await["spec"]["paused"],
        json!(true)
    );
    for (kind, name, pointer, value) in fields_of(Hold::All) {
        let writes = site.witness.writes(kind, name, pointer, value.as_ref());
        assert_eq!(writes.len(), 1, "{kind} {name}");
    }
    site.stand_down().await;
    let closed = site.until("is over", phase(Phase::Closed)).await;
    assert_eq!(said(&closed, types::DEGRADED), None);
    for name in DEPLOYMENTS {
        assert_eq!(
            site.get("Deployment", name).await["spec"]["replicas"],
            json!(PEACE)
        );
    }
    goes_on(site).await;
    for (was, is) in before.iter().zip(site.all().await) {
        let differs = exact::differences(was, &is);
        assert_eq!(
            differs,
            Vec::<String>::new(),
            "{} {}",
            is["kind"],
            is["metadata"]["name"]
        );
    }
}

/// Whether Flux and Argo CD go on: what the mode said before it was over, or what follows within an
/// interval where it had suspended nothing.
async fn goes_on(site: &Site) {
    site.reconcilers.pass().await;
    site.reconcilers.pass().await;
    for (kind, name) in [
        ("Kustomization", "root"),
        ("Kustomization", "city"),
        ("HelmRelease", "city"),
    ] {
        let object = site.get(kind, name).await;
        let status = &object["status"];
        assert_eq!(status["conditions"][0]["status"], "True", "{kind} {name}");
        assert_eq!(
            status["observedGeneration"], object["metadata"]["generation"],
            "{kind} {name}"
        );
    }
    for name in ["root", "city"] {
        let object = site.get("Application", name).await;
        assert_eq!(object["status"]["sync"]["status"], "Synced", "{name}");
    }
}

/// A real server, with a site on it and an operator.
async fn real() -> (World, Site) {
    let mut world = World::new().await;
    let site = Site::prepare(world.client.clone(), &world.namespace, PATIENCE).await;
    world.start().await;
    (world, site)
}

/// A sand table with the same.
async fn sand() -> Site {
    let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
    let clock = Clock::from(begin);
    let service = installed(&clock);
    let site = Site::prepare(service.client(), "city", PAUSED).await;
    let own = service.of(User::account(names::DEFAULT_NAMESPACE, "pingzhan"));
    let forever = std::future::pending();
    tokio::spawn(operator::run_over(own.client(), settings(), clock, forever));
    site
}

/// Three controllers at once, each in its own way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rivals_that_nothing_suspends_are_named_on_the_real_server() {
    let (_world, site) = real().await;
    is_contested(&site, Hold::Nothing, &[KUSTOMIZE, HELM, ARGO]).await;
}

/// What applies a suspended child puts that back: the root is the rival.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_that_is_not_at_the_root_is_contested_on_the_real_server() {
    let (_world, site) = real().await;
    is_contested(&site, Hold::Children, &[KUSTOMIZE, ARGO]).await;
}

/// Longer than three intervals of every controller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_at_the_root_holds_and_goes_on_exactly_on_the_real_server() {
    let (_world, site) = real().await;
    is_held(&site, Duration::from_secs(8)).await;
}

/// The same as on the real server.
#[tokio::test(start_paused = true)]
async fn rivals_that_nothing_suspends_are_named_on_the_sand_table() {
    is_contested(&sand().await, Hold::Nothing, &[KUSTOMIZE, HELM, ARGO]).await;
}

/// The same as on the real server.
#[tokio::test(start_paused = true)]
async fn a_suspension_that_is_not_at_the_root_is_contested_on_the_sand_table() {
    is_contested(&sand().await, Hold::Children, &[KUSTOMIZE, ARGO]).await;
}

/// Two hours, which only paused time has.
#[tokio::test(start_paused = true)]
async fn a_suspension_at_the_root_holds_and_goes_on_exactly_on_the_sand_table() {
    is_held(&sand().await, Duration::from_hours(2)).await;
}

/// Whoever reads that the emergency is over reads in the same place what does not go on.
#[tokio::test(start_paused = true)]
async fn what_never_goes_on_again_is_named_when_the_mode_closes() {
    let site = sand().await;
    site.declare(&stages(&site.namespace, Hold::All)).await;
    site.until("is active", phase(Phase::Active)).await;
    site.reconcilers.break_down("HelmRelease", "city");
    site.reconcilers.break_down("Application", "city");
    site.stand_down().await;
    let waits = site
        .until("waits", |status| {
            let said = status.waiting_on.as_deref().unwrap_or_default();
            said.contains("2 GitOps objects to be Ready or Synced again: ")
        })
        .await;
    // Everything else is back while it waits.
    let counts = waits.counts.expect("counts");
    assert_eq!((counts.applied, counts.restored), (0, 9));
    let closed = site.until("is over", phase(Phase::Closed)).await;
    let degraded = said(&closed, types::DEGRADED).expect("a condition");
    for named in ["Application city/city", "HelmRelease city/city"] {
        assert!(degraded.contains(named), "{degraded}");
    }
}
