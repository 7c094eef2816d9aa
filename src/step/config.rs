//! `config`: keys of `ConfigMaps`, then restarts of workloads in the namespaces in which any key
//! changes, so that they read the new values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::{ObjectRef, Targets, names};
use crate::field::{Image, Path, Projection, Segment};

/// The keys of the `ConfigMaps`, then one query for each workload that is restarted.
pub fn needs(
    targets: &Targets,
    set: &BTreeMap<String, String>,
    restart: &[ObjectRef],
) -> Vec<Query> {
    let mut needs = queries(targets, Role::Target, |kind| {
        Fields::Paths(kinds::paths(kind, set.keys().map(|name| key(name))))
    });
    needs.extend(restart.iter().map(|workload| Query {
        kind: workload.kind.clone(),
        namespaces: targets.namespaces.clone(),
        selector: None,
        names: vec![workload.name.clone()],
        condition: None,
        priority: Vec::new(),
        role: Role::Restart,
        fields: Fields::Paths(vec![restarted()]),
    }));
    needs
}

/// One change for every key that is not yet as asked; then, in wave 1, one restart for every
/// workload in a namespace in which a key changes.
pub fn compile(
    targets: &Targets,
    set: &BTreeMap<String, String>,
    found: &[Vec<Projection>],
) -> Compiled {
    let (maps, workloads) = found.split_at(targets.kinds.len().min(found.len()));
    let mut compiled = Compiled::default();
    for object in maps.iter().flatten() {
        match keys(set, object) {
            Ok(changes) => compiled.changes.extend(changes),
            Err(why) => compiled.skipped.push(skipped(object, &why)),
        }
    }
    let changing: BTreeSet<String> = compiled
        .changes
        .iter()
        .map(|change| change.target.namespace.clone())
        .collect();
    let mark = Image::Present(Value::from(digest(set)));
    for object in workloads.iter().flatten() {
        match restart(object, &changing, &mark) {
            Ok(change) => compiled.changes.push(change),
            Err(why) => compiled.skipped.push(skipped(object, why)),
        }
    }
    compiled
}

fn skipped(object: &Projection, why: &str) -> Skipped {
    Skipped {
        target: object.target.clone(),
        why: why.to_owned(),
    }
}

fn keys(set: &BTreeMap<String, String>, object: &Projection) -> Result<Vec<Proposal>, String> {
    if let Some(why) = kinds::left_alone(object, false) {
        return Err(why.to_owned());
    }
    let mut changes = Vec::new();
    for (name, value) in set {
        let path = key(name);
        let base = object
            .field(&path)
            .map_or(Image::Absent, |seen| seen.image.clone());
        let after = Image::Present(Value::from(value.clone()));
        if base != after {
            changes.push(Proposal {
                target: object.target.clone(),
                path,
                base,
                after,
                why: format!("`{name}` is set"),
                wave: 0,
            });
        }
    }
    if changes.is_empty() {
        return Err("already as asked".to_owned());
    }
    Ok(changes)
}

fn restart(
    object: &Projection,
    changing: &BTreeSet<String>,
    mark: &Image,
) -> Result<Proposal, &'static str> {
    if object.deleting {
        return Err("it is being deleted");
    }
    if !changing.contains(&object.target.namespace) {
        return Err("no ConfigMap of its namespace changes, so it is not restarted");
    }
    let path = restarted();
    let base = object
        .field(&path)
        .map_or(Image::Absent, |seen| seen.image.clone());
    if base == *mark {
        return Err("already restarted for these values");
    }
    Ok(Proposal {
        target: object.target.clone(),
        path,
        base,
        after: mark.clone(),
        why: "it is restarted to read the new values".to_owned(),
        wave: 1,
    })
}

fn key(name: &str) -> Path {
    Path::new(vec![
        Segment::Field("data".to_owned()),
        Segment::Field(name.to_owned()),
    ])
}

fn restarted() -> Path {
    Path::fields([
        "spec",
        "template",
        "metadata",
        "annotations",
        names::RESTART_ANNOTATION,
    ])
}

/// Hexadecimal digits of a digest: enough to tell any two sets of one workload apart.
const DIGITS: usize = 16;

/// A short digest of the values, the same for the same values.
fn digest(set: &BTreeMap<String, String>) -> String {
    let values: Value = set
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.clone())))
        .collect();
    let hash = Image::Present(values).hash();
    let mut text = hash.trim_start_matches("sha256:").to_owned();
    text.truncate(DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{object, why_skipped};
    use super::*;
    use crate::field::Identity;

    fn set() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("carousel".to_owned(), "off".to_owned()),
            ("suggest".to_owned(), "off".to_owned()),
        ])
    }

    fn targets() -> Targets {
        Targets {
            kinds: vec!["ConfigMap".into()],
            ..Targets::default()
        }
    }

    /// A workload that restarts before its values are written reads the old ones.
    #[test]
    fn restarts_come_after_the_keys_and_only_where_a_key_changes() {
        let map = object(
            "v1",
            "ConfigMap",
            "flags",
            &json!({ "data": { "carousel": "on" } }),
        );
        let web = object("apps/v1", "Deployment", "web", &json!({ "spec": {} }));
        let mut far = web.clone();
        far.target = Identity {
            namespace: "elsewhere".into(),
            ..Identity::clone(&far.target)
        }
        .into();
        let found = [vec![map], vec![web, far]];
        let compiled = compile(&targets(), &set(), &found);
        let got: Vec<_> = compiled
            .changes
            .iter()
            .map(|change| (change.path.to_pointer(), change.base.display(), change.wave))
            .collect();
        assert_eq!(
            got,
            [
                ("/data/carousel".to_owned(), "\"on\"".to_owned(), 0),
                ("/data/suggest".to_owned(), "(absent)".to_owned(), 0),
                (
                    "/spec/template/metadata/annotations/pingzhan.dev~1restarted-for".to_owned(),
                    "(absent)".to_owned(),
                    1
                ),
            ]
        );
        assert!(why_skipped(&compiled).contains("no ConfigMap of its namespace"));
    }

    /// The API server refuses to change an immutable ConfigMap, and it could not be changed back.
    #[test]
    fn immutable_and_finished_config_maps_are_skipped() {
        for (body, why) in [
            (json!({ "immutable": true, "data": {} }), "immutable"),
            (
                json!({ "data": { "carousel": "off", "suggest": "off" } }),
                "already",
            ),
        ] {
            let found = [vec![object("v1", "ConfigMap", "flags", &body)], vec![]];
            let compiled = compile(&targets(), &set(), &found);
            assert!(compiled.changes.is_empty(), "{body}");
            assert!(why_skipped(&compiled).contains(why), "{body}");
        }
    }

    /// The mark restarts a workload only when it differs: same values, same mark.
    #[test]
    fn the_mark_follows_from_the_values_alone() {
        assert_eq!(digest(&set()), digest(&set()));
        assert_eq!(digest(&set()).len(), DIGITS);
        let mut other = set();
        other.insert("carousel".into(), "on".into());
        assert_ne!(digest(&set()), digest(&other));
    }
}
