//! `cargo xtask generate openapi`: what the real server says of its own kinds, and what it makes of
//! objects of them, written down for the sand table.
//!
//! Six files in `src/sandtable/data`: `openapi.json` is what the server publishes, cut down to what
//! is read, and `descriptions.json` what it says of each field to people; `columns.json` is how its
//! tables are headed; `wire.json` is how its objects are written in protobuf; `defaults.json` is what
//! no document says, found by sending objects and comparing what came back; `samples.json` is those
//! objects, before and after.
//!
//! Unlike the other generated files these need a server, so the check for stale files leaves them
//! out. They are kept honest by two others: unit tests fill up every sample as the server did, and
//! the conformance table is played against the sand table and the real server alike.

mod answers;
mod columns;
mod compare;
mod documents;
mod wire;
mod zeros;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use snafu::Snafu;

use crate::cluster::{Cluster, Spec};
use crate::progress::Progress;
use answers::Server;

/// What went wrong.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// The control plane did not come up, or cannot be reached.
    #[snafu(transparent)]
    Cluster {
        /// Why.
        source: crate::cluster::Error,
    },
    /// The server did not answer, or not as asked.
    #[snafu(display("{doing}: {problem}"))]
    Answer {
        /// What was asked.
        doing: String,
        /// What came of it.
        problem: String,
    },
    /// Something that the server fills in depends on something else.
    #[snafu(display(
        "{members}: not always the same. Write a rule in src/sandtable/schema/coded and name it in compare.rs"
    ))]
    Depends {
        /// Component and member of each.
        members: String,
    },
    /// A file cannot be written, or ours cannot be read.
    #[snafu(display("cannot use {}: {problem}", path.display()))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

/// The objects that are sent.
const OBJECTS: &str = include_str!("openapi/objects.yaml");
/// Where the files belong.
const FOLDER: &str = "src/sandtable/data";

/// Brings a control plane up, asks it, and writes the files; says how many objects were sent.
///
/// # Errors
/// The server refuses an object, or fills in what is not always the same and has no rule.
pub async fn write(root: &Path, progress: Progress) -> Result<usize, Error> {
    let spec = Spec {
        fsync: false,
        owner: Some(std::process::id()),
        ..Spec::new(&format!("openapi-{}", std::process::id()))
    };
    let cluster = Cluster::up(spec, progress).await?;
    let server = Server {
        client: cluster.client().await?,
    };
    let (components, descriptions) = documents::components(&server).await?;
    file(root, "openapi.json", &lines(&components))?;
    file(root, "descriptions.json", &lines(&descriptions))?;
    file(
        root,
        "wire.json",
        &lines(&wire::messages(&components, progress)?),
    )?;
    let documents = pingzhan::sandtable::schema::Documents::of(&components);
    let columns = columns::columns(&server, &documents).await?;
    file(root, "columns.json", &lines(&columns))?;
    let mut task = progress.task("objects");
    let objects = objects()?;
    let mut found = compare::Found::default();
    let mut omits = zeros::Omits::default();
    let mut samples = Vec::with_capacity(objects.len());
    for object in &objects {
        task.at(object["kind"].as_str().unwrap_or_default());
        let sample = server.sample(object).await?;
        let schema = answers::schema(&documents, object)?;
        compare::compare(schema.root(), &sample, &mut found);
        omits.learn(&server, schema.root(), &sample).await?;
        samples.push(json!({ "sent": sample.sent, "kept": sample.kept }).to_string());
    }
    task.done(&format!("{} objects", objects.len()));
    cluster.down()?;
    file(
        root,
        "samples.json",
        &format!("[\n{}\n]\n", samples.join(",\n")),
    )?;
    let defaults = said(&found.constant(&components)?, &omits.members());
    file(root, "defaults.json", &lines(&defaults))?;
    Ok(objects.len())
}

fn objects() -> Result<Vec<Value>, Error> {
    serde_yaml::from_str(OBJECTS).map_err(|error| Error::File {
        path: PathBuf::from("objects.yaml"),
        problem: error.to_string(),
    })
}

/// Both findings, by component.
fn said(defaults: &[(String, String, Value)], omits: &[(String, String)]) -> Map<String, Value> {
    let mut said = Map::new();
    for (component, member, value) in defaults {
        let own = said.entry(component).or_insert_with(|| json!({}));
        own["default"][member] = value.clone();
    }
    for (component, member) in omits {
        let own = said.entry(component).or_insert_with(|| json!({}));
        let members = own
            .as_object_mut()
            .map(|own| own.entry("omits").or_insert_with(|| json!([])));
        if let Some(Value::Array(members)) = members {
            members.push(member.as_str().into());
        }
    }
    said
}

/// One component a line: a change shows where it is.
fn lines(components: &Map<String, Value>) -> String {
    let lines: Vec<String> = components
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn file(root: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = root.join(FOLDER).join(name);
    std::fs::write(&path, text).map_err(|error| Error::File {
        path,
        problem: error.to_string(),
    })
}
