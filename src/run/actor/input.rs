//! What an actor knows, as the input of one decision.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::json;

use crate::api::{Authority, EmergencyMode, EmergencyModeStatus};
use crate::engine::beside::Origin;
use crate::engine::decide::{self, Candidate, Damaged, Decision, Input, ModeView, PlaybookView};
use crate::engine::enforcement::Enforcement;
use crate::engine::plan::Plan;
use crate::field::Uid;
use crate::run::crew::Playbooks;
use crate::run::mode::State;

use super::{Actor, Memory};

/// Seconds that a plan which could not be stored stays valid before it is made anew.
const CANDIDATE: SignedDuration = SignedDuration::from_secs(10);

impl Actor {
    /// Decides, and says which journal record the decision knew last.
    pub(super) async fn decide(
        &self,
        memory: &mut Memory,
        object: Option<&EmergencyMode>,
        playbooks: &Playbooks,
    ) -> (Decision, i64) {
        let now = self.deps.clock.now();
        forget_candidate(memory, now);
        let held = self.held_by_others(object).await;
        let conflicts = |plan: &Plan| held.conflicts(plan);
        let mut state = self.mode.state.lock().await;
        let enforcement = self.rules.now();
        let named = object.and_then(|object| playbooks.get(&object.spec.playbook_ref.name));
        let playbook = named.and_then(|named| named.as_ref().ok());
        if let Some(damage) = &state.damage {
            let authority = playbook.map(|book| &book.spec.authority);
            let said = damaged(damage, object, authority, &enforcement, now);
            return (said, state.ledger.head.sequence);
        }
        memory.acts.gather(now, &state.ledger);
        let playbook_uid = playbook.and_then(|one| one.uid()).unwrap_or_default();
        let retry_at = retries(&state);
        let layers = self.layers(&state).await;
        let lapsed = self.rules.lapsed();
        let unwatched = state.unwatched.values().next().map(String::as_str);
        let kept = object.map(kept_by).unwrap_or_default();
        let input = Input {
            mode: self.view(object, memory.published.as_ref(), now, &kept),
            playbook: playbook.map(|playbook| PlaybookView {
                uid: &playbook_uid,
                spec: &playbook.spec,
            }),
            malformed: named.and_then(|named| named.as_ref().err().map(String::as_str)),
            ledger: &state.ledger,
            plans: &state.plans,
            candidate: memory.candidate.as_ref(),
            explained: memory.explaining.found(),
            conflicts: &conflicts,
            own: self.own_namespaces(),
            layers: &layers,
            enforcement: &enforcement,
            lapsed: &lapsed,
            sights: &state.sights,
            adopted: &memory.adopted,
            answers: &memory.acts.answers,
            trying: &memory.acts.under_way,
            rewrites: &state.rewrites,
            retry_at: &retry_at,
            dead_at: state.dead_at,
            unconfirmed: &state.unconfirmed,
            unanswered: &state.unanswered,
            quarantined: &state.quarantined,
            unwatched: unwatched.or(memory.unsurveyed.as_deref()),
            refused: state.refused.as_deref(),
            interruptions: &state.interruptions,
            reported: &memory.reported,
            given_up: &state.given_up,
            now,
        };
        let began = tokio::time::Instant::now();
        let decision = decide::decide(&input);
        memory.cost = began.elapsed();
        state.interruptions.clone_from(&decision.interruptions);
        (decision, state.ledger.head.sequence)
    }

    /// What is known of the mode's object. What we published last is newer than what a watch told.
    fn view<'a>(
        &'a self,
        object: Option<&'a EmergencyMode>,
        published: Option<&'a EmergencyModeStatus>,
        now: Timestamp,
        kept: &'a [Origin],
    ) -> ModeView<'a> {
        ModeView {
            name: &self.mode.id.name,
            uid: &self.mode.id.uid,
            generation: generation(object),
            created: created(object, now),
            deleting: object.is_none_or(|o| o.metadata.deletion_timestamp.is_some()),
            spec: object.map(|object| &object.spec),
            status: published.or_else(|| object.and_then(|object| object.status.as_ref())),
            kept,
        }
    }

    /// Forgets a plan that could not be stored after a while, so that it is made anew.
    pub(super) fn remember_candidate(memory: &mut Memory, candidate: Candidate, now: Timestamp) {
        memory.candidate = Some(candidate);
        memory.candidate_at = Some(now);
    }
}

/// Who puts the object there, as its marks say.
fn kept_by(object: &EmergencyMode) -> Vec<Origin> {
    let marks =
        json!({ "metadata": { "labels": object.labels(), "annotations": object.annotations() } });
    let mut origins = Origin::of(&marks);
    origins.retain(|origin| origin.sure);
    origins
}

/// When each target whose write was refused may be tried again.
fn retries(state: &State) -> BTreeMap<Uid, Timestamp> {
    let retry = state.retry.iter();
    retry.map(|(uid, (at, _))| (uid.clone(), *at)).collect()
}

/// A plan that could not be stored is made anew after a while.
fn forget_candidate(memory: &mut Memory, now: Timestamp) {
    if memory.candidate_at.is_some_and(|at| at + CANDIDATE <= now) {
        memory.candidate = None;
        memory.candidate_at = None;
    }
}

fn generation(object: Option<&EmergencyMode>) -> i64 {
    let generation = object.and_then(|object| object.metadata.generation);
    generation.unwrap_or_default()
}

/// A damaged journal: nothing is touched, and it is said.
fn damaged(
    damage: &str,
    object: Option<&EmergencyMode>,
    authority: Option<&Authority>,
    enforcement: &Enforcement,
    now: Timestamp,
) -> Decision {
    decide::damaged(&Damaged {
        damage,
        generation: generation(object),
        spec: object.map(|object| &object.spec),
        status: object.and_then(|object| object.status.as_ref()),
        authority,
        enforcement,
        now,
    })
}

fn created(object: Option<&EmergencyMode>, now: Timestamp) -> Timestamp {
    object
        .and_then(|object| object.metadata.creation_timestamp.as_ref())
        .map_or(now, |time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A label that charts set, too, is no program's word: who reads that their mode is kept in Git goes
    /// and looks for it there.
    #[test]
    fn only_marks_that_nobody_else_sets_say_that_a_mode_is_kept() {
        let kept = |metadata: serde_json::Value| {
            let spec = json!({ "playbookRef": { "name": "flood" }, "level": "II", "reason": "rain",
                "requestedBy": "zhou", "requestedAs": "duty", "expiresAfter": "1h" });
            let mode = json!({ "apiVersion": "pingzhan.dev/v1alpha1", "kind": "EmergencyMode",
                "metadata": metadata, "spec": spec });
            let mode: EmergencyMode = serde_json::from_value(mode).expect("a mode");
            let origins = kept_by(&mode);
            let places = origins.iter().map(Origin::place);
            places.collect::<Vec<String>>()
        };
        let flux = json!({ "name": "a", "labels": { "kustomize.toolkit.fluxcd.io/name": "emergencies",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system" } });
        assert_eq!(kept(flux), ["flux-system/emergencies"]);
        let argo = json!({ "name": "a", "annotations": { "argocd.argoproj.io/tracking-id":
            "emergencies:pingzhan.dev/EmergencyMode:/a" } });
        assert_eq!(kept(argo), ["emergencies"]);
        let chart = json!({ "name": "a", "labels": { "app.kubernetes.io/instance": "portal" } });
        assert_eq!(kept(chart), [""; 0]);
        assert_eq!(kept(json!({ "name": "a" })), [""; 0]);
    }
}
