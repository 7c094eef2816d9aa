//! Tests of paths against schemas, on a trimmed document of a real API server (1.36.3) and on one
//! as CRDs are published.

use super::*;

/// `apps/v1` as the API server publishes it, with fewer kinds and fields.
const APPS: &str = include_str!("apps-v1.json");

/// As a CRD is published.
const POOLS: &str = r#"{"components": {"schemas": {"com.example.fleet.v1.Pool": {
    "type": "object",
    "x-kubernetes-group-version-kind": [{"group": "fleet.example.com", "version": "v1", "kind": "Pool"}],
    "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"},
        "tuning": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "free": {"x-kubernetes-preserve-unknown-fields": true},
        "steps": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "zones": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "rows": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
            "items": {"type": "object", "allOf": [{"required": ["id"]}], "properties": {"id": {"type": "integer"}, "on": {"type": "boolean"}}}},
        "pod": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}}
    }}}
}}}}"#;

fn deployment(pointer: &str) -> Result<(), String> {
    let schemas = Schemas::parse(APPS.as_bytes()).expect("a document");
    let path = Path::parse_pointer(pointer).expect("a path");
    let checked = schemas.check("apps", "v1", "Deployment", &path);
    checked.expect("the kind is there")
}

fn pool(pointer: &str) -> Result<(), String> {
    let schemas = Schemas::parse(POOLS.as_bytes()).expect("a document");
    let path = Path::parse_pointer(pointer).expect("a path");
    let checked = schemas.check("fleet.example.com", "v1", "Pool", &path);
    checked.expect("the kind is there")
}

/// A path that is right must never be refused: the emergency waits for it.
#[test]
fn paths_that_the_server_has_pass() {
    for pointer in [
        "/spec/replicas",
        "/spec/strategy/rollingUpdate/maxSurge",
        "/spec/template/spec/containers",
        "/spec/template/spec/containers[name=web]",
        "/spec/template/spec/containers[name=web]/image",
        "/spec/template/spec/containers[name=web]/resources/limits/cpu",
        "/spec/template/spec/containers[name=\"80\"]/env[name=MODE]/value",
        "/spec/template/spec/containers[name=web]/ports[containerPort=80,protocol=TCP]/name",
        "/spec/template/spec/nodeSelector/zone",
        "/spec/template/spec/tolerations",
        "/metadata/annotations/example.com~1x",
        "/metadata/finalizers[=\"example.com/x\"]",
        "/metadata/ownerReferences[uid=u]/controller",
    ] {
        assert_eq!(deployment(pointer), Ok(()), "{pointer}");
    }
    for pointer in [
        "/spec/size",
        "/spec/tuning/anything/at/all",
        "/spec/free/anything",
        "/spec/steps",
        "/spec/zones[=north]",
        "/spec/rows[id=1]/on",
        "/spec/pod/metadata/labels/x",
        "/spec/pod/spec/containers",
    ] {
        assert_eq!(pool(pointer), Ok(()), "{pointer}");
    }
}

/// Each would be written to nowhere, to the wrong item, or under a name that `managedFields` does
/// not know, so that its owner could not be found again. The sentence says what to write.
#[test]
fn paths_that_lead_nowhere_are_refused_with_what_to_write() {
    let of_deployments = [
        "/spec/replicsa",
        "/specs/replicas",
        "/spec/replicas/count",
        "/spec/template/spec/containers/0/image",
        "/spec/template/spec/containers[0]/image",
        "/spec/template/spec/containers[image=nginx]/image",
        "/spec/template/spec/containers[=web]/image",
        "/spec/template/spec/containers[name=80]/image",
        "/spec/template/spec/containers[name=web]/ports[containerPort=80]/name",
        "/spec/template/spec/containers[name=web]/ports[containerPort=\"80\",protocol=TCP]/name",
        "/spec/template/spec/containers[name=web]/args[0]",
        "/spec/template/spec/containers[name=web]/imag",
        "/spec/template/spec/tolerations[key=a]/operator",
        "/spec/template/spec/nodeSelector[name=a]",
        "/metadata/finalizers[name=x]",
    ];
    let of_pools = [
        "/spec/sise",
        "/spec/steps[name=a]",
        "/spec/steps[0]/name",
        "/spec/zones[0]",
        "/spec/rows[id=a]/on",
        "/spec/rows[on=true]/on",
        "/spec/tuning/list[name=a]",
        "/spec/free[0]",
    ];
    let say = |checked: Result<(), String>| checked.expect_err("it leads nowhere");
    let said = of_deployments.map(|pointer| say(deployment(pointer)));
    let more = of_pools.map(|pointer| say(pool(pointer)));
    insta::assert_snapshot!([&said[..], &more[..]].concat().join("\n"));
}

/// A kind that the document does not have was not checked, which is another thing than refused.
#[test]
fn a_kind_that_is_not_there_is_not_judged() {
    let schemas = Schemas::parse(APPS.as_bytes()).expect("a document");
    let path = Path::fields(["spec", "x"]);
    assert_eq!(schemas.check("apps", "v1", "DaemonSet", &path), None);
    assert!(Schemas::parse(b"<html>").is_err());
}

/// A schema that refers to itself must not hang the planner.
#[test]
fn references_that_go_in_circles_end() {
    let text = r##"{"components": {"schemas": {"a": {"$ref": "#/components/schemas/a",
        "x-kubernetes-group-version-kind": [{"group": "g", "version": "v1", "kind": "A"}]}}}}"##;
    let schemas = Schemas::parse(text.as_bytes()).expect("a document");
    let path = Path::fields(["spec", "x"]);
    assert_eq!(schemas.check("g", "v1", "A", &path), Some(Ok(())));
}

/// What is adopted is changed field by field, by the very keys by which the server tells items apart:
/// one that is left out has its default, and what has no keys is one value.
#[test]
fn an_object_is_its_fields_as_the_server_tells_them_apart() {
    let schemas = Schemas::parse(APPS.as_bytes()).expect("a document");
    let object = serde_json::json!({ "spec": {
        "replicas": 3, "paused": null,
        "template": { "spec": { "containers": [{
            "name": "web", "image": "web:2", "args": ["a", "b"],
            "ports": [{ "containerPort": 80 }],
        }] } },
    } });
    let texts = |leaves: Vec<(Path, Image)>| -> Vec<String> {
        let text =
            |(path, image): (Path, Image)| format!("{} {}", path.to_pointer(), image.display());
        leaves.into_iter().map(text).collect()
    };
    let leaves = schemas.leaves("apps", "v1", "Deployment", &object);
    for (path, image) in &leaves {
        assert_eq!(
            deployment(&path.to_pointer()),
            Ok(()),
            "{}",
            image.display()
        );
    }
    let web = "/spec/template/spec/containers[name=web]";
    assert_eq!(
        texts(leaves),
        [
            "/spec/replicas 3".to_owned(),
            format!("{web}/args [\"a\",\"b\"]"),
            format!("{web}/image \"web:2\""),
            format!("{web}/ports[containerPort=80,protocol=TCP] {{\"containerPort\":80}}"),
        ]
    );
    let pools = Schemas::parse(POOLS.as_bytes()).expect("a document");
    let object = serde_json::json!({ "spec": {
        "zones": ["a"], "rows": [{ "id": 1, "on": true }, { "id": 2 }], "steps": [{ "name": "x" }], "tuning": {},
    } });
    assert_eq!(
        texts(pools.leaves("fleet.example.com", "v1", "Pool", &object)),
        [
            "/spec/rows[id=1]/on true",
            "/spec/rows[id=2] {\"id\":2}",
            "/spec/steps [{\"name\":\"x\"}]",
            "/spec/tuning {}",
            "/spec/zones[=a] \"a\"",
        ]
    );
    let unknown = pools.leaves("fleet.example.com", "v1", "Other", &object);
    assert!(texts(unknown).contains(&"/spec/zones [\"a\"]".to_owned()));
}
