//! What one plan asks for: its changes, each by the name of its object, and their way back.

use std::collections::BTreeSet;

use super::{By, Needs, Right, Use, manifest};
use crate::engine::plan::Plan;
use crate::field::{Target, creation};
use crate::step::{freeze, kinds};

/// An object that is made for a mode's lifetime.
pub(super) struct Made<'a> {
    pub(super) group: &'a str,
    pub(super) plural: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

impl Made<'_> {
    /// It is made, held, made anew or unmarked, and deleted.
    pub(super) fn add(&self, needs: &mut Needs, by: By<'_>) {
        let kind = Right::on(self.group, self.plural, self.namespace);
        needs.add_all(by, &["create", "list", "watch"], &kind);
        let own = ["get", "patch", "delete"];
        needs.add_all(by, &own, &kind.named(self.name));
    }
}

/// The rights that the changes of a plan need, and that bring them back.
pub fn of_changes(plan: &Plan) -> Needs {
    let mut needs = Needs::default();
    let mut label = String::new();
    // A fleet is of few kinds and namespaces: these are asked for once a step.
    let mut kinds_of_step: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (stage, step, change) in plan.changes() {
        // The operator writes it itself; what the account needs for it is asked while it is planned.
        if change.after.value().is_some_and(freeze::is) {
            continue;
        }
        let now = format!("{}/{}", stage.name, step.name);
        if now != label {
            label = now;
            kinds_of_step.clear();
        }
        let by = By {
            of: Use::Change,
            step: &label,
            critical: step.critical,
        };
        let target = &change.target;
        let (group, space) = place(target);
        if creation::is(&target.uid) {
            let made = Made {
                group,
                plural: &target.plural,
                namespace: space,
                name: &target.name,
            };
            made.add(&mut needs, by);
            if let Some(object) = change.after.value() {
                manifest::of_creation(&mut needs, by, object, space);
            }
            continue;
        }
        let on = Right::on(group, &target.plural, space);
        let key = (
            group.to_owned(),
            target.plural.clone(),
            target.namespace.clone(),
        );
        if kinds_of_step.insert(key) {
            needs.add_all(by, &["get", "list", "watch"], &on);
        }
        needs.add(by, on.named(&target.name).to("patch"));
    }
    needs
}

/// Whether a plan changes objects of a kind in a place.
pub(super) fn are_of(plan: &Plan, group: &str, plural: &str, namespace: Option<&str>) -> bool {
    let mut targets = plan.changes().map(|(_, _, change)| &change.target);
    targets.any(|target| {
        let (of, space) = place(target);
        (of, target.plural.as_str()) == (group, plural)
            && namespace.is_none_or(|namespace| space == Some(namespace))
    })
}

fn place(target: &Target) -> (&str, Option<&str>) {
    let space = Some(target.namespace.as_str()).filter(|space| !space.is_empty());
    (kinds::group_of(&target.api_version), space)
}
