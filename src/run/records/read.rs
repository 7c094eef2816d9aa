//! Reading journals: the records of a mode, and the modes that have records.

use std::collections::BTreeMap;

use serde_json::Value;
use snafu::ResultExt;

use super::{DamagedSnafu, Error, ReadSnafu, collection};
use crate::api::{ChangeRecordSpec, RecordMode, names};
use crate::cluster::Clients;
use crate::cluster::list::{self, Query};
use crate::ledger::{Damage, record};

/// The query of a mode's records.
pub(super) fn of_mode(mode: &RecordMode) -> Query {
    Query {
        collection: collection(),
        labels: format!("{}={}", names::MODE_UID_LABEL, mode.uid),
        fields: String::new(),
        ..Query::default()
    }
}

/// All records of a mode, as the server lists them.
///
/// # Errors
/// [`Error::Damaged`] where one of them cannot be understood.
pub async fn list_records(
    clients: &Clients,
    mode: &RecordMode,
) -> Result<Vec<ChangeRecordSpec>, Error> {
    let listed = list::list(&clients.reads, &of_mode(mode), |object| {
        Some(parse(&object))
    })
    .await;
    let listed = listed.context(ReadSnafu { mode: &mode.name })?;
    let specs: Result<Vec<ChangeRecordSpec>, Damage> = listed.items.into_iter().collect();
    specs.context(DamagedSnafu { mode: &mode.name })
}

/// A record with what a deletion has to name.
pub struct Whole {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub version: String,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// What it records.
    pub spec: ChangeRecordSpec,
}

/// All records of a mode with their metadata.
///
/// # Errors
/// [`Error::Damaged`] where one of them cannot be understood.
pub async fn list_whole(clients: &Clients, mode: &RecordMode) -> Result<Vec<Whole>, Error> {
    let listed = list::list(&clients.reads, &of_mode(mode), |object| {
        Some(whole(&object))
    })
    .await;
    let listed = listed.context(ReadSnafu { mode: &mode.name })?;
    let records: Result<Vec<Whole>, Damage> = listed.items.into_iter().collect();
    records.context(DamagedSnafu { mode: &mode.name })
}

fn whole(object: &Value) -> Result<Whole, Damage> {
    let text = |name: &str| {
        let value = object.pointer(&format!("/metadata/{name}"));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let finalizers = object.pointer("/metadata/finalizers");
    let finalizers = finalizers.and_then(Value::as_array).into_iter().flatten();
    Ok(Whole {
        name: text("name"),
        uid: text("uid"),
        version: text("resourceVersion"),
        finalizers: finalizers
            .filter_map(|one| Some(one.as_str()?.to_owned()))
            .collect(),
        spec: parse(object)?,
    })
}

/// The modes that have records, each once, with the number of theirs. For a return without modes.
pub async fn list_modes(clients: &Clients) -> Result<Vec<(RecordMode, usize)>, Error> {
    let query = Query {
        collection: collection(),
        ..Query::default()
    };
    let listed = list::list(&clients.reads, &query, |object| {
        serde_json::from_value::<RecordMode>(object.pointer("/spec/mode")?.clone()).ok()
    });
    let listed = listed.await.context(ReadSnafu { mode: "(all)" })?;
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for RecordMode { name, uid } in listed.items {
        *counts.entry((name, uid)).or_default() += 1;
    }
    let modes = counts.into_iter();
    Ok(modes
        .map(|((name, uid), count)| (RecordMode { name, uid }, count))
        .collect())
}

pub(super) fn parse(object: &Value) -> Result<ChangeRecordSpec, Damage> {
    let spec = object.get("spec").cloned().unwrap_or_default();
    let sequence = spec.get("sequence").and_then(Value::as_i64).unwrap_or(0);
    let format = spec.get("format").and_then(Value::as_i64).unwrap_or(0);
    let format = i32::try_from(format).unwrap_or(i32::MAX);
    if format > record::FORMAT {
        return Err(Damage::Format { sequence, format });
    }
    serde_json::from_value(spec).map_err(|error| Damage::Body {
        sequence,
        problem: error.to_string(),
    })
}
