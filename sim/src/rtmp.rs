//! RTMP (Adobe's specification, 1.0): what servers and players say alike.

/// The registered port.
pub const PORT: u16 = 1935;
/// The version, in front of what either side says of itself (5.2.2).
pub const VERSION: u8 = 3;
/// Octets of what either side says of itself (5.2.3).
pub const HANDSHAKE: usize = 1536;
/// Octets of a chunk (5.4.1), as long as nobody says otherwise.
pub const CHUNK: usize = 128;
/// The type of commands (7.1.1).
pub const COMMAND: u8 = 20;
/// The chunk stream of commands.
pub const COMMANDS: u8 = 3;
/// The message stream that servers make first.
pub const STREAM: u32 = 1;

/// What stands before a message (5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its chunk stream, from 2 to 63.
    pub chunks: u8,
    /// Its type.
    pub kind: u8,
    /// Its message stream; 0 is about the connection.
    pub stream: u32,
    /// Its time stamp in milliseconds, which stops below the longest that needs no
    /// extension.
    pub time: u32,
}

/// A message in chunks of so many octets.
pub fn message(header: Header, octets: &[u8], chunk: usize) -> Vec<u8> {
    let mut message = vec![header.chunks];
    message.extend(&header.time.min(0xff_fffe).to_be_bytes()[1..]);
    message.extend(&(octets.len() as u32).to_be_bytes()[1..]);
    message.push(header.kind);
    message.extend(header.stream.to_le_bytes());
    for (index, chunk) in octets.chunks(chunk).enumerate() {
        if index > 0 {
            message.push(0xc0 | header.chunks);
        }
        message.extend(chunk);
    }
    message
}

/// Values of AMF 0.
pub mod amf {
    /// Null.
    pub const NULL: u8 = 5;

    /// A number.
    pub fn number(number: f64) -> Vec<u8> {
        [&[0][..], &number.to_be_bytes()].concat()
    }

    /// A text of at most 65535 octets.
    pub fn text(text: &str) -> Vec<u8> {
        [&[2][..], &name(text)].concat()
    }

    /// An object of texts.
    pub fn object(fields: &[(&str, &str)]) -> Vec<u8> {
        let fields = fields.iter();
        let fields = fields.flat_map(|(field, value)| [name(field), text(value)].concat());
        [3].into_iter().chain(fields).chain([0, 0, 9]).collect()
    }

    fn name(text: &str) -> Vec<u8> {
        [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
    }
}
