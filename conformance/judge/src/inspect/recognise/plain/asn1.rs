//! Protocols in BER (ITU-T X.690): SNMP (RFC 1157, RFC 3416, RFC 3412), LDAP
//! (RFC 4511), Kerberos (RFC 4120).

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "snmp",
        name: "of SNMP",
        read: snmp,
    },
    Message {
        kind: "kerberos",
        name: "of Kerberos",
        read: kerberos,
    },
    Message {
        kind: "ldap",
        name: "of LDAP without connection",
        read: ldap,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "ldap",
        name: "LDAP",
        read: ldap_in_stream,
    },
    Frames {
        kind: "kerberos",
        name: "Kerberos",
        read: kerberos_in_stream,
    },
    Frames {
        kind: "snmp",
        name: "SNMP",
        read: snmp_in_stream,
    },
];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTET_STRING: u8 = 4;
/// Elements that are read of one message, and how deep they may lie.
const MOST_ELEMENTS: usize = 20_000;
const DEEPEST: usize = 48;

/// Identifier and length; the identifier has one octet, the length is definite.
fn head(form: &mut Form<'_>) -> Option<(u8, usize)> {
    let tag = form.u8()?;
    let first = form.u8()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81 => usize::from(form.u8()?),
        0x82 => usize::from(form.u16()?),
        0x83 => usize::try_from(form.u24()?).ok()?,
        0x84 => usize::try_from(form.u32()?).ok()?,
        _ => return None,
    };
    (tag & 0x1f != 0x1f).then_some((tag, length))
}

/// Octets of the element that octets begin with, if its identifier is that.
fn element(octets: &[u8], tag: impl Fn(u8) -> bool) -> Option<usize> {
    let mut form = Form::new(octets);
    let (found, length) = head(&mut form)?;
    tag(found).then_some(form.at().checked_add(length)?)
}

/// Whether elements within each other fill the octets: bits that chance would have
/// to hit. Primitive ones are of the universal, application or context class.
fn nested(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let mut ends = vec![octets.len()];
    for _ in 0..MOST_ELEMENTS {
        while ends.last() == Some(&form.at()) {
            ends.pop();
            form.must(true, 6)?;
        }
        let Some(&end) = ends.last() else {
            return form.end();
        };
        let (tag, length) = head(&mut form)?;
        let close = form
            .at()
            .checked_add(length)
            .filter(|close| *close <= end)?;
        form.must(true, 1)?;
        match tag & 0x20 != 0 {
            true if ends.len() < DEEPEST => ends.push(close),
            _ => form.skip(length)?,
        }
    }
    None
}

/// INTEGER of at most that many octets.
fn integer(form: &mut Form<'_>, longest: usize) -> Option<u32> {
    form.exact(&[INTEGER])?;
    let length = usize::from(form.u8()?);
    form.must((1..=longest).contains(&length), 5)?;
    let value = form.take(length)?;
    Some(value.iter().fold(0, |sum: u32, &o| sum << 8 | u32::from(o)))
}

/// What of SNMP is before the PDU or its header.
fn snmp_head(form: &mut Form<'_>) -> Option<()> {
    let (tag, length) = head(form)?;
    form.must(tag == SEQUENCE, 8)?;
    form.must(length >= 8, 0)?;
    let version = integer(form, 1)?;
    form.must(version <= 3, 6)?;
    if version == 3 {
        // Identifier, longest message, flags, security model (RFC 3412 6).
        form.exact(&[SEQUENCE])?;
        form.skip(1)?;
        integer(form, 5)?;
        integer(form, 5)?;
        form.exact(&[OCTET_STRING, 1])?;
        form.u8_in(0..=7)?;
        integer(form, 5)?;
        form.exact(&[OCTET_STRING])?;
        return Some(());
    }
    let (tag, length) = head(form)?;
    form.must(tag == OCTET_STRING && length <= 255, 8)?;
    form.skip(length)?;
    form.u8_in(0xa0..=0xa8)?;
    Some(())
}

fn snmp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    snmp_head(&mut form)?;
    fills(octets, form.bits())
}

/// Of a message that should be one element: the bits of its beginning, and those
/// of what is nested in it.
fn fills(octets: &[u8], bits: u32) -> Option<u32> {
    (element(octets, |_| true)? == octets.len()).then_some(())?;
    Some(bits + 16 + nested(octets)?)
}

fn snmp_in_stream(octets: &[u8]) -> Option<Frame> {
    in_stream(octets, snmp_head, 0)
}

fn ldap_head(form: &mut Form<'_>) -> Option<()> {
    let (tag, _) = head(form)?;
    form.must(tag == SEQUENCE, 8)?;
    integer(form, 4)?;
    // BindRequest to IntermediateResponse (RFC 4511 4.2 to 4.13).
    let (tag, _) = head(form)?;
    let known = matches!(tag & 0x1f, 0..=16 | 19 | 23..=25);
    form.must(
        matches!(tag, 0x42 | 0x4a | 0x50) || tag & 0xe0 == 0x60 && known,
        3,
    )?;
    Some(())
}

fn ldap(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    ldap_head(&mut form)?;
    // A search and its answer.
    fills(octets, form.bits())
}

fn ldap_in_stream(octets: &[u8]) -> Option<Frame> {
    in_stream(octets, ldap_head, 0)
}

/// A message behind `before` octets; of what was captured whole, everything.
fn in_stream(octets: &[u8], read: fn(&mut Form<'_>) -> Option<()>, before: usize) -> Option<Frame> {
    let message = octets.get(before..)?;
    let mut form = Form::new(message);
    read(&mut form)?;
    let length = element(message, |_| true)?;
    let bits = match message.get(..length) {
        Some(whole) => form.bits() + nested(whole)?,
        None => form.bits(),
    };
    Some(Frame {
        octets: before + length,
        bits,
    })
}

fn kerberos_head(form: &mut Form<'_>) -> Option<()> {
    // AS-REQ to KRB-ERROR (RFC 4120 5.10), each a SEQUENCE that begins with pvno.
    let (tag, _) = head(form)?;
    form.must(
        matches!(tag & 0x1f, 10..=16 | 20..=22 | 30) && tag & 0xe0 == 0x60,
        5,
    )?;
    let kind = tag & 0x1f;
    let (tag, _) = head(form)?;
    form.must(tag == SEQUENCE, 8)?;
    let (tag, _) = head(form)?;
    form.must(matches!(tag, 0xa0 | 0xa1), 7)?;
    form.exact(&[INTEGER, 1, 5])?;
    let (tag, _) = head(form)?;
    form.must(matches!(tag, 0xa1 | 0xa2), 7)?;
    form.exact(&[INTEGER, 1, kind])?;
    Some(())
}

fn kerberos(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    kerberos_head(&mut form)?;
    fills(octets, form.bits())
}

/// RFC 4120 7.2.2: the length in four octets.
fn kerberos_in_stream(octets: &[u8]) -> Option<Frame> {
    let length = u32::from_be_bytes(*octets.first_chunk()?);
    let frame = in_stream(octets, kerberos_head, 4)?;
    let same = usize::try_from(length).ok()? + 4 == frame.octets;
    same.then_some(Frame {
        bits: frame.bits + 24,
        ..frame
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x26\x02\x01\0\
        \x02\x01\0\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x02\0\x05\0";

    #[test]
    fn elements_within_each_other_fill_a_message() {
        assert!(snmp(GET).unwrap() >= 64);
        assert_eq!(snmp(&GET[..GET.len() - 1]), None);
        let mut wrong = GET.to_vec();
        wrong[14] += 1;
        assert_eq!(snmp(&wrong), None);
        assert!(ldap(GET).is_none() && kerberos(GET).is_none());
    }

    #[test]
    fn a_bind_of_ldap_is_read_in_a_stream() {
        let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0\x30";
        assert_eq!(ldap_in_stream(bind).unwrap().octets, 14);
        assert_eq!(ldap_in_stream(&bind[..9]).unwrap().octets, 14);
        assert_eq!(
            ldap_in_stream(b"\x30\x0c\x02\x01\x01\x30\x07\x02\x01\x03\x04\0\x80\0"),
            None
        );
    }
}
