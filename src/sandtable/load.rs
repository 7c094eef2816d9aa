//! Objects from manifests: applied one after another, as `kubectl apply --server-side` does.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use snafu::{ResultExt, Snafu, ensure};

use super::ask::{Answer, Ask, Body};
use super::kinds::Kind;
use super::people::{MASTERS, User};
use super::serve::kubeconfig::Entry;
use super::server::Server;

/// Why a manifest cannot be loaded. Objects before it are there.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// It is no YAML.
    #[snafu(display("document {number} is no YAML"))]
    Read {
        /// Which, from 1.
        number: usize,
        /// Why.
        source: serde_yaml::Error,
    },
    /// It lacks what every object has.
    #[snafu(display("document {number} has no {member}"))]
    Lacks {
        /// Which, from 1.
        number: usize,
        /// What it lacks.
        member: &'static str,
    },
    /// Its kind is not served.
    #[snafu(display(
        "{kind} of {api_version} is not served here: load its CustomResourceDefinition before it"
    ))]
    Unknown {
        /// The kind.
        kind: String,
        /// Its version.
        api_version: String,
    },
    /// The server refuses it.
    #[snafu(display("{kind} {name}: {why}"))]
    Refused {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// In the server's words.
        why: String,
    },
}

/// The field manager of what is loaded.
const MANAGER: &str = "sandtable-load";

/// Applies every object of a text, and says how many there were. What has no namespace and needs one
/// is put into `default`.
///
/// # Errors
/// The first object that cannot be applied.
pub fn manifests(server: &mut Server, text: &str, now: Timestamp) -> Result<usize, Error> {
    let mut count = 0;
    for (at, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let number = at + 1;
        let object = Value::deserialize(document).context(ReadSnafu { number })?;
        match &object["items"] {
            // An empty document, as between two marks.
            _ if object.is_null() => {}
            Value::Array(items) if is_list(&object) => {
                for item in items {
                    apply(server, item, number, now)?;
                    count += 1;
                }
            }
            _ => {
                apply(server, &object, number, now)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Whether it holds objects: `kubectl get -o yaml` writes many so.
fn is_list(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    kind.ends_with("List") && object["metadata"]["name"].is_null()
}

fn apply(server: &mut Server, object: &Value, number: usize, now: Timestamp) -> Result<(), Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let name = text(&object["metadata"]["name"]);
    for (member, said) in [
        ("apiVersion", &api_version),
        ("kind", &kind),
        ("metadata.name", &name),
    ] {
        ensure!(!said.is_empty(), LacksSnafu { number, member });
    }
    let Some(found) = find(server, &api_version, &kind) else {
        return UnknownSnafu { kind, api_version }.fail();
    };
    let root = if found.group.is_empty() {
        "api"
    } else {
        "apis"
    };
    let namespace = match object["metadata"]["namespace"].as_str() {
        _ if !found.namespaced => String::new(),
        Some(namespace) => format!("namespaces/{namespace}/"),
        None => "namespaces/default/".to_owned(),
    };
    let path = format!("/{root}/{api_version}/{namespace}{}/{name}", found.plural);
    let ask = Ask {
        method: "PATCH".to_owned(),
        query: Ask::read_query(&format!("fieldManager={MANAGER}&force=true")),
        content_type: "application/apply-patch+yaml".to_owned(),
        body: wanted(object).to_string().into_bytes(),
        ..admins(path, now)
    };
    let Answer::Reply(reply) = server.handle(ask) else {
        return Ok(());
    };
    let why = match &reply.body {
        Body::Json(status) => text(&status["message"]),
        Body::Text(text) => text.clone(),
        Body::List(_) => String::new(),
    };
    ensure!(reply.code < 300, RefusedSnafu { kind, name, why });
    Ok(())
}

/// What is wanted of an object that was read off a server: not what only that server can say.
fn wanted(object: &Value) -> Value {
    let mut wanted = object.clone();
    if let Some(metadata) = wanted["metadata"].as_object_mut() {
        for own in [
            "managedFields",
            "resourceVersion",
            "uid",
            "creationTimestamp",
            "generation",
            "selfLink",
        ] {
            metadata.remove(own);
        }
    }
    wanted
}

fn find(server: &Server, api_version: &str, kind: &str) -> Option<Kind> {
    let mut all = server.kinds.all();
    let found = all.find(|one| one.kind == kind && one.api_version() == api_version);
    found.map(|kind| Kind::clone(kind))
}

/// A request of an administrator.
fn admins(path: String, now: Timestamp) -> Ask {
    Ask {
        method: "GET".to_owned(),
        path,
        query: std::collections::BTreeMap::new(),
        accept: String::new(),
        content_type: String::new(),
        user_agent: MANAGER.to_owned(),
        headers: http::HeaderMap::new(),
        user: User::authenticated("admin", &[MASTERS]),
        body: Vec::new(),
        now,
        operations: std::sync::OnceLock::new(),
        foreseen: std::cell::RefCell::default(),
    }
}

/// Gives every service account that is there a token: `token` makes them, one each.
pub fn accounts(server: &mut Server, mut token: impl FnMut() -> String) -> Vec<Entry> {
    let listed = server.store.list("", "serviceaccounts", "", None);
    let names: Vec<(String, String)> = listed
        .map(|(key, _)| (key.namespace.clone(), key.name.clone()))
        .collect();
    let mut entries = Vec::new();
    for (namespace, name) in names {
        let token = token();
        server.tokens.give(&token, User::account(&namespace, &name));
        entries.push(Entry {
            context: format!("{namespace}/{name}"),
            token,
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    fn server() -> Server {
        Server::new(schema::builtin(), 1, Timestamp::UNIX_EPOCH)
    }

    fn load(server: &mut Server, text: &str) -> Result<usize, String> {
        manifests(server, text, Timestamp::UNIX_EPOCH).map_err(|error| error.to_string())
    }

    /// A rehearsal begins with what people have in their files: several documents, lists, and objects
    /// that were read off another server.
    #[test]
    fn manifests_are_applied_as_they_are_written() {
        let mut server = server();
        let text = "---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, uid: old, resourceVersion: '7'}\n\
            ---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n\
            - {apiVersion: v1, kind: ServiceAccount, metadata: {name: s, namespace: n}}\n";
        assert_eq!(load(&mut server, text), Ok(3));
        let at = |plural: &str, namespace: &str, name: &str| super::super::store::Key {
            group: String::new(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let made = server.store.get(&at("configmaps", "default", "a"));
        let made = made.expect("it is there");
        assert_ne!(made["metadata"]["uid"], "old");
        assert!(server.store.get(&at("serviceaccounts", "n", "s")).is_some());
        let mut number = 0;
        let entries = accounts(&mut server, || {
            number += 1;
            format!("t{number}")
        });
        let all: Vec<_> = entries.iter().map(|one| one.context.as_str()).collect();
        assert_eq!(all, ["n/s"]);
        let user = server.tokens.whose("t1").expect("it was given");
        assert_eq!(user.name, "system:serviceaccount:n:s");
        assert!(user.is_in("system:serviceaccounts:n"));
    }

    /// Half a scenario that looks like a whole one makes a rehearsal worthless.
    #[test]
    fn what_cannot_be_applied_is_said() {
        let mut server = server();
        for (text, why) in [
            ("a: [", "document 1 is no YAML"),
            ("kind: X", "document 1 has no apiVersion"),
            (
                "{apiVersion: a/v1, kind: X, metadata: {name: x}}",
                "X of a/v1 is not served here: load its CustomResourceDefinition before it",
            ),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: none}}",
                "ConfigMap x: namespaces \"none\" not found",
            ),
        ] {
            assert_eq!(load(&mut server, text), Err(why.to_owned()));
        }
    }
}
