//! Held against what the real server answered, and our own kinds against what people write.

use serde_json::json;

use super::super::{Schema, builtin, default, of_crd, prune};
use super::*;

fn widget() -> Schema {
    of_crd(
        &json!({ "type": "object", "properties": {
            "spec": {
                "type": "object", "required": ["replicas"],
                "x-kubernetes-validations": [
                    { "rule": "!has(self.colour) || self.colour != 'red' || self.replicas < 5", "message": "red ones are few" },
                ],
                "properties": {
                    "replicas": { "type": "integer", "minimum": 0 },
                    "colour": { "type": "string", "maxLength": 8, "default": "blue" },
                    "once": { "type": "string", "x-kubernetes-validations": [
                        { "rule": "self == oldSelf", "message": "it does not change" }] },
                    "limit": { "x-kubernetes-int-or-string": true },
                    "maybe": { "type": "string", "nullable": true },
                    "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                    "tags": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
                    "parts": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                        "items": { "type": "object", "required": ["name"], "properties": {
                            "name": { "type": "string" }, "size": { "type": "integer", "default": 1 } } } },
                },
            },
            "status": { "type": "object", "properties": { "replicas": { "type": "integer", "minimum": 0 } } },
        } }),
        builtin(),
    )
}

fn said(causes: &[Cause]) -> Vec<(&str, &str, &str)> {
    let mut said: Vec<_> = causes
        .iter()
        .map(|cause| (cause.field.as_str(), cause.message.as_str(), cause.reason))
        .collect();
    said.sort_unstable();
    said
}

/// What stands there when rules were not looked at.
const NOT_CHECKED: (&str, &str, &str) = (
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    "FieldValueInvalid",
);

/// What the server answered: `what a schema forbids is invalid, each with its field`.
#[test]
fn what_a_schema_forbids_is_invalid_each_with_its_field() {
    let object = json!({ "spec": { "replicas": -1, "colour": "transparent", "parts": [{ "size": 1 }], "tags": [1] } });
    let mut causes = validate(widget().root(), &object, None).causes;
    let scale =
        json!({ "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" });
    causes.extend(scale_causes(&object, &scale, false));
    assert_eq!(
        said(&causes),
        [
            (
                ".spec.replicas",
                "Invalid value: -1: should be a non-negative integer",
                "FieldValueInvalid"
            ),
            NOT_CHECKED,
            (
                "spec.colour",
                "Too long: may not be more than 8 bytes",
                "FieldValueTooLong"
            ),
            ("spec.parts[0].name", "Required value", "FieldValueRequired"),
            (
                "spec.replicas",
                "Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
                "FieldValueInvalid"
            ),
            (
                "spec.tags[0]",
                "Invalid value: \"integer\": spec.tags[0] in body must be of type string: \"integer\"",
                "FieldValueTypeInvalid"
            ),
        ]
    );
    let causes = validate(widget().root(), &json!({ "spec": {} }), None).causes;
    assert_eq!(
        said(&causes),
        [
            NOT_CHECKED,
            ("spec.replicas", "Required value", "FieldValueRequired")
        ]
    );
}

/// What the server answered: `twice the same key, and twice the same item, are invalid`.
#[test]
fn twice_the_same_is_invalid() {
    let object = json!({ "spec": { "replicas": 1, "parts": [{ "name": "a" }, { "name": "a" }], "tags": ["x", "x"] } });
    assert_eq!(
        said(&validate(widget().root(), &object, None).causes),
        [
            (
                "spec.parts[1]",
                "Duplicate value: {\"name\":\"a\"}",
                "FieldValueDuplicate"
            ),
            (
                "spec.tags[1]",
                "Duplicate value: \"x\"",
                "FieldValueDuplicate"
            ),
        ]
    );
}

/// What the server answered: `rules of a schema hold, transitions too`.
#[test]
fn rules_hold_transitions_too() {
    let red = json!({ "spec": { "replicas": 9, "colour": "red" } });
    assert_eq!(
        said(&validate(widget().root(), &red, None).causes),
        [(
            "spec",
            "Invalid value: red ones are few",
            "FieldValueInvalid"
        )]
    );
    let once = |value: &str| json!({ "spec": { "replicas": 2, "colour": "red", "once": value } });
    assert_eq!(validate(widget().root(), &once("a"), None).causes, []);
    assert_eq!(
        said(&validate(widget().root(), &once("b"), Some(&once("a"))).causes),
        [(
            "spec.once",
            "Invalid value: \"b\": it does not change",
            "FieldValueInvalid"
        )]
    );
    let gone = json!({ "spec": { "replicas": 2, "colour": "red" } });
    assert_eq!(
        validate(widget().root(), &gone, Some(&once("a"))).causes,
        []
    );
}

/// A kind that became stricter must not stop every update of what is there.
#[test]
fn what_is_wrong_and_unchanged_is_let_through() {
    let old = json!({ "spec": { "replicas": 1, "colour": "transparent", "tags": ["x", "x"], "parts": [{ "name": "a", "size": "big" }] } });
    let mut new = old.clone();
    new["spec"]["replicas"] = 2.into();
    assert_eq!(validate(widget().root(), &new, Some(&old)).causes, []);
    new["spec"]["parts"] = json!([{ "name": "b" }, { "name": "a", "size": "big" }]);
    assert_eq!(validate(widget().root(), &new, Some(&old)).causes, []);
    new["spec"]["colour"] = "translucent".into();
    assert_eq!(
        said(&validate(widget().root(), &new, Some(&old)).causes),
        [
            NOT_CHECKED,
            (
                "spec.colour",
                "Too long: may not be more than 8 bytes",
                "FieldValueTooLong"
            )
        ]
    );
    let red = json!({ "spec": { "replicas": 9, "colour": "red" } });
    let mut labelled = red.clone();
    labelled["metadata"] = json!({ "labels": { "a": "b" } });
    assert_eq!(validate(widget().root(), &labelled, Some(&red)).causes, []);
}

/// The operator writes its status often; a wrong spec of somebody else must not stop it.
#[test]
fn a_status_is_looked_at_alone() {
    let old = json!({ "spec": { "replicas": -1 } });
    let with =
        |replicas: i64| json!({ "spec": { "replicas": -1 }, "status": { "replicas": replicas } });
    assert_eq!(validate_status(widget().root(), &with(1), &old).causes, []);
    assert_eq!(
        said(&validate_status(widget().root(), &with(-1), &old).causes),
        [(
            "status.replicas",
            "Invalid value: -1: replicas in body should be greater than or equal to 0",
            "FieldValueInvalid"
        )]
    );
}

/// What the server answered to rules that meet what they do not expect.
#[test]
fn a_rule_that_fails_says_how() {
    let schema = of_crd(
        &json!({ "type": "object", "properties": { "rule": { "type": "object",
            "x-kubernetes-validations": [{ "rule": "self.l[3] == 'x'", "message": "fourth" }],
            "properties": { "n": { "type": "integer" }, "l": { "type": "array", "items": { "type": "string" } } } },
            "map": { "type": "object", "additionalProperties": { "type": "object", "properties": {
                "x": { "type": "integer", "x-kubernetes-validations": [{ "rule": "self < 5" }] } } } },
        } }),
        builtin(),
    );
    for (object, field, message) in [
        (
            json!({ "rule": { "l": [] } }),
            "rule",
            "Invalid value: \"object\": index out of bounds: 3 evaluating rule: fourth",
        ),
        (
            json!({ "rule": { "n": 1 } }),
            "rule",
            "Invalid value: \"object\": no such key: l evaluating rule: fourth",
        ),
        (
            json!({ "map": { "l": { "x": 7 } } }),
            "map[l].x",
            "Invalid value: 7: failed rule: self < 5",
        ),
    ] {
        let causes = validate(schema.root(), &object, None).causes;
        assert_eq!(said(&causes), [(field, message, "FieldValueInvalid")]);
    }
}

/// A rule that cannot be evaluated must never let an object through.
#[test]
fn a_rule_that_cannot_be_evaluated_is_broken() {
    for rule in ["self.replicas <", "self.nothing.at == 1", &"(".repeat(100)] {
        let schema = of_crd(
            &json!({ "type": "object", "properties": { "spec": { "type": "object",
                "x-kubernetes-validations": [{ "rule": rule }],
                "properties": { "replicas": { "type": "integer" } } } } }),
            builtin(),
        );
        let causes = validate(schema.root(), &json!({ "spec": { "replicas": 1 } }), None).causes;
        assert_eq!(causes.len(), 1, "{rule}: {causes:?}");
        assert_eq!(causes[0].field, "spec");
        assert!(
            causes[0].message.starts_with("Invalid value: \"object\": "),
            "{causes:?}"
        );
    }
}

/// A kind of somebody else, with limits that ours have not.
fn other() -> Schema {
    of_crd(
        &json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "least": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string" } },
            "at": { "type": "string", "format": "date-time" },
            "small": { "type": "integer", "format": "int32", "maximum": 10 },
            "half": { "type": "number", "minimum": 0.5, "exclusiveMinimum": true },
            "word": { "type": "string", "pattern": "^[a-z]+$", "minLength": 2 },
            "one": { "type": "string", "enum": ["a", "b"] },
            "either": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
            "size": { "type": "object", "oneOf": [{ "required": ["a"] }, { "required": ["b"] }],
                "properties": { "a": { "type": "string" }, "b": { "type": "string" } } },
        } } } }),
        builtin(),
    )
}

/// What one value in a spec is told.
fn told(name: &str, value: &Value) -> Vec<String> {
    let object = json!({ "spec": { name: value } });
    let causes = validate(other().root(), &object, None).causes;
    let told = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message));
    told.collect()
}

/// Bounds, formats and branches: what a kind of somebody else may ask for, in the server's words.
#[test]
fn other_limits_are_said_as_the_server_says_them() {
    for (name, value, why) in [
        (
            "at",
            json!("yesterday"),
            "\"yesterday\": spec.at in body must be of type date-time: \"yesterday\"",
        ),
        (
            "half",
            json!(0.5),
            "0.5: spec.half in body should be greater than 0.5",
        ),
        (
            "least",
            json!([]),
            "0: spec.least in body should have at least 1 items",
        ),
        (
            "small",
            json!(11),
            "11: spec.small in body should be less than or equal to 10",
        ),
        (
            "small",
            json!(true),
            "\"\": spec.small in body must be of type int32: \"\"",
        ),
        (
            "word",
            json!("Ab"),
            "\"Ab\": spec.word in body should match '^[a-z]+$'",
        ),
        (
            "word",
            json!("a"),
            "\"a\": spec.word in body should be at least 2 chars long",
        ),
    ] {
        assert_eq!(
            told(name, &value),
            [format!("spec.{name}: Invalid value: {why}")]
        );
    }
    assert_eq!(
        told("one", &json!("c")),
        ["spec.one: Unsupported value: \"c\": supported values: \"a\", \"b\""]
    );
    assert_eq!(
        told("least", &json!(["a", "b", "c"])),
        ["spec.least: Too many: 3: must have at most 2 items"]
    );
}

/// Of several schemas for one value, one has to fit: a scale by number or by percent, not both.
#[test]
fn branches_say_what_none_of_them_lets_through() {
    assert_eq!(
        told("size", &json!({})),
        [
            "<nil>: Invalid value: \"\": \"spec.size\" must validate one and only one schema (oneOf). Found none valid",
            "spec.size.a: Required value",
        ]
    );
    assert_eq!(told("either", &json!(5)), [""; 0]);
    let whole = "<nil>: Invalid value: \"\": Checked value must be of type integer";
    assert_eq!(
        told("either", &json!(1.5))[3],
        format!("{whole} (default format) in spec.either")
    );
    assert_eq!(
        told("small", &json!(3_000_000_000_i64)),
        [
            &format!("{whole} with format int32 in spec.small"),
            "spec.small: Invalid value: 3000000000: spec.small in body should be less than or equal to 10",
        ]
    );
    assert_eq!(
        told("either", &json!(true)),
        [
            "spec.either: Invalid value: \"boolean\": spec.either in body must be of type integer,string: \"boolean\"",
            "<nil>: Invalid value: \"\": \"spec.either\" must validate at least one schema (anyOf)",
            "spec.either: Invalid value: \"boolean\": spec.either in body must be of type integer: \"boolean\"",
        ]
    );
}

fn ours(crd: &str) -> Schema {
    let crd: Value = serde_yaml::from_str(crd).expect("YAML");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    of_crd(schema, builtin())
}

fn mode() -> Schema {
    ours(include_str!(
        "../../../../manifests/crds/emergencymodes.yaml"
    ))
}

/// What the server answered: `a mode without a reason or with a wrong level is invalid`, and that
/// the one with both is not.
#[test]
fn a_mode_is_held_against_its_kind() {
    let mut object = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode", "metadata": { "name": "m" },
        "spec": { "playbookRef": { "name": "flood" }, "level": "V", "posture": "Wartime", "requestedBy": "zhou",
            "requestedAs": "duty", "expiresAfter": "12h" } });
    assert_eq!(prune(mode().root(), &mut object), [""; 0]);
    default(mode().root(), &mut object);
    assert_eq!(
        said(&validate(mode().root(), &object, None).causes),
        [
            NOT_CHECKED,
            (
                "spec.level",
                "Unsupported value: \"V\": supported values: \"I\", \"II\", \"III\", \"IV\"",
                "FieldValueNotSupported"
            ),
            ("spec.reason", "Required value", "FieldValueRequired"),
        ]
    );
    object["spec"]["level"] = "II".into();
    object["spec"]["reason"] = "rain".into();
    assert_eq!(validate(mode().root(), &object, None).causes, []);
    let mut other = object.clone();
    other["spec"]["playbookRef"]["name"] = "storm".into();
    let causes = validate(mode().root(), &other, Some(&object)).causes;
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0].field, "spec");
}

/// What our users write is valid to our own kinds, and every field of it is known.
#[test]
fn the_playbooks_of_the_repository_are_valid() {
    let schema = ours(include_str!("../../../../manifests/crds/playbooks.yaml"));
    let text = include_str!("../../../../tests/corpus/whole/flood.yaml");
    let mut object: Value = serde_yaml::from_str(text).expect("YAML");
    assert_eq!(prune(schema.root(), &mut object), [""; 0]);
    default(schema.root(), &mut object);
    assert_eq!(validate(schema.root(), &object, None).causes, []);
    object["spec"]["stages"][0]["steps"][0]["suspend"] = json!({});
    let causes = validate(schema.root(), &object, None).causes;
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(causes[0].field, "spec.stages[0].steps[0]");
}

/// A record of changes never changes.
#[test]
fn a_record_stays_as_it_is() {
    let schema = ours(include_str!(
        "../../../../manifests/crds/changerecords.yaml"
    ));
    assert!(rules::has_any(schema.root()));
}
