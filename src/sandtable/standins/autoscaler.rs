//! Autoscalers: one whose target is outside its bounds brings it inside, through /scale; one whose
//! target has no pods does nothing. There are no metrics, so that inside the bounds it says what it
//! says where no metrics server is, and changes nothing.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::ask::{Answer, Ask, Body, Place, time};
use super::super::kinds::Kind;
use super::super::server::Server;
use super::controller::Controller;
use super::hand;
use super::workload::{Condition, number};

use jiff::Timestamp;

const ABLE: &str = "AbleToScale";
const ACTIVE: &str = "ScalingActive";

const UNABLE: &str = "the HPA controller was unable to";

/// Why a target cannot be scaled, for machines and for people.
type Failure = (&'static str, String);

/// What an autoscaler found, and what it did.
struct Found {
    current: usize,
    wanted: usize,
    metrics: Value,
    is_scaled: bool,
    said: Vec<(&'static str, &'static str, &'static str, String)>,
}

/// Attends to an autoscaler: gives its new status.
pub fn attend(server: &mut Server, object: &Value, now: Timestamp) -> Map<String, Value> {
    let before = object["status"].clone();
    let found = look(server, object, now);
    let mut status = before.as_object().cloned().unwrap_or_default();
    match &found {
        Ok(found) => {
            put(&mut status, "currentReplicas", found.current);
            status.insert("desiredReplicas".to_owned(), found.wanted.into());
            status.insert("currentMetrics".to_owned(), found.metrics.clone());
            if found.is_scaled {
                status.insert("lastScaleTime".to_owned(), time(now).into());
            }
            for (type_, word, reason, message) in &found.said {
                set_condition(&mut status, type_, word, reason, message, now);
            }
        }
        Err((reason, message)) => {
            set_condition(&mut status, ABLE, "False", reason, message, now);
        }
    }
    status
}

fn put(status: &mut Map<String, Value>, name: &str, count: usize) {
    if count == 0 {
        status.remove(name);
    } else {
        status.insert(name.to_owned(), count.into());
    }
}

/// Looks at the target, and scales it where it has to.
fn look(server: &mut Server, object: &Value, now: Timestamp) -> Result<Found, Failure> {
    let spec = &object["spec"];
    let place = target(server, object)?;
    let scale = asked(server, "GET", &place, Vec::new(), now)?;
    let current = number(&scale["spec"]["replicas"]);
    let least = spec["minReplicas"]
        .as_u64()
        .map_or(1, |_| number(&spec["minReplicas"]));
    let most = number(&spec["maxReplicas"]);
    let wanted = current.clamp(least.min(most), most);
    let mut found = Found {
        current,
        wanted,
        metrics: Value::Null,
        is_scaled: false,
        said: vec![(
            ABLE,
            "True",
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale".to_owned(),
        )],
    };
    if current == 0 && least != 0 {
        found.wanted = 0;
        let why = "scaling is disabled since the replica count of the target is zero";
        found
            .said
            .push((ACTIVE, "False", "ScalingDisabled", why.to_owned()));
    } else if wanted == current {
        // Nothing is measured: what was wanted before still is.
        found.wanted = number(&object["status"]["desiredReplicas"]);
        let metrics = spec["metrics"].as_array().map_or(0, Vec::len);
        found.metrics = vec![json!({ "type": "" }); metrics].into();
        found.said.push(blind(&spec["metrics"]));
    } else {
        let mut body = scale.clone();
        body["spec"]["replicas"] = wanted.into();
        asked(server, "PUT", &place, body.to_string().into_bytes(), now)?;
        found.is_scaled = true;
        let how = format!("the HPA controller was able to update the target scale to {wanted}");
        found.said = vec![(ABLE, "True", "SucceededRescale", how)];
    }
    Ok(found)
}

/// What is said where nothing is measured.
fn blind(metrics: &Value) -> (&'static str, &'static str, &'static str, String) {
    let first = &metrics[0];
    let (reason, what, api, kind) = match first["type"].as_str().unwrap_or_default() {
        "Pods" => ("FailedGetPodsMetric", "pods metric", "custom", "pods"),
        "Object" => ("FailedGetObjectMetric", "object metric", "custom", "object"),
        "External" => (
            "FailedGetExternalMetric",
            "external metric",
            "external",
            "external",
        ),
        _ => {
            let name = first["resource"]["name"].as_str().unwrap_or("cpu");
            let target = &first["resource"]["target"]["type"];
            let of = if target == "AverageValue" {
                "usage"
            } else {
                "utilization"
            };
            let why = format!(
                "the HPA was unable to compute the replica count: failed to get {name} {of}: unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
            );
            return (ACTIVE, "False", "FailedGetResourceMetric", why);
        }
    };
    let why = format!(
        "the HPA was unable to compute the replica count: unable to get {what}: no {api} metrics API serves {kind} metrics"
    );
    (ACTIVE, "False", reason, why)
}

/// Where the scale of an autoscaler's target is.
fn target(server: &Server, object: &Value) -> Result<Place, Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reference = &object["spec"]["scaleTargetRef"];
    let (version, word) = (text(&reference["apiVersion"]), text(&reference["kind"]));
    let (group, _) = version.split_once('/').unwrap_or(("", &version));
    let is_it = |kind: &&std::sync::Arc<Kind>| kind.group == group && kind.kind == word;
    let kind = server.kinds.all().find(is_it).ok_or_else(|| {
        let why = format!("no matches for kind {word:?} in group {group:?}");
        (
            "FailedGetScale",
            format!("{UNABLE} get the target's current scale: {why}"),
        )
    })?;
    Ok(Place {
        group: kind.group.clone(),
        version: kind.version.clone(),
        plural: kind.plural.clone(),
        namespace: text(&object["metadata"]["namespace"]),
        name: text(&reference["name"]),
        subresource: "scale".to_owned(),
        beyond: false,
    })
}

/// Reads or writes a scale as anybody would.
fn asked(
    server: &mut Server,
    method: &str,
    place: &Place,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<Value, Failure> {
    let ask = Ask {
        method: method.to_owned(),
        path: hand::path(place),
        body,
        ..hand::ask(Controller::Autoscaler, now)
    };
    let failed = |message: &str| {
        let (reason, deed) = if method == "GET" {
            ("FailedGetScale", "get the target's current scale")
        } else {
            ("FailedUpdateScale", "update the target scale")
        };
        (reason, format!("{UNABLE} {deed}: {message}"))
    };
    match server.handle(ask) {
        Answer::Reply(reply) => match reply.body {
            Body::Json(value) if reply.code < 300 => Ok(Arc::unwrap_or_clone(value)),
            Body::Json(value) => Err(failed(value["message"].as_str().unwrap_or_default())),
            Body::Text(text) => Err(failed(&text)),
            Body::List(_) => Err(failed("it is a list")),
        },
        Answer::Watch(_) => Err(failed("it is a watch")),
    }
}

/// Sets a condition as an autoscaler has it: in its place, with its message, and with another time
/// only where the status is another.
fn set_condition(
    status: &mut Map<String, Value>,
    type_: &str,
    word: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let new = Condition {
        type_,
        status: word,
        reason,
        message,
    };
    hand::set_condition(status, new, &time(now));
}
