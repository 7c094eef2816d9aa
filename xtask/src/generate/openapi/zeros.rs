//! Which members the server takes for nothing when they are false, 0 or empty: each is set so once,
//! and looked for in the answer. No document says which they are.

use std::collections::BTreeMap;

use http::Method;
use pingzhan::sandtable::schema::{Part, Shape};
use serde_json::{Value, json};

use super::Error;
use super::answers::{Sample, Server};

/// How often a member is tried whose zero is refused.
const TRIES: usize = 3;

/// What was learnt: by component and member, whether its zero goes; nothing while nobody knows.
#[derive(Default)]
pub struct Omits(BTreeMap<(String, String), (Option<bool>, usize)>);

/// A member that can be tried.
struct Place {
    component: String,
    member: String,
    /// Where the object that it belongs to is, as a JSON Pointer.
    pointer: String,
    zero: Value,
}

impl Omits {
    /// The members whose zero goes.
    pub fn members(&self) -> Vec<(String, String)> {
        let gone = self.0.iter().filter(|(_, (gone, _))| *gone == Some(true));
        gone.map(|(name, _)| name.clone()).collect()
    }

    /// Tries every member of an object that is not known yet.
    ///
    /// # Errors
    /// The server does not answer. That it refuses is none.
    pub async fn learn(
        &mut self,
        server: &Server,
        part: Part<'_>,
        sample: &Sample,
    ) -> Result<(), Error> {
        let mut object = sample.stored.clone();
        let mut path = sample.path.clone();
        let mut places = Vec::new();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        spec_places(part, &object, &mut places);
        self.try_all(server, &path, &object, places).await?;
        let Some(status) = &sample.status else {
            return Ok(());
        };
        object["status"] = status.clone();
        path.push_str("/status");
        let mut places = Vec::new();
        if let Some(part) = part.property("status") {
            add(part, status, "/status", &mut places);
        }
        self.try_all(server, &path, &object, places).await
    }

    async fn try_all(
        &mut self,
        server: &Server,
        path: &str,
        object: &Value,
        places: Vec<Place>,
    ) -> Result<(), Error> {
        for place in places {
            let key = (place.component.clone(), place.member.clone());
            let known = self.0.entry(key).or_default();
            if known.0.is_some() || known.1 == TRIES {
                continue;
            }
            known.1 += 1;
            let mut tried = object.clone();
            if let Some(target) = tried.pointer_mut(&place.pointer) {
                target[&place.member] = place.zero.clone();
            }
            let url = format!("{path}?dryRun=All");
            let (code, answer) = server.ask(Method::PUT, &url, &tried).await?;
            if code < 300
                && let Some(target) = answer.pointer(&place.pointer)
            {
                known.0 = Some(target.get(&place.member) != Some(&place.zero));
            }
        }
        Ok(())
    }
}

/// Everything but the status, which is not written with the rest.
fn spec_places(part: Part<'_>, object: &Value, places: &mut Vec<Place>) {
    add_own(part, object, "", places);
    for (name, value) in object.as_object().into_iter().flatten() {
        let skipped = ["metadata", "status"].contains(&name.as_str());
        if let Some(inner) = part.property(name).filter(|_| !skipped) {
            add(inner, value, &format!("/{name}"), places);
        }
    }
}

fn add(part: Part<'_>, value: &Value, pointer: &str, places: &mut Vec<Place>) {
    match value {
        Value::Object(members) => {
            add_own(part, value, pointer, places);
            for (name, value) in members {
                let name_in = name.replace('~', "~0").replace('/', "~1");
                if let Some(inner) = part.member(name) {
                    add(inner, value, &format!("{pointer}/{name_in}"), places);
                }
            }
        }
        Value::Array(items) => {
            let Some(inner) = part.items() else { return };
            for (index, item) in items.iter().enumerate() {
                add(inner, item, &format!("{pointer}/{index}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_own(part: Part<'_>, value: &Value, pointer: &str, places: &mut Vec<Place>) {
    let Some(component) = part
        .node()
        .component
        .as_deref()
        .filter(|_| value.is_object())
    else {
        return;
    };
    for (member, inner) in part.properties() {
        let own = inner.node();
        let zero = match own.shape {
            Shape::Boolean => json!(false),
            Shape::Integer | Shape::Number => json!(0),
            Shape::Text if own.component.is_none() => json!(""),
            Shape::Any | Shape::Text | Shape::IntOrText | Shape::List | Shape::Object => continue,
        };
        if pointer.is_empty() && ["apiVersion", "kind"].contains(&member) {
            continue;
        }
        places.push(Place {
            component: component.to_owned(),
            member: member.to_owned(),
            pointer: pointer.to_owned(),
            zero,
        });
    }
}
