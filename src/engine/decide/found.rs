//! What a decision finds on the way, of which its status is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{ActNote, StageStatus};
use crate::engine::plan::Plan;
use crate::field::Uid;

/// What was found on the way, for status.
#[derive(Default)]
pub(crate) struct Findings {
    /// Uids that somebody keeps changing, with the rival's name.
    pub contested: BTreeMap<Uid, String>,
    /// What becomes of acts, to be journalled.
    pub notes: Vec<ActNote>,
    /// Acts that wait, each its stage and a sentence.
    pub acts: Vec<(String, String)>,
    /// Gates that ask people now, each its stage and step.
    pub asks: Vec<(String, String)>,
    /// Acts that failed, each its stage and a sentence.
    pub failed_acts: Vec<(String, String)>,
    /// Stages and where they are.
    pub stages: Vec<StageStatus>,
    /// The plan that awaits approval of a change of level or term.
    pub proposed: Option<Arc<Plan>>,
    /// Approvals that count for what is waited for.
    pub approvals: usize,
    /// Whether all stages are done.
    pub all_done: bool,
    /// Stages that failed.
    pub failed: Vec<String>,
    /// Fields that hold more than the journal keeps, each with its target.
    pub outgrown: Vec<String>,
    /// Whether people gave the mode up for lost and the rules have to be tried before that counts.
    pub doubted: bool,
    /// The review that is overdue while something else is waited for: the sentence.
    pub overdue: Option<String>,
}
