//! TLS for clients.
//!
//! In: a certificate chain and its key, PEM. Out: an acceptor. Source: RFC 8446, RFC 5246. Odd: TLS 1.2 at least, by the
//! library's own choice of ciphers; there is nothing to configure.

use std::{io, path::PathBuf, sync::Arc};

use rustls::ServerConfig;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio_rustls::TlsAcceptor;

/// Where certificate and key lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds nothing of the kind.
    #[error("`{path}` holds no {what} in PEM form")]
    File {
        /// The file.
        path: PathBuf,
        /// Certificate or private key.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// They do not fit together.
    #[error("certificate and key cannot be used")]
    Pair(#[source] rustls::Error),
}

/// Reads the files.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let failed = |path: &PathBuf, what, source: pem::Error| TlsError::File {
        path: path.clone(),
        what,
        source: io::Error::other(source),
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| failed(&files.certificate, "certificate", source))?;
    if certificates.is_empty() {
        return Err(failed(&files.certificate, "certificate", pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|source| failed(&files.key, "private key", source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
