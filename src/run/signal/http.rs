//! HTTP to the outside: guarded, without redirects, with a deadline and a bounded answer.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioExecutor;
use rustls_platform_verifier::BuilderVerifierExt;
use snafu::{OptionExt, ResultExt, Snafu};
use tower::Service;

use super::guard::Guard;
use crate::cluster::request::sentence;

/// How long one request may take, answer included: people wait for what comes after it.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LONGEST: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(super)))]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[snafu(display("{url} is not an http or https address with a host"))]
    Address { url: String },
    #[snafu(display(
        "{host} is inside: only public addresses may be reached; list the network under `allow` of the signals file if it is meant"
    ))]
    Inside { host: String },
    #[snafu(display("the request cannot be built: {source}"))]
    Build { source: http::Error },
    #[snafu(display("{host} cannot be reached: {problem}"))]
    Send { host: String, problem: String },
    #[snafu(display("{host} did not answer within {} s", DEADLINE.as_secs()))]
    Late { host: String },
    #[snafu(display("the answer of {host} cannot be read: {problem}"))]
    Read { host: String, problem: String },
    #[snafu(display("TLS cannot be set up: {source}"))]
    Tls { source: rustls::Error },
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body, at most 1 MiB.
    pub body: Bytes,
}

/// The resolver of names, whose answers are guarded.
#[derive(Clone)]
struct Resolver {
    inner: GaiResolver,
    guard: Arc<Guard>,
}

/// A future that resolves a name.
type Resolving =
    Pin<Box<dyn Future<Output = Result<std::vec::IntoIter<SocketAddr>, io::Error>> + Send>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Resolving;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let host = name.as_str().to_owned();
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let all: Vec<SocketAddr> = resolving.await?.collect();
            let admitted: Vec<SocketAddr> = all
                .into_iter()
                .filter(|address| guard.admits(address.ip()))
                .collect();
            if admitted.is_empty() {
                return Err(io::Error::other(InsideSnafu { host }.build()));
            }
            Ok(admitted.into_iter())
        })
    }
}

/// Whoever answers in place of everything outside, where nothing of it is to be reached: method, address,
/// headers and body.
pub type StandIn = Arc<dyn Fn(&Method, &str, &HeaderMap, &[u8]) -> Reply + Send + Sync>;

/// A client for signals. Clones share it.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    guard: Arc<Guard>,
    stand_in: Option<StandIn>,
}

impl Http {
    /// A client that reaches what the guard admits.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(guard: Guard) -> Result<Self, Error> {
        let guard = Arc::new(guard);
        let resolver = Resolver {
            inner: GaiResolver::new(),
            guard: guard.clone(),
        };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(DEADLINE));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .context(TlsSnafu)?
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            client,
            guard,
            stand_in: None,
        })
    }

    /// From now on nothing goes out: this answers.
    pub(super) fn played(&mut self, by: StandIn) {
        self.stand_in = Some(by);
    }

    /// Sends one request. A redirect is an answer like any other: it is not followed.
    ///
    /// # Errors
    /// Everything but an answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        let (uri, host) = self.address(url)?;
        if let Some(by) = &self.stand_in {
            return Ok(by(&method, url, &headers, &body));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Full::new(Bytes::from(body)))
            .context(BuildSnafu)?;
        request.headers_mut().extend(headers);
        let answered = async {
            let sent = self.client.request(request).await;
            let response = sent.map_err(|error| Error::Send {
                host: host.clone(),
                problem: sentence(&error),
            })?;
            let status = response.status();
            let read = Limited::new(response.into_body(), LONGEST).collect().await;
            let read = read.map_err(|error| Error::Read {
                host: host.clone(),
                problem: error.to_string(),
            })?;
            Ok(Reply {
                status,
                body: read.to_bytes(),
            })
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(answer) => answer,
            Err(_) => LateSnafu { host: host.clone() }.fail(),
        }
    }

    /// The address, and its host for people. A host that is written as a number passes no resolver.
    fn address(&self, url: &str) -> Result<(Uri, String), Error> {
        let uri: Uri = url.parse().ok().context(AddressSnafu { url })?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().filter(|host| known && !host.is_empty());
        let host = host.context(AddressSnafu { url })?.to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.guard.admits(address) => InsideSnafu { host }.fail(),
            Ok(_) | Err(_) => Ok((uri, host)),
        }
    }
}
