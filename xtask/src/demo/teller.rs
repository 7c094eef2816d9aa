//! How the demo speaks: acts and lines on standard output, progress on standard error, nothing
//! wider than 80 columns and no colour needed. Bars on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pingzhan::i18n::Lang;
use pingzhan::t;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::surroundings::{Stopwatch, human};

/// Columns that a line takes at most: what a terminal has where nobody chose otherwise.
const COLUMNS: usize = 80;
/// How the lines of an act are set in.
const INDENT: &str = "  ";
/// Without a terminal a bar is said at most so many times on its way: a log stays short.
const MARKS: u64 = 4;

/// Speaks in one language.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    /// The language.
    pub lang: Lang,
    terminal: bool,
}

impl Teller {
    /// Bars where standard error is a terminal, lines otherwise.
    pub fn detect(lang: Lang) -> Self {
        Self {
            lang,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Starts a bar that runs to `total`.
    pub fn bar(self, what: &str, total: u64) -> Bar {
        let drawn = self.terminal.then(|| {
            let bar = ProgressBar::new(total);
            let style = "  {prefix} [{bar:24}] {pos}/{len} {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Bar {
            lang: self.lang,
            what: what.to_owned(),
            drawn,
            total,
            at: 0,
            marks: 0,
            started: Stopwatch::start(),
        }
    }
}

/// Opens an act.
pub fn act(number: usize, of: usize, title: &str) {
    println!("\n[{number}/{of}] {title}");
}

/// Says a text, a paragraph a line.
pub fn say(text: &str) {
    for paragraph in text.lines() {
        println!("{}", wrapped(paragraph, INDENT));
    }
}

/// Says a line that programs may look for: neither set in nor broken.
pub fn line(text: &str) {
    println!("{text}");
}

/// Progress towards a number.
#[derive(Debug)]
pub struct Bar {
    lang: Lang,
    what: String,
    drawn: Option<ProgressBar>,
    total: u64,
    at: u64,
    marks: u64,
    started: Stopwatch,
}

impl Bar {
    /// Says how far it is, and what is under way.
    pub fn at(&mut self, position: u64, detail: &str) {
        let position = position.min(self.total);
        let moved = position > self.at;
        self.at = position;
        if let Some(bar) = &self.drawn {
            bar.set_position(position);
            bar.set_message(cut(detail, 30));
            return;
        }
        let mark = position * MARKS / self.total.max(1);
        if moved && mark > self.marks && position < self.total {
            self.marks = mark;
            let line = t!(
                self.lang,
                "demo-bar-at",
                what = self.what.clone(),
                n = position,
                total = self.total,
                detail = detail.to_owned()
            );
            eprintln!("{}", wrapped(&line, INDENT));
        }
    }

    /// One more.
    pub fn step(&mut self, detail: &str) {
        self.at(self.at + 1, detail);
    }

    /// It is done: says how far it came, and how long it took.
    pub fn done(self) {
        let took = short(self.started.elapsed());
        let line = t!(
            self.lang,
            "demo-bar-done",
            what = self.what.clone(),
            n = self.at,
            total = self.total,
            took = took
        );
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
        println!("{}", wrapped(&line, INDENT));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

/// A duration; below a second in milliseconds, since that is where holding is.
pub fn short(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        human(duration)
    }
}

/// A text of at most so many columns.
fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// A paragraph in lines of at most [`COLUMNS`], all set in, the later ones a little further.
/// Chinese breaks between any two of its characters, but never before a mark that ends a clause.
fn wrapped(paragraph: &str, indent: &str) -> String {
    let own = paragraph.len() - paragraph.trim_start().len();
    let mut text = String::from(indent);
    text.push_str(&paragraph[..own]);
    let hang = format!("{text}  ");
    let mut line = text.width();
    let mut fresh = true;
    for piece in pieces(&paragraph[own..]) {
        let width = piece.trim_end().width();
        if !fresh && line + width > COLUMNS {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&hang);
            line = hang.width();
        }
        text.push_str(piece);
        line += piece.width();
        fresh = false;
    }
    text.truncate(text.trim_end().len());
    text
}

/// The pieces between which a line may break: words with the space after them, single wide
/// characters with the marks after them.
fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| c.width() == Some(2);
    let clings = |c: char| "，。：；、！？）」』》”…".contains(c);
    let opens = |c: char| "（「『《“".contains(c);
    let mut found = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = match before {
            None => false,
            Some(b) if clings(c) || opens(b) => false,
            Some(b) => c != ' ' && (b == ' ' || wide(b) || wide(c)),
        };
        if breaks {
            found.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People run it in 80 columns, in both languages.
    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let english = "a rival puts the peacetime value back, again and again, ".repeat(5);
        let chinese = "对手把平时的值改了回去（旧脚本），操作器在一秒之内重新写入；".repeat(5);
        for text in [english, chinese] {
            let lines = wrapped(&text, INDENT);
            assert!(lines.lines().count() > 2, "{lines}");
            for line in lines.lines() {
                assert!(line.width() <= COLUMNS, "{} columns: {line}", line.width());
                assert!(line.starts_with(INDENT), "{line}");
                assert!(!line.trim_start().starts_with(['，', '；', '。']), "{line}");
            }
            let joined: String = lines.lines().map(str::trim_start).collect();
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&joined), squeezed(&text));
        }
    }

    /// The label before a value keeps its place: columns line up.
    #[test]
    fn a_short_line_stays_as_it_is() {
        assert_eq!(
            wrapped("fleet       40 workloads", INDENT),
            "  fleet       40 workloads"
        );
    }
}
