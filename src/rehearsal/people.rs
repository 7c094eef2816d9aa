//! What people do in an emergency that is played: each act as who it is of, through a client of their
//! own.

use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use snafu::{ResultExt, Snafu};

use crate::api::{
    EmergencyMode, EmergencyModeSpec, EmergencyModeStatus, Gate, Level, Playbook, Posture, names,
};

pub use crate::sandtable::serve::people::{PEOPLE, Person};

/// Why an act was not done.
#[derive(Debug, Snafu)]
pub enum Error {
    /// The server refuses it.
    #[snafu(display("{what} was refused: {source}"))]
    Refused {
        /// Which act.
        what: String,
        /// In the server's words.
        source: Box<kube::Error>,
    },
}

/// A person who acts on one mode.
#[derive(Clone)]
pub struct Acting<'a, 'n> {
    /// Who.
    pub person: &'a Person<'n>,
    /// Acts as them.
    pub client: Client,
    /// The mode's name.
    pub mode: &'a str,
}

impl Acting<'_, '_> {
    fn api(&self) -> Api<EmergencyMode> {
        Api::all(self.client.clone())
    }

    /// Declares it: `spec` is completed with who declares.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn declare(&self, mut spec: Value) -> Result<(), Error> {
        spec["requestedBy"] = json!(self.person.name);
        spec["requestedAs"] = json!(self.person.group);
        let object = json!({
            "apiVersion": format!("{}/{}", names::GROUP, names::VERSION), "kind": "EmergencyMode",
            "metadata": { "name": self.mode }, "spec": spec,
        });
        let params = PostParams {
            field_manager: Some(names::CLI_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let created = async {
            let mode = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
            self.api().create(&params, &mode).await
        };
        let created = created.await.map_err(Box::new);
        let what = "the declaration";
        created.map(drop).context(RefusedSnafu { what })
    }

    /// Approves a plan.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn approve(&self, hash: &str) -> Result<(), Error> {
        let item = json!({ "by": self.person.name, "as": self.person.group, "planHash": hash });
        let length = |spec: &EmergencyModeSpec| spec.approvals.len();
        self.append("approvals", length, item).await
    }

    /// Answers at a gate: `Proceed` or `Skip`.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn answer(&self, stage: &str, step: &str, answer: &str) -> Result<(), Error> {
        let item = json!({ "stage": stage, "step": step, "answer": answer,
            "by": self.person.name, "as": self.person.group });
        let length = |spec: &EmergencyModeSpec| spec.answers.len();
        self.append("answers", length, item).await
    }

    /// Decides about a field that somebody else changed: `Ours` or `Theirs`, of the value that was seen.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn verdict(
        &self,
        (uid, path): (&str, &str),
        seen: &str,
        choice: &str,
    ) -> Result<(), Error> {
        let item = json!({ "of": { "uid": uid, "path": path }, "choice": choice, "seen": seen,
            "by": self.person.name, "as": self.person.group });
        let length = |spec: &EmergencyModeSpec| spec.verdicts.len();
        self.append("verdicts", length, item).await
    }

    /// Asks for another level.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn raise(&self, level: Level) -> Result<(), Error> {
        self.edit("another level", vec![set("level", &json!(level))])
            .await
    }

    /// Stands down.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn stand_down(&self) -> Result<(), Error> {
        let lever = set("posture", &json!(Posture::Peacetime));
        self.edit("standing down", vec![lever]).await
    }

    async fn append(
        &self,
        list: &str,
        length: impl Fn(&EmergencyModeSpec) -> usize,
        item: Value,
    ) -> Result<(), Error> {
        let what = format!("an item of {list}");
        let now = self.api().get(self.mode).await.map_err(Box::new);
        let now = now.context(RefusedSnafu { what: &what })?;
        let operation = if length(&now.spec) == 0 {
            set(list, &json!([item]))
        } else {
            json!({ "op": "add", "path": format!("/spec/{list}/-"), "value": item })
        };
        self.edit(&what, vec![operation]).await
    }

    async fn edit(&self, what: &str, operations: Vec<Value>) -> Result<(), Error> {
        let params = PatchParams {
            field_manager: Some(names::CLI_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let edited = async {
            let patch = serde_json::from_value(Value::Array(operations));
            let patch = patch.map_err(kube::Error::SerdeError)?;
            let patch = Patch::<EmergencyMode>::Json(patch);
            self.api().patch(self.mode, &params, &patch).await
        };
        let edited = edited.await.map_err(Box::new);
        edited.map(drop).context(RefusedSnafu { what })
    }
}

/// The gates that ask now: stage, step and gate.
pub fn asked<'p>(
    playbook: &'p Playbook,
    status: &EmergencyModeStatus,
) -> Vec<(&'p str, &'p str, &'p Gate)> {
    let waits = status.waiting_on.as_deref().unwrap_or_default();
    let stages = playbook.spec.stages.iter();
    let steps = stages.flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)));
    let asked = steps.filter_map(|(stage, step)| {
        let gate = step.gate.as_ref()?;
        let (stage, step) = (stage.name.as_str(), step.name.as_str());
        let sentence = format!("{stage}/{step} waits for: an answer");
        waits.contains(&sentence).then_some((stage, step, gate))
    });
    asked.collect()
}

fn set(field: &str, value: &Value) -> Value {
    json!({ "op": "add", "path": format!("/spec/{field}"), "value": value })
}
