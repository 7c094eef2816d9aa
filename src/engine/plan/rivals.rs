//! Who is likely to put values back: GitOps controllers, as far as they own what a step changes.

use std::collections::{BTreeMap, BTreeSet};

use super::Change;
use crate::field::Projection;

/// Controllers that put back what they own, by their names as field managers, and what they are part of.
const CONTROLLERS: [(&str, &str); 4] = [
    ("kustomize-controller", "a Kustomization of Flux"),
    ("helm-controller", "a HelmRelease of Flux"),
    ("argocd-controller", "an Application of Argo CD"),
    ("argocd-application-controller", "an Application of Argo CD"),
];

/// A sentence for each controller that owns fields which are to be changed.
pub(super) fn findings(changes: &[Change], found: &[Vec<Projection>]) -> Vec<String> {
    let all = found.iter().flatten();
    let objects: BTreeMap<&str, &Projection> = all
        .map(|object| (object.target.uid.as_str(), object))
        .collect();
    let mut owned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for change in changes {
        let object = objects.get(change.target.uid.as_str());
        let seen = object.and_then(|object| object.field(&change.path));
        for former in seen.into_iter().flat_map(|seen| seen.owners.iter()) {
            let manager = former.owner.manager.as_str();
            let uids = owned.entry(manager).or_default();
            uids.insert(change.target.uid.as_str());
        }
    }
    let said = CONTROLLERS.iter().filter_map(|(manager, part)| {
        let many = owned.get(manager)?.len();
        let objects = if many == 1 { "object" } else { "objects" };
        Some(format!(
            "{manager} owns what is changed of {many} {objects}, and puts its own values back: suspend {part} that has them before this step, or expect them to be contested"
        ))
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Intent;
    use super::*;
    use crate::field::project::project;
    use crate::field::{Image, Path};

    fn object(name: &str, manager: &str) -> Projection {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "here", "uid": name, "resourceVersion": "1",
                "managedFields": [{ "manager": manager, "operation": "Apply", "apiVersion": "apps/v1",
                    "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } } }] },
            "spec": { "replicas": 3, "paused": false },
        });
        let paths = ["paused", "replicas"].map(|name| Path::fields(["spec", name]));
        project(&object, "deployments", &paths, false).expect("an object")
    }

    fn changes(objects: &[Projection], field: &str) -> Vec<Change> {
        let one = |object: &Projection| Change {
            intent: Intent::between(&Image::Absent, &Image::Absent),
            target: object.target.clone(),
            path: Path::fields(["spec", field]),
            base: Image::Absent,
            after: Image::Absent,
            why: String::new(),
            wave: 0,
        };
        objects.iter().map(one).collect()
    }

    /// Who approves has to know that the emergency will be undone within minutes, before it is.
    #[test]
    fn a_controller_that_puts_values_back_is_named_before_the_switch() {
        let objects = [
            object("a", "kustomize-controller"),
            object("b", "kustomize-controller"),
            object("c", "argocd-controller"),
            object("d", "helm"),
        ];
        let found = [objects.to_vec()];
        let said = findings(&changes(&objects, "replicas"), &found);
        let begins: Vec<&str> = said
            .iter()
            .filter_map(|one| one.split(',').next())
            .collect();
        assert_eq!(
            begins,
            [
                "kustomize-controller owns what is changed of 2 objects",
                "argocd-controller owns what is changed of 1 object",
            ]
        );
        assert!(
            said[0].contains("suspend a Kustomization of Flux"),
            "{said:?}"
        );
        // What it does not own it leaves alone.
        assert_eq!(
            findings(&changes(&objects, "paused"), &found),
            Vec::<String>::new()
        );
        assert_eq!(
            findings(&changes(&objects[3..], "replicas"), &found),
            Vec::<String>::new()
        );
    }
}
