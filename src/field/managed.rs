//! Who owns which fields of an object, read from `metadata.managedFields`.
//!
//! On a write the server compares the object before and after. Each field that differs goes to
//! the writer and is taken from all others; of an atomic map or list the whole goes. Members
//! above the change are left where they are, unless the map in which they stand is left empty:
//! many maps vanish then. So what is read here before a write is what the write may take, and
//! what [`super::giveback`] has to return; to return what was not taken changes nothing.

use std::sync::Arc;

use serde_json::Value;

use super::locate::{Place, Shape, locate};
use super::path::Path;
use super::set::FieldSet;

/// How the names of our own managers begin.
const OURS: &str = "pingzhan/";

/// A field manager, as an entry of managedFields names it. Two entries are the same owner when
/// all four are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version under which it wrote.
    pub api_version: String,
    /// The subresource through which it wrote; empty for none.
    pub subresource: String,
}

impl Owner {
    /// Whom an entry of managedFields names.
    pub(crate) fn of(entry: &Value) -> Self {
        let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        Self {
            manager: text("manager").to_owned(),
            operation: text("operation").to_owned(),
            api_version: text("apiVersion").to_owned(),
            subresource: text("subresource").to_owned(),
        }
    }
}

/// What an owner loses when a field is written by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerOwner {
    /// Who.
    pub owner: Arc<Owner>,
    /// The time of its entry, as the server wrote it.
    pub at: Option<String>,
    /// The members that it may lose: the field itself, or what it holds beneath; where the field
    /// lies in an atomic map or list, that; and maps above that vanish when they are left empty.
    pub lost: FieldSet,
}

impl FormerOwner {
    /// Takes from another one what is the same in both.
    pub(crate) fn share(&mut self, other: &Self) {
        if self.owner == other.owner {
            self.owner = Arc::clone(&other.owner);
        }
        if self.lost == other.lost {
            self.lost = other.lost.clone();
        }
    }
}

/// All owners of a path, or of something beneath it, in the order of managedFields; our own
/// managers (`pingzhan/…`) are left out.
///
/// The owner of an atomic map or list in which the path lies counts too. An entry that is not
/// understood is left out: nothing could be written back for it.
pub fn former_owners(object: &Value, path: &Path) -> Vec<FormerOwner> {
    Ownership::of(object, &[path]).former_owners(path, &locate(object, path).0)
}

/// The managers named `pingzhan/…` that hold a path or something beneath it.
pub fn our_managers(object: &Value, path: &Path) -> Vec<String> {
    Ownership::of(object, &[path]).ours(path)
}

/// The names of all managers that hold a path or something beneath it, for "who did that": the
/// latest first.
pub fn holders(object: &Value, path: &Path) -> Vec<String> {
    let mut holders = Ownership::of(object, &[path]).held(path);
    // RFC 3339 in UTC, as the server writes it, sorts as text. The sort is stable.
    holders.sort_by(|a, b| b.at.cmp(&a.at));
    distinct(holders)
}

/// Whether a manager is a mode of ours.
pub(crate) fn is_ours(manager: &str) -> bool {
    manager.starts_with(OURS)
}

/// The managedFields of one object, read once for many paths.
pub(crate) struct Ownership(Vec<FormerOwner>);

impl Ownership {
    /// Reads the entries that are understood, as far as they are about some paths.
    pub(crate) fn of(object: &Value, paths: &[&Path]) -> Self {
        let entries = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array);
        Self(
            entries
                .into_iter()
                .flatten()
                .filter_map(|entry| {
                    Some(FormerOwner {
                        owner: Arc::new(Owner::of(entry)),
                        at: time(entry),
                        lost: FieldSet::parse_near(entry.get("fieldsV1")?, paths).ok()?,
                    })
                })
                .collect(),
        )
    }

    /// See [`former_owners`].
    pub(crate) fn former_owners(&self, path: &Path, place: &Place) -> Vec<FormerOwner> {
        self.held_with(path, |entry, held| {
            if is_ours(&entry.owner.manager) {
                return FieldSet::new();
            }
            let is_holder = !held.is_empty();
            vanishing(path, place, is_holder)
                .filter(|above| entry.lost.contains(above))
                .fold(held, |lost, above| lost.union(&FieldSet::of(&above)))
        })
    }

    /// See [`our_managers`].
    pub(crate) fn ours(&self, path: &Path) -> Vec<String> {
        let mut held = self.held(path);
        held.retain(|holder| is_ours(&holder.owner.manager));
        distinct(held)
    }

    fn held(&self, path: &Path) -> Vec<FormerOwner> {
        self.held_with(path, |_, held| held)
    }

    /// The entries that hold something of a path, or of what `more` adds to that.
    fn held_with(
        &self,
        path: &Path,
        more: impl Fn(&FormerOwner, FieldSet) -> FieldSet,
    ) -> Vec<FormerOwner> {
        let atomic = self.atomic_above(path);
        self.0
            .iter()
            .filter_map(|entry| {
                let held = match &atomic {
                    Some(above) if entry.lost.contains(above) => FieldSet::of(above),
                    _ => entry.lost.beneath(path),
                };
                let lost = more(entry, held);
                (!lost.is_empty()).then(|| FormerOwner {
                    owner: entry.owner.clone(),
                    at: entry.at.clone(),
                    lost,
                })
            })
            .collect()
    }

    /// The atomic map or list in which a path lies: a member of somebody, beneath which nobody
    /// has a member.
    ///
    /// A map whose members nobody owns looks the same. It is not lost by a write beneath it, and
    /// giving it back changes nothing.
    fn atomic_above(&self, path: &Path) -> Option<Path> {
        let above = self.0.iter().find_map(|entry| entry.lost.above(path))?;
        self.0
            .iter()
            .all(|entry| {
                let members = entry.lost.beneath(&above);
                members.minus(&FieldSet::of(&above)).is_empty()
            })
            .then_some(above)
    }
}

/// The maps and lists above a field that may vanish when it is removed, the innermost first. For
/// an owner who does not hold the field, only those in which nothing else is.
fn vanishing(path: &Path, place: &Place, is_holder: bool) -> impl Iterator<Item = Path> {
    let segments = path.segments();
    let is_there = place.existing == segments.len();
    (1..segments.len())
        .rev()
        // An item of a list keeps its keys, and so stays.
        .take_while(move |depth| is_there && !segments[depth - 1].is_item())
        .take_while(move |depth| {
            is_holder
                || matches!(
                    place.shapes.get(*depth),
                    Some(Shape::Object(1) | Shape::List(1))
                )
        })
        .map(|depth| path.prefix(depth))
}

/// The time of an entry of managedFields.
pub(crate) fn time(entry: &Value) -> Option<String> {
    entry.get("time").and_then(Value::as_str).map(str::to_owned)
}

/// The managers' names, each where it stands first.
fn distinct(holders: Vec<FormerOwner>) -> Vec<String> {
    // Nearly always one: a vector makes room for four, ten thousand times over.
    let mut names = Vec::with_capacity(holders.len().min(1));
    for holder in holders {
        if !names.contains(&holder.owner.manager) {
            names.push(holder.owner.manager.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, time: &str, fields: &Value) -> Value {
        json!({
            "manager": manager, "operation": "Update", "apiVersion": "apps/v1",
            "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    }

    fn object(entries: &[Value]) -> Value {
        json!({"metadata": {"managedFields": entries}})
    }

    /// What is lost is journalled, and it is all that can be given back.
    #[test]
    fn former_owners_lose_what_they_hold_at_or_beneath_the_path() {
        let object = object(&[
            entry(
                "helm",
                "2026-01-01T00:00:00Z",
                &json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}),
            ),
            entry(
                "pingzhan/flood/12345678",
                "2026-01-02T00:00:00Z",
                &json!({"f:spec": {"f:replicas": {}}}),
            ),
            entry(
                "hpa",
                "2026-01-03T00:00:00Z",
                &json!({"f:spec": {"f:replicas": {}}}),
            ),
            entry(
                "kcm",
                "2026-01-04T00:00:00Z",
                &json!({"f:status": {"f:replicas": {}}}),
            ),
            json!({"manager": "strange", "fieldsV1": {"spec": {}}}),
            json!({"manager": "bare"}),
        ]);
        let replicas = Path::fields(["spec", "replicas"]);
        let owners = former_owners(&object, &replicas);
        let names: Vec<_> = owners.iter().map(|o| o.owner.manager.as_str()).collect();
        assert_eq!(names, ["helm", "hpa"]);
        assert_eq!(owners[0].lost, FieldSet::of(&replicas));
        assert_eq!(owners[0].at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(
            former_owners(&object, &Path::fields(["spec"]))[0]
                .lost
                .paths()
                .len(),
            2
        );
        assert_eq!(
            our_managers(&object, &replicas),
            ["pingzhan/flood/12345678"]
        );
        assert!(our_managers(&object, &Path::fields(["spec", "paused"])).is_empty());
    }

    /// A write into an atomic map takes the whole map from its owner.
    #[test]
    fn owners_of_an_atomic_parent_lose_the_parent() {
        let object = object(&[
            entry(
                "helm",
                "2026-01-01T00:00:00Z",
                &json!({"f:spec": {"f:selector": {}}}),
            ),
            entry(
                "kubectl",
                "2026-01-01T00:00:00Z",
                &json!({"f:spec": {"f:labels": {".": {}, "f:a": {}}}}),
            ),
        ]);
        let owners = former_owners(&object, &Path::fields(["spec", "selector", "app"]));
        assert_eq!(owners.len(), 1);
        assert_eq!(
            owners[0].lost,
            FieldSet::of(&Path::fields(["spec", "selector"]))
        );
        assert!(former_owners(&object, &Path::fields(["spec", "labels", "b"])).is_empty());
    }

    /// Maps that hold nothing more vanish from most kinds, and with them who owned the map.
    #[test]
    fn owners_of_maps_that_may_vanish_lose_them_too() {
        let entries = [
            entry(
                "helm",
                "",
                &json!({"f:metadata": {"f:annotations": {".": {}, "f:a": {}}}}),
            ),
            entry(
                "kubectl",
                "",
                &json!({"f:metadata": {"f:annotations": {".": {}}}}),
            ),
        ];
        let mut object = object(&entries);
        let (a, map) = (
            Path::fields(["metadata", "annotations", "a"]),
            Path::fields(["metadata", "annotations"]),
        );
        object["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
        let owners = former_owners(&object, &a);
        assert_eq!(
            owners.len(),
            1,
            "one who holds only the map loses it with its last key"
        );
        assert!(owners[0].lost.contains(&a) && owners[0].lost.contains(&map));
        object["metadata"]["annotations"] = json!({"a": "1"});
        let owners = former_owners(&object, &a);
        assert_eq!(owners[1].lost, FieldSet::of(&map));
        assert_eq!(owners[1].owner.manager, "kubectl");
        // A field that is not there yet leaves no map empty.
        assert_eq!(
            former_owners(&object, &Path::fields(["metadata", "annotations", "b"])),
            []
        );
    }

    /// A rival is named in a condition: the latest writer is the likely one.
    #[test]
    fn holders_are_named_once_and_the_latest_first() {
        let fields = json!({"f:spec": {"f:replicas": {}}});
        let object = object(&[
            entry("old", "2026-01-01T00:00:00Z", &fields),
            entry("new", "2026-03-01T00:00:00Z", &fields),
            entry("mid", "2026-02-01T00:00:00Z", &fields),
            entry("old", "2025-01-01T00:00:00Z", &fields),
        ]);
        assert_eq!(
            holders(&object, &Path::fields(["spec", "replicas"])),
            ["new", "mid", "old"]
        );
        assert!(holders(&json!({}), &Path::fields(["spec"])).is_empty());
    }
}
