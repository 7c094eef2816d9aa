//! The fields that a `patch` changes: `set`, `remove` and `merge` as one sorted list, in which no
//! field lies beneath another.

use std::collections::BTreeMap;

use crate::api::{Patch, Scalar, names};
use crate::field::flatten::flatten;
use crate::field::{Image, Path, Segment};

use super::expand::Field;
use super::lint::{Finding, codes};
use super::parameters;

/// The fields of a patch, with parameters replaced. `at` is the JSON Pointer of the patch.
///
/// # Errors
/// Findings for paths that do not parse, fields that a playbook may not change, and changes that
/// overlap.
pub fn fields(
    asked: &Patch,
    values: &BTreeMap<String, Scalar>,
    at: &str,
) -> Result<Vec<Field>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut placed: Vec<(Field, String)> = Vec::new();
    for (index, set) in asked.set.iter().enumerate() {
        let place = format!("{at}/set/{index}/path");
        match Path::parse_pointer(&set.path) {
            Ok(path) => {
                let to = Image::Present(parameters::replace(&set.value, values));
                placed.push((Field { path, to }, place));
            }
            Err(error) => findings.push(codes::BAD_PATH.at(place, error.to_string())),
        }
    }
    for (index, remove) in asked.remove.iter().enumerate() {
        let place = format!("{at}/remove/{index}");
        match Path::parse_pointer(remove) {
            Ok(path) => placed.push((
                Field {
                    path,
                    to: Image::Absent,
                },
                place,
            )),
            Err(error) => findings.push(codes::BAD_PATH.at(place, error.to_string())),
        }
    }
    if let Some(merge) = &asked.merge {
        if merge.is_object() {
            for (path, to) in flatten(&parameters::replace(merge, values)) {
                placed.push((Field { path, to }, format!("{at}/merge")));
            }
        } else {
            findings.push(codes::MERGE_SHAPE.at(format!("{at}/merge"), "merge is not an object"));
        }
    }
    for (field, place) in &placed {
        findings.extend(refused(&field.path, place));
    }
    placed.sort_by(|one, other| one.0.path.cmp(&other.0.path));
    findings.extend(overlaps(&placed));
    if findings.is_empty() {
        Ok(placed.into_iter().map(|(field, _)| field).collect())
    } else {
        Err(findings)
    }
}

/// A finding where the field is one that a playbook may not change.
fn refused(path: &Path, place: &str) -> Option<Finding> {
    let mut segments = path.segments().iter().map(|segment| match segment {
        Segment::Field(name) => Some(name.as_str()),
        Segment::Key(_) | Segment::Value(_) | Segment::Index(_) => None,
    });
    let why = match segments.next() {
        None => "the whole object cannot be one field".to_owned(),
        Some(Some("apiVersion" | "kind")) => "what an object is cannot be changed".to_owned(),
        Some(Some("status")) => "status is what controllers say, not what people want".to_owned(),
        Some(Some("metadata")) => match (segments.next().flatten(), segments.next()) {
            (Some("labels" | "annotations"), Some(Some(key))) => {
                if !is_ours(key) {
                    return None;
                }
                return Some(codes::LABEL_OF_OURS.at(
                    place,
                    format!("`{key}` is Pingzhan's own: a playbook may not change it"),
                ));
            }
            (Some(part @ ("labels" | "annotations")), _) => {
                format!(
                    "all {part} at once cannot be changed: name one, as in /metadata/{part}/KEY"
                )
            }
            (_, _) => "under metadata, only labels and annotations can be changed".to_owned(),
        },
        Some(_) => return None,
    };
    Some(codes::REFUSED_PATH.at(place, format!("`{}`: {why}", path.to_pointer())))
}

fn is_ours(key: &str) -> bool {
    key.strip_prefix(names::GROUP)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Findings for changes that lie at or beneath the one before, in order of paths.
fn overlaps(placed: &[(Field, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut above: Option<&Path> = None;
    for (field, place) in placed {
        match above {
            Some(path) if field.path.starts_with(path) => findings.push(codes::OVERLAP.at(
                place,
                format!(
                    "`{}` is changed twice: it lies at or beneath `{}`",
                    field.path.to_pointer(),
                    path.to_pointer()
                ),
            )),
            Some(_) | None => above = Some(&field.path),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::SetField;

    fn set(path: &str, value: serde_json::Value) -> SetField {
        SetField {
            path: path.into(),
            value,
        }
    }

    fn codes_of(patch: &Patch) -> Vec<&'static str> {
        let found = fields(patch, &BTreeMap::new(), "/p").unwrap_err();
        found.into_iter().map(|finding| finding.code).collect()
    }

    /// The plan's hash and the order of writes follow from this list: it must have one form.
    #[test]
    fn set_remove_and_merge_become_one_sorted_list() {
        let patch = Patch {
            set: vec![set("/spec/b", json!("${parameters.n}"))],
            remove: vec!["/spec/a".into()],
            merge: Some(json!({ "spec": { "c": { "d": null, "e": [1] } } })),
        };
        let values = BTreeMap::from([("n".to_owned(), Scalar::Int(7))]);
        let got: Vec<_> = fields(&patch, &values, "/p")
            .unwrap()
            .into_iter()
            .map(|field| (field.path.to_pointer(), field.to))
            .collect();
        assert_eq!(
            got,
            [
                ("/spec/a".to_owned(), Image::Absent),
                ("/spec/b".to_owned(), Image::Present(json!(7))),
                ("/spec/c/d".to_owned(), Image::Absent),
                ("/spec/c/e".to_owned(), Image::Present(json!([1]))),
            ]
        );
    }

    /// Two changes of one field have no single value to restore.
    #[test]
    fn overlapping_changes_are_refused() {
        let patch = Patch {
            set: vec![
                set("/spec/a", json!({})),
                set("/spec/a/b", json!(1)),
                set("/spec/ab", json!(1)),
            ],
            remove: vec!["/spec/a".into()],
            merge: None,
        };
        assert_eq!(codes_of(&patch), ["PZ0523", "PZ0523"]);
    }

    /// Identity and status are not a playbook's to change, nor our own marks.
    #[test]
    fn fields_that_are_not_for_playbooks_are_refused() {
        let rows = [
            ("/kind", "PZ0522"),
            ("/apiVersion", "PZ0522"),
            ("/status/replicas", "PZ0522"),
            ("/metadata/name", "PZ0522"),
            ("/metadata/labels", "PZ0522"),
            ("/metadata/finalizers", "PZ0522"),
            ("/metadata/labels/pingzhan.dev~1held-by", "PZ0412"),
            ("spec", "PZ0521"),
        ];
        for (path, code) in rows {
            let patch = Patch {
                set: vec![set(path, json!("x"))],
                ..Patch::default()
            };
            assert_eq!(codes_of(&patch), [code], "{path}");
        }
        let fine = Patch {
            set: vec![set("/metadata/annotations/example.com~1x", json!("y"))],
            ..Patch::default()
        };
        assert!(fields(&fine, &BTreeMap::new(), "").is_ok());
    }
}
