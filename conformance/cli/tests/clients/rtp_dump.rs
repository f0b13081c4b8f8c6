//! Vantage `peer` from a browser that is not ours: Chromium's own dump of the RTP
//! that it holds between the protection of the hop and that from end to end
//! becomes `peer.pcapng`, and the judge says what it is.

use std::{
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    sync::{Arc, mpsc},
    thread,
};

use lightleak::{
    declare,
    net::os::{OsEntropy, world},
    page::PAGE,
    target::{
        Notes,
        sim::{SUB_VIDEO, VIDEO},
    },
};
use lightleak_case::{CaseWriter, Experience, Ledger, SessionRecord, Vantage};
use lightleak_sim::{
    camera::{Camera, Settings},
    claim::Claim,
    fault::Fault,
    path::portal_webrtc,
    portal::PortalAccess,
    relay::{Account, CameraAccount, PORT, Relay, RelaySettings},
    rtsp::digest::Credentials,
    seal::keys::{Authority, BearerToken, OwnerKey, Password},
    signalling::TOKEN_LIFETIME,
    webrtc::DtlsVersions,
    world::World,
};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    browser::{FRAMES, number},
    chromium::Chromium,
    page::{Page, Person, WINDOW},
    support::{UNIT, client, lightleak, signed},
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SERIAL: &str = "LL-00001";
const USER: &str = "viewer";
const SEED: u64 = 1;

/// A dump has no addresses: these are those of the declaration and of nobody.
const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 30));
const VIEWER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

#[test]
fn what_the_browser_holds_is_opened_from_end_to_end() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let Some(text2pcap) = client("text2pcap") else {
        return;
    };
    let site = Site::start(folder.path());
    let Some(browser) = site.browser() else {
        return;
    };
    let person = Person {
        user: USER,
        password: site.user.password.expose(),
        signs: Box::new(|viewer| signed(&site.owner, viewer)),
    };
    let page = Page::at(&format!("https://{}/", site.address), browser, person);
    page.log_in();
    page.enrol(&page.viewer_key());
    page.watch();
    page.wait("show frames", |page| page.frames() >= FRAMES + 30);
    let dump = page.browser.log();
    drop(page);
    let lines: Vec<_> = dump.lines().filter(|l| l.ends_with("# RTP_DUMP")).collect();
    assert!(lines.len() as u64 > FRAMES, "{} packets", lines.len());
    let capture = folder.path().join("peer.pcapng");
    convert(text2pcap, &lines.join("\n"), &capture);
    let capture = fs::read(capture).expect("read the capture");

    let report = site.judge(&folder.path().join("case"), capture);
    let findings = report["findings"].as_array().expect("findings");
    let at_peer = |id: &str| {
        let mut found = findings.iter().filter(|f| f["vantage"] == "peer");
        let found = found.find(|f| f["requirement"] == id);
        found.unwrap_or_else(|| panic!("{id} is not judged at the peer"))
    };
    let failed: Vec<_> = findings.iter().filter(|f| f["verdict"] == "fail").collect();
    assert_eq!(failed, Vec::<&Value>::new());
    for (id, assurance) in [
        ("XC-01", "absence"),
        ("XC-03", "opened"),
        ("XC-07", "absence"),
        ("SFR-01", "opened"),
        ("SFR-02", "identified"),
        ("SFR-03", "opened"),
        ("SFR-04", "opened"),
        ("SFR-05", "opened"),
        ("SFR-06", "opened"),
        ("SFR-08", "opened"),
        ("SFR-11", "opened"),
    ] {
        let found = at_peer(id);
        assert_eq!(found["verdict"], "pass", "{found}");
        assert_eq!(found["assurance"], assurance, "{found}");
    }
    let rows = report["attribution"].as_array().expect("attribution");
    let row = rows.iter().find(|row| row["vantage"] == "peer");
    let row = row.expect("the peer's octets are attributed");
    assert_eq!(row["bytes"]["unexplained"], 0, "{row}");
    assert!(number(&row["ledger_bytes_matched"]) > 0, "{row}");
}

/// A camera and its portal in this process, so that what it produced is known.
struct Site {
    address: SocketAddr,
    user: Credentials,
    owner: OwnerKey,
    authority: std::path::PathBuf,
    notes: Arc<Notes>,
    /// They end with this.
    _end: oneshot::Sender<()>,
}

impl Site {
    fn start(folder: &Path) -> Self {
        let authority = Authority::new().expect("make an authority");
        let file = folder.join("ca.pem");
        fs::write(&file, authority.certificate_pem()).expect("write the authority");
        let owner = OwnerKey::random(&OsEntropy).expect("make a key");
        let user = credentials(USER);
        let notes = Arc::new(Notes::default());
        let (say, hear) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let (of_user, public, witness) = (user.clone(), owner.public(), notes.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("start a runtime").block_on(async {
                let token = BearerToken::random(&OsEntropy);
                let on_this = || World {
                    witness: witness.clone(),
                    ..world(LOOPBACK)
                };
                let relay = RelaySettings {
                    identity: authority.issue("relay", &[LOOPBACK]).expect("issue"),
                    accounts: vec![Account {
                        credentials: of_user,
                        cameras: vec![SERIAL.into()],
                    }],
                    cameras: vec![CameraAccount {
                        serial: SERIAL.into(),
                        name: "Front door".into(),
                        token: token.clone(),
                    }],
                    dtls: DtlsVersions::Either,
                    page: PAGE.clone(),
                    token_lifetime: TOKEN_LIFETIME,
                    forwarding: None,
                };
                let relay = Relay::start(relay, Fault::NONE, on_this()).await;
                let relay = relay.expect("start the relay");
                let camera = Settings {
                    seed: SEED,
                    unit: UNIT,
                    nonce: 1,
                    name: "FRONT DOOR".into(),
                    serial: SERIAL.into(),
                    video: VIDEO,
                    sub: SUB_VIDEO,
                    credentials: credentials("camera"),
                    identity: authority.issue(SERIAL, &[LOOPBACK]).expect("issue"),
                    recording: None,
                    app: None,
                    portal: Some(PortalAccess {
                        relay: relay.endpoint,
                        authority: authority.certificate(),
                        token,
                        owner: public,
                        dtls: DtlsVersions::Either,
                    }),
                    quiet: false,
                    begin: None,
                    archive: None,
                };
                let camera = Camera::start(camera, Fault::NONE, on_this()).await;
                let _camera = camera.expect("start the camera");
                say.send(relay.endpoint).expect("it is awaited");
                // Nothing comes but the end.
                let _ = ended.await;
            });
        });
        Self {
            address: hear.recv().expect("it starts"),
            user,
            owner,
            authority: file,
            notes,
            _end: end,
        }
    }

    fn browser(&self) -> Option<Chromium> {
        let dumps = [
            "--enable-logging",
            "--vmodule=srtp_session=1",
            "--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/",
        ];
        Chromium::start_with(&self.authority, WINDOW, &dumps)
    }

    /// What the judge says of a case with nothing but that capture.
    fn judge(&self, folder: &Path, peer: Vec<u8>) -> Value {
        let mut declaration = declare::device(SERIAL, UNIT, &[]);
        declaration.device.owner_key = Some(self.owner.public().to_string());
        let relay = SocketAddr::new(RELAY, PORT);
        let claim = Claim::relay(&portal_webrtc::PATH, relay);
        declare::claims(&mut declaration, [&claim].into_iter());
        let mut case = CaseWriter::create(folder, &declaration, &Ledger::default());
        let case = case.as_mut().expect("make a case");
        let (ledger, keys) = self.notes.take();
        let record = SessionRecord {
            schema: SessionRecord::SCHEMA.into(),
            path: portal_webrtc::PATH.id.into(),
            stimulus: "honest".into(),
            condition: "default".into(),
            target: "Chromium".into(),
            seed: SEED,
            experience: Experience::default(),
        };
        let captures = [(Vantage::Peer, peer)];
        case.session(&record, &captures, &keys, &ledger, "", None)
            .expect("write the session");
        let json = folder.join("report.json");
        let judged = lightleak()
            .arg("judge")
            .arg(folder)
            .arg("--json")
            .arg(&json)
            .stdout(Stdio::null())
            .status();
        judged.expect("start lightleak");
        let report = fs::read(json).expect("read the report");
        serde_json::from_slice(&report).expect("parse the report")
    }
}

fn credentials(user: &str) -> Credentials {
    Credentials {
        user: user.into(),
        password: Password::random(&OsEntropy),
    }
}

/// The packets of a dump as a capture. What comes in is said by the relay.
fn convert(mut text2pcap: std::process::Command, dump: &str, capture: &Path) {
    let mut child = text2pcap
        .args(["-q", "-D", "-t", "%H:%M:%S.%f", "-F", "pcapng"])
        .args(["-4", &format!("{RELAY},{VIEWER}"), "-u", "50000,50001", "-"])
        .arg(capture)
        .stdin(Stdio::piped())
        .spawn()
        .expect("start text2pcap");
    let mut input = child.stdin.take().expect("it is piped");
    let dump = format!("{dump}\n");
    input.write_all(dump.as_bytes()).expect("write the dump");
    drop(input);
    assert!(child.wait().expect("wait for text2pcap").success());
}
