//! What closes and opens: traffic, networks and rights. What can be said of it without a cluster.

use ipnet::IpNet;

use crate::api::{
    Access, AccessGrant, AccessRevoke, Isolate, IsolatePreset, LabelSelector, NamespaceSelector,
    PlaybookSpec, Principal, RoleRef, Route,
};

use super::parameters::reference;
use super::targets::{NEVER, labels, namespaces};
use super::{Finding, codes, given, names};

/// Findings on where traffic is sent.
pub fn route(route: &Route, at: &str) -> Vec<Finding> {
    let at = format!("{at}/to");
    let mut findings = Vec::new();
    let to = &route.to;
    if !names::is_label(&to.name) {
        findings.push(codes::BAD_SERVICE.at(
            format!("{at}/name"),
            format!("`{}` cannot be a Service's name", to.name),
        ));
    }
    findings.extend(port(to.port, &format!("{at}/port")));
    let Some(namespace) = &to.namespace else {
        return findings;
    };
    let at = format!("{at}/namespace");
    if !names::is_label(namespace) {
        let why = format!("`{namespace}` cannot be a namespace's name");
        findings.push(codes::BAD_SELECTOR.at(at, why));
    } else if NEVER.contains(&namespace.as_str()) {
        let why = format!("no traffic is sent to {namespace}");
        findings.push(codes::REFUSED_NAMESPACE.at(at, why));
    }
    findings
}

fn port(port: i32, at: &str) -> Option<Finding> {
    let is_port = (1..=65535).contains(&port);
    (!is_port).then(|| codes::BAD_SERVICE.at(at, format!("{port} is not a port")))
}

/// Findings on a cut of the network.
pub fn isolate(isolate: &Isolate, at: &str) -> Vec<Finding> {
    let Isolate {
        preset,
        namespaces: spaces,
        pods,
        from,
        ports,
        third,
        outside,
    } = isolate;
    let mut findings = Vec::new();
    match spaces {
        Some(selector) if *selector != NamespaceSelector::default() => {
            findings.extend(namespaces(selector, &format!("{at}/namespaces")));
        }
        Some(_) | None => {
            findings.push(codes::SELECTS_ALL.at(at, "it is for every namespace of the cluster"));
        }
    }
    for (selector, field) in [(pods, "pods"), (third, "third")] {
        let selector = selector.iter();
        findings.extend(selector.flat_map(|one| labels(one, &format!("{at}/{field}"))));
    }
    if let Some(from) = from {
        // Naming what is never touched is fine: it is let in, not changed.
        let mut others = from.clone();
        others.names.retain(|name| !NEVER.contains(&name.as_str()));
        findings.extend(namespaces(&others, &format!("{at}/from")));
    }
    findings.extend(fitting(isolate, at));
    for (index, one) in ports.iter().enumerate() {
        findings.extend(port(one.port, &format!("{at}/ports/{index}/port")));
    }
    for (index, range) in outside.iter().enumerate() {
        findings.extend(self::range(range, &format!("{at}/outside/{index}")));
    }
    let is_one =
        |third: &LabelSelector| third.match_labels.len() + third.match_expressions.len() == 1;
    if *preset == IsolatePreset::CutThirdParties && third.as_ref().is_some_and(|one| !is_one(one)) {
        let why = "who is a third party is said by more than one label, or by none";
        findings.push(codes::THIRD_PARTIES.at(format!("{at}/third"), why));
    }
    findings
}

/// Whether what is given is what the preset has use for.
fn fitting(isolate: &Isolate, at: &str) -> Vec<Finding> {
    let (lets_in, cuts_third) = match isolate.preset {
        IsolatePreset::DenyAll => (false, false),
        IsolatePreset::AllowOnly | IsolatePreset::Open => (true, false),
        IsolatePreset::CutThirdParties => (false, true),
    };
    let preset = isolate.preset;
    let given = [
        ("from", isolate.from.is_some(), lets_in),
        ("ports", !isolate.ports.is_empty(), lets_in),
        ("third", isolate.third.is_some(), cuts_third),
        ("outside", !isolate.outside.is_empty(), cuts_third),
    ];
    let needless = given.into_iter().filter(|(_, given, used)| *given && !used);
    let mut findings: Vec<Finding> = needless
        .map(|(field, ..)| {
            let why = format!("{preset:?} has no use for `{field}`");
            codes::UNFIT_CUT.at(format!("{at}/{field}"), why)
        })
        .collect();
    if lets_in && isolate.from.is_none() {
        let why = format!("{preset:?} does not say whom it lets in");
        findings.push(codes::UNFIT_CUT.at(at, why));
    }
    findings
}

fn range(text: &str, at: &str) -> Option<Finding> {
    match text.parse::<IpNet>() {
        Ok(range) if range == range.trunc() => None,
        Ok(range) => {
            let why = format!(
                "`{text}` has bits beyond its prefix: write {}",
                range.trunc()
            );
            Some(codes::BAD_RANGE.at(at, why))
        }
        Err(_) => Some(codes::BAD_RANGE.at(at, format!("`{text}` is not a range of addresses"))),
    }
}

/// Findings on rights that are given and taken.
pub fn access(spec: &PlaybookSpec, access: &Access, at: &str) -> Vec<Finding> {
    let Access {
        grant,
        revoke,
        lock_down,
    } = access;
    let mut findings = Vec::new();
    if grant.is_empty() && revoke.is_empty() && lock_down.is_none() {
        findings.push(codes::ACCESS_EMPTY.at(at, "nothing is given and nothing is taken"));
    }
    for (index, one) in grant.iter().enumerate() {
        findings.extend(self::grant(spec, one, &format!("{at}/grant/{index}")));
    }
    for (index, one) in revoke.iter().enumerate() {
        findings.extend(self::revoke(one, &format!("{at}/revoke/{index}")));
    }
    if let Some(lock_down) = lock_down {
        let at = format!("{at}/lockDown/bindings");
        findings.extend(labels(&lock_down.bindings, &at));
        if lock_down.bindings == LabelSelector::default() {
            findings.push(codes::LOCK_DOWN_ALL.at(at, "it selects every binding of the cluster"));
        }
    }
    findings
}

fn grant(spec: &PlaybookSpec, grant: &AccessGrant, at: &str) -> Vec<Finding> {
    let AccessGrant {
        subjects,
        role,
        namespaces: spaces,
        cluster_wide,
        purpose,
        legal_basis,
    } = grant;
    let mut findings = principals(subjects, at);
    findings.extend(given::granted(grant, at));
    findings.extend(self::role(role, *cluster_wide, &format!("{at}/role")));
    let narrow = spaces
        .as_ref()
        .filter(|one| **one != NamespaceSelector::default());
    match (narrow, cluster_wide) {
        (Some(selector), false) => {
            findings.extend(namespaces(selector, &format!("{at}/namespaces")));
        }
        (None, false) => {
            findings.push(codes::GRANT_WHERE.at(at, "it does not say in which namespaces"));
        }
        (None, true) => {}
        (Some(_), true) => findings.push(codes::GRANT_WHERE.at(
            format!("{at}/clusterWide"),
            "it is given in some namespaces and in the whole cluster",
        )),
    }
    for (text, field) in [(purpose, "purpose"), (legal_basis, "legalBasis")] {
        let at = format!("{at}/{field}");
        findings.extend(reference(spec, text, &at).err());
        if text.trim().is_empty() {
            findings.push(codes::NO_PURPOSE.at(at, format!("`{field}` says nothing")));
        }
    }
    findings
}

/// What is wrong with a role that is given.
fn role(role: &RoleRef, cluster_wide: bool, at: &str) -> Option<Finding> {
    let (field, why) = match (role.kind.as_str(), cluster_wide) {
        ("ClusterRole", _) | ("Role", false) if names::is_object_name(&role.name) => return None,
        ("Role", true) => (
            "kind",
            "a Role is of one namespace, and cannot be given in the whole cluster".to_owned(),
        ),
        ("Role" | "ClusterRole", _) => ("name", format!("`{}` cannot be a role's name", role.name)),
        (other, _) => ("kind", format!("`{other}` is neither Role nor ClusterRole")),
    };
    Some(codes::BAD_ROLE.at(format!("{at}/{field}"), why))
}

fn revoke(revoke: &AccessRevoke, at: &str) -> Vec<Finding> {
    let mut findings = principals(&revoke.subjects, at);
    match &revoke.namespaces {
        // An empty selector reads as "everywhere", and leaves the cluster's own bindings in.
        Some(selector) if *selector == NamespaceSelector::default() => {
            findings.push(codes::GRANT_WHERE.at(
                format!("{at}/namespaces"),
                "it selects every namespace, and leaves the bindings of the whole cluster as they are: \
                 leave `namespaces` out for both",
            ));
        }
        Some(selector) => findings.extend(namespaces(selector, &format!("{at}/namespaces"))),
        None => {}
    }
    findings
}

fn principals(principals: &[Principal], at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if principals.is_empty() {
        findings.push(codes::BAD_PRINCIPAL.at(format!("{at}/subjects"), "nobody is named"));
    }
    for (index, one) in principals.iter().enumerate() {
        let at = format!("{at}/subjects/{index}");
        let why = match (one.kind.as_str(), one.namespace.as_deref()) {
            ("User" | "Group" | "ServiceAccount", _) if one.name.trim().is_empty() => {
                Some("it has no name".to_owned())
            }
            ("User" | "Group", Some(_)) => Some(format!("a {} is in no namespace", one.kind)),
            ("User" | "Group", None) => None,
            ("ServiceAccount", Some(space)) if names::is_label(space) => None,
            ("ServiceAccount", _) => Some("it does not say in which namespace".to_owned()),
            (other, _) => Some(format!("`{other}` is none of User, Group, ServiceAccount")),
        };
        findings.extend(why.map(|why| codes::BAD_PRINCIPAL.at(&at, why)));
        if principals[..index].contains(one) {
            findings.push(codes::BAD_PRINCIPAL.at(&at, "it is listed twice"));
        }
    }
    findings
}
