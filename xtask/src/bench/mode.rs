//! What people do in a run: the playbook, and modes that are declared, approved, stood down.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client};
use pingzhan::api::{EmergencyMode, Phase, Playbook};
use pingzhan::run::clock::Clock;
use serde_json::{Value, json};
use snafu::{OptionExt, ResultExt, ensure};

use super::audit::{Audit, Request};
use super::fleet::{self, send, send_as};
use super::forwarder::Forwarder;
use super::{ApiSnafu, Error, WrongSnafu};

/// How long any one phase may take: a run on a busy machine, and a fleet of 10,000.
const PATIENCE: Duration = Duration::from_mins(10);
/// Where modes are.
const MODES: &str = "/apis/pingzhan.dev/v1alpha1/emergencymodes";
/// Who declares and stands down, and in whose name.
const OFFICER: (&str, &str) = ("zhou", "duty");
/// Who approves, and in whose name.
const APPROVER: (&str, &str) = ("lin", "approvers");
/// A merge patch.
const MERGE: &str = "application/merge-patch+json";

/// The playbook: one stage, one step, the whole fleet.
pub fn playbook() -> Result<Playbook, Error> {
    let playbook = json!({
        "apiVersion": "pingzhan.dev/v1alpha1",
        "kind": "Playbook",
        "metadata": {"name": "bench"},
        "spec": {
            "title": {"en": "Benchmark"},
            "hazard": "Flood",
            "owner": "bench",
            "serviceAccountName": "bench",
            "authority": {
                "requesterGroups": ["duty"], "approverGroups": ["approvers"],
                "quorum": {"IV": 1}, "maxTerm": {"IV": "24h"},
            },
            "stages": [{"name": "surge", "steps": [{
                "name": "grow",
                "timeout": "30m",
                "targets": {"kinds": ["Deployment"], "selector": {"matchLabels": {fleet::LABEL: "bench"}}},
                "scale": {"replicas": fleet::AFTER},
            }]}],
        },
    });
    serde_json::from_value(playbook).map_err(|error| Error::Wrong {
        problem: format!("the playbook of the benchmark is invalid: {error}"),
    })
}

/// Lets the playbook's account do everything: what is measured is not RBAC.
pub async fn grant(client: &Client) -> Result<(), Error> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "bench"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "pingzhan-playbooks", "name": "bench"}],
    });
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    send(client, Method::POST, path, "application/json", &binding).await?;
    Ok(())
}

/// What one direction of the operator took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Targets a second, from the person's word to the last value.
    pub rate: f64,
    /// The same from the first write to the last.
    pub rate_of_writes: f64,
    /// Seconds from the person's word to the end: Active, or Closed and let go.
    pub seconds: f64,
    /// Everything that the operator sent, watches and the lease left out.
    pub requests: Vec<Request>,
    /// Bytes both ways.
    pub bytes: u64,
}

/// One mode of the benchmark.
pub struct Mode<'a> {
    client: &'a Client,
    api: Api<EmergencyMode>,
    audit: &'a std::path::Path,
    forwarder: &'a Forwarder,
    clock: Clock,
    name: String,
    hash: String,
    /// Its uid, by which its records are found.
    pub uid: String,
}

impl<'a> Mode<'a> {
    /// Declares one and waits for its plan.
    pub async fn declare(
        client: &'a Client,
        name: &str,
        audit: &'a std::path::Path,
        forwarder: &'a Forwarder,
    ) -> Result<Self, Error> {
        let api: Api<EmergencyMode> = Api::all(client.clone());
        let body = json!({
            "apiVersion": "pingzhan.dev/v1alpha1",
            "kind": "EmergencyMode",
            "metadata": {"name": name},
            "spec": {
                "playbookRef": {"name": "bench"}, "level": "IV", "nature": "Exercise",
                "posture": "Wartime", "reason": "benchmark", "requestedBy": OFFICER.0,
                "requestedAs": OFFICER.1, "expiresAfter": "12h",
            },
        });
        send_as(
            OFFICER,
            client,
            Method::POST,
            MODES,
            "application/json",
            &body,
        )
        .await?;
        let mut mode = Self {
            client,
            api,
            audit,
            forwarder,
            clock: Clock::machine(),
            name: name.to_owned(),
            hash: String::new(),
            uid: String::new(),
        };
        let planned = |mode: Option<&EmergencyMode>| {
            let status = mode.and_then(|mode| mode.status.as_ref());
            status.is_some_and(|status| status.plan.is_some())
        };
        let found = mode.wait("a plan", planned).await?;
        let found = found.context(WrongSnafu {
            problem: "the mode is gone",
        })?;
        let plan = found.status.and_then(|status| status.plan);
        mode.hash = plan.map(|plan| plan.hash).unwrap_or_default();
        mode.uid = found.metadata.uid.unwrap_or_default();
        Ok(mode)
    }

    /// Approves, and waits until everything is switched.
    pub async fn switch(&self, targets: usize) -> Result<Measured, Error> {
        let approval = json!({"spec": {"approvals": [
            {"by": APPROVER.0, "as": APPROVER.1, "planHash": self.hash}
        ]}});
        let active = |mode: Option<&EmergencyMode>| phase(mode) == Some(Phase::Active);
        self.measure("Active", APPROVER, &approval, active, targets)
            .await
    }

    /// Stands down, and waits until everything is brought back and the mode let go.
    pub async fn restore(&self, targets: usize) -> Result<Measured, Error> {
        let peace = json!({"spec": {"posture": "Peacetime"}});
        let over = |mode: Option<&EmergencyMode>| {
            let free =
                mode.is_none_or(|mode| mode.metadata.finalizers.as_ref().is_none_or(Vec::is_empty));
            free && phase(mode) == Some(Phase::Closed)
        };
        self.measure("Closed", OFFICER, &peace, over, targets).await
    }

    /// Deletes it.
    pub async fn delete(&self) -> Result<(), Error> {
        let path = format!("{MODES}/{}", self.name);
        send(
            self.client,
            Method::DELETE,
            &path,
            "application/json",
            &Value::Null,
        )
        .await?;
        self.wait("its end", |mode: Option<&EmergencyMode>| mode.is_none())
            .await?;
        Ok(())
    }

    async fn measure(
        &self,
        what: &str,
        who: (&str, &str),
        word: &Value,
        done: impl Condition<EmergencyMode>,
        targets: usize,
    ) -> Result<Measured, Error> {
        let audit = Audit::from_now(self.audit);
        let bytes = self.forwarder.bytes();
        let from = self.clock.now();
        let path = format!("{MODES}/{}", self.name);
        send_as(who, self.client, Method::PATCH, &path, MERGE, word).await?;
        self.wait(what, done).await?;
        let seconds = since(from, self.clock.now());
        let bytes = self.forwarder.bytes() - bytes;
        let requests = audit.requests()?;
        let (first, last) = values(&requests, targets)?;
        Ok(Measured {
            rate: targets as f64 / since(from, last),
            rate_of_writes: targets as f64 / since(first, last),
            seconds,
            bytes,
            requests,
        })
    }

    async fn wait(
        &self,
        what: &str,
        done: impl Condition<EmergencyMode>,
    ) -> Result<Option<EmergencyMode>, Error> {
        let waiting = await_condition(self.api.clone(), &self.name, done);
        let problem = format!(
            "mode {} did not come to {what} within {} s: see the operator's log",
            self.name,
            PATIENCE.as_secs()
        );
        let found = tokio::time::timeout(PATIENCE, waiting).await.ok();
        let found = found.context(WrongSnafu { problem })?;
        found.map_err(|error| Error::Wrong {
            problem: error.to_string(),
        })
    }

    /// The bytes of this mode's records as they are served, and how many there are, by kind.
    pub async fn journal(&self) -> Result<Vec<(String, usize)>, Error> {
        let path = format!(
            "/apis/pingzhan.dev/v1alpha1/changerecords?labelSelector=pingzhan.dev%2Fmode-uid%3D{}",
            self.uid
        );
        let request = http::Request::get(&path).body(Vec::new());
        let request = request.map_err(kube::Error::HttpError).map_err(Box::new);
        let request = request.context(ApiSnafu { doing: &path })?;
        let list = self
            .client
            .request::<Value>(request)
            .await
            .map_err(Box::new);
        let list = list.context(ApiSnafu { doing: path })?;
        let records = list["items"].as_array().cloned().unwrap_or_default();
        Ok(records
            .into_iter()
            .map(|record| {
                let kind = record["spec"]["type"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                (kind, record.to_string().len())
            })
            .collect())
    }
}

/// When the first value was asked for, and when the last was written. The first write of a target
/// is its value; what comes after it in a return is ownership.
fn values(requests: &[Request], targets: usize) -> Result<(Timestamp, Timestamp), Error> {
    let writes = || requests.iter().filter(|request| request.wrote_target());
    let mut written: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    for write in writes() {
        let key = (
            write.object_ref.namespace.as_str(),
            write.object_ref.name.as_str(),
        );
        let at = write.stage_timestamp;
        written
            .entry(key)
            .and_modify(|known| *known = at.min(*known))
            .or_insert(at);
    }
    let problem = format!("{} of {targets} targets were written", written.len());
    ensure!(written.len() == targets, WrongSnafu { problem: &problem });
    let first = writes().map(|write| write.request_received_timestamp).min();
    let last = written.into_values().max();
    first.zip(last).context(WrongSnafu { problem })
}

fn phase(mode: Option<&EmergencyMode>) -> Option<Phase> {
    mode?.status.as_ref()?.phase
}

fn since(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(1e-6)
}
