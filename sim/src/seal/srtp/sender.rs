//! Who seals.

use std::fmt;

use super::{
    Lifetime, Mki, SrtpError, Suite,
    header::{Header, rtcp_ssrc},
    protection::{INDEX_LENGTH, Place, Session},
};
use crate::{rtp::Packets, seal::keys::SrtpMasterKey};

/// Octets that counter mode may encrypt with one IV: 2^16 blocks (RFC 3711
/// 4.1.1).
const LONGEST: usize = 1 << 20;

/// How a [`Sender`] is set up.
#[derive(Clone, Debug, Default)]
pub struct SenderOptions {
    /// What every packet carries to say under which master key it is.
    pub mki: Option<Mki>,
    /// Encrypts CSRCs and header extensions too (RFC 9335).
    pub cryptex: bool,
    /// After how many packets of a stream the master key has to be another.
    pub lifetime: Lifetime,
    /// What the counters of each stream begin with.
    pub counters: Counters,
}

/// The counters of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The roll-over counter of its last SRTP packet: what a receiver that
    /// joins late has to know (RFC 3711 3.3.1).
    pub roc: u32,
    /// The index of its next SRTCP packet.
    pub rtcp_index: u32,
}

/// Seals the packets of any number of streams under one master key.
///
/// Within a stream, sequence numbers only go up: a packet that is not above
/// the last one is refused, so that no IV is used twice.
pub struct Sender {
    suite: Suite,
    session: Session,
    mki: Box<[u8]>,
    cryptex: bool,
    lifetime: Lifetime,
    counters: Counters,
    /// By SSRC.
    streams: Vec<Stream>,
    /// Where the last packet's stream is.
    recent: usize,
}

impl Sender {
    /// A sender that has sealed nothing.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses the key.
    pub fn new(key: &SrtpMasterKey, options: SenderOptions) -> Result<Self, SrtpError> {
        Ok(Self {
            suite: key.suite(),
            session: Session::new(key)?,
            mki: octets(options.mki.as_ref()),
            cryptex: options.cryptex,
            lifetime: options.lifetime.limited(),
            counters: options.counters,
            streams: Vec::new(),
            recent: 0,
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Octets that a sealed RTP packet is longer: tag and MKI. Cryptex adds 4
    /// more to packets with CSRCs and without header extensions.
    pub fn overhead(&self) -> usize {
        self.suite.tag_length() + self.mki.len()
    }

    /// Octets that a sealed RTCP packet is longer: index, tag and MKI.
    pub fn rtcp_overhead(&self) -> usize {
        INDEX_LENGTH + self.suite.rtcp_tag_length() + self.mki.len()
    }

    /// Seals RTP packets in place, in their order. Each must have room for
    /// what is added ([`Packets::with_room`]).
    ///
    /// # Errors
    ///
    /// What keeps a packet from being sealed. Those before it are sealed then;
    /// it and those behind it are empty.
    pub fn seal(&mut self, packets: &mut Packets) -> Result<(), SrtpError> {
        let (bytes, slots) = packets.parts_mut();
        for at in 0..slots.len() {
            let slot = &mut slots[at];
            let packet = &mut bytes[slot.start..slot.limit];
            match self.seal_one(packet, slot.end - slot.start) {
                Ok(length) => slot.end = slot.start + length,
                Err(error) => {
                    for slot in &mut slots[at..] {
                        bytes[slot.start..slot.limit].fill(0);
                        slot.end = slot.start;
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Seals one compound RTCP packet in place.
    ///
    /// # Errors
    ///
    /// What keeps it from being sealed; it is empty then.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let sealed = self.seal_rtcp_one(packet);
        if sealed.is_err() {
            packet.fill(0);
            packet.clear();
        }
        sealed
    }

    /// Goes on with another master key of the same suite, and an MKI of the
    /// same length. Counters go on as they are (RFC 3711 3.3.1); the lifetime
    /// starts again.
    ///
    /// # Errors
    ///
    /// [`SrtpError::SuiteChanged`] or [`SrtpError::MkiChanged`] if suite or
    /// length differ, [`SrtpError::MkiTaken`] if the MKI is that of the key
    /// until now.
    pub fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        same_form((self.suite, self.mki.len()), (key.suite(), mki))?;
        if mki.is_some_and(|mki| *mki.octets() == *self.mki) {
            return Err(SrtpError::MkiTaken);
        }
        self.session = Session::new(key)?;
        self.mki = octets(mki);
        for stream in &mut self.streams {
            stream.left = self.lifetime;
        }
        Ok(())
    }

    /// Makes a stream begin with these counters, instead of those of all.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Begun`] if it has; [`SrtpError::RtcpIndex`] if the index
    /// has more than 31 bits.
    pub fn begin(&mut self, ssrc: u32, counters: Counters) -> Result<(), SrtpError> {
        if counters.rtcp_index >> 31 != 0 {
            return Err(SrtpError::RtcpIndex(counters.rtcp_index));
        }
        match self.streams.binary_search_by_key(&ssrc, |s| s.ssrc) {
            Ok(_) => Err(SrtpError::Begun(ssrc)),
            Err(_) => {
                let stream = self.stream(ssrc);
                stream.roc = counters.roc;
                stream.rtcp_index = counters.rtcp_index;
                Ok(())
            }
        }
    }

    /// The counters of a stream that has begun.
    pub fn counters(&self, ssrc: u32) -> Option<Counters> {
        let at = self.streams.binary_search_by_key(&ssrc, |s| s.ssrc).ok()?;
        let stream = &self.streams[at];
        Some(Counters {
            roc: stream.last.map_or(stream.roc, |index| (index >> 16) as u32),
            rtcp_index: stream.rtcp_index,
        })
    }

    /// Seals the packet of `length` octets at the start of `packet`, the rest
    /// of which is room; how long it is then.
    #[inline]
    fn seal_one(&mut self, packet: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let header = Header::read(&packet[..length])?;
        let cryptex_adds = if self.cryptex {
            header.cryptex_adds()
        } else {
            0
        };
        let tail = self.overhead();
        let (room, needed) = (packet.len() - length, cryptex_adds + tail);
        if room < needed {
            return Err(SrtpError::Room { room, needed });
        }
        if length > LONGEST {
            return Err(SrtpError::Long {
                length,
                most: LONGEST,
            });
        }
        // From here on the index is used, whatever comes.
        let limit = self.lifetime.srtp;
        let index = self.stream(header.ssrc).advance(header.sequence, limit)?;

        let end = length + cryptex_adds;
        let body = if self.cryptex {
            header.to_cryptex(packet, length)?
        } else {
            header.plain()?
        };
        let place = Place {
            ssrc: header.ssrc,
            index,
        };
        let sealed = end + tail;
        self.session
            .rtp
            .seal(&mut packet[..sealed], end, body, place, &self.mki)?;
        Ok(sealed)
    }

    fn seal_rtcp_one(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        let end = packet.len();
        if end > LONGEST {
            return Err(SrtpError::Long {
                length: end,
                most: LONGEST,
            });
        }
        let limit = self.lifetime.srtcp;
        let index = self.stream(ssrc).advance_rtcp(limit)?;
        packet.resize(end + self.rtcp_overhead(), 0);
        let place = Place {
            ssrc,
            index: index.into(),
        };
        self.session.rtcp.seal_rtcp(packet, end, place, &self.mki)
    }

    /// The stream, which begins if it has not.
    #[inline]
    fn stream(&mut self, ssrc: u32) -> &mut Stream {
        if self.streams.get(self.recent).is_none_or(|s| s.ssrc != ssrc) {
            self.recent = match self.streams.binary_search_by_key(&ssrc, |s| s.ssrc) {
                Ok(at) => at,
                Err(at) => {
                    let stream = Stream::new(ssrc, self.lifetime, self.counters);
                    self.streams.insert(at, stream);
                    at
                }
            };
        }
        &mut self.streams[self.recent]
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({}, {} streams)", self.suite, self.streams.len())
    }
}

/// Seals the packets of several senders, as [`Sender::seal`] does.
///
/// # Errors
///
/// The first; the packets of the other senders are sealed all the same.
pub fn seal_all<'a>(
    batch: impl IntoIterator<Item = (&'a mut Sender, &'a mut Packets)>,
) -> Result<(), SrtpError> {
    let seal = |(sender, packets): (&mut Sender, &mut Packets)| sender.seal(packets);
    batch.into_iter().map(seal).fold(Ok(()), Result::and)
}

/// Whether a new key has the suite, and its MKI the length, of those before.
pub(super) fn same_form(
    (expected, mki_length): (Suite, usize),
    (suite, mki): (Suite, Option<&Mki>),
) -> Result<(), SrtpError> {
    let length = mki.map_or(0, |mki| mki.octets().len());
    if suite != expected {
        Err(SrtpError::SuiteChanged { suite, expected })
    } else if length != mki_length {
        Err(SrtpError::MkiChanged {
            length,
            expected: mki_length,
        })
    } else {
        Ok(())
    }
}

/// The octets of an MKI; none if there is none.
pub(super) fn octets(mki: Option<&Mki>) -> Box<[u8]> {
    mki.map(Mki::octets).unwrap_or_default().into()
}

/// Where a stream is.
struct Stream {
    ssrc: u32,
    /// The index of the last packet.
    last: Option<u64>,
    /// The roll-over counter of the first one.
    roc: u32,
    rtcp_index: u32,
    /// What is left of the key's lifetime.
    left: Lifetime,
}

impl Stream {
    fn new(ssrc: u32, left: Lifetime, counters: Counters) -> Self {
        Self {
            ssrc,
            last: None,
            roc: counters.roc,
            rtcp_index: counters.rtcp_index,
            left,
        }
    }

    /// The index of the packet that has this sequence number. What is skipped
    /// counts as sealed, so that under one key no index comes twice.
    #[inline]
    fn advance(&mut self, sequence: u16, limit: u64) -> Result<u64, SrtpError> {
        let (index, steps) = match self.last {
            None => (u64::from(self.roc) << 16 | u64::from(sequence), 1),
            Some(last) => match sequence.wrapping_sub(last as u16) {
                0 | 0x8000.. => {
                    return Err(SrtpError::Sequence {
                        ssrc: self.ssrc,
                        sequence,
                        last: last as u16,
                    });
                }
                steps => {
                    let steps = u64::from(steps);
                    ((last + steps) & ((1 << 48) - 1), steps)
                }
            },
        };
        let left = self.left.srtp.checked_sub(steps);
        self.left.srtp = left.ok_or(SrtpError::KeyExpired {
            field: "srtp",
            limit,
        })?;
        self.last = Some(index);
        Ok(index)
    }

    fn advance_rtcp(&mut self, limit: u64) -> Result<u32, SrtpError> {
        let left = self.left.srtcp.checked_sub(1);
        self.left.srtcp = left.ok_or(SrtpError::KeyExpired {
            field: "srtcp",
            limit,
        })?;
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & 0x7fff_ffff;
        Ok(index)
    }
}
