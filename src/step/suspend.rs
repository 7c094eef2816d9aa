//! `suspend`: what runs by itself stops, and goes on at the return, as the table of kinds says.

use serde_json::{Value, json};

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::Targets;
use crate::field::{Image, Path, Projection};
use crate::playbook::suspended::{Holds, find};

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
        .map(path)
}

/// The fields that say whether an object is suspended.
pub fn needs(targets: &Targets) -> Vec<Query> {
    queries(targets, Role::Target, |kind| {
        let rows = find(kind).into_iter();
        let wanted = rows.flat_map(|row| [Some(row.field), row.over.map(|(over, _)| over)]);
        Fields::Paths(kinds::paths(kind, wanted.flatten().map(path)))
    })
}

/// One change for every object that runs.
pub fn compile(found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for object in found.iter().flatten() {
        match change(object) {
            Ok(change) => compiled.changes.push(change),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why: why.to_owned(),
            }),
        }
    }
    compiled
}

fn change(object: &Projection) -> Result<Proposal, &'static str> {
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
        why: row.why.to_owned(),
        wave: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{object, why_skipped};
    use super::*;

    fn suspended(api_version: &str, kind: &str, body: &Value) -> Compiled {
        compile(&[vec![object(api_version, kind, "a", body)]])
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
}
