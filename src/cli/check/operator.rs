//! The operator: whether one leads, and whether its account has the rights that it ships with.

use std::collections::BTreeSet;
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
/// How the API server calls a service account: this, its namespace, and its name.
const ACCOUNT: &str = "system:serviceaccount:";
/// The resource of accounts that are acted as.
const LENT: &str = "serviceaccounts";

/// How often a lease is read again that seems to be over, and for how many seconds at most.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: i64 = 60;

/// What is said of it: of the user as whom it runs, and of these accounts, which playbooks name.
pub(super) async fn part(look: &Look<'_>, user: &str, accounts: &BTreeSet<String>) -> Part {
    let lines = vec![leader(look).await, rights(look, user, accounts).await];
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
async fn rights(look: &Look<'_>, user: &str, accounts: &BTreeSet<String>) -> Line {
    let lang = look.lang;
    let own = Asked {
        look,
        user,
        groups: groups(user),
        accounts,
    };
    let (count, lacking) = match own.all().await {
        Ok(found) => found,
        Err(problem) => {
            let text = look.not_seen(user, &problem);
            return Line::look(text, t!(lang, "check-rights-unseen-next"));
        }
    };
    let user = user.to_owned();
    if lacking.rights.is_empty() && lacking.open {
        let text = t!(lang, "check-rights-unlent", user = user);
        return Line::look(text, t!(lang, "check-rights-unlent-next"));
    }
    if lacking.rights.is_empty() {
        return Line::good(t!(lang, "check-rights-good", user = user, count = count));
    }
    let is_account = user.starts_with(ACCOUNT);
    let rights = lacking.rights.join(", ");
    let text = t!(lang, "check-rights-missing", user = user, rights = rights);
    if is_account {
        Line::bad(text, t!(lang, "check-rights-next"))
    } else {
        // A user's groups stand in its certificate or token, and it may have all of this by one of them.
        Line::look(text, t!(lang, "check-rights-user-next"))
    }
}

/// The groups that a user is in by its name alone.
fn groups(user: &str) -> Vec<String> {
    let mut groups = vec!["system:authenticated".to_owned()];
    let account = user.strip_prefix(ACCOUNT);
    if let Some((namespace, _)) = account.and_then(|account| account.split_once(':')) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups
}

/// What is missing.
#[derive(Default)]
struct Lacking {
    /// Rights, in words.
    rights: Vec<String>,
    /// Whether accounts may be lent by name, and nobody names one that could be asked for.
    open: bool,
}

/// Whose rights are asked for.
struct Asked<'a> {
    look: &'a Look<'a>,
    user: &'a str,
    groups: Vec<String>,
    accounts: &'a BTreeSet<String>,
}

impl Asked<'_> {
    /// How many rights it should have, and which it lacks, in words.
    ///
    /// # Errors
    /// The API server does not say.
    async fn all(&self) -> Result<(usize, Lacking), String> {
        let operator = self.look.operator;
        let of = |text| {
            shipped(
                text,
                &operator.operator_namespace,
                &operator.accounts_namespace,
            )
        };
        let own = of(SHIPPED);
        let mut lacking = self.lacks(&own).await?;
        let mut ways = Vec::new();
        for text in ACTING {
            let wanted = of(text);
            ways.push((wanted.len(), self.lacks(&wanted).await?));
        }
        // One way to act as accounts suffices; of none, what is nearest is said.
        let ways = ways.into_iter();
        let nearest = ways.min_by_key(|(_, way)| (way.rights.len(), way.open));
        let (count, way) = nearest.unwrap_or_default();
        lacking.rights.extend(way.rights);
        lacking.open |= way.open;
        Ok((own.len() + count, lacking))
    }

    /// Which of these rights it lacks.
    async fn lacks(&self, wanted: &[Right]) -> Result<Lacking, String> {
        let mut lacking = Lacking::default();
        for right in wanted {
            if self.has(right).await? {
                continue;
            }
            // Where accounts are lent by name, nobody has the right to all of them: it is asked for each
            // that is named by a playbook.
            if right.resource != LENT {
                lacking.rights.push(said(right));
                continue;
            }
            lacking.open |= self.accounts.is_empty();
            for account in self.accounts {
                let one = Right {
                    name: Some(account.clone()),
                    ..right.clone()
                };
                if !self.has(&one).await? {
                    lacking.rights.push(said(&one));
                }
            }
        }
        Ok(lacking)
    }

    async fn has(&self, right: &Right) -> Result<bool, String> {
        reviews::may_they(&self.look.own, self.user, &self.groups, right).await
    }
}

fn said(right: &Right) -> String {
    let group = match right.group.as_str() {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let name = right.name.as_ref();
    let name = name.map_or_else(String::new, |name| format!("/{name}"));
    format!("{} {}{group}{name}", right.verb, right.resource)
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
    use serde_json::json;

    use super::super::{Mark, Operator};
    use super::*;
    use crate::cluster::Clients;
    use crate::cluster::fake::{Fake, reply};
    use crate::i18n::Lang;

    /// What is said of a user where the API server gives this of what is asked for.
    async fn line(user: &str, playbooks: &[&str], gives: fn(&Value) -> bool) -> (Mark, String) {
        let fake = Fake::new(move |asked| {
            let allowed = gives(&asked.body["spec"]);
            reply(201, json!({ "status": { "allowed": allowed } }))
        });
        let operator = Operator {
            operator_namespace: names::DEFAULT_NAMESPACE.to_owned(),
            accounts_namespace: names::ACCOUNT_NAMESPACE.to_owned(),
        };
        let look = Look {
            lang: Lang::En,
            own: Clients::fake(&fake.client()),
            operator: &operator,
        };
        let accounts = playbooks.iter().map(|name| (*name).to_owned());
        let accounts: BTreeSet<String> = accounts.collect();
        let line = rights(&look, user, &accounts).await;
        (line.mark, line.text)
    }

    const OWN: &str = "system:serviceaccount:pingzhan-system:pingzhan";

    /// An operator that runs outside the cluster is no service account: its rights are those of its user, and
    /// a user may have them by a group that nobody can see here.
    #[tokio::test]
    async fn rights_are_asked_for_whoever_the_operator_is() {
        let all = |spec: &Value| {
            let is_account = spec["user"] == OWN;
            let groups = spec["groups"].as_array().map_or(0, Vec::len);
            (is_account && groups == 3) || (spec["user"] == "ops@city" && groups == 1)
        };
        for user in [OWN, "ops@city"] {
            let (mark, text) = line(user, &["flood"], all).await;
            assert_eq!(mark, Mark::Good, "{text}");
            assert!(text.contains(user), "{text}");
        }
        let none = |_: &Value| false;
        let marks = [(OWN, Mark::Bad), ("ops@city", Mark::Look)];
        for (user, expected) in marks {
            let (mark, text) = line(user, &["flood"], none).await;
            assert_eq!(mark, expected, "{text}");
        }
    }

    /// Whoever lends accounts by name lends none by another: a check that asks for all of them would call
    /// that a mistake, and one that asks for none would not find the account that was forgotten.
    #[tokio::test]
    async fn accounts_that_are_lent_by_name_are_asked_for_by_name() {
        let named = |spec: &Value| {
            let right = &spec["resourceAttributes"];
            let is_classic = !right["verb"].as_str().unwrap_or_default().contains(':');
            let is_lent = right["resource"] != LENT || right["name"] == "flood";
            is_classic && is_lent
        };
        let (mark, text) = line(OWN, &["flood"], named).await;
        assert_eq!(mark, Mark::Good, "{text}");
        let (mark, text) = line(OWN, &["flood", "typhoon"], named).await;
        assert_eq!(mark, Mark::Bad);
        let missing = "lacks: get serviceaccounts/typhoon, impersonate serviceaccounts/typhoon";
        assert!(text.ends_with(missing), "{text}");
        // Whoever installs it has no playbook yet, and must not be told to lend all accounts.
        let (mark, text) = line(OWN, &[], named).await;
        assert_eq!(mark, Mark::Look, "{text}");
        let all = |spec: &Value| spec["resourceAttributes"]["name"].is_null();
        let (mark, text) = line(OWN, &[], all).await;
        assert_eq!(mark, Mark::Good, "{text}");
    }

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
        assert_eq!(aggregated.count(), 2);
    }
}
