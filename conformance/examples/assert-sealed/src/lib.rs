//! How the unit test of a pipeline of your own asserts that it seals: hand the plain
//! frames and what leaves to `lightleak_judge::assert_sealed`. The pipeline here is the
//! smallest that is one: frames are cut into packets, and each is sealed with AES-GCM.

use aes_gcm::{
    Aes128Gcm, KeyInit,
    aead::{Aead as _, Error, Payload},
};

/// Octets of a frame in a packet.
const ROOM: usize = 1200;

/// Seals frames.
pub struct Pipeline {
    cipher: Aes128Gcm,
    /// Number of the next packet, which is its nonce: none is used twice.
    next: u64,
}

impl Pipeline {
    /// Seals with a key that nothing else is sealed with.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            cipher: Aes128Gcm::new(&key.into()),
            next: 0,
        }
    }

    /// The packets of a frame: a number of 8 octets, which is authenticated, then
    /// ciphertext and tag.
    pub fn send(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        frame.chunks(ROOM).map(|part| self.seal(part)).collect()
    }

    fn seal(&mut self, part: &[u8]) -> Result<Vec<u8>, Error> {
        let number = self.next.to_be_bytes();
        self.next += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number);
        let payload = Payload {
            msg: part,
            aad: &number,
        };
        let sealed = self.cipher.encrypt(&nonce.into(), payload)?;
        Ok([&number[..], &sealed].concat())
    }
}

/// The same with a fault: whoever seals packet by packet easily forgets the last one.
pub struct FaultyPipeline(Pipeline);

impl FaultyPipeline {
    /// Takes the pipeline that it spoils.
    pub fn new(honest: Pipeline) -> Self {
        Self(honest)
    }

    /// The packets of a frame, of which only full ones are sealed.
    pub fn send(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let seal = |part: &[u8]| match part.len() {
            ROOM => self.0.seal(part),
            _ => Ok([&[0xff; 8], part].concat()),
        };
        frame.chunks(ROOM).map(seal).collect()
    }
}

#[cfg(test)]
mod tests {
    use lightleak_judge::{Outgoing, assert_sealed};

    use super::*;

    /// Frames as an encoder makes them: no two octets in a row tell the next one.
    fn frames() -> Vec<Vec<u8>> {
        let mut state = 1_u32;
        let mut octet = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let lengths = [5000, 900, 1300];
        let frame = |length| (0..length).map(|_| octet()).collect();
        lengths.map(frame).into()
    }

    #[test]
    fn the_pipeline_seals() {
        let mut pipeline = Pipeline::new([7; 16]);
        let frames = frames();
        let packets = frames.iter().map(|frame| pipeline.send(frame).unwrap());
        let packets = packets.collect::<Vec<_>>().concat();
        assert_sealed(&frames, Outgoing::Packets(&packets));
    }

    /// What the assertion says of the fault: the first packet that leaks is the last of
    /// the first frame, and the plaintext begins behind its number.
    #[test]
    #[should_panic(
        expected = "packet 4, offset 8, 200 octets: 200 octets of frame 0 from offset 4800 on, as it is"
    )]
    fn the_assertion_finds_the_fault() {
        let mut pipeline = FaultyPipeline::new(Pipeline::new([7; 16]));
        let frames = frames();
        let packets = frames.iter().map(|frame| pipeline.send(frame).unwrap());
        let packets = packets.collect::<Vec<_>>().concat();
        assert_sealed(&frames, Outgoing::Packets(&packets));
    }
}
