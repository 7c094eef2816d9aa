//! Reads schemas: the OpenAPI documents of built-in kinds, and the schemas in CRDs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{Node, Schema, Shape, Topology};

/// The OpenAPI documents of built-in kinds: the components of all of them, by name.
#[derive(Debug, Default)]
pub struct Documents {
    components: Map<String, Value>,
    /// The kinds that were asked for, by group, version and kind: reading one takes long.
    read: Mutex<BTreeMap<[String; 3], Schema>>,
}

/// How references to components begin.
const REFERENCE: &str = "#/components/schemas/";
/// What every object has.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// A word of ours beside a member: its zero value is left out.
pub(super) const OMITS_ZERO: &str = "x-omits-zero";
/// Members of a schema that values are held against.
const LIMITS: [&str; 20] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "enum",
    "format",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "x-kubernetes-validations",
];

impl Documents {
    /// Components by name, as a document has them.
    pub fn of(components: &Map<String, Value>) -> Self {
        Self {
            components: components.clone(),
            ..Self::default()
        }
    }

    /// Reads one document, and adds it to those that are known.
    pub fn add(&mut self, document: &Value) {
        let components = document.pointer("/components/schemas");
        for (name, schema) in components.and_then(Value::as_object).into_iter().flatten() {
            self.components.insert(name.clone(), schema.clone());
        }
        self.forget();
    }

    /// Says something more of the members of a component. Members that it does not have are left.
    pub(super) fn say(&mut self, component: &str, word: &str, said: &Map<String, Value>) {
        for (member, value) in said {
            let properties = self
                .components
                .get_mut(component)
                .and_then(|schema| schema.get_mut("properties"));
            if let Some(Value::Object(property)) =
                properties.and_then(|properties| properties.get_mut(member))
            {
                property.insert(word.to_owned(), value.clone());
            }
        }
        self.forget();
    }

    fn forget(&mut self) {
        let read = self.read.get_mut();
        read.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The schema of a kind; nothing where no document has it.
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<Schema> {
        let name = [group, version, kind].map(str::to_owned);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(&name) {
            return Some(known.clone());
        }
        let schema = self.read(group, version, kind)?;
        read.insert(name, schema.clone());
        Some(schema)
    }

    /// The schema of a component by its name; nothing where no document has it.
    pub fn component(&self, name: &str) -> Option<Schema> {
        self.components.get(name)?;
        let mut reader = Reader::of(&self.components);
        let root = reader.reference(name);
        Some(reader.done(root))
    }

    fn read(&self, group: &str, version: &str, kind: &str) -> Option<Schema> {
        let is_it = |(_, schema): &(&String, &Value)| {
            let names = schema["x-kubernetes-group-version-kind"].as_array();
            names.into_iter().flatten().any(|name| {
                name["group"] == *group && name["version"] == *version && name["kind"] == *kind
            })
        };
        let (name, _) = self.components.iter().find(is_it)?;
        self.component(name)
    }
}

/// A schema that stands alone, such as one branch of `anyOf`.
pub(super) fn alone(schema: &Value) -> Schema {
    let components = Map::new();
    let mut reader = Reader::of(&components);
    let root = reader.read(schema);
    reader.done(root)
}

/// The schema of a CRD's version, from its `openAPIV3Schema`. What every object has (apiVersion, kind
/// and metadata) is taken from `documents`.
pub fn of_crd(open_api: &Value, documents: &Documents) -> Schema {
    let mut reader = Reader::of(&documents.components);
    let root = reader.read(open_api);
    reader.nodes[root].embedded = true;
    reader.nodes[root].shape = Shape::Object;
    let objects = (0..reader.nodes.len()).filter(|at| reader.nodes[*at].embedded);
    for at in objects.collect::<Vec<_>>() {
        reader.embed(at);
    }
    reader.done(root)
}

/// Turns schemas into nodes; each component once, since some contain themselves.
struct Reader<'a> {
    components: &'a Map<String, Value>,
    nodes: Vec<Node>,
    known: BTreeMap<String, usize>,
    /// Places that are a component with words beside it: which place, which component's, and the
    /// words. They are filled in last: the component itself may be half read.
    beside: Vec<(usize, usize, Value)>,
}

impl<'a> Reader<'a> {
    fn of(components: &'a Map<String, Value>) -> Self {
        Self {
            components,
            nodes: Vec::new(),
            known: BTreeMap::new(),
            beside: Vec::new(),
        }
    }

    /// Gives an object of its own what every object has.
    fn embed(&mut self, at: usize) {
        let text = self.read(&json!({ "type": "string" }));
        let metadata = self.reference(METADATA);
        let own = &mut self.nodes[at].properties;
        own.insert("apiVersion".to_owned(), text);
        own.insert("kind".to_owned(), text);
        own.insert("metadata".to_owned(), metadata);
    }

    fn done(mut self, root: usize) -> Schema {
        for (at, component, words) in std::mem::take(&mut self.beside) {
            let mut node = self.nodes[component].clone();
            said_beside(&mut node, &words);
            self.nodes[at] = node;
        }
        Schema {
            nodes: self.nodes.into(),
            root,
        }
    }

    fn reference(&mut self, name: &str) -> usize {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let at = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(name.to_owned(), at);
        if let Some(schema) = self.components.get(name) {
            self.fill(at, schema);
        }
        self.nodes[at].component = Some(Arc::from(name));
        at
    }

    fn read(&mut self, schema: &Value) -> usize {
        // A reference with words of its own beside it is written as the only one of `allOf`.
        let only = schema["allOf"].as_array().filter(|all| all.len() == 1);
        let aside = only.and_then(|all| all[0]["$ref"].as_str());
        let direct = schema["$ref"].as_str();
        let Some(name) = direct
            .or(aside)
            .and_then(|name| name.strip_prefix(REFERENCE))
        else {
            let at = self.nodes.len();
            self.nodes.push(Node::default());
            self.fill(at, schema);
            return at;
        };
        let at = self.reference(name);
        if !has_words(schema) {
            return at;
        }
        self.nodes.push(Node::default());
        let own = self.nodes.len() - 1;
        self.beside.push((own, at, schema.clone()));
        own
    }

    fn fill(&mut self, at: usize, schema: &Value) {
        let mut node = Node {
            shape: shape(schema),
            ..Node::default()
        };
        said_beside(&mut node, schema);
        node.required = texts(&schema["required"]);
        node.nullable = schema["nullable"] == true;
        node.keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true;
        node.embedded = schema["x-kubernetes-embedded-resource"] == true;
        node.format = schema["format"].as_str().map(str::to_owned);
        let limits = schema.as_object().into_iter().flatten();
        let limits: Map<_, _> = limits
            .filter(|(name, _)| LIMITS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !limits.is_empty() {
            node.limits = Value::Object(limits);
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                let at = self.read(property);
                node.properties.insert(name.clone(), at);
            }
        }
        match &schema["additionalProperties"] {
            Value::Object(_) => {
                node.additional = Some(self.read(&schema["additionalProperties"]));
            }
            Value::Bool(true) => node.keeps_unknown = true,
            _ => {}
        }
        if schema["items"].is_object() {
            node.items = Some(self.read(&schema["items"]));
        }
        self.nodes[at] = node;
    }
}

/// Whether anything stands beside a reference.
fn has_words(schema: &Value) -> bool {
    let words = schema.as_object().into_iter().flatten();
    words
        .map(|(name, _)| name.as_str())
        .any(|name| !["$ref", "allOf", "description"].contains(&name))
}

/// What may be said of a place beside what stands there.
fn said_beside(node: &mut Node, schema: &Value) {
    if let Some(default) = schema.get("default") {
        node.default = Some(default.clone());
    }
    if schema[OMITS_ZERO] == true {
        node.omits_zero = true;
    }
    let keys = texts(&schema["x-kubernetes-list-map-keys"]);
    let merge = schema["x-kubernetes-patch-merge-key"].as_str();
    let strategy = schema["x-kubernetes-patch-strategy"].as_str();
    let merges = strategy.is_some_and(|all| all.split(',').any(|one| one == "merge"));
    let said = match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => Some(Topology::Keyed(keys)),
        Some("set") => Some(Topology::Set),
        Some("atomic") => Some(Topology::Atomic),
        Some(_) | None => None,
    };
    let atomic = schema["x-kubernetes-map-type"] == "atomic";
    if let Some(topology) = said.or(atomic.then_some(Topology::Atomic)) {
        node.topology = topology;
    } else if merges {
        node.topology = merge.map_or(Topology::Set, |key| Topology::Keyed(vec![key.to_owned()]));
    }
    if merges {
        node.patch_merges = true;
        node.patch_key = merge.map(str::to_owned);
    }
}

fn shape(schema: &Value) -> Shape {
    let format = schema["format"].as_str();
    if schema["x-kubernetes-int-or-string"] == true || format == Some("int-or-string") {
        return Shape::IntOrText;
    }
    match schema["type"].as_str() {
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer,
        Some("number") => Shape::Number,
        Some("string") => Shape::Text,
        Some("array") => Shape::List,
        Some("object") => Shape::Object,
        Some(_) | None if schema["properties"].is_object() => Shape::Object,
        Some(_) | None => Shape::Any,
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
