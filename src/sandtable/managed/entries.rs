//! managedFields as the server keeps them: who owns what, read and written, each set of fields as a text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Writer;
use super::packed::Fields;

/// Who owns what.
pub type Managers = BTreeMap<Manager, Owned>;

/// What tells managers apart. Those who apply are the same in every version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// The name.
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version; empty for those who apply.
    pub version: String,
    /// The subresource; empty for none.
    pub subresource: String,
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// The version in which it is said.
    pub api_version: String,
    /// When it last changed.
    pub time: Option<String>,
    /// The fields.
    pub set: Fields,
}

impl Manager {
    /// The manager of a writer.
    pub fn of(writer: &Writer) -> Self {
        let applies = writer.operation == "Apply";
        Self {
            name: writer.manager.clone(),
            operation: writer.operation.clone(),
            version: if applies {
                String::new()
            } else {
                writer.api_version.clone()
            },
            subresource: writer.subresource.clone(),
        }
    }

    /// As conflicts name it: `"helm"`, `"kubectl" using apps/v1`.
    pub fn shown(&self) -> String {
        let through = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource {:?}", self.subresource)
        };
        let using = if self.operation == "Update" {
            format!(" using {}", self.version)
        } else {
            String::new()
        };
        format!("{:?}{through}{using}", self.name)
    }
}

/// Reads managedFields.
///
/// # Errors
/// One of them is not understood.
pub fn read(fields: Value) -> Result<Managers, String> {
    let Value::Array(entries) = fields else {
        return Ok(Managers::new());
    };
    let mut managers = Managers::new();
    for mut entry in entries {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let operation = text("operation");
        if text("fieldsType") != "FieldsV1" || !["Apply", "Update"].contains(&operation.as_str()) {
            return Err(format!("{entry} is not understood"));
        }
        let writer = Writer {
            manager: text("manager"),
            operation,
            api_version: text("apiVersion"),
            subresource: text("subresource"),
        };
        let fields = entry.get_mut("fieldsV1").map(Value::take);
        let set = Fields::read(fields.unwrap_or_default())?;
        let owned = Owned {
            api_version: writer.api_version.clone(),
            time: entry["time"].as_str().map(str::to_owned),
            set,
        };
        managers.insert(Manager::of(&writer), owned);
    }
    Ok(managers)
}

/// Writes managedFields, in the server's order: who applies first, then by time and name.
pub fn written(managers: Managers) -> Value {
    let mut all: Vec<_> = managers.into_iter().collect();
    all.sort_by(|(one, own), (other, others)| {
        one.operation
            .cmp(&other.operation)
            .then_with(|| own.time.as_deref().cmp(&others.time.as_deref()))
            .then_with(|| one.name.cmp(&other.name))
            .then_with(|| own.api_version.cmp(&others.api_version))
            .then_with(|| one.subresource.cmp(&other.subresource))
    });
    let entries = all.into_iter().map(|(manager, owned)| {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("manager", manager.name.into());
        put("operation", manager.operation.into());
        put("apiVersion", owned.api_version.into());
        if let Some(time) = owned.time {
            put("time", time.into());
        }
        put("fieldsType", "FieldsV1".into());
        put("fieldsV1", owned.set.kept());
        if !manager.subresource.is_empty() {
            put("subresource", manager.subresource.into());
        }
        Value::Object(entry)
    });
    Value::Array(entries.collect())
}
