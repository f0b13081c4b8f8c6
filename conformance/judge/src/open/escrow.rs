//! What was escrowed beside what opens connections: who may watch, with which
//! password, and every secret by itself.

use std::fmt;

/// The lines of a session's `keys.log`, as secrets.
#[derive(Clone, Default)]
pub struct Escrow {
    /// Users and their passwords.
    pub credentials: Vec<(String, String)>,
    /// Other secrets: what they are, and their octets.
    pub secrets: Vec<(String, Vec<u8>)>,
}

impl Escrow {
    /// Reads the lines; those that are not understood are left out.
    ///
    /// - `CREDENTIAL`, user, and the password to the end of the line;
    /// - `AGE_IDENTITY`, recipient and identity, which is a secret as text;
    /// - of an NSS key log line (RFC 9850) the last word, in hexadecimal.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut escrow = Self::default();
        for line in lines {
            let line = line.trim_end_matches(['\r', '\n']);
            let mut words = line.splitn(3, ' ');
            let (Some(label), Some(second), Some(rest)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            match label {
                "CREDENTIAL" => escrow.credentials.push((second.into(), rest.into())),
                "AGE_IDENTITY" => {
                    let octets = rest.as_bytes().to_vec();
                    escrow.secrets.push((label.into(), octets));
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
            "",
        ]);
        let viewer = ("viewer".to_owned(), "with a space ".to_owned());
        assert_eq!(escrow.credentials, [viewer]);
        let secrets = [
            ("AGE_IDENTITY".to_owned(), b"AGE-SECRET-KEY-1ABC".to_vec()),
            ("CLIENT_RANDOM".to_owned(), vec![1, 2, 0xab]),
        ];
        assert_eq!(escrow.secrets, secrets);
        assert_eq!(format!("{escrow:?}"), "Escrow(1 credentials, 2 secrets)");
    }
}
