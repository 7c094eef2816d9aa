//! What becomes of an object that changes.

use std::sync::Arc;

use serde_json::Value;

use super::super::ask::Place;
use super::super::kinds::Kind;
use super::super::people::policy::Operation;
use super::super::read::key;
use super::super::refusal::{Cause, Refusal};
use super::super::server::Server;
use super::super::{managed, meta, schema, specific};
use super::{Job, Kept, Part, admit};

/// Changes an object that is there: what was asked for becomes what may be, and who owns what is
/// told anew.
pub fn change(
    server: &mut Server,
    job: &Job<'_>,
    old: &Arc<Value>,
    new: Value,
) -> Result<Kept, Refusal> {
    settle(server, job, old, new, None)
}

pub(super) fn settle(
    server: &mut Server,
    job: &Job<'_>,
    old: &Arc<Value>,
    new: Value,
    applied: Option<Value>,
) -> Result<Kept, Refusal> {
    let draft = draft(job, old, new, applied)?;
    carry_out(server, job, old, draft)
}

/// A change that was worked out between two objects alone, and that may be kept if nobody's policy denies
/// it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The object as it will be.
    new: Value,
    /// What its writer is told.
    pub(super) warnings: Vec<String>,
}

/// Works out what becomes of an object, and holds it against all rules. What is written of managedFields
/// counts, but where they were worked out already.
pub(super) fn draft(
    job: &Job<'_>,
    old: &Value,
    mut new: Value,
    applied: Option<Value>,
) -> Result<Draft, Refusal> {
    let kind = job.kind;
    let version = new["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if !version.is_empty() && old["metadata"]["resourceVersion"] != *version {
        return Err(modified(kind, job.place));
    }
    let causes = meta::changes(&old["metadata"], &new["metadata"]);
    prepare(job, old, &mut new);
    if job.part == Part::Scale && applied.is_none() {
        let count: Vec<String> = kind
            .scale
            .iter()
            .flat_map(|scale| &scale.spec)
            .map(|name| format!("f:{name}"))
            .collect();
        let is_changed = new["metadata"]["generation"] != old["metadata"]["generation"];
        let members = count.iter().map(|name| name.trim_start_matches("f:"));
        let pointer = members.fold(String::new(), |pointer, name| format!("{pointer}/{name}"));
        let is_zero = new.pointer(&pointer).is_some_and(|count| *count == 0);
        let fields = managed::scaled(old, &count, &job.writer(), is_changed, is_zero);
        set_managed(&mut new, fields);
    } else if applied.is_none() {
        let said = new["metadata"]["managedFields"].take();
        let fields = managed::updated(
            kind.schema.root(),
            old,
            &new,
            said,
            &job.writer(),
            managed::Reset::of(kind, job.part),
            &job.ask.time(),
        );
        set_managed(&mut new, fields);
    } else if let Some(fields) = applied {
        set_managed(&mut new, fields);
    }
    tidy(&mut new);
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
    let warnings = check(job, old, &new, causes)?;
    Ok(Draft { new, warnings })
}

/// Keeps a change, where policies let it pass.
pub(super) fn carry_out(
    server: &mut Server,
    job: &Job<'_>,
    old: &Arc<Value>,
    draft: Draft,
) -> Result<Kept, Refusal> {
    let (kind, Draft { new, mut warnings }) = (job.kind, draft);
    warnings.extend(admit(server, job, Operation::Update, &new, old)?);
    if new == **old || job.options.is_dry {
        return Ok((Arc::new(new), warnings));
    }
    let at = key(kind, job.place);
    let is_ended = !new["metadata"]["deletionTimestamp"].is_null() && is_free(&new);
    if is_ended {
        server.drop(kind, &at);
        return Ok((Arc::new(new), warnings));
    }
    Ok((server.keep(kind, at, new), warnings))
}

/// Whether nothing holds an object that is being removed.
pub fn is_free(object: &Value) -> bool {
    let none = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    none(&object["metadata"]["finalizers"])
        && (object["kind"] != "Namespace" || none(&object["spec"]["finalizers"]))
}

/// 409: somebody else was faster.
pub fn modified(kind: &Kind, place: &Place) -> Refusal {
    let why = "the object has been modified; please apply your changes to the latest version and try again";
    Refusal::conflict(kind.resource(), &place.name, why)
}

/// What a write may not change is as it was; the generation counts what it may.
fn prepare(job: &Job<'_>, old: &Value, new: &mut Value) {
    let kind = job.kind;
    for member in [
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "name",
        "namespace",
    ] {
        put(&mut new["metadata"], member, &old["metadata"][member]);
    }
    match job.part {
        Part::Status => only_status(kind, old, new),
        Part::Main | Part::Scale if kind.has_status => put(new, "status", &old["status"]),
        Part::Main | Part::Scale => {}
    }
    specific::derive(kind, new);
    specific::count_templates(kind, old, new);
    if !kind.counts_generation {
        return;
    }
    let counted = |name: &str| match name {
        "metadata" | "status" | "apiVersion" | "kind" => false,
        name => kind.is_custom || name == "spec" || kind.plural.starts_with("validating"),
    };
    // A Deployment's annotations go to its ReplicaSets: they count as its spec does, but where its
    // controller writes them with the status.
    let is_deployment =
        kind.group == "apps" && kind.plural == "deployments" && job.part != Part::Status;
    let are_others = old["metadata"]["annotations"] != new["metadata"]["annotations"];
    if differ(old, new, counted) || is_deployment && are_others {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
        new["metadata"]["generation"] = (generation + 1).into();
    }
}

/// Whether two objects differ in members that count.
fn differ(old: &Value, new: &Value, counts: impl Fn(&str) -> bool) -> bool {
    let members = |object| Value::as_object(object).into_iter().flatten();
    let mut all = members(old).chain(members(new));
    all.any(|(name, _)| counts(name) && old.get(name) != new.get(name))
}

/// A write of the status changes nothing else; of a built-in kind also what its metadata says, but for the
/// labels of a Deployment.
fn only_status(kind: &Kind, old: &Value, new: &mut Value) {
    let mut kept = old.clone();
    put(&mut kept, "status", &new["status"]);
    if kind.is_custom {
        let fields = new["metadata"]["managedFields"].take();
        set_managed(&mut kept, fields);
    } else {
        let metadata = new["metadata"].take();
        let labels = kept["metadata"]["labels"].clone();
        kept["metadata"] = metadata;
        if kind.group == "apps" && kind.plural == "deployments" {
            put(&mut kept["metadata"], "labels", &labels);
        }
    }
    *new = kept;
}

/// Holds a changed object against all rules. Gives the warnings of those that it broke before.
fn check(
    job: &Job<'_>,
    old: &Value,
    new: &Value,
    changed: Vec<Cause>,
) -> Result<Vec<String>, Refusal> {
    let kind = job.kind;
    let mut warnings = Vec::new();
    // The real server looks at metadata twice on the way, and says twice what it finds.
    let mut causes = changed.clone();
    causes.extend(changed);
    causes.extend(meta::words(&new["metadata"]));
    if job.part != Part::Status {
        causes.extend(specific::faults(kind, new));
        causes.extend(specific::changes(kind, old, new));
    }
    if kind.is_custom {
        let is_status = job.part == Part::Status;
        let found = if is_status {
            schema::validate_status(kind.schema.root(), new, old)
        } else {
            schema::validate(kind.schema.root(), new, Some(old))
        };
        causes.extend(found.causes);
        let said = found.let_through.iter();
        warnings.extend(said.map(|cause| format!("{}: {}", cause.field, cause.message)));
        causes.extend(schema::scale_causes(new, &kind.scale_said, is_status));
    }
    if causes.is_empty() {
        return Ok(warnings);
    }
    Err(Refusal::invalid(kind.named(), &job.place.name, causes))
}

/// Gives a member a value, or takes it away where the value is null.
pub fn put(object: &mut Value, member: &str, value: &Value) {
    if object[member] != *value {
        set(object, member, value.clone());
    }
}

fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        if value.is_null() {
            members.remove(member);
        } else {
            members.insert(member.to_owned(), value);
        }
    }
}

pub(super) fn set_managed(object: &mut Value, fields: Value) {
    let fields = if fields.as_array().is_some_and(Vec::is_empty) {
        Value::Null
    } else {
        fields
    };
    set(&mut object["metadata"], "managedFields", fields);
}

/// What is empty in the metadata is not there.
pub(super) fn tidy(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|_, value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::String(text) => !text.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        });
    }
}
