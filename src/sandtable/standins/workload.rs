//! What all workloads have in common: what their controller keeps in mind of one, and what it says
//! of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::pods::{Ground, Pods, Readiness, Template};

/// What a controller keeps in mind of a workload.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Its uid: another one of the same name is another workload.
    pub uid: String,
    /// Its pods.
    pub pods: Pods,
    /// The template that was last rolled out, or is being.
    pub newest: Option<Arc<Template>>,
    /// Of a StatefulSet the template before that one, until the last pod is of the newest.
    pub current: Option<Arc<Template>>,
    /// How many templates were rolled out.
    pub revision: i64,
    /// The hashes of the templates that it had.
    pub had: Vec<String>,
}

/// What a controller says of a workload after it has attended to it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The whole status.
    pub status: Map<String, Value>,
    /// The revision of a Deployment, which stands in an annotation.
    pub revision: Option<String>,
    /// When to attend to it again without being told.
    pub again: Option<Timestamp>,
}

/// The annotation that has a Deployment's revision.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The label by which a workload says how long its pods take to be ready: `30s`, `1m30s`, or `never`.
pub const READY_AFTER: &str = "pingzhan.dev/ready-after";
/// The value of it for pods that are never ready.
const NEVER: &str = "never";

impl Memory {
    /// What is to be kept in mind of a workload that is met for the first time. What its status says
    /// is taken for true: so many pods are there, and so many are ready.
    pub fn begin(object: &Value, ground: &mut Ground<'_>) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let mut memory = Self {
            uid: text("/metadata/uid").unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let status = &object["status"];
        let is_seen = status["observedGeneration"].as_i64().unwrap_or_default() > 0;
        if !is_seen || status["replicas"].is_null() {
            return memory;
        }
        let template = Template::of(&object["spec"]["template"]);
        let (all, ready) = (
            number(&status["replicas"]),
            number(&status["readyReplicas"]),
        );
        let mut rested = Ground {
            rooms: ground.rooms,
            now: ground.now,
            readiness: Readiness::After(Duration::ZERO),
        };
        memory.pods.grow(ready.min(all), &template, &mut rested);
        memory
            .pods
            .grow(all.saturating_sub(ready), &template, ground);
        let revision = object["metadata"]["annotations"][REVISION].as_str();
        memory.revision = revision
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        memory.had.push(template.hash.clone());
        memory.newest = Some(template);
        memory
    }
}

/// A count of an object; 0 where it has none.
pub fn number(value: &Value) -> usize {
    let number = value.as_u64().unwrap_or_default();
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A count that is asked for: one where nothing is said.
pub fn desired(spec: &Value) -> usize {
    if spec["replicas"].is_null() {
        1
    } else {
        number(&spec["replicas"])
    }
}

/// `spec.minReadySeconds`.
pub fn min_ready(spec: &Value) -> Duration {
    Duration::from_secs(spec["minReadySeconds"].as_u64().unwrap_or_default())
}

/// A count or a share of another: `25%`. A share of a pod is rounded up where that is asked for.
pub fn share(value: &Value, of: usize, rounds_up: bool) -> usize {
    let Some(percent) = value
        .as_str()
        .and_then(|text| text.strip_suffix('%'))
        .and_then(|text| text.parse::<usize>().ok())
    else {
        return number(value);
    };
    let parts = of * percent;
    if rounds_up {
        parts.div_ceil(100)
    } else {
        parts / 100
    }
}

/// A status without the counts that are nothing: they are not written.
pub fn counts<const N: usize>(status: &mut Map<String, Value>, counts: [(&str, usize); N]) {
    for (name, count) in counts {
        if count == 0 {
            status.remove(name);
        } else {
            status.insert(name.to_owned(), count.into());
        }
    }
}

/// The generation that was attended to.
pub fn observed(status: &mut Map<String, Value>, object: &Value) {
    let generation = object["metadata"]["generation"].clone();
    status.insert("observedGeneration".to_owned(), generation);
}

/// How long the pods of a workload take to be ready, as its label says, or by default.
pub fn readiness(object: &Value, default: Duration) -> Readiness {
    match object["metadata"]["labels"][READY_AFTER].as_str() {
        Some(NEVER) => Readiness::Never,
        Some(text) => Readiness::After(duration(text).unwrap_or(default)),
        None => Readiness::After(default),
    }
}

/// Reads a time as a label can have it: `500ms`, `30s`, `1m30s`, `2h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = rest.split_at(digits);
        let count: u64 = count.parse().ok()?;
        let end = unit
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit.len());
        let milliseconds: u64 = match &unit[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let part = Duration::from_millis(count.checked_mul(milliseconds)?);
        total = total.checked_add(part)?;
        rest = &unit[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// A condition that a controller sets.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// Its type.
    pub type_: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// For machines.
    pub reason: &'a str,
    /// For people.
    pub message: &'a str,
}

/// The condition of a type.
pub fn condition<'a>(status: &'a Map<String, Value>, type_: &str) -> Option<&'a Value> {
    let all = status.get("conditions")?.as_array()?;
    all.iter().find(|one| one["type"] == type_)
}

/// Sets a condition as a Deployment has it: one that says the same already stays as it is, with its
/// times and its message; another one goes to the end.
pub fn set_condition(status: &mut Map<String, Value>, new: Condition<'_>, now: &str) {
    let old = condition(status, new.type_);
    if old.is_some_and(|old| old["status"] == new.status && old["reason"] == new.reason) {
        return;
    }
    let kept = old.filter(|old| old["status"] == new.status);
    let since = kept.map_or_else(|| now.into(), |old| old["lastTransitionTime"].clone());
    remove_condition(status, new.type_);
    let conditions = status
        .entry("conditions")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Some(all) = conditions.as_array_mut() {
        all.push(
            json!({ "type": new.type_, "status": new.status, "reason": new.reason,
            "message": new.message, "lastUpdateTime": now, "lastTransitionTime": since }),
        );
    }
}

/// Takes a condition away.
pub fn remove_condition(status: &mut Map<String, Value>, type_: &str) {
    if let Some(all) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        all.retain(|one| one["type"] != type_);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A delay that is misread makes a drill easier, or endless.
    #[test]
    fn a_label_says_how_long_pods_take() {
        let default = Duration::from_secs(3);
        let read = |value: &str| {
            let labels = json!({ "metadata": { "labels": { READY_AFTER: value } } });
            readiness(&labels, default)
        };
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("500ms", 500),
            ("0s", 0),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(read(text), Readiness::After(time), "{text}");
        }
        assert_eq!(read("never"), Readiness::Never);
        for other in ["", "soon", "30", "s", "1d", "99999999999999999999h"] {
            assert_eq!(read(other), Readiness::After(default), "{other}");
        }
    }

    /// The real one rounds a surge up and what may be missing down.
    #[test]
    fn a_share_is_rounded_as_it_is_meant() {
        let quarter = json!("25%");
        assert_eq!(
            (share(&quarter, 3, true), share(&quarter, 3, false)),
            (1, 0)
        );
        assert_eq!(
            (share(&quarter, 9, true), share(&quarter, 9, false)),
            (3, 2)
        );
        assert_eq!(share(&json!(2), 9, true), 2);
    }

    /// Watchers tell a change by the times of a condition.
    #[test]
    fn a_condition_that_says_the_same_stays_as_it_is() {
        let mut status = Map::new();
        let mut set = |status_: &str, reason: &str, now: &str| {
            let new = Condition {
                type_: "Available",
                status: status_,
                reason,
                message: "",
            };
            set_condition(&mut status, new, now);
            let one = condition(&status, "Available").expect("it is set").clone();
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (text("lastUpdateTime"), text("lastTransitionTime"))
        };
        let both = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(set("True", "A", "1"), both("1", "1"));
        assert_eq!(set("True", "A", "2"), both("1", "1"));
        assert_eq!(set("True", "B", "3"), both("3", "1"));
        assert_eq!(set("False", "B", "4"), both("4", "4"));
    }
}
