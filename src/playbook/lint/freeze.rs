//! `freeze`: where, who is stopped beside people, and who may go on.

use crate::api::{Freeze, NamespaceSelector, PlaybookSpec, Principal, names as known};

use super::{Finding, codes, names, targets};
use crate::api::names::EVERYBODY;

/// Namespaces whose accounts are Pingzhan's own: they are never stopped.
const OWN: [&str; 2] = [known::DEFAULT_NAMESPACE, known::ACCOUNT_NAMESPACE];

/// Findings on a freeze.
pub fn findings(spec: &PlaybookSpec, freeze: &Freeze, at: &str) -> Vec<Finding> {
    let mut findings = targets::namespaces(&freeze.namespaces, &format!("{at}/namespaces"));
    if freeze.namespaces == NamespaceSelector::default() {
        findings.push(codes::SELECTS_ALL.at(
            format!("{at}/namespaces"),
            "nothing narrows what is frozen: every namespace is",
        ));
    }
    for (index, one) in freeze.automation.iter().enumerate() {
        let at = format!("{at}/automation/{index}");
        findings.extend(principal(one, &at));
        findings.extend(automation(freeze, one, &at));
    }
    for (index, one) in freeze.except.iter().enumerate() {
        let at = format!("{at}/except/{index}");
        findings.extend(principal(one, &at));
        if one.kind == "Group" && EVERYBODY.contains(&one.name.as_str()) {
            findings.push(codes::EVERYBODY.at(at, format!("everybody is in `{}`", one.name)));
        }
    }
    if !excepts_its_own(spec, freeze) {
        findings.push(codes::FREEZE_NOBODY.at(
            format!("{at}/except"),
            "none of the playbook's groups may act in what it freezes",
        ));
    }
    findings
}

/// Whether somebody of those who decide about the playbook may act where it freezes.
fn excepts_its_own(spec: &PlaybookSpec, freeze: &Freeze) -> bool {
    let authority = &spec.authority;
    let groups = [
        &authority.requester_groups,
        &authority.approver_groups,
        &authority.break_glass_groups,
    ];
    let mut excepted = freeze.except.iter();
    // Of a user it is not known which groups they are in.
    excepted.any(|one| match &*one.kind {
        "Group" => groups.iter().any(|group| group.contains(&one.name)),
        kind => kind == "User",
    })
}

/// The finding on a name, if nobody can have it.
fn principal(one: &Principal, at: &str) -> Option<Finding> {
    let why = match (&*one.kind, &one.namespace) {
        ("User" | "Group", Some(_)) => format!("a {} is in no namespace", one.kind),
        ("User" | "Group", None) if one.name.trim().is_empty() => "its name is empty".to_owned(),
        ("User" | "Group", None) if one.name.chars().any(char::is_control) => {
            "its name has a line's end or another control character".to_owned()
        }
        ("ServiceAccount", None) => "a ServiceAccount is in a namespace".to_owned(),
        ("ServiceAccount", Some(namespace)) if !names::is_label(namespace) => {
            format!("`{namespace}` cannot be a namespace's name")
        }
        ("ServiceAccount", Some(_)) if !names::is_subdomain(&one.name) => {
            format!("`{}` cannot be a service account's name", one.name)
        }
        ("User" | "Group", None) | ("ServiceAccount", Some(_)) => return None,
        (kind, _) => format!("`{kind}` is none of User, Group and ServiceAccount"),
    };
    Some(codes::FREEZE_PRINCIPAL.at(at, why))
}

/// The finding on what is to be stopped as people are.
fn automation(freeze: &Freeze, one: &Principal, at: &str) -> Option<Finding> {
    let own = |namespace: &String| OWN.contains(&namespace.as_str());
    if one.kind == "User" || one.kind == "Group" {
        let why = format!(
            "`{}` is a {}: people are stopped anyway, and the machine only by its service accounts",
            one.name, one.kind
        );
        return Some(codes::FREEZE_AUTOMATION.at(at, why));
    }
    if one.namespace.as_ref().is_some_and(own) {
        let why = "Pingzhan's own accounts, and those of playbooks, are never stopped";
        return Some(codes::FREEZE_AUTOMATION.at(at, why));
    }
    let cluster = ["kube-system", "kube-node-lease", "kube-public"];
    if let Some(namespace) = &one.namespace
        && cluster.contains(&namespace.as_str())
    {
        let why = format!("an account of `{namespace}` is the cluster's own: nothing may stop it");
        return Some(codes::FREEZE_AUTOMATION.at(at, why));
    }
    let again = freeze.except.contains(one);
    again.then(|| {
        codes::FREEZE_AUTOMATION.at(at, format!("`{}` is stopped, and may go on", one.name))
    })
}
