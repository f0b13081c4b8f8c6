//! HTTP Live Streaming (RFC 8216): segments enciphered with AES-128, whose key
//! anybody could see who saw them.

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, KeyInit},
};

use crate::{
    decoder::{Elementary, Format},
    dissect::container,
    inspect::Claim,
};

use super::pieces::Seen;

/// Octets of a key, and of a block.
const KEY: usize = 16;
/// Keys and segments that are tried.
const MOST_KEYS: usize = 64;
const MOST_SEGMENTS: usize = 256;
/// Segments that are opened whole.
const MOST_OPENED: usize = 16;
/// Octets that are opened to see whether a key fits.
const TRIED: usize = 188 * 9 - (188 * 9) % KEY;

pub(super) fn claims(seen: &[Seen<'_>]) -> Vec<(usize, Claim)> {
    let is_key =
        |seen: &&Seen<'_>| seen.transfer.head.status == 200 && seen.transfer.raw.len() == KEY;
    let keys: Vec<_> = seen.iter().filter(is_key).take(MOST_KEYS).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let is_segment = |seen: &&Seen<'_>| {
        let raw = &seen.transfer.raw;
        raw.len() > TRIED
            && (raw.len().is_multiple_of(KEY) || !seen.transfer.whole)
            && container::at_start(raw).is_none()
    };
    let mut claims = Vec::new();
    let mut used = vec![None; keys.len()];
    let mut opened_whole = 0;
    for segment in seen.iter().filter(is_segment).take(MOST_SEGMENTS) {
        let raw = &segment.transfer.raw;
        let opens = keys.iter().position(|key| {
            let head = open(&key.transfer.raw, raw.get(..TRIED).unwrap_or_default());
            // The first block needs a vector that may be told nowhere.
            head.is_some_and(|head| is_opened(&head))
        });
        let Some(index) = opens else {
            continue;
        };
        let key = keys[index];
        used[index] = Some(segment.place);
        let media = match opened_whole < MOST_OPENED {
            true => open(&key.transfer.raw, raw).map(|mut octets| {
                // A transport stream begins with its tables, which come again.
                if let Some(first) = octets.first_mut() {
                    *first = 0x47;
                }
                Elementary {
                    format: Format::MpegTs,
                    octets,
                }
            }),
            false => None,
        };
        opened_whole += 1;
        let packet = key.place.map_or(0, |place| place.packet);
        let reason = format!(
            "a segment enciphered with AES-128 (RFC 8216 4.3.2.4) that a key opens, sent in clear in packet {packet}"
        );
        let claim = Claim::clear("hls/key-in-clear", media.into_iter().collect(), reason);
        claims.push((segment.flow, claim.at(segment.place)));
    }
    for (key, used) in keys.iter().zip(used) {
        let Some(place) = used else {
            continue;
        };
        let packet = place.map_or(0, |place| place.packet);
        let reason = format!("the key of segments, in clear: it opens the one in packet {packet}");
        let claim = Claim::clear("hls/key-in-clear", Vec::new(), reason);
        claims.push((key.flow, claim.at(key.place)));
    }
    claims
}

/// Whether what was opened is a transport stream, or fragments, but for its first
/// block.
fn is_opened(octets: &[u8]) -> bool {
    let synced = (1..=8).all(|packet| octets.get(188 * packet) == Some(&0x47));
    let boxes = |kind: &[u8]| memchr::memmem::find(octets, kind).is_some();
    synced || (boxes(b"moof") && boxes(b"mfhd") && boxes(b"traf") && boxes(b"tfhd"))
}

/// CBC without its vector: the first block is not what it was.
fn open(key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes128::new_from_slice(key).ok()?;
    let mut before = [0; KEY];
    let mut opened = Vec::with_capacity(octets.len());
    for block in octets.chunks_exact(KEY) {
        let sealed: [u8; KEY] = block.try_into().ok()?;
        let mut plain = sealed.into();
        cipher.decrypt_block(&mut plain);
        opened.extend(
            plain
                .iter()
                .zip(before)
                .map(|(octet, before)| octet ^ before),
        );
        before = sealed;
    }
    Some(opened)
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockCipherEncrypt;

    use super::*;

    fn seal(key: &[u8; KEY], octets: &[u8]) -> Vec<u8> {
        let cipher = Aes128::new_from_slice(key).unwrap();
        let mut before = [9; KEY];
        let mut sealed = Vec::new();
        for block in octets.chunks_exact(KEY) {
            let mixed: Vec<u8> = block.iter().zip(before).map(|(a, b)| a ^ b).collect();
            let mixed: [u8; KEY] = mixed.try_into().unwrap();
            let mut block = mixed.into();
            cipher.encrypt_block(&mut block);
            before = block.into();
            sealed.extend(before);
        }
        sealed
    }

    #[test]
    fn a_key_opens_its_segments_and_no_other() {
        let mut segment = Vec::new();
        for packet in 0..16_u8 {
            segment.extend([0x47, 0, 32, 0x10 | packet & 15]);
            segment.extend([packet; 184]);
        }
        let sealed = seal(&[7; KEY], &segment);
        let opened = open(&[7; KEY], &sealed).unwrap();
        assert_eq!(opened[KEY..], segment[KEY..]);
        assert!(is_opened(&opened));
        assert!(!is_opened(&open(&[8; KEY], &sealed).unwrap()));
    }
}
