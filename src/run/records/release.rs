//! Letting the records of a closed mode go: until then a finalizer keeps them, since deleting the
//! CRD would bypass every policy.

use serde_json::{Value, json};
use snafu::ResultExt;

use super::read::of_mode;
use super::{EncodeSnafu, Error, ReadSnafu, ReleaseSnafu, collection};
use crate::api::{RecordMode, names};
use crate::cluster::write::{self, Effect};
use crate::cluster::{Answer, Clients, Collection, list};
use crate::field::{Identity, Target};

/// Lets a closed mode's records go: takes our finalizer from each that has it. Gives how many.
///
/// Assumptions: the mode is Closed.
///
/// Guarantees: may be repeated at any time; other finalizers stay.
///
/// # Errors
/// The first record that could not be released; all others are.
pub async fn release(clients: &Clients, mode: &RecordMode) -> Result<usize, Error> {
    let held = list::list(&clients.reads, &of_mode(mode), |object| Held::read(&object)).await;
    let held = held.context(ReadSnafu { mode: &mode.name })?.items;
    let mut failure = None;
    for record in &held {
        if let Err(error) = record.let_go(clients).await {
            failure.get_or_insert(error);
        }
    }
    failure.map_or(Ok(held.len()), Err)
}

/// A record that has our finalizer.
struct Held {
    target: Target,
    version: String,
    others: Vec<Value>,
}

impl Held {
    fn read(object: &Value) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let text = |key: &str| Some(metadata.get(key)?.as_str()?.to_owned());
        let finalizers = metadata.get("finalizers")?.as_array()?;
        let is_ours = |finalizer: &Value| finalizer.as_str() == Some(names::RECORD_FINALIZER);
        finalizers.iter().any(is_ours).then_some(())?;
        let Collection {
            api_version,
            kind,
            plural,
            namespace,
        } = collection();
        Some(Self {
            target: Target::from(Identity {
                api_version,
                kind,
                plural,
                namespace,
                name: text("name")?,
                uid: text("uid")?.into(),
            }),
            version: text("resourceVersion")?,
            others: finalizers
                .iter()
                .filter(|finalizer| !is_ours(finalizer))
                .cloned()
                .collect(),
        })
    }

    async fn let_go(&self, clients: &Clients) -> Result<(), Error> {
        let name = self.target.name.as_str();
        let patch = serde_json::from_value(json!([
            {"op": "test", "path": "/metadata/uid", "value": self.target.uid},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": self.version},
            {"op": "replace", "path": "/metadata/finalizers", "value": self.others},
        ]));
        let patch = patch.context(EncodeSnafu { name })?;
        let manager = names::OPERATOR_MANAGER;
        let answer = write::patch(
            &clients.writes,
            &self.target,
            &patch,
            manager,
            Effect::Real,
            write::object,
        );
        let message = match answer.await {
            Answer::Done(_) | Answer::Gone => return Ok(()),
            Answer::Moved => "it was changed meanwhile; it is tried again".to_owned(),
            Answer::Busy { why, .. } | Answer::Ambiguous(why) => why,
            Answer::Refused { message, .. } => message,
        };
        ReleaseSnafu { name, message }.fail()
    }
}
