//! What becomes of an object that is new.

use std::sync::Arc;

use serde_json::Value;

use super::super::ask::Place;
use super::super::kinds::Kind;
use super::super::people::policy::Operation;
use super::super::read::key;
use super::super::refusal::{Cause, Refusal};
use super::super::server::Server;
use super::super::{crds, managed, meta, schema, specific, store};
use super::settle::{set_managed, tidy};
use super::{Job, Kept, admit};

/// What is made of an object that is new: checked, and kept unless it is a dry run.
pub(super) fn make(
    server: &mut Server,
    job: &Job<'_>,
    mut object: Value,
    managed: Value,
) -> Result<Kept, Refusal> {
    let kind = job.kind;
    begin(server, job, &mut object)?;
    let fields = managed::updated(
        kind.schema.root(),
        &managed::nothing(kind),
        &object,
        managed,
        &job.writer(),
        managed::Reset::of(kind, job.part),
        &job.ask.time(),
    );
    set_managed(&mut object, fields);
    finish(server, job, object)
}

/// Holds a new object against all rules, and keeps it.
pub(super) fn finish(
    server: &mut Server,
    job: &Job<'_>,
    mut object: Value,
) -> Result<Kept, Refusal> {
    let kind = job.kind;
    // What only the server knows comes after everybody's fields are counted.
    if !kind.is_custom {
        schema::created(&mut object);
        if kind.plural == "services" && kind.group.is_empty() {
            schema::addressed(&mut object, &server.address());
            schema::ported(&mut object, || server.port());
        }
    }
    tidy(&mut object);
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut causes = meta::faults(kind, &object);
    causes.extend(specific::faults(kind, &object));
    if kind.is_custom {
        causes.extend(schema::validate(kind.schema.root(), &object, None).causes);
        causes.extend(schema::scale_causes(&object, &kind.scale_said, false));
    }
    if !causes.is_empty() {
        return Err(Refusal::invalid(kind.named(), &name, causes));
    }
    let warnings = admit(server, job, Operation::Create, &object, &Value::Null)?;
    let key = store::Key {
        name: name.clone(),
        ..key(kind, job.place)
    };
    if server.store.get(&key).is_some() {
        return Err(Refusal::already_exists(kind.resource(), &name));
    }
    if job.options.is_dry {
        return Ok((Arc::new(object), warnings));
    }
    Ok((server.keep(kind, key, object), warnings))
}

/// What the server gives an object that is new.
pub(super) fn begin(server: &mut Server, job: &Job<'_>, object: &mut Value) -> Result<(), Refusal> {
    let (kind, place) = (job.kind, job.place);
    let metadata = &mut object["metadata"];
    let beginning = metadata["generateName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if metadata["name"].as_str().unwrap_or_default().is_empty() && !beginning.is_empty() {
        metadata["name"] = format!("{beginning}{}", server.letters()).into();
    }
    if metadata["resourceVersion"]
        .as_str()
        .is_some_and(|version| !version.is_empty())
    {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(Refusal::plain(500, "", why));
    }
    metadata["uid"] = server.uid().into();
    metadata["creationTimestamp"] = job.ask.time().into();
    if let Some(members) = metadata.as_object_mut() {
        for member in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "resourceVersion",
        ] {
            members.remove(member);
        }
        members.remove("generation");
    }
    if kind.counts_generation {
        object["metadata"]["generation"] = 1.into();
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    crds::ensure_stays(server, kind, name)?;
    ensure_namespace(server, kind, place, object)?;
    specific::begin(kind, object);
    specific::derive(kind, object);
    specific::count_templates(kind, &Value::Null, object);
    Ok(())
}

/// Objects are made in namespaces that are there, and stay.
fn ensure_namespace(
    server: &Server,
    kind: &Kind,
    place: &Place,
    object: &Value,
) -> Result<(), Refusal> {
    if !kind.namespaced {
        return Ok(());
    }
    let space = server.kinds.find("", "namespaces");
    let namespace = &place.namespace;
    let at = store::Key {
        plural: "namespaces".to_owned(),
        name: namespace.clone(),
        ..store::Key::default()
    };
    let Some(found) = server.store.get(&at) else {
        let resource = space.map_or(kind.resource(), |kind| kind.resource());
        return Err(Refusal::not_found(resource, namespace));
    };
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut refusal = Refusal::forbidden(kind.resource(), name, &why);
    if let Some(details) = &mut refusal.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    Err(refusal)
}
