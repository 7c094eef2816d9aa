//! The whole operator on the sand table, in paused time: hours of an emergency in a second of a test.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};

use jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, CustomResourceExt};
use pingzhan::api::{ChangeRecord, EmergencyMode, EmergencyModeStatus, Phase, Playbook};
use pingzhan::run::clock::Clock;
use pingzhan::run::{lease, operator, retention};
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::{Answered, Service};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

const SPACE: &str = "citizen-services";
const ACCOUNTS: &str = "pingzhan-playbooks";
/// How long a person waits for something, in paused time.
const PATIENCE: Duration = Duration::from_mins(30);

/// A city on the sand table.
struct City {
    service: Service,
    admin: Client,
}

fn begin() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a time")
}

impl City {
    async fn new(deployments: usize) -> Self {
        let clock = Clock::from(begin());
        let server = Server::new(schema::builtin(), 7, begin());
        let service = Service::new(server, move || clock.now());
        let city = Self {
            admin: service.client(),
            service,
        };
        for crd in [EmergencyMode::crd(), Playbook::crd(), ChangeRecord::crd()] {
            city.put(&json!(crd)).await;
        }
        for name in [SPACE, ACCOUNTS, "pingzhan-system"] {
            let space =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            city.put(&space).await;
        }
        city.authorize().await;
        for number in 0..deployments {
            city.put(&deployment(number)).await;
        }
        city
    }

    /// The playbook's account may what it needs, and no more.
    async fn authorize(&self) {
        let rbac = "rbac.authorization.k8s.io/v1";
        self.put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "flood", "namespace": ACCOUNTS } }))
            .await;
        self.put(&json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": { "name": "flood" },
            "rules": [
                { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch", "patch"] },
                { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"] },
                { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"] },
            ] }))
            .await;
        self.put(&json!({ "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": { "name": "flood" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flood" },
            "subjects": [{ "kind": "ServiceAccount", "name": "flood", "namespace": ACCOUNTS }] }))
            .await;
    }

    /// Applies an object as the platform's own tool would.
    async fn put(&self, object: &Value) {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        let space = text("/metadata/namespace");
        let api: Api<DynamicObject> = if space.is_empty() {
            Api::all_with(self.admin.clone(), &resource)
        } else {
            Api::namespaced_with(self.admin.clone(), space, &resource)
        };
        let params = PatchParams::apply("platform").force();
        let put = api
            .patch(text("/metadata/name"), &params, &Patch::Apply(object))
            .await;
        put.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
    }

    /// All workloads as they are, without what counts changes.
    async fn workloads(&self) -> BTreeMap<String, Value> {
        let api: Api<k8s_openapi::api::apps::v1::Deployment> =
            Api::namespaced(self.admin.clone(), SPACE);
        let all = api
            .list(&ListParams::default())
            .await
            .expect("workloads are listed");
        let bare = all.items.iter().map(|workload| {
            let mut object = json!(workload);
            for member in ["resourceVersion", "generation"] {
                object["metadata"]
                    .as_object_mut()
                    .expect("metadata")
                    .remove(member);
            }
            (workload.metadata.name.clone().unwrap_or_default(), object)
        });
        bare.collect()
    }

    /// An operator that runs until what is returned is dropped, or until it dies.
    fn operator(&self, identity: &str, death: Death) -> oneshot::Sender<()> {
        let (stop, stopped) = oneshot::channel();
        let settings = operator::Settings {
            namespace: "pingzhan-system".into(),
            accounts_namespace: ACCOUNTS.into(),
            identity: identity.into(),
            concurrency: 8,
            address: None,
            record_retention: retention::DEFAULT,
            lease: lease::DEFAULT,
        };
        let masters = User::authenticated("pingzhan", &["system:masters"]);
        let mortal = Mortal {
            service: self.service.of(masters),
            death,
        };
        let client = Client::new(mortal, "default");
        let clock = Clock::from(begin());
        tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            let ended = operator::run_over(client, settings, clock, until).await;
            ended.expect("the operator ends in peace");
        });
        stop
    }

    async fn until(
        &self,
        what: &str,
        holds: impl Fn(&EmergencyModeStatus) -> bool,
    ) -> EmergencyModeStatus {
        let modes: Api<EmergencyMode> = Api::all(self.admin.clone());
        let looks = async {
            loop {
                let mode = modes.get("flood").await.expect("the mode is there");
                let status = mode.status.unwrap_or_default();
                if holds(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        if let Ok(status) = tokio::time::timeout(PATIENCE, looks).await {
            return status;
        }
        let mode = modes.get("flood").await.expect("the mode is there");
        panic!("flood never {what}: {:#}", json!(mode.status));
    }

    async fn ask(&self, spec: Value) {
        let modes: Api<EmergencyMode> = Api::all(self.admin.clone());
        let patch = Patch::Merge(json!({ "spec": spec }));
        let changed = modes.patch("flood", &PatchParams::default(), &patch).await;
        changed.expect("the change is accepted");
    }
}

fn deployment(number: usize) -> Value {
    let name = format!("portal-web-{number}");
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": SPACE, "labels": { "tier": "web" } },
        "spec": { "replicas": 3 + number % 4, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] } } } })
}

fn playbook() -> Value {
    json!({ "title": { "en": "Flood" }, "hazard": "Flood", "owner": "simulation",
        "serviceAccountName": "flood",
        "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers"],
            "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 } },
        "stages": [{ "name": "surge", "steps": [{ "name": "portals",
            "targets": { "kinds": ["apps/Deployment"], "namespaces": { "names": [SPACE] } },
            "scale": { "replicas": 9 } }] }] })
}

/// When a process dies: at which of its writes, and whether that one still takes effect. What only
/// keeps the lease is not counted. Until then, its requests may meet trouble.
#[derive(Clone)]
struct Death {
    writes: Arc<AtomicUsize>,
    at: usize,
    takes_effect: bool,
    trouble: Option<Trouble>,
}

/// Faults from a seed: of a hundred requests five each are refused for want of the server (500), for
/// too many requests (429, come back in a second), or carried out without an answer in time (504).
#[derive(Clone)]
struct Trouble {
    seed: u64,
    drawn: Arc<AtomicUsize>,
}

/// What a request meets.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    Before(u16),
    After(u16),
}

impl Trouble {
    fn of(seed: u64) -> Self {
        Self {
            seed,
            drawn: Arc::default(),
        }
    }

    fn draw(&self) -> Fault {
        let number = self.drawn.fetch_add(1, Ordering::SeqCst);
        let digest = Sha256::digest(format!("{}/{number}", self.seed));
        match digest[0] % 100 {
            0..5 => Fault::Before(500),
            5..10 => Fault::Before(429),
            10..15 => Fault::After(504),
            _ => Fault::Nothing,
        }
    }
}

/// The answer of a server in trouble.
fn refused(code: u16) -> Response<Answered> {
    let reason = if code == 429 {
        "TooManyRequests"
    } else {
        "InternalError"
    };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": "the server is in trouble" });
    let body = http_body_util::Full::new(bytes::Bytes::from(status.to_string()));
    let mut response = Response::new(Answered::new(body));
    *response.status_mut() = http::StatusCode::from_u16(code).expect("a code");
    if code == 429 {
        response
            .headers_mut()
            .insert("retry-after", http::HeaderValue::from_static("1"));
    }
    response
}

impl Death {
    fn at(at: usize, takes_effect: bool) -> Self {
        Self {
            writes: Arc::default(),
            at,
            takes_effect,
            trouble: None,
        }
    }

    /// It never dies, but lives in trouble.
    fn trouble(seed: u64) -> Self {
        Self {
            trouble: Some(Trouble::of(seed)),
            ..Self::never()
        }
    }

    fn never() -> Self {
        Self::at(usize::MAX, true)
    }

    fn is_dead(&self) -> bool {
        self.writes.load(Ordering::SeqCst) >= self.at
    }
}

/// A connection of a process that may die: from then on nothing it sends arrives, and no answer comes.
#[derive(Clone)]
struct Mortal {
    service: Service,
    death: Death,
}

impl tower::Service<Request<kube::client::Body>> for Mortal {
    type Response = Response<Answered>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let Self { service, death } = self.clone();
        Box::pin(async move {
            if death.is_dead() {
                return std::future::pending().await;
            }
            let counts =
                request.method() != Method::GET && !request.uri().path().contains("/leases");
            let number = if counts {
                death.writes.fetch_add(1, Ordering::SeqCst) + 1
            } else {
                0
            };
            if number == death.at && !death.takes_effect {
                return std::future::pending().await;
            }
            let fault = death.trouble.as_ref().map_or(Fault::Nothing, Trouble::draw);
            if let Fault::Before(code) = fault {
                return Ok(refused(code));
            }
            let answer = service.answer(request).await;
            if let Fault::After(code) = fault {
                return Ok(refused(code));
            }
            if death.is_dead() {
                return std::future::pending().await;
            }
            Ok(answer)
        })
    }
}

/// An emergency from the declaration to the last owner, with one operator that may die and one that
/// stands by. Gives how many writes the first one made.
async fn emergency(targets: usize, death: Death) -> usize {
    let city = City::new(targets).await;
    let before = city.workloads().await;
    let playbooks: Api<Playbook> = Api::all(city.admin.clone());
    let spec = serde_json::from_value(playbook()).expect("a playbook");
    let published = playbooks
        .create(&PostParams::default(), &Playbook::new("flood", spec))
        .await;
    published.expect("the playbook is accepted");
    let first = city.operator("one", death.clone());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let standby = Death {
        trouble: death.trouble.clone(),
        ..Death::never()
    };
    let second = city.operator("two", standby);
    let spec = serde_json::from_value(json!({ "playbookRef": { "name": "flood" }, "level": "III",
        "reason": "the river rises", "requestedBy": "duty-officer-zhou",
        "requestedAs": "emergency-duty", "expiresAfter": "4h" }));
    let mode = EmergencyMode::new("flood", spec.expect("a mode"));
    let modes: Api<EmergencyMode> = Api::all(city.admin.clone());
    let declared = modes.create(&PostParams::default(), &mode).await;
    declared.expect("the mode is accepted");

    let planned = city
        .until("has a plan", |status| status.plan.is_some())
        .await;
    let hash = planned.plan.expect("a plan").hash;
    let approval = json!({ "by": "lin", "as": "emergency-approvers", "planHash": hash });
    city.ask(json!({ "approvals": [approval] })).await;
    city.until("is Active", |status| status.phase == Some(Phase::Active))
        .await;
    let during = city.workloads().await;
    assert_eq!(during.len(), targets);
    for (name, workload) in &during {
        assert_eq!(workload["spec"]["replicas"], 9, "{name}");
    }
    city.ask(json!({ "posture": "Peacetime" })).await;
    city.until("is Closed", |status| status.phase == Some(Phase::Closed))
        .await;
    assert_eq!(
        city.workloads().await,
        before,
        "the operator died at {}",
        death.at
    );
    drop((first, second));
    death.writes.load(Ordering::SeqCst)
}

/// The promise, without a cluster: everything is switched, and every workload comes back as it was,
/// owners included.
#[tokio::test(start_paused = true)]
async fn a_fleet_is_switched_and_comes_back_exactly() {
    emergency(40, Death::never()).await;
}

/// Targets of the emergencies that are played again and again.
const TARGETS: usize = 6;

/// Plays one emergency in paused time.
fn play(death: Death) -> usize {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    runtime
        .expect("a runtime")
        .block_on(emergency(TARGETS, death))
}

/// Wherever the operator dies, the next one brings everything back exactly: before and after each of
/// its writes, from the first record to the last owner.
#[test]
fn an_operator_that_dies_at_any_write_is_followed_by_one_that_ends_it_exactly() {
    let writes = play(Death::never());
    assert!(
        writes > 3 * TARGETS,
        "{writes} writes are no whole emergency"
    );
    for at in 1..=writes {
        for takes_effect in [false, true] {
            let reached = play(Death::at(at, takes_effect));
            assert!(reached >= at, "the operator did not live to its write {at}");
        }
    }
    println!("{} of {} deaths came back exactly", 2 * writes, 2 * writes);
}

/// A server in trouble makes an emergency slow, never wrong.
#[test]
fn an_emergency_on_a_server_in_trouble_ends_exactly() {
    const SEEDS: u64 = 60;
    for seed in 0..SEEDS {
        println!("seed {seed}");
        play(Death::trouble(seed));
    }
    println!("{SEEDS} of {SEEDS} emergencies in trouble ended exactly");
}
