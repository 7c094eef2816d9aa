//! `cargo xtask generate picture`: what the demo shows in a real terminal, as the pictures of the
//! READMEs, one for each language.
//!
//! The program runs in a pseudo terminal ([`crate::terminal`]), a terminal's emulator makes a screen of
//! what it writes, and [`svg`] draws that screen. The story is the same every run, so the pictures are,
//! too: `--check` says where they are not what the program shows now.

mod svg;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;

use snafu::{ResultExt, Snafu, ensure};

use crate::generate::Generated;
use crate::progress::Progress;
use crate::surroundings::{repository, set_by_cargo};
use crate::terminal::{COLUMNS, ROWS, Terminal};

/// The languages, and what the window is called.
const PICTURES: [(&str, &str); 2] = [
    ("en", "cargo run --release -- demo"),
    ("zh-CN", "cargo run --release -- demo --lang zh-CN"),
];
/// Bytes that a picture may have: pages with pictures have to load on a slow line.
const LARGEST: usize = 150_000;

/// Lines and columns of the screen that is drawn.
const SIZE: (NonZero<u16>, NonZero<u16>) = (
    NonZero::new(ROWS).expect("a terminal has lines"),
    NonZero::new(COLUMNS).expect("a terminal has columns"),
);

/// Why there is no picture.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The program cannot be built.
    #[snafu(display("cannot build the program: run `{command}` to see why"))]
    Build {
        /// What was run.
        command: &'static str,
    },
    /// It does not run in a terminal.
    #[snafu(display("cannot run {} in a terminal", program.display()))]
    Run {
        /// Which.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The story went another way.
    #[snafu(display(
        "the demo ended with {status}; a picture of that is of no use. It showed:\n{shown}"
    ))]
    Ended {
        /// How.
        status: std::process::ExitStatus,
        /// What.
        shown: String,
    },
    /// It is too large.
    #[snafu(display("the picture {} has {bytes} bytes, at most {LARGEST}", path.display()))]
    Large {
        /// Which.
        path: PathBuf,
        /// How large.
        bytes: usize,
    },
    /// Files cannot be written, or differ.
    #[snafu(transparent)]
    Files {
        /// Which.
        source: crate::generate::Error,
    },
}

/// What builds the program where nobody names one.
const BUILD: &str = "cargo build --package pingzhan --bin pingzhan";

/// Writes the pictures, or says which differ. `program` is the program to take them of; it is built where
/// nobody names one.
///
/// # Errors
/// The program does not run, or its pictures differ.
pub fn run(program: Option<PathBuf>, check: bool, progress: Progress) -> Result<(), Error> {
    let program = match program {
        // It runs in another folder.
        Some(program) => std::path::absolute(&program).unwrap_or(program),
        None => built()?,
    };
    let files = files(&program)?;
    if check {
        crate::generate::check_files(&repository(), &files, "cargo xtask generate picture")?;
        return Ok(());
    }
    for path in crate::generate::write_files(&repository(), &files)? {
        progress.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The program, as it is now.
fn built() -> Result<PathBuf, Error> {
    let mut words = BUILD.split(' ').skip(1);
    let mut command = Command::new(env!("CARGO"));
    command.args(words.by_ref()).current_dir(repository());
    for name in set_by_cargo() {
        command.env_remove(name);
    }
    let ran = command.status().is_ok_and(|status| status.success());
    ensure!(ran, BuildSnafu { command: BUILD });
    // It is where this tool is.
    let own = std::env::current_exe().unwrap_or_default();
    Ok(own.with_file_name("pingzhan"))
}

fn files(program: &Path) -> Result<Vec<Generated>, Error> {
    let pictures = PICTURES.iter().map(|(lang, title)| {
        let path = PathBuf::from(format!("docs/pictures/demo.{lang}.svg"));
        let shown = session(program, lang)?;
        let (rows, columns) = SIZE;
        let mut screen = vt100::Parser::new(rows, columns, 0);
        screen.process(&shown);
        let contents = svg::draw(screen.screen(), title).into_bytes();
        let bytes = contents.len();
        ensure!(bytes <= LARGEST, LargeSnafu { path, bytes });
        Ok(Generated { path, contents })
    });
    pictures.collect()
}

/// What the demo shows from its beginning to its end.
fn session(program: &Path, lang: &str) -> Result<Vec<u8>, Error> {
    let folder = std::env::temp_dir();
    let args = ["demo", "--speed", "0", "--lang", lang];
    let ended = Terminal::run(program, &args, &[], &folder).and_then(Terminal::ends);
    let (status, shown) = ended.context(RunSnafu { program })?;
    let ok = status.success();
    let text = String::from_utf8_lossy(&shown);
    ensure!(
        ok,
        EndedSnafu {
            status,
            shown: text
        }
    );
    Ok(shown)
}
