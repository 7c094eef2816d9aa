//! Objects go to the server, and come back.

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use pingzhan::sandtable::schema::{Documents, Schema};
use serde_json::{Value, json};
use snafu::OptionExt;

use super::{AnswerSnafu, Error};

/// Kinds that have no namespace.
const WHOLE: [&str; 8] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];
/// What only admission writes of pods. The sand table has none of it.
const ADMISSION: [&str; 5] = [
    "preemptionPolicy",
    "priority",
    "serviceAccount",
    "serviceAccountName",
    "tolerations",
];

/// The server that is asked.
pub struct Server {
    /// How.
    pub client: Client,
}

/// An object, before and after.
pub struct Sample {
    /// Where it is.
    pub path: String,
    /// As it was sent, without a status.
    pub sent: Value,
    /// As the server kept it, without what differs from run to run.
    pub kept: Value,
    /// As it is there.
    pub stored: Value,
    /// Its status as it was sent, where one is written.
    pub status: Option<Value>,
}

/// The schema of an object.
///
/// # Errors
/// There is none.
pub fn schema(documents: &Documents, object: &Value) -> Result<Schema, Error> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = object["kind"].as_str().unwrap_or_default();
    let problem = "it has no schema";
    let schema = documents.kind(group, version, kind);
    schema.context(AnswerSnafu {
        doing: kind,
        problem,
    })
}

impl Server {
    /// Gets something.
    ///
    /// # Errors
    /// It is not there.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        let answer = self.ask(Method::GET, path, &Value::Null).await?;
        let problem = || format!("refused: {}", answer.1);
        (answer.0 < 300)
            .then_some(())
            .with_context(|| AnswerSnafu {
                doing: path,
                problem: problem(),
            })?;
        Ok(answer.1)
    }

    /// Asks something; says how it answered.
    ///
    /// # Errors
    /// It did not.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), Error> {
        self.ask_for(method, path, body, "application/json").await
    }

    /// Asks for an answer of a media type.
    ///
    /// # Errors
    /// There was none.
    pub async fn ask_for(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        accept: &str,
    ) -> Result<(u16, Value), Error> {
        let doing = format!("{method} {path}");
        let wrong = |problem: String| Error::Answer {
            doing: doing.clone(),
            problem,
        };
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("accept", accept)
            .body(Body::from(body))
            .map_err(|error| wrong(error.to_string()))?;
        let answer = self
            .client
            .send(request)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        let (parts, body) = answer.into_parts();
        let bytes = body
            .collect_bytes()
            .await
            .map_err(|error| wrong(error.to_string()))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        Ok((parts.status.as_u16(), value))
    }

    /// Creates an object.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn sample(&self, object: &Value) -> Result<Sample, Error> {
        let mut sent = object.clone();
        let status = sent.as_object_mut().and_then(|sent| sent.remove("status"));
        let all = collection(&sent);
        let (code, stored) = self.ask(Method::POST, &all, &sent).await?;
        let problem = format!("refused: {stored}");
        let name = stored["metadata"]["name"].as_str();
        let name = name.filter(|_| code == 201).context(AnswerSnafu {
            doing: &all,
            problem,
        })?;
        sent["metadata"]["uid"] = "<uid>".into();
        Ok(Sample {
            path: format!("{all}/{name}"),
            kept: steady(&stored),
            sent,
            status,
            stored: stored.clone(),
        })
    }
}

fn collection(object: &Value) -> String {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    let root = if version.contains('/') { "apis" } else { "api" };
    let lower = kind.to_lowercase();
    let plural = match (lower.strip_suffix('y'), lower.ends_with('s')) {
        (Some(stem), _) => format!("{stem}ies"),
        (None, true) => format!("{lower}es"),
        (None, false) => format!("{lower}s"),
    };
    let namespace = if WHOLE.contains(&kind) {
        ""
    } else {
        "namespaces/default/"
    };
    format!("/{root}/{version}/{namespace}{plural}")
}

/// An object without what differs from run to run, and without what admission wrote.
fn steady(stored: &Value) -> Value {
    let uid = stored["metadata"]["uid"].as_str().unwrap_or_default();
    let text = stored.to_string().replace(uid, "<uid>");
    let mut kept: Value = serde_json::from_str(&text).unwrap_or_default();
    let sent_namespace = kept["kind"] == "Event";
    if let Some(metadata) = kept["metadata"].as_object_mut() {
        for name in [
            "creationTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
        ] {
            metadata.remove(name);
        }
        if !sent_namespace {
            metadata.remove("namespace");
        }
    }
    let address = kept["spec"]["clusterIP"]
        .as_str()
        .filter(|text| *text != "None");
    if address.is_some_and(|text| !text.is_empty()) {
        kept["spec"]["clusterIP"] = "<address>".into();
        kept["spec"]["clusterIPs"] = json!(["<address>"]);
    }
    let unused = match kept["kind"].as_str() {
        Some("Node") => kept["spec"].as_object_mut().map(|spec| (spec, "taints")),
        Some("PersistentVolumeClaim") => kept["metadata"]
            .as_object_mut()
            .map(|metadata| (metadata, "finalizers")),
        Some(_) | None => None,
    };
    if let Some((members, name)) = unused {
        members.remove(name);
    }
    if kept["kind"] == "Pod" {
        for name in ADMISSION {
            kept["spec"]
                .as_object_mut()
                .and_then(|spec| spec.remove(name));
        }
        kept["status"]
            .as_object_mut()
            .and_then(|status| status.remove("qosClass"));
    }
    kept
}
