//! Requests and their raw answers: addresses, queries, and what an answer that is no success says.
//!
//! Requests are made by hand rather than through typed APIs: typed decoding drops fields that it
//! does not know, and a `Retry-After` header never reaches the caller.

use http::{HeaderMap, Method, Request, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use snafu::{ResultExt, Snafu};

use crate::field::Target;

/// Why something could not be read.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display(
        "{doing}: no answer from the API server; check that it runs and that this machine reaches it"
    ))]
    Send {
        doing: String,
        #[snafu(source(from(kube::Error, Box::new)))]
        source: Box<kube::Error>,
    },
    #[snafu(display("{doing}: {}", answered(*code, message)))]
    Answered {
        doing: String,
        code: u16,
        message: String,
    },
    #[snafu(display(
        "{doing}: the answer is not what a Kubernetes API server says; is a proxy in between?"
    ))]
    Decode {
        doing: String,
        source: serde_json::Error,
    },
    #[snafu(display("{doing}: the request cannot be made: this is a defect of pingzhan"))]
    Build { doing: String, source: http::Error },
}

impl Error {
    /// The status code, where the API server answered.
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Answered { code, .. } => Some(*code),
            Self::Send { .. } | Self::Decode { .. } | Self::Build { .. } => None,
        }
    }

    /// Whether a right is missing.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Whether what is missing is the right to act as an account, and no right of the account.
    pub fn is_unlent(&self) -> bool {
        match self {
            Self::Answered { message, .. } => is_unlent(message),
            Self::Send { .. } | Self::Decode { .. } | Self::Build { .. } => false,
        }
    }
}

/// The API server's words for it: by the classic verb, and by the two rights of constrained impersonation.
/// Which of them it says depends on what let the same user act as somebody before.
const UNLENT: [&str; 3] = [
    "cannot impersonate resource \"serviceaccounts\"",
    "cannot impersonate:serviceaccount resource",
    "cannot impersonate-on:serviceaccount:",
];
/// What to do about it.
const LEND: &str = "; what is missing is the right to act as the account: name it in the Role \
                    pingzhan-playbook-accounts (the chart's impersonation.accounts), and where impersonation \
                    is constrained, give the verb in the ClusterRole pingzhan-acts";

fn is_unlent(message: &str) -> bool {
    UNLENT.iter().any(|words| message.contains(words))
}

fn answered(code: u16, message: &str) -> String {
    let advice = match code {
        401 => "; check the credentials",
        403 if is_unlent(message) => LEND,
        403 => "; grant the right",
        404 => "; is the kind installed in this cluster?",
        _ => "",
    };
    format!("{message} ({code}){advice}")
}

/// Objects of one kind: in one namespace, or (with an empty namespace) in all of them or in none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collection {
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
    /// Plural, e.g. `deployments`.
    pub plural: String,
    /// The namespace.
    pub namespace: String,
}

impl Collection {
    /// The collection that an object is in.
    pub fn of(target: &Target) -> Self {
        Self {
            api_version: target.api_version.clone(),
            kind: target.kind.clone(),
            plural: target.plural.clone(),
            namespace: target.namespace.clone(),
        }
    }

    /// Its address.
    pub fn path(&self) -> String {
        let root = if self.api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let Self {
            api_version,
            kind: _,
            plural,
            namespace,
        } = self;
        if namespace.is_empty() {
            format!("/{root}/{api_version}/{plural}")
        } else {
            let namespace = encode(namespace);
            format!("/{root}/{api_version}/namespaces/{namespace}/{plural}")
        }
    }

    /// The address of one of its objects.
    pub fn object_path(&self, name: &str) -> String {
        format!("{}/{}", self.path(), encode(name))
    }

    /// How people read it: `deployments of apps/v1 in portal`.
    pub fn describe(&self) -> String {
        let Self {
            api_version,
            kind: _,
            plural,
            namespace,
        } = self;
        if namespace.is_empty() {
            format!("{plural} of {api_version}")
        } else {
            format!("{plural} of {api_version} in namespace {namespace}")
        }
    }
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Raw {
    /// Its code.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Vec<u8>,
}

impl Raw {
    /// The body of a success.
    ///
    /// # Errors
    /// [`Error::Answered`] for any other answer.
    pub fn success(self, doing: &str) -> Result<Vec<u8>, Error> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        AnsweredSnafu {
            doing,
            code: self.status.as_u16(),
            message: message(&self.body),
        }
        .fail()
    }
}

/// The part of a `Status` object that is looked at.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Status {
    /// For machines.
    pub reason: String,
    /// For people.
    pub message: String,
    /// More for machines.
    pub details: Details,
}

/// The part of a `Status` object's details that is looked at.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Details {
    /// Which object.
    pub name: String,
    /// What is wrong with it.
    pub causes: Vec<Value>,
    /// When to come back.
    #[serde(rename = "retryAfterSeconds")]
    pub retry_after_seconds: u64,
}

impl Status {
    /// Reads a body; what is not a `Status` object becomes one with only a message.
    pub fn read(body: &[u8]) -> Self {
        let is_status = serde_json::from_slice::<Value>(body)
            .ok()
            .filter(|value| value.get("kind").and_then(Value::as_str) == Some("Status"));
        is_status
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_else(|| Self {
                message: cut(String::from_utf8_lossy(body).trim()),
                ..Self::default()
            })
    }
}

/// An error with what caused it, as one sentence.
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Longest message kept of an answer: what fits a line of a report, and below the 1,024 characters
/// of a reason in the journal.
const MESSAGE: usize = 512;

/// Cuts a message to a bounded length.
pub fn cut(text: &str) -> String {
    if text.chars().count() <= MESSAGE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MESSAGE - 1).collect();
    format!("{kept}…")
}

/// The message of a refusal, cut to a bounded length, with what to do where it is about acting as an account.
pub fn refusal(message: &str) -> String {
    let advice = if is_unlent(message) { LEND } else { "" };
    format!("{}{advice}", cut(message))
}

fn message(body: &[u8]) -> String {
    let status = Status::read(body);
    if status.message.is_empty() {
        "no reason given".to_owned()
    } else {
        cut(&status.message)
    }
}

/// Sends a request and takes the whole answer.
///
/// Assumptions: the client bounds it, see [`super::clients`].
pub async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<Raw, kube::Error> {
    let (parts, body) = client.send(request.map(Body::from)).await?.into_parts();
    let body = body.collect_bytes().await?;
    Ok(Raw {
        status: parts.status,
        headers: parts.headers,
        body: Vec::from(body),
    })
}

/// A GET of an address.
pub fn get(path: &str, accept: &str) -> Result<Request<Vec<u8>>, http::Error> {
    Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(http::header::ACCEPT, accept)
        .body(Vec::new())
}

/// Sends a GET and takes the body of a success.
pub async fn read(client: &Client, path: &str, doing: &str) -> Result<Vec<u8>, Error> {
    let request = get(path, JSON).context(BuildSnafu { doing })?;
    let raw = send(client, request).await.context(SendSnafu { doing })?;
    raw.success(doing)
}

/// The one form in which we read and write objects.
pub const JSON: &str = "application/json";

/// Percent-encodes a part of a path or query. Names of RBAC objects may hold nearly anything.
pub fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A query string of pairs, those with an empty value left out.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let kept = pairs.iter().filter(|(_, value)| !value.is_empty());
    let text: Vec<String> = kept
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    text.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address that means another object would be a write to another object.
    #[test]
    fn addresses_hold_names_that_need_encoding() {
        let mut roles = Collection {
            api_version: "rbac.authorization.k8s.io/v1".to_owned(),
            kind: "Role".to_owned(),
            plural: "roles".to_owned(),
            namespace: "portal".to_owned(),
        };
        assert_eq!(
            roles.object_path("a:b c?d"),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/portal/roles/a%3Ab%20c%3Fd"
        );
        roles.namespace.clear();
        roles.api_version = "v1".to_owned();
        assert_eq!(roles.path(), "/api/v1/roles");
        assert_eq!(
            query(&[("fieldManager", "pingzhan/a/b"), ("continue", "")]),
            "fieldManager=pingzhan%2Fa%2Fb"
        );
    }

    /// Whoever reads that a namespace may not be read gives the account the right to, and nothing comes of
    /// it where it is the operator that may not act as the account.
    #[test]
    fn a_refusal_to_act_as_an_account_says_what_to_give_and_no_other_does() {
        let own = "namespaces is forbidden: User \"system:serviceaccount:pingzhan-system:pingzhan\" cannot";
        let rows = [
            (
                "serviceaccounts \"other\" is forbidden: User \"system:serviceaccount:pingzhan-system:pingzhan\" \
                 cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \
                 \"pingzhan-playbooks\""
                    .to_owned(),
                true,
            ),
            (
                format!("{own} impersonate:serviceaccount resource \"serviceaccounts\" in API group \"x\""),
                true,
            ),
            (
                format!("{own} impersonate-on:serviceaccount:list resource \"namespaces\" in API group \"\""),
                true,
            ),
            (
                "namespaces is forbidden: User \"system:serviceaccount:pingzhan-playbooks:flood\" cannot list \
                 resource \"namespaces\" in API group \"\" at the cluster scope"
                    .to_owned(),
                false,
            ),
            (
                "users \"lin\" is forbidden: User \"zhou\" cannot impersonate resource \"users\" in API group \
                 \"\" at the cluster scope"
                    .to_owned(),
                false,
            ),
        ];
        for (message, unlent) in rows {
            let error = Error::Answered {
                doing: "listing namespaces of v1".to_owned(),
                code: 403,
                message: message.clone(),
            };
            assert_eq!(error.is_unlent(), unlent, "{message}");
            assert!(error.is_forbidden());
            for said in [error.to_string(), refusal(&message)] {
                let names = said.contains("pingzhan-playbook-accounts");
                assert_eq!(names, unlent, "{said}");
            }
            assert_eq!(
                error.to_string().ends_with("; grant the right"),
                !unlent,
                "{error}"
            );
            // A reason in the journal has 1,024 characters.
            assert!(refusal(&message.repeat(9)).chars().count() < 1000);
        }
    }

    /// Proxies answer HTML pages of any length; they end in status and in the journal.
    #[test]
    fn a_message_is_bounded_and_never_empty() {
        assert_eq!(message(b""), "no reason given");
        assert_eq!(message("é".repeat(9000).as_bytes()).chars().count(), 512);
    }
}
