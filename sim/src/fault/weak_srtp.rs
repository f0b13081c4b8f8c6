//! SRTP with exactly one flaw, packet by packet, from the same algorithms as
//! the engine of [`crate::seal::srtp`].

mod packet;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use packet::{ADDED, extended, retransmission};
use stream::Stream;

use crate::{
    rtp::{HEADER_LENGTH, Packets},
    seal::{
        keys::SrtpMasterKey,
        srtp::{
            AuthenticationKey, CounterMode, Counters, GaloisCounterMode, Kdf, Label, Lifetime, Mki,
            RTCP_HEADER, RtpSealer, Sender, SenderOptions, SrtpError, Suite, number, short,
        },
    },
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpFlaw {
    /// Session salts are zero.
    ZeroSalt,
    /// Master key and master salt are those of the session.
    NoKdf,
    /// A master salt of 96 bits has its 16 zero bits in front.
    SaltPaddedLeft,
    /// The roll-over counter is left out of IV and tag.
    StuckRoc,
    /// Payloads are in clear, and authentic.
    ClearPayload,
    /// RTP has tags of 32 bits, or of 64 in Galois/counter mode.
    ShortTag,
    /// RTCP has tags of 32 bits, or of 64 in Galois/counter mode.
    ShortRtcpTag,
    /// RTCP is plain.
    ClearRtcp,
    /// RTCP is in clear and authentic, and E is 0.
    ClearEFlag,
    /// No packet carries the MKI.
    NoMki,
    /// The key goes on for ever, whatever key comes.
    NeverRekeys,
    /// The key goes on when it has secured all packets that it may.
    NeverExpires,
    /// Roll-over counter and SRTCP index start again with every key.
    RekeyResets,
    /// Sequence numbers and the roll-over counter start again under the same
    /// key.
    Restarts,
    /// Every RTCP packet has the index 0.
    RtcpRestarts,
    /// In Galois/counter mode the tag of RTCP covers neither E flag nor index.
    UncoveredEFlag,
    /// Now and then a packet is sent again (RFC 4588) as it was before it was
    /// sealed.
    ClearRetransmission,
    /// FU indicator and FU header, or the first two octets of whatever the payload
    /// is, are in clear.
    ClearFuHeader,
    /// Keys of 256 bits are derived with 128 of them.
    ShortPrf,
    /// A header extension says how loud it is (RFC 6464), in clear.
    ClearExtension,
    /// Packets have a CSRC and say that they are ones of Cryptex (RFC 9335), and
    /// the CSRC is in clear.
    ClearCsrcs,
}

/// Octets of FU indicator and FU header (RFC 6184 5.8).
const FU_HEADER: usize = 2;

/// Makes one with a flaw in Galois/counter mode only; in counter mode it is the
/// engine.
pub fn faulty_galois(
    flaw: SrtpFlaw,
    key: &SrtpMasterKey,
    options: &SenderOptions,
) -> Result<Box<dyn RtpSealer>, SrtpError> {
    match key.suite().is_aead() {
        true => FaultySrtp::boxed(flaw, key, options),
        false => Ok(Box::new(Sender::new(key, options.clone())?)),
    }
}

/// Makes one with a flaw in AES_256_CM only.
pub fn faulty_aes256(
    flaw: SrtpFlaw,
    key: &SrtpMasterKey,
    options: &SenderOptions,
) -> Result<Box<dyn RtpSealer>, SrtpError> {
    match key.suite() {
        Suite::AesCm256HmacSha1_80 => FaultySrtp::boxed(flaw, key, options),
        _ => Ok(Box::new(Sender::new(key, options.clone())?)),
    }
}

/// A sender with a flaw. It takes RTP packets that have neither CSRCs nor
/// header extensions, and knows no Cryptex.
pub struct FaultySrtp {
    flaw: SrtpFlaw,
    suite: Suite,
    rtp: Keys,
    rtcp: Keys,
    mki: Vec<u8>,
    lifetime: Lifetime,
    counters: Counters,
    streams: BTreeMap<u32, Stream>,
}

impl FaultySrtp {
    /// A sender that has sealed nothing.
    pub fn new(
        flaw: SrtpFlaw,
        key: &SrtpMasterKey,
        options: &SenderOptions,
    ) -> Result<Self, SrtpError> {
        let mki = options.mki.as_ref().filter(|_| flaw != SrtpFlaw::NoMki);
        Ok(Self {
            flaw,
            suite: key.suite(),
            rtp: Keys::new(flaw, key, Label::RTP)?,
            rtcp: Keys::new(flaw, key, Label::RTCP)?,
            mki: mki.map(Mki::octets).unwrap_or_default().to_vec(),
            lifetime: options.lifetime,
            counters: options.counters,
            streams: BTreeMap::new(),
        })
    }

    /// The same for a hook.
    pub fn boxed(
        flaw: SrtpFlaw,
        key: &SrtpMasterKey,
        options: &SenderOptions,
    ) -> Result<Box<dyn RtpSealer>, SrtpError> {
        Ok(Box::new(Self::new(flaw, key, options)?))
    }

    fn seal_one(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let Some(header) = packet.first_chunk::<HEADER_LENGTH>() else {
            return Err(short(packet, HEADER_LENGTH));
        };
        let [_, _, a, b, _, _, _, _, ssrc @ ..] = *header;
        let ssrc = u32::from_be_bytes(ssrc);
        let flaw = self.flaw;
        let index = self
            .stream(ssrc)
            .advance(u16::from_be_bytes([a, b]), flaw)?;
        let (mut sealed, mut header) = extended(packet, self.flaw);
        if self.flaw == SrtpFlaw::ClearFuHeader {
            header = sealed.len().min(header + FU_HEADER);
        }
        sealed[2..4].copy_from_slice(&(index as u16).to_be_bytes());

        let index = match self.flaw {
            SrtpFlaw::StuckRoc => index & 0xffff,
            _ => index,
        };
        let clear = self.flaw == SrtpFlaw::ClearPayload;
        let roc = ((index >> 16) as u32).to_be_bytes();
        // Galois/counter mode has it in the IV alone.
        let covered = if self.suite.is_aead() { &[][..] } else { &roc };
        let mut tag = self
            .rtp
            .seal(&mut sealed, header, clear, (ssrc, index), covered)?;
        tag.truncate(match self.flaw {
            SrtpFlaw::ShortTag => shorter(self.suite),
            _ => self.suite.tag_length(),
        });
        let (first, second) = self.in_order(&tag);
        sealed.extend([first, second].concat());
        Ok(sealed)
    }

    fn seal_rtcp_one(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let Some(&[_, _, _, _, ssrc @ ..]) = packet.first_chunk::<RTCP_HEADER>() else {
            return Err(short(packet, RTCP_HEADER));
        };
        let mut sealed = packet.to_vec();
        if self.flaw == SrtpFlaw::ClearRtcp {
            return Ok(sealed);
        }
        let ssrc = u32::from_be_bytes(ssrc);
        let flaw = self.flaw;
        let index = self.stream(ssrc).advance_rtcp(flaw)?;
        let clear = self.flaw == SrtpFlaw::ClearEFlag;
        let word = (u32::from(!clear) << 31 | index).to_be_bytes();
        let place = (ssrc, u64::from(index));
        let covered = match self.flaw {
            SrtpFlaw::UncoveredEFlag if self.suite.is_aead() => &[][..],
            _ => &word,
        };
        let mut tag = self
            .rtcp
            .seal(&mut sealed, RTCP_HEADER, clear, place, covered)?;
        tag.truncate(match self.flaw {
            SrtpFlaw::ShortRtcpTag => shorter(self.suite),
            _ => self.suite.rtcp_tag_length(),
        });
        let (first, second) = self.in_order(&tag);
        sealed.extend(if self.suite.is_aead() {
            [first, &word, second].concat()
        } else {
            [&word, first, second].concat()
        });
        Ok(sealed)
    }

    /// The stream, which begins if it has not.
    fn stream(&mut self, ssrc: u32) -> &mut Stream {
        let Self {
            lifetime, counters, ..
        } = *self;
        let stream = self.streams.entry(ssrc);
        stream.or_insert(Stream::new(counters, lifetime))
    }

    /// Tag and MKI in the order of the suite.
    fn in_order<'a>(&'a self, tag: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        if self.suite.is_aead() {
            (tag, &self.mki)
        } else {
            (&self.mki, tag)
        }
    }
}

impl RtpSealer for FaultySrtp {
    fn overhead(&self) -> usize {
        self.suite.tag_length() + self.mki.len() + ADDED
    }

    fn seal(&mut self, packets: &mut Packets) -> Result<(), SrtpError> {
        let again: Vec<_> = match self.flaw {
            SrtpFlaw::ClearRetransmission => packets.iter().filter_map(retransmission).collect(),
            _ => Vec::new(),
        };
        let sealed: Result<Vec<_>, _> = packets.iter().map(|p| self.seal_one(p)).collect();
        packets.clear();
        let all = sealed?.into_iter().chain(again);
        all.for_each(|packet| packets.push(&packet));
        Ok(())
    }

    fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        *packet = self.seal_rtcp_one(packet)?;
        Ok(())
    }

    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        if self.flaw == SrtpFlaw::NeverRekeys {
            return Ok(());
        }
        self.rtp = Keys::new(self.flaw, key, Label::RTP)?;
        self.rtcp = Keys::new(self.flaw, key, Label::RTCP)?;
        let mki = mki.filter(|_| self.flaw != SrtpFlaw::NoMki);
        self.mki = mki.map(Mki::octets).unwrap_or_default().to_vec();
        for stream in self.streams.values_mut() {
            stream.rekey(self.lifetime, self.flaw);
        }
        Ok(())
    }

    fn counters(&self, ssrc: u32) -> Option<Counters> {
        self.streams.get(&ssrc).map(Stream::counters)
    }
}

/// Session keys of one protocol.
struct Keys {
    cipher: Cipher,
    salt: Zeroizing<u128>,
}

enum Cipher {
    Counter(CounterMode, Box<AuthenticationKey>),
    Galois(GaloisCounterMode),
}

impl Keys {
    fn new(flaw: SrtpFlaw, master: &SrtpMasterKey, labels: [Label; 3]) -> Result<Self, SrtpError> {
        let suite = master.suite();
        let lengths = [suite.key_length(), 20, suite.salt_length()];
        let mut keys = lengths.map(|length| Zeroizing::new(vec![0; length]));
        for (label, key) in labels.into_iter().zip(&mut keys) {
            derive(flaw, master, label, key)?;
        }
        let [encryption, authentication, salt] = keys;
        let cipher = if suite.is_aead() {
            Cipher::Galois(GaloisCounterMode::new(&encryption)?)
        } else {
            let authentication = Box::new(AuthenticationKey::new(&authentication));
            Cipher::Counter(CounterMode::new(&encryption)?, authentication)
        };
        let salt = match flaw {
            SrtpFlaw::ZeroSalt => 0,
            _ => number(&salt),
        };
        Ok(Self {
            cipher,
            salt: Zeroizing::new(salt),
        })
    }

    /// Seals what is behind the header, or leaves it `clear`; the full tag,
    /// which covers `suffix` too.
    fn seal(
        &self,
        packet: &mut [u8],
        header: usize,
        clear: bool,
        (ssrc, index): (u32, u64),
        suffix: &[u8],
    ) -> Result<Vec<u8>, SrtpError> {
        let iv = *self.salt ^ u128::from(ssrc) << 48 ^ u128::from(index);
        match &self.cipher {
            Cipher::Counter(cipher, authentication) => {
                if !clear {
                    cipher.apply(iv << 16, &mut packet[header..])?;
                }
                let tag = authentication.tag(&[packet, suffix].concat())?;
                Ok(tag.to_vec())
            }
            Cipher::Galois(cipher) => {
                let header = if clear { packet.len() } else { header };
                let (associated, text) = packet.split_at_mut(header);
                let mut associated = associated.to_vec();
                associated.extend_from_slice(suffix);
                Ok(cipher.seal(iv, &associated, text)?.to_vec())
            }
        }
    }
}

/// The session key for a label.
fn derive(
    flaw: SrtpFlaw,
    master: &SrtpMasterKey,
    label: Label,
    out: &mut [u8],
) -> Result<(), SrtpError> {
    let (key, salt) = (master.expose_key(), master.expose_salt());
    match flaw {
        SrtpFlaw::NoKdf => {
            let from = match label {
                Label::RtpSalt | Label::RtcpSalt => salt,
                _ => key,
            };
            // Repeated where HMAC's key is longer.
            for (out, octet) in out.iter_mut().zip(from.iter().cycle()) {
                *out = *octet;
            }
            Ok(())
        }
        SrtpFlaw::ShortPrf => {
            let x = (number(salt) << (8 * (14 - salt.len()))) ^ (label as u128) << 48;
            CounterMode::new(&key[..16])?.apply(x << 16, out)
        }
        SrtpFlaw::SaltPaddedLeft => {
            let x = number(salt) ^ (label as u128) << 48;
            CounterMode::new(key)?.apply(x << 16, out)
        }
        _ => Kdf::new(master)?.derive(label, out),
    }
}

/// Octets of a tag that is too short.
fn shorter(suite: Suite) -> usize {
    if suite.is_aead() { 8 } else { 4 }
}
