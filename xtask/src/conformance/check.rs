//! Plays the whole table against a server and holds its answers against what is recorded.

use std::collections::BTreeMap;
use std::path::Path;

use futures::StreamExt;
use futures::stream;
use kube::Client;
use pingzhan::run::clock::Clock;
use pingzhan::sandtable::schema;
use pingzhan::sandtable::server::Server;
use pingzhan::sandtable::service::Service;
use snafu::ensure;

use super::compare::differences;
use super::table::{self, Case, Chapter};
use super::{Error, UnfitSnafu, player, record};
use crate::cluster;

/// Cases that are played side by side: each is in a namespace of its own.
const TOGETHER: usize = 8;

/// Plays every case against the server of a kubeconfig, in namespaces whose names begin so, and says
/// how many answered as recorded.
///
/// # Errors
/// One answered otherwise: the error says which, and how.
pub async fn check(repository: &Path, kubeconfig: &Path, prefix: &str) -> Result<usize, Error> {
    let client = cluster::client(kubeconfig).await?;
    let held = hold(repository, &client, prefix).await?;
    let found: Vec<String> = held.differ.into_values().flatten().collect();
    let problem = format!(
        "{} differences (if the server is right, `cargo xtask conformance record`):\n{}",
        found.len(),
        found.join("\n")
    );
    ensure!(found.is_empty(), UnfitSnafu { problem });
    Ok(held.count)
}

/// Plays every case against the sand table, and says how many answered as the real server did, and
/// how many are known not to.
///
/// # Errors
/// One answered otherwise that is not known to, or one that is known to answers as it should.
pub async fn check_sandtable(repository: &Path) -> Result<(usize, usize), Error> {
    let clock = Clock::machine();
    let server = Server::new(schema::builtin(), 1, clock.now());
    let client = Service::new(server, move || clock.now()).client();
    let held = hold(repository, &client, "sand").await?;
    let known = table::differences(repository)?;
    let mut found: Vec<String> = Vec::new();
    for (case, differ) in &held.differ {
        if !known.contains_key(case) {
            found.extend(differ.iter().cloned());
        }
    }
    for case in known.keys().filter(|case| !held.differ.contains_key(*case)) {
        found.push(format!(
            "`{case}` is listed as different, and is not: take it off the list"
        ));
    }
    let problem = format!("{} differences:\n{}", found.len(), found.join("\n"));
    ensure!(found.is_empty(), UnfitSnafu { problem });
    Ok((held.count - known.len(), known.len()))
}

/// What came of playing the table.
struct Held {
    /// How many cases were played.
    count: usize,
    /// What was answered otherwise than recorded, by case.
    differ: BTreeMap<String, Vec<String>>,
}

async fn hold(repository: &Path, client: &Client, prefix: &str) -> Result<Held, Error> {
    record::prepare(client, repository).await?;
    let chapters = table::read(repository)?;
    let mut plays = Vec::new();
    for chapter in &chapters {
        ensure_belongs(chapter)?;
        for (index, case) in chapter.cases.iter().enumerate() {
            let namespace = format!("{prefix}-{}-{index}", chapter.name);
            let play = played(client, chapter, case, namespace);
            plays.push(async { (case.name.clone(), play.await) });
        }
    }
    let count = plays.len();
    let found: Vec<_> = stream::iter(plays).buffered(TOGETHER).collect().await;
    let differ = found
        .into_iter()
        .filter(|(_, differ)| !differ.is_empty())
        .collect();
    Ok(Held { count, differ })
}

async fn played(client: &Client, of: &Chapter, case: &Case, namespace: String) -> Vec<String> {
    let found = match player::play(client, case, &namespace).await {
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
fn ensure_belongs(chapter: &Chapter) -> Result<(), Error> {
    let is_named = |name: &String| chapter.cases.iter().any(|case| case.name == *name);
    for name in chapter.answers.keys() {
        let problem = format!("{}: no case is called `{name}` any more", chapter.name);
        ensure!(is_named(name), UnfitSnafu { problem });
    }
    for case in &chapter.cases {
        let problem = format!("{}: `{}` has no step", chapter.name, case.name);
        ensure!(!case.steps.is_empty(), UnfitSnafu { problem });
    }
    Ok(())
}
