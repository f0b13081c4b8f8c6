//! Input that nobody sound sends.

use std::time::Duration;

use lightleak_sim::{
    rtsp::{
        SESSION_TIMEOUT,
        connection::{Connection, Incoming},
    },
    seal::tls::TlsVersion,
};
use proptest::{collection::vec, prelude::*};
use tokio::io::AsyncReadExt;

use crate::site::{Client, INTERLEAVED, SMALL, Site, header, status};

/// Every response to `said`, until the camera has nothing more to say.
async fn responses(site: &Site, said: &[u8]) -> (Vec<(u16, Option<String>)>, bool) {
    let mut connection = Connection::new(site.tls(TlsVersion::Tls13).await);
    // The camera may hang up before it has heard everything.
    let _ = connection.send(said).await;
    let mut statuses = Vec::new();
    let end = site.clock.unix() + Duration::from_secs(1);
    loop {
        tokio::select! {
            incoming = connection.next() => match incoming {
                Ok(Some(Incoming::Response(r))) => statuses.push((status(&r), header(&r, "CSeq"))),
                Ok(Some(other)) => panic!("no response: {other:?}"),
                Ok(None) | Err(_) => return (statuses, true),
            },
            () = site.clock.sleep_until(end) => return (statuses, false),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said_before_the_end() {
    let site = Site::start(SMALL).await;
    let cases: [(&str, u16, Option<&str>); 9] = [
        (
            "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n: nameless\r\nx\r\n\r\n",
            400,
            Some("7"),
        ),
        (
            "OPTIONS http://[ RTSP/1.0\r\nCSeq: 7\r\n\r\n",
            400,
            Some("7"),
        ),
        ("OPT IONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n", 400, Some("7")),
        (
            "OPTIONS * RTSP/1.0\r\nCSeq: x\r\nContent-Length: -1\r\n\r\n",
            400,
            None,
        ),
        (
            "OPTIONS * RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n",
            413,
            None,
        ),
        ("OPTIONS * RTSP/3.0\r\nCSeq: 7\r\n\r\n", 505, Some("7")),
        // These can be read, so the connection stays.
        ("OPTIONS * RTSP/2.0\r\nCSeq: 7\r\n\r\n", 505, Some("7")),
        ("OPTIONS * RTSP/1.0\r\n\r\n", 400, None),
        (
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\nSet-Cookie: x\r\n\r\n",
            400,
            None,
        ),
    ];
    for (index, (said, code, sequence)) in cases.into_iter().enumerate() {
        let (answers, closed) = responses(&site, said.as_bytes()).await;
        assert_eq!(answers, [(code, sequence.map(str::to_owned))], "{said:?}");
        assert_eq!(closed, index < 6, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_rtsp_is_not_answered() {
    let site = Site::start(SMALL).await;
    for said in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        assert_eq!(responses(&site, said.as_bytes()).await, (vec![], true));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_one_go_are_answered_in_order() {
    let site = Site::start(SMALL).await;
    let mut said = String::new();
    for sequence in 1..=300 {
        let method = ["OPTIONS", "DESCRIBE", "PAUSE"][sequence % 3];
        said += &format!("{method} {} RTSP/1.0\r\nCSeq: {sequence}\r\n\r\n", site.url);
    }
    let (answers, closed) = responses(&site, said.as_bytes()).await;
    assert!(!closed);
    let sequences: Vec<_> = answers.into_iter().map(|(_, s)| s.unwrap()).collect();
    let expected: Vec<_> = (1..=300).map(|n: u32| n.to_string()).collect();
    assert_eq!(sequences, expected);
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_was_attacked_still_serves() {
    let site = Site::start(SMALL).await;
    let _ = responses(&site, &[b'$'; 200_000]).await;
    let _ = responses(&site, &b"$\0\0\0".repeat(100_000)).await;
    let _ = responses(&site, &b"\r\n".repeat(100_000)).await;
    let _ = responses(&site, &b"a:".repeat(100_000)).await;
    let mut client = site.playing().await;
    assert!(client.watch(Duration::from_secs(1)).await);
    assert!(client.packets(0).count() > 0);
}

/// A dialogue that is sound, apart from the credentials.
fn dialogue(site: &Site) -> Vec<u8> {
    let url = &site.url;
    format!(
        "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nRequire: a, b\r\n\r\n\
         DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Digest username=\"viewer\", \
         realm=\"lightleak\", nonce=\"0\", uri=\"{url}\", response=\"00\", qop=auth, nc=1\r\n\r\n\
         $\x01\0\x04abcd\
         SETUP {url}/video RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;client_port=1-2,{INTERLEAVED}\r\n\
         Content-Length: 3\r\n\r\nabcPLAY {url} RTSP/1.0\r\nCSeq: 4\r\nSession: 12;timeout=3\r\n\r\n"
    )
    .into_bytes()
}

/// What somebody with the password can send after SETUP and PLAY.
async fn with_the_password(site: &Site, said: &[u8]) {
    let mut client = site.playing().await;
    let _ = client.connection.send(said).await;
    let mut rest = client.connection.into_stream();
    let mut octets = Vec::new();
    let end = site.clock.unix() + SESSION_TIMEOUT + Duration::from_secs(5);
    tokio::select! {
        _ = rest.read_to_end(&mut octets) => {}
        () = site.clock.sleep_until(end) => panic!("the connection did not end"),
    }
}

/// One camera takes what several attackers say, and then serves a viewer.
fn attack(attacks: &[Vec<u8>], mutate: impl Fn(&Site, &[u8]) -> Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let site = Site::start(SMALL).await;
        for octets in attacks {
            let said = mutate(&site, octets);
            responses(&site, &said).await;
        }
        if let Some(octets) = attacks.first() {
            with_the_password(&site, &mutate(&site, octets)).await;
        }
        let mut client: Client = site.playing().await;
        assert!(client.watch(Duration::from_secs(1)).await);
        assert!(client.packets(0).count() > 0);
        assert!(!site.notes.has_line("panicked"));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn arbitrary_octets_do_no_harm(attacks in vec(vec(any::<u8>(), 0..3000), 20)) {
        attack(&attacks, |_, octets| octets.to_vec());
    }

    #[test]
    fn damaged_dialogues_do_no_harm(attacks in vec(vec(any::<u8>(), 3..30), 20)) {
        attack(&attacks, |site, octets| {
            let mut said = dialogue(site);
            for change in octets.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % said.len();
                match change[2] {
                    0..60 if said.len() > 1 => drop(said.remove(at)),
                    60..120 => said.insert(at, change[2]),
                    120..160 => said.truncate(at.max(1)),
                    160..200 => said.extend_from_within(at..),
                    octet => said[at] = octet.wrapping_mul(37),
                }
            }
            said.truncate(100_000);
            said
        });
    }
}
