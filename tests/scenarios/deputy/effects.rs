//! Everything that may not have changed: what governs the cluster, what lies in wait, and all that a step can
//! change. Our own modes, playbooks and records are judged otherwise, leases and events are kept by programs;
//! freezes count as what is changed.

use std::collections::BTreeMap;

use kube::api::{Api, ListParams};
use pingzhan::api::{ChangeRecord, RecordType};
use serde_json::{Value, json};

use crate::scenarios::world::World;

/// Lists of objects of which every version counts.
const LISTS: [&str; 26] = [
    "/api/v1/configmaps",
    "/api/v1/limitranges",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/pods",
    "/api/v1/resourcequotas",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/pingzhan.dev/v1alpha1/changefreezes",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
];
/// Lists of objects of which the API server itself writes the status.
const KEPT: [&str; 4] = [
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/apiregistration.k8s.io/v1/apiservices",
    "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
];

async fn read(world: &World, path: &str) -> Value {
    let request = http::Request::get(path)
        .body(Vec::new())
        .expect("a request");
    let answered = world.client.request::<Value>(request).await;
    answered.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where each object is, and which version it has.
pub async fn everything(world: &World) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let lists = LISTS.iter().map(|path| (path, "resourceVersion"));
    let kept = KEPT.iter().map(|path| (path, "generation"));
    for (path, version) in lists.chain(kept) {
        let list = read(world, path).await;
        for item in list["items"].as_array().into_iter().flatten() {
            let metadata = &item["metadata"];
            let text = |field: &str| metadata[field].as_str().unwrap_or_default();
            let key = format!("{path} {}/{}", text("namespace"), text("name"));
            let fields = [
                "uid",
                version,
                "deletionTimestamp",
                "labels",
                "annotations",
                "ownerReferences",
                "finalizers",
            ];
            all.insert(key, json!(fields.map(|field| &metadata[field])));
        }
    }
    all
}

/// What of two looks differs.
pub fn differing(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let keys = before.keys().chain(after.keys());
    let mut changed: Vec<String> = keys
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    changed.sort();
    changed.dedup();
    changed
}

/// Records that say of a change that it was to be made, or what became of it: the names of their modes.
pub async fn intents(world: &World) -> Vec<String> {
    let api: Api<ChangeRecord> = Api::all(world.client.clone());
    let all = api.list(&ListParams::default()).await;
    let records = all.expect("records are listed").into_iter();
    let writes = records.filter(|record| {
        let kinds = [RecordType::Intents, RecordType::Outcomes];
        kinds.contains(&record.spec.type_)
    });
    writes.map(|record| record.spec.mode.name).collect()
}
