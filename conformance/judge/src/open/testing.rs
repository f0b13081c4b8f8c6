//! Flows for tests, with a packet per record.

use lightleak_case::TransportProtocol;

use crate::dissect::{Flow, FlowState, Stream, tls};

use super::{OpenError, Opened, keylog::KeyLog, open};

/// Octets in hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A flow of those records, each with whether the client sent it.
pub fn flow(records: &[(bool, Vec<u8>)]) -> Flow {
    let mut flow = Flow {
        transport: TransportProtocol::Tcp,
        a: "10.0.0.1:40000".parse().unwrap(),
        b: "10.0.0.2:443".parse().unwrap(),
        state: FlowState::Open,
        from_a: Stream::default(),
        from_b: Stream::default(),
        first_packet: 1,
        packets: records.len() as u64,
    };
    for ((of_client, octets), number) in records.iter().zip(1..) {
        let stream = match of_client {
            true => &mut flow.from_a,
            false => &mut flow.from_b,
        };
        stream.push(octets, number, 54, number * 1000);
    }
    flow
}

/// Opens those records with those lines of a key log.
pub fn opened(records: &[(bool, Vec<u8>)], lines: &[String]) -> Result<Opened, OpenError> {
    let flow = flow(records);
    let keys = KeyLog::parse(lines.iter().map(String::as_str));
    open(&flow, &tls::read(&flow).unwrap(), &keys)
}
