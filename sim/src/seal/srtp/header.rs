//! What the engine reads of RTP and RTCP headers (RFC 3550 5.1, 5.3.1, 6.4.1),
//! and how Cryptex rearranges them (RFC 9335 5.1, 6.2).

use super::SrtpError;

/// Octets of the fixed RTP header.
const FIXED: usize = 12;
/// Octets of the word before the header extensions: profile and length.
const WORD: usize = 4;
/// Octets of an RTCP header, of which the sender's SSRC is a part.
pub(crate) const RTCP_HEADER: usize = 8;

/// Profiles of header extensions (RFC 8285 4.2, 4.3), and the words that
/// Cryptex has for them (RFC 9335 5.1).
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
const CRYPTEX_ONE_BYTE: u16 = 0xc0de;
const CRYPTEX_TWO_BYTE: u16 = 0xc2de;

/// What the engine reads of an RTP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
    /// Octets of the header with CSRCs and extensions: where the payload
    /// starts.
    pub(super) length: usize,
    /// Octets of the CSRCs.
    csrcs: usize,
    /// The profile of the header extensions.
    profile: Option<u16>,
}

/// What is encrypted of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// Where it starts.
    pub(super) start: usize,
    /// Octets of CSRCs that lie behind the word of the extensions now, and
    /// before it in the packet.
    moved: usize,
}

impl Header {
    /// Reads the header at the start of `packet`.
    #[inline]
    pub(super) fn read(packet: &[u8]) -> Result<Self, SrtpError> {
        let Some(fixed) = packet.first_chunk::<FIXED>() else {
            return Err(short(packet, FIXED));
        };
        version(fixed[0])?;
        let csrcs = 4 * usize::from(fixed[0] & 0x0f);
        let mut length = FIXED + csrcs;
        let mut profile = None;
        if fixed[0] & 0x10 != 0 {
            let word = packet.get(length..).and_then(|rest| rest.first_chunk());
            let Some(&[a, b, c, d]) = word else {
                return Err(short(packet, length + WORD));
            };
            profile = Some(u16::from_be_bytes([a, b]));
            length += WORD + 4 * usize::from(u16::from_be_bytes([c, d]));
        }
        if packet.len() < length {
            return Err(short(packet, length));
        }
        let [_, _, a, b, _, _, _, _, ssrc @ ..] = *fixed;
        Ok(Self {
            sequence: u16::from_be_bytes([a, b]),
            ssrc: u32::from_be_bytes(ssrc),
            length,
            csrcs,
            profile,
        })
    }

    /// What a sender without Cryptex encrypts: the payload. A packet that has a
    /// word of Cryptex already would be taken for one by the receiver.
    #[inline]
    pub(super) fn plain(&self) -> Result<Body, SrtpError> {
        match self.profile {
            Some(word @ (CRYPTEX_ONE_BYTE | CRYPTEX_TWO_BYTE)) => Err(SrtpError::Profile(word)),
            _ => Ok(self.payload()),
        }
    }

    /// The payload.
    #[inline]
    pub(super) fn payload(&self) -> Body {
        Body {
            start: self.length,
            moved: 0,
        }
    }

    /// Octets that Cryptex adds to the packet: the word of an empty extension
    /// where there are CSRCs and no extension.
    pub(super) fn cryptex_adds(&self) -> usize {
        if self.csrcs > 0 && self.profile.is_none() {
            WORD
        } else {
            0
        }
    }

    /// Whether CSRCs or extensions are in clear: there are some, and no word
    /// of Cryptex.
    pub(super) fn in_clear(&self) -> bool {
        match self.profile {
            None => self.csrcs > 0,
            Some(profile) => !matches!(profile, CRYPTEX_ONE_BYTE | CRYPTEX_TWO_BYTE),
        }
    }

    /// Makes the packet, which ends at `end` and has room behind, one of
    /// Cryptex. What is to be encrypted lies together afterwards, behind all
    /// that is not; [`Body::restore`] puts it in its place again.
    pub(super) fn to_cryptex(self, packet: &mut [u8], end: usize) -> Result<Body, SrtpError> {
        let word = FIXED + self.csrcs;
        let profile = match self.profile {
            None if self.csrcs == 0 => return Ok(self.payload()),
            None => {
                packet.copy_within(word..end, word + WORD);
                packet[word..word + WORD].fill(0);
                packet[0] |= 0x10;
                CRYPTEX_ONE_BYTE
            }
            Some(ONE_BYTE) => CRYPTEX_ONE_BYTE,
            Some(TWO_BYTE) => CRYPTEX_TWO_BYTE,
            Some(other) => return Err(SrtpError::Profile(other)),
        };
        packet[word..word + 2].copy_from_slice(&profile.to_be_bytes());
        Ok(self.rearranged(packet))
    }

    /// What is encrypted of a packet that arrived, which is by Cryptex if its
    /// profile says so.
    pub(super) fn received(self, packet: &mut [u8]) -> Body {
        match self.profile {
            Some(CRYPTEX_ONE_BYTE | CRYPTEX_TWO_BYTE) => self.rearranged(packet),
            _ => self.payload(),
        }
    }

    /// Gives the profile of a packet that was opened the value that it has
    /// without Cryptex.
    pub(super) fn undo_cryptex(&self, packet: &mut [u8]) {
        let profile = match self.profile {
            Some(CRYPTEX_ONE_BYTE) => ONE_BYTE,
            Some(CRYPTEX_TWO_BYTE) => TWO_BYTE,
            _ => return,
        };
        let word = FIXED + self.csrcs;
        packet[word..word + 2].copy_from_slice(&profile.to_be_bytes());
    }

    fn rearranged(self, packet: &mut [u8]) -> Body {
        packet[FIXED..FIXED + self.csrcs + WORD].rotate_right(WORD);
        Body {
            start: FIXED + WORD,
            moved: self.csrcs,
        }
    }
}

impl Body {
    /// Puts CSRCs before the word of the extensions, where they belong.
    #[inline]
    pub(super) fn restore(self, packet: &mut [u8]) {
        if self.moved > 0 {
            packet[FIXED..FIXED + self.moved + WORD].rotate_left(WORD);
        }
    }
}

/// The SSRC of who sends an RTCP packet.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    let Some(&[first, _, _, _, ssrc @ ..]) = packet.first_chunk::<RTCP_HEADER>() else {
        return Err(short(packet, RTCP_HEADER));
    };
    version(first)?;
    Ok(u32::from_be_bytes(ssrc))
}

/// A packet that should have `least` octets.
pub(crate) fn short(packet: &[u8], least: usize) -> SrtpError {
    SrtpError::Short {
        length: packet.len(),
        least,
    }
}

fn version(first: u8) -> Result<(), SrtpError> {
    match first >> 6 {
        2 => Ok(()),
        version => Err(SrtpError::Version(version)),
    }
}
