//! The table: what `yunxi.yaml` says, row by row. A word that it does not know is an error, so that a
//! slip of the hand is seen at once.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The city.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct City {
    /// Its name in labels.
    pub name: String,
    /// Its name, as people write it.
    pub title: Title,
    /// How many times what a department asks for in peacetime its quota holds.
    pub room: BTreeMap<Tier, i64>,
    /// Its districts.
    pub districts: Vec<String>,
    /// What enforces network policies on its nodes.
    pub network: String,
    /// What people may be allowed to do, beside the roles that every cluster has.
    pub roles: Vec<Role>,
    /// Who may do what everywhere.
    pub access: Vec<Access>,
    /// Its departments.
    pub departments: Vec<Department>,
}

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// In English.
    pub en: String,
    /// In Chinese.
    #[serde(rename = "zh-CN")]
    pub zh_cn: String,
}

/// What people may be allowed to do: a `ClusterRole` of one rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plurals.
    pub resources: Vec<String>,
    /// What may be done with them.
    pub verbs: Vec<String>,
}

/// Who may do what: a binding.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// Its name.
    pub name: String,
    /// The `ClusterRole` that it gives.
    pub role: String,
    /// The groups that have it.
    pub groups: Vec<String>,
    /// Whose people they are; nothing for the city's own.
    #[serde(default)]
    pub party: Option<Party>,
    /// Who writes it.
    pub owner: Owner,
}

/// Ways in: an `HTTPRoute`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// Its name, and that of its host.
    pub name: String,
    /// The workload behind each path.
    pub paths: BTreeMap<String, String>,
    /// Who writes it.
    pub owner: Owner,
}

/// Who is not of the city.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// A supplier.
    Third,
}

impl Party {
    /// As labels say it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Third => "third",
        }
    }
}

/// How much people depend on a department in an emergency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Their lives may.
    Critical,
    /// It goes on as it is.
    Standard,
    /// It can wait.
    BackOffice,
}

impl Tier {
    /// As the label `tier` says it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
            Self::BackOffice => "back-office",
        }
    }
}

/// A department of the city, or its office in a district: a namespace.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Department {
    /// Its namespace.
    pub namespace: String,
    /// Its name, as people write it.
    pub title: Title,
    /// Who is responsible, as the label `department` says it.
    pub bureau: String,
    /// What it is for people, as the label `service` says it.
    pub service: String,
    /// The district; the city's own department has none.
    #[serde(default)]
    pub district: Option<String>,
    /// Its tier.
    pub tier: Tier,
    /// Whether no playbook touches anything of it.
    #[serde(default)]
    pub exclude: bool,
    /// What it runs.
    pub workloads: Vec<Workload>,
    /// What it runs at times.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// Its settings: `ConfigMap`s by name.
    #[serde(default)]
    pub config: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may do what in it.
    #[serde(default)]
    pub access: Vec<Access>,
    /// The ways in.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// How many copies, in peacetime.
    pub replicas: i64,
    /// Processors of one copy, as somebody wrote them: `1000m` comes back from the server as `1`.
    pub cpu: String,
    /// Memory of one copy.
    pub memory: String,
    /// The name of its container.
    #[serde(default = "server")]
    pub container: String,
    /// Whose its pods are; nothing for the city's own.
    #[serde(default)]
    pub party: Option<Party>,
    /// Who writes it.
    pub owner: Owner,
    /// The bounds of its autoscaler.
    #[serde(default)]
    pub hpa: Option<(i64, i64)>,
    /// The bounds of its `ScaledObject`.
    #[serde(default)]
    pub keda: Option<(i64, i64)>,
    /// How many copies of it are never evicted together.
    #[serde(default)]
    pub pdb: Option<i64>,
    /// Whether no playbook touches it.
    #[serde(default)]
    pub exclude: bool,
    /// Whether it loses its volumes with its replicas.
    #[serde(default)]
    pub volumes_go: bool,
}

fn server() -> String {
    "server".to_owned()
}

/// A kind of workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// A Deployment.
    #[default]
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// A `CronJob`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Job {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub schedule: String,
    /// Who writes it.
    pub owner: Owner,
    /// Whether it does not run in peacetime either.
    #[serde(default)]
    pub suspended: bool,
}

/// Who writes an object, and how: so it is known who owns its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Helm 4: server-side apply.
    Helm,
    /// Helm for all but the number of replicas, which the capacity team applies.
    #[serde(rename = "helm+capacity")]
    HelmAndCapacity,
    /// Helm and Argo CD, both for everything.
    #[serde(rename = "helm+argo")]
    HelmAndArgo,
    /// Argo CD: server-side apply.
    Argo,
    /// Flux's kustomize-controller: server-side apply.
    Flux,
    /// Flux's helm-controller: creates.
    FluxHelm,
    /// `kubectl apply`, client-side: creates, with the manifest in an annotation.
    Kubectl,
    /// The controller of a database: creates.
    Operator,
}

impl Owner {
    /// Every kind of owner.
    pub const ALL: [Self; 8] = [
        Self::Helm,
        Self::HelmAndCapacity,
        Self::HelmAndArgo,
        Self::Argo,
        Self::Flux,
        Self::FluxHelm,
        Self::Kubectl,
        Self::Operator,
    ];
}

impl City {
    /// Every workload, with its department.
    pub fn workloads(&self) -> impl Iterator<Item = (&Department, &Workload)> {
        self.departments.iter().flat_map(|department| {
            let own = department.workloads.iter();
            own.map(move |workload| (department, workload))
        })
    }

    /// How many workloads there are.
    pub fn size(&self) -> usize {
        self.workloads().count()
    }

    /// The department of a namespace.
    pub fn department(&self, namespace: &str) -> Option<&Department> {
        let mut all = self.departments.iter();
        all.find(|department| department.namespace == namespace)
    }

    /// A workload by its namespace and name.
    pub fn find(&self, namespace: &str, name: &str) -> Option<(&Department, &Workload)> {
        let department = self.department(namespace)?;
        let mut own = department.workloads.iter();
        Some((department, own.find(|workload| workload.name == name)?))
    }
}

impl Department {
    /// Whether somebody writes anything of it so.
    pub fn has(&self, owners: &[Owner]) -> bool {
        let workloads = self.workloads.iter().map(|workload| workload.owner);
        let jobs = self.jobs.iter().map(|job| job.owner);
        let access = self.access.iter().map(|access| access.owner);
        let routes = self.routes.iter().map(|route| route.owner);
        let mut all = workloads.chain(jobs).chain(access).chain(routes);
        all.any(|owner| owners.contains(&owner))
    }
}

/// Reads a table.
///
/// # Panics
/// It is not one.
pub fn read(text: &str) -> City {
    serde_yaml::from_str(text).expect("the table of the city is whole")
}
