//! The switch, and holding: where every planned change is, which stages may run, and what is
//! written to which target next.

mod still;
mod tell;

use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{StageState, StageStatus};
use crate::engine::plan::{Change, Plan, PlannedStage, PlannedStep};
use crate::engine::scheduler::Class;

use super::acts;
use super::amended;
use super::back::{self, Errand};
use super::board::{Board, Standing};
use super::hold;
use super::late;
use super::said;
use super::work::Desk;
use super::{Decision, Input, Need, status};

/// One stage's changes and where each is.
struct StageView<'a> {
    stage: &'a PlannedStage,
    steps: Vec<StepView<'a>>,
    /// When it began under the plan in force.
    began: Option<Timestamp>,
    state: StageState,
}

struct StepView<'a> {
    step: &'a PlannedStep,
    /// Where it stands, if it is an act.
    act: Option<acts::Standing>,
    /// Whether an act that it comes after kept it from being done: its own changes are left out.
    is_cut: bool,
    changes: Vec<(&'a Change, i64, Standing<'a>)>,
}

impl<'a> StepView<'a> {
    /// Where its planned changes are. What was adopted since says nothing of how far it is: it is
    /// written, and its troubles are told as those of any target.
    fn planned(&self) -> impl Iterator<Item = &Standing<'a>> {
        let planned = self.changes.iter();
        let planned = planned.filter(|(_, amendment, _)| *amendment == 0);
        planned.map(|(_, _, standing)| standing)
    }

    /// Whether something of it is still to be written, be it adopted.
    fn has_open(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|(_, _, standing)| standing.is_open())
    }

    /// The first wave in which something is open at which the server does not fail: of what was
    /// planned alone, or of all.
    fn wave(&self, input: &Input<'_>, is_planned_alone: bool) -> Option<u8> {
        let open = self.changes.iter().filter(|(_, amendment, standing)| {
            let counts = *amendment == 0 || !is_planned_alone;
            counts && standing.is_open() && !standing.fails(input)
        });
        open.map(|(change, _, _)| change.wave).min()
    }

    fn is_open(&self) -> bool {
        self.waits() || self.open() > 0
    }

    /// Whether it is an act that has not ended.
    fn waits(&self) -> bool {
        self.act == Some(acts::Standing::Open { holds: true }) && !self.is_cut
    }

    /// Whether it is an act that has not ended, and that nothing waits for.
    fn trails(&self) -> bool {
        self.act == Some(acts::Standing::Open { holds: false }) && !self.is_cut
    }

    /// Why it failed, if it is an act that did.
    fn failure(&self) -> Option<&str> {
        match &self.act {
            Some(acts::Standing::Failed(why)) => Some(why),
            Some(
                acts::Standing::Open { .. }
                | acts::Standing::Passed
                | acts::Standing::Declined
                | acts::Standing::Missed(_),
            )
            | None => None,
        }
    }

    /// Why it failed, if it is an act that did, whether something waited for it or not.
    fn missed(&self) -> Option<&str> {
        match &self.act {
            Some(acts::Standing::Failed(why) | acts::Standing::Missed(why)) => Some(why),
            Some(
                acts::Standing::Open { .. } | acts::Standing::Passed | acts::Standing::Declined,
            )
            | None => None,
        }
    }

    /// Whether a change of it is journalled and not confirmed.
    fn is_under_way(&self) -> bool {
        self.planned()
            .any(|standing| matches!(standing, Standing::Doing(_)))
    }

    /// Whether what comes after it in its stage is left out.
    fn cuts(&self) -> bool {
        self.is_cut
            || matches!(
                self.act,
                Some(acts::Standing::Declined | acts::Standing::Failed(_))
            )
    }

    fn failed(&self) -> usize {
        let failed =
            |standing: &&Standing<'_>| matches!(standing, Standing::Failed | Standing::Outgrown);
        self.planned().filter(failed).count()
    }

    fn done(&self) -> usize {
        let done = |standing: &&Standing<'_>| matches!(standing, Standing::Done);
        self.planned().filter(done).count()
    }

    fn open(&self) -> usize {
        self.planned().filter(|standing| standing.is_open()).count()
    }
}

/// Decides the switch of a plan in force.
pub(super) fn decide(input: &Input<'_>, plan: &Plan, decision: &mut Decision) {
    let board = Board::new(input, plan);
    let stages = stages(&board, plan);
    let mut desk = Desk::new(input);
    for (index, view) in stages.iter().enumerate() {
        let goes_on = match view.state {
            StageState::Running | StageState::Failed => true,
            // People are still being told, or something did not succeed in time, or came since.
            StageState::Done => {
                let mut steps = view.steps.iter();
                steps.any(|step| step.trails() || step.has_open())
            }
            StageState::Waiting | StageState::Skipped | StageState::Restored => false,
        };
        if !goes_on {
            continue;
        }
        write_stage(&board, plan, index, view, &mut desk, decision);
    }
    acts::journal(decision);
    amended::decide(&board, plan, &mut desk, decision);
    hold::decide(&board, plan, &mut desk, decision);
    let left = board.left();
    let brought_back = left.is_empty();
    back::bring_back(input, plan, &left, Errand::Lowered, &mut desk, decision);
    back::let_go(input, &mut desk);
    tell::tell(input, plan, &stages, decision);
    tell::look_again(input, plan, &stages, decision);
    tell::unanswered(input, decision);
    decision.findings.all_done = brought_back && stages.iter().all(|view| is_over(view.state));
    let (works, unseen) = desk.finish();
    decision.works = works;
    if !unseen.is_empty() {
        decision.need = Some(Need::Sights(unseen));
    }
}

/// Tells where the stages are, and writes nothing.
pub(super) fn stages_only(input: &Input<'_>, plan: &Plan, decision: &mut Decision) {
    let board = Board::new(input, plan);
    let stages = stages(&board, plan);
    tell::tell(input, plan, &stages, decision);
    decision.findings.all_done = stages.iter().all(|view| is_over(view.state));
}

const fn is_over(state: StageState) -> bool {
    matches!(
        state,
        StageState::Done | StageState::Skipped | StageState::Failed
    )
}

fn stages<'a>(board: &Board<'a>, plan: &'a Plan) -> Vec<StageView<'a>> {
    let mut views: Vec<StageView<'a>> = Vec::with_capacity(plan.stages.len());
    for stage in &plan.stages {
        let mut steps: Vec<StepView<'a>> = Vec::with_capacity(stage.steps.len());
        for step in &stage.steps {
            let view = step_view(board, plan, stage, step, &steps);
            steps.push(view);
        }
        let began = still::began(board.input, plan, stage, &steps, &views);
        let state = state(board.input, plan, (stage, began), &steps, &views);
        views.push(StageView {
            stage,
            steps,
            began,
            state,
        });
    }
    views
}

fn step_view<'a>(
    board: &Board<'a>,
    plan: &'a Plan,
    stage: &'a PlannedStage,
    step: &'a PlannedStep,
    earlier: &[StepView<'a>],
) -> StepView<'a> {
    let spec = board.input.mode.spec;
    let skip = spec.and_then(|spec| said::skip(spec, &stage.name, &step.name, None));
    let is_cut = step.after.iter().any(|name| {
        let mut before = earlier.iter().filter(|view| view.step.name == *name);
        before.any(StepView::cuts)
    });
    let is_left_out = skip.is_some() || is_cut;
    let changes = board
        .changes(stage, step)
        .into_iter()
        .map(|(change, amendment)| {
            let standing = match board.standing(change) {
                // What is talked about at the table is not done.
                _ if plan.tabletop => Standing::Settled,
                Standing::Todo(None) if is_left_out => Standing::Settled,
                standing => standing,
            };
            (change, amendment, standing)
        })
        .collect();
    StepView {
        step,
        act: acts::standing(board.input, plan, &stage.name, step),
        is_cut,
        changes,
    }
}

fn state(
    input: &Input<'_>,
    plan: &Plan,
    (stage, began): (&PlannedStage, Option<Timestamp>),
    steps: &[StepView<'_>],
    earlier: &[StageView<'_>],
) -> StageState {
    if stage.left_out.is_some() {
        return StageState::Skipped;
    }
    if was(input, stage, StageState::Done) {
        return StageState::Done;
    }
    let ready = stage.depends_on.iter().all(|name| {
        earlier
            .iter()
            .find(|view| view.stage.name == *name)
            .is_none_or(|view| match view.state {
                StageState::Done | StageState::Skipped => true,
                StageState::Failed => view.stage.on_failure == crate::api::OnFailure::Continue,
                StageState::Waiting | StageState::Running | StageState::Restored => false,
            })
    });
    if !ready {
        return StageState::Waiting;
    }
    let late = |view: &StepView<'_>| late::is_late(input, plan, stage, view.step, began);
    let goes_on = |view: &StepView<'_>| view.waits() || (view.open() > 0 && !late(view));
    if steps.iter().any(goes_on) {
        return StageState::Running;
    }
    if steps.iter().any(|view| view.failure().is_some()) {
        return StageState::Failed;
    }
    let done: usize = steps.iter().map(StepView::done).sum();
    let failed: usize = steps.iter().map(|view| view.failed() + view.open()).sum();
    let critical = steps
        .iter()
        .any(|view| view.step.critical && view.failed() + view.open() > 0);
    let enough = done * 100 >= usize::from(stage.min_success) * (done + failed);
    if enough && !critical {
        StageState::Done
    } else {
        StageState::Failed
    }
}

/// Whether a stage was so already under the plan in force, by what was last said of it. One that was
/// done stays so: what is open in it later is no part of the switch any more. An object was adopted,
/// another mode's layer is gone, a field that was as wanted is not any more, or a target cannot be read.
fn was(input: &Input<'_>, stage: &PlannedStage, wanted: StageState) -> bool {
    let said = input.mode.status;
    let said = said.filter(|said| status::is_of_the_plan(input, said));
    let is_so = |said: &StageStatus| said.name == stage.name && said.state == wanted;
    said.is_some_and(|said| said.stages.iter().any(is_so))
}

fn write_stage(
    board: &Board<'_>,
    plan: &Plan,
    index: usize,
    view: &StageView<'_>,
    desk: &mut Desk,
    decision: &mut Decision,
) {
    for (place, step) in view.steps.iter().enumerate() {
        let waits = step.step.after.iter().any(|name| {
            view.steps
                .iter()
                .any(|other| other.step.name == *name && other.is_open())
        });
        if waits {
            continue;
        }
        // What a freeze writes comes before the proof that it is in force.
        if step.act.is_some() && step.open() == 0 {
            act(board, plan, view, step, decision);
            if !step.has_open() {
                continue;
            }
        }
        // Nothing waits for a target at which the server fails, nor what was planned for what was
        // adopted since.
        let (planned, all) = (step.wave(board.input, true), step.wave(board.input, false));
        let words = (
            view.stage.name.as_str().into(),
            step.step.name.as_str().into(),
        );
        let mut at = Place {
            plan,
            step: step.step,
            rank: 0,
            words,
        };
        for (change, amendment, standing) in &step.changes {
            at.rank = rank(change.class, index, place);
            if change.class != Class::REST && matches!(standing, Standing::Done) {
                decision
                    .urgent
                    .push((change.target.uid.clone(), change.class));
            }
            let wave = if *amendment == 0 { planned } else { all };
            if Some(change.wave) == wave || standing.fails(board.input) {
                hold::switch(board, &at, change, *amendment, *standing, desk, decision);
                desk.urgent(&change.target.uid, change.class);
            }
        }
    }
}

/// Takes an act further, or past its failure where a person says so.
fn act(
    board: &Board<'_>,
    plan: &Plan,
    view: &StageView<'_>,
    step: &StepView<'_>,
    decision: &mut Decision,
) {
    let turn = acts::Turn {
        input: board.input,
        plan,
        stage: view.stage,
        step: step.step,
    };
    if (step.waits() && view.state == StageState::Running) || step.trails() {
        if step.failed() > 0 {
            return turn.give_up("it could not be written: see its target", decision);
        }
        turn.advance(decision);
    } else if step.failure().is_some() {
        decision.findings.notes.extend(turn.skip());
    }
}

/// Where a change stands in its plan.
pub(super) struct Place<'a> {
    pub(super) plan: &'a Plan,
    pub(super) step: &'a PlannedStep,
    pub(super) rank: u64,
    /// The names of the stage and of the step, in memory once for all changes.
    pub(super) words: (Arc<str>, Arc<str>),
}

/// The place in the order of release: what people wait for first, then earlier stages, then
/// earlier steps.
fn rank(class: Class, stage: usize, step: usize) -> u64 {
    class.rank(((stage as u64) << 32) | ((step as u64) << 16))
}
