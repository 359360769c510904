//! TLS for clients.
//!
//! In: a certificate chain and its key, PEM. Out: an acceptor, and the certificate as it is now in the files. Source: RFC 8446, RFC
//! 5246; Kubernetes, "Secrets" (mounted ones are exchanged in place). Odd:
//! * TLS 1.2 at least, by the library's own choice of ciphers; there is nothing to configure.
//! * The files are read again and again: a certificate that was renewed is used for the next connection. Files that do not fit
//!   together, as half-way through an exchange, change nothing.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::stop::Stop;

/// How often the files are read again.
const EVERY: Duration = Duration::from_secs(5);

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

/// The certificate in use, and where it is from.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn open(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Arc::new(Self { files: files.clone(), current }))
    }

    /// Answers handshakes with the certificate that is in use then.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again. Returns whether there is another certificate now; an error changes nothing.
    pub(crate) fn look_again(&self) -> Result<bool, TlsError> {
        let found = read(&self.files)?;
        if found.cert == self.current().cert {
            return Ok(false);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(true)
    }

    /// Reads the files again and again, until the stop is said.
    pub(crate) async fn follow(self: Arc<Self>, mut stop: Stop) {
        let mut told = None;
        while !stop.said_within(EVERY).await {
            match self.look_again() {
                Ok(is_other) => {
                    told = None;
                    if is_other {
                        tracing::info!("certificate exchanged");
                    }
                }
                Err(error) => {
                    let problem = error.to_string();
                    // Once for each problem, not every five seconds.
                    if told.as_ref() != Some(&problem) {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "certificate not read again: the former one stays"
                        );
                        told = Some(problem);
                    }
                }
            }
        }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
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
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(certificates, key, &provider).map_err(TlsError::Pair)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn make(files: &TlsFiles) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        fs::write(&files.certificate, &certificate).unwrap();
        fs::write(&files.key, &key).unwrap();
        (certificate, key)
    }

    #[test]
    fn files_that_do_not_fit_together_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
        };
        let (_, first_key) = make(&files);
        let certificate = Certificate::open(&files).unwrap();
        let first = certificate.current().cert.clone();
        assert!(!certificate.look_again().unwrap(), "the same files");

        let (_, second_key) = make(&files);
        fs::write(&files.key, first_key).unwrap();
        assert!(matches!(certificate.look_again(), Err(TlsError::Pair(_))));
        fs::remove_file(&files.key).unwrap();
        assert!(matches!(
            certificate.look_again(),
            Err(TlsError::File { what: "private key", .. })
        ));
        assert_eq!(certificate.current().cert, first);

        fs::write(&files.key, second_key).unwrap();
        assert!(certificate.look_again().unwrap());
        assert_ne!(certificate.current().cert, first);
    }
}
