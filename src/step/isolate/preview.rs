//! What a cut comes to, for people who decide about it: how many pods of how many workloads, which ways
//! in it closes, what others go on allowing, and whether anything here enforces policies at all. Counts,
//! not lists: a cut may be of a whole city.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{POLICY, closes, made_for, policies, spec};
use crate::api::{Isolate, IsolatePreset, NamespaceSelector};
use crate::field::{Image, Path, Projection};
use crate::playbook::Cut;
use crate::step::remark::{Beside, Remark, count, few};
use crate::step::{Around, Fields, Query, Role};

/// Namespaces in which network plugins run, by their own manifests and charts.
const PLUGIN_NAMESPACES: [&str; 9] = [
    "kube-system",
    "calico-system",
    "tigera-operator",
    "kube-flannel",
    "cilium",
    "antrea",
    "openshift-ovn-kubernetes",
    "ovn-kubernetes",
    "weave",
];

/// What a network plugin makes of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Makes {
    /// It enforces them.
    Enforces,
    /// It enforces them where it is told to.
    MayEnforce,
    /// It does not know them.
    Ignores,
}

/// Network plugins by the name of their `DaemonSet`, or by the label that says what it is.
const PLUGINS: [(&str, Makes); 17] = [
    ("calico-node", Makes::Enforces),
    ("canal", Makes::Enforces),
    ("cilium", Makes::Enforces),
    ("antrea-agent", Makes::Enforces),
    ("antrea", Makes::Enforces),
    ("kube-router", Makes::Enforces),
    ("weave-net", Makes::Enforces),
    ("ovnkube-node", Makes::Enforces),
    ("ovn-kubernetes", Makes::Enforces),
    ("kube-ovn-cni", Makes::Enforces),
    ("kube-ovn", Makes::Enforces),
    ("kube-network-policies", Makes::Enforces),
    ("kindnet", Makes::MayEnforce),
    ("aws-node", Makes::MayEnforce),
    ("terway-eniip", Makes::MayEnforce),
    ("kube-flannel-ds", Makes::Ignores),
    ("flannel", Makes::Ignores),
];

/// Labels by which a `DaemonSet` says which plugin it is.
const LABELS: [&str; 3] = ["k8s-app", "app.kubernetes.io/name", "app"];
/// Labels by which pods say what they are of: what everybody depends on is known by them.
const PROGRAM: [&str; 5] = [
    "k8s-app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app",
    crate::api::names::ROLE_LABEL,
];

/// What stands beside a cut, in this order.
pub(super) fn needs(cut: &Cut) -> Vec<Query> {
    let here = cut.isolate.namespaces.clone();
    let of = |kind: &str, namespaces, around, unknown: &'static str, paths: Vec<Path>| Query {
        kind: kind.to_owned(),
        namespaces,
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role: Role::Aside { around, unknown },
        fields: Fields::Paths(paths),
    };
    let inside =
        |kind: &str, unknown, paths| of(kind, here.clone(), Around::Targets, unknown, paths);
    let plugins = NamespaceSelector {
        names: PLUGIN_NAMESPACES.map(str::to_owned).to_vec(),
        ..NamespaceSelector::default()
    };
    let pods = Query {
        selector: cut.isolate.pods.clone(),
        ..inside(
            "Pod",
            "how many pods it cuts off",
            PROGRAM.map(label).into_iter().chain([owners()]).collect(),
        )
    };
    vec![
        pods,
        inside("Service", "which services it closes", vec![]),
        inside("Ingress", "which ways in it closes", vec![]),
        inside(
            "gateway.networking.k8s.io/HTTPRoute",
            "which ways in it closes",
            vec![],
        ),
        of(
            "DaemonSet",
            Some(plugins),
            Around::Anywhere,
            "whether anything here enforces network policies",
            LABELS.map(label).to_vec(),
        ),
    ]
}

fn owners() -> Path {
    Path::fields(["metadata", "ownerReferences"])
}

fn label(name: &str) -> Path {
    Path::fields(["metadata", "labels", name])
}

/// What is worth knowing of a cut.
pub fn remarks(cut: &Cut, beside: Beside<'_>) -> Vec<Remark> {
    let made = policies::of(cut).len();
    let closed = closed(cut, beside.found, made);
    // Where nothing is made, nothing is cut.
    if closed.is_empty() {
        return Vec::new();
    }
    let at = |place: usize| beside.of(made + 1 + place);
    let mut remarks = Vec::new();
    remarks.extend(at(4).and_then(enforced));
    remarks.extend(size(&closed, at(0)));
    remarks.extend(ways(&cut.isolate, [at(1), at(2), at(3)]));
    if let Some(existing) = beside.of(made) {
        remarks.extend(match cut.isolate.preset {
            IsolatePreset::DenyAll | IsolatePreset::AllowOnly | IsolatePreset::CutThirdParties => {
                allowed(&cut.isolate, existing)
            }
            IsolatePreset::Open => unselected(existing),
        });
    }
    remarks.extend(limits(&cut.isolate));
    remarks
}

/// The namespaces in which something is made.
fn closed<'a>(cut: &Cut, found: &'a [Vec<Projection>], made: usize) -> BTreeSet<&'a str> {
    let existing = found.get(made).map_or(&[][..], Vec::as_slice);
    let places = found.iter().take(made).flatten();
    let spaces = places.map(|seen| seen.target.namespace.as_str());
    spaces
        .filter(|space| {
            cut.isolate.preset != IsolatePreset::Open || super::is_closed(existing, space)
        })
        .collect()
}

/// Whether anything enforces policies here.
fn enforced(daemons: &[Projection]) -> Option<Remark> {
    let known: BTreeSet<(Makes, &str)> = daemons
        .iter()
        .filter_map(|daemon| {
            let is = |name: &str| {
                daemon.target.name == name
                    || LABELS.iter().any(|one| {
                        let seen = daemon.field(&label(one));
                        seen.is_some_and(|seen| seen.image == Image::Present(name.into()))
                    })
            };
            let mut plugins = PLUGINS.iter();
            plugins
                .find(|(name, _)| is(name))
                .map(|(name, makes)| (*makes, *name))
        })
        .collect();
    let first = known.first().copied();
    match first {
        Some((Makes::Enforces, _)) => None,
        Some((Makes::MayEnforce, name)) => Some(Remark::risk(format!(
            "the network plugin {name} enforces network policies only where it is set up to: see that \
             it is, or nothing is cut"
        ))),
        Some((Makes::Ignores, name)) => Some(Remark::harm(format!(
            "nothing here enforces network policies: {name} does not know them, so nothing is cut; \
             install a network plugin that does"
        ))),
        None => Some(Remark::harm(
            "no network plugin that enforces network policies is recognised, so perhaps nothing is \
             cut: see what yours does with them",
        )),
    }
}

/// How much is cut.
fn size(closed: &BTreeSet<&str>, pods: Option<&[Projection]>) -> Option<Remark> {
    let spaces = count(closed.len(), "namespace");
    let pods = pods?
        .iter()
        .filter(|pod| closed.contains(pod.target.namespace.as_str()));
    let mut workloads = BTreeSet::new();
    let mut many = 0;
    for pod in pods {
        many += 1;
        let owner = pod.field(&owners()).and_then(|seen| seen.image.value());
        let owner = owner
            .and_then(|all| all.pointer("/0/uid"))
            .and_then(Value::as_str);
        workloads.insert(owner.unwrap_or(&pod.target.uid));
    }
    Some(Remark::note(format!(
        "it is for {} of {} in {spaces}",
        count(many, "pod"),
        count(workloads.len(), "workload")
    )))
}

/// What leads into the namespaces.
fn ways(isolate: &Isolate, found: [Option<&[Projection]>; 3]) -> Option<Remark> {
    let all = [
        (found[0], "Service", "Services"),
        (found[1], "Ingress", "Ingresses"),
        (found[2], "HTTPRoute", "HTTPRoutes"),
    ];
    let said: Vec<String> = all
        .iter()
        .filter_map(
            |(found, one, more)| match found.map_or(0, <[Projection]>::len) {
                0 => None,
                1 => Some(format!("1 {one}")),
                many => Some(format!("{many} {more}")),
            },
        )
        .collect();
    if said.is_empty() {
        return None;
    }
    let what = few(&said);
    match isolate.preset {
        IsolatePreset::DenyAll => Some(Remark::risk(format!(
            "nothing comes through {what} any more, nor gets out to what these need"
        ))),
        IsolatePreset::AllowOnly => Some(Remark::risk(format!(
            "through {what} only what is named comes any more: see that what lets traffic into the \
             cluster is among it, where it is needed"
        ))),
        IsolatePreset::CutThirdParties | IsolatePreset::Open => None,
    }
}

/// Policies of others that go on allowing.
fn allowed(isolate: &Isolate, existing: &[Projection]) -> Option<Remark> {
    let outwards = isolate.preset == IsolatePreset::DenyAll;
    let names: Vec<String> = existing
        .iter()
        .filter(|policy| !is_made(policy))
        .filter(|policy| allows(policy, "ingress") || outwards && allows(policy, "egress"))
        .map(|policy| format!("{}/{}", policy.target.namespace, policy.target.name))
        .collect();
    (!names.is_empty()).then(|| {
        let kind = if names.len() == 1 { POLICY.to_owned() } else { "NetworkPolicies".to_owned() };
        let goes = if names.len() == 1 { "goes" } else { "go" };
        Remark::risk(format!(
            "{kind} {} {goes} on allowing what is allowed there, since policies only add up: take out \
             what must be closed, by an earlier `patch`",
            few(&names)
        ))
    })
}

fn is_made(policy: &Projection) -> bool {
    policy
        .field(&made_for())
        .is_some_and(|seen| seen.image != Image::Absent)
}

fn allows(policy: &Projection, direction: &str) -> bool {
    let rules = spec(policy, direction).and_then(Value::as_array);
    rules.is_some_and(|rules| !rules.is_empty())
}

/// Namespaces in which pods that no policy selects would be closed by what opens others.
fn unselected(existing: &[Projection]) -> Option<Remark> {
    let whole: BTreeSet<&str> = existing
        .iter()
        .filter(|policy| closes(policy, "Ingress"))
        .filter(|policy| {
            let selector = spec(policy, "podSelector");
            selector
                .is_none_or(|selector| selector.as_object().is_none_or(serde_json::Map::is_empty))
        })
        .map(|policy| policy.target.namespace.as_str())
        .collect();
    let parts: BTreeSet<&str> = existing
        .iter()
        .filter(|policy| closes(policy, "Ingress"))
        .map(|policy| policy.target.namespace.as_str())
        .filter(|space| !whole.contains(space))
        .collect();
    let parts: Vec<&str> = parts.into_iter().collect();
    (!parts.is_empty()).then(|| {
        Remark::risk(format!(
            "in {} policies select some pods only: pods that none of them selects are closed by this to \
             all but what is named; name those that are meant under `pods`",
            few(&parts)
        ))
    })
}

/// What policies cannot say.
fn limits(isolate: &Isolate) -> Option<Remark> {
    match isolate.preset {
        IsolatePreset::CutThirdParties => Some(Remark::note(
            "what comes from private addresses outside of the cluster, such as nodes that traffic comes \
             through, is cut as well, but for what is listed under `outside`",
        )),
        IsolatePreset::DenyAll | IsolatePreset::AllowOnly | IsolatePreset::Open => None,
    }
}
