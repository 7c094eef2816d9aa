//! How far it is, for whoever waits: one line on standard error, where that is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::i18n::Lang;
use crate::t;

/// Objects from one line to the next.
const EVERY: u64 = 250;

/// How far it is.
#[derive(Debug)]
pub struct Progress {
    lang: Lang,
    shown: bool,
    objects: AtomicU64,
}

impl Progress {
    /// At the beginning.
    pub fn new(lang: Lang) -> Self {
        Self {
            lang,
            shown: std::io::stderr().is_terminal(),
            objects: AtomicU64::new(0),
        }
    }

    /// One more object was read.
    pub fn one(&self) {
        let read = self.objects.fetch_add(1, Ordering::Relaxed) + 1;
        if self.shown && read.is_multiple_of(EVERY) {
            let text = t!(self.lang, "snapshot-progress", objects = read);
            line(&text);
        }
    }

    /// Clears the line.
    pub fn end(&self) {
        if self.shown {
            line("");
        }
    }
}

fn line(text: &str) {
    let mut out = anstream::stderr();
    // Whoever does not see it misses nothing.
    let _ = write!(out, "\r\u{1b}[K{text}").and_then(|()| out.flush());
}
