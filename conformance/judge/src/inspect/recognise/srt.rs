//! SRT (draft-sharabayko-srt-01): a handshake that says whether data are encrypted,
//! and data that say so packet by packet.

use lightleak_case::TransportProtocol;

use crate::{
    decoder::{Elementary, Format},
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

use super::ts;

/// Octets of every header (3).
const HEADER: usize = 16;
/// Packets of data that have to be seen.
const MIN_DATA: usize = 8;
/// Octets of data that are kept.
const MOST_OCTETS: usize = 24 << 20;

/// What one side sent.
#[derive(Default)]
struct Side {
    handshakes: usize,
    /// Handshakes or control packets that bring key material (3.2.2).
    keys: usize,
    /// Other control packets.
    control: usize,
    data: usize,
    /// Those whose sequence numbers go on.
    continued: usize,
    encrypted: usize,
    /// Payload that is whole packets of a transport stream.
    transport: Vec<u8>,
    other: usize,
    last: Option<u32>,
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let sides = [read(&flow.from_a), read(&flow.from_b)];
    let sum = |of: fn(&Side) -> usize| -> usize { sides.iter().map(of).sum() };
    let (handshakes, data, control) = (sum(|s| s.handshakes), sum(|s| s.data), sum(|s| s.control));
    if sum(|s| s.other) * 4 > handshakes + data + control {
        return Vec::new();
    }
    let goes_on = data >= MIN_DATA && sum(|s| s.continued) * 10 >= data * 7;
    // Without a handshake, both sides have to answer each other.
    let known = handshakes >= 2 || (goes_on && control >= 3);
    let (encrypted, keys) = (sum(|s| s.encrypted), sum(|s| s.keys));
    if !known {
        return Vec::new();
    }
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let mut claims = Vec::new();
    if encrypted > 0 && encrypted * 20 >= data * 19 && handshakes + keys > 0 {
        let reason = format!(
            "{handshakes} handshakes of SRT, {keys} times with key material; {encrypted} of {data} data packets say that they are encrypted"
        );
        claims.push(Claim::sealed("srt", reason).at(place));
    }
    for side in sides {
        let survey = ts::survey(&side.transport);
        if let Some(reason) = survey.media_in_clear() {
            let kind = survey.codec().replacen("ts", "srt", 1);
            let reason = format!(
                "{handshakes} handshakes of SRT, {} of {data} data packets not encrypted: {reason}",
                data - encrypted.min(data)
            );
            let media = vec![Elementary {
                format: Format::MpegTs,
                octets: side.transport,
            }];
            claims.push(Claim::clear(kind, media, reason).at(place));
        }
    }
    if claims.is_empty() {
        let reason =
            format!("{handshakes} handshakes and {control} control packets of SRT, {data} of data");
        claims.push(
            match data {
                0 => Claim::other("srt", reason),
                _ => Claim::unknown("srt", reason),
            }
            .at(place),
        );
    }
    claims
}

fn read(stream: &Stream) -> Side {
    let mut side = Side::default();
    for (_, octets) in stream.parts() {
        match packet(&mut side, octets) {
            Some(()) => {}
            None => side.other += 1,
        }
        let known = side.handshakes + side.control + side.data;
        if side.other > 16 && known < side.other {
            break;
        }
    }
    side
}

fn packet(side: &mut Side, octets: &[u8]) -> Option<()> {
    let (header, body) = octets.split_first_chunk::<HEADER>()?;
    let &[h0, h1, h2, h3, m0, ..] = header;
    let word = u32::from_be_bytes([h0, h1, h2, h3]);
    if h0 & 0x80 != 0 {
        // Control packets (3.2): their subtype is 0, but of user-defined ones.
        match (word >> 16 & 0x7fff, word & 0xffff) {
            (0, 0) => return handshake(side, body),
            (0x7fff, 3 | 4) => side.keys += 1,
            (0x7fff, 1 | 2) => {}
            // Keep-alive, ACK, NAK, shutdown, ACKACK, drop request, peer error.
            (1 | 5, 0) if body.len() <= 4 => {}
            (2, 0) if matches!(body.len(), 4 | 16 | 24 | 28 | 32) => {}
            (3, 0) if !body.is_empty() && body.len().is_multiple_of(4) => {}
            (6, 0) if body.len() <= 4 => {}
            (7, 0) if body.len() == 8 => {}
            (8, 0) => {}
            _ => return None,
        }
        side.control += 1;
        return Some(());
    }
    if body.is_empty() || body.len() > 1456 {
        return None;
    }
    side.data += 1;
    if let Some(last) = side.last.replace(word) {
        let step = word.wrapping_sub(last) & 0x7fff_ffff;
        side.continued += usize::from((1..=16).contains(&step));
    } else {
        side.continued += 1;
    }
    match m0 >> 3 & 3 {
        0 if ts::whole(body) == Some(0) && side.transport.len() < MOST_OCTETS => {
            side.transport.extend_from_slice(body);
        }
        0 => {}
        3 => return None,
        _ => side.encrypted += 1,
    }
    Some(())
}

/// A handshake (3.2.1): version 4 or 5, a type that there is, extensions that fill it.
fn handshake(side: &mut Side, body: &[u8]) -> Option<()> {
    const SHORTEST: usize = 48;
    /// SRT_CMD_KMREQ and SRT_CMD_KMRSP (3.2.1.2).
    const KEYS: [u16; 2] = [3, 4];
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(*body.get(at..at + 4)?.first_chunk()?))
    };
    let version = word(0)?;
    let mtu = word(12)?;
    if !(4..=5).contains(&version) || !(64..=9000).contains(&mtu) || body.len() < SHORTEST {
        return None;
    }
    let kind = word(20)?;
    // Wave, induction, conclusion, agreement, or why it is refused.
    if !matches!(kind, 0 | 1 | 0xffff_ffff | 0xffff_fffe | 1000..=1020) {
        return None;
    }
    let mut rest = body.get(SHORTEST..)?;
    while let &[k1, k0, l1, l0, ref after @ ..] = rest {
        let length = 4 * usize::from(u16::from_be_bytes([l1, l0]));
        rest = after.get(length..)?;
        side.keys += usize::from(KEYS.contains(&u16::from_be_bytes([k1, k0])));
    }
    side.handshakes += 1;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inspect::{
        Label,
        recognise::talk::{between, kinds},
    };

    fn claims(from_a: &[Vec<u8>], from_b: &[Vec<u8>]) -> Vec<(String, Label)> {
        kinds(recognise, &between(TransportProtocol::Udp, from_a, from_b))
    }

    fn handshake_packet(keys: bool) -> Vec<u8> {
        let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        packet.extend([
            0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 5, 220, 0, 0, 32, 0,
        ]);
        packet.extend([0xff; 4]);
        packet.resize(64, 3);
        if keys {
            packet.extend([0, 3, 0, 1, 1, 2, 3, 4]);
        }
        packet
    }

    fn data(sequence: u8, key: u8, payload: &[u8]) -> Vec<u8> {
        let header = [
            0,
            0,
            1,
            sequence,
            0xc0 | key << 3,
            0,
            0,
            1,
            0,
            0,
            0,
            9,
            0,
            0,
            0,
            2,
        ];
        [&header[..], payload].concat()
    }

    fn transport() -> Vec<Vec<u8>> {
        let packet = |n: u8| {
            let mut packet = vec![0x47, 0x41, 1, 0x10 | n & 15, 0, 0, 1, 0xe0, 0, 0];
            packet.resize(188, n);
            packet
        };
        (0..12).map(|n| data(n, 0, &packet(n))).collect()
    }

    #[test]
    fn without_encryption_media_are_a_leak() {
        let shakes = vec![handshake_packet(false)];
        let sent = [shakes.clone(), transport()].concat();
        assert_eq!(claims(&sent, &shakes), [("srt".into(), Label::Leak)]);
    }

    #[test]
    fn with_encryption_it_is_sealed() {
        let noise = |n: u8| super::super::rtp::testing_noise(n.into(), 188);
        let encrypted = (0..12).map(|n| data(n, 1, &noise(n)));
        let sent: Vec<_> = std::iter::once(handshake_packet(true))
            .chain(encrypted)
            .collect();
        assert_eq!(
            claims(&sent, &[handshake_packet(true)]),
            [("srt".into(), Label::Sealed)]
        );
    }

    #[test]
    fn data_without_anything_else_are_not_enough() {
        let noise = |n: u8| super::super::rtp::testing_noise(n.into(), 188);
        let lone: Vec<_> = (0..20).map(|n| data(n, 1, &noise(n))).collect();
        assert!(claims(&lone, &[]).is_empty());
        let noise: Vec<_> = (0..20).map(noise).collect();
        assert!(claims(&noise, &noise).is_empty());
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(
            at in 0..80_usize, octet in any::<u8>(), cut in 0..90_usize,
        ) {
            let mut packet = handshake_packet(true);
            if let Some(place) = packet.get_mut(at) {
                *place = octet;
            }
            packet.truncate(cut);
            let _ = claims(&[packet.clone(), packet], &transport());
        }
    }
}
