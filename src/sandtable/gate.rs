//! The way in: who asks, as whom, whether they may, and what the policies say of a write.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Ask, Place, Reply};
use super::body;
use super::kinds::Kind;
use super::managed;
use super::options::Options;
use super::people::policy::{self, Admission, Operation};
use super::people::rbac::allow;
use super::people::reviews::{self, Asked, Review};
use super::people::{Attributes, Objects, User, escalation, impersonate};
use super::refusal::Refusal;
use super::server::Server;
use super::store::Key;

/// Lets pass whoever may ask this, and says as whom.
///
/// # Errors
/// 403, or 400 where the headers make no sense.
pub fn pass(server: &mut Server, ask: &mut Ask, place: Option<&Place>) -> Result<(), Refusal> {
    let small = ask.method.to_lowercase();
    let verb = place.map_or(small.as_str(), |place| verb(ask, place));
    if let Some(wanted) = impersonate::wanted(&ask.headers)? {
        let sender = ask.user.clone();
        let asking = attributes(ask, place, verb);
        let lately = server.ways.get(&sender.name).copied();
        let (user, way) = impersonate::impersonate(server, &asking, &wanted, lately)?;
        server.ways.insert(sender.name, way);
        ask.user = user;
    }
    allow(server, &attributes(ask, place, verb))
}

fn attributes<'a>(ask: &'a Ask, place: Option<&'a Place>, verb: &'a str) -> Attributes<'a> {
    let Some(place) = place else {
        return Attributes::of_path(&ask.user, verb, &ask.path);
    };
    Attributes {
        version: &place.version,
        subresource: &place.subresource,
        namespace: &place.namespace,
        name: &place.name,
        ..Attributes::of(&ask.user, verb, &place.group, &place.plural)
    }
}

/// The verb of a request about objects.
fn verb(ask: &Ask, place: &Place) -> &'static str {
    let has_name = !place.name.is_empty();
    match ask.method.as_str() {
        "GET" | "HEAD" if ask.says("watch") => "watch",
        "GET" | "HEAD" if has_name => "get",
        "GET" | "HEAD" => "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if has_name => "delete",
        "DELETE" => "deletecollection",
        _ => "",
    }
}

/// Answers a review: it is asked by making it, and never kept.
pub fn review(server: &Server, review: Review, place: &Place, ask: &Ask) -> Result<Reply, Refusal> {
    let options = Options::read(ask, "CreateOptions", false)?;
    let mut sent: Value = serde_json::from_slice(&ask.body)
        .map_err(|_| Refusal::bad_request(body::go_error(&ask.body)))?;
    if !sent["metadata"].is_object() {
        sent["metadata"] = json!({});
    }
    if sent["metadata"]["namespace"].is_null() && !place.namespace.is_empty() {
        sent["metadata"]["namespace"] = place.namespace.as_str().into();
    }
    let writer = managed::Writer {
        manager: managed::manager(&options.manager, &ask.user_agent),
        operation: "Update".to_owned(),
        api_version: format!("{}/{}", place.group, place.version),
        subresource: String::new(),
    };
    let any = super::schema::Schema::any();
    let fields = managed::made_of(
        any.root(),
        &json!({ "spec": {} }),
        &sent,
        &writer,
        &ask.time(),
    );
    if fields.as_array().is_some_and(|fields| !fields.is_empty()) {
        sent["metadata"]["managedFields"] = fields;
    }
    let now = ask.time();
    let asked = Asked {
        user: &ask.user,
        namespace: &place.namespace,
        body: &sent,
        now: &now,
    };
    let answer = reviews::answer(server, review, &asked)?;
    Ok(Reply::json(201, answer))
}

/// What is written, as rights and policies see it.
pub struct Written<'a> {
    /// The kind.
    pub kind: &'a Kind,
    /// Where.
    pub place: &'a Place,
    /// The request.
    pub ask: &'a Ask,
    /// What happens.
    pub operation: Operation,
    /// Whether nothing is kept.
    pub is_dry: bool,
    /// The object as it will be; null where it goes.
    pub object: &'a Value,
    /// The object as it was; null where it is new.
    pub old: &'a Value,
}

/// Lets pass a write that nobody's policy denies, and that gives away no more than its writer has.
/// Gives the warnings of policies.
///
/// # Errors
/// 403 and others, in the words of the policy.
pub fn admit(server: &Server, written: &Written<'_>) -> Result<Vec<String>, Refusal> {
    let Written {
        kind,
        place,
        ask,
        operation,
        is_dry,
        object,
        old,
    } = written;
    let name = object["metadata"]["name"].as_str().unwrap_or(&place.name);
    if kind.group == super::people::RBAC && !object.is_null() {
        escalation::check(
            server,
            &escalation::Write {
                user: &ask.user,
                resource: &kind.plural,
                namespace: &place.namespace,
                name: &place.name,
                object,
                old: (!old.is_null()).then_some(*old),
            },
        )?;
    }
    let named = policy::Kind {
        group: &kind.group,
        version: &kind.version,
        kind: &kind.kind,
    };
    let verdict = policy::admit(
        server,
        &server.expressions,
        &Admission {
            operation: *operation,
            group: &kind.group,
            version: &kind.version,
            kind: named,
            resource: &kind.plural,
            subresource: &place.subresource,
            namespace: &place.namespace,
            name,
            user: &ask.user,
            object: (!object.is_null()).then_some(*object),
            old: (!old.is_null()).then_some(*old),
            dry_run: *is_dry,
            options: &options(*operation, ask),
        },
    );
    match verdict.refusal {
        Some(refusal) => Err(refusal),
        None => Ok(verdict.warnings),
    }
}

/// The options of a request, as policies see them: what it says, and nothing that is filled in.
fn options(operation: Operation, ask: &Ask) -> Value {
    let is_deletion = operation == Operation::Delete;
    let kind = match operation {
        Operation::Create => "CreateOptions",
        Operation::Update => "UpdateOptions",
        Operation::Delete => "DeleteOptions",
        Operation::Connect => return Value::Null,
    };
    let sent: Option<Value> = is_deletion
        .then(|| serde_json::from_slice(&ask.body).ok())
        .flatten();
    let mut options = sent.filter(Value::is_object).unwrap_or_else(|| {
        let mut said = json!({});
        for field in ["fieldManager", "fieldValidation", "propagationPolicy"] {
            let value = ask.parameter(field);
            if !value.is_empty() && is_deletion == (field == "propagationPolicy") {
                said[field] = value.into();
            }
        }
        let seconds = ask.parameter("gracePeriodSeconds").parse::<i64>();
        if let (true, Ok(seconds)) = (is_deletion, seconds) {
            said["gracePeriodSeconds"] = seconds.into();
        }
        if !ask.parameter("dryRun").is_empty() {
            said["dryRun"] = json!([ask.parameter("dryRun")]);
        }
        said
    });
    options["apiVersion"] = "meta.k8s.io/v1".into();
    options["kind"] = kind.into();
    options
}

impl Objects for Server {
    fn all(&self, group: &str, plural: &str, namespace: Option<&str>) -> Vec<&Value> {
        let listed = self
            .store
            .list(group, plural, namespace.unwrap_or_default(), None);
        listed.map(|(_, object)| &**object).collect()
    }

    fn get(
        &self,
        group: &str,
        plural: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<&Value> {
        let key = Key {
            group: group.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: name.to_owned(),
        };
        self.store.get(&key).map(|object| &**object)
    }

    fn kind(&self, group: &str, kind: &str) -> Option<(String, bool)> {
        let mut all = self.kinds.all();
        let found: &Arc<Kind> = all.find(|one| one.group == group && one.kind == kind)?;
        Some((found.plural.clone(), found.namespaced))
    }

    fn token(&self, token: &str) -> Option<User> {
        self.tokens.whose(token).cloned()
    }
}
