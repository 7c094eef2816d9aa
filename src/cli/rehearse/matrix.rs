//! Several rehearsals beside each other: levels across, faults down.

use std::collections::BTreeSet;

use crate::api::Level;
use crate::i18n::Lang;
use crate::rehearsal::fault::Fault;
use crate::rehearsal::report::{End, Report};
use crate::t;

use super::super::demo::wrap::{INDENT, wrapped};
use super::super::render::acts::said;
use super::super::render::{View, drawn};
use super::words;

/// What a sweep found, as rows: a head, and a row for each fault.
pub fn rows(lang: Lang, reports: &[Report]) -> (Vec<String>, Vec<Vec<String>>) {
    let levels: BTreeSet<Level> = reports.iter().map(|report| report.playbook.level).collect();
    let mut faults: Vec<&[Fault]> = Vec::new();
    for report in reports {
        if !faults.contains(&report.playbook.faults.as_slice()) {
            faults.push(&report.playbook.faults);
        }
    }
    let mut head = vec![t!(lang, "rehearse-head-fault")];
    head.extend(
        levels
            .iter()
            .map(|level| t!(lang, "rehearse-head-level", level = level.to_string())),
    );
    let rows = faults.iter().map(|faults| {
        let mut row = vec![words::faults(lang, faults)];
        row.extend(levels.iter().map(|level| {
            let mut all = reports.iter();
            let found =
                all.find(|one| one.playbook.level == *level && one.playbook.faults == **faults);
            found.map(|report| cell(lang, report)).unwrap_or_default()
        }));
        row
    });
    (head, rows.collect())
}

/// How a rehearsal went, in a few words.
pub fn cell(lang: Lang, report: &Report) -> String {
    let took = report
        .switch
        .as_ref()
        .map(|took| words::clock(took.seconds));
    let took = took.unwrap_or_default();
    match report.verdict.end {
        _ if report.verdict.good => t!(lang, "rehearse-cell-good", took = took),
        End::NotPlanned => t!(lang, "rehearse-cell-not-planned"),
        End::NotApproved => t!(lang, "rehearse-cell-not-approved"),
        End::NotSwitched => t!(lang, "rehearse-cell-not-switched"),
        End::NotRestored => t!(lang, "rehearse-cell-not-restored"),
        End::Closed => t!(lang, "rehearse-cell-mend", took = took),
    }
}

/// Why each rehearsal that is not good is not.
pub fn reasons(lang: Lang, reports: &[Report]) -> Vec<String> {
    let bad = reports.iter().filter(|report| !report.verdict.good);
    let told = bad.map(|report| {
        let comma = if lang == Lang::ZhCn { "；" } else { "; " };
        let why = words::reasons(lang, report).join(comma);
        let fault = words::faults(lang, &report.playbook.faults);
        let level = report.playbook.level.to_string();
        t!(
            lang,
            "rehearse-matrix-why",
            level = level,
            fault = fault,
            why = why
        )
    });
    told.collect()
}

/// The headline of a sweep.
pub fn title(lang: Lang, reports: &[Report]) -> String {
    let playbook = reports
        .first()
        .map(|report| said(&report.playbook.title, lang));
    t!(
        lang,
        "rehearse-sweep",
        playbook = playbook.unwrap_or_default()
    )
}

/// A sweep for a terminal.
pub fn table(view: &View, reports: &[Report]) -> String {
    let lang = view.lang;
    let (head, rows) = rows(lang, reports);
    let mut table = view.table(&head);
    for row in rows {
        table.add_row(row);
    }
    let mut text = vec![title(lang, reports), String::new()];
    text.extend(drawn(table).lines().map(|line| format!("{INDENT}{line}")));
    text.push(String::new());
    text.push(wrapped(&t!(lang, "rehearse-matrix-legend"), INDENT));
    text.extend(
        reasons(lang, reports)
            .iter()
            .map(|why| wrapped(why, INDENT)),
    );
    text.join("\n")
}

/// A line as each rehearsal of a sweep ends.
pub fn progress(lang: Lang, number: usize, of: usize, report: &Report) -> String {
    let fault = words::faults(lang, &report.playbook.faults);
    let level = report.playbook.level.to_string();
    let sentence = cell(lang, report);
    t!(
        lang,
        "rehearse-progress",
        number = number,
        of = of,
        level = level,
        fault = fault,
        sentence = sentence
    )
}
