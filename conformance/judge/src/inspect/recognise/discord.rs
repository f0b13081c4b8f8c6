//! Discord's voice: its discovery of addresses (74 octets, as its developers
//! document it), and what has the form of RTP behind it, which is always encrypted.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, rtp},
    inspect::{Claim, Scene},
};

/// Octets of a discovery, asked or answered.
const DISCOVERY: usize = 74;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let both = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let claims = both.into_iter().filter_map(|(client, server)| {
        let mut asked = client.parts().filter_map(|(piece, octets)| {
            let ssrc = discovery(octets, 1)?;
            Some((ssrc, piece))
        });
        let (ssrc, piece) = asked.next()?;
        let answered = server.parts().any(|(_, octets)| discovery(octets, 2) == Some(ssrc));
        let ends = [client, server];
        let parts = ends.iter().flat_map(|stream| stream.parts());
        let media = parts.filter(|(_, o)| rtp::is_rtp(o) || rtp::is_rtcp(o)).count();
        let own = client.parts().any(|(_, octets)| {
            let header = rtp::Header::parse(octets).map(|header| header.ssrc);
            // RTCP has its sender at 4.
            let sender = octets.get(4..8).and_then(|s| s.first_chunk::<4>());
            let sender = sender.map(|s| u32::from_be_bytes(*s));
            header == Some(ssrc) || rtp::is_rtcp(octets) && sender == Some(ssrc)
        });
        let reason = format!(
            "Discord's discovery of an address for SSRC {ssrc}, {}; {media} packets in the form of RTP or RTCP",
            if answered { "and its answer" } else { "not answered" }
        );
        let place = Place {
            packet: piece.packet,
            offset: piece.offset,
        };
        let sealed = media > 0 && (answered || own);
        sealed.then(|| Claim::sealed("discord", reason).at(Some(place)))
    });
    claims.take(1).collect()
}

/// The SSRC of a discovery: type, the length of what follows it, SSRC, an address
/// in text (64 octets, empty where it is asked for) and a port.
fn discovery(octets: &[u8], kind: u8) -> Option<u32> {
    let &[0, found, 0, 70, a, b, c, d, ref rest @ ..] = octets.first_chunk::<DISCOVERY>()? else {
        return None;
    };
    let address = rest.first_chunk::<64>()?;
    let end = address.iter().position(|octet| *octet == 0)?;
    let (text, zeros) = address.split_at(end);
    let empty = zeros.iter().all(|octet| *octet == 0);
    let text = std::str::from_utf8(text).ok()?;
    let address = match kind {
        1 => text.is_empty(),
        _ => text.parse::<std::net::IpAddr>().is_ok(),
    };
    let fits = found == kind && empty && address && octets.len() == DISCOVERY;
    fits.then(|| u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, told, udp};

    use super::*;

    fn packet(kind: u8, address: &str) -> Vec<u8> {
        let mut octets = vec![0, kind, 0, 70, 0, 1, 2, 3];
        octets.extend(address.bytes());
        octets.resize(72, 0);
        octets.extend([0xc3, 0x50]);
        octets
    }

    #[test]
    fn discovery_and_its_answer_identify_the_media() {
        let media = [
            &[0x90, 0x78, 0, 1, 0, 0, 0, 1, 0, 1, 2, 3, 0xbe, 0xde, 0, 0][..],
            &noise(1, 60),
        ];
        let said = [
            (true, packet(1, "")),
            (false, packet(2, "192.0.2.1")),
            (true, media.concat()),
        ];
        let sealed = Some(("sealed", "discord".to_owned()));
        assert_eq!(told(recognise, &udp(&said)), sealed);
        assert_eq!(
            told(recognise, &udp(&[said[0].clone(), said[2].clone()])),
            sealed
        );
        assert_eq!(told(recognise, &udp(&said[..2])), None);
        assert_eq!(told(recognise, &udp(&said[2..])), None);
        let no_address = (false, packet(2, "somewhere"));
        let other = (
            false,
            said[2]
                .1
                .iter()
                .enumerate()
                .map(|(i, o)| if i == 11 { 9 } else { *o })
                .collect(),
        );
        assert_eq!(
            told(
                recognise,
                &udp(&[said[0].clone(), no_address.clone(), other])
            ),
            None
        );
        assert_eq!(told(recognise, &udp(&[said[0].clone(), no_address])), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headed = packet(1, "");
            headed.splice(4..4 + octets.len().min(70), octets.iter().take(70).copied());
            let _ = alone(recognise, &udp(&[(true, headed), (false, octets)]));
        }
    }
}
