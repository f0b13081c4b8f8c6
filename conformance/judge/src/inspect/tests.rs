//! What claims come to.

use lightleak_case::TransportProtocol;

use super::{conclusion::conclude, *};
use crate::{
    decoder::{Format, Playing, Sound},
    dissect::{Flow, FlowState, Stream},
};

/// Plays files of JPEG that say how many frames they have, fails at PNG, and has no
/// player for others.
struct Player;

impl Decoder for Player {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Ok(Vec::new())
    }

    fn play(&self, file: &Elementary, _: usize) -> Result<Option<Playing>, DecoderError> {
        let frames = usize::from(file.octets[0]);
        match file.format {
            Format::Jpeg | Format::H264 => Ok(Some(Playing {
                frames,
                pictures: vec![picture(); frames],
                sound: None,
            })),
            Format::Wav => Ok(Some(Playing {
                sound: Some(Sound {
                    rate: 8000,
                    samples: vec![1; frames],
                }),
                ..Playing::default()
            })),
            Format::Png => Err(DecoderError("crashed".into())),
            _ => Ok(None),
        }
    }
}

fn picture() -> Picture {
    Picture {
        width: 2,
        height: 2,
        y: vec![0; 4],
        u: vec![0],
        v: vec![0],
        damaged: false,
    }
}

fn file(format: Format, frames: u8) -> Elementary {
    Elementary {
        format,
        octets: vec![frames],
    }
}

fn flow(octets: &[u8], state: FlowState) -> Flow {
    let mut from_a = Stream::default();
    from_a.push(octets, 1, 54, 0);
    Flow {
        transport: TransportProtocol::Tcp,
        a: ([192, 0, 2, 1], 1).into(),
        b: ([192, 0, 2, 2], 2).into(),
        state,
        from_a,
        from_b: Stream::default(),
        first_packet: 1,
        packets: 1,
    }
}

fn come_to(claims: Vec<Claim>) -> (Inspected, Vec<DecoderError>) {
    let limits = Limits {
        pictures_per_flow: 3,
    };
    let mut failures = Vec::new();
    let shown = show::show(claims, &Player, limits, &mut failures);
    let conclusion = conclude(&flow(b"x", FlowState::Open), shown);
    (conclusion.inspected, failures)
}

#[test]
fn a_leak_comes_before_what_is_sealed_and_that_before_the_rest() {
    let leak = || Claim::clear("rtsp", Vec::new(), "media");
    let sealed = || Claim::sealed("tls1.0", "a handshake").weak(Some("old".into()));
    let unknown = || Claim::unknown("srtp?", "no keying");
    let other = || Claim::other("dns", "names");
    for (claims, label, kind, weak) in [
        (
            vec![other(), unknown(), sealed(), leak()],
            Label::Leak,
            "rtsp",
            false,
        ),
        (
            vec![other(), unknown(), sealed()],
            Label::Sealed,
            "tls1.0",
            true,
        ),
        (
            vec![other(), unknown()],
            Label::Undetermined,
            "srtp?",
            false,
        ),
        (vec![other()], Label::Other, "dns", false),
        (Vec::new(), Label::Undetermined, "data", false),
    ] {
        let (found, _) = come_to(claims);
        assert_eq!((found.label, found.kind.as_str()), (label, kind));
        assert_eq!(found.weak.is_some(), weak, "{kind}");
    }
    let (both, _) = come_to(vec![sealed(), leak()]);
    assert_eq!(both.reason, "media; besides, tls1.0: a handshake");
}

#[test]
fn what_may_be_media_leaks_only_if_it_plays() {
    let claim = |format, frames| Claim::playable("http/x", vec![file(format, frames)], "media");
    for (format, frames, label, shown) in [
        (Format::Jpeg, 2, Label::Leak, 2),
        (Format::Jpeg, 9, Label::Leak, 3),
        (Format::Jpeg, 0, Label::Undetermined, 0),
        (Format::Wav, 5, Label::Leak, 0),
        (Format::Wav, 0, Label::Undetermined, 0),
        (Format::Mp4, 1, Label::Undetermined, 0),
    ] {
        let (found, failures) = come_to(vec![claim(format, frames)]);
        assert_eq!(found.label, label, "{format:?} {frames}");
        assert_eq!(found.pictures.len(), shown, "{format:?} {frames}");
        assert_eq!(found.unplayed.len(), usize::from(format == Format::Mp4));
        assert!(failures.is_empty());
    }
    let (found, _) = come_to(vec![claim(Format::Jpeg, 9)]);
    assert_eq!(found.frames_decoded, 9);
}

#[test]
fn pictures_that_two_claims_bring_are_counted_once() {
    let footage = |frames: usize| {
        let mut claim = Claim::clear("rtp/h264", Vec::new(), "played");
        claim.standing = Standing::Clear {
            proof: Proof::Played {
                frames,
                pictures: vec![picture()],
                sounds: Vec::new(),
            },
            media: Vec::new(),
        };
        claim
    };
    let rtp = |frames: u8| Claim::clear("rtp/h264", vec![file(Format::H264, frames)], "read");
    for (claims, frames, pictures) in [
        (vec![footage(2), rtp(2)], 2, 1),
        (vec![footage(2), rtp(1), rtp(1)], 2, 1),
        (vec![footage(1), rtp(3)], 3, 3),
        (vec![rtp(2)], 2, 2),
    ] {
        let (found, _) = come_to(claims);
        assert_eq!(
            (found.frames_decoded, found.pictures.len()),
            (frames, pictures)
        );
    }
    let jpeg = Claim::clear("http/jpeg", vec![file(Format::Jpeg, 1)], "read");
    assert_eq!(come_to(vec![footage(2), jpeg]).0.frames_decoded, 3);
}

#[test]
fn what_crashes_the_decoder_is_kept_and_said_and_hides_nothing() {
    let media = vec![file(Format::Png, 1), file(Format::Jpeg, 1)];
    let (found, failures) = come_to(vec![Claim::playable("http/x", media, "media")]);
    assert_eq!((found.label, found.frames_decoded), (Label::Leak, 1));
    assert_eq!((found.unplayed.len(), failures.len()), (1, 1));
    let again = vec![file(Format::Png, 1); 50];
    let (found, failures) = come_to(vec![Claim::playable("http/x", again, "media")]);
    assert_eq!(found.label, Label::Undetermined);
    assert_eq!(failures.len(), 4, "it is not asked for ever");
}

#[test]
fn a_flow_that_carries_nothing_is_no_secret() {
    for (state, kind) in [
        (FlowState::Refused, "tcp"),
        (FlowState::Unanswered, "tcp"),
        (FlowState::Open, "empty"),
    ] {
        let found = conclude(&flow(b"", state), show::Shown::default());
        assert_eq!(
            (found.inspected.label, found.inspected.kind.as_str()),
            (Label::Other, kind)
        );
    }
}

#[test]
fn what_speaks_against_a_seal_is_not_forgotten() {
    let limits = Limits {
        pictures_per_flow: 3,
    };
    let seen = |claims| {
        let shown = show::show(claims, &Player, limits, &mut Vec::new());
        conclude(&flow(b"x", FlowState::Open), shown)
    };
    let sealed = || seen(vec![Claim::sealed("tls", "records")]);
    let plain = || {
        seen(vec![Claim::other(
            "tls-null",
            "records that begin with text",
        )])
    };
    let leak = || seen(vec![Claim::clear("rtsp", Vec::new(), "media")]);
    let nothing = || seen(Vec::new());
    for (first, then, kind) in [
        (sealed(), plain(), "tls-null"),
        (plain(), sealed(), "tls-null"),
        (nothing(), sealed(), "tls"),
        (sealed(), nothing(), "tls"),
        (plain(), leak(), "rtsp"),
    ] {
        assert_eq!(first.and_then(then).inspected.kind, kind);
    }
    let both = leak().and_then(sealed()).inspected;
    assert_eq!(both.reason, "media; besides, tls: records");
}
