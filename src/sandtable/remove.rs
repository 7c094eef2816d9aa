//! Removing: at once, or when the last finalizer goes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Ask, Place, Reply};
use super::body;
use super::form::Form;
use super::kinds::Kind;
use super::options::Options;
use super::people::policy::Operation;
use super::read::{found, key, selection};
use super::refusal::{Cause, Named, Refusal};
use super::server::Server;
use super::write::is_free;
use super::{crds, gate};

/// How dependents are dealt with, and on which conditions an object is removed.
#[derive(Clone, Debug, Default)]
struct Terms {
    policy: String,
    uid: Option<String>,
    version: Option<String>,
    is_dry: bool,
}

/// Removes one object.
pub fn one(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let terms = terms(ask)?;
    let old = found(&server.store, kind, place)?;
    ensure_is_meant(kind, place, &old, &terms)?;
    let removed = remove(server, kind, place, &old, &terms, ask, &place.name)?;
    if let Some(waiting) = removed {
        return Ok(Reply::json(200, form.object(kind, &waiting, &ask.time())));
    }
    let mut details =
        json!({ "name": place.name, "kind": kind.plural, "uid": old["metadata"]["uid"] });
    if !kind.group.is_empty() {
        details["group"] = kind.group.as_str().into();
    }
    Ok(Reply::json(
        200,
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": details }),
    ))
}

/// Removes all that are selected.
pub fn all(
    server: &mut Server,
    kind: &Arc<Kind>,
    place: &Place,
    ask: &Ask,
) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let terms = terms(ask)?;
    let selection = selection(kind, ask)?;
    let listed = server
        .store
        .list(&kind.group, &kind.plural, &place.namespace, None);
    let chosen: Vec<_> = listed
        .filter(|(key, object)| selection.matches(key, object))
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    let revision = server.store.revision();
    for (key, object) in &chosen {
        let place = Place {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            ..place.clone()
        };
        // Policies are asked of the whole.
        remove(server, kind, &place, object, &terms, ask, "")?;
    }
    let mut own = json!({ "resourceVersion": revision.to_string() });
    if kind.is_custom {
        own["continue"] = "".into();
    }
    let objects = chosen.into_iter().map(|(_, object)| object).collect();
    Ok(form.list(kind, objects, own, &ask.time()))
}

fn terms(ask: &Ask) -> Result<Terms, Refusal> {
    let options = Options::read(ask, "DeleteOptions", false)?;
    let said: Value = if ask.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&ask.body)
            .map_err(|_| Refusal::bad_request(body::go_error(&ask.body)))?
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let policy = text(&said["propagationPolicy"])
        .unwrap_or_else(|| ask.parameter("propagationPolicy").to_owned());
    let known = ["Foreground", "Background", "Orphan"];
    if !policy.is_empty() && !known.contains(&policy.as_str()) {
        let known = ["Foreground", "Background", "Orphan", "nil"];
        let cause = Cause::not_supported("propagationPolicy", &policy.into(), &known);
        let named = Named {
            group: "meta.k8s.io",
            word: "DeleteOptions",
        };
        return Err(Refusal::invalid(named, "", vec![cause]));
    }
    let all = said["dryRun"]
        .as_array()
        .is_some_and(|said| said.iter().any(|one| one == "All"));
    Ok(Terms {
        policy,
        uid: text(&said["preconditions"]["uid"]),
        version: text(&said["preconditions"]["resourceVersion"]),
        is_dry: options.is_dry || all,
    })
}

/// Whether the object is the one that was meant.
fn ensure_is_meant(kind: &Kind, place: &Place, old: &Value, terms: &Terms) -> Result<(), Refusal> {
    // The real server has the kind here, where it has the plural elsewhere.
    let named = Named {
        group: &kind.group,
        word: &kind.kind,
    };
    let own = |member: &str| {
        old["metadata"][member]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(uid) = terms.uid.as_deref().filter(|uid| *uid != own("uid")) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            own("uid")
        );
        return Err(Refusal::conflict(named, &place.name, &why));
    }
    let version = own("resourceVersion");
    if let Some(asked) = terms.version.as_deref().filter(|asked| *asked != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(Refusal::conflict(named, &place.name, &why));
    }
    Ok(())
}

/// Removes an object whose definition goes: nobody is asked.
pub fn unasked(server: &mut Server, kind: &Kind, place: &Place, old: &Arc<Value>, ask: &Ask) {
    carried_out(server, kind, place, old, &Terms::default(), ask);
}

/// Removes an object that policies let go, which are told this name; or marks it where something holds
/// it: then that is what is given back.
fn remove(
    server: &mut Server,
    kind: &Kind,
    place: &Place,
    old: &Arc<Value>,
    terms: &Terms,
    ask: &Ask,
    name: &str,
) -> Result<Option<Arc<Value>>, Refusal> {
    let told = Place {
        name: name.to_owned(),
        ..place.clone()
    };
    gate::admit(
        server,
        &gate::Written {
            kind,
            place: &told,
            ask,
            operation: Operation::Delete,
            is_dry: terms.is_dry,
            object: &Value::Null,
            old,
        },
    )?;
    Ok(carried_out(server, kind, place, old, terms, ask))
}

fn carried_out(
    server: &mut Server,
    kind: &Kind,
    place: &Place,
    old: &Arc<Value>,
    terms: &Terms,
    ask: &Ask,
) -> Option<Arc<Value>> {
    if crds::is_crd(kind) {
        let marked = crds::marked(old, &ask.time());
        if terms.is_dry {
            return Some(Arc::new(marked));
        }
        let marked = server.keep(kind, key(kind, place), marked);
        crds::sweep(server, &marked, ask);
        return Some(marked);
    }
    let mut marked = Value::clone(old);
    let metadata = &mut marked["metadata"];
    let finalizer = match terms.policy.as_str() {
        "Foreground" => Some("foregroundDeletion"),
        "Orphan" => Some("orphan"),
        _ => None,
    };
    if let Some(finalizer) = finalizer {
        let mut all = metadata["finalizers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if !all.iter().any(|one| one == finalizer) {
            all.push(finalizer.into());
        }
        metadata["finalizers"] = all.into();
    }
    if is_free(&marked) {
        if !terms.is_dry {
            server.drop(kind, &key(kind, place));
        }
        return None;
    }
    let metadata = &mut marked["metadata"];
    if metadata["deletionTimestamp"].is_null() {
        metadata["deletionTimestamp"] = ask.time().into();
        if kind.plural == "namespaces" && kind.group.is_empty() {
            marked["status"]["phase"] = "Terminating".into();
        } else {
            metadata["deletionGracePeriodSeconds"] = 0.into();
        }
        // Being removed is something that is asked for.
        if let Some(generation) = marked["metadata"]["generation"].as_i64() {
            marked["metadata"]["generation"] = (generation + 1).into();
        }
    }
    if terms.is_dry || marked == **old {
        return Some(Arc::new(marked));
    }
    Some(server.keep(kind, key(kind, place), marked))
}
