//! Who asks, and whether they may: acting as somebody else, RBAC, reviews and the policies that
//! guard writes.
//!
//! Pure: every function takes the objects of the moment ([`Objects`]) and says what the real server
//! would say.

pub mod bootstrap;
pub mod escalation;
pub mod impersonate;
pub mod policy;
pub mod rbac;
pub mod reviews;
mod rules;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use rbac::Attributes;

/// The group of RBAC's kinds.
pub const RBAC: &str = "rbac.authorization.k8s.io";
/// Whoever is in it may do everything.
pub const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";
const ANONYMOUS: &str = "system:anonymous";

/// The objects of the moment, as the store has them.
pub trait Objects {
    /// The objects of a plural, by namespace and name; with a namespace only those in it.
    fn all(&self, group: &str, plural: &str, namespace: Option<&str>) -> Vec<&Value>;

    /// One object.
    fn get(&self, group: &str, plural: &str, namespace: Option<&str>, name: &str)
    -> Option<&Value>;

    /// Where the objects of a kind are: their plural, and whether they live in namespaces. Nothing
    /// where there is no such kind.
    fn kind(&self, group: &str, kind: &str) -> Option<(String, bool)>;

    /// Whose token it is; nothing where it is nobody's.
    fn token(&self, _token: &str) -> Option<User> {
        None
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name; of a service account `system:serviceaccount:<namespace>:<name>`.
    pub name: String,
    /// The uid; empty for none.
    pub uid: String,
    /// The groups, in the order in which they were given.
    pub groups: Vec<String>,
    /// What else is known, by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A person that has proved who they are: `system:authenticated` is one of their groups.
    pub fn authenticated(name: &str, groups: &[&str]) -> Self {
        let mut user = Self {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Self::default()
        };
        user.settle();
        user
    }

    /// A service account, with the groups that every one of its namespace has.
    pub fn account(namespace: &str, name: &str) -> Self {
        let mut user = Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: account_groups(namespace),
            ..Self::default()
        };
        user.settle();
        user
    }

    /// A service account that may do everything: which rights the real one needs is not what whoever stands
    /// in for it is about. Not a person, so no change freeze stops it.
    pub fn controller(namespace: &str, name: &str) -> Self {
        let mut user = Self::account(namespace, name);
        user.groups.push(MASTERS.to_owned());
        user
    }

    /// Somebody who has not said who they are.
    pub fn anonymous() -> Self {
        let mut user = Self {
            name: ANONYMOUS.to_owned(),
            ..Self::default()
        };
        user.settle();
        user
    }

    /// Whether they are in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// As a `UserInfo`: reviews and policies show it.
    pub fn info(&self) -> Value {
        let mut info = Map::new();
        for (name, text) in [("username", &self.name), ("uid", &self.uid)] {
            if !text.is_empty() {
                info.insert(name.to_owned(), text.as_str().into());
            }
        }
        if !self.groups.is_empty() {
            info.insert("groups".to_owned(), json!(self.groups));
        }
        if !self.extra.is_empty() {
            info.insert("extra".to_owned(), json!(self.extra));
        }
        Value::Object(info)
    }

    /// Adds the group that everybody has who has, or has not, proved who they are.
    fn settle(&mut self) {
        let group = if self.name == ANONYMOUS {
            UNAUTHENTICATED
        } else if self.is_in(UNAUTHENTICATED) {
            return;
        } else {
            AUTHENTICATED
        };
        if !self.is_in(group) {
            self.groups.push(group.to_owned());
        }
    }
}

/// The groups of the service accounts of a namespace.
fn account_groups(namespace: &str) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ]
}

/// The namespace and the name of a service account, by its user name.
fn account_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let label = !namespace.contains('.') && namespace.len() <= 63;
    (label && is_subdomain(namespace) && is_subdomain(name)).then_some((namespace, name))
}

/// Whether a text is a subdomain of RFC 1123.
fn is_subdomain(text: &str) -> bool {
    let small = |at: u8| at.is_ascii_lowercase() || at.is_ascii_digit();
    text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(|at| small(*at))
                && bytes.last().is_some_and(|at| small(*at))
                && bytes.iter().all(|at| small(*at) || *at == b'-')
        })
}

/// The text at a pointer; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The value at a pointer of plain names: none of those asked for here has a `~` or an index, so that
/// they need not be unescaped.
fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(value, |at, name| at.get(name))
}

/// The items at a pointer; none where there is no list.
fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = at(value, pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The texts at a pointer.
fn texts<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    items(value, pointer)
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// A text in quotes, as the server's messages have it.
fn quoted(text: &str) -> String {
    let inside: String = text.chars().map(escaped).collect();
    format!("\"{inside}\"")
}

/// A character inside quotes.
fn escaped(at: char) -> String {
    match at {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\'' => "'".to_owned(),
        at if at.is_ascii_control() => format!("\\x{:02x}", u32::from(at)),
        at if at.escape_debug().count() > 1 => format!("\\u{:04x}", u32::from(at)),
        at => at.to_string(),
    }
}

/// Texts in quotes, as the server's messages list them.
fn quoted_list<S: AsRef<str>>(texts: &[S]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(" "))
}

/// Several faults as one text: each once, and in brackets where there are several.
fn aggregate(mut faults: Vec<String>) -> String {
    let mut seen = Vec::new();
    faults.retain(|fault| {
        let new = !seen.contains(fault);
        if new {
            seen.push(fault.clone());
        }
        new
    });
    match faults.as_slice() {
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    }
}

#[cfg(test)]
mod tests;
