//! The table: cases as people write them, and answers as they are recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use snafu::{OptionExt, ResultExt, ensure};

use super::{Error, FileSnafu, TableSnafu, UnfitSnafu, folder};

/// A claim about the server, and the requests that show it. Each is played in a namespace of its
/// own, which texts name as `${ns}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is claimed.
    pub name: String,
    /// Whether it is played alone: it sees what others would do.
    #[serde(default)]
    pub alone: bool,
    /// The requests, one after another.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Method and address: `GET /api/v1/namespaces/${ns}/configmaps/c`.
    pub send: String,
    /// Before the request the server forgets everything that happened so far.
    pub forget: bool,
    /// The media type of the body: one of the words of [`media`], or a media type.
    #[serde(rename = "type")]
    pub media: Option<String>,
    /// What is asked for: JSON, unless it says something else.
    pub accept: Option<String>,
    /// Who sends it: somebody with no rights but their own; the administrator, unless it says who.
    pub sender: Option<Sender>,
    /// As whom; as the administrator, unless it says something else.
    #[serde(rename = "as")]
    pub user: Option<String>,
    /// The groups of that user.
    pub groups: Vec<String>,
    /// The body.
    pub body: Option<Value>,
    /// The body, where it is to be no JSON.
    pub text: Option<String>,
    /// The body, where it is to be no text: in base64.
    pub bytes: Option<String>,
    /// Parts of the answer that later steps name as `${word}`, each by its JSON Pointer.
    pub save: BTreeMap<String, String>,
    /// The request is a watch, of which so many events are read.
    pub events: Option<usize>,
    /// The request is sent again for a while until it has this status: the server learns of rights and
    /// policies a moment after they are written.
    pub until: Option<u16>,
    /// The code of the refusal that this request meets, 0 where the server hangs up; without it, it has
    /// to succeed.
    pub fails: Option<u16>,
    /// The parts of the answer that are compared, as JSON Pointers; all of it where there are none.
    pub only: BTreeSet<String>,
}

/// Somebody who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// The user.
    pub user: String,
    /// Their groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Case {
    /// Whether nothing else can be played at that time. Where the server forgets, nobody else has what
    /// happened before.
    pub fn is_alone(&self) -> bool {
        self.alone || self.steps.iter().any(|step| step.forget)
    }
}

/// The media type that a word of [`Step::media`] stands for.
pub fn media(word: &str) -> &str {
    match word {
        "json-patch" => "application/json-patch+json",
        "merge" => "application/merge-patch+json",
        "strategic" => "application/strategic-merge-patch+json",
        "apply" => "application/apply-patch+yaml",
        other => other,
    }
}

/// What came of one request, without what differs from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The code.
    pub status: u16,
    /// Headers that mean something to a client.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body; a text where it is no JSON, and the events where it is a watch.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Answer {
    /// None: the server closed the connection.
    pub fn hung_up() -> Self {
        Self {
            status: 0,
            headers: BTreeMap::new(),
            body: Value::Null,
        }
    }
}

/// The answers of one file of cases, by name.
pub type Answers = BTreeMap<String, Vec<Answer>>;

/// One file of cases and what is recorded of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// The file's name without its ending.
    pub name: String,
    /// The cases.
    pub cases: Vec<Case>,
    /// What was recorded; nothing before the first time.
    pub answers: Answers,
}

/// Where the answers of a chapter are.
pub fn answers_of(repository: &Path, chapter: &str) -> PathBuf {
    folder(repository).join(format!("answers/{chapter}.yaml"))
}

/// The cases that the sand table is known to answer otherwise, each with the reason.
///
/// # Errors
/// The file cannot be read, or is no such list.
pub fn differences(repository: &Path) -> Result<BTreeMap<String, String>, Error> {
    Ok(load(&folder(repository).join("differences.yaml"))?.unwrap_or_default())
}

/// Reads all chapters, in the order of their names.
///
/// # Errors
/// A file cannot be read, is no table, or says a name twice.
pub fn read(repository: &Path) -> Result<Vec<Chapter>, Error> {
    let cases = folder(repository).join("cases");
    let mut names: Vec<String> = Vec::new();
    let entries = fs::read_dir(&cases).context(FileSnafu { path: &cases })?;
    for entry in entries {
        let path = entry.context(FileSnafu { path: &cases })?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let problem = format!("{} has no name that can be read", path.display());
        names.push(name.context(UnfitSnafu { problem })?.to_owned());
    }
    names.sort();
    let mut said = BTreeSet::new();
    let mut chapters = Vec::with_capacity(names.len());
    for name in names {
        let chapter = Chapter {
            cases: load(&cases.join(format!("{name}.yaml")))?.unwrap_or_default(),
            answers: load(&answers_of(repository, &name))?.unwrap_or_default(),
            name,
        };
        for case in &chapter.cases {
            let problem = format!("two cases are called `{}`", case.name);
            ensure!(said.insert(case.name.clone()), UnfitSnafu { problem });
        }
        chapters.push(chapter);
    }
    Ok(chapters)
}

/// Reads a file; none where there is none.
pub(super) fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => serde_yaml::from_str(&text)
            .map(Some)
            .context(TableSnafu { path }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(FileSnafu { path }),
    }
}
