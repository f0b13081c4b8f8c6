//! IVF, as libvpx and libaom write it: a header of 32 octets, and before each frame
//! its length and its time.

use crate::decoder::{Elementary, Format};

/// A file of frames with their times in units of `1 / rate` seconds. `codec` is the
/// four octets that name it, such as `VP80`.
pub fn file(
    codec: [u8; 4],
    (width, height): (u16, u16),
    rate: u32,
    frames: &[(u64, Vec<u8>)],
) -> Vec<u8> {
    const HEADER: u16 = 32;
    let mut file = b"DKIF".to_vec();
    file.extend(0_u16.to_le_bytes());
    file.extend(HEADER.to_le_bytes());
    file.extend(codec);
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend(u32::try_from(frames.len()).unwrap_or(0).to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    for (time, frame) in frames {
        let Ok(length) = u32::try_from(frame.len()) else {
            continue;
        };
        file.extend(length.to_le_bytes());
        file.extend(time.to_le_bytes());
        file.extend_from_slice(frame);
    }
    file
}

/// Frames of VP8 or VP9 with the time stamps of RTP, as a file, if a key frame said
/// how large they are; and what is to be said of that.
pub fn film(
    codec: [u8; 4],
    size: Option<(u16, u16)>,
    frames: &[(u64, Vec<u8>)],
) -> (String, Vec<Elementary>) {
    const CLOCK: u32 = 90_000;
    match size {
        Some((width, height)) => {
            let media = Elementary {
                format: Format::Ivf,
                octets: file(codec, (width, height), CLOCK, frames),
            };
            let said = format!(", the first key frame {width}x{height}");
            (said, vec![media])
        }
        None => ("; no key frame was captured".to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mux::testing::probed;

    #[test]
    fn a_player_reads_it() {
        // The header of a key frame of VP8 (RFC 6386 9.1), 176 by 144.
        let key = [0x10, 2, 0, 0x9d, 1, 0x2a, 176, 0, 144, 0, 1, 2, 3, 4, 5, 6];
        let file = file(
            *b"VP80",
            (176, 144),
            90_000,
            &[(0, key.to_vec()), (3000, key.to_vec())],
        );
        assert_eq!(file.len(), 32 + 2 * (12 + key.len()));
        if let Some(said) = probed(&file, "ivf", "width,height,nb_read_packets") {
            assert_eq!(said, "vp8,176,144,2");
        }
    }
}
