//! Acts that do something: Jobs, calls, notifications. Each try says what came of it; carried out
//! twice, each means the same: a Job has one name, a signal one idempotency key.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::api::{Call, Nature, Notify, Run, names};
use crate::cluster::{Answer as Wrote, Collection, write};
use crate::engine::acts::{Answer, Ask, Key};
use crate::engine::plan::Plan;
use crate::engine::protect::{Own, no_job};
use crate::playbook::ResolvedAct;
use crate::run::signal::Missed;

use super::acts::Errand;

/// How long a finished Job stays where it does not say so itself: a week, for people to read.
const KEPT_SECONDS: u32 = 7 * 24 * 3600;

/// Whether an act is carried out or undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

impl Errand {
    /// Carries an act out, or undoes it.
    pub(super) async fn carry(self, way: Way) -> ((Key, Ask), Answer) {
        let answer = match self.try_to(way).await {
            Ok(answer) => answer,
            Err(why) => Answer::Failed(why),
        };
        let ask = match way {
            Way::There => Ask::Carry,
            Way::Back => Ask::Undo,
        };
        ((self.key, ask), answer)
    }

    async fn try_to(&self, way: Way) -> Result<Answer, String> {
        let expanded = self.expanded()?;
        // Who does not lead any more does nothing more.
        let now = self.deps.clock.monotonic_ms();
        if self.deps.leader.still_leader(now).is_none() {
            return Ok(Answer::NotYet("another operator leads now".to_owned()));
        }
        match &self.step(&expanded)?.act {
            ResolvedAct::Run(run) => Ok(self.run(run, way).await),
            ResolvedAct::Call(call) => Ok(self.call(call, way).await),
            ResolvedAct::Notify(notify) => Ok(self.notify(notify).await),
            ResolvedAct::Freeze(_) => Ok(self.lifted().await),
            ResolvedAct::Scale(_)
            | ResolvedAct::Config { .. }
            | ResolvedAct::Patch(_)
            | ResolvedAct::Suspend(_)
            | ResolvedAct::Route(_)
            | ResolvedAct::Isolate(_)
            | ResolvedAct::Access(_)
            | ResolvedAct::Apply(_)
            | ResolvedAct::Wait(_)
            | ResolvedAct::Gate(_) => Err("it is nothing to carry out".to_owned()),
        }
    }

    /// The idempotency key: the same for every try of the same act, and another one each time that it
    /// begins again.
    fn id(&self, way: Way) -> String {
        id(&self.key, &self.mode.uid, way, self.times)
    }

    async fn call(&self, call: &Call, way: Way) -> Answer {
        let method = call.method.as_deref().unwrap_or("POST");
        let (url, body) = match (way, &call.undo) {
            (Way::There, _) => (&call.url, call.body.clone()),
            (Way::Back, Some(undo)) => (undo, None),
            (Way::Back, None) => return Answer::Done("nothing undoes it".to_owned()),
        };
        let Ok(method) = method.parse::<Method>() else {
            return Answer::Failed(format!("{method} is not a method"));
        };
        let body = body.unwrap_or_else(|| about(&self.plan, &self.mode.name, &self.key));
        let (id, at) = (self.id(way), self.deps.clock.now());
        said(self.signals.call(method, url, &id, at, &body).await)
    }

    /// Tells people over every channel. A channel that has it already knows it by its key.
    async fn notify(&self, notify: &Notify) -> Answer {
        let mut body = about(&self.plan, &self.mode.name, &self.key);
        body["severity"] = json!(notify.severity.unwrap_or_default());
        body["message"] = message(notify, self.plan.nature);
        if let Some(within) = &notify.acknowledge_within {
            body["acknowledgeWithin"] = json!(within);
        }
        let (id, at) = (self.id(Way::There), self.deps.clock.now());
        let mut missed: Vec<Missed> = Vec::new();
        for channel in &notify.channels {
            if let Err(one) = self.signals.notify(channel, &id, at, &body).await {
                missed.push(Missed {
                    why: format!("{channel}: {}", one.why),
                    ..one
                });
            }
        }
        let why: Vec<String> = missed.iter().map(|one| one.why.clone()).collect();
        let why = why.join("; ");
        match missed.iter().all(|one| one.for_good) {
            true if missed.is_empty() => {
                Answer::Done(format!("told over {}", notify.channels.join(", ")))
            }
            true => Answer::Failed(why),
            false => Answer::NotYet(why),
        }
    }

    /// Creates the Job, and says how far it is.
    async fn run(&self, run: &Run, way: Way) -> Answer {
        let spec = match (way, &run.undo) {
            (Way::There, _) => &run.job,
            (Way::Back, Some(undo)) => undo,
            (Way::Back, None) => return Answer::Done("nothing undoes it".to_owned()),
        };
        let name = job_name(&self.key, &self.mode.uid, way, self.times);
        let jobs = Collection {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            plural: "jobs".to_owned(),
            namespace: run.namespace.clone(),
        };
        let found = match write::get(&self.account.reads, &jobs, &name).await {
            Ok(found) => found,
            Err(error) => return Answer::NotYet(format!("the Job cannot be read: {error}")),
        };
        match found {
            Some(job) if job["metadata"]["annotations"][names::ACT] != json!(self.id(way)) => {
                Answer::Failed(format!("another Job has the name {name}"))
            }
            Some(job) => state(&job, &name),
            None => self.create(&jobs, &name, spec, way).await,
        }
    }

    /// Why no Job may be created in a namespace now, if so: it may have been left out since the plan was
    /// made, and a plan that an earlier version made says nothing of it.
    async fn left_alone(&self, namespace: &str) -> Option<Answer> {
        let own = Own {
            operator: &self.operator,
            accounts: &self.accounts,
        };
        let namespaces = Collection {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespace: String::new(),
        };
        match write::get(&self.account.reads, &namespaces, namespace).await {
            Ok(found) => {
                let found = found.unwrap_or_default();
                let labels = serde_json::from_value(found["metadata"]["labels"].clone());
                let labels: BTreeMap<String, String> = labels.unwrap_or_default();
                no_job(namespace, &labels, own).map(Answer::Failed)
            }
            Err(error) => Some(Answer::NotYet(format!(
                "it is not known whether a Job may run in {namespace}: {error}"
            ))),
        }
    }

    async fn create(&self, jobs: &Collection, name: &str, spec: &Value, way: Way) -> Answer {
        if let Some(answer) = self.left_alone(&jobs.namespace).await {
            return answer;
        }
        let mut spec = spec.clone();
        if let Some(fields) = spec.as_object_mut() {
            let kept = fields.entry("ttlSecondsAfterFinished");
            kept.or_insert_with(|| json!(KEPT_SECONDS));
        }
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": name, "namespace": jobs.namespace,
                "annotations": { names::ACT: self.id(way) },
            },
            "spec": spec,
        });
        let manager = names::field_manager(&self.mode.name, &self.mode.uid);
        let body = job.to_string().into_bytes();
        let client = &self.account.writes;
        // Whoever was stopped meanwhile creates nothing that another one undoes.
        let now = self.deps.clock.monotonic_ms();
        if self.deps.leader.still_leader(now).is_none() {
            return Answer::NotYet("another operator leads now".to_owned());
        }
        match write::create(client, jobs, body, &manager, write::Effect::Real).await {
            Wrote::Done(_) => Answer::NotYet(format!("the Job {name} is created")),
            // Ours or another's: the next look says which.
            Wrote::Moved => Answer::NotYet(format!("the Job {name} is there")),
            Wrote::Busy { why, .. } | Wrote::Ambiguous(why) => Answer::NotYet(why),
            Wrote::Gone => Answer::NotYet("its namespace is gone".to_owned()),
            Wrote::Refused {
                code,
                reason,
                message,
            } => {
                let why = format!("the Job is refused: {reason}: {message}");
                // Rights and quotas change; a spec that is wrong does not.
                match code {
                    400 | 422 => Answer::Failed(why),
                    _ => Answer::NotYet(why),
                }
            }
        }
    }
}

/// How far a Job is.
fn state(job: &Value, name: &str) -> Answer {
    let conditions = job["status"]["conditions"].as_array();
    let holds = |type_: &str| {
        let mut all = conditions.into_iter().flatten();
        all.find(|own| own["type"] == type_ && own["status"] == "True")
    };
    if holds("Complete").is_some() {
        return Answer::Done(format!("the Job {name} is complete"));
    }
    match holds("Failed") {
        Some(failed) => {
            let why = failed["message"].as_str().unwrap_or("no reason is given");
            Answer::Failed(format!("the Job {name} failed: {why}"))
        }
        None => Answer::NotYet(format!("the Job {name} runs")),
    }
}

/// Which time of an act it is, if not the first. What undoes an act undoes all times of it at once.
fn again(way: Way, times: u32) -> Option<u32> {
    match way {
        Way::There => Some(times).filter(|times| *times > 1),
        Way::Back => None,
    }
}

/// The idempotency key of an act, or of what undoes it.
fn id((stage, step): &Key, uid: &str, way: Way, times: u32) -> String {
    let undo = match way {
        Way::There => "",
        Way::Back => "-undo",
    };
    // No stage and no step has a `_` in its name.
    let again = again(way, times).map_or_else(String::new, |times| format!("_{times}"));
    format!("{uid}-{stage}-{step}{undo}{again}")
}

/// The name of a Job: one for each time of an act of a mode, and one for what undoes it.
fn job_name(key: &Key, uid: &str, way: Way, times: u32) -> String {
    /// Leaves room for what follows in a name of 63 characters, which pods add to.
    const LONGEST: usize = 36;
    let (stage, step) = key;
    let words: String = format!("{stage}-{step}").chars().take(LONGEST).collect();
    let uid: String = uid.chars().filter(|own| *own != '-').take(8).collect();
    // Two steps whose first words are the same have different names, and so have two times of one.
    let again = again(way, times).map_or_else(String::new, |times| format!("/{times}"));
    let sum = stage
        .bytes()
        .chain([b'/'])
        .chain(step.bytes())
        .chain(again.bytes())
        .fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
    let undo = match way {
        Way::There => "",
        Way::Back => "-undo",
    };
    format!("pz-{}-{sum:08x}-{uid}{undo}", words.trim_end_matches('-'))
}

/// What a signal is about.
fn about(plan: &Plan, mode: &str, key: &Key) -> Value {
    json!({
        "mode": mode,
        "playbook": plan.playbook,
        "title": plan.spec.title,
        "level": plan.level,
        "nature": plan.nature,
        "stage": key.0,
        "step": key.1,
    })
}

/// The message, marked where it is an exercise: nobody may take a drill for a flood.
fn message(notify: &Notify, nature: Nature) -> Value {
    let mut message = notify.message.clone();
    if nature == Nature::Exercise {
        let mark = |text: &mut Option<String>, mark: &str| {
            if let Some(text) = text {
                text.insert_str(0, mark);
            }
        };
        mark(&mut message.en, "EXERCISE: ");
        mark(&mut message.zh_cn, "【演练】");
    }
    json!(message)
}

fn said(sent: Result<String, Missed>) -> Answer {
    match sent {
        Ok(said) => Answer::Done(said),
        Err(missed) if missed.for_good => Answer::Failed(missed.why),
        Err(missed) => Answer::NotYet(missed.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Job that is created twice, or one that is taken for another, would be done twice or not at
    /// all.
    #[test]
    fn a_job_has_one_name_that_no_other_act_has() {
        let key = |stage: &str, step: &str| (stage.to_owned(), step.to_owned());
        let uid = "7d3f5c1e-0a2b-4c3d-8e4f-5a6b7c8d9e0f";
        let long = "s".repeat(63);
        let names = [
            job_name(&key("a", "b-c"), uid, Way::There, 1),
            job_name(&key("a-b", "c"), uid, Way::There, 1),
            job_name(&key("a", "b-c"), uid, Way::Back, 1),
            job_name(&key(&long, "one"), uid, Way::There, 1),
            job_name(&key(&long, "other"), uid, Way::There, 1),
            job_name(&key("a", "b-c"), uid, Way::There, 2),
            job_name(&key("a", "b-c"), uid, Way::There, 3),
            job_name(&key("a", "b-c-2"), uid, Way::There, 1),
        ];
        assert_eq!(names[0], "pz-a-b-c-056dbb0a-7d3f5c1e");
        for (place, name) in names.iter().enumerate() {
            assert!(name.len() <= 63, "{name}");
            assert!(!names[..place].contains(name), "{name}");
        }
    }

    /// A receiver that has seen a key does nothing: what is sent again since its level was raised again
    /// needs another one, and what undoes it is sent once.
    #[test]
    fn an_act_that_begins_again_has_a_key_of_its_own() {
        let key = ("counters".to_owned(), "divert".to_owned());
        let id = |way, times| id(&key, "7d3f", way, times);
        assert_eq!(id(Way::There, 1), "7d3f-counters-divert");
        assert_eq!(id(Way::There, 2), "7d3f-counters-divert_2");
        assert_eq!(id(Way::There, 3), "7d3f-counters-divert_3");
        let undo = "7d3f-counters-divert-undo";
        assert_eq!([id(Way::Back, 1), id(Way::Back, 3)], [undo, undo]);
        let (name, undo) = (
            job_name(&key, "7d3f", Way::Back, 1),
            job_name(&key, "7d3f", Way::Back, 2),
        );
        assert_eq!(name, undo);
    }

    /// What is still running is not done, and what failed is not tried for ever.
    #[test]
    fn a_job_is_as_far_as_its_conditions_say() {
        let job = |type_: &str| {
            json!({ "status": { "conditions": [
                { "type": type_, "status": "True", "message": "deadline" },
            ] } })
        };
        assert_eq!(
            state(&json!({}), "j"),
            Answer::NotYet("the Job j runs".into())
        );
        assert_eq!(
            state(&job("Complete"), "j"),
            Answer::Done("the Job j is complete".into())
        );
        let failed = Answer::Failed("the Job j failed: deadline".into());
        assert_eq!(state(&job("Failed"), "j"), failed);
    }
}
