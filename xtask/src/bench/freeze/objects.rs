//! What the benchmark of a freeze puts on its control planes: the freeze as the step writes it, and objects
//! by their kind.

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use pingzhan::api::{Freeze, NamespaceSelector};
use pingzhan::field::{Identity, Projection, Target, creation};
use pingzhan::run::freeze::Probed;
use pingzhan::step::freeze;
use serde_json::Value;

use super::super::{Error, WrongSnafu};

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";
const FREEZES: &str = "/apis/pingzhan.dev/v1alpha1";
const KINDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A freeze as the step writes it: an object a namespace.
pub fn manifests(frozen: usize) -> Result<Vec<Value>, Error> {
    let asked = Freeze {
        namespaces: NamespaceSelector::default(),
        automation: Vec::new(),
        except: Vec::new(),
    };
    let seen = |number: usize| -> Projection {
        let target = Target::from(Identity {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            name: format!("bench-frozen-{number}"),
            ..Identity::default()
        });
        creation::seen(&target, None)
    };
    let found = [(0..frozen).map(seen).collect::<Vec<_>>()];
    let compiled = freeze::compile(&asked, &found, &["bench"]);
    let written = compiled.changes.into_iter().filter_map(|change| {
        let mut manifest = change.after.value().cloned()?;
        freeze::complete(&mut manifest, "bench", "2026-07-01T12:00:00Z");
        Some(manifest)
    });
    let written: Vec<Value> = written.collect();
    let problem = "not every namespace is frozen";
    let whole = frozen > 0 && written.len() == frozen;
    snafu::ensure!(whole, WrongSnafu { problem });
    Ok(written)
}

/// What is to be proven of it: the objects of a freeze have one name.
pub fn probed(freezes: &[Value]) -> Probed {
    let name = freezes
        .first()
        .and_then(|one| one["metadata"]["name"].as_str());
    let namespaces = freezes.iter().filter_map(freeze::namespace);
    Probed {
        name: name.unwrap_or_default().to_owned(),
        namespaces: namespaces.map(str::to_owned).collect(),
    }
}

/// The objects of a text.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text)
        .map(Value::deserialize)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })
}

/// Where an object of these kinds is.
pub fn at(object: &Value) -> Result<String, Error> {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (space, name) = (text("/metadata/namespace"), text("/metadata/name"));
    Ok(match text("/kind") {
        "Namespace" => format!("/api/v1/namespaces/{name}"),
        "ConfigMap" => format!("/api/v1/namespaces/{space}/configmaps/{name}"),
        "Deployment" => format!("/apis/apps/v1/namespaces/{space}/deployments/{name}"),
        "CustomResourceDefinition" => format!("{KINDS}/{name}"),
        "ChangeFreeze" => format!("{FREEZES}/namespaces/{space}/changefreezes/{name}"),
        "ValidatingAdmissionPolicy" => format!("{POLICIES}/validatingadmissionpolicies/{name}"),
        "ValidatingAdmissionPolicyBinding" => {
            format!("{POLICIES}/validatingadmissionpolicybindings/{name}")
        }
        other => {
            let problem = format!("{other} is of no kind that is put there");
            return WrongSnafu { problem }.fail();
        }
    })
}

/// Applies an object.
pub async fn put(client: &Client, object: &Value) -> Result<(), Error> {
    let at = format!("{}?fieldManager=bench&force=true", at(object)?);
    let apply = "application/apply-patch+yaml";
    send(client, Method::PATCH, &at, apply, Some(object)).await
}

/// Sends a request, and reads the answer whole.
pub async fn send(
    client: &Client,
    method: Method,
    at: &str,
    content: &str,
    body: Option<&Value>,
) -> Result<(), Error> {
    let doing = format!("{method} {at}");
    let bytes = body.map(|body| body.to_string().into_bytes());
    let request = Request::builder()
        .method(method)
        .uri(at)
        .header("content-type", content)
        .body(Body::from(bytes.unwrap_or_default()))
        .map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })?;
    let answer = client.send(request).await;
    let answer = answer.map_err(|source| Error::Api {
        doing: doing.clone(),
        source: Box::new(source),
    })?;
    if answer.status().is_success() {
        // To the last byte, or the connection cannot carry the next one.
        let read = answer.into_body().collect_bytes().await;
        return read.map(drop).map_err(|source| Error::Api {
            doing,
            source: Box::new(source),
        });
    }
    let problem = format!("{doing}: {}", answer.status());
    WrongSnafu { problem }.fail()
}
