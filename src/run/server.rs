//! The operator's own small HTTP server: whether it lives, whether it is ready, its metrics.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use snafu::{ResultExt, Snafu};
use tokio::net::TcpListener;

use super::metrics::Metrics;

/// The media type of the metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long requests may take to finish once the operator stops: a scrape takes milliseconds, and
/// a stuck one must not hold the lease's release.
const GRACE: Duration = Duration::from_secs(2);

/// Why there is no server.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("cannot listen on {address}: choose another with --metrics-address"))]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[snafu(display("the health server stopped"))]
    Serve { source: std::io::Error },
}

/// What probes ask for. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    synced: AtomicBool,
    settled: AtomicBool,
    stuck: AtomicBool,
}

impl Health {
    /// Whether modes, playbooks and records have been listed.
    pub fn set_synced(&self, synced: bool) {
        self.0.synced.store(synced, Ordering::Relaxed);
    }

    /// Whether it is known who leads: this process or another.
    pub fn set_settled(&self, settled: bool) {
        self.0.settled.store(settled, Ordering::Relaxed);
    }

    /// Says that only a restart helps: the process is not alive any more.
    pub fn set_stuck(&self) {
        self.0.stuck.store(true, Ordering::Relaxed);
    }

    fn alive(&self) -> Result<(), &'static str> {
        if self.0.stuck.load(Ordering::Relaxed) {
            return Err("a loop of the operator ended: it must be restarted");
        }
        Ok(())
    }

    fn ready(&self) -> Result<(), &'static str> {
        self.alive()?;
        if !self.0.synced.load(Ordering::Relaxed) {
            return Err("waiting for the first list of modes, playbooks and records");
        }
        if !self.0.settled.load(Ordering::Relaxed) {
            return Err("waiting to learn who leads");
        }
        Ok(())
    }
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: Router,
}

impl Server {
    /// Takes the address; port 0 takes a free one.
    pub async fn bind(
        address: SocketAddr,
        health: Health,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let listener = TcpListener::bind(address)
            .await
            .context(ListenSnafu { address })?;
        Ok(Self {
            listener,
            router: router(health, metrics),
        })
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().context(ServeSnafu)
    }

    /// Answers until `stop`, then ends within two seconds.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let (order, grace_begins) = tokio::sync::oneshot::channel();
        let graceful = axum::serve(self.listener, self.router).with_graceful_shutdown(async {
            stop.await;
            // Nobody listens only when the server is gone already.
            order.send(()).ok();
        });
        let grace = async {
            if grace_begins.await.is_err() {
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

fn router(health: Health, metrics: Metrics) -> Router {
    let probes = Router::new()
        .route(
            "/livez",
            get(|State(health): State<Health>| async move { said(health.alive()) }),
        )
        .route(
            "/readyz",
            get(|State(health): State<Health>| async move { said(health.ready()) }),
        )
        .with_state(health);
    let scrape = Router::new()
        .route(
            "/metrics",
            get(|State(metrics): State<Metrics>| async move { text(&metrics) }),
        )
        .with_state(metrics);
    probes.merge(scrape)
}

fn said(state: Result<(), &'static str>) -> Response {
    match state {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

fn text(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn ask(router: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        let code = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        (code, String::from_utf8_lossy(&body).into_owned())
    }

    /// A replica that is sent traffic, or is rolled past, before it knows anything would be a gap.
    #[tokio::test]
    async fn ready_only_once_caches_and_leadership_are_known_and_says_what_it_waits_for() {
        let health = Health::default();
        let router = router(health.clone(), Metrics::new());
        assert_eq!(ask(&router, "/livez").await.0, 200);
        let (code, why) = ask(&router, "/readyz").await;
        assert_eq!((code, why.contains("first list")), (503, true), "{why}");
        health.set_synced(true);
        let (code, why) = ask(&router, "/readyz").await;
        assert_eq!((code, why.contains("who leads")), (503, true), "{why}");
        health.set_settled(true);
        assert_eq!(ask(&router, "/readyz").await.0, 200);
        health.set_stuck();
        assert_eq!(ask(&router, "/livez").await.0, 503);
        assert_eq!(ask(&router, "/readyz").await.0, 503);
    }

    /// Prometheus reads nothing without the end mark.
    #[tokio::test]
    async fn metrics_are_open_metrics() {
        let router = router(Health::default(), Metrics::new());
        let (code, text) = ask(&router, "/metrics").await;
        assert_eq!(code, 200);
        assert!(
            text.ends_with("# EOF\n") && text.contains("pingzhan_leader"),
            "{text}"
        );
    }

    /// The lease is released after this, so it must not wait for a client that keeps its
    /// connection open.
    #[tokio::test]
    async fn an_open_connection_does_not_hold_the_end() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let bound = Server::bind(address, Health::default(), Metrics::new())
            .await
            .expect("binds");
        let open = tokio::net::TcpStream::connect(bound.address().expect("bound")).await;
        let ended = tokio::time::timeout(Duration::from_secs(5), bound.serve(async {})).await;
        assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
        drop(open);
    }
}
