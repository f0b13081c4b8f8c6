//! Files and remote procedures: NetBIOS sessions with SMB, DCE-RPC, ONC RPC, AFP,
//! iSCSI, rsync, git, Subversion, LPD.

use crate::{dissect::Flow, inspect::Claim};

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::{Frames, chain},
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "oncrpc",
        name: "of ONC RPC",
        read: rpc,
    },
    Message {
        kind: "dcerpc",
        name: "of DCE-RPC",
        read: dcerpc_datagram,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "smb",
        name: "SMB",
        read: netbios_session,
    },
    Frames {
        kind: "dcerpc",
        name: "DCE-RPC",
        read: dcerpc,
    },
    Frames {
        kind: "oncrpc",
        name: "ONC RPC",
        read: rpc_record,
    },
    Frames {
        kind: "afp",
        name: "AFP",
        read: dsi,
    },
    Frames {
        kind: "iscsi",
        name: "iSCSI",
        read: iscsi,
    },
    Frames {
        kind: "git",
        name: "git",
        read: git,
    },
];

/// RFC 1002 4.3.1, or the length alone ([MS-SMB2] 2.1); then SMB 1, 2 or 3, or a
/// session being asked for.
fn netbios_session(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let kind = form.u8_of(&[0, 0x81, 0x82, 0x83, 0x85])?;
    let length = form.u24()?;
    match (kind, length) {
        (0x85, 0) => form.must(true, 24)?,
        (0x82, 0) => form.must(true, 24)?,
        (0x83, 1) => {
            form.must(true, 24)?;
            form.u8_of(&[0x80, 0x81, 0x82, 0x83, 0x8f])?;
        }
        (0x81, 68) => {
            form.must(true, 24)?;
            for _ in 0..2 {
                form.exact(&[32])?;
                let name = form.take(32)?;
                form.must(name.iter().all(|o| (b'A'..=b'P').contains(o)), 128)?;
                form.exact(&[0])?;
            }
        }
        (0, 4..) => {
            form.must(length < 1 << 24, 0)?;
            match form.u8_of(&[0xff, 0xfe, 0xfc])? {
                0xff => {
                    form.exact(b"SMB")?;
                    form.must(length >= 32, 0)?;
                }
                0xfe => {
                    form.exact(b"SMB\x40\0")?;
                    form.must(length >= 64, 0)?;
                }
                _ => form.exact(b"SMB")?,
            }
        }
        _ => return None,
    }
    form.frame(4 + usize::try_from(length).ok()?)
}

/// SMB 3 whose messages are encrypted ([MS-SMB2] 2.2.41): each names that, and states
/// the length of what it hides.
pub(super) fn smb3(flow: &Flow) -> Option<Claim> {
    let either = |octets: &[u8]| netbios_session(octets).or_else(|| transformed(octets));
    let a = chain(&flow.from_a, either)?;
    let b = chain(&flow.from_b, either)?;
    let count = |octets: &[u8]| -> usize {
        let (mut at, mut count) = (0, 0);
        while let Some(frame) = octets.get(at..).and_then(either) {
            count += usize::from(octets.get(at + 4) == Some(&0xfd));
            at += frame.octets;
        }
        count
    };
    let sealed = count(&flow.from_a.bytes) + count(&flow.from_b.bytes);
    let messages = a.messages + b.messages;
    (sealed >= 2).then(|| {
        let reason = format!("{messages} messages of SMB 3 follow each other, {sealed} of them encrypted with a header that says so");
        Claim::sealed("smb3", reason).at(flow.from_a.place(0).or_else(|| flow.from_b.place(0)))
    })
}

fn transformed(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0])?;
    let length = form.u24()?;
    form.exact(b"\xfdSMB")?;
    // Signature and nonce.
    form.skip(16 + 16)?;
    let original = form.le32()?;
    form.must(original.checked_add(52) == Some(length), 24)?;
    form.zeros(2)?;
    form.frame(4 + usize::try_from(length).ok()?)
}

/// The Open Group, C706 12.6.3: version 5, type, representation, and the length.
fn dcerpc(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[5])?;
    form.u8_in(0..=1)?;
    let kind = form.u8()?;
    form.must(matches!(kind, 0..=19), 3)?;
    form.skip(1)?;
    let representation = form.u8_of(&[0x10, 0x00])?;
    form.zeros(3)?;
    let length = match representation {
        0x10 => form.le16()?,
        _ => form.u16()?,
    };
    form.must(length >= 16, 0)?;
    form.frame(length.into())
}

/// C706 12.5.2: version 4, without connection.
fn dcerpc_datagram(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[4])?;
    form.u8_in(0..=10)?;
    form.skip(2)?;
    let representation = form.u8_of(&[0x10, 0x00])?;
    form.zeros(2)?;
    form.skip(1 + 16 + 16 + 16 + 4 + 4 + 4 + 2 + 2 + 2)?;
    let length = match representation {
        0x10 => form.le16()?,
        _ => form.u16()?,
    };
    form.must(80 + usize::from(length) <= octets.len(), 8)?;
    Some(form.bits())
}

/// RFC 5531 9: a call has version 2 and credentials that fit; a reply says whether it
/// was accepted.
fn rpc_form(form: &mut Form<'_>) -> Option<()> {
    let _xid = form.u32()?;
    match form.u32_in(0..=1)? {
        0 => {
            form.exact(&[0, 0, 0, 2])?;
            let program = form.u32()?;
            form.must((100_000..=0x6000_0000).contains(&program), 1)?;
            form.u32_in(0..=100)?;
            form.u32_in(0..=255)?;
            for _ in 0..2 {
                form.u32_in(0..=6)?;
                let length = form.u32()?;
                form.must(length <= 400, 23)?;
                form.skip(usize::try_from(length).ok()?.next_multiple_of(4))?;
            }
        }
        _ => match form.u32_in(0..=1)? {
            0 => {
                form.u32_in(0..=6)?;
                let length = form.u32()?;
                form.must(length <= 400, 23)?;
                form.skip(usize::try_from(length).ok()?.next_multiple_of(4))?;
                form.u32_in(0..=5)?;
            }
            _ => {
                form.u32_in(0..=1)?;
            }
        },
    }
    Some(())
}

fn rpc(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    rpc_form(&mut form)?;
    form.must(octets.len().is_multiple_of(4), 2)?;
    Some(form.bits())
}

/// Record marking (RFC 5531 11). Of several fragments only the first has a header.
fn rpc_record(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let mark = form.u32()?;
    let length = usize::try_from(mark & 0x7fff_ffff).ok()?;
    form.must((8..1 << 22).contains(&length), 9)?;
    rpc_form(&mut form)?;
    form.frame(4 + length)
}

/// Data stream interface of AFP over TCP.
fn dsi(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.u8_in(0..=1)?;
    form.u8_in(1..=8)?;
    form.skip(2 + 4)?;
    let length = form.u32()?;
    form.must(length < 1 << 24, 8)?;
    form.zeros(4)?;
    form.frame(16 + usize::try_from(length).ok()?)
}

/// RFC 7143 11.2: the opcodes, and the lengths of both segments.
fn iscsi(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let opcode = form.u8()? & 0x3f;
    form.must(
        matches!(opcode, 0..=6 | 0x10 | 0x20..=0x26 | 0x31 | 0x32 | 0x3f),
        1,
    )?;
    form.skip(3)?;
    let ahs = usize::from(form.u8()?);
    form.must(ahs <= 8, 4)?;
    let data = usize::try_from(form.u24()?).ok()?;
    form.must(data <= 1 << 18, 6)?;
    form.take(40)?;
    form.frame(48 + 4 * ahs + data.next_multiple_of(4))
}

/// pkt-lines (git, "protocol-common"): four hexadecimal digits of length, text.
fn git(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let digits = std::str::from_utf8(form.take(4)?).ok()?;
    let hex = digits
        .bytes()
        .all(|o| o.is_ascii_digit() || (b'a'..=b'f').contains(&o));
    form.must(hex, 16)?;
    let length = usize::from_str_radix(digits, 16).ok()?;
    // What is hexadecimal all over would be cut anywhere.
    let begins = octets.get(4..octets.len().min(36)).unwrap_or_default();
    let is_dump = begins.len() == 32 && begins.iter().all(u8::is_ascii_hexdigit);
    match length {
        0..=2 => form.frame(4),
        5..=65_520 if !is_dump => form.frame(length),
        _ => None,
    }
}
