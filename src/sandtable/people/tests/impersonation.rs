//! Acting as somebody else.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::impersonate::{Mode, impersonate, wanted};
use super::super::rbac::Attributes;
use super::super::{Objects, User};
use super::world::{NS, World, recorded};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn operator(rules: &str) -> World {
    World::fresh()
        .with(&format!(
            "{{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, \
         metadata: {{ name: operator }}, rules: {rules} }}"
        ))
        .with(
            "{ apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, \
         metadata: { name: operator }, roleRef: { kind: ClusterRole, name: operator }, \
         subjects: [{ kind: User, name: operator }] }",
        )
}

fn tries(world: &dyn Objects, wanted: &User) -> Result<(User, Mode), String> {
    let operator = User::authenticated("operator", &[]);
    let list = Attributes {
        namespace: NS,
        ..Attributes::of(&operator, "list", "", "configmaps")
    };
    impersonate(world, &list, wanted, None).map_err(|refusal| refusal.message)
}

/// A request that names groups only would run with the rights of the one who sends it.
#[test]
fn a_group_without_a_user_is_nobody() {
    let headers = headers(&[("impersonate-group", "duty")]);
    let refusal = wanted(&headers).expect_err("there is no user");
    assert_eq!(
        refusal.body(),
        recorded("a group without a user is nobody to act as", 0)
    );
}

/// Headers would be lost, or be taken for somebody else's.
#[test]
fn headers_say_whom_to_act_as() {
    assert_eq!(wanted(&headers(&[])), Ok(None));
    assert_eq!(wanted(&headers(&[("impersonate-user", "")])), Ok(None));
    let user = wanted(&headers(&[
        ("impersonate-user", "zhou"),
        ("impersonate-group", "duty"),
        ("impersonate-group", "night"),
        ("impersonate-uid", "7"),
        ("impersonate-extra-acme.io%2freason", "flood"),
    ]));
    let user = user.expect("a user").expect("somebody");
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("zhou", "7"));
    assert_eq!(user.groups, ["duty", "night"]);
    assert_eq!(user.extra["acme.io/reason"], ["flood"]);
}

/// The verb that clusters have used for ten years would not do.
#[test]
fn the_old_verb_lends_the_whole_identity() {
    let world = operator(
        "[{ apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate], \
         resourceNames: [playbook] }]",
    );
    let account = User {
        name: "system:serviceaccount:a:playbook".to_owned(),
        ..User::default()
    };
    let (user, mode) = tries(&world, &account).expect("the verb is there");
    assert_eq!(mode, Mode::Legacy);
    assert_eq!(user, User::account("a", "playbook"));
    let other = User {
        name: "system:serviceaccount:a:other".to_owned(),
        ..User::default()
    };
    let refused = tries(&world, &other).expect_err("only one account is named");
    let expected = format!(
        "configmaps is forbidden: User \"operator\" cannot impersonate-on:serviceaccount:list \
         resource \"configmaps\" in API group \"\" in the namespace \"{NS}\""
    );
    assert_eq!(refused, expected);
}

/// Constrained rights would lend more than they say.
#[test]
fn a_constrained_right_is_for_one_account_and_some_verbs() {
    let world = operator(
        "[{ apiGroups: [authentication.k8s.io], resources: [serviceaccounts], \
         verbs: ['impersonate:serviceaccount'], resourceNames: [playbook] }, \
         { apiGroups: ['*'], resources: ['*'], verbs: ['impersonate-on:serviceaccount:list'] }]",
    );
    let account = User {
        name: "system:serviceaccount:a:playbook".to_owned(),
        ..User::default()
    };
    let (user, mode) = tries(&world, &account).expect("both rights are there");
    assert_eq!(
        (user, mode),
        (User::account("a", "playbook"), Mode::Account)
    );
    let operator = User::authenticated("operator", &[]);
    let delete = Attributes {
        name: "c",
        ..Attributes::of(&operator, "delete", "", "configmaps")
    };
    let refused = impersonate(&world, &delete, &account, None).expect_err("it may only list");
    let expected = r#"configmaps "c" is forbidden: User "operator" cannot impersonate-on:serviceaccount:delete resource "configmaps" in API group "" at the cluster scope"#;
    assert_eq!(refused.message, expected);
}

/// Somebody would get into a group by naming it.
#[test]
fn every_part_of_an_identity_is_a_right_of_its_own() {
    let zhou = User {
        name: "zhou".to_owned(),
        groups: vec!["duty".to_owned()],
        ..User::default()
    };
    let users = "[{ apiGroups: [''], resources: [users], verbs: [impersonate] }]";
    assert!(tries(&operator(users), &zhou).is_err());
    let both = "[{ apiGroups: [''], resources: [users, groups], verbs: [impersonate] }]";
    let (user, _) = tries(&operator(both), &zhou).expect("both rights are there");
    assert_eq!(user.groups, ["duty", "system:authenticated"]);
    let mut known = zhou.clone();
    known
        .extra
        .insert("acme.io/reason".to_owned(), vec!["flood".to_owned()]);
    assert!(tries(&operator(both), &known).is_err());
    let root = User {
        groups: vec!["system:masters".to_owned()],
        ..zhou
    };
    let anything = "[{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]";
    let (_, mode) = tries(&operator(anything), &root).expect("the old verb lends that too");
    assert_eq!(mode, Mode::Legacy);
}
