//! What is installed: kinds, policies, namespaces, each held against this program's own copy.

use serde_json::Value;

use crate::api;
use crate::cluster::{Collection, write};
use crate::policies::{self, Names};
use crate::t;

use super::{Line, Look, Part, same};

/// The group of policies and their bindings.
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

fn collection(api_version: &str, kind: &str, plural: &str) -> Collection {
    Collection {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespace: String::new(),
    }
}

/// Our kinds.
pub(super) async fn kinds(look: &Look<'_>) -> Part {
    let lang = look.lang;
    let crds = collection(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    );
    let mut lines = Vec::new();
    for own in api::kinds() {
        let name = own["metadata"]["name"].as_str().unwrap_or_default();
        lines.push(match write::get(&look.own.reads, &crds, name).await {
            Err(error) => look.unseen(name, &error),
            Ok(None) => Line::bad(
                t!(lang, "check-crd-missing", name = name),
                t!(lang, "check-crd-next"),
            ),
            Ok(Some(live)) => kind(look, name, &own["spec"], &live),
        });
    }
    Part {
        name: "kinds",
        lines,
    }
}

fn kind(look: &Look<'_>, name: &str, own: &Value, live: &Value) -> Line {
    let lang = look.lang;
    let name = name.to_owned();
    if live.pointer("/metadata/deletionTimestamp").is_some() {
        let text = t!(lang, "check-crd-ending", name = name);
        return Line::bad(text, t!(lang, "check-crd-ending-next"));
    }
    let conditions = live.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let established = conditions.any(|own| own["type"] == "Established" && own["status"] == "True");
    if !established {
        let text = t!(lang, "check-crd-unserved", name = name);
        return Line::bad(text, t!(lang, "check-crd-unserved-next"));
    }
    match same::differs(own, &live["spec"]) {
        None => Line::good(t!(lang, "check-crd-good", name = name)),
        Some(at) => Line::bad(
            t!(lang, "check-crd-differs", name = name, at = at),
            t!(lang, "check-crd-next"),
        ),
    }
}

/// Our policies and their bindings.
pub(super) async fn policies(look: &Look<'_>) -> Part {
    let mut lines = Vec::new();
    for policy in policies::all(&Names::default()) {
        // A test of theirs holds that each reads as YAML.
        for own in policy.objects().unwrap_or_default() {
            lines.push(one_policy(look, &own).await);
        }
    }
    Part {
        name: "policies",
        lines,
    }
}

async fn one_policy(look: &Look<'_>, own: &Value) -> Line {
    let lang = look.lang;
    let text = |place: &str| {
        let found = own.pointer(place).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let plural = match kind.as_str() {
        "ValidatingAdmissionPolicyBinding" => "validatingadmissionpolicybindings",
        _ => "validatingadmissionpolicies",
    };
    let what = format!("{kind} {name}");
    let stored = collection(ADMISSION, &kind, plural);
    match write::get(&look.own.reads, &stored, &name).await {
        Err(error) => look.unseen(&what, &error),
        Ok(None) => Line::bad(
            t!(lang, "check-policy-missing", what = what),
            t!(lang, "check-policy-next"),
        ),
        Ok(Some(live)) => match same::differs(&own["spec"], &live["spec"]) {
            None => Line::good(t!(lang, "check-policy-good", what = what)),
            Some(at) => Line::bad(
                t!(lang, "check-policy-differs", what = what, at = at),
                t!(lang, "check-policy-next"),
            ),
        },
    }
}

/// The operator's namespace, and that of accounts.
pub(super) async fn namespaces(look: &Look<'_>) -> Part {
    let lang = look.lang;
    let all = collection("v1", "Namespace", "namespaces");
    let mut lines = Vec::new();
    for name in [
        &look.operator.operator_namespace,
        &look.operator.accounts_namespace,
    ] {
        let name = name.clone();
        lines.push(match write::get(&look.own.reads, &all, &name).await {
            Err(error) => look.unseen(&name, &error),
            Ok(None) => Line::bad(
                t!(lang, "check-namespace-missing", name = name),
                t!(lang, "check-namespace-missing-next"),
            ),
            Ok(Some(live)) if live.pointer("/metadata/deletionTimestamp").is_some() => Line::bad(
                t!(lang, "check-namespace-ending", name = name),
                t!(lang, "check-namespace-ending-next"),
            ),
            Ok(Some(_)) => Line::good(t!(lang, "check-namespace-good", name = name)),
        });
    }
    Part {
        name: "namespaces",
        lines,
    }
}
