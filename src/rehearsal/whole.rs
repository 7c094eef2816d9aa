//! Whole objects, before and after: what "restored exactly" is computed from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::field::exact;

/// Objects as the API server gives them, by `Kind namespace/name`.
pub type Objects = BTreeMap<String, Value>;

/// What came back, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many fields there were.
    pub fields: usize,
    /// How many of them are not as they were.
    pub lost: usize,
    /// What differs: the object, and a sentence.
    pub differences: Vec<(String, String)>,
}

impl Verdict {
    /// How many fields are as they were.
    pub fn same(&self) -> usize {
        self.fields.saturating_sub(self.lost)
    }
}

/// How many fields there are: every value of every object, but for what a return cannot bring
/// back.
pub fn fields(objects: &Objects) -> usize {
    let count = |object: &Value| exact::leaves(&exact::comparable(object));
    objects.values().map(count).sum()
}

impl Verdict {
    /// Compares one object, field by field, ownership included. One that was not there is a difference,
    /// and so is one that is gone.
    pub fn object(&mut self, name: &str, was: Option<&Value>, is: Option<&Value>) {
        let fields = was.map_or(0, |was| exact::leaves(&exact::comparable(was)));
        self.fields += fields;
        let found = match (was, is) {
            (Some(was), Some(is)) => {
                let found = exact::differences(was, is);
                self.lost += found.len();
                found
            }
            (Some(_), None) => {
                self.lost += fields;
                vec!["was there and is gone".to_owned()]
            }
            (None, Some(_)) => vec!["was not there".to_owned()],
            (None, None) => Vec::new(),
        };
        let found = found.into_iter().map(|text| (name.to_owned(), text));
        self.differences.extend(found);
    }
}

/// Compares all objects.
pub fn compare(before: &Objects, after: &Objects) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, was) in before {
        verdict.object(name, Some(was), after.get(name));
    }
    for (name, is) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        verdict.object(name, None, Some(is));
    }
    verdict
}

/// The workloads whose count an autoscaler drives: it is not what it was for a reason.
pub fn driven(objects: &Objects) -> BTreeSet<String> {
    let autoscalers = objects.values();
    let autoscalers = autoscalers.filter(|one| one["kind"] == "HorizontalPodAutoscaler");
    autoscalers
        .filter_map(|one| {
            let of = &one["spec"]["scaleTargetRef"];
            let (kind, name) = (of["kind"].as_str()?, of["name"].as_str()?);
            let namespace = one["metadata"]["namespace"].as_str()?;
            Some(format!("{kind} {namespace}/{name}"))
        })
        .collect()
}

/// Takes out a count that an autoscaler drives, and that it owns it.
pub fn forget_count(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    let entries = object.pointer_mut("/metadata/managedFields");
    let Some(entries) = entries.and_then(Value::as_array_mut) else {
        return;
    };
    for entry in entries.iter_mut() {
        let spec = entry.pointer_mut("/fieldsV1/f:spec");
        if let Some(spec) = spec.and_then(Value::as_object_mut) {
            spec.remove("f:replicas");
        }
    }
    entries.retain(|entry| entry["subresource"] != "scale");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objects(entries: &[(&str, Value)]) -> Objects {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    /// A count that nothing drives must be what it was, and whatever else there is of one that is driven.
    #[test]
    fn only_the_count_is_forgotten() {
        let count = json!({ "f:replicas": {}, "f:selector": {} });
        let mut object = json!({
            "metadata": { "managedFields": [
                { "manager": "helm", "fieldsV1": { "f:spec": count } },
                { "manager": "scaler", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
            ] },
            "spec": { "replicas": 3, "paused": false },
        });
        forget_count(&mut object);
        let left = json!({
            "metadata": { "managedFields": [
                { "manager": "helm", "fieldsV1": { "f:spec": { "f:selector": {} } } },
            ] },
            "spec": { "paused": false },
        });
        assert_eq!(object, left);
        let autoscaler = json!({ "kind": "HorizontalPodAutoscaler", "metadata": { "namespace": "n" },
            "spec": { "scaleTargetRef": { "kind": "Deployment", "name": "web" } } });
        let all = objects(&[("HorizontalPodAutoscaler n/web", autoscaler)]);
        assert_eq!(driven(&all), ["Deployment n/web".to_owned()].into());
    }

    /// The last line must never say N of N when an object is gone, new or different.
    #[test]
    fn whatever_differs_is_named() {
        let web = |n: i32| json!({ "spec": { "replicas": n, "paused": false } });
        let before = objects(&[("Deployment a/web", web(3)), ("Deployment a/api", web(2))]);
        assert_eq!(compare(&before, &before).same(), 4);
        let after = objects(&[("Deployment a/web", web(9)), ("Deployment a/new", web(1))]);
        let verdict = compare(&before, &after);
        let named: Vec<&str> = verdict
            .differences
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            named,
            ["Deployment a/api", "Deployment a/web", "Deployment a/new"]
        );
        assert_eq!((verdict.same(), verdict.fields), (1, 4));
        assert_eq!(verdict.differences[1].1, "/spec/replicas was 3 and is 9");
    }
}
