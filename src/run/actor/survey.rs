//! What is new in the cluster and a plan in force would select.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::api::NewTargets;
use crate::engine::plan::Plan;
use crate::field::{Image, Path, Uid};
use crate::ledger::{Direction, Entry, Ledger};

use super::facts::{Adopted, newcomers};
use super::{Actor, Memory};

/// New objects are looked for at most this often.
const SURVEY: SignedDuration = SignedDuration::from_secs(10);
/// Where not everything could be read: what cannot be read for long must not cost a look at everything
/// again and again.
const RESURVEY: SignedDuration = SignedDuration::from_secs(60);
/// What is said where the program failed at it: that must keep no mode from being decided upon.
const FAILED: &str = "new objects cannot be looked for now: pingzhan itself failed at it, as the operator's \
                      log says";

impl Actor {
    /// Looks for new objects that the plan's rule covers, after one was seen. Where it is too early for
    /// that: when it is to be.
    pub(super) async fn survey(&self, memory: &mut Memory) -> Result<Option<Timestamp>, String> {
        let now = self.deps.clock.now();
        let mut state = self.mode.state.lock().await;
        if state.ledger.direction != Direction::Wartime {
            state.strangers = false;
            memory.unsurveyed = None;
            return Ok(None);
        }
        if !state.strangers {
            return Ok(None);
        }
        let pause = if memory.unsurveyed.is_some() {
            RESURVEY
        } else {
            SURVEY
        };
        if let Some(due) = memory.surveyed_at.map(|at| at + pause)
            && due > now
        {
            return Ok(Some(due));
        }
        state.strangers = false;
        let plan = state.plan_in_force().cloned();
        let known: BTreeSet<Uid> = state
            .ledger
            .entries
            .values()
            .map(|entry| entry.target.uid.clone())
            .collect();
        let held = held(&state.ledger);
        drop(state);
        let Some(plan) = plan else { return Ok(None) };
        let again = self.again(&plan, !held.is_empty());
        let fresh = AssertUnwindSafe(again).catch_unwind().await;
        let fresh = fresh.unwrap_or_else(|_| {
            self.deps.metrics.panics.inc();
            tracing::error!(mode = self.mode.id.name, "{FAILED}");
            Err(FAILED.to_owned())
        });
        let now = self.deps.clock.now();
        memory.surveyed_at = Some(now);
        let unread = match &fresh {
            Ok((fresh, _)) => unread(fresh),
            Err(problem) => Some(problem.clone()),
        };
        memory.unsurveyed.clone_from(&unread);
        let (None, Ok((fresh, peacetime))) = (&unread, &fresh) else {
            // What is known already stays known, and what was seen is looked for again.
            self.mode.state.lock().await.strangers = true;
            return Ok(Some(now + RESURVEY));
        };
        (memory.adopted, memory.reported) = newcomers(&plan, fresh, &known);
        let anew = peacetime.as_ref().map(|all| anew(&plan, all, &held));
        memory.adopted.extend(anew.unwrap_or_default());
        Ok(None)
    }
}

/// Fields of adopted targets that a mode holds: what each is in peacetime, and what was asked for.
type Held = BTreeMap<(Uid, Path), (Image, Image)>;

/// The fields of targets that were adopted, as they are journalled.
fn held(ledger: &Ledger) -> Held {
    let adopted = ledger.live().filter(|entry| is_adopted(entry));
    let fields = adopted.map(|entry| {
        let field = (entry.target.uid.clone(), entry.path.clone());
        (field, (entry.base.clone(), entry.after.clone()))
    });
    fields.collect()
}

const fn is_adopted(entry: &Entry) -> bool {
    entry.amendment > 0 && !entry.turned
}

/// Whether a mode holds targets that were adopted.
pub(super) fn holds_adopted(ledger: &Ledger) -> bool {
    ledger.live().any(is_adopted)
}

/// Changes of targets that were adopted under an earlier plan, where the one in force asks for something else
/// of them: it was made before they came, and does not name them.
fn anew(plan: &Plan, peacetime: &Plan, held: &Held) -> Adopted {
    let planned: BTreeSet<&str> = plan
        .changes()
        .map(|(_, _, change)| change.target.uid.as_str())
        .collect();
    let changes = peacetime.changes().filter(|(_, step, change)| {
        let field = (change.target.uid.clone(), change.path.clone());
        let known = held.get(&field);
        let differs = known.is_some_and(|(base, after)| !change.is_asked(base, after));
        differs
            && step.new_targets == NewTargets::Adopt
            && !planned.contains(change.target.uid.as_str())
    });
    let named = changes
        .map(|(stage, step, change)| (stage.name.clone(), step.name.clone(), change.clone()));
    named.collect()
}

/// Why a look does not say of everything that is there, if so.
fn unread(fresh: &Plan) -> Option<String> {
    let problems = fresh.problems();
    let (at, why) = problems.first()?;
    Some(format!(
        "new objects of {at} cannot be looked for now: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Level, Nature, PlaybookSpec, Term};
    use crate::engine::facts::{Facts, StepFacts};
    use crate::engine::plan::{self, Request};
    use crate::field::project;
    use crate::playbook::expand;
    use crate::step::{self, Fields, Role};

    /// A plan that takes every Deployment it knows to so much of what it has.
    fn plan(percent: i64, objects: &[Value]) -> Plan {
        let text = format!(
            "title: {{ en: x, zh-CN: x }}
hazard: x
owner: x
serviceAccountName: flood
authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}
stages:
- name: surge
  steps:
  - {{ name: grow, newTargets: Adopt, targets: {{ kinds: [Deployment], namespaces: {{}} }}, scale: {{ percent: {percent} }} }}
"
        );
        let spec: PlaybookSpec = serde_yaml::from_str(&text).expect("a playbook");
        let expanded = expand::expand(&spec, Level::I, &BTreeMap::new()).expect("it expands");
        let mut seen = StepFacts::default();
        for query in step::needs(&expanded.stages[0].steps[0]) {
            let Fields::Paths(mut paths) = query.fields else {
                panic!("only fields are looked at")
            };
            paths.sort();
            let meant = objects.iter().filter(|_| query.role == Role::Target);
            let found = meant.filter_map(|object| project::project(object, "", &paths, false));
            seen.found.push(found.collect());
        }
        let facts = Facts {
            steps: [(("surge".to_owned(), "grow".to_owned()), seen)].into(),
            ..Facts::default()
        };
        let term = Term("12h".to_owned());
        let request = Request {
            playbook: "flood",
            playbook_uid: "pb",
            spec: &spec,
            level: Level::I,
            nature: Nature::Actual,
            tabletop: false,
            scope: None,
            expires_after: &term,
            round: 0,
        };
        plan::compute(&request, &expanded, &facts)
    }

    fn deployment(name: &str) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "portal", "uid": name, "resourceVersion": "1" },
            "spec": { "replicas": 2 } })
    }

    /// A level is raised while services come: one that came after the plan was made, and was adopted under the
    /// one before, must not stay behind the others.
    #[test]
    fn what_was_adopted_under_an_earlier_plan_follows_the_one_in_force() {
        let granted = plan(400, &[deployment("web")]);
        let peacetime = plan(400, &[deployment("web"), deployment("new")]);
        let all = peacetime.changes().map(|(_, _, change)| change.clone());
        let all: Vec<plan::Change> = all.collect();
        let held = |after: i64| -> Held {
            let fields = all.iter().map(|change| {
                let field = (change.target.uid.clone(), change.path.clone());
                let after = Image::Present(json!(after));
                (field, (change.base.clone(), after))
            });
            fields.collect()
        };
        let named = |held: &Held| -> Vec<(String, Image)> {
            let anew = anew(&granted, &peacetime, held).into_iter();
            let named = anew.map(|(_, _, change)| (change.target.name.clone(), change.after));
            named.collect()
        };
        let eight = Image::Present(json!(8));
        assert_eq!(named(&held(4)), [("new".to_owned(), eight)]);
        assert!(named(&held(8)).is_empty(), "it is as asked");
        assert!(named(&Held::new()).is_empty(), "nothing was adopted");
    }
}
