//! Whether a policy may be kept: its expressions are read when it is made, not when it is first asked.

use serde_json::Value;

use super::super::{items, text};
use crate::cel::{Names, Type, check, names};
use crate::sandtable::meta;
use crate::sandtable::refusal::Cause;

const EITHER: &str = "validations or auditAnnotations must contain at least one item";
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/// What is wrong with a policy.
pub fn policy(policy: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &policy["spec"];
    known(
        &spec["failurePolicy"],
        "spec.failurePolicy",
        &["Fail", "Ignore"],
        &mut causes,
    );
    let has_params = !spec["paramKind"].is_null();
    if has_params {
        param_kind(&spec["paramKind"], &mut causes);
    }
    constraints(&spec["matchConstraints"], &mut causes);
    let mut names = given(has_params);
    conditions(policy, &names, &mut causes);
    variables(policy, &mut names, &mut causes);
    let (rules, notes) = (
        items(policy, "/spec/validations"),
        items(policy, "/spec/auditAnnotations"),
    );
    if rules.is_empty() && notes.is_empty() {
        causes.push(Cause::required("spec.validations", EITHER));
        causes.push(Cause::required("spec.auditAnnotations", EITHER));
        return causes;
    }
    for (at, rule) in rules.iter().enumerate() {
        validation(
            rule,
            &format!("spec.validations[{at}]"),
            &names,
            &mut causes,
        );
    }
    annotations(policy, notes, &names, &mut causes);
    causes
}

/// What expressions may name.
fn given(has_params: bool) -> Names {
    let mut given = Names::default();
    let mut add = |name: &str, type_| given.values.insert(name.to_owned(), type_);
    for name in ["object", "oldObject", "authorizer"] {
        add(name, Type::Dynamic);
    }
    add("request", Type::Known(&names::REQUEST));
    add("namespaceObject", Type::Known(&names::NAMESPACE));
    if has_params {
        add("params", Type::Dynamic);
    }
    given
}

/// A word that has to be one of these, where it is said.
pub(super) fn known(value: &Value, field: &str, words: &[&str], causes: &mut Vec<Cause>) {
    if value.as_str().is_some_and(|word| !words.contains(&word)) {
        causes.push(Cause::not_supported(field, value, words));
    }
}

fn param_kind(kind: &Value, causes: &mut Vec<Cause>) {
    let (version, word) = (text(kind, "/apiVersion"), text(kind, "/kind"));
    let field = "spec.paramKind.apiVersion";
    if version.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if version.matches('/').count() > 1 {
        let why = format!("unexpected GroupVersion string: {version}");
        causes.push(Cause::invalid(field, &version.into(), &why));
    }
    let field = "spec.paramKind.kind";
    if word.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if let Some(why) = meta::dns_1035(&word.to_lowercase()) {
        let why = format!("may have mixed case, but should otherwise match: {why}");
        causes.push(Cause::invalid(field, &word.into(), &why));
    }
}

/// What is wrong with a selector of labels.
fn selector(selector: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (at, one) in items(selector, "/matchExpressions").iter().enumerate() {
        let field = format!("{field}.matchExpressions[{at}]");
        let has_values = !items(one, "/values").is_empty();
        let at = format!("{field}.values");
        match text(one, "/operator") {
            "In" | "NotIn" if !has_values => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(&at, why));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(&at, why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let why = "not a valid selector operator";
                let at = format!("{field}.operator");
                causes.push(Cause::invalid(&at, &one["operator"], why));
            }
        }
    }
}

fn constraints(constraints: &Value, causes: &mut Vec<Cause>) {
    let field = "spec.matchConstraints";
    if constraints.is_null() {
        return causes.push(Cause::required(field, ""));
    }
    resources(constraints, field, causes);
    if items(constraints, "/resourceRules").is_empty() {
        causes.push(Cause::required(&format!("{field}.resourceRules"), ""));
    }
}

/// What requests are meant.
pub(super) fn resources(resources: &Value, field: &str, causes: &mut Vec<Cause>) {
    let policies = ["Equivalent", "Exact"];
    known(
        &resources["matchPolicy"],
        &format!("{field}.matchPolicy"),
        &policies,
        causes,
    );
    for own in ["namespaceSelector", "objectSelector"] {
        selector(&resources[own], &format!("{field}.{own}"), causes);
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        for (at, rule) in items(resources, &format!("/{list}")).iter().enumerate() {
            rule_faults(rule, &format!("{field}.{list}[{at}]"), causes);
        }
    }
}

fn rule_faults(rule: &Value, field: &str, causes: &mut Vec<Cause>) {
    let operations = items(rule, "/operations");
    if operations.is_empty() {
        causes.push(Cause::required(&format!("{field}.operations"), ""));
    }
    for (at, operation) in operations.iter().enumerate() {
        known(
            operation,
            &format!("{field}.operations[{at}]"),
            &OPERATIONS,
            causes,
        );
    }
    for (member, others) in [
        (
            "apiGroups",
            "if '*' is present, must not specify other API groups",
        ),
        (
            "apiVersions",
            "if '*' is present, must not specify other API versions",
        ),
    ] {
        let all = items(rule, &format!("/{member}"));
        let field = format!("{field}.{member}");
        if all.is_empty() {
            causes.push(Cause::required(&field, ""));
        } else if all.len() > 1 && all.iter().any(|one| one == "*") {
            causes.push(Cause::invalid(&field, &rule[member], others));
        }
    }
    if items(rule, "/resources").is_empty() {
        causes.push(Cause::required(&format!("{field}.resources"), ""));
    }
}

/// Reads an expression that has to be of one of these types.
fn expression(
    said: &str,
    field: &str,
    names: &Names,
    wanted: &[&str],
    causes: &mut Vec<Cause>,
) -> Type {
    let cause = |why: &str| Cause::invalid(field, &said.into(), why);
    match check(said, names) {
        Ok(type_) if wanted.is_empty() || wanted.contains(&type_.word()) => type_,
        Ok(type_) => {
            let wanted = match wanted {
                [one] => (*one).to_owned(),
                all => format!("one of [{}]", all.join(" ")),
            };
            let why = format!("must evaluate to {wanted} but got {}", type_.word());
            causes.push(cause(&why));
            type_
        }
        Err(fault) => {
            causes.push(cause(&fault.0));
            Type::Dynamic
        }
    }
}

fn conditions(policy: &Value, names: &Names, causes: &mut Vec<Cause>) {
    let mut seen = Vec::new();
    for (at, condition) in items(policy, "/spec/matchConditions").iter().enumerate() {
        let field = format!("spec.matchConditions[{at}]");
        let (said, name) = (text(condition, "/expression"), text(condition, "/name"));
        if said.trim().is_empty() {
            causes.push(Cause::required(&format!("{field}.expression"), ""));
        } else {
            expression(
                said,
                &format!("{field}.expression"),
                names,
                &["bool"],
                causes,
            );
        }
        let field = format!("{field}.name");
        if name.is_empty() {
            causes.push(Cause::required(&field, ""));
        } else if let Some(why) = meta::qualified(name) {
            causes.push(Cause::invalid(&field, &name.into(), &why));
        } else if seen.contains(&name) {
            causes.push(duplicate(&field, name));
        }
        seen.push(name);
    }
}

pub(super) fn duplicate(field: &str, value: &str) -> Cause {
    Cause {
        reason: "FieldValueDuplicate",
        message: format!("Duplicate value: {}", Value::from(value)),
        field: field.to_owned(),
    }
}

/// Variables, each of which sees those before it.
fn variables(policy: &Value, names: &mut Names, causes: &mut Vec<Cause>) {
    for (at, variable) in items(policy, "/spec/variables").iter().enumerate() {
        let field = format!("spec.variables[{at}]");
        let (name, said) = (text(variable, "/name"), text(variable, "/expression"));
        if name.is_empty() || name == "_" {
            let why = "name is not specified";
            causes.push(Cause::required(&format!("{field}.name"), why));
        } else if !is_identifier(name) {
            let why = "must be a valid CEL identifier";
            causes.push(Cause::invalid(&format!("{field}.name"), &name.into(), why));
        }
        names.values.insert("variables".to_owned(), Type::Variables);
        let type_ = if said.trim().is_empty() {
            let why = "expression is not specified";
            causes.push(Cause::required(&format!("{field}.expression"), why));
            Type::Dynamic
        } else {
            expression(said, &format!("{field}.expression"), names, &[], causes)
        };
        names.variables.insert(name.to_owned(), type_);
    }
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn validation(rule: &Value, field: &str, names: &Names, causes: &mut Vec<Cause>) {
    let said = text(rule, "/expression");
    if said.trim().is_empty() {
        let why = "expression is not specified";
        causes.push(Cause::required(&format!("{field}.expression"), why));
    } else {
        expression(
            said,
            &format!("{field}.expression"),
            names,
            &["bool"],
            causes,
        );
    }
    let empty = "must be non-empty if specified";
    let own = text(rule, "/messageExpression");
    let at = format!("{field}.messageExpression");
    if !own.is_empty() && own.trim().is_empty() {
        causes.push(Cause::invalid(&at, &own.into(), empty));
    } else if !own.is_empty() {
        expression(own, &at, names, &["string"], causes);
    }
    let message = text(rule, "/message");
    let at = format!("{field}.message");
    if !message.is_empty() && message.trim().is_empty() {
        causes.push(Cause::invalid(&at, &message.into(), empty));
    } else if message.trim().contains('\n') {
        let why = "must not contain line breaks";
        causes.push(Cause::invalid(&at, &message.into(), why));
    } else if message.is_empty() && said.trim().contains('\n') {
        let why = "message must be specified if expression contains line breaks";
        causes.push(Cause::required(&at, why));
    }
    // `Unauthorized` is a reason too, but the message does not say so.
    if text(rule, "/reason") != "Unauthorized" {
        let reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
        known(
            &rule["reason"],
            &format!("{field}.reason"),
            &reasons,
            causes,
        );
    }
}

fn annotations(policy: &Value, notes: &[Value], names: &Names, causes: &mut Vec<Cause>) {
    let mut seen = Vec::new();
    for (at, note) in notes.iter().enumerate() {
        let field = format!("spec.auditAnnotations[{at}]");
        let (key, said) = (text(note, "/key"), text(note, "/valueExpression"));
        let whole = format!("{}/{key}", text(policy, "/metadata/name"));
        if key.is_empty() {
            causes.push(Cause::required(
                &format!("{field}.key"),
                "key is not specified",
            ));
        } else if let Some(why) = meta::qualified(&whole) {
            causes.push(Cause::invalid(
                &format!("{field}.key"),
                &whole.as_str().into(),
                &why,
            ));
        }
        if said.trim().is_empty() {
            let why = "valueExpression is not specified";
            causes.push(Cause::required(&format!("{field}.valueExpression"), why));
        } else {
            let wanted = ["string", "null_type"];
            let at = format!("{field}.valueExpression");
            expression(said, &at, names, &wanted, causes);
        }
        if seen.contains(&key) {
            causes.push(duplicate(&format!("{field}.key"), key));
        }
        seen.push(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(causes: &[Cause]) -> Vec<String> {
        let line = |cause: &Cause| format!("{}: {}", cause.field, cause.message);
        causes.iter().map(line).collect()
    }

    fn of(spec: &Value) -> Vec<String> {
        let mut whole = json!({ "metadata": { "name": "p" }, "spec": {
            "matchConstraints": { "resourceRules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"],
                "operations": ["UPDATE"], "resources": ["deployments"] }] },
            "validations": [{ "expression": "true" }] } });
        for (name, value) in spec.as_object().into_iter().flatten() {
            whole["spec"][name] = value.clone();
        }
        shown(&policy(&whole))
    }

    /// What was measured on the real server, cause by cause.
    #[test]
    fn a_policy_that_the_real_server_refuses_is_refused() {
        let rule = |expression: &str| json!({ "validations": [{ "expression": expression }] });
        let one = "spec.validations[0].expression: ";
        for (spec, says) in [
            (json!({}), ""),
            (rule(" "), "Required value: expression is not specified"),
            (
                rule("1 + 1"),
                "Invalid value: \"1 + 1\": must evaluate to bool but got int",
            ),
            (
                rule("object.a"),
                "Invalid value: \"object.a\": must evaluate to bool but got dyn",
            ),
            (
                rule("params.x"),
                "Invalid value: \"params.x\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x\n | ^",
            ),
        ] {
            let wanted = Some(format!("{one}{says}")).filter(|_| !says.is_empty());
            assert_eq!(of(&spec), wanted.into_iter().collect::<Vec<_>>());
        }
        let none = json!({ "validations": [] });
        assert_eq!(
            of(&none),
            ["validations", "auditAnnotations"]
                .map(|member| format!("spec.{member}: Required value: {EITHER}"))
        );
        let kind = json!({ "paramKind": { "apiVersion": "v1/a/b", "kind": "Config Map" } });
        let found = of(&kind);
        assert_eq!(
            found[0],
            "spec.paramKind.apiVersion: Invalid value: \"v1/a/b\": unexpected GroupVersion string: v1/a/b"
        );
        assert!(found[1].starts_with(
            "spec.paramKind.kind: Invalid value: \"Config Map\": may have mixed case"
        ));
        let broken = "object.a ||\nobject.b == 'c'";
        let rule = json!({ "validations": [{ "expression": broken }] });
        assert_eq!(
            of(&rule),
            [
                "spec.validations[0].message: Required value: message must be specified if expression contains line breaks"
            ]
        );
        let early = json!({ "variables": [{ "name": "a", "expression": "variables.b" }, { "name": "b", "expression": "1" }] });
        assert!(
            of(&early)[0].contains("1:10: undefined field 'b'"),
            "{:?}",
            of(&early)
        );
        let early = json!({ "variables": [{ "name": "a", "expression": "true" }], "matchConditions": [{ "name": "m", "expression": "variables.a" }] });
        assert!(of(&early)[0].contains("undeclared reference to 'variables'"));
    }
}
