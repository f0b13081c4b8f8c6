//! DTLS 1.2 and 1.3 by dimpl, whose secrets go to the witness as they are made
//! and whose keying material (RFC 5764 4.2) stays on our side of str0m.
//!
//! Providers of str0m and dimpl are static, so what belongs to a connection is
//! known while it is at work only: a [`Connection`] is put where this thread
//! finds it for as long as one call into the library lasts, and taken away
//! again. Nothing else is shared, and a call never waits.

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use dimpl::{
    Config, Dtls,
    crypto::{CryptoProvider as Algorithms, HashAlgorithm, HmacProvider, aws_lc_rs},
};
use str0m::crypto::{
    CryptoError, CryptoProvider,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion,
        KeyingMaterial, ProtocolVersion, SrtpProfile,
    },
    from_feature_flags,
};

use super::copying::COPYING;
use crate::{
    fault::Fault,
    hex::Hex,
    seal::{keys::DtlsSrtpKeys, srtp::Suite},
    world::Witness,
};

/// What is remembered of one connection, by whoever has it and by its DTLS.
#[derive(Clone)]
pub(super) struct Connection(Arc<Mutex<State>>);

struct State {
    witness: Arc<dyn Witness>,
    /// That of the ClientHello, which names the connection in a key log.
    client_random: Option<[u8; RANDOM]>,
    keys: Option<DtlsSrtpKeys>,
    /// Whether a server asks its client for a certificate: one that is faulty
    /// may not.
    asks_for_certificate: bool,
    /// The certificate that a faulty one has in place of a fresh one.
    certificate: Option<fn() -> DtlsCert>,
}

const RANDOM: usize = 32;

impl Connection {
    pub(super) fn new(witness: Arc<dyn Witness>, fault: &Fault) -> Self {
        Self(Arc::new(Mutex::new(State {
            witness,
            client_random: None,
            keys: None,
            asks_for_certificate: !fault.asks_no_certificate,
            certificate: fault.dtls_certificate,
        })))
    }

    /// The master keys of SRTP, once: when the handshake has just ended.
    pub(super) fn take_keys(&self) -> Option<DtlsSrtpKeys> {
        self.state().keys.take()
    }

    /// Calls into the library on behalf of this connection.
    pub(super) fn with<T>(&self, call: impl FnOnce() -> T) -> T {
        /// Puts back what was there, even if the call panics.
        struct Restore(Option<Connection>);
        impl Drop for Restore {
            fn drop(&mut self) {
                AT_WORK.set(self.0.take());
            }
        }
        let _restore = Restore(AT_WORK.replace(Some(self.clone())));
        call()
    }

    /// What str0m needs to be one of its ends.
    pub(super) fn provider() -> CryptoProvider {
        CryptoProvider {
            srtp_provider: &COPYING,
            dtls_provider: &PROVIDER,
            ..from_feature_flags()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(redacted)")
    }
}

thread_local! {
    static AT_WORK: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

static PROVIDER: Provider = Provider;

/// Makes DTLS of a connection.
#[derive(Debug)]
struct Provider;

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        let connection = AT_WORK.with_borrow(Clone::clone);
        let faulty = connection.and_then(|connection| connection.state().certificate);
        match faulty {
            Some(certificate) => Some(certificate()),
            None => from_feature_flags().dtls_provider.generate_certificate(),
        }
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let failed = |what: &str| CryptoError::Other(what.to_owned());
        let connection = AT_WORK.with_borrow(Clone::clone);
        let connection = connection.ok_or_else(|| failed("no connection is at work"))?;
        let algorithms = Algorithms {
            hmac_provider: &HMAC,
            ..aws_lc_rs::default_provider()
        };
        // ICE has shown that packets arrive where they are sent to.
        let mut config = Config::builder()
            .use_server_cookie(false)
            .require_client_certificate(connection.state().asks_for_certificate)
            .with_crypto_provider(algorithms);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = config.build().map_err(|error| failed(&error.to_string()))?;
        let (config, certificate) = (Arc::new(config), certificate.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => Dtls::new_12(config, certificate, now),
            DtlsVersion::Dtls13 => Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => Dtls::new_auto(config, certificate, now),
            _ => return Err(failed("unknown version of DTLS")),
        };
        Ok(Box::new(Instance { dtls, connection }))
    }
}

/// DTLS of one connection.
struct Instance {
    dtls: Dtls,
    connection: Connection,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance(redacted)")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        let dtls = &mut self.dtls;
        self.connection.with(|| dtls.set_active(active));
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        if !self.dtls.is_active() {
            self.note_hello(packet);
        }
        let dtls = &mut self.dtls;
        self.connection.with(|| dtls.handle_packet(packet))
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let dtls = &mut self.dtls;
        let output = self.connection.with(|| dtls.poll_output(buffer));
        match output {
            DtlsOutput::Packet(packet) => {
                if self.dtls.is_active() {
                    self.note_hello(packet);
                }
                DtlsOutput::Packet(packet)
            }
            DtlsOutput::KeyingMaterial(material, profile) => {
                self.note_keys(&material, profile);
                let nothing = vec![0; NOTHING.keying_material_len()];
                DtlsOutput::KeyingMaterial(KeyingMaterial::new(&nothing), NOTHING)
            }
            output => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        let dtls = &mut self.dtls;
        self.connection.with(|| dtls.handle_timeout(now))
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        let dtls = &mut self.dtls;
        self.connection.with(|| dtls.send_application_data(data))
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        let dtls = &mut self.dtls;
        self.connection.with(|| dtls.close())
    }
}

/// What str0m takes to be agreed: see [`super::copying`].
const NOTHING: SrtpProfile = SrtpProfile::AEAD_AES_128_GCM;

impl Instance {
    fn note_hello(&self, packet: &[u8]) {
        if let Some(random) = client_random(packet) {
            self.connection.state().client_random = Some(random);
        }
    }

    /// Without a suite or with keying material of another length there are no
    /// keys, and nothing is ever sealed or opened.
    fn note_keys(&self, material: &[u8], profile: SrtpProfile) {
        let suite = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
            SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
            _ => return,
        };
        let Ok(keys) = DtlsSrtpKeys::new(suite, material, self.dtls.is_active()) else {
            return;
        };
        let mut state = self.connection.state();
        for key in [&keys.seals, &keys.opens] {
            state.witness.secret(&key.escrow(None));
        }
        state.keys = Some(keys);
    }
}

/// The random of a ClientHello that a packet begins with (RFC 6347 4.1, 4.2.2;
/// RFC 9147 5.2): the record's header, that of the handshake message, its
/// version.
fn client_random(packet: &[u8]) -> Option<[u8; RANDOM]> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    /// Octets of a record's header, after which the message begins.
    const RECORD: usize = 13;
    /// Where the offset of its fragment is.
    const OFFSET: usize = RECORD + 6;
    const AT: usize = RECORD + 12 + 2;
    let is_first = packet.get(OFFSET..OFFSET + 3)? == [0; 3];
    let is_hello = packet[0] == HANDSHAKE && packet[RECORD] == CLIENT_HELLO;
    (is_hello && is_first)
        .then(|| packet.get(AT..AT + RANDOM)?.try_into().ok())
        .flatten()
}

static HMAC: Hmac = Hmac;

/// HMAC, of which every secret of DTLS is made; looks at what is derived.
#[derive(Debug)]
struct Hmac;

impl HmacProvider for Hmac {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, dimpl::CryptoError> {
        let real = aws_lc_rs::default_provider().hmac_provider;
        let length = real.hmac(hash, key, data, out)?;
        AT_WORK.with_borrow(|connection| {
            if let Some(connection) = connection {
                connection.derived(key, data, &out[..length]);
            }
        });
        Ok(length)
    }
}

/// What the seed of the key block begins with (RFC 5246 6.3); behind it are
/// the randoms of server and client. The key is the master secret.
const KEY_EXPANSION: &[u8] = b"key expansion";

/// Secrets of DTLS 1.3 (RFC 8446 7.1, RFC 9147 5.9): their labels, and those of
/// the key log (RFC 9850 2).
const SECRETS: [(&[u8], &str); 5] = [
    (b"dtls13c hs traffic", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
    (b"dtls13s hs traffic", "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
    (b"dtls13c ap traffic", "CLIENT_TRAFFIC_SECRET_0"),
    (b"dtls13s ap traffic", "SERVER_TRAFFIC_SECRET_0"),
    (b"dtls13exp master", "EXPORTER_SECRET"),
];

impl Connection {
    /// Escrows what HMAC made of `data` under `key`, or the key, if it is one
    /// of the secrets of a key log.
    fn derived(&self, key: &[u8], data: &[u8], made: &[u8]) {
        if let Some(randoms) = data.strip_prefix(KEY_EXPANSION) {
            if let Some((_, client)) = randoms.split_at_checked(RANDOM) {
                self.escrow("CLIENT_RANDOM", client, key);
            }
            return;
        }
        // HkdfLabel: the length wanted, the label with its length, and more.
        let label = match data {
            [_, _, length, rest @ ..] => rest.get(..usize::from(*length)),
            _ => None,
        };
        let named = SECRETS.iter().find(|(name, _)| label == Some(*name));
        let random = self.state().client_random;
        if let (Some((_, name)), Some(random)) = (named, random) {
            self.escrow(name, &random, made);
        }
    }

    fn escrow(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line =
            zeroize::Zeroizing::new(format!("{label} {} {}", Hex(client_random), Hex(secret)));
        let witness = self.state().witness.clone();
        witness.secret(&line);
    }
}
