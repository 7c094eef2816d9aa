//! What no step does, wherever the operator is: lint says so of the names that everybody knows, this of the
//! operator's own namespaces, of what parameters come to, and of playbooks that were stored before.

use super::protect::Own;
use crate::playbook::{ExpandedStep, ResolvedAct, subjects};

/// Why a step is not carried out as it is written, each a sentence; beside what depends on what is found.
pub fn faults(step: &ExpandedStep, own: Own<'_>) -> Vec<String> {
    match &step.act {
        ResolvedAct::Patch(fields) => {
            let kinds = step.targets.iter().flat_map(|targets| &targets.kinds);
            let kinds: Vec<String> = kinds.cloned().collect();
            let refused = subjects::refused_in(&kinds, fields, |space| own.has_or_cluster(space));
            let said = refused.into_iter().map(|why| {
                let kinds = kinds.join(", ");
                format!("its patch of {kinds} is refused: {}", why.sentence())
            });
            said.collect()
        }
        ResolvedAct::Route(to) => {
            let there = to.namespace.iter();
            let refused = there.filter(|space| own.has_or_cluster(space));
            let said = refused.map(|space| {
                format!(
                    "no traffic is sent to {space}: it is a namespace of Pingzhan or of the cluster; put \
                     the service into one of your own"
                )
            });
            said.collect()
        }
        // Where a Job may run depends on its namespace's labels as well.
        ResolvedAct::Run(_)
        | ResolvedAct::Scale(_)
        | ResolvedAct::Config { .. }
        | ResolvedAct::Suspend(_)
        | ResolvedAct::Isolate(_)
        | ResolvedAct::Access(_)
        | ResolvedAct::Apply(_)
        | ResolvedAct::Freeze(_)
        | ResolvedAct::Wait(_)
        | ResolvedAct::Gate(_)
        | ResolvedAct::Notify(_)
        | ResolvedAct::Call(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Level, PlaybookSpec, Scalar};
    use crate::playbook::expand;

    const OPS: Own<'static> = Own {
        operator: "ops",
        accounts: "ops-accounts",
    };

    /// What is said of a step, with `who` for a parameter.
    fn said(step: &Value, who: &str) -> Vec<String> {
        let book = json!({
            "title": { "en": "x", "zh-CN": "x" }, "hazard": "x", "owner": "x",
            "authority": { "requesterGroups": ["duty"], "approverGroups": ["chiefs"] },
            "serviceAccountName": "x", "parameters": [{ "name": "who", "type": "String" }],
            "stages": [{ "name": "s", "steps": [step] }],
        });
        let spec: PlaybookSpec = serde_json::from_value(book).expect("a playbook");
        let given = BTreeMap::from([("who".to_owned(), Scalar::Text(who.to_owned()))]);
        let expanded = expand::stored(&spec, Level::I, &given).expect("it expands");
        faults(&expanded.stages[0].steps[0], OPS)
    }

    /// Whoever writes the name of the operator's own account in a parameter has written it.
    #[test]
    fn a_patch_lets_no_binding_be_for_accounts_of_ours() {
        let subject = json!({ "kind": "User", "name": "${parameters.who}" });
        let step = json!({ "name": "do", "targets": { "kinds": ["RoleBinding"], "names": ["a"] },
            "patch": { "set": [{ "path": "/subjects", "value": [subject] }] } });
        for who in [
            "system:serviceaccount:ops:pingzhan",
            "system:serviceaccount:ops-accounts:flood",
            "system:serviceaccount:kube-system:default",
            "system:anonymous",
        ] {
            let said = said(&step, who);
            assert!(
                said[0].contains("its patch of RoleBinding is refused"),
                "{said:?}"
            );
        }
        assert_eq!(said(&step, "li"), Vec::<String>::new());
    }

    /// Traffic of citizens is not for the operator, wherever it was installed.
    #[test]
    fn no_traffic_goes_to_namespaces_of_ours_or_of_the_cluster() {
        let step = |namespace: &str| {
            let to = json!({ "name": "page", "port": 80, "namespace": namespace });
            json!({ "name": "do", "route": { "to": to }, "targets": {
                "kinds": ["gateway.networking.k8s.io/HTTPRoute"], "names": ["a"] } })
        };
        for namespace in ["ops", "ops-accounts", "pingzhan-system", "kube-system"] {
            let said = said(&step(namespace), "x");
            assert!(said[0].contains("no traffic is sent to"), "{said:?}");
        }
        assert_eq!(said(&step("pages"), "x"), Vec::<String>::new());
    }
}
