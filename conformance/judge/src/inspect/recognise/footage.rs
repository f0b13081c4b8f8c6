//! H.264 that adversary 2 plays, in any carriage.

use crate::{
    adversary::media_player::{self, Footage, Origin},
    decoder::{Decoder, DecoderError},
    inspect::{Claim, Proof, Scene, Standing, recognise::ByFlow},
};

/// Has the flows of those indices played.
pub(in crate::inspect) fn footage(
    scene: &Scene<'_>,
    chosen: &[usize],
    decoder: &dyn Decoder,
    failures: &mut Vec<DecoderError>,
) -> ByFlow {
    let telling: Vec<_> = scene.descriptions.iter().map(|told| told.flow).collect();
    let footage = match media_player::play_flows(scene.traffic, chosen, &telling, &[], decoder) {
        Ok(footage) => footage,
        Err(unplayed) => {
            failures.push(unplayed.error);
            unplayed.footage
        }
    };
    let of_flows = footage
        .into_iter()
        .filter_map(|footage| match footage.origin {
            Origin::Flow { flow, .. } => Some((flow, claim(footage))),
            _ => None,
        });
    ByFlow::new(of_flows)
}

fn claim(footage: Footage) -> Claim {
    let carriage = match footage.carriage {
        "RTP" => "rtp",
        "RTP in RTSP" => "rtsp",
        "RTP in TCP" => "rtp-tcp",
        "MP4" => "mp4",
        _ => "annexb",
    };
    let reason = format!(
        "{} pictures of H.264 in {} were decoded, from packet {} on{}",
        footage.frames,
        footage.carriage,
        footage.place.packet,
        match footage.own_parameter_sets {
            true => "",
            false => ", with parameter sets from elsewhere",
        }
    );
    let proof = Proof::Played {
        frames: footage.frames,
        pictures: footage.pictures,
        sounds: Vec::new(),
    };
    Claim {
        kind: format!("{carriage}/h264"),
        standing: Standing::Clear {
            proof,
            media: Vec::new(),
        },
        reason,
        place: Some(footage.place),
        is_whole: false,
    }
}
