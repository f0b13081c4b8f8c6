//! Mutants whose first row is of area SFR, but for who gets keys.

use super::Mutant;
use crate::{
    camera::Device,
    fault::{
        BaseKeys, Fault,
        weak_sframe::{FaultySframe, SframeFlaw},
    },
    seal::{keys::SFrameBaseKey, sframe::Suite},
};

const PATH: &str = "app.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "sframe.nonminimal",
        path: PATH,
        expected: &["SFR-01"],
        story: "KID and CTR take eight octets, however small they are",
        source: "of our own making (catalogue, SFR-01)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::LongHeader, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.ctr-restarts",
        path: PATH,
        expected: &["SFR-02"],
        story: "counters begin again under the same key",
        source: "of our own making (catalogue, SFR-02)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::CounterRestarts, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.first-viewer-key",
        path: PATH,
        expected: &["SFR-02"],
        story: "the second viewer is sent frames under the first one's keys, counted from 0 again",
        source: "project-chip/connectedhomeip#42367",
        fault: Fault {
            base_keys: Some(first_viewers),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.household-key",
        path: PATH,
        expected: &["SFR-06"],
        story: "video, sound and what the viewer says are sealed under one base key",
        source: "of our own making (catalogue, SFR-06)",
        fault: Fault {
            base_keys: Some(one_for_all_senders),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.label-draft",
        path: PATH,
        expected: &["SFR-04"],
        story: "keys are derived as in the drafts before the standard",
        source: "of our own making (catalogue, SFR-04)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::DraftLabels, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.nonce-concat",
        path: PATH,
        expected: &["SFR-03"],
        story: "the nonce is the head of the salt with the counter behind it",
        source: "of our own making (catalogue, SFR-03)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::NonceConcatenated, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.metadata-not-aad",
        path: PATH,
        expected: &["SFR-05"],
        story: "what stands before a frame in its NAL unit is not authenticated",
        source: "of our own making (catalogue, SFR-05)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::MetadataLeftOut, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.tag32",
        path: PATH,
        expected: &["SFR-08"],
        story: "tags of video have 32 bits",
        source: "of our own making (catalogue, SFR-08)",
        fault: Fault {
            sframe_suite: Some(Suite::Aes128CtrHmacSha256_32),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.log-only",
        path: PATH,
        expected: &["SFR-11"],
        story: "encryption from end to end is configured, keys are delivered, and nothing is sealed with them",
        source: "project-chip/connectedhomeip#42367",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::Clear, base)),
            ..Fault::NONE
        },
    },
];

fn one_for_all_senders(_: &Device, keys: BaseKeys) -> BaseKeys {
    let keys = keys.map(|key| key.opening());
    keys.each_ref().map(|key| {
        let [first, ..] = &keys;
        SFrameBaseKey::new(key.suite(), key.id(), first.expose()).expect("of the right length")
    })
}

fn first_viewers(device: &Device, keys: BaseKeys) -> BaseKeys {
    let first = device
        .faulty
        .faulty_first(keys.each_ref().map(SFrameBaseKey::opening));
    first.map(|key| {
        SFrameBaseKey::new(key.suite(), key.id(), key.expose()).expect("of the right length")
    })
}
