//! Reading of an object only what is asked for: most of a workload is its template, and a fleet that
//! is switched answers each write with all of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use super::path::{Path, Segment};

/// What of an object is read. Everything else is null, so that each object has as many members as
/// it has, which a patch has to know; and of managedFields only what says who owns the fields that
/// are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sieve {
    root: Node,
}

/// What of a part of an object is read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// All of it.
    Whole,
    /// Of each item of a list this.
    Items(Box<Self>),
    /// These members of an object.
    Members(BTreeMap<String, Self>, Beside),
    /// That it is there.
    Null,
    /// Of an object that it is one; of anything else everything.
    Hollow,
}

/// What is read of the members of an object that are not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// All of them.
    Whole,
    /// That they are there.
    Null,
    /// Of the fields in a fieldsV1 that they are there, of its other members everything: an item of
    /// a list has several spellings.
    NoFields,
}

impl Sieve {
    /// Keeps these fields, and what a [`Projection`](super::Projection) without its managedFields is
    /// made of besides.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut root = Node::Members(BTreeMap::new(), Beside::Null);
        let mut owned = Node::Members(BTreeMap::new(), Beside::NoFields);
        for whole in ["apiVersion", "kind", "status"] {
            root.keep(&Path::fields([whole]), "");
        }
        for of_progress in ["replicas", "paused", "suspend"] {
            root.keep(&Path::fields(["spec", of_progress]), "");
        }
        for path in paths {
            let is_metadata = matches!(
                path.segments().first(), Some(Segment::Field(name)) if name == METADATA
            );
            // It is read as a whole anyway.
            if !is_metadata {
                root.keep(path, "");
            }
            owned.keep(path, "f:");
        }
        let entry = Node::Members([("fieldsV1".to_owned(), owned)].into(), Beside::Whole);
        let entries = Node::Items(Box::new(entry));
        let metadata = Node::Members(
            [("managedFields".to_owned(), entries)].into(),
            Beside::Whole,
        );
        if let Node::Members(members, _) = &mut root {
            members.insert(METADATA.to_owned(), metadata);
        }
        Self { root }
    }

    /// Reads an object from its JSON text.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn read(&self, text: &[u8]) -> Result<Value, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let object = self.deserialize(&mut reader)?;
        reader.end()?;
        Ok(object)
    }
}

/// The member of an object that says what it is.
const METADATA: &str = "metadata";

/// An object in the middle of a text, such as an item of a list.
impl<'de> DeserializeSeed<'de> for &Sieve {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.root.deserialize(deserializer)
    }
}

impl Node {
    /// Keeps a path, whose fields are written with this before their names.
    fn keep(&mut self, path: &Path, prefix: &str) {
        let mut node = self;
        for segment in path.segments() {
            // Items of a list are found by what is in them: a list is read as a whole.
            let Segment::Field(name) = segment else { break };
            let Self::Members(members, beside) = node else {
                return;
            };
            let fresh = Self::Members(BTreeMap::new(), *beside);
            node = members.entry(format!("{prefix}{name}")).or_insert(fresh);
        }
        *node = Self::Whole;
    }
}

impl Beside {
    /// What is read of a member of this name.
    fn node(self, name: &str) -> &'static Node {
        match self {
            Self::Null => &Node::Null,
            Self::NoFields if name.starts_with("f:") => &Node::Hollow,
            Self::NoFields | Self::Whole => &Node::Whole,
        }
    }
}

/// The text is walked once, and no value is made of what is not kept.
impl<'de> DeserializeSeed<'de> for &Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Node::Whole => Value::deserialize(deserializer),
            Node::Null => IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Value::Null),
            Node::Items(_) | Node::Members(..) | Node::Hollow => deserializer.deserialize_any(self),
        }
    }
}

/// What is not of the shape that is asked for is read as a whole.
impl<'de> Visitor<'de> for &Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let each = match self {
            Node::Items(each) => &**each,
            Node::Whole | Node::Members(..) | Node::Null | Node::Hollow => &Node::Whole,
        };
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(each)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let node = match self {
                Node::Members(kept, beside) => {
                    kept.get(&name).unwrap_or_else(|| beside.node(&name))
                }
                Node::Hollow => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
                Node::Whole | Node::Items(_) | Node::Null => &Node::Whole,
            };
            let value = object.next_value_seed(node)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::project::project;
    use super::*;

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "portal", "uid": "u1", "generation": 4,
                "resourceVersion": "77", "labels": { "a": "b" }, "managedFields": [
                    { "manager": "helm", "operation": "Apply", "apiVersion": "apps/v1",
                      "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
                        "f:spec": { "f:replicas": {}, "f:template": { "f:spec": {
                        "f:containers": { "k:{\"name\":\"web\"}": { ".": {}, "f:image": {}, "f:name": {} },
                            "k:{\"name\":\"proxy\"}": { ".": {}, "f:name": {} } } } } } } },
                    { "manager": "atomic", "operation": "Update", "apiVersion": "apps/v1",
                      "fieldsV1": { "f:spec": { "f:ratio": {}, "f:template": {} } } },
                    { "manager": "broken", "operation": "Update", "fieldsV1": { "f:spec": 7 } },
                    { "manager": "old", "operation": "Update", "time": "2026-01-01T00:00:00Z",
                      "fieldsV1": { "f:spec": { "f:paused": {}, "f:selector": {} } } },
                    { "manager": "none", "operation": "Update" }] },
            "spec": { "replicas": 3, "paused": null, "ratio": 0.1, "template": { "spec": {
                "containers": [{ "name": "web", "image": "web:1" }, { "name": "proxy" }],
                "volumes": [] } } },
            "status": { "observedGeneration": 4, "readyReplicas": 3, "updatedReplicas": 3 },
        })
    }

    fn paths() -> Vec<Path> {
        let texts = [
            "/spec/replicas",
            "/spec/paused",
            "/spec/ratio",
            "/spec/template/spec/containers[name=web]/image",
            "/spec/template/spec/nodeSelector/zone",
            "/spec/template",
            "/spec/replicas/nothing",
            "/metadata/labels/a",
            "/status/readyReplicas",
        ];
        texts
            .iter()
            .map(|text| Path::parse_pointer(text).expect("a path"))
            .collect()
    }

    proptest! {
        /// Whatever is asked for, what is seen is what is seen of the whole object: places,
        /// owners, shapes and all.
        #[test]
        fn nothing_that_is_asked_for_is_lost(wanted in proptest::sample::subsequence(paths(), 0..9)) {
            let whole = deployment();
            let text = serde_json::to_vec_pretty(&whole).expect("JSON");
            let read = Sieve::of(&wanted).read(&text).expect("JSON");
            let seen = |object: &Value| project(object, "deployments", &wanted, false);
            prop_assert!(seen(&whole).is_some());
            prop_assert_eq!(seen(&read), seen(&whole));
        }
    }

    /// The point of it: what nobody asked for is not read.
    #[test]
    fn what_is_not_asked_for_is_null() {
        let text = deployment().to_string();
        let read = Sieve::of(&paths()[..1])
            .read(text.as_bytes())
            .expect("JSON");
        assert_eq!(
            read["spec"],
            json!({ "replicas": 3, "paused": null, "ratio": null, "template": null })
        );
        let (metadata, whole) = (&read["metadata"], &deployment()["metadata"]);
        assert_eq!(metadata["labels"], whole["labels"]);
        let owned = json!({ "f:metadata": {}, "f:spec": { "f:replicas": {}, "f:template": {} } });
        assert_eq!(metadata["managedFields"][0]["fieldsV1"], owned);
        assert_eq!(metadata["managedFields"][0]["manager"], "helm");
    }

    /// Half an answer, or none, is no object.
    #[test]
    fn what_is_no_json_is_an_error() {
        let text = deployment().to_string();
        for end in [0, 1, text.len() / 2, text.len() - 1] {
            assert!(
                Sieve::of([]).read(&text.as_bytes()[..end]).is_err(),
                "{end}"
            );
        }
        assert!(Sieve::of([]).read(b"{\"a\": [1,}").is_err());
        assert_eq!(Sieve::of([]).read(b" 7 ").expect("JSON"), json!(7));
    }
}
