//! The last act: whose the fields are. Former owners apply a changed manifest as they always did,
//! without force; a field that the mode still held would be a conflict.

use pingzhan::t;
use serde_json::{Value, json};
use snafu::OptionExt;

use super::story::{ACTS, Stage};
use super::{Error, UnexpectedSnafu, city, teller};
use crate::fleet::owners::managers;
use crate::fleet::{City, How};

/// Which owners change which workloads: one of each kind that the API server holds to its fields.
const OWNED: [(&str, &str, &str); 4] = [
    (managers::HELM, "hotline", "hotline-web"),
    (managers::ARGO, "hotline", "hotline-knowledge"),
    (managers::FLUX, "portal", "portal-login"),
    (managers::CAPACITY, "medical-insurance", "settlement-api"),
];

/// The former owners change what the mode held, as they always did: without force.
pub async fn play(stage: &Stage<'_>) -> Result<(), Error> {
    let teller = stage.teller;
    let lang = teller.lang;
    teller::act(9, ACTS, &t!(lang, "demo-owners"));
    for (manager, namespace, name) in OWNED {
        let (changed, replicas) = changed(stage.city, manager, namespace, name)?;
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
fn changed(city: &City, manager: &str, namespace: &str, name: &str) -> Result<(Value, i64), Error> {
    let found = city.find(namespace, name);
    let (department, workload) = found.context(UnexpectedSnafu {
        what: format!("{namespace}/{name} is not in the fleet"),
    })?;
    let deeds = city.workload_deeds(department, workload).into_iter();
    let mut own = deeds.filter(|deed| {
        let counts = deed.object.pointer("/spec/replicas").is_some();
        deed.manager == manager && deed.how == How::Apply && counts
    });
    let deed = own.next().context(UnexpectedSnafu {
        what: format!("{manager} does not own the replicas of {name}"),
    })?;
    let mut object = deed.object;
    let replicas = workload.replicas + 1;
    object["spec"]["replicas"] = json!(replicas);
    Ok((object, replicas))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last act must change what the mode held, under the owner's own name.
    #[test]
    fn owners_change_the_number_of_replicas() {
        let city = crate::fleet::yunxi();
        for (manager, namespace, name) in OWNED {
            let (object, replicas) = changed(&city, manager, namespace, name).unwrap();
            assert_eq!(object.pointer("/spec/replicas"), Some(&json!(replicas)));
        }
    }
}
