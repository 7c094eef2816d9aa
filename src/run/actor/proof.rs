//! The proof that a freeze is in force, and at the return that it is not any more: dry runs of the
//! operator's own, of what the step wrote.

use std::time::Duration;

use crate::api::names;
use crate::engine::acts::Answer;
use crate::run::freeze::{self, Probed};
use crate::step;
use crate::step::wait::Reading;

use super::acts::Errand;

/// How long after one API server refuses the others do, too: a policy and what it reads are in force on
/// all of them within a second of the create, and half a second apart was the most that was measured.
const OTHERS: Duration = Duration::from_secs(1);

impl Errand {
    /// Whether the freeze is in force in every namespace that the step froze.
    pub(super) async fn prove(&self) -> Reading {
        let freezes = self.freezes();
        if freezes.is_empty() {
            return Reading::new(true, "there is nothing to freeze".to_owned());
        }
        let now = self.deps.clock.now();
        let proof = freeze::prove(&self.deps.own, &freezes, now).await;
        if proof.holds() {
            tokio::time::sleep(OTHERS).await;
        }
        Reading::new(proof.holds(), proof.sentence())
    }

    /// Whether the freeze is in force nowhere any more.
    pub(super) async fn lifted(&self) -> Answer {
        let now = self.deps.clock.now();
        let proof = freeze::prove(&self.deps.own, &self.freezes(), now).await;
        if proof.is_lifted() {
            return Answer::Done("lifted: changes are possible again".to_owned());
        }
        let Some(first) = proof.frozen.first() else {
            let why = proof.unanswered.unwrap_or_default();
            return Answer::NotYet(format!(
                "it is not known whether the freeze is lifted: {why}"
            ));
        };
        Answer::NotYet(format!(
            "the freeze is still in force in {} namespaces, {first} among them; where that stays so, delete \
             the binding {}, which lets everybody in, and apply manifests/policies again",
            proof.frozen.len(),
            names::FREEZE_POLICY
        ))
    }

    /// What the step wrote, as it was approved.
    fn freezes(&self) -> Vec<Probed> {
        let (stage, step) = &self.key;
        let planned = self.plan.step(stage, step);
        let changes = planned.into_iter().flat_map(|step| &step.changes);
        let freezes = changes.filter_map(|change| {
            let namespace = step::freeze::namespace(change.after.value()?)?;
            Some(Probed {
                name: change.target.name.clone(),
                namespaces: vec![namespace.to_owned()],
            })
        });
        freezes.collect()
    }
}
