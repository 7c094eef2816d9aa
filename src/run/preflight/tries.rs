//! Dry runs: writes of a plan, and its Jobs, as the API server would judge them.

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::api::names;
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Collection};
use crate::engine::facts::Facts;
use crate::engine::plan::{Finding, Plan};
use crate::engine::preflight::{self, Refused, Try};
use crate::engine::rights::Right;
use crate::field::patch::{self, HeldBy};
use crate::playbook::{Expanded, ResolvedAct};
use crate::run::observe::View;
use crate::step::kinds;

use super::rights::Checked;
use super::{Found, IN_FLIGHT, acts};

/// What came of one dry run.
enum Tried {
    /// It would be accepted, or the object has moved on and nothing is known.
    Fine,
    Refused(Refused),
    /// The server does not answer such questions now.
    Unanswered(String),
}

/// Tries writes of a plan. Those for which a right is missing are not: that is said already.
pub(super) async fn run(
    view: View<'_>,
    facts: &Facts,
    manager: &str,
    plan: &Plan,
    checked: &Checked,
) -> Vec<Found> {
    let mut tries = preflight::tries(plan, facts);
    tries.all.retain(|one| !checked.lacks(&patching(one)));
    let mut found = Vec::new();
    if tries.left_out > 0 {
        let text = format!(
            "of {} writes {} were tried in a dry run, of every kind of change in every namespace at \
             least one where they are no more than {}",
            tries.all.len() + tries.left_out,
            tries.all.len(),
            preflight::SOME
        );
        found.push((None, Finding::note(text)));
    }
    let held_by = HeldBy::Set(names::label_value(&plan.playbook));
    let asked: Vec<_> = tries
        .all
        .iter()
        .map(|one| attempt(view, manager, &held_by, one))
        .collect();
    let mut answers = stream::iter(asked).buffered(IN_FLIGHT);
    let mut refused = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Tried::Fine => {}
            Tried::Refused(one) => refused.push(one),
            Tried::Unanswered(why) => {
                let text = format!("it is not known what the API server would refuse: {why}");
                found.push((None, Finding::risk(text)));
                // A server that is busy has better things to do.
                break;
            }
        }
    }
    let said = preflight::refusals(plan, &refused).into_iter();
    found.extend(said.map(|(place, finding)| (Some(place), finding)));
    found
}

/// The right that a write needs.
fn patching(one: &Try) -> Right {
    let target = &one.sight.target;
    Right {
        namespace: Some(target.namespace.clone()).filter(|space| !space.is_empty()),
        group: kinds::group_of(&target.api_version).to_owned(),
        resource: target.plural.clone(),
        name: Some(target.name.clone()),
        verb: "patch".to_owned(),
    }
}

async fn attempt(view: View<'_>, manager: &str, held_by: &HeldBy, one: &Try) -> Tried {
    let target = &one.sight.target;
    let refused = |message: String| Tried::Refused(Refused::new(one.place, target, message));
    let patch = match patch::guarded(&one.sight, &one.edits, held_by) {
        Ok(guarded) => guarded.patch,
        Err(error) => return refused(error.to_string()),
    };
    let client = &view.account.writes;
    let read = |_: &[u8]| Ok(());
    match write::patch(client, target, &patch, manager, Effect::DryRun, read).await {
        Answer::Done(()) | Answer::Moved | Answer::Gone => Tried::Fine,
        Answer::Refused { message, .. } => refused(message),
        Answer::Busy { why, .. } | Answer::Ambiguous(why) => Tried::Unanswered(why),
    }
}

/// Tries the Jobs that steps run, and those that undo them.
pub(super) async fn jobs(
    view: View<'_>,
    expanded: &Expanded,
    manager: &str,
    plan: &Plan,
    checked: &Checked,
) -> Vec<Found> {
    let mut found = Vec::new();
    for (place, act) in acts(expanded, plan) {
        let ResolvedAct::Run(run) = act else { continue };
        let right = Right {
            namespace: Some(run.namespace.clone()),
            group: "batch".to_owned(),
            resource: "jobs".to_owned(),
            name: None,
            verb: "create".to_owned(),
        };
        if checked.lacks(&right) {
            continue;
        }
        for (what, spec) in [
            ("its Job", Some(&run.job)),
            ("the Job that undoes it", run.undo.as_ref()),
        ] {
            let Some(spec) = spec else { continue };
            if let Some(finding) = job(view, manager, &run.namespace, spec, what).await {
                found.push((Some(place), finding));
            }
        }
    }
    found
}

async fn job(
    view: View<'_>,
    manager: &str,
    namespace: &str,
    spec: &Value,
    what: &str,
) -> Option<Finding> {
    let jobs = Collection {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        plural: "jobs".to_owned(),
        namespace: namespace.to_owned(),
    };
    let body = json!({
        "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
        "metadata": { "name": "pz-preflight", "namespace": namespace },
    });
    let body = body.to_string().into_bytes();
    let client = &view.account.writes;
    match write::create(client, &jobs, body, manager, Effect::DryRun).await {
        // A namespace that is not there is said by itself.
        Answer::Done(_) | Answer::Moved | Answer::Gone => None,
        Answer::Refused { message, .. } => Some(Finding::harm(format!(
            "{what} would be refused, as a dry run says: {message}"
        ))),
        Answer::Busy { why, .. } | Answer::Ambiguous(why) => Some(Finding::risk(format!(
            "it is not known whether {what} would be accepted: {why}"
        ))),
    }
}
