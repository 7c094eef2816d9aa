//! Lists that keep no objects: pages of 200 unless more are asked for, each item handed on and dropped.

use std::fmt;

use kube::Client;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use snafu::ResultExt;

use super::request::{self, Collection, DecodeSnafu, Error, query};
use crate::field::sieve::Sieve;

/// Objects a page: about 2 MB of the largest usual objects, and 50 requests for 10,000.
pub const PAGE: usize = 200;
/// How often a list whose continuation expired is begun again. A continuation lives for five
/// minutes, so a second expiry means that the server is too slow to be listed now.
const RESTARTS: usize = 2;

/// What is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Which objects.
    pub collection: Collection,
    /// The `labelSelector` parameter; empty for all.
    pub labels: String,
    /// The `fieldSelector` parameter; empty for all.
    pub fields: String,
    /// After so many pages it is given up; 0 for never.
    pub most_pages: usize,
    /// Objects a page; 0 for [`PAGE`].
    pub page: usize,
    /// What of each object is read; everything where there is none.
    pub sieve: Option<Sieve>,
}

/// What a list gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// What was kept, in the server's order (namespace, name).
    pub items: Vec<T>,
    /// How many requests it took.
    pub requests: usize,
    /// Whether it was read to its end.
    pub whole: bool,
}

/// Lists, and keeps of each object what `keep` makes of it.
///
/// Guarantees: one object is in memory at a time, beside the bytes of two pages; `apiVersion` and
/// `kind`, which lists leave out, are filled in; no object is in the result twice; the list is not
/// older than the call.
pub async fn list<T: Send>(
    client: &Client,
    query: &Query,
    mut keep: impl FnMut(Value) -> Option<T> + Send,
) -> Result<Listed<T>, Error> {
    let mut listed = Listed {
        items: Vec::new(),
        requests: 0,
        whole: false,
    };
    let mut restarts = 0;
    let mut body = page(client, query, "").await;
    loop {
        listed.requests += 1;
        match body {
            Ok(read) => {
                let enough = listed.requests == query.most_pages;
                let next = continuation(&read);
                // The server reads the next page while this one is parsed.
                let ahead = async {
                    let from = next.as_ref().filter(|_| !enough)?;
                    Some(page(client, query, from).await)
                };
                let items = &mut listed.items;
                let mut each = |object| items.extend(keep(object));
                let parsed = async { parse(&read, query, &mut each) };
                let (ahead, parsed) = futures::join!(ahead, parsed);
                parsed.with_context(|_| DecodeSnafu {
                    doing: doing(query),
                })?;
                let Some(ahead) = ahead else {
                    listed.whole = next.is_none();
                    return Ok(listed);
                };
                body = ahead;
            }
            Err(error) if error.code() == Some(410) && restarts < RESTARTS => {
                restarts += 1;
                listed.items.clear();
                body = page(client, query, "").await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn doing(query: &Query) -> String {
    format!("listing {}", query.collection.describe())
}

/// Reads one page.
async fn page(client: &Client, wanted: &Query, from: &str) -> Result<Vec<u8>, Error> {
    let size = match wanted.page {
        0 => PAGE,
        page => page,
    };
    let parameters = query(&[
        ("limit", &size.to_string()),
        ("labelSelector", &wanted.labels),
        ("fieldSelector", &wanted.fields),
        ("continue", from),
    ]);
    let path = format!("{}?{parameters}", wanted.collection.path());
    request::read(client, &path, &doing(wanted)).await
}

fn parse(
    body: &[u8],
    query: &Query,
    keep: &mut (dyn FnMut(Value) + Send),
) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    Page { query, keep }.deserialize(&mut reader)?;
    reader.end()
}

/// Where the next page begins: what stands in a page's `metadata`, which servers write first. What
/// comes after it is not looked at; a page that is no JSON is found out when it is parsed.
fn continuation(body: &[u8]) -> Option<String> {
    let mut next = None;
    let mut reader = serde_json::Deserializer::from_slice(body);
    // Ends with an error where items follow, since they are left unread.
    let _ = Peek(&mut next).deserialize(&mut reader);
    next.filter(|next: &String| !next.is_empty())
}

/// Reads a list object up to its `metadata`.
struct Peek<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Peek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Peek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "metadata" {
                *self.0 = map.next_value::<ListMeta>()?.next;
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A list's `metadata`, as far as it matters.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// Reads a list object item by item.
struct Page<'a> {
    query: &'a Query,
    keep: &'a mut (dyn FnMut(Value) + Send),
}

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Page<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { query, keep } = self;
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(Items {
                    query,
                    keep: &mut *keep,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads the items one by one. `items` is null where an empty list has none.
struct Items<'a> {
    query: &'a Query,
    keep: &'a mut (dyn FnMut(Value) + Send),
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { query, keep } = self;
        loop {
            let object = match &query.sieve {
                Some(sieve) => items.next_element_seed(sieve)?,
                None => items.next_element::<Value>()?,
            };
            let Some(mut object) = object else {
                return Ok(());
            };
            name_kind(&mut object, &query.collection);
            keep(object);
        }
    }
}

fn name_kind(object: &mut Value, collection: &Collection) {
    if let Some(map) = object.as_object_mut() {
        map.entry("apiVersion")
            .or_insert_with(|| collection.api_version.clone().into());
        map.entry("kind")
            .or_insert_with(|| collection.kind.clone().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::{Fake, reply};
    use serde_json::json;

    fn wanted() -> Query {
        Query {
            collection: Collection {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                plural: "deployments".to_owned(),
                namespace: String::new(),
            },
            labels: "tier=web".to_owned(),
            fields: String::new(),
            ..Query::default()
        }
    }

    fn name(object: &Value) -> Option<String> {
        let name = object.pointer("/metadata/name")?;
        Some(format!("{} {}", object["kind"].as_str()?, name.as_str()?))
    }

    fn items(names: &[&str], next: &str) -> Value {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({"metadata": {"name": name}}))
            .collect();
        json!({"metadata": {"continue": next}, "items": items})
    }

    /// One missed page is a set of services that stays in peacetime.
    #[tokio::test]
    async fn all_pages_are_read_and_items_know_their_kind() {
        let fake = Fake::new(|asked| {
            if asked.path.contains("continue=p%2B2") {
                reply(200, items(&["c"], ""))
            } else {
                reply(200, items(&["a", "b"], "p+2"))
            }
        });
        let listed = list(&fake.client(), &wanted(), |object| name(&object)).await;
        let listed = listed.expect("a list");
        assert_eq!(
            listed.items,
            ["Deployment a", "Deployment b", "Deployment c"]
        );
        assert_eq!(listed.requests, 2);
        assert_eq!(
            fake.addresses()[0],
            "GET /apis/apps/v1/deployments?limit=200&labelSelector=tier%3Dweb"
        );
    }

    /// A continuation expires after five minutes; half a list must not be taken for a whole one,
    /// nor the first half counted twice.
    #[tokio::test]
    async fn a_list_whose_continuation_expired_begins_again() {
        let fake = {
            let expired = std::sync::atomic::AtomicBool::new(false);
            Fake::new(move |asked| {
                if !asked.path.contains("continue=") {
                    return reply(200, items(&["a"], "p2"));
                }
                if expired.swap(true, std::sync::atomic::Ordering::SeqCst) {
                    return reply(200, items(&["b"], ""));
                }
                reply(410, json!({"kind": "Status", "reason": "Expired"}))
            })
        };
        let listed = list(&fake.client(), &wanted(), |object| name(&object)).await;
        assert_eq!(
            listed.expect("a list").items,
            ["Deployment a", "Deployment b"]
        );
        let fake = Fake::new(|_| reply(410, json!({"kind": "Status", "reason": "Expired"})));
        let listed = list(&fake.client(), &wanted(), |object| name(&object)).await;
        assert_eq!(listed.expect_err("no end").code(), Some(410));
        assert_eq!(fake.addresses().len(), 3);
    }

    /// Go writes an empty list as null; and what is no list must not be taken for an empty one.
    #[tokio::test]
    async fn null_items_are_no_items_and_html_is_an_error() {
        let fake = Fake::new(|_| reply(200, json!({"metadata": {}, "items": null})));
        let listed = list(&fake.client(), &wanted(), |object| name(&object)).await;
        assert!(listed.expect("a list").items.is_empty());
        let fake = Fake::new(|_| crate::cluster::fake::respond(200, &[], "<html>"));
        let listed = list(&fake.client(), &wanted(), |object| name(&object)).await;
        assert!(matches!(listed, Err(Error::Decode { .. })));
    }
}
