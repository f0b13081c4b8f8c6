//! A case of a few octets, certified.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ed25519_dalek::SigningKey;
use lightleak::{
    bundle::{
        archive::{Reader, Writer},
        certify::{Issued, Request, certify},
        key,
    },
    decoder::ChildDecoder,
};
use lightleak_case::{
    Carriage, CaseWriter, Declaration, Device, EndToEnd, Experience, Hop, Ledger, PcapngWriter,
    SessionRecord, TransportPath, Vantage,
};
use lightleak_judge::requirement::Profile;

/// What no text in a bundle may hold.
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const TOKEN: &str = "00112233445566778899aabbccddeeff";

pub(crate) fn lightleak(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("the program exits by itself")
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A case with one honest session of one path, in which next to nothing was seen.
pub(crate) fn small_case(root: &Path) {
    let declaration = Declaration {
        schema: Declaration::SCHEMA.into(),
        device: Device {
            vendor: "Example".into(),
            model: "Eye".into(),
            serial: "E-1".into(),
            firmware: "1.0".into(),
            unit: 1,
            addresses: vec!["192.0.2.1".parse().unwrap()],
            clip_list_key: None,
            owner_key: None,
        },
        endpoints: Vec::new(),
        paths: vec![TransportPath {
            id: "nvr.rtsps".into(),
            url: "rtsps://viewer:pass-in-the-url@192.0.2.1/main".into(),
            carriage: Carriage::RtspInterleaved,
            hop: Hop::Tls,
            end_to_end: EndToEnd::None,
            pages: Vec::new(),
        }],
    };
    let mut wire = PcapngWriter::new(Vec::new(), "eth0", "").unwrap();
    wire.packet(1_800_000_000_000_000_000, &[0x55; 60]).unwrap();
    let wire = wire.finish(1_800_000_001_000_000_000, 0).unwrap();
    let record = SessionRecord {
        schema: SessionRecord::SCHEMA.into(),
        path: "nvr.rtsps".into(),
        stimulus: "honest".into(),
        condition: "default".into(),
        target: "device".into(),
        seed: 1,
        experience: Experience {
            steps: vec![format!("logged in with {PASSWORD}")],
            ..Experience::default()
        },
    };
    let keys = [
        "CLIENT_RANDOM 00 01".to_owned(),
        format!("CREDENTIAL viewer {PASSWORD}"),
        format!("BEARER_TOKEN viewer {TOKEN}"),
    ];
    let log = format!("token {TOKEN} for viewer\n");
    let ledger = Ledger::default();
    let mut case = CaseWriter::create(root, &declaration, &ledger).unwrap();
    let captures = [(Vantage::Wire, wire)];
    case.session(
        &record,
        &captures,
        &keys,
        &ledger,
        &log,
        Some(&Default::default()),
    )
    .unwrap();
}

/// A bundle of the small case, in a folder of its own.
pub(crate) struct Made {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) bundle: PathBuf,
    pub(crate) key: SigningKey,
    pub(crate) issued: Issued,
}

pub(crate) fn make(redact: bool) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    small_case(&case);
    let file = folder.path().join("lab.key");
    key::generate(&file).unwrap();
    let key = key::read_private(&file).unwrap();
    let bundle = folder.path().join("bundle.tar");
    let decoder = ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")));
    let request = Request {
        case: &case,
        key: &key,
        out: &bundle,
        profile: Profile::Secure,
        lab: None,
        error_rates: None,
        redact,
    };
    let issued = certify(&request, &decoder).unwrap();
    Made {
        folder,
        bundle,
        key,
        issued,
    }
}

/// The files of a bundle.
pub(crate) fn files(bundle: &Path) -> Vec<(String, Vec<u8>)> {
    let octets = fs::read(bundle).unwrap();
    let mut reader = Reader::new(&octets[..]);
    let mut files = Vec::new();
    while let Some(entry) = reader.entry().unwrap() {
        let mut content = Vec::new();
        let part = |part: &[u8]| {
            content.extend_from_slice(part);
            Ok(())
        };
        reader.content(&entry, part).unwrap();
        files.push((entry.name, content));
    }
    files
}

/// A bundle of these files.
pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, content) in files {
        let size = content.len() as u64;
        writer.entry(name, size, &content[..]).unwrap();
    }
    writer.finish().unwrap()
}
