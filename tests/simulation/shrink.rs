//! A schedule that fails, without whatever its failure does not need, and told in words.

use std::collections::BTreeMap;

use super::play::{Outcome, Schedule};
use super::story::{Act, Story};
use super::weather::{Fault, Weather, Which};

/// How many schedules are played to make one smaller: a minute or two.
const TRIES: usize = 150;

/// What is against the rules, by its oracle: `O5`.
pub fn oracle(outcome: &Outcome) -> Option<&str> {
    outcome
        .violations
        .first()
        .map(|one| one.get(..3).unwrap_or(one).trim_end_matches(':'))
}

/// The same schedule with exactly the faults that it met.
pub fn listed(schedule: &Schedule, outcome: &Outcome) -> Schedule {
    let faults = outcome
        .trail
        .iter()
        .filter_map(|sent| Some((sent.which, sent.fault?)));
    Schedule {
        weather: Weather::Listed(faults.collect()),
        ..schedule.clone()
    }
}

/// Takes out happenings and faults for as long as the same oracle objects.
pub fn shrink(schedule: &Schedule, outcome: &Outcome) -> (Schedule, Outcome) {
    let Some(wanted) = oracle(outcome).map(str::to_owned) else {
        return (schedule.clone(), outcome.clone());
    };
    let mut best = listed(schedule, outcome);
    let mut last = best.play();
    if oracle(&last) != Some(&wanted) {
        // What is listed is not what was drawn, where a request was never counted: told as it was.
        return (schedule.clone(), outcome.clone());
    }
    let mut tries = 0;
    for smaller in surroundings(&best) {
        tries += 1;
        let played = smaller.play();
        if oracle(&played) == Some(&wanted) {
            (best, last) = (smaller, played);
        }
    }
    let mut size = parts(&best).div_ceil(2);
    while size > 0 && tries < TRIES {
        let mut from = 0;
        while from < parts(&best) && tries < TRIES {
            let smaller = without(&best, from, size);
            tries += 1;
            let played = smaller.play();
            if oracle(&played) == Some(&wanted) {
                best = smaller;
                last = played;
            } else {
                from += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    (best, last)
}

/// The schedule without what is only around its story: with clocks that are right, and without the
/// cluster's own controllers.
fn surroundings(schedule: &Schedule) -> Vec<Schedule> {
    let story = &schedule.story;
    let right = Story {
        clocks: Vec::new(),
        ..story.clone()
    };
    let alone = |story: &Story| Story {
        controllers: false,
        ..story.clone()
    };
    let stories = [alone(story), right.clone(), alone(&right)];
    let others = stories.into_iter().filter(|other| other != story);
    others
        .map(|story| Schedule {
            story,
            ..schedule.clone()
        })
        .collect()
}

/// How many parts a schedule has that can be left out.
fn parts(schedule: &Schedule) -> usize {
    schedule.story.happenings.len() + faults(schedule).len()
}

fn faults(schedule: &Schedule) -> BTreeMap<Which, Fault> {
    match &schedule.weather {
        Weather::Listed(listed) => listed.clone(),
        Weather::Drawn(..) | Weather::Unanswered => BTreeMap::new(),
    }
}

/// The schedule without some parts in a row: happenings first, then faults.
fn without(schedule: &Schedule, from: usize, many: usize) -> Schedule {
    let out = from..from + many;
    let mut smaller = schedule.clone();
    let happenings = schedule.story.happenings.len();
    let mut number = 0;
    smaller.story.happenings.retain(|one| {
        number += 1;
        // Without it nothing ends the emergency, and that would be another failure.
        !out.contains(&(number - 1)) || one.act == Act::StandDown
    });
    let kept = faults(schedule).into_iter().enumerate();
    let kept = kept.filter(|(number, _)| !out.contains(&(happenings + number)));
    smaller.weather = Weather::Listed(kept.map(|(_, fault)| fault).collect());
    smaller
}

/// A schedule and what came of it, in words.
pub fn told(schedule: &Schedule, outcome: &Outcome) -> String {
    use std::fmt::Write as _;
    let mut lines: Vec<(u64, String)> = schedule
        .story
        .happenings
        .iter()
        .map(|one| {
            (
                one.at * 1000 + super::play::HEAD.as_secs() * 1000,
                one.act.to_string(),
            )
        })
        .collect();
    for sent in &outcome.trail {
        if let Some(fault) = sent.fault {
            let (process, method, path) = (sent.process, &sent.method, sent.path());
            lines.push((
                sent.at,
                format!("process {process}: {method} {path} {fault}"),
            ));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let story = &schedule.story;
    let mut text = format!(
        "{} operators; level {}, for {}, drift {}\n",
        story.operators, story.level, story.expires_after, story.drift
    );
    if story.has_controllers() {
        text.push_str("the cluster's own controllers are at work\n");
    }
    for (has, what) in [
        (story.makes, "the playbook makes objects, too"),
        (story.closes, "the playbook closes and opens, too"),
        (story.deeds, "the playbook has acts, too"),
    ] {
        if has {
            let _ = writeln!(text, "{what}");
        }
    }
    for (process, hands) in story.clocks.iter().enumerate() {
        let _ = writeln!(text, "the clock of process {process} is wrong by {hands}");
    }
    for (at, line) in lines {
        let _ = writeln!(text, "{:>8.1} s  {line}", at as f64 / 1000.0);
    }
    for violation in outcome.violations.iter().take(5) {
        let short: String = violation.chars().take(600).collect();
        let _ = writeln!(text, "        => {short}");
    }
    text
}
