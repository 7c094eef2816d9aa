//! `suspend`: what runs by itself stops, and goes on at the return, as the table of kinds says.

use serde_json::{Value, json};

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::{OnResume, Targets};
use crate::field::{Image, Path, Projection};
use crate::playbook::suspended::{Holds, find};

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
    let fields = |row: &crate::playbook::suspended::Suspended| {
        [Some(row.field), row.over.map(|(over, _)| over)]
    };
    crate::playbook::suspended::KINDS
        .iter()
        .flat_map(fields)
        .flatten()
        .chain(TIMING)
        .map(path)
}

/// The fields that say whether an object is suspended.
pub fn needs(targets: &Targets) -> Vec<Query> {
    queries(targets, Role::Target, |kind| {
        let rows = find(kind).into_iter();
        let wanted = rows.flat_map(|row| {
            let timing = if row.kind == CRON_JOB {
                &TIMING[..]
            } else {
                &[]
            };
            let own = [Some(row.field), row.over.map(|(over, _)| over)];
            own.into_iter().flatten().chain(timing.iter().copied())
        });
        Fields::Paths(kinds::paths(kind, wanted.map(path)))
    })
}

/// One change for every object that runs.
pub fn compile(on_resume: OnResume, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for object in found.iter().flatten() {
        match change(on_resume, object) {
            Ok(change) => compiled.changes.push(change),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why: why.to_owned(),
            }),
        }
    }
    compiled
}

fn change(on_resume: OnResume, object: &Projection) -> Result<Proposal, &'static str> {
    let target = &object.target;
    let written = format!("{}/{}", kinds::group_of(&target.api_version), target.kind);
    let row = find(&written).ok_or("its kind cannot be suspended")?;
    let holds = |names: &[&str]| {
        let seen = object.field(&path(names));
        seen.map_or(Image::Absent, |seen| seen.image.clone())
    };
    if let Some(why) = kinds::left_alone(object, false) {
        return Err(why);
    }
    if let Some((over, why)) = row.over
        && holds(over) != Image::Absent
    {
        return Err(why);
    }
    let (base, after) = (holds(row.field), to(row.holds));
    if base == after {
        return Err("it is suspended already");
    }
    Ok(Proposal {
        target: target.clone(),
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
        compile(
            OnResume::RunMissedOnce,
            &[vec![object(api_version, kind, "a", body)]],
        )
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
            let compiled = compile(on_resume, &[vec![job]]);
            let said =
                "no runs are begun (schedule `0 3 * * *` Asia/Shanghai); those that are missed";
            assert_eq!(compiled.changes[0].why, format!("{said} {back}"));
        }
    }
}
