//! NSS key log lines (SSLKEYLOGFILE).

use std::collections::BTreeMap;

/// Secrets by label and client random.
#[derive(Clone, Debug, Default)]
pub struct KeyLog {
    secrets: BTreeMap<(String, [u8; 32]), Vec<u8>>,
}

impl KeyLog {
    /// Reads the lines; those that are no key log lines are left out.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let _ = lines;
        Self::default()
    }

    /// The secret with that label of the connection with that client random.
    pub fn secret(&self, label: &str, client_random: &[u8; 32]) -> Option<&[u8]> {
        self.secrets
            .get(&(label.to_owned(), *client_random))
            .map(Vec::as_slice)
    }
}
