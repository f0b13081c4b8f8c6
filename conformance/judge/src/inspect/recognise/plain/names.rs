//! Names and addresses: DNS (RFC 1035, over TCP as well), multicast DNS (RFC 6762),
//! LLMNR (RFC 4795), NetBIOS (RFC 1002), DHCP (RFC 2131), DHCPv6 (RFC 8415).

use std::collections::BTreeMap;

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "mdns",
        name: "of multicast DNS",
        read: mdns,
    },
    Message {
        kind: "nbns",
        name: "of the NetBIOS name service",
        read: nbns,
    },
    Message {
        kind: "dns",
        name: "of DNS",
        read: dns,
    },
    Message {
        kind: "netbios",
        name: "of the NetBIOS datagram service",
        read: netbios,
    },
    Message {
        kind: "dhcp",
        name: "of DHCP",
        read: dhcp,
    },
    Message {
        kind: "dhcpv6",
        name: "of DHCPv6",
        read: dhcpv6,
    },
];

pub(super) const FRAMES: &[Frames] = &[Frames {
    kind: "dns",
    name: "DNS",
    read: dns_in_stream,
}];

/// Longest name (RFC 1035 2.3.4), and records that are read of one message.
const LONGEST_NAME: usize = 255;
const MOST_RECORDS: usize = 4096;
/// Octets of the header.
const HEADER: usize = 12;

/// What a message of DNS is about.
#[derive(Default)]
struct Dns {
    bits: u32,
    id: u16,
    /// The first name, and whether all its labels are text.
    name: Vec<u8>,
    kind: u16,
}

fn dns(octets: &[u8]) -> Option<u32> {
    read_dns(octets).map(|dns| dns.bits)
}

/// Multicast DNS leaves the identifier zero (RFC 6762 18.1) and speaks of `.local`
/// (3) or of the reverse of addresses.
fn mdns(octets: &[u8]) -> Option<u32> {
    let dns = read_dns(octets)?;
    let local = dns.name.ends_with(b".local") || dns.name.ends_with(b".arpa");
    (dns.id == 0 && local).then_some(dns.bits)
}

/// NB and NBSTAT, of a name in 32 letters (RFC 1002 4.1, 4.2.1.2, 4.2.1.3).
fn nbns(octets: &[u8]) -> Option<u32> {
    let dns = read_dns(octets)?;
    let first = dns.name.split(|&o| o == b'.').next()?;
    let encoded = first.len() == 32 && first.iter().all(|o| (b'a'..=b'p').contains(o));
    (encoded && matches!(dns.kind, 0x20 | 0x21)).then_some(dns.bits)
}

fn read_dns(octets: &[u8]) -> Option<Dns> {
    let mut form = Form::new(octets);
    let id = form.u16()?;
    let flags = form.u16()?;
    // OPCODE: query to update and DSO; NetBIOS has up to 8 (RFC 1002 4.2.1.1).
    form.must((flags >> 11 & 0xf) <= 9, 0)?;
    let counts = [form.u16()?, form.u16()?, form.u16()?, form.u16()?];
    let records: usize = counts.iter().skip(1).map(|&n| usize::from(n)).sum();
    let questions = usize::from(counts[0]);
    let total = questions + records;
    // The smallest question has 5 octets, the smallest record 11.
    let fits = questions * 5 + records * 11 <= form.left();
    form.must(total > 0 && total <= MOST_RECORDS && fits, 24)?;
    let mut names = BTreeMap::new();
    let mut dns = Dns {
        id,
        ..Dns::default()
    };
    for index in 0..questions {
        let name = name(&mut form, &mut names)?;
        let kind = form.u16()?;
        let class = form.u16()? & 0x7fff;
        // IN, CH, HS, NONE and ANY.
        form.must(matches!(class, 1 | 3 | 4 | 254 | 255), 12)?;
        if index == 0 {
            (dns.name, dns.kind) = (name, kind);
        }
    }
    for _ in 0..records {
        let name = name(&mut form, &mut names)?;
        let kind = form.u16()?;
        let class = form.u16()?;
        let _ttl = form.u32()?;
        let length = usize::from(form.u16()?);
        const OPT: u16 = 41;
        let classed = kind == OPT || matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255);
        form.must(classed, 12)?;
        let data = form.at()..form.at().checked_add(length)?;
        form.must(data.end <= octets.len(), 4)?;
        if matches!(
            kind,
            2 | 5 | 6 | 12 | 14 | 15 | 18 | 21 | 33 | 39 | 46 | 47 | 64 | 65
        ) {
            learn(octets, data.clone(), kind, &mut names);
        }
        form.skip(length)?;
        if dns.name.is_empty() {
            (dns.name, dns.kind) = (name, kind);
        }
    }
    // A response that was cut to fit (TC), or one with padding behind it, may have
    // a few octets more.
    form.must(form.is_at_end() || form.rest().iter().all(|&o| o == 0), 8)?;
    dns.bits = form.bits();
    Some(dns)
}

/// A name, letters in lower case. Pointers go back to where labels began before.
fn name(form: &mut Form<'_>, names: &mut BTreeMap<usize, Vec<u8>>) -> Option<Vec<u8>> {
    let mut labels: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut tail = Vec::new();
    loop {
        let at = form.at();
        match form.u8()? {
            0 => {
                form.must(true, 4)?;
                break;
            }
            length @ 1..=63 => {
                let label = form.take(usize::from(length))?.to_vec();
                let text = label.iter().all(|o| (0x20..0x7f).contains(o));
                form.must(true, if text { u32::from(length) + 1 } else { 1 })?;
                labels.push((at, label));
                if labels.len() > 128 {
                    return None;
                }
            }
            high @ 0xc0.. => {
                let target = usize::from(u16::from_be_bytes([high & 0x3f, form.u8()?]));
                tail.clone_from(names.get(&target)?);
                form.must(true, 10)?;
                break;
            }
            // Bit labels (RFC 2673) went out of use.
            _ => return None,
        }
    }
    let mut whole = tail;
    for (at, mut label) in labels.into_iter().rev() {
        label.make_ascii_lowercase();
        if !whole.is_empty() {
            label.push(b'.');
            label.extend_from_slice(&whole);
        }
        whole = label;
        if whole.len() > LONGEST_NAME {
            return None;
        }
        names.insert(at, whole.clone());
    }
    Some(whole)
}

/// Names in the data of a record, which later ones may point to.
fn learn(
    octets: &[u8],
    data: std::ops::Range<usize>,
    kind: u16,
    names: &mut BTreeMap<usize, Vec<u8>>,
) {
    let before = match kind {
        15 | 18 | 21 | 64 | 65 => 2,
        33 => 6,
        46 => 18,
        _ => 0,
    };
    let mut form = Form::new(octets.get(..data.end).unwrap_or_default());
    if form.skip(data.start + before).is_none() {
        return;
    }
    let count = if matches!(kind, 6 | 14) { 2 } else { 1 };
    for _ in 0..count {
        if name(&mut form, names).is_none() {
            break;
        }
    }
}

fn dns_in_stream(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = usize::from(form.u16()?);
    form.must(length >= HEADER, 0)?;
    let bits = match form.rest().get(..length) {
        Some(message) => 8 + dns(message)?,
        // Its end was not captured: header and the first question.
        None => {
            let rest = form.rest();
            let flags = u16::from_be_bytes(*rest.get(2..)?.first_chunk()?);
            let counts = u16::from_be_bytes(*rest.get(4..)?.first_chunk()?);
            if counts != 1 || flags >> 11 & 0xf > 5 {
                return None;
            }
            let mut question = Form::new(rest);
            question.skip(HEADER)?;
            name(&mut question, &mut BTreeMap::new())?;
            question.skip(2)?;
            question.exact(&[0, 1])?;
            16 + question.bits()
        }
    };
    Some(Frame {
        octets: 2 + length,
        bits,
    })
}

/// RFC 1002 4.4.1.
fn netbios(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let kind = form.u8_in(0x10..=0x16)?;
    form.u8_in(0..=15)?;
    form.skip(2 + 4 + 2)?;
    if kind >= 0x13 {
        return None;
    }
    let length = usize::from(form.u16()?);
    form.must(length <= form.left(), 0)?;
    form.skip(2)?;
    form.must(length == form.left(), 16)?;
    for _ in 0..2 {
        form.exact(&[32])?;
        let name = form.take(32)?;
        form.must(name.iter().all(|o| (b'A'..=b'P').contains(o)), 128)?;
        form.exact(&[0])?;
    }
    Some(form.bits())
}

fn dhcp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.u8_of(&[1, 2])?;
    let _htype = form.u8()?;
    let hlen = form.u8_in(0..=16)?;
    form.u8_in(0..=16)?;
    form.skip(4 + 2)?;
    let flags = form.u16()?;
    form.must(flags & 0x7fff == 0, 15)?;
    form.skip(16)?;
    form.skip(usize::from(hlen))?;
    form.zeros(16 - usize::from(hlen))?;
    form.skip(64 + 128)?;
    if form.rest().starts_with(&[99, 130, 83, 99]) {
        form.exact(&[99, 130, 83, 99])?;
    }
    Some(form.bits())
}

/// Options fill the message; those of a message to or from a relay as well.
fn dhcpv6(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let kind = form.u8_in(1..=13)?;
    match kind {
        12 | 13 => {
            form.u8_in(0..=32)?;
            form.skip(32)?;
        }
        _ => form.skip(3)?,
    }
    let mut options = 0;
    while !form.is_at_end() {
        form.u16_in(1..=255)?;
        let length = usize::from(form.u16()?);
        form.must(length <= form.left(), 8)?;
        form.skip(length)?;
        options += 1;
    }
    (options >= 2).then_some(form.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";

    #[test]
    fn messages_of_dns_fill_their_datagram() {
        assert!(dns(QUERY).unwrap() >= 48);
        let mut answer = QUERY.to_vec();
        answer[2] = 0x81;
        answer[7] = 1;
        answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04");
        assert!(dns(&answer).unwrap() > dns(QUERY).unwrap());
        assert_eq!(dns(&answer[..answer.len() - 1]), None);
        answer.push(7);
        assert_eq!(dns(&answer), None);
        // A pointer that goes nowhere.
        let mut astray = QUERY.to_vec();
        astray[12] = 0xc0;
        assert_eq!(dns(&astray), None);
        let mut framed = vec![0, QUERY.len() as u8];
        framed.extend(QUERY);
        assert_eq!(dns_in_stream(&framed).unwrap().octets, framed.len());
        framed[1] += 5;
        assert_eq!(dns_in_stream(&framed).unwrap().octets, framed.len() + 5);
    }

    #[test]
    fn names_say_which_dns_it_is() {
        let local = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ipp\x04_tcp\x05local\0\0\x0c\0\x01";
        assert!(mdns(local).is_some() && mdns(QUERY).is_none());
        let mut netbios = b"\x80\x01\x01\x10\0\x01\0\0\0\0\0\0\x20".to_vec();
        netbios.extend([b'C'; 32]);
        netbios.extend(b"\0\0\x20\0\x01");
        assert!(nbns(&netbios).is_some() && nbns(QUERY).is_none());
    }
}
