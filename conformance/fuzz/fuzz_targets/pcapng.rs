//! Capture files, pcapng and pcap, compressed and damaged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Capture, CaptureParts, PcapngWriter};

fuzz_target!(|input: &[u8]| {
    let Ok((capture, damage)) = Capture::salvage(input) else {
        return;
    };
    match Capture::read(input) {
        Ok(read) => assert!(damage.is_none() && read == capture),
        Err(error) => assert_eq!(Some(&error), damage.as_ref()),
    }
    let held: usize = capture.packets.iter().map(|p| p.data.len()).sum();
    let most = match input {
        // gzip and Zstandard.
        [0x1F, 0x8B, ..] | [0x28, 0xB5, ..] | [0x50..=0x5F, 0x2A, ..] => {
            input.len() * 256 + (64 << 20)
        }
        _ => input.len(),
    };
    assert!(held <= most, "{held} octets out of {}", input.len());
    assert!(capture.packets.is_sorted_by(|a, b| a.number < b.number));
    let interfaces = capture.interfaces.len();
    assert!(capture.packets.iter().all(|p| p.interface < interfaces));

    // Part by part the same is read.
    let mut parts = CaptureParts::new(input).expect("there is something to read");
    let mut packets = Vec::new();
    while let Some(part) = parts.part(100) {
        packets.extend(part.packets);
    }
    assert!(packets == capture.packets && parts.damage() == damage);

    // Packets that are written are read as they were.
    let mut writer = PcapngWriter::new(Vec::new(), "tap", "").expect("write into memory");
    for packet in &capture.packets {
        let written = writer.packet(packet.time_ns, &packet.data);
        written.expect("write into memory");
    }
    let written = writer.finish(0, 0).expect("write into memory");
    let again = Capture::read(&written).expect("read what was written");
    assert!(!again.truncated);
    let content = |capture: &Capture| -> Vec<_> {
        let packets = capture.packets.iter();
        packets.map(|p| (p.time_ns, p.data.clone())).collect()
    };
    assert_eq!(content(&again), content(&capture));
});
