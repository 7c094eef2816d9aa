//! A report in words: sections that a terminal and a page show alike.

use crate::api::{Scalar, StageState};
use crate::i18n::{self, Lang};
use crate::ledger::State;
use crate::rehearsal::fault::Fault;
use crate::rehearsal::report::{End, Report};
use crate::t;

mod events;
mod ground;
mod plan;
mod times;

use super::super::render;
use super::super::render::acts::said;

pub use events::moment;

/// A part of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// The heads of the columns of its table.
    pub head: Vec<String>,
    /// The rows of its table.
    pub rows: Vec<Vec<String>>,
    /// Sentences, after the table.
    pub lines: Vec<String>,
}

impl Section {
    fn new(title: String) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    fn or_none(mut self, lang: Lang) -> Self {
        if self.rows.is_empty() && self.lines.is_empty() {
            self.lines.push(t!(lang, "rehearse-none"));
        }
        self
    }
}

/// A span: `850 ms`, `12 s`, `4 min 05 s`, `1 h 20 min`.
pub fn span(seconds: f64) -> String {
    let milliseconds = (seconds * 1000.0).round().max(0.0);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rounded span"
    )]
    let milliseconds = milliseconds as u64;
    let seconds = milliseconds / 1000;
    match seconds {
        0 if milliseconds > 0 => format!("{milliseconds} ms"),
        0..60 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment: `0:04`, `12:30`, `1:02:05`.
pub fn clock(seconds: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a moment of a day"
    )]
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

/// The headline.
pub fn title(lang: Lang, report: &Report) -> String {
    let playbook = said(&report.playbook.title, lang);
    let level = report.playbook.level.to_string();
    t!(lang, "rehearse-title", playbook = playbook, level = level)
}

/// What goes wrong on purpose, as a list of words.
pub fn faults(lang: Lang, faults: &[Fault]) -> String {
    if faults.is_empty() {
        return t!(lang, "rehearse-no-fault");
    }
    let words: Vec<&str> = faults.iter().map(|fault| fault.word()).collect();
    words.join(", ")
}

/// The verdict in a sentence.
pub fn verdict(lang: Lang, report: &Report) -> String {
    let (same, fields) = (report.exactness.same, report.exactness.fields);
    if report.verdict.good {
        return t!(lang, "rehearse-good", same = same, fields = fields);
    }
    let comma = if lang == Lang::ZhCn { "；" } else { "; " };
    t!(
        lang,
        "rehearse-bad",
        why = reasons(lang, report).join(comma)
    )
}

/// Why a report is not good.
pub fn reasons(lang: Lang, report: &Report) -> Vec<String> {
    let mut why = Vec::new();
    match report.verdict.end {
        End::NotPlanned => why.push(t!(lang, "rehearse-end-not-planned")),
        End::NotApproved => why.push(t!(lang, "rehearse-end-not-approved")),
        End::NotSwitched => why.push(t!(lang, "rehearse-end-not-switched")),
        End::NotRestored => why.push(t!(lang, "rehearse-end-not-restored")),
        End::Closed => {}
    }
    let took = [&report.switch, &report.restore];
    let late = took
        .into_iter()
        .flatten()
        .filter(|took| took.met == Some(false));
    let failed = report
        .stages
        .iter()
        .filter(|stage| stage.failed > 0 || stage.state == StageState::Failed);
    let left = report.left.iter().filter(|left| left.path.is_some());
    let mut add = |count: usize, sentence: String| {
        if count > 0 {
            why.push(sentence);
        }
    };
    let (late, failed, left) = (late.count(), failed.count(), left.count());
    add(late, t!(lang, "rehearse-why-late", count = late));
    let refused = report.refused.len();
    add(refused, t!(lang, "rehearse-why-refused", count = refused));
    add(failed, t!(lang, "rehearse-why-failed", count = failed));
    let unready = report.unready.len();
    add(unready, t!(lang, "rehearse-why-unready", count = unready));
    add(left, t!(lang, "rehearse-why-left", count = left));
    let (same, fields) = (report.exactness.same, report.exactness.fields);
    let differs = report.exactness.differences.len();
    add(
        differs,
        t!(lang, "rehearse-why-differs", same = same, fields = fields),
    );
    why
}

/// Everything, in the order in which people read it.
pub fn sections(lang: Lang, report: &Report) -> Vec<Section> {
    vec![
        played(lang, report),
        times::stages(lang, report),
        times::critical(lang, report),
        plan::capacity(lang, report),
        refused(lang, report),
        fights(lang, report),
        left(lang, report),
        exactness(lang, report),
        events::timeline(lang, report),
        plan::findings(lang, report),
        plan::skipped(lang, report),
        ground::time_model(lang, report),
        ground::unknown(lang, report),
        ground::lacks(lang, report),
    ]
}

fn played(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-played"));
    let played = &report.playbook;
    let ground = &report.snapshot;
    let (name, owner) = (played.name.clone(), played.owner.clone());
    let title = said(&played.title, lang);
    let level = played.level.to_string();
    section.lines = vec![
        t!(
            lang,
            "rehearse-played-playbook",
            name = name,
            title = title,
            owner = owner
        ),
        t!(
            lang,
            "rehearse-played-level",
            level = level,
            seed = played.seed.to_string()
        ),
        t!(
            lang,
            "rehearse-played-snapshot",
            taken = ground.taken.clone(),
            by = ground.by.clone(),
            server = if ground.server.is_empty() {
                "?".to_owned()
            } else {
                ground.server.clone()
            },
            objects = ground.objects
        ),
    ];
    for (name, value) in &played.parameters {
        let value = match value {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Int(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        };
        let name = name.clone();
        section.lines.push(t!(
            lang,
            "rehearse-played-parameter",
            name = name,
            value = value
        ));
    }
    for fault in &played.faults {
        let what = fault_text(lang, *fault);
        section.lines.push(t!(
            lang,
            "rehearse-played-fault",
            fault = fault.word(),
            what = what
        ));
    }
    section
}

/// What a fault is, a sentence.
pub fn fault_text(lang: Lang, fault: Fault) -> String {
    let key = format!("rehearse-fault-{}", fault.word());
    i18n::find(lang, &key, &[]).unwrap_or(key)
}

fn refused(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-refused"));
    section.rows = report
        .refused
        .iter()
        .map(|one| {
            let object = one.object.clone().unwrap_or_default();
            let path = one.path.clone().unwrap_or_default();
            let place = [one.step.clone(), object, path];
            let place: Vec<String> = place.into_iter().filter(|part| !part.is_empty()).collect();
            vec![place.join(" "), one.why.clone()]
        })
        .collect();
    section.or_none(lang)
}

/// A state of the journal in a language.
fn state(lang: Lang, word: &str) -> String {
    let known = State::ALL
        .into_iter()
        .find(|state| format!("{state:?}") == word);
    known.map_or_else(|| word.to_owned(), |state| render::state_word(lang, state))
}

fn fights(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-fights"));
    section.rows = report
        .fights
        .iter()
        .map(|fight| {
            vec![
                fight.object.clone(),
                fight.path.clone(),
                fight.rival.clone(),
                fight.wrote.to_string(),
                fight.reasserted.to_string(),
                state(lang, &fight.end),
            ]
        })
        .collect();
    if !section.rows.is_empty() {
        section.head = vec![
            t!(lang, "rehearse-head-object"),
            t!(lang, "rehearse-head-field"),
            t!(lang, "rehearse-head-rival"),
            t!(lang, "rehearse-head-wrote"),
            t!(lang, "rehearse-head-again"),
            t!(lang, "rehearse-head-end"),
        ];
    }
    section.or_none(lang)
}

fn left(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-left"));
    for left in &report.left {
        let what = left.what.clone();
        match (&left.path, left.state.as_str()) {
            (Some(path), word) => {
                let why = left.why.clone().unwrap_or_default();
                section
                    .rows
                    .push(vec![what, path.clone(), state(lang, word), why]);
            }
            (None, "notify") => section
                .lines
                .push(t!(lang, "rehearse-left-notify", what = what)),
            (None, "run") => section
                .lines
                .push(t!(lang, "rehearse-left-run", what = what)),
            (None, _) => section
                .lines
                .push(t!(lang, "rehearse-left-call", what = what)),
        }
    }
    section.or_none(lang)
}

fn exactness(lang: Lang, report: &Report) -> Section {
    let mut section = Section::new(t!(lang, "rehearse-exactness"));
    let exact = &report.exactness;
    section.rows = exact
        .differences
        .iter()
        .map(|one| vec![one.object.clone(), one.how.clone()])
        .collect();
    section.lines = vec![
        t!(
            lang,
            "rehearse-exact",
            same = exact.same,
            fields = exact.fields
        ),
        t!(
            lang,
            "rehearse-requests",
            sent = report.requests.sent.to_string(),
            turned = report.requests.turned_away.to_string()
        ),
    ];
    section
}
