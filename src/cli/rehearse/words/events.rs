//! What happened, in words.

use crate::api::StageState;
use crate::i18n::Lang;
use crate::rehearsal::fault::Fault;
use crate::rehearsal::report::{Happened, Report};
use crate::t;

use super::{Section, clock, fault_text};

pub(super) fn timeline(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-timeline"));
    let moments = report.moments.iter();
    section.rows = moments
        .map(|one| vec![clock(one.at), moment(lang, &one.what)])
        .collect();
    section
}

/// What happened, a sentence.
pub fn moment(lang: Lang, what: &Happened) -> String {
    of_people(lang, what)
        .or_else(|| of_stages(lang, what))
        .unwrap_or_default()
}

/// What people do.
fn of_people(lang: Lang, what: &Happened) -> Option<String> {
    let told = match what.clone() {
        Happened::Declared { by, group } => {
            t!(lang, "rehearse-moment-declared", by = by, group = group)
        }
        Happened::Approved { by, group } => {
            t!(lang, "rehearse-moment-approved", by = by, group = group)
        }
        Happened::Answered { step, by, group } => {
            t!(
                lang,
                "rehearse-moment-answered",
                step = step,
                by = by,
                group = group
            )
        }
        Happened::Decided { object, path, by } => {
            t!(
                lang,
                "rehearse-moment-decided",
                object = object,
                path = path,
                by = by
            )
        }
        Happened::StoodDown { by } => t!(lang, "rehearse-moment-stood-down", by = by),
        _ => return None,
    };
    Some(told)
}

/// What the mode does, and what is done to it.
fn of_stages(lang: Lang, what: &Happened) -> Option<String> {
    let told = match what.clone() {
        Happened::Planned { changes, targets } => {
            t!(
                lang,
                "rehearse-moment-planned",
                changes = changes,
                targets = targets
            )
        }
        Happened::Activated => t!(lang, "rehearse-moment-activated"),
        Happened::StageBegan { stage } => t!(lang, "rehearse-moment-stage-began", stage = stage),
        Happened::StageEnded { stage, state } => match state {
            StageState::Failed => t!(lang, "rehearse-moment-stage-failed", stage = stage),
            _ => t!(lang, "rehearse-moment-stage-done", stage = stage),
        },
        Happened::Asked { step } => t!(lang, "rehearse-moment-asked", step = step),
        Happened::Active => t!(lang, "rehearse-moment-active"),
        Happened::Struck { fault, object } => {
            let what = struck(lang, fault, object);
            t!(
                lang,
                "rehearse-moment-struck",
                fault = fault.word(),
                what = what
            )
        }
        Happened::Drifted { object, path } => {
            t!(
                lang,
                "rehearse-moment-drifted",
                object = object,
                path = path
            )
        }
        Happened::Closed => t!(lang, "rehearse-moment-closed"),
        Happened::GaveUp { waiting_on } => t!(lang, "rehearse-moment-gave-up", what = waiting_on),
        _ => return None,
    };
    Some(told)
}

fn struck(lang: Lang, fault: Fault, object: String) -> String {
    match fault {
        Fault::GitopsReverts => t!(lang, "rehearse-struck-gitops", count = object),
        Fault::NodeLoss | Fault::OperatorDeath | Fault::HandEdit if object.is_empty() => {
            t!(lang, "rehearse-struck-nothing")
        }
        Fault::NodeLoss | Fault::OperatorDeath | Fault::HandEdit => {
            t!(lang, "rehearse-struck-at", object = object)
        }
        Fault::ControllersSlow | Fault::Api429 | Fault::ApproverLate => fault_text(lang, fault),
    }
}
