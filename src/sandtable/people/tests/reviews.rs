//! Reviews against what the real server answered.

use serde_json::{Value, json};

use super::super::super::refusal::Refusal;
use super::super::User;
use super::super::reviews::{Asked, Review, answer};
use super::world::{NS, World, recorded};

const LISTED: &str = "what a person may do is listed";
const ROLE: &str = "a role lets a group do what it says, there and nowhere else";

fn ask(world: &World, review: Review, user: &User, body: &Value) -> Result<Value, Refusal> {
    let now = "<time>";
    answer(
        world,
        review,
        &Asked {
            user,
            namespace: NS,
            body,
            now,
        },
    )
}

fn access(kind: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec })
}

/// An answer without what the writing of any object adds to it.
fn bare(mut answer: Value) -> Value {
    if let Some(object) = answer.as_object_mut() {
        object.remove("metadata");
    }
    answer
}

/// A person would not learn who they are taken for.
#[test]
fn who_one_is() {
    let zhou = User::authenticated("zhou", &["duty", "night"]);
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let answer = ask(&World::fresh(), Review::SelfSubject, &zhou, &body);
    assert_eq!(answer, Ok(recorded("who one is", 0)));
}

/// Preflight asks these before it writes: a wrong answer is a switch that stops half way.
#[test]
fn what_a_person_may_do() {
    let world = World::fresh().with(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: readers, namespace: "town" }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: readers, namespace: "town" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: readers }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: "town-readers" }]
"#,
    );
    let lin = User::authenticated("lin", &["town-readers"]);
    let zhou = User::authenticated("zhou", &[]);
    let list = json!({ "namespace": NS, "verb": "list", "resource": "configmaps" });
    let body = access(
        "SelfSubjectAccessReview",
        &json!({ "resourceAttributes": list }),
    );
    let said = ask(&world, Review::SelfAccess, &lin, &body).expect("an answer");
    assert_eq!(bare(said), bare(recorded(ROLE, 5)));

    let delete = json!({ "namespace": NS, "verb": "delete", "resource": "configmaps" });
    let spec = json!({ "user": "lin", "groups": ["town-readers"], "resourceAttributes": delete });
    let body = access("SubjectAccessReview", &spec);
    let said = ask(&world, Review::Access, &zhou, &body).expect("an answer");
    assert_eq!(bare(said), bare(recorded(ROLE, 6)));

    let scale = json!({
        "namespace": NS, "verb": "patch", "group": "apps", "resource": "deployments",
        "subresource": "scale",
    });
    let body = access(
        "SelfSubjectAccessReview",
        &json!({ "resourceAttributes": scale }),
    );
    let said = ask(&world, Review::SelfAccess, &zhou, &body).expect("an answer");
    assert_eq!(bare(said), bare(recorded(LISTED, 0)));

    let path = json!({ "nonResourceAttributes": { "path": "/healthz", "verb": "get" } });
    let body = access("SelfSubjectAccessReview", &path);
    let said = ask(&world, Review::SelfAccess, &zhou, &body).expect("an answer");
    assert_eq!(said.pointer("/status/allowed"), Some(&json!(true)));
}

/// A review that asks nothing would be answered.
#[test]
fn a_review_asks_one_thing() {
    let world = World::fresh();
    let zhou = User::authenticated("zhou", &[]);
    let body = access("SelfSubjectAccessReview", &json!({}));
    let refusal = ask(&world, Review::SelfAccess, &zhou, &body).expect_err("nothing is asked");
    assert_eq!(refusal.body(), recorded(LISTED, 2));
    let body = access(
        "SubjectAccessReview",
        &json!({ "resourceAttributes": { "verb": "get" } }),
    );
    let refusal = ask(&world, Review::Access, &zhou, &body).expect_err("of nobody");
    let expected = r#".authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified"#;
    assert_eq!(refusal.message, expected);
    let body = json!({
        "kind": "LocalSubjectAccessReview", "metadata": { "namespace": "a" },
        "spec": { "user": "zhou", "resourceAttributes": { "namespace": "b" } },
    });
    let refusal = ask(&world, Review::LocalAccess, &zhou, &body).expect_err("of another namespace");
    assert!(
        refusal
            .message
            .ends_with(r#"Invalid value: "b": must match metadata.namespace"#)
    );
}

/// Preflight reads the rules of an account in one go.
#[test]
fn rules_are_listed() {
    let zhou = User::authenticated("zhou", &[]);
    let body = access("SelfSubjectRulesReview", &json!({ "namespace": NS }));
    let said = ask(&World::fresh(), Review::SelfRules, &zhou, &body).expect("an answer");
    let rules = json!([
        {
            "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        },
        {
            "verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
            "resources": ["selfsubjectreviews"],
        },
    ]);
    assert_eq!(said["status"]["resourceRules"], rules);
    assert_eq!(said["status"]["incomplete"], json!(false));
    assert_eq!(said["spec"], json!({}));
    let body = access("SelfSubjectRulesReview", &json!({}));
    assert!(ask(&World::fresh(), Review::SelfRules, &zhou, &body).is_err());
}

/// A token of nobody would be taken for somebody's.
#[test]
fn a_token_is_somebodys_or_not() {
    let zhou = User::authenticated("zhou", &[]);
    let of = |token: &str| {
        let body = json!({ "kind": "TokenReview", "spec": { "token": token } });
        ask(&World::fresh(), Review::Token, &zhou, &body)
    };
    let said = of("of-zhou").expect("an answer");
    assert_eq!(said.pointer("/status/authenticated"), Some(&json!(true)));
    assert_eq!(said.pointer("/status/user/username"), Some(&json!("zhou")));
    let said = of("of-nobody").expect("an answer");
    assert_eq!(
        said["status"],
        json!({ "user": {}, "error": "invalid bearer token" })
    );
    let refusal = of("").expect_err("there is none");
    assert_eq!(
        refusal.message,
        "token is required for TokenReview in authentication"
    );
}
