//! Certificates of a cluster: its authority, the API server's, and one for any person.
//!
//! A client certificate is how to be somebody: the common name is the user, each organisation a
//! group. The library that makes certificates writes one organisation at most, so the subject is
//! written by [`der`] and the certificate signed again.

mod der;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SigningKey,
};
use snafu::{OptionExt, ResultExt, Snafu};

/// What went wrong.
#[derive(Debug, Snafu)]
pub enum Error {
    /// A key or certificate cannot be made.
    #[snafu(display("cannot make the certificate of {whose}"))]
    Make {
        /// Whose.
        whose: String,
        /// Why.
        source: rcgen::Error,
    },
    /// The library's certificate is not laid out as expected.
    #[snafu(display("the certificate of {whose} is not laid out as X.509: was rcgen changed?"))]
    Layout {
        /// Whose.
        whose: String,
    },
    /// A file cannot be read or written.
    #[snafu(display("cannot use {}: is the cluster up?", path.display()))]
    Pki {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The names under which the API server is reached.
const SERVER_NAMES: [&str; 7] = [
    "127.0.0.1",
    "10.96.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The folder of a cluster's certificates and keys.
#[derive(Clone, Debug)]
pub struct Pki {
    folder: PathBuf,
}

/// A person's certificate and key, as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Pki {
    /// The certificates that are in a folder.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// Makes a new authority, the API server's certificate and the key of service account tokens.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let pki = Self::at(folder);
        std::fs::create_dir_all(folder).context(PkiSnafu { path: folder })?;
        let key = KeyPair::generate().context(MakeSnafu {
            whose: "the authority",
        })?;
        let certificate = authority().self_signed(&key).context(MakeSnafu {
            whose: "the authority",
        })?;
        pki.write("ca.crt", &certificate.pem())?;
        pki.write("ca.key", &key.serialize_pem())?;

        let whose = "the API server";
        let server = KeyPair::generate().context(MakeSnafu { whose })?;
        let names: Vec<String> = SERVER_NAMES.map(str::to_owned).into();
        let mut params = CertificateParams::new(names).context(MakeSnafu { whose })?;
        params.distinguished_name = common_name("kube-apiserver");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::new(authority(), key);
        let certificate = params
            .signed_by(&server, &issuer)
            .context(MakeSnafu { whose })?;
        pki.write("apiserver.crt", &certificate.pem())?;
        pki.write("apiserver.key", &server.serialize_pem())?;

        let tokens = KeyPair::generate().context(MakeSnafu {
            whose: "service accounts",
        })?;
        pki.write("sa.key", &tokens.serialize_pem())?;
        pki.write("sa.pub", &tokens.public_key_pem())?;
        Ok(pki)
    }

    /// A certificate for a user who is in these groups.
    pub fn identity(&self, user: &str, groups: &[String]) -> Result<Identity, Error> {
        let authority_key = self.read("ca.key")?;
        let authority_key = KeyPair::from_pem(&authority_key).context(MakeSnafu { whose: user })?;
        let key = KeyPair::generate().context(MakeSnafu { whose: user })?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(user);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let issuer = Issuer::new(authority(), authority_key);
        let made = params
            .signed_by(&key, &issuer)
            .context(MakeSnafu { whose: user })?;
        let layout = LayoutSnafu { whose: user };
        let to_sign = der::with_subject(made.der(), user, groups).context(layout)?;
        let signature = issuer
            .key()
            .sign(&to_sign)
            .context(MakeSnafu { whose: user })?;
        let certificate = der::signed(made.der(), &to_sign, &signature).context(layout)?;
        Ok(Identity {
            certificate: pem("CERTIFICATE", &certificate),
            key: key.serialize_pem(),
        })
    }

    /// The authority's certificate, as PEM.
    pub fn authority(&self) -> Result<String, Error> {
        self.read("ca.crt")
    }

    /// Where a file is.
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).context(PkiSnafu { path })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        write_private(&path, text).context(PkiSnafu { path })
    }
}

/// Writes a file that only its owner reads.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// The authority's parameters: always the same, so that its key alone is enough to sign again.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("pingzhan-cluster");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// The width of a line of PEM.
const PEM_LINE: usize = 64;

fn pem(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(bytes).as_bytes().chunks(PEM_LINE) {
        text += &String::from_utf8_lossy(line);
        text.push('\n');
    }
    text + "-----END " + label + "-----\n"
}
