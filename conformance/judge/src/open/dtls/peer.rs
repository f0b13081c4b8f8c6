//! Two ends of crate `dimpl`, and what its secrets are.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use dimpl::{
    Config, CryptoError, Dtls, Output, SrtpProfile,
    certificate::generate_self_signed_certificate,
    crypto::{
        Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm, HmacProvider,
        aws_lc_rs::default_provider,
    },
};
use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, FlowState, Stream},
    open::testing::hex,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Dtls12,
    Dtls13,
}

/// A handshake, and a word of each end after it.
pub struct Spoken {
    pub flow: Flow,
    /// Key log lines.
    pub keys: Vec<String>,
    /// Keying material as the client has it, and the profile.
    pub exported: (Vec<u8>, SrtpProfile),
}

/// Everything that was computed: key, data, HMAC.
type Computed = Arc<Mutex<Vec<[Vec<u8>; 3]>>>;

#[derive(Debug)]
struct Listening {
    of: &'static dyn HmacProvider,
    computed: Computed,
}

impl HmacProvider for Listening {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = self.of.hmac(hash, key, data, out)?;
        let computed = [key, data, &out[..length]].map(<[u8]>::to_vec);
        self.computed.lock().unwrap().push(computed);
        Ok(length)
    }
}

/// Client and server say `of client` and `of server` under that suite.
pub fn speak(version: Version, suite: u16) -> Spoken {
    let computed = Computed::default();
    let config = |computed: Computed| {
        let mut provider = default_provider();
        provider.hmac_provider = Box::leak(Box::new(Listening {
            of: provider.hmac_provider,
            computed,
        }));
        let builder = Config::builder().mtu(500).with_crypto_provider(provider);
        let builder = match version {
            Version::Dtls12 => builder.dtls12_cipher_suites(&[Dtls12CipherSuite::from_u16(suite)]),
            Version::Dtls13 => builder.dtls13_cipher_suites(&[Dtls13CipherSuite::from_u16(suite)]),
        };
        Arc::new(builder.build().unwrap())
    };
    let mut now = Instant::now();
    let end = |config: Arc<Config>, active| {
        let certificate = generate_self_signed_certificate().unwrap();
        let mut end = match version {
            Version::Dtls12 => Dtls::new_12(config, certificate, now),
            Version::Dtls13 => Dtls::new_13(config, certificate, now),
        };
        end.set_active(active);
        end
    };
    let mut ends = [
        end(config(computed.clone()), true),
        end(config(Computed::default()), false),
    ];
    let mut flow = Flow {
        transport: TransportProtocol::Udp,
        a: "192.0.2.10:50000".parse().unwrap(),
        b: "192.0.2.20:60000".parse().unwrap(),
        state: FlowState::Open,
        from_a: Stream::default(),
        from_b: Stream::default(),
        first_packet: 1,
        packets: 0,
    };
    let (mut connected, mut exported, mut heard) = ([false; 2], None, [false; 2]);
    for round in 0..200 {
        for number in [0, 1] {
            ends[number].handle_timeout(now).unwrap();
            let mut buffer = vec![0; 4096];
            loop {
                match ends[number].poll_output(&mut buffer) {
                    Output::Packet(octets) => {
                        flow.packets += 1;
                        let stream = match number {
                            0 => &mut flow.from_a,
                            _ => &mut flow.from_b,
                        };
                        stream.push(octets, flow.packets, 42, flow.packets);
                        let octets = octets.to_vec();
                        ends[1 - number].handle_packet(&octets).unwrap();
                    }
                    Output::Connected => connected[number] = true,
                    Output::KeyingMaterial(material, profile) if number == 0 => {
                        exported = Some((material.to_vec(), profile));
                    }
                    Output::ApplicationData(_) => heard[number] = true,
                    Output::Timeout(_) => break,
                    _ => {}
                }
            }
        }
        now += Duration::from_millis(10);
        if round == 100 {
            assert_eq!(connected, [true, true]);
            ends[0].send_application_data(b"of client").unwrap();
            ends[1].send_application_data(b"of server").unwrap();
        }
    }
    assert_eq!(heard, [true, true]);
    Spoken {
        keys: keys(&flow, &computed.lock().unwrap()),
        flow,
        exported: exported.unwrap(),
    }
}

/// Labels of a key log, and what is in the data that the secret comes of; of
/// DTLS 1.2 the secret is the key.
const LABELS: [(&str, &str); 6] = [
    ("CLIENT_RANDOM", "key expansion"),
    ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "dtls13c hs traffic"),
    ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "dtls13s hs traffic"),
    ("CLIENT_TRAFFIC_SECRET_0", "dtls13c ap traffic"),
    ("SERVER_TRAFFIC_SECRET_0", "dtls13s ap traffic"),
    ("EXPORTER_SECRET", "dtls13exp master"),
];

fn keys(flow: &Flow, computed: &[[Vec<u8>; 3]]) -> Vec<String> {
    // Behind the headers of record and message, and the version.
    let random = hex(&flow.from_a.bytes[27..59]);
    let secret = |(label, words): (&str, &str)| {
        let has = |data: &[u8]| data.windows(words.len()).any(|w| w == words.as_bytes());
        let [key, _, mac] = computed.iter().find(|[_, data, _]| has(data))?;
        let secret = match label {
            "CLIENT_RANDOM" => key,
            _ => mac,
        };
        Some(format!("{label} {random} {}", hex(secret)))
    };
    LABELS.into_iter().filter_map(secret).collect()
}
