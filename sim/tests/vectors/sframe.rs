//! SFrame: RFC 9605 Appendix C. The AEAD of counter mode and HMAC (C.2) is under
//! keys that only the engine itself can set; it is beside it.

use lightleak_sim::seal::{
    keys::SFrameBaseKey,
    sframe::{
        Encoded, Frames, Header, KeyId, Opened, Receiver, SFrameError, Sender, Suite,
        VolatileCounters,
    },
};
use lightleak_vectors::sframe::{Frame, rfc9605};

#[test]
fn headers_are_those_of_the_standard_and_no_part_of_one_is_read() {
    let headers = rfc9605().headers;
    assert_eq!(headers.len(), 289);
    for vector in headers {
        let (kid, ctr) = (vector.kid, vector.ctr);
        assert_eq!(Encoded::new(kid, ctr).octets(), vector.encoded);
        let length = vector.encoded.len();
        let header = Header { kid, ctr, length };
        assert_eq!(Header::read(&vector.encoded), Ok(header));
        for cut in 0..length {
            let read = Header::read(&vector.encoded[..cut]);
            assert!(matches!(read, Err(SFrameError::Short { .. })), "{read:?}");
        }
        for bit in 0..8 {
            let mut flipped = vector.encoded.clone();
            flipped[0] ^= 1 << bit;
            assert_ne!(Header::read(&flipped), Ok(header));
        }
    }
}

fn base_key(vector: &Frame) -> SFrameBaseKey {
    let suite = Suite::from_value(vector.cipher_suite).expect("a suite");
    SFrameBaseKey::new(suite, KeyId::new(vector.kid), &vector.base_key).expect("a length")
}

fn seal(vector: &Frame) -> Vec<u8> {
    let counters = VolatileCounters::starting(vector.ctr);
    let mut sender = Sender::new(base_key(vector), counters).expect("a sender");
    let mut frames = Frames::new();
    frames.push(&vector.pt, &vector.metadata);
    sender.seal(&mut frames).expect("sealed");
    frames.iter().flatten().copied().collect()
}

fn open(vector: &Frame, sealed: &[u8]) -> Result<(Opened, Vec<u8>), SFrameError> {
    let mut receiver = Receiver::new(&base_key(vector).opening()).expect("a receiver");
    let mut frames = Frames::new();
    frames.push(sealed, &vector.metadata);
    let opened = receiver.open(&mut frames)[0];
    let frame: Vec<u8> = frames.iter().flatten().copied().collect();
    assert!(
        opened.is_ok() || frame.is_empty(),
        "what is refused is empty"
    );
    Ok((opened?, frame))
}

#[test]
fn frames_are_sealed_as_in_the_standard_and_opened() {
    let frames = rfc9605().frames;
    assert_eq!(frames.len(), Suite::ALL.len());
    for vector in frames {
        assert_eq!(seal(&vector), vector.ct, "suite {}", vector.cipher_suite);
        let opened = Opened {
            kid: vector.kid,
            ctr: vector.ctr,
        };
        assert_eq!(open(&vector, &vector.ct), Ok((opened, vector.pt.clone())));
    }
}

#[test]
fn no_frame_is_opened_with_one_thing_wrong() {
    for vector in rfc9605().frames {
        let suite = vector.cipher_suite;
        for bit in 0..8 * vector.ct.len() {
            let mut flipped = vector.ct.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&vector, &flipped).is_err(), "suite {suite}, bit {bit}");
        }
        let refused = Err(SFrameError::Authentication);
        let other = |change: &dyn Fn(&mut Frame)| {
            let mut other = vector.clone();
            change(&mut other);
            open(&other, &vector.ct)
        };
        assert_eq!(other(&|v| v.base_key[15] ^= 1), refused, "suite {suite}");
        assert_eq!(other(&|v| v.metadata[0] ^= 1), refused, "suite {suite}");
        assert_eq!(other(&|v| v.metadata.clear()), refused, "suite {suite}");
        // Keys and salt depend on the suite, and of 2 on the length of the tag.
        let next = |v: &mut Frame| v.cipher_suite = suite % 5 + 1;
        assert!(other(&next).is_err(), "suite {suite}");
        assert_eq!(
            other(&|v| v.kid += 1),
            Err(SFrameError::UnknownKid(vector.kid))
        );
    }
}
