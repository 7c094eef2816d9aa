//! The city of a simulated emergency: a sand table with the product's own kinds and rights, and
//! twelve workloads of every kind of owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use pingzhan::api::{EmergencyMode, kinds, names};
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::installed;
use pingzhan::sandtable::managed;
use pingzhan::sandtable::people::User;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use pingzhan::sandtable::standins::{self, Settings, Standins};
use pingzhan::sandtable::store::Change;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::closed;
use super::deeds::{self, Outside};
use super::story::Story;
use crate::faults::site::complete;
use crate::scenarios::fleet::{self, How, Owned};
use crate::scenarios::history::Event;
use crate::scenarios::world::{CLOSED_KINDS, KINDS, Objects, resource};

/// The namespace of the fleet.
pub const SPACE: &str = "citizen-services";
/// The namespace of its small part, so that one can end and others go on.
pub const ANNEX: &str = "district-services";
/// Both.
pub const SPACES: [&str; 2] = [SPACE, ANNEX];
/// What lives in the small one.
const OUTSIDE: [&str; 2] = ["both", "gateway"];
/// How many objects the playbook changes.
pub const TARGETS: usize = 12;
/// The seed of uids: one for all schedules, so that traces can be compared.
const UIDS: u64 = 7;
/// How long the cluster's own controllers take until a new fleet is at rest.
const SETTLED: Duration = Duration::from_secs(30);

/// When every simulation begins.
fn begin() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a time")
}

/// A city on the sand table.
pub struct City {
    /// The server, as an administrator.
    pub service: Service,
    /// The administrator's client.
    pub admin: Client,
    /// The server's clock, which is right.
    clock: Clock,
    /// The fleet before anybody declared anything.
    pub before: Objects,
    /// What happened before the server forgot it.
    kept: Mutex<Vec<Event>>,
    /// What calls and notifications reach.
    pub outside: Outside,
}

impl City {
    /// A city at peace; with the cluster's own controllers at work, where the story needs them.
    pub async fn new(story: &Story) -> Self {
        let clock = Clock::from(begin());
        let mut server = Server::new(schema::builtin(), UIDS, begin());
        // The judge looks at everything that happened.
        server.store.remember_at_most(usize::MAX);
        let service = Service::new(server, move || clock.now());
        let mut city = Self {
            admin: service.client(),
            service,
            clock,
            before: Objects::new(),
            kept: Mutex::default(),
            outside: Outside::default(),
        };
        city.found().await;
        for owned in owned() {
            city.write(&owned).await;
        }
        if story.closes {
            closed::found(&city).await;
            for owned in closed::more() {
                assert!(city.write(&owned).await, "{owned:?} is not accepted");
            }
        }
        if story.deeds {
            for owned in deeds::more() {
                city.write(&owned).await;
            }
            city.outside.is_bad(story.outside);
            tokio::spawn(complete(city.admin.clone()));
        }
        city.scale("capacity", "shared", 9).await;
        if story.has_controllers() {
            let standins = Standins::new(Settings::default());
            tokio::spawn(standins::drive(city.service.clone(), standins));
            sleep(SETTLED).await;
        }
        city.before = city.fleet();
        city
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Kinds, namespaces and rights: those of the operator as they are shipped.
    async fn found(&self) {
        for kind in kinds() {
            self.put(kind).await;
        }
        self.put(&fleet::pool_kind()).await;
        let own = [names::ACCOUNT_NAMESPACE, names::DEFAULT_NAMESPACE];
        for name in SPACES.into_iter().chain(own) {
            self.put(
                &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
            )
            .await;
        }
        for document in shipped() {
            self.put(&document).await;
        }
        self.put(&json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "flood", "namespace": names::ACCOUNT_NAMESPACE } }))
            .await;
        self.allow(true).await;
        let rbac = "rbac.authorization.k8s.io";
        self.put(&json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding",
            "metadata": { "name": "flood" },
            "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": "flood" },
            "subjects": [{ "kind": "ServiceAccount", "name": "flood", "namespace": names::ACCOUNT_NAMESPACE }] }))
            .await;
    }

    /// What the playbook's account may do: all that it needs, or only look.
    pub async fn allow(&self, writes: bool) {
        let mut verbs = vec!["get", "list", "watch"];
        if writes {
            verbs.extend(["patch", "create", "delete"]);
        }
        let mut rules = json!([
            { "apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": verbs },
            { "apiGroups": [""], "resources": ["configmaps"], "verbs": verbs },
            { "apiGroups": [fleet::GROUP], "resources": ["pools"], "verbs": verbs },
            { "apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": verbs },
            { "apiGroups": ["batch"], "resources": ["cronjobs", "cronjobs/status", "jobs"],
                "verbs": if writes { json!(["get", "list", "watch", "patch", "create"]) } else { json!(verbs) } },
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"] },
            { "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"] },
        ]);
        let closing = closed::rules(&verbs, writes);
        rules.as_array_mut().expect("a list").extend(closing);
        self.put(
            &json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": "flood" }, "rules": rules }),
        )
        .await;
    }

    /// Removes an object of any kind, where it is there.
    pub async fn delete(&self, object: &Value, name: &str) {
        let _ = self
            .api_of(object)
            .delete(name, &DeleteParams::default())
            .await;
    }

    /// The server forgets what happened so far: watches that are behind begin anew.
    ///
    /// The history is kept first, for the judge.
    pub fn forget(&self) {
        let events = self.recent();
        self.kept.lock().expect("no panic").extend(events);
        self.service.lock().store.compact();
    }

    /// A record vanishes, as it does where somebody restores a part of a store.
    pub fn lose(&self, record: usize) {
        self.vanish("changerecords", |number, _| number == record);
    }

    /// The first object of a kind of ours of which that is so, by its number and name, vanishes from the
    /// store, whatever its finalizers are.
    pub fn vanish(&self, plural: &str, is_it: impl Fn(usize, &str) -> bool) {
        let mut server = self.service.lock();
        let kind = server.kinds.find(names::GROUP, plural).cloned();
        let all = server.store.list(names::GROUP, plural, "", None);
        let mut keys = all.map(|(key, _)| key.clone()).enumerate();
        let found = keys.find(|(number, key)| is_it(*number, &key.name));
        let key = found.map(|(_, key)| key);
        drop(keys);
        if let (Some(kind), Some(key)) = (kind, key) {
            Server::drop(&mut server, &kind, &key);
        }
    }

    /// The mode's spec becomes what admission never lets through, as where it was away for a moment: nothing but
    /// the operator itself stands between this and what comes of it.
    pub fn slip(&self, change: impl FnOnce(&mut Value)) {
        let mut server = self.service.lock();
        let kind = server.kinds.find(names::GROUP, "emergencymodes").cloned();
        let mut all = server.store.list(names::GROUP, "emergencymodes", "", None);
        let found = all.find(|(key, _)| key.name == "flood");
        let found = found.map(|(key, object)| (key.clone(), Value::clone(object)));
        drop(all);
        if let (Some(kind), Some((key, mut object))) = (kind, found) {
            change(&mut object["spec"]);
            let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = (generation + 1).into();
            server.keep(&kind, key, object);
        }
    }

    /// Who the operators are.
    pub fn operator() -> User {
        User::account(names::DEFAULT_NAMESPACE, "pingzhan")
    }

    /// Applies an object as the platform's own tool does.
    pub async fn put(&self, object: &Value) {
        let params = PatchParams::apply("platform").force();
        let put = self
            .api_of(object)
            .patch(name_of(object), &params, &Patch::Apply(object))
            .await;
        put.unwrap_or_else(|error| panic!("{object} is not accepted: {error}"));
    }

    /// An owner writes its manifest as it always does; what the server says to it.
    pub async fn write(&self, owned: &Owned) -> bool {
        let manifest = &owned.manifest;
        let (params, patch) = match owned.how {
            How::Apply => (
                PatchParams::apply(owned.manager),
                Patch::Apply(manifest.clone()),
            ),
            How::ClientSide => {
                let mut object = manifest.clone();
                object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                    json!(manifest.to_string());
                let api = self.api_of(&object);
                if api
                    .get_opt(name_of(&object))
                    .await
                    .is_ok_and(|found| found.is_none())
                {
                    let typed = serde_json::from_value(object).expect("an object");
                    let params = kube::api::PostParams {
                        field_manager: Some(owned.manager.to_owned()),
                        ..Default::default()
                    };
                    return api.create(&params, &typed).await.is_ok();
                }
                let params = PatchParams {
                    field_manager: Some(owned.manager.to_owned()),
                    ..Default::default()
                };
                (params, Patch::Merge(object))
            }
        };
        let api = self.api_of(manifest);
        api.patch(name_of(manifest), &params, &patch).await.is_ok()
    }

    /// Sets a Deployment's count through the subresource, as people and capacity tools do.
    pub async fn scale(&self, manager: &str, name: &str, replicas: i64) -> bool {
        let api = self.api("Deployment", name);
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..Default::default()
        };
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        api.patch_scale(name, &params, &patch).await.is_ok()
    }

    /// The objects of a kind of the fleet, where the one of this name lives.
    pub fn api(&self, kind: &str, name: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin.clone(), space_of(name), &resource(kind))
    }

    /// A namespace is deleted, as by whoever thinks that it is another one's.
    pub async fn end(&self, space: &str) {
        let spaces: Api<Namespace> = Api::all(self.admin.clone());
        let _ = spaces.delete(space, &DeleteParams::default()).await;
    }

    /// The objects of the kind of this one.
    pub fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let plural = match kind.to_lowercase() {
            policy if policy.ends_with('y') => format!("{}ies", policy.trim_end_matches('y')),
            other => format!("{other}s"),
        };
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural,
        };
        match object["metadata"]["namespace"].as_str() {
            Some(space) => Api::namespaced_with(self.admin.clone(), space, &resource),
            None => Api::all_with(self.admin.clone(), &resource),
        }
    }

    /// The mode, as the server has it.
    pub fn mode(&self) -> Option<EmergencyMode> {
        let server = self.service.lock();
        let mut all = server.store.list(names::GROUP, "emergencymodes", "", None);
        let (_, mode) = all.next()?;
        serde_json::from_value(Value::clone(mode)).ok()
    }

    /// All modes.
    pub fn modes(&self) -> Vec<EmergencyMode> {
        let server = self.service.lock();
        let all = server.store.list(names::GROUP, "emergencymodes", "", None);
        all.filter_map(|(_, mode)| serde_json::from_value(Value::clone(mode)).ok())
            .collect()
    }

    /// The fleet, as the server has it, and what modes freeze.
    pub fn fleet(&self) -> Objects {
        let server = self.service.lock();
        let mut all = Objects::new();
        let fleet = KINDS.into_iter().chain(CLOSED_KINDS);
        let fleet = fleet.flat_map(|kind| SPACES.map(|space| (kind, space)));
        // A freeze is wherever something is frozen.
        for (kind, space) in fleet.chain([("ChangeFreeze", "")]) {
            let resource = resource(kind);
            let found = server
                .store
                .list(&resource.group, &resource.plural, space, None);
            for (key, object) in found {
                all.insert((kind.to_owned(), key.name.clone()), Value::clone(object));
            }
        }
        all
    }

    /// Everything that happened to the fleet, to modes, to records and to freezes.
    pub fn history(&self) -> Vec<Event> {
        let mut events = self.kept.lock().expect("no panic").clone();
        events.extend(self.recent());
        events
    }

    fn recent(&self) -> Vec<Event> {
        let watched: BTreeMap<(String, String), &str> = KINDS
            .into_iter()
            .chain(CLOSED_KINDS)
            .chain(["EmergencyMode", "ChangeRecord", "ChangeFreeze"])
            .map(|kind| (resource(kind), kind))
            .map(|(resource, kind)| ((resource.group, resource.plural), kind))
            .collect();
        let server = self.service.lock();
        let events = server.store.since(0).filter_map(|event| {
            let at = (event.key.group.clone(), event.key.plural.clone());
            let uid = event.object["metadata"]["uid"].as_str().unwrap_or_default();
            Some(Event {
                version: event.revision,
                kind: (*watched.get(&at)?).to_owned(),
                uid: uid.to_owned(),
                object: managed::unpacked(&event.object),
                removed: event.change == Change::Deleted,
            })
        });
        events.collect()
    }
}

/// Where a workload of this name lives.
pub fn space_of(name: &str) -> &'static str {
    if OUTSIDE.contains(&name) {
        ANNEX
    } else {
        SPACE
    }
}

/// The numbers of the targets that live in a namespace.
pub fn living_in(space: &str) -> Vec<usize> {
    let all = owned().into_iter().map(|one| one.manifest);
    let key = |object: Value| (object["kind"].to_string(), name_of(&object).to_owned());
    let keys: BTreeSet<(String, String)> = all.map(key).collect();
    let here = keys.iter().enumerate();
    let here = here.filter(|(_, (_, name))| space_of(name) == space);
    here.map(|(number, _)| number).collect()
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// What people apply beside the kinds: the operator's rights, and the rules of authority.
pub fn shipped() -> Vec<Value> {
    use serde::Deserialize as _;
    let texts = installed::shipped();
    let documents = texts
        .iter()
        .flat_map(|text| serde_yaml::Deserializer::from_str(text).map(Value::deserialize));
    documents
        .map(|one| one.expect("a document"))
        .filter(|one| !one.is_null())
        .collect()
}

/// Every manifest of the fleet.
pub fn owned() -> Vec<Owned> {
    let mut all = fleet::fleet(SPACE);
    all.push(Owned {
        manager: "helm",
        how: How::Apply,
        manifest: fleet::deployment(SPACE, "gateway", Some(12)),
    });
    for one in &mut all {
        let space = space_of(name_of(&one.manifest));
        one.manifest["metadata"]["namespace"] = json!(space);
    }
    all
}

/// The name of the other mode and of its playbook.
pub const SECOND: &str = "heat";

/// The playbook of a mode over some of the same fields: other values, the same value, and one that is
/// peacetime's.
pub fn second() -> Value {
    let set = |name: &str, replicas: i64, names: &[&str]| {
        json!({ "name": name, "scale": { "replicas": replicas },
            "targets": { "kinds": ["Deployment"], "namespaces": { "names": SPACES }, "names": names } })
    };
    json!({ "title": { "en": "Heat" }, "hazard": "Heatwave", "owner": "simulation",
        "serviceAccountName": "flood",
        "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers"],
            "quorum": { "I": 0, "II": 0, "III": 0, "IV": 0 } },
        "stages": [{ "name": "heat", "steps": [
            set("more", 30, &["both", "legacy"]),
            set("same", 1, &["idle"]),
            set("peace", 7, &["portal-web"]),
            { "name": "flags", "config": { "set": { "homepage.carousel": "slow" } },
              "targets": { "kinds": ["ConfigMap"], "namespaces": { "names": SPACES }, "names": ["portal-flags"] } },
        ] }] })
}

/// Names of the objects that the playbook makes.
pub const MADE: [&str; 2] = ["notice", "contacts"];

/// A stage that makes two objects, and adopts one that is there.
fn told() -> Value {
    let map = |name: &str, space: &str| {
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": space }, "data": { "text": "stay at home" } })
    };
    json!({ "name": "tell", "dependsOn": ["tune"], "steps": [
        { "name": "notices", "apply": { "objects": [map(MADE[0], SPACE), map(MADE[1], ANNEX)] } },
        { "name": "flags", "apply": { "objects": [map("empty-flags", SPACE)], "adopt": true } },
    ] })
}

/// The playbook: every kind of step, and one stage more at level I.
pub fn playbook(story: &Story) -> Value {
    let drift = &story.drift;
    let makes = story.makes;
    let mut stages = fleet::every_step(SPACE);
    let more = story.deeds.then(deeds::stages);
    stages
        .as_array_mut()
        .expect("stages")
        .extend(more.into_iter().flatten());
    stages[0]["steps"][0]["targets"]["namespaces"]["names"] = json!(SPACES);
    // Halved, what stands still is left alone.
    let wake = json!({
        "name": "wake",
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": SPACES }, "names": ["idle"] },
        "scale": { "replicas": 1 },
    });
    let steps = stages[0]["steps"].as_array_mut();
    steps.expect("steps").push(wake);
    // First, so that the gravest level has another value where the later stages have one for all.
    let deep = json!({ "name": "deep", "levels": ["I"], "steps": [{
        "name": "to-one",
        "targets": { "kinds": ["Deployment"], "namespaces": { "names": SPACES }, "names": ["shared", "gateway"] },
        "scale": { "replicas": 1 },
    }] });
    let all = stages.as_array_mut().expect("stages");
    all.insert(0, deep);
    if makes {
        all.push(told());
    }
    if story.closes {
        all.push(closed::stage());
    }
    json!({ "title": { "en": "Flood" }, "hazard": "Flood", "owner": "simulation",
        "serviceAccountName": "flood", "drift": drift,
        "authority": { "requesterGroups": ["emergency-duty"], "approverGroups": ["emergency-approvers", "emergency-command"],
            "breakGlassGroups": ["emergency-command"],
            "quorum": { "I": 2, "II": 2, "III": 1, "IV": 0 } },
        "stages": stages })
}
