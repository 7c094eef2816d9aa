//! What can go wrong in a verb, what to tell people, and how the program then ends.

use snafu::Snafu;

use crate::cluster;
use crate::i18n::Lang;
use crate::recover;
use crate::run::{operator, recovery, signal};
use crate::t;

use super::exit::Exit;

/// Why a verb did not do what it was asked to.
///
/// `Display` names the operation; [`Error::explain`] is what people read, with what to do next.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("reading the kubeconfig"))]
    Kubeconfig { problem: String },
    #[snafu(display("building the client"))]
    BuildClient { source: Box<kube::Error> },
    #[snafu(display("{what}"))]
    Request {
        what: String,
        source: Box<kube::Error>,
    },
    #[snafu(display("{what}: no answer in time"))]
    Silent { what: String },
    #[snafu(display("the cluster does not know Pingzhan's kinds"))]
    NoKinds,
    #[snafu(display("{kind} {name} does not exist"))]
    NotFound { kind: String, name: String },
    #[snafu(display("{kind} {name} exists already"))]
    Exists { kind: String, name: String },
    #[snafu(display("{problem}"))]
    Input { problem: String },
    #[snafu(display("reading {file}"))]
    ReadFile {
        file: String,
        source: std::io::Error,
    },
    #[snafu(display("{problem}"))]
    Refused { problem: String },
    #[snafu(display("{user} is in none of {groups}"))]
    NotInGroup { user: String, groups: String },
    #[snafu(display("EmergencyMode {name} is closed"))]
    Closed { name: String },
    #[snafu(display("EmergencyMode {name} kept changing"))]
    Contended { name: String },
    #[snafu(display("{name} did not become {phase} within {timeout}"))]
    TimedOut {
        name: String,
        phase: String,
        timeout: String,
    },
    #[snafu(display("writing the output"))]
    Output { source: std::io::Error },
    #[snafu(display("reading the signals file"))]
    Signals { source: signal::Error },
    #[snafu(display("running the operator"))]
    Operator { source: operator::Error },
    #[snafu(display("bringing everything back"))]
    Recover { source: recover::Error },
    #[snafu(display("reading the cluster"))]
    Read { source: Box<cluster::Error> },
}

impl Error {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Kubeconfig { .. }
            | Self::BuildClient { .. }
            | Self::Silent { .. }
            | Self::Read { .. }
            | Self::NoKinds => Exit::Unreachable,
            Self::Request { source, .. } => of_request(source),
            Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::Input { .. }
            | Self::ReadFile { .. } => Exit::Invalid,
            Self::Refused { .. }
            | Self::NotInGroup { .. }
            | Self::Closed { .. }
            | Self::Contended { .. }
            | Self::Signals { .. }
            | Self::Output { .. } => Exit::Refused,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::Operator { source } => of_operator(source),
            Self::Recover { source } => of_recovery(source),
        }
    }

    /// What people read: what went wrong and what to do next, once.
    pub fn explain(&self, lang: Lang) -> String {
        match self {
            Self::Kubeconfig { problem } => t!(lang, "error-kubeconfig", problem = problem.clone()),
            Self::BuildClient { source } => {
                t!(lang, "error-kubeconfig", problem = source.to_string())
            }
            Self::Request { what, source } => explain_request(lang, what, source),
            Self::Silent { what } => t!(lang, "error-silent", what = what.clone()),
            Self::NoKinds => t!(lang, "error-no-kinds"),
            Self::NotFound { kind, name } => {
                t!(
                    lang,
                    "error-not-found",
                    kind = kind.clone(),
                    name = name.clone()
                )
            }
            Self::Exists { kind, name } => {
                t!(
                    lang,
                    "error-exists",
                    kind = kind.clone(),
                    name = name.clone()
                )
            }
            Self::Input { problem } | Self::Refused { problem } => problem.clone(),
            Self::ReadFile { file, source } => explain_file(lang, file, source),
            Self::NotInGroup { user, groups } => {
                t!(
                    lang,
                    "error-not-in-group",
                    user = user.clone(),
                    groups = groups.clone()
                )
            }
            Self::Closed { name } => t!(lang, "error-closed", name = name.clone()),
            Self::Contended { name } => t!(lang, "error-contended", name = name.clone()),
            Self::TimedOut {
                name,
                phase,
                timeout,
            } => t!(
                lang,
                "error-timed-out",
                name = name.clone(),
                phase = phase.clone(),
                timeout = timeout.clone()
            ),
            Self::Output { source } => t!(lang, "error-output", problem = source.to_string()),
            Self::Signals { source } => source.to_string(),
            Self::Operator { source } => source.to_string(),
            Self::Read { source } => source.to_string(),
            Self::Recover { source } => explain_recovery(lang, source),
        }
    }
}

fn explain_file(lang: Lang, file: &str, error: &std::io::Error) -> String {
    t!(
        lang,
        "error-read-file",
        file = file.to_owned(),
        problem = error.to_string()
    )
}

/// How the program ends when the operator does not run.
const fn of_operator(error: &operator::Error) -> Exit {
    match error {
        operator::Error::Connect { .. } => Exit::Unreachable,
        operator::Error::Serve { .. } => Exit::Invalid,
    }
}

/// How the program ends when nothing could be brought back.
const fn of_recovery(error: &recover::Error) -> Exit {
    match error {
        recover::Error::Begin { source } => match source {
            recovery::Error::Connect { .. } => Exit::Unreachable,
            recovery::Error::Led | recovery::Error::Refused { .. } => Exit::Refused,
        },
        recover::Error::List { .. } => Exit::Unreachable,
    }
}

fn explain_recovery(lang: Lang, error: &recover::Error) -> String {
    match error {
        recover::Error::Begin {
            source: recovery::Error::Led,
        } => t!(lang, "restore-led"),
        recover::Error::Begin {
            source: recovery::Error::Refused { problem },
        } => t!(lang, "restore-refused", problem = problem.clone()),
        recover::Error::Begin {
            source: recovery::Error::Connect { .. },
        }
        | recover::Error::List { .. } => error.to_string(),
    }
}

/// How the program ends for an answer of the API server.
fn of_request(error: &kube::Error) -> Exit {
    match error {
        kube::Error::Api(status) => match status.code {
            400 | 404 | 422 => Exit::Invalid,
            code if code < 500 => Exit::Refused,
            _ => Exit::Unreachable,
        },
        _ => Exit::Unreachable,
    }
}

fn explain_request(lang: Lang, what: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => {
            let (what, problem) = (what.to_owned(), status.message.clone());
            match of_request(error) {
                Exit::Refused if status.code == 401 => {
                    t!(
                        lang,
                        "error-unauthenticated",
                        what = what,
                        problem = problem
                    )
                }
                Exit::Refused => t!(lang, "error-refused", what = what, problem = problem),
                Exit::Invalid => t!(lang, "error-invalid", what = what, problem = problem),
                Exit::Done | Exit::Negative | Exit::Unreachable | Exit::TimedOut => {
                    t!(lang, "error-server", what = what, problem = problem)
                }
            }
        }
        other => t!(
            lang,
            "error-unreachable",
            what = what.to_owned(),
            problem = root(other)
        ),
    }
}

/// The innermost text of an error: kube repeats it on every layer.
fn root(error: &kube::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use kube::core::Status;

    use super::*;

    fn answered(code: u16, message: &str) -> Error {
        let status = Status::failure(message, "Because").with_code(code).boxed();
        Error::Request {
            what: "approve EmergencyMode flood-2026-07".into(),
            source: Box::new(kube::Error::Api(status)),
        }
    }

    fn all() -> Vec<Error> {
        vec![
            Error::Kubeconfig {
                problem: "no such file".into(),
            },
            answered(403, "the requester and machine accounts may not approve"),
            answered(401, "Unauthorized"),
            answered(422, "spec.level: Unsupported value"),
            answered(503, "etcd is away"),
            Error::Silent {
                what: "read EmergencyMode flood".into(),
            },
            Error::NoKinds,
            Error::NotFound {
                kind: "EmergencyMode".into(),
                name: "flood".into(),
            },
            Error::Exists {
                kind: "EmergencyMode".into(),
                name: "flood".into(),
            },
            Error::NotInGroup {
                user: "zhou".into(),
                groups: "emergency-duty".into(),
            },
            Error::Closed {
                name: "flood".into(),
            },
            Error::Contended {
                name: "flood".into(),
            },
            Error::TimedOut {
                name: "flood".into(),
                phase: "Active".into(),
                timeout: "10m".into(),
            },
        ]
    }

    /// People read these in an emergency: each says what to do next, in both languages.
    #[test]
    fn errors_say_what_to_do_next() {
        let mut page = String::new();
        for error in all() {
            for lang in [Lang::En, Lang::ZhCn] {
                let _ = writeln!(page, "{} {}", error.exit().code(), error.explain(lang));
            }
        }
        insta::assert_snapshot!(page);
    }
}
