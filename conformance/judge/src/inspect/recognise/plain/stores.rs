//! Databases and queues: MySQL, PostgreSQL, TDS, TNS, MongoDB, Cassandra, Redis,
//! AMQP, MQTT, CoAP, STOMP, Zabbix.

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "coap",
        name: "of CoAP",
        read: coap,
    },
    Message {
        kind: "memcached",
        name: "of memcached",
        read: memcached,
    },
    Message {
        kind: "ms-sql-browser",
        name: "of the SQL Server browser",
        read: sql_browser,
    },
    Message {
        kind: "mqtt-sn",
        name: "of MQTT-SN",
        read: mqtt_sn,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "mqtt",
        name: "MQTT",
        read: mqtt,
    },
    Frames {
        kind: "amqp",
        name: "AMQP",
        read: amqp,
    },
    Frames {
        kind: "redis",
        name: "RESP",
        read: resp,
    },
    Frames {
        kind: "stomp",
        name: "STOMP",
        read: stomp,
    },
    Frames {
        kind: "zabbix",
        name: "Zabbix",
        read: zabbix,
    },
    Frames {
        kind: "mongodb",
        name: "MongoDB",
        read: mongodb,
    },
    Frames {
        kind: "cassandra",
        name: "Cassandra",
        read: cassandra,
    },
    Frames {
        kind: "tds",
        name: "TDS",
        read: tds,
    },
    Frames {
        kind: "tns",
        name: "TNS",
        read: tns,
    },
    Frames {
        kind: "mysql",
        name: "MySQL",
        read: mysql,
    },
    Frames {
        kind: "postgresql",
        name: "PostgreSQL",
        read: postgresql,
    },
    Frames {
        kind: "memcached",
        name: "memcached in binary",
        read: memcached_binary,
    },
];

/// Content of one message that is neither text nor small may be a picture.
fn is_opaque(content: &[u8], length: usize) -> bool {
    const MOST: usize = 4096;
    let sample = content.get(..content.len().min(256)).unwrap_or_default();
    let text = match std::str::from_utf8(sample) {
        Ok(text) => text,
        // Cut amid a character.
        Err(error) if error.error_len().is_none() => "",
        Err(_) => return length > MOST,
    };
    let text = !text
        .chars()
        .any(|c| c.is_control() && !"\t\r\n".contains(c));
    length > MOST && !text
}

/// MQTT 3.1.1 2.2 and 5.0 2.1: type, flags that it has, and the length; a name where
/// one has to be. Pictures in what is published are looked for elsewhere.
fn mqtt(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    let (kind, flags) = (first >> 4, first & 0xf);
    let flagged = match kind {
        3 => flags & 6 != 6,
        6 | 8 | 10 => flags == 2,
        1 | 2 | 4 | 5 | 7 | 9 | 11..=15 => flags == 0,
        _ => false,
    };
    form.must(flagged, 3)?;
    let mut length = 0_usize;
    for shift in 0.. {
        let octet = form.u8()?;
        length |= usize::from(octet & 0x7f) << (7 * shift);
        if octet & 0x80 == 0 {
            break;
        }
        if shift == 3 {
            return None;
        }
    }
    let end = form.at() + length;
    match kind {
        1 => {
            let name = usize::from(form.u16()?);
            let named = form.take(name)?;
            form.must(named == b"MQTT" || named == b"MQIsdp", 48)?;
            form.u8_of(&[3, 4, 5, 0x83, 0x84])?;
        }
        2 => {
            form.must((2..=512).contains(&length), 3)?;
            form.u8_in(0..=1)?;
            let code = form.u8()?;
            form.must(code <= 5 || code >= 0x80, 1)?;
        }
        3 | 8 | 10 => {
            if kind != 3 {
                form.skip(2)?;
                if form.rest().first() == Some(&0) && form.rest().get(1) == Some(&0) {
                    return None;
                }
            }
            let topic = usize::from(form.u16()?);
            form.must(form.at() + topic <= end, 8)?;
            let topic = form.take(topic.min(form.left()))?;
            let text = std::str::from_utf8(topic).is_ok_and(|t| !t.chars().any(char::is_control));
            form.must(text, u32::try_from(topic.len()).ok()?.min(64))?;
            if kind == 3 && is_opaque(form.rest(), end - form.at()) {
                return None;
            }
        }
        4..=7 | 11 => form.must((2..=256).contains(&length), 1)?,
        9 => form.must((3..=256).contains(&length), 1)?,
        12 | 13 => form.must(length == 0, 8)?,
        14 | 15 => form.must(length <= 256, 1)?,
        _ => return None,
    }
    form.frame(end)
}

/// AMQP 0-9-1 4.2.3 and AMQP 1.0 2.3.1, and the header of the protocol.
fn amqp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    if octets.starts_with(b"AMQP") {
        form.exact(b"AMQP")?;
        return form.skip(4).and_then(|()| form.frame(8));
    }
    if matches!(octets.first(), Some(1 | 2 | 3 | 8)) {
        form.u8_of(&[1, 2, 3, 8])?;
        form.skip(2)?;
        let length = usize::try_from(form.u32()?).ok()?;
        form.must(length < 1 << 20, 12)?;
        if octets.first() == Some(&3) && is_opaque(form.rest(), length) {
            return None;
        }
        if let Some(end) = octets.get(7 + length) {
            form.must(*end == 0xce, 8)?;
        }
        return form.frame(8 + length);
    }
    let length = usize::try_from(form.u32()?).ok()?;
    form.must((8..1 << 20).contains(&length), 12)?;
    form.u8_in(2..=4)?;
    form.u8_in(0..=1)?;
    form.skip(2)?;
    if length > 8 {
        form.exact(&[0, 0x53])?;
    }
    form.frame(length)
}

/// RESP (redis.io): a type, a number or a line; strings of that length, a line end.
fn resp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let kind = form.u8_of(b"+-:$*_#,%~>")?;
    let line = form.rest().iter().take(512).position(|&o| o == b'\r')?;
    let line = form.printable(line)?;
    form.exact(b"\r\n")?;
    let number = || std::str::from_utf8(line).ok()?.parse::<i64>().ok();
    match kind {
        b'$' => {
            let length = usize::try_from(number()?.max(-1)).ok();
            let Some(length) = length else {
                return form.frame(form.at());
            };
            let end = form.at().checked_add(length)?;
            if is_opaque(form.rest(), length) {
                return None;
            }
            if let Some(ends) = octets.get(end..end + 2) {
                form.must(ends == b"\r\n", 16)?;
            }
            form.frame(end + 2)
        }
        b':' | b'*' | b'%' | b'~' | b'>' => {
            number()?;
            form.frame(form.at())
        }
        _ => form.frame(form.at()),
    }
}

/// STOMP 1.2: a command, headers, an empty line, content that a zero ends.
fn stomp(octets: &[u8]) -> Option<Frame> {
    const COMMANDS: [&[u8]; 16] = [
        b"CONNECT",
        b"STOMP",
        b"CONNECTED",
        b"SEND",
        b"SUBSCRIBE",
        b"UNSUBSCRIBE",
        b"ACK",
        b"NACK",
        b"BEGIN",
        b"COMMIT",
        b"ABORT",
        b"DISCONNECT",
        b"MESSAGE",
        b"RECEIPT",
        b"ERROR",
        b"",
    ];
    let idle = octets.iter().take_while(|o| b"\r\n".contains(o)).count();
    let rest = octets.get(idle..)?;
    let line = rest.iter().take(16).position(|&o| o == b'\n')?;
    let command = rest.get(..line)?.trim_ascii_end();
    if command.is_empty() || !COMMANDS.contains(&command) {
        return None;
    }
    let head = memchr::memmem::find(rest.get(..rest.len().min(8192))?, b"\n\n")?;
    let text = rest
        .get(..head)?
        .iter()
        .all(|&o| o >= 0x20 || b"\r\n".contains(&o));
    let end = rest
        .get(head..)?
        .iter()
        .take(1 << 20)
        .position(|&o| o == 0)?;
    let bits = 8 * u32::try_from(line).ok()? + 8;
    text.then_some(Frame {
        octets: idle + head + end + 1,
        bits,
    })
}

/// Zabbix protocol: a name, flags, the length; JSON or text, perhaps compressed.
fn zabbix(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(b"ZBXD")?;
    form.u8_of(&[1, 3, 5, 7])?;
    let length = form.le32_in(1..=1 << 26)?;
    form.skip(4)?;
    form.frame(13 + usize::try_from(length).ok()?)
}

/// MongoDB wire protocol: length, opcode.
fn mongodb(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.le32()?;
    form.must((16..48_000_000).contains(&length), 6)?;
    form.skip(8)?;
    let operation = form.le32()?;
    form.must(
        matches!(operation, 1 | 1000 | 2001..=2007 | 2010..=2013),
        28,
    )?;
    form.frame(usize::try_from(length).ok()?)
}

/// CQL binary protocol v3 to v5 2.
fn cassandra(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let version = form.u8()?;
    form.must(matches!(version & 0x7f, 1..=5), 5)?;
    let flags = form.u8()?;
    form.must(flags & 0xe0 == 0, 3)?;
    form.skip(if version & 0x7f >= 3 { 2 } else { 1 })?;
    form.u8_in(0..=0x10)?;
    let length = form.u32()?;
    form.must(length < 1 << 28, 4)?;
    form.frame(form.at() + usize::try_from(length).ok()?)
}

/// [MS-TDS] 2.2.3.1: type, status, length, SPID, packet, window 0.
fn tds(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.u8_of(&[1, 2, 3, 4, 6, 7, 8, 14, 16, 17, 18])?;
    let status = form.u8()?;
    form.must(status <= 0x1f, 3)?;
    let length = form.u16_in(8..=32_767)?;
    form.skip(3)?;
    form.exact(&[0])?;
    form.frame(length.into())
}

/// Oracle's TNS: length, checksum 0, type, 0.
fn tns(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.u16_in(8..=32_767)?;
    form.zeros(2)?;
    let kind = form.u8_in(1..=14)?;
    form.skip(1)?;
    form.zeros(2)?;
    match kind {
        1 => {
            // Version 3xx, and what is said of the connection.
            form.u16_in(256..=512)?;
            let text = octets.get(8..octets.len().min(usize::from(length)))?;
            let named =
                memchr::memmem::find(text, b"(").is_some() || length == 8 || text.len() < 50;
            form.must(named, 4)?;
        }
        _ => form.must(true, 0)?,
    }
    form.frame(length.into())
}

/// MySQL client/server protocol: length in three octets, sequence; first a greeting.
fn mysql(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let [a, b, c, sequence] = form.array()?;
    let length = u32::from_le_bytes([a, b, c, 0]);
    form.must((1..1 << 20).contains(&length) && sequence < 32, 7)?;
    let end = 4 + usize::try_from(length).ok()?;
    if sequence == 0 && octets.get(4) == Some(&10) {
        form.exact(&[10])?;
        let version = form.c_string(64)?;
        let numbered = version.first().is_some_and(u8::is_ascii_digit) && version.contains(&b'.');
        form.must(numbered, 8)?;
        form.skip(4 + 8)?;
        form.exact(&[0])?;
    } else if octets.get(4) == Some(&0xff) {
        form.exact(&[0xff])?;
        form.skip(2)?;
        if let Some(text) = octets.get(7..end.min(octets.len())) {
            let clean = text.iter().all(|&o| o >= 0x20);
            form.must(clean, u32::try_from(text.len()).ok()?.min(32))?;
        }
    }
    form.frame(end)
}

/// PostgreSQL 16 55.7: a startup message, or type and length.
fn postgresql(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    if octets.first() == Some(&0) {
        let length = form.u32_in(8..=10_000)?;
        let code = form.u32()?;
        form.must(
            matches!(code, 0x0003_0000 | 0x0003_0002 | 80_877_102..=80_877_104),
            30,
        )?;
        return form.frame(usize::try_from(length).ok()?);
    }
    if matches!(octets, b"S" | b"N") {
        form.u8_of(b"SN")?;
        return form.frame(1);
    }
    let kind = form.u8()?;
    form.must(b"RSKZTDCEINXQPBpdcfHFAGWVstn123".contains(&kind), 3)?;
    let length = form.u32()?;
    form.must((4..1 << 20).contains(&length), 12)?;
    form.frame(1 + usize::try_from(length).ok()?)
}

/// memcached's binary protocol (draft-stone-memcache-binary) 2.
fn memcached_binary(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.u8_of(&[0x80, 0x81])?;
    form.u8_in(0..=0x22)?;
    let key = u32::from(form.u16()?);
    let extras = u32::from(form.u8()?);
    form.exact(&[0])?;
    form.skip(2)?;
    let body = form.u32()?;
    form.must(key + extras <= body && body < 1 << 21, 11)?;
    form.skip(12)?;
    form.frame(24 + usize::try_from(body).ok()?)
}

/// RFC 7252 3: version 1, options that fill the message or end before a payload.
fn coap(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first >> 6 == 1 && first & 0xf <= 8, 2)?;
    let code = form.u8()?;
    form.must(matches!(code >> 5, 0 | 2 | 4 | 5 | 7), 1)?;
    form.must(code >> 5 != 0 || code & 0x1f <= 7, 1)?;
    form.skip(2)?;
    form.skip(usize::from(first & 0xf))?;
    if code == 0 {
        form.must(form.is_at_end() && first & 0xf == 0, 8)?;
        return Some(form.bits());
    }
    let mut number = 0_u32;
    while !form.is_at_end() {
        let head = form.u8()?;
        if head == 0xff {
            form.must(!form.is_at_end(), 0)?;
            return Some(form.bits() + 8);
        }
        let extended = |nibble: u8, form: &mut Form<'_>| match nibble {
            13 => form.u8().map(|o| u32::from(o) + 13),
            14 => form.u16().map(|o| u32::from(o) + 269),
            15 => None,
            nibble => Some(u32::from(nibble)),
        };
        number += extended(head >> 4, &mut form)?;
        let length = extended(head & 0xf, &mut form)?;
        let known = matches!(number, 1..=60 | 128..=300 | 2048..=2060 | 65_000..);
        form.must(known, 1)?;
        let value = form.take(usize::try_from(length).ok()?)?;
        // Host, path, query and location are text (5.10).
        if matches!(number, 3 | 8 | 11 | 15 | 20) {
            let text = value.iter().all(|&o| o >= 0x20);
            form.must(text, length.min(48))?;
        }
    }
    form.end()
}

/// memcached over UDP: a frame header, and its text.
fn memcached(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.skip(2 + 2)?;
    form.u16_in(1..=64)?;
    form.zeros(2)?;
    let text = form.rest();
    let first = text.split(|&o| o == b' ' || o == b'\r').next()?;
    let known: [&[u8]; 9] = [
        b"get", b"gets", b"set", b"stats", b"version", b"STAT", b"VALUE", b"END", b"ERROR",
    ];
    form.must(known.contains(&first), 20)?;
    Some(form.bits())
}

/// [MC-SQLR] 2.2.
fn sql_browser(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[5])?;
    let length = usize::from(form.le16()?);
    form.must(length == form.left(), 16)?;
    let text = form.printable(length)?;
    form.must(text.starts_with(b"ServerName;"), 32)?;
    Some(form.bits())
}

/// MQTT-SN 1.2 5.2: the length of all, and a type.
fn mqtt_sn(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let length = usize::from(form.u8()?);
    form.must(length == octets.len() && length >= 2, 8)?;
    let kind = form.u8_in(0..=0x1d)?;
    if kind == 4 {
        form.skip(1)?;
        form.exact(&[1])?;
        form.skip(2)?;
        let left = form.left();
        form.printable(left)?;
    }
    Some(form.bits())
}
