//! IAX2 (RFC 5456): calls whose signalling and sound share one flow.

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    decoder::{Elementary, Format},
    dissect::{Flow, Stream},
    inspect::{Claim, Scene, mux::wav},
};

/// Octets of the header of a full frame (RFC 5456 8.1.1).
const FULL: usize = 12;
/// Frametypes (RFC 5456 8.2).
const VOICE: u8 = 2;
const VIDEO: u8 = 3;
const IAX: u8 = 6;
/// IAX control: NEW, PING, PONG, ACK, ACCEPT and the others up to CALLTOKEN.
const LAST_CONTROL: u8 = 0x28;
/// Meta command of trunks (RFC 5456 8.1.3.2), and its flag of time stamps.
const TRUNK: u8 = 1;
const TIMED: u8 = 1;
/// Calls whose sound is kept.
const MOST_CALLS: usize = 64;
/// Frames of sound that have to be seen.
const MIN_SOUND: usize = 4;

/// What one side sent.
#[derive(Default)]
struct Side {
    /// Full frames, by their type.
    full: BTreeMap<u8, usize>,
    /// Its call number, by how many full frames say it.
    calls: BTreeMap<u16, usize>,
    /// Format of its sound as a bit.
    format: Option<u8>,
    /// Mini frames of its calls, alone or in trunks, and meta frames with video.
    minis: usize,
    video: usize,
    /// By call, the sound in all of them.
    sound: BTreeMap<u16, Vec<u8>>,
    foreign: usize,
    /// Full frames among these.
    unfit: usize,
    all: usize,
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let sides = [read(&flow.from_a), read(&flow.from_b)];
    let all: usize = sides.iter().map(|s| s.all).sum();
    let full: usize = sides.iter().flat_map(|s| s.full.values()).sum();
    let foreign: usize = sides.iter().map(|s| s.foreign).sum();
    let minis: usize = sides.iter().map(|s| s.minis).sum();
    let of = |kind: u8| -> usize { sides.iter().filter_map(|s| s.full.get(&kind)).sum() };
    let unfit: usize = sides.iter().map(|s| s.unfit).sum();
    // Encryption leaves the numbers of calls in clear (RFC 5456 8.1.4): mini frames
    // tell nothing, and of full ones few fit by chance.
    if full < 2 || of(IAX) + of(VOICE) == 0 || foreign * 10 > all || unfit * 10 > full {
        return Vec::new();
    }
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let answered = sides.iter().all(|s| s.all > 0);
    let video: usize = sides.iter().map(|s| s.video).sum();
    let voice = of(VOICE) + of(VIDEO) + minis + video;
    if voice >= MIN_SOUND && of(VOICE) + of(VIDEO) > 0 && (of(IAX) > 0 || minis >= 8) {
        let media = sides.iter().filter_map(Side::file);
        let reason = format!(
            "{full} full frames of IAX2 and {minis} mini frames of the same calls: sound in clear{}",
            match of(VIDEO) + video {
                0 => String::new(),
                frames => format!(", and {frames} frames of video"),
            }
        );
        return vec![Claim::clear("iax2", media.collect(), reason).at(place)];
    }
    if answered && of(IAX) >= 2 {
        let reason = format!("{full} full frames of IAX2 in clear, without sound");
        return vec![Claim::other("iax2", reason).at(place)];
    }
    Vec::new()
}

impl Side {
    fn file(&self) -> Option<Elementary> {
        let sound = self.sound.values().max_by_key(|sound| sound.len())?;
        let codec = match self.format? {
            2 => wav::Codec::of_samples(7, 8000, 8),
            3 => wav::Codec::of_samples(6, 8000, 8),
            1 if sound.len().is_multiple_of(33) => wav::Codec::of_frames(0x31, 65, 320),
            _ => return None,
        };
        let sound = match self.format? {
            1 => wav::gsm_pairs(sound),
            _ => sound.clone(),
        };
        Some(Elementary {
            format: Format::Wav,
            octets: wav::file(codec, &sound),
        })
    }

    fn hear(&mut self, call: u16, sound: &[u8]) {
        if self.sound.len() < MOST_CALLS || self.sound.contains_key(&call) {
            self.sound.entry(call).or_default().extend_from_slice(sound);
        }
    }
}

fn read(stream: &Stream) -> Side {
    let mut side = Side::default();
    let mut minis: Vec<(u16, &[u8])> = Vec::new();
    let mut videos: Vec<u16> = Vec::new();
    for (_, octets) in stream.parts() {
        side.all += 1;
        if side.all == 16 && side.foreign > 8 {
            break;
        }
        match octets {
            [first, ..] if first & 0x80 != 0 => full(&mut side, octets),
            &[h, l, _, _, ref sound @ ..] if (h, l) != (0, 0) && !sound.is_empty() => {
                minis.push((u16::from_be_bytes([h, l]), sound));
            }
            // Meta video frames (RFC 5456 8.1.3.1).
            &[0, 0, h, l, _, _, _, ..] if h & 0x80 != 0 => {
                videos.push(u16::from_be_bytes([h & 0x7f, l]));
            }
            [0, 0, TRUNK, timed @ (0 | TIMED), _, _, _, _, entries @ ..] => {
                match trunk(entries, *timed == TIMED) {
                    Some(found) => minis.extend(found),
                    None => side.foreign += 1,
                }
            }
            _ => side.foreign += 1,
        }
    }
    for (call, sound) in minis {
        if side.calls.contains_key(&call) {
            side.minis += 1;
            side.hear(call, sound);
        } else {
            side.foreign += 1;
        }
    }
    for call in videos {
        match side.calls.contains_key(&call) {
            true => side.video += 1,
            false => side.foreign += 1,
        }
    }
    side
}

fn full(side: &mut Side, octets: &[u8]) {
    let Some((&[s1, s0, _, _, _, _, _, _, _, _, kind, subclass], body)) =
        octets.split_first_chunk::<FULL>()
    else {
        side.foreign += 1;
        return;
    };
    let fits = match kind {
        IAX => (1..=LAST_CONTROL).contains(&subclass) && elements(body),
        1 | 4 | 5 | 12 => true,
        VOICE | VIDEO | 7..=11 => !body.is_empty(),
        _ => false,
    };
    let call = u16::from_be_bytes([s1 & 0x7f, s0]);
    if !fits || call == 0 {
        side.foreign += 1;
        side.unfit += 1;
        return;
    }
    *side.full.entry(kind).or_default() += 1;
    *side.calls.entry(call).or_default() += 1;
    if kind == VOICE {
        side.format = match subclass {
            power if power & 0x80 != 0 => Some(power & 0x1f),
            bits if bits.is_power_of_two() => Some(bits.trailing_zeros() as u8),
            _ => side.format,
        };
        side.hear(call, body);
    }
}

/// Calls and their sound in the entries of a trunk, if these fill it.
fn trunk(mut entries: &[u8], timed: bool) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while !entries.is_empty() {
        let (&[a, b, c, d], rest) = entries.split_first_chunk()?;
        let (first, second) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let ((length, call), rest) = match timed {
            true => ((first, second), rest.get(2..)?),
            false => ((second, first), rest),
        };
        let (sound, rest) = rest.split_at_checked(length.into())?;
        found.push((call & 0x7fff, sound));
        entries = rest;
    }
    (!found.is_empty()).then_some(found)
}

/// Information elements that fill the frame (RFC 5456 8.6).
fn elements(mut body: &[u8]) -> bool {
    while let [kind, length, rest @ ..] = body {
        let Some(rest) = rest.get(usize::from(*length)..).filter(|_| *kind > 0) else {
            return false;
        };
        body = rest;
    }
    body.is_empty()
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

    fn full(call: u8, kind: u8, subclass: u8, body: &[u8]) -> Vec<u8> {
        [&[0x80, call, 0, 7, 0, 0, 0, 1, 1, 1, kind, subclass], body].concat()
    }

    fn mini(call: u8, time: u8) -> Vec<u8> {
        [&[0, call, 0, time], &[0xd5; 160][..]].concat()
    }

    #[test]
    fn a_call_with_sound_is_a_leak_also_of_one_side() {
        let mut one = vec![
            full(4, IAX, 1, &[0x0b, 2, 0, 2]),
            full(4, VOICE, 8, &[0xd5; 160]),
        ];
        one.extend((0..10).map(|n| mini(4, n)));
        let other = [full(9, IAX, 4, &[])];
        assert_eq!(claims(&one, &other), [("iax2".into(), Label::Leak)]);
        assert_eq!(claims(&other, &one), [("iax2".into(), Label::Leak)]);
        assert_eq!(claims(&one, &[]), [("iax2".into(), Label::Leak)]);
    }

    /// A trunk of two calls with 20 ms of each.
    fn trunk(timed: bool) -> Vec<u8> {
        let mut datagram = vec![0, 0, TRUNK, timed.into(), 0, 0, 0, 1];
        for call in [4, 5] {
            match timed {
                true => datagram.extend([0, 160, 0, call, 0, 20]),
                false => datagram.extend([0, call, 0, 160]),
            }
            datagram.extend([0xd5; 160]);
        }
        datagram
    }

    #[test]
    fn trunks_and_video_are_leaks() {
        let begin = [4, 5].map(|call| full(call, VOICE, 8, &[0xd5; 160]));
        let ask = full(4, IAX, 1, &[0x0b, 2, 0, 2]);
        let leak = [("iax2".to_owned(), Label::Leak)];
        for timed in [false, true] {
            let said = [&begin[..], &vec![trunk(timed); 12]].concat();
            assert_eq!(claims(&said, &[]), leak);
            // Entries that don't fill their trunks.
            let mut torn = said.clone();
            torn.iter_mut().skip(2).for_each(|trunk| trunk.push(0));
            assert!(claims(&torn, &[]).is_empty());
        }
        let video = |n: u8| vec![0, 0, 0x80, 4, 0, n, 9, 9, n];
        let mut said = vec![ask, full(4, VIDEO, 19, &[9; 90])];
        said.extend((0..12).map(video));
        assert_eq!(claims(&said, &[]), leak);
    }

    #[test]
    fn registration_is_no_leak() {
        let one = [full(4, IAX, 0x0d, &[6, 1, 65]), full(4, IAX, 4, &[])];
        assert_eq!(
            claims(&one, &[full(5, IAX, 0x0f, &[])]),
            [("iax2".into(), Label::Other)]
        );
    }

    #[test]
    fn mini_frames_alone_and_noise_are_none() {
        // RTP whose SSRC has the frame type of voice where IAX2 has it.
        let rtp = |n: u8| {
            let head = [0x80, 96, 0, n, 0, 0, 0, n, 9, 9, VOICE, 8];
            [&head[..], &super::super::rtp::testing_noise(n.into(), 99)].concat()
        };
        let rtp: Vec<_> = (0..20).map(rtp).collect();
        assert!(claims(&rtp, &[]).is_empty());
        let minis: Vec<_> = (0..20).map(|n| mini(4, n)).collect();
        assert!(claims(&minis, &[]).is_empty());
        let noise: Vec<_> = (0..40)
            .map(|n| super::super::rtp::testing_noise(n, 60))
            .collect();
        assert!(claims(&noise, &noise).is_empty());
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(
            datagrams in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(6), Just(2), Just(0x80), any::<u8>()], 0..40), 0..10),
        ) {
            let _ = claims(&datagrams, &datagrams);
        }
    }
}
