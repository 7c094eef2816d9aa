//! Policies, some of them as they were run on a real server.

use serde_json::{Value, json};

use super::super::tests::world::{NS, World, recorded};
use super::super::{Objects, User};
use super::{Admission, Kind, Operation, Verdict, admit};
use crate::cel::Expressions;

const NAMESPACE: &str = r"
apiVersion: v1
kind: Namespace
metadata: { name: town, labels: { kubernetes.io/metadata.name: town } }
---
apiVersion: v1
kind: Namespace
metadata: { name: crit, labels: { kubernetes.io/metadata.name: crit } }
";

const FROZEN: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: town-p }
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: town } }
    resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE, DELETE], resources: [configmaps] }]
  validations:
    - { expression: "request.operation == 'DELETE' || !('frozen' in object.data) || request.userInfo.username == 'zhou'", messageExpression: "'only zhou may freeze ' + object.metadata.name", reason: Forbidden }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: town-p }
spec: { policyName: town-p, validationActions: [Deny] }
"#;

/// A write of a ConfigMap, to be changed by the tests.
fn configmap<'a>(user: &'a User, object: &'a Value) -> Admission<'a> {
    Admission {
        user,
        operation: Operation::Create,
        group: "",
        version: "v1",
        kind: Kind {
            group: "",
            version: "v1",
            kind: "ConfigMap",
        },
        resource: "configmaps",
        subresource: "",
        namespace: NS,
        name: "c",
        object: Some(object),
        old: None,
        dry_run: false,
        options: &Value::Null,
    }
}

fn asked(world: &dyn Objects, of: &Admission<'_>) -> Verdict {
    admit(world, &Expressions::default(), of)
}

/// What a verdict denies with: nothing where it does not.
fn denial(world: &dyn Objects, of: &Admission<'_>) -> Option<String> {
    asked(world, of).refusal.map(|refusal| refusal.message)
}

/// A one-rule policy on ConfigMaps, with a binding.
fn policy(spec: Value, binding: Value) -> World {
    let mut spec = spec;
    if spec.get("matchConstraints").is_none() {
        spec["matchConstraints"] = json!({ "resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
            "resources": ["configmaps"],
        }] });
    }
    let mut binding = binding;
    binding["policyName"] = "p".into();
    let mut world = World::fresh().with(NAMESPACE);
    let version = "admissionregistration.k8s.io/v1";
    for (kind, spec) in [
        ("ValidatingAdmissionPolicy", spec),
        ("ValidatingAdmissionPolicyBinding", binding),
    ] {
        let metadata = json!({ "name": "p" });
        world.add(
            json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec }),
        );
    }
    world
}

fn deny() -> Value {
    json!({ "validationActions": ["Deny"] })
}

/// A policy would deny in other words than on a cluster, or not at all.
#[test]
fn a_policy_denies_what_its_rule_forbids() {
    let world = World::fresh().with(NAMESPACE).with(FROZEN);
    let root = User::authenticated("root", &["system:masters"]);
    let zhou = User::authenticated("zhou", &[]);
    let frozen = json!({ "metadata": { "name": "c" }, "data": { "frozen": "yes" } });
    let plain = json!({ "metadata": { "name": "c" }, "data": { "k": "v" } });
    let case = "a policy denies what its rule forbids, in words of its own";
    let refusal = asked(&world, &configmap(&root, &frozen))
        .refusal
        .expect("a denial");
    assert_eq!(refusal.body(), recorded(case, 2));
    assert_eq!(denial(&world, &configmap(&root, &plain)), None);
    assert_eq!(denial(&world, &configmap(&zhou, &frozen)), None);
    let elsewhere = Admission {
        namespace: "crit",
        ..configmap(&root, &frozen)
    };
    assert_eq!(denial(&world, &elsewhere), None);
    let operation = Operation::Update;
    let update = Admission {
        operation,
        old: Some(&plain),
        ..configmap(&root, &frozen)
    };
    let refusal = asked(&world, &update).refusal.expect("a denial");
    assert_eq!(refusal.body(), recorded(case, 4));
    let operation = Operation::Delete;
    let delete = Admission {
        operation,
        object: None,
        old: Some(&frozen),
        ..update
    };
    assert_eq!(denial(&world, &delete), None);
    let review = Admission {
        group: "authorization.k8s.io",
        resource: "selfsubjectaccessreviews",
        ..configmap(&root, &frozen)
    };
    assert_eq!(denial(&world, &review), None);
}

/// A denial would carry another code, and clients would do the wrong thing with it.
#[test]
fn a_reason_has_its_code() {
    let root = User::authenticated("root", &[]);
    let object = json!({ "metadata": { "generateName": "c-" } });
    let asks = |reason: Value| {
        let rule = json!({ "expression": "false", "reason": reason });
        let world = policy(json!({ "validations": [rule] }), deny());
        let unnamed = Admission {
            name: "",
            ..configmap(&root, &object)
        };
        let refusal = asked(&world, &unnamed).refusal.expect("a denial");
        let prefix = r#"configmaps "c-" is forbidden: "#;
        assert!(refusal.message.starts_with(prefix), "{}", refusal.message);
        assert!(refusal.message.ends_with("failed expression: false"));
        (refusal.code, refusal.reason)
    };
    assert_eq!(asks(json!("Forbidden")), (403, "Forbidden"));
    assert_eq!(asks(json!("Unauthorized")), (401, "Unauthorized"));
    assert_eq!(
        asks(json!("RequestEntityTooLarge")),
        (413, "RequestEntityTooLarge")
    );
    assert_eq!(asks(Value::Null), (422, "Invalid"));
}

/// A rule that cannot be evaluated would let everything pass, or hold up those who ignore it.
#[test]
fn a_failure_denies_unless_it_is_ignored() {
    let root = User::authenticated("root", &[]);
    let object = json!({ "metadata": { "name": "c" } });
    let rule = json!([{ "expression": "object.gone == 1", "message": "no" }]);
    let fails = json!({ "validations": rule });
    let expected = "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' \
                    denied request: expression 'object.gone == 1' resulted in error: no such key: \
                    gone";
    let denied = denial(&policy(fails, deny()), &configmap(&root, &object));
    assert_eq!(denied.as_deref(), Some(expected));
    let ignores = json!({ "validations": rule, "failurePolicy": "Ignore" });
    assert_eq!(
        denial(&policy(ignores, deny()), &configmap(&root, &object)),
        None
    );
}

/// A binding that only warns would deny.
#[test]
fn actions_are_those_of_the_binding() {
    let root = User::authenticated("root", &[]);
    let object = json!({ "metadata": { "name": "c" } });
    let spec = json!({
        "validations": [{ "expression": "false", "message": "no \"c\"" }],
        "auditAnnotations": [{ "key": "who", "valueExpression": "request.userInfo.username" }],
    });
    let world = policy(spec, json!({ "validationActions": ["Warn", "Audit"] }));
    let verdict = asked(&world, &configmap(&root, &object));
    assert_eq!(verdict.refusal, None);
    let warning = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': no \"c\"";
    assert_eq!(verdict.warnings, [warning]);
    assert_eq!(verdict.annotations["p/who"], "root");
    let failure = r#"[{"message":"no \"c\"","policy":"p","binding":"p","expressionIndex":0,"validationActions":["Warn","Audit"]}]"#;
    let key = "validation.policy.admission.k8s.io/validation_failure";
    assert_eq!(verdict.annotations[key], failure);
}

/// A policy would guard more, or less, than it says.
#[test]
fn constraints_say_what_a_policy_is_about() {
    let root = User::authenticated("root", &[]);
    let object = json!({ "metadata": { "name": "c", "labels": { "tier": "gold" } } });
    let denies = |constraints: Value, binding: Value| {
        let rule = json!([{ "expression": "false" }]);
        let spec = json!({ "matchConstraints": constraints, "validations": rule });
        denial(&policy(spec, binding), &configmap(&root, &object)).is_some()
    };
    let rule = |plural: &str, scope: &str| {
        json!({
            "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"],
            "resources": [plural], "scope": scope,
        })
    };
    let on = |rule: Value| json!({ "resourceRules": [rule] });
    assert!(denies(on(rule("*/*", "*")), deny()));
    assert!(denies(on(rule("*", "Namespaced")), deny()));
    assert!(!denies(on(rule("*", "Cluster")), deny()));
    assert!(!denies(on(rule("configmaps/status", "*")), deny()));
    let mut named = rule("configmaps", "*");
    named["resourceNames"] = json!(["d"]);
    assert!(!denies(on(named), deny()));
    let mut excluded = on(rule("*", "*"));
    excluded["excludeResourceRules"] = json!([rule("configmaps", "*")]);
    assert!(!denies(excluded, deny()));
    let select = |operator: &str, values: Value| {
        let one = json!({ "key": "tier", "operator": operator, "values": values });
        let mut constraints = on(rule("*", "*"));
        constraints["objectSelector"] = json!({ "matchExpressions": [one] });
        constraints
    };
    assert!(denies(select("In", json!(["gold", "iron"])), deny()));
    assert!(!denies(select("NotIn", json!(["gold"])), deny()));
    assert!(denies(select("Exists", json!([])), deny()));
    assert!(!denies(select("DoesNotExist", json!([])), deny()));
    let mut narrow = deny();
    narrow["matchResources"] = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "crit" } } });
    assert!(!denies(on(rule("*", "*")), narrow));
}

/// The group lists of a playbook would not reach the policy, or a missing one would open the door.
#[test]
fn parameters_are_found_or_missed() {
    let root = User::authenticated("root", &[]);
    let object = json!({ "metadata": { "name": "c" } });
    let denies = |kind: &str, reference: Value| {
        let spec = json!({
            "paramKind": { "apiVersion": "v1", "kind": kind },
            "validations": [{
                "expression": "params == null || params.data.who == 'zhou'",
                "messageExpression": "'not ' + params.data.who",
            }],
        });
        let mut binding = deny();
        binding["paramRef"] = reference;
        let mut world = policy(spec, binding);
        for who in ["lin", "zhou"] {
            let metadata = json!({ "name": who, "namespace": "crit", "labels": { "who": who } });
            world.add(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                "data": { "who": who },
            }));
        }
        denial(&world, &configmap(&root, &object)).unwrap_or_default()
    };
    let name = |who: &str, action: &str| json!({ "name": who, "namespace": "crit", "parameterNotFoundAction": action });
    assert_eq!(denies("ConfigMap", name("zhou", "Deny")), "");
    assert!(denies("ConfigMap", name("lin", "Deny")).ends_with("denied request: not lin"));
    assert_eq!(denies("ConfigMap", name("gone", "Allow")), "");
    let missed = denies("ConfigMap", name("gone", "Deny"));
    let expected = "failed to configure binding: no params found for policy binding with `Deny` \
                    parameterNotFoundAction";
    assert!(missed.ends_with(expected), "{missed}");
    let all = json!({ "selector": {}, "namespace": "crit", "parameterNotFoundAction": "Deny" });
    assert!(denies("ConfigMap", all).ends_with("not lin"));
    let some = json!({
        "selector": { "matchLabels": { "who": "zhou" } }, "namespace": "crit",
        "parameterNotFoundAction": "Deny",
    });
    assert_eq!(denies("ConfigMap", some), "");
    assert_eq!(denies("ConfigMap", Value::Null), "");
    let unknown = denies("Thing", Value::Null);
    let expected = "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: \
                    failed to find resource referenced by paramKind: '/v1, Kind=Thing'";
    assert!(unknown.ends_with(expected), "{unknown}");
}

mod recipes;
