//! The last act: whose the fields are. Former owners apply a changed manifest as they always did,
//! without force; a field that the mode still held would be a conflict.

use pingzhan::t;
use serde_json::{Value, json};
use snafu::OptionExt;

use super::fleet::{self, CITY, Deed, managers};
use super::story::{ACTS, Stage};
use super::{Error, UnexpectedSnafu, city, teller};

/// Which owners change which workloads: one of each kind that the API server holds to its fields.
const OWNED: [(&str, &str, &str); 3] = [
    (managers::HELM, "hotline-12345", "hotline-web"),
    (managers::ARGO, "hotline-12345", "hotline-knowledge"),
    (managers::CAPACITY, "medical-insurance", "settlement-api"),
];

/// The former owners change what the mode held, as they always did: without force.
pub async fn play(stage: &Stage<'_>) -> Result<(), Error> {
    let teller = stage.teller;
    let lang = teller.lang;
    teller::act(9, ACTS, &t!(lang, "demo-owners"));
    for (manager, namespace, name) in OWNED {
        let (changed, replicas) = changed(manager, namespace, name)?;
        city::apply(stage.admin, &changed, manager).await?;
        teller::say(&t!(
            lang,
            "demo-owner",
            manager = manager,
            object = format!("{namespace}/{name}"),
            value = replicas
        ));
    }
    Ok(())
}

/// A workload as its owner would write it next: one replica more.
fn changed(manager: &str, namespace: &str, name: &str) -> Result<(Value, i32), Error> {
    let department = CITY
        .iter()
        .find(|department| department.namespace == namespace);
    let found = department.and_then(|department| {
        let workload = department
            .workloads
            .iter()
            .find(|workload| workload.1 == name)?;
        Some((department, workload))
    });
    let (department, workload) = found.context(UnexpectedSnafu {
        what: format!("{namespace}/{name} is not in the fleet"),
    })?;
    let deeds = fleet::deeds(department, workload).into_iter();
    let mut own = deeds.filter_map(|deed| match deed {
        Deed::Apply(by, object) if by == manager => Some(object),
        Deed::Apply(..) | Deed::Create(..) => None,
    });
    let mut object = own.next_back().context(UnexpectedSnafu {
        what: format!("{manager} does not own {name}"),
    })?;
    let replicas = workload.2 + 1;
    object["spec"]["replicas"] = json!(replicas);
    Ok((object, replicas))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last act must change what the mode held, under the owner's own name.
    #[test]
    fn owners_change_the_number_of_replicas() {
        for (manager, namespace, name) in OWNED {
            let (object, replicas) = changed(manager, namespace, name).unwrap();
            assert_eq!(object.pointer("/spec/replicas"), Some(&json!(replicas)));
        }
    }
}
