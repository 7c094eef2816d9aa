//! Reading: one object, or a list in pages, each page of the moment in which the list was begun.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::ask::{Ask, Place, Reply};
use super::form::Form;
use super::kinds::Kind;
use super::refusal::{Cause, Details, Named, Refusal};
use super::select::Selection;
use super::store::{Key, Store};

/// What people are told whose list is too old to be gone on with.
const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// What people are told who want a list as it was, which nobody remembers.
const FORGOTTEN: &str = "The resourceVersion for the provided list is too old.";

/// Where a list goes on.
struct Token {
    /// The moment in which the list was begun; none where that was too old.
    revision: Option<u64>,
    behind: Key,
}

/// The version in a token that goes on from now.
const NOW: i64 = -1;

/// One object.
pub fn get(store: &Store, kind: &Kind, place: &Place, ask: &Ask) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let object = found(store, kind, place)?;
    Ok(Reply::json(200, form.object(kind, &object, &ask.time())))
}

/// An object, as it is kept.
///
/// # Errors
/// 404.
pub fn found(store: &Store, kind: &Kind, place: &Place) -> Result<Arc<Value>, Refusal> {
    let found = store.get(&key(kind, place));
    found
        .cloned()
        .ok_or_else(|| Refusal::not_found(kind.resource(), &place.name))
}

/// Where an object is kept.
pub fn key(kind: &Kind, place: &Place) -> Key {
    Key {
        group: kind.group.clone(),
        plural: kind.plural.clone(),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
    }
}

/// A list, or a page of it.
pub fn list(store: &Store, kind: &Kind, place: &Place, ask: &Ask) -> Result<Reply, Refusal> {
    let form = Form::of(ask)?;
    let selection = selection(kind, ask)?;
    check_version(store, ask)?;
    let limit = match ask.parameter("limit") {
        "" => 0,
        limit => limit.parse().map_err(|_| {
            Refusal::bad_request(format!(
                "strconv.ParseInt: parsing {limit:?}: invalid syntax"
            ))
        })?,
    };
    let token = token(kind, place, ask)?;
    let revision = match &token {
        // A list that was too old goes on from now.
        Some(Token { revision: None, .. }) => store.revision(),
        Some(Token {
            revision: Some(begun),
            ..
        }) => *begun,
        None => exact(ask, limit)?.unwrap_or(store.revision()),
    };
    if revision < store.compacted() {
        return Err(expired(place, token.as_ref()));
    }
    let behind = token.as_ref().map(|token| &token.behind);
    let all = as_of(store, kind, &place.namespace, behind, revision);
    let mut selected = all
        .iter()
        .filter(|(key, object)| selection.matches(key, object));
    let page: Vec<_> = if limit == 0 {
        selected.by_ref().collect()
    } else {
        selected.by_ref().take(limit).collect()
    };
    let left = selected.count();
    let mut own = json!({ "resourceVersion": revision.to_string() });
    if let Some((last, _)) = page.last().filter(|_| left > 0) {
        own["continue"] = written(&place.namespace, last, Some(revision)).into();
        // What a selection leaves out is not counted.
        if selection.is_everything() {
            own["remainingItemCount"] = left.into();
        }
    } else if kind.is_custom && form == Form::Whole {
        own["continue"] = "".into();
    }
    let objects = page.into_iter().map(|(_, object)| object.clone()).collect();
    Ok(form.list(kind, objects, own, &ask.time()))
}

/// What a request selects.
pub fn selection(kind: &Kind, ask: &Ask) -> Result<Selection, Refusal> {
    let known: &[&str] = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "namespaces") => &["status.phase", "name"],
        ("", "secrets") => &["type"],
        ("", "pods") => &["spec.nodeName", "status.phase", "spec.restartPolicy"],
        ("", "nodes") => &["spec.unschedulable"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    };
    Selection::read(
        ask.parameter("labelSelector"),
        ask.parameter("fieldSelector"),
        known,
    )
}

/// Whether the version that is asked for can be had.
fn check_version(store: &Store, ask: &Ask) -> Result<(), Refusal> {
    let (version, matched) = (
        ask.parameter("resourceVersion"),
        ask.parameter("resourceVersionMatch"),
    );
    let options = Named {
        group: "meta.k8s.io",
        word: "ListOptions",
    };
    let field = "resourceVersionMatch";
    if !matched.is_empty() && version.is_empty() {
        let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
        return Err(Refusal::invalid(
            options,
            "",
            vec![Cause::forbidden(field, why)],
        ));
    }
    if !["", "Exact", "NotOlderThan"].contains(&matched) {
        let known = ["Exact", "NotOlderThan", ""];
        let cause = Cause::not_supported(field, &matched.into(), &known);
        return Err(Refusal::invalid(options, "", vec![cause]));
    }
    if version.is_empty() {
        return Ok(());
    }
    let asked = number(version)?;
    let continues = !ask.parameter("continue").is_empty();
    if continues && asked != 0 {
        let why = "specifying resource version is not allowed when using continue";
        return Err(Refusal::bad_request(why));
    }
    if asked > store.revision() {
        return Err(too_large(asked, store.revision()));
    }
    Ok(())
}

/// The one version that a list has to be of, where it has to: as it is asked for, or as every page is
/// whose list begins with a version.
fn exact(ask: &Ask, limit: usize) -> Result<Option<u64>, Refusal> {
    let version = ask.parameter("resourceVersion");
    let is_exact = match ask.parameter("resourceVersionMatch") {
        "Exact" => true,
        "" => limit > 0,
        _ => false,
    };
    if version.is_empty() || !is_exact {
        return Ok(None);
    }
    Ok(Some(number(version)?).filter(|asked| *asked != 0))
}

/// A version as a number.
///
/// # Errors
/// In the server's words.
pub fn number(version: &str) -> Result<u64, Refusal> {
    version.parse().map_err(|_| {
        Refusal::plain(
            500,
            "",
            format!("resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"),
        )
    })
}

fn too_large(asked: u64, known: u64) -> Refusal {
    let cause = Cause {
        reason: "ResourceVersionTooLarge",
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    Refusal {
        details: Some(Box::new(Details {
            causes: vec![cause],
            ..Details::default()
        })),
        retry_after: Some(1),
        ..Refusal::plain(
            504,
            "Timeout",
            format!("Too large resource version: {asked}, current: {known}"),
        )
    }
}

/// The objects of a kind as they were at a revision: what happened since is taken back.
fn as_of(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    behind: Option<&Key>,
    revision: u64,
) -> BTreeMap<Key, Arc<Value>> {
    let now = store.list(&kind.group, &kind.plural, namespace, behind);
    let mut then: BTreeMap<Key, Arc<Value>> = now
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    let events: Vec<_> = store.since(revision).collect();
    for event in events.into_iter().rev() {
        let key = &event.key;
        let is_here = key.group == kind.group
            && key.plural == kind.plural
            && (namespace.is_empty() || key.namespace == namespace)
            && behind.is_none_or(|behind| key > behind);
        match &event.before {
            _ if !is_here => {}
            Some(before) => {
                then.insert(key.clone(), before.clone());
            }
            None => {
                then.remove(key);
            }
        }
    }
    then
}

/// A token that says where a list goes on: as the real one has it, behind this name.
fn written(namespace: &str, last: &Key, revision: Option<u64>) -> String {
    let start = if namespace.is_empty() && !last.namespace.is_empty() {
        format!("{}/{}\u{0}", last.namespace, last.name)
    } else {
        format!("{}\u{0}", last.name)
    };
    let revision = revision.map_or(Value::from(NOW), Value::from);
    let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": start });
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn token(kind: &Kind, place: &Place, ask: &Ask) -> Result<Option<Token>, Refusal> {
    let text = ask.parameter("continue");
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |why: String| {
        Refusal::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|error| invalid(error.to_string()))?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().copied().unwrap_or_default();
        let shown = if first.is_ascii_graphic() {
            char::from(first).to_string()
        } else {
            format!("\\u{:04x}", u32::from(first))
        };
        invalid(format!(
            "invalid character '{shown}' looking for beginning of value"
        ))
    })?;
    let start = token["start"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('\u{0}');
    let (namespace, name) = match start.split_once('/') {
        Some((namespace, name)) if place.namespace.is_empty() => (namespace, name),
        Some(_) | None => (place.namespace.as_str(), start),
    };
    let revision = match token["rv"].as_i64() {
        Some(NOW) => None,
        _ => Some(token["rv"].as_u64().unwrap_or_default()),
    };
    Ok(Some(Token {
        revision,
        behind: Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..key(kind, place)
        },
    }))
}

/// 410; where a page is too old, with a token that goes on from now.
fn expired(place: &Place, token: Option<&Token>) -> Refusal {
    let Some(token) = token else {
        return Refusal::plain(410, "Expired", FORGOTTEN);
    };
    Refusal {
        continues: written(&place.namespace, &token.behind, None),
        ..Refusal::plain(410, "Expired", TOO_OLD)
    }
}
