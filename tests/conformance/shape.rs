//! What kind of request a request is: everything that a server may answer otherwise for, and nothing
//! that it does not look at.

use std::collections::BTreeSet;

use pingzhan::sandtable::ask::{Ask, Place};
use serde_json::Value;

/// A request, from a wire or from a case.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// The path with its query.
    pub address: String,
    pub content_type: String,
    pub accept: String,
    /// Null where there is none.
    pub body: Value,
}

/// Parameters whose values are words of the server; of others the name is enough.
const WORDS: [&str; 9] = [
    "allowWatchBookmarks",
    "dryRun",
    "fieldValidation",
    "force",
    "includeObject",
    "propagationPolicy",
    "resourceVersionMatch",
    "sendInitialEvents",
    "watch",
];
/// Parameters that change no answer that a case could hold.
const ASIDE: [&str; 3] = ["fieldManager", "timeout", "timeoutSeconds"];

/// Lines like `PATCH apps/deployments/{name} merge {spec} ?dryRun=All`: one; of a JSON patch one for each
/// of its operations, since which of them come together is a matter of the moment.
pub fn shapes(request: &Request) -> BTreeSet<String> {
    let Value::Array(operations) = &request.body else {
        return [shape(request)].into();
    };
    let each = operations.iter().map(|one| {
        shape(&Request {
            body: Value::Array(vec![one.clone()]),
            ..request.clone()
        })
    });
    each.collect()
}

fn shape(request: &Request) -> String {
    let (path, query) = request
        .address
        .split_once('?')
        .unwrap_or((&request.address, ""));
    let mut words = vec![request.method.clone(), place(path)];
    if !request.body.is_null() {
        words.push(media(&request.content_type).to_owned());
        words.push(body(request));
    }
    let form = form(&request.accept);
    if !form.is_empty() {
        words.push(format!("as {form}"));
    }
    let parameters = parameters(query);
    if !parameters.is_empty() {
        words.push(format!("?{}", parameters.join("&")));
    }
    words.join(" ")
}

fn place(path: &str) -> String {
    let Some(place) = Place::read(path) else {
        return discovery(path);
    };
    let scope = match (place.namespace.is_empty(), place.name.is_empty()) {
        (false, _) => "in a namespace",
        (true, true) => "in all",
        (true, false) => "",
    };
    let mut text = [place.group.as_str(), &place.plural]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    if !place.name.is_empty() {
        text.push_str("/{name}");
    }
    if !place.subresource.is_empty() {
        text.extend(["/", &place.subresource]);
    }
    if place.name.is_empty() && !scope.is_empty() {
        text.extend([" ", scope]);
    }
    text
}

/// An address that is not about objects: which group is asked about is not looked at.
fn discovery(path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["apis", _] => "/apis/{group}".to_owned(),
        ["apis", _, _] => "/apis/{group}/{version}".to_owned(),
        ["openapi", "v3", _, ..] => "/openapi/v3/{document}".to_owned(),
        _ => path.to_owned(),
    }
}

fn media(content_type: &str) -> &str {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    match media {
        "" | "application/json" => "json",
        "application/json-patch+json" | "json-patch" => "json-patch",
        "application/merge-patch+json" | "merge" => "merge",
        "application/strategic-merge-patch+json" | "strategic" => "strategic",
        "application/apply-patch+yaml" | "apply" => "apply",
        other => other,
    }
}

/// The first form that is asked for; of those who would take protobuf, what they take else: how an
/// answer is written down is not what the table is about.
fn form(accept: &str) -> &str {
    let mut all = accept.split(',').filter(|one| !one.contains("protobuf"));
    let first = all.next().unwrap_or(accept);
    let mut parts = first.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let word = parts.find_map(|part| part.strip_prefix("as="));
    match (word, media) {
        (Some(word), _) => word,
        (None, "" | "*/*" | "application/json") => "",
        (None, media) => media,
    }
}

fn body(request: &Request) -> String {
    let mut parts = BTreeSet::new();
    match (&request.body, media(&request.content_type)) {
        (Value::Array(operations), _) => {
            for one in operations {
                let path = one["path"].as_str().unwrap_or_default();
                let operation = one["op"].as_str().unwrap_or_default();
                parts.insert(format!("{operation} {}", field(path)));
            }
        }
        (Value::Object(members), "merge" | "strategic") => {
            for (name, value) in members {
                match value {
                    Value::Object(inner) if name == "metadata" => {
                        parts.extend(inner.keys().map(|name| format!("metadata/{name}")));
                    }
                    _ => drop(parts.insert(name.clone())),
                }
            }
        }
        (Value::Object(members), _) if request.method == "DELETE" => {
            let says = |name: &&String| !["apiVersion", "kind"].contains(&name.as_str());
            parts.extend(members.keys().filter(says).cloned());
        }
        // What an object says is a matter of its kind.
        (_, _) => drop(parts.insert("object".to_owned())),
    }
    let parts: Vec<String> = parts.into_iter().collect();
    format!("{{{}}}", parts.join(", "))
}

/// Where an operation is at work: in the metadata, by its member; else by the first.
fn field(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["metadata", member, below, ..] if *member == "managedFields" => match below {
            index if index.parse::<usize>().is_ok() || *index == "-" => {
                "metadata/managedFields/{entry}".to_owned()
            }
            _ => "metadata/managedFields".to_owned(),
        },
        ["metadata", member, _, ..] => format!("metadata/{member}/{{key}}"),
        ["metadata", member] => format!("metadata/{member}"),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

fn parameters(query: &str) -> Vec<String> {
    let all = Ask::read_query(query);
    let said = all
        .iter()
        .filter(|(name, _)| !ASIDE.contains(&name.as_str()));
    let said = said.map(|(name, value)| {
        if WORDS.contains(&name.as_str()) {
            format!("{name}={}", if value == "1" { "true" } else { value })
        } else if name == "resourceVersion" && value == "0" {
            "resourceVersion=0".to_owned()
        } else if name == "fieldSelector" {
            let fields = value.split(',').map(|one| one.split(['=', '!']).next());
            let mut fields: Vec<&str> = fields.map(Option::unwrap_or_default).collect();
            fields.sort_unstable();
            format!("fieldSelector={}", fields.join(","))
        } else {
            name.clone()
        }
    });
    said.filter(|word| word != "watch=false" && word != "force=false")
        .collect()
}

/// Two requests that a server answers otherwise must not look the same, nor two that it does not look
/// at apart.
#[test]
fn shapes_say_what_matters() {
    let request = |method: &str, address: &str, media: &str, body: &str| {
        let all = shapes(&Request {
            method: method.to_owned(),
            address: address.to_owned(),
            content_type: media.to_owned(),
            accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json".to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
        });
        all.into_iter().collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        request(
            "PATCH",
            "/apis/apps/v1/namespaces/a/deployments/d/scale?fieldManager=x&dryRun=All",
            "application/json-patch+json",
            r#"[{"op":"test","path":"/metadata/uid"},{"op":"add","path":"/metadata/labels/a"},
                {"op":"replace","path":"/spec/replicas"},{"op":"test","path":"/metadata/managedFields/0/x"}]"#,
        ),
        "PATCH apps/deployments/{name}/scale json-patch {add metadata/labels/{key}} as Table ?dryRun=All; \
         PATCH apps/deployments/{name}/scale json-patch {replace spec} as Table ?dryRun=All; \
         PATCH apps/deployments/{name}/scale json-patch {test metadata/managedFields/{entry}} as Table ?dryRun=All; \
         PATCH apps/deployments/{name}/scale json-patch {test metadata/uid} as Table ?dryRun=All"
    );
    assert_eq!(
        request(
            "GET",
            "/api/v1/pods?watch=1&limit=5&fieldSelector=metadata.name%3Dx",
            "",
            ""
        ),
        "GET pods in all as Table ?fieldSelector=metadata.name&limit&watch=true"
    );
    assert_eq!(
        request("GET", "/apis/apps/v1?timeout=32s", "", ""),
        "GET /apis/{group}/{version} as Table"
    );
}
