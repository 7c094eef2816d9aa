//! What is there before anything is declared: the playbook, its account, and everything whole.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};
use snafu::ResultExt;

use crate::api::{Playbook, names};
use crate::rehearsal::stage::Stage;
use crate::rehearsal::whole::{self, Objects};
use crate::sandtable::load;

use super::{AccountSnafu, Error, PlaybookSnafu};

/// Kinds that the cluster's own controllers write, or that are ours.
const NOT_COMPARED: [&str; 9] = [
    "nodes",
    "pods",
    "events",
    "leases",
    "endpoints",
    "endpointslices",
    "replicasets",
    "controllerrevisions",
    "customresourcedefinitions",
];

/// The account of a playbook: where the snapshot has none, one that may do everything. Says which, then.
pub(super) fn account(stage: &Stage, name: &str) -> Result<Option<String>, Error> {
    let namespace = names::ACCOUNT_NAMESPACE;
    let is_there = {
        let server = stage.service.lock();
        let mut all = server.store.list("", "serviceaccounts", namespace, None);
        all.any(|(key, _)| key.name == name)
    };
    if is_there {
        return Ok(None);
    }
    let objects = [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "namespace": namespace } }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "rehearsal-account" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace }] }),
    ];
    let account = format!("{namespace}/{name}");
    for object in objects {
        let text = object.to_string();
        let made = stage
            .service
            .act(|server, now| load::manifests(server, &text, now));
        made.map(drop).context(AccountSnafu { account: &account })?;
    }
    Ok(Some(account))
}

/// Puts the playbook there, in place of one of its name.
pub(super) async fn publish(stage: &Stage, playbook: &Playbook) -> Result<Playbook, Error> {
    let api: Api<Playbook> = Api::all(stage.service.client());
    let name = playbook.metadata.name.clone().unwrap_or_default();
    // Where there is none, there is nothing to be taken away.
    let _ = api.delete(&name, &DeleteParams::default()).await;
    let mut fresh = Playbook::new(&name, playbook.spec.clone());
    fresh.metadata.labels.clone_from(&playbook.metadata.labels);
    let made = api.create(&PostParams::default(), &fresh).await;
    made.map_err(Box::new).context(PlaybookSnafu)
}

pub(super) fn kinds(stage: &Stage) -> Vec<(String, String)> {
    let server = stage.service.lock();
    let all = server.kinds.all();
    let compared = all
        .filter(|kind| kind.group != names::GROUP && !NOT_COMPARED.contains(&kind.plural.as_str()));
    let named: BTreeSet<_> = compared
        .map(|kind| (kind.group.clone(), kind.plural.clone()))
        .collect();
    named.into_iter().collect()
}

/// Everything, whole.
pub(super) fn raw(stage: &Stage, kinds: &[(String, String)]) -> Objects {
    let mut objects = Objects::new();
    each(stage, kinds, |name, object| {
        objects.insert(name, object);
    });
    objects
}

/// Everything, as text: of a fleet of thousands that is a tenth in memory.
pub(super) fn texts(stage: &Stage, kinds: &[(String, String)]) -> BTreeMap<String, Box<str>> {
    let mut texts = BTreeMap::new();
    compared(stage, kinds, |name, object| {
        texts.insert(name, object.to_string().into());
    });
    texts
}

/// Each object that is compared: counts that an autoscaler drives are left out.
pub(super) fn compared(
    stage: &Stage,
    kinds: &[(String, String)],
    mut visit: impl FnMut(String, Value),
) {
    let autoscalers = stage.objects(&[("autoscaling", "horizontalpodautoscalers")]);
    let driven = whole::driven(&autoscalers);
    each(stage, kinds, |name, mut object| {
        if driven.contains(&name) {
            whole::forget_count(&mut object);
        }
        visit(name, object);
    });
}

fn each(stage: &Stage, kinds: &[(String, String)], mut visit: impl FnMut(String, Value)) {
    let kinds = kinds.iter().map(|(group, plural)| (&**group, &**plural));
    let kinds: Vec<(&str, &str)> = kinds.collect();
    stage.each(&kinds, |name, object| {
        // Jobs of steps stay for people to read.
        if object["metadata"]["annotations"].get(names::ACT).is_none() {
            visit(name, object);
        }
    });
}
