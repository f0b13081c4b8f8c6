//! SSH (RFC 4253): identification strings and the key exchange in clear, from
//! either side.

mod binary;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};
use binary::KexInit;

/// Octets of a line (RFC 4253 4.2).
const LONGEST_LINE: usize = 255;
/// Octets of other lines that a server may send before.
const MOST_BEFORE: usize = 4096;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let sides = [Side::read(&flow.from_a), Side::read(&flow.from_b)];
    claim(&sides).into_iter().collect()
}

/// What one end said.
struct Side<'a> {
    stream: &'a Stream,
    identification: Option<Identification>,
    offers: Option<KexInit>,
}

/// An identification string.
struct Identification {
    at: usize,
    /// What is between `SSH-` and the software.
    version: String,
    /// Where it ends.
    end: usize,
}

impl<'a> Side<'a> {
    fn read(stream: &'a Stream) -> Self {
        let identification = Identification::find(stream.beginning());
        let begins = identification.as_ref().map_or(0, |said| said.end);
        let rest = stream.bytes.get(begins..).unwrap_or_default();
        let offers = KexInit::read(rest);
        Self {
            stream,
            // Behind other lines it needs what follows it.
            identification: identification.filter(|said| said.at == 0 || offers.is_some()),
            offers,
        }
    }

    fn version(&self) -> Option<&str> {
        Some(self.identification.as_ref()?.version.as_str())
    }

    /// Whether it says something that SSH does not.
    fn contradicts(&self) -> bool {
        let gap = self.stream.gaps.first() == Some(&0);
        let said = self.identification.is_some() || self.offers.is_some();
        !gap && !said && !self.stream.bytes.is_empty()
    }
}

impl Identification {
    fn find(bytes: &[u8]) -> Option<Self> {
        let window = bytes.get(..MOST_BEFORE.min(bytes.len()))?;
        let mut at = 0;
        // Lines before it are the server's, in UTF-8, and do not begin with SSH-.
        for line in window.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b"SSH-") {
                let text = line.get(4..LONGEST_LINE.min(line.len()))?;
                let text = std::str::from_utf8(text).ok()?.trim_end();
                let (version, software) = text.split_once('-')?;
                let digits = |c: char| c.is_ascii_digit() || c == '.';
                let known = version.starts_with(['1', '2']) && version.chars().all(digits);
                let printable = software.bytes().all(|o| (32..127).contains(&o));
                return (known && !software.is_empty() && printable).then(|| Self {
                    at,
                    version: version.to_owned(),
                    end: at + line.len(),
                });
            }
            let printable = |o: &u8| matches!(o, 9 | 10 | 13 | 32..=126 | 128..);
            if !line.iter().all(printable) {
                return None;
            }
            at += line.len();
        }
        None
    }
}

fn claim(sides: &[Side<'_>; 2]) -> Option<Claim> {
    let identified = sides.iter().filter(|s| s.identification.is_some()).count();
    let offered: Vec<_> = sides.iter().filter_map(|s| s.offers.as_ref()).collect();
    // Lines before the string, or none at all, need what follows.
    let at_once = sides
        .iter()
        .any(|s| s.identification.as_ref().is_some_and(|i| i.at == 0));
    if !at_once && offered.is_empty() || sides.iter().any(Side::contradicts) {
        return None;
    }
    let place = sides.iter().find_map(|side| {
        let at = side.identification.as_ref().map(|said| said.at);
        let at = at.or_else(|| side.offers.as_ref().map(|_| 0))?;
        side.stream.place(at)
    });
    let old = |side: &Side<'_>| {
        side.version()
            .is_some_and(|v| v.starts_with("1.") && v != "1.99")
    };
    let octets: usize = sides.iter().map(|s| s.stream.bytes.len()).sum();
    let reason = format!(
        "{identified} identification strings of SSH and {} offers of a key exchange, in {octets} octets",
        offered.len()
    );
    if sides.iter().any(old) {
        let why = "SSH 1: no integrity, and keys that are read with its flaws".to_owned();
        return Some(Claim::sealed("ssh1", reason).weak(Some(why)).at(place));
    }
    let mut weak = None;
    if let [one, other] = offered[..] {
        let ciphers = one.ciphers_with(other);
        if ciphers.iter().any(|cipher| cipher == "none") {
            let reason = format!("{reason}; the cipher is none");
            return Some(Claim::unknown("ssh-null", reason).at(place));
        }
        let old = |cipher: &&String| {
            ["arcfour", "des-", "3des", "rc4"]
                .iter()
                .any(|o| cipher.starts_with(o))
        };
        weak = ciphers.iter().find(old).cloned();
    }
    Some(Claim::sealed("ssh", reason).weak(weak).at(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, tcp, told};

    use super::{binary::tests::kexinit, *};

    const STRING: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";

    #[test]
    fn either_side_identifies_it() {
        let own = [STRING, &kexinit("aes128-gcm@openssh.com")].concat();
        let said = [(true, own.clone()), (false, own)];
        let sealed = Some(("sealed", "ssh".to_owned()));
        assert_eq!(told(recognise, &tcp(&said)), sealed);
        assert_eq!(told(recognise, &tcp(&said[..1])), sealed);
        assert_eq!(told(recognise, &tcp(&said[1..])), sealed);
        assert_eq!(told(recognise, &tcp(&[(false, STRING.to_vec())])), sealed);
        // Cut amid the string.
        let mut cut = tcp(&[(true, b"SSH-2.0-Open".to_vec()), (true, noise(1, 90))]);
        cut.from_a.gaps.push(12);
        assert_eq!(told(recognise, &cut), sealed);
        // Joined behind the strings.
        let late = tcp(&[(true, kexinit("aes256-ctr"))]);
        assert_eq!(told(recognise, &late), sealed);
        let old = tcp(&[(false, b"SSH-1.5-x\n".to_vec())]);
        assert_eq!(told(recognise, &old), Some(("sealed", "ssh1".into())));
        let none = [STRING, &kexinit("none")].concat();
        let none = tcp(&[(true, none.clone()), (false, none)]);
        assert_eq!(
            told(recognise, &none),
            Some(("undetermined", "ssh-null".into()))
        );
    }

    #[test]
    fn what_only_names_it_is_none() {
        let page = b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n".to_vec();
        assert_eq!(told(recognise, &tcp(&[(false, page.clone())])), None);
        let both = [(true, STRING.to_vec()), (false, page)];
        assert_eq!(told(recognise, &tcp(&both)), None);
        let noisy = [&b"SSH-2.0"[..], &noise(1, 60)].concat();
        assert_eq!(told(recognise, &tcp(&[(true, noisy)])), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..90),
            cut in 0..200_usize,
            at in 0..200_usize,
        ) {
            let mut own = [STRING, &kexinit("aes128-ctr")].concat();
            own.truncate(cut);
            if let (Some(there), Some(octet)) = (own.get_mut(at), octets.first()) {
                *there = *octet;
            }
            own.extend(&octets);
            let _ = alone(recognise, &tcp(&[(true, own), (false, octets)]));
        }
    }
}
