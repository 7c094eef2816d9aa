//! People of tests: each act on a mode is made by who it is of, so that the API server checks it as it
//! would in an emergency.

use http::{HeaderName, HeaderValue, Request};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::client::Body;
use pingzhan::api::{ChangeRecord, EmergencyMode, names};
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

/// The group that RBAC lets do everything: what is left to stop these people are the rules of authority.
const MASTERS: &str = "system:masters";

/// A client of a person who is in this group, over one of an administrator.
pub fn person(admin: &Client, name: &str, group: &str) -> Client {
    let value = |text: &str| HeaderValue::from_str(text).expect("a name that a header can carry");
    let headers = [("user", name), ("group", group), ("group", MASTERS)].map(|(what, text)| {
        let header = HeaderName::try_from(format!("impersonate-{what}"));
        (header.expect("a header"), value(text))
    });
    let client = admin.clone();
    let service = service_fn(move |mut request: Request<Body>| {
        let (client, headers) = (client.clone(), headers.clone());
        async move {
            for (header, text) in headers {
                request.headers_mut().append(header, text);
            }
            client.send(request).await.map_err(BoxError::from)
        }
    });
    Client::new(service, admin.default_namespace())
}

/// A client of the operator's own account, whom RBAC lets do everything: for what only the operator may
/// write, where a test plays it.
pub fn operator(admin: &Client) -> Client {
    let space = names::DEFAULT_NAMESPACE;
    let user = format!("system:serviceaccount:{space}:pingzhan");
    person(admin, &user, &format!("system:serviceaccounts:{space}"))
}

/// Whether a policy refuses what is marked to be refused by it, as the operator tries it.
pub async fn refusal_by(operator: &Client, policy: &str) -> bool {
    let record = json!({
        "metadata": { "name": "probe-000001", "labels": { names::PROBE_LABEL: policy } },
        "spec": { "format": 1, "mode": { "name": "probe", "uid": "probe" }, "sequence": 1, "epoch": 0,
            "at": "1970-01-01T00:00:00Z", "prev": "", "type": "Turn", "turn": { "kind": "Leader" } },
    });
    let api: Api<ChangeRecord> = Api::all(operator.clone());
    let record = serde_json::from_value(record).expect("a record");
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&params, &record).await.is_err()
}

/// Takes a mode's object away, finalizer and all, as only somebody can who has the operator's own
/// account: whoever else tries is refused.
pub async fn take_away(admin: &Client, name: &str) {
    let modes: Api<EmergencyMode> = Api::all(operator(admin));
    let params = PatchParams::default();
    let over = Patch::Merge(json!({ "status": { "phase": "Closed" } }));
    let told = modes.patch_status(name, &params, &over).await;
    told.expect("the operator may write the status");
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    let freed = modes.patch(name, &params, &free).await;
    freed.expect("the operator may remove its finalizer");
    let deleted = modes.delete(name, &DeleteParams::default()).await;
    deleted.expect("what is closed and free may be deleted");
}

/// Who acts in a change of a mode: by whom its newest item is, where there is one.
pub fn who_acts(spec: &Value) -> Option<(&str, &str)> {
    let fields = spec.as_object().into_iter().flatten();
    let newest =
        fields.filter_map(|(_, value)| value.as_array().map_or(Some(value), |all| all.last()));
    let mut acts = newest.filter_map(|act| Some((act["by"].as_str()?, act["as"].as_str()?)));
    acts.next()
}
