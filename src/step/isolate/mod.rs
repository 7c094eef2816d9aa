//! `isolate`: network policies that exist for the mode's lifetime, in each namespace that is meant.
//!
//! Policies only ever allow: a pod that any of them selects is closed to what none of them allows. So a
//! cut is a policy that selects and allows little, and whatever other policies allow goes on ([`remarks`]
//! names them). [`policies`] has what each preset is made of.

mod policies;
mod preview;

use serde_json::Value;

use super::{Around, Compiled, Fields, Query, Role, Skipped, each};
use crate::api::{IsolatePreset, NamespaceSelector};
use crate::field::{Path, Projection};
use crate::playbook::Cut;

pub use preview::remarks;

/// The kind of the policies that are there already.
const POLICY: &str = "NetworkPolicy";

/// One query for each policy that is made; for `Open` those that are there; then what says what it comes
/// to.
pub fn needs(cut: &Cut) -> Vec<Query> {
    let namespaces = cut.isolate.namespaces.clone();
    let mut needs: Vec<Query> = policies::of(cut)
        .iter()
        .map(|policy| each::query(&policy.object, namespaces.clone()))
        .collect();
    needs.push(existing(cut, namespaces));
    needs.extend(preview::needs(cut));
    needs
}

/// The policies of others. What `Open` comes to depends on them; of other presets people want to know what
/// they go on allowing.
fn existing(cut: &Cut, namespaces: Option<NamespaceSelector>) -> Query {
    let paths = ["podSelector", "policyTypes", "ingress", "egress"];
    let role = match cut.isolate.preset {
        IsolatePreset::Open => Role::Ground,
        IsolatePreset::DenyAll | IsolatePreset::AllowOnly | IsolatePreset::CutThirdParties => {
            Role::Aside {
                around: Around::Targets,
                unknown: "whether network policies of others go on allowing what is cut",
            }
        }
    };
    Query {
        kind: POLICY.to_owned(),
        namespaces,
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role,
        fields: Fields::Paths(
            paths
                .iter()
                .map(|name| Path::fields(["spec", name]))
                .chain([made_for()])
                .collect(),
        ),
    }
}

/// Where an object says that a mode made it.
fn made_for() -> Path {
    Path::fields(["metadata", "labels", crate::api::names::MADE_FOR_LABEL])
}

/// A policy for each place at which it could be made.
pub fn compile(cut: &Cut, found: &[Vec<Projection>]) -> Compiled {
    let policies = policies::of(cut);
    let existing = found.get(policies.len()).map_or(&[][..], Vec::as_slice);
    let mut compiled = Compiled::default();
    for (policy, found) in policies.iter().zip(found) {
        for seen in found {
            let place = &seen.target;
            if cut.isolate.preset == IsolatePreset::Open && !is_closed(existing, &place.namespace) {
                compiled.skipped.push(Skipped {
                    target: place.clone(),
                    why:
                        "nothing closes the namespace to what comes in, so there is nothing to open"
                            .to_owned(),
                });
                continue;
            }
            let made = each::made(&policy.object, seen, policy.why);
            compiled.changes.push(made);
        }
    }
    compiled
}

/// Whether a policy closes any pod of a namespace to what comes in. One that a mode made for this very
/// purpose closes it no less.
fn is_closed(existing: &[Projection], namespace: &str) -> bool {
    let mut here = existing
        .iter()
        .filter(|policy| policy.target.namespace == namespace);
    here.any(|policy| closes(policy, "Ingress"))
}

/// Whether a policy closes its pods in this direction. One that does not say closes them to what comes
/// in, and to what goes out where it allows any of that.
fn closes(policy: &Projection, direction: &str) -> bool {
    match spec(policy, "policyTypes") {
        Some(Value::Array(types)) => types.iter().any(|one| one == direction),
        _ => direction == "Ingress" || spec(policy, "egress").is_some(),
    }
}

fn spec<'a>(policy: &'a Projection, name: &str) -> Option<&'a Value> {
    policy.field(&Path::fields(["spec", name]))?.image.value()
}

#[cfg(test)]
mod tests;
