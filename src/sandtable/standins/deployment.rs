//! Deployments: a new template is rolled out in steps that keep enough pods available, a new count is
//! followed at once, and both are told in the status. Of a paused one the count is followed, but no
//! template is rolled out.
//!
//! Other than of the real one, no `ReplicaSets` are made: nothing of a stand-in reads them. The names
//! that conditions say are those that they would have.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::ask::time;
use super::pods::{Ground, Pod, Template, later};
use super::workload::{
    Condition, Memory, Outcome, condition, counts, desired, min_ready, observed, remove_condition,
    set_condition, share,
};

const AVAILABLE: &str = "Available";
const PROGRESSING: &str = "Progressing";
/// Everything is rolled out.
const COMPLETE: &str = "NewReplicaSetAvailable";
/// It took too long.
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";
/// The end of seconds that nobody sets: no deadline.
const NO_DEADLINE: u64 = i32::MAX as u64;
/// Templates that are remembered: as many as the real one keeps `ReplicaSets` of, by default.
const HISTORY: usize = 10;

/// What is asked for.
struct Asked {
    desired: usize,
    is_paused: bool,
    recreates: bool,
    surge: usize,
    unavailable: usize,
    min_ready: Duration,
    deadline: Option<Duration>,
}

impl Asked {
    fn read(spec: &Value) -> Self {
        let desired = desired(spec);
        let rolling = &spec["strategy"]["rollingUpdate"];
        let surge = share(&rolling["maxSurge"], desired, true);
        let unavailable = share(&rolling["maxUnavailable"], desired, false);
        let deadline = spec["progressDeadlineSeconds"].as_u64();
        let recreates = spec["strategy"]["type"] == "Recreate";
        // One of both has to be more than nothing, or nothing would ever move.
        let unavailable = if surge == 0 && unavailable == 0 && !recreates {
            1
        } else {
            unavailable
        };
        Self {
            desired,
            is_paused: spec["paused"] == true,
            recreates,
            surge,
            unavailable,
            min_ready: min_ready(spec),
            deadline: deadline
                .filter(|seconds| *seconds < NO_DEADLINE)
                .map(Duration::from_secs),
        }
    }

    /// So many have to be available.
    fn least(&self) -> usize {
        self.desired
            .saturating_sub(self.unavailable.min(self.desired))
    }
}

/// Attends to a Deployment.
pub fn attend(object: &Value, memory: &mut Memory, ground: &mut Ground<'_>) -> Outcome {
    let asked = Asked::read(&object["spec"]);
    let template = Template::of(&object["spec"]["template"]);
    let now = time(ground.now);
    let mut status = object["status"].as_object().cloned().unwrap_or_default();
    if asked.deadline.is_some() {
        pause_or_resume(&mut status, &asked, &now);
    }
    memory.pods.settle(ground);
    let is_new = memory.newest.as_deref() != Some(&*template);
    if is_new && !asked.is_paused {
        memory.revision += 1;
        let is_known = memory.had.contains(&template.hash);
        memory.had.retain(|hash| *hash != template.hash);
        memory.had.push(template.hash.clone());
        let surplus = memory.had.len().saturating_sub(HISTORY + 1);
        memory.had.drain(..surplus);
        memory.newest = Some(template.clone());
        if asked.deadline.is_some() && !is_known {
            let message = format!("Created new replica set {:?}", set_of(object, &template));
            let created = ("True", "NewReplicaSetCreated", message.as_str());
            set_condition(&mut status, progressing(created), &now);
        }
    }
    if asked.is_paused {
        follow(memory, &asked, ground);
    } else {
        roll(memory, &asked, ground);
    }
    told(&mut status, object, memory, &asked, &template, ground.now);
    let deadline = if asked.is_paused {
        None
    } else {
        progress(&mut status, object, &asked, &template, ground.now)
    };
    let ready = memory.pods.next(ground.now, asked.min_ready);
    Outcome {
        status,
        revision: (memory.revision > 0).then(|| memory.revision.to_string()),
        again: ready.into_iter().chain(deadline).min(),
    }
}

/// The name of the `ReplicaSet` that the real one makes of a template.
fn set_of(object: &Value, template: &Template) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    format!("{name}-{}", template.hash)
}

const fn progressing<'a>(said: (&'a str, &'a str, &'a str)) -> Condition<'a> {
    let (status, reason, message) = said;
    Condition {
        type_: PROGRESSING,
        status,
        reason,
        message,
    }
}

fn pause_or_resume(status: &mut Map<String, Value>, asked: &Asked, now: &str) {
    let reason = condition(status, PROGRESSING).map(|one| one["reason"].clone());
    let is = |known: &str| reason.as_ref().is_some_and(|reason| reason == known);
    if is(TIMED_OUT) {
        return;
    }
    let new = match (asked.is_paused, is(PAUSED)) {
        (true, false) => ("Unknown", PAUSED, "Deployment is paused"),
        (false, true) => ("Unknown", "DeploymentResumed", "Deployment is resumed"),
        (true, true) | (false, false) => return,
    };
    set_condition(status, progressing(new), now);
}

/// Follows a new count without rolling anything out.
fn follow(memory: &mut Memory, asked: &Asked, ground: &mut Ground<'_>) {
    let count = memory.pods.len();
    let last = memory.pods.all().last().map(|pod| pod.template.clone());
    if let Some(template) = last.or_else(|| memory.newest.clone()) {
        let more = asked.desired.saturating_sub(count);
        memory.pods.grow(more, &template, ground);
    }
    let fewer = count.saturating_sub(asked.desired);
    memory
        .pods
        .shrink(fewer, |_| true, ground.now, ground.rooms);
}

/// Goes on with rolling out, as far as it can go now.
fn roll(memory: &mut Memory, asked: &Asked, ground: &mut Ground<'_>) {
    let Some(newest) = memory.newest.clone() else {
        return;
    };
    let pods = &mut memory.pods;
    let now = ground.now;
    let is_new = |pod: &Pod| pod.template.hash == newest.hash;
    let is_old = |pod: &Pod| pod.template.hash != newest.hash;
    loop {
        let before = (pods.count(is_new), pods.count(is_old));
        let (new, old) = before;
        if asked.recreates {
            pods.shrink(old, is_old, now, ground.rooms);
        }
        let most = if old == 0 || asked.recreates {
            asked.desired
        } else {
            new + (asked.desired + asked.surge).saturating_sub(new + old)
        };
        let more = asked.desired.min(most).saturating_sub(new);
        pods.grow(more, &newest, ground);
        pods.shrink(new.saturating_sub(asked.desired), is_new, now, ground.rooms);
        let unready = |pod: &Pod| is_old(pod) && !pod.is_ready(now, Duration::ZERO);
        let missing = pods.count(|pod| is_new(pod) && !pod.is_ready(now, asked.min_ready));
        let spare = pods.len().saturating_sub(asked.least() + missing);
        pods.shrink(spare.min(pods.count(unready)), unready, now, ground.rooms);
        let available = pods.count(|pod| pod.is_ready(now, asked.min_ready));
        let spare = spare.min(available.saturating_sub(asked.least()));
        pods.shrink(spare, is_old, now, ground.rooms);
        if before == (pods.count(is_new), pods.count(is_old)) {
            return;
        }
    }
}

/// Tells of the pods.
fn told(
    status: &mut Map<String, Value>,
    object: &Value,
    memory: &Memory,
    asked: &Asked,
    template: &Template,
    now: Timestamp,
) {
    let pods = &memory.pods;
    let available = pods.count(|pod| pod.is_ready(now, asked.min_ready));
    counts(
        status,
        [
            ("replicas", pods.len()),
            (
                "updatedReplicas",
                pods.count(|pod| pod.template.hash == template.hash),
            ),
            (
                "readyReplicas",
                pods.count(|pod| pod.is_ready(now, Duration::ZERO)),
            ),
            ("availableReplicas", available),
            ("unavailableReplicas", pods.len() - available),
        ],
    );
    // Pods end at once here. The real one says so, too, of those that have ended.
    status.insert("terminatingReplicas".to_owned(), 0.into());
    observed(status, object);
    let (word, reason, message) = if available >= asked.least() {
        let message = "Deployment has minimum availability.";
        ("True", "MinimumReplicasAvailable", message)
    } else {
        let message = "Deployment does not have minimum availability.";
        ("False", "MinimumReplicasUnavailable", message)
    };
    let new = Condition {
        type_: AVAILABLE,
        status: word,
        reason,
        message,
    };
    set_condition(status, new, &time(now));
}

/// Tells how rolling out goes, and gives the moment from which it takes too long.
fn progress(
    status: &mut Map<String, Value>,
    object: &Value,
    asked: &Asked,
    template: &Template,
    moment: Timestamp,
) -> Option<Timestamp> {
    let Some(deadline) = asked.deadline else {
        remove_condition(status, PROGRESSING);
        return None;
    };
    let now = time(moment);
    let set = set_of(object, template);
    let of = |status: &Map<String, Value>, name: &str| {
        status.get(name).map_or(0, super::workload::number)
    };
    let before = object["status"].as_object().cloned().unwrap_or_default();
    let reason = condition(status, PROGRESSING).map_or("", |one| text(&one["reason"]));
    let is_complete = of(status, "replicas") == of(status, "updatedReplicas");
    if is_complete && reason == COMPLETE {
        return None;
    }
    let all = ["updatedReplicas", "replicas", "availableReplicas"];
    if all.iter().all(|name| of(status, name) == asked.desired) {
        let message = format!("ReplicaSet {set:?} has successfully progressed.");
        set_condition(status, progressing(("True", COMPLETE, &message)), &now);
        return None;
    }
    let old = |status: &Map<String, Value>| {
        of(status, "replicas").saturating_sub(of(status, "updatedReplicas"))
    };
    let grew = ["updatedReplicas", "readyReplicas", "availableReplicas"]
        .iter()
        .any(|name| of(status, name) > of(&before, name));
    if grew || old(status) < old(&before) {
        let message = format!("ReplicaSet {set:?} is progressing.");
        let since = condition(status, PROGRESSING)
            .filter(|one| one["status"] == "True")
            .map(|one| one["lastTransitionTime"].clone());
        remove_condition(status, PROGRESSING);
        let new = progressing(("True", "ReplicaSetUpdated", &message));
        set_condition(status, new, &now);
        keep_since(status, since);
    }
    let one = condition(status, PROGRESSING)?;
    if [COMPLETE, TIMED_OUT].contains(&text(&one["reason"])) {
        return None;
    }
    let begun: Timestamp = text(&one["lastUpdateTime"]).parse().ok()?;
    // The real one wants it to be later than that, in whole seconds.
    let ends = later(begun, deadline + Duration::from_secs(1));
    if moment < ends {
        return Some(ends);
    }
    let message = format!("ReplicaSet {set:?} has timed out progressing.");
    set_condition(status, progressing(("False", TIMED_OUT, &message)), &now);
    None
}

fn keep_since(status: &mut Map<String, Value>, since: Option<Value>) {
    let all = status.get_mut("conditions").and_then(Value::as_array_mut);
    let one = all.and_then(|all| all.iter_mut().find(|one| one["type"] == PROGRESSING));
    if let (Some(one), Some(since)) = (one, since) {
        one["lastTransitionTime"] = since;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
