//! Whether a plan takes rights from the very people who carry it: those who declare, approve and act without
//! a quorum. Nobody would be left to stand it down.

use std::collections::BTreeSet;

use serde_json::Value;

use super::explain::few;
use super::{Change, Finding, Plan};
use crate::api::Authority;
use crate::field::{Image, Path};

/// The kinds that say who may do what.
const BINDINGS: [&str; 2] = ["RoleBinding", "ClusterRoleBinding"];

/// Says of each step whose authority it takes rights from.
pub(super) fn find(plan: &mut Plan) {
    let groups = groups(&plan.spec.authority);
    for step in plan.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
        let mut hit = BTreeSet::new();
        for change in &step.changes {
            hit.extend(
                gone(change)
                    .into_iter()
                    .filter(|name| groups.contains(name.as_str())),
            );
        }
        if !hit.is_empty() {
            let hit: Vec<String> = hit.into_iter().collect();
            step.findings.push(Finding::harm(format!(
                "rights are taken from {}, to whom this playbook gives authority: they may no longer be \
                 able to act in this very emergency, nor to end it; leave their bindings out",
                few(&hit)
            )));
        }
    }
}

/// The groups to which a playbook gives authority.
fn groups(authority: &Authority) -> BTreeSet<&str> {
    let Authority {
        requester_groups,
        approver_groups,
        break_glass_groups,
        quorum: _,
        max_term: _,
    } = authority;
    let all = [requester_groups, approver_groups, break_glass_groups];
    all.into_iter().flatten().map(String::as_str).collect()
}

/// Groups that a change takes out of a binding.
fn gone(change: &Change) -> BTreeSet<String> {
    let is_binding = BINDINGS.contains(&change.target.kind.as_str());
    if !is_binding || change.path != Path::fields(["subjects"]) {
        return BTreeSet::new();
    }
    let after = named(&change.after);
    let before = named(&change.base);
    before.difference(&after).cloned().collect()
}

fn named(image: &Image) -> BTreeSet<String> {
    let subjects = image
        .value()
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let groups = subjects.filter(|one| one["kind"] == "Group");
    groups
        .filter_map(|one| one["name"].as_str().map(str::to_owned))
        .collect()
}
