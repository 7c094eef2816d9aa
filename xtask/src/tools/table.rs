//! The table of programs that tests stand on, the control plane's and those around it: what each is built
//! from.

/// A program that tests stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// The API server.
    KubeApiserver,
    /// Its store.
    Etcd,
    /// The controllers.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The command-line client.
    Kubectl,
    /// Fake kubelets.
    Kwok,
    /// The package manager, whose server-side apply is tested against.
    Helm,
    /// The monitoring system that playbooks may ask while they wait.
    Prometheus,
}

/// A Go module that pins the versions of everything.
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// The version that it pins.
    pub version: &'static str,
    /// Its `go.mod`.
    pub go_mod: &'static str,
    /// Its `go.sum`.
    pub go_sum: &'static str,
    /// Stamped with a version at link time, or the server says a placeholder.
    pub stamped: bool,
}

/// What a program is built from.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The package that is built.
    pub package: &'static str,
    /// The module that pins its version.
    pub module: &'static Module,
    /// Build tags: what is left out.
    pub tags: &'static str,
    /// How long a first build takes on two cores, downloads included.
    pub first: &'static str,
}

const KUBERNETES: Module = Module {
    name: "kubernetes",
    version: "v1.36.3",
    go_mod: include_str!("../../tools/kubernetes/go.mod"),
    go_sum: include_str!("../../tools/kubernetes/go.sum"),
    stamped: true,
};
const ETCD: Module = Module {
    name: "etcd",
    version: "v3.6.13",
    go_mod: include_str!("../../tools/etcd/go.mod"),
    go_sum: include_str!("../../tools/etcd/go.sum"),
    stamped: false,
};
const KWOK: Module = Module {
    name: "kwok",
    version: "v0.8.0",
    go_mod: include_str!("../../tools/kwok/go.mod"),
    go_sum: include_str!("../../tools/kwok/go.sum"),
    stamped: false,
};
const HELM: Module = Module {
    name: "helm",
    version: "v4.3.1",
    go_mod: include_str!("../../tools/helm/go.mod"),
    go_sum: include_str!("../../tools/helm/go.sum"),
    stamped: false,
};
const PROMETHEUS: Module = Module {
    name: "prometheus",
    version: "v0.313.0",
    go_mod: include_str!("../../tools/prometheus/go.mod"),
    go_sum: include_str!("../../tools/prometheus/go.sum"),
    stamped: false,
};

const KUBE_APISERVER: Row = Row {
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    module: &KUBERNETES,
    tags: "",
    first: "5 minutes",
};
const ETCD_SERVER: Row = Row {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    module: &ETCD,
    tags: "",
    first: "1 minute",
};
const KUBE_CONTROLLER_MANAGER: Row = Row {
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    module: &KUBERNETES,
    tags: "",
    first: "2 minutes",
};
const KUBE_SCHEDULER: Row = Row {
    name: "kube-scheduler",
    package: "k8s.io/kubernetes/cmd/kube-scheduler",
    module: &KUBERNETES,
    tags: "",
    first: "1 minute",
};
const KUBECTL: Row = Row {
    name: "kubectl",
    package: "k8s.io/kubernetes/cmd/kubectl",
    module: &KUBERNETES,
    tags: "",
    first: "1 minute",
};
const KWOK_FAKE_KUBELETS: Row = Row {
    name: "kwok",
    package: "sigs.k8s.io/kwok/cmd/kwok",
    module: &KWOK,
    tags: "",
    first: "2 minutes",
};
const HELM_CLI: Row = Row {
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    module: &HELM,
    tags: "",
    first: "3 minutes",
};
/// Without its pages, which are in no Go module, and without finding targets in clouds, which would be
/// most of what is compiled.
const PROMETHEUS_SERVER: Row = Row {
    name: "prometheus",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    module: &PROMETHEUS,
    tags: "remove_all_sd",
    first: "2 minutes",
};

impl Program {
    /// Its file name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Its version.
    pub const fn version(self) -> &'static str {
        self.row().module.version
    }

    /// What it is built from.
    pub(super) const fn row(self) -> &'static Row {
        match self {
            Self::KubeApiserver => &KUBE_APISERVER,
            Self::Etcd => &ETCD_SERVER,
            Self::KubeControllerManager => &KUBE_CONTROLLER_MANAGER,
            Self::KubeScheduler => &KUBE_SCHEDULER,
            Self::Kubectl => &KUBECTL,
            Self::Kwok => &KWOK_FAKE_KUBELETS,
            Self::Helm => &HELM_CLI,
            Self::Prometheus => &PROMETHEUS_SERVER,
        }
    }
}
