//! What is tried before people approve: which writes of a plan are sent as a dry run, and what is said of
//! those that the API server refuses.
//!
//! A dry run is the only one that asks admission, quotas of objects and the API server's own rules. Its
//! inverse is not tried: the value is there already, so that it would say nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts::Facts;
use super::plan::{Finding, Plan, describe, few};
use crate::field::patch::Edit;
use crate::field::{Path, Projection, Target, Uid, creation};
use crate::step::kinds;

/// Up to so many objects each of their writes is tried: a thousand dry runs are three to five seconds of
/// one API server, which is less than people take to read the plan.
pub const EVERY: usize = 1000;
/// Of a larger fleet at most so many are tried: as many as there are kinds of change, evenly over the
/// namespaces, in which policies and quotas differ.
pub const SOME: usize = 200;

/// One write that is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Try {
    /// Places of stage and step in the plan.
    pub place: (usize, usize),
    /// The object as it was seen, with every field that is written.
    pub sight: Projection,
    /// The fields.
    pub edits: Vec<Edit>,
}

/// What is tried of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tries {
    /// The writes, in the order in which they are sent.
    pub all: Vec<Try>,
    /// How many writes there are that are not tried.
    pub left_out: usize,
}

/// What makes two writes the same for whatever judges them.
type Kind = (Target, BTreeSet<Path>, (usize, usize));

/// The writes of a plan that are tried. Objects that are made are none of them: each of those was tried
/// when the plan was made.
///
/// Guarantees: the same plan and facts give the same writes; every kind of change (kind, namespace,
/// fields, step) is among them, while they are at most [`SOME`].
pub fn tries(plan: &Plan, facts: &Facts) -> Tries {
    tries_of(plan, facts, EVERY, SOME)
}

fn tries_of(plan: &Plan, facts: &Facts, every: usize, some: usize) -> Tries {
    let mut all = Vec::new();
    for (number, stage) in plan.stages.iter().enumerate() {
        if stage.left_out.is_some() {
            continue;
        }
        for (place, step) in stage.steps.iter().enumerate() {
            let Some(seen) = facts.steps.get(&(stage.name.clone(), step.name.clone())) else {
                continue;
            };
            let mut sights: BTreeMap<&Uid, Vec<&Projection>> = BTreeMap::new();
            for sight in seen.found.iter().flatten() {
                sights.entry(&sight.target.uid).or_default().push(sight);
            }
            let mut writes: BTreeMap<&Target, Vec<Edit>> = BTreeMap::new();
            let changes = step.changes.iter();
            for change in changes.filter(|change| !creation::is(&change.target.uid)) {
                writes.entry(&change.target).or_default().push(Edit {
                    path: change.path.clone(),
                    to: change.after.clone(),
                    remove_parents: Vec::new(),
                });
            }
            for (target, edits) in writes {
                let known = sights.get(&target.uid).into_iter().flatten();
                let whole = known.copied().find(|sight| {
                    let mut paths = edits.iter().map(|edit| &edit.path);
                    paths.all(|path| sight.field(path).is_some())
                });
                if let Some(sight) = whole {
                    all.push(Try {
                        place: (number, place),
                        sight: sight.clone(),
                        edits,
                    });
                }
            }
        }
    }
    if all.len() <= every {
        return Tries { all, left_out: 0 };
    }
    let count = all.len();
    let all = representatives(all, some);
    let left_out = count - all.len();
    Tries { all, left_out }
}

/// One write of each kind, at most so many, one of each namespace after the other.
fn representatives(all: Vec<Try>, most: usize) -> Vec<Try> {
    let mut known: BTreeSet<Kind> = BTreeSet::new();
    let mut spaces: BTreeMap<String, Vec<Try>> = BTreeMap::new();
    for one in all {
        if known.insert(one.kind()) {
            let space = one.sight.target.namespace.clone();
            spaces.entry(space).or_default().push(one);
        }
    }
    let mut rows: Vec<_> = spaces.into_values().map(Vec::into_iter).collect();
    let mut chosen = Vec::new();
    while chosen.len() < most && !rows.is_empty() {
        rows.retain_mut(|row| match row.next() {
            Some(one) if chosen.len() < most => {
                chosen.push(one);
                true
            }
            Some(_) | None => false,
        });
    }
    chosen
}

impl Try {
    /// The same for all objects of a kind and namespace of which the same fields are written.
    fn kind(&self) -> Kind {
        let target = &self.sight.target;
        let any = Target::from(crate::field::Identity {
            api_version: target.api_version.clone(),
            kind: target.kind.clone(),
            namespace: target.namespace.clone(),
            ..crate::field::Identity::default()
        });
        let paths = self.edits.iter().map(|edit| edit.path.clone());
        (any, paths.collect(), self.place)
    }
}

/// A write that was refused in a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Places of stage and step in the plan.
    pub place: (usize, usize),
    /// The object, as [`describe`] says it.
    pub what: String,
    /// Its name, which stands in the message.
    pub name: String,
    /// What the API server says.
    pub message: String,
}

impl Refused {
    /// A write of an object.
    pub fn new(place: (usize, usize), target: &Target, message: String) -> Self {
        Self {
            place,
            what: describe(target),
            name: target.name.clone(),
            message,
        }
    }
}

/// What is said of refused writes: a sentence for each step and reason.
pub fn refusals(plan: &Plan, refused: &[Refused]) -> Vec<((usize, usize), Finding)> {
    type Objects<'a> = (Vec<&'a str>, &'a str);
    let mut reasons: BTreeMap<((usize, usize), String), Objects<'_>> = BTreeMap::new();
    for one in refused {
        // The same reason names another object each time.
        let key = one.message.replace(&one.name, "*");
        let reason = reasons
            .entry((one.place, key))
            .or_insert_with(|| (Vec::new(), &one.message));
        reason.0.push(&one.what);
    }
    let said = reasons.into_iter().map(|((place, _), (objects, message))| {
        let step = plan
            .stages
            .get(place.0)
            .and_then(|stage| stage.steps.get(place.1));
        let critical = step.is_some_and(|step| step.critical);
        let mark = if critical {
            "the step is critical; "
        } else {
            ""
        };
        let text = format!(
            "{mark}{} would be refused, as a dry run says: {message}",
            few(&objects)
        );
        (place, Finding::harm(text))
    });
    said.collect()
}

/// How many objects a plan makes, by namespace and the name under which a quota counts them.
pub fn made(plan: &Plan) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut made: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (_, _, change) in plan.changes() {
        let target = &change.target;
        if !creation::is(&target.uid) || target.namespace.is_empty() {
            continue;
        }
        let group = kinds::group_of(&target.api_version);
        let of = made.entry(target.namespace.clone()).or_default();
        *of.entry(counted(group, &target.plural)).or_default() += 1;
    }
    made
}

/// `count/jobs.batch`, as quotas name what they count.
fn counted(group: &str, plural: &str) -> String {
    if group.is_empty() {
        format!("count/{plural}")
    } else {
        format!("count/{plural}.{group}")
    }
}

/// What a quota says of objects that are to be made in its namespace.
pub fn over(quota: &Value, made: &BTreeMap<String, i64>) -> Vec<Finding> {
    let text = |place: &str| {
        quota
            .pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let number = |place: &str, key: &str| {
        let value = quota.pointer(place)?.get(key)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.parse::<i64>().ok()
    };
    let found = made.iter().filter_map(|(key, count)| {
        let short = key.strip_prefix("count/").unwrap_or(key);
        let names = [key.as_str(), short];
        names.into_iter().find_map(|name| {
            let hard = number("/status/hard", name).or_else(|| number("/spec/hard", name))?;
            let left = hard - number("/status/used", name).unwrap_or(0);
            (left < *count).then(|| {
                Finding::harm(format!(
                    "{count} more {short} are made in {}, of which its quota {} leaves {} ({name})",
                    text("/metadata/namespace"),
                    text("/metadata/name"),
                    left.max(0)
                ))
            })
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::plan::testing::{book, facts, object, plan_of, stage, workload};
    use super::*;

    fn fleet(spaces: usize, each: usize) -> Vec<Value> {
        let mut all = Vec::new();
        for space in 0..spaces {
            for number in 0..each {
                let name = format!("w{space}-{number}");
                let mut one = workload("Deployment", &name, 2, &json!({}));
                one["metadata"]["namespace"] = json!(format!("n{space}"));
                all.push(one);
            }
        }
        all
    }

    /// Admission may judge every object differently, and every namespace has rules of its own: what is
    /// left out is as much alike as can be known.
    #[test]
    fn of_a_large_fleet_one_write_of_each_kind_and_namespace_is_tried() {
        let book = book(&[stage(
            "surge",
            "",
            &[("grow", "Deployment", "scale: { replicas: 9 }")],
        )]);
        let facts = facts(&book, &[("surge/grow", fleet(7, 5))]);
        let plan = plan_of(&book, &facts);
        let whole = tries_of(&plan, &facts, 35, 3);
        assert_eq!((whole.all.len(), whole.left_out), (35, 0));
        let some = tries_of(&plan, &facts, 34, 100);
        let spaces: BTreeSet<&str> = some
            .all
            .iter()
            .map(|one| one.sight.target.namespace.as_str())
            .collect();
        assert_eq!((some.all.len(), spaces.len(), some.left_out), (7, 7, 28));
        let few = tries_of(&plan, &facts, 34, 3);
        assert_eq!((few.all.len(), few.left_out), (3, 32));
    }

    /// A write is tried as it is sent: all fields of an object at once.
    #[test]
    fn the_fields_of_an_object_are_tried_together() {
        let act = "patch: { set: [ { path: /spec/replicas, value: 3 }, { path: /spec/paused, value: true } ] }";
        let book = book(&[stage("calm", "", &[("set", "Deployment", act)])]);
        let web = workload("Deployment", "web", 2, &json!({}));
        let facts = facts(&book, &[("calm/set", vec![web])]);
        let plan = plan_of(&book, &facts);
        let tries = tries(&plan, &facts).all;
        assert_eq!(tries.len(), 1);
        assert_eq!(tries[0].edits.len(), 2);
    }

    /// A policy that refuses a hundred objects is one thing to repair.
    #[test]
    fn one_reason_is_one_sentence() {
        let act = "scale: { replicas: 9 }";
        let book = book(&[stage("surge", "", &[("grow", "Deployment", act)])]);
        let facts = facts(&book, &[("surge/grow", fleet(1, 5))]);
        let mut plan = plan_of(&book, &facts);
        plan.stages[0].steps[0].critical = true;
        let refused: Vec<Refused> = plan.stages[0].steps[0]
            .changes
            .iter()
            .map(|change| {
                let message = format!("deployments \"{}\" is forbidden: no", change.target.name);
                Refused::new((0, 0), &change.target, message)
            })
            .collect();
        let said = refusals(&plan, &refused);
        let [(place, finding)] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert_eq!(*place, (0, 0));
        assert_eq!(
            finding.text,
            "the step is critical; Deployment n0/w0-0, Deployment n0/w0-1, Deployment n0/w0-2 and 2 \
             more would be refused, as a dry run says: deployments \"w0-0\" is forbidden: no"
        );
    }

    /// Each object alone passes a quota that all of them together do not.
    #[test]
    fn a_quota_of_objects_is_held_against_all_that_are_made() {
        let notice = |name: &str| {
            format!(
                "{{ apiVersion: v1, kind: ConfigMap, metadata: {{ name: {name}, namespace: portal }} }}"
            )
        };
        let act = format!("apply: {{ objects: [ {}, {} ] }}", notice("a"), notice("b"));
        let stages = [format!(
            "{{ name: tell, steps: [ {{ name: notices, {act} }} ] }}"
        )];
        let book = book(&stages);
        let facts = facts(&book, &[]);
        let made = made(&plan_of(&book, &facts));
        assert_eq!(made["portal"]["count/configmaps"], 2);
        let quota = |left: i64, name: &str| {
            let mut quota = object(
                "v1",
                "ResourceQuota",
                "objects",
                &json!({ "hard": { name: "9" } }),
            );
            quota["status"] =
                json!({ "hard": { name: "9" }, "used": { name: (9 - left).to_string() } });
            over(&quota, &made["portal"])
        };
        assert_eq!(quota(2, "configmaps"), []);
        assert_eq!(quota(5, "secrets"), []);
        for name in ["configmaps", "count/configmaps"] {
            let said = quota(1, name);
            assert!(said[0].text.contains("leaves 1"), "{said:?}");
        }
    }
}
