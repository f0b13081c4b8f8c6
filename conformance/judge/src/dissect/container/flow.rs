//! What is sent as it is made: Flash video, Matroska (RFC 9559), transport and
//! program streams (ISO/IEC 13818-1).

use super::{File, Surety};
use crate::{decoder::Format, dissect::flv as tags};

/// Tags that show Flash video.
const TAGS: usize = 2;
/// Tags of media that show it where its header is missing: each has 24 bits of zeros
/// and a size that is there twice.
const TAGS_JOINED: usize = 4;
/// Octets of a transport packet.
const PACKET: usize = 188;
/// Packets in a row that show a transport stream by their sync bytes.
const SYNCED: usize = 8;

/// Flash video, whose tags lead from one to the next.
pub fn flv(octets: &[u8]) -> Option<File> {
    let start = tags::first(octets)?;
    let (mut at, mut count, mut media) = (start, 0, 0);
    while let Some((tag, next)) = tags::tag(octets, at) {
        let shown = match tag.kind {
            tags::VIDEO => tags::video(tag.body).is_some(),
            tags::AUDIO => tags::audio(tag.body).is_some(),
            _ => false,
        };
        (at, count, media) = (next, count + 1, media + usize::from(shown));
    }
    let surety = match count >= TAGS && media > 0 {
        true => Surety::Shown,
        false => Surety::Possible,
    };
    let what = format!("Flash video of {count} tags, {media} of them video or sound");
    Some(File::new("flv", Format::Flv, 0..octets.len(), what, surety))
}

/// Flash video that was joined in its midst: tags, each with its size behind it.
pub fn flv_joined(octets: &[u8]) -> Option<File> {
    let mut begins = memchr::memchr3_iter(tags::AUDIO, tags::VIDEO, tags::SCRIPT, octets);
    // What was read in vain is not read again.
    let mut behind = 0;
    begins.find_map(|begin| {
        if begin < behind {
            return None;
        }
        let (mut end, mut count, mut media) = (begin, 0, 0);
        while let Some((tag, next)) = tags::tag(octets, end) {
            let shown = match tag.kind {
                tags::VIDEO => tags::video(tag.body).is_some(),
                tags::AUDIO => tags::audio(tag.body).is_some(),
                _ => true,
            };
            if !shown {
                break;
            }
            (end, count) = (next, count + 1);
            media += usize::from(tag.kind != tags::SCRIPT);
        }
        behind = end;
        (media >= TAGS_JOINED).then(|| {
            let what = format!("Flash video from its midst on, {count} tags one after the other");
            let tags = octets.get(begin..end).unwrap_or_default();
            File {
                played: Some([&tags::HEADER, tags].concat()),
                ..File::new("flv", Format::Flv, begin..end, what, Surety::Shown)
            }
        })
    })
}

/// Matroska or WebM: the header of EBML names it, and a segment follows.
pub fn matroska(octets: &[u8]) -> Option<File> {
    let rest = octets.strip_prefix(&[0x1a, 0x45, 0xdf, 0xa3])?;
    let header = rest.get(..rest.len().min(80))?;
    let is_type = |name: &[u8]| memchr::memmem::find(header, name).is_some();
    let name = match () {
        () if is_type(b"\x42\x82\x84webm") => "webm",
        () if is_type(b"\x42\x82\x88matroska") => "matroska",
        () => return None,
    };
    let segment = memchr::memmem::find(header, &[0x18, 0x53, 0x80, 0x67])?;
    let behind = rest.get(segment..)?;
    let blocks = [&[0x1f, 0x43, 0xb6, 0x75][..], &[0x16, 0x54, 0xae, 0x6b]];
    let shown = blocks
        .iter()
        .any(|id| memchr::memmem::find(behind, id).is_some());
    let surety = if shown {
        Surety::Shown
    } else {
        Surety::Possible
    };
    let all = 0..octets.len();
    Some(File::new(
        name,
        Format::Matroska,
        all,
        format!("a {name} file"),
        surety,
    ))
}

/// A transport stream from its first octet on.
pub fn transport_stream(octets: &[u8]) -> Option<File> {
    [0, 4].into_iter().find_map(|before| {
        let file = transport_stream_at(octets, before, PACKET + before)?;
        Some(file)
    })
}

/// The longest transport stream that lies among other octets.
pub fn transport_stream_within(octets: &[u8]) -> Option<File> {
    let mut found: Option<File> = None;
    let mut at = 0;
    while let Some(next) = memchr::memchr(0x47, octets.get(at..)?) {
        at += next;
        let again =
            octets.get(at + PACKET) == Some(&0x47) && octets.get(at + 2 * PACKET) == Some(&0x47);
        match again
            .then(|| transport_stream_at(octets.get(at..)?, 0, PACKET))
            .flatten()
        {
            Some(file) => {
                let file = file.moved(at);
                at = file.range.end;
                if found
                    .as_ref()
                    .is_none_or(|f| f.range.len() < file.range.len())
                {
                    found = Some(file);
                }
            }
            // What is one, and nothing of it in clear, is none from its next octet on.
            None if again => {
                let rest = octets.get(at..).unwrap_or_default();
                let Packets { count, .. } = packets(rest, 0, PACKET);
                at += match count {
                    SYNCED.. => count * PACKET,
                    _ => 1,
                };
            }
            None => at += 1,
        }
    }
    found
}

fn transport_stream_at(octets: &[u8], before: usize, stride: usize) -> Option<File> {
    let octets_of_packets = octets.get(before..)?;
    let Packets {
        count,
        clear,
        scrambled,
        begun,
        shown: tables,
    } = packets(octets_of_packets, 0, stride);
    // Tables are always in clear, subtitles often.
    if (scrambled > 0 && begun == 0) || scrambled * 2 > count || is_sampled(octets_of_packets) {
        return None;
    }
    let whole = count * stride + PACKET > octets.len();
    (count >= SYNCED || (whole && count >= 3 && tables > 0)).then_some(())?;
    let what =
        format!("a transport stream of {count} packets, {clear} of them with media in clear");
    let surety = match clear {
        0 => return None,
        _ if tables > 0 => Surety::Shown,
        _ => Surety::Possible,
    };
    let file = File::new(
        "mpeg-ts",
        Format::MpegTs,
        0..(count * stride).min(octets.len()),
        what,
        surety,
    );
    Some(match before {
        0 => file,
        _ => {
            let played = octets
                .chunks(stride)
                .filter_map(|packet| packet.get(before..));
            let played = played.take(count).flatten().copied().collect();
            File {
                played: Some(played),
                ..file
            }
        }
    })
}

/// Whether the tables say that SAMPLE-AES enciphers what the packets carry in clear
/// (Apple, MPEG-2 Stream Encryption Format for HTTP Live Streaming).
fn is_sampled(octets: &[u8]) -> bool {
    let head = octets
        .get(..octets.len().min(16 * PACKET))
        .unwrap_or_default();
    let told = [&b"zavc"[..], b"zaac", b"zac3", b"zec3"];
    told.iter()
        .any(|word| memchr::memmem::find(head, word).is_some())
}

/// Packets in a row.
#[derive(Default)]
struct Packets {
    count: usize,
    /// Those with a payload in clear that is none of the tables that each stream has.
    clear: usize,
    scrambled: usize,
    /// Beginnings of sound and video in clear.
    begun: usize,
    /// Beginnings of tables or of media that are as they have to be.
    shown: usize,
}

fn packets(octets: &[u8], from: usize, stride: usize) -> Packets {
    let mut found = Packets::default();
    let mut at = from;
    while let Some(packet) = octets.get(at..at + PACKET) {
        let [0x47, high, low, control, rest @ ..] = packet else {
            break;
        };
        let pid = u16::from(high & 0x1f) << 8 | u16::from(*low);
        if control >> 6 != 0 {
            found.scrambled += 1;
        }
        let payload = match control >> 4 & 3 {
            1 => Some(rest),
            3 => rest
                .first()
                .and_then(|length| rest.get(1 + usize::from(*length)..)),
            2 if pid != 0x1fff => None,
            0 if pid != 0x1fff => break,
            _ => None,
        };
        if let Some(payload) = payload.filter(|_| control >> 6 == 0) {
            let begins = high & 0x40 != 0;
            let is_table = begins
                && pid == 0
                && matches!(payload, [0, 0, length, ..] if length & 0xf0 == 0xb0);
            let is_media =
                begins && payload.starts_with(&[0, 0, 1]) && payload.get(3) > Some(&0xbb);
            let is_sound_or_video = |id: &u8| (0xc0..=0xef).contains(id);
            found.begun += usize::from(is_media && payload.get(3).is_some_and(is_sound_or_video));
            found.shown += usize::from(is_table || is_media);
            found.clear += usize::from(pid > 0x1f && pid < 0x1fff);
        }
        found.count += 1;
        at += stride;
    }
    found
}

/// A program stream: pack headers (2.5.3.3) and packets that lead to one another.
pub fn program_stream(octets: &[u8]) -> Option<File> {
    octets.starts_with(&[0, 0, 1, 0xba]).then_some(())?;
    let (mut at, mut packs, mut media, mut scrambled) = (0, 0, 0, 0);
    while let Some([0, 0, 1, id]) = octets.get(at..at + 4) {
        at += match id {
            0xba => {
                packs += 1;
                let (Some(fifth), Some(stuffing)) = (octets.get(at + 4), octets.get(at + 13))
                else {
                    break;
                };
                match fifth >> 6 {
                    1 => 14 + usize::from(stuffing & 7),
                    _ if fifth >> 4 == 2 => 12,
                    _ => return None,
                }
            }
            0xb9 => 4,
            0xbb.. => {
                let Some(length) = octets.get(at + 4..).and_then(|rest| rest.first_chunk()) else {
                    break;
                };
                let is_media = *id == 0xbd || (0xc0..=0xef).contains(id);
                // PES_scrambling_control (2.4.3.7).
                let control = octets.get(at + 6).copied().unwrap_or(0);
                media += usize::from(is_media);
                scrambled += usize::from(is_media && control >> 6 == 2 && control & 0x30 != 0);
                6 + usize::from(u16::from_be_bytes(*length))
            }
            _ => break,
        };
    }
    let fits = packs + media >= 4 && packs > 0 && media > 0 && scrambled * 8 <= media;
    let what = format!("a program stream of {packs} packs and {media} packets of media");
    let end = at.min(octets.len());
    fits.then(|| File::new("mpeg-ps", Format::MpegPs, 0..end, what, Surety::Shown))
}
