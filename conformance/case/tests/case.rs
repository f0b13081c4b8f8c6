//! A case is read as it was written, a case made by hand is read too, and
//! nobody's files are removed.

use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::Path};

use lightleak_case::{
    Capture, Carriage, Case, CaseWriter, Declaration, Device, EndToEnd, Endpoint, Error,
    Experience, Hop, Ledger, PcapngWriter, SessionRecord, Track, TransportPath, TransportProtocol,
    Vantage, is_ours,
};
use proptest::prelude::*;

fn declaration() -> Declaration {
    let address = Ipv4Addr::new(192, 0, 2, 1).into();
    Declaration {
        schema: Declaration::SCHEMA.into(),
        device: Device {
            vendor: "v".into(),
            model: "m".into(),
            serial: "s".into(),
            firmware: "f".into(),
            unit: 1,
            addresses: vec![address],
            clip_list_key: Some("00ff".into()),
            owner_key: Some("01fe".into()),
        },
        endpoints: vec![Endpoint {
            transport: TransportProtocol::Tcp,
            address,
            port: 322,
            path: "nvr.rtsps".into(),
        }],
        paths: vec![TransportPath {
            id: "nvr.rtsps".into(),
            url: "rtsps://192.0.2.1/main".into(),
            carriage: Carriage::RtspInterleaved,
            hop: Hop::Tls,
            end_to_end: EndToEnd::None,
            pages: Vec::new(),
        }],
    }
}

fn record(path: &str) -> SessionRecord {
    SessionRecord {
        schema: SessionRecord::SCHEMA.into(),
        path: path.into(),
        stimulus: "honest".into(),
        condition: "default".into(),
        target: "sim".into(),
        seed: 1,
        experience: Experience::default(),
    }
}

fn ledger() -> Ledger {
    let mut track = Track::default();
    track.push(&[b"\x65idr"], 0, 1, true);
    Ledger {
        tracks: BTreeMap::from([("video".to_owned(), track)]),
    }
}

fn capture() -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), "tap", "").unwrap();
    writer.packet(5, b"frame").unwrap();
    writer.finish(6, 0).unwrap()
}

fn stored(name: &str) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([(name.to_owned(), b"sealed".to_vec())])
}

/// Writes a case of that many sessions.
fn write(root: &Path, sessions: usize) {
    let mut writer = CaseWriter::create(root, &declaration(), &ledger()).unwrap();
    for _ in 0..sessions {
        writer
            .session(&record("nvr.rtsps"), &[], &[], &Ledger::default(), "", None)
            .unwrap();
    }
}

/// Why the case is not read, without the place of the case.
fn message(root: &Path) -> String {
    let message = Case::read(root).unwrap_err().to_string();
    message.replace(&root.display().to_string(), "CASE")
}

#[test]
fn case_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    let mut writer = CaseWriter::create(&root, &declaration(), &ledger()).unwrap();
    let keys = [
        "CLIENT_RANDOM 00 11".to_owned(),
        "EXPORTER_SECRET 22 33".to_owned(),
    ];
    let name = writer
        .session(
            &record("nvr.rtsps"),
            &[(Vantage::Wire, capture())],
            &keys,
            &ledger(),
            "started\nstopped\n",
            Some(&stored("clip-1.mp4.age")),
        )
        .unwrap();
    assert_eq!(name, "sessions/01-nvr.rtsps-honest-default");
    writer.factory(&stored("boot-logo.h264")).unwrap();

    let case = Case::read(&root).unwrap();
    assert_eq!(case.factory, stored("boot-logo.h264"));
    assert_eq!(case.declaration, declaration());
    assert_eq!(case.decoy, ledger());
    let [session] = case.sessions.as_slice() else {
        panic!("{} sessions", case.sessions.len());
    };
    assert_eq!(session.folder, name);
    assert_eq!(session.record, record("nvr.rtsps"));
    assert_eq!(
        session.captures[&Vantage::Wire],
        Capture::read(&capture()).unwrap()
    );
    assert_eq!(session.keys, keys);
    assert_eq!(session.ledger, ledger());
    assert_eq!(session.log, "started\nstopped\n");
    assert_eq!(session.rest, Some(stored("clip-1.mp4.age")));
}

#[test]
fn stored_file_whose_name_could_lead_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    let mut writer = CaseWriter::create(&root, &declaration(), &ledger()).unwrap();
    for name in ["", ".", "..", ".hidden", "../x", "a/b", "a\\b", "a b"] {
        let error = writer
            .session(
                &record("owner.recording"),
                &[],
                &[],
                &Ledger::default(),
                "",
                Some(&stored(name)),
            )
            .unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{name:?}: {error}");
    }
    assert!(!root.join("sessions/x").exists());
}

#[test]
fn folder_among_stored_files_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1);
    let name = "sessions/01-nvr.rtsps-honest-default/rest/DCIM";
    fs::create_dir_all(folder.path().join(name)).unwrap();
    assert_eq!(
        message(folder.path()),
        format!("CASE/{name}: is not a file")
    );
}

#[test]
fn case_made_by_hand_needs_only_declaration_and_session() {
    let folder = tempfile::tempdir().unwrap();
    declaration()
        .write(&folder.path().join("declaration.toml"))
        .unwrap();
    let session = folder.path().join("sessions/first");
    fs::create_dir_all(&session).unwrap();
    record("nvr.rtsps")
        .write(&session.join("session.toml"))
        .unwrap();
    let read = || Case::read(folder.path()).unwrap().sessions.remove(0);
    let empty = read();
    assert!(empty.captures.is_empty() && empty.keys.is_empty() && empty.log.is_empty());
    assert_eq!(empty.ledger, Ledger::default());

    // What tcpdump writes, under the name of the vantage.
    let mut pcap = vec![0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0];
    pcap.extend([0; 12]);
    pcap.extend([1, 0, 0, 0]);
    fs::write(session.join("wire.pcapng"), pcap).unwrap();
    fs::write(
        session.join("keys.log"),
        "# comment\r\n\r\nCLIENT_RANDOM 00 11\r\n",
    )
    .unwrap();
    let filled = read();
    assert_eq!(filled.captures[&Vantage::Wire].interfaces[0].link_type, 1);
    assert_eq!(filled.keys, ["CLIENT_RANDOM 00 11"]);
}

#[test]
fn damaged_case_is_named_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    assert_eq!(
        message(&root),
        "CASE/declaration.toml: is missing; a case needs it, with schema = \"lightleak.declaration/1\""
    );
    write(&root, 0);
    assert_eq!(message(&root), "CASE: holds no session");
    write(&root, 1);
    let session = root.join("sessions/01-nvr.rtsps-honest-default");
    let with = |name: &str, content: &[u8]| {
        fs::write(session.join(name), content).unwrap();
        let message = message(&root);
        fs::remove_file(session.join(name)).unwrap();
        message.replace("CASE/sessions/01-nvr.rtsps-honest-default", "SESSION")
    };
    assert_eq!(
        with("wire.pcapng", b"GIF89a"),
        "SESSION/wire.pcapng: expected pcapng or pcap, found a file that begins with 47 49 46 38; \
         editcap -F pcapng converts other capture formats (block 0, at octet 0)"
    );
    assert_eq!(
        with("wire.pcap", b""),
        "SESSION/wire.pcap: is not the capture of a vantage; rename it (wire.pcapng, relay.pcapng, peer.pcapng), or remove it"
    );
    assert_eq!(
        with("ledger/notes.txt", b""),
        "SESSION/ledger/notes.txt: does not belong into a ledger, which has <track>.bin and \
         <track>.idx, <track> of a-z, 0-9 and -; remove it"
    );
    assert_eq!(
        with("keys.log", b"\n\xFF"),
        "SESSION/keys.log: line 2: is not UTF-8"
    );
    assert_eq!(
        with("session.toml", b"schema = \"lightleak.session/9\""),
        "SESSION/session.toml: expected schema \"lightleak.session/1\", found \"lightleak.session/9\""
    );
    assert_eq!(
        message(&root).replace("CASE/sessions/01-nvr.rtsps-honest-default", "SESSION"),
        "SESSION/session.toml: is missing; a case needs it, with schema = \"lightleak.session/1\""
    );
    write(&root, 1);
    fs::write(root.join("sessions/.listing"), "").unwrap();
    assert_eq!(
        message(&root),
        "CASE/sessions/.listing: is not the folder of a session; remove it"
    );
}

#[test]
fn sessions_come_in_the_order_of_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    write(&root, 101);
    let case = Case::read(&root).unwrap();
    let numbers = case.sessions.iter().map(|s| {
        let (number, _) = s.folder["sessions/".len()..].split_once('-').unwrap();
        number.parse::<u32>().unwrap()
    });
    assert!(numbers.eq(1..=101));
    assert!(root.join("sessions/100-nvr.rtsps-honest-default").is_dir());
}

#[test]
fn session_stays_inside_the_case_whatever_its_path_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    let mut writer = CaseWriter::create(&root, &declaration(), &ledger()).unwrap();
    let name = writer
        .session(&record("../../a b"), &[], &[], &Ledger::default(), "", None)
        .unwrap();
    assert_eq!(name, "sessions/01-.._.._a_b-honest-default");
    assert_eq!(
        Case::read(&root).unwrap().sessions[0].record.path,
        "../../a b"
    );
}

#[test]
fn earlier_case_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("case");
    write(&root, 3);
    fs::create_dir(root.join("report")).unwrap();
    fs::write(root.join("report/report.json"), "{}").unwrap();
    fs::write(root.join("notes.txt"), "mine").unwrap();
    write(&root, 1);
    assert_eq!(Case::read(&root).unwrap().sessions.len(), 1);
    assert!(!root.join("report").exists());
    assert_eq!(fs::read_to_string(root.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn folder_that_is_not_ours_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |root: &Path| {
        let error = CaseWriter::create(root, &declaration(), &ledger()).unwrap_err();
        assert!(matches!(error, Error::NotOurs { .. }), "{error}");
        assert!(!is_ours(root));
    };
    let root = folder.path();
    fs::create_dir(root.join("sessions")).unwrap();
    fs::write(root.join("sessions/photo.jpg"), "mine").unwrap();
    refused(root);
    fs::write(root.join("declaration.toml"), "schema = \"tax/1\"").unwrap();
    refused(root);
    fs::write(root.join("declaration.toml"), "lightleak.declaration/1").unwrap();
    refused(root);
    refused(&root.join("declaration.toml"));
    assert_eq!(
        fs::read_to_string(root.join("sessions/photo.jpg")).unwrap(),
        "mine"
    );
    assert_eq!(
        fs::read_to_string(root.join("declaration.toml")).unwrap(),
        "lightleak.declaration/1"
    );
}

#[test]
fn empty_folder_and_case_of_another_version_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1);
    fs::write(
        folder.path().join("declaration.toml"),
        "schema = \"lightleak.declaration/7\"\nnew = 1",
    )
    .unwrap();
    assert!(is_ours(folder.path()));
    write(folder.path(), 1);
    assert_eq!(
        Case::read(folder.path()).unwrap().declaration,
        declaration()
    );
}

fn declarations() -> impl Strategy<Value = Declaration> {
    let device = (
        any::<[String; 4]>(),
        any::<u16>(),
        any::<Vec<std::net::IpAddr>>(),
    );
    let endpoint = (
        any::<bool>(),
        any::<std::net::IpAddr>(),
        any::<u16>(),
        any::<String>(),
    );
    let endpoints = prop::collection::vec(endpoint, 0..3);
    let paths = prop::collection::vec(any::<(String, String)>(), 0..3);
    (device, endpoints, paths).prop_map(|(device, endpoints, paths)| {
        let ([vendor, model, serial, firmware], unit, addresses) = device;
        Declaration {
            schema: Declaration::SCHEMA.into(),
            device: Device {
                vendor,
                model,
                serial,
                firmware,
                unit,
                addresses,
                clip_list_key: None,
                owner_key: None,
            },
            endpoints: endpoints
                .into_iter()
                .map(|(tcp, address, port, path)| Endpoint {
                    transport: if tcp {
                        TransportProtocol::Tcp
                    } else {
                        TransportProtocol::Udp
                    },
                    address,
                    port,
                    path,
                })
                .collect(),
            paths: paths
                .into_iter()
                .map(|(id, url)| TransportPath {
                    id,
                    url,
                    carriage: Carriage::RtspInterleaved,
                    hop: Hop::Tls,
                    end_to_end: EndToEnd::None,
                    pages: Vec::new(),
                })
                .collect(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn declaration_is_read_as_it_was_written(declaration in declarations()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("declaration.toml");
        declaration.write(&path).unwrap();
        prop_assert_eq!(Declaration::read(&path).unwrap(), declaration);
    }

    #[test]
    fn session_record_is_read_as_it_was_written(
        names in any::<[String; 4]>(),
        numbers in any::<[u64; 3]>(),
        steps in any::<Vec<String>>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session.toml");
        let [path, stimulus, condition, target] = names;
        let [seed, access_units, media_bytes] = numbers;
        let record = SessionRecord {
            schema: SessionRecord::SCHEMA.into(),
            path,
            stimulus,
            condition,
            target,
            seed,
            experience: Experience { access_units, media_bytes, steps },
        };
        record.write(&file).unwrap();
        prop_assert_eq!(SessionRecord::read(&file).unwrap(), record);
    }

    #[test]
    fn random_documents_never_panic(text in "(schema = \"lightleak.declaration/1\"\n)?(.|\n|\\[|=|\"){0,60}") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("declaration.toml");
        fs::write(&path, text).unwrap();
        let _ = Declaration::read(&path);
    }
}
