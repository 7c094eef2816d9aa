//! Whether somebody may do something, by roles and their bindings.

use serde_json::Value;

use super::rules::Rule;
use super::{MASTERS, Objects, RBAC, User, aggregate, items, quoted, text};
use crate::sandtable::refusal::{Named, Refusal};

/// What somebody asks to do. What there is none of is empty.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who asks.
    pub user: &'a User,
    /// The verb: `get`, `deletecollection`; of a path the method in small letters.
    pub verb: &'a str,
    /// The group; empty for the core one too.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The namespace; empty for the cluster as a whole.
    pub namespace: &'a str,
    /// The name of the object.
    pub name: &'a str,
    /// A path that is no object, such as `/metrics`. Where it is set, groups and plurals are not.
    pub path: &'a str,
}

impl<'a> Attributes<'a> {
    /// Of objects of a plural.
    pub fn of(user: &'a User, verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Self {
            user,
            verb,
            group,
            version: "*",
            resource,
            subresource: "",
            namespace: "",
            name: "",
            path: "",
        }
    }

    /// Of a path that is no object.
    pub fn of_path(user: &'a User, verb: &'a str, path: &'a str) -> Self {
        Self {
            path,
            ..Self::of(user, verb, "", "")
        }
    }

    /// Of a request: one for a namespace counts as one inside it, so that roles in it apply.
    #[must_use]
    pub fn of_request(self) -> Self {
        if self.group.is_empty() && self.resource == "namespaces" && self.namespace.is_empty() {
            return Self {
                namespace: self.name,
                ..self
            };
        }
        self
    }
}

/// The verb of a request for objects, by its method. One for all objects of a plural is not `is_named`;
/// a watch of one object is.
pub fn verb(method: &str, is_named: bool, watches: bool) -> &'static str {
    match (method, is_named) {
        ("GET" | "HEAD", _) if watches => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}

/// What the roles say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, in the server's words: which binding allows it, or which roles are not to be found.
    pub reason: String,
}

/// Decides. Bindings of the whole cluster come first, then those of the namespace, each by name.
pub fn decide(objects: &dyn Objects, of: &Attributes<'_>) -> Decision {
    if of.user.is_in(MASTERS) {
        return Decision {
            allowed: true,
            reason: String::new(),
        };
    }
    let mut faults = Vec::new();
    for grant in grants(objects, of.user, of.namespace) {
        match grant.rules(objects) {
            Ok(rules) => {
                if rules.iter().any(|rule| rule.allows(of)) {
                    let reason = format!("RBAC: allowed by {}", grant.said());
                    return Decision {
                        allowed: true,
                        reason,
                    };
                }
            }
            Err(unknown) => faults.push(unknown.said()),
        }
    }
    let reason = if faults.is_empty() {
        String::new()
    } else {
        format!("RBAC: {}", aggregate(faults))
    };
    Decision {
        allowed: false,
        reason,
    }
}

/// Lets pass what is allowed.
///
/// # Errors
/// 403 in the server's words.
pub fn allow(objects: &dyn Objects, of: &Attributes<'_>) -> Result<(), Refusal> {
    let decision = decide(objects, of);
    if decision.allowed {
        return Ok(());
    }
    Err(forbidden(of, &decision.reason))
}

/// Why somebody may not: 403 in the server's words, with a reason or without.
pub fn forbidden(of: &Attributes<'_>, reason: &str) -> Refusal {
    let user = quoted(&of.user.name);
    let said = if of.path.is_empty() {
        let resource = if of.subresource.is_empty() {
            of.resource.to_owned()
        } else {
            format!("{}/{}", of.resource, of.subresource)
        };
        let scope = if of.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {}", quoted(of.namespace))
        };
        format!(
            "User {user} cannot {} resource {} in API group {} {scope}",
            of.verb,
            quoted(&resource),
            quoted(of.group),
        )
    } else {
        format!("User {user} cannot {} path {}", of.verb, quoted(of.path))
    };
    let mut said = said
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    if !reason.is_empty() {
        said = format!("{said}: {reason}");
    }
    if of.path.is_empty() {
        let resource = Named {
            group: of.group,
            word: of.resource,
        };
        return Refusal::forbidden(resource, of.name, &said);
    }
    Refusal {
        details: Some(Box::default()),
        ..Refusal::plain(403, "Forbidden", format!("forbidden: {said}"))
    }
}

/// A binding that gives somebody a role.
pub(super) struct Grant<'a> {
    binding: &'a Value,
    subject: &'a Value,
    /// The namespace that it gives it in; empty for all.
    namespace: &'a str,
}

/// A role that a binding names and that is not there.
pub(super) enum Unknown {
    /// There is no role of the name.
    Role {
        /// `role` or `clusterrole`.
        word: &'static str,
        name: String,
    },
    /// A role is none of the kinds there are.
    Kind(String),
}

impl Unknown {
    /// As the server says it when it decides.
    pub(super) fn said(&self) -> String {
        match self {
            Self::Role { word, name } => format!("{word}.{RBAC} {} not found", quoted(name)),
            Self::Kind(kind) => format!("unsupported role reference kind: {}", quoted(kind)),
        }
    }
}

/// The bindings that give somebody roles: those of the cluster, and of a namespace where one is given.
pub(super) fn grants<'a>(
    objects: &'a dyn Objects,
    user: &User,
    namespace: &'a str,
) -> Vec<Grant<'a>> {
    let everywhere = objects.all(RBAC, "clusterrolebindings", None);
    let everywhere = everywhere.into_iter().map(|binding| (binding, ""));
    let here = if namespace.is_empty() {
        Vec::new()
    } else {
        objects.all(RBAC, "rolebindings", Some(namespace))
    };
    let here = here.into_iter().map(|binding| (binding, namespace));
    everywhere
        .chain(here)
        .filter_map(|(binding, namespace)| {
            let subjects = items(binding, "/subjects");
            let subject = subjects
                .iter()
                .find(|subject| is_meant(user, subject, namespace))?;
            Some(Grant {
                binding,
                subject,
                namespace,
            })
        })
        .collect()
}

/// Whether a subject of a binding is this user.
fn is_meant(user: &User, subject: &Value, namespace: &str) -> bool {
    let name = text(subject, "/name");
    match text(subject, "/kind") {
        "User" => user.name == name,
        "Group" => user.is_in(name),
        "ServiceAccount" => {
            let own = text(subject, "/namespace");
            let namespace = if own.is_empty() { namespace } else { own };
            let rest = user.name.strip_prefix("system:serviceaccount:");
            let rest = rest.and_then(|rest| rest.strip_prefix(namespace));
            !namespace.is_empty() && rest.and_then(|rest| rest.strip_prefix(':')) == Some(name)
        }
        _ => false,
    }
}

impl<'a> Grant<'a> {
    /// The rules of its role.
    pub(super) fn rules(&self, objects: &'a dyn Objects) -> Result<Vec<Rule<'a>>, Unknown> {
        rules_of(objects, self.binding, self.namespace)
    }

    /// As reasons have it.
    fn said(&self) -> String {
        let name = text(self.binding, "/metadata/name");
        let (kind, name) = if self.namespace.is_empty() {
            ("ClusterRoleBinding", name.to_owned())
        } else {
            ("RoleBinding", format!("{name}/{}", self.namespace))
        };
        let role = quoted(text(self.binding, "/roleRef/name"));
        let role_kind = text(self.binding, "/roleRef/kind");
        let subject = match text(self.subject, "/kind") {
            "ServiceAccount" => {
                let own = text(self.subject, "/namespace");
                let namespace = if own.is_empty() { self.namespace } else { own };
                format!("{}/{namespace}", text(self.subject, "/name"))
            }
            _ => text(self.subject, "/name").to_owned(),
        };
        let subject_kind = text(self.subject, "/kind");
        format!(
            "{kind} {} of {role_kind} {role} to {subject_kind} {}",
            quoted(&name),
            quoted(&subject)
        )
    }
}

/// The rules of the role that a binding in a namespace (or, without one, of the cluster) names.
pub(super) fn rules_of<'a>(
    objects: &'a dyn Objects,
    binding: &Value,
    namespace: &str,
) -> Result<Vec<Rule<'a>>, Unknown> {
    let name = text(binding, "/roleRef/name");
    let (word, role) = match text(binding, "/roleRef/kind") {
        "Role" => ("role", objects.get(RBAC, "roles", Some(namespace), name)),
        "ClusterRole" => ("clusterrole", objects.get(RBAC, "clusterroles", None, name)),
        other => return Err(Unknown::Kind(other.to_owned())),
    };
    let role = role.ok_or_else(|| Unknown::Role {
        word,
        name: name.to_owned(),
    })?;
    Ok(items(role, "/rules").iter().map(Rule::of).collect())
}

/// All rules that somebody has, and the roles that are not to be found.
pub(super) fn rules_for<'a>(
    objects: &'a dyn Objects,
    user: &User,
    namespace: &'a str,
) -> (Vec<Rule<'a>>, Vec<String>) {
    let mut rules = Vec::new();
    let mut faults = Vec::new();
    for grant in grants(objects, user, namespace) {
        match grant.rules(objects) {
            Ok(own) => rules.extend(own),
            Err(unknown) => faults.push(unknown.said()),
        }
    }
    (rules, faults)
}
