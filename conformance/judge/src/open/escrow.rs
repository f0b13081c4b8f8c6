//! What was escrowed beside what opens connections: who may watch, with which
//! password, and every secret by itself.

use std::fmt;

use super::srtp::MasterKey;

/// The lines of a session's `keys.log`, as secrets.
#[derive(Clone, Default)]
pub struct Escrow {
    /// Users and their passwords.
    pub credentials: Vec<(String, String)>,
    /// Other secrets: what they are, and their octets.
    pub secrets: Vec<(String, Vec<u8>)>,
    /// Master keys of SRTP; they are among the secrets, too.
    pub srtp: Vec<MasterKey>,
}

impl Escrow {
    /// Reads the lines; those that are not understood are left out.
    ///
    /// - `CREDENTIAL`, user, and the password to the end of the line;
    /// - `AGE_IDENTITY`, recipient and identity, which is a secret as text;
    /// - `SRTP_MASTER_KEY`, suite, MKI or `-`, key and salt;
    /// - of an NSS key log line (RFC 9850) the last word, in hexadecimal.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut escrow = Self::default();
        for line in lines {
            let line = line.trim_end_matches(['\r', '\n']);
            let Some((label, words)) = line.split_once(' ') else {
                continue;
            };
            let Some((second, rest)) = words.split_once(' ') else {
                continue;
            };
            match label {
                "CREDENTIAL" => escrow.credentials.push((second.into(), rest.into())),
                "AGE_IDENTITY" => {
                    let octets = rest.as_bytes().to_vec();
                    escrow.secrets.push((label.into(), octets));
                }
                "SRTP_MASTER_KEY" => {
                    if let Some(key) = MasterKey::parse(words) {
                        escrow.secrets.push((label.into(), key.octets().to_vec()));
                        escrow.srtp.push(key);
                    }
                }
                _ if label.starts_with('#') => {}
                _ => {
                    if let Some(octets) = super::keylog::octets(rest.trim()) {
                        escrow.secrets.push((label.into(), octets));
                    }
                }
            }
        }
        escrow
    }
}

/// Shows no secret.
impl fmt::Debug for Escrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (credentials, secrets) = (self.credentials.len(), self.secrets.len());
        write!(f, "Escrow({credentials} credentials, {secrets} secrets)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind_are_read() {
        let escrow = Escrow::parse([
            "CREDENTIAL viewer with a space ",
            "CREDENTIAL nobody",
            "AGE_IDENTITY age1xyz AGE-SECRET-KEY-1ABC",
            "CLIENT_RANDOM 00ff 0102ab",
            "# CLIENT_RANDOM 00ff 0102ab",
            "CLIENT_RANDOM 00ff 0102a",
            "SRTP_MASTER_KEY AEAD_AES_128_GCM 0007 000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
            "SRTP_MASTER_KEY AEAD_AES_128_GCM - 000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aa",
            "SRTP_MASTER_KEY NULL - 00 00",
            "",
        ]);
        let viewer = ("viewer".to_owned(), "with a space ".to_owned());
        assert_eq!(escrow.credentials, [viewer]);
        let secrets = [
            ("AGE_IDENTITY".to_owned(), b"AGE-SECRET-KEY-1ABC".to_vec()),
            ("CLIENT_RANDOM".to_owned(), vec![1, 2, 0xab]),
            ("SRTP_MASTER_KEY".to_owned(), (0..16).collect()),
        ];
        let [key] = &escrow.srtp[..] else {
            panic!("{:?}", escrow.srtp);
        };
        assert_eq!((key.suite.key, &key.mki[..]), (16, &[0, 7][..]));
        assert_eq!(escrow.secrets, secrets);
        assert_eq!(format!("{escrow:?}"), "Escrow(1 credentials, 3 secrets)");
    }
}
