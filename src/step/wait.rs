//! `wait`: what is looked at while a step waits, and whether that is what it waits for.

use super::count::Owners;
use super::{Fields, Query, Role, kinds, needs, queries};
use crate::api::Wait;
use crate::field::{Image, Path, Progress, Projection};
use crate::playbook::conditions::Where;
use crate::playbook::{Expanded, ExpandedStep, ResolvedAct, kinds as table};

/// What a wait has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether it is what is waited for.
    pub holds: bool,
    /// What was found, for people: `37 of 50 ready, 95 % are needed`.
    pub sentence: String,
    /// How many objects are ready, where that is what was asked.
    pub ready: Option<usize>,
}

impl Reading {
    /// What was found, where readiness was not asked for.
    pub const fn new(holds: bool, sentence: String) -> Self {
        Self {
            holds,
            sentence,
            ready: None,
        }
    }

    const fn not_yet(sentence: String) -> Self {
        Self::new(false, sentence)
    }
}

/// What is looked at while a step waits.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    wait: &'a Wait,
    /// The step whose targets are looked at; the waiting one itself where it has its own.
    of: &'a ExpandedStep,
    queries: Vec<Query>,
}

impl<'a> Probe<'a> {
    /// What a step waits for in the cluster; nothing where it waits for something else.
    ///
    /// # Errors
    /// A sentence: the step that it waits for is not part of the plan.
    pub fn new(
        expanded: &'a Expanded,
        stage: &str,
        step: &'a ExpandedStep,
    ) -> Result<Option<Self>, String> {
        let ResolvedAct::Wait(wait) = &step.act else {
            return Ok(None);
        };
        let other = |name: &str| {
            find(expanded, stage, name).ok_or_else(|| {
                format!("the step `{name}` that it waits for is not part of the plan")
            })
        };
        let (of, queries) = if let Some(ready) = &wait.ready {
            let of = other(&ready.step)?;
            (of, workloads(of))
        } else if let Some(rollout) = &wait.rollout {
            let of = other(&rollout.step)?;
            (of, workloads(of))
        } else if wait.condition.is_some() {
            (step, own(step, &[Path::fields(["status", "conditions"])]))
        } else if let Some(expression) = &wait.expression {
            (step, both(step, expression))
        } else {
            return Ok(None);
        };
        Ok(Some(Self { wait, of, queries }))
    }

    /// What is to be asked.
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// What the answers mean, in the order of [`Self::queries`]. What could not be read is a reason
    /// to go on waiting, never to go on.
    pub fn read(&self, found: &[Vec<Projection>], problems: &[String]) -> Reading {
        if let Some(problem) = problems.first() {
            return Reading::not_yet(problem.clone());
        }
        let wait = self.wait;
        if let Some(condition) = &wait.condition {
            let status = condition.status.as_deref().unwrap_or("True");
            let all = found.iter().flatten();
            let met = all
                .clone()
                .filter(|object| has(object, &condition.type_, status));
            let what = format!("{}={status}", condition.type_);
            return every(all.clone().count(), met.count(), &what);
        }
        if let Some(expression) = &wait.expression {
            let (all, met) = found.split_at(found.len() / 2);
            let count = |lists: &[Vec<Projection>]| lists.iter().map(Vec::len).sum();
            return every(count(all), count(met), &format!("`{expression}`"));
        }
        let percent = wait.ready.as_ref().map_or(100, |ready| ready.percent);
        self.ready(found, usize::try_from(percent).unwrap_or(100))
    }

    fn ready(&self, found: &[Vec<Projection>], percent: usize) -> Reading {
        let of_role = |role| {
            let pairs = self.queries.iter().zip(found);
            pairs.filter(move |(query, _)| query.role == role)
        };
        let scalers: Vec<Vec<Projection>> = of_role(Role::Autoscaler)
            .map(|(_, found)| found.clone())
            .collect();
        let owners = Owners::read(&scalers);
        let (mut all, mut ready) = (0, 0);
        let mut unready = Vec::new();
        let own = [Role::Target, Role::Restart, Role::Made];
        for (_, objects) in own.into_iter().flat_map(of_role) {
            for object in objects {
                let Some(is_ready) = is_ready(object, &owners) else {
                    continue;
                };
                all += 1;
                ready += usize::from(is_ready);
                if !is_ready {
                    let target = &object.target;
                    let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
                    unready.push(named);
                }
            }
        }
        Reading {
            holds: ready * 100 >= percent * all,
            sentence: format!(
                "{ready} of {all} objects of step {} ready, {percent} % are needed{}",
                self.of.name,
                missing(&unready)
            ),
            ready: Some(ready),
        }
    }
}

/// A step of the plan, first of a stage itself, then of any other.
fn find<'a>(expanded: &'a Expanded, stage: &str, name: &str) -> Option<&'a ExpandedStep> {
    let (same, others): (Vec<_>, Vec<_>) = expanded
        .stages
        .iter()
        .partition(|other| other.name == stage);
    let mut steps = same.into_iter().chain(others);
    steps.find_map(|stage| stage.steps.iter().find(|step| step.name == name))
}

/// What a step acts on, and what owns its counts.
fn workloads(of: &ExpandedStep) -> Vec<Query> {
    let mut asked = needs(of);
    asked.retain(|query| query.role != Role::Applier);
    // The count is read with each, to be held against what an autoscaler was told.
    for query in &mut asked {
        if query.role != Role::Autoscaler {
            query.fields = Fields::Paths(vec![replicas()]);
        }
    }
    asked
}

fn replicas() -> Path {
    Path::fields(["spec", "replicas"])
}

/// What a step selects for itself.
fn own(step: &ExpandedStep, paths: &[Path]) -> Vec<Query> {
    let Some(targets) = &step.targets else {
        return Vec::new();
    };
    let mut asked = queries(targets, Role::Target, |_| Fields::Paths(paths.to_vec()));
    for query in &mut asked {
        query.condition.clone_from(&step.condition);
    }
    asked
}

/// What a step selects, and then those of it that satisfy the expression.
fn both(step: &ExpandedStep, expression: &str) -> Vec<Query> {
    let all = own(step, &[]);
    let mut met = all.clone();
    for query in &mut met {
        let condition = query.condition.get_or_insert_with(|| Where {
            texts: Vec::new(),
            parameters: step.parameters.clone(),
        });
        condition.texts.push(expression.to_owned());
    }
    all.into_iter().chain(met).collect()
}

/// The first of those that are not ready: whom to look at.
fn missing(unready: &[String]) -> String {
    const SHOWN: usize = 3;
    let Some(shown) = unready
        .get(..unready.len().min(SHOWN))
        .filter(|some| !some.is_empty())
    else {
        return String::new();
    };
    let more = match unready.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(" (not ready: {}{more})", shown.join(", "))
}

fn every(all: usize, met: usize, what: &str) -> Reading {
    if all == 0 {
        return Reading::not_yet(format!("no object is there of which {what} could hold"));
    }
    let sentence = format!("{what} holds of {met} of {all} objects");
    Reading::new(met == all, sentence)
}

/// Whether an object has a condition.
fn has(object: &Projection, type_: &str, status: &str) -> bool {
    let conditions = object.field(&Path::fields(["status", "conditions"]));
    let Some(Image::Present(conditions)) = conditions.map(|seen| &seen.image) else {
        return false;
    };
    let mut all = conditions.as_array().into_iter().flatten();
    all.any(|condition| {
        condition.get("type").and_then(|own| own.as_str()) == Some(type_)
            && condition.get("status").and_then(|own| own.as_str()) == Some(status)
    })
}

/// Whether a workload is as it is to be; nothing for objects that never become ready.
fn is_ready(object: &Projection, owners: &Owners<'_>) -> Option<bool> {
    // An autoscaler that was told of more has not passed it on yet.
    let least = owners
        .of(object)
        .ok()
        .flatten()
        .and_then(|owner| owner.least());
    let count = object.field(&replicas()).map(|seen| &seen.image);
    let count = count.and_then(kinds::number);
    let behind = matches!((least, count), (Some(least), Some(count)) if count < least);
    match object.progress {
        Progress::Ready => Some(!behind),
        Progress::Unobserved | Progress::Unready => Some(false),
        // A workload that no controller has looked at is not ready; a ConfigMap never is.
        Progress::Unknown => {
            let written = format!(
                "{}/{}",
                kinds::group_of(&object.target.api_version),
                object.target.kind
            );
            let kind = table::find(written.trim_start_matches('/'));
            kind.filter(|kind| kind.replicas.is_some()).map(|_| false)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::testing::object;
    use super::*;
    use crate::api::Level;
    use crate::playbook::expand;

    fn expanded(wait: &str) -> Expanded {
        let text = format!(
            r"
title: {{ en: x, zh-CN: x }}
hazard: x
owner: x
serviceAccountName: x
authority: {{ requesterGroups: [duty], approverGroups: [chiefs] }}
stages:
  - name: s
    steps:
      - {{ name: up, targets: {{ kinds: [Deployment], names: [a, b] }}, scale: {{ replicas: 3 }} }}
      - {{ name: w, after: [up], {wait} }}
"
        );
        let book = serde_yaml::from_str(&text).unwrap();
        expand::expand(&book, Level::I, &BTreeMap::new()).unwrap()
    }

    fn probe(expanded: &Expanded) -> Probe<'_> {
        let step = &expanded.stages[0].steps[1];
        Probe::new(expanded, "s", step).unwrap().unwrap()
    }

    fn workload(name: &str, replicas: u32, ready: u32) -> Projection {
        let mut object = object(
            "apps/v1",
            "Deployment",
            name,
            &json!({ "spec": { "replicas": replicas } }),
        );
        object.progress = if ready >= replicas {
            Progress::Ready
        } else {
            Progress::Unready
        };
        object
    }

    /// A stage that goes on before its services are there has waited for nothing.
    #[test]
    fn ready_counts_the_workloads_of_the_step() {
        let expanded = expanded("wait: { ready: { step: up, percent: 50 } }");
        let probe = probe(&expanded);
        let roles: Vec<Role> = probe.queries().iter().map(|query| query.role).collect();
        assert_eq!(roles, [Role::Target, Role::Autoscaler, Role::Autoscaler]);
        let rows = [(0, 0, false), (3, 0, true), (3, 3, true)];
        for (one, other, holds) in rows {
            let found = vec![
                vec![workload("a", 3, one), workload("b", 3, other)],
                vec![],
                vec![],
            ];
            let reading = probe.read(&found, &[]);
            assert_eq!(reading.holds, holds, "{one} {other}: {}", reading.sentence);
            let ready = usize::from(one == 3) + usize::from(other == 3);
            assert_eq!(reading.ready, Some(ready), "{one} {other}");
        }
        let mut untouched = workload("a", 3, 3);
        untouched.progress = Progress::Unknown;
        let reading = probe.read(&[vec![untouched], vec![], vec![]], &[]);
        assert_eq!(
            reading.sentence,
            "0 of 1 objects of step up ready, 50 % are needed (not ready: Deployment here/a)"
        );
    }

    /// What a step makes is waited for as what it changes is.
    #[test]
    fn ready_counts_the_workloads_that_a_step_makes() {
        let mut expanded = expanded("wait: { rollout: { step: up } }");
        let made = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a", "namespace": "here" } });
        let step = &mut expanded.stages[0].steps[0];
        assert_eq!(step.name, "up");
        step.targets = None;
        step.act = ResolvedAct::Apply(crate::playbook::Making {
            objects: vec![made],
            adopt: false,
        });
        let probe = probe(&expanded);
        let asked: Vec<_> = probe
            .queries()
            .iter()
            .map(|query| (query.role, query.kind.as_str()))
            .collect();
        assert_eq!(asked, [(Role::Made, "apps/Deployment")]);
        for (ready, holds) in [(0, false), (3, true)] {
            let found = vec![vec![workload("a", 3, ready)]];
            assert_eq!(probe.read(&found, &[]).holds, holds, "{ready}");
        }
    }

    /// A workload is ready at its old count until its autoscaler has passed on what it was told.
    #[test]
    fn a_workload_behind_its_autoscaler_is_not_ready() {
        let expanded = expanded("wait: { rollout: { step: up } }");
        let probe = probe(&expanded);
        let scaler = |least: u32| {
            let to = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "a" });
            let spec = json!({ "minReplicas": least, "maxReplicas": 9, "scaleTargetRef": to });
            let kind = "HorizontalPodAutoscaler";
            object("autoscaling/v2", kind, "h", &json!({ "spec": spec }))
        };
        for (least, holds) in [(3, true), (5, false)] {
            let found = vec![vec![workload("a", 3, 3)], vec![scaler(least)], vec![]];
            assert_eq!(probe.read(&found, &[]).holds, holds, "{least}");
        }
    }

    /// What is waited for has to be there: nothing at all satisfies no condition.
    #[test]
    fn a_condition_must_hold_of_every_object_and_of_at_least_one() {
        let expanded = expanded(
            "targets: { kinds: [Deployment], names: [a] }, wait: { condition: { type: Available } }",
        );
        let probe = probe(&expanded);
        let object = |status: &str| {
            let conditions = json!([{ "type": "Available", "status": status }]);
            let body = json!({ "metadata": { "name": "a", "uid": "u", "resourceVersion": "1" },
                "apiVersion": "apps/v1", "kind": "Deployment", "status": { "conditions": conditions } });
            let Fields::Paths(paths) = &probe.queries()[0].fields else {
                panic!("it names its fields")
            };
            crate::field::project::project(&body, "deployments", paths, false).unwrap()
        };
        assert!(!probe.read(&[vec![]], &[]).holds);
        assert!(probe.read(&[vec![object("True")]], &[]).holds);
        let mixed = probe.read(&[vec![object("True"), object("False")]], &[]);
        assert_eq!(mixed.sentence, "Available=True holds of 1 of 2 objects");
        let unread = probe.read(&[vec![object("True")]], &["no right".to_owned()]);
        assert_eq!(
            (unread.holds, unread.sentence.as_str()),
            (false, "no right")
        );
    }
}
