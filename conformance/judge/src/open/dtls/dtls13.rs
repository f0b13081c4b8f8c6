//! DTLS 1.3 (RFC 9147): record numbers and records opened with the traffic
//! secrets.

use aes::cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20::ChaCha20;
use sha2::{Digest, Sha256, Sha384};

use super::{LABEL, OpenedDtls, OpenedEnd, exported};
use crate::{
    dissect::{
        Flow, Stream,
        dtls::{self, ClientHello, Form, Fragments, Reading, Record, ServerHello},
        tls::{self, Reader, flight},
    },
    open::{
        aead::Algorithm,
        keylog::KeyLog,
        opened::{Anatomy, OpenError},
        tls13::protection::{DTLS, Inner, Keys, Suite, expand_label},
    },
};

/// Label of the exporter's secret in a key log.
const EXPORTER: &str = "EXPORTER_SECRET";
/// The epochs of the handshake, and of the first application data (RFC 9147
/// 6.1).
const HANDSHAKE: u64 = 2;
const APPLICATION: u64 = 3;
/// Octets of ciphertext that the mask of a record number is made of (4.2.3).
const SAMPLE: usize = 16;
/// Octets of a block of ChaCha20.
const BLOCK: u64 = 64;

pub fn open(
    flow: &Flow,
    reading: &Reading,
    (client, server): (&ClientHello, &ServerHello),
    keys: &KeyLog,
) -> Result<OpenedDtls, OpenError> {
    let suite = Suite::from_number(server.cipher_suite)?;
    let epoch = |number, label| {
        let secret = keys.secret(label, &client.random);
        let keys = secret.and_then(|secret| Epoch::new(number, suite, secret));
        keys.ok_or(OpenError::MissingSecret(label))
    };
    let a = [
        epoch(HANDSHAKE, "CLIENT_HANDSHAKE_TRAFFIC_SECRET")?,
        epoch(APPLICATION, "CLIENT_TRAFFIC_SECRET_0")?,
    ];
    let b = [
        epoch(HANDSHAKE, "SERVER_HANDSHAKE_TRAFFIC_SECRET")?,
        epoch(APPLICATION, "SERVER_TRAFFIC_SECRET_0")?,
    ];
    let (a_said, b_said) = (reading.from_client(flow), reading.from_server(flow));
    let a = End::new(a).open(a_said, &reading.client.records);
    let b = End::new(b).open(b_said, &reading.server.records);
    let mut extensions = b.handshake.iter();
    let extensions = extensions.find(|m| m.kind == flight::ENCRYPTED_EXTENSIONS);
    let srtp = extensions.and_then(|message| {
        let extensions = Reader::new(&message.body).extensions()?;
        dtls::use_srtp(&extensions)
    });
    let secret = keys.secret(EXPORTER, &client.random);
    Ok(OpenedDtls {
        exported: exported(srtp.as_ref(), |octets| export(suite, secret?, octets)),
        srtp,
        client: a,
        server: b,
    })
}

/// TLS-Exporter without a context (RFC 8446 7.5), with the labels of DTLS.
fn export(suite: Suite, secret: &[u8], octets: usize) -> Option<Vec<u8>> {
    if secret.len() != suite.hash_length() {
        return None;
    }
    let nothing = match suite {
        Suite::Aes256Gcm => Sha384::digest([]).to_vec(),
        Suite::Aes128Gcm | Suite::ChaCha20Poly1305 => Sha256::digest([]).to_vec(),
    };
    let mut derived = vec![0; suite.hash_length()];
    expand_label(DTLS, suite, secret, LABEL, &nothing, &mut derived)?;
    let mut out = vec![0; octets];
    expand_label(DTLS, suite, &derived, "exporter", &nothing, &mut out)?;
    Some(out)
}

/// The keys of one direction in one epoch.
struct Epoch {
    number: u64,
    keys: Keys,
    mask: Mask,
    /// The record number after the highest that was opened.
    next: u64,
}

impl Epoch {
    fn new(number: u64, suite: Suite, secret: &[u8]) -> Option<Self> {
        Self::of(number, suite, Keys::derive(DTLS, suite, secret)?)
    }

    fn of(number: u64, suite: Suite, keys: Keys) -> Option<Self> {
        let algorithm = suite.algorithm();
        let mut key = vec![0; algorithm.key_length()];
        expand_label(DTLS, suite, keys.secret(), "sn", &[], &mut key)?;
        Some(Self {
            number,
            keys,
            mask: Mask { algorithm, key },
            next: 0,
        })
    }

    /// The keys after a KeyUpdate.
    fn updated(&self) -> Option<Self> {
        let keys = self.keys.updated()?;
        Self::of(self.number + 1, keys.suite(), keys)
    }

    fn open(&mut self, record: &Record, stream: &Stream) -> Option<Inner> {
        let fragment = record.fragment(stream);
        let octets = record.sequence_octets(stream);
        let mask = self.mask.of(fragment.first_chunk::<SAMPLE>()?)?;
        let mut header = record.head(stream).to_vec();
        let number = header.get_mut(1..=octets)?;
        number.iter_mut().zip(mask).for_each(|(n, m)| *n ^= m);
        let low = number.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
        let sequence = nearest(self.next, low, 8 * octets);
        let inner = self.keys.open_at(sequence, &header, fragment)?;
        self.next = self.next.max(sequence.saturating_add(1));
        Some(inner)
    }
}

/// The number with those low bits that is nearest to the one that is expected
/// (RFC 9147 4.2.2).
fn nearest(expected: u64, low: u64, bits: usize) -> u64 {
    let size = 1_u64 << bits;
    let same = expected & !(size - 1) | low;
    let around = [same.checked_sub(size), Some(same), same.checked_add(size)];
    let nearest = around.into_iter().flatten();
    nearest
        .min_by_key(|number| number.abs_diff(expected))
        .unwrap_or(same)
}

/// What encrypts record numbers (RFC 9147 4.2.3).
struct Mask {
    algorithm: Algorithm,
    key: Vec<u8>,
}

impl Mask {
    fn of(&self, sample: &[u8; SAMPLE]) -> Option<[u8; 2]> {
        let mut mask = *sample;
        match self.algorithm {
            Algorithm::Aes128Gcm => {
                let cipher = aes::Aes128::new_from_slice(&self.key).ok()?;
                cipher.encrypt_block((&mut mask).into());
            }
            Algorithm::Aes256Gcm => {
                let cipher = aes::Aes256::new_from_slice(&self.key).ok()?;
                cipher.encrypt_block((&mut mask).into());
            }
            Algorithm::ChaCha20Poly1305 => {
                let (counter, nonce) = sample.split_first_chunk::<4>()?;
                let mut cipher = ChaCha20::new_from_slices(&self.key, nonce).ok()?;
                let counter = u64::from(u32::from_le_bytes(*counter));
                cipher.try_seek(counter * BLOCK).ok()?;
                mask = [0; SAMPLE];
                // The last block there is has none behind it.
                cipher.try_apply_keystream(&mut mask[..2]).ok()?;
            }
        }
        mask.first_chunk::<2>().copied()
    }
}

/// One end, with the keys that it has had so far.
struct End {
    epochs: Vec<Epoch>,
}

impl End {
    fn new(epochs: [Epoch; 2]) -> Self {
        Self {
            epochs: epochs.into(),
        }
    }

    fn open(mut self, stream: &Stream, records: &[Record]) -> OpenedEnd {
        let mut opened = OpenedEnd::default();
        let mut fragments = Fragments::default();
        for record in records.iter().filter(|r| r.form == Form::Unified) {
            let Some(inner) = self.record(record, stream) else {
                opened.refused.push(record.at);
                continue;
            };
            opened.records.push(Anatomy {
                at: record.at,
                content_type: inner.content_type,
                nonce: 0,
                content: inner.content.len(),
                inside: (1, inner.ciphertext.saturating_sub(inner.content.len() + 1)),
                tag: record.length.saturating_sub(inner.ciphertext),
            });
            opened.take(stream, record, inner.content_type, &inner.content);
            if inner.content_type == tls::HANDSHAKE {
                let found = fragments.push(record.at, &inner.content);
                opened.handshake.extend(found);
            }
        }
        // Records of old epochs that are protected in the old way are none.
        let explicit = records.iter().filter(|r| r.form == Form::Explicit);
        let old = explicit.filter(|r| r.epoch > 0);
        opened.refused.extend(old.map(|r| r.at));
        opened
    }

    /// With the newest epoch that its bits may mean, else with the next one.
    fn record(&mut self, record: &Record, stream: &Stream) -> Option<Inner> {
        let means = |epoch: &Epoch| epoch.number & 3 == u64::from(record.epoch);
        let mut known = self.epochs.iter_mut().rev().filter(|epoch| means(epoch));
        if let Some(inner) = known.find_map(|epoch| epoch.open(record, stream)) {
            return Some(inner);
        }
        let mut next = self.epochs.last()?.updated().filter(means)?;
        let inner = next.open(record, stream)?;
        self.epochs.push(next);
        Some(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_number_is_found_around_a_wrap() {
        for (expected, low, bits, number) in [
            (0, 0, 8, 0),
            (0, 255, 8, 255),
            (256, 255, 8, 255),
            (255, 0, 8, 256),
            (70_000, 65_535, 16, 65_535),
            (131_071, 1, 16, 131_073),
        ] {
            assert_eq!(nearest(expected, low, bits), number, "{expected} {low}");
        }
    }
}
