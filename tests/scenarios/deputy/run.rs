//! Somebody else's programs: Jobs in namespaces of others, with accounts of others, next to the node.
//!
//! Where nothing is ever touched no Job runs, whatever its account may make; what it may be elsewhere is what
//! its account may make: that is refused by the API server, as the account, when it is carried out.

use serde_json::{Value, json};

use super::case::{Account, By, Family, SOON, Table, act};
use super::own::{MARKED, NEVER};

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Run;
    as_written(table);
    elsewhere(table);
    inside_out(table);
    let step = run(&table.ground.space, &pods(&json!({})));
    table.take("a Job of its own", step);
}

/// The spec of a Job whose pods have these fields.
fn pods(more: &Value) -> Value {
    let mut spec = json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] });
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({ "template": { "spec": spec } })
}

fn run(space: &str, job: &Value) -> Value {
    act(
        "run",
        &json!({ "namespace": space, "job": job, "irreversible": true }),
    )
}

/// What can be said of it without a cluster.
fn as_written(table: &mut Table<'_>) {
    let own = table.ground.space.clone();
    for place in [
        "${parameters.place}",
        "kube-system/pods",
        "Kube-System",
        "../kube-system",
    ] {
        let (space, _) = table.one_of(&NEVER);
        let step = run(place, &pods(&json!({})));
        let case = table.stop(format!("a Job in {place}"), step, By::Lint, "PZ0409");
        case.given("place", space);
    }
    let partly = pods(&json!({ "serviceAccountName": "ping${parameters.place}" }));
    table
        .stop(
            "an account that is half a parameter",
            run(&own, &partly),
            By::Lint,
            "PZ0204",
        )
        .given("place", "zhan");
    let step = run(&own, &json!({ "manualSelector": true }));
    table.stop("a Job without pods", step, By::Lint, "PZ0532");
    let job = json!({ "namespace": own, "job": pods(&json!({})) });
    table.stop(
        "a Job that nothing undoes",
        act("run", &job),
        By::Lint,
        "PZ0530",
    );
}

/// In namespaces of others, as whoever lives there; at once, or when it is undone.
fn elsewhere(table: &mut Table<'_>) {
    let operator = json!({ "serviceAccountName": "pingzhan" });
    for (space, _) in NEVER {
        let who = table.one_of(&[json!({}), operator.clone()]);
        let job = pods(&who);
        let what = format!("a Job in {space} with {who}");
        table.stop(what, run(space, &job), By::Lint, "PZ0544");
        let undone = act(
            "run",
            &json!({ "namespace": space, "job": job, "undo": job }),
        );
        let what = format!("a Job in {space} with {who}, and what undoes it");
        table.stop(what, undone, By::Lint, "PZ0544");
    }
    for (end, key, value, said) in MARKED {
        let space = table.ground.named(end);
        let step = run(&space, &pods(&json!({})));
        let what = format!("a Job in a namespace with {key}={value}");
        table.stop(what, step, By::Plan, said);
    }
}

/// In its own, and out of it.
fn inside_out(table: &mut Table<'_>) {
    let own = table.ground.space.clone();
    let volume = |source: Value| json!({ "volumes": [{ "name": "v", "hostPath": source }] });
    let token = json!({ "volumes": [{ "name": "v", "projected": { "sources": [
        { "serviceAccountToken": { "path": "token", "audience": "https://kubernetes.default.svc" } },
    ] } }] });
    let secret = json!({ "volumes": [{ "name": "v", "secret": { "secretName": "keys" } }] });
    let privileged = json!({ "containers": [{ "name": "main", "image": "registry.example.com/main:1",
        "securityContext": { "privileged": true } }] });
    let ways = [
        json!({ "serviceAccountName": "pingzhan", "automountServiceAccountToken": true }),
        volume(json!({ "path": "/" })),
        volume(json!({ "path": "/var/run/containerd", "type": "Directory" })),
        token,
        secret,
        privileged,
        json!({ "hostNetwork": true }),
        json!({ "hostPID": true, "hostIPC": true }),
        json!({ "nodeName": "node-1", "tolerations": [{ "operator": "Exists" }] }),
    ];
    for way in ways {
        let mut step = run(&own, &pods(&way));
        step["timeout"] = json!(SOON);
        let words = "cannot create resource \"jobs\"";
        table
            .stop(format!("a Job with {way}"), step, By::Act, words)
            .account(Account::Plain);
    }
}
