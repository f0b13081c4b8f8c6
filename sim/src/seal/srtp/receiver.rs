//! Who opens.

use std::fmt;

use super::{
    Lifetime, Mki, SrtpError, Suite,
    header::{Header, RTCP_HEADER, rtcp_ssrc, short},
    protection::{E_FLAG, INDEX_LENGTH, Place, Session},
    sender::{octets, same_form},
    window::{Window, estimate},
};
use crate::{rtp::Packets, seal::keys::SrtpMasterKey};

/// Streams that one receiver keeps. A stream begins with a packet that is
/// authentic, so that only who has the key can make it keep one.
const MOST_STREAMS: usize = 4096;

/// How a [`Receiver`] is set up.
#[derive(Clone, Debug, Default)]
pub struct ReceiverOptions {
    /// What every packet carries to say that it is under the first master key.
    pub mki: Option<Mki>,
    /// Refuses packets with CSRCs or header extensions in clear (RFC 9335
    /// 5.2). Those that Cryptex has encrypted are opened in any case.
    pub cryptex: bool,
    /// How many packets of a stream are opened under one master key.
    pub lifetime: Lifetime,
}

/// Opens the packets of any number of streams under one master key, or several
/// that their MKIs tell apart.
pub struct Receiver {
    suite: Suite,
    keys: Vec<Key>,
    mki_length: usize,
    /// The number of the next key.
    next_key: u32,
    cryptex: bool,
    lifetime: Lifetime,
    /// By SSRC.
    streams: Vec<Stream>,
    /// Where the last packet's stream is.
    recent: usize,
    results: Vec<Result<u64, SrtpError>>,
}

impl Receiver {
    /// A receiver that has opened nothing.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses the key.
    pub fn new(key: &SrtpMasterKey, options: ReceiverOptions) -> Result<Self, SrtpError> {
        let mki = octets(options.mki.as_ref());
        Ok(Self {
            suite: key.suite(),
            mki_length: mki.len(),
            keys: vec![Key {
                session: Session::new(key)?,
                mki,
                number: 0,
            }],
            next_key: 1,
            cryptex: options.cryptex,
            lifetime: options.lifetime.limited(),
            streams: Vec::new(),
            recent: 0,
            results: Vec::new(),
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Opens SRTP packets in place, and says of each its packet index (ROC and
    /// sequence number, RFC 3711 3.3.1) or what is wrong with it. One that is
    /// refused is empty afterwards.
    pub fn open(&mut self, packets: &mut Packets) -> &[Result<u64, SrtpError>] {
        self.results.clear();
        let (bytes, slots) = packets.parts_mut();
        for slot in slots {
            let packet = &mut bytes[slot.start..slot.end];
            let opened = self.open_one(packet);
            match opened {
                Ok((_, length)) => slot.end = slot.start + length,
                Err(_) => {
                    packet.fill(0);
                    slot.end = slot.start;
                }
            }
            self.results.push(opened.map(|(index, _)| index));
        }
        &self.results
    }

    /// Opens one SRTCP packet in place; its SRTCP index.
    ///
    /// # Errors
    ///
    /// What is wrong with it; it is empty then.
    pub fn open_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<u32, SrtpError> {
        let opened = self.open_rtcp_one(packet);
        match opened {
            Ok((index, length)) => {
                packet.truncate(length);
                Ok(index)
            }
            Err(error) => {
                packet.fill(0);
                packet.clear();
                Err(error)
            }
        }
    }

    /// Goes on with another master key, and with no other. Counters and replay
    /// windows stay as they are (RFC 3711 3.3.1).
    ///
    /// # Errors
    ///
    /// [`SrtpError::SuiteChanged`] or [`SrtpError::MkiChanged`] if the suite
    /// or the length of the MKI differs.
    pub fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        let key = self.key(key, mki)?;
        self.keys.clear();
        self.keys.push(key);
        Ok(())
    }

    /// Opens packets with this MKI too.
    ///
    /// # Errors
    ///
    /// [`SrtpError::SuiteChanged`] or [`SrtpError::MkiChanged`] if the suite
    /// or the length of the MKI differs; [`SrtpError::MkiTaken`] if another
    /// key has it.
    pub fn add_key(&mut self, key: &SrtpMasterKey, mki: &Mki) -> Result<(), SrtpError> {
        let key = self.key(key, Some(mki))?;
        if self.keys.iter().any(|other| other.mki == key.mki) {
            return Err(SrtpError::MkiTaken);
        }
        self.keys.push(key);
        Ok(())
    }

    /// Opens packets with this MKI no more; whether it did.
    pub fn remove_key(&mut self, mki: &Mki) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| *key.mki != *mki.octets());
        self.keys.len() < before
    }

    /// Joins a stream late: its roll-over counter is `roc`, for the sequence
    /// number `sequence` if that is known, else for the first packet that
    /// comes (RFC 3711 3.3.1).
    ///
    /// # Errors
    ///
    /// [`SrtpError::Begun`] if a packet of it was opened or it was joined
    /// already; [`SrtpError::Streams`] if there are too many.
    pub fn join(&mut self, ssrc: u32, roc: u32, sequence: Option<u16>) -> Result<(), SrtpError> {
        let Err(at) = self.find(ssrc) else {
            return Err(SrtpError::Begun(ssrc));
        };
        let stream = self.insert(at, ssrc)?;
        stream.roc = roc;
        if let Some(sequence) = sequence {
            stream.rtp = Window::near(u64::from(roc) << 16 | u64::from(sequence));
        }
        Ok(())
    }

    /// Its packet index, and how long what was opened is.
    #[inline]
    fn open_one(&mut self, packet: &mut [u8]) -> Result<(u64, usize), SrtpError> {
        let header = Header::read(packet)?;
        if self.cryptex && header.in_clear() {
            return Err(SrtpError::NotCryptex);
        }
        let tag_length = self.suite.tag_length();
        let tail = tag_length + self.mki_length;
        let end = packet.len().checked_sub(tail);
        let Some(end) = end.filter(|&end| end >= header.length) else {
            return Err(short(packet, header.length + tail));
        };
        let mki_at = if self.suite.is_aead() {
            end + tag_length
        } else {
            end
        };
        let key = find_key(&self.keys, &packet[mki_at..mki_at + self.mki_length])?;

        let at = self.find(header.ssrc);
        let window = at.map_or(Window::default(), |at| self.streams[at].rtp);
        let index = match window.highest() {
            Some(highest) => estimate(highest, header.sequence),
            None => {
                let roc = at.map_or(0, |at| self.streams[at].roc);
                u64::from(roc) << 16 | u64::from(header.sequence)
            }
        };
        let step = window.admit(index, key.number, "srtp", self.lifetime.srtp)?;

        let place = Place {
            ssrc: header.ssrc,
            index,
        };
        let rearrange = |packet: &mut [u8]| header.received(packet);
        let number = key.number;
        key.session
            .rtp
            .open(packet, end, rearrange, place, self.mki_length)?;
        header.undo_cryptex(packet);
        let stream = self.begun(at, header.ssrc)?;
        stream.rtp.accept(index, step, number);
        Ok((index, end))
    }

    /// Its index, and how long what was opened is.
    fn open_rtcp_one(&mut self, packet: &mut [u8]) -> Result<(u32, usize), SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        let tag_length = self.suite.rtcp_tag_length();
        let tail = INDEX_LENGTH + tag_length + self.mki_length;
        let end = packet.len().checked_sub(tail);
        let Some(end) = end.filter(|&end| end >= RTCP_HEADER) else {
            return Err(short(packet, RTCP_HEADER + tail));
        };
        // The MKI is the last but the tag, or the very last.
        let (index_at, mki_at) = if self.suite.is_aead() {
            (end + tag_length, end + tag_length + INDEX_LENGTH)
        } else {
            (end, end + INDEX_LENGTH)
        };
        let key = find_key(&self.keys, &packet[mki_at..mki_at + self.mki_length])?;
        let mut word = [0; INDEX_LENGTH];
        word.copy_from_slice(&packet[index_at..index_at + INDEX_LENGTH]);
        let word = u32::from_be_bytes(word);
        if word & E_FLAG == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let index = word & !E_FLAG;

        let at = self.find(ssrc);
        let window = at.map_or(Window::default(), |at| self.streams[at].rtcp);
        let step = window.admit(index.into(), key.number, "srtcp", self.lifetime.srtcp)?;
        let place = Place {
            ssrc,
            index: index.into(),
        };
        let number = key.number;
        key.session
            .rtcp
            .open_rtcp(packet, end, place, self.mki_length)?;
        let stream = self.begun(at, ssrc)?;
        stream.rtcp.accept(index.into(), step, number);
        Ok((index, end))
    }

    /// A key like those that are there.
    fn key(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<Key, SrtpError> {
        same_form((self.suite, self.mki_length), (key.suite(), mki))?;
        let number = self.next_key;
        self.next_key = number.wrapping_add(1);
        Ok(Key {
            session: Session::new(key)?,
            mki: octets(mki),
            number,
        })
    }

    /// Where the stream is, or would be.
    #[inline]
    fn find(&self, ssrc: u32) -> Result<usize, usize> {
        match self.streams.get(self.recent) {
            Some(stream) if stream.ssrc == ssrc => Ok(self.recent),
            _ => self.streams.binary_search_by_key(&ssrc, |s| s.ssrc),
        }
    }

    /// The stream, of which a packet was opened.
    #[inline]
    fn begun(&mut self, at: Result<usize, usize>, ssrc: u32) -> Result<&mut Stream, SrtpError> {
        match at {
            Ok(at) => {
                self.recent = at;
                Ok(&mut self.streams[at])
            }
            Err(at) => self.insert(at, ssrc),
        }
    }

    fn insert(&mut self, at: usize, ssrc: u32) -> Result<&mut Stream, SrtpError> {
        if self.streams.len() >= MOST_STREAMS {
            return Err(SrtpError::Streams(MOST_STREAMS));
        }
        self.streams.insert(
            at,
            Stream {
                ssrc,
                roc: 0,
                rtp: Window::default(),
                rtcp: Window::default(),
            },
        );
        self.recent = at;
        Ok(&mut self.streams[at])
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, streams) = (self.keys.len(), self.streams.len());
        write!(
            f,
            "Receiver({}, {keys} keys, {streams} streams)",
            self.suite
        )
    }
}

/// The key that a packet with this MKI is under. Without MKIs there is one
/// key, and nothing is compared: comparing nothing costs as much as a tenth of
/// opening a packet where the library does it by a masked load of no address.
#[inline]
fn find_key<'a>(keys: &'a [Key], mki: &[u8]) -> Result<&'a Key, SrtpError> {
    let found = if mki.is_empty() {
        keys.first()
    } else {
        keys.iter().find(|key| *key.mki == *mki)
    };
    found.ok_or(SrtpError::UnknownMki)
}

/// A master key at work.
struct Key {
    session: Session,
    mki: Box<[u8]>,
    /// Tells it from every other key of the receiver.
    number: u32,
}

/// Where a stream is.
struct Stream {
    ssrc: u32,
    /// The roll-over counter of its first packet.
    roc: u32,
    rtp: Window<48>,
    rtcp: Window<31>,
}
