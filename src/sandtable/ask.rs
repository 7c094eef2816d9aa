//! A request: what is asked, of which object, and by whom.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::kinds::Kind;
use super::managed::{Shown, ShownMembers};
use super::patch::Operations;
use super::people::User;
use super::refusal::Refusal;
use super::write::Draft;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The address without its query.
    pub path: String,
    /// The query, decoded; of a name that is said twice, the first.
    pub query: BTreeMap<String, String>,
    /// The `Accept` header; empty for none.
    pub accept: String,
    /// The `Content-Type` header without parameters; empty for none.
    pub content_type: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// All headers: those that say as whom somebody wants to act.
    pub headers: HeaderMap,
    /// Who asks.
    pub user: User,
    /// The body.
    pub body: Vec<u8>,
    /// When.
    pub now: Timestamp,
    /// The body as operations of a JSON Patch, once it was read so.
    pub operations: OnceLock<Operations>,
    /// What these make of the object as it was before the server was asked.
    pub foreseen: RefCell<Option<Foreseen>>,
}

/// What a patch makes of an object.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The kind, as it was served then.
    pub kind: Arc<Kind>,
    /// The object before it.
    pub of: Arc<Value>,
    /// What becomes of it, or why nothing does.
    pub draft: Result<Draft, Refusal>,
}

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The group; empty for the core one.
    pub group: String,
    /// The version.
    pub version: String,
    /// The plural.
    pub plural: String,
    /// The namespace; empty for none, or all.
    pub namespace: String,
    /// The name; empty for all.
    pub name: String,
    /// The subresource; empty for none.
    pub subresource: String,
    /// What stands behind the subresource: nothing that is served has that.
    pub beyond: bool,
}

impl Ask {
    /// The body, read as operations of a JSON Patch. It is read once, by whoever asks first: so also
    /// before the server is asked, which keeps nobody waiting.
    pub fn operations(&self) -> &Operations {
        self.operations.get_or_init(|| Operations::read(&self.body))
    }

    /// A parameter of the query; empty where it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether a parameter says yes, as the real server reads it: whatever is not a plain no.
    pub fn says(&self, name: &str) -> bool {
        self.query
            .get(name)
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// The time as objects have it: seconds.
    pub fn time(&self) -> String {
        time(self.now)
    }

    /// Reads a query string.
    pub fn read_query(text: &str) -> BTreeMap<String, String> {
        let mut query = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.entry(decoded(name)).or_insert_with(|| decoded(value));
        }
        query
    }
}

/// A moment as objects have it.
pub fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Place {
    /// What an address is about; nothing where it is not about objects.
    pub fn read(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        // A namespace itself is named as the objects in it would be.
        let (namespace, rest) = match rest {
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => {
                ("", rest)
            }
            ["namespaces", namespace, inside @ ..] => (*namespace, inside),
            _ => ("", rest),
        };
        let (first, rest) = rest.split_first()?;
        let part = |at: usize| {
            rest.get(at)
                .map_or(String::new(), |part| (*part).to_owned())
        };
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: (*first).to_owned(),
            namespace: namespace.to_owned(),
            name: part(0),
            subresource: part(1),
            beyond: rest.len() > 2,
        })
    }
}

/// Percent-decodes a part of an address; what is no encoding stays as it is.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A whole body.
    Reply(Reply),
    /// Events, one a line, until the watch ends.
    Watch(super::watch::Watch),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP code.
    pub code: u16,
    /// What the client is told beside: sentences of `Warning` headers.
    pub warnings: Vec<String>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The media type, where it is not the usual one of the body.
    pub media: &'static str,
    /// The body.
    pub body: Body,
}

/// A body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// JSON: an object may be as it is kept, and is shown as clients see it.
    Json(Arc<Value>),
    /// A list of objects, which are shared with whoever keeps them.
    List(List),
    /// Plain text.
    Text(String),
}

/// A list of objects.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The version of the list.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its own metadata.
    pub metadata: Value,
    /// The objects.
    pub items: Vec<Arc<Value>>,
    /// Whether each of them says of what version and kind it is.
    pub names_kinds: bool,
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_map(Some(4))?;
        list.serialize_entry("apiVersion", &self.api_version)?;
        list.serialize_entry("kind", &self.kind)?;
        list.serialize_entry("metadata", &self.metadata)?;
        list.serialize_entry("items", &Items(self))?;
        list.end()
    }
}

/// The objects of a list, one after another.
struct Items<'a>(&'a List);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let List {
            items, names_kinds, ..
        } = self.0;
        to.collect_seq(items.iter().map(|object| Item(object, *names_kinds)))
    }
}

/// One of them.
struct Item<'a>(&'a Value, bool);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(object, names_kind) = self;
        match object.as_object() {
            Some(members) if !names_kind => {
                ShownMembers(members, &["apiVersion", "kind"]).serialize(to)
            }
            Some(_) | None => Shown(object).serialize(to),
        }
    }
}

impl Reply {
    /// A list.
    pub fn list(list: List) -> Self {
        Self {
            body: Body::List(list),
            ..Self::json(200, Value::Null)
        }
    }

    /// JSON, without anything beside.
    pub fn json(code: u16, body: impl Into<Arc<Value>>) -> Self {
        Self {
            code,
            warnings: Vec::new(),
            retry_after: None,
            media: "",
            body: Body::Json(body.into()),
        }
    }

    /// Plain text.
    pub fn text(code: u16, body: &str) -> Self {
        Self {
            body: Body::Text(body.to_owned()),
            ..Self::json(code, Value::Null)
        }
    }

    /// A refusal.
    pub fn refused(refusal: &Refusal) -> Self {
        Self {
            retry_after: refusal.retry_after,
            warnings: refusal.warnings.clone(),
            ..Self::json(refusal.code, refusal.body())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address that means another object would be a write to another object.
    #[test]
    fn addresses_say_what_they_are_about() {
        let read = |path: &str| {
            let place = Place::read(path)?;
            let Place {
                group,
                version,
                plural,
                namespace,
                name,
                subresource,
                beyond,
            } = place;
            Some(format!(
                "{group}|{version}|{plural}|{namespace}|{name}|{subresource}|{beyond}"
            ))
        };
        for (path, says) in [
            ("/api/v1/namespaces", "|v1|namespaces||||false"),
            ("/api/v1/namespaces/a", "|v1|namespaces||a||false"),
            (
                "/api/v1/namespaces/a/status",
                "|v1|namespaces||a|status|false",
            ),
            (
                "/api/v1/namespaces/a/configmaps",
                "|v1|configmaps|a|||false",
            ),
            (
                "/api/v1/namespaces/a/configmaps/b",
                "|v1|configmaps|a|b||false",
            ),
            ("/apis/apps/v1/deployments", "apps|v1|deployments||||false"),
            (
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                "apps|v1|deployments|a|d|scale|false",
            ),
            (
                "/apis/r/v1/namespaces/a/roles/x%3Ay",
                "r|v1|roles|a|x:y||false",
            ),
            (
                "/apis/r/v1/namespaces/a/roles/x/y/z",
                "r|v1|roles|a|x|y|true",
            ),
        ] {
            assert_eq!(read(path).as_deref(), Some(says), "{path}");
        }
        for path in ["/", "/api", "/api/v1", "/apis/apps/v1", "/healthz"] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    /// `?watch` without a value is a watch: a list in its place would end what waits for changes.
    #[test]
    fn a_parameter_without_a_value_says_yes() {
        let ask = |query: &str| Ask {
            method: "GET".to_owned(),
            path: String::new(),
            query: Ask::read_query(query),
            accept: String::new(),
            content_type: String::new(),
            user_agent: String::new(),
            headers: HeaderMap::new(),
            user: User::default(),
            body: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            operations: OnceLock::new(),
            foreseen: std::cell::RefCell::default(),
        };
        for yes in ["watch", "watch=", "watch=1", "watch=true", "watch=t"] {
            assert!(ask(yes).says("watch"), "{yes}");
        }
        for no in ["", "watch=0", "watch=false", "watch=False"] {
            assert!(!ask(no).says("watch"), "{no}");
        }
    }

    /// A selector that is read otherwise than it was meant selects other services.
    #[test]
    fn a_query_is_decoded() {
        let query = Ask::read_query("labelSelector=tier%20in+%28a%2Cb%29&limit=2&watch&x=%zz");
        assert_eq!(query["labelSelector"], "tier in (a,b)");
        assert_eq!(
            (query["limit"].as_str(), query["watch"].as_str()),
            ("2", "")
        );
        assert_eq!(query["x"], "%zz");
    }
}
