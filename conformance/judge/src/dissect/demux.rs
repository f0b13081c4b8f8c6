//! What a datagram is on a port that STUN, DTLS and SRTP share, by its first
//! octet (RFC 7983 7, RFC 9443 3).

/// What a first octet means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 0 to 3: STUN (RFC 8489).
    Stun,
    /// 16 to 19: ZRTP (RFC 6189).
    Zrtp,
    /// 20 to 63: DTLS.
    Dtls,
    /// 64 to 79: a channel of TURN (RFC 8656).
    TurnChannel,
    /// 128 to 191: RTP or RTCP.
    Rtp,
    /// Nothing that has a place there.
    Other,
}

impl Kind {
    /// That of a datagram; [`Kind::Other`] if it is empty.
    pub fn of(datagram: &[u8]) -> Self {
        match datagram.first() {
            Some(0..=3) => Self::Stun,
            Some(16..=19) => Self::Zrtp,
            Some(20..=63) => Self::Dtls,
            Some(64..=79) => Self::TurnChannel,
            Some(128..=191) => Self::Rtp,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_first_octet_has_its_meaning() {
        let kinds: Vec<_> = (0..=255).map(|octet| Kind::of(&[octet])).collect();
        let count = |kind| kinds.iter().filter(|k| **k == kind).count();
        let counted = [
            Kind::Stun,
            Kind::Zrtp,
            Kind::Dtls,
            Kind::TurnChannel,
            Kind::Rtp,
        ]
        .map(count);
        assert_eq!(counted, [4, 4, 44, 16, 64]);
        let edges = [0, 3, 4, 15, 16, 20, 63, 64, 79, 80, 127, 128, 191, 192].map(|o| kinds[o]);
        use Kind::{Dtls, Other, Rtp, Stun, TurnChannel, Zrtp};
        assert_eq!(
            edges,
            [
                Stun,
                Stun,
                Other,
                Other,
                Zrtp,
                Dtls,
                Dtls,
                TurnChannel,
                TurnChannel,
                Other,
                Other,
                Rtp,
                Rtp,
                Other
            ]
        );
        assert_eq!(Kind::of(&[]), Kind::Other);
    }
}
