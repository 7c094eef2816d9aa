//! The annotation in which `kubectl apply` keeps what it applied last. Who goes over to server-side apply
//! with kubectl is not in conflict with themselves, and the annotation is kept up for those who have not.

use serde_json::Value;

use super::super::schema::{self, Part};
use super::Writer;
use super::set::Set;
use super::typed::{compare, owned};

/// The annotation.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Only kubectl under its own name goes over.
const KUBECTL: &str = "kubectl";

/// What of an object is as `kubectl apply` left it: of that, who applies with kubectl now may take what
/// the client-side apply owns.
pub(super) fn allowed(part: Part<'_>, live: &Value, writer: &Writer) -> Set {
    let text = live["metadata"]["annotations"][ANNOTATION].as_str();
    let last = text.filter(|_| writer.manager == KUBECTL);
    let Some(last) = last.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Set::default();
    };
    // One that holds fields that nobody knows is not read at all.
    let is_known = schema::prune(part, &mut last.clone()).is_empty();
    if last["apiVersion"] != *writer.api_version || !is_known {
        return Set::default();
    }
    let found = compare(part, &last, live);
    owned(part, &last)
        .minus(&found.modified)
        .minus(&found.added)
        .minus(&found.removed)
}

/// Writes what was sent into the annotation, where the object has it.
pub(super) fn keep_up(merged: &mut Value, said: &Value, writer: &Writer) {
    let annotations = &merged["metadata"]["annotations"];
    if writer.manager != KUBECTL || annotations[ANNOTATION].is_null() {
        return;
    }
    let mut said = said.clone();
    let own = said["metadata"].get_mut("annotations");
    if let Some(annotations) = own.and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    // Go writes these three so that a browser does not take them for markup, and ends the line.
    let text = said
        .to_string()
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    merged["metadata"]["annotations"][ANNOTATION] = format!("{text}\n").into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::schema::builtin;
    use super::*;

    fn writer(manager: &str) -> Writer {
        Writer {
            manager: manager.to_owned(),
            api_version: "v1".to_owned(),
            ..Writer::default()
        }
    }

    fn live(value: &str) -> Value {
        let last = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" },
            "data": { "a": "1", "b": "2" } });
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c",
            "annotations": { ANNOTATION: last.to_string() } }, "data": { "a": "1", "b": value } })
    }

    /// What somebody else has changed since must stay a conflict.
    #[test]
    fn only_what_is_as_it_was_applied_may_be_taken() {
        let schema = builtin().kind("", "v1", "ConfigMap").expect("served");
        let may = |manager: &str| {
            let set = allowed(schema.root(), &live("3"), &writer(manager));
            let has = |name: &str| {
                let way = ["f:data".to_owned(), format!("f:{name}")];
                set.leaves().contains(&way.to_vec())
            };
            (has("a"), has("b"))
        };
        assert_eq!(may("kubectl"), (true, false));
        assert_eq!(may("helm"), (false, false));
        let mut misspelt = live("2");
        let text = &mut misspelt["metadata"]["annotations"][ANNOTATION];
        *text = text
            .as_str()
            .expect("a text")
            .replace("data", "daat")
            .into();
        let set = allowed(schema.root(), &misspelt, &writer("kubectl"));
        assert!(set.is_empty());
    }

    /// `kubectl apply` takes away what the annotation has and the manifest has not: it must not be stale.
    #[test]
    fn the_annotation_says_what_was_applied_last() {
        let wanted = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" },
            "data": { "a": "<1>" } });
        let mut merged = live("2");
        keep_up(&mut merged, &wanted, &writer("kubectl"));
        assert_eq!(
            merged["metadata"]["annotations"][ANNOTATION],
            "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"\\u003c1\\u003e\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}\n"
        );
        let mut other = live("2");
        keep_up(&mut other, &wanted, &writer("helm"));
        assert_eq!(other, live("2"));
        let mut bare = json!({ "metadata": {} });
        keep_up(&mut bare, &wanted, &writer("kubectl"));
        assert_eq!(bare, json!({ "metadata": {} }));
    }
}
