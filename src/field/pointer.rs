//! Paths as people write them: `/spec/template/spec/containers[name=web]/image`.
//!
//! A JSON Pointer whose items of lists stand in brackets. Used by [`super::path::Path`] alone.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::{Segment, canonical};

/// Reads a pointer. The error says what is wrong and what to write.
pub(crate) fn parse(text: &str) -> Result<Vec<Segment>, String> {
    if text.is_empty() {
        return Err("it is empty; write for example `/spec/replicas`".to_owned());
    }
    if !text.starts_with('/') {
        return Err(format!("it starts without `/`; write `/{text}`"));
    }
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '/' => {
                let (name, after) = name(&rest[1..])?;
                segments.push(Segment::Field(name));
                after
            }
            '[' => {
                let (item, after) = item(&rest[1..])?;
                segments.push(item);
                after
            }
            _ => return Err(format!("`{rest}` follows a `]`; write `/{rest}`")),
        };
    }
    Ok(segments)
}

/// Writes a pointer that [`parse`] reads back.
pub(crate) fn write(segments: &[Segment]) -> String {
    segments.iter().map(segment_text).collect()
}

/// One segment, with the `/` or the brackets that tell it from the one before.
fn segment_text(segment: &Segment) -> String {
    match segment {
        Segment::Field(name) => format!("/{}", super::path::escape(name).replace('[', "~2")),
        Segment::Key(keys) => {
            let selectors: Vec<_> = keys
                .iter()
                .map(|(key, value)| format!("{}={}", key_text(key), value_text(value)))
                .collect();
            format!("[{}]", selectors.join(","))
        }
        Segment::Value(value) => format!("[={}]", value_text(value)),
        Segment::Index(place) => format!("[{place}]"),
    }
}

/// The name of a field, up to the next `/` or `[`.
fn name(text: &str) -> Result<(String, &str), String> {
    let end = text.find(['/', '[']).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    if token.is_empty() {
        return Err(
            "a name in it is empty; write one `/` before each name and none at the end".to_owned(),
        );
    }
    let mut name = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        if c != '~' {
            name.push(c);
            continue;
        }
        name.push(match chars.next() {
            Some('0') => '~',
            Some('1') => '/',
            Some('2') => '[',
            _ => {
                return Err(format!(
                    "a `~` in `{token}` stands alone; write `~0` for `~`, `~1` for `/`, `~2` for `[`"
                ));
            }
        });
    }
    Ok((name, rest))
}

/// What stands in brackets: `0]`, `=value]` or `key=value,…]`.
fn item(text: &str) -> Result<(Segment, &str), String> {
    if let Some((place, rest)) = text.split_once(']')
        && !place.is_empty()
        && place.bytes().all(|byte| byte.is_ascii_digit())
    {
        let place = place
            .parse()
            .map_err(|_| format!("`[{place}]` is too big for a place in a list"))?;
        return Ok((Segment::Index(place), rest));
    }
    if let Some(rest) = text.strip_prefix('=') {
        let (value, rest) = word(rest, false)?;
        let rest = rest.strip_prefix(']').ok_or_else(|| open(text))?;
        return Ok((Segment::Value(canonical(&value)), rest));
    }
    let mut keys = BTreeMap::new();
    let mut rest = text;
    loop {
        let (key, after) = word(rest, true)?;
        let (Value::String(key), Some(after)) = (key, after.strip_prefix('=')) else {
            return Err(format!(
                "`[{text}` names no item; write `[name=web]` for an item by its key, `[0]` by its place, `[=x]` by its value"
            ));
        };
        let (value, after) = word(after, false)?;
        if keys.insert(key.clone(), canonical(&value)).is_some() {
            return Err(format!("`{key}` stands twice in `[{text}`; write it once"));
        }
        if let Some(after) = after.strip_prefix(']') {
            return Ok((Segment::Key(keys), after));
        }
        rest = after.strip_prefix(',').ok_or_else(|| open(text))?;
    }
}

/// That a bracket is not closed.
fn open(text: &str) -> String {
    format!(
        "`[{text}` is not closed; write `]` after the item, and put a value with `,` or `]` in quotes"
    )
}

/// A key or a value inside brackets: JSON where it starts like JSON, else plain text up to what
/// ends it.
fn word(text: &str, is_key: bool) -> Result<(Value, &str), String> {
    let text = text.trim_start();
    if text.starts_with(['"', '{', '[']) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            return Err(format!(
                "`{text}` starts like JSON and is not; close the quotes, and write `\\\"` for a quote inside"
            ));
        };
        return Ok((value, text[values.byte_offset()..].trim_start()));
    }
    let ends: &[char] = if is_key {
        &['=', ',', ']']
    } else {
        &[',', ']']
    };
    let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    let word = word.trim_end();
    if word.is_empty() {
        let what = if is_key { "key" } else { "value" };
        return Err(format!(
            "a {what} is empty before `{rest}`; write `[name=web]`, or `\"\"` for an empty text"
        ));
    }
    if is_key {
        return Ok((Value::from(word), rest));
    }
    Ok((scalar(word), rest))
}

/// A word without quotes: a JSON number, boolean or null where it reads as one, else text.
fn scalar(word: &str) -> Value {
    serde_json::from_str(word)
        .ok()
        .filter(|value| match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
            Value::String(_) | Value::Array(_) | Value::Object(_) => false,
        })
        .unwrap_or_else(|| Value::from(word))
}

/// A key, in quotes where it would not be read back without.
fn key_text(key: &str) -> String {
    let plain = !key.is_empty()
        && key.trim() == key
        && !key.starts_with(['"', '{', '['])
        && !key.contains(['=', ',', ']'])
        && !key.bytes().all(|byte| byte.is_ascii_digit());
    if plain {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

/// A value, in quotes where it would not be read back without.
fn value_text(canonical_text: &str) -> String {
    let Ok(Value::String(text)) = serde_json::from_str(canonical_text) else {
        return canonical_text.to_owned();
    };
    let plain = !text.is_empty()
        && text.trim() == text
        && !text.starts_with(['"', '{', '['])
        && !text.contains([',', ']'])
        && scalar(&text).is_string();
    if plain {
        text
    } else {
        canonical_text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::field::{Path, Segment};

    fn read(text: &str) -> String {
        Path::parse_pointer(text).unwrap().to_string()
    }

    /// The forms that the playbook reference promises.
    #[test]
    fn selectors_become_typed_keys() {
        assert_eq!(
            read("/spec/template/spec/containers[name=web]/image"),
            r#"f:spec/f:template/f:spec/f:containers/k:{"name":"web"}/f:image"#
        );
        assert_eq!(
            read("/metadata/annotations/app.kubernetes.io~1name"),
            "f:metadata/f:annotations/f:app.kubernetes.io~1name"
        );
        assert_eq!(
            read("/spec/ports[containerPort=80,protocol=TCP]"),
            r#"f:spec/f:ports/k:{"containerPort":80,"protocol":"TCP"}"#
        );
        assert_eq!(
            read("/spec/ports[ protocol = TCP , containerPort=80 ]"),
            read("/spec/ports[containerPort=80,protocol=TCP]")
        );
        assert_eq!(
            read(r#"/a[name="80",on=true]"#),
            r#"f:a/k:{"name":"80","on":true}"#
        );
        assert_eq!(
            read("/metadata/finalizers[=x.io/y]"),
            r#"f:metadata/f:finalizers/v:"x.io~1y""#
        );
    }

    /// A ConfigMap may have a key named `0`: only brackets name places.
    #[test]
    fn numbers_are_names_unless_in_brackets() {
        assert_eq!(read("/data/0"), "f:data/f:0");
        assert_eq!(read("/spec/args[0]"), "f:spec/f:args/i:0");
        assert_eq!(read("/spec/matrix[0][1]"), "f:spec/f:matrix/i:0/i:1");
    }

    /// What is printed is what people would have written.
    #[test]
    fn pointers_are_written_without_needless_quotes() {
        let pointer = r#"/a~1b~0c~2/d[key=80,name="80",z=x/y][=true][0]"#;
        assert_eq!(Path::parse_pointer(pointer).unwrap().to_pointer(), pointer);
        let digits = Path::new(vec![Segment::Key([("0".into(), "1".into())].into())]);
        assert_eq!(digits.to_pointer(), r#"["0"=1]"#);
    }

    /// Whoever reads the message must know what to write.
    #[test]
    fn errors_say_what_to_write() {
        let say = |text| Path::parse_pointer(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                "",
                "spec/replicas",
                "/spec/",
                "//spec",
                "/a~x",
                "/a[name=web",
                "/a[name]",
                "/a[]",
                "/a[name=]",
                "/a[name=\"web]",
                "/a[name=web,name=web]",
                "/a[0]b",
                "/a[-1]",
                "/a[99999999999999999999999]",
            ]
            .map(say)
            .join("\n")
        );
    }
}
