//! How objects of built-in kinds are written in protobuf: some clients send them so.
//!
//! The OpenAPI document does not number fields; the Go modules that the server is built from do, in
//! `generated.proto`. What is written down of a message is, for each number, the name of the field, `[]`
//! behind it for a list and `{}` for a map, and the type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use snafu::OptionExt;

use super::{AnswerSnafu, Error};
use crate::golang;
use crate::progress::Progress;
use crate::tools::Program;

/// The modules that hold the messages.
const MODULES: [&str; 2] = ["k8s.io/api", "k8s.io/apimachinery"];
/// Messages that are sent beside those of the kinds that are kept.
const ASKED: [&str; 7] = [
    "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authentication.v1.TokenReview",
    "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    "io.k8s.api.authorization.v1.SubjectAccessReview",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
];

/// The fields of the messages of these components, and of all that they are made of.
///
/// # Errors
/// The modules cannot be had, or lack one of the messages.
pub fn messages(
    components: &Map<String, Value>,
    progress: Progress,
) -> Result<Map<String, Value>, Error> {
    let mut all = BTreeMap::new();
    for folder in folders(progress)? {
        let mut files = Vec::new();
        find(&folder, &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|error| Error::File {
                path: file.clone(),
                problem: error.to_string(),
            })?;
            read(&text, &mut all);
        }
    }
    let kinds = components
        .iter()
        .filter(|(_, schema)| !schema["x-kubernetes-group-version-kind"].is_null());
    let mut wanted: Vec<String> = kinds.map(|(name, _)| name.clone()).collect();
    wanted.extend(ASKED.map(str::to_owned));
    let mut kept = Map::new();
    while let Some(name) = wanted.pop() {
        if kept.contains_key(&name) || is_json(&name) {
            continue;
        }
        let problem = "no module has such a message";
        let fields = all.get(&name).context(AnswerSnafu {
            doing: &name,
            problem,
        })?;
        let types = fields.values().filter_map(Value::as_str);
        let types = types.filter_map(|field| field.split_once(':'));
        wanted.extend(
            types
                .map(|(_, of)| of)
                .filter(|of| of.contains('.'))
                .map(str::to_owned),
        );
        kept.insert(name, Value::Object(fields.clone()));
    }
    Ok(kept)
}

/// CRDs are sent as JSON by every client.
fn is_json(name: &str) -> bool {
    name.contains(".apiextensions-apiserver.")
}

/// Where the modules are, of the version that the server is built from. They are fetched where they
/// are not there.
fn folders(progress: Progress) -> Result<Vec<PathBuf>, Error> {
    let wrong = |problem: String| Error::Answer {
        doing: "go mod download".to_owned(),
        problem,
    };
    let go = golang::find(progress).map_err(|error| wrong(error.to_string()))?;
    let version = Program::KubeApiserver.version();
    // The parts of the server are numbered so that 1.36 is 0.36.
    let version = version.replacen("v1.", "v0.", 1);
    let output = Command::new(&go.program)
        .args(["mod", "download", "-json"])
        .args(MODULES.map(|module| format!("{module}@{version}")))
        .current_dir(std::env::temp_dir())
        .output()
        .map_err(|error| wrong(error.to_string()))?;
    let said = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let folders: Vec<PathBuf> = said
        .filter_map(Result::ok)
        .filter_map(|module| Some(PathBuf::from(module["Dir"].as_str()?)))
        .collect();
    if folders.len() == MODULES.len() {
        return Ok(folders);
    }
    Err(wrong(String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            find(&path, files);
        } else if path.ends_with("generated.proto") {
            files.push(path);
        }
    }
}

/// Reads one file: these are generated, one field a line, without enums, `oneof` and messages inside
/// messages.
fn read(text: &str, all: &mut BTreeMap<String, Map<String, Value>>) {
    let mut package = String::new();
    let mut message = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("package ") {
            package = component(name.trim_end_matches(';'));
        } else if let Some(name) = line.strip_prefix("message ") {
            message = format!("{package}.{}", name.trim_end_matches(['{', ' ']));
            all.insert(message.clone(), Map::new());
        } else if let Some((number, field)) = field(line, &package)
            && let Some(fields) = all.get_mut(&message)
        {
            fields.insert(number.to_owned(), field.into());
        }
    }
}

/// The number of a field, and what is written down of it.
fn field<'a>(line: &'a str, package: &str) -> Option<(&'a str, String)> {
    let (said, number) = line.strip_suffix(';')?.rsplit_once(" = ")?;
    let (said, name) = said.rsplit_once(' ')?;
    let (mark, of) = if let Some(of) = said.strip_prefix("repeated ") {
        ("[]", of)
    } else if let Some(of) = said.strip_prefix("map<string, ") {
        ("{}", of.strip_suffix('>')?)
    } else {
        ("", said.strip_prefix("optional ")?)
    };
    let of = match of.strip_prefix('.') {
        Some(whole) => component(whole),
        None if of.starts_with(|c: char| c.is_ascii_uppercase()) => format!("{package}.{of}"),
        None => of.to_owned(),
    };
    Some((number, format!("{name}{mark}:{of}")))
}

/// The name that the OpenAPI document has for a message or a package.
fn component(name: &str) -> String {
    name.replacen("k8s.io.", "io.k8s.", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with a wrong number would be read as another.
    #[test]
    fn fields_are_read_with_their_numbers_and_types() {
        let text = "package k8s.io.api.core.v1;\n// message Old {\nmessage Pod {\n  // how many = 3;\n  \
            optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;\n  \
            optional PodSpec spec = 2;\n  map<string, bytes> data = 3;\n  repeated string names = 14;\n}\n";
        let mut all = BTreeMap::new();
        read(text, &mut all);
        let fields = Value::Object(all["io.k8s.api.core.v1.Pod"].clone());
        assert_eq!(
            fields,
            serde_json::json!({
                "1": "metadata:io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
                "2": "spec:io.k8s.api.core.v1.PodSpec",
                "3": "data{}:bytes", "14": "names[]:string",
            })
        );
    }
}
