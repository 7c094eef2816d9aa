//! What an offline restore is about to do, and what came of it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::restore::Open;
use crate::i18n::Lang;
use crate::recover::{Left, Restored};
use crate::t;

use super::{Tone, View, drawn};

/// The modes that are not closed, for the question.
pub fn before(lang: Lang, open: &[Open]) -> String {
    let mut page = t!(lang, "restore-head");
    for mode in open {
        let name = mode.mode.name.clone();
        let uid = mode.mode.uid.clone();
        let line = match mode.changes {
            Some(changes) => t!(
                lang,
                "restore-mode",
                name = name,
                uid = uid,
                changes = changes
            ),
            None => t!(lang, "restore-mode-damaged", name = name, uid = uid),
        };
        let _ = write!(page, "\n{line}");
    }
    page
}

/// What came of it: a line a mode, then every field that is not back.
pub fn after(view: &View, restored: &[Restored]) -> String {
    let lang = view.lang;
    let mut table = view.table(&[
        t!(lang, "col-mode"),
        t!(lang, "col-back"),
        t!(lang, "col-let-go"),
        t!(lang, "col-left"),
        t!(lang, "col-journal"),
    ]);
    for mode in restored {
        let (journal, tone) = if mode.closed {
            (t!(lang, "journal-closed"), Tone::Good)
        } else {
            (t!(lang, "journal-open"), Tone::Bad)
        };
        table.add_row(vec![
            view.cell(&mode.mode.name, Tone::Plain),
            view.cell(mode.back, Tone::Plain),
            view.cell(mode.let_go, Tone::Plain),
            view.cell(mode.left.len(), Tone::Plain),
            view.cell(journal, tone),
        ]);
    }
    let mut page = drawn(table);
    let left = restored.iter().flat_map(|mode| &mode.left);
    let left: Vec<&String> = left.collect();
    if !left.is_empty() {
        let _ = writeln!(page, "\n{}", t!(lang, "restore-left"));
        for field in left {
            let _ = writeln!(page, "  {field}");
        }
        let _ = writeln!(page, "{}", t!(lang, "restore-again"));
    }
    page += &left_to(lang, restored);
    page.trim_end().to_owned()
}

/// The fields that were left to other modes, and to which.
fn left_to(lang: Lang, restored: &[Restored]) -> String {
    let all = restored.iter().flat_map(|mode| &mode.left_to);
    let lines = all.map(|left| {
        let field = format!("{} {}", left.target, left.path);
        let mode = left.mode.clone();
        format!(
            "  {}\n",
            t!(lang, "restore-left-to", field = field, mode = mode)
        )
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n{}\n{lines}", t!(lang, "restore-left-to-head"))
}

/// The same for programs.
pub fn json(restored: &[Restored]) -> Value {
    let modes = restored.iter().map(|mode| {
        json!({
            "mode": mode.mode.name,
            "uid": mode.mode.uid,
            "closed": mode.closed,
            "back": mode.back,
            "letGo": mode.let_go,
            "left": mode.left,
            "leftTo": mode.left_to.iter().map(left_to_json).collect::<Vec<_>>(),
        })
    });
    json!({ "modes": modes.collect::<Vec<_>>() })
}

fn left_to_json(left: &Left) -> Value {
    json!({ "target": left.target, "path": left.path, "mode": left.mode })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::api::RecordMode;

    fn mode(name: &str) -> RecordMode {
        RecordMode {
            name: name.to_owned(),
            uid: "5f1c2d3e-0000-4000-8000-000000000001".to_owned(),
        }
    }

    /// What people read when nothing else works any more: what will be done, what was, and every
    /// field that is not back.
    #[test]
    fn an_offline_restore_says_what_it_does_and_what_is_left() {
        let open = [
            Open {
                mode: mode("flood-2026-07"),
                changes: Some(412),
            },
            Open {
                mode: mode("drill-3"),
                changes: None,
            },
        ];
        let done = [
            Restored {
                mode: mode("flood-2026-07"),
                closed: true,
                back: 409,
                let_go: 2,
                left: Vec::new(),
                left_to: vec![Left {
                    target: "Deployment portal/search".to_owned(),
                    path: "/spec/replicas".to_owned(),
                    mode: "heat-2026-07".to_owned(),
                }],
            },
            Restored {
                mode: mode("drill-3"),
                left: vec!["Deployment portal/web /spec/replicas is Stuck: forbidden".to_owned()],
                ..Restored::default()
            },
        ];
        for (lang, name) in [(Lang::En, "restore_en"), (Lang::ZhCn, "restore_zh_cn")] {
            let view = View {
                lang,
                width: Some(80),
                bars: true,
                colour: false,
                zone: TimeZone::UTC,
            };
            let page = format!("{}\n\n{}", before(lang, &open), after(&view, &done));
            insta::assert_snapshot!(name, page);
        }
        assert_eq!(
            json(&done)["modes"][0]["leftTo"],
            json!([{ "target": "Deployment portal/search", "path": "/spec/replicas", "mode": "heat-2026-07" }])
        );
    }
}
