//! How the demo speaks: acts and lines on standard output, progress on standard error, nothing
//! wider than 80 columns and no colour needed. Bars on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pingzhan::cli::demo::wrap::{INDENT, cut, wrapped};
use pingzhan::i18n::Lang;
use pingzhan::t;

use crate::surroundings::{Stopwatch, human};

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
