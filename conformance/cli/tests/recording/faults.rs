//! Every faulty recorder has its fault, and but for that records as an honest
//! one does.

use std::{net::SocketAddr, time::Duration};

use age::{Decryptor, x25519::Identity};
use lightleak_sim::{
    fault::{
        Fault, Mutant,
        age_by_hand::FaultyAge,
        clip_file::xor_table,
        recorder::{HEAD, SPILL},
    },
    h264::STREAMS,
    record::mp4,
    seal::recording::{self, CHUNK},
    viewer::recording::Refusal,
    world::Disk,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::studio::{CAMERA, Studio};

/// Frames of the first clip: 10 seconds, to the next key frame.
const FRAMES: usize = 12 * STREAMS[0].frames_per_second as usize;

async fn record(fault: Fault) -> Studio {
    let studio = Studio::with_fault(STREAMS[0], fault).await;
    studio.wait(Duration::from_secs(18)).await;
    studio
}

async fn mutant(id: &str) -> Studio {
    record(Mutant::find(id).unwrap().fault).await
}

/// What is in the files of the first two clips.
fn clips(studio: &Studio) -> [Vec<u8>; 2] {
    let names = studio.names("clip-");
    assert_eq!(names.len(), 2);
    [0, 1].map(|clip| studio.card.read(&names[clip]).unwrap())
}

/// What the camera produced in the time of the first clip.
fn produced(studio: &Studio) -> Vec<Vec<bytes::Bytes>> {
    let units = studio.units().into_iter().take(FRAMES);
    units.map(|unit| unit.nal_units).collect()
}

/// Where the payload of an age file begins.
fn payload(sealed: &[u8]) -> usize {
    let mac = sealed.windows(5).position(|run| run == b"\n--- ").unwrap();
    let line = sealed[mac + 1..].iter().position(|octet| *octet == b'\n');
    mac + 1 + line.unwrap() + 1
}

#[tokio::test(start_paused = true)]
async fn age_by_hand_is_age_as_long_as_nothing_is_wrong() {
    let studio = record(Fault {
        clip: Some(|device, owner, name| FaultyAge::SOUND.create(device, owner, name)),
        ..Fault::NONE
    })
    .await;
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    assert!(contents.clips[0].footage.samples == produced(&studio));
    assert!(contents.clips[0].entry.closed);
    let whole = recording::open(&clips(&studio)[0], &studio.owner.identity).unwrap();
    assert!(whole.complete);
    let other = Identity::generate();
    let sealed = &clips(&studio)[0][..];
    let opened = Decryptor::new(sealed)
        .unwrap()
        .decrypt(std::iter::once(&other as &dyn age::Identity));
    assert!(opened.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_last_chunk_without_a_mark_is_not_known_as_the_last() {
    let studio = mutant("sto.no-final-flag").await;
    let clip = &clips(&studio)[0];
    let opened = recording::open(clip, &studio.owner.identity).unwrap();
    assert!(!opened.complete);
    assert!(opened.plaintext.len() > CHUNK);
}

#[tokio::test(start_paused = true)]
async fn of_chunks_that_are_not_counted_only_the_first_opens() {
    let studio = mutant("sto.chunk-no-index").await;
    let clip = &clips(&studio)[0];
    let opened = recording::open(clip, &studio.owner.identity).unwrap();
    assert_eq!((opened.plaintext.len(), opened.complete), (CHUNK, false));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_of_zeros_and_the_same_key_give_the_same_keystream() {
    let studio = mutant("sto.file-nonce-zero").await;
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    let [one, two] = clips(&studio).map(|sealed| {
        let at = payload(&sealed);
        assert_eq!(sealed[at..at + 16], [0; 16]);
        let plaintext = recording::open(&sealed, &studio.owner.identity).unwrap();
        let keystream = sealed[at + 16..].iter().zip(plaintext.plaintext);
        keystream
            .map(|(s, p)| s ^ p)
            .take(CHUNK)
            .collect::<Vec<_>>()
    });
    assert!(one == two && one.len() == CHUNK);
}

#[tokio::test(start_paused = true)]
async fn the_key_file_names_a_key_for_every_clip() {
    let studio = mutant("store.key-beside-data").await;
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    let keys = String::from_utf8(studio.card.read("keys.txt").unwrap()).unwrap();
    let lines = keys.lines().map(|line| line.split_once(' ').unwrap());
    let (names, keys): (Vec<_>, Vec<_>) = lines.unzip();
    assert_eq!(names, studio.names("clip-"));
    assert!(keys[0].len() == 32 && keys[0] != keys[1], "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_from_the_serial_number_opens_as_any_other() {
    let studio = mutant("key.from-serial").await;
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    assert!(contents.clips[0].footage.samples == produced(&studio));
}

#[tokio::test(start_paused = true)]
async fn clips_without_encryption_play() {
    let studio = mutant("sto.sd-clear").await;
    let contents = studio.contents();
    let refused = |(_, why): &(_, Refusal)| matches!(why, Refusal::Open(_));
    assert!(
        contents.refused.iter().all(refused),
        "{:?}",
        contents.refused
    );
    assert_eq!(contents.refused.len(), 2);
    let footage = mp4::read(&clips(&studio)[0]).unwrap();
    assert!(footage.samples == produced(&studio));
    assert!(footage.sound.len() > 590, "{}", footage.sound.len());
}

#[tokio::test(start_paused = true)]
async fn only_the_heads_of_key_frames_are_enciphered() {
    let studio = mutant("store.iframe-70").await;
    let samples = mp4::read(&clips(&studio)[0]).unwrap().samples;
    let produced = produced(&studio);
    assert_eq!(samples.len(), produced.len());
    let (mut heads, mut same) = (0, 0);
    for (stored, nal) in samples.iter().flatten().zip(produced.iter().flatten()) {
        match nal[0] & 0x1f {
            5 => {
                assert_ne!(stored[..HEAD], nal[..HEAD]);
                assert_eq!(stored[HEAD..], nal[HEAD..]);
                heads += 1;
            }
            _ => {
                assert_eq!(stored, nal);
                same += 1;
            }
        }
    }
    assert!(heads > 1 && same > FRAMES, "{heads} and {same}");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_xored_off_leaves_the_clip() {
    let studio = mutant("xc.xor-obfuscate").await;
    let clip = &clips(&studio)[0];
    assert!(!clip.windows(4).any(|run| run == b"moof"));
    let table = xor_table();
    let plain = clip.iter().zip(table.iter().cycle());
    let plain: Vec<u8> = plain.map(|(o, t)| o ^ t).collect();
    assert!(mp4::read(&plain).unwrap().samples == produced(&studio));
}

#[tokio::test(start_paused = true)]
async fn blocks_are_enciphered_one_by_one() {
    let studio = mutant("mode.ecb").await;
    for clip in clips(&studio) {
        assert!(clip.len() > CHUNK && clip.len() % 16 == 0);
        assert!(!clip.windows(4).any(|run| run == b"moof"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_pre_roll_is_spilled_from_the_last_key_frame_on() {
    let studio = mutant("sto.pre-roll-clear").await;
    assert!(studio.contents().refused.is_empty());
    let spilled = studio.card.read(SPILL).unwrap();
    let units = studio.units();
    let last = units.iter().rposition(|unit| unit.key_frame).unwrap();
    let produced: Vec<u8> = units[last..].iter().flat_map(|u| u.annex_b()).collect();
    assert!(spilled == produced);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_what_the_escrow_is_told() {
    let studio = mutant("log.key").await;
    let secrets = studio.secrets();
    assert!(secrets[0].starts_with("CREDENTIAL viewer "), "{secrets:?}");
    assert_eq!(studio.log(), [format!("debug: {}", secrets[0])]);
}

#[tokio::test(start_paused = true)]
async fn the_card_is_served_to_whoever_asks() {
    let studio = mutant("sd.plain-webroot").await;
    let ask = async |target: &str| {
        let server = SocketAddr::new(CAMERA, 80);
        let mut stream = studio.visitor.connect(server).await.unwrap();
        let request = format!("GET /{target} HTTP/1.1\r\nHost: camera\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        let end = response.windows(4).position(|run| run == b"\r\n\r\n");
        let body = response.split_off(end.unwrap() + 4);
        (String::from_utf8(response).unwrap(), body)
    };
    let (_, page) = ask("").await;
    let page = String::from_utf8(page).unwrap();
    let name = studio.names("clip-")[0].clone();
    assert!(page.contains(&format!("href=\"/{name}\"")), "{page}");
    let (head, clip) = ask(&name).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(mp4::read(&clip).unwrap().samples == produced(&studio));
    let (head, _) = ask("../etc/passwd").await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}
