//! Whom bindings are for, whichever way it is written: a service account is a user as well, and in two
//! groups. And to whom no playbook gives a right, by whatever act.

use serde_json::Value;

use super::expand::Field;
use super::kinds;
use crate::api::Principal;
use crate::field::Path;

/// How a service account is named as a user; its namespace, `:` and its name follow.
const ACCOUNT: &str = "system:serviceaccount:";
/// The group of every service account; that of a namespace has `:` and the namespace behind it.
const ACCOUNTS: &str = "system:serviceaccounts";
/// Whoever is signed in.
const SIGNED_IN: &str = "system:authenticated";
/// Whoever is not: as a user, and as a group.
const NOBODY: [&str; 2] = ["system:anonymous", "system:unauthenticated"];
/// The group of which no authorizer is asked.
const MASTERS: &str = "system:masters";
/// Roles that change nearly everything where they are given.
const WIDE: [&str; 3] = ["cluster-admin", "admin", "edit"];
/// The kinds that say who may do what: in one namespace, and in the whole cluster.
const BINDINGS: [&str; 2] = [
    "rbac.authorization.k8s.io/RoleBinding",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
];

/// Where a binding says whom it is for.
pub const SUBJECTS: &str = "subjects";

/// Somebody, as a binding or a playbook names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Service accounts of this namespace, one of them or all.
    Accounts(&'a str),
    /// Every service account there is.
    EveryAccount,
    /// Somebody else, by their own name.
    User(&'a str),
    /// Others, by the name of their group.
    Group(&'a str),
}

impl<'a> Subject<'a> {
    /// As a playbook names them.
    pub fn of(principal: &'a Principal) -> Self {
        let space = principal.namespace.as_deref().unwrap_or_default();
        Self::new(&principal.kind, space, &principal.name)
    }

    /// As a binding names them.
    pub fn of_value(subject: &'a Value) -> Self {
        let (space, name) = (text(subject, "namespace"), text(subject, "name"));
        Self::new(text(subject, "kind"), space, name)
    }

    fn new(kind: &str, space: &'a str, name: &'a str) -> Self {
        match kind {
            "ServiceAccount" => Self::Accounts(space),
            "Group" if name == ACCOUNTS => Self::EveryAccount,
            "Group" => {
                let of = name.strip_prefix(ACCOUNTS);
                let of = of.and_then(|rest| rest.strip_prefix(':'));
                of.map_or(Self::Group(name), Self::Accounts)
            }
            _ => {
                let of = name.strip_prefix(ACCOUNT);
                let of = of.and_then(|rest| rest.split_once(':'));
                of.map_or(Self::User(name), |(space, _)| Self::Accounts(space))
            }
        }
    }

    /// Whether an account of a namespace that is meant is it, or among them.
    pub fn has_account_of(self, is_meant: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Accounts(space) => is_meant(space),
            Self::EveryAccount => true,
            Self::User(_) | Self::Group(_) => false,
        }
    }
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// What a binding gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gives<'a> {
    /// The name of the role; nothing where it is not known.
    pub role: Option<&'a str>,
    /// Whether in the whole cluster.
    pub everywhere: bool,
}

impl<'a> Gives<'a> {
    /// As the binding itself says.
    pub fn of(binding: &'a Value) -> Self {
        Self {
            role: binding["roleRef"]["name"].as_str(),
            everywhere: is_for_all(text(binding, "kind")),
        }
    }

    /// Whether it may be nearly everything.
    fn is_wide(self) -> bool {
        self.everywhere && self.role.is_none_or(|role| WIDE.contains(&role))
    }
}

/// Why no playbook gives somebody a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They are, or are among, accounts of Pingzhan, of playbooks or of the cluster.
    Own,
    /// They are whoever is not signed in.
    Nobody,
    /// They may do everything as it is.
    Masters,
    /// They are everybody, and it is nearly everything.
    Everybody,
    /// It is not said whom the rest of the binding is for.
    Part,
}

impl Refusal {
    /// The reason, as a sentence of its own.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Own => "a playbook gives no rights to accounts of Pingzhan or of the cluster",
            Self::Nobody => "a playbook gives no rights to people who are not signed in",
            Self::Masters => {
                "whoever is in system:masters may do everything, and nothing takes it back"
            }
            Self::Everybody => {
                "a playbook does not give everybody the right to change the whole cluster"
            }
            Self::Part => "whom a binding is for is one value: give all of `subjects`",
        }
    }
}

/// Why no playbook gives somebody a right, if so. `is_own` says which namespaces are Pingzhan's, those of
/// accounts of playbooks, and the cluster's.
pub fn refused(
    subject: Subject<'_>,
    gives: Gives<'_>,
    is_own: impl Fn(&str) -> bool,
) -> Option<Refusal> {
    if subject.has_account_of(is_own) {
        return Some(Refusal::Own);
    }
    match subject {
        Subject::User(name) | Subject::Group(name) if NOBODY.contains(&name) => {
            Some(Refusal::Nobody)
        }
        Subject::Group(MASTERS) => Some(Refusal::Masters),
        Subject::Group(SIGNED_IN) if gives.is_wide() => Some(Refusal::Everybody),
        Subject::Accounts(_) | Subject::EveryAccount | Subject::User(_) | Subject::Group(_) => None,
    }
}

/// Those whom a binding is for and to whom no playbook gives a right: their places, and why.
pub fn refused_of(binding: &Value, is_own: impl Fn(&str) -> bool) -> Vec<(usize, Refusal)> {
    let gives = Gives::of(binding);
    let subjects = binding[SUBJECTS].as_array().into_iter().flatten();
    let judged = subjects.enumerate().filter_map(|(place, subject)| {
        Some((place, refused(Subject::of_value(subject), gives, &is_own)?))
    });
    judged.collect()
}

/// The same of a patch of objects of some kinds: why it may not change whom bindings are for. Which role
/// they give is not known: it may be any.
pub fn refused_in(
    written: &[String],
    fields: &[Field],
    is_own: impl Fn(&str) -> bool,
) -> Vec<Refusal> {
    let mut bindings = written.iter().filter(|kind| is_binding(kind)).peekable();
    if bindings.peek().is_none() {
        return Vec::new();
    }
    let gives = Gives {
        role: None,
        everywhere: bindings.any(|kind| is_for_all(kind)),
    };
    let whole = Path::fields([SUBJECTS]);
    let mut said = Vec::new();
    for field in fields.iter().filter(|field| field.path.starts_with(&whole)) {
        if field.path != whole {
            said.push(Refusal::Part);
            continue;
        }
        let subjects = field.to.value().and_then(Value::as_array);
        let subjects = subjects.into_iter().flatten().map(Subject::of_value);
        said.extend(subjects.filter_map(|subject| refused(subject, gives, &is_own)));
    }
    said
}

/// Whether a kind, as written, says who may do what.
pub fn is_binding(written: &str) -> bool {
    let kind = kinds::find(written).map(kinds::Kind::qualified);
    BINDINGS.contains(&kind.as_deref().unwrap_or(written))
}

/// Whether a binding, by its kind with or without the group, is for the whole cluster.
fn is_for_all(kind: &str) -> bool {
    kind.rsplit('/').next() == Some("ClusterRoleBinding")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::Image;

    fn is_own(space: &str) -> bool {
        ["ops", "kube-system"].contains(&space)
    }

    fn subject(kind: &str, space: &str, name: &str) -> Value {
        json!({ "kind": kind, "namespace": space, "name": name })
    }

    /// Whoever may write one account in three ways gives it three times what it is refused once.
    #[test]
    fn an_account_is_one_however_it_is_written() {
        let rows = [
            (
                subject("ServiceAccount", "ops", "pz"),
                Subject::Accounts("ops"),
            ),
            (
                subject("User", "", "system:serviceaccount:ops:pz"),
                Subject::Accounts("ops"),
            ),
            (
                subject("Group", "", "system:serviceaccounts:ops"),
                Subject::Accounts("ops"),
            ),
            (
                subject("Group", "", "system:serviceaccounts"),
                Subject::EveryAccount,
            ),
            (
                subject("User", "", "system:serviceaccounts:ops"),
                Subject::User("system:serviceaccounts:ops"),
            ),
            (
                subject("Group", "", "system:serviceaccountsops"),
                Subject::Group("system:serviceaccountsops"),
            ),
            (subject("User", "", "ops"), Subject::User("ops")),
            (json!({}), Subject::User("")),
        ];
        for (subject, expected) in rows {
            assert_eq!(Subject::of_value(&subject), expected, "{subject}");
        }
        let principal = Principal {
            kind: "ServiceAccount".into(),
            namespace: Some("ops".into()),
            name: "pz".into(),
        };
        assert_eq!(Subject::of(&principal), Subject::Accounts("ops"));
    }

    /// A right that nobody takes back, or that everybody has, is not one for a purpose.
    #[test]
    fn rights_are_refused_by_whom_and_what_they_are_for() {
        use Refusal::{Everybody, Masters, Nobody, Own};
        let all = "system:authenticated";
        let rows = [
            ("User", "system:serviceaccount:ops:pz", "view", Some(Own)),
            ("Group", "system:serviceaccounts:ops", "view", Some(Own)),
            ("Group", "system:serviceaccounts", "view", Some(Own)),
            ("User", "system:serviceaccount:ci:deployer", "edit", None),
            ("Group", "system:serviceaccounts:ci", "edit", None),
            ("User", "system:anonymous", "view", Some(Nobody)),
            ("Group", "system:unauthenticated", "view", Some(Nobody)),
            ("Group", "system:masters", "view", Some(Masters)),
            ("Group", all, "cluster-admin", Some(Everybody)),
            ("Group", all, "admin", Some(Everybody)),
            ("Group", all, "edit", Some(Everybody)),
            ("Group", all, "view", None),
            ("Group", "duty", "cluster-admin", None),
        ];
        for (kind, name, role, expected) in rows {
            let binding = json!({ "kind": "ClusterRoleBinding", "roleRef": { "name": role },
                "subjects": [subject(kind, "", name)] });
            let why = refused_of(&binding, is_own);
            let expected: Vec<(usize, Refusal)> =
                expected.map(|why| (0, why)).into_iter().collect();
            assert_eq!(why, expected, "{kind} {name} {role}");
        }
        let narrow = json!({ "kind": "RoleBinding", "roleRef": { "name": "edit" },
            "subjects": [subject("Group", "", all)] });
        assert!(refused_of(&narrow, is_own).is_empty());
    }

    /// A patch is no way around what `access` refuses.
    #[test]
    fn a_patch_gives_no_more_than_a_grant_may() {
        let field = |path: Path, to: Value| Field {
            path,
            to: Image::Present(to),
        };
        let set = |subject: Value| field(Path::fields([SUBJECTS]), json!([subject]));
        let account = set(subject("User", "", "system:serviceaccount:kube-system:x"));
        let all = set(subject("Group", "", "system:authenticated"));
        let part = field(Path::fields([SUBJECTS, "0"]), json!({}));
        let people = set(subject("Group", "", "duty"));
        let (one, wide) = (
            "RoleBinding",
            "rbac.authorization.k8s.io/ClusterRoleBinding",
        );
        let rows = [
            (one, &account, vec![Refusal::Own]),
            (wide, &account, vec![Refusal::Own]),
            ("example.com/RoleBinding", &account, vec![]),
            ("ConfigMap", &account, vec![]),
            (one, &all, vec![]),
            (wide, &all, vec![Refusal::Everybody]),
            (one, &part, vec![Refusal::Part]),
            (wide, &people, vec![]),
        ];
        for (kind, field, expected) in rows {
            let said = refused_in(&[kind.to_owned()], std::slice::from_ref(field), is_own);
            assert_eq!(said, expected, "{kind} {field:?}");
        }
    }
}
