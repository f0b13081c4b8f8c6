//! SRTP whose keys somebody told in clear: they are used, and a tag that
//! authenticates under them proves that anybody could.

use super::{Source, sets, sources, tracks};
use crate::{
    dissect::{Flow, Stream, key_attribute::Crypto},
    inspect::{Claim, Scene},
    open::srtp::{KeyRing, MasterKey, Streams, of_crypto},
};

/// Keys that are tried.
const MOST_KEYS: usize = 32;
/// Packets of a source that have to open, and among how many.
const MIN_OPENED: usize = 3;
const TRIED: usize = 24;

/// The keys that descriptions in clear tell (RFC 4568), those first that name a port
/// of the flow.
pub(super) fn told(scene: &Scene<'_>, flow: &Flow) -> Vec<MasterKey> {
    let ports = [flow.a.port(), flow.b.port()];
    let all = || scene.descriptions.iter().flat_map(|d| &d.sdp.media);
    let of_flow = all().filter(|media| ports.contains(&media.port));
    let media = of_flow.chain(all());
    let values = media.flat_map(|media| &media.crypto);
    let keys = values.filter_map(|value| Crypto::parse(value));
    keys.flat_map(|crypto| of_crypto(&crypto))
        .take(MOST_KEYS)
        .collect()
}

pub(super) fn opened(
    scene: &Scene<'_>,
    flow: &Flow,
    ring: &KeyRing,
    source: &Source<'_>,
    stream: &Stream,
) -> Option<Claim> {
    if ring.is_empty() {
        return None;
    }
    let mut streams = Streams::new(ring);
    let mut opened: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, packet) in source.packets.iter().enumerate() {
        if index == TRIED && opened.len() < MIN_OPENED {
            return None;
        }
        if let Some(found) = streams.rtp(packet.octets) {
            opened.push((index, found.opened.packet));
        }
    }
    if opened.len() < MIN_OPENED {
        return None;
    }
    let clear = opened.iter().filter_map(|(index, octets)| {
        let packet = source.packets.get(*index)?;
        let header = crate::dissect::rtp::Header::parse(octets)?;
        Some(super::Packet {
            payload: octets.get(header.payload)?,
            octets,
            ..*packet
        })
    });
    let clear = clear.collect();
    let clear = sources::Source {
        packets: clear,
        ..source.clone()
    };
    let tracks = tracks(&clear, |payload_type| scene.format_of(payload_type));
    let sets = |payload_type, format| sets::told(scene, flow, payload_type, format);
    let media = super::in_clear(&clear, &tracks, stream, &sets);
    let media = media.into_iter().filter_map(|claim| match claim.standing {
        crate::inspect::Standing::Clear { media, .. } => Some(media),
        _ => None,
    });
    let reason = format!(
        "{}, SSRC {:08x}: {} of {} packets open and authenticate with a key that a session description told in clear",
        source.carriage.words(),
        source.ssrc,
        opened.len(),
        source.packets.len()
    );
    let place = source.packets.first().and_then(|p| stream.place(p.at));
    Some(Claim::clear("srtp/sdes", media.flatten().collect(), reason).at(place))
}
