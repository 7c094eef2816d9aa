//! What the server proves itself with: an authority that lives as long as it does, and a certificate
//! of it for the loopback addresses.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use snafu::ResultExt;

use super::{CertificateSnafu, Error, TlsSnafu};

/// The names under which it is reached: all of this machine.
const NAMES: [&str; 3] = ["127.0.0.1", "::1", "localhost"];
/// Protocols that are spoken, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// An identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate of the authority, as PEM: clients trust it.
    pub authority: String,
    pub(super) config: Arc<ServerConfig>,
}

impl Identity {
    /// Makes one. The authority's key is forgotten at once: nobody else can be given a certificate.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn make() -> Result<Self, Error> {
        let key = KeyPair::generate().context(CertificateSnafu)?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "pingzhan-sandtable");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = params.self_signed(&key).context(CertificateSnafu)?;
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate().context(CertificateSnafu)?;
        let names: Vec<String> = NAMES.map(str::to_owned).into();
        let mut params = CertificateParams::new(names).context(CertificateSnafu)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "pingzhan-sandtable-server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let own = params.signed_by(&key, &issuer).context(CertificateSnafu)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context(TlsSnafu)?
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key)
            .context(TlsSnafu)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Self {
            authority: authority.pem(),
            config: Arc::new(config),
        })
    }
}
