//! What is wrong with what lies on the memory card, and in the log.

use aws_lc_rs::digest::{SHA256, digest};

use super::Mutant;
use crate::{
    camera::Device,
    fault::{
        Fault,
        age_by_hand::FaultyAge,
        age_reader::faulty_open,
        clip_file::{faulty_ecb, faulty_plain, faulty_xor},
        documents::{faulty_events, faulty_thumbnail, faulty_thumbnail_head},
        recorder::{faulty_adoption, faulty_head_only, faulty_spill},
        talkative::faulty_talk,
        web_root::FAULTY_WEB_ROOT,
    },
};

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "store.iframe-70",
        path: "owner.recording",
        expected: &["XC-05", "STO-01"],
        story: "of a clip only the first 70 octets of the slices of key frames are enciphered",
        source: "FuzzyMistborn/python-eufy-security#3",
        fault: Fault {
            clip: Some(faulty_plain),
            stored_unit: Some(faulty_head_only),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.sd-clear",
        path: "owner.recording",
        expected: &["STO-01"],
        story: "clips lie on the card as plain MP4",
        source: "of our own making (catalogue, STO-01)",
        fault: Fault {
            clip: Some(faulty_plain),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.thumb-clear",
        path: "owner.recording",
        expected: &["STO-01", "STO-05"],
        story: "clips are sealed, and their thumbnails lie beside them as JPEG",
        source: "of our own making (catalogue, STO-05)",
        fault: Fault {
            document: Some(faulty_thumbnail),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "thumb.head-only",
        path: "owner.recording",
        expected: &["STO-01", "STO-05"],
        story: "of a thumbnail only the headers are enciphered: a picture can be rebuilt without the key",
        source: "bropat/eufy-security-client#273, #907",
        fault: Fault {
            document: Some(faulty_thumbnail_head),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.events-clear",
        path: "owner.recording",
        expected: &["STO-01", "STO-05"],
        story: "clips and thumbnails are sealed, and what was noticed in them lies beside them as JSON",
        source: "of our own making (catalogue, STO-05)",
        fault: Fault {
            document: Some(faulty_events),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sd.plain-webroot",
        path: "owner.recording",
        expected: &["XC-02"],
        story: "the memory card with its plain clips is linked into the root of a web server that asks for no password",
        source: "Wyze (Bitdefender 2022)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_WEB_ROOT)),
            clip: Some(faulty_plain),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "store.key-beside-data",
        path: "owner.recording",
        expected: &["STO-04"],
        story: "the keys of the clips lie beside them, in hexadecimal",
        source: "of our own making (catalogue, STO-04)",
        fault: Fault {
            clip: Some(|device, owner, name| {
                let key_file = Some("keys.txt");
                FaultyAge {
                    key_file,
                    ..FaultyAge::SOUND
                }
                .create(device, owner, name)
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "key.from-serial",
        path: "owner.recording",
        expected: &["STO-04", "STO-07"],
        story: "the key of every clip is the SHA-256 of the serial number on the box",
        source: "bropat/eufy-security-client src/p2p/utils.ts",
        fault: Fault {
            clip: Some(|device, owner, name| {
                let file_key = |device: &Device| sixteen(device.settings.serial.as_bytes());
                FaultyAge {
                    file_key,
                    ..FaultyAge::SOUND
                }
                .create(device, owner, name)
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "mode.ecb",
        path: "owner.recording",
        expected: &["XC-03", "STO-02"],
        story: "clips are enciphered with AES in ECB mode, without a MAC",
        source: "bropat/eufy-security-client src/p2p/utils.ts",
        fault: Fault {
            clip: Some(faulty_ecb),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.xor-obfuscate",
        path: "owner.recording",
        expected: &["XC-03"],
        story: "clips are XORed with a fixed table of 65536 octets, which passes every test of entropy",
        source: "of our own making (catalogue, XC-03)",
        fault: Fault {
            clip: Some(faulty_xor),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "clip.forged",
        path: "owner.recording",
        expected: &["STO-02"],
        story: "a clip that somebody else put on the card is taken into the signed list",
        source: "of our own making (catalogue, STO-02)",
        fault: Fault {
            adopts_clips: Some(faulty_adoption),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.no-final-flag",
        path: "owner.recording",
        expected: &["STO-02"],
        story: "the last chunk of a clip is not marked: nobody sees when others were cut off behind it",
        source: "of our own making (catalogue, STO-02)",
        fault: Fault {
            clip: Some(|device, owner, name| {
                FaultyAge {
                    marks_last: false,
                    ..FaultyAge::SOUND
                }
                .create(device, owner, name)
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.chunk-no-index",
        path: "owner.recording",
        expected: &["STO-02", "STO-03"],
        story: "the chunks of a clip are not counted: nobody sees when they change places",
        source: "of our own making (catalogue, STO-02)",
        fault: Fault {
            clip: Some(|device, owner, name| {
                FaultyAge {
                    counts_chunks: false,
                    ..FaultyAge::SOUND
                }
                .create(device, owner, name)
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.file-nonce-zero",
        path: "owner.recording",
        expected: &["STO-03", "XC-04"],
        story: "every clip has the same secret key, and a nonce of zeros",
        source: "of our own making (catalogue, STO-03)",
        fault: Fault {
            clip: Some(|device, owner, name| {
                FaultyAge {
                    file_key: device_key,
                    nonce: |_| [0; 16],
                    ..FaultyAge::SOUND
                }
                .create(device, owner, name)
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.pre-roll-clear",
        path: "owner.recording",
        expected: &["STO-05"],
        story: "the ring buffer for the seconds before an event is a file on the card, in clear",
        source: "of our own making (catalogue, STO-05)",
        fault: Fault {
            pre_roll: Some(faulty_spill),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sto.tag-ignored",
        path: "owner.recording",
        expected: &["STO-09"],
        story: "the owner's app opens clips with a cipher of its own, and looks at no tag",
        source: "of our own making (catalogue, STO-09)",
        fault: Fault {
            opens_clip: Some(faulty_open),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "log.key",
        path: "nvr.rtsps",
        expected: &["STO-06"],
        story: "debugging was left on: the viewer's password and the secrets of TLS are in the log",
        source: "of our own making (catalogue, STO-06)",
        fault: Fault {
            witness: Some(faulty_talk),
            ..Fault::NONE
        },
    },
];

/// A secret of the device that does not change: a signature (Ed25519, RFC 8032
/// 5.1.6, is a function of key and message) that it shows nobody.
fn device_key(device: &Device) -> [u8; 16] {
    let recording = device.settings.recording.as_ref();
    let secret = recording.map(|r| r.list_key.sign(b"key of all clips"));
    sixteen(&secret.unwrap_or_default())
}

/// The first 16 octets of the SHA-256.
fn sixteen(octets: &[u8]) -> [u8; 16] {
    let hash = digest(&SHA256, octets);
    std::array::from_fn(|index| hash.as_ref()[index])
}
