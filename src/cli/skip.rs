//! `skip`: a person leaves a step out, and says why.

use crate::api::{EmergencyMode, Gate, Phase, PlaybookSpec, Skip, StageState, StageStatus};
use crate::t;

use super::answer::split;
use super::args::Output;
use super::context::{Context, mode, playbook};
use super::edit::{append, edit};
use super::error::Error;
use super::exit::Exit;
use super::person::{Person, Right};

/// The arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the mode
    pub name: String,
    /// The step: STAGE/STEP, as the plan shows it
    #[arg(value_name = "STAGE/STEP")]
    pub at: String,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// The group in whose name you decide
    #[arg(long, value_name = "GROUP")]
    pub in_name_of: Option<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Leaves a step out.
pub async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let client = context.client().await?;
    let first = mode(&client, &args.name).await?;
    let playbook = playbook(&client, &first.spec.playbook_ref.name).await?.spec;
    let (stage, step) = split(context.lang, &playbook, &args.at)?;
    let person = Person::ask(&client).await?;
    let (gate, chosen) = (gate(&playbook, stage, step), args.in_name_of.as_deref());
    let skip = Skip {
        stage: stage.to_owned(),
        step: step.to_owned(),
        reason: args.reason.clone(),
        // A gate is passed over by those whom it asks.
        as_: match gate {
            Some(gate) => person.among(&gate.groups, chosen)?,
            None => person.acting_as(Right::Decide, &playbook.authority, chosen)?,
        },
        by: person.name,
    };
    let mode = edit(&client, &args.name, "skip the step", |now| {
        Ok(if is_said(now, &skip, gate) {
            vec![]
        } else {
            vec![append("skips", now.spec.skips.len(), &skip)]
        })
    })
    .await?;
    context.print(args.output.output, &mode, || {
        let (name, at) = (args.name.clone(), args.at.clone());
        t!(context.lang, "skip-done", name = name, at = at)
    })?;
    Ok(Exit::Done)
}

/// Whether a step is left out already. On the way back, and where its stage is no part of the level any more,
/// it is about what undoes the step: of that nothing was said on the way there.
fn is_said(now: &EmergencyMode, skip: &Skip, gate: Option<&Gate>) -> bool {
    let is_undone = now.status.as_ref().is_some_and(|status| {
        let mut stages = status.stages.iter();
        let left =
            |stage: &StageStatus| stage.name == skip.stage && stage.state == StageState::Skipped;
        status.phase == Some(Phase::Restoring) || stages.any(left)
    });
    let mut skips = now.spec.skips.iter();
    !is_undone
        && skips.any(|said| {
            let counts = gate.is_none_or(|gate| gate.groups.contains(&said.as_));
            said.stage == skip.stage && said.step == skip.step && counts
        })
}

/// The step, where it is a gate.
fn gate<'a>(playbook: &'a PlaybookSpec, stage: &str, step: &str) -> Option<&'a Gate> {
    let stage = playbook.stages.iter().find(|own| own.name == stage)?;
    let step = stage.steps.iter().find(|own| own.name == step)?;
    step.gate.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;

    /// A step that was passed over on the way there may be one that cannot be undone: where nobody could say
    /// so any more, the mode would stay open for ever.
    #[test]
    fn a_step_is_left_out_once_on_the_way_there_and_once_more_on_the_way_back() {
        let skip = Skip {
            stage: "counters".to_owned(),
            step: "divert".to_owned(),
            reason: "the line is down".to_owned(),
            by: "wang".to_owned(),
            as_: "command".to_owned(),
        };
        let mut mode = samples::active();
        assert!(!is_said(&mode, &skip, None));
        mode.spec.skips.push(skip.clone());
        assert!(is_said(&mode, &skip, None));
        let status = mode.status.as_mut().expect("a status");
        status.phase = Some(Phase::Restoring);
        assert!(!is_said(&mode, &skip, None));
    }

    /// A lighter level undoes what a stage did that is no part of it, while the mode stays in wartime: what
    /// cannot be undone is left by the same word.
    #[test]
    fn what_a_lighter_level_undoes_can_be_left_though_it_was_skipped_before() {
        let mut mode = samples::active();
        let stage = mode.status.as_mut().expect("a status").stages.first_mut();
        let stage = stage.expect("a stage");
        let skip = Skip {
            stage: stage.name.clone(),
            step: "divert".to_owned(),
            reason: "the line is down".to_owned(),
            by: "wang".to_owned(),
            as_: "command".to_owned(),
        };
        stage.state = StageState::Skipped;
        mode.spec.skips.push(skip.clone());
        assert!(!is_said(&mode, &skip, None));
        let stages = &mut mode.status.as_mut().expect("a status").stages;
        stages[0].state = StageState::Done;
        assert!(is_said(&mode, &skip, None));
    }
}
