//! A freeze before it is written: the namespaces that may be frozen. Those of the cluster and of Pingzhan
//! never are, nor one whose owner said so.

use crate::engine::protect::{CLUSTER_NAMESPACES, Protected, frozen};
use crate::field::{Identity, Projection, Target, creation};
use crate::run::freeze;
use crate::step::{Query, Skipped};

use super::View;
use super::found::Found;
use super::namespaces::Namespaces;

/// The namespaces that a freeze selects.
pub(super) async fn run(view: View<'_>, namespaces: &Namespaces, query: &Query) -> Found {
    let selected = match namespaces.selected(view, query) {
        Ok(selected) => selected,
        Err(problem) => return Found::problem(problem),
    };
    let mut found = Found::default();
    for (name, labels) in selected {
        let target = namespace(name);
        match frozen(name, labels, view.own) {
            Some(why) => found.protected.push(Skipped {
                target,
                why: sentence(why),
            }),
            None => found.objects.push(seen(&target)),
        }
    }
    let names: Vec<&str> = found
        .objects
        .iter()
        .map(|seen| seen.target.name.as_str())
        .collect();
    let asked = freeze::rights(view.account, &names).await;
    found.requests = asked.requests;
    found.problems.extend(asked.problem);
    found
}

fn sentence(why: Protected) -> String {
    match why {
        Protected::ClusterNamespace => format!(
            "{} are the cluster's own and never frozen",
            CLUSTER_NAMESPACES.join(", ")
        ),
        why => why.sentence().to_owned(),
    }
}

fn namespace(name: &str) -> Target {
    Target::from(Identity {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        plural: "namespaces".to_owned(),
        name: name.to_owned(),
        ..Identity::default()
    })
}

/// A namespace of which nothing but its name is asked.
fn seen(target: &Target) -> Projection {
    Projection {
        seen: Vec::new(),
        ..creation::seen(target, None)
    }
}
