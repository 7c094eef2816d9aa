//! How the demo speaks: acts and lines on standard output, bars on standard error, nothing wider than
//! 80 columns and no colour needed. Bars on a terminal, plain lines otherwise.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use crate::api::{StageState, StageStatus};
use crate::i18n::Lang;
use crate::t;

use super::super::error::Error;
use super::super::render::Tone;
use super::wrap::{COLUMNS, INDENT, cut, wrapped};

/// Columns in which the times of stages are drawn, at most and at least.
const DRAWN: (usize, usize) = (48, 8);
/// Columns of a stage's name at most.
const NAME: usize = 24;
/// Columns of a bar.
const BAR: usize = 24;
/// Columns of what a bar says of what is under way.
const DETAIL: usize = 28;

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
            let style = format!("{INDENT}{{prefix}} [{{bar:{BAR}}}] {{pos}}/{{len}} {{msg}}");
            if let Ok(style) = ProgressStyle::with_template(&style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what.to_owned());
            bar
        });
        Bar {
            drawn,
            what: what.to_owned(),
        }
    }
}

/// Progress towards a number; nothing where there is no terminal.
#[derive(Debug)]
pub struct Bar {
    drawn: Option<ProgressBar>,
    what: String,
}

impl Bar {
    /// Says how far it is, and what is under way.
    pub fn at(&self, position: i64, detail: &str) {
        if let Some(bar) = &self.drawn {
            let position = u64::try_from(position).unwrap_or_default();
            // New objects may be switched too: more than was planned is no fault.
            bar.set_length(bar.length().unwrap_or_default().max(position));
            bar.set_position(position);
            bar.set_message(cut(detail, DETAIL));
        }
    }

    /// Says something meanwhile.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn aside(&self, text: &str) -> Result<(), Error> {
        match &self.drawn {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    /// Ends it, and leaves on the terminal how far it came.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn end(self) -> Result<(), Error> {
        let Some(bar) = &self.drawn else {
            return Ok(());
        };
        let (position, total) = (bar.position(), bar.length().unwrap_or_default());
        bar.finish_and_clear();
        let full = u64::try_from(BAR).unwrap_or_default() * position / total.max(1);
        let full = usize::try_from(full).unwrap_or_default().min(BAR);
        let text = format!(
            "{} [{}{}] {position}/{total}",
            self.what,
            "=".repeat(full),
            " ".repeat(BAR - full)
        );
        tell(Tone::Busy, &text)
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
    let (busy, bold) = (style(Tone::Busy), Style::new().bold());
    line(&format!(
        "\n{busy}[{number}/{of}]{busy:#} {bold}{title}{bold:#}"
    ))
}

/// Says a text, a paragraph a line.
///
/// # Errors
/// Nobody reads it.
pub fn say(text: &str) -> Result<(), Error> {
    tell(Tone::Plain, text)
}

/// Says a text in a tone. Nothing is told by the tone alone.
///
/// # Errors
/// Nobody reads it.
pub fn tell(tone: Tone, text: &str) -> Result<(), Error> {
    let style = style(tone);
    text.lines().try_for_each(|paragraph| {
        wrapped(paragraph, INDENT)
            .lines()
            .try_for_each(|text| line(&format!("{style}{text}{style:#}")))
    })
}

/// Says a line that programs may look for: neither set in nor broken.
///
/// # Errors
/// Nobody reads it.
pub fn line(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").map_err(|source| Error::Output { source })
}

/// The look of a tone: colours that are read on a dark and on a light background.
pub const fn style(tone: Tone) -> Style {
    let colour = match tone {
        Tone::Plain => return Style::new(),
        Tone::Faint => return Style::new().dimmed(),
        Tone::Good => AnsiColor::Green,
        Tone::Busy => AnsiColor::Cyan,
        Tone::Bad => AnsiColor::Red,
    };
    colour.on_default()
}

/// How long something took: `12 s`, `3 min 20 s`.
pub fn time(lang: Lang, seconds: i64) -> String {
    match seconds {
        ..1 => t!(lang, "story-instant"),
        1..120 => t!(lang, "story-seconds", n = seconds),
        _ => t!(
            lang,
            "story-minutes",
            minutes = seconds / 60,
            seconds = seconds % 60
        ),
    }
}

/// When each stage ran, drawn: a line each, from the first one's beginning. No line is wider than
/// [`COLUMNS`] with its [`INDENT`].
pub fn timeline(lang: Lang, stages: &[StageStatus]) -> Vec<String> {
    let rows: Vec<Row> = stages.iter().filter_map(|stage| row(lang, stage)).collect();
    let (Some(first), Some(last)) = (
        rows.iter().map(|row| row.from).min(),
        rows.iter().map(|row| row.to).max(),
    ) else {
        return Vec::new();
    };
    let whole = last.duration_since(first).as_millis().max(1);
    let widest = |of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| of(row).width());
        widths.max().unwrap_or_default()
    };
    let (name, label) = (widest(|row| &row.name), widest(|row| &row.label));
    let left = COLUMNS.saturating_sub(INDENT.len() + name + label + 4);
    let drawn = left.clamp(DRAWN.1, DRAWN.0);
    let column = |at: jiff::Timestamp| {
        let since = at.duration_since(first).as_millis();
        let columns = i128::try_from(drawn).unwrap_or_default();
        usize::try_from(since * columns / whole).unwrap_or_default()
    };
    let lines = rows.iter().map(|row| {
        // What is over at once is seen, too.
        let begin = column(row.from).min(drawn - 1);
        let end = column(row.to).max(begin + 1);
        format!(
            "{:name$}  {}{}{}  {}",
            row.name,
            " ".repeat(begin),
            "=".repeat(end - begin),
            " ".repeat(drawn - end),
            row.label,
        )
    });
    lines.collect()
}

/// A stage that ran.
struct Row {
    name: String,
    label: String,
    from: jiff::Timestamp,
    to: jiff::Timestamp,
}

fn row(lang: Lang, stage: &StageStatus) -> Option<Row> {
    if stage.state == StageState::Skipped {
        return None;
    }
    let (from, to) = (stage.started_at?, stage.finished_at?);
    let took = time(lang, to.duration_since(from).as_secs());
    Some(Row {
        name: cut(&stage.name, NAME),
        label: t!(lang, "story-stage", applied = stage.applied, took = took),
        from,
        to,
    })
}

/// Lets so much of everybody's time go by.
pub fn hold(part: Duration) {
    std::thread::sleep(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, times: (i64, i64)) -> StageStatus {
        let at = |second| jiff::Timestamp::from_second(second).ok();
        StageStatus {
            name: name.to_owned(),
            state: StageState::Done,
            changes: 120,
            applied: 120,
            failed: 0,
            ready: None,
            asks: Vec::new(),
            started_at: at(times.0),
            finished_at: at(times.1),
            message: None,
        }
    }

    /// A playbook of somebody's own has long names and long stages: its times still line up, in 80
    /// columns.
    #[test]
    fn the_times_of_stages_line_up_whatever_the_names_are() {
        let stages = [
            stage("protect", (0, 1)),
            stage("a-stage-whose-name-is-as-long-as-names-may-be", (1, 4000)),
            stage("at-once", (4000, 4000)),
        ];
        for lang in [Lang::En, Lang::ZhCn] {
            let lines = timeline(lang, &stages);
            assert_eq!(lines.len(), 3);
            let labels: Vec<usize> = lines
                .iter()
                .map(|line| line[..line.find("120").expect("a label")].width())
                .collect();
            assert!(labels.iter().all(|at| *at == labels[0]), "{lines:#?}");
            for line in &lines {
                assert!(INDENT.len() + line.width() <= COLUMNS, "{line}");
                assert!(line.contains('='), "{line}");
            }
        }
    }
}
