//! `freeze`, a change freeze (封网): one ConfigMap in the operator's own namespace that exists for the
//! mode's lifetime ([`creation`]) and says which namespaces are frozen, who is stopped, and who may go
//! on. The static policy `pingzhan-freeze` reads it.
//!
//! It is the one object in the operator's namespace that a plan may name, and only this step compiles
//! it: what a playbook writes there itself is refused while the cluster is looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::remark::few;
use super::{Compiled, Fields, Proposal, Query, Role, Unheld};
use crate::api::{Freeze, Principal, names};
use crate::field::{Image, Projection, Target, creation};

/// Hexadecimal digits of a name: enough to tell the freezes of one cluster apart.
const DIGITS: usize = 16;

/// The keys of a freeze: lists of lines, and what only people read.
pub mod keys {
    /// The frozen namespaces.
    pub const NAMESPACES: &str = "namespaces";
    /// User names of service accounts that are stopped as people are.
    pub const AUTOMATION: &str = "automation";
    /// User names of who may go on.
    pub const USERS: &str = "users";
    /// Groups of who may go on.
    pub const GROUPS: &str = "groups";
    /// Who may go on, for people.
    pub const MAY_ACT: &str = "mayAct";
    /// The name of the mode.
    pub const MODE: &str = "mode";
    /// Until when the mode was granted when it was written.
    pub const UNTIL: &str = "until";
}

/// Where the freeze is written, and which namespaces it is about.
pub fn needs(freeze: &Freeze) -> Vec<Query> {
    let query = |kind: &str, role, namespaces| Query {
        kind: kind.to_owned(),
        namespaces,
        selector: None,
        names: Vec::new(),
        condition: None,
        priority: Vec::new(),
        role,
        fields: Fields::Paths(Vec::new()),
    };
    vec![
        query("ConfigMap", Role::Place, None),
        query("Namespace", Role::Frozen, Some(freeze.namespaces.clone())),
    ]
}

/// One ConfigMap for all namespaces that were found; nothing where none was. `of` tells the freezes of
/// a cluster apart: playbook, stage and step.
pub fn compile(freeze: &Freeze, found: &[Vec<Projection>], of: &[&str]) -> Compiled {
    let mut compiled = Compiled::default();
    let [places, namespaces] = found else {
        return compiled;
    };
    let names: BTreeSet<&str> = namespaces.iter().map(|seen| &*seen.target.name).collect();
    if names.is_empty() {
        compiled.unheld.push(Unheld {
            field: None,
            sentence: "it selects no namespace that may be frozen: nobody is stopped".to_owned(),
        });
        return compiled;
    }
    if let Some(place) = places.first() {
        let space = &place.target.namespace;
        compiled.changes.push(proposal(freeze, &names, space, of));
    }
    compiled
}

fn proposal(freeze: &Freeze, names: &BTreeSet<&str>, space: &str, of: &[&str]) -> Proposal {
    let manifest = manifest(freeze, names, space, &name(of, names));
    Proposal {
        target: target(&manifest),
        path: creation::path(),
        base: Image::Absent,
        why: why(freeze, names),
        after: Image::Present(manifest),
        wave: 0,
    }
}

fn name(of: &[&str], names: &BTreeSet<&str>) -> String {
    let digest = Sha256::digest(json!([of, names]).to_string().as_bytes());
    let mut name = String::from(names::FREEZE_PREFIX);
    for byte in &digest[..DIGITS / 2] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn target(manifest: &Value) -> Target {
    let text = |key: &str| manifest["metadata"][key].as_str().unwrap_or_default();
    creation::target(
        "v1",
        "ConfigMap",
        "configmaps",
        text("namespace"),
        text("name"),
    )
}

fn manifest(freeze: &Freeze, names: &BTreeSet<&str>, space: &str, name: &str) -> Value {
    let of = |kind: &str| {
        let own = freeze.except.iter().filter(|one| one.kind == kind);
        own.map(user).collect::<Vec<_>>()
    };
    let users = [of("User"), of("ServiceAccount")].concat();
    let automation: Vec<String> = freeze.automation.iter().map(user).collect();
    let may: Vec<&str> = freeze.except.iter().map(|one| one.name.as_str()).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": space, "labels": { names::FREEZE_LABEL: "true" },
        },
        "data": {
            keys::NAMESPACES: lines(names),
            keys::AUTOMATION: lines(&automation),
            keys::USERS: lines(&users),
            keys::GROUPS: lines(of("Group")),
            keys::MAY_ACT: may.join(", "),
        },
    })
}

/// A list as the policy reads it: each name between two ends of a line, so that it is found without being
/// taken apart; nothing where it is empty.
fn lines<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for name in names {
        let first = if text.is_empty() { "\n" } else { "" };
        let _ = writeln!(text, "{first}{}", name.as_ref());
    }
    text
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

fn why(freeze: &Freeze, namespaces: &BTreeSet<&str>) -> String {
    let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
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
    format!(
        "{} frozen: people{also} change nothing there; {may}",
        few(&namespaces)
    )
}

fn place(principal: &Principal) -> String {
    match &principal.namespace {
        Some(namespace) => format!("{namespace}/{}", principal.name),
        None => principal.name.clone(),
    }
}

/// Whether a target is a freeze in the operator's namespace: written, read and watched by the operator
/// itself, and not as the playbook's account.
pub fn is_own(target: &Target, operator: &str) -> bool {
    creation::is(&target.uid)
        && &*target.api_version == "v1"
        && &*target.kind == "ConfigMap"
        && &*target.namespace == operator
        && target.name.starts_with(names::FREEZE_PREFIX)
}

/// Whether a manifest is a freeze.
pub fn is(manifest: &Value) -> bool {
    manifest["kind"] == "ConfigMap" && manifest["metadata"]["labels"][names::FREEZE_LABEL] == "true"
}

/// The namespaces that a freeze is about.
pub fn namespaces(manifest: &Value) -> Vec<&str> {
    let lines = manifest["data"][keys::NAMESPACES].as_str();
    let lines = lines.unwrap_or_default().lines();
    lines.filter(|line| !line.is_empty()).collect()
}

/// The freeze as it is written: what the plan cannot know is filled in, for who meets it.
pub fn complete(body: &mut Value, mode: &str, until: &str) {
    body["data"][keys::MODE] = mode.into();
    body["data"][keys::UNTIL] = until.into();
}

/// A freeze of the namespaces only that are frozen by none of these yet, where a playbook adopts new ones:
/// nothing where there is no such namespace. Its name is its own, since what is written stays as it is.
pub fn beyond(manifest: &Value, frozen: &BTreeSet<String>) -> Option<(Target, Value, Vec<String>)> {
    let new: BTreeSet<&str> = namespaces(manifest)
        .into_iter()
        .filter(|name| !frozen.contains(*name))
        .collect();
    if new.is_empty() {
        return None;
    }
    let whole = manifest["metadata"]["name"].as_str().unwrap_or_default();
    let mut narrow = manifest.clone();
    narrow["metadata"]["name"] = name(&[whole], &new).into();
    narrow["data"][keys::NAMESPACES] = lines(&new).into();
    let new = new.into_iter().map(str::to_owned).collect();
    Some((target(&narrow), narrow, new))
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
        vec![vec![seen("pingzhan-system", "")], namespaces.collect()]
    }

    /// What the policy reads is written whole, and nothing in it depends on the order of finding.
    #[test]
    fn a_freeze_is_one_config_map_in_the_operators_namespace() {
        let of = ["pb", "calm", "no-changes"];
        let compiled = compile(&freeze(), &found(&["tax", "portal"]), &of);
        let [change] = compiled.changes.as_slice() else {
            panic!("{compiled:?}");
        };
        let manifest = change.after.value().expect("a manifest");
        assert_eq!(
            manifest["data"],
            json!({
                "namespaces": "\nportal\ntax\n",
                "automation": "\nsystem:serviceaccount:ci:deployer\n",
                "users": "\nzhang\n", "groups": "\nemergency-command\n",
                "mayAct": "emergency-command, zhang",
            })
        );
        assert!(is(manifest));
        assert!(is_own(&change.target, "pingzhan-system"));
        assert!(!is_own(&change.target, "elsewhere"));
        assert_eq!(
            change.why,
            "portal and tax frozen: people and ci/deployer change nothing there; emergency-command and zhang may go on"
        );
        let again = compile(&freeze(), &found(&["portal", "tax"]), &of);
        assert_eq!(again, compiled);
        let other = compile(
            &freeze(),
            &found(&["portal", "tax"]),
            &["pb", "calm", "more"],
        );
        assert_ne!(other.changes[0].target.uid, change.target.uid);
    }

    /// A freeze of nothing must not look like one.
    #[test]
    fn where_nothing_is_selected_nothing_is_written_and_it_is_said() {
        let compiled = compile(&freeze(), &found(&[]), &["pb"]);
        assert!(compiled.changes.is_empty());
        assert!(compiled.unheld[0].sentence.contains("nobody is stopped"));
    }

    /// Another object of the operator's namespace is never written with the operator's own rights.
    #[test]
    fn only_a_freeze_is_the_operators_own() {
        let rows = [
            ("v1", "ConfigMap", "pingzhan-freeze-ab", true),
            ("v1", "ConfigMap", "settings", false),
            ("v1", "Secret", "pingzhan-freeze-ab", false),
            ("apps/v1", "ConfigMap", "pingzhan-freeze-ab", false),
        ];
        for (version, kind, name, own) in rows {
            let target = creation::target(version, kind, "x", "pingzhan-system", name);
            assert_eq!(is_own(&target, "pingzhan-system"), own, "{kind} {name}");
            let given = Target::from(Identity {
                uid: "0123".into(),
                api_version: version.into(),
                kind: kind.into(),
                namespace: "pingzhan-system".into(),
                name: name.into(),
                ..Identity::default()
            });
            assert!(!is_own(&given, "pingzhan-system"), "one with a real uid");
        }
    }

    /// What is frozen stays as it was approved: new namespaces are a freeze of their own.
    #[test]
    fn new_namespaces_are_a_freeze_of_their_own() {
        let compiled = compile(&freeze(), &found(&["tax", "portal"]), &["pb"]);
        let manifest = compiled.changes[0].after.value().expect("a manifest");
        let frozen = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(beyond(manifest, &frozen(&["portal", "tax"])), None);
        let (target, narrow, new) = beyond(manifest, &frozen(&["portal"])).expect("one is new");
        assert_eq!(new, ["tax"]);
        assert_eq!(namespaces(&narrow), ["tax"]);
        assert!(is_own(&target, "pingzhan-system"));
        assert_ne!(target.uid, compiled.changes[0].target.uid);
    }
}
