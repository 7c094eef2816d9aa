//! Rights that are missing, as sentences: one for each kind and verb, not one for each object.

use std::collections::{BTreeMap, BTreeSet};

use super::{Need, Right, Use};
use crate::engine::plan::{Finding, few};

/// What is missing of one kind.
#[derive(Default)]
struct Missing<'a> {
    verbs: BTreeSet<&'a str>,
    namespaces: BTreeSet<&'a str>,
    names: BTreeSet<String>,
    steps: BTreeSet<&'a str>,
    critical: bool,
    everywhere: bool,
}

/// What to say of rights that an account does not have; those on which critical steps hang first.
///
/// Without a right to change something, its step does harm; without one to see something, it may.
pub fn missing<'a>(
    who: &str,
    rights: impl IntoIterator<Item = (&'a Right, &'a Need)>,
) -> Vec<Finding> {
    let mut kinds: BTreeMap<(Use, &str, &str), Missing<'_>> = BTreeMap::new();
    for (right, need) in rights {
        let key = (need.of, right.group.as_str(), right.resource.as_str());
        let missing = kinds.entry(key).or_default();
        missing.verbs.insert(&right.verb);
        match &right.namespace {
            Some(namespace) => {
                missing.namespaces.insert(namespace);
            }
            None => missing.everywhere = true,
        }
        missing.names.extend(right.name.clone());
        missing.steps.extend(need.steps.iter().map(String::as_str));
        missing.critical |= need.critical;
    }
    let mut said: Vec<(bool, Finding)> = kinds
        .into_iter()
        .map(|((of, group, resource), missing)| {
            (!missing.critical, missing.finding(who, of, group, resource))
        })
        .collect();
    said.sort_by_key(|(later, finding)| (finding.concern, *later));
    said.into_iter().map(|(_, finding)| finding).collect()
}

impl Missing<'_> {
    fn finding(&self, who: &str, of: Use, group: &str, resource: &str) -> Finding {
        let verbs: Vec<&str> = self.verbs.iter().copied().collect();
        let kind = if group.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource} ({group})")
        };
        let names: Vec<&String> = self.names.iter().collect();
        let objects = match names.as_slice() {
            [] => String::new(),
            some => format!(" {}", few(some)),
        };
        let spaces: Vec<&str> = self.namespaces.iter().copied().collect();
        let place = match spaces.as_slice() {
            [] => String::new(),
            some => format!(" in {}", few(some)),
        };
        let steps: Vec<&str> = self.steps.iter().copied().collect();
        let critical = if self.critical && of != Use::Know {
            " (critical)"
        } else {
            ""
        };
        let steps = match steps.as_slice() {
            [] => String::new(),
            some => format!("; needed by {}{critical}", few(some)),
        };
        let verbs = few(&verbs);
        // Any role is more than it needs.
        let advice = if of == Use::Know && verbs == "bind" {
            "unless it may bind each role that bindings give there by its name, give it that \
             (`pingzhan rbac generate` names them)"
        } else {
            "give it the right (`pingzhan rbac generate` says which)"
        };
        let text = format!("{who} may not {verbs} {kind}{objects}{place}{steps}: {advice}");
        match of {
            Use::Change | Use::Read => Finding::harm(text),
            Use::Know => Finding::note(text),
        }
    }
}
