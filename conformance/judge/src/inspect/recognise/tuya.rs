//! Devices of Tuya and of Xiaomi in their local networks: messages whose content
//! has blocks of AES under a key of the device.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, tuya},
    inspect::{Claim, Scene},
};

/// Messages that identify a protocol.
const ENOUGH: usize = 2;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let claim = match flow.transport {
        TransportProtocol::Tcp => tuya(flow),
        TransportProtocol::Udp | TransportProtocol::Sctp => broadcast(flow).or_else(|| miio(flow)),
    };
    claim.into_iter().collect()
}

fn tuya(flow: &Flow) -> Option<Claim> {
    let (mut messages, mut sealed, mut gcm) = (0, 0, 0);
    for stream in [&flow.from_a, &flow.from_b] {
        let mut rest = stream.bytes.as_slice();
        while let Some(message) = tuya::read(rest) {
            messages += 1;
            gcm += usize::from(message.gcm);
            sealed += usize::from(message.gcm || is_blocks(message.content));
            rest = rest.get(message.length..).unwrap_or_default();
        }
        // A message that goes on, or that was cut, at the end of what was captured.
        let gap = !stream.gaps.is_empty() || rest.len() < 1024;
        if !rest.is_empty() && !gap {
            return None;
        }
    }
    let place = first(flow);
    if messages < ENOUGH {
        return None;
    }
    let reason = format!(
        "{messages} messages of Tuya's local protocol whose lengths lead to what closes them, {sealed} with encrypted content"
    );
    match (sealed, gcm) {
        (0, _) => Some(Claim::other("tuya", reason).at(place)),
        (_, 0) => {
            let why = "AES in ECB mode".to_owned();
            Some(Claim::sealed("tuya", reason).weak(Some(why)).at(place))
        }
        _ => Some(Claim::sealed("tuya", reason).at(place)),
    }
}

/// Whether content is blocks of 16 octets behind what a message may have in clear:
/// a return code, a version with what belongs to it, and a checksum or HMAC.
fn is_blocks(content: &[u8]) -> bool {
    let code = |c: &[u8]| c.starts_with(&[0, 0, 0]);
    let inner = if code(content) {
        content.get(4..)
    } else {
        Some(content)
    };
    let inner = inner.unwrap_or_default();
    // The suffix is taken off; a CRC of 4 or an HMAC of 32 octets is left.
    [4, 32].iter().any(|digest| {
        let Some(inner) = inner
            .len()
            .checked_sub(*digest)
            .and_then(|l| inner.get(..l))
        else {
            return false;
        };
        let inner = match inner {
            [b'3', b'.', b'2'..=b'5', rest @ ..] => rest.get(12..).unwrap_or_default(),
            _ => inner,
        };
        !inner.is_empty() && inner.len() % 16 == 0 && !inner.is_ascii()
    })
}

/// What devices tell everybody: under a key that was published, or in clear.
fn broadcast(flow: &Flow) -> Option<Claim> {
    let all = flow.parts().all(|(_, datagram)| {
        tuya::read(datagram).is_some_and(|message| message.length == datagram.len())
    });
    let messages = flow.parts().count();
    let reason = format!(
        "{messages} announcements of Tuya devices, in clear or under a key that is the same for all and published"
    );
    (all && messages > 0).then(|| Claim::other("tuya-discovery", reason).at(first(flow)))
}

fn miio(flow: &Flow) -> Option<Claim> {
    let (mut messages, mut sealed) = (0, 0);
    let mut devices = std::collections::BTreeSet::new();
    for stream in [&flow.from_a, &flow.from_b] {
        for (_, datagram) in stream.parts() {
            let message = tuya::miio(datagram)?;
            messages += 1;
            sealed += usize::from(message.content > 0);
            if message.device != u32::MAX {
                devices.insert(message.device);
            }
        }
    }
    let reason = format!(
        "{messages} messages of miIO whose lengths fill the datagrams, {sealed} with encrypted content"
    );
    if messages == 0 || devices.len() > 1 {
        return None;
    }
    match sealed {
        0 => Some(Claim::other("miio", reason).at(first(flow))),
        1 if messages < ENOUGH => None,
        _ => Some(Claim::sealed("miio", reason).at(first(flow))),
    }
}

fn first(flow: &Flow) -> Option<Place> {
    flow.from_a.place(0).or_else(|| flow.from_b.place(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dissect::tuya::tests::{message, of_miio},
        inspect::recognise::talk::{alone, noise, tcp, told, udp},
    };

    use super::*;

    #[test]
    fn messages_with_blocks_are_sealed() {
        let head = [&b"3.3"[..], &[0; 12]].concat();
        let command = message(7, &[&head[..], &noise(1, 64)].concat());
        let answer = message(8, &[&[0; 4][..], &head, &noise(2, 48)].concat());
        let flow = tcp(&[(true, command), (false, answer)]);
        let claims = alone(recognise, &flow);
        assert_eq!(
            (claims[0].label().name(), &*claims[0].kind),
            ("sealed", "tuya")
        );
        let clear = message(10, br#"{"gwId":"x","devId":"y"}"#);
        let flow = tcp(&[(true, clear.clone()), (false, clear.clone())]);
        assert_eq!(told(recognise, &flow), Some(("other", "tuya".into())));
        let flow = udp(&[(true, clear)]);
        assert_eq!(
            told(recognise, &flow),
            Some(("other", "tuya-discovery".into()))
        );
    }

    #[test]
    fn miio_is_sealed_by_two_messages_of_a_device() {
        let (one, two) = (
            of_miio([1, 2, 3, 4], &noise(1, 64)),
            of_miio([1, 2, 3, 4], &noise(2, 32)),
        );
        let flow = udp(&[(true, one.clone()), (false, two)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "miio".into())));
        let other = of_miio([9, 2, 3, 4], &noise(2, 32));
        assert_eq!(told(recognise, &udp(&[(true, one), (false, other)])), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let own = message(7, &octets);
            let flow = tcp(&[(true, own.clone()), (false, octets.clone())]);
            let _ = alone(recognise, &flow);
            let _ = alone(recognise, &udp(&[(true, own), (false, octets)]));
        }
    }
}
