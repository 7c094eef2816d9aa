//! `freeze`, a change freeze (封网): one `ChangeFreeze` in each frozen namespace, which exists for the mode's
//! lifetime ([`creation`]) and says who is stopped, and who may go on. The static policy `pingzhan-freeze`
//! reads it.
//!
//! It is the one kind of ours that a plan may name, and only this step compiles it: what a playbook asks for
//! of our kinds itself is refused by lint.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kube::Resource as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::remark::few;
use super::{Compiled, Fields, Proposal, Query, Role, Unheld};
use crate::api::{ChangeFreeze, ChangeFreezeSpec, Freeze, Principal, names};
use crate::field::{Image, Projection, Target, creation};

/// Hexadecimal digits of a name: enough to tell the freezes of one cluster apart.
const DIGITS: usize = 16;

/// Which namespaces it is about.
pub fn needs(freeze: &Freeze) -> Vec<Query> {
    vec![Query {
        kind: "Namespace".to_owned(),
        namespaces: Some(freeze.namespaces.clone()),
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role: Role::Frozen,
        fields: Fields::Paths(Vec::new()),
    }]
}

/// A freeze in each namespace that was found. `of` tells the freezes of a cluster apart: playbook, stage
/// and step.
pub fn compile(freeze: &Freeze, found: &[Vec<Projection>], of: &[&str]) -> Compiled {
    let mut compiled = Compiled::default();
    let spaces: BTreeSet<&str> = found
        .iter()
        .flatten()
        .map(|seen| &*seen.target.name)
        .collect();
    if spaces.is_empty() {
        compiled.unheld.push(Unheld {
            field: None,
            sentence: "it selects no namespace that may be frozen: nobody is stopped".to_owned(),
        });
        return compiled;
    }
    let name = name(of);
    let changes = spaces
        .into_iter()
        .map(|space| proposal(freeze, space, &name));
    compiled.changes = changes.collect();
    compiled
}

fn proposal(freeze: &Freeze, space: &str, name: &str) -> Proposal {
    let kind = ChangeFreeze::kind(&());
    let plural = ChangeFreeze::plural(&());
    let target = creation::target(&ChangeFreeze::api_version(&()), &kind, &plural, space, name);
    Proposal {
        target,
        path: creation::path(),
        base: Image::Absent,
        why: why(freeze, space),
        after: Image::Present(manifest(freeze, space, name)),
        wave: 0,
    }
}

fn name(of: &[&str]) -> String {
    let digest = Sha256::digest(json!(of).to_string().as_bytes());
    let mut name = String::from(names::FREEZE_PREFIX);
    for byte in &digest[..DIGITS / 2] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn manifest(freeze: &Freeze, space: &str, name: &str) -> Value {
    let of = |kind: &str| {
        let own = freeze.except.iter().filter(|one| one.kind == kind);
        own.map(user).collect::<Vec<_>>()
    };
    let may: Vec<&str> = freeze.except.iter().map(|one| one.name.as_str()).collect();
    let spec = ChangeFreezeSpec {
        automation: freeze.automation.iter().map(user).collect(),
        users: [of("User"), of("ServiceAccount")].concat(),
        groups: of("Group"),
        may_act: may.join(", "),
        ..ChangeFreezeSpec::default()
    };
    json!({
        "apiVersion": ChangeFreeze::api_version(&()), "kind": ChangeFreeze::kind(&()),
        "metadata": { "name": name, "namespace": space },
        "spec": spec,
    })
}

/// The name under which the API server knows a user, group or service account.
pub fn user(principal: &Principal) -> String {
    match (&*principal.kind, &principal.namespace) {
        ("ServiceAccount", Some(namespace)) => {
            format!("system:serviceaccount:{namespace}:{}", principal.name)
        }
        _ => principal.name.clone(),
    }
}

fn why(freeze: &Freeze, space: &str) -> String {
    let automation: Vec<String> = freeze.automation.iter().map(place).collect();
    let except: Vec<String> = freeze.except.iter().map(place).collect();
    let also = if automation.is_empty() {
        String::new()
    } else {
        format!(" and {}", few(&automation))
    };
    let may = if except.is_empty() {
        "nobody is excepted".to_owned()
    } else {
        format!("{} may go on", few(&except))
    };
    format!("{space} frozen: people{also} change nothing there; {may}")
}

fn place(principal: &Principal) -> String {
    match &principal.namespace {
        Some(namespace) => format!("{namespace}/{}", principal.name),
        None => principal.name.clone(),
    }
}

/// Whether a target is a freeze: written, read and watched by the operator itself, and not as the playbook's
/// account.
pub fn is_own(target: &Target) -> bool {
    creation::is(&target.uid) && is_kind(&target.api_version, &target.kind)
}

/// Whether a kind is that of freezes.
pub fn is_kind(api_version: &str, kind: &str) -> bool {
    api_version == ChangeFreeze::api_version(&()) && kind == ChangeFreeze::kind(&())
}

/// Whether a manifest is a freeze.
pub fn is(manifest: &Value) -> bool {
    let text = |key: &str| manifest[key].as_str().unwrap_or_default();
    is_kind(text("apiVersion"), text("kind"))
}

/// The namespace that a freeze is about; nothing for any other object.
pub fn namespace(manifest: &Value) -> Option<&str> {
    manifest["metadata"]["namespace"]
        .as_str()
        .filter(|_| is(manifest))
}

/// The freeze as it is written: what the plan cannot know is filled in, for who meets it.
pub fn complete(body: &mut Value, mode: &str, until: &str) {
    body["spec"]["mode"] = mode.into();
    body["spec"]["until"] = until.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::NamespaceSelector;
    use crate::field::Identity;

    fn principal(kind: &str, namespace: Option<&str>, name: &str) -> Principal {
        Principal {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    fn freeze() -> Freeze {
        Freeze {
            namespaces: NamespaceSelector::default(),
            automation: vec![principal("ServiceAccount", Some("ci"), "deployer")],
            except: vec![
                principal("Group", None, "emergency-command"),
                principal("User", None, "zhang"),
            ],
        }
    }

    fn seen(namespace: &str, name: &str) -> Projection {
        let target = Target::from(Identity {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Identity::default()
        });
        creation::seen(&target, None)
    }

    fn found(namespaces: &[&str]) -> Vec<Vec<Projection>> {
        let namespaces = namespaces.iter().map(|name| seen("", name));
        vec![namespaces.collect()]
    }

    /// What the policy reads is written whole, and nothing in it depends on the order of finding.
    #[test]
    fn a_freeze_is_one_object_in_each_namespace() {
        let of = ["pb", "calm", "no-changes"];
        let compiled = compile(&freeze(), &found(&["tax", "portal"]), &of);
        let [portal, tax] = compiled.changes.as_slice() else {
            panic!("{compiled:?}");
        };
        let manifest = portal.after.value().expect("a manifest");
        assert_eq!(
            manifest["spec"],
            json!({
                "automation": ["system:serviceaccount:ci:deployer"],
                "users": ["zhang"], "groups": ["emergency-command"],
                "mayAct": "emergency-command, zhang",
            })
        );
        assert!(is(manifest) && is_own(&portal.target));
        assert_eq!(namespace(manifest), Some("portal"));
        assert_eq!(&*tax.target.namespace, "tax");
        assert_eq!(tax.target.name, portal.target.name);
        assert_eq!(
            portal.why,
            "portal frozen: people and ci/deployer change nothing there; emergency-command and zhang may go on"
        );
        let again = compile(&freeze(), &found(&["portal", "tax"]), &of);
        assert_eq!(again, compiled);
        let other = compile(&freeze(), &found(&["portal"]), &["pb", "calm", "more"]);
        assert_ne!(other.changes[0].target.uid, portal.target.uid);
    }

    /// What a playbook freezes later on, or no more, must not move the freezes of other namespaces.
    #[test]
    fn a_freeze_of_a_namespace_does_not_depend_on_the_others() {
        let few = compile(&freeze(), &found(&["portal"]), &["pb"]);
        let more = compile(&freeze(), &found(&["portal", "tax"]), &["pb"]);
        assert_eq!(few.changes[0], more.changes[0]);
    }

    /// A freeze of nothing must not look like one.
    #[test]
    fn where_nothing_is_selected_nothing_is_written_and_it_is_said() {
        let compiled = compile(&freeze(), &found(&[]), &["pb"]);
        assert!(compiled.changes.is_empty());
        assert!(compiled.unheld[0].sentence.contains("nobody is stopped"));
    }

    /// Another object is never written with the operator's own rights.
    #[test]
    fn only_a_freeze_is_the_operators_own() {
        let rows = [
            ("pingzhan.dev/v1alpha1", "ChangeFreeze", true),
            ("pingzhan.dev/v1alpha1", "ChangeRecord", false),
            ("v1", "ChangeFreeze", false),
            ("v1", "ConfigMap", false),
        ];
        for (version, kind, own) in rows {
            let target = creation::target(version, kind, "x", "portal", "pingzhan-freeze-ab");
            assert_eq!(is_own(&target), own, "{version} {kind}");
            let given = Target::from(Identity {
                uid: "0123".into(),
                api_version: version.into(),
                kind: kind.into(),
                namespace: "portal".into(),
                name: "pingzhan-freeze-ab".into(),
                ..Identity::default()
            });
            assert!(!is_own(&given), "one with a real uid");
        }
    }
}
