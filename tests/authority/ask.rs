//! One request: what is sent, by whom, and what has to come of it.

use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::people::Who;

/// How a change is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Merge,
    Json,
    Put,
    Apply,
}

impl Form {
    pub const ALL: [Self; 4] = [Self::Merge, Self::Json, Self::Put, Self::Apply];
}

pub const MERGE: &str = "application/merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";
pub const JSON: &str = "application/json";

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    /// Without the question mark.
    pub query: String,
    pub media: &'static str,
    pub body: Option<Value>,
    /// The program that sends it.
    pub agent: &'static str,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            media: JSON,
            body: None,
            agent: "kubectl/v1.36.3",
        }
    }

    pub fn with(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(method, path)
        }
    }

    pub fn media(mut self, media: &'static str) -> Self {
        self.media = media;
        self
    }

    pub fn agent(mut self, agent: &'static str) -> Self {
        self.agent = agent;
        self
    }

    /// With one more parameter.
    pub fn query(mut self, more: &str) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(more);
        self
    }

    pub fn dry(self) -> Self {
        self.query("dryRun=All")
    }
}

/// Why something is refused: by a policy and with these words, or by what comes before policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A policy, and a part of what it says.
    Policy(&'static str, &'static str),
    /// Roles.
    Roles,
    /// The schema of the kind, or a rule in it.
    Schema,
    /// The form of the request is none that is taken.
    Media,
    /// There is nothing there that could be written.
    Absent,
    /// It is taken, and nothing comes of it: what it holds is not the sender's to say.
    Ignored,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub warnings: String,
}

impl Answer {
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it was refused so.
    pub fn is(&self, refusal: Refusal) -> bool {
        let message = self.message();
        let by_policy = message.contains("ValidatingAdmissionPolicy '");
        match refusal {
            Refusal::Policy(policy, words) => {
                let by =
                    format!("ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied");
                self.code == 403 && message.contains(&by) && message.contains(words)
            }
            Refusal::Roles => self.code == 403 && !by_policy && message.contains(" cannot "),
            Refusal::Schema => self.code == 422 && !by_policy,
            Refusal::Media => self.code == 415,
            Refusal::Absent => self.code == 404,
            Refusal::Ignored => self.is_taken(),
        }
    }
}

/// Sends a request as somebody, by impersonation: to admission they are that somebody.
pub async fn send(client: &Client, who: Option<&Who>, ask: &Ask) -> Answer {
    let target = if ask.query.is_empty() {
        ask.path.clone()
    } else {
        format!("{}?{}", ask.path, ask.query)
    };
    let mut request = Request::builder()
        .method(ask.method)
        .uri(target)
        .header("content-type", ask.media)
        .header("accept", JSON)
        .header("user-agent", ask.agent);
    if let Some(who) = who {
        request = request.header("impersonate-user", who.name);
        for group in who.groups {
            request = request.header("impersonate-group", *group);
        }
    }
    let body = ask.body.as_ref().map(|body| body.to_string().into_bytes());
    let request = request.body(Body::from(body.unwrap_or_default()));
    let answer = client.send(request.expect("a request")).await;
    let (head, body) = answer.expect("the server answers").into_parts();
    let bytes = body.collect().await.expect("a whole answer").to_bytes();
    let warnings = head.headers.get_all("warning").iter();
    let warnings: Vec<&str> = warnings.filter_map(|one| one.to_str().ok()).collect();
    Answer {
        code: head.status.as_u16(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        warnings: warnings.join("\n"),
    }
}
