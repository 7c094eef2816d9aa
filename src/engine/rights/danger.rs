//! Rights that are worth a second look before they are given: what they come to is more than their
//! words say.

use super::Right;
use super::manifest::RBAC;

/// Kinds that run what somebody writes, with any account of their namespace.
const RUNS: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
];

/// Verbs that only look.
const LOOKING: [&str; 3] = ["get", "list", "watch"];

/// Why a right is dangerous, if it is.
pub fn danger(right: &Right) -> Option<&'static str> {
    let Right {
        namespace,
        group,
        resource,
        name,
        verb,
    } = right;
    let (plural, below) = match resource.split_once('/') {
        Some((plural, below)) => (plural, Some(below)),
        None => (resource.as_str(), None),
    };
    let writes = !LOOKING.contains(&verb.as_str());
    if [group.as_str(), plural, verb.as_str()].contains(&"*") {
        return Some("`*` also means what will be added later");
    }
    match verb.as_str() {
        "escalate" => return Some("who may `escalate` may write themselves every right"),
        "bind" if name.is_none() => {
            return Some("who may `bind` any role may give themselves cluster-admin");
        }
        "bind" => return Some("it may give this role to anybody, itself included"),
        "impersonate" => return Some("it may act as somebody else, with all that they may"),
        "approve" | "sign" if group == "certificates.k8s.io" => {
            return Some("it may make certificates for anybody");
        }
        _ => {}
    }
    match (group.as_str(), plural, below) {
        ("", "secrets", _) => Some("secrets hold the keys of others"),
        ("", "serviceaccounts", Some("token")) => Some("a token lets it act as that account"),
        ("", "pods", Some("exec" | "attach" | "portforward" | "ephemeralcontainers")) => {
            Some("it may act inside of running pods")
        }
        ("", "nodes", Some(_)) => Some("it reaches every pod of a node past the API server"),
        ("", "nodes", None) if writes => Some("nodes carry everybody's pods"),
        ("", "namespaces", None) if writes => {
            Some("labels of a namespace decide which rules hold in it")
        }
        ("certificates.k8s.io", ..) if writes => Some("it may make certificates for anybody"),
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", ..) if writes => {
            Some("it may switch off, or read along, what the API server checks")
        }
        ("apiextensions.k8s.io", ..) if writes => Some("with a CRD go all its objects"),
        (group, ..) if group == RBAC && writes => Some("it changes who may do what"),
        (group, plural, None) if verb == "create" && RUNS.contains(&(group, plural)) => {
            Some(match namespace {
                Some(_) => "it runs programs with any account of this namespace",
                None => "it runs programs with any account of any namespace",
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(verb: &str, group: &str, resource: &str, name: &str) -> Right {
        Right {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            ..Right::on(group, resource, Some("portal"))
        }
        .to(verb)
    }

    /// A right that is given unread because its words look harmless is how an account becomes more than
    /// its playbook; one that cries for nothing makes all of them be passed over.
    #[test]
    fn rights_that_come_to_more_than_they_say_are_named_and_others_are_not() {
        let dangerous = [
            ("escalate", RBAC, "roles", ""),
            ("bind", RBAC, "clusterroles", ""),
            ("bind", RBAC, "clusterroles", "view"),
            ("patch", RBAC, "rolebindings", "party"),
            ("impersonate", "", "serviceaccounts", "flood"),
            ("get", "", "secrets", "db"),
            ("list", "", "secrets", ""),
            ("create", "", "serviceaccounts/token", "flood"),
            ("create", "", "pods/exec", ""),
            ("create", "", "pods", ""),
            ("create", "batch", "jobs", ""),
            ("patch", "", "nodes", ""),
            ("get", "", "nodes/proxy", ""),
            ("patch", "", "namespaces", "portal"),
            (
                "update",
                "certificates.k8s.io",
                "certificatesigningrequests/approval",
                "",
            ),
            ("approve", "certificates.k8s.io", "signers", "x"),
            (
                "delete",
                "admissionregistration.k8s.io",
                "validatingadmissionpolicies",
                "",
            ),
            (
                "create",
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "",
            ),
            ("*", "apps", "deployments", ""),
            ("get", "*", "deployments", ""),
            ("get", "apps", "*", ""),
        ];
        for (verb, group, resource, name) in dangerous {
            let right = right(verb, group, resource, name);
            assert!(danger(&right).is_some(), "{right:?}");
        }
        let harmless = [
            ("patch", "apps", "deployments", ""),
            ("list", "", "nodes", ""),
            ("get", "", "namespaces", "portal"),
            ("list", RBAC, "rolebindings", ""),
            ("create", "", "configmaps", ""),
            ("patch", "batch", "cronjobs/status", ""),
            (
                "get",
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "x",
            ),
        ];
        for (verb, group, resource, name) in harmless {
            let right = right(verb, group, resource, name);
            assert_eq!(danger(&right), None, "{right:?}");
        }
    }
}
