//! Objects for the tests of steps.

use serde_json::{Value, json};

use super::{Compiled, count, suspend};
use crate::field::{Path, Projection, project::project};

/// An object, projected to every field that any of the steps asks for.
pub fn object(api_version: &str, kind: &str, name: &str, body: &Value) -> Projection {
    let mut object = body.clone();
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    let own = json!({ "name": name, "namespace": "here", "uid": format!("uid-{name}"), "resourceVersion": "1" });
    let mut metadata = body["metadata"].as_object().cloned().unwrap_or_default();
    metadata.extend(own.as_object().cloned().unwrap_or_default());
    object["metadata"] = metadata.into();
    let own = [
        Path::fields(["data", "carousel"]),
        Path::fields(["data", "suggest"]),
        Path::fields(["immutable"]),
        Path::fields(["spec", "paused"]),
        Path::fields(["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"]),
        Path::fields(["spec", "replicas"]),
    ];
    let mut paths: Vec<Path> = count::asked().flat_map(|(_, paths)| paths).collect();
    paths.extend(own);
    paths.extend(suspend::paths());
    paths.sort();
    paths.dedup();
    let plural = format!("{}s", kind.to_lowercase());
    project(&object, &plural, &paths, false).unwrap()
}

/// Why objects were left alone, in one text.
pub fn why_skipped(compiled: &Compiled) -> String {
    let reasons: Vec<&str> = compiled.skipped.iter().map(|s| s.why.as_str()).collect();
    reasons.join("; ")
}
