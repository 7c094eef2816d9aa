//! The roles that bindings give out of which steps take people. Who changes a binding has to be allowed to
//! `bind` its role: where the bindings were read, these roles and no others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{By, Needs, Use, manifest};
use crate::engine::facts::{Facts, StepFacts};
use crate::engine::plan::Plan;
use crate::field::{Path, Projection};
use crate::playbook::{Expanded, ExpandedStep, ResolvedAct};
use crate::step::{self, Role};

/// Names the roles that steps which take people out of bindings need to `bind`, in the place of any role.
///
/// Guarantees: the roles of bindings that a mode has changed already are among them, so that it can bring them
/// back; a step of which something could not be read, or is refused, keeps what it has.
pub fn name_roles(needs: &mut Needs, expanded: &Expanded, plan: &Plan, facts: &Facts) {
    for stage in &expanded.stages {
        for step in &stage.steps {
            let key = (stage.name.clone(), step.name.clone());
            let seen = facts.steps.get(&key);
            let seen = seen.filter(|seen| seen.problems.is_empty() && seen.faults.is_empty());
            if let (ResolvedAct::Access(_), Some(seen)) = (&step.act, seen)
                && let Some(bindings) = bindings(step, &changed(plan, &key), seen)
            {
                let label = format!("{}/{}", stage.name, step.name);
                name(needs, &label, step, &bindings);
            }
        }
    }
}

/// The objects that a step of a plan changes.
fn changed<'a>(plan: &'a Plan, (stage, step): &(String, String)) -> BTreeSet<&'a str> {
    let step = plan.step(stage, step).into_iter();
    let changes = step.flat_map(|step| &step.changes);
    changes.map(|change| change.target.uid.as_str()).collect()
}

/// The bindings that a step changes, or a mode has changed, with their namespaces, as far as a role is told by
/// it; nothing where one does not say which role it gives.
fn bindings<'a>(
    step: &ExpandedStep,
    changed: &BTreeSet<&str>,
    seen: &'a StepFacts,
) -> Option<Vec<(&'a str, Value)>> {
    let queries = step::needs(step);
    let targets = queries.iter().zip(&seen.found);
    let targets = targets.filter(|(query, _)| query.role == Role::Target);
    let theirs = targets.flat_map(|(_, found)| found).filter(|one| {
        // In wartime nobody is taken out of what they were taken out of.
        changed.contains(one.target.uid.as_str()) || one.held_by.is_some()
    });
    theirs.map(binding).collect()
}

fn binding(seen: &Projection) -> Option<(&str, Value)> {
    let role = seen.field(&Path::fields(["roleRef"]))?.image.value()?;
    let target = &seen.target;
    let object = json!({ "apiVersion": target.api_version, "kind": target.kind, "roleRef": role });
    Some((target.namespace.as_str(), object))
}

fn name(needs: &mut Needs, label: &str, step: &ExpandedStep, bindings: &[(&str, Value)]) {
    let by = By {
        of: Use::Change,
        step: label,
        critical: step.critical,
    };
    let mut is_any = false;
    needs.all.retain(|right, need| {
        if right.verb != "bind" || right.name.is_some() {
            return true;
        }
        is_any |= need.steps.remove(label);
        !need.steps.is_empty()
    });
    if !is_any {
        return;
    }
    for (namespace, object) in bindings {
        let namespace = Some(*namespace).filter(|namespace| !namespace.is_empty());
        manifest::of_creation(needs, by, object, namespace);
    }
    needs.notes.insert(format!(
        "{label}: which roles bindings give that come later; those of today's bindings are named, so generate \
         it anew when others come, or name their roles"
    ));
}
