//! Tests of signals, with a receiver on loopback.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver was sent: path, headers, body.
type Received = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

async fn answer(State(received): State<Received>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1024 * 1024)
        .await
        .expect("a body");
    let text = String::from_utf8(body.to_vec()).expect("text");
    let path = parts.uri.path().to_owned();
    received
        .lock()
        .expect("nobody panicked")
        .push((path.clone(), parts.headers, text));
    let code = |code: u16| axum::http::StatusCode::from_u16(code).expect("a code");
    match path.as_str() {
        "/moved" => (code(307), [("location", "/inside")]).into_response(),
        "/busy" => code(503).into_response(),
        "/no" => code(403).into_response(),
        "/large" => "x".repeat(2 * 1024 * 1024).into_response(),
        "/prometheus/api/v1/query" => axum::Json(json!({
            "status": "success", "data": { "resultType": "vector", "result": [{}, {}] }
        }))
        .into_response(),
        "/broken/api/v1/query" => (
            code(400),
            axum::Json(json!({ "status": "error", "error": "parse error" })),
        )
            .into_response(),
        _ => code(204).into_response(),
    }
}

async fn receiver() -> (SocketAddr, Received) {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(answer).with_state(received.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

/// Signals with one channel of each path of a receiver.
fn signals(address: SocketAddr, allow: &[&str], prometheus: &str) -> Signals {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, KEY).expect("the key is written");
    let key = key.display();
    let mut text = format!(
        "allow: {allow:?}\nprometheus: http://{address}/{prometheus}\ncallKeyFile: {key}\nchannels:\n"
    );
    for name in ["ok", "moved", "busy", "no", "large"] {
        let _ = writeln!(
            text,
            "  - {{ name: {name}, url: 'http://{address}/{name}', keyFile: {key} }}"
        );
    }
    let file = folder.path().join("signals.yaml");
    std::fs::write(&file, text).expect("the file is written");
    Signals::read(file).expect("a signals file")
}

fn now() -> Timestamp {
    "2026-07-01T08:00:00Z".parse().expect("a time")
}

/// Whoever receives a signal must be able to tell that it is ours, and that it is the same again.
#[tokio::test]
async fn a_notification_is_signed_and_has_an_idempotency_key() {
    let (address, received) = receiver().await;
    let signals = signals(address, &["127.0.0.0/8"], "");
    let body = json!({ "message": { "zh-CN": "线下窗口已关闭" } });
    for _ in 0..2 {
        let sent = signals
            .notify("ok", "uid-counters-tell", now(), &body)
            .await;
        assert_eq!(sent, Ok(()));
    }
    let received = received.lock().expect("nobody panicked");
    let [(_, one, text), (_, other, _)] = received.as_slice() else {
        panic!("two arrived")
    };
    assert_eq!(text, &body.to_string());
    let signed = Key::read(KEY).expect("a key").headers(
        "uid-counters-tell",
        now().as_second(),
        text.as_bytes(),
    );
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(
            (&one[header], &other[header]),
            (&signed[header], &signed[header])
        );
    }
}

/// A redirect is how a receiver outside sends a request to the inside.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (address, received) = receiver().await;
    let signals = signals(address, &["127.0.0.0/8"], "");
    let sent = signals.notify("moved", "id", now(), &json!({})).await;
    let missed = sent.expect_err("it did not arrive");
    assert_eq!(
        (missed.for_good, missed.why.as_str()),
        (true, "127.0.0.1 answered 307")
    );
    assert_eq!(received.lock().expect("nobody panicked").len(), 1);
}

/// What may be tried again is, and what may not is said at once.
#[tokio::test]
async fn only_what_another_try_may_change_is_tried_again() {
    let (address, _) = receiver().await;
    let signals = signals(address, &["127.0.0.0/8"], "");
    for (channel, for_good, why) in [
        ("busy", false, "answered 503"),
        ("no", true, "answered 403"),
        ("large", false, "cannot be read"),
        ("nowhere", true, "there is no channel nowhere"),
    ] {
        let sent = signals.notify(channel, "id", now(), &json!({})).await;
        let missed = sent.expect_err(channel);
        assert_eq!(missed.for_good, for_good, "{channel}: {}", missed.why);
        assert!(missed.why.contains(why), "{channel}: {}", missed.why);
    }
}

/// Everything on the machine and in its network trusts who can reach it.
#[tokio::test]
async fn the_inside_is_not_reached_by_number_or_by_name() {
    let (address, received) = receiver().await;
    let signals = signals(address, &[], "");
    let port = address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "user@127.0.0.1",
        "127.0.0.1.",
    ] {
        let url = format!("http://{host}:{port}/ok");
        let called = signals
            .call(Method::POST, &url, "id", now(), &json!({}))
            .await;
        assert!(called.is_err(), "{url} was reached");
    }
    for url in [
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "//127.0.0.1",
        "",
        "http://",
    ] {
        let called = signals
            .call(Method::POST, url, "id", now(), &json!({}))
            .await;
        assert!(called.is_err_and(|missed| missed.for_good), "{url}");
    }
    assert_eq!(received.lock().expect("nobody panicked").len(), 0);
}

/// A wait for a query must not go on because its answer could not be read.
#[tokio::test]
async fn prometheus_is_asked_and_its_errors_are_said() {
    let (address, received) = receiver().await;
    let asked = signals(address, &["127.0.0.0/8"], "prometheus/");
    assert_eq!(asked.samples("up == 1 > 0").await, Ok(2));
    let body = &received.lock().expect("nobody panicked")[0].2.clone();
    assert_eq!(body, "query=up%20%3D%3D%201%20%3E%200&timeout=8s");
    let broken = signals(address, &["127.0.0.0/8"], "broken");
    let said = broken.samples("up ==").await.expect_err("it is refused");
    assert_eq!(said, "Prometheus answered 400: parse error");
    let said = Signals::default()
        .samples("up")
        .await
        .expect_err("nobody is asked");
    assert!(said.contains("Prometheus is not known"), "{said}");
}
