//! What the server publishes of the kinds that the sand table serves.

use pingzhan::sandtable::openapi::references;
use serde_json::{Map, Value};

use super::answers::Server;
use super::{AnswerSnafu, Error};
use snafu::OptionExt;

/// The kinds, by the path of their document.
const KINDS: [(&str, &[&str]); 13] = [
    (
        "api/v1",
        &[
            "ConfigMap",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolumeClaim",
            "Pod",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "apis/admissionregistration.k8s.io/v1",
        &[
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        ],
    ),
    (
        "apis/apiextensions.k8s.io/v1",
        &["CustomResourceDefinition"],
    ),
    (
        "apis/apps/v1",
        &[
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "Scale",
            "StatefulSet",
        ],
    ),
    ("apis/autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("apis/batch/v1", &["CronJob", "Job"]),
    ("apis/coordination.k8s.io/v1", &["Lease"]),
    ("apis/discovery.k8s.io/v1", &["EndpointSlice"]),
    ("apis/events.k8s.io/v1", &["Event"]),
    ("apis/networking.k8s.io/v1", &["Ingress", "NetworkPolicy"]),
    ("apis/policy/v1", &["PodDisruptionBudget"]),
    (
        "apis/rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("apis/scheduling.k8s.io/v1", &["PriorityClass"]),
];
/// Words of a schema that are read.
const WORDS: [&str; 12] = [
    "type",
    "format",
    "required",
    "default",
    "enum",
    "$ref",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-preserve-unknown-fields",
];

/// The components that the kinds are made of, cut down to what is read; and what is said of each and
/// of its members to people.
///
/// # Errors
/// The server does not publish one of them.
pub async fn components(
    server: &Server,
) -> Result<(Map<String, Value>, Map<String, Value>), Error> {
    let paths = server.get("/openapi/v3").await?;
    let (mut all, mut wanted) = (Map::new(), Vec::new());
    for (path, kinds) in KINDS {
        let url = paths["paths"][path]["serverRelativeURL"].as_str();
        let problem = "it is not published";
        let url = url.context(AnswerSnafu {
            doing: path,
            problem,
        })?;
        let mut document = server.get(url).await?;
        let Value::Object(schemas) = document["components"]["schemas"].take() else {
            return AnswerSnafu {
                doing: path,
                problem,
            }
            .fail();
        };
        for kind in kinds {
            let component = schemas.iter().find(|(_, schema)| is_kind(schema, kind));
            let component = component.map(|(name, _)| name.clone());
            wanted.push(component.context(AnswerSnafu {
                doing: *kind,
                problem,
            })?);
        }
        all.extend(schemas);
    }
    let (mut kept, mut said) = (Map::new(), Map::new());
    while let Some(name) = wanted.pop() {
        let Some(schema) = all.get(&name).filter(|_| !kept.contains_key(&name)) else {
            continue;
        };
        let mut slim = slim(schema);
        let kinds = schema["x-kubernetes-group-version-kind"].as_array();
        // Options of requests are of every group at once, and none is a kind that is stored.
        if let Some(kinds) = kinds.filter(|kinds| kinds.len() == 1) {
            slim["x-kubernetes-group-version-kind"] = kinds.clone().into();
        }
        references(&slim, &mut wanted);
        said.insert(name.clone(), descriptions(schema));
        kept.insert(name, slim);
    }
    Ok((kept, said))
}

/// What is said of a component, under an empty name, and of its members.
fn descriptions(schema: &Value) -> Value {
    let own = std::iter::once((String::new(), &schema["description"]));
    let members = schema["properties"].as_object().into_iter().flatten();
    let members = members.map(|(name, member)| (name.clone(), &member["description"]));
    let all = own
        .chain(members)
        .filter(|(_, said)| said.is_string())
        .map(|(name, said)| (name, said.clone()));
    Value::Object(all.collect())
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    let names = schema["x-kubernetes-group-version-kind"].as_array();
    names.is_some_and(|names| names.len() == 1 && names[0]["kind"] == *kind)
}

fn slim(schema: &Value) -> Value {
    let mut slim = Map::new();
    for (word, said) in schema.as_object().into_iter().flatten() {
        match word.as_str() {
            "properties" => {
                let members = said.as_object().into_iter().flatten();
                let members = members.map(|(name, schema)| (name.clone(), self::slim(schema)));
                slim.insert(word.clone(), Value::Object(members.collect()));
            }
            "items" | "additionalProperties" if said.is_object() => {
                slim.insert(word.clone(), self::slim(said));
            }
            "additionalProperties" => {
                slim.insert(word.clone(), said.clone());
            }
            // A reference with words beside it is the only one of `allOf`.
            "allOf" => {
                if let Some(reference) = said[0].get("$ref") {
                    slim.insert("$ref".to_owned(), reference.clone());
                }
            }
            word if WORDS.contains(&word) => {
                slim.insert(word.to_owned(), said.clone());
            }
            _ => {}
        }
    }
    Value::Object(slim)
}
