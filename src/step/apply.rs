//! `apply`: objects that exist for the mode's lifetime. One that is not there is made, which is one
//! change of its place ([`creation`]); one that is there already is adopted, where the playbook says
//! so: the fields that differ are ordinary changes.

use serde_json::Value;

use super::{Compiled, Fields, Proposal, Query, Role, Skipped, kinds};
use crate::api::NamespaceSelector;
use crate::field::{Image, Projection, creation};
use crate::playbook::Making;

/// One query an object, by its name.
pub fn needs(making: &Making) -> Vec<Query> {
    making
        .objects
        .iter()
        .map(|one| query(one, making))
        .collect()
}

fn query(object: &Value, making: &Making) -> Query {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    let space = text("namespace");
    let namespaces = (!space.is_empty()).then(|| NamespaceSelector {
        names: vec![space.to_owned()],
        ..NamespaceSelector::default()
    });
    Query {
        kind: kind(object),
        namespaces,
        selector: None,
        names: vec![text("name").to_owned()],
        condition: None,
        priority: Vec::new(),
        role: Role::Made,
        fields: Fields::Manifest {
            object: object.clone(),
            adopt: making.adopt,
        },
    }
}

/// The kind of an object, as playbooks write kinds.
pub fn kind(object: &Value) -> String {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let group = kinds::group_of(text("apiVersion"));
    if group.is_empty() {
        text("kind").to_owned()
    } else {
        format!("{group}/{}", text("kind"))
    }
}

/// For each object its creation; or, where it is there already, one change for every field that the
/// playbook gives and that differs.
pub fn compile(making: &Making, found: &[Vec<Projection>]) -> Compiled {
    let mut compiled = Compiled::default();
    for (object, found) in making.objects.iter().zip(found) {
        for seen in found {
            if creation::is(&seen.target.uid) {
                compiled.changes.push(made(object, seen));
            } else if making.adopt {
                adopt(object, seen, &mut compiled);
            } else {
                compiled.faults.push(there(seen));
            }
        }
    }
    compiled
}

fn made(object: &Value, seen: &Projection) -> Proposal {
    Proposal {
        target: seen.target.clone(),
        path: creation::path(),
        base: Image::Absent,
        after: Image::Present(object.clone()),
        why: "it is made, and deleted at the return".to_owned(),
        wave: 0,
    }
}

fn there(seen: &Projection) -> String {
    format!(
        "{} is there already: give the object another name, or write `adopt: true` to have the fields \
         that differ changed and brought back",
        named(seen)
    )
}

/// Kind, namespace and name.
fn named(seen: &Projection) -> String {
    let target = &seen.target;
    if target.namespace.is_empty() {
        format!("{} {}", target.kind, target.name)
    } else {
        format!("{} {}/{}", target.kind, target.namespace, target.name)
    }
}

fn adopt(object: &Value, seen: &Projection, compiled: &mut Compiled) {
    let skip = |why: &str| Skipped {
        target: seen.target.clone(),
        why: why.to_owned(),
    };
    if let Some(why) = kinds::left_alone(seen, true) {
        compiled.skipped.push(skip(why));
        return;
    }
    let given = seen
        .seen
        .iter()
        .map(|field| (field, Image::at(object, &field.path)));
    let differing: Vec<Proposal> = given
        .filter(|(field, after)| *after != Image::Absent && field.image != *after)
        .map(|(field, after)| Proposal {
            target: seen.target.clone(),
            path: field.path.clone(),
            base: field.image.clone(),
            after,
            why: "it is there already and is adopted: the field comes back, it is not deleted"
                .to_owned(),
            wave: 0,
        })
        .collect();
    let mut fixed = differing.iter();
    let fixed = fixed.find_map(|change| kinds::fixed(seen, &change.path, &change.after));
    if let Some(why) = fixed {
        let fault = format!("{} is there already and not adopted: {why}", named(seen));
        compiled.faults.push(fault);
        return;
    }
    if differing.is_empty() {
        compiled.skipped.push(skip("it is there already, as asked"));
    }
    compiled.changes.extend(differing);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::{Path, project};

    fn notice() -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "notice", "namespace": "portal" },
            "data": { "text": "stay at home", "level": "I" },
        })
    }

    fn making(adopt: bool) -> Making {
        Making {
            objects: vec![notice()],
            adopt,
        }
    }

    fn place() -> Projection {
        let target = creation::target("v1", "ConfigMap", "configmaps", "portal", "notice");
        creation::seen(&target, None)
    }

    fn there_already(data: &Value) -> Projection {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": { "name": "notice", "namespace": "portal", "uid": "u", "resourceVersion": "1" },
        });
        let paths = ["text", "level"].map(|key| Path::fields(["data", key]));
        project::project(&object, "configmaps", &paths, false).expect("an object")
    }

    /// What is not there has no field to change: it is one creation, of its own place.
    #[test]
    fn an_object_that_is_not_there_is_one_creation() {
        let compiled = compile(&making(false), &[vec![place()]]);
        let [change] = compiled.changes.as_slice() else {
            panic!("{compiled:?}");
        };
        assert_eq!(change.path, creation::path());
        assert_eq!(change.base, Image::Absent);
        assert_eq!(change.after, Image::Present(notice()));
        assert!(creation::is(&change.target.uid));
    }

    /// A level is raised while the object is there by our own doing: it is no other object then.
    #[test]
    fn an_object_that_a_mode_made_is_still_a_creation() {
        let mut seen = place();
        seen.seen[0].image = Image::Present(json!({ "uid": "u" }));
        let compiled = compile(&making(false), &[vec![seen]]);
        assert_eq!(compiled.changes.len(), 1);
        assert_eq!(compiled.changes[0].base, Image::Absent);
    }

    /// Somebody's object must not be taken over unasked.
    #[test]
    fn an_object_that_is_there_already_is_a_fault_unless_it_is_adopted() {
        let found = [vec![there_already(&json!({ "text": "welcome" }))]];
        let refused = compile(&making(false), &found);
        assert!(refused.changes.is_empty());
        assert!(refused.faults[0].contains("ConfigMap portal/notice is there already"));
        let adopted = compile(&making(true), &found);
        assert!(adopted.faults.is_empty());
        let changes: Vec<_> = adopted
            .changes
            .iter()
            .map(|change| {
                (
                    change.path.to_pointer(),
                    change.base.display(),
                    change.after.display(),
                )
            })
            .collect();
        let texts =
            |row: (&str, &str, &str)| (row.0.to_owned(), row.1.to_owned(), row.2.to_owned());
        assert_eq!(
            changes,
            [
                ("/data/level", "(absent)", "\"I\""),
                ("/data/text", "\"welcome\"", "\"stay at home\"")
            ]
            .map(texts)
        );
    }

    /// Nothing is written for nothing, and what is as asked is not brought back.
    #[test]
    fn an_adopted_object_that_is_as_asked_is_left_alone() {
        let data = json!({ "text": "stay at home", "level": "I", "more": "x" });
        let compiled = compile(&making(true), &[vec![there_already(&data)]]);
        assert!(compiled.changes.is_empty());
        assert!(compiled.skipped[0].why.contains("as asked"));
    }

    /// The API server changes no binding's role: what it would refuse in the middle is refused beforehand.
    #[test]
    fn a_binding_that_gives_another_role_is_not_adopted() {
        let binding = |role: &str| {
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": { "name": "helpers", "namespace": "portal", "uid": "u", "resourceVersion": "1" },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [{ "kind": "Group", "name": role }],
            })
        };
        let paths = ["roleRef", "subjects"].map(|field| Path::fields([field]));
        let live = project::project(&binding("view"), "rolebindings", &paths, false);
        let found = [vec![live.expect("an object")]];
        let adopting = |object: Value| Making {
            objects: vec![object],
            adopt: true,
        };
        let other = compile(&adopting(binding("edit")), &found);
        assert!(other.changes.is_empty() && other.skipped.is_empty());
        let [fault] = other.faults.as_slice() else {
            panic!("{:?}", other.faults);
        };
        let says = "RoleBinding portal/helpers is there already and not adopted: which role";
        assert!(fault.starts_with(says), "{fault}");
        let mut same = binding("view");
        same["subjects"] = json!([]);
        let same = compile(&adopting(same), &found);
        assert_eq!((same.changes.len(), same.faults.len()), (1, 0));
    }

    /// The kind is asked for as it is written elsewhere in playbooks.
    #[test]
    fn each_object_is_looked_for_by_kind_namespace_and_name() {
        let mut web = notice();
        web["apiVersion"] = json!("apps/v1");
        web["kind"] = json!("Deployment");
        let needs = needs(&Making {
            objects: vec![notice(), web],
            adopt: false,
        });
        let asked: Vec<_> = needs
            .iter()
            .map(|query| (query.kind.as_str(), query.names.join(",")))
            .collect();
        assert_eq!(
            asked,
            [
                ("ConfigMap", "notice".to_owned()),
                ("apps/Deployment", "notice".to_owned())
            ]
        );
    }
}
