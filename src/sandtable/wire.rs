//! Objects in protobuf, as typed clients send them: read into what they would be as JSON.
//!
//! `kubectl create configmap`, `kubectl auth can-i` and the like send so. Answers are JSON, which such
//! clients take as well. Which field has which number is in `data/wire.json`, written down by
//! `cargo xtask generate openapi`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value};
use snafu::{OptionExt, ResultExt, Snafu, ensure};

use super::schema::{Documents, Part};

/// The media type.
pub const MEDIA: &str = "application/vnd.kubernetes.protobuf";
/// What every object in protobuf begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Deepest message: those of workloads are some ten deep.
const DEEPEST: usize = 64;

/// Why an object cannot be read.
#[derive(Debug, Snafu)]
pub enum Error {
    /// It is something else.
    #[snafu(display(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    ))]
    Other,
    /// It ends too early.
    #[snafu(display("unexpected EOF"))]
    Short,
    /// A field is of a type that is not used.
    #[snafu(display("proto: illegal wireType {kind}"))]
    Kind {
        /// The number of the type.
        kind: u64,
    },
    /// A text is none.
    #[snafu(display("proto: a field holds no UTF-8 text"))]
    Text {
        /// Why.
        source: std::string::FromUtf8Error,
    },
    /// JSON inside is none.
    #[snafu(display("proto: a field holds no JSON"))]
    Json {
        /// Why.
        source: serde_json::Error,
    },
    /// The kind is never sent so.
    #[snafu(display("no kind {kind:?} is registered for version {version:?}"))]
    Unknown {
        /// The kind.
        kind: String,
        /// Its version.
        version: String,
    },
    /// A message is inside itself too often.
    #[snafu(display("proto: a message is nested too deeply"))]
    Deep,
}

/// A field of a message.
#[derive(Debug)]
struct Field {
    name: &'static str,
    mark: Mark,
    of: &'static str,
}

/// How often a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Once,
    List,
    Map,
}

type Messages = BTreeMap<&'static str, BTreeMap<u64, Field>>;

/// The messages, by name.
fn messages() -> &'static Messages {
    static READ: OnceLock<Messages> = OnceLock::new();
    READ.get_or_init(|| {
        // A file of ours. A test reads it; one that cannot be read holds nothing.
        let all: BTreeMap<&str, BTreeMap<&str, &str>> =
            serde_json::from_str(include_str!("data/wire.json")).unwrap_or_default();
        let all = all.into_iter().map(|(name, fields)| {
            let fields = fields.into_iter().filter_map(|(number, field)| {
                let (name, of) = field.split_once(':')?;
                let (name, mark) = match (name.strip_suffix("[]"), name.strip_suffix("{}")) {
                    (Some(name), _) => (name, Mark::List),
                    (None, Some(name)) => (name, Mark::Map),
                    (None, None) => (name, Mark::Once),
                };
                Some((number.parse().ok()?, Field { name, mark, of }))
            });
            (name, fields.collect())
        });
        all.collect()
    })
}

/// Reads an object with its envelope.
///
/// # Errors
/// It is no such object, or of a kind that is not sent so.
pub fn read(body: &[u8], documents: &Documents) -> Result<Value, Error> {
    let envelope = body.strip_prefix(MAGIC).context(OtherSnafu)?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, value) in fields(envelope)? {
        match (number, value) {
            (1, Wire::Bytes(of)) => {
                for (number, value) in fields(of)? {
                    let text = value.text()?;
                    match number {
                        1 => version = text,
                        2 => kind = text,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            (_, Wire::Bytes(_) | Wire::Number(_)) => {}
        }
    }
    let (group, short) = version.split_once('/').unwrap_or(("", &version));
    let schema = documents.kind(group, short, &kind);
    let name = component(group, short, &kind);
    let Some((name, _)) = messages().get_key_value(name.as_str()) else {
        return UnknownSnafu { kind, version }.fail();
    };
    let part = schema.as_ref().map(super::schema::Schema::root);
    let mut object = message(name, raw, part, DEEPEST)?;
    if part.is_none() {
        // Of kinds that are never kept no schema says what is left out: Go leaves out what is empty.
        drop_empty(&mut object);
    }
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    Ok(object)
}

/// The name of the message of a kind.
fn component(group: &str, version: &str, kind: &str) -> String {
    if kind == "DeleteOptions" {
        return format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
    }
    let package = match group.split('.').next() {
        None | Some("") => "core",
        Some(first) => first,
    };
    format!("io.k8s.api.{package}.{version}.{kind}")
}

/// A value as it is sent.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Wire<'_> {
    fn text(self) -> Result<String, Error> {
        match self {
            Self::Bytes(bytes) => String::from_utf8(bytes.to_vec()).context(TextSnafu),
            Self::Number(_) => KindSnafu { kind: 0_u64 }.fail(),
        }
    }

    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message as they are sent, in order.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, Error> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).unwrap_or(usize::MAX);
                Wire::Bytes(take(&mut bytes, length)?)
            }
            kind => return KindSnafu { kind }.fail(),
        };
        all.push((key >> 3, value));
    }
    Ok(all)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (taken, rest) = bytes.split_at_checked(length).context(ShortSnafu)?;
    *bytes = rest;
    Ok(taken)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Error> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    ShortSnafu.fail()
}

/// A message as JSON. What the schema does not name is a structure whose members are the parent's.
fn message(name: &str, bytes: &[u8], part: Option<Part<'_>>, left: usize) -> Result<Value, Error> {
    ensure!(left > 0, DeepSnafu);
    if let Some(value) = special(name, bytes)? {
        return Ok(value);
    }
    let known = messages().get(name);
    let mut object = Map::new();
    for (number, sent) in fields(bytes)? {
        // As protobuf has it, a field of a number that nobody knows is passed over.
        let Some(field) = known.and_then(|known| known.get(&number)) else {
            continue;
        };
        let member = part.and_then(|part| part.member(field.name));
        match field.mark {
            Mark::Once => {
                let value = single(field.of, sent, member.or(part), left)?;
                match (part, member, value) {
                    (Some(_), None, Value::Object(inside)) => object.extend(inside),
                    (_, _, value) => {
                        object.insert(field.name.to_owned(), value);
                    }
                }
            }
            Mark::List => {
                let items = member.and_then(Part::items);
                let value = single(field.of, sent, items, left)?;
                let list = object
                    .entry(field.name)
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(value);
                }
            }
            Mark::Map => {
                let (key, value) = entry(field.of, sent, member, left)?;
                let map = object
                    .entry(field.name)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(key, value);
                }
            }
        }
    }
    Ok(Value::Object(object))
}

/// Leaves out members that are empty: texts, zeros, no, and what has nothing inside.
fn drop_empty(value: &mut Value) {
    let Value::Object(members) = value else {
        return;
    };
    members.retain(|_, value| {
        drop_empty(value);
        match value {
            Value::Null => false,
            Value::Bool(yes) => *yes,
            Value::Number(number) => number.as_i64() != Some(0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
        }
    });
}

/// An entry of a map: its key, and its value.
fn entry(
    of: &str,
    sent: Wire<'_>,
    part: Option<Part<'_>>,
    left: usize,
) -> Result<(String, Value), Error> {
    let (mut key, mut value) = (String::new(), None);
    let inside = part.and_then(Part::additional);
    for (number, sent) in fields(sent.bytes())? {
        match number {
            1 => key = sent.text()?,
            2 => value = Some(single(of, sent, inside, left)?),
            _ => {}
        }
    }
    Ok((key, value.unwrap_or_default()))
}

/// One value of a type.
fn single(of: &str, sent: Wire<'_>, part: Option<Part<'_>>, left: usize) -> Result<Value, Error> {
    Ok(match of {
        "string" => sent.text()?.into(),
        "bytes" => STANDARD.encode(sent.bytes()).into(),
        "bool" => (sent.number() != 0).into(),
        // A negative number is sent as if it were a very large one.
        "int32" | "int64" => sent.number().cast_signed().into(),
        name => return message(name, sent.bytes(), part, left - 1),
    })
}

/// Messages that are something else in JSON.
fn special(name: &str, bytes: &[u8]) -> Result<Option<Value>, Error> {
    let short = name
        .strip_prefix("io.k8s.apimachinery.pkg.")
        .unwrap_or_default();
    Ok(Some(match short {
        "api.resource.Quantity" => match first(bytes, 1)? {
            Some(text) => text.text()?.into(),
            None => "0".into(),
        },
        "apis.meta.v1.Time" => time(bytes, 0)?,
        "apis.meta.v1.MicroTime" => time(bytes, 6)?,
        "util.intstr.IntOrString" => {
            let is_text = first(bytes, 1)?.is_some_and(|kind| kind.number() == 1);
            match (is_text, first(bytes, 2)?, first(bytes, 3)?) {
                (true, _, Some(text)) => text.text()?.into(),
                (true, _, None) => "".into(),
                (false, number, _) => number.map_or(0, Wire::number).cast_signed().into(),
            }
        }
        "runtime.RawExtension" | "apis.meta.v1.FieldsV1" => match first(bytes, 1)? {
            Some(raw) => serde_json::from_slice(raw.bytes()).context(JsonSnafu)?,
            None => Value::Null,
        },
        _ if name.ends_with(".ExtraValue") => {
            let items = fields(bytes)?.into_iter();
            items
                .map(|(_, item)| item.text().map(Value::from))
                .collect::<Result<_, _>>()?
        }
        _ => return Ok(None),
    }))
}

fn first(bytes: &[u8], number: u64) -> Result<Option<Wire<'_>>, Error> {
    let mut all = fields(bytes)?.into_iter();
    Ok(all.find(|(one, _)| *one == number).map(|(_, value)| value))
}

/// A time; one that is none is nothing.
fn time(bytes: &[u8], precision: u8) -> Result<Value, Error> {
    let part = |number| -> Result<Option<i64>, Error> {
        Ok(first(bytes, number)?.map(|value| value.number().cast_signed()))
    };
    let Some(seconds) = part(1)? else {
        return Ok(Value::Null);
    };
    let nanos = i32::try_from(part(2)?.unwrap_or_default()).unwrap_or_default();
    let Ok(moment) = Timestamp::new(seconds, nanos) else {
        return Ok(Value::Null);
    };
    let printer = DateTimePrinter::new().precision(Some(precision));
    Ok(printer.timestamp_to_string(&moment).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema::builtin;
    use super::*;

    /// What kubectl 1.36 sends for `create configmap x --from-literal=a=b`.
    const CONFIG_MAP: &[u8] = b"k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x1b\n\x11\n\x01x\x12\0\x1a\0\"\0*\0\x32\0\x38\0B\0\x12\x06\n\x01a\x12\x01b\x1a\0\"\0";

    /// A field with a varint, or with a length before it.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).expect("it is short");
        let key = u16::from(number) << 3 | 2;
        let [low, high] = [key & 0x7f, key >> 7].map(|part| part.to_le_bytes()[0]);
        let key = if high == 0 {
            vec![low]
        } else {
            vec![low | 0x80, high]
        };
        [&key[..], &[length], value].concat()
    }

    fn sent(version: &str, kind: &str, raw: &[u8]) -> Result<Value, Error> {
        let own = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
        let body = [MAGIC.to_vec(), field(1, &own), field(2, raw)].concat();
        read(&body, builtin())
    }

    /// A type that nobody reads would be an empty object.
    #[test]
    fn every_type_is_known() {
        assert!(messages().len() > 300, "{}", messages().len());
        for (name, fields) in messages() {
            for Field {
                name: field, of, ..
            } in fields.values()
            {
                let is_plain = ["string", "bytes", "bool", "int32", "int64"].contains(of);
                let is_known = is_plain || messages().contains_key(of);
                assert!(is_known, "{name}.{field} is a {of}");
            }
        }
    }

    /// kubectl makes objects so; one that is read wrongly is another object.
    #[test]
    fn an_object_is_what_it_would_be_as_json() {
        let object = read(CONFIG_MAP, builtin()).expect("kubectl sent it");
        assert_eq!(object["apiVersion"], "v1");
        assert_eq!(object["kind"], "ConfigMap");
        assert_eq!(object["metadata"]["name"], "x");
        assert_eq!(object["metadata"]["creationTimestamp"], Value::Null);
        assert_eq!(object["data"], json!({ "a": "b" }));
    }

    /// Times, counts and either numbers or texts are messages of their own.
    #[test]
    fn what_has_a_form_of_its_own_in_json_is_read_so() {
        let spec = [
            field(1, b"h"),
            vec![2 << 3, 15],
            field(
                4,
                &[
                    &[1 << 3][..],
                    &[0x80, 0x92, 0xb8, 0xc3, 0x98, 0xfe, 0xff, 0xff, 0xff, 0x01],
                ]
                .concat(),
            ),
        ]
        .concat();
        let lease = sent("coordination.k8s.io/v1", "Lease", &field(2, &spec)).expect("a lease");
        let spec = &lease["spec"];
        assert_eq!(spec["holderIdentity"], "h");
        assert_eq!(spec["leaseDurationSeconds"], 15);
        assert_eq!(spec["renewTime"], "0001-01-01T00:00:00.000000Z");
        let percent = [&[1 << 3, 1][..], &field(3, b"50%")].concat();
        let number = [1 << 3, 0, 2 << 3, 2];
        for (value, shown) in [(&percent[..], json!("50%")), (&number[..], json!(2))] {
            let spec = field(2, &field(1, value));
            let budget = sent("policy/v1", "PodDisruptionBudget", &spec).expect("a budget");
            assert_eq!(budget["spec"]["minAvailable"], shown);
        }
    }

    /// Structures that Go has inside others are no members of their own in JSON.
    #[test]
    fn what_is_inline_in_go_has_no_name_in_json() {
        let source = field(19, &[field(1, &field(1, b"flags"))].concat());
        let volume = [field(1, b"v"), field(2, &source)].concat();
        let pod = sent("v1", "Pod", &field(2, &field(1, &volume))).expect("a pod");
        assert_eq!(
            pod["spec"]["volumes"],
            json!([{ "name": "v", "configMap": { "name": "flags" } }])
        );
    }

    /// `kubectl auth can-i` sends a review with every member, empty ones too: they say nothing.
    #[test]
    fn what_is_empty_in_a_review_is_not_said() {
        let asked = [
            field(1, b"n"),
            field(2, b"get"),
            field(3, b""),
            field(5, b"pods"),
        ]
        .concat();
        let empty = [field(1, b""), vec![7 << 3, 0], field(8, b"")].concat();
        let raw = [
            field(1, &empty),
            field(2, &field(1, &asked)),
            field(3, &[1 << 3, 0]),
        ]
        .concat();
        let review = sent("authorization.k8s.io/v1", "SelfSubjectAccessReview", &raw);
        let shown = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": { "namespace": "n", "verb": "get", "resource": "pods" } } });
        assert_eq!(review.expect("a review"), shown);
    }

    /// Nothing that anybody sends may end the server.
    #[test]
    fn what_is_no_object_is_refused() {
        assert!(matches!(read(b"{}", builtin()), Err(Error::Other)));
        // The last four bytes are fields of the envelope that say nothing.
        for end in MAGIC.len() + 1..CONFIG_MAP.len() - 4 {
            // Cut anywhere it is either refused or less.
            if let Ok(object) = read(&CONFIG_MAP[..end], builtin()) {
                assert_ne!(object["data"], json!({ "a": "b" }));
            }
        }
        assert!(matches!(
            sent("v1", "None", &[]),
            Err(Error::Unknown { .. })
        ));
        assert!(matches!(sent("v1", "Pod", &[7]), Err(Error::Kind { .. })));
        assert!(matches!(sent("v1", "Pod", &[0xff; 12]), Err(Error::Short)));
    }
}
