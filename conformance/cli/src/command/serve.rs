//! `lightleak serve`: cameras for other people's clients.

use std::{fs, net::IpAddr, path::PathBuf};

use clap::Args;
use lightleak_sim::{
    camera::{Camera, Settings},
    fault::{Fault, Mutant},
    path::portal_webrtc,
    portal::PortalAccess,
    relay::{Account, CameraAccount, Relay, RelaySettings, attack::FaultyForwarding},
    rtsp::digest::Credentials,
    seal::keys::{Authority, BearerToken, OwnerKey, Password},
    signalling::{AppAccess, TOKEN_LIFETIME},
    webrtc::{DtlsVersions, TurnServer},
    world::Entropy,
};
use serde_json::{Value, json};

use super::{Failure, Outcome, Terminal};
use crate::{
    net::os::{OsEntropy, world},
    page::PAGE,
    stimulus,
    target::sim::{SUB_VIDEO, VIDEO, name, serial},
};

/// Options of `serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many cameras.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    cameras: u16,
    /// Give them this fault.
    #[arg(long, value_name = "MUTANT")]
    mutant: Option<String>,
    /// What the relay does to those who watch, as under this stimulus.
    #[arg(long, value_name = "STIMULUS")]
    stimulus: Option<String>,
    /// Address to listen on; ports are free ones.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// A TURN server (RFC 8656, over UDP) by which apps reach the cameras as well.
    #[arg(long, value_name = "USER:PASSWORD@ADDRESS:PORT", value_parser = turn_server)]
    turn: Option<TurnServer>,
    /// Let apps reach the cameras by the TURN server alone.
    #[arg(long, requires = "turn")]
    turn_only: bool,
    /// When the cameras listen, write their addresses here as JSON, schema
    /// `lightleak.serve/1`.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let fault = match &arguments.mutant {
        None => Fault::NONE,
        Some(id) => Mutant::find(id).map(|m| m.fault).ok_or_else(|| {
            Failure::usage(format!("no mutant {id:?}; see `lightleak list mutants`"))
        })?,
    };
    let forwarding = match &arguments.stimulus {
        None => None,
        Some(id) => {
            let mut known = stimulus::ALL.iter().filter(|s| s.id == id);
            let found = known.find_map(|stimulus| stimulus.forwarding);
            let wrong = || format!("the relay does nothing of its own under {id:?}");
            Some(found.ok_or_else(|| Failure::usage(wrong()))?)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::harness(format!("start a runtime: {e}")))?;
    runtime.block_on(serve(arguments, fault, forwarding, terminal))
}

async fn serve(
    arguments: &Arguments,
    fault: Fault,
    forwarding: Option<FaultyForwarding>,
    terminal: &Terminal,
) -> Outcome {
    // Handlers first: who sees the ready file may already send a signal.
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|e| Failure::harness(format!("listen for signals: {e}")))?;
    let authority = Authority::new().map_err(Failure::harness)?;
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::harness(format!("make a temporary folder: {e}")))?;
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, authority.certificate_pem())
        .map_err(|e| Failure::harness(format!("write {}: {e}", ca_file.display())))?;

    let mut seed = [0; 32];
    OsEntropy.fill(&mut seed);
    let owner = OwnerKey::from_seed(&seed).map_err(Failure::harness)?;
    let owner_key_file = folder.path().join("owner.key");
    let text: String = seed.iter().map(|octet| format!("{octet:02x}")).collect();
    fs::write(&owner_key_file, text + "\n")
        .map_err(|e| Failure::harness(format!("write {}: {e}", owner_key_file.display())))?;

    let portal = Credentials {
        user: "portal-viewer".into(),
        password: Password::random(&OsEntropy),
    };
    let accounts: Vec<_> = (1..=arguments.cameras).map(camera_account).collect();
    let relay = RelaySettings {
        identity: authority
            .issue("relay", &[arguments.bind])
            .map_err(Failure::harness)?,
        accounts: vec![Account {
            credentials: portal.clone(),
            cameras: accounts.iter().map(|c| c.serial.clone()).collect(),
        }],
        cameras: accounts.clone(),
        dtls: DtlsVersions::Either,
        page: PAGE.clone(),
        token_lifetime: TOKEN_LIFETIME,
        forwarding,
    };
    let relay = Relay::start(relay, fault, world(arguments.bind))
        .await
        .map_err(|e| Failure::harness(format!("start the relay: {e}")))?;

    let mut cameras = Vec::new();
    let mut described = Vec::new();
    for (unit, account) in (1..).zip(accounts) {
        let mut settings = settings(unit, arguments.bind, &authority, &owner)?;
        if let Some(app) = &mut settings.app {
            app.turn = arguments.turn.clone().map(|server| TurnServer {
                is_only_way: arguments.turn_only,
                ..server
            });
        }
        settings.portal = Some(PortalAccess {
            relay: relay.endpoint,
            authority: authority.certificate(),
            token: account.token,
            owner: owner.public(),
            dtls: DtlsVersions::Either,
        });
        let credentials = settings.credentials.clone();
        let serial = settings.serial.clone();
        let camera = Camera::start(settings, fault, world(arguments.bind))
            .await
            .map_err(|e| Failure::harness(format!("start camera {unit}: {e}")))?;
        let paths: Vec<_> = camera
            .claims
            .iter()
            .map(|claim| {
                let credentials = match claim.path == portal_webrtc::PATH.id {
                    true => &portal,
                    false => &credentials,
                };
                terminal.print(&format!(
                    "{serial}  {}  user {}  password {}\n",
                    claim.url,
                    credentials.user,
                    credentials.password.expose()
                ));
                json!({
                    "id": claim.path, "url": claim.url, "user": credentials.user,
                    "password": credentials.password.expose(), "token": Value::Null,
                })
            })
            .collect();
        let at_relay = relay.undeclared.iter();
        let at_relay = at_relay.map(|address| format!("{address}{serial}"));
        let undeclared = camera.undeclared.iter().cloned().chain(at_relay);
        let undeclared: Vec<_> = undeclared
            .map(|url| {
                terminal.print(&format!("{serial}  {url}  undeclared\n"));
                json!({ "url": url })
            })
            .collect();
        described.push(json!({ "id": serial, "paths": paths, "undeclared": undeclared }));
        cameras.push(camera);
    }
    terminal.print(&format!("certificate authority: {}\n", ca_file.display()));
    terminal.print(&format!("owner's key: {}\n", owner_key_file.display()));
    if let Some(file) = &arguments.ready_file {
        let ready = json!({
            "schema": "lightleak.serve/1", "cameras": described, "ca_file": ca_file,
            "owner_key_file": owner_key_file,
        });
        write_whole(file, &ready)?;
    }
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    Ok(0)
}

/// A TURN server as it is written on the command line.
fn turn_server(text: &str) -> Result<TurnServer, String> {
    let form = || "what is needed is USER:PASSWORD@ADDRESS:PORT".to_owned();
    // A password may have any character, an address has no @.
    let (credentials, address) = text.rsplit_once('@').ok_or_else(form)?;
    let (user, password) = credentials.split_once(':').ok_or_else(form)?;
    let wrong = |_| format!("{address:?} is no IP address with a port, such as 192.0.2.1:3478");
    Ok(TurnServer {
        address: address.parse().map_err(wrong)?,
        credentials: Credentials {
            user: user.into(),
            password: Password::new(password),
        },
        is_only_way: false,
    })
}

/// Whoever waits for the file never sees half of it.
fn write_whole(file: &std::path::Path, content: &Value) -> Result<(), Failure> {
    let failed = |e| Failure::harness(format!("write {}: {e}", file.display()));
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    fs::write(&part, format!("{content:#}\n")).map_err(failed)?;
    fs::rename(&part, file).map_err(failed)
}

/// A camera, as the relay knows it.
fn camera_account(unit: u16) -> CameraAccount {
    CameraAccount {
        serial: serial(unit),
        name: format!("Camera {unit}"),
        token: BearerToken::random(&OsEntropy),
    }
}

fn settings(
    unit: u16,
    address: IpAddr,
    authority: &Authority,
    owner: &OwnerKey,
) -> Result<Settings, Failure> {
    let serial = serial(unit);
    let mut nonce = [0; 4];
    OsEntropy.fill(&mut nonce);
    Ok(Settings {
        seed: unit.into(),
        unit,
        nonce: u32::from_be_bytes(nonce),
        name: name(unit),
        identity: authority
            .issue(&serial, &[address])
            .map_err(Failure::harness)?,
        serial,
        recording: None,
        app: Some(AppAccess {
            owner: owner.public(),
            dtls: DtlsVersions::Either,
            token_lifetime: TOKEN_LIFETIME,
            turn: None,
        }),
        portal: None,
        quiet: false,
        begin: None,
        archive: None,
        video: VIDEO,
        sub: SUB_VIDEO,
        credentials: Credentials {
            user: "viewer".into(),
            password: Password::random(&OsEntropy),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_server_is_read_from_its_ends() {
        let server = turn_server("app:a:b@c@[::1]:3478").expect("it is one");
        assert_eq!(server.credentials.user, "app");
        assert_eq!(server.credentials.password.expose(), "a:b@c");
        assert_eq!(server.address, "[::1]:3478".parse().expect("an address"));
    }

    #[test]
    fn what_is_none_is_told_what_is_needed() {
        for (text, needed) in [
            ("192.0.2.1:3478", "USER:PASSWORD@ADDRESS:PORT"),
            ("app@192.0.2.1:3478", "USER:PASSWORD@ADDRESS:PORT"),
            ("app:turn@192.0.2.1", "with a port"),
            ("app:turn@turn.example:3478", "IP address"),
        ] {
            let error = turn_server(text).expect_err("it is none");
            assert!(error.contains(needed), "{text}: {error}");
        }
    }
}
