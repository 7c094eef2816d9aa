//! `scale`: the number of replicas of the parent object, never through its scale subresource,
//! which loses field ownership.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::Targets;
use crate::field::{Image, Path, Projection, Seen};
use crate::playbook::ScaleRule;

/// The kind that may own a count of replicas.
const AUTOSCALER: &str = "HorizontalPodAutoscaler";

/// The replicas of every kind: at a known path for built-in kinds, by the CRD for others; then the
/// autoscalers beside them.
pub fn needs(targets: &Targets) -> Vec<Query> {
    let mut needs = queries(targets, Role::Target, |kind| {
        match kinds::find(kind).and_then(kinds::Kind::replicas_path) {
            Some(path) => Fields::Paths(kinds::paths(kind, [path])),
            None => Fields::Replicas,
        }
    });
    needs.push(Query {
        kind: AUTOSCALER.to_owned(),
        namespaces: targets.namespaces.clone(),
        selector: None,
        names: Vec::new(),
        role: Role::Autoscaler,
        fields: Fields::Paths(vec![scaled()]),
    });
    needs
}

fn scaled() -> Path {
    Path::fields(["spec", "scaleTargetRef"])
}

/// One change for every object whose count is not yet what the rule asks for.
///
/// A count that an autoscaler owns is left alone: it would put its own back within seconds. But
/// none at all switches the autoscaler off, so that is written.
pub fn compile(targets: &Targets, rule: &ScaleRule, found: &[Vec<Projection>]) -> Compiled {
    let (workloads, autoscalers) = found.split_at(targets.kinds.len().min(found.len()));
    let owners = owners(autoscalers);
    let mut compiled = Compiled::default();
    for object in workloads.iter().flatten() {
        let change = change(rule, object).and_then(|proposal| match owners.get(&owned(object)) {
            Some(owner) if proposal.after != Image::Present(Value::from(0)) => Err(format!(
                "{AUTOSCALER} {owner} owns its count of replicas and would put its own back, and \
                 this version does not change an autoscaler's bounds: let a `patch` set \
                 /spec/minReplicas and /spec/maxReplicas of {owner}"
            )),
            Some(_) | None => Ok(proposal),
        });
        match change {
            Ok(proposal) => compiled.changes.push(proposal),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why,
            }),
        }
    }
    compiled
}

/// Namespace, group, kind and name of a workload.
type Owned = (String, String, String, String);

fn owned(workload: &Projection) -> Owned {
    let target = &workload.target;
    (
        target.namespace.clone(),
        kinds::group_of(&target.api_version).to_owned(),
        target.kind.clone(),
        target.name.clone(),
    )
}

/// The autoscaler of each workload that has one, by name.
fn owners(autoscalers: &[Vec<Projection>]) -> BTreeMap<Owned, String> {
    let scaled = scaled();
    let mut owners = BTreeMap::new();
    for autoscaler in autoscalers.iter().flatten() {
        let reference = autoscaler
            .field(&scaled)
            .and_then(|seen| seen.image.value());
        let text = |key: &str| {
            let value = reference.and_then(|reference| reference.get(key));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let workload = (
            autoscaler.target.namespace.clone(),
            kinds::group_of(&text("apiVersion")).to_owned(),
            text("kind"),
            text("name"),
        );
        owners.insert(workload, autoscaler.target.name.clone());
    }
    owners
}

/// The change of one object, or why it is left alone.
fn change(rule: &ScaleRule, object: &Projection) -> Result<Proposal, String> {
    let seen = replicas(object).ok_or("its kind has no count of replicas")?;
    let base = match &seen.image {
        Image::Absent => {
            return Err(
                "it does not say how many replicas it wants, so there is no count to come back to"
                    .to_owned(),
            );
        }
        Image::Present(value) => value.as_i64().filter(|count| *count >= 0).ok_or_else(|| {
            format!(
                "its replicas are {}, which is not a count",
                seen.image.display()
            )
        })?,
    };
    let (after, why) = apply(rule, base);
    if let Some(why) = kinds::left_alone(object, after < base) {
        return Err(why.to_owned());
    }
    if after == base {
        return Err(format!("already {base}"));
    }
    Ok(Proposal {
        target: object.target.clone(),
        path: seen.path.clone(),
        base: seen.image.clone(),
        after: Image::Present(Value::from(after)),
        why,
        wave: 0,
    })
}

/// The field that holds the count: at the known path of a built-in kind, else the only one that
/// the query asked for.
fn replicas(object: &Projection) -> Option<&Seen> {
    let target = &object.target;
    match kinds::of_object(&target.api_version, &target.kind) {
        Some(kind) => object.field(&kind.replicas_path()?),
        None => object.seen.first(),
    }
}

/// What the rule makes of a count, and why: the percentage rounded up, then the minimum, then the
/// maximum, which has the last word.
pub fn apply(rule: &ScaleRule, base: i64) -> (i64, String) {
    if let Some(replicas) = rule.replicas {
        return (replicas, format!("{replicas} whatever it was"));
    }
    let mut after = base;
    let mut why = format!("of {base}");
    if let Some(percent) = rule.percent {
        after = percent_of(percent, base);
        why = format!("{percent} % of {base}");
    }
    if let Some(minimum) = rule.minimum {
        after = after.max(minimum);
        why = format!("{why}, at least {minimum}");
    }
    if let Some(maximum) = rule.maximum {
        after = after.min(maximum);
        why = format!("{why}, at most {maximum}");
    }
    (after, why)
}

/// Rounded up, so that a service that runs does not vanish by rounding; without overflow.
fn percent_of(percent: i64, base: i64) -> i64 {
    let exact = i128::from(percent) * i128::from(base);
    let rounded = (exact + 99).div_euclid(100);
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testing::{object, why_skipped};
    use super::*;

    fn rule(
        replicas: Option<i64>,
        percent: Option<i64>,
        minimum: Option<i64>,
        maximum: Option<i64>,
    ) -> ScaleRule {
        ScaleRule {
            replicas,
            percent,
            minimum,
            maximum,
        }
    }

    /// The arithmetic that people check in their heads when they read a plan.
    #[test]
    fn counts_are_computed_as_the_contract_says() {
        let rows = [
            (rule(Some(5), None, None, None), 3, 5),
            (rule(None, Some(300), None, Some(40)), 3, 9),
            (rule(None, Some(300), None, Some(40)), 20, 40),
            (rule(None, Some(30), Some(1), None), 3, 1),
            (rule(None, Some(30), Some(1), None), 10, 3),
            (rule(None, Some(34), None, None), 3, 2),
            (rule(None, Some(0), None, None), 3, 0),
            (rule(None, Some(0), Some(1), None), 3, 1),
            (rule(None, None, Some(2), None), 1, 2),
            (rule(None, None, None, Some(4)), 9, 4),
            (rule(None, Some(300), None, None), 0, 0),
        ];
        for (rule, base, after) in rows {
            assert_eq!(apply(&rule, base).0, after, "{rule:?} of {base}");
        }
        assert_eq!(
            apply(&rule(None, Some(300), None, Some(40)), 3).1,
            "300 % of 3, at most 40"
        );
    }

    proptest! {
        /// No count that an object could hold may overflow, or escape its bounds.
        #[test]
        fn counts_stay_in_their_bounds(
            percent in 0_i64..=10_000,
            base in 0_i64..=i64::MAX,
            minimum in proptest::option::of(0_i64..=100),
            maximum in proptest::option::of(100_i64..=100_000),
        ) {
            let (after, _) = apply(&rule(None, Some(percent), minimum, maximum), base);
            prop_assert!(after >= 0);
            prop_assert!(minimum.is_none_or(|least| after >= least));
            prop_assert!(maximum.is_none_or(|most| after <= most));
            if percent > 0 && base > 0 {
                prop_assert!(after > 0);
            }
        }
    }

    /// Each of these would be a change that cannot be brought back, or none at all.
    #[test]
    fn objects_that_cannot_be_brought_back_are_skipped_with_a_reason() {
        let shrink = rule(None, Some(30), Some(1), None);
        let rows = [
            (
                "Deployment",
                json!({ "spec": {} }),
                "no count to come back to",
            ),
            (
                "Deployment",
                json!({ "spec": { "replicas": "3" } }),
                "not a count",
            ),
            (
                "Deployment",
                json!({ "spec": { "replicas": 1 } }),
                "already 1",
            ),
            (
                "StatefulSet",
                json!({ "spec": {
                    "replicas": 9,
                    "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" },
                } }),
                "deletes its volumes",
            ),
        ];
        for (kind, body, why) in rows {
            let compiled = compile(
                &one_kind(),
                &shrink,
                &[vec![object("apps/v1", kind, "a", &body)]],
            );
            assert!(why_skipped(&compiled).contains(why), "{kind} {body}");
        }
    }

    fn one_kind() -> Targets {
        Targets {
            kinds: vec!["Deployment".into()],
            ..Targets::default()
        }
    }

    /// The operator and an autoscaler that both write a count undo each other for ever.
    #[test]
    fn a_count_that_an_autoscaler_owns_is_left_alone_but_for_none_at_all() {
        let body = json!({ "spec": { "replicas": 3 } });
        let scaled = |api_version: &str, kind: &str, name: &str| {
            let of = json!({ "apiVersion": api_version, "kind": kind, "name": name });
            let body = json!({ "spec": { "scaleTargetRef": of } });
            object("autoscaling/v2", "HorizontalPodAutoscaler", "busy", &body)
        };
        let found = |autoscaler| {
            [
                vec![object("apps/v1", "Deployment", "a", &body)],
                vec![autoscaler],
            ]
        };
        let grow = rule(Some(9), None, None, None);
        let compiled = compile(
            &one_kind(),
            &grow,
            &found(scaled("apps/v1", "Deployment", "a")),
        );
        assert!(compiled.changes.is_empty());
        insta::assert_snapshot!(why_skipped(&compiled));
        let off = rule(Some(0), None, None, None);
        let compiled = compile(
            &one_kind(),
            &off,
            &found(scaled("apps/v1beta1", "Deployment", "a")),
        );
        assert_eq!(
            compiled.changes.len(),
            1,
            "none at all switches the autoscaler off"
        );
        let others = [
            scaled("apps/v1", "Deployment", "b"),
            scaled("apps/v1", "StatefulSet", "a"),
            scaled("example.com/v1", "Deployment", "a"),
        ];
        for other in others {
            let compiled = compile(&one_kind(), &grow, &found(other));
            assert_eq!(compiled.changes.len(), 1, "another's autoscaler");
        }
    }

    /// Growing such a StatefulSet loses nothing: only shrinking is refused.
    #[test]
    fn a_stateful_set_that_deletes_volumes_may_grow() {
        let body = json!({ "spec": {
            "replicas": 3,
            "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" },
        } });
        let grow = rule(None, Some(200), None, None);
        let compiled = compile(
            &one_kind(),
            &grow,
            &[vec![object("apps/v1", "StatefulSet", "a", &body)]],
        );
        assert_eq!(compiled.changes[0].after, Image::Present(json!(6)));
    }
}
