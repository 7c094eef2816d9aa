//! Objects that are taken: packed as their text as soon as they are redacted, so that each is in memory
//! once.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::field::Path;

use super::redact::{self, Counts};

/// An object.
#[derive(Debug)]
pub struct Piece {
    /// Where it is.
    pub place: Place,
    /// Its text.
    pub text: Box<RawValue>,
}

/// Where an object is. The order is that of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    rank: u8,
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty where it is in none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Place {
    /// That of an object.
    pub fn of(object: &Value) -> Self {
        let text = |place: &str| {
            let text = object.pointer(place).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let kind = text("/kind");
        Self {
            rank: match kind.as_str() {
                "CustomResourceDefinition" => 0,
                "Namespace" => 1,
                _ => 2,
            },
            api_version: text("/apiVersion"),
            kind,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

impl Place {
    /// The kind, with its group where it is none of Kubernetes' own.
    fn written(&self) -> String {
        match self.api_version.split_once('/') {
            Some((group, _)) if group.contains('.') && !group.ends_with(".k8s.io") => {
                format!("{group}/{}", self.kind)
            }
            Some(_) | None => self.kind.clone(),
        }
    }
}

impl Piece {
    /// Redacts an object and packs it; what these paths name is kept. With it comes what was redacted.
    /// Nothing where it is no object with a name.
    pub fn of(mut object: Value, kept: &[&Path]) -> Option<(Self, Counts)> {
        let place = Place::of(&object);
        let counts = redact::redact(&mut object, kept);
        let text = serde_json::value::to_raw_value(&object).ok()?;
        (!place.name.is_empty()).then_some((Self { place, text }, counts))
    }

    /// The object again.
    pub fn object(&self) -> Value {
        serde_json::from_str(self.text.get()).unwrap_or_default()
    }
}

/// How many objects of a kind there are, and how many bytes of text: by kind as people write it.
pub type Sizes = BTreeMap<String, (u64, u64)>;

/// Puts pieces in the order of a snapshot; of one object the first is kept.
pub fn sorted(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by(|one, other| one.place.cmp(&other.place));
    pieces.dedup_by(|later, earlier| later.place == earlier.place);
    pieces
}

/// What there is of each kind.
pub fn sizes(pieces: &[Piece]) -> Sizes {
    let mut sizes = Sizes::new();
    for piece in pieces {
        let (objects, bytes) = sizes.entry(piece.place.written()).or_default();
        *objects += 1;
        *bytes += u64::try_from(piece.text.get().len()).unwrap_or_default();
    }
    sizes
}
