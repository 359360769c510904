//! TLS for outgoing connections: rustls with ring, the system's roots and the operator's own certificates.
//!
//! In: PEM texts. Out: a client configuration. Source: RFC 5280 (path validation), RFC 7468 (PEM).
//!
//! Odd: the usual certificate of a self-hosted registry is a single self-signed one that calls itself an authority
//! (`openssl req -x509` makes it so), and path validation refuses an authority as a server's own certificate. Such a
//! certificate is accepted when it is, byte for byte, one that the operator gave for this endpoint; its dates and the
//! host's name are still checked. There is no way to switch verification off.

use std::sync::Arc;

use plimsoll_model::Secret;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme,
    client::{
        WantsClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};

use super::HttpError;

/// Builds the configuration that trusts `own` and, with `system_roots`, what the machine trusts.
pub(super) fn configuration(own: &[String], system_roots: bool) -> Result<ClientConfig, HttpError> {
    Ok(trusting(own, system_roots)?.with_no_client_auth())
}

/// The same, which shows servers the certificate in `pem`, where its key stands too.
pub(super) fn with_identity(
    own: &[String],
    system_roots: bool,
    pem: &Secret<String>,
) -> Result<ClientConfig, HttpError> {
    let text = pem.reveal().as_bytes();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    // What is wrong in a text that holds a key is not repeated.
    let chain = chain.map_err(|_cause| HttpError::Identity("it is no PEM".into()))?;
    if chain.is_empty() {
        return Err(HttpError::Identity("there is no CERTIFICATE block in it".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(text)
        .map_err(|_cause| HttpError::Identity("there is no key in PEM beside it".into()))?;
    trusting(own, system_roots)?
        .with_client_auth_cert(chain, key)
        .map_err(|error| HttpError::Identity(error.to_string()))
}

fn trusting(
    own: &[String],
    system_roots: bool,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, HttpError> {
    let own = certificates(own)?;
    let mut roots = RootCertStore::empty();
    for certificate in &own {
        roots
            .add(certificate.clone())
            .map_err(|error| HttpError::Certificate(error.to_string()))?;
    }
    if system_roots {
        // Machines without roots exist (minimal containers): own certificates must be enough there, so what cannot be
        // loaded is not an error but shows as an unknown issuer when somebody connects.
        let found = rustls_native_certs::load_native_certs();
        let (_added, ignored) = roots.add_parsable_certificates(found.certs);
        if !found.errors.is_empty() || ignored > 0 {
            tracing::debug!(ignored, errors = found.errors.len(), "roots incomplete");
        }
    }
    let provider = Arc::new(ring::default_provider());
    let versions = |error: Error| HttpError::Setup(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(versions)?;
    if own.is_empty() {
        return Ok(builder.with_root_certificates(roots));
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| HttpError::Setup(error.to_string()))?;
    let verifier = Arc::new(OwnOrChained { own, chains, provider });
    // "dangerous" is rustls' word for any verifier of one's own; this one only adds to the chain check.
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

fn certificates(texts: &[String]) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let mut certificates = Vec::new();
    for text in texts {
        let before = certificates.len();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            certificates
                .push(certificate.map_err(|error| HttpError::Certificate(error.to_string()))?);
        }
        if certificates.len() == before {
            return Err(HttpError::Certificate("there is no CERTIFICATE block in it".into()));
        }
    }
    Ok(certificates)
}

/// Accepts what chains to a root, and a self-signed authority that was given for this very purpose.
#[derive(Debug)]
struct OwnOrChained {
    own: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnOrChained {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.chains.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            // The validity dates are checked before the basic constraints, so an expired one does not get here.
            Err(Error::InvalidCertificate(CertificateError::Other(cause)))
                if is_authority_as_server(&cause)
                    && self.own.iter().any(|own| own == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether path validation refused an authority as a server's own certificate.
pub(super) fn is_authority_as_server(cause: &OtherError) -> bool {
    matches!(cause.0.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_without_a_certificate_is_refused() {
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            let error = configuration(&[text.to_owned()], false).unwrap_err();
            assert!(matches!(error, HttpError::Certificate(_)), "{text}: {error}");
        }
    }

    #[test]
    fn no_roots_at_all_is_a_configuration() {
        assert!(configuration(&[], false).is_ok());
    }
}
