//! Session keys at work: one packet is opened, if it authenticates.

use aes_gcm::{Aes128Gcm, Aes256Gcm, aead::AeadInOut};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{
    key::{MasterKey, counter_mode},
    packet::{Layout, Part, Tail},
    suite::{Mode, Suite},
};

/// Octets of the session key that authenticates (RFC 3711 8.2).
const AUTHENTICATION_KEY: usize = 20;
/// Octets of a whole tag of Galois/counter mode.
const GALOIS_TAG: usize = 16;

/// The session keys of a master key.
pub struct Session {
    suite: &'static Suite,
    rtp: Keys,
    rtcp: Keys,
}

/// A packet, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What its octets are.
    pub layout: Layout,
    /// The packet as it was before it was sealed.
    pub packet: Vec<u8>,
    /// What its ciphertext holds.
    pub plaintext: Vec<u8>,
}

impl Session {
    /// Derives them: labels 0 to 2 for SRTP, 3 to 5 for SRTCP (RFC 3711 4.3.1,
    /// 4.3.2).
    pub fn new(master: &MasterKey) -> Self {
        Self {
            suite: master.suite,
            rtp: Keys::derive(master, 0, MasterKey::derive),
            rtcp: Keys::derive(master, 3, MasterKey::derive),
        }
    }

    /// What they are where AES-128 derives them, whatever the suite says: how a
    /// device errs that opens nothing else.
    pub fn short(master: &MasterKey) -> Self {
        Self {
            suite: master.suite,
            rtp: Keys::derive(master, 0, MasterKey::derive_short),
            rtcp: Keys::derive(master, 3, MasterKey::derive_short),
        }
    }

    /// Session keys that are given, the same for both protocols.
    #[cfg(test)]
    pub fn given(suite: &'static Suite, encryption: &[u8], salt: &[u8]) -> Self {
        let keys = || Keys {
            encryption: Zeroizing::new(encryption.to_vec()),
            authentication: Hmac::new_from_slice(&[]).expect("HMAC takes a key of any length"),
            salt: number(salt),
        };
        Self {
            suite,
            rtp: keys(),
            rtcp: keys(),
        }
    }

    /// Opens an SRTP packet of that index (ROC and sequence number); `None` if
    /// it does not authenticate.
    pub fn open_rtp(&self, packet: &[u8], index: u64, tail: Tail) -> Option<Opened> {
        let layout = Layout::rtp(packet, self.suite, tail)?;
        let roc = ((index >> 16) as u32).to_be_bytes();
        self.rtp.open(self.suite, packet, layout, index, &roc)
    }

    /// Opens an SRTCP packet; `None` if it does not authenticate.
    pub fn open_rtcp(&self, packet: &[u8], tail: Tail) -> Option<Opened> {
        let layout = Layout::rtcp(packet, self.suite, tail)?;
        let index = u64::from(layout.word & 0x7fff_ffff);
        let word = layout.word.to_be_bytes();
        self.rtcp.open(self.suite, packet, layout, index, &word)
    }
}

/// Derives the session key for a label, of so many octets.
type Derive = fn(&MasterKey, u8, usize) -> Zeroizing<Vec<u8>>;

/// The session keys of one protocol.
struct Keys {
    encryption: Zeroizing<Vec<u8>>,
    authentication: Hmac<Sha1>,
    /// As a number of 112 bits, and of 96 in Galois/counter mode.
    salt: u128,
}

impl Keys {
    fn derive(master: &MasterKey, label: u8, derive: Derive) -> Self {
        let suite = master.suite;
        let authentication = derive(master, label + 1, AUTHENTICATION_KEY);
        let salt = derive(master, label + 2, suite.salt);
        let authentication = Hmac::new_from_slice(&authentication);
        Self {
            encryption: derive(master, label, suite.key),
            authentication: authentication.expect("HMAC takes a key of any length"),
            salt: number(&salt),
        }
    }

    /// `covered`: ROC or E flag and index, which the tag covers though they are
    /// not where it is computed.
    fn open(
        &self,
        suite: &Suite,
        packet: &[u8],
        layout: Layout,
        index: u64,
        covered: &[u8; 4],
    ) -> Option<Opened> {
        let tag = layout.octets(packet, Part::Tag);
        let mut text = layout.octets(packet, Part::Sealed);
        // SSRC * 2^64 and i * 2^16 of the IV's 128 bits (RFC 3711 4.1.1); SSRC,
        // ROC and SEQ of its 96 (RFC 7714 8.1) are in the same places 16 bits
        // below.
        let iv = self.salt ^ u128::from(layout.ssrc) << 48 ^ u128::from(index);
        match suite.mode {
            Mode::Counter => {
                let end = layout.start(Part::Mki).into_iter();
                let end = end.chain(layout.start(Part::Index));
                let end = end.chain(layout.start(Part::Tag)).min()?;
                let mut mac = self.authentication.clone();
                mac.update(packet.get(..end)?);
                mac.update(covered);
                mac.verify_truncated_left(&tag).ok()?;
                counter_mode(&self.encryption, &(iv << 16).to_be_bytes(), &mut text);
            }
            Mode::Galois => {
                let mut associated = layout.octets(packet, Part::Header);
                if layout.start(Part::Index).is_some() {
                    associated.extend_from_slice(covered);
                }
                let nonce = *iv.to_be_bytes().last_chunk::<12>()?;
                match self.encryption.len() {
                    16 => {
                        galois::<Aes128Gcm>(&self.encryption, nonce, &associated, &mut text, &tag)?
                    }
                    _ => {
                        galois::<Aes256Gcm>(&self.encryption, nonce, &associated, &mut text, &tag)?
                    }
                }
            }
        }
        let mut opened = packet.to_vec();
        let mut rest = &text[..];
        for (range, _) in layout.parts.iter().filter(|(_, p)| *p == Part::Sealed) {
            let (here, after) = rest.split_at_checked(range.len())?;
            opened.get_mut(range.clone())?.copy_from_slice(here);
            rest = after;
        }
        let body = [Part::Header, Part::Sealed];
        let end = layout.parts.iter().rfind(|(_, p)| body.contains(p));
        opened.truncate(end.map_or(0, |(range, _)| range.end));
        if let Some((at, profile)) = layout.cryptex {
            let word = opened.get_mut(at..at + 2)?;
            word.copy_from_slice(&profile.to_be_bytes());
        }
        Some(Opened {
            layout,
            packet: opened,
            plaintext: text,
        })
    }
}

fn number(octets: &[u8]) -> u128 {
    octets
        .iter()
        .fold(0, |n, octet| n << 8 | u128::from(*octet))
}

/// Opens `text`; a tag that is cut short has to be the beginning of the whole
/// one.
fn galois<C: KeyInit + AeadInOut<NonceSize = aes_gcm::aead::consts::U12>>(
    key: &[u8],
    nonce: [u8; 12],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    let nonce = nonce.into();
    if tag.is_empty() || tag.len() > GALOIS_TAG {
        return None;
    }
    // The keystream is the same in both directions, the tag covers ciphertext.
    let seal = |text: &mut [u8]| cipher.encrypt_inout_detached(&nonce, associated, text.into());
    seal(text).ok()?;
    let whole = seal(&mut text.to_vec()).ok()?;
    whole.starts_with(tag).then_some(())
}
