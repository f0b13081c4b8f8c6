//! Flash video (Adobe FLV 10.1, annex E): tags, each followed by its size.

/// Type of a tag with sound (E.4.1).
pub const AUDIO: u8 = 8;
/// Type of a tag with video.
pub const VIDEO: u8 = 9;
/// Type of a tag with data: names and values in AMF.
pub const SCRIPT: u8 = 18;

/// Octets before the body of a tag, and of the size behind it.
const HEAD: usize = 11;
const SIZE: usize = 4;
/// Octets of a tag that are believed.
const MOST: usize = 4 << 20;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its type.
    pub kind: u8,
    /// When it is presented, milliseconds.
    pub time: u32,
    /// Its body.
    pub body: &'a [u8],
}

/// The file header (E.2) and the size of the tag before the first, which is none.
pub const HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];

/// Where the first tag begins in a file.
pub fn first(octets: &[u8]) -> Option<usize> {
    let [b'F', b'L', b'V', 1, flags, o3, o2, o1, o0, rest @ ..] = octets else {
        return None;
    };
    let offset = u32::from_be_bytes([*o3, *o2, *o1, *o0]);
    let fits = flags & 0xfa == 0 && offset == 9 && rest.starts_with(&[0; SIZE]);
    fits.then_some(HEADER.len())
}

/// The tag at `at` if it is whole and its size follows, and where the next begins.
pub fn tag(octets: &[u8], at: usize) -> Option<(Tag<'_>, usize)> {
    let head: &[u8; HEAD] = octets.get(at..)?.first_chunk()?;
    let [kind, l2, l1, l0, t2, t1, t0, t3, 0, 0, 0] = *head else {
        return None;
    };
    let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
    let end = at + HEAD + length;
    let body = octets.get(at + HEAD..end)?;
    let size = u32::from_be_bytes(*octets.get(end..)?.first_chunk()?) as usize;
    // Some senders leave the size of the tag before out.
    let fits = matches!(kind, AUDIO | VIDEO | SCRIPT)
        && length <= MOST
        && (size == HEAD + length || size == length);
    let time = u32::from_be_bytes([t3, t2, t1, t0]);
    fits.then_some((Tag { kind, time, body }, end + SIZE))
}

/// Appends a tag to a file.
pub fn push(file: &mut Vec<u8>, kind: u8, time: u32, body: &[u8]) {
    let length = (body.len() as u32).to_be_bytes();
    let [t3, t2, t1, t0] = time.to_be_bytes();
    file.extend([
        kind, length[1], length[2], length[3], t2, t1, t0, t3, 0, 0, 0,
    ]);
    file.extend(body);
    file.extend(((HEAD + body.len()) as u32).to_be_bytes());
}

/// What the body of a tag with video holds, in a word; `None` if it is none.
pub fn video(body: &[u8]) -> Option<&'static str> {
    let (&first, rest) = body.split_first()?;
    // Enhanced RTMP 1: a FourCC instead of a number.
    if first & 0x80 != 0 {
        let codec = match rest.get(..4)? {
            b"hvc1" => "h265",
            b"avc1" => "h264",
            b"av01" => "av1",
            b"vp09" => "vp9",
            b"vp08" => "vp8",
            b"vvc1" => "h266",
            _ => return None,
        };
        return (first & 15 <= 6).then_some(codec);
    }
    let is_frame = (1..=5).contains(&(first >> 4));
    let codec = match first & 15 {
        2 => "h263",
        3 | 6 => "screen",
        4 | 5 => "vp6",
        7 if rest.first().is_some_and(|packet| *packet <= 2) => "h264",
        // What cameras of one country send.
        12 if rest.first().is_some_and(|packet| *packet <= 2) => "h265",
        _ => return None,
    };
    is_frame.then_some(codec)
}

/// What the body of a tag with sound holds, in a word; `None` if it is none.
pub fn audio(body: &[u8]) -> Option<&'static str> {
    let (&first, rest) = body.split_first()?;
    let codec = match first >> 4 {
        0 | 3 => "pcm",
        1 => "adpcm",
        2 | 14 => "mp3",
        4..=6 => "nellymoser",
        7 => "pcma",
        8 => "pcmu",
        9 => "enhanced",
        10 if rest.first().is_some_and(|packet| *packet <= 1) => "aac",
        11 => "speex",
        _ => return None,
    };
    Some(codec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_and_read() {
        let mut file = HEADER.to_vec();
        push(&mut file, VIDEO, 0x0102_0304, &[0x17, 0, 0, 0, 0]);
        push(&mut file, AUDIO, 7, &[0xaf, 1, 9]);
        let at = first(&file).unwrap();
        let (video_tag, at) = tag(&file, at).unwrap();
        assert_eq!((video_tag.kind, video_tag.time), (VIDEO, 0x0102_0304));
        assert_eq!(video(video_tag.body), Some("h264"));
        let (sound, at) = tag(&file, at).unwrap();
        assert_eq!((sound.time, audio(sound.body)), (7, Some("aac")));
        assert_eq!(at, file.len());
        file[at - 1] ^= 1;
        assert_eq!(tag(&file, at - SIZE - 3 - HEAD), None);
    }
}
