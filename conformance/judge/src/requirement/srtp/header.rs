//! What RTP headers tell: HDR-01, HDR-02.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{Level, MOST, Quote, ROW, Reading, Requirement, evidence, packets, rtp_octets, unless};
use crate::{
    open::srtp::{Found, Part},
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Octets of the fixed header.
const FIXED: usize = 12;
/// Profiles of header extensions with elements (RFC 8285 4.2, 4.3).
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;

/// Header extensions that tell of the transport, and of nothing else.
const HARMLESS: [&str; 4] = [
    "urn:ietf:params:rtp-hdrext:toffset",
    "urn:ietf:params:rtp-hdrext:transport-cc",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

/// As many packets with the same CSRCs are no chance.
const CONSTANT: usize = 4;

pub(in crate::requirement) const ROWS: &[Requirement] = &[
    Requirement {
        id: "HDR-01",
        standard: Level::Should,
        title: "no header extension tells in clear what is heard, who sends or when it was recorded",
        source: Quote {
            document: "RFC 9335",
            clause: "Abstract",
            text: "While the Secure Real-time Transport Protocol (SRTP) provides confidentiality for the contents of a media packet, a significant amount of metadata is left unprotected, including RTP header extensions and contributing sources (CSRCs).",
            read: Reading::InText,
        },
        check: tells_nothing,
        ..ROW
    },
    Requirement {
        id: "HDR-02",
        title: "with Cryptex, CSRCs and header extensions are ciphertext",
        source: Quote {
            document: "RFC 9335",
            clause: "6.1",
            text: "Specifically, the Encrypted Portion MUST include any CSRC identifiers, any RTP header extension (except for the first 4 bytes), and the RTP payload.",
            read: Reading::SecondHand,
        },
        check: cryptex_is_whole,
        ..ROW
    },
];

fn tells_nothing(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let maps: BTreeMap<u8, String> = seen
        .dialogues()
        .flat_map(|d| d.dialogue.messages())
        .filter_map(|message| message.sdp())
        .flat_map(|sdp| sdp.media)
        .flat_map(|media| media.extensions)
        .collect();
    let mut found = Vec::new();
    let (mut all, mut extended) = (0, 0);
    for packet in packets(seen, false) {
        let Some(opened) = &packet.found else {
            continue;
        };
        all += 1;
        let Some(elements) = in_clear(opened) else {
            continue;
        };
        extended += 1;
        let tells = elements
            .iter()
            .find_map(|id| match id.and_then(|id| maps.get(&id)) {
                Some(uri) if HARMLESS.contains(&uri.as_str()) => None,
                Some(uri) => Some(format!("a header extension in clear is {uri}")),
                None => Some("a header extension in clear is none that was described".into()),
            });
        if let Some(why) = tells.filter(|_| found.len() < MOST) {
            found.push(evidence(seen, packet.span, why));
        }
    }
    unless(found, || match all {
        0 => Outcome::Inconclusive("no RTP packet of the device was opened".into()),
        all => Outcome::Pass(
            Assurance::Opened,
            format!(
                "of {all} RTP packets {extended} have a header extension in clear, and those tell of the transport alone"
            ),
        ),
    })
}

/// CSRCs that are ciphertext change from packet to packet.
fn cryptex_is_whole(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut all, mut cryptex) = (0, 0);
    let mut constant: BTreeMap<(u32, Vec<u8>), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (packet, octets) in rtp_octets(seen) {
        all += usize::from(packet.found.is_some());
        let Some(csrcs) = cryptex_csrcs(octets) else {
            continue;
        };
        cryptex += 1;
        let key = (packet.ssrc, csrcs.to_vec());
        let times = constant.entry(key).or_default();
        *times += 1;
        let why = match &packet.found {
            None => "no known key opens this packet of Cryptex",
            Some(_) if !csrcs.is_empty() && *times >= CONSTANT => {
                "CSRCs under Cryptex are the same from packet to packet: they are clear"
            }
            Some(_) => continue,
        };
        if found.len() < MOST {
            found.push(evidence(seen, packet.span, why.into()));
        }
    }
    unless(found, || match (all, cryptex) {
        (0, _) => Outcome::Inconclusive("no RTP packet of the device was opened".into()),
        (_, 0) => Outcome::NotApplicable(format!("none of {all} RTP packets is one of Cryptex")),
        _ => Outcome::Pass(
            Assurance::Opened,
            format!("{cryptex} packets of Cryptex were opened, and their CSRCs change"),
        ),
    })
}

/// Identifiers of the elements of a header extension that is in clear; none for
/// an extension without elements.
fn in_clear(found: &Found) -> Option<Vec<Option<u8>>> {
    if found.opened.layout.cryptex.is_some() {
        return None;
    }
    let packet = &found.opened.packet;
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let word = FIXED + 4 * usize::from(first & 0x0f);
    let &[p0, p1, _, _] = packet.get(word..)?.first_chunk::<4>()?;
    let sealed = found.opened.layout.start(Part::Sealed);
    let end = sealed.unwrap_or(packet.len()).min(packet.len());
    let data = packet.get(word + 4..end)?;
    Some(match u16::from_be_bytes([p0, p1]) {
        ONE_BYTE => elements(data, |head| {
            (head[0] >> 4, 1, usize::from(head[0] & 0x0f) + 1)
        }),
        profile if profile & 0xfff0 == TWO_BYTE => elements(data, |head| {
            (head[0], 2, usize::from(*head.get(1).unwrap_or(&0)))
        }),
        _ => vec![None],
    })
}

/// `head`: identifier, octets of the head, octets of the data.
fn elements(data: &[u8], head: impl Fn(&[u8]) -> (u8, usize, usize)) -> Vec<Option<u8>> {
    let mut found = Vec::new();
    let mut rest = data;
    while let [first, after @ ..] = rest {
        if *first == 0 {
            rest = after;
            continue;
        }
        let (id, octets, length) = head(rest);
        found.push(Some(id));
        rest = rest.get(octets + length..).unwrap_or_default();
    }
    found
}

/// CSRCs of a packet of Cryptex, as they were sent.
fn cryptex_csrcs(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let word = FIXED + 4 * usize::from(first & 0x0f);
    let profile = packet.get(word..)?.first_chunk::<2>()?;
    let is_cryptex = first & 0x10 != 0 && [[0xc0, 0xde], [0xc2, 0xde]].contains(profile);
    is_cryptex.then(|| packet.get(FIXED..word))?
}
