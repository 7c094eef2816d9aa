//! Connections: accepted under deadlines, and ended in order.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use snafu::{ResultExt, ensure};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::super::service::Service;
use super::answer::answer;
use super::identity::Identity;
use super::{Error, ListenSnafu, OutsideSnafu};

/// How long a client may take to agree on keys: it is on this machine.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to come.
const HEAD: Duration = Duration::from_secs(30);
/// How often a quiet client is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);
/// How long requests may take to end once the server stops. Watches would never end.
const GRACE: Duration = Duration::from_secs(2);
/// Most connections at once: a client that leaks them must not take the whole machine's files.
const CONNECTIONS: usize = 512;
/// How long to wait where no connection can be accepted: files are short for a moment.
const SHORT: Duration = Duration::from_millis(100);
/// Most requests at once on one connection, as the real server has it.
const STREAMS: u32 = 100;

/// A listener that nobody outside this machine reaches.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes an address; port 0 takes a free one.
    ///
    /// # Errors
    /// It is no loopback address, or is taken.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        ensure!(address.ip().is_loopback(), OutsideSnafu { address });
        let tcp = TcpListener::bind(address)
            .await
            .context(ListenSnafu { address })?;
        let address = tcp.local_addr().context(ListenSnafu { address })?;
        Ok(Self { tcp, address })
    }

    /// Where it is reached: `https://127.0.0.1:6443`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Answers until `stop`, then ends within two seconds: what is answered by then is answered.
    pub async fn serve(
        self,
        service: Service,
        identity: Identity,
        stop: impl Future<Output = ()> + Send,
    ) {
        let acceptor = TlsAcceptor::from(identity.config);
        let (order, stopping) = watch::channel(false);
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let mut open = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.accept(&free) => accepted,
            };
            while open.try_join_next().is_some() {}
            let Some((stream, permit)) = accepted else {
                continue;
            };
            let one = connection(acceptor.clone(), stream, service.clone(), stopping.clone());
            open.spawn(async move {
                one.await;
                drop(permit);
            });
        }
        drop(self.tcp);
        // Nobody listens only where no connection is open.
        order.send(true).ok();
        let ended = async { while open.join_next().await.is_some() {} };
        // What is still open then is closed with the set.
        tokio::time::timeout(GRACE, ended).await.ok();
    }

    async fn accept(
        &self,
        free: &Arc<Semaphore>,
    ) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        // The semaphore is never closed.
        let permit = free.clone().acquire_owned().await.ok()?;
        match self.tcp.accept().await {
            Ok((stream, _)) => Some((stream, permit)),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(SHORT).await;
                None
            }
        }
    }
}

/// One connection, from its handshake to its end. What goes wrong with it is its client's matter.
async fn connection(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    service: Service,
    mut stopping: watch::Receiver<bool>,
) {
    // A watch's lines go out at once.
    stream.set_nodelay(true).ok();
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        tracing::debug!("a client did not finish its handshake");
        return;
    };
    let is_second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    let answering = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(&service, request).await) }
    });
    let stopped = async move {
        stopping.wait_for(|stop| *stop).await.ok();
    };
    tokio::pin!(stopped);
    let ended = if is_second {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(STREAMS);
        let connection = builder.serve_connection(stream, answering);
        tokio::pin!(connection);
        tokio::select! {
            ended = &mut connection => ended,
            () = &mut stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = builder.serve_connection(stream, answering);
        tokio::pin!(connection);
        tokio::select! {
            ended = &mut connection => ended,
            () = &mut stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server without real authentication of machines must never be reachable from others.
    #[tokio::test]
    async fn only_loopback_addresses_are_taken() {
        for outside in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = Listener::bind(outside.parse().expect("an address")).await;
            let refused = refused.expect_err("others reach it").to_string();
            assert!(refused.contains("loopback addresses only"), "{refused}");
        }
        let taken = Listener::bind("127.0.0.1:0".parse().expect("an address")).await;
        let taken = taken.expect("it is free");
        assert!(taken.url().starts_with("https://127.0.0.1:"));
        let again = Listener::bind(taken.address).await;
        let again = again.expect_err("it is taken").to_string();
        assert!(again.contains("--port"), "{again}");
    }
}
