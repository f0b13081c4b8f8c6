//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) by rustls on aws-lc-rs, for devices
//! and their viewers. Traffic secrets go to the witness as they are made.

use std::{fmt, sync::Arc, time::Duration};

use rustls::{
    KeyLog, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, UnixTime},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};

use super::keys::Identity;
use crate::{
    hex::Hex,
    world::{Clock, Witness, World},
};

pub use rustls::ClientConfig;

/// Server side, without client certificates and without 0-RTT.
pub fn server(identity: &Identity, world: &World) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_details(provider(), time(world))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(identity.chain().to_vec(), identity.private_key())?;
    config.key_log = Arc::new(Escrow(world.witness.clone()));
    Ok(config)
}

/// Client side: trusts `authority` and nobody else, verifies the name, and
/// offers only `versions`. It resumes sessions, and sends 0-RTT data where a
/// ticket allows them and somebody has some to send.
pub fn client(
    authority: CertificateDer<'static>,
    versions: &[TlsVersion],
    world: &World,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let versions = versions.iter().map(|v| v.rustls()).collect::<Vec<_>>();
    let mut config = ClientConfig::builder_with_details(provider(), time(world))
        .with_protocol_versions(&versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_early_data = true;
    config.key_log = Arc::new(Escrow(world.witness.clone()));
    Ok(Arc::new(config))
}

/// A version of TLS that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    fn rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            TlsVersion::Tls12 => &TLS12,
            TlsVersion::Tls13 => &TLS13,
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn time(world: &World) -> Arc<dyn TimeProvider> {
    Arc::new(Time(world.clock.clone()))
}

/// rustls asks the simulated clock whether a certificate is valid.
#[derive(Debug)]
struct Time(Arc<dyn Clock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(
            self.0.unix().as_secs(),
        )))
    }
}

/// Hands traffic secrets to the witness as NSS key log lines.
struct Escrow(Arc<dyn Witness>);

impl KeyLog for Escrow {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.0
            .secret(&format!("{label} {} {}", Hex(client_random), Hex(secret)));
    }
}

impl fmt::Debug for Escrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Escrow")
    }
}
