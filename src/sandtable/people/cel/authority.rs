//! `authorizer`: what roles say, asked from within an expression.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::rbac::{Attributes, decide};
use super::super::{Objects, User};
use super::{Fault, Val};

/// What a check costs. The server allows a policy some ten million, so about twenty-eight of them.
pub(super) const COST: u64 = 350_000;

/// Who is asked about, and what the request itself is about.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// Where the roles are.
    pub objects: &'a dyn Objects,
    /// The request: who sends it, and on what.
    pub request: Attributes<'a>,
}

/// A question that is being put together, or its answer.
#[derive(Clone, Debug)]
pub enum Check<'a> {
    /// `authorizer`, of this user.
    Authorizer(Cow<'a, User>),
    /// `.path(…)`.
    Path(Cow<'a, User>, String),
    /// `.group(…)`.
    Group(Cow<'a, User>, String),
    /// `.resource(…)` and what follows.
    Resource(Cow<'a, User>, Resource),
    /// `.check(…)`: whether it is allowed, and why.
    Decision(bool, String),
}

/// What a check is about.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    group: String,
    plural: String,
    subresource: String,
    namespace: String,
    name: String,
}

impl<'a> Authority<'a> {
    /// `authorizer`.
    pub(super) fn root(&self) -> Val<'a> {
        Val::Check(Rc::new(Check::Authorizer(Cow::Borrowed(self.request.user))))
    }

    /// `authorizer.requestResource`.
    pub(super) fn own(&self) -> Val<'a> {
        let of = &self.request;
        let resource = Resource {
            group: of.group.to_owned(),
            plural: of.resource.to_owned(),
            subresource: of.subresource.to_owned(),
            namespace: of.namespace.to_owned(),
            name: of.name.to_owned(),
        };
        Val::Check(Rc::new(Check::Resource(Cow::Borrowed(of.user), resource)))
    }

    /// A function of a question: nothing where it has none of the name.
    pub(super) fn call(
        &self,
        check: &Check<'a>,
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

    fn step(
        &self,
        check: &Check<'a>,
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
                let mut user = User::account(namespace, name);
                // A check knows the account's own groups only.
                user.groups.pop();
                Check::Authorizer(Cow::Owned(user))
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

    fn ask(&self, check: &Check<'a>, verb: &str) -> Option<Check<'a>> {
        let decision = match check {
            Check::Path(user, path) => decide(self.objects, &Attributes::of_path(user, verb, path)),
            Check::Resource(user, of) => {
                let attributes = Attributes {
                    subresource: &of.subresource,
                    namespace: &of.namespace,
                    name: &of.name,
                    ..Attributes::of(user, verb, &of.group, &of.plural)
                };
                decide(self.objects, &attributes)
            }
            Check::Authorizer(_) | Check::Group(..) | Check::Decision(..) => return None,
        };
        Some(Check::Decision(decision.allowed, decision.reason))
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
