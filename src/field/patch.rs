//! Guarded writes: a JSON Patch that takes effect only on the object that we saw.
//!
//! The guard is the uid and the generation (or the resource version), never a value: a late copy
//! of a value-guarded patch would succeed after the restore.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;
use snafu::{OptionExt, Snafu};

use super::draft::Draft;
use super::image::Image;
use super::ops;
use super::path::{Path, Segment, escape};
use super::project::{Projection, Seen};
use crate::api::names::HELD_BY_LABEL;

/// Why a patch cannot be made.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// The field was not among those that were asked for.
    #[snafu(display("{path} was not read from the object: this is a defect of pingzhan"))]
    NotSeen {
        /// The path.
        path: String,
    },
    /// A parent of the field cannot be created, or the field cannot be told from others after.
    #[snafu(display("{path} cannot be written: {problem}"))]
    NoParent {
        /// The path.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// What makes a late copy of a write fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `test /metadata/generation`: for fields under spec of kinds that have one.
    Generation(i64),
    /// `replace /metadata/resourceVersion`: for all others; a stale one is a 409.
    ResourceVersion(String),
}

/// One field and what it is to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Which field.
    pub path: Path,
    /// What it is to hold; absent removes it.
    pub to: Image,
    /// When the field is removed: parents, outermost first, that go too when nothing else is in
    /// them, since we created them. They are removed only when `Projection` shows them empty but
    /// for this field.
    pub remove_parents: Vec<Path>,
}

/// What the label that says who holds the object becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// It is set to this.
    Set(String),
    /// It is left alone.
    Leave,
}

/// A write that is ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarded {
    /// The patch: tests first, then edits.
    pub patch: json_patch::Patch,
    /// For each edit, the parents that it creates, outermost first.
    pub parents: Vec<Vec<Path>>,
    /// The guard.
    pub guard: Guard,
}

/// The guard for writing these fields of an object.
///
/// The generation, where all of them are under `spec` of a kind that has one: status writes do
/// not disturb it. Else the resource version.
pub fn guard(projection: &Projection, edits: &[Edit]) -> Guard {
    match projection.generation {
        // Without an edit nothing would bump the generation, and a late copy would pass.
        Some(generation)
            if !edits.is_empty() && edits.iter().all(|edit| edit.path.is_under_spec()) =>
        {
            Guard::Generation(generation)
        }
        _ => Guard::ResourceVersion(projection.resource_version.clone()),
    }
}

/// Builds the guarded patch of some edits of one object.
///
/// Guarantees: the first operations are the guard, and no value is tested. What is missing on the
/// way to a field is created, and returned as `parents` of the edit that creates it. A field
/// that is to be absent and is absent needs no operation.
///
/// Assumptions: an item that was taken out of a list comes back at its end.
///
/// # Errors
/// `NotSeen` for a path that the projection was not asked for; `NoParent` where the object has
/// something else on the way, where two edits overlap, and where an edit changes what names an
/// item of a list.
pub fn guarded(
    projection: &Projection,
    edits: &[Edit],
    held_by: &HeldBy,
) -> Result<Guarded, Error> {
    let seen = edits
        .iter()
        .map(|edit| {
            let seen = projection.field(&edit.path).context(NotSeenSnafu {
                path: edit.path.to_pointer(),
            })?;
            Ok((edit, seen))
        })
        .collect::<Result<Vec<(&Edit, &Seen)>, Error>>()?;
    apart(edits)?;
    for edit in edits {
        keeps_names(&edit.path)?;
    }
    let guard = guard(projection, edits);
    let mut draft = Draft::new(guard_operations(projection, &guard));
    if let HeldBy::Set(holder) = held_by {
        label(projection, holder, &mut draft);
    }
    let mut parents = Vec::with_capacity(edits.len());
    for (edit, seen) in &seen {
        parents.push(match &edit.to {
            Image::Present(value) => draft.put(seen, value)?,
            Image::Absent => Vec::new(),
        });
    }
    draft.take_out(&seen);
    Ok(Guarded {
        patch: Patch(draft.into_operations()),
        parents,
        guard,
    })
}

/// What makes the patch take effect only on the object that was seen.
fn guard_operations(projection: &Projection, guard: &Guard) -> Vec<PatchOperation> {
    vec![
        ops::test("/metadata/uid", Value::from(projection.target.uid.as_str())),
        match guard {
            Guard::Generation(generation) => {
                ops::test("/metadata/generation", Value::from(*generation))
            }
            Guard::ResourceVersion(version) => {
                ops::replace("/metadata/resourceVersion", Value::from(version.as_str()))
            }
        },
    ]
}

/// Sets the label that says who holds the object, where it does not say so already.
fn label(projection: &Projection, holder: &str, draft: &mut Draft) {
    if projection.held_by.as_deref() == Some(holder) {
        return;
    }
    if projection.has_labels {
        let pointer = format!("/metadata/labels/{}", escape(HELD_BY_LABEL));
        let is_new = projection.held_by.is_none();
        draft.set_member("/metadata/labels", &pointer, Value::from(holder), is_new);
    } else {
        let labels = serde_json::json!({ HELD_BY_LABEL: holder });
        // A label bumps no generation: one that somebody set meanwhile would be lost. To the server
        // what is absent equals null, here alone.
        draft.demand("/metadata/labels", Value::Null);
        draft.create_object(
            Path::fields(["metadata", "labels"]),
            "/metadata/labels",
            labels,
        );
    }
}

/// Two edits of one write must not touch each other: the second would not find what it saw.
fn apart(edits: &[Edit]) -> Result<(), Error> {
    for (place, edit) in edits.iter().enumerate() {
        if let Some(other) = edits[..place]
            .iter()
            .find(|other| other.path.overlaps(&edit.path))
        {
            return NoParentSnafu {
                path: edit.path.to_pointer(),
                problem: format!(
                    "the same write changes {}; leave one of both out",
                    other.path.to_pointer()
                ),
            }
            .fail();
        }
    }
    Ok(())
}

/// An edit must not change what names the item in which it is: nothing would find it again.
fn keeps_names(path: &Path) -> Result<(), Error> {
    for pair in path.segments().windows(2) {
        let problem = match (&pair[0], &pair[1]) {
            (Segment::Key(keys), Segment::Field(name)) if keys.contains_key(name) => {
                format!("`{name}` is what the item is named by; write the whole item")
            }
            (Segment::Value(_), _) => {
                "an item of a set is named by all that is in it; write the whole item".to_owned()
            }
            _ => continue,
        };
        let path = path.to_pointer();
        return NoParentSnafu { path, problem }.fail();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::field::Shape;
    use crate::field::path::canonical;
    use crate::field::path::tests::name;
    use crate::field::project::project;

    fn path(pointer: &str) -> Path {
        Path::parse_pointer(pointer).unwrap()
    }

    fn edit(pointer: &str, to: impl Into<Option<Value>>) -> Edit {
        Edit {
            path: path(pointer),
            to: to.into().map_or(Image::Absent, Image::Present),
            remove_parents: Vec::new(),
        }
    }

    fn see(object: &Value, edits: &[Edit]) -> Projection {
        let paths: Vec<_> = edits.iter().map(|edit| edit.path.clone()).collect();
        project(object, "deployments", &paths, false).unwrap()
    }

    fn write(object: &Value, edits: &[Edit], held_by: &HeldBy) -> Result<Guarded, Error> {
        guarded(&see(object, edits), edits, held_by)
    }

    fn apply(object: &Value, guarded: &Guarded) -> Value {
        let mut object = object.clone();
        ops::carry_out(&mut object, &guarded.patch).unwrap();
        object
    }

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "uid": "u1", "generation": 4, "resourceVersion": "77"},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [
                {"name": "web", "image": "a"},
            ]}}},
        })
    }

    fn ops(guarded: &Guarded) -> Vec<String> {
        guarded.patch.iter().map(ToString::to_string).collect()
    }

    /// The whole patch of the commonest write, as the server gets it.
    #[test]
    fn a_scale_is_two_tests_a_label_and_a_value() {
        let edits = [edit("/spec/replicas", json!(9))];
        let write = write(&deployment(), &edits, &HeldBy::Set("flood".to_owned())).unwrap();
        assert_eq!(write.guard, Guard::Generation(4));
        assert_eq!(
            ops(&write),
            [
                r#"{"op":"test","path":"/metadata/uid","value":"u1"}"#,
                r#"{"op":"test","path":"/metadata/generation","value":4}"#,
                r#"{"op":"test","path":"/metadata/labels","value":null}"#,
                r#"{"op":"add","path":"/metadata/labels","value":{"pingzhan.dev/held-by":"flood"}}"#,
                r#"{"op":"add","path":"/spec/replicas","value":9}"#,
            ]
        );
        assert_eq!(write.parents, [Vec::new()]);
    }

    /// Somebody's first label, set between the read and the write, bumps no generation: found by the
    /// simulation, where it was lost.
    #[test]
    fn a_first_label_that_was_set_meanwhile_refuses_the_write() {
        let mut object = deployment();
        let edits = [edit("/spec/replicas", json!(9))];
        let write = write(&object, &edits, &HeldBy::Set("flood".to_owned())).unwrap();
        let refuses = |object: &Value| {
            let mut patched = object.clone();
            ops::carry_out(&mut patched, &write.patch).is_err()
        };
        assert!(!refuses(&object));
        object["metadata"]["labels"] = json!({ "seen-by": "operations" });
        assert!(refuses(&object));
    }

    /// The generation fences only what bumps it.
    #[test]
    fn the_guard_is_the_resource_version_unless_all_is_under_spec() {
        let version = Guard::ResourceVersion("77".to_owned());
        let of = |object: &Value, edits: &[Edit]| guard(&see(object, edits), edits);
        let spec = edit("/spec/replicas", json!(1));
        let label = edit("/metadata/annotations/x", json!("y"));
        let object = deployment();
        assert_eq!(
            of(&object, std::slice::from_ref(&spec)),
            Guard::Generation(4)
        );
        assert_eq!(of(&object, &[spec.clone(), label]), version);
        assert_eq!(of(&object, &[]), version);
        let mut without = deployment();
        without["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("generation");
        assert_eq!(of(&without, std::slice::from_ref(&spec)), version);
        let write = write(&without, &[spec], &HeldBy::Leave).unwrap();
        assert_eq!(
            ops(&write)[1],
            r#"{"op":"replace","path":"/metadata/resourceVersion","value":"77"}"#
        );
    }

    /// A late copy of a value-guarded patch would succeed after the restore, and the server's
    /// comparison of values is not ours.
    #[test]
    fn no_value_is_tested() {
        let edits = [
            edit("/spec/replicas", json!(9)),
            edit("/spec/template/spec/containers[name=web]/image", None),
        ];
        let write = write(&deployment(), &edits, &HeldBy::Leave).unwrap();
        let tests: Vec<_> = ops(&write)
            .into_iter()
            .filter(|op| op.contains("test"))
            .collect();
        assert_eq!(tests.len(), 2);
        assert!(tests.iter().all(|op| op.contains("/metadata/")));
    }

    /// The label is written once, beside the labels that are there.
    #[test]
    fn the_label_is_set_only_where_it_is_not_so() {
        let mut object = deployment();
        object["metadata"]["labels"] = json!({"app": "web"});
        let edits = [edit("/spec/replicas", json!(9))];
        let set = HeldBy::Set("flood".to_owned());
        let guarded = write(&object, &edits, &set).unwrap();
        assert!(ops(&guarded)[2].contains("/metadata/labels/pingzhan.dev~1held-by"));
        let after = apply(&object, &guarded);
        assert_eq!(after["metadata"]["labels"]["app"], "web");
        assert_eq!(write(&after, &edits, &set).unwrap().patch.len(), 3);
    }

    /// The first edit creates what is missing, the next ones add into it; each parent is named
    /// once, so that it is removed once.
    #[test]
    fn shared_parents_are_created_once() {
        let object = deployment();
        let pre = "/spec/template/spec/containers[name=web]/env";
        let edits = [
            edit(&format!("{pre}[name=A]/value"), json!("1")),
            edit(&format!("{pre}[name=A]/extra"), json!("2")),
            edit(&format!("{pre}[name=B]/value"), json!("3")),
            edit("/metadata/labels/x", json!("y")),
        ];
        let guarded = write(&object, &edits, &HeldBy::Set("flood".to_owned())).unwrap();
        let after = apply(&object, &guarded);
        assert_eq!(
            after["spec"]["template"]["spec"]["containers"][0]["env"],
            json!([{"name": "A", "value": "1", "extra": "2"}, {"name": "B", "value": "3"}])
        );
        assert_eq!(
            after["metadata"]["labels"],
            json!({"pingzhan.dev/held-by": "flood", "x": "y"})
        );
        assert_eq!(
            guarded.parents,
            [
                vec![path(pre), path(&format!("{pre}[name=A]"))],
                vec![],
                vec![path(&format!("{pre}[name=B]"))],
                vec![],
            ]
        );
    }

    /// A parent of ours stays when somebody else has put something into it.
    #[test]
    fn parents_go_only_when_nothing_else_is_in_them() {
        let mut object = deployment();
        object["metadata"]["annotations"] = json!({"a": "1", "b": "2"});
        let parents = vec![path("/metadata/annotations")];
        let mut edits = [
            edit("/metadata/annotations/a", None),
            edit("/metadata/annotations/b", None),
        ];
        edits[0].remove_parents.clone_from(&parents);
        let one = write(&object, &edits[..1], &HeldBy::Leave).unwrap();
        assert_eq!(
            apply(&object, &one)["metadata"]["annotations"],
            json!({"b": "2"})
        );
        let both = write(&object, &edits, &HeldBy::Leave).unwrap();
        assert_eq!(
            ops(&both)[2..],
            [r#"{"op":"remove","path":"/metadata/annotations"}"#]
        );
        // It stays when the same write puts something else into it.
        object["metadata"]["annotations"] = json!({"a": "1"});
        let swapped = [
            edits[0].clone(),
            edit("/metadata/annotations/c", json!("3")),
        ];
        let after = apply(&object, &write(&object, &swapped, &HeldBy::Leave).unwrap());
        assert_eq!(after["metadata"]["annotations"], json!({"c": "3"}));
        // It goes too when the field was taken out by somebody else meanwhile.
        object["metadata"]["annotations"] = json!({});
        let late = write(&object, &edits, &HeldBy::Leave).unwrap();
        assert_eq!(
            ops(&late)[2..],
            [r#"{"op":"remove","path":"/metadata/annotations"}"#]
        );
    }

    /// Each removal moves the items after it: the last one goes first.
    #[test]
    fn items_are_removed_from_the_end() {
        let mut object = deployment();
        object["spec"]["set"] = Value::from((0..12).collect::<Vec<_>>());
        let edits: Vec<_> = [2, 10, 9, 11, 0]
            .iter()
            .map(|value| edit(&format!("/spec/set[={value}]"), None))
            .collect();
        let after = apply(&object, &write(&object, &edits, &HeldBy::Leave).unwrap());
        assert_eq!(after["spec"]["set"], json!([1, 3, 4, 5, 6, 7, 8]));
    }

    /// What cannot be created must be refused here with a reason, not by the server without one.
    #[test]
    fn what_cannot_be_created_is_refused_with_a_reason() {
        let mut object = deployment();
        object["spec"]["null"] = Value::Null;
        let say = |edits: &[Edit]| {
            let error = write(&object, edits, &HeldBy::Leave).unwrap_err();
            error.to_string()
        };
        let one = |pointer: &str, value: Value| say(&[edit(pointer, value)]);
        let unseen = guarded(
            &see(&object, &[]),
            &[edit("/spec/replicas", json!(1))],
            &HeldBy::Leave,
        );
        insta::assert_snapshot!(
            [
                one("/spec/null/x", json!(1)),
                one("/spec/replicas/x", json!(1)),
                one("/spec/template/spec/containers/0", json!(1)),
                one("/spec/template[name=x]/y", json!(1)),
                one("/spec/template/spec/containers[4]/x", json!(1)),
                one("/spec/new[1]", json!(1)),
                one("/spec/new[=2]", json!(1)),
                one("/spec/template/spec/containers[name=x]", json!(1)),
                one(
                    "/spec/template/spec/containers[name=web]",
                    json!({"name": "y"})
                ),
                say(&[edit("/spec/a", json!(1)), edit("/spec/a/b", json!(1))]),
                one(
                    "/spec/template/spec/containers[name=web]/name",
                    json!("web")
                ),
                one("/spec/set[=1]/x", json!(1)),
                unseen.unwrap_err().to_string(),
            ]
            .join("\n")
        );
    }

    /// Any value that a custom resource may hold. Lists have keys or are sets.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(json!(1e300)),
            name().prop_map(Value::from),
            prop::collection::btree_set(name(), 0..4).prop_map(|set| json!(set)),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let object = prop::collection::btree_map(name(), inner, 0..4).boxed();
            let items = prop::collection::btree_map(name(), object.clone(), 1..4);
            prop_oneof![
                object.prop_map(|members| json!(members)),
                items.prop_map(|items| {
                    let keyed = items.into_iter().map(|(name, mut members)| {
                        members.insert("name".to_owned(), Value::from(name));
                        json!(members)
                    });
                    keyed.collect()
                }),
            ]
        })
    }

    fn object() -> impl Strategy<Value = Value> {
        let labels = prop::option::of(prop::collection::btree_map(name(), name(), 1..3));
        let root = prop::collection::btree_map("spec|data", value(), 0..3);
        (labels, root).prop_map(|(labels, root)| {
            let mut object = json!(root);
            object["metadata"] = json!({"uid": "u1", "name": "x", "resourceVersion": "7"});
            if let Some(labels) = labels {
                object["metadata"]["labels"] = json!(labels);
            }
            object
        })
    }

    /// A path that leads along what is there, or off it, as the choices say.
    fn walk(object: &Value, choices: &[(u8, String)]) -> Path {
        let mut at = Some(object);
        let mut segments = Vec::new();
        for (choice, name) in choices {
            let key =
                |name: &str| Segment::Key([("name".to_owned(), canonical(&json!(name)))].into());
            let pick = usize::from(*choice);
            let segment = match at {
                Some(Value::Object(members)) if pick % 4 > 0 && !members.is_empty() => {
                    Segment::Field(members.keys().nth(pick % members.len()).unwrap().clone())
                }
                Some(Value::Array(items)) if !items.is_empty() => {
                    let item = &items[pick % items.len()];
                    match (item.get("name").and_then(Value::as_str), pick % 4 > 0) {
                        (Some(named), true) => key(named),
                        (Some(_), false) => key(name),
                        (None, true) => Segment::Value(canonical(item)),
                        (None, false) => Segment::Value(canonical(&json!(name))),
                    }
                }
                None if pick.is_multiple_of(3) && !segments.is_empty() => key(name),
                _ => Segment::Field(name.clone()),
            };
            segments.push(segment);
            at = at
                .and_then(|_| crate::field::locate::locate(object, &Path::new(segments.clone())).1);
        }
        // Our guards and marks are not for edits.
        match segments.first() {
            Some(Segment::Field(first)) if first == "metadata" => {
                segments.splice(1..2, [Segment::Field("annotations".to_owned())]);
            }
            _ => {}
        }
        Path::new(segments)
    }

    /// The value that a path can take, from any value.
    fn fitting(path: &Path, value: &Value) -> Value {
        match path.segments().last() {
            Some(Segment::Value(text)) => serde_json::from_str(text).unwrap(),
            Some(Segment::Key(keys)) => {
                let mut item = json!({ "v": value });
                for (key, text) in keys {
                    item[key] = serde_json::from_str(text).unwrap();
                }
                item
            }
            _ => value.clone(),
        }
    }

    /// Sets a field of an object directly: what the patch is held against.
    fn set(at: &mut Value, segments: &[Segment], image: &Image) {
        let (first, rest) = segments.split_first().unwrap();
        let found = crate::field::locate::locate(at, &Path::new(vec![first.clone()])).0;
        if found.existing == 0 {
            let Image::Present(value) = image else { return };
            let mut new = match (rest.first(), first) {
                (None, _) => value.clone(),
                (Some(Segment::Field(_)), Segment::Key(keys)) => keys
                    .iter()
                    .map(|(key, text)| (key.clone(), serde_json::from_str::<Value>(text).unwrap()))
                    .collect(),
                (Some(Segment::Field(_)), _) => json!({}),
                (Some(_), _) => json!([]),
            };
            if !rest.is_empty() {
                set(&mut new, rest, image);
            }
            match first {
                Segment::Field(name) => at[name] = new,
                _ => at.as_array_mut().unwrap().push(new),
            }
            return;
        }
        let index = found.pointer[1..].parse::<usize>();
        if !rest.is_empty() {
            return set(at.pointer_mut(&found.pointer).unwrap(), rest, image);
        }
        match (image, first) {
            (Image::Present(value), _) => *at.pointer_mut(&found.pointer).unwrap() = value.clone(),
            (Image::Absent, Segment::Field(name)) => {
                at.as_object_mut().unwrap().remove(name);
            }
            (Image::Absent, _) => {
                at.as_array_mut().unwrap().remove(index.unwrap());
            }
        }
    }

    /// Whether taking this field out and putting it back keeps the order of its list.
    fn keeps_order(seen: &Seen) -> bool {
        let Some((_, token)) = seen.place.pointer.rsplit_once('/') else {
            return true;
        };
        match seen.place.shapes.iter().rev().nth(1) {
            Some(Shape::List(items)) => token.parse() == Ok(items - 1),
            _ => true,
        }
    }

    /// How a path leads, and what is to be there.
    type Wish = (Vec<(u8, String)>, Option<Value>);

    /// Edits that can be made together, from any.
    fn possible(object: &Value, wishes: &[Wish]) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (choices, to) in wishes {
            let mut path = walk(object, choices);
            let existing = crate::field::locate::locate(object, &path).0.existing;
            // Walks mostly end beyond the object; a removal is of something that is there.
            if to.is_none() && existing > 1 {
                path = path.prefix(existing);
            }
            let to = to.as_ref().map(|value| fitting(&path, value));
            edits.push(Edit {
                path,
                to: to.map_or(Image::Absent, Image::Present),
                remove_parents: Vec::new(),
            });
            let projection = see(object, &edits);
            let last = edits.last().unwrap();
            if last.to == Image::Absent && !keeps_order(projection.field(&last.path).unwrap())
                || guarded(&projection, &edits, &HeldBy::Set("m".to_owned())).is_err()
            {
                edits.pop();
            }
        }
        edits
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// The promise: a write changes what it names and nothing else, and its inverse brings
        /// back the very object.
        #[test]
        fn a_write_sets_its_fields_and_its_inverse_restores_the_object(
            object in object(),
            wishes in prop::collection::vec(
                (
                    prop::collection::vec((any::<u8>(), name()), 2..6),
                    prop::option::weighted(0.7, value()),
                ),
                1..6,
            ),
        ) {
            let edits = possible(&object, &wishes);
            let held = HeldBy::Set("m".to_owned());
            let forward = write(&object, &edits, &held).unwrap();
            let changed = apply(&object, &forward);
            let mut direct = object.clone();
            direct["metadata"]["labels"][HELD_BY_LABEL] = json!("m");
            for is_present in [true, false] {
                for edit in edits.iter().filter(|edit| edit.to.value().is_some() == is_present) {
                    set(&mut direct, edit.path.segments(), &edit.to);
                }
            }
            prop_assert_eq!(&changed, &direct, "{}", forward.patch);

            let before = see(&object, &edits);
            let inverse: Vec<_> = edits
                .iter()
                .zip(&forward.parents)
                .map(|(edit, parents)| Edit {
                    path: edit.path.clone(),
                    to: before.field(&edit.path).unwrap().image.clone(),
                    remove_parents: parents.clone(),
                })
                .collect();
            let back = write(&changed, &inverse, &HeldBy::Leave).unwrap();
            let mut restored = apply(&changed, &back);
            // The label goes with the ownership pass; the server drops an empty map of labels.
            set(&mut restored, path("/metadata/labels/pingzhan.dev~1held-by").segments(), &Image::Absent);
            if restored["metadata"]["labels"] == json!({}) {
                set(&mut restored, path("/metadata/labels").segments(), &Image::Absent);
            }
            prop_assert_eq!(restored, object, "{} then {}", forward.patch, back.patch);
        }
    }
}
