//! Signals to other systems: notifications over channels, calls that a playbook names, questions to
//! Prometheus. Where they may go is the operator's configuration, never a playbook's.

pub mod guard;
pub mod http;
pub mod sign;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{HeaderMap, Method};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use snafu::{ResultExt, Snafu};

use crate::cluster::request::query as form;

use guard::Guard;
use http::{Http, Reply};
use sign::Key;

/// Why the signals file cannot be used.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("{} cannot be read: {source}", path.display()))]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("{} is not a signals file: {source}", path.display()))]
    Parse {
        path: PathBuf,
        source: serde_yaml::Error,
    },
    #[snafu(display("the key in {}: {problem}", path.display()))]
    Key { path: PathBuf, problem: String },
    #[snafu(display("{}: alarms go over channel {channel}, which it does not have: add it to `channels`", path.display()))]
    Alarms { path: PathBuf, channel: String },
    #[snafu(display("{source}"))]
    Client { source: http::Error },
}

/// The file that says where signals may go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    /// Networks that may be reached besides public addresses.
    #[serde(default)]
    allow: Vec<IpNet>,
    /// The address of Prometheus.
    prometheus: Option<String>,
    /// Channels of notifications.
    #[serde(default)]
    channels: Vec<ChannelFile>,
    /// Channels over which alarms go.
    #[serde(default)]
    alarms: Vec<String>,
    /// The file that holds the key of calls.
    #[serde(rename = "callKeyFile")]
    calls: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChannelFile {
    name: String,
    url: String,
    #[serde(rename = "keyFile")]
    key: PathBuf,
}

struct Channel {
    url: String,
    key: Key,
}

/// Where signals go. Without a file they go nowhere, and each says so.
#[derive(Default)]
pub struct Signals {
    http: Option<Http>,
    prometheus: Option<String>,
    channels: BTreeMap<String, Channel>,
    alarms: Vec<String>,
    call_key: Option<Key>,
}

/// Names only: a key must not come into a log.
impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("channels", &self.channels.keys())
            .field("prometheus", &self.prometheus)
            .finish_non_exhaustive()
    }
}

/// Why a signal did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Whether another try could not change it.
    pub for_good: bool,
    /// Why, a sentence.
    pub why: String,
}

impl Missed {
    const fn for_good(why: String) -> Self {
        Self {
            for_good: true,
            why,
        }
    }
}

impl Signals {
    /// Reads the file. Keys are read once: a new one needs a restart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: PathBuf) -> Result<Self, Error> {
        let text = std::fs::read_to_string(&path).context(FileSnafu { path: &path })?;
        let file: File = serde_yaml::from_str(&text).context(ParseSnafu { path: &path })?;
        let key = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).context(FileSnafu { path: &path })?;
            Key::read(&text).map_err(|problem| Error::Key { path, problem })
        };
        let mut channels = BTreeMap::new();
        for channel in file.channels {
            let (url, key) = (channel.url, key(channel.key)?);
            channels.insert(channel.name, Channel { url, key });
        }
        if let Some(channel) = file
            .alarms
            .iter()
            .find(|name| !channels.contains_key(*name))
        {
            return AlarmsSnafu { path, channel }.fail();
        }
        Ok(Self {
            http: Some(Http::new(Guard::new(file.allow)).context(ClientSnafu)?),
            prometheus: file.prometheus,
            channels,
            alarms: file.alarms,
            call_key: file.calls.map(key).transpose()?,
        })
    }

    /// Signals of a rehearsal: these channels are there, calls are signed, Prometheus is known, and
    /// `by` answers in place of everything outside, wherever it is. No packet leaves.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn rehearsed(
        channels: impl IntoIterator<Item = String>,
        by: http::StandIn,
    ) -> Result<Self, Error> {
        const OUTSIDE: &str = "https://rehearsal.invalid";
        let key = Key::read("a rehearsal signs for nobody").map_err(|problem| Error::Key {
            path: PathBuf::new(),
            problem,
        })?;
        let channel = |name: String| {
            let (url, key) = (OUTSIDE.to_owned(), key.clone());
            (name, Channel { url, key })
        };
        let everywhere = ["0.0.0.0/0", "::/0"].map(str::parse);
        let guard = Guard::new(everywhere.into_iter().flatten().collect());
        let played = Self {
            http: Some(Http::new(guard).context(ClientSnafu)?),
            prometheus: Some(OUTSIDE.to_owned()),
            channels: channels.into_iter().map(channel).collect(),
            alarms: Vec::new(),
            call_key: Some(key),
        };
        Ok(played.played(by))
    }

    /// The same, in a simulation: no packet leaves, and this answers in place of everything outside.
    #[must_use]
    pub fn played(mut self, by: http::StandIn) -> Self {
        if let Some(http) = &mut self.http {
            http.played(by);
        }
        self
    }

    /// The channels over which alarms go.
    pub fn alarms(&self) -> &[String] {
        &self.alarms
    }

    /// Sends a notification over one channel.
    ///
    /// # Errors
    /// Why it did not arrive.
    pub async fn notify(
        &self,
        channel: &str,
        id: &str,
        at: Timestamp,
        body: &Value,
    ) -> Result<(), Missed> {
        let Some(to) = self.channels.get(channel) else {
            return Err(Missed::for_good(format!(
                "there is no channel {channel}: add it to the operator's signals file"
            )));
        };
        let sent = self.signed(Method::POST, &to.url, &to.key, id, at, body);
        sent.await.map(|_| ())
    }

    /// Makes a call that a playbook names.
    ///
    /// # Errors
    /// Why it was not answered with success.
    pub async fn call(
        &self,
        method: Method,
        url: &str,
        id: &str,
        at: Timestamp,
        body: &Value,
    ) -> Result<String, Missed> {
        let Some(key) = &self.call_key else {
            return Err(Missed::for_good(
                "calls cannot be signed: name a `callKeyFile` in the operator's signals file"
                    .to_owned(),
            ));
        };
        let reply = self.signed(method, url, key, id, at, body).await?;
        Ok(format!("answered {}", reply.status.as_u16()))
    }

    async fn signed(
        &self,
        method: Method,
        url: &str,
        key: &Key,
        id: &str,
        at: Timestamp,
        body: &Value,
    ) -> Result<Reply, Missed> {
        let Some(http) = &self.http else {
            return Err(Missed::for_good(
                "no signals are sent: start the operator with --signals".to_owned(),
            ));
        };
        let bytes = body.to_string().into_bytes();
        let mut headers = key.headers(id, at.as_second(), &bytes);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let reply = http.send(method, url, headers, bytes).await;
        let reply = reply.map_err(|error| missed(&error))?;
        let code = reply.status.as_u16();
        if reply.status.is_success() {
            return Ok(reply);
        }
        // Too early or too often may be tried again, and so may whatever failed inside.
        let for_good = !(reply.status.is_server_error() || matches!(code, 408 | 425 | 429));
        Err(Missed {
            for_good,
            why: format!("{} answered {code}", host(url)),
        })
    }

    /// Asks Prometheus, and says how many samples it answered with.
    ///
    /// # Errors
    /// Why there is no answer, a sentence.
    pub async fn samples(&self, query: &str) -> Result<usize, String> {
        let (Some(http), Some(at)) = (&self.http, &self.prometheus) else {
            return Err(
                "Prometheus is not known: name it in the operator's signals file".to_owned(),
            );
        };
        let form = form(&[("query", query), ("timeout", "8s")]);
        let url = format!("{}/api/v1/query", at.trim_end_matches('/'));
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        let reply = http
            .send(Method::POST, &url, headers, form.into_bytes())
            .await
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match (&answer["status"], &answer["data"]["result"]) {
            (Value::String(status), Value::Array(samples)) if status == "success" => {
                Ok(samples.len())
            }
            _ => Err(format!(
                "Prometheus answered {}: {}",
                reply.status.as_u16(),
                answer["error"].as_str().unwrap_or("no samples")
            )),
        }
    }
}

fn missed(error: &http::Error) -> Missed {
    let for_good = match error {
        http::Error::Address { .. } | http::Error::Inside { .. } | http::Error::Build { .. } => {
            true
        }
        http::Error::Send { .. }
        | http::Error::Late { .. }
        | http::Error::Read { .. }
        | http::Error::Tls { .. } => false,
    };
    Missed {
        for_good,
        why: error.to_string(),
    }
}

fn host(url: &str) -> String {
    let uri: Option<::http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host());
    host.unwrap_or("the receiver").to_owned()
}

#[cfg(test)]
mod tests;
