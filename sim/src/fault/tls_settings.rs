//! Settings of the TLS server that a sound camera does not have.

use std::{fmt, sync::Arc};

use rustls::{KeyLog, ServerConfig};

/// Octets of 0-RTT data that a faulty camera takes.
const EARLY_DATA: u32 = 16 * 1024;

/// Session tickets allow 0-RTT data, which are accepted.
pub fn faulty_early_data(config: &mut ServerConfig) {
    config.max_early_data_size = EARLY_DATA;
}

/// Of the secret that protects what the camera says, the first octet is
/// escrowed wrong.
pub fn faulty_escrow(config: &mut ServerConfig) {
    config.key_log = Arc::new(FaultyEscrow(config.key_log.clone()));
}

struct FaultyEscrow(Arc<dyn KeyLog>);

impl KeyLog for FaultyEscrow {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut secret = secret.to_vec();
        if let ("SERVER_TRAFFIC_SECRET_0", Some(first)) = (label, secret.first_mut()) {
            *first ^= 1;
        }
        self.0.log(label, client_random, &secret);
    }
}

impl fmt::Debug for FaultyEscrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyEscrow")
    }
}
