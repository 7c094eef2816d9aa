//! A loopback TCP forwarder that counts the bytes of both ways. The bytes are those of TLS, for the
//! operator and for the raw client alike.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snafu::{OptionExt, ResultExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Error, IoSnafu, WrongSnafu};
use crate::cluster::Cluster;

/// What is moved at once: a few TLS records.
const BUFFER: usize = 64 * 1024;

/// The forwarder.
#[derive(Clone, Debug)]
pub struct Forwarder {
    /// Where clients connect.
    pub address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Forwarder {
    /// Forwards to a port of this machine from now on, as long as the program runs.
    pub async fn to(port: u16) -> Result<Self, Error> {
        let doing = "listening on 127.0.0.1";
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context(IoSnafu { doing })?;
        let address = listener.local_addr().context(IoSnafu { doing })?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = bytes.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, port, counted.clone()));
            }
        });
        Ok(Self { address, bytes })
    }

    /// Forwards to a cluster's API server.
    pub async fn of(cluster: &Cluster) -> Result<Self, Error> {
        let port = cluster.url.rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        let problem = format!("{} has no port", cluster.url);
        Self::to(port.context(WrongSnafu { problem })?).await
    }

    /// The admin's kubeconfig, through this forwarder.
    pub fn kubeconfig(&self, cluster: &Cluster, name: &str) -> Result<PathBuf, Error> {
        let path = cluster.folder.join(format!("bench-{name}.kubeconfig"));
        let doing = format!("writing {}", path.display());
        let text = std::fs::read_to_string(cluster.kubeconfig());
        let text = text.context(IoSnafu { doing: &doing })?;
        let text = text.replace(&cluster.url, &format!("https://{}", self.address));
        std::fs::write(&path, text).context(IoSnafu { doing })?;
        Ok(path)
    }

    /// The bytes so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn forward(client: TcpStream, port: u16, bytes: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pour(from_client, to_server, &bytes),
        pour(from_server, to_client, &bytes)
    );
}

async fn pour(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: &AtomicU64,
) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        bytes.fetch_add(count as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ratio of bytes rests on both ways being counted, and nothing being changed.
    #[tokio::test]
    async fn both_ways_are_counted_and_passed_on() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = server.local_addr().expect("an address").port();
        let forwarder = Forwarder::to(port).await.expect("a forwarder");
        let answering = tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.expect("a client");
            let mut asked = [0; 3];
            stream.read_exact(&mut asked).await.expect("the question");
            stream.write_all(b"answer").await.expect("sent");
            asked
        });
        let mut client = TcpStream::connect(forwarder.address)
            .await
            .expect("a connection");
        client.write_all(b"ask").await.expect("sent");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("the answer");
        assert_eq!(&answer, b"answer");
        assert_eq!(&answering.await.expect("the server"), b"ask");
        assert_eq!(forwarder.bytes(), 9);
    }
}
