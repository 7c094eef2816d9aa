//! What an API server answers: one table of requests, played against the real one and recorded,
//! so that whatever stands in for it answers the same.
//!
//! [`table`] is what people write (`tests/conformance/cases`), [`player`] sends it, [`normal`] takes
//! out of the answers what differs from run to run, [`compare`] says what differs from what was
//! recorded (`tests/conformance/answers`); [`check`] does all of it, [`record`] writes that anew.

pub mod breaks;
pub mod check;
pub mod compare;
pub mod normal;
pub mod page;
pub mod player;
pub mod record;
pub mod table;
pub mod target;

use std::path::{Path, PathBuf};

use snafu::Snafu;

/// What went wrong.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// A file cannot be read or written.
    #[snafu(display("cannot read or write {}", path.display()))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not say what it should.
    #[snafu(display("{} is no table of cases", path.display()))]
    Table {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_yaml::Error,
    },
    /// A case cannot be played as it is written.
    #[snafu(display("the case `{case}`, step {step}: {problem}"))]
    Case {
        /// Which.
        case: String,
        /// From 1.
        step: usize,
        /// What is wrong.
        problem: String,
    },
    /// The server did not answer.
    #[snafu(display("{doing} failed"))]
    Request {
        /// What was asked.
        doing: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// The table cannot be played here.
    #[snafu(display("{problem}"))]
    Unfit {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The control plane did not come up, or cannot be reached.
    #[snafu(transparent)]
    Cluster {
        /// Why.
        source: crate::cluster::Error,
    },
}

/// Where the table is.
pub fn folder(repository: &Path) -> PathBuf {
    repository.join("tests/conformance")
}
