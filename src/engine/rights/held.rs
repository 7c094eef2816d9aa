//! Autoscalers that a mode has changed already. In wartime they are as a step asks, so that no plan changes
//! them; the account brings them back all the same.

use std::collections::BTreeSet;

use super::steps::HOLD;
use super::{By, Ground, Needs, Right, Use};
use crate::engine::facts::Facts;
use crate::playbook::Expanded;
use crate::step::{self, Role};

/// Names the rights to autoscalers that a mode holds, beside those that a plan changes.
pub fn keep_autoscalers(
    needs: &mut Needs,
    expanded: &Expanded,
    ground: &Ground<'_>,
    facts: &Facts,
) {
    for stage in &expanded.stages {
        for step in &stage.steps {
            let Some(seen) = facts.steps.get(&(stage.name.clone(), step.name.clone())) else {
                continue;
            };
            let label = format!("{}/{}", stage.name, step.name);
            let by = By {
                of: Use::Change,
                step: &label,
                critical: step.critical,
            };
            let queries = step::needs(step);
            let found = queries.iter().zip(&seen.found);
            for (query, found) in found.filter(|(query, _)| query.role == Role::Autoscaler) {
                let Some(served) = ground.kind(&query.kind) else {
                    continue;
                };
                let held: BTreeSet<&str> = found
                    .iter()
                    .filter(|one| one.held_by.is_some())
                    .map(|one| one.target.namespace.as_str())
                    .collect();
                for place in ground.places(query, &served) {
                    let space = place.as_deref();
                    let holds = space.map_or(!held.is_empty(), |space| held.contains(space));
                    if holds {
                        let on = Right::on(&served.group, &served.plural, space);
                        needs.add_all(by, &HOLD, &on);
                    }
                }
            }
        }
    }
}
