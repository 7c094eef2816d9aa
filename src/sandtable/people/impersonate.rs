//! Acting as somebody else, by the `Impersonate-` headers.
//!
//! The server tries constrained impersonation first (a right to act as somebody, and a right to do
//! this very thing as somebody), then the old verb `impersonate`, which lends the whole identity.
//! A refusal speaks of the first right that was missing.

use http::HeaderMap;

use super::rbac::{Attributes, allow, forbidden};
use super::{MASTERS, Objects, User, account_groups, account_of, is_subdomain, quoted};
use crate::sandtable::refusal::Refusal;

const EXTRA: &str = "impersonate-extra-";
const NODE: &str = "system:node:";
const AUTHENTICATION: &str = "authentication.k8s.io";
/// From how many groups or values on one right for all of them is looked for first.
const MANY: usize = 4;

/// The ways to act as somebody else, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As a node.
    Node,
    /// As a service account.
    Account,
    /// As anybody else.
    Person,
    /// By the verb `impersonate`.
    Legacy,
}

const MODES: [Mode; 4] = [Mode::Node, Mode::Account, Mode::Person, Mode::Legacy];

/// Whom the headers want to act as; nobody where they do not ask for it.
///
/// # Errors
/// 400 where they name groups, a uid or more, but no user.
pub fn wanted(headers: &HeaderMap) -> Result<Option<User>, Refusal> {
    let texts = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    };
    let first = |name: &str| texts(name).into_iter().next().unwrap_or_default();
    let mut user = User {
        name: first("impersonate-user"),
        uid: first("impersonate-uid"),
        groups: texts("impersonate-group"),
        ..User::default()
    };
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let values = user.extra.entry(unescaped(key)).or_default();
            values.extend(texts(name.as_str()));
        }
    }
    if !user.name.is_empty() {
        return Ok(Some(user));
    }
    if user == User::default() {
        return Ok(None);
    }
    let message = format!(
        "requested {} without impersonating a user name",
        said(&user)
    );
    Err(Refusal::bad_request(message))
}

/// The user whom a request is carried out as, and the way that was found to allow it.
///
/// `asking` is the request as the one who sends it would make it. `lately` is the way that let the
/// same sender act as somebody last time: the server tries it first, and a refusal then speaks of it.
///
/// # Errors
/// 403 in the server's words.
pub fn impersonate(
    objects: &dyn Objects,
    asking: &Attributes<'_>,
    wanted: &User,
    lately: Option<Mode>,
) -> Result<(User, Mode), Refusal> {
    let mut refused = None;
    let rest = MODES.into_iter().filter(|mode| Some(*mode) != lately);
    for mode in lately.into_iter().chain(rest) {
        if !mode.fits(wanted) {
            continue;
        }
        match mode.lend(objects, asking, wanted) {
            Ok(user) => return Ok((user, mode)),
            Err(refusal) => {
                refused.get_or_insert(refusal);
            }
        }
    }
    Err(refused.unwrap_or_else(|| forbidden(asking, "")))
}

impl Mode {
    /// The word in the constrained verbs; nothing for the old way.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Node => Some("arbitrary-node"),
            Self::Account => Some("serviceaccount"),
            Self::Person => Some("user-info"),
            Self::Legacy => None,
        }
    }

    /// Whether it is a way to act as this user at all.
    fn fits(self, wanted: &User) -> bool {
        let bare = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let node = node_of(&wanted.name).is_some();
        let account = account_of(&wanted.name).is_some();
        match self {
            Self::Node => bare && node,
            Self::Account => bare && account,
            Self::Person => !node && !account,
            Self::Legacy => true,
        }
    }

    fn lend(
        self,
        objects: &dyn Objects,
        asking: &Attributes<'_>,
        wanted: &User,
    ) -> Result<User, Refusal> {
        let verb = match self.word() {
            None => "impersonate".to_owned(),
            Some(word) => {
                let verb = format!("impersonate-on:{word}:{}", asking.verb);
                allow(
                    objects,
                    &Attributes {
                        verb: &verb,
                        ..*asking
                    },
                )?;
                format!("impersonate:{word}")
            }
        };
        let constrained = self.word().is_some();
        let lender = Lender {
            objects,
            user: asking.user,
            verb: &verb,
            constrained,
        };
        let groups = lender.name(&wanted.name)?;
        lender.uid(&wanted.uid)?;
        lender.groups(&wanted.groups)?;
        lender.extra(wanted)?;
        let mut user = wanted.clone();
        if user.groups.is_empty() {
            user.groups = groups;
        }
        user.settle();
        Ok(user)
    }
}

/// The rights to act as the parts of a user.
struct Lender<'a> {
    objects: &'a dyn Objects,
    user: &'a User,
    verb: &'a str,
    constrained: bool,
}

impl Lender<'_> {
    fn of<'a>(&'a self, group: &'a str, resource: &'a str, name: &'a str) -> Attributes<'a> {
        Attributes {
            version: "v1",
            name,
            ..Attributes::of(self.user, self.verb, group, resource)
        }
    }

    /// The group in which users, groups and accounts are looked for.
    fn own_group(&self) -> &'static str {
        if self.constrained { AUTHENTICATION } else { "" }
    }

    /// The groups that come with a name.
    fn name(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let group = self.own_group();
        if let Some((namespace, account)) = account_of(name) {
            let of = self.of(group, "serviceaccounts", account);
            allow(self.objects, &Attributes { namespace, ..of })?;
            return Ok(account_groups(namespace));
        }
        if let Some(node) = node_of(name).filter(|_| self.constrained) {
            allow(self.objects, &self.of(group, "nodes", node))?;
            return Ok(vec!["system:nodes".to_owned()]);
        }
        allow(self.objects, &self.of(group, "users", name))?;
        Ok(Vec::new())
    }

    fn uid(&self, uid: &str) -> Result<(), Refusal> {
        if uid.is_empty() {
            return Ok(());
        }
        allow(self.objects, &self.of(AUTHENTICATION, "uids", uid))
    }

    fn groups(&self, groups: &[String]) -> Result<(), Refusal> {
        let of = |name| self.of(self.own_group(), "groups", name);
        if self.constrained {
            if groups.iter().any(String::is_empty) {
                let why = "impersonating the empty string group is not allowed";
                return Err(forbidden(&of(""), why));
            }
            if groups.iter().any(|group| group == MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return Err(forbidden(&of(MASTERS), why));
            }
            if groups.len() >= MANY && allow(self.objects, &of("*")).is_ok() {
                return Ok(());
            }
        }
        groups
            .iter()
            .try_for_each(|group| allow(self.objects, &of(group)))
    }

    fn extra(&self, wanted: &User) -> Result<(), Refusal> {
        let of = |subresource, name| {
            let of = self.of(AUTHENTICATION, "userextras", name);
            Attributes { subresource, ..of }
        };
        let extra = &wanted.extra;
        if self.constrained && !extra.is_empty() {
            if let Some(why) = extra
                .iter()
                .find_map(|(key, values)| extra_fault(key, values))
            {
                return Err(forbidden(&of("", ""), &why));
            }
            let count: usize = extra.values().map(Vec::len).sum();
            let many = extra.len() >= MANY || count >= MANY;
            if many && allow(self.objects, &of("*", "*")).is_ok() {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                allow(self.objects, &of(key, value))?;
            }
        }
        Ok(())
    }
}

/// Why a key and its values are not to be had by constrained impersonation.
fn extra_fault(key: &str, values: &[String]) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".to_owned());
    }
    let prefixed = key
        .split_once('/')
        .is_some_and(|(host, path)| is_subdomain(host) && !path.is_empty());
    if !prefixed {
        return Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {}: \
             must be a domain-prefixed path (such as \"acme.io/foo\")",
            quoted(key)
        ));
    }
    if values.iter().any(String::is_empty) {
        let why = "impersonating the empty string value in extra is not allowed";
        return Some(why.to_owned());
    }
    None
}

/// The name of a node, by its user name.
fn node_of(user: &str) -> Option<&str> {
    user.strip_prefix(NODE).filter(|name| is_subdomain(name))
}

/// A key without its percent escapes; as it is where they make no sense.
fn unescaped(key: &str) -> String {
    let digit = |at: u8| {
        char::from(at)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return key.to_owned();
        };
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return key.to_owned();
        };
        bytes.push(high * 16 + low);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}

/// A user as the message about a missing name has it.
fn said(user: &User) -> String {
    let list = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        texts.join(", ")
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        format!("[]string{{{}}}", list(&user.groups))
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let pairs: Vec<String> = user
            .extra
            .iter()
            .map(|(key, values)| format!("{}:[]string{{{}}}", quoted(key), list(values)))
            .collect();
        format!("map[string][]string{{{}}}", pairs.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:\"\", UID:{}, Groups:{groups}, Extra:{extra}}}",
        quoted(&user.uid)
    )
}
