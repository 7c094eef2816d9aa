//! Plays the table against every server that is wrong on purpose: each case has to notice one of
//! them, and not only one that everything notices.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use pingzhan::sandtable::service::Service;
use snafu::{ResultExt, ensure};

use super::super::check::{self, Differ, hold, sandtable};
use super::super::table::{self, Case, Chapter};
use super::super::target::Target;
use super::super::{Error, FileSnafu, UnfitSnafu, record};
use super::{Break, Noted, all, client, noting};

/// A break that more than one in so many cases notice says nothing about any one claim.
const BLANKET: usize = 6;

/// What was noticed.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The breaks that each case notices, those first that few others do.
    pub noticed: BTreeMap<String, Vec<&'static str>>,
    /// How many cases notice each break.
    pub counts: BTreeMap<&'static str, usize>,
    /// How many cases there are.
    pub cases: usize,
}

impl Proof {
    /// Whether a break says something about the claims of those who notice it.
    pub fn is_narrow(&self, name: &str) -> bool {
        self.counts.get(name).copied().unwrap_or_default() * BLANKET <= self.cases
    }

    /// The breaks about the claim of a case.
    pub fn about<'a>(&'a self, case: &str) -> impl Iterator<Item = &'static str> + use<'a> {
        let noticed = self.noticed.get(case).into_iter().flatten().copied();
        noticed.filter(|name| self.is_narrow(name))
    }

    /// How many cases notice a break that is about their claim. Those that the sand table is known to
    /// answer otherwise prove nothing on it.
    ///
    /// # Errors
    /// One notices none, or nobody notices a break.
    pub fn judge(
        &self,
        chapters: &[Chapter],
        known: &BTreeMap<String, String>,
    ) -> Result<usize, Error> {
        let mut found = Vec::new();
        let cases = chapters.iter().flat_map(|chapter| &chapter.cases);
        for case in cases.filter(|case| !known.contains_key(&case.name)) {
            if self.about(&case.name).next().is_none() {
                found.push(format!("`{}` fails on no server that is wrong", case.name));
            }
        }
        for one in all()
            .iter()
            .filter(|one| !self.counts.contains_key(one.name))
        {
            found.push(format!("no case notices `{}`: {}", one.name, one.says));
        }
        let problem = found.join("\n");
        ensure!(found.is_empty(), UnfitSnafu { problem });
        Ok(self.cases)
    }
}

/// Plays the table against the sand table as it is, and then what may notice it with each break.
///
/// # Errors
/// The table cannot be read, or cannot be played.
pub fn prove(repository: &Path) -> Result<Proof, Error> {
    let chapters = table::read(repository)?;
    let fell = || Error::Unfit {
        problem: "a server that is wrong on purpose broke down".to_owned(),
    };
    let looked = thread::scope(|scope| {
        let looking = scope.spawn(|| alone(repository, |service| look(service, &chapters)));
        looking.join().unwrap_or_else(|_| Err(fell()))
    })?;
    let waiting = Mutex::new(all());
    let next = || waiting.lock().ok()?.pop();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let played = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some(wrong) = next() {
                let may = looked.that_may_notice(&chapters, wrong);
                let differ = alone(repository, async |service| {
                    let target = Target::sandtable(&service, move |own| client(own, wrong));
                    hold(&may, &target, "sand").await
                })?;
                done.push((wrong.name, differ));
            }
            Ok::<_, Error>(done)
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .map(|done| done.unwrap_or_else(|_| Err(fell())))
            .collect::<Result<Vec<_>, Error>>()
    })?;
    let played: BTreeMap<_, _> = played.into_iter().flatten().collect();
    Ok(looked.sorted(&chapters, &played))
}

/// What came of the table on the sand table as it is.
#[derive(Default)]
struct Looked {
    /// Cases that it answers otherwise than recorded: on it they prove nothing.
    differ: BTreeSet<String>,
    /// The breaks that would have changed something, by case.
    changed: BTreeMap<String, BTreeSet<&'static str>>,
}

/// Plays one case after another, and notes which breaks would have changed something.
async fn look(service: Service, chapters: &[Chapter]) -> Looked {
    let mut looked = Looked::default();
    for chapter in chapters {
        for (index, case) in chapter.cases.iter().enumerate() {
            let noted = Noted::default();
            let one = Chapter {
                cases: vec![case.clone()],
                ..chapter.clone()
            };
            let shared = noted.clone();
            let target = Target::sandtable(&service, move |own| noting(own, shared.clone()));
            let differ = hold(&[one], &target, &format!("look-{index}")).await;
            looked.differ.extend(differ.into_keys());
            let noted = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
            looked.changed.insert(case.name.clone(), noted);
        }
    }
    looked
}

impl Looked {
    /// The table, as far as it may notice a break.
    fn that_may_notice(&self, chapters: &[Chapter], wrong: Break) -> Vec<Chapter> {
        let may = |case: &Case| {
            let changed = self.changed.get(&case.name);
            !self.differ.contains(&case.name)
                && changed.is_some_and(|changed| changed.contains(wrong.name))
        };
        let parts = chapters.iter().map(|chapter| Chapter {
            cases: chapter
                .cases
                .iter()
                .filter(|case| may(case))
                .cloned()
                .collect(),
            ..chapter.clone()
        });
        parts.collect()
    }

    fn sorted(&self, chapters: &[Chapter], played: &BTreeMap<&'static str, Differ>) -> Proof {
        let mut proof = Proof {
            noticed: BTreeMap::new(),
            counts: BTreeMap::new(),
            cases: check::count(chapters) - self.differ.len(),
        };
        for (name, differ) in played {
            for case in differ.keys() {
                *proof.counts.entry(name).or_default() += 1;
                proof.noticed.entry(case.clone()).or_default().push(name);
            }
        }
        for noticed in proof.noticed.values_mut() {
            noticed.sort_by_key(|name| (proof.counts[name], *name));
        }
        proof
    }
}

/// Does something with a server of its own, in a thread where time passes only when nothing else
/// happens: an event that never comes costs nothing.
fn alone<T>(repository: &Path, does: impl AsyncFnOnce(Service) -> T) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.context(FileSnafu { path: repository })?;
    runtime.block_on(async {
        let service = sandtable();
        record::prepare(&service.client(), repository).await?;
        Ok(does(service).await)
    })
}
