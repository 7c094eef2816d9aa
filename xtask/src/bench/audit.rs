//! The API server's audit log as a counter: who asked for what between two moments.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use snafu::ResultExt;

use super::{Error, IoSnafu};

/// How the operator names itself to the API server.
const OPERATOR: &str = "pingzhan/";

/// The log, and the place from which it is read.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
    from: u64,
}

/// One answered request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The verb.
    pub verb: String,
    /// The client.
    #[serde(default)]
    pub user_agent: String,
    /// What it was about.
    #[serde(default)]
    pub object_ref: ObjectRef,
    /// Its answer.
    #[serde(default)]
    pub response_status: Answer,
    /// When it came in.
    pub request_received_timestamp: Timestamp,
    /// When it was answered.
    pub stage_timestamp: Timestamp,
}

/// What a request was about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ObjectRef {
    /// The kind's plural.
    pub resource: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Its subresource.
    pub subresource: String,
}

/// What was answered.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The status code.
    pub code: u16,
}

impl Request {
    /// Whether it is counted: everything but watches and the lease.
    fn counts(&self) -> bool {
        self.user_agent.starts_with(OPERATOR)
            && self.verb != "watch"
            && self.object_ref.resource != "leases"
    }

    /// Whether it wrote a target of the benchmark.
    pub fn wrote_target(&self) -> bool {
        let of = &self.object_ref;
        self.verb == "patch" && of.resource == "deployments" && self.response_status.code == 200
    }

    /// What kind of request it is, for the table of what was sent.
    pub fn kind(&self) -> String {
        let of = &self.object_ref;
        if of.subresource.is_empty() {
            format!("{} {}", self.verb, of.resource)
        } else {
            format!("{} {}/{}", self.verb, of.resource, of.subresource)
        }
    }
}

impl Audit {
    /// Reads from the log's present end on.
    pub fn from_now(path: &Path) -> Self {
        let from = std::fs::metadata(path).map_or(0, |found| found.len());
        Self {
            path: path.to_path_buf(),
            from,
        }
    }

    /// What the operator has sent since, watches and the lease left out, oldest first.
    pub fn requests(&self) -> Result<Vec<Request>, Error> {
        let doing = format!("reading {}", self.path.display());
        let mut text = String::new();
        let mut file = std::fs::File::open(&self.path).context(IoSnafu { doing: &doing })?;
        file.seek(SeekFrom::Start(self.from))
            .and_then(|_| file.read_to_string(&mut text))
            .context(IoSnafu { doing })?;
        // The last line may be half written: it is no request of the past.
        let lines = text.lines().filter(|line| line.contains(OPERATOR));
        Ok(lines
            .filter_map(|line| serde_json::from_str::<Request>(line).ok())
            .filter(Request::counts)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(agent: &str, verb: &str, resource: &str) -> Request {
        let now = "2026-11-01T00:00:00Z";
        serde_json::from_value(serde_json::json!({
            "verb": verb, "userAgent": agent, "objectRef": {"resource": resource},
            "responseStatus": {"code": 200},
            "requestReceivedTimestamp": now, "stageTimestamp": now,
        }))
        .expect("a line of the log")
    }

    /// Counting the benchmark's own requests, or leaving lists out, would make the figure a lie.
    #[test]
    fn only_watches_and_the_lease_of_the_operator_are_left_out() {
        let agent = "pingzhan/0.1.0";
        assert!(request(agent, "list", "deployments").counts());
        assert!(request(agent, "create", "changerecords").counts());
        assert!(!request(agent, "watch", "deployments").counts());
        assert!(!request(agent, "update", "leases").counts());
        assert!(!request("kubectl/1", "list", "deployments").counts());
    }
}
