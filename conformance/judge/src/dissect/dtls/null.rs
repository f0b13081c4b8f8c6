//! What is inside records that are not encrypted: the application data of a session
//! with a NULL suite (RFC 6347 4.1.2.1 with RFC 5246 6.2.3.1).

use super::{Reading, ServerHello, Side, Stream};
use crate::dissect::tls::{APPLICATION_DATA, null::mac};

impl Reading {
    /// The application data of client and server, record for record a datagram; `None`
    /// if the suite that was chosen encrypts.
    pub fn unencrypted(&self, flow: &crate::dissect::Flow) -> Option<[Stream; 2]> {
        let hello = self.server_hello.as_ref()?;
        let client = application_data(self.from_client(flow), &self.client, hello)?;
        let server = application_data(self.from_server(flow), &self.server, hello)?;
        Some([client, server])
    }
}

fn application_data(stream: &Stream, side: &Side, hello: &ServerHello) -> Option<Stream> {
    let mac = mac(hello.cipher_suite)?;
    let mut inner = Stream::default();
    let data = side.records.iter();
    for record in data.filter(|r| r.epoch > 0 && r.content_type == APPLICATION_DATA) {
        let start = record.at + record.header;
        inner.push_part(stream, start..start + record.length.saturating_sub(mac));
    }
    Some(inner)
}
