//! H.264 that adversary 2 plays, in any carriage.

use crate::{
    adversary::media_player::{self, Footage, Origin},
    decoder::{Decoder, DecoderError},
    inspect::{Claim, Proof, Scene, Standing},
};

/// Has every flow played.
pub(in crate::inspect) fn footage(
    scene: &Scene<'_>,
    decoder: &dyn Decoder,
    claims: &mut [Vec<Claim>],
    failures: &mut Vec<DecoderError>,
) {
    let footage = match media_player::play(scene.traffic, &[], decoder) {
        Ok(footage) => footage,
        Err(unplayed) => {
            failures.push(unplayed.error);
            unplayed.footage
        }
    };
    for footage in footage {
        let Origin::Flow { flow, .. } = footage.origin else {
            continue;
        };
        if let Some(claims) = claims.get_mut(flow) {
            claims.push(claim(footage));
        }
    }
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
    }
}
