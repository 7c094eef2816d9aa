//! The numbers that a scale of a custom kind is made of.

use serde_json::Value;

use super::number;
use crate::sandtable::refusal::Cause;

/// What is wrong with the numbers to which the `scale` of a CRD's version points. `status_only`: the
/// status alone is written.
pub fn scale_causes(object: &Value, scale: &Value, status_only: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !status_only {
        causes.extend(replicas(object, &scale["specReplicasPath"]));
    }
    causes.extend(replicas(object, &scale["statusReplicasPath"]));
    if let Some(path) = scale["labelSelectorPath"].as_str() {
        let found = at(object, path);
        if let Some(other) = found.filter(|found| !found.is_string()) {
            let why = not_a(path, other, "string");
            causes.push(Cause::invalid(path, &"".into(), &why));
        }
    }
    causes
}

fn replicas(object: &Value, path: &Value) -> Option<Cause> {
    let path = path.as_str()?;
    let found = at(object, path)?;
    let Some(count) = found.as_i64() else {
        return Some(Cause::invalid(
            path,
            &0.into(),
            &not_a(path, found, "int64"),
        ));
    };
    let why = if count < 0 {
        "should be a non-negative integer"
    } else if count > i64::from(i32::MAX) {
        "should be less than or equal to 2147483647"
    } else {
        return None;
    };
    Some(Cause::invalid(path, found, why))
}

fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let steps = path.trim_start_matches('.').split('.');
    steps
        .into_iter()
        .try_fold(object, |value, step| value.get(step))
}

fn not_a(path: &str, value: &Value, wanted: &str) -> String {
    let (said, is) = match value {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(value) => (value.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (number::printed(number), "float64"),
        Value::Number(number) => (number::printed(number), "int64"),
        Value::String(text) => (text.clone(), "string"),
        Value::Array(_) => (value.to_string(), "[]interface {}"),
        Value::Object(_) => (value.to_string(), "map[string]interface {}"),
    };
    format!("{path} accessor error: {said} is of the type {is}, expected {wanted}")
}
