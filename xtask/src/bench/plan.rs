//! How long the pure plan of a large fleet takes.

use std::collections::BTreeMap;

use snafu::OptionExt;

use super::{Error, WrongSnafu, fleet, median, mode};
use crate::surroundings::Stopwatch;
use pingzhan::api::{Level, Nature, Term};
use pingzhan::engine::facts::{Facts, StepFacts};
use pingzhan::engine::plan::{Request, compute};
use pingzhan::field::{Projection, project};
use pingzhan::playbook::expand;

/// How often it is made: the median of so few is steady, since nothing else happens.
const RUNS: usize = 7;

/// Milliseconds for the plan of so many projections, the median of some runs.
pub fn milliseconds(targets: usize) -> Result<f64, Error> {
    let playbook = mode::playbook()?;
    let parameters = BTreeMap::new();
    let expanded = expand::expand(&playbook.spec, Level::IV, &parameters);
    let problem = "the playbook of the benchmark does not expand";
    let expanded = expanded.ok().context(WrongSnafu { problem })?;
    let found: Vec<Projection> = (0..targets).filter_map(projection).collect();
    let step = StepFacts {
        found: vec![found],
        ..StepFacts::default()
    };
    let key = ("surge".to_owned(), "grow".to_owned());
    let facts = Facts {
        steps: BTreeMap::from([(key, step)]),
        requests: 1,
    };
    let term: Term = serde_json::from_value("12h".into()).map_err(|error| Error::Wrong {
        problem: error.to_string(),
    })?;
    let request = Request {
        playbook: "bench",
        playbook_uid: "0",
        spec: &playbook.spec,
        level: Level::IV,
        nature: Nature::Exercise,
        scope: None,
        expires_after: &term,
    };
    let mut figures = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let watch = Stopwatch::start();
        let plan = compute(&request, &expanded, &facts);
        figures.push(watch.elapsed().as_secs_f64() * 1000.0);
        let problem = format!("the plan has {} of {targets} changes", plan.change_count());
        if plan.change_count() != targets {
            return WrongSnafu { problem }.fail();
        }
    }
    Ok(median(figures))
}

fn projection(member: usize) -> Option<Projection> {
    let mut object = fleet::deployment(member);
    object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{member:012}").into();
    object["metadata"]["resourceVersion"] = "1".into();
    object["metadata"]["generation"] = 1.into();
    project::project(&object, "deployments", &[fleet::replicas()], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figure is of a plan that has a change for every projection, or it is of nothing.
    #[test]
    fn the_plan_that_is_measured_is_whole() {
        assert!(milliseconds(40).expect("a plan") > 0.0);
    }
}
