//! The rows of the matrix: every kind of step that changes a field, what it changes, and who wrote that.

use serde_json::{Value, json};

use crate::scenarios::fleet::deployment;

/// A kind of step, on a target that goes wrong and on one beside it that does not.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What it is called; its objects are `{word}-bad` and `{word}-well`.
    pub word: &'static str,
    /// The kind that its step names.
    pub names: &'static str,
    /// The kind that is changed.
    pub target: &'static str,
    /// The field that is changed.
    pub pointer: &'static str,
    /// What it holds in peacetime, as JSON; empty where it is absent.
    pub base: &'static str,
    /// What it holds in wartime; `*` for anything else than in peacetime.
    pub war: &'static str,
    /// A third value that somebody may choose; nothing where there are only two.
    pub third: Option<&'static str>,
    /// The act of its step, where names are those of its objects.
    pub act: fn([&str; 2]) -> Value,
    /// What its owners write for one target: namespace, name.
    pub objects: fn(&str, &str) -> Vec<(&'static str, Value)>,
}

/// Every kind of step that changes a field.
pub const KINDS: [Kind; 15] = [
    Kind {
        word: "scale",
        names: "Deployment",
        target: "Deployment",
        pointer: "/spec/replicas",
        base: "6",
        war: "3",
        third: Some("5"),
        act: |_| json!({ "scale": { "percent": 50 } }),
        objects: |space, name| vec![("helm", deployment(space, name, Some(6)))],
    },
    Kind {
        word: "scale-hpa",
        names: "Deployment",
        target: "HorizontalPodAutoscaler",
        pointer: "/spec/minReplicas",
        base: "2",
        war: "12",
        third: Some("5"),
        act: |_| json!({ "scale": { "percent": 300 } }),
        objects: |space, name| {
            vec![
                ("helm", deployment(space, name, Some(4))),
                ("helm", autoscaler(space, name)),
            ]
        },
    },
    Kind {
        word: "scale-keda",
        names: "Deployment",
        target: "ScaledObject",
        pointer: "/spec/minReplicaCount",
        base: "2",
        war: "12",
        third: Some("5"),
        act: |_| json!({ "scale": { "percent": 300 } }),
        objects: |space, name| {
            vec![
                ("helm", deployment(space, name, Some(4))),
                ("platform-team", scaled_object(space, name)),
            ]
        },
    },
    Kind {
        word: "suspend-cronjob",
        names: "CronJob",
        target: "CronJob",
        pointer: "/spec/suspend",
        base: "false",
        war: "true",
        third: None,
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("helm", cron_job(space, name))],
    },
    Kind {
        word: "suspend-skip-missed",
        names: "CronJob",
        target: "CronJob",
        pointer: "/spec/suspend",
        base: "false",
        war: "true",
        third: None,
        act: |_| json!({ "suspend": { "onResume": "SkipMissed" } }),
        objects: |space, name| vec![("helm", cron_job(space, name))],
    },
    Kind {
        word: "suspend-job",
        names: "Job",
        target: "Job",
        pointer: "/spec/suspend",
        base: "false",
        war: "true",
        third: None,
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("helm", job(space, name))],
    },
    Kind {
        word: "suspend-kustomization",
        names: "kustomize.toolkit.fluxcd.io/Kustomization",
        target: "Kustomization",
        pointer: "/spec/suspend",
        base: "",
        war: "true",
        third: Some("false"),
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("platform-team", kustomization(space, name))],
    },
    Kind {
        word: "suspend-helmrelease",
        names: "helm.toolkit.fluxcd.io/HelmRelease",
        target: "HelmRelease",
        pointer: "/spec/suspend",
        base: "",
        war: "true",
        third: Some("false"),
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("platform-team", release(space, name))],
    },
    Kind {
        word: "suspend-application",
        names: "argoproj.io/Application",
        target: "Application",
        pointer: "/spec/syncPolicy/automated",
        base: r#"{"prune":true,"selfHeal":true}"#,
        war: "",
        third: Some(r#"{"prune":false}"#),
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("platform-team", application(space, name))],
    },
    Kind {
        word: "suspend-rollout",
        names: "argoproj.io/Rollout",
        target: "Rollout",
        pointer: "/spec/paused",
        base: "",
        war: "true",
        third: Some("false"),
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("portal-team", rollout(space, name))],
    },
    Kind {
        word: "suspend-scaledobject",
        names: "keda.sh/ScaledObject",
        target: "ScaledObject",
        pointer: "/metadata/annotations/autoscaling.keda.sh~1paused",
        base: "",
        war: r#""true""#,
        third: Some(r#""soon""#),
        act: |_| json!({ "suspend": {} }),
        objects: |space, name| vec![("platform-team", scaled_object(space, name))],
    },
    Kind {
        word: "config",
        names: "ConfigMap",
        target: "ConfigMap",
        pointer: "/data/banner",
        base: r#""normal""#,
        war: r#""flood""#,
        third: Some(r#""calm""#),
        act: |_| json!({ "config": { "set": { "banner": "flood", "search": "off" } } }),
        objects: |space, name| vec![("portal-team", flags(space, name))],
    },
    Kind {
        word: "config-restart",
        names: "ConfigMap",
        target: "Deployment",
        pointer: RESTARTED,
        base: "",
        war: "*",
        third: Some(r#""by hand""#),
        act: |names| {
            let restart = names.map(|name| json!({ "kind": "Deployment", "name": name }));
            json!({ "config": { "set": { "banner": "flood" }, "restart": restart } })
        },
        objects: |space, name| {
            vec![
                ("portal-team", flags(space, name)),
                ("helm", deployment(space, name, Some(2))),
            ]
        },
    },
    Kind {
        word: "patch",
        names: "Deployment",
        target: "Deployment",
        pointer: "/spec/template/spec/containers/0/resources/limits/cpu",
        base: r#""2""#,
        war: r#""1""#,
        third: Some(r#""3""#),
        act: |_| {
            let path = "/spec/template/spec/containers[name=web]/resources/limits/cpu";
            // The API server makes "1" of it.
            json!({ "patch": { "set": [{ "path": path, "value": "1000m" }] } })
        },
        objects: |space, name| vec![("helm", deployment(space, name, Some(2)))],
    },
    Kind {
        word: "patch-remove",
        names: "Deployment",
        target: "Deployment",
        pointer: "/metadata/annotations/example.com~1note",
        base: r#""ask us""#,
        war: "",
        third: Some(r#""ask somebody else""#),
        act: |_| json!({ "patch": { "remove": ["/metadata/annotations/example.com~1note"] } }),
        objects: |space, name| {
            let mut object = deployment(space, name, Some(2));
            object["metadata"]["annotations"] =
                json!({ "example.com/note": "ask us", "other": "x" });
            vec![("portal-team", object)]
        },
    },
];

/// Where a restart is written.
const RESTARTED: &str = "/spec/template/metadata/annotations/pingzhan.dev~1restarted-for";

impl Kind {
    /// The name of its target that goes wrong.
    pub fn bad(&self) -> String {
        format!("{}-bad", self.word)
    }

    /// The name of the one beside it.
    pub fn well(&self) -> String {
        format!("{}-well", self.word)
    }

    /// Its step: both targets, in these namespaces.
    pub fn step(&self, spaces: &[String]) -> Value {
        let (bad, well) = (self.bad(), self.well());
        let mut step = (self.act)([&bad, &well]);
        step["name"] = json!(self.word);
        step["targets"] = json!({ "kinds": [self.names], "namespaces": { "names": spaces }, "names": [bad, well] });
        step
    }

    /// Whether its field holds this.
    pub fn holds(&self, object: &Value, wanted: &str) -> bool {
        let is = object.pointer(self.pointer);
        match wanted {
            "*" => is != value(self.base).as_ref(),
            wanted => is == value(wanted).as_ref(),
        }
    }
}

/// What a cell of the table is, as JSON; nothing where it is absent.
pub fn value(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| serde_json::from_str(text).expect("JSON"))
}

fn meta(space: &str, name: &str) -> Value {
    json!({ "namespace": space, "name": name })
}

fn autoscaler(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta(space, name),
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicas": 2, "maxReplicas": 10 } })
}

fn scaled_object(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": meta(space, name),
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicaCount": 2, "maxReplicaCount": 10,
            "triggers": [{ "type": "cpu", "metadata": { "value": "70" } }] } })
}

fn pods() -> Value {
    json!({ "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] })
}

fn cron_job(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta(space, name),
        "spec": { "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": { "spec": pods() } } } } })
}

fn job(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": meta(space, name),
        "spec": { "template": { "spec": pods() } } })
}

fn kustomization(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta(space, name),
        "spec": { "interval": "10m", "path": "./city", "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "city" } } })
}

fn release(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": meta(space, name),
        "spec": { "interval": "10m", "chart": { "spec": { "chart": "city",
            "sourceRef": { "kind": "HelmRepository", "name": "city" } } } } })
}

fn application(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": meta(space, name),
        "spec": { "project": "default",
            "source": { "repoURL": "https://git.example.com/apps.git", "path": "city" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": space },
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true } } } })
}

fn rollout(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": meta(space, name),
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": "registry.example.com/main:1" }] } },
            "strategy": { "canary": {} } } })
}

fn flags(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(space, name),
        "data": { "banner": "normal", "other": "a & b" } })
}
