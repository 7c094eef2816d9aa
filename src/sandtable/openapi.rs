//! What kinds look like, as the server publishes it (`/openapi/v3`): `kubectl explain` prints it, and
//! `kubectl apply` reads from it how lists are merged and that fields are held against it.
//!
//! Built-in kinds are published as the real server publishes them, descriptions included; custom ones
//! from their CRDs. Of the older `/openapi/v2` there is an empty document in the one form in which
//! kubectl asks for it: it looks there for a kind that the newer ones lack, and has to see that there
//! is none.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::ask::Reply;
use super::kinds::{CRDS, Kind, Kinds};
use super::schema;
use super::store::{Key, Store};

/// How references to components begin.
const REFERENCE: &str = "#/components/schemas/";
/// The component of what every object has.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// What is said of the first two members of every custom object.
const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
/// Media types of patches: custom kinds have no strategic merge.
const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// The media type of the older document, as it is asked for and as it is answered.
const OLDER: (&str, &str) = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
);
/// The older document in protobuf: its version, its title and the server's version; no path, no kind.
const EMPTY: &str = "\n\u{3}2.0\u{12}\u{1d}\n\nKubernetes\u{12}\u{f}v1.36.3-sandtab";

/// Answers what is asked below `/openapi`; nothing where there is no such document.
pub fn answer(kinds: &Kinds, store: &Store, path: &str, accept: &str) -> Option<Reply> {
    if path == "/openapi/v2" && accept.contains(OLDER.0) {
        return Some(Reply {
            media: OLDER.1,
            ..Reply::text(200, EMPTY)
        });
    }
    let path = path.strip_prefix("/openapi/v3")?;
    let place = path.trim_matches('/');
    if place.is_empty() {
        return Some(Reply::json(200, index(kinds, store)));
    }
    let (group, version) = match place.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => (String::new(), (*version).to_owned()),
        ["apis", group, version] => ((*group).to_owned(), (*version).to_owned()),
        _ => return None,
    };
    let served: Vec<&Kind> = kinds.of(&group, &version).map(|kind| &**kind).collect();
    (!served.is_empty()).then(|| Reply::json(200, document(&served, store)))
}

/// Where the document of each version is. Its hash changes when the document does.
fn index(kinds: &Kinds, store: &Store) -> Value {
    let mut paths = Map::new();
    for kind in kinds.all() {
        let place = root(kind);
        let place = place.trim_start_matches('/');
        if paths.contains_key(place) {
            continue;
        }
        let hash = hash(
            kinds.of(&kind.group, &kind.version).map(|kind| &**kind),
            store,
        );
        let url = format!("/openapi/v3/{place}?hash={hash}");
        paths.insert(place.to_owned(), json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// Built-in kinds never change; custom ones as often as their CRD does.
fn hash<'a>(kinds: impl Iterator<Item = &'a Kind>, store: &Store) -> String {
    let mut hash = Sha256::new();
    for kind in kinds {
        let crd = crd(kind, store);
        let version = crd.map(|crd| crd["metadata"]["resourceVersion"].to_string());
        hash.update(format!("{} {version:?}\n", kind.plural));
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

fn crd<'a>(kind: &Kind, store: &'a Store) -> Option<&'a Value> {
    let key = Key {
        group: CRDS.0.to_owned(),
        plural: CRDS.1.to_owned(),
        namespace: String::new(),
        name: format!("{}.{}", kind.plural, kind.group),
    };
    store.get(&key).filter(|_| kind.is_custom).map(|crd| &**crd)
}

fn root(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    format!("/{root}/{}", kind.api_version())
}

fn document(kinds: &[&Kind], store: &Store) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut wanted = Vec::new();
    for kind in kinds {
        add_paths(kind, &mut paths);
        match crd(kind, store) {
            Some(crd) => {
                schemas.insert(component(kind), custom(kind, crd));
                wanted.push(METADATA.to_owned());
            }
            None => wanted.extend(built_in(kind)),
        }
        if kind.scale.is_some() {
            wanted.push("io.k8s.api.autoscaling.v1.Scale".to_owned());
        }
    }
    while let Some(name) = wanted.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        if let Some(schema) = published().get(&name) {
            references(schema, &mut wanted);
            schemas.insert(name, schema.clone());
        }
    }
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.36.3+sandtable" },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// The component of a built-in kind.
fn built_in(kind: &Kind) -> Option<String> {
    let is_it = |(_, schema): &(&String, &Value)| {
        let names = schema["x-kubernetes-group-version-kind"].as_array();
        names.into_iter().flatten().any(|name| *name == named(kind))
    };
    published().iter().find(is_it).map(|(name, _)| name.clone())
}

fn named(kind: &Kind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

/// The name of the component of a custom kind: its group backwards.
fn component(kind: &Kind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

/// A custom kind, with what every object has.
fn custom(kind: &Kind, crd: &Value) -> Value {
    let versions = crd["spec"]["versions"].as_array();
    let own = versions
        .into_iter()
        .flatten()
        .find(|version| version["name"] == *kind.version);
    let schema = own.map(|version| &version["schema"]["openAPIV3Schema"]);
    let mut schema = schema.cloned().unwrap_or_else(|| json!({}));
    let reference = format!("{REFERENCE}{METADATA}");
    schema["properties"]["apiVersion"] = json!({ "type": "string", "description": API_VERSION });
    schema["properties"]["kind"] = json!({ "type": "string", "description": KIND });
    schema["properties"]["metadata"] = json!({ "allOf": [{ "$ref": reference }],
        "description": "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata" });
    schema["type"] = "object".into();
    schema["x-kubernetes-group-version-kind"] = json!([named(kind)]);
    schema
}

/// What can be asked of a kind, as far as clients look: which kind an address is about, and which
/// parameters a write takes.
fn add_paths(kind: &Kind, paths: &mut Map<String, Value>) {
    let root = root(kind);
    let all = format!("{root}/{}", kind.plural);
    let within = if kind.namespaced {
        format!("{root}/namespaces/{{namespace}}/{}", kind.plural)
    } else {
        all.clone()
    };
    let operation = |action: &str, parameters: &[&str]| {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|name| {
                json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } })
            })
            .collect();
        json!({ "x-kubernetes-action": action, "x-kubernetes-group-version-kind": named(kind),
            "parameters": parameters, "responses": { "200": { "description": "OK" } } })
    };
    let list = [
        "continue",
        "fieldSelector",
        "labelSelector",
        "limit",
        "resourceVersion",
        "watch",
    ];
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let mut patch = operation("patch", &[&write[..], &["force"]].concat());
    let patches = PATCHES.into_iter();
    for media in patches.filter(|media| !kind.is_custom || !media.contains("strategic")) {
        patch["requestBody"]["content"][media] = json!({ "schema": { "type": "object" } });
    }
    let one = json!({
        "get": operation("get", &[]), "put": operation("put", &write), "patch": patch,
        "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"]),
    });
    let many = json!({ "get": operation("list", &list), "post": operation("post", &write) });
    if kind.namespaced {
        paths.insert(all, json!({ "get": operation("list", &list) }));
    }
    paths.insert(format!("{within}/{{name}}"), one);
    paths.insert(within, many);
}

/// The components of built-in kinds, as the real server publishes them.
fn published() -> &'static Map<String, Value> {
    static READ: OnceLock<Map<String, Value>> = OnceLock::new();
    READ.get_or_init(|| {
        let mut components = schema::published();
        // A file of ours. A test reads it; one that cannot be read says nothing.
        let said: Map<String, Value> =
            serde_json::from_str(include_str!("data/descriptions.json")).unwrap_or_default();
        for (name, schema) in &mut components {
            let said = &said.get(name).cloned().unwrap_or_default();
            if let Some(own) = said.get("") {
                schema["description"] = own.clone();
            }
            let members = schema.get_mut("properties").and_then(Value::as_object_mut);
            for (member, schema) in members.into_iter().flatten() {
                if let Some(text) = said.get(member) {
                    schema["description"] = text.clone();
                }
                set_aside(schema);
            }
        }
        components
    })
}

/// A reference with words beside it is published as the only one of `allOf`.
fn set_aside(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    if members.len() > 1
        && let Some(reference) = members.remove("$ref")
    {
        members.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
    for inside in ["items", "additionalProperties"] {
        if let Some(schema) = members.get_mut(inside) {
            set_aside(schema);
        }
    }
}

/// Adds the names of the schemas that a schema refers to, each as often as it does.
pub fn references(schema: &Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (word, said) in members {
                let name = said.as_str().and_then(|text| text.strip_prefix(REFERENCE));
                match name.filter(|_| word == "$ref") {
                    Some(name) => wanted.push(name.to_owned()),
                    None => references(said, wanted),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::builtin;
    use super::*;

    fn body(path: &str) -> Option<Value> {
        let kinds = Kinds::builtin(builtin());
        let reply = answer(&kinds, &Store::default(), path, "")?;
        match reply.body {
            super::super::ask::Body::Json(value) => Some(Value::clone(&value)),
            super::super::ask::Body::List(_) | super::super::ask::Body::Text(_) => None,
        }
    }

    /// kubectl merges lists by what is published: a key that is missing here replaces a whole list.
    #[test]
    fn the_document_of_a_version_holds_everything_that_its_kinds_are_made_of() {
        let index = body("/openapi/v3").expect("an index");
        let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str();
        let url = url.expect("it is served").split('?').next();
        let document = body(url.expect("a path")).expect("a document");
        let schemas = document["components"]["schemas"].as_object();
        let schemas = schemas.expect("components");
        let mut wanted = Vec::new();
        references(&document, &mut wanted);
        for name in wanted {
            assert!(schemas.contains_key(&name), "{name}");
        }
        let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        let text = containers["description"].as_str().expect("it is described");
        assert!(text.starts_with("List of containers"), "{text}");
        let spec = &schemas["io.k8s.api.apps.v1.Deployment"]["properties"]["spec"];
        let reference = format!("{REFERENCE}io.k8s.api.apps.v1.DeploymentSpec");
        assert_eq!(spec["allOf"], json!([{ "$ref": reference }]));
        assert!(!document.to_string().contains("x-omits-zero"));
    }

    /// A custom kind is explained, and held against its schema, as a built-in one is.
    #[test]
    fn a_custom_kind_is_published_from_its_crd() {
        let crd = json!({ "metadata": { "resourceVersion": "7" }, "spec": { "group": "city.example.org",
            "names": { "kind": "Pump", "plural": "pumps" }, "scope": "Cluster",
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema":
                { "type": "object", "properties": { "spec": { "type": "object",
                    "description": "What it should do." } } } } }] } });
        let mut kinds = Kinds::default();
        kinds.serve(&crd, builtin());
        let mut store = Store::default();
        let key = Key {
            group: CRDS.0.to_owned(),
            plural: CRDS.1.to_owned(),
            name: "pumps.city.example.org".to_owned(),
            ..Key::default()
        };
        store.put(key, crd);
        let reply = answer(&kinds, &store, "/openapi/v3/apis/city.example.org/v1", "");
        let Some(super::super::ask::Body::Json(document)) = reply.map(|reply| reply.body) else {
            panic!("it is served");
        };
        let schema = &document["components"]["schemas"]["org.example.city.v1.Pump"];
        assert_eq!(
            schema["properties"]["spec"]["description"],
            "What it should do."
        );
        assert_eq!(
            schema["x-kubernetes-group-version-kind"],
            json!([{ "group": "city.example.org", "version": "v1", "kind": "Pump" }])
        );
        let patch = &document["paths"]["/apis/city.example.org/v1/pumps/{name}"]["patch"];
        assert_eq!(
            patch["requestBody"]["content"].as_object().map(Map::len),
            Some(3)
        );
        assert!(answer(&kinds, &store, "/openapi/v3/apis/city.example.org/v2", "").is_none());
    }

    /// kubectl reads the older document as protobuf: a length that is wrong is no document.
    #[test]
    fn the_older_document_is_empty_and_well_formed() {
        let bytes = EMPTY.as_bytes();
        let (version, info) = bytes.split_at(5);
        assert_eq!(version, [&[1 << 3 | 2, 3][..], b"2.0"].concat());
        assert_eq!(usize::from(info[1]), info.len() - 2);
        let (title, version) = info[2..].split_at(12);
        assert_eq!((title[1], version[1]), (10, 15));
        assert_eq!(version.len(), 17);
        let kinds = Kinds::default();
        let asked = |accept| answer(&kinds, &Store::default(), "/openapi/v2", accept);
        assert!(asked("application/json").is_none());
        assert_eq!(asked(OLDER.0).map(|reply| reply.media), Some(OLDER.1));
    }
}
