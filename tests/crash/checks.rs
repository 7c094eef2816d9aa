//! What must hold of every run, whatever happened to its operators (oracles O1 to O4, O6, O8).

use std::collections::{BTreeMap, BTreeSet};

use pingzhan::api::{ChangeRecordSpec, RecordMode, TurnKind};
use pingzhan::field::{creation, exact};
use pingzhan::ledger::{Direction, Ledger};
use serde_json::Value;

use super::proxy::{self, Goal, Write};
use super::run::Run;

/// How often each target was written, by its path.
pub type Counts = BTreeMap<String, usize>;

/// Writes of targets that took effect.
pub fn counts(trail: &[Write]) -> Counts {
    let mut counts = Counts::new();
    for write in trail
        .iter()
        .filter(|write| write.goal == Goal::Target && write.took_effect())
    {
        *counts.entry(write.uri.path().to_owned()).or_default() += 1;
    }
    counts
}

/// What does not hold of a run that came to its end; `crashes` writes more than the reference may
/// have been done on each object.
pub async fn violations(run: &Run, reference: &Counts, crashes: usize) -> Vec<String> {
    let trail = run.trail();
    let mut found = differences(run).await;
    let left = run.scenario.left().await.into_iter();
    found.extend(left.map(|object| format!("{} is left", object["metadata"]["name"])));
    found.extend(journal(run).await);
    found.extend(unannounced(&trail));
    found.extend(interleaved(&trail));
    for (path, count) in counts(&trail) {
        let usual = reference.get(&normal(run, &path)).copied().unwrap_or(0);
        if count > usual + crashes {
            found.push(format!(
                "{path} was written {count} times, {usual} without a crash"
            ));
        }
    }
    found
}

/// A path without the name of the run.
pub fn normal(run: &Run, path: &str) -> String {
    path.replace(&run.scenario.name, "RUN")
}

/// O1, O2: whole objects, ownership included.
pub async fn differences(run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    for ((path, before), (_, after)) in run.before.iter().zip(run.scenario.objects_now().await) {
        let differs = exact::differences(before, &after);
        found.extend(differs.into_iter().map(|what| format!("{path}{what}")));
    }
    found
}

/// O6, O8: the records are a whole journal that is closed, and epochs never interleave.
async fn journal(run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    let specs = run.scenario.records(&run.uid).await;
    let mut records: Vec<ChangeRecordSpec> = Vec::new();
    for spec in specs {
        records.push(serde_json::from_value(spec).expect("a record is readable"));
    }
    records.sort_by_key(|record| record.sequence);
    if !records.is_sorted_by_key(|record| record.epoch) {
        found.push("epochs interleave in the journal".to_owned());
    }
    let mut epoch = 0;
    for record in &records {
        let turn = record.turn.as_ref().map(|turn| turn.kind);
        if record.epoch != epoch && turn != Some(TurnKind::Leader) {
            found.push(format!("epoch {} begins without its turn", record.epoch));
        }
        epoch = record.epoch;
    }
    let id = RecordMode {
        name: run.scenario.name.clone(),
        uid: run.uid.clone(),
    };
    match Ledger::fold(id, records) {
        Ok(ledger) if ledger.direction == Direction::Closed => {}
        Ok(ledger) => found.push(format!("the journal ends {:?}", ledger.direction)),
        Err(damage) => found.push(format!("the journal is damaged: {damage}")),
    }
    found
}

/// O4: every write that was sent to a target has an intent with its uid before it, and a fence.
fn unannounced(trail: &[Write]) -> Vec<String> {
    let mut intended: BTreeSet<String> = BTreeSet::new();
    let mut found = Vec::new();
    for write in trail {
        let body: Value = serde_json::from_slice(&write.body).unwrap_or_default();
        match write.goal {
            Goal::Record if write.took_effect() => {
                let entries = body["spec"]["intents"]["entries"].as_array();
                let uids = entries
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| entry["uid"].as_str());
                intended.extend(uids.map(str::to_owned));
            }
            Goal::Target if write.method == http::Method::POST => {
                // Nothing fences it but its ten seconds.
                let uid = made(&write.uri, body["metadata"]["name"].as_str());
                if !intended.contains(&uid) {
                    found.push(format!("{} {} had no intent", write.method, write.uri));
                }
            }
            Goal::Target if write.method == http::Method::DELETE => {
                if !intended.contains(&made(&write.uri, None)) {
                    found.push(format!("{} {} had no intent", write.method, write.uri));
                }
                let fence = &body["preconditions"];
                if !fence["uid"].is_string() || !fence["resourceVersion"].is_string() {
                    found.push(format!("{} {} had no fence", write.method, write.uri));
                }
            }
            Goal::Target => {
                let uid = operation(&body, "test", "/metadata/uid").and_then(Value::as_str);
                if !uid.is_some_and(|uid| intended.contains(uid)) {
                    found.push(format!("{} {} had no intent", write.method, write.uri));
                }
                let fenced = is_fenced(&body);
                if !fenced {
                    found.push(format!("{} {} had no fence", write.method, write.uri));
                }
            }
            Goal::Record | Goal::Mode | Goal::Lease | Goal::Aside => {}
        }
    }
    found
}

/// Kinds that are made, by the plural in their addresses.
const MADE: [(&str, &str, &str); 4] = [
    ("configmaps", "v1", "ConfigMap"),
    ("changefreezes", "pingzhan.dev/v1alpha1", "ChangeFreeze"),
    ("networkpolicies", "networking.k8s.io/v1", "NetworkPolicy"),
    (
        "rolebindings",
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
    ),
];

/// What stands for an object that is made, by its address: the last word of it, where no name is given.
fn made(uri: &http::Uri, name: Option<&str>) -> String {
    let words: Vec<&str> = uri.path().split('/').collect();
    let spaces = words.iter().position(|word| *word == "namespaces");
    let after = |many: usize| {
        let word = spaces.and_then(|at| words.get(at + many).copied());
        word.unwrap_or_default()
    };
    let mut kinds = MADE.iter();
    let kind = kinds.find(|(plural, ..)| *plural == after(2));
    let (_, version, kind) = kind.unwrap_or(&MADE[0]);
    let name = name.unwrap_or_else(|| after(3));
    creation::uid(version, kind, after(1), name).to_string()
}

/// Whether a patch cannot take effect twice: it demands a generation or a version of the object, or
/// our own entry among its owners, which it removes.
fn is_fenced(patch: &Value) -> bool {
    let ours = |one: &Value| {
        let at = one["path"].as_str().unwrap_or_default();
        one["op"] == "test" && at.starts_with("/metadata/managedFields/")
    };
    operation(patch, "test", "/metadata/generation").is_some()
        || operation(patch, "replace", "/metadata/resourceVersion").is_some()
        || patch
            .as_array()
            .is_some_and(|operations| operations.iter().any(ours))
}

fn operation<'a>(patch: &'a Value, op: &str, at: &str) -> Option<&'a Value> {
    let operations = patch.as_array()?;
    let found = operations
        .iter()
        .find(|one| one["op"] == op && one["path"] == at)?;
    found.get("value")
}

/// O6: once a later operator wrote anything, an earlier one writes nothing.
fn interleaved(trail: &[Write]) -> Vec<String> {
    let mut latest = 0;
    let mut found = Vec::new();
    for write in trail.iter().filter(|write| write.took_effect()) {
        if write.by < latest {
            found.push(format!(
                "operator {} wrote {} {} after operator {latest}",
                write.by, write.method, write.uri
            ));
        }
        latest = latest.max(write.by);
    }
    found
}

/// The late copy: every write that a target ever took is sent again after everything is over.
/// Returns how many there were, and what they did.
pub async fn late_copies(run: &Run) -> (usize, Vec<String>) {
    let before = run.scenario.objects_now().await;
    let mut found = Vec::new();
    let mut sent = 0;
    for write in run.trail() {
        // What makes an object is dead after ten seconds, and nothing else refuses it.
        let makes = write.method == http::Method::POST;
        if write.goal != Goal::Target || makes || !write.took_effect() {
            continue;
        }
        sent += 1;
        let answer = run.home.identity.send(proxy::request(&write)).await;
        let answer = answer.expect("the API server answers").status();
        if !matches!(answer.as_u16(), 404 | 409 | 422) {
            found.push(format!(
                "a late copy of {} was answered {answer}",
                write.uri
            ));
        }
    }
    if run.scenario.objects_now().await != before {
        found.push("late copies changed objects".to_owned());
    }
    (sent, found)
}
