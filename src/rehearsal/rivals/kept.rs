//! What is applied of an object, by whom, and what applies it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::beside::Origin;
use crate::field::{FieldSet, Image, Path};
use crate::rehearsal::whole::Objects;
use crate::sandtable::kinds::Kind;

use super::{Found, find};

/// Controllers that put back what they own: their names as field managers, and the namespace and name of
/// their accounts, which a change freeze stops only where it names them.
pub(super) const CONTROLLERS: [(&str, (&str, &str)); 4] = [
    (
        "kustomize-controller",
        ("flux-system", "kustomize-controller"),
    ),
    ("helm-controller", ("flux-system", "helm-controller")),
    (
        "argocd-controller",
        ("argocd", "argocd-application-controller"),
    ),
    (
        "argocd-application-controller",
        ("argocd", "argocd-application-controller"),
    ),
];

/// An object that something applies.
pub(super) struct Kept {
    pub named: String,
    pub found: Found,
    /// What applies it, where its marks say so.
    pub root: Option<(Origin, Option<Found>)>,
    /// What is applied, and by whom.
    pub applied: Vec<Applied>,
}

/// What one field manager owns of an object.
pub(super) struct Applied {
    pub manager: &'static str,
    /// The whole of it, where it applies on the server; otherwise it writes what differs.
    pub whole: Option<Value>,
    /// The fields, with their values.
    pub fields: Vec<(Path, Image)>,
}

/// An object, where something applies it.
pub(super) fn kept(
    kinds: &[Arc<Kind>],
    all: &Objects,
    named: &str,
    object: &Value,
) -> Option<Kept> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let (_, place) = named.split_once(' ')?;
    let found = find(kinds, text("/apiVersion")?, text("/kind")?, place)?;
    let entries = object["metadata"]["managedFields"].as_array();
    let applied = entries.into_iter().flatten();
    let applied: Vec<Applied> = applied
        .filter_map(|entry| applied_by(object, entry))
        .collect();
    if applied.is_empty() {
        return None;
    }
    let origin = Origin::of(object)
        .into_iter()
        .find(|one| one.program.kind().is_some());
    let root = origin.map(|origin| {
        let root = root(kinds, all, &origin);
        (origin, root)
    });
    Some(Kept {
        named: named.to_owned(),
        found,
        root,
        applied,
    })
}

fn applied_by(object: &Value, entry: &Value) -> Option<Applied> {
    let manager = entry["manager"].as_str()?;
    let mut controllers = CONTROLLERS.into_iter();
    let (manager, _) = controllers.find(|(one, _)| *one == manager)?;
    if entry["subresource"].is_string() {
        return None;
    }
    let set = FieldSet::parse(&entry["fieldsV1"]).ok()?;
    let paths: BTreeSet<Path> = set.paths().into_iter().collect();
    let fields = paths.into_iter().map(|path| {
        let image = Image::at(object, &path);
        (path, image)
    });
    let is_plain = |image: &Image| {
        let value = image.value();
        value.is_some_and(|value| !value.is_object() && !value.is_array())
    };
    let whole = (entry["operation"] == "Apply").then(|| {
        let mut whole = owned(&entry["fieldsV1"], object);
        for member in ["apiVersion", "kind"] {
            whole[member] = object[member].clone();
        }
        for member in ["name", "namespace"] {
            let value = object["metadata"].get(member);
            whole["metadata"][member] = value.cloned().unwrap_or_default();
        }
        whole
    });
    Some(Applied {
        manager,
        whole,
        fields: fields.filter(|(_, image)| is_plain(image)).collect(),
    })
}

/// What a set of fields holds of a value.
fn owned(fields: &Value, value: &Value) -> Value {
    let members = fields.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| *name != ".");
    match value {
        Value::Object(object) => {
            let owned = members.filter_map(|(name, beneath)| {
                let name = name.strip_prefix("f:")?;
                Some((name.to_owned(), part(beneath, object.get(name)?)))
            });
            Value::Object(owned.collect())
        }
        Value::Array(items) => {
            let members: Vec<(&String, &Value)> = members.collect();
            // In the order in which they are: that of the names is another one.
            let owned = items.iter().filter_map(|item| {
                let (_, beneath) = members.iter().find(|(name, _)| is_item(name, item))?;
                Some(part(beneath, item))
            });
            Value::Array(owned.collect())
        }
        other => other.clone(),
    }
}

/// A field that has none beneath it is owned with all that it holds.
fn part(beneath: &Value, value: &Value) -> Value {
    let is_leaf = beneath.as_object().is_none_or(serde_json::Map::is_empty);
    if is_leaf {
        return value.clone();
    }
    owned(beneath, value)
}

/// Whether a name of fieldsV1 stands for an item: by its keys, or by its value.
fn is_item(name: &str, item: &Value) -> bool {
    let read = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
    if let Some(keys) = name.strip_prefix("k:") {
        let keys = read(keys);
        let mut keys = keys.as_object().into_iter().flatten();
        return keys.all(|(key, value)| item.get(key) == Some(value));
    }
    name.strip_prefix("v:")
        .is_some_and(|value| read(value) == *item)
}

/// The object that applies others, where it is there.
fn root(kinds: &[Arc<Kind>], all: &Objects, origin: &Origin) -> Option<Found> {
    let wanted = origin.program.kind()?;
    let (_, object) = all.iter().find(|(_, object)| {
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let group = text("/apiVersion").split('/').next().unwrap_or_default();
        let kind = format!("{group}/{}", text("/kind"));
        kind == wanted && origin.is(wanted, text("/metadata/namespace"), text("/metadata/name"))
    })?;
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let place = format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"));
    find(kinds, text("/apiVersion"), text("/kind"), &place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What applies a manifest again has to apply all of it: the rest would be taken for given up.
    #[test]
    fn what_is_owned_is_the_manifest_again() {
        let object = json!({
            "metadata": { "labels": { "a": "1", "b": "2" }, "finalizers": ["x", "y"] },
            "spec": { "replicas": 3, "paused": true, "selector": { "app": "web" },
                "containers": [{ "name": "d" }, { "name": "c", "image": "i", "tty": true }] },
        });
        let fields = json!({
            "f:metadata": { "f:labels": { ".": {}, "f:a": {} }, "f:finalizers": { ".": {}, "v:\"y\"": {} } },
            "f:spec": { "f:replicas": {}, "f:selector": {}, "f:missing": {},
                "f:containers": { "k:{\"name\":\"c\"}": { ".": {}, "f:name": {}, "f:image": {} },
                    "k:{\"name\":\"d\"}": { ".": {}, "f:name": {} } } },
        });
        let wanted = json!({
            "metadata": { "labels": { "a": "1" }, "finalizers": ["y"] },
            "spec": { "replicas": 3, "selector": { "app": "web" },
                "containers": [{ "name": "d" }, { "name": "c", "image": "i" }] },
        });
        assert_eq!(owned(&fields, &object), wanted);
    }
}
