//! `suspend`: what runs by itself stops, and goes on at the return, as the table of kinds says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::roots::{self, Tree};
use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::{OnResume, Targets};
use crate::field::{Image, Path, Projection};
use crate::playbook::suspended::{Holds, Suspended, find};

/// The kind whose runs are missed while it is suspended.
const CRON_JOB: &str = "CronJob";
/// When it runs, by which clock, and how late it may.
const TIMING: [&[&str]; 3] = [
    &["spec", "schedule"],
    &["spec", "timeZone"],
    &["spec", "startingDeadlineSeconds"],
];

/// What a field holds while its object is suspended.
fn to(holds: Holds) -> Image {
    match holds {
        Holds::True => Image::Present(Value::Bool(true)),
        Holds::Text => Image::Present(json!("true")),
        Holds::Nothing => Image::Absent,
    }
}

fn path(names: &[&str]) -> Path {
    Path::fields(names.iter().copied())
}

/// Every field that any of the kinds is looked at for.
#[cfg(test)]
pub(super) fn paths() -> impl Iterator<Item = Path> {
    let fields = |row: &Suspended| [Some(row.field), row.over.map(|(over, _)| over)];
    crate::playbook::suspended::KINDS
        .iter()
        .flat_map(fields)
        .flatten()
        .chain(TIMING)
        .map(path)
        .chain(roots::paths())
}

/// The fields that say whether an object is suspended; then, where it is one of GitOps, what may
/// apply it.
pub fn needs(targets: &Targets) -> Vec<Query> {
    let mut needs = queries(targets, Role::Target, |kind| {
        Fields::Paths(kinds::paths(kind, wanted(kind)))
    });
    let above: BTreeSet<&str> = targets
        .kinds
        .iter()
        .flat_map(|kind| roots::above(kind))
        .copied()
        .collect();
    needs.extend(above.into_iter().map(|kind| Query {
        kind: kind.to_owned(),
        namespaces: None,
        selector: None,
        names: Vec::new(),
        priority: Vec::new(),
        condition: None,
        role: Role::Applier,
        fields: Fields::Paths(kinds::paths(kind, wanted(kind))),
    }));
    needs
}

/// What is read of objects of a kind.
fn wanted(kind: &str) -> Vec<Path> {
    let rows = find(kind).into_iter();
    let own = rows.flat_map(|row| {
        let timing = if row.kind == CRON_JOB {
            &TIMING[..]
        } else {
            &[]
        };
        let own = [Some(row.field), row.over.map(|(over, _)| over)];
        own.into_iter().flatten().chain(timing.iter().copied())
    });
    let mut wanted: Vec<Path> = own.map(path).collect();
    if !roots::above(kind).is_empty() {
        wanted.extend(roots::paths());
    }
    wanted
}

/// One change for every object that runs: roots first, and what applies them, where that is not
/// suspended, is named.
pub fn compile(targets: &Targets, on_resume: OnResume, found: &[Vec<Projection>]) -> Compiled {
    let (selected, _) = found.split_at(targets.kinds.len().min(found.len()));
    let mut compiled = Compiled::default();
    let tree = Tree::new(found.iter().flatten());
    let mut suspended: BTreeSet<&str> = BTreeSet::new();
    for object in selected.iter().flatten() {
        match change(on_resume, object) {
            Ok(change) => {
                suspended.insert(object.target.uid.as_str());
                compiled.changes.push(change);
            }
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why: why.to_owned(),
            }),
        }
    }
    let by_uid: BTreeMap<&str, &Projection> = selected
        .iter()
        .flatten()
        .map(|object| (object.target.uid.as_str(), object))
        .collect();
    for change in &mut compiled.changes {
        let object = by_uid.get(change.target.uid.as_str());
        change.wave = object.map_or(0, |object| tree.wave(object, &suspended));
    }
    let held = |object: &Projection| {
        suspended.contains(object.target.uid.as_str()) || is_suspended(object)
    };
    compiled.unheld = tree.unheld(&suspended, held, |object| Some(path(row_of(object)?.field)));
    compiled
}

fn row_of(object: &Projection) -> Option<&'static Suspended> {
    let target = &object.target;
    find(&format!(
        "{}/{}",
        kinds::group_of(&target.api_version),
        target.kind
    ))
}

fn is_suspended(object: &Projection) -> bool {
    row_of(object).is_some_and(|row| image(object, row.field) == to(row.holds))
}

fn image(object: &Projection, names: &[&str]) -> Image {
    let seen = object.field(&path(names));
    seen.map_or(Image::Absent, |seen| seen.image.clone())
}

fn change(on_resume: OnResume, object: &Projection) -> Result<Proposal, &'static str> {
    let row = row_of(object).ok_or("its kind cannot be suspended")?;
    if let Some(why) = kinds::left_alone(object, false) {
        return Err(why);
    }
    if let Some((over, why)) = row.over
        && image(object, over) != Image::Absent
    {
        return Err(why);
    }
    let (base, after) = (image(object, row.field), to(row.holds));
    if base == after {
        return Err("it is suspended already");
    }
    Ok(Proposal {
        target: object.target.clone(),
        path: path(row.field),
        base,
        after,
        why: if row.kind == CRON_JOB {
            runs(on_resume, object)
        } else {
            row.why.to_owned()
        },
        wave: 0,
    })
}

/// What becomes of a `CronJob`'s runs, in a sentence: which are missed, and what the return does
/// about it.
fn runs(on_resume: OnResume, object: &Projection) -> String {
    let text = |names: &[&str]| {
        let seen = object.field(&path(names))?;
        let value = seen.image.value()?;
        let own = value.as_str().map(str::to_owned);
        Some(own.unwrap_or_else(|| value.to_string()))
    };
    let [schedule, zone, deadline] = TIMING.map(text);
    let schedule = schedule.unwrap_or_else(|| "?".to_owned());
    let zone = zone.map(|zone| format!(" {zone}")).unwrap_or_default();
    let back = match (on_resume, deadline) {
        (OnResume::SkipMissed, _) => "are passed over at the return".to_owned(),
        (OnResume::RunMissedOnce, None) => "become one late run at the return".to_owned(),
        (OnResume::RunMissedOnce, Some(seconds)) => format!(
            "become one late run at the return, if the last of them is no more than {seconds} s late then"
        ),
    };
    format!("no runs are begun (schedule `{schedule}`{zone}); those that are missed {back}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{object, why_skipped};
    use super::*;

    fn suspended(api_version: &str, kind: &str, body: &Value) -> Compiled {
        compiled(
            OnResume::RunMissedOnce,
            object(api_version, kind, "a", body),
        )
    }

    fn compiled(on_resume: OnResume, object: Projection) -> Compiled {
        let targets = Targets {
            kinds: vec![object.target.kind.clone()],
            ..Targets::default()
        };
        compile(&targets, on_resume, &[vec![object]])
    }

    /// What goes on by itself in an emergency undoes it, and what is not as it was goes on wrongly.
    #[test]
    fn each_kind_is_suspended_in_its_own_way() {
        let automated = json!({ "prune": true, "selfHeal": true });
        let rows = [
            (
                "batch/v1",
                "CronJob",
                json!({ "spec": { "suspend": false } }),
                "/spec/suspend: false -> true",
            ),
            (
                "batch/v1",
                "Job",
                json!({ "spec": {} }),
                "/spec/suspend: (absent) -> true",
            ),
            (
                "kustomize.toolkit.fluxcd.io/v1",
                "Kustomization",
                json!({}),
                "/spec/suspend: (absent) -> true",
            ),
            (
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                json!({}),
                "/spec/suspend: (absent) -> true",
            ),
            (
                "argoproj.io/v1alpha1",
                "Application",
                json!({ "spec": { "syncPolicy": { "automated": automated } } }),
                "/spec/syncPolicy/automated: {\"prune\":true,\"selfHeal\":true} -> (absent)",
            ),
            (
                "argoproj.io/v1alpha1",
                "Rollout",
                json!({}),
                "/spec/paused: (absent) -> true",
            ),
            (
                "keda.sh/v1alpha1",
                "ScaledObject",
                json!({}),
                "/metadata/annotations/autoscaling.keda.sh~1paused: (absent) -> \"true\"",
            ),
        ];
        assert_eq!(rows.len(), crate::playbook::suspended::KINDS.len());
        for (api_version, kind, body, says) in rows {
            let compiled = suspended(api_version, kind, &body);
            let [one] = compiled.changes.as_slice() else {
                panic!("{kind}: {compiled:?}");
            };
            let (base, after) = (one.base.display(), one.after.display());
            assert_eq!(
                format!("{}: {base} -> {after}", one.path.to_pointer()),
                says,
                "{kind}"
            );
        }
    }

    /// What is suspended in peacetime stays so: nothing of it may enter the journal.
    #[test]
    fn what_does_not_run_is_left_alone() {
        let rows = [
            (
                "batch/v1",
                "CronJob",
                json!({ "spec": { "suspend": true } }),
                "suspended already",
            ),
            (
                "batch/v1",
                "Job",
                json!({ "status": { "completionTime": "2026-07-01T08:00:00Z" } }),
                "complete",
            ),
            (
                "argoproj.io/v1alpha1",
                "Application",
                json!({ "spec": { "syncPolicy": {} } }),
                "suspended already",
            ),
            ("apps/v1", "Deployment", json!({}), "cannot be suspended"),
            (
                "example.com/v1",
                "CronJob",
                json!({}),
                "cannot be suspended",
            ),
        ];
        for (api_version, kind, body, why) in rows {
            let compiled = suspended(api_version, kind, &body);
            assert_eq!(compiled.changes, Vec::new(), "{kind}");
            assert!(why_skipped(&compiled).contains(why), "{kind}: {compiled:?}");
        }
    }

    /// Who approves must know whether last night's pensions are paid late or not at all.
    #[test]
    fn the_plan_says_what_becomes_of_missed_runs() {
        let spec = json!({ "schedule": "0 3 * * *", "timeZone": "Asia/Shanghai" });
        let mut late = spec.clone();
        late["startingDeadlineSeconds"] = json!(300);
        let rows = [
            (OnResume::SkipMissed, &spec, "are passed over at the return"),
            (
                OnResume::RunMissedOnce,
                &spec,
                "become one late run at the return",
            ),
            (
                OnResume::RunMissedOnce,
                &late,
                "become one late run at the return, if the last of them is no more than 300 s late then",
            ),
        ];
        for (on_resume, spec, back) in rows {
            let job = object("batch/v1", "CronJob", "a", &json!({ "spec": spec }));
            let compiled = compiled(on_resume, job);
            let said =
                "no runs are begun (schedule `0 3 * * *` Asia/Shanghai); those that are missed";
            assert_eq!(compiled.changes[0].why, format!("{said} {back}"));
        }
    }
}
