//! Tests of preflight, with a stand-in server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rights::check;
use crate::cluster::fake::{Asked, Fake, Reply, reply};
use crate::cluster::{Clients, reviews};
use crate::engine::rights::{Need, Needs, Right, Use};

fn needs(rights: &[(&str, &str, &str)]) -> Needs {
    let all = rights.iter().map(|(namespace, verb, resource)| {
        let right = Right {
            namespace: Some((*namespace).to_owned()).filter(|space| !space.is_empty()),
            group: "apps".to_owned(),
            resource: (*resource).to_owned(),
            name: None,
            verb: (*verb).to_owned(),
        };
        let need = Need {
            of: Use::Change,
            steps: BTreeSet::from(["surge/grow".to_owned()]),
            critical: false,
        };
        (right, need)
    });
    Needs {
        unserved: std::collections::BTreeSet::new(),
        all: all.collect(),
        notes: BTreeSet::new(),
    }
}

fn rules(namespace: &str, incomplete: bool) -> Value {
    let rule = json!({ "verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"] });
    let rules = if namespace == "portal" {
        json!([rule])
    } else {
        json!([])
    };
    json!({ "status": { "incomplete": incomplete, "resourceRules": rules } })
}

fn answer(asked: &Asked, incomplete: bool, allowed: &[&str]) -> Reply {
    let spec = &asked.body["spec"];
    if asked.path.contains("rulesreviews") {
        return reply(
            201,
            rules(spec["namespace"].as_str().unwrap_or_default(), incomplete),
        );
    }
    let verb = spec["resourceAttributes"]["verb"]
        .as_str()
        .unwrap_or_default();
    reply(
        201,
        json!({ "status": { "allowed": allowed.contains(&verb) } }),
    )
}

/// Whoever has a right in the whole cluster has it in each namespace: fifty of them are one question.
#[tokio::test]
async fn what_is_given_everywhere_is_asked_once() {
    let fake = Fake::new(|asked| {
        let at = asked.body["spec"]["namespace"].as_str();
        let given = at == Some(reviews::NOWHERE);
        reply(201, rules(if given { "portal" } else { "pay" }, false))
    });
    let clients = Clients::fake(&fake.client());
    let names: Vec<String> = (0..50).map(|number| format!("office{number}")).collect();
    let all: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), "patch", "deployments"))
        .collect();
    let checked = check(&clients, &needs(&all)).await;
    assert_eq!((checked.missing.len(), checked.requests), (0, 1));
}

/// Fifty namespaces are fifty questions, not one for each object and verb; what a rules review does not
/// list may be given all the same.
#[tokio::test]
async fn an_account_is_asked_once_a_namespace_and_then_for_what_is_not_listed() {
    let fake = Fake::new(|asked| answer(asked, true, &["watch"]));
    let clients = Clients::fake(&fake.client());
    let wanted = needs(&[
        ("portal", "patch", "deployments"),
        ("portal", "watch", "deployments"),
        ("pay", "patch", "deployments"),
        ("", "list", "deployments"),
    ]);
    let checked = check(&clients, &wanted).await;
    let missing: Vec<(Option<&str>, &str)> = checked
        .missing
        .keys()
        .map(|right| (right.namespace.as_deref(), right.verb.as_str()))
        .collect();
    assert_eq!(missing, [(None, "list"), (Some("pay"), "patch")]);
    assert_eq!(checked.unknown, BTreeMap::new());
    let reviews = fake.addresses();
    let of_rules = reviews.iter().filter(|one| one.contains("rulesreviews"));
    assert_eq!((of_rules.count(), reviews.len()), (3, 6));
    assert_eq!(checked.requests, 6);
}

/// An account without any right is one thing to repair: it is not asked for each right alone.
#[tokio::test]
async fn an_account_that_has_nothing_is_not_asked_for_everything() {
    let fake = Fake::new(|asked| answer(asked, false, &[]));
    let clients = Clients::fake(&fake.client());
    let names: Vec<String> = (0..300).map(|number| format!("kind{number}")).collect();
    let all: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|name| ("pay", "patch", name.as_str()))
        .collect();
    let checked = check(&clients, &needs(&all)).await;
    assert_eq!(checked.missing.len(), 300);
    assert_eq!(checked.requests, 66);
}

/// What nobody answers is not a no, and not a yes.
#[tokio::test]
async fn what_cannot_be_asked_is_said_to_be_unknown() {
    let refused =
        json!({ "kind": "Status", "reason": "Forbidden", "message": "no reviews for you" });
    let fake = Fake::new(move |_| reply(403, refused.clone()));
    let clients = Clients::fake(&fake.client());
    let checked = check(&clients, &needs(&[("pay", "patch", "deployments")])).await;
    assert_eq!((checked.missing.len(), checked.unknown.len()), (0, 1));
    let said = checked.sentences("pingzhan-playbooks/flood");
    assert!(said[0].text.contains("no reviews for you"), "{said:?}");
}
