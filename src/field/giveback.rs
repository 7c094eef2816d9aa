//! The ownership pass: a patch that changes only managedFields (and our label), so that former
//! owners own their fields again.
//!
//! A value and its owner cannot be given back in one request: the server gives a changed field to
//! the writer again.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use json_patch::{Patch, PatchOperation};
use serde_json::{Value, json};
use snafu::{OptionExt, Snafu};

use super::managed::{FormerOwner, Owner, is_ours, time};
use super::ops;
use super::path::{Path, escape};
use super::project::Projection;
use super::set::FieldSet;
use crate::api::names::HELD_BY_LABEL;

/// Why ownership cannot be given back.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// managedFields were not read.
    #[snafu(display("managedFields of {name} were not read: this is a defect of pingzhan"))]
    NotRead {
        /// The object.
        name: String,
    },
    /// managedFields hold something that is not understood.
    #[snafu(display("managedFields of {name} are not understood: {problem}"))]
    NotUnderstood {
        /// The object.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// One restored field and who is to own it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Return {
    /// The field.
    pub path: Path,
    /// Its former owners, as journalled.
    pub owners: Arc<[FormerOwner]>,
    /// Whether the field is there now. A removed field is owned by nobody.
    pub present: bool,
}

/// Builds the ownership patch of one object.
///
/// `manager` is our manager for the mode; `last` says that the mode holds nothing else of this
/// object, so that the label goes too; `others` are the managers of modes that hold something of it
/// still. Nothing to do is `None`.
///
/// Guarantees: each entry that is edited is tested first, so that a write meanwhile refuses the
/// patch; values are not touched. With `last` nothing of `manager` is left, and without `others`
/// nothing of any mode of ours. The label stays while another mode holds something of the object:
/// that mode takes it away.
///
/// Assumptions: the values were restored before. Of an atomic map or list our manager stays an
/// owner beside the former one until `last`, since other changes of ours may lie in it.
///
/// # Errors
/// `NotRead` where the projection was made without managedFields; `NotUnderstood` where an entry
/// does not parse.
pub fn give_back(
    projection: &Projection,
    manager: &str,
    returns: &[Return],
    last: bool,
    others: &[String],
) -> Result<Option<Patch>, Error> {
    let name = &projection.target.name;
    let live = projection
        .managed_fields
        .as_ref()
        .context(NotReadSnafu { name })?;
    let not_understood = |problem: String| Error::NotUnderstood {
        name: name.clone(),
        problem,
    };
    let live = live.entries().map_err(not_understood)?;
    let mut entries = live
        .iter()
        .map(|entry| Entry::read(entry, name))
        .collect::<Result<Vec<_>, Error>>()?;
    let is_last = last && others.is_empty();
    let is_over = |of: &str| of == manager || is_last && is_ours(of);
    take(&mut entries, &is_over, returns, last);
    let gone = if entries.is_empty() {
        // The server tracks no owners of this object.
        BTreeMap::new()
    } else {
        give(&mut entries, projection, returns)
    };
    let is_marked = projection.held_by.is_some();
    let edits = edits(&entries, &gone, is_last && is_marked);
    if edits.is_empty() {
        return Ok(None);
    }
    let mut operations = tests(projection, &entries);
    operations.extend(edits);
    Ok(Some(Patch(operations)))
}

/// The managedFields of an object, parsed once for a test's or a caller's convenience.
pub fn managed_fields(object: &Value) -> Vec<Value> {
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// An entry of managedFields, as it is and as it is to be.
struct Entry<'a> {
    live: &'a Value,
    owner: Owner,
    before: FieldSet,
    after: FieldSet,
}

impl<'a> Entry<'a> {
    fn read(live: &'a Value, name: &str) -> Result<Self, Error> {
        let owner = Owner::of(live);
        let fields = FieldSet::parse(live.get("fieldsV1").unwrap_or(&Value::Null));
        let before = match fields {
            Ok(fields) => fields,
            Err(error) => {
                let problem = format!("in the entry of {}, {error}", owner.manager);
                return NotUnderstoodSnafu { name, problem }.fail();
            }
        };
        Ok(Self {
            live,
            owner,
            after: before.clone(),
            before,
        })
    }

    fn is_changed(&self) -> bool {
        self.before != self.after
    }

    /// Whether the entry is of a later time than one that was journalled.
    fn is_newer_than(&self, journalled: Option<&str>) -> bool {
        let parse = |text: &str| text.parse::<Timestamp>().ok();
        match (
            time(self.live).as_deref().and_then(parse),
            journalled.and_then(parse),
        ) {
            (Some(now), Some(then)) => now > then,
            _ => false,
        }
    }
}

/// Owners whose entry is gone, with its time and what they get back.
type Gone = BTreeMap<Owner, (Option<String>, FieldSet)>;

/// Takes the restored paths out of our entries.
fn take(entries: &mut [Entry], is_over: &dyn Fn(&str) -> bool, returns: &[Return], last: bool) {
    for entry in entries.iter_mut() {
        if !is_over(&entry.owner.manager) {
            continue;
        }
        entry.after = if last {
            FieldSet::new()
        } else {
            returns.iter().fold(entry.after.clone(), |set, restored| {
                set.without(&restored.path)
            })
        };
    }
}

/// Gives each former owner what it lost.
fn give(entries: &mut [Entry], projection: &Projection, returns: &[Return]) -> Gone {
    let mut gone = Gone::new();
    for restored in returns {
        for former in restored.owners.iter() {
            let lost = returnable(projection, restored, &former.lost);
            if lost.is_empty() || is_ours(&former.owner.manager) {
                continue;
            }
            let Some(entry) = entries
                .iter_mut()
                .find(|entry| entry.owner == *former.owner)
            else {
                let (at, set) = gone.entry(Owner::clone(&former.owner)).or_default();
                // The later of two times is that of the entry when it was seen last.
                *at = at.take().max(former.at.clone());
                *set = set.union(&lost);
                continue;
            };
            // One who applied since then and no longer names the field let it go itself.
            let let_go =
                former.owner.operation == "Apply" && entry.is_newer_than(former.at.as_deref());
            if !let_go {
                entry.after = entry.after.union(&lost);
            }
        }
    }
    gone
}

/// The lost members that exist, and so can be owned.
fn returnable(projection: &Projection, restored: &Return, lost: &FieldSet) -> FieldSet {
    let mut lost = lost.clone();
    if !restored.present {
        lost = lost.without(&restored.path);
    }
    let existing = projection
        .field(&restored.path)
        .map_or(usize::MAX, |seen| seen.place.existing);
    for member in lost.paths() {
        if member.segments().len() > existing && restored.path.starts_with(&member) {
            lost = lost.minus(&FieldSet::of(&member));
        }
    }
    lost
}

/// What makes the patch take effect only on the owners that were seen.
fn tests(projection: &Projection, entries: &[Entry]) -> Vec<PatchOperation> {
    let mut tests = vec![ops::test(
        "/metadata/uid",
        Value::from(projection.target.uid.as_str()),
    )];
    let untested = tests.len();
    for (place, entry) in entries.iter().enumerate() {
        if entry.is_changed() {
            tests.extend(entry_tests(place, entry.live));
        }
    }
    if tests.len() == untested {
        // Entries are only added, or the label only removed: something must fence a late copy.
        tests.push(ops::replace(
            "/metadata/resourceVersion",
            Value::from(projection.resource_version.as_str()),
        ));
    }
    tests
}

/// The tests of one entry. The server compares texts as Go escapes them, so that one with such a
/// character in it would never be equal: then only the fields and the time are tested.
fn entry_tests(place: usize, entry: &Value) -> Vec<PatchOperation> {
    let pointer = format!("/metadata/managedFields/{place}");
    let is_plain = entry.as_object().is_none_or(|members| {
        members
            .values()
            .filter_map(Value::as_str)
            .all(|text| !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']))
    });
    if is_plain {
        return vec![ops::test(&pointer, entry.clone())];
    }
    ["fieldsV1", "time"]
        .into_iter()
        .filter_map(|name| {
            let value = entry.get(name)?.clone();
            Some(ops::test(&format!("{pointer}/{name}"), value))
        })
        .collect()
}

/// The edits: first of entries, then of the label.
fn edits(entries: &[Entry], gone: &Gone, is_last: bool) -> Vec<PatchOperation> {
    let mut edits = entry_edits(entries, gone);
    if is_last {
        edits.push(ops::remove(&format!(
            "/metadata/labels/{}",
            escape(HELD_BY_LABEL)
        )));
    }
    edits
}

/// Entries that change, entries that go (the last first, so that the others stay where they
/// are), and entries that come back.
///
/// The server takes an empty list for a client that does not know managedFields, and keeps what
/// it has; a list of one empty entry says that none is meant.
fn entry_edits(entries: &[Entry], gone: &Gone) -> Vec<PatchOperation> {
    let is_left_empty = entries.iter().all(|entry| entry.after.is_empty()) && gone.is_empty();
    if is_left_empty && !entries.is_empty() {
        return vec![ops::replace("/metadata/managedFields", json!([{}]))];
    }
    let pointer = |place: usize| format!("/metadata/managedFields/{place}");
    let changed = || {
        let all = entries.iter().enumerate();
        all.filter(|(_, entry)| entry.is_changed())
    };
    let replaced = changed()
        .filter(|(_, entry)| !entry.after.is_empty())
        .map(|(place, entry)| {
            let mut value = entry.live.clone();
            value["fieldsV1"] = entry.after.to_value();
            ops::replace(&pointer(place), value)
        });
    let removed = changed()
        .rev()
        .filter(|(_, entry)| entry.after.is_empty())
        .map(|(place, _)| ops::remove(&pointer(place)));
    let added = gone.iter().map(|(owner, (at, fields))| {
        ops::add(
            "/metadata/managedFields/-",
            entry_of(owner, at.as_deref(), fields),
        )
    });
    replaced.chain(removed).chain(added).collect()
}

/// An entry of managedFields, as the server writes it.
fn entry_of(owner: &Owner, at: Option<&str>, fields: &FieldSet) -> Value {
    let mut entry = json!({
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owner.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.to_value(),
    });
    if let Some(at) = at {
        entry["time"] = Value::from(at);
    }
    if !owner.subresource.is_empty() {
        entry["subresource"] = Value::from(owner.subresource.as_str());
    }
    entry
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::patch::{Edit, HeldBy, guarded};
    use crate::field::project::project;
    use crate::field::{Image, Segment, managed};

    const OURS: &str = "pingzhan/flood/12345678";
    const THEN: &str = "2026-01-01T00:00:00Z";
    const LATER: &str = "2026-02-01T00:00:00Z";

    fn path(pointer: &str) -> Path {
        Path::parse_pointer(pointer).unwrap()
    }

    fn set(pointers: &[&str]) -> FieldSet {
        pointers.iter().fold(FieldSet::new(), |set, pointer| {
            set.union(&FieldSet::of(&path(pointer)))
        })
    }

    fn owner(manager: &str, operation: &str) -> Owner {
        Owner {
            manager: manager.to_owned(),
            operation: operation.to_owned(),
            api_version: "v1".to_owned(),
            subresource: String::new(),
        }
    }

    fn entry(owner: &Owner, at: &str, pointers: &[&str]) -> Value {
        entry_of(owner, Some(at), &set(pointers))
    }

    fn former(owner: &Owner, pointers: &[&str]) -> FormerOwner {
        FormerOwner {
            owner: Arc::new(owner.clone()),
            at: Some(THEN.to_owned()),
            lost: set(pointers),
        }
    }

    fn returned(pointer: &str, owners: Vec<FormerOwner>) -> Return {
        Return {
            path: path(pointer),
            owners: owners.into(),
            present: true,
        }
    }

    fn object(entries: &[Value]) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": {
                "name": "x", "uid": "u1", "resourceVersion": "7",
                "labels": {"pingzhan.dev/held-by": "flood"}, "managedFields": entries,
            },
            "spec": {"replicas": 3, "paused": true},
        })
    }

    /// Every other mode that is named holds something.
    fn others(object: &Value) -> Vec<String> {
        let all = managed_fields(object).into_iter();
        let names = all.filter_map(|entry| Some(entry.get("manager")?.as_str()?.to_owned()));
        names.filter(|name| is_ours(name) && name != OURS).collect()
    }

    fn give_back_of(object: &Value, returns: &[Return], last: bool) -> Option<Patch> {
        let paths: Vec<_> = returns
            .iter()
            .map(|restored| restored.path.clone())
            .collect();
        let projection = project(object, "things", &paths, true).unwrap();
        give_back(&projection, OURS, returns, last, &others(object)).unwrap()
    }

    /// The object after the ownership pass.
    fn after(object: &Value, returns: &[Return], last: bool) -> Value {
        let mut object = object.clone();
        if let Some(patch) = give_back_of(&object, returns, last) {
            json_patch::patch(&mut object, &patch).unwrap();
        }
        object
    }

    /// The whole patch of the commonest case, as the server gets it.
    #[test]
    fn entries_are_tested_then_replaced_removed_and_added() {
        let (ours, helm, hpa) = (
            owner(OURS, "Update"),
            owner("helm", "Apply"),
            owner("hpa", "Update"),
        );
        let object = object(&[
            entry(&helm, THEN, &["/spec/paused"]),
            entry(&ours, LATER, &["/spec/replicas"]),
        ]);
        let owners = vec![
            former(&helm, &["/spec/replicas"]),
            former(&hpa, &["/spec/replicas"]),
        ];
        let patch = give_back_of(&object, &[returned("/spec/replicas", owners)], true).unwrap();
        insta::assert_snapshot!(
            patch
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        );
    }

    /// While the mode holds more of the object, its entry and the label stay.
    #[test]
    fn what_is_still_held_stays_ours() {
        let (ours, helm) = (owner(OURS, "Update"), owner("helm", "Apply"));
        let label = "/metadata/labels/pingzhan.dev~1held-by";
        let object = object(&[entry(
            &ours,
            LATER,
            &["/spec/replicas", "/spec/paused", label],
        )]);
        let returns = [returned(
            "/spec/replicas",
            vec![former(&helm, &["/spec/replicas"])],
        )];
        let partly = after(&object, &returns, false);
        assert_eq!(
            managed_fields(&partly),
            [
                entry(&ours, LATER, &["/spec/paused", label]),
                entry(&helm, THEN, &["/spec/replicas"]),
            ]
        );
        assert!(partly["metadata"]["labels"]["pingzhan.dev/held-by"].is_string());
        let wholly = after(&partly, &[], true);
        assert_eq!(
            managed_fields(&wholly),
            [entry(&helm, THEN, &["/spec/replicas"])]
        );
        assert_eq!(wholly["metadata"]["labels"], json!({}));
    }

    /// An owner who applied meanwhile without the field does not want it.
    #[test]
    fn who_let_the_field_go_does_not_get_it_back() {
        let ours = entry(&owner(OURS, "Update"), LATER, &["/spec/replicas"]);
        let get = |operation: &str, at: &str| {
            let owner = owner("helm", operation);
            let object = object(&[entry(&owner, at, &["/spec/paused"]), ours.clone()]);
            let returns = [returned(
                "/spec/replicas",
                vec![former(&owner, &["/spec/replicas"])],
            )];
            !managed::holders(&after(&object, &returns, true), &path("/spec/replicas")).is_empty()
        };
        assert!(!get("Apply", LATER));
        assert!(get("Apply", THEN));
        assert!(get("Update", LATER));
    }

    /// Nobody can own what is not there.
    #[test]
    fn an_absent_field_gives_nothing_back() {
        let (ours, helm) = (owner(OURS, "Update"), owner("helm", "Update"));
        let object = object(&[entry(&ours, LATER, &["/spec/gone"])]);
        let mut restored = returned(
            "/spec/gone",
            vec![former(&helm, &["/spec/gone", "/spec/gone/x"])],
        );
        restored.present = false;
        let after = after(&object, &[restored], true);
        assert_eq!(managed_fields(&after), [json!({})], "none is left");
    }

    /// An atomic map has one value: it is given back although its key is gone, and ours until
    /// nothing of it is held any more.
    #[test]
    fn an_atomic_map_is_given_back_and_shared_until_the_last() {
        let (ours, helm) = (owner(OURS, "Update"), owner("helm", "Apply"));
        let mut object = object(&[entry(&ours, LATER, &["/spec/selector"])]);
        object["spec"]["selector"] = json!({"a": "1"});
        let mut restored = returned("/spec/selector/b", vec![former(&helm, &["/spec/selector"])]);
        restored.present = false;
        let partly = after(&object, std::slice::from_ref(&restored), false);
        assert_eq!(
            managed::holders(&partly, &path("/spec/selector")),
            [OURS, "helm"]
        );
        let wholly = after(&object, std::slice::from_ref(&restored), true);
        assert_eq!(
            managed_fields(&wholly),
            [entry(&helm, THEN, &["/spec/selector"])]
        );
        object["spec"].as_object_mut().unwrap().remove("selector");
        let after = after(&object, &[restored], true);
        assert_eq!(managed_fields(&after), [json!({})], "none is left");
    }

    /// The label says that something is not given back yet: it is not ours alone to remove.
    #[test]
    fn the_label_stays_while_another_mode_holds_the_object() {
        let mine = entry(&owner(OURS, "Update"), LATER, &["/spec/replicas"]);
        let other = entry(
            &owner("pingzhan/fire/abc", "Update"),
            LATER,
            &["/spec/paused"],
        );
        let both = after(&object(&[mine.clone(), other.clone()]), &[], true);
        assert_eq!(managed_fields(&both), [other]);
        assert_eq!(both["metadata"]["labels"]["pingzhan.dev/held-by"], "flood");
        assert_eq!(
            after(&object(&[mine]), &[], true)["metadata"]["labels"],
            json!({})
        );
    }

    /// What a mode left that holds nothing any more would keep the label for ever.
    #[test]
    fn what_modes_left_that_are_over_goes_too() {
        let mine = entry(&owner(OURS, "Update"), LATER, &["/spec/replicas"]);
        let over = owner("pingzhan/over/0123abcd", "Update");
        let object = object(&[mine, entry(&over, THEN, &["/spec/paused"])]);
        let projection = project(&object, "things", &[path("/spec/replicas")], true).unwrap();
        let patch = give_back(&projection, OURS, &[], true, &[]).unwrap();
        let mut after = object.clone();
        json_patch::patch(&mut after, &patch.unwrap()).unwrap();
        assert_eq!(managed_fields(&after), [json!({})]);
        assert_eq!(after["metadata"]["labels"], json!({}));
    }

    /// The server keeps all entries when none is sent: that ours is to go must be said otherwise.
    #[test]
    fn the_last_entry_goes_by_a_reset() {
        let object = object(&[entry(&owner(OURS, "Update"), LATER, &["/spec/replicas"])]);
        let patch = give_back_of(&object, &[], true).unwrap();
        assert_eq!(
            patch[2].to_string(),
            r#"{"op":"replace","path":"/metadata/managedFields","value":[{}]}"#
        );
    }

    /// A request that changes nothing would be one too many.
    #[test]
    fn nothing_to_do_is_no_patch() {
        let helm = owner("helm", "Update");
        let mut object = object(&[entry(&helm, THEN, &["/spec/replicas"])]);
        let returns = [returned(
            "/spec/replicas",
            vec![former(&helm, &["/spec/replicas"])],
        )];
        assert_eq!(give_back_of(&object, &returns, false), None);
        object["metadata"]["labels"] = json!({});
        assert_eq!(give_back_of(&object, &returns, true), None);
    }

    /// Without a test of an entry a late copy of the patch would pass.
    #[test]
    fn what_tests_no_entry_is_fenced_by_the_resource_version() {
        let mut object = object(&[]);
        let operations = |object: &Value| {
            let patch = give_back_of(object, &[returned("/spec/replicas", vec![])], true).unwrap();
            patch.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            operations(&object),
            [
                r#"{"op":"test","path":"/metadata/uid","value":"u1"}"#,
                r#"{"op":"replace","path":"/metadata/resourceVersion","value":"7"}"#,
                r#"{"op":"remove","path":"/metadata/labels/pingzhan.dev~1held-by"}"#,
            ]
        );
        // A text that Go escapes is never equal to ours: it is not tested.
        let mut strange = entry(&owner(OURS, "Update"), LATER, &["/spec/replicas"]);
        strange["apiVersion"] = json!("a&b");
        object["metadata"]["managedFields"] = json!([strange]);
        let operations = operations(&object);
        assert!(operations[1].contains("/metadata/managedFields/0/fieldsV1"));
        assert!(operations[2].contains("/metadata/managedFields/0/time"));
    }

    /// What is not understood is never written back, and says whose it is.
    #[test]
    fn entries_that_are_not_understood_are_an_error() {
        let projection =
            |entries: &[Value], read| project(&object(entries), "things", &[], read).unwrap();
        let strange = json!({"manager": "strange", "fieldsV1": {"spec": {}}});
        let error = give_back(&projection(&[strange], true), OURS, &[], true, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "managedFields of x are not understood: in the entry of strange, `spec` is not a \
             path: the segment `spec` has no kind; write `f:spec` for a field"
        );
        let error = give_back(&projection(&[], false), OURS, &[], true, &[]).unwrap_err();
        assert!(matches!(error, Error::NotRead { .. }));
    }

    /// What a server compares: each field by its path, an atomic map as one.
    fn facts(object: &Value) -> BTreeMap<Path, Value> {
        let mut facts = BTreeMap::new();
        for map in ["annotations", "labels"] {
            let at = Path::fields(["metadata", map]);
            for (name, value) in object["metadata"][map].as_object().into_iter().flatten() {
                facts.insert(at.clone(), Value::Null);
                facts.insert(Path::fields(["metadata", map, name]), value.clone());
            }
        }
        for name in ["replicas", "paused", "selector"] {
            if let Some(value) = object["spec"].get(name) {
                facts.insert(Path::fields(["spec", name]), value.clone());
            }
        }
        for item in object["spec"]["containers"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let at = path(&format!(
                "/spec/containers[name={}]",
                item["name"].as_str().unwrap()
            ));
            for (name, value) in item.as_object().unwrap() {
                let mut segments = at.segments().to_vec();
                segments.push(Segment::Field(name.clone()));
                facts.insert(Path::new(segments), value.clone());
            }
            facts.insert(at, Value::Null);
        }
        facts
    }

    fn set_of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> FieldSet {
        paths
            .into_iter()
            .fold(FieldSet::new(), |set, path| set.union(&FieldSet::of(path)))
    }

    /// A server in small: it drops maps that are left empty, and gives what differs to the
    /// writer, but in objects whose owners it does not track.
    fn serve(old: &Value, patch: &Patch, typed: bool) -> Value {
        let mut new = old.clone();
        ops::carry_out(&mut new, patch).unwrap();
        for (of, map) in [
            ("metadata", "annotations"),
            ("metadata", "labels"),
            ("spec", "selector"),
        ] {
            let is_dropped = (typed || of == "metadata") && new[of].get(map) == Some(&json!({}));
            if is_dropped {
                new[of].as_object_mut().unwrap().remove(map);
            }
        }
        let (was, is) = (facts(old), facts(&new));
        let changed = set_of(
            is.iter()
                .filter(|(path, value)| was.get(path) != Some(value))
                .map(|(path, _)| path),
        );
        let removed = set_of(was.keys().filter(|path| !is.contains_key(path)));
        let ours = owner(OURS, "Update");
        let mut entries = managed_fields(&new);
        if entries == [json!({})] {
            entries.clear();
        } else if entries.is_empty() {
            entries = managed_fields(old);
        }
        let is_tracked = !managed_fields(old).is_empty();
        if is_tracked && !changed.is_empty() && entries.iter().all(|entry| Owner::of(entry) != ours)
        {
            entries.push(entry(&ours, "2030-01-01T00:00:00Z", &[]));
        }
        for entry in &mut entries {
            let fields = FieldSet::parse(&entry["fieldsV1"]).unwrap().minus(&removed);
            let fields = if Owner::of(entry) == ours {
                fields.union(&changed)
            } else {
                fields.minus(&changed)
            };
            entry["fieldsV1"] = fields.to_value();
        }
        entries.retain(|entry| entry["fieldsV1"] != json!({}));
        new["metadata"]["managedFields"] = Value::from(entries);
        new
    }

    /// An object some of whose fields are there, and owned by random managers.
    fn owned_object() -> impl Strategy<Value = Value> {
        let owner = (0..3_u8, any::<bool>(), any::<u32>(), 1..9_u8);
        (any::<[bool; 6]>(), prop::collection::vec(owner, 0..5)).prop_map(|(there, owners)| {
            let mut object = object(&[]);
            object["metadata"].as_object_mut().unwrap().remove("labels");
            object["spec"] = json!({"containers": [{"name": "a"}, {"name": "b", "image": "1"}]});
            let fields = [
                ("/spec", "replicas", json!(3)),
                ("/spec", "paused", Value::Null),
                ("/spec/containers/0", "image", json!("1")),
                ("/metadata", "annotations", json!({"x": "1"})),
                ("/metadata", "annotations", json!({"x": "1", "y": "2"})),
                ("/spec", "selector", json!({"p": "1"})),
            ];
            for (at, name, value) in fields
                .into_iter()
                .zip(there)
                .filter(|(_, is)| *is)
                .map(|(field, _)| field)
            {
                object.pointer_mut(at).unwrap()[name] = value;
            }
            let facts = facts(&object);
            let mut entries: BTreeMap<Owner, Value> = BTreeMap::new();
            for (manager, applies, mask, day) in owners {
                let owner = self::owner(
                    &format!("manager-{manager}"),
                    if applies { "Apply" } else { "Update" },
                );
                let held = facts
                    .keys()
                    .enumerate()
                    .filter(|(bit, _)| mask >> bit & 1 == 1);
                let held = set_of(held.map(|(_, path)| path));
                if !held.is_empty() {
                    let at = format!("2026-01-0{day}T00:00:00Z");
                    entries.insert(owner.clone(), entry_of(&owner, Some(&at), &held));
                }
            }
            object["metadata"]["managedFields"] = entries.into_values().collect();
            object
        })
    }

    /// Edits of fields that are there and of fields that are not.
    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let choices = [
            ("/spec/replicas", Some(json!(9))),
            ("/spec/replicas", None),
            ("/spec/paused", Some(json!(true))),
            ("/spec/containers[name=a]/image", Some(json!("2"))),
            ("/spec/containers[name=a]/image", None),
            ("/spec/containers[name=b]", None),
            ("/spec/containers[name=c]/image", Some(json!("2"))),
            ("/metadata/annotations/x", Some(json!("9"))),
            ("/metadata/annotations/x", None),
            ("/metadata/annotations/y", Some(json!("9"))),
            ("/metadata/annotations/z", Some(json!("9"))),
            ("/metadata/labels/app", Some(json!("9"))),
            ("/spec/selector/p", Some(json!("9"))),
            ("/spec/selector/p", None),
            ("/spec/selector/q", Some(json!("9"))),
        ];
        prop::sample::subsequence(choices.to_vec(), 1..8).prop_map(|choices| {
            let edits: BTreeMap<Path, Image> = choices
                .into_iter()
                .map(|(pointer, to)| (path(pointer), to.map_or(Image::Absent, Image::Present)))
                .collect();
            edits
                .into_iter()
                .map(|(path, to)| Edit {
                    path,
                    to,
                    remove_parents: Vec::new(),
                })
                .collect()
        })
    }

    fn see(object: &Value, edits: &[Edit]) -> Projection {
        let paths: Vec<_> = edits.iter().map(|edit| edit.path.clone()).collect();
        project(object, "things", &paths, true).unwrap()
    }

    /// Owners by name, as their order does not matter.
    fn by_owner(object: &Value) -> BTreeMap<Owner, (Option<String>, FieldSet)> {
        managed_fields(object)
            .iter()
            .map(|entry| {
                let fields = FieldSet::parse(&entry["fieldsV1"]).unwrap();
                (Owner::of(entry), (time(entry), fields))
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// The promise: after the values and the ownership pass, in one go or in two, the
        /// object is as it was, its owners included.
        #[test]
        fn switch_and_return_leave_the_very_owners(
            original in owned_object(),
            edits in edits(),
            wave in any::<prop::sample::Index>(),
            typed in any::<bool>(),
        ) {
            let before = see(&original, &edits);
            let forward = guarded(&before, &edits, &HeldBy::Set("flood".to_owned())).unwrap();
            let mut live = serve(&original, &forward.patch, typed);
            let parents: Vec<_> = forward.parents.into_iter().flatten().collect();
            let inverse: Vec<_> = edits
                .iter()
                .map(|edit| Edit {
                    path: edit.path.clone(),
                    to: before.field(&edit.path).unwrap().image.clone(),
                    remove_parents: parents
                        .iter()
                        .filter(|parent| edit.path.starts_with(parent))
                        .cloned()
                        .collect(),
                })
                .collect();
            let (first, second) = inverse.split_at(wave.index(inverse.len()));
            for (edits, last) in [(first, false), (second, true)] {
                let back = guarded(&see(&live, edits), edits, &HeldBy::Leave).unwrap();
                live = serve(&live, &back.patch, typed);
                let returns: Vec<_> = edits
                    .iter()
                    .map(|edit| Return {
                        path: edit.path.clone(),
                        owners: before.field(&edit.path).unwrap().owners.clone(),
                        present: edit.to != Image::Absent,
                    })
                    .collect();
                if let Some(patch) = give_back(&see(&live, edits), OURS, &returns, last, &[]).unwrap() {
                    live = serve(&live, &patch, typed);
                }
            }
            prop_assert_eq!(by_owner(&live), by_owner(&original));
            let mut original = original;
            original["metadata"]["managedFields"] = Value::Null;
            live["metadata"]["managedFields"] = Value::Null;
            prop_assert_eq!(live, original);
        }
    }
}
