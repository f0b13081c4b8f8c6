//! OpenVPN packets by their first octets (OpenVPN protocol, 2024: opcode, key id,
//! session ID, acknowledgements; `ssl_pkt.h`'s layouts with tls-auth).

/// Opcodes.
pub mod opcode {
    /// P_CONTROL_HARD_RESET_CLIENT_V1.
    pub const HARD_RESET_CLIENT_V1: u8 = 1;
    /// P_CONTROL_HARD_RESET_SERVER_V1.
    pub const HARD_RESET_SERVER_V1: u8 = 2;
    /// P_CONTROL_SOFT_RESET_V1.
    pub const SOFT_RESET_V1: u8 = 3;
    /// P_CONTROL_V1.
    pub const CONTROL_V1: u8 = 4;
    /// P_ACK_V1.
    pub const ACK_V1: u8 = 5;
    /// P_DATA_V1.
    pub const DATA_V1: u8 = 6;
    /// P_CONTROL_HARD_RESET_CLIENT_V2.
    pub const HARD_RESET_CLIENT_V2: u8 = 7;
    /// P_CONTROL_HARD_RESET_SERVER_V2.
    pub const HARD_RESET_SERVER_V2: u8 = 8;
    /// P_DATA_V2.
    pub const DATA_V2: u8 = 9;
    /// P_CONTROL_HARD_RESET_CLIENT_V3.
    pub const HARD_RESET_CLIENT_V3: u8 = 10;
    /// P_CONTROL_WKC_V1.
    pub const CONTROL_WKC_V1: u8 = 11;
}

/// Octets of HMACs that tls-auth may put before: none, MD5, SHA-1, SHA-224, SHA-256,
/// SHA-512.
const HMACS: [usize; 6] = [0, 16, 20, 28, 32, 64];

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Of the control channel.
    Control {
        /// Its opcode.
        opcode: u8,
        /// Key ID.
        key: u8,
        /// Session ID of its sender.
        session: [u8; 8],
    },
    /// P_DATA_V1.
    DataV1,
    /// P_DATA_V2.
    DataV2 {
        /// Peer ID.
        peer: u32,
        /// What follows: a packet ID, if the suite is AEAD.
        number: u32,
    },
}

/// Reads a packet; `None` if its opcode is none, or it is too short.
pub fn read(octets: &[u8]) -> Option<Packet> {
    let (&first, rest) = octets.split_first()?;
    let (opcode, key) = (first >> 3, first & 7);
    match opcode {
        opcode::DATA_V1 => (rest.len() >= 16).then_some(Packet::DataV1),
        opcode::DATA_V2 => {
            let &[a, b, c, d, e, f, g] = rest.first_chunk()?;
            (rest.len() >= 7 + 16).then_some(Packet::DataV2 {
                peer: u32::from_be_bytes([0, a, b, c]),
                number: u32::from_be_bytes([d, e, f, g]),
            })
        }
        opcode::HARD_RESET_CLIENT_V1..=opcode::CONTROL_WKC_V1 => {
            let session = *rest.first_chunk::<8>()?;
            // Resets begin with key 0; every packet has acknowledgements or more.
            let reset = is_client_reset(opcode) || is_server_reset(opcode);
            let fits = session != [0; 8] && rest.len() >= 9 && (!reset || key == 0);
            fits.then_some(Packet::Control {
                opcode,
                key,
                session,
            })
        }
        _ => None,
    }
}

/// Whether it is the first packet of a client; those of version 1 are not spoken any
/// more.
pub fn is_client_reset(opcode: u8) -> bool {
    matches!(
        opcode,
        opcode::HARD_RESET_CLIENT_V2 | opcode::HARD_RESET_CLIENT_V3
    )
}

/// Whether it is the first packet of a server.
pub fn is_server_reset(opcode: u8) -> bool {
    opcode == opcode::HARD_RESET_SERVER_V2
}

/// Whether a packet of the control channel, without tls-crypt, shows more than its
/// session: it acknowledges packets of the other's, or begins with a record of TLS.
pub fn is_answer(octets: &[u8], other: Option<[u8; 8]>) -> bool {
    let Some(Packet::Control { opcode, .. }) = read(octets) else {
        return false;
    };
    HMACS.iter().any(|hmac| {
        // With an HMAC come a packet ID and a time.
        let wrapped = if *hmac == 0 { 0 } else { hmac + 8 };
        let Some((&acks, rest)) = octets.get(9 + wrapped..).and_then(<[u8]>::split_first) else {
            return false;
        };
        let acks = usize::from(acks);
        let after = 4 * acks + if acks > 0 { 8 } else { 0 };
        let Some(message) = rest.get(after..).filter(|_| acks <= 8) else {
            return false;
        };
        let told = rest
            .get(4 * acks..after)
            .and_then(|id| id.first_chunk::<8>());
        let named = told.is_some() && told == other.as_ref();
        match (opcode, message) {
            (opcode::ACK_V1, []) => named,
            (opcode::CONTROL_V1, [_, _, _, _, 22, 3, 0..=4, ..]) => named || acks == 0,
            (opcode::HARD_RESET_SERVER_V2, [0, 0, 0, 0]) => named,
            _ => false,
        }
    })
}

/// Packet ID and time of a packet of the control channel, one pair for each length
/// that an HMAC before them may have (tls-auth), or none (tls-crypt).
pub fn stamps(octets: &[u8]) -> [Option<(u32, u32)>; HMACS.len()] {
    HMACS.map(|hmac| {
        let &[a, b, c, d, e, f, g, h] = octets.get(9 + hmac..)?.first_chunk()?;
        let (id, time) = (
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        );
        Some((id, time))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_of_both_channels_are_read() {
        let reset = [&[7 << 3][..], &[1; 8], &[0, 0, 0, 0, 0]].concat();
        let read_ = read(&reset);
        let session = [1; 8];
        assert_eq!(
            read_,
            Some(Packet::Control {
                opcode: 7,
                key: 0,
                session
            })
        );
        assert!(!is_answer(&reset, None));
        let answer = [&[8 << 3][..], &[2; 8], &[1, 0, 0, 0, 0], &[1; 8], &[0; 4]].concat();
        assert!(is_answer(&answer, Some([1; 8])));
        assert!(!is_answer(&answer, Some([3; 8])));
        // With tls-auth and SHA-1.
        let record = [0, 0, 0, 1, 22, 3, 1];
        let auth = [&[4 << 3][..], &[1; 8], &[9; 28], &[0], &record].concat();
        assert!(is_answer(&auth, None));
        let stamp = [&[4 << 3][..], &[1; 8], &[0, 0, 0, 7, 0x62, 0, 0, 0]].concat();
        assert_eq!(stamps(&stamp)[0], Some((7, 0x6200_0000)));
        let data = [&[9 << 3, 0, 0, 5, 0, 0, 0, 8][..], &[7; 40]].concat();
        assert_eq!(read(&data), Some(Packet::DataV2 { peer: 5, number: 8 }));
        assert_eq!(read(&[12 << 3; 40]), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = (read(&octets), is_answer(&octets, Some([1; 8])), stamps(&octets));
        }
    }
}
