//! TCP reassembly (RFC 9293).
