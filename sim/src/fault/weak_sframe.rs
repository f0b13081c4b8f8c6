//! SFrame (RFC 9605) with exactly one flaw, frame by frame, in the suite
//! AES_128_GCM_SHA256_128.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

use crate::seal::{
    keys::SFrameBaseKey,
    sframe::{Encoded, FrameSealer, Frames, SFrameError},
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SframeFlaw {
    /// KID and CTR take eight octets, however small they are.
    LongHeader,
    /// Counters begin again with every 16th frame.
    CounterRestarts,
    /// Keys are derived as in the drafts before RFC 9605.
    DraftLabels,
    /// The nonce is the first octets of the salt, and the counter.
    NonceConcatenated,
    /// What is authenticated is the header alone, without the metadata.
    MetadataLeftOut,
    /// Nothing is sealed.
    Clear,
}

/// Octets of the nonce: Nn.
const NONCE: usize = 12;
/// Octets of the key: Nk.
const KEY: usize = 16;
/// After how many frames counters restart.
const RESTART: u64 = 16;

/// A sender with a flaw.
pub struct FaultySframe {
    flaw: SframeFlaw,
    kid: u64,
    next: u64,
    key: LessSafeKey,
    salt: [u8; NONCE],
}

impl FaultySframe {
    /// The same for a hook.
    pub fn boxed(
        flaw: SframeFlaw,
        base: SFrameBaseKey,
    ) -> Result<Box<dyn FrameSealer>, SFrameError> {
        let base = base.opening();
        let kid = base.id().kid();
        let suffix = [&kid.to_be_bytes()[..], &base.suite().value().to_be_bytes()].concat();
        let labelled = |label: &str| [label.as_bytes(), &suffix].concat();
        let (salt, infos) = match flaw {
            SframeFlaw::DraftLabels => (&b"SFrame10"[..], [b"key".to_vec(), b"salt".to_vec()]),
            _ => (
                &b""[..],
                ["SFrame 1.0 Secret key ", "SFrame 1.0 Secret salt "].map(labelled),
            ),
        };
        let secret = Salt::new(HKDF_SHA256, salt).extract(base.expose());
        let expand = |info: &[u8], out: &mut [u8]| {
            let info = [info];
            let made = secret.expand(&info, Length(out.len()));
            let filled = made.and_then(|made| made.fill(out));
            filled.map_err(|_| SFrameError::Library)
        };
        let (mut key, mut salt) = ([0; KEY], [0; NONCE]);
        expand(&infos[0], &mut key)?;
        expand(&infos[1], &mut salt)?;
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| SFrameError::Library)?;
        Ok(Box::new(Self {
            flaw,
            kid,
            next: 0,
            key: LessSafeKey::new(key),
            salt,
        }))
    }

    fn seal_one(&mut self, frame: &[u8], metadata: &[u8]) -> Result<Vec<u8>, SFrameError> {
        let counter = match self.flaw {
            SframeFlaw::CounterRestarts => self.next % RESTART,
            _ => self.next,
        };
        self.next += 1;
        let header = match self.flaw {
            SframeFlaw::LongHeader => {
                [&[0xff], &self.kid.to_be_bytes()[..], &counter.to_be_bytes()].concat()
            }
            _ => Encoded::new(self.kid, counter).octets().to_vec(),
        };
        let metadata = match self.flaw {
            SframeFlaw::MetadataLeftOut => &[],
            _ => metadata,
        };
        let mut nonce = self.salt;
        let low = nonce[NONCE - 8..].iter_mut().zip(counter.to_be_bytes());
        low.for_each(|(octet, counter)| match self.flaw {
            SframeFlaw::NonceConcatenated => *octet = counter,
            _ => *octet ^= counter,
        });
        let mut sealed = frame.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let associated = Aad::from([&header, metadata].concat());
        let sealing = self
            .key
            .seal_in_place_append_tag(nonce, associated, &mut sealed);
        sealing.map_err(|_| SFrameError::Library)?;
        Ok([header, sealed].concat())
    }
}

impl FrameSealer for FaultySframe {
    fn seal(&mut self, frames: &mut Frames) -> Result<(), SFrameError> {
        if self.flaw == SframeFlaw::Clear {
            return Ok(());
        }
        let pairs = frames.iter().zip(frames.metadata());
        let pairs: Vec<_> = pairs.map(|(f, m)| (f.to_vec(), m.to_vec())).collect();
        frames.clear();
        for (frame, metadata) in pairs {
            frames.push(&self.seal_one(&frame, &metadata)?, &metadata);
        }
        Ok(())
    }
}

impl fmt::Debug for FaultySframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultySframe({:?})", self.flaw)
    }
}

/// Octets that HKDF is to make.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::sframe::{KeyId, Receiver, Suite};

    /// What an honest receiver says of 20 frames.
    fn received(flaw: SframeFlaw) -> Vec<Result<u64, SFrameError>> {
        let base = SFrameBaseKey::new(Suite::Aes128Gcm, KeyId::new(3), &[5; 16]).unwrap();
        let mut receiver = Receiver::new(&base.opening()).unwrap();
        let mut sender = FaultySframe::boxed(flaw, base).unwrap();
        let mut frames = Frames::new();
        (0..20).for_each(|number: u8| frames.push(&[number; 9], b"metadata"));
        sender.seal(&mut frames).unwrap();
        let opened = receiver.open(&mut frames);
        opened.iter().map(|o| o.map(|o| o.ctr)).collect()
    }

    #[test]
    fn an_honest_receiver_sees_the_flaw_and_nothing_else() {
        let restarted = received(SframeFlaw::CounterRestarts);
        assert!(restarted[..16].iter().map(|r| r.unwrap()).eq(0..16));
        assert!(restarted[16..].iter().all(Result::is_err));
        for flaw in [
            SframeFlaw::LongHeader,
            SframeFlaw::DraftLabels,
            SframeFlaw::NonceConcatenated,
            SframeFlaw::MetadataLeftOut,
            SframeFlaw::Clear,
        ] {
            assert!(received(flaw).iter().all(Result::is_err), "{flaw:?}");
        }
    }
}
