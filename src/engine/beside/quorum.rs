//! Software that decides by a majority of its members, or keeps its data on most of them.

use serde_json::Value;

use crate::api::Concern;

/// The software, by what labels and images call it.
const SOFTWARE: &[&str] = &[
    "etcd",
    "consul",
    "zookeeper",
    "kafka",
    "mongodb",
    "rabbitmq",
    "patroni",
    "cockroachdb",
    "elasticsearch",
    "opensearch",
    "redis-sentinel",
    "vault",
    "nats",
    "minio",
    "tidb-pd",
    "nacos",
    "rocketmq-controller",
];

/// Other names of the same, as images, charts and operators have them.
const ALIASES: &[(&str, &str)] = &[
    ("cp-kafka", "kafka"),
    ("cp-zookeeper", "zookeeper"),
    ("mongo", "mongodb"),
    ("mongodb-community-server", "mongodb"),
    ("mongod", "mongodb"),
    ("spilo", "patroni"),
    ("spilo-15", "patroni"),
    ("spilo-16", "patroni"),
    ("spilo-17", "patroni"),
    ("cockroach", "cockroachdb"),
    ("elasticsearch-master", "elasticsearch"),
    ("sentinel", "redis-sentinel"),
    ("nats-server", "nats"),
    ("nacos-server", "nacos"),
    ("pd", "tidb-pd"),
];

/// Labels that say which program a workload runs.
const LABELS: [&str; 4] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "app",
    "k8s-app",
];

/// The software of a `StatefulSet`, where it is known; only they have members that are told apart.
pub fn of(object: &Value) -> Option<&'static str> {
    if object.get("kind").and_then(Value::as_str) != Some("StatefulSet") {
        return None;
    }
    let labels = |at: &str| {
        let labels = object.pointer(at);
        LABELS
            .iter()
            .filter_map(move |key| labels?.get(*key)?.as_str())
    };
    let named = labels("/metadata/labels").chain(labels("/spec/template/metadata/labels"));
    let containers = object.pointer("/spec/template/spec/containers");
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    let images = containers
        .filter_map(|container| container.get("image")?.as_str())
        .map(short);
    named.chain(images).find_map(known)
}

/// The software of that name.
fn known(name: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| name);
    SOFTWARE.iter().copied().find(|one| *one == name)
}

/// `etcd` of `registry:5000/coreos/etcd:v3.5@sha256:…`.
fn short(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    let end = last.find([':', '@']).unwrap_or(last.len());
    &last[..end]
}

/// What a count means for a majority, where it is worth saying: of so many members, so many are
/// left or added.
pub fn said(software: &str, before: i64, after: i64) -> Option<(Concern, String)> {
    let majority = before / 2 + 1;
    if after == before {
        return None;
    }
    if after < majority {
        let text = format!(
            "{software} decides by a majority of its members, and {after} of {before} are fewer than \
             the {majority} that make one: it stops, or loses data, unless members are taken out of \
             it first"
        );
        return Some((Concern::Harm, text));
    }
    (after % 2 == 0).then(|| {
        let text = format!(
            "{software} decides by a majority of its members, and {after} bear the loss of no more \
             than {} would: an odd count is better",
            after - 1
        );
        (Concern::Note, text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(labels: &Value, image: &str) -> Value {
        json!({ "kind": "StatefulSet", "metadata": { "labels": labels },
            "spec": { "template": { "spec": { "containers": [{ "image": image }] } } } })
    }

    /// A majority that is lost is an outage in the middle of an emergency, of what others stand on.
    #[test]
    fn well_known_software_is_known_by_labels_or_image() {
        for software in SOFTWARE {
            for key in LABELS {
                let labelled = set(&json!({ key: software }), "example/app");
                assert_eq!(of(&labelled), Some(*software), "{key}");
            }
            let image = format!("mirror.example:5000/a/{software}:1.2@sha256:0");
            assert_eq!(of(&set(&json!({}), &image)), Some(*software));
        }
        for (alias, software) in ALIASES {
            assert_eq!(
                of(&set(&json!({}), &format!("a/{alias}:1"))),
                Some(*software)
            );
        }
        let none = set(&json!({ "app": "portal", "team": "etcd" }), "etcd-backup:1");
        assert_eq!(of(&none), None);
        let mut deployment = set(&json!({ "app": "etcd" }), "etcd");
        deployment["kind"] = "Deployment".into();
        assert_eq!(of(&deployment), None);
    }

    /// Too few and even are two different things; what stays a good count is not worth a word.
    #[test]
    fn a_count_below_a_majority_or_an_even_one_is_said() {
        let kinds = |before, after| {
            let said = said("etcd", before, after);
            said.map(|(concern, said)| {
                let harms = said.contains("make one");
                assert_eq!(harms, concern == Concern::Harm, "{said}");
                harms
            })
        };
        let rows = [
            (5, 2, Some(true)),
            (5, 3, None),
            (5, 4, Some(false)),
            (5, 0, Some(true)),
            (3, 1, Some(true)),
            (3, 2, Some(false)),
            (1, 1, None),
            (3, 5, None),
            (3, 6, Some(false)),
            (4, 4, None),
        ];
        for (before, after, expected) in rows {
            assert_eq!(kinds(before, after), expected, "{before} to {after}");
        }
    }
}
