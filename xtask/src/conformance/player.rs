//! Sends the requests of a case, and keeps what came of them.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Map, Value, json};
use snafu::{ResultExt, ensure};

use super::normal::Normal;
use super::table::{Answer, Case, Step, media};
use super::target::Target;
use super::{Error, RequestSnafu, UnfitSnafu};

/// Headers that mean something to a client.
const HEADERS: [&str; 3] = ["content-type", "retry-after", "warning"];
/// How long an answer may take that is no watch: a watch that nobody asked for never ends.
const ENDS: Duration = Duration::from_mins(1);
/// Between two looks at something that the server has still to learn.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a new kind is looked for: a minute.
const SERVED: usize = 600;

/// Plays a case in a namespace of this name, which it creates.
///
/// # Errors
/// The case is not playable, a request succeeds or fails although the case says otherwise, or the
/// server did not answer. What else it answered is never an error.
pub async fn play(target: &Target, case: &Case, namespace: &str) -> Result<Vec<Answer>, Error> {
    create(&target.client, namespace).await?;
    let mut play = Play {
        target,
        case,
        normal: Normal::of(namespace),
        words: [("ns".to_owned(), Value::from(namespace))].into(),
    };
    let mut answers = Vec::with_capacity(case.steps.len());
    for (index, step) in case.steps.iter().enumerate() {
        answers.push(play.step(step, index + 1).await?);
    }
    Ok(answers)
}

/// Creates what all cases stand on: kinds of our own, from the text of a file of CRDs.
///
/// # Errors
/// The server did not take them, or does not serve them within a minute.
pub async fn prepare(client: &Client, crds: &[Value]) -> Result<(), Error> {
    for crd in crds {
        let name = crd["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=conformance&force=true"
        );
        let request = Request::patch(&path).header("content-type", media("apply"));
        let (status, body) = ask(client, request, crd.to_string().into_bytes()).await?;
        let problem = format!("{path}: {status}: {body}");
        ensure!(status < 300, UnfitSnafu { problem });
        served(client, crd).await?;
    }
    Ok(())
}

async fn served(client: &Client, crd: &Value) -> Result<(), Error> {
    let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let path = format!(
        "/apis/{}/{}/{}",
        text("/spec/group"),
        text("/spec/versions/0/name"),
        text("/spec/names/plural")
    );
    for _ in 0..SERVED {
        let (status, _) = ask(client, Request::get(&path), Vec::new()).await?;
        if status == 200 {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let problem = format!("{path} is not served");
    UnfitSnafu { problem }.fail()
}

async fn create(client: &Client, namespace: &str) -> Result<(), Error> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let request = Request::post("/api/v1/namespaces").header("content-type", "application/json");
    let (status, body) = ask(client, request, body.to_string().into_bytes()).await?;
    let why = &body["message"];
    let problem =
        format!("its namespace is not created (is another prefix needed?): {status}: {why}");
    ensure!(status == 201, UnfitSnafu { problem });
    Ok(())
}

async fn ask(
    client: &Client,
    request: http::request::Builder,
    body: Vec<u8>,
) -> Result<(u16, Value), Error> {
    let (status, _, body) = send(client, request, body).await?;
    let bytes = body.collect_bytes().await.map_err(Box::new);
    let bytes = bytes.context(RequestSnafu {
        doing: "reading an answer",
    })?;
    Ok((status, read(&bytes)))
}

async fn send(
    client: &Client,
    request: http::request::Builder,
    body: Vec<u8>,
) -> Result<(u16, http::HeaderMap, Body), Error> {
    let request = request
        .body(Body::from(body))
        .map_err(|error| Error::Unfit {
            problem: format!("a request cannot be made: {error}"),
        })?;
    let doing = format!("{} {}", request.method(), request.uri());
    let answer = client.send(request).await.map_err(Box::new);
    let answer = answer.context(RequestSnafu { doing })?;
    let (parts, body) = answer.into_parts();
    Ok((parts.status.as_u16(), parts.headers, body))
}

/// JSON as such, anything else as its text.
fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

/// The first so many events of a watch, for each of which one waits so long; what is missing then is
/// said.
async fn events(mut body: Body, count: usize, long: Duration) -> Result<Vec<Value>, String> {
    let (mut events, mut text) = (Vec::new(), Vec::new());
    while events.len() < count {
        let frame = tokio::time::timeout(long, body.frame()).await;
        let Ok(Some(Ok(frame))) = frame else {
            return Err(format!(
                "{} of {count} events came: {events:?}",
                events.len()
            ));
        };
        text.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            events.push(read(&line[..end]));
        }
    }
    events.truncate(count);
    Ok(events)
}

/// A case that is being played.
struct Play<'a> {
    target: &'a Target,
    case: &'a Case,
    normal: Normal,
    words: BTreeMap<String, Value>,
}

impl Play<'_> {
    async fn step(&mut self, step: &Step, number: usize) -> Result<Answer, Error> {
        let wrong = |problem: String| Error::Case {
            case: self.case.name.clone(),
            step: number,
            problem,
        };
        if step.forget {
            self.target.forget().await?;
        }
        let patience = self.target.patience;
        let client = match &step.sender {
            Some(sender) => {
                let user = self.filled(&sender.user).map_err(wrong)?;
                self.target.client_of(&user, &sender.groups).await?
            }
            None => self.target.client.clone(),
        };
        let mut tries = 0;
        let (status, headers, body) = loop {
            let (request, body) = self.request(step).map_err(wrong)?;
            let answer = send(&client, request, body).await;
            if answer.is_err() && step.fails == Some(0) {
                return Ok(Answer::hung_up());
            }
            let answer = answer?;
            tries += 1;
            if tries == patience.tries || step.until.is_none_or(|until| until == answer.0) {
                break answer;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let watch = step.events.filter(|_| status == 200);
        let body = if let Some(count) = watch {
            let events = events(body, count, patience.event).await;
            Value::Array(events.map_err(wrong)?)
        } else {
            let whole = tokio::time::timeout(ENDS, body.collect_bytes()).await;
            let whole = whole.map_err(|_| wrong("the answer does not end".to_owned()))?;
            let doing = step.send.clone();
            read(&whole.map_err(Box::new).context(RequestSnafu { doing })?)
        };
        let failed = (status >= 400).then_some(status);
        if failed != step.fails {
            let expected = step
                .fails
                .map_or("a success".to_owned(), |code| code.to_string());
            let problem = format!("the answer is {status}, not {expected}: {body}");
            return Err(wrong(problem));
        }
        for (word, pointer) in &step.save {
            let value = body
                .pointer(pointer)
                .ok_or_else(|| wrong(format!("the answer has no {pointer}: {status}: {body}")))?;
            self.words.insert(word.clone(), value.clone());
        }
        Ok(self.answer(step, status, &headers, &body))
    }

    /// What a step sends, with its words filled in.
    fn request(&self, step: &Step) -> Result<(http::request::Builder, Vec<u8>), String> {
        let line = self.filled(&step.send)?;
        let (method, path) = line
            .split_once(' ')
            .ok_or_else(|| format!("`{line}` is not `METHOD /address`"))?;
        let accept = step.accept.as_deref().unwrap_or("application/json");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept);
        if let Some(user) = &step.user {
            request = request.header("impersonate-user", self.filled(user)?);
            for group in &step.groups {
                request = request.header("impersonate-group", self.filled(group)?);
            }
        }
        let body = match (&step.body, &step.text, &step.bytes) {
            (Some(body), None, None) => self.value(body)?.to_string().into_bytes(),
            (None, Some(text), None) => self.filled(text)?.into_bytes(),
            (None, None, Some(bytes)) => STANDARD
                .decode(bytes)
                .map_err(|why| format!("its bytes are none: {why}"))?,
            (None, None, None) => Vec::new(),
            _ => return Err("it has more than one body".to_owned()),
        };
        if !body.is_empty() {
            let media = media(step.media.as_deref().unwrap_or("application/json"));
            request = request.header("content-type", media);
        }
        Ok((request, body))
    }

    fn answer(
        &mut self,
        step: &Step,
        status: u16,
        headers: &http::HeaderMap,
        body: &Value,
    ) -> Answer {
        let mut kept = BTreeMap::new();
        for name in HEADERS {
            let all: Vec<_> = headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .map(|value| self.normal.text(value))
                .collect();
            if !all.is_empty() {
                kept.insert(name.to_owned(), all.join("; and "));
            }
        }
        let body = self.normal.value(body);
        let body = if step.only.is_empty() {
            body
        } else {
            let parts = step.only.iter().map(|pointer| {
                let part = body.pointer(pointer).cloned();
                (pointer.clone(), part.unwrap_or_else(|| "<absent>".into()))
            });
            Value::Object(parts.collect::<Map<_, _>>())
        };
        Answer {
            status,
            headers: kept,
            body,
        }
    }

    fn value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::Object(members) => {
                let filled = members.iter().map(|(name, value)| {
                    let name = self.filled(name)?;
                    Ok((name, self.value(value)?))
                });
                Value::Object(filled.collect::<Result<_, String>>()?)
            }
            Value::Array(items) => {
                let filled = items.iter().map(|item| self.value(item));
                Value::Array(filled.collect::<Result<_, String>>()?)
            }
            Value::String(text) => match self.whole(text) {
                Some(value) => value.clone(),
                None => Value::String(self.filled(text)?),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    /// The value of a text that is one word and nothing else: it keeps its type.
    fn whole(&self, text: &str) -> Option<&Value> {
        self.words.get(text.strip_prefix("${")?.strip_suffix('}')?)
    }

    /// A text with its words filled in.
    fn filled(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(begin) = rest.find("${") {
            let end = rest[begin..].find('}');
            let end = end.ok_or_else(|| format!("`{rest}` has a ${{ without a }}"))? + begin;
            let word = &rest[begin + 2..end];
            let value = self.words.get(word);
            filled.push_str(&rest[..begin]);
            match value.ok_or_else(|| format!("nothing was saved as `{word}`"))? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&other.to_string()),
            }
            rest = &rest[end + 1..];
        }
        filled.push_str(rest);
        Ok(filled)
    }
}
