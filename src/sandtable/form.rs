//! The form of an answer: whole objects, their metadata alone, or a table for people.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::ask::{Ask, List, Reply};
use super::kinds::{Column, Kind};
use super::managed::unpacked;
use super::refusal::Refusal;
use super::tables;

/// The form that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The objects.
    Whole,
    /// Their metadata.
    Metadata,
    /// Rows of cells, with the metadata, the whole object or nothing beside.
    Table(Beside),
}

/// What stands beside the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The metadata.
    Metadata,
    /// The object.
    Object,
    /// Nothing.
    Nothing,
}

/// Forms of an answer that could be had.
const AVAILABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
/// What the first column of every table says.
const NAME: &str = "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

impl Form {
    /// The first form of the `Accept` header that can be had.
    ///
    /// # Errors
    /// 406 where there is none.
    pub fn of(ask: &Ask) -> Result<Self, Refusal> {
        if ask.accept.is_empty() {
            return Ok(Self::Whole);
        }
        for wanted in ask.accept.split(',') {
            let mut parts = wanted.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if ![
                "application/json",
                "application/*",
                "*/*",
                "application/yaml",
            ]
            .contains(&media)
            {
                continue;
            }
            let kind = parts.find_map(|part| part.strip_prefix("as="));
            match kind {
                None => return Ok(Self::Whole),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Ok(Self::Metadata);
                }
                Some("Table") => return Ok(Self::Table(beside(ask)?)),
                Some(_) => {}
            }
        }
        Err(Refusal {
            details: Some(Box::default()),
            ..Refusal::plain(406, "NotAcceptable", AVAILABLE)
        })
    }

    /// One object in this form.
    pub fn object(self, kind: &Kind, object: &Arc<Value>, now: &str) -> Arc<Value> {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => metadata(object).into(),
            Self::Table(beside) => {
                let version = object["metadata"]["resourceVersion"].clone();
                let rows = vec![row(kind, object, beside, now)];
                table(kind, rows, json!({ "resourceVersion": version }), true).into()
            }
        }
    }

    /// A list in this form. `own` is its own metadata. Items of built-in lists do not say what they
    /// are; those of custom ones do.
    pub fn list(self, kind: &Kind, objects: Vec<Arc<Value>>, own: Value, now: &str) -> Reply {
        match self {
            Self::Whole => Reply::list(List {
                api_version: kind.api_version(),
                kind: format!("{}List", kind.kind),
                metadata: own,
                items: objects,
                names_kinds: kind.is_custom,
            }),
            Self::Metadata => Reply::list(List {
                api_version: "meta.k8s.io/v1".to_owned(),
                kind: "PartialObjectMetadataList".to_owned(),
                metadata: own,
                items: objects
                    .iter()
                    .map(|object| metadata(object).into())
                    .collect(),
                names_kinds: true,
            }),
            Self::Table(beside) => {
                let rows = objects.iter().map(|object| row(kind, object, beside, now));
                Reply::json(200, table(kind, rows.collect(), own, true))
            }
        }
    }

    /// The object of an event in this form. Only the first table of a watch has heads.
    pub fn event(self, kind: &Kind, object: &Arc<Value>, now: &str, is_first: bool) -> Arc<Value> {
        match self {
            Self::Whole | Self::Metadata => self.object(kind, object, now),
            Self::Table(beside) => {
                let version = object["metadata"]["resourceVersion"].clone();
                let rows = vec![row(kind, object, beside, now)];
                let own = json!({ "resourceVersion": version });
                table(kind, rows, own, is_first).into()
            }
        }
    }
}

fn beside(ask: &Ask) -> Result<Beside, Refusal> {
    match ask.parameter("includeObject") {
        "" | "Metadata" => Ok(Beside::Metadata),
        "Object" => Ok(Beside::Object),
        "None" => Ok(Beside::Nothing),
        other => Err(Refusal::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
        ))),
    }
}

fn metadata(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

fn table(kind: &Kind, rows: Vec<Value>, metadata: Value, has_heads: bool) -> Value {
    let name = json!({ "name": "Name", "type": "string", "format": "name", "description": NAME, "priority": 0 });
    let heads = kind.columns.iter().map(|column| {
        json!({ "name": column.name, "type": column.type_, "format": column.format,
            "description": column.description, "priority": column.priority })
    });
    let heads: Value = if has_heads {
        // The columns of built-in kinds have the name among them.
        let name = Some(name).filter(|_| kind.is_custom);
        name.into_iter().chain(heads).collect()
    } else {
        Value::Null
    };
    let mut table = json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1" });
    table["metadata"] = metadata;
    table["columnDefinitions"] = heads;
    table["rows"] = rows.into();
    table
}

fn row(kind: &Kind, object: &Value, beside: Beside, now: &str) -> Value {
    let cells: Value = if kind.is_custom {
        let name = object["metadata"]["name"].clone();
        let cells = kind.columns.iter().map(|column| cell(column, object, now));
        std::iter::once(name).chain(cells).collect()
    } else {
        tables::cells(kind, object, now).into()
    };
    let mut row = Map::new();
    row.insert("cells".to_owned(), cells);
    match beside {
        Beside::Metadata => {
            row.insert("object".to_owned(), unpacked(&metadata(object)));
        }
        Beside::Object => {
            row.insert("object".to_owned(), unpacked(object));
        }
        Beside::Nothing => {
            row.insert("object".to_owned(), Value::Null);
        }
    }
    Value::Object(row)
}

/// A cell: what stands at the column's path, a time as the age that it is.
fn cell(column: &Column, object: &Value, now: &str) -> Value {
    let Some(value) = at(&column.path, object) else {
        // What is not there has no age that could be known.
        return if column.type_ == "date" {
            "<unknown>".into()
        } else {
            Value::Null
        };
    };
    match (column.type_.as_str(), &value) {
        ("date", Value::String(text)) => age(text, now).into(),
        ("integer" | "number" | "boolean", _) | (_, Value::String(_)) => value,
        (_, Value::Null) => Value::Null,
        (_, other) => other.to_string().into(),
    }
}

/// What stands at a JSON path of the simple kind: members, indexes, and one filter by equality.
fn at(path: &str, object: &Value) -> Option<Value> {
    let mut value = object;
    let mut rest = path.strip_prefix('.').unwrap_or(path);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (condition, behind) = inside.split_once(']')?;
            value = chosen(value.as_array()?, condition)?;
            rest = behind.strip_prefix('.').unwrap_or(behind);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        value = value.get(&rest[..end])?;
        rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
    }
    Some(value.clone())
}

fn chosen<'a>(items: &'a [Value], condition: &str) -> Option<&'a Value> {
    if let Ok(index) = condition.parse::<usize>() {
        return items.get(index);
    }
    let test = condition.strip_prefix("?(@.")?.strip_suffix(')')?;
    let (member, wanted) = test.split_once("==")?;
    let wanted = wanted.trim_matches(['\'', '"', ' ']);
    items.iter().find(|item| item[member.trim()] == *wanted)
}

/// How long ago a time is, as kubectl shows it: `5d`, `3h4m`, `17s`.
pub(super) fn age(text: &str, now: &str) -> String {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let (Some(then), Some(now)) = (parse(text), parse(now)) else {
        return "<unknown>".to_owned();
    };
    human(now.as_second() - then.as_second())
}

/// A time in the two units that say most.
pub(super) fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |whole: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 {
            format!("{whole}{unit}")
        } else {
            format!("{whole}{unit}{rest}{small}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People at night read ages; a wrong one makes them think that nothing happens.
    #[test]
    fn ages_are_those_of_kubectl() {
        let now = "2026-07-01T12:00:00Z";
        for (then, shown) in [
            ("2026-07-01T12:00:00Z", "0s"),
            ("2026-07-01T11:58:01Z", "119s"),
            ("2026-07-01T11:55:30Z", "4m30s"),
            ("2026-07-01T11:00:00Z", "60m"),
            ("2026-07-01T08:30:00Z", "3h30m"),
            ("2026-06-30T12:00:00Z", "24h"),
            ("2026-06-28T10:00:00Z", "3d2h"),
            ("2026-06-01T12:00:00Z", "30d"),
            ("2024-01-01T12:00:00Z", "2y182d"),
            ("2026-07-01T13:00:00Z", "<invalid>"),
            ("never", "<unknown>"),
        ] {
            assert_eq!(age(then, now), shown, "{then}");
        }
    }

    /// Our own columns find a condition by its type.
    #[test]
    fn paths_of_columns_find_members_and_conditions() {
        let object = json!({ "spec": { "a": 1 }, "status": { "conditions": [
            { "type": "Ready", "status": "False" }, { "type": "Paused", "status": "True" }] } });
        assert_eq!(at(".spec.a", &object), Some(json!(1)));
        assert_eq!(
            at(".status.conditions[?(@.type=='Paused')].status", &object),
            Some(json!("True"))
        );
        assert_eq!(
            at(".status.conditions[0].type", &object),
            Some(json!("Ready"))
        );
        assert_eq!(at(".spec.b.c", &object), None);
    }
}
