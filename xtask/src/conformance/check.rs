//! Plays the whole table against a server and holds its answers against what is recorded.

use std::collections::BTreeMap;
use std::path::Path;

use futures::StreamExt;
use futures::stream;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use snafu::ensure;

use super::compare::differences;
use super::table::{self, Case, Chapter};
use super::target::Target;
use super::{Error, UnfitSnafu, player, record};

/// Cases that are played side by side: each is in a namespace of its own.
const TOGETHER: usize = 8;

/// What was answered otherwise than recorded, by case.
pub type Differ = BTreeMap<String, Vec<String>>;

/// Plays every case against the server of a kubeconfig, in namespaces whose names begin so, and says
/// how many answered as recorded.
///
/// # Errors
/// One answered otherwise: the error says which, and how.
pub async fn check(repository: &Path, kubeconfig: &Path, prefix: &str) -> Result<usize, Error> {
    let target = Target::real(kubeconfig).await?;
    record::prepare(&target.client, repository).await?;
    let chapters = table::read(repository)?;
    ensure_fit(&chapters)?;
    let differ = hold(&chapters, &target, prefix).await;
    let found: Vec<String> = differ.into_values().flatten().collect();
    let problem = format!(
        "{} differences (if the server is right, `cargo xtask conformance record`):\n{}",
        found.len(),
        found.join("\n")
    );
    ensure!(found.is_empty(), UnfitSnafu { problem });
    Ok(count(&chapters))
}

/// Plays every case against the sand table, and says how many answered as the real server did, and
/// how many are known not to.
///
/// # Errors
/// One answered otherwise that is not known to, or one that is known to answers as it should.
pub async fn check_sandtable(repository: &Path) -> Result<(usize, usize), Error> {
    let chapters = table::read(repository)?;
    ensure_fit(&chapters)?;
    let service = sandtable();
    let target = Target::sandtable(&service, |service| service.client());
    record::prepare(&target.client, repository).await?;
    let differ = hold(&chapters, &target, "sand").await;
    let known = table::differences(repository)?;
    let mut found: Vec<String> = Vec::new();
    for (case, differ) in &differ {
        if !known.contains_key(case) {
            found.extend(differ.iter().cloned());
        }
    }
    for case in known.keys().filter(|case| !differ.contains_key(*case)) {
        found.push(format!(
            "`{case}` is listed as different, and is not: take it off the list"
        ));
    }
    let problem = format!("{} differences:\n{}", found.len(), found.join("\n"));
    ensure!(found.is_empty(), UnfitSnafu { problem });
    Ok((count(&chapters) - known.len(), known.len()))
}

/// A sand table without objects, on which no time passes: owners of fields are listed in the order of
/// their seconds.
pub fn sandtable() -> Service {
    let now = Clock::machine().now();
    let server = Server::new(schema::builtin(), 1, now);
    Service::new(server, move || now)
}

/// How many cases there are.
pub fn count(chapters: &[Chapter]) -> usize {
    chapters.iter().map(|chapter| chapter.cases.len()).sum()
}

/// Plays all chapters, and says what was answered otherwise than recorded. What is played
/// alone comes after the rest.
pub async fn hold(chapters: &[Chapter], target: &Target, prefix: &str) -> Differ {
    let (mut side_by_side, mut alone) = (Vec::new(), Vec::new());
    for chapter in chapters {
        for (index, case) in chapter.cases.iter().enumerate() {
            let namespace = format!("{prefix}-{}-{index}", chapter.name);
            let play = played(target, chapter, case, namespace);
            let plays = if case.is_alone() {
                &mut alone
            } else {
                &mut side_by_side
            };
            plays.push(async { (case.name.clone(), play.await) });
        }
    }
    let mut found: Vec<_> = stream::iter(side_by_side)
        .buffered(TOGETHER)
        .collect()
        .await;
    for play in alone {
        found.push(play.await);
    }
    let differ = found.into_iter();
    differ.filter(|(_, differ)| !differ.is_empty()).collect()
}

/// What a case was answered otherwise. Where time passes, a second may end in the middle of it, and
/// owners of fields are in another order than recorded: then it is played once more.
async fn played(target: &Target, of: &Chapter, case: &Case, namespace: String) -> Vec<String> {
    let found = once(target, of, case, &namespace).await;
    if found.is_empty() || !target.patience.again {
        return found;
    }
    once(target, of, case, &format!("{namespace}-again")).await
}

async fn once(target: &Target, of: &Chapter, case: &Case, namespace: &str) -> Vec<String> {
    let found = match player::play(target, case, namespace).await {
        Ok(answers) => {
            let recorded = of.answers.get(&case.name);
            differences(recorded.map_or(&[], Vec::as_slice), &answers)
        }
        Err(error) => vec![error.to_string()],
    };
    let named = |what| format!("{}: {}: {what}", of.name, case.name);
    found.into_iter().map(named).collect()
}

/// Answers that belong to no case are left over from one, and a case without a step claims nothing.
fn ensure_fit(chapters: &[Chapter]) -> Result<(), Error> {
    for chapter in chapters {
        let is_named = |name: &String| chapter.cases.iter().any(|case| case.name == *name);
        for name in chapter.answers.keys() {
            let problem = format!("{}: no case is called `{name}` any more", chapter.name);
            ensure!(is_named(name), UnfitSnafu { problem });
        }
        for case in &chapter.cases {
            let problem = format!("{}: `{}` has no step", chapter.name, case.name);
            ensure!(!case.steps.is_empty(), UnfitSnafu { problem });
        }
    }
    Ok(())
}
