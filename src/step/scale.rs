//! `scale`: the number of replicas of the parent object, never through its scale subresource,
//! which loses field ownership.

use std::cmp::Ordering;

use serde_json::Value;

use super::count::{self, Aim, Owners};
use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds, queries};
use crate::api::Targets;
use crate::field::{Image, Projection, Seen};
use crate::playbook::ScaleRule;

/// The replicas of every kind: at a known path for built-in kinds, by the CRD for others; then the
/// autoscalers beside them.
pub fn needs(targets: &Targets) -> Vec<Query> {
    let mut needs = queries(targets, Role::Target, |kind| {
        match kinds::find(kind).and_then(kinds::Kind::replicas_path) {
            Some(path) => Fields::Paths(kinds::paths(kind, [path])),
            None => Fields::Replicas,
        }
    });
    needs.extend(count::asked().map(|(kind, paths)| Query {
        kind: kind.to_owned(),
        namespaces: targets.namespaces.clone(),
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role: Role::Autoscaler,
        fields: Fields::Paths(paths),
    }));
    needs
}

/// The changes of every object whose count is not yet what the rule asks for: of the count, or,
/// where an autoscaler owns it, of that one's bounds, since it would put its own count back within
/// seconds.
pub fn compile(targets: &Targets, rule: &ScaleRule, found: &[Vec<Projection>]) -> Compiled {
    let (workloads, autoscalers) = found.split_at(targets.kinds.len().min(found.len()));
    let owners = Owners::read(autoscalers);
    let mut compiled = Compiled::default();
    for object in workloads.iter().flatten() {
        match changes(rule, object, &owners) {
            Ok(changes) => compiled.changes.extend(changes),
            Err(why) => compiled.skipped.push(Skipped {
                target: object.target.clone(),
                why,
            }),
        }
    }
    compiled
}

/// The changes of one object, or why it is left alone.
fn changes(
    rule: &ScaleRule,
    object: &Projection,
    owners: &Owners<'_>,
) -> Result<Vec<Proposal>, String> {
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
    against(rule, base, after)?;
    if let Some(why) = kinds::left_alone(object, after < base) {
        return Err(why.to_owned());
    }
    let own = |why| Proposal {
        target: object.target.clone(),
        path: seen.path.clone(),
        base: seen.image.clone(),
        after: Image::Present(Value::from(after)),
        why,
        wave: 0,
    };
    let Some(owner) = owners.of(object)? else {
        return if after == base {
            Err(format!("already {base}"))
        } else {
            Ok(vec![own(why)])
        };
    };
    // None at all switches such an autoscaler off: then the count is the workload's own.
    if owner.sleeps_at_none() && (after == 0 || base == 0) {
        return match (base, after) {
            (0, 0) => Err("already 0".to_owned()),
            (_, 0) => Ok(vec![own(format!("{why}; {} is off then", owner.named()))]),
            _ => Err(format!(
                "it has no replicas, which switches {} off: give it one by hand, and its \
                 autoscaler takes over",
                owner.named()
            )),
        };
    }
    let told = owner.told(aim(rule, base, after));
    if told.is_empty() {
        return Err(format!("already as asked: {} sees to it", owner.named()));
    }
    let told = told.into_iter().map(|told| Proposal {
        target: owner.object.target.clone(),
        path: told.path,
        base: told.base,
        after: told.after,
        why: format!("{why}: {}", told.why),
        wave: 0,
    });
    Ok(told.collect())
}

/// A percentage says which way the count is meant to go, and its bounds never turn it round: what is
/// to shrink does not grow, and what is to grow does not shrink.
fn against(rule: &ScaleRule, base: i64, after: i64) -> Result<(), String> {
    let Some(percent) = rule.percent else {
        return Ok(());
    };
    match (percent.cmp(&100), after.cmp(&base)) {
        (Ordering::Less, Ordering::Greater) => Err(format!(
            "it has {base}, and {percent} % of it, at least {after}, would be more"
        )),
        (Ordering::Greater, Ordering::Less) => Err(format!(
            "it has {base} already, and {percent} % of it, at most {after}, would be less"
        )),
        (Ordering::Less | Ordering::Equal | Ordering::Greater, _) => Ok(()),
    }
}

/// What an owner of the count is to aim at.
fn aim(rule: &ScaleRule, base: i64, after: i64) -> Aim {
    match rule {
        ScaleRule {
            replicas: Some(count),
            ..
        } => Aim::Fixed(*count),
        ScaleRule {
            percent: Some(_), ..
        } => Aim::From { base, after },
        ScaleRule {
            minimum, maximum, ..
        } => Aim::Within {
            minimum: *minimum,
            maximum: *maximum,
        },
    }
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

/// How many replicas an object of a scaled kind wants; nothing where it does not say.
pub fn count(object: &Projection) -> Option<i64> {
    kinds::number(&replicas(object)?.image)
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

    /// The operator and an autoscaler that both write a count undo each other for ever: one of them
    /// is told by its bounds, but for none at all, which switches it off.
    #[test]
    fn a_count_that_an_autoscaler_owns_is_changed_through_its_bounds() {
        let scaled = |count: i64, bounds: (i64, i64)| {
            let of = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "a" });
            let spec =
                json!({ "scaleTargetRef": of, "minReplicas": bounds.0, "maxReplicas": bounds.1 });
            let body = json!({ "spec": { "replicas": count } });
            [
                vec![object("apps/v1", "Deployment", "a", &body)],
                vec![object(
                    "autoscaling/v2",
                    "HorizontalPodAutoscaler",
                    "busy",
                    &json!({ "spec": spec }),
                )],
            ]
        };
        let rows = [
            // A surge: it keeps at least that, and may go further.
            (rule(None, Some(300), None, None), 3, (2, 20)),
            (rule(None, Some(300), None, Some(40)), 12, (2, 20)),
            // A shedding: it stays below.
            (rule(None, Some(30), Some(1), None), 10, (6, 20)),
            (rule(None, Some(30), Some(1), None), 10, (1, 2)),
            // Bounds go to its bounds, whatever the load makes of the count just now.
            (rule(None, None, Some(5), None), 10, (2, 4)),
            (rule(None, None, None, Some(4)), 3, (6, 9)),
            (rule(None, None, Some(2), None), 3, (2, 4)),
            (rule(Some(7), None, None, None), 3, (2, 20)),
            (rule(None, Some(100), None, None), 3, (2, 20)),
            // None at all.
            (rule(Some(0), None, None, None), 3, (2, 20)),
            (rule(Some(4), None, None, None), 0, (2, 20)),
            (rule(Some(0), None, None, None), 0, (2, 20)),
        ];
        let said = rows.map(|(rule, count, bounds)| {
            let compiled = compile(&one_kind(), &rule, &scaled(count, bounds));
            let changes = compiled.changes.iter().map(|change| {
                let (kind, path) = (&change.target.kind, change.path.to_pointer());
                let (base, after) = (change.base.display(), change.after.display());
                format!("{kind} {path}: {base} -> {after} ({})", change.why)
            });
            let skipped = compiled.skipped.iter().map(|skipped| skipped.why.clone());
            let lines: Vec<String> = changes.chain(skipped).collect();
            format!("{count} in {bounds:?}\n  {}", lines.join("\n  "))
        });
        insta::assert_snapshot!(said.join("\n"));
    }

    /// Another's autoscaler has no say.
    #[test]
    fn an_autoscaler_owns_only_the_count_that_it_names() {
        let scaled = |api_version: &str, kind: &str, name: &str| {
            let of = json!({ "apiVersion": api_version, "kind": kind, "name": name });
            let body = json!({ "spec": { "scaleTargetRef": of, "maxReplicas": 20 } });
            object("autoscaling/v2", "HorizontalPodAutoscaler", "busy", &body)
        };
        let body = json!({ "spec": { "replicas": 3 } });
        let found = |autoscaler| {
            [
                vec![object("apps/v1", "Deployment", "a", &body)],
                vec![autoscaler],
            ]
        };
        let grow = rule(Some(9), None, None, None);
        let own = scaled("apps/v1beta1", "Deployment", "a");
        let compiled = compile(&one_kind(), &grow, &found(own));
        assert_eq!(
            compiled.changes[0].target.name, "busy",
            "whatever the version"
        );
        let others = [
            scaled("apps/v1", "Deployment", "b"),
            scaled("apps/v1", "StatefulSet", "a"),
            scaled("example.com/v1", "Deployment", "a"),
        ];
        for other in others {
            let compiled = compile(&one_kind(), &grow, &found(other));
            assert_eq!(compiled.changes[0].target.name, "a");
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

    /// A shedding that wakes what stands still takes what the surge needs; a surge that shrinks is worse
    /// than none.
    #[test]
    fn bounds_never_turn_a_percentage_round() {
        let rows = [
            (rule(None, Some(30), Some(1), None), 0, None),
            (rule(None, Some(30), Some(1), None), 1, None),
            (rule(None, Some(30), Some(1), None), 9, Some(3)),
            (rule(None, Some(300), None, Some(40)), 50, None),
            (rule(None, Some(300), None, Some(40)), 20, Some(40)),
            (rule(None, None, Some(2), None), 0, Some(2)),
        ];
        for (rule, base, expected) in rows {
            let object = object(
                "apps/v1",
                "Deployment",
                "a",
                &json!({ "spec": { "replicas": base } }),
            );
            let found = changes(&rule, &object, &Owners::read(&[]));
            let after = found.map(|changes| kinds::number(&changes[0].after));
            assert_eq!(after.ok().flatten(), expected, "{rule:?} of {base}");
        }
    }
}
