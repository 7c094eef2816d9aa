//! A merge patch as its leaves: what `patch` steps write becomes one edit a field.

use serde_json::Value;

use super::image::Image;
use super::path::{Path, Segment};

/// The leaves of a JSON merge patch, sorted by path: a null is an absent field, a list is one
/// atomic value, an empty object is a leaf of its own.
///
/// A patch that is no object is one leaf: the whole object, the empty path.
pub fn flatten(merge: &Value) -> Vec<(Path, Image)> {
    let mut leaves = Vec::new();
    match merge {
        Value::Object(members) if members.is_empty() => {}
        _ => collect(merge, &mut Vec::new(), &mut leaves),
    }
    leaves.sort_by(|(a, _), (b, _)| a.cmp(b));
    leaves
}

fn collect(value: &Value, at: &mut Vec<Segment>, leaves: &mut Vec<(Path, Image)>) {
    let image = match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                at.push(Segment::Field(name.clone()));
                collect(value, at, leaves);
                at.pop();
            }
            return;
        }
        Value::Null => Image::Absent,
        Value::Object(_)
        | Value::Array(_)
        | Value::String(_)
        | Value::Number(_)
        | Value::Bool(_) => Image::Present(value.clone()),
    };
    leaves.push((Path::new(at.clone()), image));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The rules of the playbook reference, one line each.
    #[test]
    fn leaves_are_scalars_lists_nulls_and_empty_objects() {
        let merge = json!({
            "spec": {"replicas": 3, "args": ["a", null], "paused": null, "empty": {}},
            "data": {"a/b": "x"},
        });
        let leaves: Vec<_> = flatten(&merge)
            .into_iter()
            .map(|(path, image)| format!("{} {}", path.to_pointer(), image.display()))
            .collect();
        assert_eq!(
            leaves,
            [
                r#"/data/a~1b "x""#,
                r#"/spec/args ["a",null]"#,
                "/spec/empty {}",
                "/spec/paused (absent)",
                "/spec/replicas 3",
            ]
        );
        assert!(flatten(&json!({})).is_empty());
        assert_eq!(
            flatten(&json!(1)),
            [(Path::new(vec![]), Image::Present(json!(1)))]
        );
    }

    /// A merge patch without empty objects.
    fn merge() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(|n| json!(n)),
            Just(json!([1, null])),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop::collection::btree_map("[a-c]", inner, 1..4).prop_map(|members| json!(members))
        })
    }

    proptest! {
        /// Built up again, the leaves are the patch: none is lost, none is there twice.
        #[test]
        fn leaves_make_up_the_patch(merge in merge()) {
            let merge = json!({"root": merge});
            let leaves = flatten(&merge);
            prop_assert!(leaves.is_sorted_by(|(a, _), (b, _)| a < b));
            let mut again = json!({});
            for (path, image) in leaves {
                let mut at = &mut again;
                for segment in path.segments() {
                    let Segment::Field(name) = segment else { unreachable!("only fields") };
                    at = &mut at[name.as_str()];
                }
                *at = image.value().cloned().unwrap_or_default();
            }
            prop_assert_eq!(again, merge);
        }
    }
}
