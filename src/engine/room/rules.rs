//! What says how many pods there may be, and how large: quotas, limit ranges, priorities, budgets of
//! disruption, and vertical autoscalers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::LabelSelector;
use crate::engine::amounts::{Asked, Sum, thousandths, whole};
use crate::engine::beside::Pods;
use crate::playbook::matching;

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Pods.
    Pods,
    /// CPU that is asked for.
    Cpu,
    /// Memory that is asked for.
    Memory,
    /// CPU that may be used.
    CpuLimit,
    /// Memory that may be used.
    MemoryLimit,
}

impl Counted {
    /// The names under which quotas count it.
    const NAMES: [(&'static str, Self); 8] = [
        ("pods", Self::Pods),
        ("count/pods", Self::Pods),
        ("cpu", Self::Cpu),
        ("requests.cpu", Self::Cpu),
        ("memory", Self::Memory),
        ("requests.memory", Self::Memory),
        ("limits.cpu", Self::CpuLimit),
        ("limits.memory", Self::MemoryLimit),
    ];

    fn read(self, value: &Value) -> Option<i64> {
        match self {
            Self::Cpu | Self::CpuLimit => thousandths(value),
            Self::Pods | Self::Memory | Self::MemoryLimit => whole(value),
        }
    }

    /// How much of it some pods take.
    pub const fn of(self, requests: Sum, limits: Sum) -> i64 {
        match self {
            Self::Pods => requests.pods,
            Self::Cpu => requests.cpu,
            Self::Memory => requests.memory,
            Self::CpuLimit => limits.cpu,
            Self::MemoryLimit => limits.memory,
        }
    }
}

/// A `ResourceQuota`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// What it counts: how much is left of each, under the name that it gives it.
    pub left: BTreeMap<&'static str, (Counted, i64)>,
    /// Which pods it counts.
    scopes: Vec<Scope>,
}

/// Which pods a quota counts: those of all its scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    name: String,
    operator: String,
    values: Vec<String>,
}

impl Quota {
    /// Reads one. What it counts beside pods and what they take is left out.
    pub fn of(object: &Value) -> Self {
        let amount = |place: &str, name: &str, counted: Counted| {
            counted.read(object.pointer(place)?.get(name)?)
        };
        let left = Counted::NAMES.iter().filter_map(|(name, counted)| {
            let hard = amount("/status/hard", name, *counted)
                .or_else(|| amount("/spec/hard", name, *counted))?;
            let used = amount("/status/used", name, *counted).unwrap_or(0);
            Some((*name, (*counted, hard.saturating_sub(used))))
        });
        let list = |pointer: &str| {
            let list = object.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten()
        };
        let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
        let plain = list("/spec/scopes").filter_map(Value::as_str);
        let plain = plain.map(|name| Scope {
            name: name.to_owned(),
            operator: "Exists".to_owned(),
            values: Vec::new(),
        });
        let selected = list("/spec/scopeSelector/matchExpressions").map(|one| Scope {
            name: text(one, "scopeName"),
            operator: text(one, "operator"),
            values: {
                let values = one["values"].as_array().into_iter().flatten();
                values
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            },
        });
        Self {
            name: name(object),
            left: left.collect(),
            scopes: plain.chain(selected).collect(),
        }
    }

    /// Whether it counts pods of this class of priority, that ask for something or not.
    ///
    /// Limit: a scope that is not known here is taken to leave them out.
    pub fn counts(&self, class: Option<&str>, best_effort: bool) -> bool {
        self.scopes.iter().all(|scope| match scope.name.as_str() {
            "NotTerminating" => true,
            "BestEffort" => best_effort,
            "NotBestEffort" => !best_effort,
            "PriorityClass" => {
                let named = class.is_some_and(|class| scope.values.iter().any(|v| v == class));
                match scope.operator.as_str() {
                    "In" => named,
                    "NotIn" => !named,
                    "Exists" => class.is_some(),
                    "DoesNotExist" => class.is_none(),
                    _ => false,
                }
            }
            _ => false,
        })
    }
}

/// One item of a `LimitRange`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limit {
    /// The range's name.
    pub name: String,
    /// Whether it is for pods as a whole, rather than for each container.
    pub pod: bool,
    /// The most that may be used.
    pub max: Asked,
    /// The least that may be asked for.
    pub min: Asked,
    /// The limits of a container that names none.
    pub default: Asked,
    /// The requests of a container that names none.
    pub default_request: Asked,
}

impl Limit {
    /// Reads the items of a range.
    pub fn of(object: &Value) -> Vec<Self> {
        let items = object.pointer("/spec/limits").and_then(Value::as_array);
        let items = items.into_iter().flatten();
        let items = items.filter(|item| item["type"] == "Container" || item["type"] == "Pod");
        let items = items.map(|item| Self {
            name: name(object),
            pod: item["type"] == "Pod",
            max: Asked::of(item.get("max")),
            min: Asked::of(item.get("min")),
            default: Asked::of(item.get("default")),
            default_request: Asked::of(item.get("defaultRequest")),
        });
        items.collect()
    }

    /// Gives the containers of some pods what they do not name themselves.
    pub fn fill(&self, pods: &mut Pods) {
        for container in &mut pods.containers {
            let resources = &mut container.resources;
            let limits = resources.limits;
            resources.limits = limits.or(self.default);
            let requests = resources.requests.or(limits).or(self.default_request);
            resources.requests = requests.or(self.default);
        }
    }
}

/// A `PriorityClass`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// The priority.
    pub value: i64,
    /// Whether its pods take the place of others.
    pub preempts: bool,
    /// Whether it is that of pods that name none.
    pub default: bool,
}

impl Class {
    /// Reads one.
    pub fn of(object: &Value) -> Self {
        Self {
            name: name(object),
            value: object["value"].as_i64().unwrap_or(0),
            preempts: object["preemptionPolicy"] != "Never",
            default: object["globalDefault"] == true,
        }
    }
}

/// A `PodDisruptionBudget`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Which pods it is for; nothing for none.
    pub selector: Option<LabelSelector>,
    /// How many pods it counts, where its controller has said.
    pub expected: i64,
    /// How many must stay.
    pub keeps: Keeps,
}

/// How many pods must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// At least so many.
    Least(i64),
    /// At least so many of a hundred, rounded up.
    LeastOfHundred(i64),
    /// All but so many.
    AllBut(i64),
    /// All but so many of a hundred, rounded up.
    AllButOfHundred(i64),
}

impl Default for Keeps {
    /// What a budget that says nothing keeps.
    fn default() -> Self {
        Self::Least(1)
    }
}

impl Budget {
    /// Reads one. One whose selector is of a form that is not known is for no pods.
    pub fn of(object: &Value) -> Self {
        let spec = &object["spec"];
        let bound = |name: &str| {
            let value = spec.get(name)?;
            let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
            match percent {
                Some(text) => Some((text.parse().ok()?, true)),
                None => value
                    .as_i64()
                    .or_else(|| value.as_str()?.parse().ok())
                    .map(|count| (count, false)),
            }
        };
        let keeps = match (bound("minAvailable"), bound("maxUnavailable")) {
            (Some((count, false)), _) => Keeps::Least(count),
            (Some((count, true)), _) => Keeps::LeastOfHundred(count),
            (None, Some((count, false))) => Keeps::AllBut(count),
            (None, Some((count, true))) => Keeps::AllButOfHundred(count),
            (None, None) => Keeps::default(),
        };
        let selector = spec.get("selector").cloned();
        Self {
            name: name(object),
            selector: selector.and_then(|selector| serde_json::from_value(selector).ok()),
            expected: object["status"]["expectedPods"].as_i64().unwrap_or(0),
            keeps,
        }
    }

    /// Whether it is for pods with these labels.
    pub fn is_for(&self, labels: &BTreeMap<String, String>) -> bool {
        let selector = self.selector.as_ref();
        selector.is_some_and(|selector| matching::labels(selector, labels))
    }

    /// How many of so many pods may be evicted at a time.
    pub fn spares(&self, pods: i64) -> i64 {
        let part = |percent: i64| (percent.saturating_mul(pods) + 99).div_euclid(100);
        match self.keeps {
            Keeps::Least(count) => pods - count,
            Keeps::LeastOfHundred(percent) => pods - part(percent),
            Keeps::AllBut(count) => count.min(pods),
            Keeps::AllButOfHundred(percent) => part(percent).min(pods),
        }
    }

    /// What it keeps, in words.
    pub fn said(&self) -> String {
        match self.keeps {
            Keeps::Least(count) => format!("at least {count}"),
            Keeps::LeastOfHundred(percent) => format!("at least {percent} %"),
            Keeps::AllBut(count) => format!("all but {count}"),
            Keeps::AllButOfHundred(percent) => format!("all but {percent} %"),
        }
    }
}

/// A `VerticalPodAutoscaler` that changes what pods ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vertical {
    /// Its name.
    pub name: String,
    /// Kind and name of its workload.
    pub of: (String, String),
}

impl Vertical {
    /// Reads one; nothing where it only recommends.
    pub fn of(object: &Value) -> Option<Self> {
        let mode = object.pointer("/spec/updatePolicy/updateMode");
        if mode.and_then(Value::as_str) == Some("Off") {
            return None;
        }
        let of = object.pointer("/spec/targetRef")?;
        let text = |key: &str| of[key].as_str().unwrap_or_default().to_owned();
        Some(Self {
            name: name(object),
            of: (text("kind"), text("name")),
        })
    }
}

fn name(object: &Value) -> String {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A quota that is counted for pods that it does not count would be a false alarm, the other way
    /// round a surge that stops half-way.
    #[test]
    fn quotas_count_what_their_scopes_say() {
        let quota = |spec: Value| Quota::of(&json!({ "metadata": { "name": "q" }, "spec": spec }));
        let select = |operator: &str, values: Value| {
            quota(json!({ "scopeSelector": { "matchExpressions": [
                { "scopeName": "PriorityClass", "operator": operator, "values": values }] } }))
        };
        let rows = [
            (quota(json!({})), [true, true]),
            (quota(json!({ "scopes": ["BestEffort"] })), [false, true]),
            (
                quota(json!({ "scopes": ["NotBestEffort", "NotTerminating"] })),
                [true, false],
            ),
            (quota(json!({ "scopes": ["Terminating"] })), [false, false]),
            (select("In", json!(["high"])), [true, false]),
            (select("NotIn", json!(["high"])), [false, true]),
            (select("Exists", json!([])), [true, false]),
            (select("DoesNotExist", json!([])), [false, true]),
        ];
        for (quota, expected) in rows {
            let got = [quota.counts(Some("high"), false), quota.counts(None, true)];
            assert_eq!(got, expected, "{quota:?}");
        }
    }

    /// What is left is what the status says, and what nobody has counted yet is all left.
    #[test]
    fn what_a_quota_leaves_is_hard_minus_used() {
        let object = json!({ "metadata": { "name": "compute" },
            "spec": { "hard": { "pods": "20", "requests.cpu": "4", "services": "3" } },
            "status": { "hard": { "pods": "20", "requests.cpu": "4" },
                "used": { "pods": "10", "requests.cpu": "1500m" } } });
        let left = Quota::of(&object).left;
        let expected = [
            ("pods", (Counted::Pods, 10)),
            ("requests.cpu", (Counted::Cpu, 2500)),
        ];
        assert_eq!(left, expected.into());
        let fresh = json!({ "spec": { "hard": { "limits.memory": "1Gi" } } });
        let left = Quota::of(&fresh).left;
        assert_eq!(left["limits.memory"], (Counted::MemoryLimit, 1 << 30));
    }

    /// Evictions are counted as the server counts them: percentages are rounded up.
    #[test]
    fn a_budget_spares_what_it_does_not_keep() {
        let spares = |spec: Value, pods| Budget::of(&json!({ "spec": spec })).spares(pods);
        assert_eq!(spares(json!({ "minAvailable": 2 }), 3), 1);
        assert_eq!(spares(json!({ "minAvailable": "50%" }), 3), 1);
        assert_eq!(spares(json!({ "minAvailable": "50%" }), 1), 0);
        assert_eq!(spares(json!({ "maxUnavailable": 1 }), 9), 1);
        assert_eq!(spares(json!({ "maxUnavailable": "30%" }), 9), 3);
        assert_eq!(spares(json!({}), 1), 0);
        let everything = Budget::of(&json!({ "spec": { "selector": {} } }));
        assert!(everything.is_for(&BTreeMap::new()));
        assert!(!Budget::of(&json!({ "spec": {} })).is_for(&BTreeMap::new()));
    }

    /// What a namespace gives to containers that name nothing is what the scheduler sees.
    #[test]
    fn a_limit_range_fills_in_what_is_not_named() {
        let range = json!({ "metadata": { "name": "r" }, "spec": { "limits": [
            { "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } },
            { "type": "Container", "default": { "cpu": "1", "memory": "1Gi" },
              "defaultRequest": { "cpu": "100m" } },
        ] } });
        let limits = Limit::of(&range);
        assert_eq!(limits.len(), 1);
        let mut pods = Pods::of(&json!({ "spec": { "containers": [
            { "name": "a" }, { "name": "b", "resources": { "limits": { "cpu": "2" } } }] } }));
        limits[0].fill(&mut pods);
        assert_eq!(pods.requests().cpu, 2100, "a limit of its own is a request");
        assert_eq!(pods.requests().memory, 2 << 30);
        assert_eq!(pods.limits().cpu, 3000);
    }

    /// One that only recommends changes nothing.
    #[test]
    fn a_vertical_autoscaler_that_is_off_is_none() {
        let object = |mode: &str| {
            json!({ "metadata": { "name": "v" }, "spec": { "updatePolicy": { "updateMode": mode },
                "targetRef": { "kind": "Deployment", "name": "web" } } })
        };
        assert_eq!(Vertical::of(&object("Off")), None);
        let found = Vertical::of(&object("Auto")).map(|vertical| vertical.of);
        assert_eq!(found, Some(("Deployment".into(), "web".into())));
    }
}
