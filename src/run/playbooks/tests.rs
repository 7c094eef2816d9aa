//! Tests of the playbooks' own loop, with a stand-in server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::cluster;
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::run::testing;

/// How often everything is looked at.
const EVERY: Duration = Duration::from_hours(1);
/// A kind that not every cluster serves.
const POOL: &str = "fleet.example.com/Pool";

/// A playbook of one step for objects of a kind, whose account has its name.
fn book(name: &str, kind: &str, generation: i64) -> Arc<Playbook> {
    let step = json!({ "name": "grow", "scale": { "replicas": 3 }, "targets": { "kinds": [kind],
        "namespaces": { "names": ["portal"] }, "names": ["a"] } });
    let spec = json!({ "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x",
        "serviceAccountName": name,
        "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
        "stages": [{ "name": "surge", "steps": [step] }] });
    let object = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook",
        "metadata": { "name": name, "uid": format!("uid-{name}"), "generation": generation },
        "spec": spec });
    Arc::new(serde_json::from_value(object).expect("a playbook"))
}

fn group(name: &str, kind: &str, plural: &str) -> Value {
    json!({ "metadata": { "name": name }, "versions": [{ "version": "v1", "resources": [{
        "resource": plural, "scope": "Namespaced",
        "responseKind": { "group": name, "version": "v1", "kind": kind } }] }] })
}

/// A cluster in which every account is there and may do everything.
fn answer(asked: &Asked, serves_pools: bool) -> Reply {
    let (path, _) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api"] => reply(200, json!({ "items": [] })),
        ["apis"] => {
            let mut groups = vec![group("apps", "Deployment", "deployments")];
            groups.extend(serves_pools.then(|| group("fleet.example.com", "Pool", "pools")));
            reply(200, json!({ "items": groups }))
        }
        ["api", "v1", "namespaces"] => {
            let portal = json!({ "metadata": { "name": "portal" } });
            reply(200, json!({ "metadata": {}, "items": [portal] }))
        }
        ["api", "v1", "namespaces", _, "serviceaccounts", name] => {
            reply(200, json!({ "metadata": { "name": name } }))
        }
        [
            "apis",
            "authorization.k8s.io",
            "v1",
            "selfsubjectrulesreviews",
        ] => {
            let all = json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] });
            let status = json!({ "incomplete": false, "resourceRules": [all] });
            reply(201, json!({ "status": status }))
        }
        [
            "apis",
            "pingzhan.dev",
            "v1alpha1",
            "playbooks",
            name,
            "status",
        ] => {
            let object = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook",
                "metadata": { "name": name } });
            reply(200, object)
        }
        _ => reply(404, json!({})),
    }
}

/// The loop at work.
struct Desk {
    server: Fake,
    playbooks: watch::Sender<Playbooks>,
    metrics: Metrics,
}

impl Desk {
    fn begin(
        server: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        playbooks: &[(&str, Result<Arc<Playbook>, String>)],
    ) -> Self {
        let server = Fake::new(server);
        let (own, accounts) = cluster::over(server.client(), None);
        let (playbooks, known) = watch::channel(all(playbooks));
        let (_, listed) = watch::channel(true);
        let (metrics, registry) = (Metrics::new(), Registry::default());
        registry.listed();
        let settings = Settings {
            readiness: Some(EVERY),
            ..testing::settings()
        };
        let readiness = Readiness {
            discovery: Discovery::new(own.reads.clone()),
            own,
            accounts,
            settings,
            clock: Clock::from(Timestamp::UNIX_EPOCH),
            metrics: metrics.clone(),
            registry,
            playbooks: known,
        };
        tokio::spawn(readiness.run(listed));
        Self {
            server,
            playbooks,
            metrics,
        }
    }

    /// Everything that was said of a playbook's readiness: status, reason and message.
    fn said(&self, name: &str) -> Vec<(String, String, String)> {
        let place = format!("/playbooks/{name}/status");
        let asked = self.server.requests().into_iter();
        let statuses = asked.filter(|one| one.method == "PATCH" && one.path.contains(&place));
        let said = statuses.map(|one| {
            let written = one.body.as_array().and_then(|all| all.last());
            let status = &written.expect("an operation")["value"];
            let ready = &status["conditions"][0];
            let word = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
            (word("status"), word("reason"), word("message"))
        });
        said.collect()
    }

    /// What was said last: status, reason and message.
    fn last(&self, name: &str) -> [String; 3] {
        let said = self.said(name).pop().expect("it is said");
        said.into()
    }

    /// What whoever is alerted by it counts.
    fn counted(&self, name: &str) -> i64 {
        let labels = PlaybookLabels {
            playbook: name.to_owned(),
        };
        self.metrics.ready.get_or_create(&labels).get()
    }

    fn is_ready(&self, name: &str) {
        let [status, reason, message] = self.last(name);
        assert_eq!((&*status, &*reason), ("True", "Ready"), "{message}");
        assert_eq!(self.counted(name), 1);
    }

    /// That it is not ready, for this reason, and that it says so.
    fn is_not(&self, name: &str, status: &str, reason: &str, says: &str) {
        let [is, why, message] = self.last(name);
        assert_eq!((&*is, &*why), (status, reason), "{message}");
        assert!(message.contains(says), "{message}");
        assert_eq!(self.counted(name), 0);
    }
}

fn all(playbooks: &[(&str, Result<Arc<Playbook>, String>)]) -> Playbooks {
    let playbooks = playbooks.iter();
    let playbooks = playbooks.map(|(name, known)| ((*name).to_owned(), known.clone()));
    Arc::new(playbooks.collect())
}

async fn pass(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

/// That a CRD is missing must be found out on a quiet day, and nobody should have to touch the playbook once
/// it is installed.
#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_is_named_until_it_is() {
    let served = Arc::new(AtomicBool::default());
    let there = served.clone();
    let desk = Desk::begin(
        move |asked| answer(asked, there.load(Ordering::SeqCst)),
        &[
            ("pools", Ok(book("pools", POOL, 1))),
            ("web", Ok(book("web", "Deployment", 1))),
        ],
    );
    pass(Duration::from_mins(10)).await;
    let says = "surge/grow: fleet.example.com/Pool is not served by this cluster";
    desk.is_not("pools", "False", "RightsMissing", says);
    desk.is_ready("web");
    served.store(true, Ordering::SeqCst);
    pass(EVERY).await;
    desk.is_ready("pools");
    desk.is_ready("web");
}

/// Whoever mends a playbook has to read what is wrong with it, also where the server would not take that at
/// first, and must not have to do more than mend it.
#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_read_is_said_once_until_it_is_mended_and_others_are_looked_at() {
    let statuses = AtomicUsize::new(0);
    let server = move |asked: &Asked| {
        let of_heat = asked.path.contains("/playbooks/heat/status");
        if of_heat && statuses.fetch_add(1, Ordering::SeqCst) == 0 {
            return reply(
                500,
                json!({ "kind": "Status", "code": 500, "message": "not now" }),
            );
        }
        answer(asked, false)
    };
    let flood = || ("flood", Ok(book("flood", "Deployment", 1)));
    let broken = || ("heat", Err("missing field `title`".to_owned()));
    let desk = Desk::begin(server, &[flood(), broken()]);
    pass(Duration::from_secs(10)).await;
    desk.is_ready("flood");
    assert_eq!(desk.said("heat").len(), 1, "the server would not take it");
    pass(AGAIN).await;
    assert_eq!(desk.said("heat").len(), 2, "it is said again");
    let says = "it cannot be read: missing field `title`; `pingzhan lint` says where";
    desk.is_not("heat", "False", "Invalid", says);
    pass(3 * EVERY).await;
    assert_eq!(desk.said("heat").len(), 2, "it is said already");
    let mended = ("heat", Ok(book("heat", "Deployment", 2)));
    desk.playbooks.send_replace(all(&[flood(), mended]));
    pass(Duration::from_secs(10)).await;
    desk.is_ready("heat");
    desk.playbooks.send_replace(all(&[flood(), broken()]));
    pass(Duration::from_secs(10)).await;
    desk.is_not("heat", "False", "Invalid", says);
}

/// A defect that one playbook shows must neither stop the look at the others nor leave an old `Ready` on it.
#[tokio::test(start_paused = true)]
async fn one_at_which_the_program_fails_is_said_and_others_are_looked_at() {
    let broken = Arc::new(AtomicBool::new(true));
    let fails = broken.clone();
    let server = move |asked: &Asked| {
        let of_it = asked.path.contains("/serviceaccounts/flood");
        assert!(!of_it || !fails.load(Ordering::SeqCst), "on purpose");
        answer(asked, false)
    };
    let books = [
        ("flood", Ok(book("flood", "Deployment", 1))),
        ("heat", Ok(book("heat", "Deployment", 1))),
    ];
    let desk = Desk::begin(server, &books);
    pass(Duration::from_secs(10)).await;
    let says = "pingzhan failed at this playbook, and leaves it alone";
    desk.is_not("flood", "Unknown", "NotChecked", says);
    desk.is_ready("heat");
    broken.store(false, Ordering::SeqCst);
    pass(EVERY).await;
    desk.is_ready("flood");
}
