//! Which playbook the story plays. To play another, change [`PLAYED`].

use serde_json::{Value, json};

use crate::cluster::Controllers;

/// A playbook, and how it is declared here.
pub struct Played {
    /// Its name.
    pub name: &'static str,
    /// The playbook.
    pub text: &'static str,
    /// Its account, with its rights.
    pub account: &'static str,
    /// Whether people change nothing in critical namespaces while it is in force.
    pub freezes: bool,
    /// Which controllers it needs: something has to make pods where it waits for them.
    pub controllers: Controllers,
    /// What the declaration chooses, as JSON.
    parameters: fn() -> Value,
}

/// How many nodes the city needs when pods are made: a node has room for 110.
const NODES: u32 = 10;

impl Played {
    /// How many nodes it needs.
    pub const fn nodes(&self) -> u32 {
        match self.controllers {
            Controllers::None => 0,
            Controllers::Stock => NODES,
        }
    }

    /// What the declaration chooses.
    pub fn parameters(&self) -> Value {
        (self.parameters)()
    }
}

/// Those that can be played: in all of them `hotline-web` grows to 250 %, and the back office shrinks to 30 %.
pub const PLAYBOOKS: [Played; 2] = [
    Played {
        name: "skeleton-surge",
        text: include_str!("../../../playbooks/skeleton-surge/playbook.yaml"),
        account: include_str!("../../../playbooks/skeleton-surge/account.yaml"),
        freezes: false,
        controllers: Controllers::None,
        parameters: || json!({ "surge": 250, "banner": "flood-II" }),
    },
    Played {
        name: "flood-response",
        text: include_str!("../../../playbooks/flood-response/playbook.yaml"),
        account: include_str!("../../../playbooks/flood-response/account.yaml"),
        freezes: true,
        controllers: Controllers::Stock,
        // Nobody in the story answers at a gate.
        parameters: || json!({ "surge": 250, "closeCounters": false }),
    },
];

/// The one that is played.
pub const PLAYED: &Played = &PLAYBOOKS[1];

#[cfg(test)]
mod tests {
    use pingzhan::playbook::parse::{Body, check};
    use pingzhan::playbook::{Severity, lint};

    use super::*;

    /// A playbook that a newcomer sees must be one that lint accepts, under the name that is declared, and
    /// with the parameters that it has.
    #[test]
    fn what_can_be_played_is_what_it_is_called_and_lints_without_errors() {
        for played in PLAYBOOKS {
            let parsed = check(played.text, |_| None);
            assert!(!parsed.refused(), "{}", played.name);
            let Body::Playbook(spec) = &parsed.documents[0].body else {
                panic!("{} is no playbook", played.name);
            };
            assert!(played.text.contains(&format!("  name: {}\n", played.name)));
            let mut steps = spec.stages.iter().flat_map(|stage| &stage.steps);
            assert_eq!(steps.any(|step| step.freeze.is_some()), played.freezes);
            for name in played.parameters().as_object().unwrap().keys() {
                assert!(
                    spec.parameters.iter().any(|one| one.name == *name),
                    "{name}"
                );
            }
        }
    }

    /// What is played must be carried out, all of it.
    #[test]
    fn what_is_played_has_nothing_but_notes() {
        let parsed = check(PLAYED.text, |_| None);
        let Body::Playbook(spec) = &parsed.documents[0].body else {
            panic!("it is no playbook");
        };
        let mut findings = lint::playbook(spec);
        findings.retain(|finding| finding.severity != Severity::Note);
        assert_eq!(findings, Vec::new());
    }
}
