//! Packets in Ogg (RFC 3533), and how Opus (RFC 7845) and Speex lie in it.

/// Serial number of the only stream.
const SERIAL: u32 = 1;

/// A file of Opus: packets, each with how many samples of 48000 Hz it has.
pub fn opus(channels: u8, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    const RATE: u32 = 48_000;
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(0_u16.to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend([0, 0, 0]);
    let mut tags = b"OpusTags".to_vec();
    tags.extend([0; 8]);
    file(&[head, tags], packets)
}

/// A file of Speex with that many samples per second: packets, each with how many
/// samples it has.
pub fn speex(rate: u32, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mode = match rate {
        16_000 => 1,
        32_000 => 2,
        _ => 0_u32,
    };
    let mut head = b"Speex   1.2".to_vec();
    head.resize(28, 0);
    let fields = [
        1,
        80,
        rate,
        mode,
        4,
        1,
        u32::MAX,
        160 << mode,
        0,
        1,
        0,
        0,
        0,
    ];
    head.extend(fields.into_iter().flat_map(u32::to_le_bytes));
    file(&[head, vec![0; 8]], packets)
}

/// Each packet on a page of its own.
fn file(heads: &[Vec<u8>], packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut number = 0;
    let mut granule = 0;
    for (index, head) in heads.iter().enumerate() {
        let flags = if index == 0 { 2 } else { 0 };
        page(&mut file, flags, 0, number, head);
        number += 1;
    }
    for (index, (samples, packet)) in packets.iter().enumerate() {
        granule += samples;
        let flags = if index + 1 == packets.len() { 4 } else { 0 };
        page(&mut file, flags, granule, number, packet);
        number += 1;
    }
    file
}

/// RFC 3533 6. A packet that is too long for a page is left out.
fn page(file: &mut Vec<u8>, flags: u8, granule: u64, number: u32, packet: &[u8]) {
    let whole = packet.len() / 255;
    let Ok(segments) = u8::try_from(whole + 1) else {
        return;
    };
    let start = file.len();
    file.extend(b"OggS\0");
    file.push(flags);
    file.extend(granule.to_le_bytes());
    file.extend(SERIAL.to_le_bytes());
    file.extend(number.to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.push(segments);
    file.extend(std::iter::repeat_n(255, whole));
    file.push((packet.len() % 255) as u8);
    file.extend_from_slice(packet);
    let sum = file.get(start..).map_or(0, checksum).to_le_bytes();
    if let Some(field) = file.get_mut(start + 22..start + 26) {
        field.copy_from_slice(&sum);
    }
}

/// CRC with the polynomial 0x04c11db7, neither reflected nor inverted.
fn checksum(octets: &[u8]) -> u32 {
    octets.iter().fold(0_u32, |crc, octet| {
        let crc = crc ^ u32::from(*octet) << 24;
        (0..8).fold(crc, |crc, _| match crc >> 31 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x04c1_1db7,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mux::testing::probed;

    #[test]
    fn a_player_reads_opus() {
        // Silence of 20 ms; a packet of more than a segment.
        let mut long = vec![0xf8; 300];
        long[1] = 0xff;
        let packets = [(960, vec![0xf8, 0xff, 0xfe]), (960, long)];
        let file = opus(1, &packets);
        if let Some(said) = probed(&file, "ogg", "sample_rate,channels,nb_read_packets") {
            assert_eq!(said, "opus,48000,1,2");
        }
    }

    #[test]
    fn a_player_reads_speex() {
        let file = speex(8000, &[(160, vec![0x1d; 38]), (160, vec![0x1d; 38])]);
        if let Some(said) = probed(&file, "ogg", "sample_rate") {
            assert_eq!(said, "speex,8000");
        }
    }
}
