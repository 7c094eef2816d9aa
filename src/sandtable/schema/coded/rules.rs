//! What is filled in depending on something else, by component.

use serde_json::{Map, Value, json};

use super::service;

type Rule = fn(&mut Map<String, Value>);

/// What a component is called without its beginning: `core.v1.Container`.
const BEGINNINGS: [&str; 2] = ["io.k8s.api.", "io.k8s.apiextensions-apiserver.pkg.apis."];

/// What happens before constants are filled in.
pub const FIRST: [(&str, Rule); 19] = [
    ("core.v1.Pod", pod),
    ("core.v1.Container", pull_policy),
    ("core.v1.EphemeralContainer", pull_policy),
    ("core.v1.ImageVolumeSource", volume_pull_policy),
    ("core.v1.Volume", volume),
    ("core.v1.LimitRangeItem", limit_range),
    ("core.v1.NodeStatus", node_status),
    ("core.v1.Namespace", namespace),
    ("core.v1.Secret", secret),
    ("core.v1.ServicePort", service::port),
    ("apps.v1.StatefulSetSpec", claims),
    ("apps.v1.StatefulSetUpdateStrategy", stateful_strategy),
    ("batch.v1.Job", job),
    ("networking.v1.NetworkPolicySpec", policy_types),
    ("autoscaling.v2.HorizontalPodAutoscalerSpec", metrics),
    ("autoscaling.v2.HorizontalPodAutoscalerBehavior", behavior),
    ("rbac.v1.Subject", subject),
    ("apiextensions.v1.CustomResourceDefinition", stored_versions),
    ("apiextensions.v1.CustomResourceDefinitionSpec", names),
];

/// What happens after that.
pub const THEN: [(&str, Rule); 3] = [
    ("core.v1.ServiceSpec", service::spec),
    ("apps.v1.DeploymentStrategy", rolling),
    ("apps.v1.DaemonSetUpdateStrategy", rolling),
];

/// Applies the rules of a component.
pub fn apply(rules: &[(&str, Rule)], component: &str, members: &mut Map<String, Value>) {
    let short = BEGINNINGS
        .iter()
        .find_map(|begin| component.strip_prefix(begin));
    let Some(short) = short else { return };
    for (_, rule) in rules.iter().filter(|(name, _)| *name == short) {
        rule(members);
    }
}

/// Fills one member in.
pub fn missing(members: &mut Map<String, Value>, name: &str, value: Value) {
    if !members.contains_key(name) {
        members.insert(name.to_owned(), value);
    }
}

fn objects<'a>(
    members: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let list = members.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// An image without a tag or with `latest` may change under its name.
fn pulls(image: &str) -> &'static str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    let digest = image.contains('@');
    match tag {
        Some("latest") => "Always",
        None if !digest && !image.is_empty() => "Always",
        Some(_) | None => "IfNotPresent",
    }
}

fn pull_policy(container: &mut Map<String, Value>) {
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let policy = pulls(image).into();
    missing(container, "imagePullPolicy", policy);
}

fn volume_pull_policy(source: &mut Map<String, Value>) {
    let image = source
        .get("reference")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let policy = pulls(image).into();
    missing(source, "pullPolicy", policy);
}

fn volume(volume: &mut Map<String, Value>) {
    if volume.keys().all(|name| name == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
}

/// A Pod asks for what it is limited to, and its ports are those of the host's network.
fn pod(pod: &mut Map<String, Value>) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    missing(spec, "enableServiceLinks", true.into());
    let host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in objects(spec, list) {
            if let Some(resources) = container
                .get_mut("resources")
                .and_then(Value::as_object_mut)
            {
                take_over(resources, "limits", "requests");
            }
            for port in objects(container, "ports").filter(|_| host) {
                let number = port.get("containerPort").cloned().unwrap_or_default();
                missing(port, "hostPort", number);
            }
        }
    }
}

/// Amounts that one list has and the other has not.
fn take_over(members: &mut Map<String, Value>, from: &str, to: &str) {
    let Some(Value::Object(amounts)) = members.get(from).cloned() else {
        return;
    };
    let into = members.entry(to).or_insert_with(|| json!({}));
    let Value::Object(into) = into else { return };
    for (name, amount) in amounts {
        into.entry(name).or_insert(amount);
    }
}

fn limit_range(item: &mut Map<String, Value>) {
    if item.get("type").and_then(Value::as_str) == Some("Container") {
        take_over(item, "max", "default");
        take_over(item, "default", "defaultRequest");
        take_over(item, "min", "defaultRequest");
    }
}

fn node_status(status: &mut Map<String, Value>) {
    if let Some(capacity) = status.get("capacity").cloned() {
        missing(status, "allocatable", capacity);
    }
}

fn namespace(namespace: &mut Map<String, Value>) {
    let Some(Value::Object(metadata)) = namespace.get_mut("metadata") else {
        return;
    };
    let Some(name) = metadata.get("name").cloned() else {
        return;
    };
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if let Value::Object(labels) = labels {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }
}

/// What is said in plain text is kept as base64.
fn secret(secret: &mut Map<String, Value>) {
    let Some(Value::Object(plain)) = secret.remove("stringData") else {
        return;
    };
    let data = secret.entry("data").or_insert_with(|| json!({}));
    let Value::Object(data) = data else { return };
    for (name, text) in plain {
        let text = text.as_str().unwrap_or_default();
        data.insert(name, base64(text.as_bytes()).into());
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let letter = (bits >> (18 - 6 * place)) & 63;
            let letter = LETTERS[letter as usize] as char;
            text.push(if place <= three.len() { letter } else { '=' });
        }
    }
    text
}

/// Claims that are made for each pod are objects of their own.
fn claims(spec: &mut Map<String, Value>) {
    for claim in objects(spec, "volumeClaimTemplates") {
        missing(claim, "apiVersion", "v1".into());
        missing(claim, "kind", "PersistentVolumeClaim".into());
    }
}

/// A strategy without a type is a rolling one with its parts; one with a type gets no parts.
fn stateful_strategy(strategy: &mut Map<String, Value>) {
    if !strategy.contains_key("type") {
        strategy.insert("type".to_owned(), "RollingUpdate".into());
        missing(strategy, "rollingUpdate", json!({}));
    }
}

fn rolling(strategy: &mut Map<String, Value>) {
    if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
        missing(strategy, "rollingUpdate", json!({}));
    }
}

/// A Job, not the template of one: that of a `CronJob` is filled up when it becomes one.
fn job(job: &mut Map<String, Value>) {
    let Some(Value::Object(spec)) = job.get_mut("spec") else {
        return;
    };
    if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
        spec.insert("completions".to_owned(), 1.into());
    }
    let per_index = spec.contains_key("backoffLimitPerIndex");
    let fails = spec.contains_key("podFailurePolicy");
    let replaced = if fails {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    for (name, value) in [
        ("parallelism", json!(1)),
        ("backoffLimit", json!(if per_index { i32::MAX } else { 6 })),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
        ("manualSelector", json!(false)),
        ("podReplacementPolicy", json!(replaced)),
    ] {
        missing(spec, name, value);
    }
    let labels = spec
        .get("template")
        .map(|template| template["metadata"]["labels"].clone());
    if let Some(labels) = labels.filter(Value::is_object)
        && let Some(Value::Object(metadata)) = job.get_mut("metadata")
    {
        missing(metadata, "labels", labels);
    }
}

fn policy_types(spec: &mut Map<String, Value>) {
    let outward = spec.contains_key("egress");
    let types = if outward {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    missing(spec, "policyTypes", types);
}

fn metrics(spec: &mut Map<String, Value>) {
    let target = json!({ "type": "Utilization", "averageUtilization": 80 });
    let metric = json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } });
    missing(spec, "metrics", json!([metric]));
}

fn behavior(behavior: &mut Map<String, Value>) {
    let percent = json!({ "type": "Percent", "value": 100, "periodSeconds": 15 });
    let pods = json!({ "type": "Pods", "value": 4, "periodSeconds": 15 });
    let up = json!({ "stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent] });
    let down = json!({ "selectPolicy": "Max", "policies": [percent] });
    for (name, rules) in [("scaleUp", up), ("scaleDown", down)] {
        let own = behavior.entry(name).or_insert_with(|| json!({}));
        if let (Value::Object(own), Value::Object(rules)) = (own, rules) {
            for (name, value) in rules {
                own.entry(name).or_insert(value);
            }
        }
    }
}

fn subject(subject: &mut Map<String, Value>) {
    let kind = subject.get("kind").and_then(Value::as_str);
    if matches!(kind, Some("User" | "Group")) {
        missing(subject, "apiGroup", "rbac.authorization.k8s.io".into());
    }
}

fn names(spec: &mut Map<String, Value>) {
    let Some(Value::Object(names)) = spec.get_mut("names") else {
        return;
    };
    let Some(kind) = names.get("kind").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    missing(names, "singular", kind.to_lowercase().into());
    missing(names, "listKind", format!("{kind}List").into());
}

fn stored_versions(crd: &mut Map<String, Value>) {
    let versions = crd.get("spec").and_then(|spec| spec["versions"].as_array());
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true);
    let Some(name) = stored.map(|version| version["name"].clone()) else {
        return;
    };
    let status = crd.entry("status").or_insert_with(|| json!({}));
    if status["storedVersions"]
        .as_array()
        .is_none_or(Vec::is_empty)
    {
        status["storedVersions"] = json!([name]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong policy would pull an image in the middle of a flood, or never.
    #[test]
    fn an_image_is_pulled_by_its_tag() {
        for (image, policy) in [
            ("web", "Always"),
            ("web:latest", "Always"),
            ("web:1", "IfNotPresent"),
            ("host:5000/a/web", "Always"),
            ("host:5000/a/web:1", "IfNotPresent"),
            ("web@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(pulls(image), policy, "{image}");
        }
    }

    /// A secret in plain text must be the same secret.
    #[test]
    fn plain_text_becomes_base64() {
        for (text, coded) in [
            ("", ""),
            ("v", "dg=="),
            ("vw", "dnc="),
            ("vwx", "dnd4"),
            ("汛", "5rGb"),
        ] {
            assert_eq!(base64(text.as_bytes()), coded, "{text}");
        }
    }
}
