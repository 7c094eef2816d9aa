//! Whether an object is selected.

use std::collections::BTreeMap;

use crate::api::{LabelSelector, NamespaceSelector};

/// Whether labels satisfy a selector.
pub fn labels(_selector: &LabelSelector, _labels: &BTreeMap<String, String>) -> bool {
    todo!()
}

/// Whether a namespace is selected, by its name and labels.
pub fn namespace(
    _selector: &NamespaceSelector,
    _name: &str,
    _labels: &BTreeMap<String, String>,
) -> bool {
    todo!()
}

/// The selector as the API's `labelSelector` parameter, so that the server filters.
pub fn query(_selector: &LabelSelector) -> String {
    todo!()
}
