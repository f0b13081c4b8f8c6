//! Handshakes of DTLS, read and opened with a key log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::TransportProtocol;
use lightleak_fuzz::{flow, packets, parts, stream};
use lightleak_judge::{
    dissect::{Flow, Stream, dtls},
    open::{self, keylog::KeyLog},
};

fuzz_target!(|input: &[u8]| {
    let [keys, from_a, from_b] = parts(input);
    let text = String::from_utf8_lossy(keys);
    let keys = KeyLog::parse(text.lines());
    let flow = Flow {
        transport: TransportProtocol::Udp,
        ..flow(stream(packets(from_a)), stream(packets(from_b)))
    };
    let Some(reading) = dtls::read(&flow) else {
        return;
    };
    let (client, server) = (reading.from_client(&flow), reading.from_server(&flow));
    assert_places(&reading.client, client);
    assert_places(&reading.server, server);
    let Ok(opened) = open::dtls::open(&flow, &reading, &keys) else {
        return;
    };
    for (end, stream) in [(&opened.client, client), (&opened.server, server)] {
        let octets: usize = end.records.iter().map(|r| r.content + r.tag).sum();
        assert!(octets <= stream.bytes.len());
    }
});

/// Records lie one behind the other in their stream.
fn assert_places(side: &dtls::Side, stream: &Stream) {
    let mut at = 0;
    for record in &side.records {
        assert!(record.at >= at && record.end() <= stream.bytes.len());
        assert_eq!(record.fragment(stream).len(), record.length);
        at = record.end();
    }
}
