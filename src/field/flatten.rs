//! A merge patch as its leaves.

use serde_json::Value;

use super::image::Image;
use super::path::Path;

/// The leaves of a JSON merge patch, sorted by path: a null is an absent field, a list is one
/// atomic value, an empty object is a leaf of its own.
pub fn flatten(_merge: &Value) -> Vec<(Path, Image)> {
    todo!()
}
