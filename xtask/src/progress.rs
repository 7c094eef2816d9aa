//! What a person sees while something takes long: a spinner on a terminal, plain lines otherwise.
//! All of it goes to standard error; standard output is for results.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::surroundings::{Stopwatch, human};

/// How often a long task says that it is alive where there is no terminal: often enough that a
/// log of a build shows where it is, seldom enough to stay short.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Where progress goes.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    terminal: bool,
}

impl Progress {
    /// A spinner where standard error is a terminal, lines otherwise.
    pub fn detect() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Says one line.
    pub fn say(self, line: &str) {
        eprintln!("{line}");
    }

    /// Starts a task.
    pub fn task(self, what: &str) -> Task {
        let bar = self.terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})")
            {
                bar.set_style(style);
            }
            bar.set_prefix(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            eprintln!("{what} …");
        }
        Task {
            what: what.to_owned(),
            bar,
            started: Stopwatch::start(),
            said: Stopwatch::start(),
        }
    }
}

/// A task that is under way.
#[derive(Debug)]
pub struct Task {
    what: String,
    bar: Option<ProgressBar>,
    started: Stopwatch,
    said: Stopwatch,
}

impl Task {
    /// Says how far it is.
    pub fn at(&mut self, detail: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(detail.to_owned());
        } else if self.said.elapsed() >= HEARTBEAT {
            let took = human(self.started.elapsed());
            eprintln!("{} … {detail} ({took})", self.what);
            self.said = Stopwatch::start();
        }
    }

    /// It is done.
    pub fn done(self, result: &str) {
        let took = human(self.started.elapsed());
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{}: {result} ({took})", self.what);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
