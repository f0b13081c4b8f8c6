//! Mutants whose first row is of area XC.

use aws_lc_rs::digest::{SHA256, digest};

use super::Mutant;
use crate::fault::{
    Fault, clear_copy::FaultyClearCopy, clear_rtsp::FAULTY_CLEAR_RTSP, errands::faulty_fallback,
    raw_video::FAULTY_RAW_VIDEO,
};

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "rtsp.open",
        path: "nvr.rtsps",
        expected: &["XC-02", "XC-07"],
        story: "plain RTSP beside the sealed one, on every interface, with an empty password",
        source: "Osmantic/ODS#525",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_CLEAR_RTSP)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.debug-port",
        path: "nvr.rtsps",
        expected: &["XC-02"],
        story: "a forgotten debugging port gives the encoder's output to whoever connects",
        source: "of our own making (catalogue, XC-02)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_RAW_VIDEO)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.clear-anywhere",
        path: "nvr.rtsps",
        expected: &["XC-01", "IOT-09"],
        story: "a copy of the encoder's buffer goes to the maker's server, taken before the encryption",
        source: "of our own making (catalogue, XC-01)",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| octets.to_vec(),
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "p2p.xor-obfuscation",
        path: "nvr.rtsps",
        expected: &["XC-01"],
        story: "fixed-key scrambling where a key exchange should be",
        source: "CVE-2021-32934",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| {
                    let key = b"Charlie is the designer of P2P!!";
                    octets
                        .iter()
                        .zip(key.iter().cycle())
                        .map(|(o, k)| o ^ k)
                        .collect()
                },
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.base64",
        path: "nvr.rtsps",
        expected: &["XC-01"],
        story: "pictures in base64, taken for unreadable",
        source: "of our own making (catalogue, XC-01)",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| {
                    use base64::{Engine as _, prelude::BASE64_STANDARD};
                    BASE64_STANDARD.encode(octets).into_bytes()
                },
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.fallback-rtsp",
        path: "nvr.rtsps",
        expected: &["XC-06"],
        story: "after a few failed handshakes it takes its client for one without TLS, and opens plain RTSP",
        source: "of our own making (catalogue, XC-06)",
        fault: Fault {
            errand: Some(faulty_fallback),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "frame.head-only-128",
        path: "nvr.rtsps",
        expected: &["XC-05"],
        story: "the first 128 octets of each key frame are enciphered, the rest goes to the maker's server in clear",
        source: "bropat/eufy-security-client src/p2p/session.ts",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| {
                    const PARAMETER_SET: u8 = 7;
                    let mut copy = octets.to_vec();
                    if octets
                        .get(4)
                        .is_some_and(|head| head & 0x1f == PARAMETER_SET)
                    {
                        let key = digest(&SHA256, octets);
                        for (counter, block) in copy.chunks_mut(32).take(4).enumerate() {
                            let stream =
                                digest(&SHA256, &[key.as_ref(), &[counter as u8]].concat());
                            let stream = stream.as_ref().iter();
                            block.iter_mut().zip(stream).for_each(|(o, k)| *o ^= k);
                        }
                    }
                    copy
                },
            }),
            ..Fault::NONE
        },
    },
];
