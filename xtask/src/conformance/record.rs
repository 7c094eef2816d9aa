//! Plays the whole table against a real control plane and writes down what it answered.

use std::fs;
use std::path::Path;

use kube::Client;
use serde_json::{Value, json};
use snafu::{ResultExt, ensure};

use super::compare::differences;
use super::table::{self, Answer, Answers, Case, Chapter};
use super::target::Target;
use super::{Error, FileSnafu, TableSnafu, UnfitSnafu, folder, player};
use crate::cluster::{Cluster, Spec};
use crate::progress::Progress;

/// Records all chapters whose name contains this, and says how many cases that were.
///
/// Guarantees: each case was played twice and answered the same both times; a chapter is written
/// as a whole or not at all.
///
/// # Errors
/// A case answers differently from one time to the next, or cannot be played.
pub async fn record(repository: &Path, only: &str, progress: Progress) -> Result<usize, Error> {
    let spec = Spec {
        fsync: false,
        owner: Some(std::process::id()),
        ..Spec::new(&format!("conformance-{}", std::process::id()))
    };
    let cluster = Cluster::up(spec, progress).await?;
    let target = Target::real(&cluster.kubeconfig()).await?;
    prepare(&target.client, repository).await?;
    let mut recorded = 0;
    for chapter in table::read(repository)? {
        if chapter.name.contains(only) {
            let task = progress.task(&format!("record {}", chapter.name));
            write(repository, &chapter, &play(&target, &chapter).await?)?;
            recorded += chapter.cases.len();
            task.done(&format!("{} cases", chapter.cases.len()));
        }
    }
    cluster.down()?;
    Ok(recorded)
}

/// Has the server serve the kinds that cases need: those of the table's own file, and Pingzhan's.
///
/// # Errors
/// The file cannot be read, or the server does not serve them.
pub async fn prepare(client: &Client, repository: &Path) -> Result<(), Error> {
    let path = &folder(repository).join("kinds.yaml");
    let text = fs::read_to_string(path).context(FileSnafu { path })?;
    let mut kinds: Vec<Value> = serde_yaml::from_str(&text).context(TableSnafu { path })?;
    let ours = pingzhan::api::crds();
    kinds.extend(ours.iter().map(|crd| json!(crd)));
    player::prepare(client, &kinds).await
}

async fn play(target: &Target, chapter: &Chapter) -> Result<Answers, Error> {
    let mut answers = Answers::new();
    for (index, case) in chapter.cases.iter().enumerate() {
        let name = |time: &str| format!("{time}-{}-{index}", chapter.name);
        let first = player::play(target, case, &name("one")).await?;
        let second = player::play(target, case, &name("two")).await?;
        steady(case, &first, &second)?;
        answers.insert(case.name.clone(), first);
    }
    Ok(answers)
}

fn steady(case: &Case, first: &[Answer], second: &[Answer]) -> Result<(), Error> {
    let differ = differences(first, second);
    let problem = format!(
        "the case `{}` answers differently from one time to the next: {}",
        case.name,
        differ.join("; ")
    );
    ensure!(differ.is_empty(), UnfitSnafu { problem });
    Ok(())
}

fn write(repository: &Path, chapter: &Chapter, answers: &Answers) -> Result<(), Error> {
    let path = &table::answers_of(repository, &chapter.name);
    let text = serde_yaml::to_string(answers).context(TableSnafu { path })?;
    let text = format!("# Written by `cargo xtask conformance record`. Do not edit.\n{text}");
    fs::write(path, text).context(FileSnafu { path })
}
