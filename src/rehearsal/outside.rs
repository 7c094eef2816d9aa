//! What is outside of the API server in a rehearsal: receivers of signals that answer at once, Jobs
//! that are complete after a while. Whether the real ones do is among what a rehearsal cannot know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use k8s_openapi::api::batch::v1::Job;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use crate::api::{Playbook, Step, names};
use crate::run::signal::http::Reply;
use crate::run::signal::{self, Signals};

/// How long a Job takes that a step runs.
pub const JOB_TAKES: Duration = Duration::from_secs(30);
/// How often Jobs are looked at.
const AGAIN: Duration = Duration::from_secs(1);
/// What Prometheus answers: one sample.
const SAMPLE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}"#;

/// The steps of a playbook.
pub fn steps(playbook: &Playbook) -> impl Iterator<Item = &Step> {
    playbook.spec.stages.iter().flat_map(|stage| &stage.steps)
}

/// Signals to the channels of a playbook, all of which are received at once.
///
/// # Errors
/// The client cannot be set up.
pub fn signals(playbook: &Playbook) -> Result<Signals, signal::Error> {
    let told = steps(playbook).filter_map(|step| step.notify.as_ref());
    let channels: BTreeSet<String> = told.flat_map(|told| told.channels.clone()).collect();
    let received = Reply {
        status: StatusCode::OK,
        body: SAMPLE.into(),
    };
    Signals::rehearsed(channels, Arc::new(move |_, _, _, _| received.clone()))
}

/// Lets Jobs that steps run be complete [`JOB_TAKES`] after they were made, for ever.
pub async fn play_jobs(admin: Client) {
    let jobs: Api<Job> = Api::all(admin.clone());
    let mut begun = BTreeSet::new();
    loop {
        sleep(AGAIN).await;
        // What cannot be read now is read in the next round.
        let Ok(all) = jobs.list(&ListParams::default()).await else {
            continue;
        };
        for job in all {
            let annotations = job.metadata.annotations.as_ref();
            let is_ours = annotations.is_some_and(|all| all.contains_key(names::ACT));
            let uid = job.metadata.uid.clone().unwrap_or_default();
            if is_ours && begun.insert(uid) {
                tokio::spawn(complete(admin.clone(), job));
            }
        }
    }
}

async fn complete(admin: Client, job: Job) {
    sleep(JOB_TAKES).await;
    let space = job.metadata.namespace.unwrap_or_default();
    let jobs: Api<Job> = Api::namespaced(admin, &space);
    let conditions = json!([
        { "type": "SuccessCriteriaMet", "status": "True" },
        { "type": "Complete", "status": "True" },
    ]);
    let patch = Patch::Merge(json!({ "status": { "succeeded": 1, "conditions": conditions } }));
    let name = job.metadata.name.unwrap_or_default();
    // Removed meanwhile: then nobody waits for it.
    let _ = jobs
        .patch_status(&name, &PatchParams::default(), &patch)
        .await;
}
