//! Servers that are wrong on purpose: the sand table, with one thing of its requests or its answers
//! changed on the way. A case that no such server fails would also pass where what it claims is not so.
//!
//! [`parameters`] and [`asked`] hold what is wrong with requests, [`refused`], [`owned`], [`made`] and
//! [`said`] with answers, [`told`] with the events of watches; [`proof`] plays the table against each.

mod asked;
mod made;
mod owned;
mod parameters;
pub mod proof;
mod refused;
mod said;
mod told;
mod walk;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use kube::Client;
use kube::client::Body;
use pingzhan::sandtable::ask::Place;
use pingzhan::sandtable::service::{Answered, Service};
use serde_json::Value;

/// One thing that is wrong with a server.
#[derive(Clone, Copy)]
pub struct Break {
    /// Its name.
    pub name: &'static str,
    /// What the server does.
    pub says: &'static str,
    how: How,
}

/// Where it goes wrong.
#[derive(Clone, Copy)]
enum How {
    /// The server takes the request for another one.
    Asked(fn(&mut Asked)),
    /// It answers something else.
    Said(fn(&Asked, &mut Said)),
    /// It tells an event otherwise, or (no) not at all.
    Told(fn(&mut Value) -> bool),
}

/// All that is known to go wrong.
pub fn all() -> Vec<Break> {
    let parts = [
        parameters::ALL,
        asked::ALL,
        refused::ALL,
        owned::ALL,
        made::ALL,
        said::ALL,
        told::ALL,
    ];
    parts.concat()
}

const fn requests(name: &'static str, says: &'static str, change: fn(&mut Asked)) -> Break {
    let how = How::Asked(change);
    Break { name, says, how }
}

const fn answers(name: &'static str, says: &'static str, change: fn(&Asked, &mut Said)) -> Break {
    let how = How::Said(change);
    Break { name, says, how }
}

const fn events(name: &'static str, says: &'static str, change: fn(&mut Value) -> bool) -> Break {
    let how = How::Told(change);
    Break { name, says, how }
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// An answer that is no watch.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    status: u16,
    headers: HeaderMap,
    /// A text where it is no JSON.
    body: Value,
}

impl Asked {
    /// What a parameter says, as it is written; empty where it is not there.
    fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(one, _)| one == name);
        found.map_or("", |(_, value)| value)
    }

    fn forget(&mut self, name: &str) {
        self.query.retain(|(one, _)| one != name);
    }

    fn set(&mut self, name: &str, value: &str) {
        self.forget(name);
        self.query.push((name.to_owned(), value.to_owned()));
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    fn media(&self) -> &str {
        self.header("content-type")
    }

    fn set_header(&mut self, name: &'static str, value: &'static str) {
        self.headers
            .insert(name, http::HeaderValue::from_static(value));
    }

    /// The body; null where there is none, or no JSON.
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Changes a body that is JSON.
    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
    }

    fn place(&self) -> Place {
        Place::read(&self.path).unwrap_or_default()
    }

    fn is_watch(&self) -> bool {
        !self.parameter("watch").is_empty()
    }

    fn is_patch(&self) -> bool {
        self.media() == "application/json-patch+json"
    }

    fn is_apply(&self) -> bool {
        self.media() == "application/apply-patch+yaml"
    }
}

/// A client of a server that is wrong in this one thing.
pub fn client(service: Service, wrong: Break) -> Client {
    let broken = tower::service_fn(move |request: Request<Body>| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(&service, wrong, request).await) }
    });
    Client::new(broken, "default")
}

/// What breaks would change something of.
pub type Noted = Arc<Mutex<BTreeSet<&'static str>>>;

/// A client of a server that is as it should be, which notes what breaks would change anything of what
/// passes. The others cannot be noticed by whoever sends this.
pub fn noting(service: Service, noted: Noted) -> Client {
    let right = tower::service_fn(move |request: Request<Body>| {
        let (service, noted) = (service.clone(), noted.clone());
        async move { Ok::<_, Infallible>(observed(&service, &noted, request).await) }
    });
    Client::new(right, "default")
}

async fn observed(service: &Service, noted: &Noted, request: Request<Body>) -> Response<Answered> {
    let asked = heard(request).await;
    let response = service.answer(sent(&asked)).await;
    let is_watch = asked.is_watch();
    let said = if is_watch {
        Err(response)
    } else {
        Ok(read(response).await)
    };
    for one in all() {
        let changes = match (one.how, &said) {
            (How::Asked(change), _) => {
                let mut other = asked.clone();
                change(&mut other);
                other != asked
            }
            (How::Said(change), Ok(said)) => {
                let mut other = said.clone();
                change(&asked, &mut other);
                other != *said
            }
            // What a watch tells is not known yet.
            (How::Said(_), Err(_)) => false,
            (How::Told(_), said) => said.is_err(),
        };
        if changes {
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.insert(one.name);
        }
    }
    said.map_or_else(|response| response, written)
}

async fn heard(request: Request<Body>) -> Asked {
    let (head, body) = request.into_parts();
    Asked {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: body.collect_bytes().await.unwrap_or_default().to_vec(),
    }
}

async fn answer(service: &Service, wrong: Break, request: Request<Body>) -> Response<Answered> {
    let mut asked = heard(request).await;
    if let How::Asked(change) = wrong.how {
        change(&mut asked);
    }
    let response = service.answer(sent(&asked)).await;
    match wrong.how {
        How::Asked(_) => response,
        How::Said(_) if asked.is_watch() => response,
        How::Said(change) => {
            let mut said = read(response).await;
            change(&asked, &mut said);
            written(said)
        }
        How::Told(_) if !asked.is_watch() => response,
        How::Told(change) => response.map(|body| {
            let frames = body
                .map_frame(move |frame| frame.map_data(|lines| lines_told(&lines, change).into()));
            frames.boxed_unsync()
        }),
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    pairs.map(split).collect()
}

fn sent(asked: &Asked) -> Request<Body> {
    let query: Vec<String> = asked
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut request = Request::new(Body::from(asked.body.clone()));
    *request.method_mut() = asked.method.parse().unwrap_or_default();
    *request.uri_mut() = format!("{}?{}", asked.path, query.join("&"))
        .parse()
        .unwrap_or_default();
    *request.headers_mut() = asked.headers.clone();
    request
}

async fn read(response: Response<Answered>) -> Said {
    let (head, body) = response.into_parts();
    let Ok(all) = body.collect().await;
    let bytes = all.to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Said {
        status: head.status.as_u16(),
        headers: head.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
    }
}

fn written(said: Said) -> Response<Answered> {
    let bytes = match said.body {
        Value::String(text) => text.into_bytes(),
        other => other.to_string().into_bytes(),
    };
    let mut response = Response::new(Full::from(bytes).boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(said.status).unwrap_or_default();
    *response.headers_mut() = said.headers;
    response
}

/// The lines of a watch as this server tells them.
fn lines_told(lines: &[u8], change: fn(&mut Value) -> bool) -> Vec<u8> {
    let mut told = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        if let Ok(mut event) = serde_json::from_slice(line)
            && change(&mut event)
        {
            told.extend(event.to_string().into_bytes());
            told.push(b'\n');
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The table of what was noticed names them.
    #[test]
    fn every_break_has_a_name_of_its_own() {
        let names: BTreeSet<_> = all().iter().map(|one| one.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
