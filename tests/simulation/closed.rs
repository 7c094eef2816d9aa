//! A playbook that closes and opens, too: a freeze, a cut, rights that are taken and given, and a route that
//! leads to a page. Wherever its operator dies and whoever opens it again, in the end nothing of it is left, and
//! everything is what it was, owners included.

use http::Method;
use serde_json::{Value, json};

use super::city::{City, SPACE};
use super::play::{Outcome, Schedule};
use super::runs::{all, at};
use super::story::{APPROVERS, Act, Story};
use super::weather::{Fault, Weather, Which};
use super::wire::Sent;
use crate::scenarios::fleet::{How, Owned};
use crate::support::one_in;

/// The namespace that is frozen: one of its own, so that rivals go on everywhere else.
const FROZEN: &str = "quiet-services";
/// What the grant gives, and what suppliers have.
const ROLES: [&str; 2] = ["records-reader", "supplier-maintenance"];
/// How many objects there are beside the fleet.
const CLOSED: usize = 3;
/// What a switch makes: the freeze, the two policies of the cut, and the grant.
const MADE: usize = 4;
const RBAC: &str = "rbac.authorization.k8s.io";

/// What is there beside the fleet: suppliers' rights, those of the city's own people, and a route.
pub fn more() -> Vec<Owned> {
    let binding = |name: &str, group: &str, labels: Value| {
        json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
            "metadata": { "name": name, "namespace": SPACE, "labels": labels },
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": ROLES[1] },
            "subjects": [{ "apiGroup": RBAC, "kind": "Group", "name": group }] })
    };
    let route = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "name": "ways", "namespace": SPACE },
        "spec": { "hostnames": ["counters.example.com"], "rules": [
            { "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }],
              "backendRefs": [{ "name": "portal-web", "port": 80 }] } ] } });
    let owned = |manager, manifest| Owned {
        manager,
        how: How::Apply,
        manifest,
    };
    vec![
        owned("portal-team", route),
        owned("portal-team", binding("staff", "staff", json!({}))),
        owned(
            "helm",
            binding("vendors", "vendors", json!({ "party": "third" })),
        ),
    ]
}

/// Brings what the playbook needs: the kind of routes, the roles, and what is frozen.
pub async fn found(city: &City) {
    for kind in crate::fleet::gateway() {
        city.put(&kind).await;
    }
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": FROZEN } });
    city.put(&space).await;
    for name in ROLES {
        let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
        let role = json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
            "metadata": { "name": name }, "rules": rules });
        city.put(&role).await;
    }
}

/// The rights that the account needs for it, beside those that it has.
pub fn rules(verbs: &[&str], writes: bool) -> Vec<Value> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let mut rules = vec![
        rule("networking.k8s.io", &["networkpolicies"], verbs),
        rule("gateway.networking.k8s.io", &["httproutes"], verbs),
        rule(RBAC, &["rolebindings", "clusterrolebindings"], verbs),
        rule("", &["namespaces"], &["watch"]),
    ];
    if writes {
        rules.push(rule("", &["namespaces"], &["freeze"]));
        rules.push(
            json!({ "apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": ROLES,
                "verbs": ["bind"] }),
        );
    }
    rules
}

/// The stage that is there beside the others.
pub fn stage() -> Value {
    let here = json!({ "names": [SPACE] });
    let grant = json!({ "subjects": [{ "kind": "Group", "name": "community-medical" }],
        "role": { "kind": "ClusterRole", "name": ROLES[0] }, "namespaces": here,
        "purpose": "find the sick", "legalBasis": "article 68" });
    json!({ "name": "close", "dependsOn": ["shed"], "steps": [
        { "name": "no-changes", "freeze": { "namespaces": { "names": [FROZEN] },
            "except": [{ "kind": "Group", "name": "emergency-command" }] } },
        { "name": "vendors-out", "isolate": { "preset": "CutThirdParties", "namespaces": here } },
        { "name": "vendors-locked",
            "access": { "lockDown": { "bindings": { "matchLabels": { "party": "third" } } } } },
        { "name": "share", "access": { "grant": [grant] } },
        { "name": "to-page", "route": { "to": { "name": "emergency-page", "port": 80 } },
            "targets": { "kinds": ["gateway.networking.k8s.io/HTTPRoute"], "namespaces": here } },
    ] })
}

/// A short emergency: as long as it takes until the freeze is proven.
fn short() -> Story {
    let story = Story {
        happenings: Vec::new(),
        closes: true,
        ..Story::plain()
    };
    story.with([
        at(1, Act::Approve(APPROVERS[0])),
        at(2, Act::Approve(APPROVERS[1])),
        at(40, Act::StandDown),
    ])
}

fn with(weather: Weather) -> Schedule {
    Schedule {
        weather,
        ..Schedule::fine(short())
    }
}

/// Whether a request is about what closes, and took effect.
fn is_about(sent: &Sent) -> bool {
    let path = sent.path();
    let kinds = [
        "/networkpolicies",
        "/rolebindings",
        "/httproutes",
        "/changefreezes",
    ];
    kinds.iter().any(|kind| path.contains(kind))
        && sent.write
        && !sent.uri.contains("dryRun")
        && [200, 201].contains(&sent.code)
}

/// What all others are measured by: everything is closed, and opened again.
fn reference() -> Outcome {
    let outcome = Schedule::fine(short()).play();
    assert_eq!(outcome.violations, Vec::<String>::new());
    let count = |method: &Method| {
        let own = outcome.trail.iter();
        own.filter(|sent| sent.method == *method && is_about(sent))
            .count()
    };
    assert_eq!((count(&Method::POST), count(&Method::DELETE)), (MADE, MADE));
    // The route and one binding, there and back, and their owners.
    assert!(count(&Method::PATCH) >= 4);
    outcome
}

/// C1: a death before and after each write of what closes and opens, and every twelfth of the others.
#[test]
fn an_operator_that_closes_and_opens_may_die_at_any_write() {
    let reference = reference();
    let own: Vec<Which> = reference
        .trail
        .iter()
        .filter(|sent| is_about(sent))
        .map(|sent| sent.which)
        .collect();
    let (_, writes) = reference.first;
    let others = (1..=writes).map(|number| Which::Write(0, number));
    let others = others.filter(|which| !own.contains(which));
    let every = own.iter().copied().step_by(one_in(2));
    let deaths = every.chain(others.step_by(one_in(12))).flat_map(|which| {
        [false, true].map(|carried| {
            let name = format!("{which:?}, carried out: {carried}");
            (name, with(Weather::one(which, Fault::Death(carried))))
        })
    });
    let played = all(
        "C1, a death before and after each write of a playbook that closes and opens",
        deaths.collect::<Vec<_>>(),
    );
    assert!(played > 2 * MADE, "{played}");
}

/// C4: it is given up at each second of its switch, also by an operator that dies: whatever was closed is open,
/// and whoever was frozen out is let in.
#[test]
fn what_closes_and_opens_may_be_given_up_at_any_moment() {
    let schedules = (2..24).step_by(one_in(5)).flat_map(|moment| {
        let aborted = short().with([at(moment, Act::Abort("Restore"))]);
        let killed = aborted.clone().with([at(moment, Act::Kill(0))]);
        let stories = [("given up", aborted), ("given up and killed", killed)];
        stories.map(|(name, story)| (format!("{name} at {moment} s"), Schedule::fine(story)))
    });
    all(
        "C4, a playbook that closes and opens, given up at each second",
        schedules.collect::<Vec<_>>(),
    );
}

/// C15: whoever opens what is closed, takes it away or puts it there anew, at every turn: it is held, left to a
/// verdict or gone, and nobody's value is lost.
#[test]
fn what_is_closed_may_be_opened_by_others_at_any_moment() {
    let acts = |target: usize| {
        [
            Act::Edit(target, 3),
            Act::Force(target),
            Act::Reapply(target),
            Act::Recreate(target),
            Act::Delete(target),
        ]
    };
    let moments = [1, 9, 20, 41].into_iter();
    let schedules = moments.flat_map(|moment| {
        (0..CLOSED).flat_map(acts).map(move |act| {
            let name = format!("{act} at {moment} s");
            (name, Schedule::fine(short().with([at(moment, act)])))
        })
    });
    let schedules: Vec<_> = schedules.step_by(one_in(2)).collect();
    all("C15, others who open what is closed", schedules);
}
