//! The server for programs outside this process: HTTP/1.1 and HTTP/2 with TLS on the loopback
//! address, for people with tokens.
//!
//! The way of a request: [`listen`] accepts a connection under deadlines, [`answer`] finds out whose
//! token it brings and reads its body up to a limit, and [`Service`](super::service::Service) answers.
//! [`identity`] is what the server proves itself with, [`kubeconfig`] what [`people`] are given.
//!
//! Guarantees: nobody outside this machine reaches it; who brings no token is nobody (with the rights
//! that the real server gives nobody), and who brings a wrong one is refused.

mod answer;
pub mod identity;
pub mod kubeconfig;
pub mod listen;
pub mod people;

use std::net::SocketAddr;

use snafu::Snafu;

/// Why it is not served.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum Error {
    /// The address is not the machine's own.
    #[snafu(display(
        "{address} can be reached by others: the sand table is served on loopback addresses only, such as 127.0.0.1"
    ))]
    Outside {
        /// Which.
        address: SocketAddr,
    },
    /// The address is taken, or is none of this machine's.
    #[snafu(display("cannot listen on {address}: choose another with --port"))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Its certificate cannot be made.
    #[snafu(display("cannot make a certificate"))]
    Certificate {
        /// Why.
        source: rcgen::Error,
    },
    /// Its certificate cannot be served.
    #[snafu(display("cannot serve with the certificate that was made"))]
    Tls {
        /// Why.
        source: rustls::Error,
    },
}
