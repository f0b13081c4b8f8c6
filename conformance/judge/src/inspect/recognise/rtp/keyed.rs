//! SRTP whose keys somebody told in clear: they are used, and a tag that
//! authenticates under them proves that anybody could.

use super::{Source, sets, sources, tracks};
use crate::{
    dissect::{Flow, Stream, key_attribute::Crypto, sdp::Media},
    inspect::{Claim, Scene, Standing, recognise::dtls},
    open::srtp::{
        KeyRing, MasterKey, Streams, of_crypto, of_generating_mikey, of_mikey, of_mikey_in_clear,
    },
};

/// Keys that are tried.
const MOST_KEYS: usize = 32;
/// Packets of a source that have to open, and among how many.
const MIN_OPENED: usize = 3;
const TRIED: usize = 24;
/// Session parameter of what is authenticated and not encrypted (RFC 4568 6.3.2).
const UNENCRYPTED: &str = "UNENCRYPTED_SRTP";

/// Keys that were told in clear.
pub(super) struct Told {
    ring: KeyRing,
    by: Vec<(MasterKey, By)>,
}

/// How a key was told, and whether packets are encrypted under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct By {
    name: &'static str,
    words: &'static str,
    encrypts: bool,
}

const SDES: By = By {
    name: "sdes",
    words: "a session description told in clear",
    encrypts: true,
};
const OPENED: &str =
    "a session description told, inside of a session whose secrets came with the capture";
const OPENED_MIKEY: &str =
    "a message of MIKEY told, inside of a session whose secrets came with the capture";
const SECRETS: By = By {
    name: "secrets",
    words: "the secrets give which came with the capture",
    encrypts: true,
};
const MIKEY: By = By {
    name: "mikey",
    words: "a message of MIKEY told in clear",
    encrypts: true,
};

impl Told {
    /// The keys that descriptions in clear tell (RFC 4568), and messages of MIKEY
    /// (RFC 3830): those first that name a port of the flow or that were told between
    /// its hosts.
    pub(super) fn read(scene: &Scene<'_>, flow: &Flow) -> Self {
        let mut by: Vec<(bool, (MasterKey, By))> = Vec::new();
        for description in &scene.descriptions {
            for media in &description.sdp.media {
                let is_near = description.names(media, flow);
                by.extend(of_media(media).map(|(key, mut by)| {
                    if description.opened {
                        by.words = OPENED;
                    }
                    (is_near, (key, by))
                }));
            }
        }
        let hosts = [flow.a.ip(), flow.b.ip()];
        for keying in &scene.mikeys {
            let mikey = &keying.mikey;
            let told = scene.traffic.flows.get(keying.flow);
            let is_near =
                told.is_some_and(|f| hosts.contains(&f.a.ip()) && hosts.contains(&f.b.ip()));
            let plain = of_mikey_in_clear(mikey);
            let plain = plain.into_iter().map(|key| (key, false));
            let sealed = of_mikey(mikey)
                .into_iter()
                .chain(of_generating_mikey(mikey))
                .map(|key| (key, true));
            by.extend(plain.chain(sealed).map(|(key, encrypts)| {
                let words = match keying.opened {
                    false => MIKEY.words,
                    true => OPENED_MIKEY,
                };
                let how = By {
                    encrypts,
                    words,
                    ..MIKEY
                };
                (is_near, (key, how))
            }));
        }
        let exported = dtls::exported(scene, flow).into_iter();
        by.extend(exported.map(|key| (true, (key, SECRETS))));
        by.sort_by_key(|(is_near, _)| !is_near);
        let by: Vec<_> = by.into_iter().map(|(_, key)| key).take(MOST_KEYS).collect();
        Self {
            ring: KeyRing::new(by.iter().map(|(key, _)| key.clone())),
            by,
        }
    }

    /// Whether there is a key under which nothing is encrypted.
    pub(super) fn leaves_clear(&self) -> bool {
        self.by.iter().any(|(_, by)| !by.encrypts)
    }

    /// How the key of that number was told, the first time.
    fn by(&self, number: usize) -> Option<By> {
        let key = self.ring.key(number)?;
        let found = self.by.iter().find(|(told, _)| told == key);
        found.map(|(_, by)| *by)
    }
}

/// A source in clear whose packets have so many octets of a tag behind, without these.
pub(super) fn without_tags<'a>(source: &Source<'a>, tag: usize) -> Source<'a> {
    let packets = source.packets.iter().filter_map(|packet| {
        let end = packet.octets.len().checked_sub(tag)?;
        let octets = packet.octets.get(..end)?;
        let header = crate::dissect::rtp::Header::parse(octets)?;
        Some(super::Packet {
            payload: octets.get(header.payload)?,
            octets,
            ..*packet
        })
    });
    Source {
        packets: packets.collect(),
        ..source.clone()
    }
}

/// The keys of a section.
fn of_media(media: &Media) -> impl Iterator<Item = (MasterKey, By)> {
    let told = media.crypto.iter().filter_map(|value| Crypto::parse(value));
    told.flat_map(|mut crypto| {
        crypto.suite = registered(&crypto.suite);
        let encrypts = !crypto.parameters.iter().any(|p| p == UNENCRYPTED);
        let keys = of_crypto(&crypto).into_iter();
        keys.map(move |key| (key, By { encrypts, ..SDES }))
    })
}

/// The name in the registry of a suite, however it is written; of one whose tag is cut
/// short and that is not known by itself, of the one that it is cut from.
fn registered(suite: &str) -> String {
    let mut name = suite.to_ascii_uppercase();
    for bits in ["192", "256"] {
        name = name.replace(&format!("AES_CM_{bits}_"), &format!("AES_{bits}_CM_"));
        let cut = format!("AES_{bits}_CM_HMAC_SHA1_32");
        name = name.replace(&cut, &format!("AES_{bits}_CM_HMAC_SHA1_80"));
    }
    name
}

/// A source that opens with keys that were told.
pub(super) fn opened(
    scene: &Scene<'_>,
    flow: &Flow,
    told: &Told,
    source: &Source<'_>,
    stream: &Stream,
) -> Option<Claim> {
    if told.ring.is_empty() {
        return None;
    }
    let mut streams = Streams::new(&told.ring);
    let mut opened: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut how = None;
    for (index, packet) in source.packets.iter().enumerate() {
        if index == TRIED && opened.len() < MIN_OPENED {
            return None;
        }
        let Some(found) = streams.rtp(packet.octets) else {
            continue;
        };
        let by = told.by(found.key)?;
        how = how.or(Some(by));
        let octets = match by.encrypts {
            true => found.opened.packet,
            // What is before the tag, as it was sent.
            false => packet.octets.get(..found.opened.packet.len())?.to_vec(),
        };
        opened.push((index, octets));
    }
    let by = how.filter(|_| opened.len() >= MIN_OPENED)?;
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
    let described = |payload_type| {
        let of_flow = scene.format(flow, payload_type);
        of_flow.or_else(|| scene.format_of(payload_type))
    };
    let tracks = tracks(&clear, described);
    let sets = |payload_type, format| sets::told(scene, flow, payload_type, format);
    let media = super::in_clear(&clear, &tracks, stream, &sets);
    let media = media.into_iter().filter_map(|claim| match claim.standing {
        Standing::Clear { media, .. } => Some(media),
        _ => None,
    });
    let open = match by.encrypts {
        true => "open and authenticate",
        false => "are not encrypted, and authenticate,",
    };
    let reason = format!(
        "{}, SSRC {:08x}: {} of {} packets {open} with a key that {}",
        source.carriage.words(),
        source.ssrc,
        opened.len(),
        source.packets.len(),
        by.words
    );
    let place = source.packets.first().and_then(|p| stream.place(p.at));
    let kind = format!("srtp/{}", by.name);
    Some(Claim::clear(kind, media.flatten().collect(), reason).at(place))
}

#[cfg(test)]
mod tests {
    use super::registered;

    #[test]
    fn suites_are_known_however_they_are_written() {
        for (written, name) in [
            ("AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_32"),
            ("aes_cm_128_hmac_sha1_80", "AES_CM_128_HMAC_SHA1_80"),
            ("AES_CM_256_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"),
            ("AES_256_CM_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80"),
            ("AES_CM_192_HMAC_SHA1_32", "AES_192_CM_HMAC_SHA1_80"),
            ("AEAD_AES_256_GCM", "AEAD_AES_256_GCM"),
        ] {
            assert_eq!(registered(written), name);
        }
    }
}
