//! What the device takes from others: SRTP-07, SRTP-08, SRTP-18.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{evidence, unless};
use crate::{
    dissect::{Span, h264, rtp},
    secured::Carrier,
    seen::{Seen, is_sound},
    verdict::{Assurance, Evidence, Outcome},
};

const MILLISECOND: u64 = 1_000_000;
/// How long after a packet that was taken nothing more comes, or a key frame
/// does.
const REACTION: u64 = 300 * MILLISECOND;
const AT_ONCE: u64 = 150 * MILLISECOND;
/// By how much a packet of a schedule may be late.
const JITTER: u64 = 100 * MILLISECOND;
/// As many replays that are answered are hardly chance: key frames come anyway.
const REPLAYS: usize = 3;
/// BYE (RFC 3550 6.6).
const BYE: u8 = 203;

/// RTCP that somebody sends to the device, and which nobody may mind.
struct Forged {
    time_ns: u64,
    span: Span,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it is without SRTCP.
    Clear,
    /// Under another key, or changed.
    Unauthentic,
    /// Authentic, and there before: first at that time.
    Replayed { first_ns: u64 },
}

pub(super) fn nothing_clear(seen: &Seen<'_>, _: Vantage) -> Outcome {
    goes_on(seen, Kind::Clear, "RTCP in clear")
}

pub(super) fn nothing_unauthentic(seen: &Seen<'_>, _: Vantage) -> Outcome {
    goes_on(seen, Kind::Unauthentic, "RTCP that does not authenticate")
}

/// The stream goes on after a BYE that is not to be minded.
fn goes_on(seen: &Seen<'_>, kind: Kind, what: &str) -> Outcome {
    let end = asked_to_end(seen);
    let media = media(seen);
    let mut found: Vec<Evidence> = Vec::new();
    let mut minded_none = 0;
    for forged in forged(seen).iter().filter(|f| f.kind == kind) {
        let at = forged.time_ns;
        let flowing = |from: u64, to: u64| media.iter().any(|t| (from..to).contains(t));
        // Only while something comes can it end.
        if at + 2 * REACTION > end || !flowing(at.saturating_sub(REACTION), at) {
            continue;
        }
        if flowing(at + REACTION, end) {
            minded_none += 1;
        } else {
            let why = format!("after {what} the stream of the device ends");
            found.push(evidence(seen, forged.span, why));
        }
    }
    unless(found, || match minded_none {
        0 => Outcome::Inconclusive(format!("no {what} was sent while the device sent media")),
        all => Outcome::Pass(
            Assurance::Opened,
            format!("{all} packets of {what} were sent, and the stream went on"),
        ),
    })
}

pub(super) fn nothing_replayed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let forged = forged(seen);
    let replays = forged.iter().filter_map(|f| match f.kind {
        Kind::Replayed { first_ns } => Some((f, first_ns)),
        Kind::Clear | Kind::Unauthentic => None,
    });
    let (replays, sent): (Vec<_>, Vec<_>) = replays.unzip();
    if replays.len() < REPLAYS {
        return Outcome::Inconclusive(format!(
            "RTCP was sent again {} times, and {REPLAYS} times are needed",
            replays.len()
        ));
    }
    let replayed: Vec<_> = replays.iter().map(|f| f.time_ns).collect();
    let answers = |key_frames: &[u64]| {
        let is_answered = |at: &u64| key_frames.iter().any(|time| at_once(*at, *time));
        replayed.iter().all(is_answered) && comes_early(key_frames, &replayed, &sent)
    };
    let mut carriers = seen.srtp_sent();
    if carriers.any(|carrier| answers(&key_frames(seen, carrier))) {
        let why = "RTCP that was there before is answered with a key frame each time";
        let found = replays.iter().map(|f| evidence(seen, f.span, why.into()));
        return Outcome::Fail(why.into(), found.collect());
    }
    Outcome::Pass(
        Assurance::Opened,
        format!(
            "RTCP was sent again {} times, and not minded",
            replays.len()
        ),
    )
}

fn at_once(asked: u64, answered: u64) -> bool {
    (asked..asked + AT_ONCE).contains(&answered)
}

/// Whether a key frame that follows a replay came sooner after the one before it
/// than any does that nobody asked for: regular ones too may fall behind each
/// replay by chance.
fn comes_early(key_frames: &[u64], replayed: &[u64], sent: &[u64]) -> bool {
    let follows = |asked: &[u64], time: u64| asked.iter().any(|at| at_once(*at, time));
    let unasked = |time| !follows(replayed, time) && !follows(sent, time);
    let gaps = || key_frames.windows(2).map(|pair| (pair[0], pair[1]));
    let regular = gaps().filter(|(a, b)| unasked(*a) && unasked(*b));
    let shortest = regular.map(|(a, b)| b - a).min().unwrap_or(u64::MAX);
    // Regular ones are sent with some delay.
    gaps().any(|(a, b)| follows(replayed, b) && (b - a).saturating_add(JITTER) < shortest)
}

/// RTCP to the device over UDP that it must discard.
fn forged(seen: &Seen<'_>) -> Vec<Forged> {
    let carriers = seen.secured.carriers.iter();
    let to_device = carriers.filter(|c| c.is_srtp() && seen.is_device(c.to.ip()));
    let mut forged = Vec::new();
    for carrier in to_device.filter(|c| c.channel.is_none()) {
        let Some(stream) = seen.carried(carrier) else {
            continue;
        };
        let mut authentic: BTreeMap<&[u8], u64> = BTreeMap::new();
        for packet in carrier.packets.iter().filter(|p| p.is_rtcp) {
            let octets = stream.bytes.get(packet.range.clone()).unwrap_or_default();
            let Some(piece) = stream.piece(packet.range.start) else {
                continue;
            };
            let kind = match (&packet.found, authentic.get(octets)) {
                (Some(_), Some(&first_ns)) => Kind::Replayed { first_ns },
                (Some(_), None) => {
                    authentic.insert(octets, piece.time_ns);
                    continue;
                }
                (None, _) if says_goodbye(octets) => Kind::Clear,
                (None, _) => Kind::Unauthentic,
            };
            forged.push(Forged {
                time_ns: piece.time_ns,
                span: packet.span,
                kind,
            });
        }
    }
    forged
}

/// Whether octets are compound RTCP without SRTCP, to their end, with a BYE.
fn says_goodbye(octets: &[u8]) -> bool {
    let mut rest = octets;
    let mut leaves = false;
    while let Some(&[first, kind, high, low]) = rest.first_chunk() {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        if first >> 6 != 2 || !rtp::is_rtcp_type(kind) || length > rest.len() {
            return false;
        }
        leaves |= kind == BYE;
        rest = &rest[length..];
    }
    leaves && rest.is_empty()
}

/// When the device sent RTP that was opened.
fn media(seen: &Seen<'_>) -> Vec<u64> {
    let carriers = seen.srtp_sent();
    carriers
        .flat_map(|carrier| times(seen, carrier).map(|(time, _)| time))
        .collect()
}

/// When key frames begin that were sent and opened.
fn key_frames(seen: &Seen<'_>, carrier: &Carrier) -> Vec<u64> {
    let mut begun = BTreeMap::new();
    for (time, packet) in times(seen, carrier) {
        let Some(header) = rtp::Header::parse(packet) else {
            continue;
        };
        let payload = packet.get(header.payload).unwrap_or_default();
        // An octet of sound may look like the head of a NAL unit.
        if !is_sound(packet) && begins_key_frame(payload) {
            begun.entry((header.ssrc, header.timestamp)).or_insert(time);
        }
    }
    let mut times: Vec<_> = begun.into_values().collect();
    times.sort_unstable();
    times
}

/// RTP that was sent and opened, each with its time.
fn times<'a>(
    seen: &'a Seen<'_>,
    carrier: &'a Carrier,
) -> impl Iterator<Item = (u64, &'a [u8])> + 'a {
    let stream = seen.carried(carrier);
    let rtp = carrier.opened().filter(|(packet, _)| !packet.is_rtcp);
    rtp.filter_map(move |(packet, found)| {
        let piece = stream.as_ref()?.piece(packet.range.start)?;
        Some((piece.time_ns, &found.opened.packet[..]))
    })
}

/// Whether an RTP payload begins a key frame: its parameter sets, its first
/// slice, or the first fragment of that (RFC 6184 5.6 to 5.8).
fn begins_key_frame(payload: &[u8]) -> bool {
    let kind = |octet: Option<&u8>| octet.map_or(0, |octet| octet & 0x1f);
    match kind(payload.first()) {
        h264::SPS | h264::IDR_SLICE => true,
        24 => [h264::SPS, h264::IDR_SLICE].contains(&kind(payload.get(3))),
        28 => {
            payload.get(1).is_some_and(|o| o & 0x80 != 0) && kind(payload.get(1)) == h264::IDR_SLICE
        }
        _ => false,
    }
}

/// When somebody first asked, inside TLS, that it end, or the connection did.
fn asked_to_end(seen: &Seen<'_>) -> u64 {
    let mut end = u64::MAX;
    for (_, connection) in seen.served() {
        let (Some(opened), Some(dialogue)) = (connection.opened(), &connection.dialogue) else {
            continue;
        };
        let requests = dialogue.exchanges.iter().map(|e| &e.request);
        let ends = requests.filter(|r| ["TEARDOWN", "PAUSE"].contains(&r.method.as_str()));
        let times = ends.filter_map(|r| Some(opened.from_a.piece(r.range.start)?.time_ns));
        let last = opened.from_a.pieces.last().map(|piece| piece.time_ns);
        end = end.min(times.min().or(last).unwrap_or(u64::MAX));
    }
    end
}
