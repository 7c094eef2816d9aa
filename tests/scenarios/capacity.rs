//! What a plan says of capacity and of traps, on a real API server, as its playbook's account.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use pingzhan::api::{EmergencyModeStatus, names};
use serde_json::{Value, json};

use super::world::World;

/// What the account needs to be told all of it, and has not of itself.
const RIGHTS: [(&str, &[&str]); 3] = [
    ("", &["nodes", "pods", "resourcequotas", "limitranges"]),
    ("policy", &["poddisruptionbudgets"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
];

fn workload(world: &World, kind: &str, name: &str, replicas: i64, spec: &Value) -> Value {
    let resources = json!({ "requests": { "cpu": "1", "memory": "256Mi" } });
    let containers =
        json!([{ "name": "server", "image": "example/etcd:3.5", "resources": resources }]);
    let mut workload = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "name": name, "namespace": world.namespace },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": containers } },
        },
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        workload["spec"][key] = value.clone();
    }
    workload
}

impl World {
    /// A node of four CPU that takes pods, as a kubelet and the node controller leave it; admission
    /// marks every new one as not ready.
    async fn node(&self, name: &str) {
        let amounts = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
        self.put("v1", "nodes", "", node).await;
        let status = json!({ "status": { "allocatable": amounts, "capacity": amounts,
            "conditions": [{ "type": "Ready", "status": "True" }] } });
        self.patch(&["node", name, "--subresource=status"], &status);
    }

    fn patch(&self, object: &[&str], patch: &Value) {
        let patch = patch.to_string();
        let mut line = vec!["patch", "--type=merge", "-p", &patch];
        line.extend(object);
        self.plane.kubectl(&line);
    }

    /// A namespace in which a surge meets everything that can be in its way.
    async fn crowded(&self) {
        for name in ["one", "two"] {
            self.node(name).await;
        }
        self.patch(&["node", "one"], &json!({ "spec": { "taints": null } }));
        let space = &self.namespace;
        let metadata = |name: &str| json!({ "name": name, "namespace": space });
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("default") });
        self.put("v1", "serviceaccounts", space, account).await;
        let container =
            json!([{ "name": "c", "image": "x", "resources": { "requests": { "cpu": "1500m" } } }]);
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata("guest"),
            "spec": { "nodeName": "one", "containers": container } });
        self.put("v1", "pods", space, pod).await;
        let web = workload(self, "Deployment", "web", 2, &json!({ "paused": true }));
        self.put("apps/v1", "deployments", space, web).await;
        let store = workload(
            self,
            "StatefulSet",
            "store",
            5,
            &json!({ "serviceName": "store" }),
        );
        self.put("apps/v1", "statefulsets", space, store).await;
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata("compute"),
            "spec": { "hard": { "pods": "14", "limits.memory": "64Gi" } } });
        self.put("v1", "resourcequotas", space, quota).await;
        let used = json!({ "status": { "hard": { "pods": "14", "limits.memory": "64Gi" },
            "used": { "pods": "8", "limits.memory": "1Gi" } } });
        self.patch(
            &[
                "-n",
                space,
                "resourcequota",
                "compute",
                "--subresource=status",
            ],
            &used,
        );
        let range = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata("sizes"),
            "spec": { "limits": [{ "type": "Container", "max": { "memory": "128Mi" } }] } });
        self.put("v1", "limitranges", space, range).await;
        let budget = json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata("store"),
            "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "store" } } } });
        self.put("policy/v1", "poddisruptionbudgets", space, budget)
            .await;
    }

    /// Gives the account of the fleet's playbooks the rights that the findings need.
    async fn may_see_capacity(&self) {
        let rbac = "rbac.authorization.k8s.io/v1";
        let name = format!("capacity-{}", self.namespace);
        let rules: Vec<Value> = RIGHTS
            .iter()
            .map(|(group, resources)| json!({ "apiGroups": [group], "resources": resources, "verbs": ["list"] }))
            .collect();
        let role = json!({ "apiVersion": rbac, "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules });
        self.put(rbac, "clusterroles", "", role).await;
        let subjects = json!([{ "kind": "ServiceAccount", "name": self.namespace, "namespace": names::ACCOUNT_NAMESPACE }]);
        let role =
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
        let binding = json!({ "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": { "name": name },
            "roleRef": role, "subjects": subjects });
        self.put(rbac, "clusterrolebindings", "", binding).await;
    }

    /// A stage that sheds, and one that surges.
    fn shed_and_surge(&self) -> Value {
        let scale = |kind: &str, rule: Value| {
            let targets = json!({ "kinds": [kind], "namespaces": { "names": [self.namespace] } });
            json!({ "name": "change", "critical": true, "targets": targets, "scale": rule })
        };
        json!([
            { "name": "shed", "steps": [scale("StatefulSet", json!({ "percent": 40 }))] },
            { "name": "surge", "dependsOn": ["shed"], "steps": [scale("Deployment", json!({ "replicas": 12 }))] },
        ])
    }

    /// The findings of a plan, as the program says them: of the plan, and of its steps.
    fn findings(&self) -> (Vec<String>, Vec<String>) {
        let stages = self.shed_and_surge();
        let book = json!({
            "apiVersion": "pingzhan.dev/v1alpha1", "kind": "Playbook", "metadata": { "name": "crowded" },
            "spec": {
                "title": { "en": "x", "zh-CN": "x" }, "hazard": "Flood", "owner": "x",
                "serviceAccountName": self.namespace, "stages": stages,
                "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
            },
        });
        let mut file = tempfile::Builder::new()
            .suffix(".yaml")
            .tempfile()
            .expect("a file");
        write!(file, "{book}").expect("it is written");
        let output = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
            .args(["plan", "--level", "I", "-o", "json", "-f"])
            .arg(file.path())
            .env("KUBECONFIG", &self.plane.kubeconfig)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let plan: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        let texts = |of: &Value| -> Vec<String> {
            let texts = of["findings"].as_array().into_iter().flatten();
            texts
                .filter_map(Value::as_str)
                .map(|text| text.replace(&self.namespace, "NAMESPACE"))
                .collect()
        };
        let steps = plan["stages"].as_array().into_iter().flatten();
        let steps = steps.flat_map(|stage| stage["steps"].as_array().into_iter().flatten());
        (texts(&plan), steps.flat_map(texts).collect())
    }
}

/// What a person reads before the declaration is what they would find out in the middle of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_its_surge_would_meet_on_a_real_cluster() {
    let world = World::new().await;
    world.crowded().await;
    world.may_see_capacity().await;
    let (plan, steps) = world.findings();
    insta::assert_snapshot!([plan, steps].concat().join("\n"));
    // The server itself says the same of a pod of that template.
    let template = workload(&world, "Deployment", "web", 1, &json!({}));
    let pod =
        json!({ "metadata": { "name": "web-1" }, "spec": template["spec"]["template"]["spec"] });
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), &world.namespace);
    let refused = pods.create(&PostParams::default(), &pod).await;
    let refused = refused.expect_err("a limit range refuses it").to_string();
    assert!(
        refused.contains("must be less than or equal to memory limit of 128Mi"),
        "{refused}"
    );
}

/// A sentence without what other tests of the same server have a part in: how much its nodes have free.
fn unshared(text: &str) -> String {
    if text.starts_with("capacity: ") {
        return "capacity".to_owned();
    }
    match text.split_once(" CPU short") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|of: char| of.is_ascii_digit() || of == '.');
            let (after, _) = after.split_once(" (").expect("what it asks for");
            format!("{before}SOME CPU short{after}")
        }
        None => text.to_owned(),
    }
}

/// Who approves has not seen the preview of who declared: they read the same in the status, the gravest
/// first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approver_reads_in_the_status_what_a_surge_would_meet() {
    let mut world = World::new().await;
    world.crowded().await;
    world.may_see_capacity().await;
    world.start().await;
    let stages = world.shed_and_surge();
    world.publish("flood", world.playbook(&stages)).await;
    world.declare("flood", json!({ "level": "I" })).await;
    let mode = world
        .until("flood", "says what was found of its plan", |status| {
            let plan = status.plan.as_ref();
            plan.is_some_and(|plan| plan.findings.is_some())
        })
        .await;
    let plan = mode.status.expect("a status").plan.expect("a plan");
    let found = plan.findings.expect("findings");
    let lines: Vec<String> = found
        .listed
        .iter()
        .map(|one| {
            let step = one.step.as_deref().unwrap_or("the plan");
            let text = one.message.replace(&world.namespace, "NAMESPACE");
            format!("{:?}, {step}: {}", one.concern, unshared(&text))
        })
        .collect();
    assert_eq!(found.left_out, 0);
    insta::assert_snapshot!(lines.join("\n"));
    let output = Command::new(env!("CARGO_BIN_EXE_pingzhan"))
        .args(["status", "flood"])
        .env("KUBECONFIG", &world.plane.kubeconfig)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let page = String::from_utf8_lossy(&output.stdout);
    for one in &found.listed {
        assert!(page.contains(&one.message), "{} in {page}", one.message);
    }
    // Once it is in force, nobody is asked to read it.
    world.approve("flood", "lin", &plan.hash).await;
    world.approve("flood", "he", &plan.hash).await;
    let in_force = |status: &EmergencyModeStatus| status.granted.is_some();
    let mode = world.until("flood", "is in force", in_force).await;
    let kept = mode.status.and_then(|status| status.plan?.findings);
    assert_eq!(kept.as_ref(), Some(&found));
}

/// An account that may see nothing of it plans all the same, and who reads the plan knows that
/// nobody has counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_rights_plans_and_says_that_capacity_is_not_known() {
    let world = World::new().await;
    world.crowded().await;
    let (plan, steps) = world.findings();
    let [unknown] = plan.as_slice() else {
        panic!("one sentence, not {plan:?}");
    };
    assert!(unknown.starts_with("capacity is not known: "), "{unknown}");
    for (_, resources) in RIGHTS {
        let named: BTreeSet<bool> = resources
            .iter()
            .map(|name| unknown.contains(name))
            .collect();
        assert_eq!(named, [true].into(), "{resources:?} of {unknown}");
    }
    // What the targets themselves say is known.
    assert_eq!(
        steps.iter().filter(|one| one.contains("paused")).count(),
        1,
        "{steps:?}"
    );
    assert_eq!(
        steps.iter().filter(|one| one.contains("majority")).count(),
        1,
        "{steps:?}"
    );
}
