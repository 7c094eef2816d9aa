//! What the server filled in, by component and member.

use std::collections::{BTreeMap, BTreeSet};

use pingzhan::sandtable::schema::Part;
use serde_json::{Map, Value, json};

use super::answers::Sample;
use super::{DependsSnafu, Error};
use snafu::ensure;

/// Members that are filled in depending on something else; each has its rule in the sand table. A
/// component alone stands for all of its members.
const RULED: [&str; 32] = [
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "io.k8s.api.core.v1.Container.imagePullPolicy",
    "io.k8s.api.core.v1.ContainerPort.hostPort",
    "io.k8s.api.core.v1.LimitRangeItem",
    "io.k8s.api.core.v1.NamespaceSpec",
    "io.k8s.api.core.v1.NodeSpec",
    "io.k8s.api.core.v1.NodeStatus.allocatable",
    "io.k8s.api.core.v1.PersistentVolumeClaim.apiVersion",
    "io.k8s.api.core.v1.PersistentVolumeClaim.kind",
    "io.k8s.api.core.v1.PodSpec.enableServiceLinks",
    "io.k8s.api.core.v1.PodStatus",
    "io.k8s.api.core.v1.ResourceRequirements.requests",
    "io.k8s.api.core.v1.Secret.data",
    "io.k8s.api.core.v1.ServicePort.targetPort",
    "io.k8s.api.core.v1.ServiceSpec.allocateLoadBalancerNodePorts",
    "io.k8s.api.core.v1.ServiceSpec.clusterIP",
    "io.k8s.api.core.v1.ServiceSpec.clusterIPs",
    "io.k8s.api.core.v1.ServiceSpec.externalTrafficPolicy",
    "io.k8s.api.core.v1.ServiceSpec.internalTrafficPolicy",
    "io.k8s.api.core.v1.ServiceSpec.ipFamilies",
    "io.k8s.api.core.v1.ServiceSpec.ipFamilyPolicy",
    "io.k8s.api.core.v1.ServiceSpec.sessionAffinityConfig",
    "io.k8s.api.core.v1.Volume",
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy.rollingUpdate",
    "io.k8s.api.apps.v1.DeploymentStrategy.rollingUpdate",
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy",
    "io.k8s.api.autoscaling.v2.HPAScalingRules",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec.metrics",
    "io.k8s.api.batch.v1.JobSpec",
    "io.k8s.api.networking.v1.NetworkPolicySpec.policyTypes",
    "io.k8s.api.rbac.v1.Subject.apiGroup",
];
/// Of the server's own kinds: what follows from their names.
const MORE: [&str; 3] = [
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus.storedVersions",
];

/// What was in the place of members that were not sent: nothing, or a value.
#[derive(Default)]
pub struct Found(BTreeMap<(String, String), BTreeSet<Option<String>>>);

impl Found {
    /// What is always filled in with the same, as component, member and value.
    ///
    /// # Errors
    /// Something is filled in at times, or not always with the same, and has no rule.
    pub fn constant(
        &self,
        components: &Map<String, Value>,
    ) -> Result<Vec<(String, String, Value)>, Error> {
        let (mut constant, mut depends) = (Vec::new(), Vec::new());
        for ((component, member), values) in &self.0 {
            let seen: Vec<_> = values.iter().collect();
            match seen.as_slice() {
                [Some(text)] => {
                    let value: Value = serde_json::from_str(text).unwrap_or_default();
                    // What the document says already need not be said again.
                    let known = components[component]["properties"][member].get("default");
                    if known != Some(&value) {
                        constant.push((component.clone(), member.clone(), value));
                    }
                }
                [None] => {}
                _ => depends.push(format!("{component}.{member}")),
            }
        }
        let members = depends.join(", ");
        ensure!(depends.is_empty(), DependsSnafu { members });
        Ok(constant)
    }
}

/// Adds what the server made of one object.
pub fn compare(part: Part<'_>, sample: &Sample, found: &mut Found) {
    walk(part, Some(&sample.sent), &sample.kept, found);
}

/// Whether a rule fills a member in.
fn is_ruled(component: &str, member: &str) -> bool {
    let whole = format!("{component}.{member}");
    let rules = RULED.iter().chain(&MORE);
    rules
        .into_iter()
        .any(|rule| *rule == component || *rule == whole)
}

fn walk(part: Part<'_>, sent: Option<&Value>, kept: &Value, found: &mut Found) {
    match kept {
        Value::Object(members) => {
            let component = part.node().component.as_deref().unwrap_or_default();
            let before = |name: &str| sent.and_then(|sent| sent.get(name));
            for (name, property) in part.properties().filter(|(name, _)| before(name).is_none()) {
                let open = property.properties().next().is_some();
                let value = members.get(name).map(|value| match value {
                    // What is inside of it is filled in too, and looked at there.
                    Value::Object(_) if open => json!({}),
                    other => other.clone(),
                });
                if !is_ruled(component, name) {
                    let key = (component.to_owned(), name.to_owned());
                    found
                        .0
                        .entry(key)
                        .or_default()
                        .insert(value.map(|value| value.to_string()));
                }
            }
            for (name, value) in members {
                let inner = part.member(name);
                let skipped =
                    before(name).is_none() && is_ruled(component, name) && !value.is_object();
                if let Some(inner) = inner.filter(|_| !skipped) {
                    walk(inner, before(name), value, found);
                }
            }
        }
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            let Some(Value::Array(sent)) = sent else {
                return;
            };
            for (sent, kept) in sent.iter().zip(items) {
                walk(inner, Some(sent), kept, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
