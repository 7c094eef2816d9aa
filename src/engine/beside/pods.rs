//! What the pods of a template, or one pod, ask of the cluster, as Kubernetes counts it.

use serde_json::Value;

use crate::engine::amounts::{Asked, Sum};

/// The pods of one template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pods {
    /// Their `PriorityClass`.
    pub class: Option<String>,
    /// Their containers, those that run first first.
    pub containers: Vec<Container>,
    /// What running a pod takes besides.
    pub overhead: Asked,
    /// What the pod asks for as a whole, which goes before its containers.
    pub whole: Resources,
}

/// One container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub runs: Runs,
    /// What it asks for, and what it may use at most.
    pub resources: Resources,
}

/// When a container runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// As long as the pod.
    #[default]
    Always,
    /// From its turn among the first ones as long as the pod: a sidecar.
    Beside,
    /// Before the others, until it has ended.
    Before,
}

/// Requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// What is reserved.
    pub requests: Asked,
    /// What is the most.
    pub limits: Asked,
}

impl Resources {
    /// Reads `resources`. A limit without a request is a request, as in Kubernetes.
    fn of(of: &Value) -> Self {
        let resources = of.get("resources");
        let list = |name: &str| Asked::of(resources.and_then(|resources| resources.get(name)));
        let limits = list("limits");
        Self {
            requests: list("requests").or(limits),
            limits,
        }
    }
}

impl Pods {
    /// Reads a pod template, or a pod: what has the `spec` of a pod.
    pub fn of(template: &Value) -> Self {
        let nothing = Value::Null;
        let spec = template.get("spec").unwrap_or(&nothing);
        let list = |name: &str| spec.get(name).and_then(Value::as_array);
        let first = list("initContainers").into_iter().flatten();
        let first = first.map(|one| {
            let beside = one.get("restartPolicy").and_then(Value::as_str) == Some("Always");
            Container::of(one, if beside { Runs::Beside } else { Runs::Before })
        });
        let others = list("containers").into_iter().flatten();
        let others = others.map(|one| Container::of(one, Runs::Always));
        let class = spec.get("priorityClassName").and_then(Value::as_str);
        Self {
            class: class.filter(|class| !class.is_empty()).map(str::to_owned),
            containers: first.chain(others).collect(),
            overhead: Asked::of(spec.get("overhead")),
            whole: Resources::of(spec),
        }
    }

    /// What one of them asks for.
    pub fn requests(&self) -> Sum {
        self.sum(|resources| resources.requests)
    }

    /// What one of them may use at most, as far as it is limited.
    pub fn limits(&self) -> Sum {
        self.sum(|resources| resources.limits)
    }

    /// Whether one of them asks for nothing and is not limited: the class `BestEffort`.
    pub fn is_best_effort(&self) -> bool {
        let nothing = Resources::default();
        let mut all = self.containers.iter().map(|one| one.resources);
        self.whole == nothing && all.all(|resources| resources == nothing)
    }

    /// One pod: those that run together, or the largest of those that run before them with the
    /// sidecars that run by then.
    fn sum(&self, of: impl Fn(&Resources) -> Asked) -> Sum {
        let (mut together, mut beside, mut before) =
            (Sum::default(), Sum::default(), Sum::default());
        for container in &self.containers {
            let asked = of(&container.resources).sum();
            match container.runs {
                Runs::Always => together += asked,
                Runs::Beside => {
                    beside += asked;
                    before = before.most(beside);
                }
                Runs::Before => before = before.most(beside + asked),
            }
        }
        let own = (together + beside).most(before);
        let whole = of(&self.whole);
        let own = Sum {
            pods: 1,
            cpu: whole.cpu.unwrap_or(own.cpu),
            memory: whole.memory.unwrap_or(own.memory),
        };
        own + self.overhead.sum()
    }
}

impl Container {
    fn of(container: &Value, runs: Runs) -> Self {
        let name = container.get("name").and_then(Value::as_str);
        Self {
            name: name.unwrap_or_default().to_owned(),
            runs,
            resources: Resources::of(container),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(spec: &Value) -> (i64, i64) {
        let sum = Pods::of(&json!({ "spec": spec })).requests();
        (sum.cpu, sum.memory >> 20)
    }

    fn container(cpu: &str, memory: &str) -> Value {
        json!({ "name": "c", "resources": { "requests": { "cpu": cpu, "memory": memory } } })
    }

    /// The scheduler counts like this; who counts otherwise says that it fits where it does not.
    #[test]
    fn a_pod_asks_for_what_its_containers_do_at_the_worst_moment() {
        let two = [container("500m", "128Mi"), container("250m", "64Mi")];
        assert_eq!(asked(&json!({ "containers": two })), (750, 192));
        let mut sidecar = container("100m", "32Mi");
        sidecar["restartPolicy"] = "Always".into();
        let first = container("1", "16Mi");
        // What runs before is as large as the largest of it, not the sum.
        let spec = json!({ "containers": two, "initContainers": [first, first] });
        assert_eq!(asked(&spec), (1000, 192));
        // A sidecar runs with the others, and with those that come after it.
        let spec = json!({ "containers": two, "initContainers": [sidecar, first] });
        assert_eq!(asked(&spec), (1100, 224));
        let spec = json!({ "containers": two, "initContainers": [first, sidecar] });
        assert_eq!(asked(&spec), (1000, 224));
        let spec = json!({ "containers": two, "overhead": { "cpu": "50m", "memory": "8Mi" } });
        assert_eq!(asked(&spec), (800, 200));
        // The pod as a whole goes first.
        let spec = json!({ "containers": two, "resources": { "requests": { "cpu": "2" } } });
        assert_eq!(asked(&spec), (2000, 192));
    }

    /// A template from a server has these already; one that is not there asks for nothing.
    #[test]
    fn a_limit_without_a_request_is_a_request() {
        let limited = json!({ "name": "c", "resources": { "limits": { "cpu": "1" } } });
        assert_eq!(asked(&json!({ "containers": [limited] })), (1000, 0));
        let pods = Pods::of(&json!({ "spec": { "containers": [{ "name": "c" }] } }));
        assert_eq!((pods.requests().cpu, pods.is_best_effort()), (0, true));
        assert_eq!(Pods::of(&Value::Null).requests().pods, 1);
    }
}
