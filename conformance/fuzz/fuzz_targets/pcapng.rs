//! Capture files, pcapng and pcap.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Capture, PcapngWriter};

fuzz_target!(|input: &[u8]| {
    let Ok(capture) = Capture::read(input) else {
        return;
    };
    let held: usize = capture.packets.iter().map(|p| p.data.len()).sum();
    assert!(held <= input.len(), "{held} octets out of {}", input.len());
    assert!(capture.packets.is_sorted_by(|a, b| a.number < b.number));
    let interfaces = capture.interfaces.len();
    assert!(capture.packets.iter().all(|p| p.interface < interfaces));

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
