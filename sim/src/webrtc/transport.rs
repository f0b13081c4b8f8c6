//! Datagrams on one port (RFC 7983), and SRTP as our engine seals and opens it.

use std::{fmt, net::SocketAddr};

use super::copying::{RTCP_TAIL, RTP_TAIL};
use crate::{
    fault::Fault,
    rtp::Packets,
    seal::{
        keys::DtlsSrtpKeys,
        srtp::{Receiver, ReceiverOptions, RtpSealer, Sender, SenderOptions, SrtpError},
    },
};

/// What a datagram is by its first octets (RFC 7983 7, RFC 5761 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
}

impl Kind {
    /// None for what belongs to no protocol that is spoken here.
    pub(super) fn of(datagram: &[u8]) -> Option<Self> {
        match datagram {
            [0..=3, ..] => Some(Self::Stun),
            [20..=63, ..] => Some(Self::Dtls),
            [128..=191, 192..=223, ..] => Some(Self::Rtcp),
            [128..=191, ..] => Some(Self::Rtp),
            _ => None,
        }
    }
}

/// One address of an end, and one of the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// That of its socket, or one that a TURN server gave it.
    pub(super) local: SocketAddr,
    /// The other's.
    pub(super) remote: SocketAddr,
}

/// SRTP and SRTCP of one connection.
pub(super) struct Transport {
    sender: Box<dyn RtpSealer>,
    receiver: Receiver,
    sealed: Packets,
    opened: Packets,
}

impl Transport {
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses the keys.
    pub(super) fn new(mut keys: DtlsSrtpKeys, fault: &Fault) -> Result<Self, SrtpError> {
        if let Some(change) = fault.dtls_srtp {
            change(&mut keys);
        }
        let options = SenderOptions::default();
        let sender: Box<dyn RtpSealer> = match fault.srtp {
            Some(make) => make(&keys.seals, &options)?,
            None => Box::new(Sender::new(&keys.seals, options)?),
        };
        Ok(Self {
            sealed: Packets::with_room(sender.overhead()),
            sender,
            receiver: Receiver::new(&keys.opens, ReceiverOptions::default())?,
            opened: Packets::new(),
        })
    }

    /// Adds an RTP packet to those that are sealed next.
    pub(super) fn push(&mut self, packet: &[u8]) {
        self.sealed.push(packet);
    }

    /// Seals what was added since.
    ///
    /// # Errors
    ///
    /// What keeps a packet from being sealed; nothing is there then.
    pub(super) fn seal(&mut self) -> Result<&Packets, SrtpError> {
        if let Err(error) = self.sender.seal(&mut self.sealed) {
            self.sealed.clear();
            return Err(error);
        }
        Ok(&self.sealed)
    }

    /// Forgets what was sealed.
    pub(super) fn clear(&mut self) {
        self.sealed.clear();
    }

    /// Seals an RTCP packet.
    ///
    /// # Errors
    ///
    /// What keeps it from being sealed.
    pub(super) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        self.sender.seal_rtcp(packet)
    }

    /// Opens an RTP packet.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub(super) fn open(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        self.opened.clear();
        self.opened.push(packet);
        for result in self.receiver.open(&mut self.opened) {
            (*result)?;
        }
        Ok(self.opened.iter().next().unwrap_or_default().to_vec())
    }

    /// Opens an RTCP packet.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub(super) fn open_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let mut packet = packet.to_vec();
        self.receiver.open_rtcp(&mut packet)?;
        Ok(packet)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({} waiting)", self.sealed.len())
    }
}

/// The packet without what str0m takes for a tag.
pub(super) fn without_tail(kind: Kind, octets: &[u8]) -> Option<&[u8]> {
    let tail = match kind {
        Kind::Rtp => RTP_TAIL,
        Kind::Rtcp => RTCP_TAIL,
        Kind::Stun | Kind::Dtls => return None,
    };
    octets.get(..octets.len().checked_sub(tail)?)
}

/// The packet with it.
pub(super) fn with_tail(kind: Kind, mut packet: Vec<u8>) -> Vec<u8> {
    match kind {
        Kind::Rtp => packet.extend([0; RTP_TAIL]),
        Kind::Rtcp => {
            packet.extend([0; RTCP_TAIL]);
            // The E flag, without which nothing is taken to be encrypted.
            if let Some(word) = packet.len().checked_sub(4) {
                packet[word] = 0x80;
            }
        }
        Kind::Stun | Kind::Dtls => {}
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octets_tell_what_a_datagram_is() {
        let kinds = [
            (&[0][..], Some(Kind::Stun)),
            (&[3, 9], Some(Kind::Stun)),
            (&[4], None),
            (&[19, 0], None),
            (&[20], Some(Kind::Dtls)),
            (&[63, 1], Some(Kind::Dtls)),
            (&[64, 1], None),
            (&[127], None),
            (&[128, 96], Some(Kind::Rtp)),
            (&[0x80, 200], Some(Kind::Rtcp)),
            (&[191, 224], Some(Kind::Rtp)),
            (&[192, 96], None),
            (&[], None),
        ];
        for (datagram, kind) in kinds {
            assert_eq!(Kind::of(datagram), kind, "{datagram:?}");
        }
    }

    #[test]
    fn a_tail_comes_off_again() {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            let with = with_tail(kind, vec![7; 12]);
            assert_eq!(without_tail(kind, &with), Some(&[7; 12][..]));
            assert_eq!(without_tail(kind, &[1; 15]), None);
        }
    }
}
