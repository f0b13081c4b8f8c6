//! The session keys of one master key at work: one packet is sealed or opened
//! in place.

use zeroize::Zeroizing;

use super::{
    AuthenticationKey, CounterMode, GaloisCounterMode, Kdf, Label, SrtpError, Suite,
    header::{Body, RTCP_HEADER},
    primitive::{AEAD_TAG_LENGTH, number},
};
use crate::seal::keys::SrtpMasterKey;

/// The E flag before an SRTCP index (RFC 3711 3.4).
pub(super) const E_FLAG: u32 = 1 << 31;
/// Octets of the E flag and the SRTCP index.
pub(super) const INDEX_LENGTH: usize = 4;

/// Session keys for both protocols.
pub(super) struct Session {
    pub(super) rtp: Protection,
    pub(super) rtcp: Protection,
}

impl Session {
    /// Derives all of them.
    pub(super) fn new(master: &SrtpMasterKey) -> Result<Self, SrtpError> {
        let kdf = Kdf::new(master)?;
        let suite = master.suite();
        Ok(Self {
            rtp: Protection::new(&kdf, suite, Label::RTP, suite.tag_length())?,
            rtcp: Protection::new(&kdf, suite, Label::RTCP, suite.rtcp_tag_length())?,
        })
    }
}

/// Session keys for one protocol.
#[expect(
    clippy::large_enum_variant,
    reason = "there are few, and none is worth another look-up per packet"
)]
pub(super) enum Protection {
    /// AES-CM and HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1).
    Counter {
        cipher: CounterMode,
        authentication: AuthenticationKey,
        /// 112 bits.
        salt: Zeroizing<u128>,
        tag_length: usize,
    },
    /// AES-GCM (RFC 7714).
    Galois {
        cipher: GaloisCounterMode,
        /// 96 bits.
        salt: Zeroizing<u128>,
    },
}

impl Protection {
    fn new(
        kdf: &Kdf,
        suite: Suite,
        [encryption, authentication, salt]: [Label; 3],
        tag_length: usize,
    ) -> Result<Self, SrtpError> {
        // A shorter key is the start of the longer one.
        let key = kdf.key::<32>(encryption)?;
        let key = &key[..suite.key_length()];
        let octets = kdf.key::<14>(salt)?;
        let salt = Zeroizing::new(number(&octets[..suite.salt_length()]));
        if suite.is_aead() {
            let cipher = GaloisCounterMode::new(key)?;
            return Ok(Self::Galois { cipher, salt });
        }
        Ok(Self::Counter {
            cipher: CounterMode::new(key)?,
            authentication: AuthenticationKey::new(kdf.key::<20>(authentication)?.as_ref()),
            salt,
            tag_length,
        })
    }

    /// Seals the RTP packet that is the first `end` octets of `packet`, whose
    /// CSRCs `body` may have moved: they are in their place afterwards. Tag
    /// and MKI fill the rest.
    ///
    /// The order is that of RFC 3711 3.1, MKI before tag, and of RFC 7714 8.1,
    /// where the tag is part of the ciphertext and the MKI is behind it.
    #[inline]
    pub(super) fn seal(
        &self,
        packet: &mut [u8],
        end: usize,
        body: Body,
        place: Place,
        mki: &[u8],
    ) -> Result<(), SrtpError> {
        match self {
            Self::Counter {
                cipher,
                authentication,
                salt,
                ..
            } => {
                cipher.apply(counter_iv(**salt, place), &mut packet[body.start..end])?;
                body.restore(packet);
                // The ROC is behind the packet while the tag is made, where
                // MKI and tag will be: one run of octets.
                let roc = place.roc().to_be_bytes();
                packet[end..end + roc.len()].copy_from_slice(&roc);
                let tag = authentication.tag(&packet[..end + roc.len()])?;
                let tail = &mut packet[end..];
                let (mki_out, tag_out) = tail.split_at_mut(mki.len());
                mki_out.copy_from_slice(mki);
                tag_out.copy_from_slice(&tag[..tag_out.len()]);
            }
            Self::Galois { cipher, salt } => {
                let (content, tail) = packet.split_at_mut(end);
                let (associated, text) = content.split_at_mut(body.start);
                let (tag_out, mki_out) = tail.split_at_mut(AEAD_TAG_LENGTH);
                let tag = cipher.seal(**salt ^ place.block(), associated, text)?;
                tag_out.copy_from_slice(&tag);
                mki_out.copy_from_slice(mki);
                body.restore(packet);
            }
        }
        Ok(())
    }

    /// Opens the SRTP packet `packet`, of which the first `end` octets are
    /// header and ciphertext; the rest has `mki_length` octets of MKI in it.
    /// `rearrange` tells what is encrypted, and may move CSRCs: they are in
    /// their place afterwards.
    #[inline]
    pub(super) fn open(
        &self,
        packet: &mut [u8],
        end: usize,
        rearrange: impl FnOnce(&mut [u8]) -> Body,
        place: Place,
        mki_length: usize,
    ) -> Result<(), SrtpError> {
        match self {
            Self::Counter {
                cipher,
                authentication,
                salt,
                tag_length,
            } => {
                let mut tag = [0; super::primitive::MAC_LENGTH];
                let tag = &mut tag[..*tag_length];
                tag.copy_from_slice(&packet[end + mki_length..]);
                // The shortest tag leaves as much room as the ROC takes.
                let roc = place.roc().to_be_bytes();
                packet[end..end + roc.len()].copy_from_slice(&roc);
                authentication.verify(&packet[..end + roc.len()], tag)?;
                let body = rearrange(packet);
                cipher.apply(counter_iv(**salt, place), &mut packet[body.start..end])?;
                body.restore(packet);
            }
            Self::Galois { cipher, salt } => {
                let body = rearrange(packet);
                let (content, tail) = packet.split_at_mut(end);
                let (associated, text) = content.split_at_mut(body.start);
                let tag = &tail[..AEAD_TAG_LENGTH];
                cipher.open(**salt ^ place.block(), associated, text, tag)?;
                body.restore(packet);
            }
        }
        Ok(())
    }

    /// Seals the compound RTCP packet that is the first `end` octets of
    /// `packet`. Index, tag and MKI fill the rest: the index first and then as
    /// with RTP (RFC 3711 3.4), or the index behind the tag (RFC 7714 9.1).
    pub(super) fn seal_rtcp(
        &self,
        packet: &mut [u8],
        end: usize,
        place: Place,
        mki: &[u8],
    ) -> Result<(), SrtpError> {
        let word = (E_FLAG | place.rtcp_index()).to_be_bytes();
        match self {
            Self::Counter {
                cipher,
                authentication,
                salt,
                ..
            } => {
                let iv = counter_iv(**salt, place);
                cipher.apply(iv, &mut packet[RTCP_HEADER..end])?;
                let indexed = end + INDEX_LENGTH;
                packet[end..indexed].copy_from_slice(&word);
                let tag = authentication.tag(&packet[..indexed])?;
                let (mki_out, tag_out) = packet[indexed..].split_at_mut(mki.len());
                mki_out.copy_from_slice(mki);
                tag_out.copy_from_slice(&tag[..tag_out.len()]);
            }
            Self::Galois { cipher, salt } => {
                let (content, tail) = packet.split_at_mut(end);
                let (header, text) = content.split_at_mut(RTCP_HEADER);
                let (tag_out, tail) = tail.split_at_mut(AEAD_TAG_LENGTH);
                let associated = rtcp_associated(header, word);
                let tag = cipher.seal(**salt ^ place.block(), &associated, text)?;
                tag_out.copy_from_slice(&tag);
                let (index_out, mki_out) = tail.split_at_mut(INDEX_LENGTH);
                index_out.copy_from_slice(&word);
                mki_out.copy_from_slice(mki);
            }
        }
        Ok(())
    }

    /// Opens the SRTCP packet `packet`, of which the first `end` octets are
    /// header and ciphertext; the rest has `mki_length` octets of MKI in it.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        end: usize,
        place: Place,
        mki_length: usize,
    ) -> Result<(), SrtpError> {
        match self {
            Self::Counter {
                cipher,
                authentication,
                salt,
                ..
            } => {
                let indexed = end + INDEX_LENGTH;
                let tag = &packet[indexed + mki_length..];
                authentication.verify(&packet[..indexed], tag)?;
                cipher.apply(counter_iv(**salt, place), &mut packet[RTCP_HEADER..end])
            }
            Self::Galois { cipher, salt } => {
                let word = (E_FLAG | place.rtcp_index()).to_be_bytes();
                let (content, tail) = packet.split_at_mut(end);
                let (header, text) = content.split_at_mut(RTCP_HEADER);
                let associated = rtcp_associated(header, word);
                let tag = &tail[..AEAD_TAG_LENGTH];
                cipher.open(**salt ^ place.block(), &associated, text, tag)
            }
        }
    }
}

/// What makes an IV unique under its key: the stream, and the index of the
/// packet in it (48 bits for RTP, 31 for RTCP).
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
}

impl Place {
    /// Both as one number of 80 bits: of the same form in every suite and for
    /// both protocols.
    #[inline]
    fn block(self) -> u128 {
        u128::from(self.ssrc) << 48 | u128::from(self.index)
    }

    #[inline]
    fn roc(self) -> u32 {
        (self.index >> 16) as u32
    }

    /// The index of an RTCP packet, which has no more bits.
    fn rtcp_index(self) -> u32 {
        self.index as u32
    }
}

/// The IV of counter mode (RFC 3711 4.1.1).
#[inline]
fn counter_iv(salt: u128, place: Place) -> u128 {
    (salt ^ place.block()) << 16
}

/// The associated data of an SRTCP packet (RFC 7714 9.2).
fn rtcp_associated(header: &[u8], word: [u8; INDEX_LENGTH]) -> [u8; RTCP_HEADER + INDEX_LENGTH] {
    let mut associated = [0; RTCP_HEADER + INDEX_LENGTH];
    associated[..RTCP_HEADER].copy_from_slice(header);
    associated[RTCP_HEADER..].copy_from_slice(&word);
    associated
}
