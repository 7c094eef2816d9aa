//! Objects that a step makes in each namespace that it means: named after the step and what they are, so
//! that no two steps make one, and that the same step finds its own again.

use serde_json::Value;

use super::{Fields, Proposal, Query, Role, apply};
use crate::api::NamespaceSelector;
use crate::field::{Image, Projection, creation};

/// How the names of what is made begin. Not with the project's own: what is named so is never touched.
const PREFIX: &str = "wartime";
/// Hexadecimal digits of the digest: enough to tell any two steps of a cluster apart.
const DIGITS: usize = 10;
/// Longest part of a name that is the step's: people read it in lists.
const STEP: usize = 40;

/// Gives an object its name: `wartime-{step}-{digest}`, the same for the same object of the same step.
pub fn name(mut object: Value, step: &str, of: &str) -> Value {
    let digest = Image::Present(serde_json::json!([of, step, object])).hash();
    let digest = digest.trim_start_matches("sha256:");
    let digest = digest.get(..DIGITS).unwrap_or(digest);
    let step = step.get(..step.len().min(STEP)).unwrap_or(step);
    let step = step.trim_end_matches('-');
    object["metadata"]["name"] = format!("{PREFIX}-{step}-{digest}").into();
    object
}

/// Whether an object has a name of those that are made in each namespace.
pub fn is_name(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.starts_with('-'))
}

/// What is asked of the places of an object: one in each of these namespaces, or the one of a kind that is
/// in none.
pub fn query(object: &Value, namespaces: Option<NamespaceSelector>) -> Query {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Query {
        kind: apply::kind(object),
        namespaces,
        selector: None,
        names: vec![name.to_owned()],
        condition: None,
        priority: Vec::new(),
        role: Role::Made,
        fields: Fields::Each {
            object: object.clone(),
        },
    }
}

/// The object at one place.
pub fn made(object: &Value, seen: &Projection, why: &str) -> Proposal {
    let mut object = object.clone();
    if !seen.target.namespace.is_empty() {
        object["metadata"]["namespace"] = seen.target.namespace.clone().into();
    }
    Proposal {
        target: seen.target.clone(),
        path: creation::path(),
        base: Image::Absent,
        after: Image::Present(object),
        why: why.to_owned(),
        wave: 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Two modes never make one object: what is told apart by nothing but its playbook has a name of its
    /// own, and the same step finds what it made.
    #[test]
    fn names_follow_from_the_step_and_what_it_makes() {
        let named = |object: &Value, step: &str, of: &str| {
            let object = name(object.clone(), step, of);
            object["metadata"]["name"].as_str().unwrap().to_owned()
        };
        let object = json!({ "kind": "NetworkPolicy", "metadata": {}, "spec": { "a": 1 } });
        let first = named(&object, "cut", "flood/access");
        assert!(first.starts_with("wartime-cut-"), "{first}");
        assert_eq!(first.len(), "wartime-cut-".len() + DIGITS);
        assert_eq!(first, named(&object, "cut", "flood/access"));
        assert_ne!(first, named(&object, "cut", "cyber/access"));
        let other = json!({ "kind": "NetworkPolicy", "metadata": {}, "spec": { "a": 2 } });
        assert_ne!(first, named(&other, "cut", "flood/access"));
        let long = named(&object, &"a-".repeat(31), "flood/access");
        assert!(long.len() <= 63, "{long}");
    }
}
