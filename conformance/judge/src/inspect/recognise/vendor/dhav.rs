//! DHAV, of Dahua: frames between `DHAV` and `dhav`, whose length both tell, in
//! whatever protocol carries them.

use super::Carried;

/// Octets of a header without its extension, and of what ends a frame.
const HEAD: usize = 24;
const TAIL: usize = 8;
/// Where a header tells the length of the frame, and of its extension.
const LENGTH: usize = 12;
const EXTENSION: usize = 22;
/// Octets of a frame that are believed.
const MOST: usize = 8 << 20;

/// Video of the frames of a direction.
pub(super) fn read(octets: &[u8]) -> Option<Carried> {
    let (mut at, mut frames, mut begin) = (0, 0, None);
    let mut video = Vec::new();
    while let Some(next) = octets
        .get(at..)
        .and_then(|r| memchr::memmem::find(r, b"DHAV"))
    {
        at += next;
        let Some(frame) = frame(octets, at) else {
            at += 4;
            continue;
        };
        begin.get_or_insert(at);
        // 0xfc: predicted, 0xfd: intra.
        if matches!(octets.get(at + 4), Some(0xfc..=0xfe)) {
            video.extend_from_slice(frame);
        }
        frames += 1;
        at += HEAD + frame.len() + TAIL;
    }
    (frames >= 2).then(|| Carried {
        name: "dhav",
        at: begin.unwrap_or(0),
        media: vec![video],
        messages: frames,
    })
}

/// What lies between the header at `at` and its end.
fn frame(octets: &[u8], at: usize) -> Option<&[u8]> {
    let word = |at: usize| -> Option<usize> {
        Some(u32::from_le_bytes(*octets.get(at..)?.first_chunk()?) as usize)
    };
    let length = word(at + LENGTH)?;
    let extension = usize::from(*octets.get(at + EXTENSION)?);
    (length <= MOST).then_some(())?;
    let tail = (at + length).checked_sub(TAIL)?;
    let fits = octets.get(tail..tail + 4)? == b"dhav" && word(tail + 4)? == length;
    fits.then(|| octets.get(at + HEAD + extension..tail))
        .flatten()
}
