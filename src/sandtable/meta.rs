//! What every object has: names, labels, annotations, owners and finalizers, as they must be.

use serde_json::Value;

use super::kinds::Kind;
use super::refusal::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// Bytes that all annotations of an object may have together.
const ANNOTATIONS: usize = 256 * 1024;

/// How the names of a kind are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Subdomain,
    Label,
    Dns1035,
    Path,
}

fn names(kind: &Kind) -> Names {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => Names::Label,
        ("", "services") => Names::Dns1035,
        ("rbac.authorization.k8s.io", _) => Names::Path,
        _ => Names::Subdomain,
    }
}

/// What is wrong with the metadata of an object that is made.
pub fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    match metadata["name"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        )),
        name => {
            let found = name_faults(names(kind), name);
            causes.extend(found.map(|why| Cause::invalid("metadata.name", &name.into(), &why)));
        }
    }
    causes.extend(words(metadata));
    causes
}

/// What is wrong with the metadata of an object that is changed, whatever it was.
pub fn words(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        let field = "metadata.labels";
        causes.extend(qualified(key).map(|why| Cause::invalid(field, &key.as_str().into(), &why)));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            let why = "must be no more than 63 bytes";
            causes.push(Cause::invalid(field, value, why));
        } else if !is_label_value(text) {
            causes.push(Cause::invalid(field, value, LABEL_VALUE));
        }
    }
    let mut bytes = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        let field = "metadata.annotations";
        let found = qualified(&key.to_lowercase());
        causes.extend(found.map(|why| Cause::invalid(field, &key.as_str().into(), &why)));
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > ANNOTATIONS {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {ANNOTATIONS} bytes"),
            field: "metadata.annotations".to_owned(),
        });
    }
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for member in ["apiVersion", "kind", "name", "uid"] {
            if owner[member].as_str().unwrap_or_default().is_empty() {
                let field = format!("metadata.ownerReferences.{member}");
                let why = if member == "apiVersion" {
                    "version must not be empty"
                } else {
                    "must not be empty"
                };
                causes.push(Cause::invalid(&field, &"".into(), why));
            }
        }
    }
    for finalizer in metadata["finalizers"].as_array().into_iter().flatten() {
        let name = finalizer.as_str().unwrap_or_default();
        let found = qualified(name);
        causes.extend(found.map(|why| Cause::invalid("metadata.finalizers", finalizer, &why)));
    }
    causes
}

/// What is wrong with a change of metadata: what never changes, and finalizers of what is being
/// removed.
pub fn changes(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for member in ["name", "namespace", "uid", "creationTimestamp"] {
        if !new[member].is_null() && new[member] != old[member] {
            let field = format!("metadata.{member}");
            causes.push(Cause::invalid(&field, &new[member], "field is immutable"));
        }
    }
    if !old["deletionTimestamp"].is_null() {
        let known = old["finalizers"].as_array().cloned().unwrap_or_default();
        let added = new["finalizers"].as_array().into_iter().flatten();
        let added: Vec<String> = added
            .filter(|finalizer| !known.contains(finalizer))
            .map(Value::to_string)
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &why));
        }
    }
    causes
}

fn name_faults(names: Names, name: &str) -> Option<String> {
    let (most, holds, why) = match names {
        Names::Subdomain => (253, is_subdomain(name), SUBDOMAIN),
        Names::Label => (63, is_label(name), LABEL),
        Names::Dns1035 => (
            63,
            is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase()),
            DNS_1035,
        ),
        Names::Path => {
            let bad = ["/", "%"].iter().find(|part| name.contains(**part));
            return match (name, bad) {
                ("." | "..", _) => Some(format!("may not be '{name}'")),
                (_, Some(bad)) => Some(format!("may not contain '{bad}'")),
                (_, None) => None,
            };
        }
    };
    if name.len() > most {
        return Some(format!("must be no more than {most} bytes"));
    }
    (!holds).then(|| why.to_owned())
}

/// What is wrong with a name that has to be a label that begins with a letter.
pub fn dns_1035(name: &str) -> Option<String> {
    name_faults(Names::Dns1035, name)
}

/// What is wrong with a name that has to be a subdomain.
pub fn subdomain(name: &str) -> Option<String> {
    name_faults(Names::Subdomain, name)
}

/// What is wrong with a key of labels or annotations.
pub fn qualified(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    match prefix {
        Some("") => return Some("prefix part must be non-empty".to_owned()),
        Some(prefix) if !is_subdomain(prefix) => {
            return Some(format!("prefix part {SUBDOMAIN}"));
        }
        Some(_) | None => {}
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 bytes".to_owned());
    }
    (!is_label_value(name)).then(|| NAME_PART.to_owned())
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty()
        && text.chars().all(|c| inner(c) || c == '-')
        && text.starts_with(inner)
        && text.ends_with(inner)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label_value(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.chars().all(|c| ends(c) || "-_.".contains(c))
            && text.starts_with(ends)
            && text.ends_with(ends))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A label that the real server refuses would pass a rehearsal and stop a switch.
    #[test]
    fn labels_annotations_owners_and_finalizers_are_held_against_the_rules() {
        let good = json!({ "labels": { "a": "", "pingzhan.dev/held-by": "Flood_1.x" },
            "annotations": { "A.b/C_d": "anything at all" }, "finalizers": ["pingzhan.dev/hold"] });
        assert_eq!(words(&good), []);
        for (bad, field) in [
            (json!({ "labels": { "a b": "c" } }), "metadata.labels"),
            (json!({ "labels": { "a": "-c" } }), "metadata.labels"),
            (
                json!({ "labels": { "a": "x".repeat(64) } }),
                "metadata.labels",
            ),
            (
                json!({ "annotations": { "/x": "y" } }),
                "metadata.annotations",
            ),
            (
                json!({ "annotations": { "a": "y".repeat(300_000) } }),
                "metadata.annotations",
            ),
            (json!({ "finalizers": ["a b"] }), "metadata.finalizers"),
        ] {
            let found = words(&bad);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].field, field);
        }
    }

    /// What never changes must not be changed by a rehearsed patch either.
    #[test]
    fn names_and_uids_never_change() {
        let old =
            json!({ "name": "a", "uid": "u1", "deletionTimestamp": "x", "finalizers": ["p/a"] });
        let mut new = old.clone();
        new["uid"] = "u2".into();
        new["finalizers"] = json!(["p/a", "p/b"]);
        let fields: Vec<_> = changes(&old, &new)
            .into_iter()
            .map(|cause| cause.field)
            .collect();
        assert_eq!(fields, ["metadata.uid", "metadata.finalizers"]);
        new["finalizers"] = json!([]);
        new["uid"] = "u1".into();
        assert_eq!(changes(&old, &new), []);
    }
}
