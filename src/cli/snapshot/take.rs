//! The order in which a cluster is read: what steps act on, then what stands beside it, then what holds
//! for the whole cluster.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream;
use serde_json::Value;

use crate::api::names;
use crate::cli::error::Error;
use crate::cli::preview::Operator;
use crate::cluster::list::Query;
use crate::cluster::{Collection, Resource};
use crate::engine::beside::Program;
use crate::field::sieve::Sieve;
use crate::sandtable::snapshot::Measured;
use crate::step::{count, kinds};

use super::books::Asked;
use super::kind::{Only, Part, Wanted};
use super::left::{Group, Left};
use super::namespaces::Namespaces;
use super::piece::Piece;
use super::pods;
use super::reader::{Answered, Reader};
use super::rights::{Accounts, Roles};
use super::targets;

/// Kinds that are read at a time. People's requests must not wait for ours.
const AT_ONCE: usize = 4;

/// What stands beside targets, in their namespaces: it bounds how many pods there may be.
const BESIDE: [&str; 6] = [
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "autoscaling.k8s.io/VerticalPodAutoscaler",
    count::AUTOSCALER,
    count::SCALED_OBJECT,
];
/// What may apply targets, wherever it is.
const APPLIERS: [Program; 3] = [
    Program::Kustomization,
    Program::HelmRelease,
    Program::Application,
];
/// What holds for the whole cluster.
const CLUSTER: [&str; 4] = ["Node", "PriorityClass", POLICY, BINDING];
const POLICY: &str = "admissionregistration.k8s.io/ValidatingAdmissionPolicy";
const BINDING: &str = "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding";
/// Groups whose kinds every API server has, beside those of the table of kinds.
const BUILT_IN: [&str; 3] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "storage.k8s.io",
];

/// What was taken.
#[derive(Debug)]
pub struct Taken {
    /// The objects, what was redacted of them and what is missing.
    pub part: Part,
    /// What was measured.
    pub measured: Measured,
    /// How many modes are not closed.
    pub wartime: u64,
}

struct Look<'a> {
    reader: &'a Reader,
    namespaces: Namespaces,
    part: Part,
    /// The definitions of custom kinds that are wanted, by name.
    kinds: BTreeSet<String>,
}

/// Takes what playbooks ask for, and what a plan and a rehearsal look at besides.
///
/// # Errors
/// The server cannot answer. What it refuses is said in what is left out.
pub async fn take(reader: &Reader, asked: &Asked, own: &Operator) -> Result<Taken, Error> {
    let accounts = Accounts {
        namespace: own.accounts_namespace.clone(),
        names: asked.accounts.clone(),
    };
    let namespaces = Namespaces::read(reader, &asked.queries, &accounts.namespace).await?;
    let mut look = Look {
        reader,
        namespaces,
        part: Part::default(),
        kinds: BTreeSet::new(),
    };
    look.targets(asked).await?;
    let spaces = look.spaces();
    look.beside(&spaces).await?;
    look.rights(&accounts, &spaces).await?;
    let delays = pods::take(reader, &spaces, &mut look.part).await?;
    let workloads = look.workloads();
    look.definitions().await?;
    look.keep_namespaces(&spaces, &accounts.namespace);
    look.count_parameters();
    let wartime = look.wartime().await?;
    let (round_trip_milliseconds, requests) = reader.round_trip().await;
    Ok(Taken {
        part: look.part,
        measured: Measured {
            round_trip_milliseconds,
            requests,
            ready_seconds: pods::medians(delays, &workloads),
        },
        wartime,
    })
}

impl Look<'_> {
    /// What steps act on.
    async fn targets(&mut self, asked: &Asked) -> Result<(), Error> {
        let mut wanted = Vec::new();
        for query in asked
            .queries
            .iter()
            .filter(|query| targets::is_target(query))
        {
            match self.reader.resolve(&query.kind).await {
                Some(resource) => targets::add(&mut wanted, resource, query, &self.namespaces),
                None => self.part.left.push(Left::Unserved(query.kind.clone())),
            }
        }
        if !self.namespaces.are_all {
            // Which namespaces a selector means is not known.
            let is_open = |wanted: &Wanted| wanted.resource.namespaced;
            self.part.lacks_targets |= wanted.iter().any(is_open);
        }
        let left = std::mem::take(&mut self.namespaces.left);
        self.part.left.extend(left);
        for one in &wanted {
            self.custom(&one.resource);
        }
        wanted.extend(self.asides(asked).await);
        self.all(&wanted).await
    }

    /// What says what steps come to. A cluster that does not serve such a kind has none of it.
    async fn asides(&self, asked: &Asked) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for query in asked
            .queries
            .iter()
            .filter(|query| targets::is_aside(query))
        {
            if let Some(resource) = self.reader.resolve(&query.kind).await {
                targets::add(&mut wanted, resource, query, &self.namespaces);
            }
        }
        for one in &mut wanted {
            one.is_target = false;
        }
        wanted
    }

    /// Reads some kinds, a few at a time.
    async fn all(&mut self, wanted: &[Wanted]) -> Result<(), Error> {
        let (reader, count) = (self.reader, self.namespaces.count());
        let takes: Vec<_> = wanted.iter().map(|one| one.take(reader, count)).collect();
        let mut parts = stream::iter(takes).buffered(AT_ONCE);
        let mut all = Vec::with_capacity(wanted.len());
        while let Some(part) = parts.next().await {
            all.push(part?);
        }
        drop(parts);
        for (one, part) in wanted.iter().zip(all) {
            if !part.pieces.is_empty() {
                self.custom(&one.resource);
            }
            self.part.add(part);
        }
        Ok(())
    }

    /// Remembers a kind that the cluster was taught.
    fn custom(&mut self, resource: &Resource) {
        let group = &resource.group;
        let is_known = kinds::KINDS.iter().any(|kind| kind.group == group);
        // Some of the project's own kinds are no part of the API server.
        let is_taught = group == "autoscaling.k8s.io";
        if is_taught || !is_known && group.contains('.') && !BUILT_IN.contains(&group.as_str()) {
            self.kinds.insert(format!("{}.{group}", resource.plural));
        }
    }

    /// The namespaces in which something is.
    fn spaces(&self) -> BTreeSet<String> {
        let spaces = self.part.pieces.iter().map(|piece| &piece.place.namespace);
        spaces.filter(|space| !space.is_empty()).cloned().collect()
    }

    async fn beside(&mut self, spaces: &BTreeSet<String>) -> Result<(), Error> {
        let mut wanted = Vec::new();
        let everywhere: BTreeSet<String> = self.namespaces.known.keys().cloned().collect();
        let beside = BESIDE.map(|kind| (kind, spaces));
        let appliers = APPLIERS.iter().filter_map(|program| program.kind());
        let appliers = appliers.map(|kind| (kind, &everywhere));
        let cluster = CLUSTER.map(|kind| (kind, spaces));
        for (kind, wide) in beside.into_iter().chain(appliers).chain(cluster) {
            // A cluster that does not serve them has none.
            if let Some(resource) = self.reader.resolve(kind).await {
                let mut one = Wanted::all(resource, wide.clone());
                one.narrowly.clone_from(spaces);
                wanted.push(one);
            }
        }
        self.all(&wanted).await
    }

    /// What says what the playbooks' accounts may do.
    async fn rights(
        &mut self,
        accounts: &Accounts,
        spaces: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let mut around = spaces.clone();
        around.insert(accounts.namespace.clone());
        let mut wanted = Vec::new();
        let before = self.part.pieces.len();
        if let Some(resource) = self.reader.resolve("ServiceAccount").await {
            let (space, names) = (&accounts.namespace, &accounts.names);
            wanted.push(Wanted::named(resource, space, names));
        }
        for kind in ["RoleBinding", "ClusterRoleBinding"] {
            if let Some(resource) = self.reader.resolve(kind).await {
                wanted.push(Wanted {
                    only: Some(Only::Binds(accounts.clone())),
                    ..Wanted::all(resource, around.clone())
                });
            }
        }
        wanted.retain(|_| !accounts.names.is_empty());
        self.all(&wanted).await?;
        let mut roles = Roles::default();
        for piece in &self.part.pieces[before..] {
            roles.add(&piece.object());
        }
        self.all(&self.roles(roles).await).await
    }

    async fn roles(&self, roles: Roles) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        let cluster: Vec<String> = roles.cluster.into_iter().collect();
        if !cluster.is_empty()
            && let Some(resource) = self.reader.resolve("ClusterRole").await
        {
            wanted.push(Wanted::named(resource, "", &cluster));
        }
        if let Some(resource) = self.reader.resolve("Role").await {
            let each = roles.namespaced.into_iter();
            wanted.extend(each.map(|(space, names)| {
                let names: Vec<String> = names.into_iter().collect();
                Wanted::named(resource.clone(), &space, &names)
            }));
        }
        wanted
    }

    /// The workloads whose pods say how long they took.
    fn workloads(&self) -> BTreeSet<String> {
        let places = self.part.pieces.iter().map(|piece| &piece.place);
        let of_pods = places.filter(|place| ["Deployment", "StatefulSet"].contains(&&*place.kind));
        of_pods
            .map(|place| format!("{} {}/{}", place.kind, place.namespace, place.name))
            .collect()
    }

    /// The definitions of custom kinds.
    async fn definitions(&mut self) -> Result<(), Error> {
        let crds = Collection {
            api_version: "apiextensions.k8s.io/v1".to_owned(),
            kind: "CustomResourceDefinition".to_owned(),
            plural: "customresourcedefinitions".to_owned(),
            namespace: String::new(),
        };
        self.kinds.insert(format!("playbooks.{}", names::GROUP));
        for definition in std::mem::take(&mut self.kinds) {
            match self.reader.get(&crds, &definition).await? {
                Answered::Yes(object) => {
                    let kept = object.and_then(|object| Piece::of(object, &[]));
                    self.part.keep_all(kept);
                }
                Answered::Refused(why) => {
                    self.part.left.push(Left::refused(&crds, &definition, why));
                }
            }
        }
        Ok(())
    }

    /// Keeps the namespaces in which something is, and the accounts'.
    fn keep_namespaces(&mut self, spaces: &BTreeSet<String>, accounts: &str) {
        let mut others = 0;
        for (name, object) in std::mem::take(&mut self.namespaces.known) {
            if spaces.contains(&name) || name == accounts {
                let kept = Piece::of(object, &[]);
                self.part.keep_all(kept);
            } else {
                others += 1;
            }
        }
        if others > 0 {
            self.part.counts.insert(Group::Namespaces, others);
        }
    }

    /// Counts policies that have parameters: those may be of any kind, and hold what is redacted.
    fn count_parameters(&mut self) {
        let policies = self.part.pieces.iter();
        let policies = policies.filter(|piece| piece.place.kind == "ValidatingAdmissionPolicy");
        let has = |piece: &&Piece| !piece.object()["spec"]["paramKind"].is_null();
        let count = policies.filter(has).map(|_| 1).sum::<u64>();
        if count > 0 {
            self.part.counts.insert(Group::Parameters, count);
        }
    }

    /// How many modes are not closed.
    async fn wartime(&mut self) -> Result<u64, Error> {
        let written = format!("{}/EmergencyMode", names::GROUP);
        let Some(resource) = self.reader.resolve(&written).await else {
            return Ok(0);
        };
        let query = Query {
            collection: resource.collection(""),
            sieve: Some(Sieve::of(&[])),
            ..Query::default()
        };
        let is_open = |mode: Value| (mode["status"]["phase"] != "Closed").then_some(());
        match self.reader.list(query, is_open).await? {
            Answered::Yes(open) => {
                let open = u64::try_from(open.len()).unwrap_or_default();
                if open > 0 {
                    self.part.counts.insert(Group::Modes, open);
                }
                Ok(open)
            }
            Answered::Refused(why) => {
                let left = Left::refused(&resource.collection(""), "", why);
                self.part.left.push(left);
                Ok(0)
            }
        }
    }
}
