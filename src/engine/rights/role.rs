//! The least roles that give an account what it needs, as YAML for `kubectl apply`.
//!
//! What is needed in one namespace is a Role in it; what is needed alike in several is one `ClusterRole`
//! that is bound in each of them; only what is needed of the whole cluster is bound to all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Needs, Right, danger};
use crate::api::names;
use crate::engine::plan::few;

/// Whose roles.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The playbook's name: roles are called after it.
    pub playbook: &'a str,
    /// The account's name.
    pub name: &'a str,
    /// The account's namespace.
    pub namespace: &'a str,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The objects, as YAML documents.
    pub yaml: String,
    /// Rights that are worth a second look, a sentence each.
    pub dangers: Vec<String>,
}

/// One rule of a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The group.
    pub group: String,
    /// The plurals.
    pub resources: Vec<String>,
    /// The names of objects; none for any.
    pub names: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
}

/// Verbs in the order in which people write them; others come after.
const ORDER: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

const HEAD: &str = "# The least rights that the account of playbook {playbook} needs for what its steps do, and for
# the way back, as `pingzhan rbac generate` found them. Generate it anew when the playbook changes, or
# when namespaces come or go that its steps select: `pingzhan check` and the playbook's condition Ready
# say when something is missing.
apiVersion: v1
kind: ServiceAccount
metadata: { name: {account}, namespace: {accounts}, labels: {labels} }
";

const ROLE: &str = "---
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata: { name: {role}{namespace}, labels: {labels} }
rules:
{rules}";

const BINDING: &str = "---
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}Binding
metadata: { name: {role}{namespace}, labels: {labels} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: {of}, name: {role} }
subjects: [ { kind: ServiceAccount, name: {account}, namespace: {accounts} } ]
";

/// Makes the account, its roles and bindings.
///
/// Guarantees: the same needs give the same text; what the whole cluster is given is not given again
/// in a namespace.
pub fn make(of: Account<'_>, needs: &Needs) -> Made {
    let rights: BTreeSet<&Right> = needs.all.keys().collect();
    let places = places(&rights);
    let mut text = fill(of, HEAD, &[]);
    for note in needs.unserved.iter().chain(&needs.notes) {
        let _ = writeln!(text, "# Not known: {note}.");
    }
    let base = format!("pingzhan-playbook-{}", of.playbook);
    if let Some(rules) = places.get(&None) {
        role(&mut text, of, "ClusterRole", &base, None, rules);
        binding(&mut text, of, "ClusterRole", &base, None);
    }
    let shared = shared(&places);
    let mut number = 0;
    for (rules, namespaces) in &shared {
        if let [namespace] = namespaces.as_slice() {
            role(&mut text, of, "Role", &base, Some(namespace), rules);
            binding(&mut text, of, "Role", &base, Some(namespace));
            continue;
        }
        number += 1;
        let name = format!("{base}-in-namespaces-{number}");
        role(&mut text, of, "ClusterRole", &name, None, rules);
        for namespace in namespaces {
            binding(&mut text, of, "ClusterRole", &name, Some(namespace));
        }
    }
    Made {
        yaml: text,
        dangers: dangers(&rights),
    }
}

/// The rules of each place; what the whole cluster is given is left out elsewhere.
fn places<'a>(rights: &BTreeSet<&'a Right>) -> BTreeMap<Option<&'a str>, Vec<Rule>> {
    let mut places: BTreeMap<Option<&str>, Vec<&Right>> = BTreeMap::new();
    for right in rights {
        let everywhere = Right {
            namespace: None,
            ..(*right).clone()
        };
        if right.namespace.is_some() && is_given(rights, &everywhere) {
            continue;
        }
        let any = Right {
            name: None,
            ..(*right).clone()
        };
        if right.name.is_some() && is_given(rights, &any) {
            continue;
        }
        places
            .entry(right.namespace.as_deref())
            .or_default()
            .push(right);
    }
    places
        .into_iter()
        .map(|(place, rights)| (place, rules(&rights)))
        .collect()
}

fn is_given(rights: &BTreeSet<&Right>, right: &Right) -> bool {
    let any = Right {
        name: None,
        ..right.clone()
    };
    rights.contains(right) || rights.contains(&any)
}

/// Group and plural.
type Kind<'a> = (&'a str, &'a str);
/// What a rule is made of besides its resources: group, names, verbs.
type Shape<'a> = (&'a str, BTreeSet<&'a str>, BTreeSet<&'a str>);

/// Rights of one place as few rules.
fn rules(rights: &[&Right]) -> Vec<Rule> {
    let mut names: BTreeMap<(Kind<'_>, &str), BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        let key = (
            (right.group.as_str(), right.resource.as_str()),
            right.verb.as_str(),
        );
        names.entry(key).or_default().extend(right.name.as_deref());
    }
    let mut verbs: BTreeMap<(Kind<'_>, BTreeSet<&str>), BTreeSet<&str>> = BTreeMap::new();
    for ((kind, verb), names) in names {
        verbs.entry((kind, names)).or_default().insert(verb);
    }
    let mut merged: BTreeMap<Shape<'_>, BTreeSet<&str>> = BTreeMap::new();
    for (((group, resource), names), verbs) in verbs {
        merged
            .entry((group, names, verbs))
            .or_default()
            .insert(resource);
    }
    let owned = |words: BTreeSet<&str>| words.into_iter().map(str::to_owned).collect();
    let mut rules: Vec<Rule> = merged
        .into_iter()
        .map(|((group, names, verbs), resources)| Rule {
            group: group.to_owned(),
            resources: owned(resources),
            names: owned(names),
            verbs: in_order(verbs),
        })
        .collect();
    rules.sort();
    rules
}

fn in_order(verbs: BTreeSet<&str>) -> Vec<String> {
    let place = |verb: &str| ORDER.iter().position(|known| *known == verb);
    let mut verbs: Vec<&str> = verbs.into_iter().collect();
    verbs.sort_by_key(|verb| (place(verb).unwrap_or(ORDER.len()), *verb));
    verbs.into_iter().map(str::to_owned).collect()
}

/// Namespaces in which the same is needed, by the first of them.
fn shared<'a>(places: &BTreeMap<Option<&'a str>, Vec<Rule>>) -> Vec<(Vec<Rule>, Vec<&'a str>)> {
    let mut shared: Vec<(Vec<Rule>, Vec<&str>)> = Vec::new();
    for (place, rules) in places {
        let Some(namespace) = place else { continue };
        match shared.iter_mut().find(|(known, _)| known == rules) {
            Some((_, namespaces)) => namespaces.push(namespace),
            None => shared.push((rules.clone(), vec![namespace])),
        }
    }
    shared
}

fn role(
    text: &mut String,
    of: Account<'_>,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
    rules: &[Rule],
) {
    let rules: String = rules.iter().map(|rule| rule.yaml(namespace)).collect();
    let space = in_namespace(namespace);
    let words = [
        ("{kind}", kind),
        ("{role}", name),
        ("{namespace}", &space),
        ("{rules}", &rules),
    ];
    text.push_str(&fill(of, ROLE, &words));
}

fn binding(text: &mut String, of: Account<'_>, kind: &str, role: &str, namespace: Option<&str>) {
    let bound = match namespace {
        Some(_) => "Role",
        None => "ClusterRole",
    };
    let space = in_namespace(namespace);
    let words = [
        ("{kind}", bound),
        ("{of}", kind),
        ("{role}", role),
        ("{namespace}", &space),
    ];
    text.push_str(&fill(of, BINDING, &words));
}

fn in_namespace(namespace: Option<&str>) -> String {
    namespace.map_or_else(String::new, |name| format!(", namespace: {}", scalar(name)))
}

fn fill(of: Account<'_>, template: &str, words: &[(&str, &str)]) -> String {
    let labels = format!(
        "{{ {}: {} }}",
        names::ACCOUNT_OF_LABEL,
        scalar(&names::label_value(of.playbook))
    );
    let mut text = template
        .replace("{account}", &scalar(of.name))
        .replace("{accounts}", &scalar(of.namespace))
        .replace("{playbook}", of.playbook)
        .replace("{labels}", &labels);
    for (word, with) in words {
        text = text.replace(word, with);
    }
    text
}

/// A text as YAML, in quotes where it would be read as something else.
fn scalar(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-./".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| scalar(word)).collect();
    format!("[{}]", words.join(", "))
}

impl Rule {
    /// As a role has it, with what is dangerous about it above.
    fn yaml(&self, namespace: Option<&str>) -> String {
        let Self {
            group,
            resources,
            names,
            verbs,
        } = self;
        let mut text = String::new();
        let mut said = BTreeSet::new();
        for right in self.rights(namespace) {
            if let Some(why) = danger(&right)
                && said.insert(why)
            {
                let _ = writeln!(text, "# Look twice: {why}.");
            }
        }
        let group = scalar(group);
        let _ = writeln!(text, "- apiGroups: [{group}]");
        let _ = writeln!(text, "  resources: {}", list(resources));
        if !names.is_empty() {
            let _ = writeln!(text, "  resourceNames: {}", list(names));
        }
        let _ = writeln!(text, "  verbs: {}", list(verbs));
        text
    }

    fn rights(&self, namespace: Option<&str>) -> Vec<Right> {
        let mut rights = Vec::new();
        for resource in &self.resources {
            for verb in &self.verbs {
                let right = Right::on(&self.group, resource, namespace).to(verb);
                rights.push(match self.names.first() {
                    Some(name) => right.named(name),
                    None => right,
                });
            }
        }
        rights
    }
}

/// A sentence for each dangerous kind of right.
fn dangers(rights: &BTreeSet<&Right>) -> Vec<String> {
    let mut kinds: BTreeMap<(&str, &str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        if let Some(why) = danger(right) {
            let key = (
                why,
                right.verb.as_str(),
                right.resource.as_str(),
                right.group.as_str(),
            );
            let places = kinds.entry(key).or_default();
            places.insert(right.namespace.as_deref().unwrap_or("the whole cluster"));
        }
    }
    let sentences = kinds
        .into_iter()
        .map(|((why, verb, resource, group), places)| {
            let places: Vec<&str> = places.into_iter().collect();
            let group = if group.is_empty() {
                String::new()
            } else {
                format!(" ({group})")
            };
            format!("{verb} {resource}{group} in {}: {why}", few(&places))
        });
    sentences.collect()
}
