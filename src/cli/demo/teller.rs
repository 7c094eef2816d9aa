//! How the demo speaks: acts and lines on standard output, bars on standard error, nothing wider than
//! 80 columns and no colour needed. Bars on a terminal, plain lines otherwise.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::api::{StageState, StageStatus};
use crate::i18n::Lang;
use crate::t;

use super::super::error::Error;
use super::wrap::{INDENT, cut, wrapped};

/// Columns in which the times of stages are drawn.
const DRAWN: u64 = 48;

/// Speaks in one language.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    /// The language.
    pub lang: Lang,
    /// Whether bars are drawn.
    pub bars: bool,
}

impl Teller {
    /// Bars where standard error is a terminal, lines otherwise.
    pub fn detect(lang: Lang) -> Self {
        let bars = std::io::stderr().is_terminal();
        Self { lang, bars }
    }

    /// A bar that runs to `total`.
    pub fn bar(self, what: &str, total: i64) -> Bar {
        let total = u64::try_from(total).unwrap_or_default();
        let drawn = self.bars.then(|| {
            let bar = ProgressBar::new(total);
            let style = "  {prefix} [{bar:24}] {pos}/{len} {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what.to_owned());
            bar
        });
        Bar { drawn, total }
    }
}

/// Progress towards a number; nothing where there is no terminal.
#[derive(Debug)]
pub struct Bar {
    drawn: Option<ProgressBar>,
    total: u64,
}

impl Bar {
    /// Says how far it is, and what is under way.
    pub fn at(&self, position: i64, detail: &str) {
        if let Some(bar) = &self.drawn {
            let position = u64::try_from(position).unwrap_or_default();
            bar.set_position(position.min(self.total));
            bar.set_message(cut(detail, 30));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

/// Opens an act.
///
/// # Errors
/// Nobody reads it.
pub fn act(number: usize, of: usize, title: &str) -> Result<(), Error> {
    line(&format!("\n[{number}/{of}] {title}"))
}

/// Says a text, a paragraph a line.
///
/// # Errors
/// Nobody reads it.
pub fn say(text: &str) -> Result<(), Error> {
    text.lines()
        .try_for_each(|paragraph| line(&wrapped(paragraph, INDENT)))
}

/// Says a line that programs may look for: neither set in nor broken.
///
/// # Errors
/// Nobody reads it.
pub fn line(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").map_err(|source| Error::Output { source })
}

/// A time from the beginning of something: `12 s`, `3 min 20 s`.
pub fn time(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// When each stage ran, drawn: a line each, from the first one's beginning.
pub fn timeline(lang: Lang, stages: &[StageStatus]) -> String {
    let begins = stages.iter().filter_map(|stage| stage.started_at).min();
    let ends = stages.iter().filter_map(|stage| stage.finished_at).max();
    let (Some(first), Some(last)) = (begins, ends) else {
        return String::new();
    };
    let whole = last.duration_since(first).as_millis().max(1);
    let width = stages.iter().map(|stage| stage.name.len()).max();
    let width = width.unwrap_or_default();
    let mut lines = Vec::new();
    for stage in stages {
        let (Some(from), Some(to)) = (stage.started_at, stage.finished_at) else {
            continue;
        };
        if stage.state == StageState::Skipped {
            continue;
        }
        let column = |at: jiff::Timestamp| {
            let since = at.duration_since(first).as_millis();
            usize::try_from(since * i128::from(DRAWN) / whole).unwrap_or_default()
        };
        let (begin, end) = (column(from), column(to).max(column(from) + 1));
        let seconds = to.duration_since(from).as_secs();
        let took = time(seconds);
        lines.push(format!(
            "{:width$}  {}{}{}  {}",
            stage.name,
            " ".repeat(begin),
            "=".repeat(end - begin),
            " ".repeat(
                usize::try_from(DRAWN)
                    .unwrap_or_default()
                    .saturating_sub(end)
                    + 1
            ),
            t!(lang, "story-stage", applied = stage.applied, took = took),
        ));
    }
    lines.join("\n")
}

/// Lets so much of everybody's time go by.
pub fn hold(part: Duration) {
    std::thread::sleep(part);
}
