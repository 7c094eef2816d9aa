//! `patch`: any field of any kind.

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::Targets;
use crate::field::{Image, Projection};
use crate::playbook::Field;

/// The fields that the patch names, of every kind.
pub fn needs(targets: &Targets, fields: &[Field]) -> Vec<Query> {
    queries(targets, Role::Target, |kind| {
        let wanted = fields.iter().map(|field| field.path.clone());
        Fields::Paths(kinds::paths(kind, wanted))
    })
}

/// One change for every field of every object that does not hold what is asked.
pub fn compile(fields: &[Field], found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for object in found.iter().flatten() {
        match changes(fields, object) {
            Ok(changes) => compiled.changes.extend(changes),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why: why.to_owned(),
            }),
        }
    }
    compiled
}

fn changes(fields: &[Field], object: &Projection) -> Result<Vec<Proposal>, &'static str> {
    let changes: Vec<Proposal> = fields
        .iter()
        .map(|field| {
            let seen = object.field(&field.path);
            Proposal {
                target: object.target.clone(),
                path: field.path.clone(),
                base: seen.map_or(Image::Absent, |seen| seen.image.clone()),
                after: field.to.clone(),
                why: match field.to {
                    Image::Absent => "taken out by the playbook".to_owned(),
                    Image::Present(_) => "set by the playbook".to_owned(),
                },
                wave: 0,
            }
        })
        .filter(|change| change.base != change.after)
        .collect();
    let kind = kinds::of_object(&object.target.api_version, &object.target.kind);
    let replicas = kind.and_then(kinds::Kind::replicas_path);
    let shrinks = changes.iter().any(|change| match &replicas {
        Some(path) if change.path == *path => kinds::shrinks(&change.base, &change.after),
        Some(path) => path.starts_with(&change.path),
        None => false,
    });
    let mut fixed = changes.iter();
    let fixed = fixed.find_map(|change| kinds::fixed(object, &change.path, &change.after));
    if let Some(why) = kinds::left_alone(object, shrinks).or(fixed) {
        return Err(why);
    }
    if changes.is_empty() {
        return Err("already as asked");
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{object, why_skipped};
    use super::*;
    use crate::field::Path;

    fn fields() -> Vec<Field> {
        vec![
            Field {
                path: Path::fields(["spec", "paused"]),
                to: Image::Absent,
            },
            Field {
                path: Path::fields(["spec", "replicas"]),
                to: Image::Present(json!(2)),
            },
        ]
    }

    /// A field that is as asked is nothing to bring back: it must not enter the journal.
    #[test]
    fn only_fields_that_differ_are_changed() {
        let body = json!({ "spec": { "replicas": 2, "paused": true } });
        let found = [vec![object("apps/v1", "Deployment", "a", &body)]];
        let compiled = compile(&fields(), &found);
        assert_eq!(compiled.changes.len(), 1);
        assert_eq!(compiled.changes[0].base, Image::Present(json!(true)));
        assert_eq!(compiled.changes[0].after, Image::Absent);
        let body = json!({ "spec": { "replicas": 2 } });
        let found = [vec![object("apps/v1", "Deployment", "a", &body)]];
        assert!(why_skipped(&compile(&fields(), &found)).contains("already"));
    }

    /// A patch is no way around what protects data: volumes would be lost all the same.
    #[test]
    fn a_patch_does_not_shrink_what_deletes_its_volumes() {
        let body = json!({ "spec": {
            "replicas": 5,
            "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" },
        } });
        let found = [vec![object("apps/v1", "StatefulSet", "a", &body)]];
        assert!(why_skipped(&compile(&fields(), &found)).contains("volumes"));
    }
}
