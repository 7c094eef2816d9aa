//! What is said of the stages of a switch.

use std::collections::BTreeSet;

use crate::api::{StageState, StageStatus};
use crate::engine::acts::{Answer, Ask};
use crate::engine::plan::{self, Plan};

use super::super::status::{cut, unanswered as fails};
use super::super::{Decision, Input, Waiting, late, stay, waiting};
use super::{StageView, Standing, StepView};

/// Says at how many targets the server fails.
pub(super) fn unanswered(input: &Input<'_>, decision: &mut Decision) {
    let live = input.ledger.live();
    let unanswered = live.filter(|entry| fails(input, entry).is_some());
    let targets: BTreeSet<&str> = unanswered.map(|entry| entry.target.uid.as_str()).collect();
    if !targets.is_empty() {
        let waits = Waiting::Unanswered(targets.len());
        decision.waiting.get_or_insert(waits);
    }
}

/// Targets of a stage that were gone when their turn came: of those nothing is in the journal.
fn gone(view: &StageView<'_>) -> Option<String> {
    /// Names that a sentence has: more would not be read.
    const NAMED: usize = 8;
    let changes = view.steps.iter().flat_map(|step| &step.changes);
    let gone = changes.filter(|(_, _, standing)| matches!(standing, Standing::Gone));
    let names: BTreeSet<String> = gone
        .map(|(change, _, _)| plan::describe(&change.target))
        .collect();
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = waiting::counted(names.len(), "object");
    (!names.is_empty())
        .then(|| format!("{what} gone before their turn: {}{more}", shown.join(", ")))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is said of changes that are talked about and not made.
fn at_the_table(plan: &Plan, changes: usize) -> Option<String> {
    let what = waiting::counted(changes, "change");
    (plan.tabletop && changes > 0).then(|| format!("{what} at the table only: not carried out"))
}

/// How many objects were ready when that was last looked at for an act of a stage: now, or when its
/// wait ended.
fn ready(input: &Input<'_>, plan: &Plan, name: &str) -> Option<i64> {
    let known = |step: &str| stay::known(input, plan, name, step);
    let acts = input.ledger.acts.keys();
    let ended = acts.filter(|(stage, _)| stage == name);
    let ended = ended.filter_map(|(_, step)| {
        let act = known(step)?;
        Some((act.at, act.ready?))
    });
    let looked = input.answers.iter();
    let looked = looked.filter(|(((stage, _), ask), _)| stage == name && *ask == Ask::Look);
    let looked = looked.filter_map(|(((_, step), _), (at, answer))| match answer {
        Answer::Seen(reading) => {
            known(step).filter(|act| act.began <= *at)?;
            Some((*at, i64::try_from(reading.ready?).ok()?))
        }
        Answer::Done(_) | Answer::NotYet(_) | Answer::Failed(_) => None,
    });
    let latest = ended.chain(looked).max_by_key(|(at, _)| *at);
    latest.map(|(_, ready)| ready)
}

/// The gates of a stage that ask people now.
fn asks(decision: &Decision, name: &str) -> Vec<String> {
    let asked = decision.findings.asks.iter();
    let own = asked.filter(|(stage, _)| stage == name);
    own.map(|(_, step)| step.clone()).collect()
}

/// Says where the stages are.
pub(super) fn tell(
    input: &Input<'_>,
    plan: &Plan,
    stages: &[StageView<'_>],
    decision: &mut Decision,
) {
    for view in stages {
        let changes = view.steps.iter().flat_map(|step| &step.changes);
        let outgrown = changes.filter(|(_, _, standing)| matches!(standing, Standing::Outgrown));
        let named = outgrown.map(|(change, _, _)| {
            let field = change.path.to_pointer();
            format!("{} {field}", plan::describe(&change.target))
        });
        decision.findings.outgrown.extend(named);
        let done: usize = view.steps.iter().map(StepView::done).sum();
        let failed: usize = view.steps.iter().map(StepView::failed).sum();
        let planned = view.steps.iter().map(|step| step.planned().count());
        let changes: usize = planned.sum();
        let over = matches!(view.state, StageState::Done | StageState::Failed);
        let name = &view.stage.name;
        if view.state == StageState::Failed {
            decision.findings.failed.push(name.clone());
        }
        for (step, why) in view
            .steps
            .iter()
            .filter_map(|step| Some((step, step.missed()?)))
        {
            let sentence = format!("{name}/{} failed: {why}", step.step.name);
            decision.findings.failed_acts.push((name.clone(), sentence));
        }
        let gone = gone(view);
        let mut said: Vec<&str> = view.stage.left_out.as_deref().into_iter().collect();
        said.extend(gone.as_deref());
        let table = at_the_table(plan, changes);
        said.extend(table.as_deref());
        let told = decision
            .findings
            .acts
            .iter()
            .chain(&decision.findings.failed_acts);
        said.extend(
            told.filter(|(stage, _)| stage == name)
                .map(|(_, why)| why.as_str()),
        );
        let message = (!said.is_empty()).then(|| cut(&said.join("; ")));
        decision.findings.stages.push(StageStatus {
            name: name.clone(),
            state: view.state,
            changes: number(changes),
            applied: number(done),
            failed: number(failed),
            ready: ready(input, plan, name),
            asks: asks(decision, name),
            started_at: input.ledger.stage_started.get(name).copied(),
            finished_at: input.ledger.stage_moved.get(name).copied().filter(|_| over),
            message,
        });
    }
}

/// Looks again when something of a stage that is under way will be late.
pub(super) fn look_again(
    input: &Input<'_>,
    plan: &Plan,
    stages: &[StageView<'_>],
    decision: &mut Decision,
) {
    let running = stages
        .iter()
        .filter(|view| view.state == StageState::Running);
    for view in running {
        for step in view.steps.iter().filter(|step| step.open() > 0) {
            let end = late::late_at(input, plan, view.stage, step.step, view.began);
            if let Some(end) = end.filter(|end| *end > input.now) {
                decision.look_again(end);
            }
        }
    }
}
