//! Policies that guard writes (`ValidatingAdmissionPolicy` and its bindings).

pub mod bound;
mod evaluate;
mod matching;
mod params;
mod scene;
pub mod valid;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::evaluate::Decision;
use self::scene::Scene;
use super::{Objects, User, items, text};
use crate::cel::Expressions;
use crate::sandtable::refusal::{Cause, Named, Refusal};

/// The group of the policies.
pub const GROUP: &str = "admissionregistration.k8s.io";
/// Longest value of an audit annotation.
const LONGEST_ANNOTATION: usize = 10 * 1024;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It changes.
    Update,
    /// It is deleted.
    Delete,
    /// Something of it is connected to.
    Connect,
}

impl Operation {
    /// As policies have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A write, as policies see it. What there is none of is empty.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// Who writes.
    pub user: &'a User,
    /// What is done.
    pub operation: Operation,
    /// The group; empty for the core one too.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The kind of what is sent: of a scale `Scale`, with the group and version of its own.
    pub kind: Kind<'a>,
    /// The plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The name; empty where the server is to make one.
    pub name: &'a str,
    /// The object as it will be; nothing when it is deleted.
    pub object: Option<&'a Value>,
    /// The object as it was; nothing when it is new.
    pub old: Option<&'a Value>,
    /// Whether nothing will come of it.
    pub dry_run: bool,
    /// The options of the request, as an object with apiVersion and kind; null for none.
    pub options: &'a Value,
}

/// A kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind<'a> {
    /// The group.
    pub group: &'a str,
    /// The version.
    pub version: &'a str,
    /// The kind.
    pub kind: &'a str,
}

/// What the policies say of a write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Why it is denied; nothing where it is not.
    pub refusal: Option<Refusal>,
    /// `Warning` headers, whether it is denied or not.
    pub warnings: Vec<String>,
    /// Annotations of the audit event.
    pub annotations: BTreeMap<String, String>,
}

/// A policy with one of its bindings that denies.
struct Denial {
    policy: String,
    binding: Option<String>,
    message: String,
    reason: &'static str,
}

/// Asks all policies. Those that guard policies themselves, and reviews, are never asked.
///
/// `expressions` is kept between requests, so that a policy is read once.
pub fn admit(objects: &dyn Objects, expressions: &Expressions, asked: &Admission<'_>) -> Verdict {
    if is_exempt(asked.group, asked.resource) {
        return Verdict::default();
    }
    let bindings = objects.all(GROUP, "validatingadmissionpolicybindings", None);
    if bindings.is_empty() {
        return Verdict::default();
    }
    let mut asked = *asked;
    if asked.namespace.is_empty() && asked.group.is_empty() && asked.resource == "namespaces" {
        // A namespace counts as being in itself.
        asked.namespace = asked.name;
    }
    let scene = Scene::new(objects, &asked);
    let mut round = Round {
        objects,
        expressions,
        scene: &scene,
        denials: Vec::new(),
        verdict: Verdict::default(),
    };
    for policy in objects.all(GROUP, "validatingadmissionpolicies", None) {
        let name = text(policy, "/metadata/name");
        let own = bindings
            .iter()
            .filter(|binding| text(binding, "/spec/policyName") == name);
        let own: Vec<&Value> = own.copied().collect();
        if !own.is_empty() {
            round.policy(policy, &own);
        }
    }
    let mut verdict = round.verdict;
    verdict.refusal = round.denials.first().map(|denial| denial.refusal(&asked));
    verdict
}

/// Whether no policy is asked about a kind.
fn is_exempt(group: &str, resource: &str) -> bool {
    match group {
        GROUP => matches!(
            resource,
            "validatingadmissionpolicies"
                | "validatingadmissionpolicybindings"
                | "mutatingadmissionpolicies"
                | "mutatingadmissionpolicybindings"
        ),
        group => super::reviews::Review::of(group, resource).is_some(),
    }
}

/// One pass over all policies.
struct Round<'a> {
    objects: &'a dyn Objects,
    expressions: &'a Expressions,
    scene: &'a Scene<'a>,
    denials: Vec<Denial>,
    verdict: Verdict,
}

impl<'a> Round<'a> {
    fn policy(&mut self, policy: &'a Value, bindings: &[&'a Value]) {
        let constraints = &policy["spec"]["matchConstraints"];
        match matching::matches(self.objects, self.scene.asked, constraints) {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => return self.broken(policy, None, &why),
        }
        if let Err(why) = params::known(self.objects, policy) {
            return self.broken(policy, None, &why);
        }
        let expressions = self.expressions;
        let prepared = evaluate::Prepared::new(expressions, policy);
        let mut annotations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for binding in bindings {
            let resources = &binding["spec"]["matchResources"];
            if !resources.is_null() {
                match matching::matches(self.objects, self.scene.asked, resources) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(why) => {
                        self.broken(policy, Some(binding), &why);
                        continue;
                    }
                }
            }
            let namespace = self.scene.asked.namespace;
            match params::collect(self.objects, policy, binding, namespace) {
                Ok(params) => {
                    for param in params {
                        let outcome = prepared.validate(self.scene, param);
                        self.take(policy, binding, outcome, &mut annotations);
                    }
                }
                Err(why) => self.broken(policy, Some(binding), &why),
            }
        }
        let name = text(policy, "/metadata/name");
        for (key, values) in annotations {
            let value = values.join(", ");
            self.verdict
                .annotations
                .insert(format!("{name}/{key}"), value);
        }
    }

    /// A policy or binding that cannot be carried out.
    fn broken(&mut self, policy: &Value, binding: Option<&Value>, why: &str) {
        if text(policy, "/spec/failurePolicy") == "Ignore" {
            return;
        }
        let part = if binding.is_some() {
            "binding"
        } else {
            "policy"
        };
        let message = format!("failed to configure {part}: {why}");
        self.deny(policy, binding, message, "");
    }

    fn deny(
        &mut self,
        policy: &Value,
        binding: Option<&Value>,
        message: String,
        reason: &'static str,
    ) {
        let name = |value: &Value| text(value, "/metadata/name").to_owned();
        self.denials.push(Denial {
            policy: name(policy),
            binding: binding.map(name),
            message,
            reason,
        });
    }

    /// Does with the decisions what the binding says.
    fn take(
        &mut self,
        policy: &Value,
        binding: &Value,
        outcome: evaluate::Outcome,
        annotations: &mut BTreeMap<String, Vec<String>>,
    ) {
        let names = (
            text(policy, "/metadata/name"),
            text(binding, "/metadata/name"),
        );
        for (at, decision) in outcome.decisions.into_iter().enumerate() {
            let Decision::Deny { message, reason } = decision else {
                continue;
            };
            for action in items(binding, "/spec/validationActions") {
                match action.as_str() {
                    Some("Deny") => self.deny(policy, Some(binding), message.clone(), reason),
                    Some("Warn") => self.verdict.warnings.push(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': \
                         {message}",
                        names.0, names.1
                    )),
                    Some("Audit") => {
                        let said = failure(binding, names, at, &message);
                        let key = "validation.policy.admission.k8s.io/validation_failure";
                        let own = &mut self.verdict.annotations;
                        own.entry(key.to_owned()).or_insert(said);
                    }
                    _ => {}
                }
            }
        }
        for (key, mut value) in outcome.annotations {
            let mut end = LONGEST_ANNOTATION.min(value.len());
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            value.truncate(end);
            let values = annotations.entry(key).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        for message in outcome.broken {
            self.deny(policy, Some(binding), message, "");
        }
    }
}

/// A denial as audit events have it.
fn failure(binding: &Value, names: (&str, &str), at: usize, message: &str) -> String {
    let quoted = |value: &str| Value::from(value).to_string();
    let actions = &binding["spec"]["validationActions"];
    format!(
        "[{{\"message\":{},\"policy\":{},\"binding\":{},\"expressionIndex\":{at},\
         \"validationActions\":{actions}}}]",
        quoted(message),
        quoted(names.0),
        quoted(names.1),
    )
}

impl Denial {
    fn refusal(&self, asked: &Admission<'_>) -> Refusal {
        let binding = match &self.binding {
            Some(binding) => format!(" with binding '{binding}'"),
            None => String::new(),
        };
        let message = format!(
            "ValidatingAdmissionPolicy '{}'{binding} denied request: {}",
            self.policy, self.message
        );
        let resource = Named {
            group: asked.group,
            word: asked.resource,
        };
        let mut refusal = Refusal::forbidden(resource, asked.said_name(), &message);
        (refusal.code, refusal.reason) = match self.reason {
            "Forbidden" => (403, "Forbidden"),
            "Unauthorized" => (401, "Unauthorized"),
            "RequestEntityTooLarge" => (413, "RequestEntityTooLarge"),
            _ => (422, "Invalid"),
        };
        if let Some(details) = &mut refusal.details {
            details.causes.push(Cause {
                message,
                ..Cause::default()
            });
        }
        refusal
    }
}

impl Admission<'_> {
    /// The name that a refusal speaks of.
    fn said_name(&self) -> &str {
        if !self.name.is_empty() {
            return self.name;
        }
        let Some(object) = self.object else {
            return "Unknown";
        };
        let names = ["/metadata/name", "/metadata/generateName"].map(|at| text(object, at));
        let name = names.into_iter().find(|name| !name.is_empty());
        name.unwrap_or("Unknown")
    }

    /// As expressions see it in `request`.
    fn request(&self) -> Value {
        let kind = json!({
            "group": self.kind.group, "version": self.kind.version, "kind": self.kind.kind,
        });
        let resource = json!({
            "group": self.group, "version": self.version, "resource": self.resource,
        });
        let mut request = json!({
            "uid": "",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "operation": self.operation.word(),
            "userInfo": self.user.info(),
            "object": null,
            "oldObject": null,
            "dryRun": self.dry_run,
            "options": self.options,
        });
        for (field, value) in [
            ("subResource", self.subresource),
            ("requestSubResource", self.subresource),
            ("name", self.name),
            ("namespace", self.namespace),
        ] {
            if !value.is_empty() {
                request[field] = value.into();
            }
        }
        request
    }
}

#[cfg(test)]
mod tests;
