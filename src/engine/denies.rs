//! What `newTargets: Deny` refuses: of a plan, one rule a step, for the admission policy
//! `pingzhan-new-targets`, which reads them in the mode's status.
//!
//! Guarantees: a rule covers only what its step's selection can match; a step that admission
//! cannot judge has none.

use std::collections::BTreeSet;

use crate::api::{
    DenyRule, LabelSelector, NamespaceSelector, NewTargets, Requirement, RequirementOperator,
};
use crate::playbook::{denied, expand};
use crate::step::{self, Query, Role};

use super::plan::Plan;

/// What every namespace is labelled with: its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A new object that matches a step and is left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newcomer {
    /// `Kind namespace/name`.
    pub what: String,
    /// Whether its creation is one that is refused.
    pub refused: bool,
}

/// The rules of a plan, in the order of its steps.
pub fn rules(plan: &Plan) -> Vec<DenyRule> {
    let denying: BTreeSet<(&str, &str)> = plan
        .stages
        .iter()
        .filter(|stage| stage.left_out.is_none())
        .flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)))
        .filter(|(_, step)| step.new_targets == NewTargets::Deny)
        .map(|(stage, step)| (stage.name.as_str(), step.name.as_str()))
        .collect();
    if denying.is_empty() {
        return Vec::new();
    }
    // A stored plan is of a playbook that expanded.
    let expanded = expand::stored(&plan.spec, plan.level, &plan.parameters);
    let stages = expanded.map(|expanded| expanded.stages).unwrap_or_default();
    let scope = plan.scope.as_ref();
    let scope = scope.and_then(|scope| scope.namespaces.as_ref());
    let steps = stages
        .iter()
        .flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
    steps
        .filter(|(stage, step)| denying.contains(&(stage.name.as_str(), step.name.as_str())))
        .filter_map(|(stage, step)| rule(&stage.name, &step.name, &step::needs(step), scope))
        .take(denied::MOST)
        .collect()
}

/// The rule of a step that asks for this.
fn rule(
    stage: &str,
    step: &str,
    needs: &[Query],
    scope: Option<&NamespaceSelector>,
) -> Option<DenyRule> {
    let selects = |query: &&Query| query.role == Role::Target && query.condition.is_none();
    let targets: Vec<&Query> = needs.iter().filter(selects).collect();
    let kinds = targets.iter().map(|query| denied::qualified(&query.kind));
    let mut kinds: Vec<String> = kinds.filter(|kind| denied::is_judged(kind)).collect();
    kinds.dedup();
    // All queries of a step for its targets differ in their kinds only.
    let query = targets.first().filter(|_| !kinds.is_empty())?;
    let spaces: Vec<&NamespaceSelector> = query.namespaces.iter().chain(scope).collect();
    Some(DenyRule {
        stage: stage.to_owned(),
        step: step.to_owned(),
        kinds,
        namespaces: named(&spaces)?,
        namespace_labels: labelled(&spaces),
        labels: query.selector.as_ref().map(compiled).unwrap_or_default(),
        names: query.names.clone(),
    })
}

/// The names that all selectors allow; empty for any name, nothing where there is no such name.
fn named(spaces: &[&NamespaceSelector]) -> Option<Vec<String>> {
    let mut lists = spaces.iter().map(|space| &space.names);
    let Some(first) = lists.find(|names| !names.is_empty()) else {
        return Some(Vec::new());
    };
    let mut names = first.clone();
    for other in lists.filter(|names| !names.is_empty()) {
        names.retain(|name| other.contains(name));
    }
    (!names.is_empty()).then_some(names)
}

/// What all selectors ask of a namespace's labels. Where there is a selector at all, the object has
/// to be in a namespace.
fn labelled(spaces: &[&NamespaceSelector]) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    for space in spaces {
        let selector = LabelSelector {
            match_labels: space.match_labels.clone(),
            match_expressions: space.match_expressions.clone(),
        };
        requirements.extend(compiled(&selector));
    }
    let any = spaces.iter().any(|space| !space.names.is_empty());
    if !spaces.is_empty() && requirements.is_empty() && !any {
        requirements.push(Requirement {
            key: NAME_LABEL.to_owned(),
            operator: RequirementOperator::Exists,
            values: Vec::new(),
        });
    }
    requirements
}

/// A selector as requirements alone, so that the policy has one thing to judge.
fn compiled(selector: &LabelSelector) -> Vec<Requirement> {
    let equal = selector
        .match_labels
        .iter()
        .map(|(key, value)| Requirement {
            key: key.clone(),
            operator: RequirementOperator::In,
            values: vec![value.clone()],
        });
    equal
        .chain(selector.match_expressions.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests;
