//! openssl agrees on signatures, keys and time stamps.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use lightleak::bundle::{
    certify::attach,
    envelope::{Envelope, IN_TOTO, pae},
    verify::check,
};

use crate::support::{files, make, text};

fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output();
    output.expect("openssl is installed (ci/setup)")
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = openssl(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[test]
fn openssl_verifies_the_envelope() {
    let made = make(false);
    let folder = made.folder.path();
    let envelope = Envelope::read(&files(&made.bundle)[0].1).unwrap();
    fs::write(
        folder.join("pae"),
        pae(IN_TOTO, &envelope.payload().unwrap()),
    )
    .unwrap();
    fs::write(folder.join("sig"), envelope.signature().unwrap()).unwrap();
    let verify = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "lab.key.pub",
        "-rawin",
        "-in",
        "pae",
        "-sigfile",
        "sig",
    ];
    assert!(succeeds(folder, &verify).contains("Signature Verified Successfully"));
    let public = fs::read_to_string(folder.join("lab.key.pub")).unwrap();
    let told = succeeds(folder, &["pkey", "-in", "lab.key", "-pubout"]);
    assert_eq!(told, public);
    let mut octets = fs::read(folder.join("pae")).unwrap();
    octets[40] ^= 1;
    fs::write(folder.join("pae"), octets).unwrap();
    assert!(!openssl(folder, &verify).status.success());
}

#[test]
fn a_time_stamp_of_the_signature_is_attached() {
    let made = make(false);
    let folder = made.folder.path();
    fs::write(folder.join("sig"), &made.issued.signature).unwrap();
    fs::write(folder.join("other"), "something else").unwrap();
    let config = "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_digest = sha256\n\
        default_policy = 1.2.3.4\ndigests = sha256, sha384\n\
        [req]\ndistinguished_name = n\nx509_extensions = x\nprompt = no\n[n]\nCN = TSA\n\
        [x]\nextendedKeyUsage = critical, timeStamping\n";
    fs::write(folder.join("c"), config).unwrap();
    fs::write(folder.join("serial"), "01\n").unwrap();
    let request = "req -x509 -newkey ed25519 -nodes -config c -keyout tsa.key -out tsa.pem -days 1";
    let request = request.replace("ed25519", "rsa:2048");
    succeeds(folder, &request.split(' ').collect::<Vec<_>>());
    for (data, hash) in [("sig", "-sha256"), ("sig", "-sha384"), ("other", "-sha256")] {
        succeeds(
            folder,
            &["ts", "-query", "-data", data, hash, "-cert", "-out", "q"],
        );
        let reply =
            "ts -reply -queryfile q -config c -section t -inkey tsa.key -signer tsa.pem -out r.tsr";
        succeeds(folder, &reply.split(' ').collect::<Vec<_>>());
        let out = folder.join(format!("stamped{hash}.tar"));
        let attached = attach(&made.bundle, &folder.join("r.tsr"), &out);
        if data == "other" {
            let message = attached.unwrap_err().to_string();
            assert!(
                message.contains("exists and is not overwritten"),
                "{message}"
            );
            let out = folder.join("other.tar");
            let attached = attach(&made.bundle, &folder.join("r.tsr"), &out);
            let message = attached.unwrap_err().to_string();
            assert!(
                message.contains("is not that of the signature"),
                "{message}"
            );
            assert!(!out.exists());
            continue;
        }
        let stamp = attached.unwrap();
        let key = made.key.verifying_key();
        let found = check(&out, Some(&key), None).unwrap();
        assert_eq!(found.problems, []);
        assert_eq!(found.time_stamp.as_ref(), Some(&stamp.time));
        let (name, der) = files(&out)
            .into_iter()
            .find(|(n, _)| n.ends_with(".tsr"))
            .unwrap();
        fs::write(folder.join("out.tsr"), &der).unwrap();
        let verify = "ts -verify -in out.tsr -data sig -CAfile tsa.pem";
        let said = succeeds(folder, &verify.split(' ').collect::<Vec<_>>());
        assert!(said.contains("Verification: OK"), "{said}");

        // It is in the bundle without being signed: its name holds it.
        let mut octets = fs::read(&out).unwrap();
        let at = octets.windows(der.len()).position(|w| w == der).unwrap();
        octets[at + der.len() - 1] ^= 1;
        let changed = folder.join("changed.tar");
        fs::write(&changed, octets).unwrap();
        let found = check(&changed, Some(&key), None).unwrap();
        assert!(found.problems.iter().any(|problem| problem.file == name));
    }
}
