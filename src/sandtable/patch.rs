//! The patches that are understood: JSON Patch, merge patch, strategic merge patch, and apply.

use json_patch::jsonptr::PointerBuf;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::ask::Ask;
use super::body::{go_error, unknown_media};
use super::kinds::Kind;
use super::managed;
use super::normal::Text;
use super::refusal::{Cause, Named, Refusal};
use super::schema;

/// The media type of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";

/// The operations of a JSON Patch.
#[derive(Clone, Debug)]
pub struct Operations {
    /// One after another, or why there are none.
    read: Result<Vec<json_patch::PatchOperation>, Refusal>,
    /// What the text has twice, in the server's words.
    twice: Vec<String>,
}

impl Operations {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let twice = schema::duplicates(&text).into_iter();
        Self {
            read: json_patch_of(body),
            twice: twice.map(|said| format!("json patch {said}")).collect(),
        }
    }
}

/// A patch, read.
#[derive(Clone, Debug)]
pub enum Patch<'a> {
    /// Operations, one after another.
    Json(&'a Operations),
    /// What is said replaces what is there; null takes away.
    Merge(Value),
    /// The same, with lists merged by the keys of their items.
    Strategic(Value),
    /// What somebody wants there to be.
    Apply(Value),
}

/// How it begins what is said of fields that nobody knows.
const STRICT: &str = "strict decoding error";
/// What is said of a patch that is no patch, or that does not fit.
const ERROR_IN_REQUEST: &str = "the server rejected our request due to an error in our request";

impl<'a> Patch<'a> {
    /// Reads the body as its media type says.
    ///
    /// # Errors
    /// In the server's words.
    pub fn read(kind: &Kind, ask: &'a Ask) -> Result<Self, Refusal> {
        match ask.content_type.as_str() {
            JSON_PATCH => {
                let operations = ask.operations();
                match &operations.read {
                    Ok(_) => Ok(Self::Json(operations)),
                    Err(refusal) => Err(refusal.clone()),
                }
            }
            "application/merge-patch+json" => merge_of(&ask.body).map(Self::Merge),
            "application/strategic-merge-patch+json" if !kind.is_custom => {
                merge_of(&ask.body).map(Self::Strategic)
            }
            "application/strategic-merge-patch+json" => Err(unknown_media(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            )),
            "application/apply-patch+yaml" => serde_yaml::from_slice(&ask.body)
                .map(Self::Apply)
                .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}"))),
            _ => Err(Refusal {
                details: Some(Box::default()),
                ..Refusal::plain(415, "UnsupportedMediaType", "415: Unsupported Media Type")
            }),
        }
    }

    /// What is said where the patch fits, but what it makes of the object is none of its kind.
    pub fn unfit(&self, made: &Value, refusal: Refusal) -> Refusal {
        match self {
            Self::Json(_) | Self::Merge(_) if refusal.code == 400 => {
                let none = Named {
                    group: "",
                    word: "",
                };
                // The object is quoted as text.
                let text = Value::String(made.to_string());
                let why = refusal.message;
                Refusal::invalid(none, "", vec![Cause::invalid("patch", &text, &why)])
            }
            // It quotes the patch, as Go prints it, and leaves out what every other refusal begins with.
            Self::Strategic(patch) if refusal.code == 400 => {
                let Some(at) = refusal.message.find(STRICT) else {
                    return refusal;
                };
                let cause = Cause {
                    reason: "FieldValueInvalid",
                    message: format!(
                        "Invalid value: {}: {}",
                        Value::from(go_map(patch)),
                        &refusal.message[at..]
                    ),
                    field: "patch".to_owned(),
                };
                let none = Named {
                    group: "",
                    word: "",
                };
                Refusal::invalid(none, "", vec![cause])
            }
            Self::Json(_) | Self::Merge(_) | Self::Strategic(_) | Self::Apply(_) => refusal,
        }
    }

    /// What of its text may be there twice.
    pub const fn text(&self, body: &'a [u8]) -> Text<'a> {
        match self {
            Self::Json(operations) => Text::Operations(operations.twice.as_slice()),
            Self::Merge(_) | Self::Strategic(_) => Text::Patch(body),
            Self::Apply(_) => Text::None,
        }
    }

    /// Whether it is an apply.
    pub const fn is_apply(&self) -> bool {
        matches!(self, Self::Apply(_))
    }

    /// What it makes of an object.
    ///
    /// # Errors
    /// It does not fit the object.
    pub fn of(&self, kind: &Kind, object: &Value) -> Result<Value, Refusal> {
        match self {
            Self::Json(Operations { read, .. }) => {
                operated(object, read.as_ref().map_err(Clone::clone)?)
            }
            Self::Merge(patch) => {
                let mut merged = object.clone();
                json_patch::merge(&mut merged, patch);
                Ok(merged)
            }
            Self::Strategic(patch) => super::strategic::merge(kind.schema.root(), object, patch),
            Self::Apply(config) => Ok(config.clone()),
        }
    }
}

/// A value as Go prints a map: `map[a:1 b:[x <nil>]]`.
fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_map).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", go_map(value)))
                .collect();
            format!("map[{}]", members.join(" "))
        }
    }
}

/// Refuses an apply of another kind than the address is about.
///
/// # Errors
/// 400.
pub fn ensure_own_kind(kind: &Kind, config: &Value) -> Result<(), Refusal> {
    let text = |name: &str| config[name].as_str().unwrap_or_default().to_owned();
    let (version, word) = (text("apiVersion"), text("kind"));
    if version == kind.api_version() && word == kind.kind {
        return Ok(());
    }
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    Err(Refusal::bad_request(format!(
        "invalid object type: {group}/{version}, Kind={word}"
    )))
}

fn json_patch_of(body: &[u8]) -> Result<Vec<json_patch::PatchOperation>, Refusal> {
    if let Ok(items) = serde_json::from_slice::<Vec<&RawValue>>(body) {
        let read = items.into_iter().map(|item| operation_in(item.get()));
        return read.collect::<Option<_>>().ok_or_else(does_not_fit);
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::bad_request(format!("error decoding patch: {}", go_error(body))))?;
    let word = if value.is_object() { "object" } else { "value" };
    Err(Refusal::bad_request(format!(
        "error decoding patch: json: cannot unmarshal {word} into Go value of type []handlers.jsonPatchOp"
    )))
}

/// Reads the text of an operation. What a test says of a manager's fields stays a text, as it is kept.
fn operation_in(text: &str) -> Option<json_patch::PatchOperation> {
    #[derive(serde::Deserialize)]
    struct Slim<'a> {
        op: &'a str,
        path: &'a str,
        #[serde(borrow)]
        value: &'a RawValue,
    }
    if text.contains(managed::ENTRIES)
        && let Ok(slim) = serde_json::from_str::<Slim<'_>>(text)
        && slim.op == "test"
        && let Ok(path) = PointerBuf::parse(slim.path)
        && managed::is_entry(slim.path)
        && let Some(value) = managed::packed_entry(slim.value.get())
    {
        let operation = json_patch::TestOperation { path, value };
        return Some(json_patch::PatchOperation::Test(operation));
    }
    operation(serde_json::from_str(text).ok()?)
}

/// Reads an operation. Those with a value, which may be large, are taken apart by hand: the library
/// would copy it twice.
fn operation(mut item: Value) -> Option<json_patch::PatchOperation> {
    let path = item["path"].as_str().map(PointerBuf::parse);
    let value = item.get_mut("value").map(Value::take);
    let op = item["op"].as_str();
    let (Some(Ok(path)), Some(value), Some(op)) = (path, value, op) else {
        return serde_json::from_value(item).ok();
    };
    Some(match op {
        "test" => json_patch::PatchOperation::Test(json_patch::TestOperation { path, value }),
        "add" => json_patch::PatchOperation::Add(json_patch::AddOperation { path, value }),
        "replace" => {
            json_patch::PatchOperation::Replace(json_patch::ReplaceOperation { path, value })
        }
        // The others have no use for a value.
        _ => return serde_json::from_value(item).ok(),
    })
}

/// 422: an operation that does not fit, or is none. It does not say why.
fn does_not_fit() -> Refusal {
    Refusal {
        details: Some(Box::default()),
        ..Refusal::plain(422, "Invalid", ERROR_IN_REQUEST)
    }
}

fn merge_of(body: &[u8]) -> Result<Value, Refusal> {
    let patch: Value =
        serde_json::from_slice(body).map_err(|_| Refusal::bad_request(go_error(body)))?;
    if patch.is_object() {
        return Ok(patch);
    }
    Err(Refusal::bad_request("Invalid JSON Patch"))
}

/// Carries operations out. The server's library is laxer than the standard: a test for null holds
/// where nothing is.
fn operated(object: &Value, operations: &[json_patch::PatchOperation]) -> Result<Value, Refusal> {
    let mut patched = object.clone();
    for operation in operations {
        show(&mut patched, operation);
        if let json_patch::PatchOperation::Test(test) = operation {
            let found = patched.pointer(test.path.as_str());
            let has_null = |value: &Value| {
                let items = value.as_array().into_iter().flatten();
                items.into_iter().any(Value::is_null)
            };
            // The real server's library falls over, and it hangs up.
            if has_null(&test.value) && found.is_some_and(has_null) {
                return Err(Refusal::plain(
                    500,
                    "InternalError",
                    "a list that holds null cannot be tested",
                ));
            }
            if !holds(&mut patched, test) {
                return Err(does_not_fit());
            }
            continue;
        }
        let laxer = laxer(&patched, operation);
        let one = std::slice::from_ref(laxer.as_ref().unwrap_or(operation));
        json_patch::patch(&mut patched, one).map_err(|_| does_not_fit())?;
    }
    if patched.is_object() {
        return Ok(patched);
    }
    Ok(Value::Object(Map::new()))
}

/// Shows an operation those owners that it looks into as clients see them.
fn show(object: &mut Value, operation: &json_patch::PatchOperation) {
    use json_patch::PatchOperation as Op;
    let path = operation.path().as_str();
    let sees_all = match operation {
        Op::Test(test) => managed::is_packed(&test.value),
        Op::Add(_) | Op::Replace(_) | Op::Remove(_) => managed::is_whole(path),
        Op::Move(_) | Op::Copy(_) => return managed::unpack(object),
    };
    if !sees_all {
        managed::unpack_at(object, path);
    }
}

/// Whether a test holds. One of a manager's entry mostly has the very text that is kept.
fn holds(patched: &mut Value, test: &json_patch::TestOperation) -> bool {
    let path = test.path.as_str();
    let is_same = |patched: &Value, wanted: &Value| match patched.pointer(path) {
        Some(found) => same(found, wanted),
        None => wanted.is_null(),
    };
    let is_there = is_same(patched, &test.value);
    if is_there || !managed::is_packed(&test.value) {
        return is_there;
    }
    managed::unpack_at(patched, path);
    let mut wanted = test.value.clone();
    managed::unpack_entry(&mut wanted);
    is_same(patched, &wanted)
}

/// The server's library adds what was to be replaced, where an object has no such member.
fn laxer(
    object: &Value,
    operation: &json_patch::PatchOperation,
) -> Option<json_patch::PatchOperation> {
    if let json_patch::PatchOperation::Replace(replace) = operation
        && object.pointer(replace.path.as_str()).is_none()
        && replace.path.parent().is_some_and(|parent| {
            object
                .pointer(parent.as_str())
                .is_some_and(Value::is_object)
        })
    {
        return Some(json_patch::PatchOperation::Add(json_patch::AddOperation {
            path: replace.path.clone(),
            value: replace.value.clone(),
        }));
    }
    None
}

/// The server compares what it has in its own spelling with what was sent in the client's: numbers
/// as they are written, and `&`, `<` and `>` never.
fn same(own: &Value, sent: &Value) -> bool {
    match (own, sent) {
        (Value::Number(own), Value::Number(sent)) => own.to_string() == sent.to_string(),
        (Value::String(own), Value::String(sent)) => own == sent && !sent.contains(['&', '<', '>']),
        (Value::Array(own), Value::Array(sent)) => {
            own.len() == sent.len() && own.iter().zip(sent).all(|(own, sent)| same(own, sent))
        }
        (Value::Object(own), Value::Object(sent)) => {
            own.len() == sent.len()
                && own
                    .iter()
                    .all(|(name, own)| sent.get(name).is_some_and(|sent| same(own, sent)))
        }
        (own, sent) => own == sent,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whether a patch of an object whose managers are kept packed goes through.
    fn goes(patch: &str) -> bool {
        let read = json_patch_of(patch.as_bytes()).expect("operations");
        let fields = r#"{"f:data":{".":{},"f:a&b":{}}}"#;
        let entry = json!({ "manager": "m", "fieldsV1": json!(serde_json::from_str::<Value>(fields).expect("JSON")) });
        let packed = managed::packed_entry(&entry.to_string()).expect("fields");
        let object = json!({ "metadata": { "managedFields": [packed, packed] } });
        operated(&object, &read).is_ok()
    }

    /// A test of who owns what that would hold on the real server holds here, however it is written; and no
    /// other one does.
    #[test]
    fn tests_of_owners_hold_where_they_are_true() {
        let at = "/metadata/managedFields";
        let own = r#"{"f:data":{".":{},"f:a&b":{}}}"#;
        let spaced = r#"{ "f:data": { "f:a\u0026b": {}, ".": {} } }"#;
        let test = |path: &str, value: &str| {
            format!(r#"{{"op":"test","path":"{at}{path}","value":{value}}}"#)
        };
        let entry = |fields: &str| format!(r#"{{"manager":"m","fieldsV1":{fields}}}"#);
        for (wanted, operation) in [
            (true, test("/1", &entry(own))),
            (true, test("/1", &entry(spaced))),
            (true, test("/0/fieldsV1", own)),
            (true, test("/0/fieldsV1/f:data/.", "{}")),
            (true, test("", &format!("[{0},{0}]", entry(own)))),
            (false, test("/1", &entry(r#"{"f:data":{}}"#))),
            (false, test("/2", &entry(own))),
            (false, test("/1", r#"{"manager":"m"}"#)),
            (false, test("/0/fieldsV1", "{}")),
        ] {
            assert_eq!(goes(&format!("[{operation}]")), wanted, "{operation}");
        }
        // Places are what they are when an operation is carried out.
        let gone = format!(r#"{{"op":"remove","path":"{at}/0"}}"#);
        let one = test("/0", &entry(own));
        assert!(goes(&format!("[{gone},{one}]")));
        assert!(!goes(&format!("[{gone},{}]", test("/1", &entry(own)))));
        let less = format!(r#"{{"op":"remove","path":"{at}/0/fieldsV1/f:data/f:a&b"}}"#);
        assert!(goes(&format!(
            "[{less},{}]",
            test("/0", &entry(r#"{"f:data":{".":{}}}"#))
        )));
    }
}
