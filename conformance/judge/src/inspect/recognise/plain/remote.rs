//! Screens and terminals of others: RFB, X11, telnet, rsync, Subversion, XMPP.
//! What a screen shows is not a camera's picture; a desktop in clear is said so.

use crate::{dissect::Flow, inspect::Claim};

use super::form::Form;

/// Whichever of them it is, from what both sides begin with.
pub(super) fn recognise(flow: &Flow) -> Option<Claim> {
    let sides = [
        (&flow.from_a.bytes, &flow.from_b.bytes),
        (&flow.from_b.bytes, &flow.from_a.bytes),
    ];
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let found = sides.into_iter().find_map(|(one, two)| {
        rfb(one, two)
            .or_else(|| x11(one, two))
            .or_else(|| telnet(one, two))
            .or_else(|| named(one, two))
    });
    found.map(|claim| claim.at(place))
}

/// RFC 6143 7.1: both name a version. The pictures that follow are a screen's.
fn rfb(one: &[u8], two: &[u8]) -> Option<Claim> {
    let versioned = |octets: &[u8]| {
        let mut form = Form::new(octets);
        form.exact(b"RFB 00")?;
        form.skip(1)?;
        form.exact(b".00")?;
        form.skip(1)?;
        form.exact(b"\n").map(|()| form.at())
    };
    let end = versioned(one)?;
    if two.is_empty() && one.len() == end {
        return Some(Claim::other(
            "rfb",
            "a server of RFB (VNC) names its version, and nothing follows",
        ));
    }
    let other = versioned(two)?;
    let follows = one.len().saturating_sub(end) + two.len().saturating_sub(other);
    let reason = format!("RFB (VNC): both sides name its version; {follows} octets follow");
    Some(match follows <= 4096 {
        true => Claim::other("rfb", reason),
        false => Claim::unknown("rfb", reason),
    })
}

/// X11 protocol 8: byte order, version 11, and the lengths of what authorizes.
fn x11(one: &[u8], two: &[u8]) -> Option<Claim> {
    let mut form = Form::new(one);
    let little = form.u8_of(b"lB")? == b'l';
    form.skip(1)?;
    let read = |form: &mut Form<'_>| if little { form.le16() } else { form.u16() };
    let version = (read(&mut form)?, read(&mut form)?);
    let name = usize::from(read(&mut form)?);
    let data = usize::from(read(&mut form)?);
    let fits = version == (11, 0) && name <= 64 && data <= 256;
    let answer = two.is_empty() || matches!(two.first(), Some(0..=2));
    (fits && answer).then(|| {
        Claim::other(
            "x11",
            "X11 in clear: a client's version and what authorizes it",
        )
    })
}

/// RFC 854: commands with options, one after the other, at the beginning, then text.
fn telnet(one: &[u8], two: &[u8]) -> Option<Claim> {
    let (mut commands, mut others, mut octets) = (0_u32, 0_usize, 0_usize);
    for side in [one, two] {
        let side = side.get(..side.len().min(16 << 10))?;
        let mut at = 0;
        while let Some(&octet) = side.get(at) {
            if octet != 0xff {
                others += usize::from(
                    octet < 0x20 && !b"\r\n\t\0\x1b\x08\x07\x03\x04\x0f\x0e".contains(&octet)
                        || octet == 0x7f,
                );
                octets += 1;
                at += 1;
                continue;
            }
            match (side.get(at + 1), side.get(at + 2)) {
                (Some(251..=254), Some(0..=49 | 200 | 201 | 86..=93 | 69 | 70)) => {
                    commands += 1;
                    at += 3;
                }
                (Some(250), Some(_)) => {
                    let rest = side.get(at..).unwrap_or_default();
                    let end = memchr::memmem::find(rest, &[0xff, 0xf0]).unwrap_or(rest.len());
                    commands += 1;
                    at += end + 2;
                }
                (Some(0xf0..=0xf9 | 0xff), _) => at += 2,
                (None, _) | (_, None) => break,
                _ => return None,
            }
        }
    }
    let begins = one.first() == Some(&0xff) || two.first() == Some(&0xff);
    // Each command is 8 bits, 6 and 2 that could not be otherwise.
    (begins && commands >= 2 && others * 20 <= octets).then(|| {
        Claim::other(
            "telnet",
            format!(
                "telnet in clear: {commands} negotiations of options, and {octets} octets of text"
            ),
        )
    })
}

/// Protocols that name themselves in both directions, or ask and are answered so.
fn named(one: &[u8], two: &[u8]) -> Option<Claim> {
    let starts = |octets: &[u8], with: &[u8]| octets.starts_with(with);
    if starts(one, b"@RSYNCD: ") && (starts(two, b"@RSYNCD: ") || two.is_empty()) {
        return Some(Claim::other(
            "rsync",
            "both sides name the protocol of rsync in clear",
        ));
    }
    if starts(one, b"( success ( ") && (starts(two, b"( ") || two.is_empty()) {
        return Some(Claim::other(
            "svn",
            "Subversion in clear: a greeting and its answer",
        ));
    }
    if starts(one, b"GIOP\x01") && (starts(two, b"GIOP\x01") || two.is_empty()) {
        return Some(Claim::other(
            "giop",
            "GIOP (CORBA) in clear, named by its messages",
        ));
    }
    if starts(one, b"JRMI\0") && (two.is_empty() || two.first() == Some(&0x4e)) {
        return Some(Claim::other(
            "rmi",
            "Java RMI in clear: a client's call and its acknowledgement",
        ));
    }
    if starts(one, b"GNUTELLA CONNECT/")
        || starts(one, b"GNUTELLA/0.") && (starts(two, b"GNUTELLA/") || two.is_empty())
    {
        return Some(Claim::other("gnutella", "Gnutella in clear: its handshake"));
    }
    if (starts(one, b"<?xml") || starts(one, b"<stream:stream"))
        && memchr::memmem::find(one.get(..one.len().min(1024))?, b"stream:stream").is_some()
    {
        let closed =
            memchr::memmem::find(one, b"<proceed").or(memchr::memmem::find(two, b"<proceed"));
        return match closed {
            Some(_) => Some(Claim::unknown(
                "xmpp",
                "XMPP in clear, which goes on to TLS",
            )),
            None => Some(Claim::other("xmpp", "a stream of XMPP in clear")),
        };
    }
    None
}
