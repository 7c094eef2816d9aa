//! Tests of looking at the room for pods, with a stand-in server.

use serde_json::json;

use super::*;
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::cluster::{Clients, Discovery};
use crate::engine::protect::Own;

/// How many there are of each, in the whole cluster.
const NODES: usize = 250;
/// See [`NODES`].
const PODS: usize = 450;

fn node(at: usize) -> Value {
    json!({ "metadata": { "name": format!("n{at}") }, "status": {
        "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" },
        "conditions": [{ "type": "Ready", "status": "True" }] } })
}

fn pod(at: usize) -> Value {
    json!({ "metadata": { "name": format!("p{at}"), "namespace": "portal" },
        "spec": { "nodeName": format!("n{}", at % NODES), "containers": [
            { "name": "c", "resources": { "requests": { "cpu": "1", "memory": "1Gi" } } }] } })
}

/// A page of so many objects, from where the one before ended.
fn page(asked: &Asked, all: usize, of: fn(usize) -> Value) -> Reply {
    let from = asked.path.split("continue=").nth(1).unwrap_or_default();
    let from: usize = from
        .split('&')
        .next()
        .unwrap_or_default()
        .parse()
        .unwrap_or(0);
    let end = all.min(from + list::PAGE);
    let next = if end < all {
        end.to_string()
    } else {
        String::new()
    };
    let items: Vec<Value> = (from..end).map(of).collect();
    reply(
        200,
        json!({ "metadata": { "continue": next }, "items": items }),
    )
}

fn rules(kind: &str, namespace: &str) -> Value {
    let spec = match kind {
        "resourcequotas" => json!({ "hard": { "pods": "9" } }),
        "limitranges" => json!({ "limits": [{ "type": "Pod" }] }),
        _ => json!({ "minAvailable": 1 }),
    };
    json!({ "metadata": { "name": "x", "namespace": namespace }, "spec": spec })
}

fn forbidden() -> Reply {
    reply(
        403,
        json!({ "kind": "Status", "reason": "Forbidden", "message": "no" }),
    )
}

/// A server on which these resources may be listed in the whole cluster, and these in namespaces.
fn answer(asked: &Asked, wide: &[&str], narrow: &[&str]) -> Reply {
    let (path, _) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let resource = parts.last().copied().unwrap_or_default();
    let items = |items: Vec<Value>| reply(200, json!({ "metadata": {}, "items": items }));
    match parts.as_slice() {
        ["api" | "apis"] => items(vec![]),
        [.., "namespaces", namespace, kind] if narrow.contains(kind) => {
            items(vec![rules(kind, namespace)])
        }
        [.., "namespaces", _, _] => forbidden(),
        _ if !wide.contains(&resource) => forbidden(),
        _ => match resource {
            "nodes" => page(asked, NODES, node),
            "pods" => page(asked, PODS, pod),
            "priorityclasses" => items(vec![json!({ "metadata": { "name": "high" }, "value": 5 })]),
            kind => items(["portal", "other"].map(|space| rules(kind, space)).into()),
        },
    }
}

const ALL: [&str; 6] = [
    "nodes",
    "pods",
    "priorityclasses",
    "resourcequotas",
    "limitranges",
    "poddisruptionbudgets",
];

/// What is seen in these namespaces, and the addresses asked but for discovery.
async fn look(
    wide: &'static [&'static str],
    narrow: &'static [&'static str],
    namespaces: &[&str],
) -> (Room, Vec<String>) {
    let fake = Fake::new(move |asked| answer(asked, wide, narrow));
    let account = Clients::fake(&fake.client());
    let discovery = Discovery::new(fake.client());
    let view = View {
        account: &account,
        discovery: &discovery,
        scope: None,
        own: Own {
            operator: "ops",
            accounts: "ops-accounts",
        },
        explains: true,
    };
    let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
    let room = room(view, &namespaces).await;
    let mut asked = fake.addresses();
    asked.retain(|address| address != "GET /api" && address != "GET /apis");
    assert_eq!(asked.len(), room.requests);
    (room, asked)
}

/// A cluster is looked at in as many requests as it has pages, and of a hundred thousand pods sums
/// are kept, not pods.
#[tokio::test]
async fn a_look_takes_a_request_a_page_and_a_few_more() {
    let (seen, asked) = look(&ALL, &[], &["portal", "pay", "third"]).await;
    // Two pages of nodes, three of pods, and one list each of four kinds.
    assert_eq!(asked.len(), 2 + 3 + 4, "{asked:?}");
    let nodes = seen.nodes.as_ref().expect("they may be read");
    assert_eq!((nodes.all.len(), nodes.free.cpu), (NODES, 550_000));
    assert_eq!(nodes.free.pods, 110 * 250 - 450);
    assert_eq!(seen.classes.as_ref().map(Vec::len), Some(1));
    let spaces: Vec<&String> = seen.quotas.keys().chain(seen.budgets.keys()).collect();
    assert_eq!(spaces, ["portal", "portal"], "only where counts change");
    assert!(
        seen.missing.is_empty() && seen.problems.is_empty(),
        "{seen:?}"
    );
}

/// Few namespaces are asked one by one: a plan of one department is not a look at the whole city.
#[tokio::test]
async fn few_namespaces_are_asked_one_by_one() {
    let narrow = &["resourcequotas", "limitranges", "poddisruptionbudgets"];
    let (seen, asked) = look(
        &["nodes", "pods", "priorityclasses"],
        narrow,
        &["portal", "pay"],
    )
    .await;
    assert_eq!(asked.len(), 2 + 3 + 1 + 3 * 2, "{asked:?}");
    assert_eq!(seen.limits.len(), 2);
    assert!(seen.missing.is_empty(), "{seen:?}");
    // An account with rights in its namespaces only is tried there once the wide list is refused.
    let (seen, asked) = look(&[], narrow, &["a", "b", "c"]).await;
    assert_eq!(asked.len(), 3 + 3 * (1 + 3), "{asked:?}");
    assert_eq!(seen.quotas.len(), 3);
    assert_eq!(
        seen.missing,
        [Right::Nodes, Right::Pods, Right::Classes].into()
    );
}

/// An account without rights costs a request a kind, and is told what it lacks.
#[tokio::test]
async fn an_account_that_may_read_nothing_is_told_in_one_sentence() {
    let (seen, asked) = look(&[], &[], &["portal"]).await;
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert_eq!(seen.missing.len(), 6);
    assert_eq!((seen.nodes.is_none(), seen.problems.len()), (true, 0));
    // Pods that may be read are not read where nothing is known of nodes.
    let (seen, asked) = look(&["pods"], &[], &["portal"]).await;
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert!(!seen.missing.contains(&Right::Pods));
    let unknown = seen.unknown().expect("something is missing");
    assert!(unknown.starts_with("capacity is not known: "), "{unknown}");
}
