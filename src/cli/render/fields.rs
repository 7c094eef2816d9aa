//! Fields of targets: every change of a mode, and who holds what of one object.

use serde_json::{Value, json};

use crate::api::Nature;
use crate::field::Path;
use crate::ledger::{Entry, Ledger, State};
use crate::t;

use super::{Tone, View, drawn, keep_words, nature_word, plan, state_word};

/// Every change of a mode, from its journal, in the order in which it was made.
pub fn entries(view: &View, ledger: &Ledger) -> String {
    let lang = view.lang;
    if ledger.entries.is_empty() {
        return t!(lang, "entries-none");
    }
    let mut header = vec![
        t!(lang, "col-step"),
        t!(lang, "col-target"),
        t!(lang, "col-field"),
        t!(lang, "col-base"),
        t!(lang, "col-after"),
        t!(lang, "col-state"),
    ];
    // Where everything is as it should be there is nothing to say, and the width is needed.
    let reasons = ledger.entries.values().any(|entry| entry.reason.is_some());
    header.extend(reasons.then(|| t!(lang, "col-message")));
    let mut table = view.table(&header);
    for entry in ledger.entries.values() {
        let mut row = vec![
            view.cell(format!("{}/{}", entry.stage, entry.step), Tone::Plain),
            view.cell(plan::target(&entry.target), Tone::Plain),
            view.cell(entry.path.to_pointer(), Tone::Plain),
            view.cell(entry.base.display(), Tone::Faint),
            view.cell(entry.ours().display(), Tone::Plain),
            view.cell(state_word(lang, entry.state), Tone::Plain),
        ];
        let reason = entry.reason.clone().unwrap_or_default();
        row.extend(reasons.then(|| view.cell(reason, Tone::Plain)));
        table.add_row(row);
    }
    keep_words(&mut table, &[0, 2], WHOLE);
    drawn(table).trim_end().to_owned()
}

/// Columns that a name or a path may take before it is broken: three of them fit a terminal of 80.
const WHOLE: u16 = 25;

/// The same for programs.
pub fn entries_json(ledger: &Ledger) -> Value {
    ledger.entries.values().map(entry_json).collect()
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id.0,
        "stage": &*entry.stage,
        "step": &*entry.step,
        "target": {
            "apiVersion": entry.target.api_version,
            "kind": entry.target.kind,
            "namespace": entry.target.namespace,
            "name": entry.target.name,
            "uid": entry.target.uid,
        },
        "path": entry.path.to_pointer(),
        "base": entry.base.to_text(),
        "seen": entry.seen.to_text(),
        "after": entry.after.to_text(),
        "observed": entry.observed.as_ref().map(crate::field::Image::to_text),
        "state": format!("{:?}", entry.state),
        "reason": entry.reason,
        "amendment": entry.amendment,
    })
}

/// One field of one object: who holds it and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which field.
    pub path: Path,
    /// Field managers that hold it, the latest first.
    pub managers: Vec<String>,
    /// What it holds now, as people read it; nothing where one may not read it.
    pub now: Option<String>,
    /// What modes did to it, the top layer first.
    pub because: Vec<Because>,
}

/// Why a mode holds a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The mode.
    pub mode: String,
    /// Whether it is an exercise.
    pub is_exercise: bool,
    /// Whether its object is gone, so that nobody carries it out any more.
    pub is_gone: bool,
    /// The stage and step.
    pub step: String,
    /// The peacetime value.
    pub base: String,
    /// What the mode wants.
    pub after: String,
    /// The state of the change.
    pub state: State,
}

/// Who holds which field.
pub fn held(view: &View, object: &str, fields: &[Held]) -> String {
    let lang = view.lang;
    if fields.is_empty() {
        return t!(lang, "who-nobody", object = object.to_owned());
    }
    let mut table = view.table(&[
        t!(lang, "col-field"),
        t!(lang, "col-now"),
        t!(lang, "col-base"),
        t!(lang, "col-holder"),
        t!(lang, "col-why"),
    ]);
    for field in fields {
        let base = field.because.first().map(|top| top.base.clone());
        let (base, why) = (base.unwrap_or_default(), why(view, &field.because));
        table.add_row(vec![
            view.cell(field.path.to_pointer(), Tone::Plain),
            view.cell(field.now.as_deref().unwrap_or("?"), Tone::Plain),
            view.cell(base, Tone::Faint),
            view.cell(field.managers.join(", "), Tone::Plain),
            view.cell(why, Tone::Plain),
        ]);
    }
    keep_words(&mut table, &[0, 3], WHOLE);
    drawn(table).trim_end().to_owned()
}

/// The name of a mode, with what whoever reads it has to know: that it is an exercise, or that nobody
/// carries it out any more.
fn marked(view: &View, because: &Because) -> String {
    let name = &because.mode;
    let exercise = because
        .is_exercise
        .then(|| nature_word(view.lang, Nature::Exercise, false));
    let gone = because.is_gone.then(|| t!(view.lang, "who-gone"));
    let marks: Vec<String> = exercise.into_iter().chain(gone).collect();
    if marks.is_empty() {
        name.clone()
    } else {
        format!("{name} ({})", marks.join(", "))
    }
}

/// Why modes hold a field: the top layer, and those under it with what they want.
fn why(view: &View, because: &[Because]) -> String {
    let lang = view.lang;
    let Some((top, under)) = because.split_first() else {
        return t!(lang, "who-not-ours");
    };
    let mut lines = vec![t!(
        lang,
        "who-because",
        mode = marked(view, top),
        step = top.step.clone(),
        state = state_word(lang, top.state)
    )];
    lines.extend(under.iter().map(|layer| {
        t!(
            lang,
            "who-under",
            mode = marked(view, layer),
            step = layer.step.clone(),
            after = layer.after.clone()
        )
    }));
    lines.join("\n")
}

/// The same for programs.
pub fn held_json(fields: &[Held]) -> Value {
    fields
        .iter()
        .map(|field| {
            json!({
                "path": field.path.to_pointer(),
                "now": field.now,
                "managers": field.managers,
                "mode": field.because.first().map(|top| &top.mode),
                "step": field.because.first().map(|top| &top.step),
                "base": field.because.first().map(|top| &top.base),
                "state": field.because.first().map(|top| format!("{:?}", top.state)),
                "under": field.because.iter().skip(1).map(layer_json).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn layer_json(layer: &Because) -> Value {
    json!({
        "mode": layer.mode,
        "step": layer.step,
        "after": layer.after,
        "state": format!("{:?}", layer.state),
    })
}
