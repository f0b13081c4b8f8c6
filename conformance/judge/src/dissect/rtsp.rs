//! RTSP 1.0 messages and interleaved frames (RFC 2326).

use std::ops::Range;

use super::Stream;

/// What two directions of a connection say to each other.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// Requests of `a` with their responses by `b`, matched by CSeq.
    pub exchanges: Vec<Exchange>,
    /// `$` frames that `a` sent (RFC 2326 10.12).
    pub frames_a: Vec<Frame>,
    /// `$` frames that `b` sent.
    pub frames_b: Vec<Frame>,
    /// Octets of `a` that are neither message nor frame.
    pub residue_a: Vec<Range<usize>>,
    /// Octets of `b` that are neither message nor frame.
    pub residue_b: Vec<Range<usize>>,
}

/// A request and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked.
    pub request: Message,
    /// What was answered.
    pub response: Option<Message>,
}

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it lies in its stream.
    pub range: Range<usize>,
    /// Method of a request; empty in a response.
    pub method: String,
    /// URI of a request.
    pub uri: String,
    /// Status code of a response; 0 in a request.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Message {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// An interleaved frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Channel.
    pub channel: u8,
    /// Where its payload lies in its stream (the 4 octets before are its header).
    pub payload: Range<usize>,
}

/// Reads two directions as RTSP by their content: `a` is the client. `None`
/// if nothing in them is an RTSP message.
pub fn read(from_a: &Stream, from_b: &Stream) -> Option<Dialogue> {
    let _ = (from_a, from_b);
    None
}
