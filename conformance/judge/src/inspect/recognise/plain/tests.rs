use std::net::{Ipv4Addr, SocketAddr};

use lightleak_case::TransportProtocol;
use proptest::prelude::*;

use super::*;
use crate::{
    dissect::{FlowState, Stream, datagram::Chunk},
    inspect::Label,
};

fn stream(parts: &[&[u8]]) -> Stream {
    let mut stream = Stream::default();
    for (part, packet) in parts.iter().zip(1..) {
        stream.push_datagram(&[Chunk {
            data: part,
            packet,
            offset: 42,
            time_ns: packet,
        }]);
    }
    stream
}

fn flow(transport: TransportProtocol, from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    Flow {
        transport,
        a: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)),
        b: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_001)),
        state: FlowState::Open,
        from_a: stream(from_a),
        from_b: stream(from_b),
        first_packet: 1,
        packets: (from_a.len() + from_b.len()) as u64,
    }
}

/// Kind and label of what is said in datagrams.
fn udp(from_a: &[&[u8]], from_b: &[&[u8]]) -> Option<(String, Label)> {
    let claim = recognise_within(&flow(TransportProtocol::Udp, from_a, from_b), 0)?;
    Some((claim.kind.clone(), claim.label()))
}

/// Kind and label of what is said in a stream.
fn tcp(from_a: &[&[u8]], from_b: &[&[u8]]) -> Option<(String, Label)> {
    let claim = recognise_within(&flow(TransportProtocol::Tcp, from_a, from_b), 0)?;
    Some((claim.kind.clone(), claim.label()))
}

fn other(kind: &str) -> Option<(String, Label)> {
    Some((kind.to_owned(), Label::Other))
}

fn unknown(kind: &str) -> Option<(String, Label)> {
    Some((kind.to_owned(), Label::Undetermined))
}

#[test]
fn text_in_datagrams_is_told_by_its_form() {
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n";
    assert_eq!(udp(&[search], &[]), other("ssdp"));
    let ringing = b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a\r\n\r\n";
    assert_eq!(udp(&[ringing], &[b"\r\n\r\n"]), other("sip"));
    assert_eq!(udp(&[b"{\"cmd\":\"hello\",\"id\":7}"], &[]), other("json"));
    assert_eq!(
        udp(&[b"<14>Nov 30 12:00:00 camera started"], &[]),
        other("syslog")
    );
    // One message that is none, of two.
    assert_eq!(udp(&[search], &[b"\x80\x60\0\x01\xff\xfe\x33"]), None);
}

#[test]
fn announcements_of_sessions_are_told_unless_they_are_encrypted() {
    let sdp = b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=cam\r\nm=audio 5004 RTP/AVP 0\r\n";
    let announced = |first: u8, sdp: &[u8]| {
        [
            &[first, 0, 0x12, 0x34, 10, 0, 0, 9],
            &b"application/sdp\0"[..],
            sdp,
        ]
        .concat()
    };
    assert_eq!(udp(&[&announced(0x20, sdp)], &[]), other("sap"));
    assert_ne!(udp(&[&announced(0x22, sdp)], &[]), other("sap"));
    assert_ne!(udp(&[&announced(0x20, b"v=0 and more")], &[]), other("sap"));
    let damaged = [&sdp[..], b"\x93\x01\n\xff"].concat();
    assert_ne!(udp(&[&announced(0x20, &damaged)], &[]), other("sap"));
}

#[test]
fn dialogues_of_lines_are_told_by_both_sides() {
    let greeting = b"220 mx.example ESMTP Postfix\r\n250-mx.example\r\n250 STARTTLS\r\n";
    assert_eq!(
        tcp(&[b"EHLO client.example\r\n"], &[greeting]),
        other("smtp")
    );
    assert_eq!(
        tcp(&[greeting], &[b"EHLO client.example\r\n"]),
        other("smtp")
    );
    let ftp = b"220 ProFTPD ready\r\n331 Password required for me\r\n230 ok\r\n";
    assert_eq!(tcp(&[b"USER me\r\nPASS it\r\n"], &[ftp]), other("ftp"));
    assert_eq!(tcp(&[], &[b"+OK Dovecot ready.\r\n"]), other("pop3"));
    assert_eq!(
        tcp(
            &[b"a1 LOGIN me it\r\n"],
            &[b"* OK IMAP4rev1 ready\r\na1 OK done\r\n"]
        ),
        other("imap")
    );
    assert_eq!(
        tcp(
            &[b"NICK me\r\nUSER me 0 * :me\r\n"],
            &[b":irc.example 001 me :Welcome to it\r\n"]
        ),
        other("irc")
    );
}

#[test]
fn what_goes_on_in_another_way_is_not_told_by_its_beginning() {
    let greeting = b"220 mx.example ESMTP\r\n250 STARTTLS\r\n220 go on\r\n";
    let sealed = b"\x16\x03\x01\0\x05\x01\0\0\x01\x03";
    assert_eq!(
        tcp(
            &[b"EHLO a.example\r\nSTARTTLS\r\n", sealed],
            &[greeting, sealed]
        ),
        unknown("smtp")
    );
    assert_eq!(tcp(&[b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"], &[]), None);
}

#[test]
fn binary_protocols_are_told_by_what_follows() {
    let connect = b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03abc";
    assert_eq!(
        tcp(&[connect, b"\x30\x07\0\x03a/bhi"], &[b"\x20\x02\0\0"]),
        other("mqtt")
    );
    let large = [&b"\x30\xc7\x27\0\x03a/b"[..], &[0x91; 5058]].concat();
    assert_eq!(tcp(&[connect, &large], &[b"\x20\x02\0\0"]), None);
    let send = b"CONNECT\naccept-version:1.2\n\n\0";
    assert_eq!(
        tcp(&[send], &[b"CONNECTED\nversion:1.2\n\n\0\n"]),
        other("stomp")
    );
    let smb = [&b"\0\0\0\x44\xfeSMB\x40\0"[..], &[0; 62]].concat();
    assert_eq!(tcp(&[&smb], &[&smb]), other("smb"));
    let mut hidden = [&b"\0\0\0\x38\xfdSMB"[..], &[7; 52]].concat();
    hidden[40..46].copy_from_slice(&[4, 0, 0, 0, 0, 0]);
    let smb3 = Some(("smb3".to_owned(), Label::Sealed));
    assert_eq!(tcp(&[&smb, &hidden], &[&smb, &hidden]), smb3);
    // Joined amid a message.
    assert_eq!(tcp(&[b"\x91\xf0\x14", &smb, &smb], &[&smb]), other("smb"));
    let mut joined = flow(TransportProtocol::Tcp, &[&smb, &smb], &[&[0x91; 300]]);
    assert!(recognise_within(&joined, 0).is_none());
    joined.state = FlowState::Joined;
    assert_eq!(recognise_within(&joined, 0).unwrap().kind, "smb");
    let modbus = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x01";
    assert_eq!(
        tcp(&[modbus], &[b"\0\x01\0\0\0\x05\x01\x03\x02\0\x07"]),
        other("modbus")
    );
    assert_eq!(tcp(&[modbus], &[]), None);
    let telnet = b"\xff\xfd\x18\xff\xfd\x20login: ";
    assert_eq!(
        tcp(&[telnet], &[b"\xff\xfb\x18\xff\xfc\x20"]),
        other("telnet")
    );
    let mut veiled = b"{\"system\":{\"get_sysinfo\":{}}}".to_vec();
    let mut before = 171;
    for octet in &mut veiled {
        *octet ^= before;
        before = *octet;
    }
    assert_eq!(udp(&[&veiled], &[]), other("tplink-shp"));
    let utp = |kind: u8, id: u8, with: &[u8]| [&[kind, 0, 1, id][..], &[0x91; 16], with].concat();
    let (syn, ack) = (utp(0x41, 7, b""), utp(0x21, 7, b""));
    let (hello, done) = (utp(0x01, 8, b"\x13BitTorrent protocol"), utp(0x21, 8, b""));
    assert_eq!(udp(&[&syn, &hello, &done], &[&ack]), other("bittorrent"));
    let noise = utp(0x01, 8, b"\x99\x13");
    assert_eq!(udp(&[&syn, &noise, &noise], &[&ack]), unknown("utp"));
    let keys = [0x91; 100];
    let peer = [
        &keys[..],
        b"\x13BitTorrent protocol",
        &[0; 48],
        b"\0\0\0\x01\x02",
    ]
    .concat();
    assert_eq!(tcp(&[&peer], &[&peer]), other("bittorrent"));
}

#[test]
fn a_dump_is_no_git() {
    let lines = b"0032want 0123456789012345678901234567890123456789\n";
    let said = [&lines[..], lines, b"0000"].concat();
    assert_eq!(tcp(&[&said], &[]), other("git"));
    let dump = b"00400123456789abcdef0123456789abcdef0123456789abcdef0123456789ab".repeat(9);
    assert_eq!(tcp(&[&dump], &[]), None);
}

#[test]
fn binary_messages_fill_their_datagrams() {
    let ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    assert_eq!(udp(&[ping], &[]), other("bittorrent-dht"));
    let report = b"\x80\xc9\0\x01\0\0\0\x07\x81\xca\0\x03\0\0\0\x07\x01\x03a@b\0\0\0";
    assert_eq!(udp(&[report], &[]), other("rtcp"));
    let alone = b"\x80\xc8\0\x06\x12\x34\x56\x78\xe8\x21\x09\x42\x99\x88\x77\x66abcdefghijkl";
    assert_eq!(udp(&[alone], &[]), other("rtcp"));
    let old = alone.map(|octet| if octet == 0xe8 { 0x18 } else { octet });
    assert_eq!(udp(&[&old], &[]), None);
    // The index and the tag of SRTCP behind it.
    let sealed = [&report[..], &[0x80, 0, 0, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]].concat();
    assert_eq!(udp(&[&sealed], &[]), None);
    let binding = b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl";
    assert_eq!(udp(&[binding], &[]), other("stun"));
    let classic = b"\0\x01\0\x08abcdefghijklmnop\0\x03\0\x04\0\0\0\0";
    assert_eq!(udp(&[classic], &[]), other("stun"));
    assert_eq!(udp(&[&[&classic[..], &[0; 8]].concat()], &[]), None);
    let query = b"\xff\xff\xff\xffTSource Engine Query\0";
    assert_eq!(udp(&[query], &[]), other("source-query"));
    // A start code and slices of H.264 are no answer of a tracker.
    assert_eq!(
        udp(&[&[&[0, 0, 0, 1, 0x65][..], &[0x88; 45]].concat()], &[]),
        None
    );
    let tuya = b"\0\0\x55\xaa\0\0\0\0\0\0\0\0\0\0\0\x12{\"ip\":\"1\"}abcd\0\0\xaa\x55";
    assert_eq!(udp(&[tuya], &[]), other("tuya"));
    let coap = b"\x40\x01\x12\x34\xbb.well-known\x04core";
    assert_eq!(
        udp(&[coap], &[b"\x60\x45\x12\x34\xc1\x28\xff</sensors>;ct=40"]),
        other("coap")
    );
}

#[test]
fn http_says_what_its_content_is() {
    let get = b"GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n";
    let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    assert_eq!(tcp(&[get], &[page]), other("http"));
    assert_eq!(tcp(&[page], &[get]), other("http"));
    assert_eq!(tcp(&[], &[page]), other("http"));
    let picture =
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xe0";
    assert_eq!(tcp(&[get], &[picture]), unknown("http/media"));
    let video = [
        &b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"[..],
        &[0x80; 20_000],
    ]
    .concat();
    assert_eq!(tcp(&[get], &[&video]), unknown("http/data"));
    let file = [&b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 20000\r\n\r\nPK\x03\x04"[..], &[0x80; 19_996]].concat();
    assert_eq!(tcp(&[get], &[&file]), other("http"));
    let recording = [&file[..file.len() - 20_000], &[0x80; 20_000]].concat();
    assert_eq!(tcp(&[get], &[&recording]), unknown("http/data"));
    // More than a tenth is no message.
    assert_eq!(tcp(&[get], &[&[7; 600], page]), unknown("http"));
}

#[test]
fn what_an_upgrade_leads_to_is_read() {
    let asks = b"GET /s HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let says = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let text = b"\x81\x82\x01\x02\x03\x04ij";
    assert_eq!(
        tcp(&[asks, text], &[says, b"\x81\x02hi"]),
        other("websocket")
    );
    let picture = [&b"\x82\x7f\0\0\0\0\0\x02\0\0"[..], &[0x91; 0x2_0000]].concat();
    assert_eq!(tcp(&[asks, text], &[says, &picture]), unknown("websocket"));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let settings = b"\0\0\0\x04\x01\0\0\0\0";
    assert_eq!(tcp(&[preface], &[settings]), other("h2c"));
    let data = [&b"\x01\x86\xa0\0\0\0\0\0\x01"[..], &[0x91; 100_000]].concat();
    assert_eq!(tcp(&[preface], &[settings, &data]), unknown("h2c"));
}

#[test]
fn lines_of_base64_are_not_told_to_be_text() {
    let lines = [&[b'Q'; 76][..], b"\r\n"].concat().repeat(20);
    assert_eq!(tcp(&[&lines], &[]), None);
    assert_eq!(
        tcp(&[b"a page of text, as people wrote it"], &[]),
        other("text")
    );
}

#[test]
fn a_connection_that_is_kept_alive_says_nothing() {
    assert_eq!(tcp(&[b"\0"], &[]), other("tcp"));
    assert_eq!(tcp(&[], &[]), None);
    assert_eq!(tcp(&[b"\x01"], &[]), None);
}

#[test]
fn screens_are_named_by_both_sides() {
    let version = b"RFB 003.008\n";
    assert_eq!(tcp(&[version], &[version, b"\x01\x01"]), other("rfb"));
    assert_eq!(tcp(&[version], &[version, &[0x91; 9000]]), unknown("rfb"));
    let x11 = b"l\0\x0b\0\0\0\0\0\0\0\0\0";
    assert_eq!(tcp(&[x11], &[b"\x01\0\x0b\0\0\0\0\0"]), other("x11"));
}

#[test]
fn what_is_behind_a_proxy_is_read() {
    let asks = b"\x05\x01\0\x05\x01\0\x01\x01\x02\x03\x04\0\x50GET / HTTP/1.0\r\n\r\n";
    let says = b"\x05\0\x05\0\0\x01\0\0\0\0\0\0HTTP/1.0 404 Not Found\r\n\r\n";
    assert_eq!(tcp(&[asks], &[says]), other("http"));
    let noise = b"\x05\0\x05\0\0\x01\0\0\0\0\0\0\x91\xfe\x03\x88\x19\x00\xf1\x8a\xb2";
    assert_eq!(tcp(&[asks], &[noise]), unknown("http"));
    let connect = b"CONNECT a:443 HTTP/1.1\r\n\r\n\x01\xf0\x99\x80\x14";
    let done = b"HTTP/1.1 200 Connection established\r\n\r\n\x99\x80\xee";
    assert_eq!(tcp(&[connect], &[done]), unknown("http-connect"));
}

#[test]
fn noise_with_the_right_beginning_is_none() {
    let mut noise = vec![0_u8; 400];
    let mut state = 7_u32;
    for octet in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *octet = (state >> 24) as u8;
    }
    for begin in [
        &b"\x30\x82\x01\x8c"[..],
        b"\x12\x34\x01\0\0\x01\0\0",
        b"\x05\x01\0",
        b"\x80\xc8\0\x06",
        b"\x24\x01",
        b"\x00\x01\x00\x08",
        b"\x16\x03\x01",
        b"\x00\x05\x00\x00",
        b"\x01\x01\x06\0",
        b"\x03\0\0\x40",
        b"220 ",
        b"\xff\xff\xff\xff",
    ] {
        let octets = [begin, &noise].concat();
        assert_eq!(udp(&[&octets, &octets], &[]), None, "{begin:?}");
        assert_eq!(tcp(&[&octets], &[]), None, "{begin:?}");
        assert_eq!(tcp(&[&octets], &[&octets]), None, "{begin:?}");
    }
}

proptest! {
    #[test]
    fn hostile_octets_never_panic_and_random_ones_are_nothing(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 8..200), 1..4),
        gap in any::<prop::sample::Index>(),
    ) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(udp(&parts, &[]), None);
        let mut flow = flow(TransportProtocol::Tcp, &parts, &parts);
        prop_assert!(recognise_within(&flow, 0).is_none());
        flow.from_a.gaps.push(gap.index(flow.from_a.bytes.len()));
        prop_assert!(recognise_within(&flow, 0).is_none());
    }

    #[test]
    fn every_reader_survives_anything(
        octets in prop::collection::vec(any::<u8>(), 0..300),
        short in prop::collection::vec(0..4_u8, 0..80),
    ) {
        for octets in [octets, short] {
            for message in MESSAGES.iter().copied().flatten() {
                let _ = (message.read)(&octets);
            }
            for frames in FRAMES.iter().copied().flatten() {
                let _ = (frames.read)(&octets);
            }
        }
    }
}
