//! Keys and both ends.

use lightleak_sim::seal::{
    keys::{SFrameBaseKey, SFrameOpeningKey},
    sframe::{Frames, KeyId, Opened, Receiver, SFrameError, Sender, Suite, VolatileCounters},
};
use proptest::{prelude::*, sample::select};

pub fn any_suite() -> impl Strategy<Value = Suite> {
    select(&Suite::ALL[..])
}

/// Numbers of any length in bits.
pub fn any_number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits)
}

/// The octets of a key; `number` tells it from others.
pub fn octets(number: u8) -> [u8; 32] {
    [number; 32]
}

pub fn base(suite: Suite, id: KeyId, number: u8) -> SFrameBaseKey {
    SFrameBaseKey::new(suite, id, &octets(number)).expect("the right length")
}

pub fn opening(suite: Suite, id: KeyId, number: u8) -> SFrameOpeningKey {
    base(suite, id, number).opening()
}

/// Both ends under key 1, the first counter being `ctr`.
pub fn ends(suite: Suite, id: KeyId, ctr: u64) -> (Sender, Receiver) {
    let sender = Sender::new(base(suite, id, 1), VolatileCounters::starting(ctr));
    let receiver = Receiver::new(&opening(suite, id, 1));
    (sender.expect("a sender"), receiver.expect("a receiver"))
}

pub fn seal(sender: &mut Sender, frame: &[u8], metadata: &[u8]) -> Result<Vec<u8>, SFrameError> {
    let mut frames = Frames::new();
    frames.push(frame, metadata);
    sender.seal(&mut frames)?;
    Ok(only(&frames))
}

/// What was opened, and what it said of itself; a frame that is refused is
/// empty.
pub fn open(
    receiver: &mut Receiver,
    sealed: &[u8],
    metadata: &[u8],
) -> Result<(Opened, Vec<u8>), SFrameError> {
    let mut frames = Frames::new();
    frames.push(sealed, metadata);
    let result = receiver.open(&mut frames)[0];
    let frame = only(&frames);
    assert!(result.is_ok() || frame.is_empty());
    result.map(|opened| (opened, frame))
}

pub fn only(frames: &Frames) -> Vec<u8> {
    assert_eq!(frames.len(), 1);
    frames.iter().next().expect("a frame").to_vec()
}
