//! Memory cards: a movie of the device's own video, sealed with age by crate
//! `age` or by hand, and the signed list of clips.

use std::{collections::BTreeMap, io::Write as _};

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, aead::Aead as _};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use lightleak_case::{Carriage, Case, EndToEnd, Hop, Session, TransportPath};
use lightleak_judge::{
    report::{Finding, Report},
    verdict::Verdict::Fail,
};
use sha2::{Digest as _, Sha256};

use crate::{
    case::{self, VIDEO, expect, judge, of},
    video,
    wire::Wire,
};

pub const PATH: &str = "owner.recording";
/// The rows about what is stored.
pub const ROWS: [&str; 7] = [
    "STO-01", "STO-02", "STO-03", "STO-04", "STO-05", "STO-06", "STO-07",
];
/// The owner: the example of the age specification.
pub const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
pub const IDENTITY: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
pub const PASSWORD: &str = "correct horse battery staple";
/// Octets of plaintext in a chunk.
pub const CHUNK: usize = 64 * 1024;
/// Names of two clips.
pub const FIRST: &str = "clip-1767225600000.mp4.age";
pub const SECOND: &str = "clip-1767225608000.mp4.age";

/// What lies on a card, and the list of what the device vouches for.
pub struct Card {
    pub files: BTreeMap<String, Vec<u8>>,
    list: String,
}

impl Card {
    /// A card with nothing but an empty list.
    pub fn new() -> Self {
        Self {
            files: BTreeMap::new(),
            list: "lightleak-clips 1 serial\n".into(),
        }
    }

    /// A card as it should be: one clip that is complete, and one that was still
    /// being written.
    pub fn honest() -> Self {
        let mut card = Self::new();
        card.clip(FIRST, sealed(&movie(&VIDEO)), true);
        let mut open = sealed(&movie(&VIDEO));
        open.truncate(open.len() - 100);
        card.clip(SECOND, open, false);
        card
    }

    /// Puts a clip there and vouches for it.
    pub fn clip(&mut self, name: &str, octets: Vec<u8>, closed: bool) {
        self.vouch(name, &octets, closed);
        self.files.insert(name.into(), octets);
    }

    /// Vouches for octets under that name.
    pub fn vouch(&mut self, name: &str, octets: &[u8], closed: bool) {
        let (length, hash) = (octets.len(), hex(&Sha256::digest(octets)));
        let state = if closed { "closed" } else { "open" };
        self.list += &format!("clip {name} 1767225600000 10000 {length} {hash} {state}\n");
        let message = [b"lightleak-clips 1\n", &Sha256::digest(&self.list)[..]].concat();
        let signature = signing_key().sign(&message).to_bytes();
        self.list += &format!("signature {}\n", hex(&signature));
    }

    /// Puts something else there.
    pub fn put(&mut self, name: &str, octets: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), octets.into());
    }

    /// Adds to the list what nobody signed.
    pub fn scribble(&mut self, text: &str) {
        self.list += text;
    }

    /// A case in which the owner reads the card.
    pub fn case(self, stimulus: &str) -> Case {
        let list = self.list.into_bytes();
        let mut files = self.files;
        files.insert("clips-1.txt".into(), list);
        case(session(stimulus, Some(files)))
    }
}

/// Somebody reads a card on which these files lie, if anybody looked.
pub fn session(stimulus: &str, rest: Option<BTreeMap<String, Vec<u8>>>) -> Session {
    let keys = vec![
        format!("AGE_IDENTITY {RECIPIENT} {IDENTITY}"),
        format!("CREDENTIAL viewer {PASSWORD}"),
    ];
    let mut session = case::session(stimulus, Wire::new(), keys);
    session.folder = format!("sessions/01-{PATH}-{stimulus}-default");
    session.record.path = PATH.into();
    session.log = "the camera is on\n".into();
    session.rest = rest;
    session
}

/// A case of a device that only records.
pub fn case(session: Session) -> Case {
    let mut case = case::case(vec![session]);
    let declaration = &mut case.declaration;
    declaration.endpoints.clear();
    let key = signing_key().verifying_key();
    declaration.device.clip_list_key = Some(hex(key.as_bytes()));
    declaration.paths = vec![TransportPath {
        id: PATH.into(),
        url: "card:".into(),
        carriage: Carriage::Recording,
        hop: Hop::None,
        end_to_end: EndToEnd::Age,
        pages: Vec::new(),
    }];
    case
}

/// The video as MP4 with a chunk and more of padding before its samples.
pub fn movie(video: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let sets = |kind: u8| {
        let mut units = video[0].iter();
        units.find(|nal| nal[0] & 0x1f == kind).unwrap().clone()
    };
    let (sps, pps) = (sets(7), sets(8));
    let samples: Vec<Vec<u8>> = video.iter().map(|unit| prefixed(unit)).collect();
    let sizes = samples.iter().map(|sample| sample.len() as u32);
    let count = samples.len() as u32;
    let mut avcc = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    avcc.extend((sps.len() as u16).to_be_bytes());
    avcc.extend(&sps);
    avcc.push(1);
    avcc.extend((pps.len() as u16).to_be_bytes());
    avcc.extend(&pps);
    let entry = boxed(b"avc1", [&[0; 78], &boxed(b"avcC", avcc)[..]].concat());
    let moov = |offset: u32| {
        let stbl = [
            boxed(b"stsd", [words(&[0, 1]), entry.clone()].concat()),
            boxed(b"stts", words(&[0, 1, count, 6000])),
            boxed(b"stsc", words(&[0, 1, 1, count, 1])),
            boxed(
                b"stsz",
                words(&[vec![0, 0, count], sizes.clone().collect()].concat()),
            ),
            boxed(b"stco", words(&[0, 1, offset])),
        ];
        let minf = [
            boxed(b"vmhd", words(&[1, 0, 0])),
            boxed(b"stbl", stbl.concat()),
        ];
        let mdia = [
            boxed(b"mdhd", words(&[0, 0, 0, 90_000, 0, 0])),
            boxed(b"hdlr", [&words(&[0, 0]), &b"vide"[..], &[0; 13]].concat()),
            boxed(b"minf", minf.concat()),
        ];
        let trak = [
            boxed(b"tkhd", words(&[0, 0, 0, 1, 0])),
            boxed(b"mdia", mdia.concat()),
        ];
        let inside = [
            boxed(b"mvhd", words(&[0; 25])),
            boxed(b"trak", trak.concat()),
        ];
        boxed(b"moov", inside.concat())
    };
    let before = |offset| {
        [
            boxed(b"ftyp", b"isom\0\0\0\0isom"),
            moov(offset),
            boxed(b"free", vec![0; 2 * CHUNK]),
        ]
        .concat()
    };
    let offset = before(0).len() as u32 + 8;
    [before(offset), boxed(b"mdat", samples.concat())].concat()
}

/// NAL units, each behind its length.
pub fn prefixed(units: &[Vec<u8>]) -> Vec<u8> {
    let unit = |nal: &Vec<u8>| [&(nal.len() as u32).to_be_bytes(), &nal[..]].concat();
    units.iter().flat_map(unit).collect()
}

/// A picture that every decoder of baseline JPEG would begin to read.
pub fn jpeg() -> Vec<u8> {
    let mut octets = vec![0xff, 0xd8];
    octets.extend([0xff, 0xc0, 0, 11, 8, 0, 180, 1, 64, 1, 1, 0x11, 0]);
    octets.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    octets.extend([0x55; 200]);
    octets.extend([0xff, 0xd9]);
    octets
}

/// NAL units as a byte stream.
pub fn annex_b(video: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let unit = |nal: &Vec<u8>| [&[0, 0, 0, 1], &nal[..]].concat();
    video.iter().flatten().flat_map(unit).collect()
}

fn boxed(kind: &[u8; 4], payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let size = payload.len() as u32 + 8;
    [&size.to_be_bytes(), &kind[..], payload].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Sealed to the owner.
pub fn sealed(plaintext: &[u8]) -> Vec<u8> {
    sealed_to(&RECIPIENT.parse().unwrap(), plaintext)
}

pub fn sealed_to(recipient: &age::x25519::Recipient, plaintext: &[u8]) -> Vec<u8> {
    let to = std::iter::once(recipient as &dyn age::Recipient);
    let mut file = Vec::new();
    let encryptor = age::Encryptor::with_recipients(to).unwrap();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap();
    file
}

/// age v1, with what can be got wrong.
#[derive(Clone)]
pub struct ByHand {
    pub file_key: [u8; 16],
    pub nonce: [u8; 16],
    pub ephemeral: [u8; 32],
    /// Counter and flag of a chunk, by its number and whether it is the last.
    pub counter: fn(u64, bool) -> (u64, bool),
}

impl ByHand {
    /// Nothing is wrong; `seed` makes the keys.
    pub fn sound(seed: u64) -> Self {
        let random = video::random(seed + 1000, 64);
        Self {
            file_key: random[..16].try_into().unwrap(),
            nonce: random[16..32].try_into().unwrap(),
            ephemeral: random[32..].try_into().unwrap(),
            counter: |number, last| (number, last),
        }
    }

    pub fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        let mut file = self.header().into_bytes();
        file.extend(self.nonce);
        let payload_key = derive(&self.nonce, &self.file_key, b"payload");
        let chunks = plaintext.chunks(CHUNK).enumerate();
        let count = chunks.len();
        for (number, chunk) in chunks {
            let (counter, last) = (self.counter)(number as u64, number + 1 == count);
            let mut nonce = [0; 12];
            nonce[3..11].copy_from_slice(&counter.to_be_bytes());
            nonce[11] = last.into();
            file.extend(aead(&payload_key, nonce, chunk));
        }
        file
    }

    fn header(&self) -> String {
        let private = PrivateKey::from_private_key(&X25519, &self.ephemeral).unwrap();
        let share = private.compute_public_key().unwrap();
        let owner = PrivateKey::from_private_key(&X25519, &[0x42; 32]).unwrap();
        let owner = owner.compute_public_key().unwrap();
        let salt = [share.as_ref(), owner.as_ref()].concat();
        let peer = UnparsedPublicKey::new(&X25519, owner.as_ref());
        let wrap_key = agreement::agree(&private, peer, "no point", |shared| {
            Ok(derive(&salt, shared, b"age-encryption.org/v1/X25519"))
        });
        let body = aead(&wrap_key.unwrap(), [0; 12], &self.file_key);
        let mut header = format!(
            "age-encryption.org/v1\n-> X25519 {}\n{}\n---",
            base64(share.as_ref()),
            base64(&body)
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(&derive(&[], &self.file_key, b"header"))
            .expect("HMAC takes any key");
        mac.update(header.as_bytes());
        header += &format!(" {}\n", base64(&mac.finalize().into_bytes()));
        header
    }
}

fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::new(Some(salt), secret);
    hkdf.expand(info, &mut key).unwrap();
    key
}

fn aead(key: &[u8; 32], nonce: [u8; 12], plaintext: &[u8]) -> Vec<u8> {
    let cipher = ChaCha20Poly1305::new(key.into());
    cipher.encrypt((&nonce).into(), plaintext).unwrap()
}

/// Octets in hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Without padding.
pub fn base64(octets: &[u8]) -> String {
    const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let octet = |at: usize| u32::from(*group.get(at).unwrap_or(&0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for symbol in 0..=group.len() {
            text.push(SYMBOLS[(bits >> (18 - 6 * symbol) & 63) as usize] as char);
        }
    }
    text
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The rows that fail.
pub fn failures(report: &Report) -> Vec<&str> {
    let failed = report.findings.iter();
    let failed = failed.filter(|f| f.verdict == Fail && f.requirement.starts_with("STO"));
    let mut ids: Vec<_> = failed.map(|f| f.requirement).collect();
    ids.dedup();
    ids
}

/// What is said of an honest card that was changed.
pub fn changed(change: impl FnOnce(&mut Card)) -> Case {
    let mut card = Card::honest();
    change(&mut card);
    card.case("honest")
}

/// The finding on a row, which fails and says so with evidence.
#[track_caller]
pub fn fails(case: &Case, id: &str, words: &str) -> Finding {
    let finding = of(&judge(case), id);
    expect(&finding, Fail, words);
    assert!(!finding.evidence.is_empty());
    finding
}

/// The octets that the first piece of evidence points at.
pub fn octets<'a>(case: &'a Case, finding: &Finding) -> &'a [u8] {
    let evidence = &finding.evidence[0];
    let name = evidence.capture.rsplit_once("/rest/").unwrap().1;
    let file = &case.sessions[0].rest.as_ref().unwrap()[name];
    &file[evidence.offset..evidence.offset + evidence.length]
}
