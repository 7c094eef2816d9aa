//! How long stages took, and when the critical services were ready, in words.

use crate::i18n::Lang;
use crate::rehearsal::report::{Report, Took};
use crate::t;

use super::super::super::render;
use super::{Section, clock, span};

pub(super) fn stages(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-stages"));
    section.head = vec![
        t!(lang, "rehearse-head-stage"),
        t!(lang, "rehearse-head-state"),
        t!(lang, "rehearse-head-began"),
        t!(lang, "rehearse-head-took"),
        t!(lang, "rehearse-head-changes"),
        t!(lang, "rehearse-head-failed"),
    ];
    section.rows = report
        .stages
        .iter()
        .map(|stage| {
            let took = stage
                .began
                .zip(stage.ended)
                .map(|(began, ended)| span(ended - began));
            vec![
                stage.name.clone(),
                render::stage_word(lang, stage.state),
                stage.began.map(clock).unwrap_or_default(),
                took.unwrap_or_default(),
                format!("{}/{}", stage.applied, stage.changes),
                stage.failed.to_string(),
            ]
        })
        .collect();
    for stage in &report.stages {
        if let Some(message) = &stage.message {
            section.lines.push(format!("{}: {message}", stage.name));
        }
    }
    section.lines.extend(spans(lang, report));
    if let Some(what) = &report.verdict.waited_for {
        section
            .lines
            .push(t!(lang, "rehearse-waited", what = what.clone()));
    }
    section.or_none(lang)
}

/// How long the switch and the return took, against the objective.
fn spans(lang: Lang, report: &Report) -> impl Iterator<Item = String> {
    let switch = report.switch.as_ref().map(|took| {
        let span = span(took.seconds);
        match objective(took) {
            Some((objective, met)) => {
                t!(
                    lang,
                    "rehearse-switch-objective",
                    took = span,
                    objective = objective,
                    met = met
                )
            }
            None => t!(lang, "rehearse-switch", took = span),
        }
    });
    let restore = report.restore.as_ref().map(|took| {
        let span = span(took.seconds);
        match objective(took) {
            Some((objective, met)) => {
                t!(
                    lang,
                    "rehearse-return-objective",
                    took = span,
                    objective = objective,
                    met = met
                )
            }
            None => t!(lang, "rehearse-return", took = span),
        }
    });
    switch.into_iter().chain(restore)
}

fn objective(took: &Took) -> Option<(String, &'static str)> {
    let met = if took.met? { "yes" } else { "no" };
    Some((span(took.objective?), met))
}

pub(super) fn critical(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-critical"));
    let critical = &report.critical;
    if critical.objects == 0 {
        section.lines.push(t!(lang, "rehearse-critical-none"));
        return section;
    }
    let never = t!(lang, "rehearse-critical-never");
    let told = |at: Option<f64>| at.map_or_else(|| never.clone(), span);
    section.lines.push(t!(
        lang,
        "rehearse-critical-ready",
        ready = critical.ready,
        objects = critical.objects,
        first = told(critical.first),
        half = told(critical.half),
        all = told(critical.all)
    ));
    for object in &critical.never {
        section
            .lines
            .push(t!(lang, "rehearse-critical-late", object = object.clone()));
    }
    section
}
