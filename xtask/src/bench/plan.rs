//! How long the pure plan of a large fleet takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use snafu::OptionExt;

use super::{Error, WrongSnafu, fleet, median, mode};
use crate::surroundings::Stopwatch;
use pingzhan::api::{Level, Nature, Term};
use pingzhan::engine::beside::Beside;
use pingzhan::engine::facts::{Facts, StepFacts};
use pingzhan::engine::plan::{Request, compute, explain};
use pingzhan::engine::room::{Budget, Limit, Nodes, Quota, Room};
use pingzhan::field::{Projection, project};
use pingzhan::playbook::expand;

/// How often it is made: the median of so few is steady, since nothing else happens.
const RUNS: usize = 7;

/// The arguments.
#[derive(clap::Args)]
pub struct Args {
    /// How many Deployments are planned for
    #[arg(long, default_value_t = 10_000)]
    pub targets: usize,
}

/// What a plan took, in milliseconds, the medians of some runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// The plan alone, as the operator makes it.
    pub plain: f64,
    /// With who puts values back, and with traps that targets show by themselves.
    pub rivals: f64,
    /// With capacity as well, in a cluster with quotas, limit ranges and budgets in each namespace.
    pub capacity: f64,
}

/// Measures, and prints.
pub fn run(args: &Args) -> Result<(), Error> {
    let found = figures(args.targets)?;
    let rows = [
        ("plan alone", found.plain),
        ("with rivals and traps", found.rivals),
        ("with capacity", found.capacity),
    ];
    for (what, figure) in rows {
        let times = figure / found.plain;
        println!("{what}: {figure:.1} ms, {times:.3} times");
    }
    Ok(())
}

/// Milliseconds for the plan of so many projections, the median of some runs.
pub fn milliseconds(targets: usize) -> Result<f64, Error> {
    figures(targets).map(|figures| figures.plain)
}

fn figures(targets: usize) -> Result<Figures, Error> {
    let playbook = mode::playbook()?;
    let parameters = BTreeMap::new();
    let expanded = expand::expand(&playbook.spec, Level::IV, &parameters);
    let problem = "the playbook of the benchmark does not expand";
    let expanded = expanded.ok().context(WrongSnafu { problem })?;
    let facts = facts(targets);
    let room = room(targets);
    let term: Term = serde_json::from_value("12h".into()).map_err(|error| Error::Wrong {
        problem: error.to_string(),
    })?;
    let request = Request {
        playbook: "bench",
        playbook_uid: "0",
        spec: &playbook.spec,
        level: Level::IV,
        nature: Nature::Exercise,
        tabletop: false,
        scope: None,
        expires_after: &term,
        round: 0,
    };
    let mut series = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        for (kind, series) in series.iter_mut().enumerate() {
            let watch = Stopwatch::start();
            let mut plan = compute(&request, &expanded, &facts);
            if kind > 0 {
                explain(&mut plan, &facts, (kind > 1).then_some(&room));
            }
            series.push(watch.elapsed().as_secs_f64() * 1000.0);
            let problem = format!("the plan has {} of {targets} changes", plan.change_count());
            if plan.change_count() != targets {
                return WrongSnafu { problem }.fail();
            }
            let problem = "the plan does not say what does not fit";
            if kind > 1
                && !plan
                    .findings
                    .iter()
                    .any(|one| one.text.contains("short in stage"))
            {
                return WrongSnafu { problem }.fail();
            }
        }
    }
    let [plain, rivals, capacity] = series.map(median);
    Ok(Figures {
        plain,
        rivals,
        capacity,
    })
}

fn facts(targets: usize) -> Facts {
    let mut step = StepFacts::default();
    let mut found = Vec::with_capacity(targets);
    let mut beside = Vec::with_capacity(targets);
    let mut last = Beside::default();
    for member in 0..targets {
        let object = object(member);
        found.extend(projection(&object));
        last = Beside::of(&object).sharing(&last);
        beside.push(last.clone());
    }
    step.found = vec![found];
    step.beside = vec![beside];
    let key = ("surge".to_owned(), "grow".to_owned());
    Facts {
        steps: BTreeMap::from([(key, step)]),
        requests: 1,
    }
}

/// A cluster that is too small, with rules in every namespace.
fn room(targets: usize) -> Room {
    let quota = Quota::of(&json!({ "metadata": { "name": "compute" },
        "status": { "hard": { "pods": "10", "requests.cpu": "10", "limits.memory": "1Gi" } } }));
    let limits = Limit::of(
        &json!({ "metadata": { "name": "sizes" }, "spec": { "limits": [
        { "type": "Container", "max": { "cpu": "4" }, "default": { "cpu": "1" },
          "defaultRequest": { "cpu": "100m" } }] } }),
    );
    let budget = Budget::of(&json!({ "metadata": { "name": "all" },
        "spec": { "minAvailable": 1, "selector": {} } }));
    let mut room = Room {
        nodes: Some(Nodes::default()),
        classes: Some(Vec::new()),
        ..Room::default()
    };
    for member in 0..targets {
        let namespace = fleet::namespace(member);
        if room.quotas.contains_key(&namespace) {
            continue;
        }
        room.quotas.insert(namespace.clone(), vec![quota.clone()]);
        room.limits.insert(namespace.clone(), limits.clone());
        room.budgets.insert(namespace, vec![budget.clone()]);
    }
    room
}

fn object(member: usize) -> Value {
    let mut object = fleet::deployment(member);
    object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{member:012}").into();
    object["metadata"]["resourceVersion"] = "1".into();
    object["metadata"]["generation"] = 1.into();
    // Half of the fleet is as it is served: with owners.
    if member.is_multiple_of(2) {
        object["metadata"]["managedFields"] = json!([{ "manager": "kustomize-controller",
            "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": { "f:replicas": {} } } }]);
    }
    object
}

fn projection(object: &Value) -> Option<Projection> {
    project::project(object, "deployments", &[fleet::replicas()], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figure is of a plan that has a change for every projection, or it is of nothing.
    #[test]
    fn the_plan_that_is_measured_is_whole() {
        assert!(milliseconds(40).expect("a plan") > 0.0);
        let found = figures(40).expect("a plan");
        assert!(found.capacity > 0.0 && found.rivals > 0.0);
    }
}
