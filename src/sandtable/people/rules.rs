//! Rules of roles: what one allows, and whether some cover others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Attributes, quoted_list, texts};

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The verbs; `*` for all.
    pub verbs: Vec<&'a str>,
    /// The groups; `*` for all.
    pub groups: Vec<&'a str>,
    /// Plurals, with subresources as `deployments/scale` and `*/scale`; `*` for all.
    pub resources: Vec<&'a str>,
    /// Names of objects; none for all.
    pub names: Vec<&'a str>,
    /// Paths that are no objects; a `*` at the end stands for anything.
    pub urls: Vec<&'a str>,
}

fn has(set: &[&str], word: &str) -> bool {
    set.contains(&word)
}

fn has_or_all(set: &[&str], word: &str) -> bool {
    set.iter().any(|own| *own == "*" || *own == word)
}

/// Whether a path of a rule stands for a path.
fn path_covers(rule: &str, path: &str) -> bool {
    rule == path || (rule.ends_with('*') && path.starts_with(rule.trim_end_matches('*')))
}

impl<'a> Rule<'a> {
    /// As a role has it.
    pub fn of(value: &'a Value) -> Self {
        Self {
            verbs: texts(value, "/verbs"),
            groups: texts(value, "/apiGroups"),
            resources: texts(value, "/resources"),
            names: texts(value, "/resourceNames"),
            urls: texts(value, "/nonResourceURLs"),
        }
    }

    /// Whether it allows what is asked.
    pub fn allows(&self, of: &Attributes<'_>) -> bool {
        if !has_or_all(&self.verbs, of.verb) {
            return false;
        }
        if !of.path.is_empty() {
            return self.urls.iter().any(|url| path_covers(url, of.path));
        }
        let named = self.names.is_empty() || has(&self.names, of.name);
        named && has_or_all(&self.groups, of.group) && self.has_resource(of)
    }

    fn has_resource(&self, of: &Attributes<'_>) -> bool {
        self.resources.iter().any(|own| {
            if *own == "*" {
                return true;
            }
            if of.subresource.is_empty() {
                return *own == of.resource;
            }
            match own.split_once('/') {
                Some((plural, rest)) => {
                    (plural == "*" || plural == of.resource) && rest == of.subresource
                }
                None => false,
            }
        })
    }

    /// The rule in pieces of one group, resource, verb and name each.
    fn pieces(&self) -> Vec<Self> {
        let mut pieces = Vec::new();
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let piece = Self {
                        verbs: vec![verb],
                        groups: vec![group],
                        resources: vec![resource],
                        ..Self::default()
                    };
                    if self.names.is_empty() {
                        pieces.push(piece.clone());
                    }
                    for name in &self.names {
                        pieces.push(Self {
                            names: vec![name],
                            ..piece.clone()
                        });
                    }
                }
            }
        }
        for url in &self.urls {
            for verb in &self.verbs {
                pieces.push(Self {
                    urls: vec![url],
                    verbs: vec![verb],
                    ..Self::default()
                });
            }
        }
        pieces
    }

    /// Whether it gives all that a piece gives.
    fn covers(&self, piece: &Self) -> bool {
        let all = |own: &[&str], asked: &[&str]| asked.iter().all(|one| has_or_all(own, one));
        let resources = has(&self.resources, "*")
            || piece.resources.iter().all(|path| {
                has(&self.resources, path)
                    || path.split_once('/').is_some_and(|(_, rest)| {
                        self.resources
                            .iter()
                            .any(|own| own.strip_prefix("*/") == Some(rest))
                    })
            });
        let names = self.names.is_empty()
            || (!piece.names.is_empty() && piece.names.iter().all(|name| has(&self.names, name)));
        let urls = piece
            .urls
            .iter()
            .all(|path| self.urls.iter().any(|own| path_covers(own, path)));
        all(&self.verbs, &piece.verbs)
            && all(&self.groups, &piece.groups)
            && resources
            && names
            && urls
    }

    /// As messages have it.
    fn said(&self) -> String {
        let parts: Vec<String> = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ]
        .iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(name, words)| format!("{name}:{}", quoted_list(words)))
        .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// What of the wanted rules the owned ones do not give, in the server's words; empty where they give
/// all.
pub fn missing<'a>(owned: &[Rule<'a>], wanted: &[Rule<'a>]) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    let mut simple: BTreeMap<(&str, &str, Option<&str>), Rule<'a>> = BTreeMap::new();
    for piece in wanted.iter().flat_map(Rule::pieces) {
        if owned.iter().any(|own| own.covers(&piece)) {
            continue;
        }
        match (piece.groups.first(), piece.resources.first()) {
            (Some(group), Some(resource)) => {
                let key = (*group, *resource, piece.names.first().copied());
                match simple.get_mut(&key) {
                    Some(rule) => rule.verbs.extend(&piece.verbs),
                    None => {
                        simple.insert(key, piece);
                    }
                }
            }
            _ => {
                said.insert(piece.said());
            }
        }
    }
    said.extend(simple.values().map(Rule::said));
    said
}
