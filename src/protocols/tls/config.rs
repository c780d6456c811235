//! What rustls needs to know before a handshake: certificates, keys, whom to trust.

use crate::os::errno::{Errno, Result};
use crate::os::random;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What a client wants.
pub(crate) enum Client<'a> {
    /// Encryption only. Whoever answers is taken for the server.
    TrustsAnybody,
    /// A server with this name, vouched for by an authority in the file, or by one that the
    /// system trusts.
    Verifies { name: &'a str, authorities: Option<&'a Path> },
}

/// What a server has, and wants.
pub(crate) struct Server<'a> {
    /// Its certificate, and those that lead to the authority.
    pub(crate) certificates: &'a Path,
    pub(crate) key: &'a Path,
    /// Clients must have a certificate that one of these has issued.
    pub(crate) client_authorities: Option<&'a Path>,
}

impl Client<'_> {
    pub(super) fn configuration(&self) -> Result<(Arc<ClientConfig>, ServerName<'static>)> {
        match *self {
            Self::TrustsAnybody => {
                // Not sent, and not compared with anything.
                Ok((trusting_anybody()?, ServerName::from(Ipv4Addr::UNSPECIFIED).to_owned()))
            }
            Self::Verifies { name, authorities } => {
                let name = ServerName::try_from(name).map_err(|_| Errno::EINVAL)?.to_owned();
                Ok((verifying_client(authorities, None)?, name))
            }
        }
    }
}

/// Who a client is.
pub(crate) struct Identity<'a> {
    /// Its certificate, and those that lead to the authority.
    pub(crate) certificates: &'a Path,
    pub(crate) key: &'a Path,
}

/// For any number of clients that trust the authorities in a file, or those of the system, and
/// have a certificate of their own, or none.
pub(crate) fn verifying_client(
    authorities: Option<&Path>,
    identity: Option<&Identity<'_>>,
) -> Result<Arc<ClientConfig>> {
    match (authorities, identity) {
        (None, None) => trusting_as_system(),
        (Some(file), _) => Ok(Arc::new(verifying(roots(file)?, identity)?)),
        (None, Some(_)) => Ok(Arc::new(verifying(system_roots()?, identity)?)),
    }
}

impl Server<'_> {
    pub(crate) fn configuration(&self) -> Result<Arc<ServerConfig>> {
        random::serves_libraries()?;
        let (chain, key) = (certificates(self.certificates)?, private_key(self.key)?);
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| errno(&error))?;
        let builder = match self.client_authorities {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let roots = Arc::new(roots(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|_| Errno::EINVAL)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        // That includes a key that does not belong to the certificate.
        let mut config = builder.with_single_cert(chain, key).map_err(|_| Errno::EINVAL)?;
        // The configuration serves one session, so there is no later one to resume it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}

/// All certificates of a PEM file, in their order; at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(file)?;
    let found: core::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(Errno::EINVAL)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|_| Errno::EINVAL)
}

fn roots(file: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|_| Errno::EINVAL)?;
    }
    Ok(roots)
}

fn verifying(roots: RootCertStore, identity: Option<&Identity<'_>>) -> Result<ClientConfig> {
    random::serves_libraries()?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| errno(&error))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = (certificates(identity.certificates)?, private_key(identity.key)?);
            // That includes a key that does not belong to the certificate.
            builder.with_client_auth_cert(chain, key).map_err(|_| Errno::EINVAL)?
        }
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Trusts the authorities that the system trusts. They are looked up once, as that takes a
/// while. `ENOENT`: there are none.
fn trusting_as_system() -> Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = Arc::new(verifying(system_roots()?, None)?);
    Ok(CONFIG.get_or_init(|| config).clone())
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Systems have odd certificates too.
    let (usable, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 { Err(Errno::ENOENT) } else { Ok(roots) }
}

/// For clients that take whoever answers for the server.
pub(crate) fn trusting_anybody() -> Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    random::serves_libraries()?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| errno(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAnybody))
        .with_no_client_auth();
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

/// Takes every certificate, and every signature with it: that somebody in between has the key
/// of a certificate of their own proves nothing.
#[derive(Debug)]
struct TrustAnybody;

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> core::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> core::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> core::result::Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// `EACCES`: a certificate was refused, by us or by the peer. `EPROTO`: all else that the peer
/// may have done wrong.
pub(super) fn errno(error: &Error) -> Errno {
    use AlertDescription as Alert;
    match error {
        Error::InvalidCertificate(CertificateError::BadEncoding) => Errno::EPROTO,
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Errno::EACCES,
        Error::AlertReceived(
            Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired,
        ) => Errno::EACCES,
        Error::FailedToGetRandomBytes => Errno::EIO,
        _ => Errno::EPROTO,
    }
}
