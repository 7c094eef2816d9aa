//! Who is taken out of what, what stays, and what is said of it.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::api::{Access, Concern};
use crate::field::{creation, project::project};
use crate::step::remark::Beside;

fn rights(text: &str) -> Rights {
    let access: Access = serde_yaml::from_str(text).expect("rights");
    Rights {
        access,
        step: "rights".to_owned(),
        of: "flood/access".to_owned(),
    }
}

fn binding_of(space: &str, name: &str, subjects: &Value) -> Projection {
    labelled(space, name, subjects, &json!({}))
}

fn labelled(space: &str, name: &str, subjects: &Value, labels: &Value) -> Projection {
    let kind = if space.is_empty() {
        CLUSTER_BINDING
    } else {
        BINDING
    };
    let mut metadata = json!({ "name": name, "uid": format!("{space}-{name}"), "resourceVersion": "1", "labels": labels });
    if !space.is_empty() {
        metadata["namespace"] = json!(space);
    }
    let object = json!({ "apiVersion": VERSION, "kind": kind, "metadata": metadata,
        "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": "edit" }, "subjects": subjects });
    let mut paths = [bootstrapping(), role_ref(), subjects_path()];
    paths.sort();
    project(&object, "bindings", &paths, false).expect("an object")
}

fn subjects_path() -> Path {
    super::subjects()
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": GROUP, "name": name })
}

fn account(space: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": space, "name": name })
}

fn afters(compiled: &Compiled) -> Vec<(String, String)> {
    let changes = compiled.changes.iter();
    changes
        .map(|change| (change.target.name.clone(), change.after.display()))
        .collect()
}

/// Exactly these, however they are written, and nobody else.
#[test]
fn exactly_the_subjects_that_are_named_are_taken_out() {
    let revoking = rights(
        "revoke: [{ subjects: [{ kind: Group, name: vendors }, { kind: ServiceAccount, namespace: ci, name: deployer }], namespaces: { names: [portal] } }]",
    );
    let user =
        json!({ "kind": "User", "apiGroup": GROUP, "name": "system:serviceaccount:ci:deployer" });
    let found = [
        vec![
            binding_of(
                "portal",
                "mixed",
                &json!([group("vendors"), group("staff"), user]),
            ),
            binding_of("portal", "only", &json!([group("vendors")])),
            binding_of(
                "portal",
                "others",
                &json!([group("staff"), account("cd", "deployer"), { "kind": "User", "name": "vendors" }]),
            ),
            binding_of("portal", "nobody", &json!([])),
            labelled("portal", "system:x", &json!([group("vendors")]), &json!({})),
            labelled(
                "portal",
                "boot",
                &json!([group("vendors")]),
                &json!({ "kubernetes.io/bootstrapping": "rbac-defaults" }),
            ),
        ],
        vec![],
        vec![],
    ];
    let compiled = compile(&revoking, &found);
    let staff = Image::Present(json!([group("staff")])).display();
    let text = |name: &str, after: &str| (name.to_owned(), after.to_owned());
    assert_eq!(
        afters(&compiled),
        [text("mixed", &staff), text("only", "(absent)")]
    );
    let skipped: Vec<&str> = compiled
        .skipped
        .iter()
        .map(|one| one.target.name.as_str())
        .collect();
    assert_eq!(
        skipped.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["boot", "system:x"])
    );
    assert_eq!(compiled.changes[0].path, subjects());
    assert_eq!(
        compiled.changes[0].base,
        Image::Present(json!([group("vendors"), group("staff"), user]))
    );
    // Whoever of them is not there yet may be, once it is written.
    let gone = ["User system:serviceaccount:ci:deployer", "Group vendors"];
    let people = compiled.without.values().map(|people| people.texts());
    assert_eq!(people.collect::<Vec<_>>(), [gone, gone]);
}

/// Where no namespace is named everything is meant, that of the whole cluster too; where one is, it is not.
#[test]
fn bindings_of_the_cluster_are_meant_only_where_no_namespace_is_named() {
    let kinds = |text: &str| -> Vec<String> {
        let needs = needs(&rights(text)).into_iter();
        needs
            .filter(|query| query.role == Role::Target)
            .map(|query| query.kind)
            .collect()
    };
    let subjects = "subjects: [{ kind: Group, name: vendors }]";
    let narrow = format!("revoke: [{{ {subjects}, namespaces: {{ names: [portal] }} }}]");
    assert_eq!(kinds(&narrow), [BINDING]);
    assert_eq!(
        kinds(&format!("revoke: [{{ {subjects} }}]")),
        [BINDING, CLUSTER_BINDING]
    );
    let down = "lockDown: { bindings: { matchLabels: { party: third } } }";
    assert_eq!(kinds(down), [BINDING, CLUSTER_BINDING]);
}

/// A binding that two parts of a step mean is changed once, by the wider one.
#[test]
fn a_lock_down_takes_everybody_and_wins_over_a_revocation() {
    let both = rights(
        "revoke: [{ subjects: [{ kind: Group, name: vendors }], namespaces: { names: [portal] } }]\nlockDown: { bindings: { matchLabels: { party: third } } }",
    );
    let one = binding_of(
        "portal",
        "vendor",
        &json!([group("vendors"), group("helpers")]),
    );
    let found = [vec![one.clone()], vec![one], vec![], vec![], vec![]];
    let compiled = compile(&both, &found);
    assert_eq!(
        afters(&compiled),
        [("vendor".to_owned(), "(absent)".to_owned())]
    );
    assert_eq!(compiled.changes[0].why, "everybody is taken out of it: 2");
    assert!(compiled.without.is_empty(), "whoever is there then, too");
}

const GRANT: &str = "grant: [{ subjects: [{ kind: Group, name: community }], role: { kind: ClusterRole, name: reader }, namespaces: { names: [insurance] }, purpose: find the sick, legalBasis: article 68 }]";

/// Who looks at the binding itself must read what it is for.
#[test]
fn a_grant_is_one_binding_in_each_namespace_with_what_it_is_for() {
    let granting = rights(GRANT);
    let [query] = &needs(&granting)[..] else {
        panic!("one query")
    };
    let name = query.names[0].clone();
    let places = ["insurance", "health"].map(|space| {
        let target = creation::target(VERSION, BINDING, "rolebindings", space, &name);
        creation::seen(&target, None)
    });
    let compiled = compile(&granting, &[places.to_vec()]);
    assert_eq!(compiled.changes.len(), 2);
    let made = compiled.changes[0].after.value().expect("a binding");
    assert_eq!(made["metadata"]["namespace"], "insurance");
    assert_eq!(
        made["metadata"]["annotations"]["pingzhan.dev/purpose"],
        "find the sick"
    );
    assert_eq!(
        made["metadata"]["annotations"]["pingzhan.dev/legal-basis"],
        "article 68"
    );
    assert_eq!(
        made["roleRef"],
        json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": "reader" })
    );
    assert_eq!(made["subjects"], json!([group("community")]));
    assert!(
        compiled.changes[0]
            .why
            .contains("find the sick (article 68)")
    );
    // What is named as ours is never touched.
    assert!(!name.starts_with("pingzhan"));
}

fn said(rights: &Rights, found: &[Vec<Projection>]) -> Vec<(Concern, String)> {
    let unread = BTreeSet::new();
    let beside = Beside {
        found,
        unread: &unread,
    };
    let remarks = remarks(rights, beside).into_iter();
    remarks
        .map(|remark| (remark.concern, remark.text))
        .collect()
}

/// A right that another binding gives is not taken, and who relies on it must know.
#[test]
fn what_other_bindings_still_give_is_said() {
    let down = rights("lockDown: { bindings: { matchLabels: { party: third } } }");
    let vendor = binding_of("portal", "vendor", &json!([group("vendors")]));
    let other = binding_of("portal", "old", &json!([group("vendors")]));
    let wide = binding_of("", "view-all", &json!([group("vendors"), group("staff")]));
    let unlike = binding_of("", "staff", &json!([group("staff")]));
    let found = [
        vec![vendor.clone()],
        vec![],
        vec![vendor, other],
        vec![wide, unlike],
    ];
    let all = said(&down, &found);
    assert_eq!(all[0].0, Concern::Risk);
    assert!(
        all[0].1.starts_with(
            "Group vendors keep what ClusterRoleBinding view-all and RoleBinding portal/old give"
        ),
        "{all:?}"
    );
    assert_eq!(all[1].0, Concern::Note);
    assert_eq!(said(&down, &[vec![], vec![], vec![], vec![]]), []);
}

/// What is given to everybody, or gives everything, is no grant for a purpose.
#[test]
fn a_grant_of_everything_or_to_everybody_is_harm() {
    let place = creation::seen(
        &creation::target(VERSION, BINDING, "rolebindings", "insurance", "x"),
        None,
    );
    let found = [vec![place]];
    let plain = said(&rights(GRANT), &found);
    assert!(
        matches!(plain.as_slice(), [(Concern::Note, _)]),
        "{plain:?}"
    );
    for (from, to) in [
        ("name: reader", "name: cluster-admin"),
        ("name: community", "name: \"system:authenticated\""),
    ] {
        let all = said(&rights(&GRANT.replace(from, to)), &found);
        assert!(
            all.iter().any(|(concern, _)| *concern == Concern::Harm),
            "{all:?}"
        );
    }
}
