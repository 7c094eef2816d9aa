//! Whether a binding of a policy may be kept.

use serde_json::{Value, json};

use super::super::text;
use super::valid::{duplicate, known, resources};
use crate::sandtable::meta;
use crate::sandtable::refusal::Cause;

const BOTH: &str = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";

/// What is wrong with a binding.
pub fn binding(binding: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &binding["spec"];
    let name = text(spec, "/policyName");
    if name.is_empty() {
        causes.push(Cause::required("spec.policyName", ""));
    } else if let Some(why) = meta::subdomain(name) {
        causes.push(Cause::invalid("spec.policyName", &name.into(), &why));
    }
    if !spec["paramRef"].is_null() {
        param(&spec["paramRef"], &mut causes);
    }
    if !spec["matchResources"].is_null() {
        resources(&spec["matchResources"], "spec.matchResources", &mut causes);
    }
    actions(&spec["validationActions"], &mut causes);
    causes
}

fn param(param: &Value, causes: &mut Vec<Cause>) {
    let field = "spec.paramRef";
    let has_name = !text(param, "/name").is_empty();
    match (has_name, !param["selector"].is_null()) {
        (true, true) => {
            for member in ["name", "selector"] {
                let why = "name and selector are mutually exclusive";
                causes.push(Cause::forbidden(&format!("{field}.{member}"), why));
            }
        }
        (false, false) => {
            let why = "one of name or selector must be specified";
            causes.push(Cause::required(field, why));
        }
        (true, false) | (false, true) => {}
    }
    let field = format!("{field}.parameterNotFoundAction");
    let action = &param["parameterNotFoundAction"];
    if action.as_str().unwrap_or_default().is_empty() {
        return causes.push(Cause::required(&field, ""));
    }
    known(action, &field, &["Deny", "Allow"], causes);
}

fn actions(actions: &Value, causes: &mut Vec<Cause>) {
    let field = "spec.validationActions";
    let all = actions.as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        let why = "at least one validation action is required";
        return causes.push(Cause::required(field, why));
    }
    for (at, action) in all.iter().enumerate() {
        let field = format!("{field}[{at}]");
        known(action, &field, &["Audit", "Deny", "Warn"], causes);
        if all[..at].contains(action) {
            causes.push(duplicate(&field, action.as_str().unwrap_or_default()));
        }
    }
    if ["Deny", "Warn"].iter().all(|one| all.contains(&json!(one))) {
        causes.push(Cause::invalid(field, actions, BOTH));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(causes: &[Cause]) -> Vec<String> {
        let line = |cause: &Cause| format!("{}: {}", cause.field, cause.message);
        causes.iter().map(line).collect()
    }

    /// A binding that denies nothing, or is no binding, must not be taken for one.
    #[test]
    fn a_binding_says_which_policy_and_what_follows() {
        let of = |spec: Value| shown(&binding(&json!({ "spec": spec })));
        assert_eq!(
            of(json!({ "policyName": "p", "validationActions": ["Deny"] })),
            [""; 0]
        );
        let selects = json!({ "policyName": "p", "validationActions": ["Deny"], "matchResources": {
            "namespaceSelector": { "matchExpressions": [{ "key": "a", "operator": "X" }] } } });
        assert_eq!(
            of(selects),
            [
                "spec.matchResources.namespaceSelector.matchExpressions[0].operator: Invalid value: \"X\": not a valid selector operator"
            ]
        );
        assert_eq!(
            of(json!({ "validationActions": ["Deny", "Warn"], "paramRef": { "name": "x" } })),
            [
                "spec.policyName: Required value".to_owned(),
                "spec.paramRef.parameterNotFoundAction: Required value".to_owned(),
                format!("spec.validationActions: Invalid value: [\"Deny\",\"Warn\"]: {BOTH}"),
            ]
        );
    }
}
