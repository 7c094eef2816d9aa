//! What the objects of a kind look like, as the real server publishes it: one model for built-in kinds
//! (from its OpenAPI document) and for custom ones (from their CRDs).
//!
//! Everything that is decided by shape reads it: pruning, defaults, validation, merges, and who owns
//! which field.
//!
//! [`builtin`] is what the real server says of its own kinds, as it was written down. What happens to
//! an object on its way in: [`decode_errors`] (built-in kinds), [`prune`], [`default`] or
//! [`default_builtin`], then [`validate`] (custom kinds).

mod at;
mod builtin;
mod coded;
mod decode;
mod defaults;
mod duplicates;
mod prune;
mod read;
mod validate;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use builtin::{builtin, published};
pub use coded::{
    addressed, created, default_builtin, default_builtin_since, needs_address, ported,
};
pub use decode::{decode_errors, other_kind};
pub use defaults::{default, numbers};
pub use duplicates::{duplicates, surplus};
pub use prune::{keeps_unknown, prune, prune_since};
pub use read::{Documents, of_crd};
pub use validate::{Found, scale_causes, validate, validate_status};

/// What the objects of a kind look like. A copy is cheap.
#[derive(Clone, Debug)]
pub struct Schema {
    nodes: Arc<[Node]>,
    root: usize,
}

/// A part of a [`Schema`]: what stands at one place of an object.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    nodes: &'a [Node],
    at: usize,
}

/// What may stand at one place.
#[allow(
    clippy::struct_excessive_bools,
    reason = "a schema says yes or no to many things"
)]
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The name of its schema, where it has one: `io.k8s.api.apps.v1.DeploymentSpec`. Built-in kinds
    /// are made of these, and so is the metadata of custom ones.
    pub component: Option<Arc<str>>,
    /// What is there.
    pub shape: Shape,
    /// The members of an object that are named, by their names.
    properties: BTreeMap<String, usize>,
    /// What the members of an object are that are not named.
    additional: Option<usize>,
    /// What the items of a list are.
    items: Option<usize>,
    /// Members that have to be there.
    pub required: Vec<String>,
    /// What is filled in where nothing is.
    pub default: Option<Value>,
    /// Whether false, 0 and the empty text are the same as nothing: the server leaves them out.
    pub omits_zero: bool,
    /// Whether null may stand there.
    pub nullable: bool,
    /// Whether members that are not named are kept.
    pub keeps_unknown: bool,
    /// Whether it is an object of its own, with apiVersion, kind and metadata.
    pub embedded: bool,
    /// How lists and maps are merged and owned.
    pub topology: Topology,
    /// The key by which a strategic merge patch tells items apart.
    pub patch_key: Option<String>,
    /// Whether a strategic merge patch merges rather than replaces.
    pub patch_merges: bool,
    /// The `format`, such as `int32` or `quantity`.
    pub format: Option<String>,
    /// What values are held against, as the schema writes it: `minimum`, `enum`, `pattern`,
    /// `x-kubernetes-validations` and the like. Null where there is nothing.
    pub limits: Value,
    /// What was worked out of the limits.
    worked: validate::Worked,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Anything at all.
    #[default]
    Any,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A number without a fraction, or a text.
    IntOrText,
    /// A list.
    List,
    /// An object.
    Object,
}

/// How a list or an object is merged by server-side apply, and what of it is owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// As its shape has it: an object is granular, a list is atomic.
    #[default]
    Usual,
    /// It is one value.
    Atomic,
    /// A list whose items are told apart by themselves.
    Set,
    /// A list whose items are told apart by these of their members.
    Keyed(Vec<String>),
}

impl Schema {
    /// Of everything: what objects without a schema look like.
    pub fn any() -> Self {
        let node = Node {
            keeps_unknown: true,
            ..Node::default()
        };
        Self {
            nodes: [node].into(),
            root: 0,
        }
    }

    /// What a whole object looks like.
    pub fn root(&self) -> Part<'_> {
        Part {
            nodes: &self.nodes,
            at: self.root,
        }
    }
}

impl<'a> Part<'a> {
    /// What is said of this place.
    pub fn node(self) -> &'a Node {
        &self.nodes[self.at]
    }

    /// A member that is named; nothing where there is none of this name.
    pub fn property(self, name: &str) -> Option<Self> {
        let at = *self.node().properties.get(name)?;
        Some(Self { at, ..self })
    }

    /// All members that are named.
    pub fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        let all = self.node().properties.iter();
        all.map(move |(name, at)| (name.as_str(), Self { at: *at, ..self }))
    }

    /// What members are that are not named, where the schema says that.
    pub fn additional(self) -> Option<Self> {
        let at = self.node().additional?;
        Some(Self { at, ..self })
    }

    /// A member, named or not.
    pub fn member(self, name: &str) -> Option<Self> {
        self.property(name).or_else(|| self.additional())
    }

    /// What items are, where the schema says that.
    pub fn items(self) -> Option<Self> {
        let at = self.node().items?;
        Some(Self { at, ..self })
    }
}
