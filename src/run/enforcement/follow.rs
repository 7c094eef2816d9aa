//! Watches policies, bindings and kinds of ours, and compares them with what this version ships.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tokio::time::Instant;

use crate::api;
use crate::policies::{self, compare};

use super::{FAILING, Rules};

/// By what our objects are told from others'.
const OURS: &str = "app.kubernetes.io/name=pingzhan";
/// Kinds that are watched: group, version, kind and plural.
const KINDS: [(&str, &str, &str, &str); 3] = [
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    ),
];

/// Objects of ours as they are, by kind and name.
type Live = BTreeMap<(&'static str, String), Value>;

/// What is expected to be there.
struct Expected {
    kind: &'static str,
    name: String,
    object: Value,
    /// Whether nothing may be begun without it.
    is_needed: bool,
}

/// Watches until it is ended, and tells the rules what it finds.
///
/// Guarantees: what was known of them stands while they are listed anew, and while that fails for a few
/// seconds: a server that hiccups stops no mode.
pub async fn follow(rules: Rules) {
    let expected = expected(&rules);
    let watches = KINDS.iter().enumerate().map(|(place, row)| {
        let api: Api<DynamicObject> = Api::all_with(rules.own.watches.clone(), &resource(row));
        let events = watcher(api, watcher::Config::default().labels(OURS)).default_backoff();
        events.map(move |event| (place, event)).boxed()
    });
    let mut events = stream::select_all(watches);
    let mut live = Live::new();
    let mut listed = [false; KINDS.len()];
    let mut failing = [None; KINDS.len()];
    while let Some((place, event)) = events.next().await {
        let kind = KINDS[place].2;
        match event {
            Ok(Event::Init) => {
                listed[place] = false;
                live.retain(|(of, _), _| *of != kind);
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                let key = (kind, object.name_any());
                live.insert(key, serde_json::to_value(&object).unwrap_or_default());
            }
            Ok(Event::InitDone) => {
                listed[place] = true;
                failing[place] = None;
            }
            Ok(Event::Delete(object)) => {
                live.remove(&(kind, object.name_any()));
            }
            Err(error) => {
                tracing::warn!(%error, kind, "the watch on the rules was interrupted");
                if !listed[place] && lasts(&mut failing[place], Instant::now()) {
                    let problem = format!("each {kind} of ours cannot be watched: {error}");
                    // Of the others it holds what was known: a mode says no less for it.
                    rules.compared(vec![problem], rules.lapsed());
                }
                continue;
            }
        }
        if listed.iter().all(|whole| *whole) {
            let found = |is_needed| problems(&expected, &live, is_needed);
            rules.compared(found(true), found(false));
        }
    }
}

/// Whether a list that fails now has failed for so long that it is to be said.
fn lasts(failing: &mut Option<Instant>, now: Instant) -> bool {
    let since = *failing.get_or_insert(now);
    now.duration_since(since) >= FAILING.unsigned_abs()
}

fn resource((group, version, kind, plural): &(&str, &str, &str, &str)) -> ApiResource {
    ApiResource {
        group: (*group).to_owned(),
        version: (*version).to_owned(),
        api_version: format!("{group}/{version}"),
        kind: (*kind).to_owned(),
        plural: (*plural).to_owned(),
    }
}

fn expected(rules: &Rules) -> Vec<Expected> {
    let mut expected = Vec::new();
    for policy in policies::all(&rules.names) {
        // A test holds that each is YAML; one that were not would be missed below.
        for object in policy.objects().unwrap_or_default() {
            let kind = KINDS.iter().find(|row| object["kind"] == row.2);
            expected.extend(kind.map(|row| Expected {
                kind: row.2,
                name: policy.name.to_owned(),
                object,
                is_needed: policy.is_needed(),
            }));
        }
    }
    for object in api::kinds() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        expected.push(Expected {
            kind: KINDS[2].2,
            name: name.to_owned(),
            object: object.clone(),
            is_needed: true,
        });
    }
    expected
}

/// What is missing or other than it should be, a sentence each.
fn problems(expected: &[Expected], live: &Live, is_needed: bool) -> Vec<String> {
    let wanted = expected.iter().filter(|one| one.is_needed == is_needed);
    wanted.filter_map(|one| problem(one, live)).collect()
}

fn problem(expected: &Expected, live: &Live) -> Option<String> {
    let Expected {
        kind,
        name,
        object,
        is_needed: _,
    } = expected;
    let Some(found) = live.get(&(*kind, name.clone())) else {
        return Some(format!(
            "{kind} {name} is missing, or has not the label {OURS}"
        ));
    };
    if !found["metadata"]["deletionTimestamp"].is_null() {
        return Some(format!("{kind} {name} is being deleted"));
    }
    let differs = if *kind == KINDS[2].2 {
        compare::contained(object, found)
    } else {
        compare::same(object, found)
    };
    differs.map(|what| format!("{kind} {name}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::cluster::Clients;
    use crate::cluster::fake::{Asked, Fake, Reply, reply};
    use crate::policies::Names;
    use crate::run::clock::Clock;
    use crate::run::metrics::Metrics;

    /// A server whose watches are all behind, and of which one list works once and then fails so often.
    fn server(failures: usize) -> Fake {
        let lists = AtomicUsize::new(0);
        Fake::new(move |asked: &Asked| -> Reply {
            let is_watch = asked.path.contains("watch=true");
            let is_meant = asked.path.contains("/customresourcedefinitions");
            if is_watch && is_meant && lists.load(Ordering::SeqCst) == 1 {
                let gone = json!({ "type": "ERROR", "object": { "kind": "Status", "apiVersion": "v1",
                    "status": "Failure", "reason": "Expired", "message": "too old", "code": 410 } });
                return reply(200, gone);
            }
            if is_watch {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": "TooManyRequests", "message": "later", "code": 429 });
                return reply(429, status);
            }
            let times = if is_meant {
                lists.fetch_add(1, Ordering::SeqCst)
            } else {
                0
            };
            if (1..=failures).contains(&times) {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": "InternalError", "message": "busy", "code": 500 });
                return reply(500, status);
            }
            reply(
                200,
                json!({ "metadata": { "resourceVersion": "7" }, "items": [] }),
            )
        })
    }

    /// Everything that was found of the rules within a time, each once.
    async fn found(failures: usize, within: Duration) -> Vec<String> {
        let own = Clients::fake(&server(failures).client());
        let clock = Clock::from(Timestamp::UNIX_EPOCH);
        let rules = Rules::new(own, clock, Metrics::new(), Names::default());
        let mut known = rules.known.subscribe();
        let task = tokio::spawn(follow(rules));
        let mut found = Vec::new();
        let end = Instant::now() + within;
        while let Ok(Ok(())) = tokio::time::timeout_at(end, known.changed()).await {
            let compared = known.borrow_and_update().compared.clone();
            found.extend(compared.unwrap_or_default());
        }
        task.abort();
        found
    }

    /// That a watch was behind is every day's business: a list that fails once afterwards must not stop every
    /// mode in an emergency and wake whoever is alarmed. One that fails for seconds is said.
    #[tokio::test(start_paused = true)]
    async fn rules_that_cannot_be_listed_anew_for_a_moment_stand_as_they_were() {
        let unwatched = |found: &[String]| {
            let mut found = found.iter();
            found.any(|one| one.contains("cannot be watched"))
        };
        let once = found(1, Duration::from_mins(1)).await;
        assert!(!once.is_empty(), "the server has none of the rules");
        assert!(!unwatched(&once), "{once:?}");
        let always = found(usize::MAX, Duration::from_mins(1)).await;
        assert!(unwatched(&always), "{always:?}");
    }

    /// Patience begins with the first failure, and ends with a list.
    #[test]
    fn a_failing_list_is_said_after_some_seconds() {
        let begun = Instant::now();
        let mut failing = None;
        assert!(!lasts(&mut failing, begun));
        assert!(!lasts(&mut failing, begun + Duration::from_millis(2999)));
        assert!(lasts(&mut failing, begun + Duration::from_secs(3)));
    }
}
