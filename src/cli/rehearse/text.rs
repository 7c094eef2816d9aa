//! A report for a terminal: sections of rows and lines, none wider than 80 columns, no colour needed.

use unicode_width::UnicodeWidthStr;

use crate::i18n::Lang;
use crate::rehearsal::report::Report;
use crate::t;

use super::super::demo::wrap::{COLUMNS, INDENT, wrapped};
use super::super::render::{View, drawn};
use super::words::{self, Section};

/// Rows and lines of one section at most: the rest is for programs.
const MOST: usize = 40;

/// The whole report.
pub fn report(view: &View, report: &Report) -> String {
    let lang = view.lang;
    let mut text = vec![
        words::title(lang, report),
        wrapped(&words::verdict(lang, report), ""),
    ];
    for section in words::sections(lang, report) {
        text.push(String::new());
        text.push(section_text(view, section));
    }
    text.join("\n")
}

fn section_text(view: &View, section: Section) -> String {
    let mut text = vec![section.title];
    let more = section.rows.len().saturating_sub(MOST) + section.lines.len().saturating_sub(MOST);
    let wide = |row: &Vec<String>| row.iter().map(|cell| cell.width() + 2).sum::<usize>() > COLUMNS;
    let is_wide = section.head.is_empty() || section.rows.iter().any(wide);
    let rows = section.rows.into_iter().take(MOST);
    if is_wide {
        // Columns of sentences are not read across.
        let named = |row: Vec<String>| {
            let heads = section.head.iter().map(|head| format!("{head} "));
            let heads = heads.chain(std::iter::repeat(String::new()));
            let cells = heads.zip(row).enumerate().map(|(place, (head, cell))| {
                // What the first column says is plain.
                if place == 0 {
                    cell
                } else {
                    format!("{head}{cell}")
                }
            });
            cells.collect::<Vec<_>>().join("  ")
        };
        text.extend(rows.map(|row| wrapped(&named(row), INDENT)));
    } else {
        let mut table = view.table(&section.head);
        for row in rows {
            table.add_row(row);
        }
        let table = drawn(table);
        text.extend(table.lines().map(|line| format!("{INDENT}{line}")));
    }
    let lines = section.lines.into_iter().take(MOST);
    text.extend(lines.map(|line| wrapped(&line, INDENT)));
    if more > 0 {
        let more = t!(view.lang, "rehearse-more", count = more);
        text.push(wrapped(&more, INDENT));
    }
    text.join("\n")
}

/// How a report is drawn: set in, in 80 columns, also where nobody looks.
pub fn view(lang: Lang, view: View) -> View {
    View {
        lang,
        width: Some(78),
        ..view
    }
}
