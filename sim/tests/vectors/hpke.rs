//! HPKE: RFC 9180 A.1.1, which is the suite of envelopes. An envelope is the
//! first message of its context; what comes after it the library itself shows.

use hpke::{
    Deserializable, OpModeS, Serializable,
    aead::AesGcm128,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
    setup_sender_with_rng,
};
use lightleak_sim::{
    seal::{
        envelope::{self, EnvelopeError},
        keys::{HpkeKey, HpkePublicKey},
    },
    world::Entropy,
};
use lightleak_vectors::hpke::{Hpke, x25519_aes_128_gcm};

/// What an ephemeral key pair is derived from, in the place of random octets.
#[derive(Clone)]
struct Given(Vec<u8>);

impl Entropy for Given {
    fn fill(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl TryRng for Given {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("only octets are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("only octets are drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

fn public(octets: &[u8]) -> HpkePublicKey {
    HpkePublicKey(octets.try_into().expect("32 octets"))
}

fn first(vectors: &Hpke) -> Vec<u8> {
    [&vectors.setup.enc[..], &vectors.encryptions[0].ct].concat()
}

#[test]
fn an_envelope_is_sealed_as_in_the_standard_and_opened() {
    let vectors = x25519_aes_128_gcm();
    let (setup, message) = (&vectors.setup, &vectors.encryptions[0]);
    let recipient = HpkeKey::new(&setup.sk_r).expect("32 octets");
    assert_eq!(recipient.public(), public(&setup.pk_r));
    let sealed = envelope::seal(
        &recipient.public(),
        &setup.info,
        &message.aad,
        &message.pt,
        &Given(setup.ikm_e.clone()),
    );
    assert_eq!(sealed, Ok(first(&vectors)));
    let opened = envelope::open(&first(&vectors), &recipient, &setup.info, &message.aad);
    assert_eq!(opened.as_deref(), Ok(&message.pt));
}

#[test]
fn no_envelope_is_opened_with_one_thing_wrong() {
    let vectors = x25519_aes_128_gcm();
    let (setup, message) = (&vectors.setup, &vectors.encryptions[0]);
    let recipient = HpkeKey::new(&setup.sk_r).expect("32 octets");
    let refused = Err(EnvelopeError::Authentication);
    for bit in 0..8 * first(&vectors).len() {
        let mut flipped = first(&vectors);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let opened = envelope::open(&flipped, &recipient, &setup.info, &message.aad);
        // X25519 does not look at the highest bit of a public key (RFC 7748 5),
        // but HPKE derives from all of it.
        assert_eq!(opened, refused, "bit {bit}");
    }
    let open = |key, info: &[u8], aad: &[u8]| envelope::open(&first(&vectors), key, info, aad);
    let sender = HpkeKey::new(&setup.sk_e).expect("32 octets");
    assert_eq!(open(&sender, &setup.info, &message.aad), refused);
    assert_eq!(open(&recipient, &setup.info[1..], &message.aad), refused);
    assert_eq!(open(&recipient, &setup.info, &message.aad[1..]), refused);
    let second = [&setup.enc[..], &vectors.encryptions[1].ct].concat();
    let opened = envelope::open(
        &second,
        &recipient,
        &setup.info,
        &vectors.encryptions[1].aad,
    );
    assert_eq!(opened, refused, "its nonce is another");
}

#[test]
fn the_library_goes_on_as_in_the_standard() {
    let vectors = x25519_aes_128_gcm();
    let setup = &vectors.setup;
    let recipient = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&setup.pk_r);
    let (encapsulated, mut context) =
        setup_sender_with_rng::<AesGcm128, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient.expect("a public key"),
            &setup.info,
            &mut Given(setup.ikm_e.clone()),
        )
        .expect("a context");
    assert_eq!(encapsulated.to_bytes()[..], setup.enc);
    for export in &vectors.exports {
        let mut value = [0; 32];
        let exported = context.export(&export.context, &mut value);
        assert_eq!((exported, &value[..]), (Ok(()), &export.value[..]));
    }
    let mut checked = 0;
    for sequence in 0..=256 {
        let aad = format!("Count-{sequence}").into_bytes();
        let sealed = context.seal(&vectors.encryptions[0].pt, &aad);
        let mut messages = vectors.encryptions.iter();
        if let Some(message) = messages.find(|message| message.sequence == sequence) {
            assert_eq!(
                (sealed.as_deref(), &aad),
                (Ok(&message.ct[..]), &message.aad)
            );
            checked += 1;
        }
    }
    assert_eq!(checked, vectors.encryptions.len());
}
