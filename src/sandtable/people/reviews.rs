//! Reviews: objects that are asked and answered, and never kept.

use serde_json::{Map, Value, json};

use super::rbac::{Attributes, decide, rules_for};
use super::{Objects, User, aggregate, items, text};
use crate::sandtable::refusal::{Cause, Named, Refusal};

const GROUP: &str = "authorization.k8s.io";
const SPEC: &str = "spec.resourceAttributes";

/// The kinds of reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// Who am I?
    SelfSubject,
    /// May I?
    SelfAccess,
    /// What may I, in a namespace?
    SelfRules,
    /// May they?
    Access,
    /// May they, in a namespace?
    LocalAccess,
    /// Whose token is it?
    Token,
}

impl Review {
    /// By group and plural; nothing where it is none.
    pub fn of(group: &str, plural: &str) -> Option<Self> {
        match (group, plural) {
            ("authentication.k8s.io", "selfsubjectreviews") => Some(Self::SelfSubject),
            ("authentication.k8s.io", "tokenreviews") => Some(Self::Token),
            (GROUP, "selfsubjectaccessreviews") => Some(Self::SelfAccess),
            (GROUP, "selfsubjectrulesreviews") => Some(Self::SelfRules),
            (GROUP, "subjectaccessreviews") => Some(Self::Access),
            (GROUP, "localsubjectaccessreviews") => Some(Self::LocalAccess),
            _ => None,
        }
    }
}

/// What is asked, by whom and where.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub user: &'a User,
    /// The namespace of the path; empty for none.
    pub namespace: &'a str,
    /// The review as it was sent, with the managed fields that it has been given.
    pub body: &'a Value,
    /// The time, as metadata has it.
    pub now: &'a str,
}

/// Answers.
///
/// # Errors
/// 422 and 400 in the server's words for a review that asks nothing or too much.
pub fn answer(objects: &dyn Objects, review: Review, asked: &Asked<'_>) -> Result<Value, Refusal> {
    match review {
        Review::SelfSubject => Ok(json!({
            "apiVersion": text(asked.body, "/apiVersion"),
            "kind": text(asked.body, "/kind"),
            "metadata": { "creationTimestamp": asked.now },
            "status": { "userInfo": asked.user.info() },
        })),
        Review::SelfAccess => self_access(objects, asked),
        Review::SelfRules => self_rules(objects, asked),
        Review::Access => access(objects, asked, false),
        Review::LocalAccess => access(objects, asked, true),
        Review::Token => token(objects, asked),
    }
}

/// The body with another status.
fn with_status(body: &Value, status: Value) -> Value {
    let mut answer = body.clone();
    answer["status"] = status;
    answer
}

fn self_access(objects: &dyn Objects, asked: &Asked<'_>) -> Result<Value, Refusal> {
    let mut causes = attribute_faults(asked.body);
    causes.extend(selector_faults(asked.body));
    causes.extend(metadata_fault(asked.body, false));
    refuse(causes)?;
    Ok(with_status(
        asked.body,
        status(objects, asked.user, asked.body),
    ))
}

fn access(objects: &dyn Objects, asked: &Asked<'_>, local: bool) -> Result<Value, Refusal> {
    let body = asked.body;
    let mut causes = attribute_faults(body);
    if text(body, "/spec/user").is_empty() && items(body, "/spec/groups").is_empty() {
        let why = "at least one of user or group must be specified";
        causes.push(Cause::invalid("spec.user", &json!(""), why));
    }
    causes.extend(selector_faults(body));
    causes.extend(metadata_fault(body, local));
    if local {
        causes.extend(local_faults(body));
    }
    refuse(causes)?;
    if local && asked.namespace.is_empty() {
        return Err(Refusal::bad_request("namespace is required on this type: "));
    }
    if local && text(body, "/metadata/namespace") != asked.namespace {
        let message = "spec.resourceAttributes.namespace must match namespace";
        return Err(Refusal::bad_request(format!(
            "{message}: {}",
            asked.namespace
        )));
    }
    let owned = |pointer: &str| -> Vec<String> {
        super::texts(body, pointer)
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let user = User {
        name: text(body, "/spec/user").to_owned(),
        uid: text(body, "/spec/uid").to_owned(),
        groups: owned("/spec/groups"),
        ..User::default()
    };
    Ok(with_status(body, status(objects, &user, body)))
}

/// Whether a user may do what a review asks.
fn status(objects: &dyn Objects, user: &User, body: &Value) -> Value {
    let field = |name: &str| text(body, &format!("/spec/resourceAttributes/{name}"));
    let path = text(body, "/spec/nonResourceAttributes/path");
    let of = if body
        .pointer("/spec/resourceAttributes")
        .is_some_and(Value::is_object)
    {
        Attributes {
            version: field("version"),
            subresource: field("subresource"),
            namespace: field("namespace"),
            name: field("name"),
            ..Attributes::of(user, field("verb"), field("group"), field("resource"))
        }
    } else {
        Attributes::of_path(user, text(body, "/spec/nonResourceAttributes/verb"), path)
    };
    let decision = decide(objects, &of);
    let mut status = Map::from_iter([("allowed".to_owned(), decision.allowed.into())]);
    if !decision.reason.is_empty() {
        status.insert("reason".to_owned(), decision.reason.into());
    }
    Value::Object(status)
}

fn refuse(causes: Vec<Cause>) -> Result<(), Refusal> {
    if causes.is_empty() {
        return Ok(());
    }
    // The server has lost the kind by then.
    Err(Refusal::invalid(
        Named {
            group: GROUP,
            word: "",
        },
        "",
        causes,
    ))
}

/// Exactly one of the two kinds of attributes is asked for.
fn attribute_faults(body: &Value) -> Vec<Cause> {
    let resource = body
        .pointer("/spec/resourceAttributes")
        .filter(|value| !value.is_null());
    let path = body
        .pointer("/spec/nonResourceAttributes")
        .filter(|value| !value.is_null());
    match (resource, path) {
        (Some(_), Some(_)) => {
            let why = "cannot be specified in combination with resourceAttributes";
            vec![Cause::invalid(
                "spec.nonResourceAttributes",
                &internal(body),
                why,
            )]
        }
        (None, None) => {
            let why =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            vec![Cause::invalid(SPEC, &Value::Null, why)]
        }
        (Some(_), None) | (None, Some(_)) => Vec::new(),
    }
}

/// The attributes of a path as messages show them: the server's own type has no other names.
fn internal(body: &Value) -> Value {
    json!({
        "Path": text(body, "/spec/nonResourceAttributes/path"),
        "Verb": text(body, "/spec/nonResourceAttributes/verb"),
    })
}

/// A selector is written in one of two ways.
fn selector_faults(body: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for name in ["fieldSelector", "labelSelector"] {
        let at = format!("/spec/resourceAttributes/{name}");
        if !body.pointer(&at).is_some_and(Value::is_object) {
            continue;
        }
        let field = format!("{SPEC}.{name}");
        let raw = text(body, &format!("{at}/rawSelector"));
        let required = !items(body, &format!("{at}/requirements")).is_empty();
        if !raw.is_empty() && required {
            let why = "may not specified at the same time as requirements";
            causes.push(Cause::invalid(
                &format!("{field}.rawSelector"),
                &json!(raw),
                why,
            ));
        }
        if raw.is_empty() && !required {
            let why = format!("when {field} is specified, requirements or rawSelector is required");
            causes.push(Cause::required(&format!("{field}.requirements"), &why));
        }
    }
    causes
}

/// A review has no metadata of its own, but (some) a namespace.
fn metadata_fault(body: &Value, local: bool) -> Option<Cause> {
    let metadata = body.get("metadata")?.as_object()?;
    let own = |name: &str| name == "managedFields" || (local && name == "namespace");
    let blank = |value: &Value| value.is_null() || *value == json!("") || *value == json!({});
    let clean = metadata
        .iter()
        .all(|(name, value)| own(name) || blank(value));
    let why = if local {
        "must be empty except for namespace"
    } else {
        "must be empty"
    };
    (!clean).then(|| Cause::invalid("metadata", &body["metadata"], why))
}

fn local_faults(body: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if body
        .pointer("/spec/resourceAttributes")
        .is_some_and(Value::is_object)
    {
        let asked = text(body, "/spec/resourceAttributes/namespace");
        if asked != text(body, "/metadata/namespace") {
            let field = format!("{SPEC}.namespace");
            causes.push(Cause::invalid(
                &field,
                &json!(asked),
                "must match metadata.namespace",
            ));
        }
    }
    if body
        .pointer("/spec/nonResourceAttributes")
        .is_some_and(Value::is_object)
    {
        let why = "disallowed on this kind of request";
        causes.push(Cause::invalid(
            "spec.nonResourceAttributes",
            &internal(body),
            why,
        ));
    }
    causes
}

fn self_rules(objects: &dyn Objects, asked: &Asked<'_>) -> Result<Value, Refusal> {
    let namespace = text(asked.body, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Refusal::bad_request("no namespace on request"));
    }
    let (rules, faults) = rules_for(objects, asked.user, namespace);
    let mut resources = Vec::new();
    let mut paths = Vec::new();
    for rule in &rules {
        if !rule.resources.is_empty() {
            let mut said = json!({ "verbs": rule.verbs });
            for (name, words) in [
                ("apiGroups", &rule.groups),
                ("resources", &rule.resources),
                ("resourceNames", &rule.names),
            ] {
                if !words.is_empty() {
                    said[name] = json!(words);
                }
            }
            resources.push(said);
        }
        if !rule.urls.is_empty() {
            paths.push(json!({ "verbs": rule.verbs, "nonResourceURLs": rule.urls }));
        }
    }
    let mut status = json!({
        "resourceRules": resources, "nonResourceRules": paths, "incomplete": false,
    });
    if !faults.is_empty() {
        status["evaluationError"] = aggregate(faults).into();
    }
    Ok(json!({
        "apiVersion": text(asked.body, "/apiVersion"),
        "kind": text(asked.body, "/kind"),
        "metadata": {},
        "spec": {},
        "status": status,
    }))
}

fn token(objects: &dyn Objects, asked: &Asked<'_>) -> Result<Value, Refusal> {
    let token = text(asked.body, "/spec/token");
    if token.is_empty() {
        let message = "token is required for TokenReview in authentication";
        return Err(Refusal::bad_request(message));
    }
    let status = match objects.token(token) {
        Some(user) => {
            let audiences = items(asked.body, "/spec/audiences");
            let mut status = json!({ "authenticated": true, "user": user.info() });
            status["audiences"] = if audiences.is_empty() {
                json!(["https://kubernetes.default.svc"])
            } else {
                json!(audiences)
            };
            status
        }
        None => json!({ "user": {}, "error": "invalid bearer token" }),
    };
    Ok(with_status(asked.body, status))
}
