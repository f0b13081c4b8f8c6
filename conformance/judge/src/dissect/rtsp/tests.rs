use super::*;
use proptest::prelude::*;

const DESCRIPTION: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\n";

fn stream(bytes: impl AsRef<[u8]>) -> Stream {
    let mut stream = Stream::default();
    stream.push(bytes.as_ref(), 1, 54, 0);
    stream
}

fn interleaved(channel: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'$', channel, 0, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

fn rtp(sequence: u8) -> Vec<u8> {
    vec![0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88]
}

fn requests() -> Vec<u8> {
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\
      DESCRIBE rtsp://camera/1 RTSP/1.0\nCSeq: 2\nAccept: application/sdp,\n  text/plain\n\n\
      X-Vendor rtsp://camera/1 RTSP/1.0\r\nCSeq: 3\r\n\r\n"
        .to_vec()
}

fn responses() -> Vec<u8> {
    let mut bytes = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {}\r\n\r\n{DESCRIPTION}\
         RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n",
        DESCRIPTION.len()
    )
    .into_bytes();
    for sequence in 0..3 {
        bytes.extend(interleaved(0, &rtp(sequence)));
    }
    bytes
}

#[test]
fn responses_meet_their_requests_by_cseq() {
    let dialogue = read(&stream(requests()), &stream(responses())).unwrap();
    let seen: Vec<_> = dialogue
        .exchanges
        .iter()
        .map(|e| {
            let status = e.response.as_ref().map(|r| r.status);
            (e.request.method.as_str(), status)
        })
        .collect();
    let expected = [
        ("OPTIONS", Some(401)),
        ("DESCRIBE", Some(200)),
        ("X-Vendor", None),
    ];
    assert_eq!(seen, expected);
    let describe = &dialogue.exchanges[1];
    assert_eq!(
        describe.request.header("accept"),
        Some("application/sdp, text/plain")
    );
    assert_eq!(describe.request.uri, "rtsp://camera/1");
    let response = describe.response.as_ref().unwrap();
    assert_eq!(response.body, DESCRIPTION.as_bytes());
    assert_eq!(response.sdp().unwrap().media[0].kind, "video");
    assert_eq!(dialogue.frames_b.len(), 3);
    assert!(dialogue.residue_a.is_empty() && dialogue.residue_b.is_empty());
}

#[test]
fn responses_without_cseq_answer_in_order() {
    let answers = "RTSP/1.0 100 Continue\r\n\r\nRTSP/1.0 404 No\r\n\r\nRTSP/1.0 200 OK\r\n\r\n";
    let dialogue = read(&stream(requests()), &stream(answers)).unwrap();
    let seen: Vec<_> = dialogue
        .exchanges
        .iter()
        .map(|e| e.response.as_ref().map(|r| r.status))
        .collect();
    assert_eq!(seen, [Some(404), Some(200), None]);
    assert_eq!(dialogue.others.len(), 1);
    assert_eq!(dialogue.messages().count(), 6);
}

#[test]
fn garbage_is_residue_and_reading_goes_on_behind_it() {
    let mut bytes = b"HTTP/1.0 200 OK\r\n\r\n".to_vec();
    let garbage = bytes.len();
    bytes.extend(responses());
    let middle = bytes.len();
    bytes.extend(b"\x00\xff$\x00\x00\x02zz RTSP/ $$$");
    let again = bytes.len();
    bytes.extend(interleaved(2, &rtp(7)));
    bytes.extend(b"RTSP/1.0 200 OK\r\n\r\n");
    let dialogue = read(&Stream::default(), &stream(&bytes)).unwrap();
    assert_eq!(dialogue.residue_b, [0..garbage, middle..again]);
    assert_eq!(dialogue.frames_b.len(), 4);
    assert_eq!(dialogue.frames_b[3].payload, again + 4..again + 18);
    assert_eq!(dialogue.others.len(), 3);
}

#[test]
fn a_frame_never_spans_a_gap() {
    let mut broken = stream(responses());
    let second = broken.bytes.len() - 2 * 18;
    broken.gaps.push(second + 9);
    let dialogue = read(&Stream::default(), &broken).unwrap();
    assert_eq!(dialogue.frames_b.len(), 2);
    let torn = second..second + 18;
    assert_eq!(dialogue.residue_b, [torn]);
}

#[test]
fn frames_are_found_without_any_message() {
    let joined = [&[1, 2, 3], &responses()[100..]].concat();
    assert_eq!(frames(&stream(joined)).len(), 3);
    assert!(
        read(
            &stream("GET / HTTP/1.1\r\n\r\n"),
            &stream(interleaved(0, &rtp(1)))
        )
        .is_none()
    );
}

#[test]
fn a_message_without_its_empty_line_ends_before_the_next() {
    let text = "PLAY rtsp://c/ RTSP/1.0\r\nCSeq: 1\r\nPLAY rtsp://c/ RTSP/1.0\r\nCSeq: 2\r\n";
    let dialogue = read(&stream(text), &Stream::default()).unwrap();
    assert_eq!(dialogue.exchanges.len(), 2);
    assert!(dialogue.residue_a.is_empty());
}

#[test]
fn hostile_repetition_takes_linear_time() {
    for line in [
        "RTSP/1.0\n",
        "A b RTSP/1.0\n",
        "RTSP/1.0 200 \n:",
        "$\0\0\x0c\u{80}",
        "A ",
    ] {
        read(&stream(line.repeat(400_000)), &Stream::default());
    }
}

/// What is read, in order, does not overlap and covers everything.
fn covers(scan: &Scan, length: usize) -> bool {
    let mut parts = scan.residue.clone();
    parts.extend(scan.messages.iter().map(|m| m.range.clone()));
    parts.extend(
        scan.frames
            .iter()
            .map(|f| f.payload.start - 4..f.payload.end),
    );
    parts.sort_by_key(|p| p.start);
    let end = parts
        .iter()
        .try_fold(0, |at, part| (at == part.start).then_some(part.end));
    end == Some(length)
}

proptest! {
    #[test]
    fn every_octet_is_accounted_for(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        gaps in prop::collection::btree_set(0usize..200, 0..4),
        tail in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut bytes = [requests(), responses(), tail, responses()].concat();
        for (at, octet) in changes {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let length = bytes.len();
        let mut stream = stream(bytes);
        stream.gaps = gaps.into_iter().collect();
        prop_assert!(covers(&scan(&stream), length));
    }

    #[test]
    fn anything_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let length = bytes.len();
        prop_assert!(covers(&scan(&stream(bytes)), length));
    }
}
