//! What a rehearsal found: data, that programs read as it is and people read through the CLI.
//!
//! Times are seconds since the declaration unless they say otherwise. Lists are whole: whoever
//! prints them cuts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::{Concern, Level, Localized, Scalar, StageState};

mod moments;

use super::fault::Fault;
use super::model::Model;

pub use moments::{Happened, Moment};

/// What a report says of itself. Another number is another format.
pub const FORMAT: &str = "pingzhan.dev/rehearsal/v1";

/// The report of one rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// Whether all went as the playbook means it: the sum of what is below.
    pub verdict: Verdict,
    /// What was played.
    pub playbook: Played,
    /// On what.
    pub snapshot: Ground,
    /// What was assumed of time.
    pub model: Model,
    /// The plan, and what is worth knowing of it.
    pub plan: Planned,
    /// What happened, oldest first.
    pub moments: Vec<Moment>,
    /// The stages of the switch, in the order in which they began.
    pub stages: Vec<Stage>,
    /// The switch: from activation to the last value.
    pub switch: Option<Took>,
    /// The return: from standing down to the last value.
    pub restore: Option<Took>,
    /// When the critical services were ready.
    pub critical: Critical,
    /// Workloads of the plan that were not ready when the mode was stood down.
    pub unready: Vec<Unready>,
    /// What was refused.
    pub refused: Vec<Refused>,
    /// Who fought over which field.
    pub fights: Vec<Fight>,
    /// What was not undone.
    pub left: Vec<Left>,
    /// Whether everything is as it was.
    pub exactness: Exactness,
    /// Requests of the operator.
    pub requests: Requests,
    /// What a rehearsal cannot know.
    pub unknown: Vec<Unknown>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum End {
    /// There was no plan that could be approved.
    NotPlanned,
    /// The quorum did not come about.
    NotApproved,
    /// The switch did not come to its end by itself; it was stood down.
    NotSwitched,
    /// The switch was made, and the return did not come to its end.
    NotRestored,
    /// There and back.
    Closed,
}

/// The sum of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether nothing is to be mended: it went there and back, in time, nothing was refused, all
    /// stages were done, and everything is as it was.
    pub good: bool,
    /// How it ended.
    pub end: End,
    /// What the mode waited for where it did not go on.
    pub waited_for: Option<String>,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Played {
    /// The playbook's name.
    pub name: String,
    /// What people call it.
    pub title: Localized,
    /// Who keeps it.
    pub owner: String,
    /// The level.
    pub level: Level,
    /// The parameters that were chosen.
    pub parameters: BTreeMap<String, Scalar>,
    /// What went wrong on purpose.
    pub faults: Vec<Fault>,
    /// Decides what is left to chance.
    pub seed: u64,
}

/// On what it was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ground {
    /// When the snapshot was taken.
    pub taken: String,
    /// By whom.
    pub by: String,
    /// Of which version of the server.
    pub server: String,
    /// How many objects of it were loaded.
    pub objects: usize,
    /// Kinds that are not served here, and how many objects of each were left aside.
    pub not_loaded: BTreeMap<String, usize>,
    /// What the snapshot says that it lacks.
    pub left_out: Vec<crate::sandtable::snapshot::LeftOut>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum About {
    /// Room: nodes, quotas, limits.
    Capacity,
    /// One step.
    Step,
}

/// Something worth knowing of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How grave it is.
    pub concern: Concern,
    /// What it is about.
    pub about: About,
    /// Of which step, `stage/step`.
    pub step: Option<String>,
    /// What, a sentence.
    pub text: String,
}

/// The plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Its hash; empty where there was none.
    pub hash: String,
    /// How many fields it changes.
    pub changes: usize,
    /// Of how many objects.
    pub targets: usize,
    /// What is worth knowing, the gravest first.
    pub findings: Vec<Finding>,
    /// Objects that steps leave alone, and why.
    pub skipped: Vec<Skipped>,
}

/// An object that a step leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// `stage/step`.
    pub step: String,
    /// `Kind namespace/name`.
    pub object: String,
    /// Why.
    pub why: String,
}

/// A stage of the switch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub state: StageState,
    /// When it began.
    pub began: Option<f64>,
    /// When it ended.
    pub ended: Option<f64>,
    /// How many fields it changes.
    pub changes: i64,
    /// How many were changed.
    pub applied: i64,
    /// How many failed.
    pub failed: i64,
    /// Why it is where it is, where that needs a sentence.
    pub message: Option<String>,
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Took {
    /// Seconds.
    pub seconds: f64,
    /// What the playbook asks for, in seconds.
    pub objective: Option<f64>,
    /// Whether that was met.
    pub met: Option<bool>,
}

/// When the critical services were ready: targets of steps that say `critical: true`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Critical {
    /// How many there are.
    pub objects: usize,
    /// How many became ready.
    pub ready: usize,
    /// When the first of them was ready, in seconds since activation.
    pub first: Option<f64>,
    /// When half of them were.
    pub half: Option<f64>,
    /// When the last was; nothing as long as one never was.
    pub all: Option<f64>,
    /// Those that never were.
    pub never: Vec<String>,
}

/// A workload that was not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unready {
    /// `Kind namespace/name`.
    pub object: String,
    /// How many pods were ready.
    pub ready: i64,
    /// How many were asked for.
    pub wanted: i64,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// What was to be done: `stage/step`, or the plan.
    pub step: String,
    /// `Kind namespace/name`, where it was of one object.
    pub object: Option<String>,
    /// The field.
    pub path: Option<String>,
    /// Why.
    pub why: String,
}

/// A fight over one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fight {
    /// `Kind namespace/name`.
    pub object: String,
    /// The field.
    pub path: String,
    /// Who else wrote it, by their field managers; empty where nobody of the rehearsal did.
    pub rival: String,
    /// How often they did.
    pub wrote: usize,
    /// How often the operator wrote its value again.
    pub reasserted: usize,
    /// How the change ended, by the journal.
    pub end: String,
}

/// Something that was not undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// `Kind namespace/name`, or `stage/step` of an act.
    pub what: String,
    /// The field.
    pub path: Option<String>,
    /// How it ended, by the journal; or which act.
    pub state: String,
    /// Why, where that is known.
    pub why: Option<String>,
}

/// Whether everything is as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exactness {
    /// How many fields there were, ownership included.
    pub fields: usize,
    /// How many of them are as they were.
    pub same: usize,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `Kind namespace/name`.
    pub object: String,
    /// How, a sentence.
    pub how: String,
}

/// Requests of the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// How many there were.
    pub sent: u64,
    /// How many were told to come later.
    pub turned_away: u64,
}

/// Something that a rehearsal cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unknown {
    /// Whether pods start as fast in an emergency: images, caches, volumes, load.
    Startup,
    /// What the scheduler makes of taints, affinity, spreading, priority and pre-emption.
    Scheduling,
    /// What load people put on the services, and what autoscalers make of it.
    Load,
    /// What admission webhooks, quotas of clouds and anything outside of the API server refuse.
    Webhooks,
    /// Whether the people are there, and in the groups that they act as.
    People,
    /// What changed since the snapshot was taken.
    Since,
    /// What the snapshot does not have.
    LeftOut,
    /// Whether notifications arrive, and are read.
    Messages,
    /// Whether called systems answer, and what they do.
    Calls,
    /// Whether Jobs come to their end, and what they do.
    Jobs,
    /// What Prometheus answers.
    Metrics,
}
