//! `authorizer`: what roles say, asked from within an expression.

use std::rc::Rc;

use super::{Fault, Val};

/// What a check costs. The server allows a policy some ten million, so about twenty-eight of them.
pub(super) const COST: u64 = 350_000;

/// Who answers questions of authority.
pub trait Authority {
    /// What the request itself is about.
    fn own(&self) -> Resource;
    /// Whether somebody may do something, and why.
    fn decide(&self, who: &Subject, verb: &str, what: &What<'_>) -> (bool, String);
}

/// Who is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Who sends the request.
    Requester,
    /// A service account.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A path of the server.
    Path(&'a str),
    /// A resource.
    Resource(&'a Resource),
}

/// A question that is being put together, or its answer.
#[derive(Clone, Debug)]
pub enum Check {
    /// `authorizer`, of this user.
    Authorizer(Subject),
    /// `.path(…)`.
    Path(Subject, String),
    /// `.group(…)`.
    Group(Subject, String),
    /// `.resource(…)` and what follows.
    Resource(Subject, Resource),
    /// `.check(…)`: whether it is allowed, and why.
    Decision(bool, String),
}

/// What a check is about.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// Its API group.
    pub group: String,
    /// Its plural.
    pub plural: String,
    /// Its subresource, or nothing.
    pub subresource: String,
    /// Its namespace, or nothing.
    pub namespace: String,
    /// Its name, or nothing.
    pub name: String,
}

/// `authorizer`.
pub(super) fn root<'a>() -> Val<'a> {
    Val::Check(Rc::new(Check::Authorizer(Subject::Requester)))
}

/// `authorizer.requestResource`.
pub(super) fn own<'a>(of: &dyn Authority) -> Val<'a> {
    Val::Check(Rc::new(Check::Resource(Subject::Requester, of.own())))
}

impl dyn Authority + '_ {
    /// A function of a question: nothing where it has none of the name.
    pub(super) fn call<'a>(
        &self,
        check: &Check,
        name: &str,
        args: &[Val<'a>],
    ) -> Option<Result<Val<'a>, Fault>> {
        let texts: Option<Vec<&str>> = args
            .iter()
            .map(|arg| match arg {
                Val::Text(text) => Some(text.as_ref()),
                _ => None,
            })
            .collect();
        let Some(texts) = texts else {
            return Some(Err(Fault::no_overload()));
        };
        match self.step(check, name, &texts)? {
            Ok(next) => Some(Ok(next)),
            Err(message) => Some(Err(Fault(message.to_owned()))),
        }
    }

    fn step<'a>(
        &self,
        check: &Check,
        name: &str,
        args: &[&str],
    ) -> Option<Result<Val<'a>, &'static str>> {
        let next = match (check, name, args) {
            (Check::Authorizer(_), "path", [path]) if path.trim().is_empty() => {
                return Some(Err("path must not be empty"));
            }
            (Check::Authorizer(user), "path", [path]) => {
                Check::Path(user.clone(), (*path).to_owned())
            }
            (Check::Authorizer(user), "group", [group]) => {
                Check::Group(user.clone(), (*group).to_owned())
            }
            (Check::Authorizer(_), "serviceAccount", [namespace, name]) => {
                Check::Authorizer(Subject::Account {
                    namespace: (*namespace).to_owned(),
                    name: (*name).to_owned(),
                })
            }
            (Check::Group(..), "resource", [plural]) if plural.trim().is_empty() => {
                return Some(Err("resource must not be empty"));
            }
            (Check::Group(user, group), "resource", [plural]) => {
                let (group, plural) = (group.clone(), (*plural).to_owned());
                let resource = Resource {
                    group,
                    plural,
                    ..Resource::default()
                };
                Check::Resource(user.clone(), resource)
            }
            (Check::Resource(user, resource), name, [arg]) if name != "check" => {
                Check::Resource(user.clone(), resource.with(name, arg)?)
            }
            (_, "check", [verb]) => self.ask(check, verb)?,
            (Check::Decision(allowed, reason), _, []) => {
                return Some(Ok(match name {
                    "allowed" => Val::Bool(*allowed),
                    "reason" => Val::text(reason.as_str()),
                    "errored" => Val::Bool(false),
                    "error" => Val::text(""),
                    _ => return None,
                }));
            }
            _ => return None,
        };
        Some(Ok(Val::Check(Rc::new(next))))
    }

    fn ask(&self, check: &Check, verb: &str) -> Option<Check> {
        let (allowed, reason) = match check {
            Check::Path(who, path) => self.decide(who, verb, &What::Path(path)),
            Check::Resource(who, of) => self.decide(who, verb, &What::Resource(of)),
            Check::Authorizer(_) | Check::Group(..) | Check::Decision(..) => return None,
        };
        Some(Check::Decision(allowed, reason))
    }
}

impl Resource {
    fn with(&self, name: &str, arg: &str) -> Option<Self> {
        let mut own = self.clone();
        let arg = arg.to_owned();
        match name {
            "subresource" => own.subresource = arg,
            "namespace" => own.namespace = arg,
            "name" => own.name = arg,
            // Roles know no selectors.
            "fieldSelector" | "labelSelector" => {}
            _ => return None,
        }
        Some(own)
    }
}
