//! What is redacted, what is kept, and that owners own the same.

use serde_json::{Value, json};

use super::*;

/// What must not be in any of the results.
const MARKER: &str = "hunter2";

fn redacted(mut object: Value, kept: &[&str]) -> (Value, Counts) {
    let paths: Vec<Path> = kept
        .iter()
        .map(|path| Path::parse_pointer(path).expect("a path"))
        .collect();
    let counts = redact(&mut object, &paths.iter().collect::<Vec<_>>());
    (object, counts)
}

fn object(api_version: &str, kind: &str, rest: &Value) -> Value {
    let mut object =
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" } });
    for (name, value) in rest.as_object().cloned().unwrap_or_default() {
        object[name] = value;
    }
    object
}

fn template(container: &Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": [container] } } } })
}

/// A case: what it shows, an object, what it has to be, and how much is counted.
type Row = (&'static str, Value, Value, Vec<(Group, u64)>);

fn check(rows: impl IntoIterator<Item = Row>) {
    for (what, before, expected, counts) in rows {
        let (after, counted) = redacted(before, &[]);
        assert_eq!(after, expected, "{what}");
        assert_eq!(counted, counts.into_iter().collect(), "{what}");
        assert!(!after.to_string().contains(MARKER), "{what}: {after}");
    }
}

/// A password in an environment or an argument is one in somebody's mail.
#[test]
fn what_a_pod_template_says_literally_is_replaced_in_place() {
    check([
        (
            "env: the value, not the name nor where another value comes from",
            object(
                "apps/v1",
                "Deployment",
                &template(&json!({ "name": "c", "env": [
                { "name": "PASSWORD", "value": "hunter2" }, { "name": "EMPTY", "value": "" },
                { "name": "FROM", "valueFrom": { "secretKeyRef": { "name": "db", "key": "p" } } }] })),
            ),
            object(
                "apps/v1",
                "Deployment",
                &template(&json!({ "name": "c", "env": [
                { "name": "PASSWORD", "value": "redacted" }, { "name": "EMPTY", "value": "" },
                { "name": "FROM", "valueFrom": { "secretKeyRef": { "name": "db", "key": "p" } } }] })),
            ),
            vec![(Group::Environment, 1)],
        ),
        (
            "commands, arguments, and those of probes, as many as there were",
            object(
                "batch/v1",
                "Job",
                &template(&json!({ "name": "c", "command": ["sh"],
                "args": ["-p", "hunter2"],
                "livenessProbe": { "exec": { "command": ["test", "hunter2"] },
                    "httpGet": { "httpHeaders": [{ "name": "A", "value": "hunter2" }] } } })),
            ),
            object(
                "batch/v1",
                "Job",
                &template(&json!({ "name": "c", "command": ["redacted-0"],
                "args": ["redacted-0", "redacted-1"],
                "livenessProbe": { "exec": { "command": ["redacted-0", "redacted-1"] },
                    "httpGet": { "httpHeaders": [{ "name": "A", "value": "redacted" }] } } })),
            ),
            vec![(Group::Environment, 1), (Group::Arguments, 5)],
        ),
    ]);
}

/// What was applied is the whole object once more, with everything that was redacted in it.
#[test]
fn values_of_config_maps_and_annotations_that_are_documents_are_replaced() {
    check([
        (
            "values of a ConfigMap, valid in their form",
            object(
                "v1",
                "ConfigMap",
                &json!({ "data": { "a": "hunter2" },
                "binaryData": { "b": "aHVudGVyMg==" }, "immutable": true }),
            ),
            object(
                "v1",
                "ConfigMap",
                &json!({ "data": { "a": "redacted" },
                "binaryData": { "b": "cmVkYWN0ZWQ=" }, "immutable": true }),
            ),
            vec![(Group::Config, 2)],
        ),
        (
            "annotations that are documents, and no others",
            object(
                "v1",
                "Service",
                &json!({ "metadata": { "name": "x", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"a\":\"hunter2\"}",
                "objectset.rio.cattle.io/applied": "H4sIhunter2",
                "kapp.k14s.io/original": "{\"hunter2\":1}",
                "example.com/snippet": "set $a hunter2;\nset $b 2;",
                "example.com/api-token": "hunter2",
                "example.com/list": "[\"hunter2\"]",
                "example.com/tier": "critical" } } }),
            ),
            object(
                "v1",
                "Service",
                &json!({ "metadata": { "name": "x", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "objectset.rio.cattle.io/applied": "redacted",
                "kapp.k14s.io/original": "{}",
                "example.com/snippet": "redacted",
                "example.com/api-token": "redacted",
                "example.com/list": "[]",
                "example.com/tier": "critical" } } }),
            ),
            vec![(Group::Annotations, 6)],
        ),
    ]);
}

/// GitOps keeps what it was told, and tells it again in its status.
#[test]
fn values_of_charts_and_patches_are_replaced_in_all_their_copies() {
    check([
        (
            "values of charts, of triggers, and patches",
            object(
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                &json!({ "spec": {
                "values": { "auth": { "password": "hunter2", "pin": 1234, "on": true } },
                "postRenderers": [{ "kustomize": { "patches": [{ "patch": "- hunter2", "target": { "kind": "X" } }] } }] } }),
            ),
            object(
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                &json!({ "spec": {
                "values": { "auth": { "password": "redacted", "pin": 0, "on": true } },
                "postRenderers": [{ "kustomize": { "patches": [{ "patch": "redacted", "target": { "kind": "X" } }] } }] } }),
            ),
            vec![(Group::Values, 3)],
        ),
        (
            "an Application's, and the copies in its status",
            object(
                "argoproj.io/v1alpha1",
                "Application",
                &json!({
                "spec": { "source": { "helm": { "values": "p: hunter2", "parameters": [{ "name": "p", "value": "hunter2" }] } } },
                "status": { "history": [{ "source": { "helm": { "valuesObject": { "p": "hunter2" } } } }] } }),
            ),
            object(
                "argoproj.io/v1alpha1",
                "Application",
                &json!({
                "spec": { "source": { "helm": { "values": "redacted", "parameters": [{ "name": "p", "value": "redacted" }] } } },
                "status": { "history": [{ "source": { "helm": { "valuesObject": { "p": "redacted" } } } }] } }),
            ),
            vec![(Group::Values, 3)],
        ),
    ]);
}

/// Other people's kinds have passwords, too, and nobody knows all of them.
#[test]
fn settings_and_fields_that_are_called_so_are_replaced() {
    check([(
        "a trigger's settings; fields that are called so; passwords in addresses",
        object(
            "keda.sh/v1alpha1",
            "ScaledObject",
            &json!({ "spec": {
                "triggers": [{ "type": "rabbitmq", "metadata": { "host": "amqp://u:hunter2@q", "queueLength": "5" } }],
                "adminPassword": "hunter2", "tokenName": "kept", "url": "https://u:hunter2@h:80/p",
                "dsn": "jdbc:mysql://db:3306/app?user=x&password=hunter2&ssl=1" } }),
        ),
        object(
            "keda.sh/v1alpha1",
            "ScaledObject",
            &json!({ "spec": {
                "triggers": [{ "type": "rabbitmq", "metadata": { "host": "redacted", "queueLength": "redacted" } }],
                "adminPassword": "redacted", "tokenName": "kept", "url": "https://u:redacted@h:80/p",
                "dsn": "jdbc:mysql://db:3306/app?user=x&password=redacted&ssl=1" } }),
        ),
        vec![(Group::Values, 2), (Group::Named, 3)],
    )]);
}

/// A definition says of fields what looks like them, and has to go on saying it.
#[test]
fn what_is_large_or_names_secrets_is_taken_out() {
    check([
        (
            "a node's images, an account's Secrets",
            object(
                "v1",
                "Node",
                &json!({ "status": { "images": [{ "names": ["hunter2"] }], "capacity": { "cpu": "4" } } }),
            ),
            object(
                "v1",
                "Node",
                &json!({ "status": { "capacity": { "cpu": "4" } } }),
            ),
            vec![(Group::Images, 1)],
        ),
        (
            "a definition's descriptions and certificates, not what it says of fields",
            object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                &json!({ "spec": {
                "conversion": { "webhook": { "clientConfig": { "caBundle": "aHVudGVyMg==" } } },
                "versions": [{ "schema": { "openAPIV3Schema": { "description": "hunter2", "properties": {
                    "description": { "type": "string", "description": "hunter2" },
                    "env": { "type": "array" }, "args": { "default": { "description": "d" } } } } } }] } }),
            ),
            object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                &json!({ "spec": {
                "conversion": { "webhook": { "clientConfig": {} } },
                "versions": [{ "schema": { "openAPIV3Schema": { "properties": {
                    "description": { "type": "string" },
                    "env": { "type": "array" }, "args": { "default": { "description": "d" } } } } } }] } }),
            ),
            vec![(Group::Bundles, 1), (Group::Descriptions, 2)],
        ),
    ]);
}

/// What a step changes has to be there as it is, or the return of a rehearsal brings back a placeholder,
/// and its plan says that something changes that does not.
#[test]
fn what_a_step_names_is_kept_and_nothing_beside_it() {
    let container = json!({ "name": "web", "args": ["--secret"],
        "env": [{ "name": "MODE", "value": "full" }, { "name": "KEY", "value": "hunter2" }] });
    let env = "/spec/template/spec/containers[name=web]/env[name=MODE]/value";
    let args = "/spec/template/spec/containers[name=web]/args";
    let deployment = || object("apps/v1", "Deployment", &template(&container));
    let at = |object: &Value, place: &str| {
        let place = format!("/spec/template/spec/containers/0/{place}");
        object.pointer(&place).cloned()
    };
    let (one, counts) = redacted(deployment(), &[env]);
    assert_eq!(at(&one, "env/0/value"), Some(json!("full")));
    assert_eq!(at(&one, "env/1/value"), Some(json!("redacted")));
    assert_eq!(at(&one, "args/0"), Some(json!("redacted-0")));
    assert_eq!(
        counts,
        Counts::from([(Group::Environment, 1), (Group::Arguments, 1)])
    );
    let (whole, counts) = redacted(deployment(), &[env, args]);
    assert_eq!(at(&whole, "args/0"), Some(json!("--secret")));
    assert_eq!(counts, Counts::from([(Group::Environment, 1)]));
    let map = object(
        "v1",
        "ConfigMap",
        &json!({ "data": { "mode": "full", "key": "hunter2" } }),
    );
    let (map, _) = redacted(map, &["/data/mode"]);
    assert_eq!(map["data"], json!({ "mode": "full", "key": "redacted" }));
    // Playbooks and policies are played and judged as they are written.
    for api_version in ["pingzhan.dev/v1alpha1", "admissionregistration.k8s.io/v1"] {
        let written = object(api_version, "X", &template(&container));
        let (kept, counts) = redacted(written.clone(), &[]);
        assert_eq!((kept, counts), (written, Counts::new()));
    }
}

/// An owner of something that is not there would hold a field that nobody has, and the value in its key
/// is the value that was taken out.
#[test]
fn owners_own_the_same_items_and_say_nothing_of_their_values() {
    let own = |fields: Value| json!([{ "manager": "m", "fieldsV1": fields }]);
    let mut pool = object(
        "example.com/v1",
        "Pool",
        &json!({ "spec": {
        "args": ["hunter2", "b"],
        "hosts": ["https://u:hunter2@a", "plain"],
        "users": [{ "name": "a", "password": "hunter2", "env": [{ "name": "A", "value": "hunter2" }] }] } }),
    );
    pool["metadata"]["managedFields"] = own(json!({ "f:spec": {
        "f:args": { ".": {}, "v:\"hunter2\"": {}, "v:\"b\"": {} },
        "f:hosts": { "v:\"https://u:hunter2@a\"": {}, "v:\"plain\"": {} },
        "f:users": { "k:{\"name\":\"a\",\"password\":\"hunter2\"}": { ".": {}, "f:env": {
            "k:{\"name\":\"A\",\"value\":\"hunter2\"}": { "f:value": {} } } } } } }));
    let (after, _) = redacted(pool, &[]);
    assert!(!after.to_string().contains(MARKER), "{after}");
    let owned = json!({ "f:spec": {
        "f:args": { ".": {}, "v:\"redacted-0\"": {}, "v:\"redacted-1\"": {} },
        "f:hosts": { "v:\"https://u:redacted@a\"": {}, "v:\"plain\"": {} },
        "f:users": { "k:{\"name\":\"a\",\"password\":\"redacted\"}": { ".": {}, "f:env": {
            "k:{\"name\":\"A\",\"value\":\"redacted\"}": { "f:value": {} } } } } } });
    assert_eq!(after["metadata"]["managedFields"], own(owned));

    let mut account = object(
        "v1",
        "ServiceAccount",
        &json!({
        "secrets": [{ "name": "t" }], "imagePullSecrets": [{ "name": "registry" }] }),
    );
    account["metadata"]["managedFields"] = own(json!({
        "f:secrets": { "k:{\"name\":\"t\"}": {} },
        "f:imagePullSecrets": { "k:{\"name\":\"registry\"}": {} } }));
    let (after, counts) = redacted(account, &[]);
    assert_eq!(after.get("secrets"), None);
    let left = json!({ "f:imagePullSecrets": { "k:{\"name\":\"registry\"}": {} } });
    assert_eq!(after["metadata"]["managedFields"], own(left));
    assert_eq!(counts, Counts::from([(Group::Accounts, 1)]));
}

/// What looks like a password and is none would make rehearsals of what does not exist.
#[test]
fn addresses_and_names_without_a_password_stay() {
    let kept = [
        "http://h:80/a@b",
        "ssh://git@host/x",
        "https://h/p?q=1",
        "no address",
        "tokens == 3",
        "registry.example.com:5000/a@sha256:1",
    ];
    for text in kept {
        assert_eq!(rules::without_passwords(text), None, "{text}");
    }
    let replaced = [
        (
            "postgres://app:p/w@db:5432/x",
            "postgres://app:redacted@db:5432/x",
        ),
        ("https://ghp_0123456789abcdef@h/x", "https://redacted@h/x"),
        (
            "a https://u:p@h b https://v:q@i",
            "a https://u:redacted@h b https://v:redacted@i",
        ),
        (
            "Server=db;Password=p w;x",
            "Server=db;Password=redacted w;x",
        ),
    ];
    for (text, expected) in replaced {
        assert_eq!(
            rules::without_passwords(text).as_deref(),
            Some(expected),
            "{text}"
        );
    }
    for name in [
        "secretName",
        "tokenRef",
        "passwordFile",
        "serviceAccountName",
        "tokens",
    ] {
        assert!(!rules::tells_a_secret(name), "{name}");
    }
    for name in [
        "adminPassword",
        "API_KEY",
        "bearer-token",
        "clientSecret",
        "secretKey",
    ] {
        assert!(rules::tells_a_secret(name), "{name}");
    }
}
