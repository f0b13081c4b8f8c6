//! Mutants whose first row is of area IOT.

use md5::{Digest, Md5};
use rtsp_types::Method;

use super::Mutant;
use crate::{
    fault::{
        Fault,
        errands::{faulty_listen_in, faulty_register},
    },
    hex::Hex,
    rtsp::digest::Credentials,
    seal::keys::Password,
};

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "iot.admin-admin",
        path: "nvr.rtsps",
        expected: &["IOT-01"],
        story: "beside the user there is an administrator, with the password that all units have",
        source: "of our own making (catalogue, IOT-01)",
        fault: Fault {
            also_admits: Some(|_| account("admin", "admin")),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.pass-from-serial",
        path: "nvr.rtsps",
        expected: &["IOT-01"],
        story: "the password is the beginning of a hash of the serial number",
        source: "of our own making (catalogue, IOT-01)",
        fault: Fault {
            also_admits: Some(|settings| {
                let digest = Md5::digest(&settings.serial);
                account(&settings.credentials.user, &Hex(&digest[..4]).to_string())
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.hardcoded-service",
        path: "nvr.rtsps",
        expected: &["IOT-03"],
        story: "a service account that is part of the firmware, and that nobody can switch off",
        source: "CVE-2016-7834",
        fault: Fault {
            also_admits: Some(|_| account("primana", "primana")),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.set-parameter-noauth",
        path: "nvr.rtsps",
        expected: &["IOT-06"],
        story: "SET_PARAMETER asks for no credentials, and configures the camera",
        source: "of our own making (catalogue, IOT-06)",
        fault: Fault {
            demands_credentials: Some(|m| ![Method::Options, Method::SetParameter].contains(m)),
            accepts_parameter: Some(|_| true),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.credential-clear",
        path: "nvr.rtsps",
        expected: &["IOT-07"],
        story: "the camera registers with the maker's server, and tells it the user's password in clear",
        source: "of our own making (catalogue, IOT-07)",
        fault: Fault {
            errand: Some(faulty_register),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.discovery-leaks-url",
        path: "nvr.rtsps",
        expected: &["IOT-08"],
        story: "every answer tells serial number and stream address, before anybody has shown a password",
        source: "of our own making (catalogue, IOT-08)",
        fault: Fault {
            banner: Some(|settings, local| format!("{} (rtsps://{local}/main)", settings.serial)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "iot.cloud-clear",
        path: "nvr.rtsps",
        expected: &["IOT-09"],
        story: "the maker's server listens in: sound goes there in clear",
        source: "of our own making (catalogue, IOT-09)",
        fault: Fault {
            errand: Some(faulty_listen_in),
            ..Fault::NONE
        },
    },
];

fn account(user: &str, password: &str) -> Credentials {
    Credentials {
        user: user.into(),
        password: Password::new(password),
    }
}
