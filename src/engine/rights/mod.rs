//! The rights that a playbook's account needs: every request that a plan and its way back send as it.
//!
//! [`of_steps`] says what steps may come to ask for, which is what an account is given; [`of_changes`]
//! what one plan asks for, which is what is held against the account before people approve; [`name_roles`]
//! what is known of roles once bindings were read, [`keep_autoscalers`] what a mode in force needs for its
//! return. [`rules`] is what an account has, [`role`] the least roles
//! that give it what it needs.

mod bound;
mod changes;
mod danger;
mod held;
mod manifest;
pub mod role;
pub mod rules;
mod sentence;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::NamespaceSelector;
use crate::playbook::{kinds, matching, suspended};
use crate::step::{Around, Query, Role};

use super::protect::{self, Own};

pub use bound::name_roles;
pub use changes::of_changes;
pub use danger::danger;
pub use held::keep_autoscalers;
pub use sentence::missing;
pub use steps::of_steps;

/// One right, as an access review asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Where; nothing for all namespaces, and for kinds that are in none.
    pub namespace: Option<String>,
    /// The group; empty for the core group.
    pub group: String,
    /// The plural, with its subresource: `deployments`, `cronjobs/status`.
    pub resource: String,
    /// Which object; nothing for any.
    pub name: Option<String>,
    /// The verb.
    pub verb: String,
}

/// What a right is needed for, what hangs most on it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// To change something and to bring it back.
    Change,
    /// To see what is to be changed.
    Read,
    /// To warn of what a plan would meet. It is carried out all the same.
    Know,
}

/// Why a right is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What for.
    pub of: Use,
    /// By which steps, `stage/step`.
    pub steps: BTreeSet<String>,
    /// Whether a failure of one of these steps fails its stage.
    pub critical: bool,
}

/// Rights, each once, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The rights.
    pub all: BTreeMap<Right, Need>,
    /// What could not be turned into a right, each a sentence.
    pub notes: BTreeSet<String>,
    /// Kinds that the cluster does not serve and the playbook cannot do without, each a sentence.
    pub unserved: BTreeSet<String>,
}

/// For whom rights are added: a step, and what it needs them for.
#[derive(Clone, Copy, Debug)]
struct By<'a> {
    of: Use,
    step: &'a str,
    critical: bool,
}

impl Needs {
    /// All of these and all of others.
    pub fn join(&mut self, others: Self) {
        let Self {
            all,
            notes,
            unserved,
        } = others;
        self.notes.extend(notes);
        self.unserved.extend(unserved);
        for (right, need) in all {
            let Need {
                of,
                steps,
                critical,
            } = need;
            let known = self.all.entry(right).or_insert_with(|| Need {
                of,
                steps: BTreeSet::new(),
                critical: false,
            });
            known.of = known.of.min(of);
            known.steps.extend(steps);
            known.critical |= critical;
        }
    }

    fn add(&mut self, by: By<'_>, right: Right) {
        let need = self.all.entry(right).or_insert_with(|| Need {
            of: by.of,
            steps: BTreeSet::new(),
            critical: false,
        });
        need.of = need.of.min(by.of);
        need.critical |= by.critical;
        if !need.steps.contains(by.step) {
            need.steps.insert(by.step.to_owned());
        }
    }

    fn add_all(&mut self, by: By<'_>, verbs: &[&str], on: &Right) {
        for verb in verbs {
            self.add(by, on.to(verb));
        }
    }
}

impl Right {
    /// On a kind: any object, no verb yet.
    fn on(group: &str, resource: &str, namespace: Option<&str>) -> Self {
        Self {
            namespace: namespace.map(str::to_owned),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: None,
            verb: String::new(),
        }
    }

    fn to(&self, verb: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            ..self.clone()
        }
    }

    fn named(&self, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..self.clone()
        }
    }
}

/// A kind, as rights name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The group; empty for the core group.
    pub group: String,
    /// The plural.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether the plural is made of the kind's name, since no cluster was asked.
    pub guessed: bool,
}

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// What is known of the cluster in which rights are needed.
#[derive(Clone, Debug, Default)]
pub struct Ground<'a> {
    /// Kinds, as playbooks write them; nothing where no cluster was asked. One that is missing is not
    /// served.
    pub kinds: Option<BTreeMap<String, Served>>,
    /// Namespaces with their labels; nothing where they are not known, so that a selection of them
    /// means the whole cluster.
    pub namespaces: Option<BTreeMap<String, Labels>>,
    /// To what the mode narrows its playbook.
    pub scope: Option<&'a NamespaceSelector>,
    /// Pingzhan's own namespaces, which are never touched.
    pub own: Option<Own<'a>>,
}

impl Ground<'_> {
    /// A kind, where it is served, or no cluster was asked.
    pub fn kind(&self, written: &str) -> Option<Served> {
        match &self.kinds {
            Some(known) => known.get(written).cloned(),
            None => Some(guess(written)),
        }
    }

    /// Where a query looks: namespaces, or the whole cluster.
    fn places(&self, query: &Query, served: &Served) -> Vec<Option<String>> {
        if !served.namespaced || query.role == Role::Applier {
            return vec![None];
        }
        // What only says something of others is looked at where nothing is ever touched as well, and
        // outside of the mode's scope.
        let anywhere = matches!(
            query.role,
            Role::Aside {
                around: Around::Anywhere,
                ..
            }
        );
        let scope = self.scope.filter(|_| !anywhere);
        let selectors = || query.namespaces.iter().chain(scope);
        let Some(known) = &self.namespaces else {
            let named = selectors().find(|selector| !selector.names.is_empty());
            // Of several that a program may be in it is not known which there are: a Role is in one that is.
            let named = named.filter(|selector| !anywhere || selector.names.len() == 1);
            return named.map_or_else(
                || vec![None],
                |selector| selector.names.iter().cloned().map(Some).collect(),
            );
        };
        let selected = known.iter().filter(|(name, labels)| {
            selectors().all(|selector| matching::namespace(selector, name, labels))
                && (anywhere || !self.is_protected(name, labels))
        });
        selected.map(|(name, _)| Some(name.clone())).collect()
    }

    fn is_protected(&self, namespace: &str, labels: &Labels) -> bool {
        let sealed = |own| protect::sealed(namespace, labels, own).is_some();
        self.own.is_some_and(sealed)
    }
}

/// A kind of the tables, or what its name makes likely.
fn guess(written: &str) -> Served {
    if let Some(row) = kinds::find(written) {
        return Served {
            group: row.group.to_owned(),
            plural: row.plural.to_owned(),
            namespaced: row.namespaced,
            guessed: false,
        };
    }
    let (group, kind) = written.split_once('/').unwrap_or(("", written));
    let kind = kind.to_ascii_lowercase();
    let plural = match kind.as_bytes() {
        [.., b's' | b'x' | b'z'] | [.., b'c' | b's', b'h'] => format!("{kind}es"),
        [.., b'a' | b'e' | b'i' | b'o' | b'u', b'y'] => format!("{kind}s"),
        [rest @ .., b'y'] => format!("{}ies", String::from_utf8_lossy(rest)),
        _ => format!("{kind}s"),
    };
    let known = suspended::find(written).is_some();
    Served {
        group: group.to_owned(),
        plural,
        namespaced: true,
        guessed: !known,
    }
}

#[cfg(test)]
mod tests;
