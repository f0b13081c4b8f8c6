//! A camera whose TURN server gives it nothing. What a real one gives it, Chromium
//! uses in the tests with clients.

use std::{net::SocketAddr, time::Duration};

use lightleak_sim::{
    rtsp::digest::Credentials,
    seal::keys::Password,
    viewer::webrtc::{AppError, Call},
    webrtc::{DtlsVersions, TurnServer},
};

use crate::site::{Site, VISITOR};

/// Port of TURN (RFC 8656 5).
const PORT: u16 = 3478;

/// What a server says to a request.
type Answer = fn(&[u8]) -> Vec<u8>;

/// Answers that give no address. A success that is not authentic is one of them: by
/// RFC 8489 9.2.5 it is not looked at.
const ANSWERS: &[(&str, Answer)] = &[
    ("nothing", |_| Vec::new()),
    ("the request", <[u8]>::to_vec),
    ("half of it", |request| {
        request[..request.len() / 2].to_vec()
    }),
    ("noise", |_| vec![0xa5; 300]),
    ("a channel nobody bound", |_| {
        vec![0x40, 0, 0, 4, 1, 2, 3, 4]
    }),
    ("an error without a realm", |request| {
        let mut answer = request[..20].to_vec();
        answer[..2].copy_from_slice(&[0x01, 0x13]);
        answer[2..4].copy_from_slice(&[0, 8]);
        // ERROR-CODE 486, Allocation Quota Reached.
        answer.extend([0, 9, 0, 4, 0, 0, 4, 86]);
        answer
    }),
    ("a success that nobody signed", |request| {
        let mut answer = request[..20].to_vec();
        answer[..2].copy_from_slice(&[0x01, 0x03]);
        answer[2..4].copy_from_slice(&[0, 12]);
        // XOR-RELAYED-ADDRESS.
        answer.extend([0, 0x16, 0, 8, 0, 1, 0x80, 0, 0xe1, 0x12, 0xa6, 0x43]);
        answer
    }),
];

#[tokio::test(start_paused = true)]
async fn without_an_address_of_the_server_its_own_is_there() {
    for (what, answer) in ANSWERS {
        let site = Site::start_behind(Some(server(false))).await;
        serve(&site, *answer).await;
        let (_app, session, mut call) = site.call(DtlsVersions::Either).await;
        assert_eq!(session.candidates().len(), 1, "{what}: {}", session.answer);
        assert!(session.answer.contains(" typ host"), "{what}");
        call.watch(Duration::from_secs(1)).await.unwrap();
        assert!(!call.received.units.is_empty(), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_server_is_the_only_way_there_is_none_then() {
    for (what, answer) in ANSWERS {
        let site = Site::start_behind(Some(server(true))).await;
        serve(&site, *answer).await;
        let mut app = site.app().await;
        let prepared = Call::prepare(&site.world(), DtlsVersions::Either).await;
        let (_call, offer) = prepared.unwrap();
        let asked = site.clock.unix();
        let refused = app.offer(&offer).await;
        assert!(matches!(refused, Err(AppError::Status(_, 503))), "{what}");
        assert!(site.clock.unix() - asked < Duration::from_secs(4), "{what}");
        let says_why = |line: &String| line.contains("TURN: 192.0.2.20:3478 gives no address");
        assert!(site.notes.lines().iter().any(says_why), "{what}");
    }
}

fn server(is_only_way: bool) -> TurnServer {
    TurnServer {
        address: SocketAddr::new(VISITOR, PORT),
        credentials: Credentials {
            user: "camera".into(),
            password: Password::new("turn"),
        },
        is_only_way,
    }
}

/// Answers every request that way, for as long as the test runs.
async fn serve(site: &Site, answer: Answer) {
    let socket = site.world().net.bind(PORT).await.unwrap();
    tokio::spawn(async move {
        let mut request = [0; 2048];
        while let Ok((length, from)) = socket.recv(&mut request).await {
            let answer = answer(&request[..length]);
            if !answer.is_empty() {
                let _ = socket.send(from, &answer, answer.len()).await;
            }
        }
    });
}
