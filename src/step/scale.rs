//! `scale`: the number of replicas of the parent object, never through its scale subresource,
//! which loses field ownership.

use serde_json::Value;

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::Targets;
use crate::field::{Image, Projection, Seen};
use crate::playbook::ScaleRule;

/// The replicas of every kind: at a known path for built-in kinds, by the CRD for others.
pub fn needs(targets: &Targets) -> Vec<Query> {
    queries(targets, Role::Target, |kind| {
        match kinds::find(kind).and_then(kinds::Kind::replicas_path) {
            Some(path) => Fields::Paths(kinds::paths(kind, [path])),
            None => Fields::Replicas,
        }
    })
}

/// One change for every object whose count is not yet what the rule asks for.
pub fn compile(rule: &ScaleRule, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for object in found.iter().flatten() {
        match change(rule, object) {
            Ok(proposal) => compiled.changes.push(proposal),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why,
            }),
        }
    }
    compiled
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
            let compiled = compile(&shrink, &[vec![object("apps/v1", kind, "a", &body)]]);
            assert!(why_skipped(&compiled).contains(why), "{kind} {body}");
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
        let compiled = compile(&grow, &[vec![object("apps/v1", "StatefulSet", "a", &body)]]);
        assert_eq!(compiled.changes[0].after, Image::Present(json!(6)));
    }
}
