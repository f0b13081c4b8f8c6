//! The lines that the harness and a shim say to one another: `schema/shim.md`.

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lightleak_case::TransportProtocol;

/// What the harness says: something happens to the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// It is switched on, to serve that transport path. What it has to know of itself
    /// stands behind, as `key=value`.
    Start(&'a str, &'a [(&'a str, String)]),
    /// What will be done to it.
    Stimulus(&'a str),
    /// An access unit as a byte stream (ITU-T H.264 Annex B): number, when it was taken.
    Video(u32, Duration, &'a [u8]),
    /// A packet of sound, G.711 mu-law at 8 kHz: number, when it was taken.
    Audio(u32, Duration, &'a [u8]),
    /// Somebody opened a TCP connection: its number, the device's port, who.
    Accept(u64, u16, SocketAddr),
    /// Octets that came on a connection.
    Data(u64, &'a [u8]),
    /// Nothing more will come on a connection.
    End(u64),
    /// A UDP datagram came: to which port, from whom.
    Datagram(u16, SocketAddr, &'a [u8]),
    /// It is switched off.
    Stop,
}

impl Event<'_> {
    /// Its first words, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Event::Start(path, _) => format!("start {path}"),
            Event::Stimulus(id) => format!("stimulus {id}"),
            Event::Video(number, ..) => format!("video {number}"),
            Event::Audio(number, ..) => format!("audio {number}"),
            Event::Accept(connection, port, _) => format!("accept {connection} {port}"),
            Event::Data(connection, _) => format!("data {connection}"),
            Event::End(connection) => format!("end {connection}"),
            Event::Datagram(port, from, _) => format!("datagram {port} {from}"),
            Event::Stop => "stop".into(),
        }
    }
}

impl Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = |octets: &[u8]| BASE64_STANDARD.encode(octets);
        f.write_str(&self.name())?;
        match self {
            Event::Start(_, settings) => settings
                .iter()
                .try_for_each(|(key, value)| write!(f, " {key}={value}")),
            Event::Video(_, taken, octets) | Event::Audio(_, taken, octets) => {
                write!(f, " {} {}", taken.as_millis(), base64(octets))
            }
            Event::Accept(.., peer) => write!(f, " {peer}"),
            Event::Data(_, octets) | Event::Datagram(.., octets) => {
                write!(f, " {}", base64(octets))
            }
            Event::Stimulus(_) | Event::End(_) | Event::Stop => Ok(()),
        }
    }
}

/// What a shim says: the device does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It listens on a port.
    Listen(TransportProtocol, u16),
    /// It declares where viewers find the path.
    Url(String),
    /// It says who made it, its model, its firmware.
    Vendor(String),
    Model(String),
    Firmware(String),
    /// It sends octets on a connection.
    Data(u64, Vec<u8>),
    /// It sends nothing more on a connection.
    End(u64),
    /// It sends a UDP datagram: from which port, to whom.
    Datagram(u16, SocketAddr, Vec<u8>),
    /// A secret for the escrow, in a line as `keys.log` has it.
    Secret(String),
    /// A line of its log.
    Log(String),
    /// Octets that are added to a stored file.
    Store(String, Vec<u8>),
    /// It has done all that follows from the event.
    Done,
}

impl Action {
    /// Reads a line; an error says what is wrong with it.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ');
        let mut word = |what: &str| match words.next() {
            Some(word) if !word.is_empty() => Ok(word),
            _ => Err(format!("{what} is missing")),
        };
        let action = match verb {
            "listen" => {
                let transport = match word("tcp or udp")? {
                    "tcp" => TransportProtocol::Tcp,
                    "udp" => TransportProtocol::Udp,
                    other => return Err(format!("{other:?} is neither tcp nor udp")),
                };
                Action::Listen(transport, number(word("a port")?)?)
            }
            "data" => Action::Data(
                number(word("a connection")?)?,
                octets(words.next().unwrap_or_default())?,
            ),
            "end" => Action::End(number(word("a connection")?)?),
            "datagram" => Action::Datagram(
                number(word("a port")?)?,
                number(word("an address with a port")?)?,
                octets(words.next().unwrap_or_default())?,
            ),
            "store" => Action::Store(
                word("the name of a file")?.to_owned(),
                octets(words.next().unwrap_or_default())?,
            ),
            // To the end of the line.
            "url" => return Ok(Action::Url(rest.into())),
            "vendor" => return Ok(Action::Vendor(rest.into())),
            "model" => return Ok(Action::Model(rest.into())),
            "firmware" => return Ok(Action::Firmware(rest.into())),
            "secret" => return Ok(Action::Secret(rest.into())),
            "log" => return Ok(Action::Log(rest.into())),
            "done" if rest.is_empty() => return Ok(Action::Done),
            other => return Err(format!("nothing begins with {other:?}")),
        };
        match words.next() {
            None => Ok(action),
            Some(more) => Err(format!("{more:?} is too much")),
        }
    }
}

fn number<T: std::str::FromStr<Err: Display>>(word: &str) -> Result<T, String> {
    word.parse().map_err(|e| format!("{word:?}: {e}"))
}

fn octets(base64: &str) -> Result<Vec<u8>, String> {
    let decoded = BASE64_STANDARD.decode(base64);
    decoded.map_err(|e| format!("expected base64 (RFC 4648 4): {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> SocketAddr {
        "192.0.2.20:50000".parse().unwrap()
    }

    #[test]
    fn events_are_lines() {
        let taken = Duration::from_millis(1_767_225_600_500);
        let settings = [("address", "192.0.2.10".to_owned()), ("rate", "15".into())];
        for (event, line) in [
            (
                Event::Start("nvr.rtsps", &settings),
                "start nvr.rtsps address=192.0.2.10 rate=15",
            ),
            (Event::Stimulus("honest"), "stimulus honest"),
            (
                Event::Video(7, taken, b"\0\0\0\x01"),
                "video 7 1767225600500 AAAAAQ==",
            ),
            (
                Event::Audio(0, taken, &[0xFF]),
                "audio 0 1767225600500 /w==",
            ),
            (
                Event::Accept(3, 322, peer()),
                "accept 3 322 192.0.2.20:50000",
            ),
            (Event::Data(3, b"hi"), "data 3 aGk="),
            (Event::End(3), "end 3"),
            (
                Event::Datagram(6970, peer(), b""),
                "datagram 6970 192.0.2.20:50000 ",
            ),
            (Event::Stop, "stop"),
        ] {
            assert_eq!(event.to_string(), line);
        }
    }

    #[test]
    fn lines_are_actions() {
        for (line, action) in [
            (
                "listen tcp 322",
                Action::Listen(TransportProtocol::Tcp, 322),
            ),
            (
                "listen udp 6970",
                Action::Listen(TransportProtocol::Udp, 6970),
            ),
            (
                "url rtsps://192.0.2.10/a b",
                Action::Url("rtsps://192.0.2.10/a b".into()),
            ),
            ("data 3 aGk=", Action::Data(3, b"hi".into())),
            ("end 3", Action::End(3)),
            (
                "datagram 6970 192.0.2.20:50000 aGk=",
                Action::Datagram(6970, peer(), b"hi".into()),
            ),
            ("secret A b c", Action::Secret("A b c".into())),
            ("log  two  blanks", Action::Log(" two  blanks".into())),
            (
                "store clip.mp4 aGk=",
                Action::Store("clip.mp4".into(), b"hi".into()),
            ),
            ("done", Action::Done),
        ] {
            assert_eq!(Action::parse(line), Ok(action), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, why) in [
            ("", "nothing begins with \"\""),
            ("Done", "nothing begins with \"Done\""),
            ("done now", "nothing begins with \"done\""),
            ("listen", "tcp or udp is missing"),
            ("listen sctp 1", "\"sctp\" is neither tcp nor udp"),
            (
                "listen tcp 65536",
                "\"65536\": number too large to fit in target type",
            ),
            ("data 3 a", "expected base64"),
            ("data x aGk=", "\"x\": invalid digit found in string"),
            ("end 3 4", "\"4\" is too much"),
            (
                "datagram 1 nowhere aGk=",
                "\"nowhere\": invalid socket address syntax",
            ),
        ] {
            let told = Action::parse(line).unwrap_err();
            assert!(told.starts_with(why), "{line}: {told}");
        }
    }
}
