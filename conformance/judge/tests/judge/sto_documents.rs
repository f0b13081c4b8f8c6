//! STO of what lies beside the clips, sealed with HPKE by crate `hpke`: thumbnails
//! and events.

use hpke::{
    Deserializable as _, Kem as _, OpModeS, Serializable as _, aead::AesGcm128, kdf::HkdfSha256,
    kem::X25519HkdfSha256 as Kem, rand_core::TryRng,
};
use lightleak_case::{Case, Vantage};
use lightleak_judge::{
    report::{Finding, Report},
    verdict::Verdict::{Fail, Inconclusive, Pass},
};

use crate::{
    card::*,
    case::{expect, judge, of},
};

const THUMBNAIL: &str = "thumb-1767225600000.jpg.hpke";
const EVENTS: &str = "events-1767225600000.json.hpke";
const NOTICED: &[u8] = br#"{"time":1767225600123,"kind":"motion","x":17,"y":4}"#;
/// Private keys: the owner's, which is no constant run, and another one.
const OWNER: [u8; 32] = *b"the private key of a cards owner";
const STRANGER: [u8; 32] = [0x66; 32];

type PrivateKey = <Kem as hpke::Kem>::PrivateKey;

/// Octets that are no secret.
struct Fixed(u8);

impl TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.into())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.into())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(self.0);
        Ok(())
    }
}

impl hpke::rand_core::TryCryptoRng for Fixed {}

fn private(octets: [u8; 32]) -> PrivateKey {
    PrivateKey::from_bytes(&octets).unwrap()
}

/// A sealed file of that name.
fn document(to: [u8; 32], name: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len() + 48;
    let line = format!("lightleak-hpke 1 0020 0001 0001 {length} LL-1 {name}\n");
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<AesGcm128, HkdfSha256, Kem>(
        &OpModeS::Base,
        &Kem::sk_to_pk(&private(to)),
        line.as_bytes(),
        content,
        b"",
        &mut Fixed(name.as_bytes()[0]),
    )
    .unwrap();
    [line.as_bytes(), &encapsulated.to_bytes(), &sealed].concat()
}

/// A card with a thumbnail and events, of which the ledger says what they are.
fn documented(change: impl FnOnce(&mut Card)) -> Case {
    let mut case = changed(|card| {
        card.put(THUMBNAIL, document(OWNER, THUMBNAIL, &jpeg()));
        card.put(EVENTS, document(OWNER, EVENTS, NOTICED));
        change(card);
    });
    let public = hex(&Kem::sk_to_pk(&private(OWNER)).to_bytes());
    let session = &mut case.sessions[0];
    session
        .keys
        .push(format!("HPKE_PRIVATE_KEY {public} {}", hex(&OWNER)));
    for (track, octets) in [("pictures", &jpeg()[..]), ("events", NOTICED)] {
        let track = session.ledger.tracks.entry(track.into()).or_default();
        track.push_octets(octets, 0, 1);
    }
    case
}

/// The finding at the vantage `rest`.
fn at_rest(report: &Report, id: &str) -> Finding {
    let mut findings = report.findings.iter();
    let found = findings.find(|f| f.requirement == id && f.vantage == Some(Vantage::Rest));
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

/// Octets of the account of what is stored.
fn account(case: &Case, of: impl Fn(&lightleak_judge::attribution::Octets) -> u64) -> u64 {
    let report = judge(case);
    let mut accounts = report.attribution.iter();
    let account = accounts.find(|a| a.vantage == Vantage::Rest).unwrap();
    of(&account.bytes)
}

#[test]
fn what_is_sealed_to_the_owner_opens_and_is_what_the_ledger_says() {
    let case = documented(|_| {});
    let report = judge(&case);
    for id in ROWS.iter().chain(&["XC-03"]) {
        expect(&at_rest(&report, id), Pass, "");
    }
    let mut accounts = report.attribution.iter();
    let account = accounts.find(|a| a.vantage == Vantage::Rest).unwrap();
    assert_eq!(account.bytes.unexplained, 0);
    assert_eq!(account.ledger_bytes, account.ledger_bytes_matched);
    let without = changed(|_| {});
    let plain = judge(&without);
    let plain = plain
        .attribution
        .iter()
        .find(|a| a.vantage == Vantage::Rest);
    let documents = (jpeg().len() + NOTICED.len()) as u64;
    assert_eq!(
        account.ledger_bytes,
        plain.unwrap().ledger_bytes + documents
    );
}

#[test]
fn what_the_ledger_does_not_know_is_not_the_devices_own() {
    let case = documented(|card| {
        let name = "thumb-1767225609999.jpg.hpke";
        card.put(name, document(OWNER, name, b"somebody else's"));
    });
    expect(&at_rest(&judge(&case), "XC-03"), Fail, "not in the ledger");
}

#[test]
fn to_call_a_file_sealed_proves_nothing() {
    let name = "thumb-2.jpg.hpke";
    let stranger = document(STRANGER, name, b"not ours to open");
    let case = documented(|card| card.put(name, stranger.clone()));
    expect(
        &of(&judge(&case), "STO-05"),
        Inconclusive,
        "opens the envelope",
    );
    let unexplained = account(&case, |octets| octets.unexplained);
    assert_eq!(unexplained, stranger.len() as u64);

    // A picture in clear behind the line, with as many octets as it says.
    let clear = [vec![7; 32], jpeg(), vec![7; 16]].concat();
    let line = format!("lightleak-hpke 1 0020 0001 0001 {} LL-1 a\n", clear.len());
    let case = documented(|card| card.put("a", [line.as_bytes(), &clear].concat()));
    assert_eq!(failures(&judge(&case))[0], "STO-01");
    // And one of which the line says more than there is.
    let line = "lightleak-hpke 1 0020 0001 0001 9000 LL-1 a\n";
    let text = b"motion at the back door, two persons";
    let case = documented(|card| card.put("a", [line.as_bytes(), text].concat()));
    let finding = fails(&case, "STO-05", "not sealed: text in clear");
    assert_eq!(octets(&case, &finding), text);
}

#[test]
fn octets_behind_an_envelope_are_in_clear() {
    let behind = [document(OWNER, "a", b"x"), jpeg()].concat();
    let case = documented(|card| card.put("a", behind));
    fails(&case, "STO-05", "octets follow");
    expect(&of(&judge(&case), "STO-01"), Fail, "of track pictures");
}

#[test]
fn a_file_that_power_cut_short_is_no_finding() {
    let name = "thumb-2.jpg.hpke";
    let whole = document(OWNER, name, &[0; 400]);
    for length in [1, 16, 17, 40, 60, 120, 400] {
        let case = documented(|card| card.put(name, &whole[..length]));
        let report = judge(&case);
        for id in ["STO-01", "STO-05", "XC-03"] {
            expect(&at_rest(&report, id), Pass, "");
        }
        assert_eq!(account(&case, |octets| octets.unexplained), 0);
    }
}

#[test]
fn a_key_beside_what_it_opens_is_found() {
    let case = documented(|card| card.put("keys.txt", hex(&OWNER)));
    fails(&case, "STO-04", "HPKE_PRIVATE_KEY lies open");
}
