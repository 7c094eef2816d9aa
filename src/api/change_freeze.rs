//! `ChangeFreeze`: that changes are held (封网) in the namespace in which it is. The admission policy
//! `pingzhan-freeze` reads it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom a mode keeps from changes in one namespace.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "pingzhan.dev",
    version = "v1alpha1",
    kind = "ChangeFreeze",
    plural = "changefreezes",
    shortname = "cfz",
    category = "pingzhan",
    namespaced,
    label("app.kubernetes.io/name", "pingzhan"),
    printcolumn = r#"{"name":"Mode","type":"string","jsonPath":".spec.mode"}"#,
    printcolumn = r#"{"name":"Until","type":"string","jsonPath":".spec.until"}"#,
    printcolumn = r#"{"name":"May act","type":"string","jsonPath":".spec.mayAct"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    doc = "A change freeze (封网) of one namespace, as long as it exists; written by the operator only."
)]
#[serde(rename_all = "camelCase")]
pub struct ChangeFreezeSpec {
    /// The name of the mode whose freeze it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Until when the mode was granted when this was written, in UTC.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub until: String,
    /// User names of service accounts that are stopped as people are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automation: Vec<String>,
    /// User names of who may go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Groups of who may go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who may go on, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub may_act: String,
}
