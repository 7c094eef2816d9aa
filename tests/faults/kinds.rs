//! The rows of the matrix: every kind of step that changes a field, what it changes, and who wrote that.

use serde_json::{Value, json};

use crate::scenarios::fleet::deployment;

/// A kind of step, on a target that goes wrong and on one beside it that does not.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What it is called; its objects are `{word}-bad` and `{word}-well`.
    pub word: &'static str,
    /// The kind that its step names; empty where its act says itself what it is about.
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
    /// The act of its step, where names are those of its objects, in these namespaces: what goes wrong is in
    /// the last one.
    pub act: fn([&str; 2], &[String]) -> Value,
    /// What its owners write for one target: namespace, name.
    pub objects: fn(&str, &str) -> Vec<(&'static str, Value)>,
}

/// Every kind of step that changes a field.
pub const KINDS: [Kind; 19] = [
    Kind {
        word: "scale",
        names: "Deployment",
        target: "Deployment",
        pointer: "/spec/replicas",
        base: "6",
        war: "3",
        third: Some("5"),
        act: |_, _| json!({ "scale": { "percent": 50 } }),
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
        act: |_, _| json!({ "scale": { "percent": 300 } }),
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
        act: |_, _| json!({ "scale": { "percent": 300 } }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": { "onResume": "SkipMissed" } }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "suspend": {} }),
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
        act: |_, _| json!({ "config": { "set": { "banner": "flood", "search": "off" } } }),
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
        act: |names, _| {
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
        act: |_, _| {
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
        act: |_, _| json!({ "patch": { "remove": ["/metadata/annotations/example.com~1note"] } }),
        objects: |space, name| {
            let mut object = deployment(space, name, Some(2));
            object["metadata"]["annotations"] =
                json!({ "example.com/note": "ask us", "other": "x" });
            vec![("portal-team", object)]
        },
    },
    Kind {
        word: "route",
        names: "Ingress",
        target: "Ingress",
        pointer: "/spec/rules",
        base: LED[0],
        war: LED[1],
        third: Some(LED[2]),
        act: |_, _| json!({ "route": { "to": { "name": "emergency-page", "port": 80 } } }),
        objects: |space, name| vec![("helm", ingress(space, name))],
    },
    Kind {
        word: "access-revoke",
        names: "",
        target: "RoleBinding",
        pointer: "/subjects",
        base: PEOPLE[0],
        war: PEOPLE[1],
        third: Some(PEOPLE[2]),
        act: |_, spaces| {
            let vendors = json!([{ "kind": "Group", "name": "vendors" }]);
            json!({ "access": { "revoke": [{ "subjects": vendors, "namespaces": { "names": spaces } }] } })
        },
        objects: |space, name| vec![("flux", binding(space, name, PEOPLE[0]))],
    },
    Kind {
        word: "access-lock-down",
        names: "",
        target: "RoleBinding",
        pointer: "/subjects",
        base: PEOPLE[3],
        war: "",
        third: Some(PEOPLE[2]),
        act: |_, spaces| {
            let locked = json!({ "key": LOCKED, "operator": "In", "values": spaces });
            json!({ "access": { "lockDown": { "bindings": { "matchExpressions": [locked] } } } })
        },
        objects: |space, name| {
            let mut object = binding(space, name, PEOPLE[3]);
            object["metadata"]["labels"] = json!({ LOCKED: space });
            vec![("helm", object)]
        },
    },
    Kind {
        word: "apply-adopt",
        names: "",
        target: "ConfigMap",
        pointer: "/data/banner",
        base: r#""normal""#,
        war: r#""flood""#,
        third: Some(r#""calm""#),
        act: |[bad, well], spaces| {
            let asked = |space: &str, name: &str| {
                let mut object = flags(space, name);
                object["data"] = json!({ "banner": "flood" });
                object
            };
            let (first, last) = (&spaces[0], &spaces[spaces.len() - 1]);
            json!({ "apply": { "objects": [asked(last, bad), asked(first, well)], "adopt": true } })
        },
        objects: |space, name| vec![("portal-team", flags(space, name))],
    },
];

/// Where a restart is written.
const RESTARTED: &str = "/spec/template/metadata/annotations/pingzhan.dev~1restarted-for";

/// The label of bindings that are locked down; its value is their namespace.
const LOCKED: &str = "locked";

/// Rules of an Ingress that lead to the counters, to the page, and elsewhere.
const LED: [&str; 3] = [
    r#"[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"counters","port":{"number":80}}}}]}}]"#,
    r#"[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"emergency-page","port":{"number":80}}}}]}}]"#,
    r#"[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"elsewhere","port":{"number":80}}}}]}}]"#,
];

/// Lists of those whom a binding is for: vendors among staff, staff alone, staff and others, and helpers.
const PEOPLE: [&str; 4] = [
    r#"[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"vendors"},{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"staff"}]"#,
    r#"[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"staff"}]"#,
    r#"[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"staff"},{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"strangers"}]"#,
    r#"[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"helpers"}]"#,
];

/// The role that bindings give: whoever changes one has to be allowed to bind it.
pub const ROLE: &str = "view";
/// The group of roles and bindings.
pub const RBAC: &str = "rbac.authorization.k8s.io";

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
        let mut step = (self.act)([&bad, &well], spaces);
        step["name"] = json!(self.word);
        if !self.names.is_empty() {
            step["targets"] = json!({ "kinds": [self.names], "namespaces": { "names": spaces }, "names": [bad, well] });
        }
        step
    }

    /// Whether it is kept as it is whatever somebody writes over it: what takes rights is.
    pub fn is_firm(&self) -> bool {
        self.word.starts_with("access-")
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

fn ingress(space: &str, name: &str) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(space, name),
        "spec": { "rules": value(LED[0]) } })
}

fn binding(space: &str, name: &str, people: &str) -> Value {
    json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": meta(space, name),
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE },
        "subjects": value(people) })
}
