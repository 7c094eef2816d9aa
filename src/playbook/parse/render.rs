//! Findings as people and programs read them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Diagnostic, Position};

/// The longest part of a line that is shown.
const WIDEST: usize = 120;

/// A finding as people read it: `file:line:column: error[PZ0101]: message`, the line with the
/// place marked, and what to do next.
///
/// Guarantees: control characters of the source never reach the terminal.
pub fn render(diagnostic: &Diagnostic, source: &str, file: &str) -> String {
    let finding = &diagnostic.finding;
    let Position { line, column, .. } = diagnostic.position;
    let mut text = format!(
        "{}:{line}:{column}: {}[{}]: {}\n",
        clean(file),
        finding.severity.as_str(),
        finding.code,
        clean(&finding.message)
    );
    let gutter = line.to_string().len();
    if let Some((shown, marks)) = snippet(diagnostic.position, source) {
        let _ = writeln!(text, "{:gutter$} |", "");
        let _ = writeln!(text, "{line} | {shown}");
        let _ = writeln!(text, "{:gutter$} | {marks}", "");
    }
    let _ = writeln!(text, "{:gutter$} = help: {}", "", clean(&finding.help));
    text
}

/// A finding as programs read it.
pub fn to_json(diagnostic: &Diagnostic, file: &str) -> Value {
    let finding = &diagnostic.finding;
    json!({
        "file": file,
        "line": diagnostic.position.line,
        "column": diagnostic.position.column,
        "severity": finding.severity.as_str(),
        "code": finding.code,
        "at": finding.at,
        "message": finding.message,
        "help": finding.help,
    })
}

/// The line of a position, cut, and the marks beneath it.
fn snippet(position: Position, source: &str) -> Option<(String, String)> {
    let line = source.lines().nth(position.line.checked_sub(1)?)?;
    let letters: Vec<char> = line.chars().collect();
    let column = position.column.saturating_sub(1).min(letters.len());
    let start = if column > WIDEST / 2 && letters.len() > WIDEST {
        column - WIDEST / 2
    } else {
        0
    };
    let end = letters.len().min(start + WIDEST);
    let shown: String = letters[start..end].iter().collect();
    let stop = (column + position.length).min(end).max(column);
    let width = |range: &[char]| range.iter().map(|letter| cells(*letter)).sum::<usize>();
    let before = width(&letters[start..column]);
    let marked = width(&letters[column..stop]).max(1);
    let marks = format!("{}{}", " ".repeat(before), "^".repeat(marked));
    Some((clean(&shown), marks))
}

/// How many cells of a terminal a letter takes: two for Chinese, Japanese and Korean ones.
const fn cells(letter: char) -> usize {
    match letter as u32 {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// A text without control characters and without characters that turn the direction of writing.
fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}
