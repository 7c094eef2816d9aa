//! Snapshots: what is there in a cluster, whole, in one file. One is read off a real cluster, and the
//! sand table begins with it: same uids, same owners of fields.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read as _};

pub use flate2::Compression;
use flate2::GzBuilder;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use snafu::{ResultExt, Snafu, ensure};

use super::kinds::{CRDS, Kind};
use super::managed;
use super::server::Server;
use super::store::Key;

/// What a file says of itself. Another number is another format.
pub const FORMAT: &str = "pingzhan.dev/snapshot/v1";
/// Bytes that an unpacked snapshot may have: a city of 20,000 workloads with their owners has a quarter.
pub const LARGEST: u64 = 1 << 30;

/// What is there in a cluster. `T` is an object: as JSON, or packed as its text where it is only
/// written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot<T = Value> {
    /// [`FORMAT`].
    pub format: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Who took it: they saw what they may see.
    pub by: String,
    /// The version of the server that it was taken of.
    pub server: String,
    /// What was not taken, or not whole.
    pub left_out: Vec<LeftOut>,
    /// What was measured while it was taken, where anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// The objects: definitions of kinds first, then namespaces, then all others.
    pub objects: Vec<T>,
}

/// What a model of time can be taken from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measured {
    /// Milliseconds of a small read from sending to the answer, the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_milliseconds: Option<f64>,
    /// Of how many requests.
    #[serde(default)]
    pub requests: u64,
    /// Seconds that pods take from their start to being ready, the median of a workload's, by
    /// `Kind namespace/name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ready_seconds: BTreeMap<String, f64>,
}

/// Something that a snapshot does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// What.
    pub what: String,
    /// How many of it.
    pub count: u64,
    /// Why, a sentence.
    pub why: String,
}

/// Why a file is no snapshot.
#[derive(Debug, Snafu)]
pub enum Error {
    /// It cannot be unpacked.
    #[snafu(display("it cannot be unpacked: take it anew with `pingzhan snapshot`"))]
    Unpack {
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[snafu(display("it has more than {} MiB: take one of fewer namespaces", LARGEST >> 20))]
    Large,
    /// It cannot be read.
    #[snafu(display("it is no snapshot: take one with `pingzhan snapshot`"))]
    Parse {
        /// Why.
        source: serde_json::Error,
    },
    /// It is of another format.
    #[snafu(display("its format is {found}, and this version reads {FORMAT}: take it anew"))]
    Format {
        /// What it says.
        found: String,
    },
    /// An object lacks what every object has.
    #[snafu(display("object {number} has no {member}"))]
    Lacks {
        /// Which, from 1.
        number: usize,
        /// What it lacks.
        member: &'static str,
    },
    /// The owners of an object's fields cannot be read.
    #[snafu(display("object {number}: its managedFields are none: {why}"))]
    Owners {
        /// Which, from 1.
        number: usize,
        /// Why.
        why: String,
    },
}

impl Error {
    /// What a writer says, where that is why it was not written.
    pub fn into_io(self) -> std::io::Error {
        match self {
            Self::Unpack { source } => source,
            Self::Parse { source } => source.into(),
            other => std::io::Error::other(other),
        }
    }
}

/// What came of loading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many objects are there.
    pub objects: usize,
    /// Kinds that are not served here, and how many objects of each were left aside.
    pub unknown: BTreeMap<String, usize>,
}

impl Snapshot {
    /// Reads a file.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn read(packed: &[u8]) -> Result<Self, Error> {
        let mut text = Vec::new();
        let mut unpacked = GzDecoder::new(packed).take(LARGEST + 1);
        unpacked.read_to_end(&mut text).context(UnpackSnafu)?;
        ensure!(
            u64::try_from(text.len()).is_ok_and(|bytes| bytes <= LARGEST),
            LargeSnafu
        );
        let format: Named = serde_json::from_slice(&text).context(ParseSnafu)?;
        ensure!(
            format.format == FORMAT,
            FormatSnafu {
                found: format.format
            }
        );
        serde_json::from_slice(&text).context(ParseSnafu)
    }

    /// What a server holds of these kinds: group and plural, and of some namespaces only where any are
    /// named. Definitions of kinds are there where objects of them are.
    pub fn of(server: &Server, kinds: &[(&str, &str)], taken: Timestamp) -> Self {
        let mut objects = Vec::new();
        for (group, plural) in kinds {
            let listed = server.store.list(group, plural, "", None);
            objects.extend(listed.map(|(_, object)| managed::unpacked(object)));
        }
        objects.sort_by_key(rank);
        Self {
            format: FORMAT.to_owned(),
            taken,
            by: "sandtable".to_owned(),
            server: String::new(),
            left_out: Vec::new(),
            measured: None,
            objects,
        }
    }

    /// Puts everything into a server as it is: uids, times and owners included. What is there already
    /// under the same names is replaced.
    ///
    /// # Errors
    /// An object that is none. Those before it are there.
    pub fn load(&self, server: &mut Server) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        let mut order: Vec<usize> = (0..self.objects.len()).collect();
        order.sort_by_key(|at| rank(&self.objects[*at]));
        for at in order {
            let object = &self.objects[at];
            let number = at + 1;
            let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
            for (member, pointer) in [
                ("apiVersion", "/apiVersion"),
                ("kind", "/kind"),
                ("metadata.name", "/metadata/name"),
                ("metadata.uid", "/metadata/uid"),
            ] {
                ensure!(text(pointer).is_some(), LacksSnafu { number, member });
            }
            let (api_version, kind) = (text("/apiVersion"), text("/kind"));
            let (api_version, kind) = (api_version.unwrap_or_default(), kind.unwrap_or_default());
            let Some(found) = find(server, api_version, kind) else {
                let named = format!("{kind} of {api_version}");
                *loaded.unknown.entry(named).or_default() += 1;
                continue;
            };
            let key = Key {
                group: found.group.clone(),
                plural: found.plural.clone(),
                namespace: text("/metadata/namespace").unwrap_or_default().to_owned(),
                name: text("/metadata/name").unwrap_or_default().to_owned(),
            };
            let mut object = object.clone();
            managed::pack(&mut object).map_err(|why| Error::Owners { number, why })?;
            server.keep(&found, key, object);
            loaded.objects += 1;
        }
        Ok(loaded)
    }
}

impl<T: Serialize> Snapshot<T> {
    /// Packs it: the same snapshot gives the same bytes.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        let mut packed = Vec::new();
        self.pack(&mut packed, Compression::best())?;
        Ok(packed)
    }

    /// Packs it into something, and says how many bytes it has unpacked. It is never in memory as a
    /// whole.
    ///
    /// # Errors
    /// It cannot be written; what was written by then is of no use.
    pub fn pack(&self, into: impl std::io::Write, how: Compression) -> Result<u64, Error> {
        let packer = GzBuilder::new().write(into, how);
        let mut counted = Counted {
            bytes: 0,
            into: BufWriter::new(packer),
        };
        serde_json::to_writer(&mut counted, self).context(ParseSnafu)?;
        let packer = counted.into.into_inner();
        let packer = packer.map_err(std::io::IntoInnerError::into_error);
        packer.and_then(GzEncoder::finish).context(UnpackSnafu)?;
        Ok(counted.bytes)
    }
}

/// Counts what goes through.
struct Counted<W> {
    bytes: u64,
    into: W,
}

impl<W: std::io::Write> std::io::Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.into.flush()
    }
}

/// What every format says.
#[derive(Deserialize)]
struct Named {
    format: String,
}

/// Definitions first, namespaces after them.
fn rank(object: &Value) -> u8 {
    match object["kind"].as_str() {
        Some("CustomResourceDefinition") => 0,
        Some("Namespace") => 1,
        Some(_) | None => 2,
    }
}

fn find(server: &Server, api_version: &str, kind: &str) -> Option<Kind> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if kind == "CustomResourceDefinition" && group == CRDS.0 {
        return server
            .kinds
            .find(CRDS.0, CRDS.1)
            .map(|kind| Kind::clone(kind));
    }
    let mut all = server.kinds.all();
    let found = all.find(|one| one.kind == kind && one.api_version() == api_version);
    found.map(|kind| Kind::clone(kind))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::super::schema;
    use super::*;

    fn server() -> Server {
        Server::new(schema::builtin(), 1, Timestamp::UNIX_EPOCH)
    }

    const KINDS: [(&str, &str); 3] = [
        ("", "namespaces"),
        ("", "configmaps"),
        ("apps", "deployments"),
    ];

    fn filled() -> Server {
        let mut server = server();
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\n\
            apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata: {a: b}\n---\n\
            apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\n\
            spec: {replicas: 3, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, \
            spec: {containers: [{name: c, image: i}]}}}\n";
        super::super::load::manifests(&mut server, text, Timestamp::UNIX_EPOCH).expect("it loads");
        server
    }

    /// A rehearsal that loses who owns a field, or which object it is, says nothing about the cluster.
    #[test]
    fn what_was_taken_is_there_again_whole() {
        let taken = Snapshot::of(&filled(), &KINDS, Timestamp::UNIX_EPOCH);
        let packed = taken.write().expect("it is written");
        assert_eq!(
            packed,
            taken.write().expect("it is written"),
            "the same bytes"
        );
        let read = Snapshot::read(&packed).expect("it is read");
        assert_eq!(read, taken);
        let mut other = server();
        let loaded = read.load(&mut other).expect("it loads");
        assert_eq!(loaded.objects, taken.objects.len());
        let again = Snapshot::of(&other, &KINDS, Timestamp::UNIX_EPOCH);
        let without = |snapshot: &Snapshot| -> Vec<Value> {
            let objects = snapshot.objects.iter().cloned();
            let cleared = objects.map(|mut object| {
                object["metadata"]["resourceVersion"] = Value::Null;
                object
            });
            cleared.collect()
        };
        assert_eq!(without(&again), without(&taken));
        let owners = "/metadata/managedFields/0/fieldsV1/f:spec/f:replicas";
        let deployment = again.objects.iter().find(|one| one["kind"] == "Deployment");
        assert!(deployment.expect("it is there").pointer(owners).is_some());
        assert!(read.objects[0]["kind"] == "Namespace", "namespaces first");
    }

    /// Half a cluster that looks like a whole one would let a plan look better than it is.
    #[test]
    fn what_cannot_be_loaded_is_said() {
        let of = |object: Value| {
            let snapshot = Snapshot {
                objects: vec![object],
                ..Snapshot::of(&server(), &[], Timestamp::UNIX_EPOCH)
            };
            snapshot
                .load(&mut server())
                .map_err(|error| error.to_string())
        };
        let meta = json!({ "name": "x", "uid": "u" });
        let unknown = of(json!({ "apiVersion": "a/v1", "kind": "X", "metadata": meta }));
        let named = BTreeMap::from([("X of a/v1".to_owned(), 1)]);
        assert_eq!(unknown.map(|loaded| loaded.unknown), Ok(named));
        let lacks =
            of(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } }));
        assert_eq!(lacks, Err("object 1 has no metadata.uid".to_owned()));
        let broken = json!({ "name": "x", "uid": "u", "managedFields": [{ "fieldsV1": 7 }] });
        let broken = of(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": broken }));
        let why = broken.expect_err("no owners");
        assert!(
            why.starts_with("object 1: its managedFields are none"),
            "{why}"
        );
    }

    /// Who took a snapshot before anything was measured still has it; and what is measured is kept.
    #[test]
    fn a_snapshot_without_measurements_is_read_and_one_with_them_keeps_them() {
        let mut snapshot = Snapshot::of(&filled(), &KINDS, Timestamp::UNIX_EPOCH);
        let text = serde_json::to_string(&snapshot).expect("it is JSON");
        assert!(!text.contains("measured"), "{text}");
        let old = include_bytes!("../cli/demo/yunxi.json.gz");
        assert_eq!(Snapshot::read(old).expect("it is read").measured, None);
        snapshot.measured = Some(Measured {
            round_trip_milliseconds: Some(4.25),
            requests: 31,
            ready_seconds: BTreeMap::from([("Deployment n/d".to_owned(), 12.0)]),
        });
        let read = Snapshot::read(&snapshot.write().expect("it is written"));
        assert_eq!(read.expect("it is read"), snapshot);
    }

    /// Another program's file, a later version's, and half of one.
    #[test]
    fn what_is_no_snapshot_is_refused() {
        let pack = |text: &str| {
            let mut packed = GzBuilder::new().write(Vec::new(), Compression::fast());
            packed.write_all(text.as_bytes()).expect("it is packed");
            packed.finish().expect("it is packed")
        };
        let why = |packed: &[u8]| Snapshot::read(packed).expect_err("none").to_string();
        assert!(why(b"no gzip").starts_with("it cannot be unpacked"));
        assert!(why(&pack("[]")).starts_with("it is no snapshot"));
        let later = why(&pack(r#"{"format":"pingzhan.dev/snapshot/v2"}"#));
        assert!(
            later.contains("snapshot/v2, and this version reads"),
            "{later}"
        );
        let whole = Snapshot::of(&filled(), &KINDS, Timestamp::UNIX_EPOCH);
        let whole = whole.write().expect("it is written");
        assert!(why(&whole[..whole.len() / 2]).starts_with("it cannot be unpacked"));
    }
}
