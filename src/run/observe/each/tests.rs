//! Places of one object in many namespaces, asked of a stand-in server.

use serde_json::json;

use super::super::namespaces::Namespaces;
use super::*;
use crate::api::NamespaceSelector;
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::cluster::{Clients, Discovery};
use crate::engine::protect::Own;
use crate::step::{Fields, Role};

/// How many namespaces the server has, whether the account may list objects in all of them at once, and who
/// made the object that is in `s1` already, if anybody did.
#[derive(Clone, Copy)]
struct Server {
    spaces: usize,
    lists: bool,
    there: Option<bool>,
}

fn spaces(count: usize) -> Vec<Value> {
    let own = (0..count).map(|at| format!("s{at}"));
    let never = ["kube-system", "ops", "ops-accounts"].map(str::to_owned);
    let mut all: Vec<Value> = own
        .chain(never)
        .map(|name| json!({ "metadata": { "name": name, "labels": {} } }))
        .collect();
    all.push(
        json!({ "metadata": { "name": "kept", "labels": { "pingzhan.dev/exclude": "true" } } }),
    );
    all
}

fn policy(made: bool) -> Value {
    let labels = if made {
        json!({ "pingzhan.dev/made-for": "m" })
    } else {
        json!({})
    };
    json!({ "metadata": { "name": "wartime-cut", "namespace": "s1", "uid": "u", "resourceVersion": "1", "labels": labels } })
}

fn answer(server: Server, asked: &Asked) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    let group = "/apis/networking.k8s.io/v1";
    let resource = json!({ "resource": "networkpolicies", "scope": "Namespaced", "responseKind": {
        "group": "networking.k8s.io", "version": "v1", "kind": "NetworkPolicy" } });
    let groups = json!([{ "metadata": { "name": "networking.k8s.io" },
        "versions": [{ "version": "v1", "resources": [resource] }] }]);
    let there = server.there.map(policy);
    match (asked.method.as_str(), path) {
        (_, "/api") => reply(200, json!({ "metadata": {}, "items": [] })),
        (_, "/apis") => reply(200, json!({ "metadata": {}, "items": groups })),
        (_, "/api/v1/namespaces") => reply(
            200,
            json!({ "metadata": {}, "items": spaces(server.spaces) }),
        ),
        ("GET", path) if path == format!("{group}/networkpolicies") => {
            assert!(asked.path.contains("metadata.name"), "{}", asked.path);
            if server.lists {
                let items: Vec<Value> = there.into_iter().collect();
                reply(200, json!({ "metadata": {}, "items": items }))
            } else {
                reply(
                    403,
                    json!({ "kind": "Status", "reason": "Forbidden", "message": "no" }),
                )
            }
        }
        ("GET", path) => {
            if let Some(object) = there.filter(|_| path.contains("/s1/")) {
                return reply(200, object);
            }
            let details = json!({ "name": "wartime-cut" });
            let missing = json!({ "kind": "Status", "reason": "NotFound", "details": details });
            reply(404, missing)
        }
        ("POST", path) if path.starts_with(group) => {
            assert!(asked.path.contains("dryRun=All"), "nothing is made");
            reply(201, json!({}))
        }
        ("POST", _) => reply(201, json!({ "status": { "allowed": true } })),
        _ => reply(404, json!({})),
    }
}

/// What is found of the places of a policy, and how often it was tried.
async fn found(server: Server) -> (Found, usize) {
    let fake = Fake::new(move |asked| answer(server, asked));
    let client = fake.client();
    let account = Clients {
        who: "flood".to_owned(),
        reads: client.clone(),
        writes: client.clone(),
        watches: client.clone(),
    };
    let discovery = Discovery::new(client);
    let view = View {
        account: &account,
        discovery: &discovery,
        explains: true,
        scope: None,
        own: Own {
            operator: "ops",
            accounts: "ops-accounts",
        },
    };
    let manifest = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "wartime-cut" }, "spec": { "podSelector": {} } });
    let query = Query {
        kind: "networking.k8s.io/NetworkPolicy".to_owned(),
        namespaces: Some(NamespaceSelector::default()),
        selector: None,
        names: vec!["wartime-cut".to_owned()],
        condition: None,
        priority: Vec::new(),
        role: Role::Made,
        fields: Fields::Each {
            object: manifest.clone(),
        },
    };
    let namespaces = Namespaces::read(view, std::iter::once(&query)).await;
    let found = run(view, &namespaces, &query, &manifest).await;
    let asked = fake.requests();
    let tried = asked
        .iter()
        .filter(|one| one.method == "POST" && one.path.contains("dryRun"));
    (found, tried.count())
}

/// A selector finds whatever there is; nothing is made where nothing is ever touched, and what is left alone
/// is said.
#[tokio::test]
async fn every_namespace_has_a_place_but_those_that_are_never_touched() {
    let server = Server {
        spaces: 3,
        lists: true,
        there: None,
    };
    let (found, tried) = found(server).await;
    let spaces: Vec<&str> = found
        .objects
        .iter()
        .map(|one| one.target.namespace.as_str())
        .collect();
    assert_eq!(spaces, ["s0", "s1", "s2"]);
    assert_eq!((tried, found.protected.len()), (3, 4));
    assert!(found.problems.is_empty() && found.faults.is_empty());
}

/// What a mode made is its creation still; what somebody else made is theirs.
#[tokio::test]
async fn what_is_there_already_is_a_modes_or_a_fault() {
    for (made, faults) in [(true, 0), (false, 1)] {
        let server = Server {
            spaces: 3,
            lists: true,
            there: Some(made),
        };
        let (found, tried) = found(server).await;
        assert_eq!((found.faults.len(), tried), (faults, 2), "{made}");
        assert_eq!(found.objects.len(), 3 - faults);
    }
}

/// A plan of a whole city must not take a request for each department.
#[tokio::test]
async fn many_namespaces_are_looked_at_in_one_list_and_tried_in_some() {
    for lists in [true, false] {
        let server = Server {
            spaces: 60,
            lists,
            there: Some(true),
        };
        let (found, tried) = found(server).await;
        assert_eq!((found.objects.len(), tried), (60, TRIED), "{lists}");
    }
}
