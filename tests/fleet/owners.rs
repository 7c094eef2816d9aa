//! Who writes the city's objects, and how: so it is known whose their fields are.

use serde_json::{Value, json};

use super::gitops;
use super::objects::{self, Pairs, joined, pairs};
use super::rooms;
use super::table::{City, Department, Job, Owner, Workload};

/// The names under which owners write; they are what the real programs use.
pub mod managers {
    /// Helm 4.
    pub const HELM: &str = "helm";
    /// `kubectl apply` without `--server-side`.
    pub const KUBECTL: &str = "kubectl-client-side-apply";
    /// Argo CD.
    pub const ARGO: &str = "argocd-controller";
    /// Flux, of a Kustomization.
    pub const FLUX: &str = "kustomize-controller";
    /// Flux, of a `HelmRelease`.
    pub const FLUX_HELM: &str = "helm-controller";
    /// Flux's command line, which begins it all.
    pub const FLUX_CLI: &str = "flux";
    /// KEDA.
    pub const KEDA: &str = "keda-operator";
    /// The controller of databases.
    pub const OPERATOR: &str = "postgres-operator";
    /// The capacity team.
    pub const CAPACITY: &str = "capacity-team";
    /// The platform team.
    pub const PLATFORM: &str = "platform-team";
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Server-side apply, without force.
    Apply,
    /// What `kubectl apply` creates: the manifest is kept in an annotation.
    ClientSide,
    /// What a controller creates.
    Create,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// Who.
    pub manager: &'static str,
    /// How.
    pub how: How,
    /// What.
    pub object: Value,
    /// What the object is made of and ends with: kind and name in the same namespace, as an object.
    pub made_by: Option<Value>,
}

/// Writes in their order. What one chain writes no other does.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// What it brings, as people read it.
    pub of: String,
    /// The writes.
    pub deeds: Vec<Deed>,
}

impl Deed {
    fn apply(manager: &'static str, object: Value) -> Self {
        Self {
            manager,
            how: How::Apply,
            object,
            made_by: None,
        }
    }
}

impl City {
    /// What is there before everything else: namespaces.
    pub fn namespaces(&self) -> Vec<Deed> {
        let own = self.departments.iter();
        let own = own.map(|department| objects::namespace(self, department));
        let all = own.chain(gitops::namespaces(self));
        all.map(|object| Deed::apply(managers::PLATFORM, object))
            .collect()
    }

    /// Everything else, in chains that know nothing of each other.
    pub fn chains(&self) -> Vec<Chain> {
        let mut chains = vec![self.roots(), self.rights(), self.network()];
        for department in &self.departments {
            chains.push(self.framework(department));
            let workloads = department.workloads.iter().map(|workload| Chain {
                of: format!("{}/{}", department.namespace, workload.name),
                deeds: self.workload_deeds(department, workload),
            });
            chains.extend(workloads);
            let jobs = department.jobs.iter().map(|job| Chain {
                of: format!("{}/{}", department.namespace, job.name),
                deeds: self.job_deeds(department, job),
            });
            chains.extend(jobs);
        }
        chains
    }

    /// Every write, in an order in which it can be done.
    pub fn deeds(&self) -> Vec<Deed> {
        let chains = self.chains().into_iter().flat_map(|chain| chain.deeds);
        self.namespaces().into_iter().chain(chains).collect()
    }

    /// The roots of Flux and Argo CD.
    fn roots(&self) -> Chain {
        let argo = Deed {
            how: How::ClientSide,
            ..Deed::apply(managers::KUBECTL, gitops::argo_root(self))
        };
        let flux = Deed::apply(managers::FLUX_CLI, gitops::flux_root(self));
        Chain {
            of: "GitOps".to_owned(),
            deeds: vec![flux, argo],
        }
    }

    /// Roles, and who has them everywhere.
    fn rights(&self) -> Chain {
        let roles = self.roles.iter().map(|role| objects::role(self, role));
        let roles = roles.map(|object| Deed::apply(managers::PLATFORM, object));
        let access = self.access.iter().flat_map(|access| {
            let object = objects::binding(self, None, access);
            owned(&self.name, access.owner, object)
        });
        Chain {
            of: "rights".to_owned(),
            deeds: roles.chain(access).collect(),
        }
    }

    /// What enforces network policies.
    fn network(&self) -> Chain {
        Chain {
            of: self.network.clone(),
            deeds: owned(objects::SYSTEM, Owner::Helm, objects::network(self)),
        }
    }

    /// What a department has beside what it runs: quota, limits, settings, who may do what, the ways in, and
    /// what GitOps reads.
    fn framework(&self, department: &Department) -> Chain {
        let platform = |object| Deed::apply(managers::PLATFORM, object);
        let mut deeds = vec![
            platform(rooms::quota(self, department)),
            platform(rooms::limits(self, department)),
        ];
        for (name, data) in &department.config {
            let object = objects::settings(self, department, name, data);
            deeds.extend(owned(&department.namespace, Owner::Helm, object));
        }
        for access in &department.access {
            let object = objects::binding(self, Some(department), access);
            deeds.extend(owned(&department.namespace, access.owner, object));
        }
        for route in &department.routes {
            let object = objects::route(self, department, route);
            deeds.extend(owned(&department.namespace, route.owner, object));
        }
        if department.has(&gitops::FLUX_OWNED) {
            let child = gitops::flux_child(self, department);
            deeds.push(Deed::apply(managers::FLUX, child));
        }
        if department.has(&[Owner::FluxHelm]) {
            let release = gitops::release(self, department);
            deeds.push(Deed::apply(managers::FLUX, release));
        }
        if department.has(&gitops::ARGO_OWNED) {
            let child = gitops::argo_child(self, department);
            deeds.push(Deed::apply(managers::ARGO, child));
        }
        Chain {
            of: department.namespace.clone(),
            deeds,
        }
    }

    /// What the owner of a workload does to bring it, and what belongs to it.
    pub fn workload_deeds(&self, department: &Department, workload: &Workload) -> Vec<Deed> {
        let mut all = vec![
            objects::workload(self, department, workload),
            objects::service(self, department, workload),
        ];
        let bounds = workload.hpa;
        all.extend(bounds.map(|bounds| objects::autoscaler(self, department, workload, bounds)));
        let budget = workload.pdb;
        all.extend(budget.map(|least| objects::budget(self, department, workload, least)));
        let bounds = workload.keda;
        let scaled =
            bounds.map(|bounds| objects::scaled_object(self, department, workload, bounds));
        all.extend(scaled.clone());
        let mut deeds: Vec<Deed> = all
            .into_iter()
            .flat_map(|object| owned(&department.namespace, workload.owner, object))
            .collect();
        if let (Some(by), Some(bounds)) = (scaled, bounds) {
            deeds.push(self.keda(department, workload, bounds, by));
        }
        deeds
    }

    /// The autoscaler that KEDA makes of a `ScaledObject`.
    fn keda(
        &self,
        department: &Department,
        workload: &Workload,
        bounds: (i64, i64),
        by: Value,
    ) -> Deed {
        let mut object = objects::autoscaler(self, department, workload, bounds);
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(format!("keda-hpa-{}", workload.name));
        metadata["labels"]["app.kubernetes.io/managed-by"] = json!("keda-operator");
        metadata["labels"]["scaledobject.keda.sh/name"] = json!(workload.name);
        Deed {
            manager: managers::KEDA,
            how: How::Create,
            object,
            made_by: Some(by),
        }
    }

    fn job_deeds(&self, department: &Department, job: &Job) -> Vec<Deed> {
        let object = objects::job(self, department, job);
        owned(&department.namespace, job.owner, object)
    }
}

/// An object as its owner writes it: with the owner's marks, in the owner's way. `of` is the department's
/// namespace, after which what its owners install is called.
fn owned(of: &str, owner: Owner, object: Value) -> Vec<Deed> {
    match owner {
        Owner::Helm => vec![helm(of, object)],
        Owner::HelmAndCapacity => helm_and_capacity(of, object),
        Owner::HelmAndArgo => vec![helm(of, object.clone()), argo(of, object)],
        Owner::Argo => vec![argo(of, object)],
        Owner::Flux => {
            let marks = gitops::by_kustomization(of);
            vec![Deed::apply(
                managers::FLUX,
                marked(object, marks, Pairs::new()),
            )]
        }
        Owner::FluxHelm => {
            let marks = joined(gitops::by_release(of), by_helm());
            let object = marked(object, marks, release_of(of));
            vec![created(managers::FLUX_HELM, How::Create, object)]
        }
        Owner::Kubectl => {
            let team = pairs(&[("yunxi.example/team", "operations")]);
            let object = marked(object, Pairs::new(), team);
            vec![created(managers::KUBECTL, How::ClientSide, object)]
        }
        Owner::Operator => {
            let marks = pairs(&[("app.kubernetes.io/managed-by", managers::OPERATOR)]);
            let object = marked(object, marks, Pairs::new());
            vec![created(managers::OPERATOR, How::Create, object)]
        }
    }
}

fn created(manager: &'static str, how: How, object: Value) -> Deed {
    Deed {
        how,
        ..Deed::apply(manager, object)
    }
}

fn by_helm() -> Pairs {
    pairs(&[("app.kubernetes.io/managed-by", "Helm")])
}

fn release_of(namespace: &str) -> Pairs {
    pairs(&[
        ("meta.helm.sh/release-name", namespace),
        ("meta.helm.sh/release-namespace", namespace),
    ])
}

fn helm(namespace: &str, object: Value) -> Deed {
    let object = marked(object, by_helm(), release_of(namespace));
    Deed::apply(managers::HELM, object)
}

fn argo(application: &str, object: Value) -> Deed {
    let tracking = gitops::tracking(application, &object);
    Deed::apply(managers::ARGO, marked(object, Pairs::new(), tracking))
}

/// Helm's without the number of replicas, and the number alone, where there is one.
fn helm_and_capacity(namespace: &str, object: Value) -> Vec<Deed> {
    let mut rest = helm(namespace, object);
    let spec = rest.object.get_mut("spec").and_then(Value::as_object_mut);
    let Some(replicas) = spec.and_then(|spec| spec.remove("replicas")) else {
        return vec![rest];
    };
    let metadata = &rest.object["metadata"];
    let number = json!({
        "apiVersion": rest.object["apiVersion"], "kind": rest.object["kind"],
        "metadata": { "name": metadata["name"], "namespace": metadata["namespace"] },
        "spec": { "replicas": replicas },
    });
    vec![rest, Deed::apply(managers::CAPACITY, number)]
}

/// An object with the marks of its owner. An owner without any writes no empty place for them.
fn marked(mut object: Value, labels: Pairs, annotations: Pairs) -> Value {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return object;
    };
    for (at, marks) in [("labels", labels), ("annotations", annotations)] {
        if marks.is_empty() {
            continue;
        }
        let place = metadata.entry(at).or_insert_with(|| json!({}));
        if let Some(already) = place.as_object_mut() {
            already.extend(marks);
        }
    }
    object
}
