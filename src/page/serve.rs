//! Answers every request with the page, and reads its content again when the file has changed: a mounted
//! ConfigMap is replaced while the program runs.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use snafu::{ResultExt, Snafu};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::content::Content;
use super::html::{self, Lang};

/// The file is looked at at most this often: whoever corrects a number sees it at once, and a flood of
/// requests reads no file.
const AGAIN: Duration = Duration::from_secs(2);
/// How long requests may take to finish once the program is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Why there is no page.
#[derive(Debug, Snafu)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("cannot read {}: {source}", path.display()))]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("{} is no content of a page: {why}", path.display()))]
    Content { path: PathBuf, why: String },
    #[snafu(display("cannot listen on {address}: {source}; choose another with --address"))]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[snafu(display("the server stopped: {source}"))]
    Serve { source: std::io::Error },
}

/// A page that is served.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    router: Router,
}

/// What the page says, and since when that is known.
#[derive(Debug)]
struct Shelf {
    path: PathBuf,
    state: Mutex<Read>,
}

#[derive(Debug)]
struct Read {
    text: String,
    content: Arc<Content>,
    at: Instant,
}

impl Page {
    /// Reads the content and takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// The content cannot be read, is none, or the address is taken.
    pub async fn bind(address: SocketAddr, path: &Path) -> Result<Self, Error> {
        let router = router(Shelf::open(path).await?);
        let listener = TcpListener::bind(address).await;
        let listener = listener.context(ListenSnafu { address })?;
        Ok(Self { listener, router })
    }

    /// The address, with the port that was taken.
    ///
    /// # Errors
    /// It is gone.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().context(ServeSnafu)
    }

    /// Answers until `stop`, then ends within two seconds.
    ///
    /// # Errors
    /// The server stopped by itself.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let (order, begins) = tokio::sync::oneshot::channel();
        let graceful = axum::serve(self.listener, self.router).with_graceful_shutdown(async {
            stop.await;
            // Nobody listens only when the server is gone already.
            order.send(()).ok();
        });
        let grace = async {
            if begins.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = graceful.into_future() => served.context(ServeSnafu),
            () = grace => Ok(()),
        }
    }
}

impl Shelf {
    async fn open(path: &Path) -> Result<Self, Error> {
        let text = tokio::fs::read_to_string(path).await;
        let text = text.context(ReadSnafu { path })?;
        let content = Content::read(&text);
        let content = content.map_err(|why| Error::Content {
            path: path.to_owned(),
            why,
        })?;
        let state = Read {
            text,
            content: Arc::new(content),
            at: Instant::now(),
        };
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// What the page says now. What reads no longer stays out: the last that did stays.
    async fn content(&self) -> Arc<Content> {
        let mut state = self.state.lock().await;
        if state.at.elapsed() < AGAIN {
            return Arc::clone(&state.content);
        }
        state.at = Instant::now();
        match tokio::fs::read_to_string(&self.path).await {
            Ok(text) if text == state.text => {}
            Ok(text) => {
                match Content::read(&text) {
                    Ok(content) => state.content = Arc::new(content),
                    Err(why) => tracing::warn!(why, "the new content is not shown"),
                }
                state.text = text;
            }
            Err(error) => tracing::warn!(%error, "the content cannot be read again"),
        }
        Arc::clone(&state.content)
    }
}

fn router(shelf: Shelf) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .fallback(answer)
        .with_state(Arc::new(shelf))
}

async fn answer(State(shelf): State<Arc<Shelf>>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT_LANGUAGE);
    let accepted = accepted.and_then(|value| value.to_str().ok());
    let lang = Lang::wanted(accepted.unwrap_or_default());
    let content = shelf.content().await;
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept-language"),
        (CONTENT_LANGUAGE, "zh-CN, en"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let mut answer = (StatusCode::SERVICE_UNAVAILABLE, html::page(&content, lang)).into_response();
    let own = answer.headers_mut();
    for (name, value) in fixed {
        own.insert(name, HeaderValue::from_static(value));
    }
    own.insert(RETRY_AFTER, content.retry_after_seconds.get().into());
    if let Ok(policy) = HeaderValue::try_from(html::policy()) {
        own.insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    const EXAMPLE: &str = include_str!("example.yaml");

    async fn ask(router: &Router, method: &str, path: &str) -> (u16, HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT_LANGUAGE, "en")
            .body(Body::from("a form"))
            .expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn shelf(text: &str) -> (tempfile::TempDir, Router) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.yaml");
        std::fs::write(&path, text).expect("a file");
        let shelf = Shelf::open(&path).await.expect("it reads");
        (folder, router(shelf))
    }

    /// A cache or a search engine that took the page for the service would keep it long after.
    #[tokio::test]
    async fn every_path_and_method_is_answered_with_the_page_as_not_available() {
        let (_folder, router) = shelf(EXAMPLE).await;
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/book?day=1"),
            ("POST", "/api/v1/forms"),
        ] {
            let (code, headers, body) = ask(&router, method, path).await;
            assert_eq!(code, 503);
            assert_eq!(headers[RETRY_AFTER], "300");
            assert_eq!(headers[CACHE_CONTROL], "no-store");
            assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
            assert!(
                headers[CONTENT_SECURITY_POLICY]
                    .to_str()
                    .expect("a text")
                    .starts_with("default-src 'none'")
            );
            assert!(body.contains("<html lang=\"en\">") && body.contains("本服务暂停办理"));
        }
        assert_eq!(ask(&router, "GET", "/livez").await.0, 200);
    }

    /// A number is corrected in the middle of an emergency, and a slip of the pen must not take the page
    /// away.
    #[tokio::test(start_paused = true)]
    async fn the_content_is_read_again_and_what_does_not_read_is_not_shown() {
        let (folder, router) = shelf(EXAMPLE).await;
        let path = folder.path().join("page.yaml");
        for (text, number) in [
            (EXAMPLE.replace("12345", "12350"), "tel:12350"),
            ("title: oops".to_owned(), "tel:12350"),
            (EXAMPLE.replace("12345", "12360"), "tel:12360"),
        ] {
            std::fs::write(&path, text).expect("a file");
            tokio::time::advance(AGAIN).await;
            let (_, _, body) = ask(&router, "GET", "/").await;
            assert!(body.contains(number), "{number}");
        }
        std::fs::remove_file(&path).expect("it goes");
        tokio::time::advance(AGAIN).await;
        assert!(ask(&router, "GET", "/").await.2.contains("tel:12360"));
    }

    /// A rollout with a content that says nothing must fail before it replaces one that does.
    #[tokio::test]
    async fn a_content_that_does_not_read_is_no_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("page.yaml");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let missing = Page::bind(address, &path).await.expect_err("no file");
        assert!(missing.to_string().contains("cannot read"));
        std::fs::write(&path, "title: oops").expect("a file");
        let wrong = Page::bind(address, &path).await.expect_err("no content");
        assert!(wrong.to_string().contains("is no content"));
    }
}
