//! The operator: whether one leads, and whether its account has the rights that it ships with.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::api::names;
use crate::cluster::{self, Collection, reviews, write};
use crate::engine::rights::Right;
use crate::run::clock::Clock;
use crate::t;

use super::{Line, Look, Part};

/// The operator's rights, as they are shipped.
const SHIPPED: &str = include_str!("../../../manifests/rbac.yaml");
/// How it acts as playbooks' accounts: one of these, by what the cluster knows.
const ACTING: [&str; 2] = [
    include_str!("../../../manifests/impersonation-constrained.yaml"),
    include_str!("../../../manifests/impersonation.yaml"),
];
/// The name of its account.
const ACCOUNT: &str = "pingzhan";

/// How often a lease is read again that seems to be over, and for how many seconds at most.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: i64 = 60;

/// What is said of it.
pub(super) async fn part(look: &Look<'_>) -> Part {
    let lines = vec![leader(look).await, rights(look).await];
    Part {
        name: "operator",
        lines,
    }
}

/// Who holds the lease.
struct Held {
    holder: String,
    renewed: Timestamp,
    /// Seconds that it holds without being renewed.
    lasts: i64,
}

/// The lease; nothing where nobody holds it.
async fn lease(look: &Look<'_>) -> Result<Option<Held>, cluster::Error> {
    let leases = Collection {
        api_version: "coordination.k8s.io/v1".to_owned(),
        kind: "Lease".to_owned(),
        plural: "leases".to_owned(),
        namespace: look.operator.operator_namespace.clone(),
    };
    let lease = write::get(&look.own.reads, &leases, names::LEASE).await?;
    let spec = lease.map(|lease| lease["spec"].clone()).unwrap_or_default();
    let text = |name: &str| spec[name].as_str().unwrap_or_default();
    let renewed = text("renewTime").parse().ok();
    let held = renewed.map(|renewed| Held {
        holder: text("holderIdentity").to_owned(),
        renewed,
        lasts: spec["leaseDurationSeconds"].as_i64().unwrap_or(15),
    });
    Ok(held.filter(|held| !held.holder.is_empty()))
}

async fn leader(look: &Look<'_>) -> Line {
    let lang = look.lang;
    let next = || {
        let namespace = look.operator.operator_namespace.clone();
        t!(lang, "check-leader-next", namespace = namespace)
    };
    let held = match lease(look).await {
        Ok(Some(held)) => held,
        Ok(None) => return Line::bad(t!(lang, "check-leader-none"), next()),
        Err(error) => return look.unseen(names::LEASE, &error),
    };
    let Held {
        holder,
        renewed,
        lasts,
    } = held;
    let age = Clock::machine().now().duration_since(renewed).as_secs();
    if (-lasts..=lasts).contains(&age) {
        let seconds = age.max(0);
        return Line::good(t!(
            lang,
            "check-leader-good",
            holder = holder,
            seconds = seconds
        ));
    }
    // Clocks need not agree: who leads renews the lease before it is over.
    for _ in 0..lasts.clamp(1, LONGEST) {
        tokio::time::sleep(AGAIN).await;
        if let Ok(Some(now)) = lease(look).await
            && now.renewed != renewed
        {
            return Line::good(t!(lang, "check-leader-skew", holder = now.holder));
        }
    }
    let text = t!(lang, "check-leader-gone", holder = holder, seconds = age);
    Line::bad(text, next())
}

/// Each right that is shipped is asked for, which only who may review others can do.
async fn rights(look: &Look<'_>) -> Line {
    let lang = look.lang;
    let namespace = &look.operator.operator_namespace;
    let user = format!("system:serviceaccount:{namespace}:{ACCOUNT}");
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
        "system:authenticated".to_owned(),
    ];
    let accounts = &look.operator.accounts_namespace;
    let own = shipped(SHIPPED, namespace, accounts);
    let mut acting: Vec<(usize, Vec<String>)> = Vec::new();
    let mut missing = Vec::new();
    let sets = ACTING.map(|text| shipped(text, namespace, accounts));
    for (wanted, is_own) in [(&own, true), (&sets[0], false), (&sets[1], false)] {
        let mut refused = Vec::new();
        for right in wanted {
            match reviews::may_they(&look.own, &user, &groups, right).await {
                Ok(true) => {}
                Ok(false) => refused.push(said(right)),
                Err(problem) => {
                    let text = look.not_seen(&user, &problem);
                    return Line::look(text, t!(lang, "check-rights-unseen-next"));
                }
            }
        }
        if is_own {
            missing = refused;
        } else {
            acting.push((wanted.len(), refused));
        }
    }
    // One way to act as accounts suffices; of none, what is nearest is said.
    let nearest = acting.into_iter().min_by_key(|(_, refused)| refused.len());
    let (ways, refused) = nearest.unwrap_or_default();
    missing.extend(refused);
    if missing.is_empty() {
        let count = own.len() + ways;
        return Line::good(t!(lang, "check-rights-good", user = user, count = count));
    }
    Line::bad(
        t!(
            lang,
            "check-rights-missing",
            user = user,
            rights = missing.join(", ")
        ),
        t!(lang, "check-rights-next"),
    )
}

fn said(right: &Right) -> String {
    let group = match right.group.as_str() {
        "" => String::new(),
        group => format!(".{group}"),
    };
    format!("{} {}{group}", right.verb, right.resource)
}

/// The rights of the roles that are bound to the operator's account.
fn shipped(text: &str, namespace: &str, accounts: &str) -> Vec<Right> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let documents: Vec<Value> = documents
        .filter_map(|one| serde::Deserialize::deserialize(one).ok())
        .collect();
    let bound: Vec<(&str, &str)> = documents
        .iter()
        .filter(|one| one["subjects"].is_array())
        .filter_map(|one| {
            let role = &one["roleRef"];
            Some((role["kind"].as_str()?, role["name"].as_str()?))
        })
        .collect();
    let mut rights = Vec::new();
    for role in &documents {
        let text = |place: &str| role.pointer(place).and_then(Value::as_str);
        let (Some(kind), Some(name)) = (text("/kind"), text("/metadata/name")) else {
            continue;
        };
        if !bound.contains(&(kind, name)) {
            continue;
        }
        let place = text("/metadata/namespace").map(|own| {
            match own {
                names::DEFAULT_NAMESPACE => namespace,
                names::ACCOUNT_NAMESPACE => accounts,
                other => other,
            }
            .to_owned()
        });
        for rule in role["rules"].as_array().into_iter().flatten() {
            rights.extend(of_rule(rule, place.as_ref()));
        }
    }
    rights.sort();
    rights.dedup();
    rights
}

fn of_rule(rule: &Value, namespace: Option<&String>) -> Vec<Right> {
    let words = |name: &str| -> Vec<&str> {
        let words = rule[name].as_array().into_iter().flatten();
        words.filter_map(Value::as_str).collect()
    };
    let mut rights = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                rights.push(Right {
                    namespace: namespace.cloned(),
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    name: None,
                    verb: verb.to_owned(),
                });
            }
        }
    }
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not asked for would never be missed.
    #[test]
    fn every_right_of_the_shipped_roles_is_asked_for_and_no_other() {
        let texts = [SHIPPED, ACTING[0], ACTING[1]].into_iter();
        let rights = texts.flat_map(|text| shipped(text, "ops", "ops-accounts"));
        let rights: Vec<Right> = rights.collect();
        let said: Vec<String> = rights
            .iter()
            .map(|right| format!("{} in {:?}", said(right), right.namespace))
            .collect();
        for expected in [
            "create changerecords.pingzhan.dev in None",
            "update leases.coordination.k8s.io in Some(\"ops\")",
            "impersonate serviceaccounts in Some(\"ops-accounts\")",
            "impersonate:serviceaccount serviceaccounts.authentication.k8s.io in Some(\"ops-accounts\")",
            "impersonate-on:serviceaccount:patch *.* in None",
        ] {
            assert!(
                said.iter().any(|one| one == expected),
                "{expected} in {said:?}"
            );
        }
        // That one is for people who view.
        let aggregated = rights.iter().filter(|right| right.resource == "playbooks");
        assert_eq!(aggregated.count(), 3);
    }
}
