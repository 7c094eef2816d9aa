//! How far the cluster's own controllers are with an object: what its status says of its spec.

use serde_json::Value;

/// How far the controllers are with an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is to be waited for: it has no status of that kind, no controller ever looked at it,
    /// or its controller was told to leave it alone.
    #[default]
    Unknown,
    /// Its controller has not seen the spec as it is.
    Unobserved,
    /// Its controller has, but not all pods that are wanted are up to date and ready.
    Unready,
    /// All is as wanted.
    Ready,
}

impl Progress {
    /// Reads it off an object: `status.observedGeneration`, a condition `Ready` of kinds that have
    /// one, the counts of replicas of kinds that have them, and what Argo CD says of an Application.
    pub fn of(object: &Value) -> Self {
        let generation = object.pointer("/metadata/generation");
        Self::judge(generation.and_then(Value::as_i64), object)
    }

    /// Reads it off an object of this generation, of which its metadata is not needed.
    pub fn judge(generation: Option<i64>, object: &Value) -> Self {
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
        let is_left_alone = ["/spec/paused", "/spec/suspend"]
            .iter()
            .any(|pointer| object.pointer(pointer) == Some(&Value::Bool(true)));
        if is_left_alone {
            return Self::Unknown;
        }
        if let Some(sync) = object.pointer("/status/sync/status") {
            return Self::of_sync(object, sync);
        }
        let observed = number("/status/observedGeneration");
        let (Some(generation), Some(observed)) = (generation, observed) else {
            return Self::Unknown;
        };
        // What the kinds of Flux are created with.
        if observed < 0 {
            return Self::Unknown;
        }
        if observed < generation {
            return Self::Unobserved;
        }
        if let Some(ready) = condition(object, "Ready") {
            let of = ready.get("observedGeneration").and_then(Value::as_i64);
            return match ready["status"].as_str() {
                _ if of.is_some_and(|of| of < generation) => Self::Unobserved,
                Some("True") => Self::Ready,
                Some(_) | None => Self::Unready,
            };
        }
        // A count that is 0 is left out of the status, so that any one of them says that the kind
        // counts at all.
        let counts = ["readyReplicas", "availableReplicas", "unavailableReplicas"];
        let count = |name: &str| number(&format!("/status/{name}"));
        let counted = counts.iter().any(|name| count(name).is_some());
        let Some(wanted) = number("/spec/replicas").filter(|_| counted) else {
            return Self::Ready;
        };
        let reached = |name| count(name).unwrap_or(0) >= wanted;
        if reached("readyReplicas") && reached("updatedReplicas") {
            Self::Ready
        } else {
            Self::Unready
        }
    }

    /// An Application has no `observedGeneration`: what its controller compared is Synced, and nothing
    /// is being synced or about to be.
    fn of_sync(object: &Value, sync: &Value) -> Self {
        let phase = object.pointer("/status/operationState/phase");
        let running = phase.is_some_and(|phase| phase == "Running" || phase == "Terminating");
        let asked = object.get("operation").is_some_and(Value::is_object);
        if sync == "Synced" && !running && !asked {
            Self::Ready
        } else {
            Self::Unready
        }
    }
}

/// The condition of that type.
fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == type_)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The return waits for what this says, and must not wait for what has no controller.
    #[test]
    fn progress_is_what_the_status_says_of_the_spec_as_it_is() {
        let rows = [
            (json!({}), Progress::Unknown),
            (json!({"observedGeneration": 1}), Progress::Unobserved),
            (json!({"observedGeneration": 2}), Progress::Ready),
            (
                json!({"observedGeneration": 2, "unavailableReplicas": 3}),
                Progress::Unready,
            ),
            (
                json!({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 1}),
                Progress::Unready,
            ),
            (
                json!({"observedGeneration": 3, "readyReplicas": 9, "updatedReplicas": 3}),
                Progress::Ready,
            ),
        ];
        for (status, progress) in rows {
            let object = json!({
                "metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status
            });
            assert_eq!(Progress::of(&object), progress, "{object}");
        }
        for field in ["paused", "suspend"] {
            let object = json!({
                "metadata": {"generation": 2}, "spec": {"replicas": 3, field: true},
                "status": {"observedGeneration": 1, "readyReplicas": 1},
            });
            assert_eq!(Progress::of(&object), Progress::Unknown, "{object}");
        }
        let ready = |status: &str, of: i64| {
            json!({"observedGeneration": 2, "conditions": [
            {"type": "Healthy", "status": "True"}, {"type": "Ready", "status": status, "observedGeneration": of}]})
        };
        let gitops = [
            (json!({"observedGeneration": -1}), Progress::Unknown),
            (ready("True", 2), Progress::Ready),
            (ready("True", 1), Progress::Unobserved),
            (ready("False", 2), Progress::Unready),
            (ready("Unknown", 2), Progress::Unready),
            (json!({"sync": {"status": "Synced"}}), Progress::Ready),
            (json!({"sync": {"status": "OutOfSync"}}), Progress::Unready),
            (
                json!({"sync": {"status": "Synced"}, "operationState": {"phase": "Running"}}),
                Progress::Unready,
            ),
            (
                json!({"sync": {"status": "Synced"}, "operationState": {"phase": "Succeeded"}}),
                Progress::Ready,
            ),
        ];
        for (status, progress) in gitops {
            let object = json!({"metadata": {"generation": 2}, "spec": {}, "status": status});
            assert_eq!(Progress::of(&object), progress, "{object}");
        }
        let asked = json!({"metadata": {}, "operation": {"sync": {}}, "status": {"sync": {"status": "Synced"}}});
        assert_eq!(Progress::of(&asked), Progress::Unready);
        let map = json!({"metadata": {}, "data": {}});
        assert_eq!(Progress::of(&map), Progress::Unknown);
    }
}
