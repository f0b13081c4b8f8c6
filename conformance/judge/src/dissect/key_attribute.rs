//! Where signalling tells the keys of SRTP: `a=crypto` (RFC 4568), and
//! `a=key-mgmt`, the KeyMgmt header (RFC 4567) and the parameter `mikey` of
//! RTSP (ONVIF Streaming 8.2.1).

use super::{mikey::Mikey, rtsp::Message, sdp::base64};

/// Attributes and headers that are read of a message.
const MOST: usize = 64;

/// `a=crypto` (RFC 4568 9.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Its tag.
    pub tag: String,
    /// Name of the crypto suite.
    pub suite: String,
    /// Its keys.
    pub keys: Vec<InlineKey>,
    /// Session parameters, such as `UNENCRYPTED_SRTCP`.
    pub parameters: Vec<String>,
}

/// Shows no secret.
impl std::fmt::Debug for Crypto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.keys.len();
        write!(f, "Crypto({} {}, {keys} keys)", self.tag, self.suite)
    }
}

/// A key of `a=crypto` (RFC 4568 6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct InlineKey {
    /// Master key with the master salt behind; empty if they are not base64.
    pub octets: Vec<u8>,
    /// MKI; empty if there is none.
    pub mki: Vec<u8>,
}

impl Crypto {
    /// Reads the value of the attribute; `None` if it is none by form.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let (tag, suite) = (words.next()?.to_owned(), words.next()?.to_owned());
        let keys = words.next()?.split(';').take(MOST);
        let keys: Option<Vec<_>> = keys.map(InlineKey::parse).collect();
        Some(Self {
            tag,
            suite,
            keys: keys?,
            parameters: words.take(MOST).map(str::to_owned).collect(),
        })
    }
}

impl InlineKey {
    /// `inline:<key||salt>["|" lifetime]["|" MKI ":" length]`
    fn parse(text: &str) -> Option<Self> {
        let (method, info) = text.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") {
            return None;
        }
        let mut fields = info.split('|');
        let octets = base64(fields.next()?).unwrap_or_default();
        let mki = fields.find_map(|field| field.split_once(':'));
        let mki = match mki {
            Some((value, length)) => number(value.parse().ok()?, length.parse().ok()?)?,
            None => Vec::new(),
        };
        Some(Self { octets, mki })
    }
}

/// A number as that many octets, of which RFC 4568 allows 128.
fn number(value: u128, length: usize) -> Option<Vec<u8>> {
    if !(1..=128).contains(&length) {
        return None;
    }
    let octets = value.to_be_bytes();
    let mut padded = vec![0; length.saturating_sub(octets.len())];
    padded.extend_from_slice(&octets[octets.len().saturating_sub(length)..]);
    Some(padded)
}

/// Every MIKEY message that an RTSP message carries and that can be read.
pub fn mikeys(message: &Message) -> impl Iterator<Item = Mikey> {
    let octets = mikey(message).into_iter();
    octets.filter_map(|octets| Mikey::parse(&octets).ok())
}

/// Every `a=crypto` of a description that can be read.
pub fn cryptos(message: &Message) -> Vec<Crypto> {
    let media = message.sdp().into_iter().flat_map(|sdp| sdp.media);
    let values = media.flat_map(|m| m.crypto);
    values.filter_map(|value| Crypto::parse(&value)).collect()
}

/// Every MIKEY message, as octets, that an RTSP message carries: in base64 that
/// can be read.
pub fn mikey(message: &Message) -> Vec<Vec<u8>> {
    let headers = message.headers.iter();
    let headers = headers.filter(|(name, _)| name == "keymgmt");
    let headers = headers.flat_map(|(_, value)| key_mgmt_data(value));
    let sdp = message.sdp();
    let attributes = sdp.iter().flat_map(|sdp| {
        let media = sdp.media.iter().flat_map(|m| &m.key_mgmt);
        sdp.key_mgmt.iter().chain(media)
    });
    let body = String::from_utf8_lossy(&message.body);
    let parameters = body.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("mikey").then_some(value)
    });
    let found = headers
        .map(str::to_owned)
        .chain(attributes.cloned())
        .chain(parameters.map(str::to_owned));
    found
        .take(MOST)
        .filter_map(|text| base64(&text))
        .filter(|octets| !octets.is_empty())
        .collect()
}

/// `data` of each specification of a KeyMgmt header that is of MIKEY (RFC 4567
/// 3.2).
fn key_mgmt_data(value: &str) -> Vec<&str> {
    let mut data = Vec::new();
    let mut is_mikey = false;
    for parameter in value.split([',', ';']) {
        let Some((name, value)) = parameter.trim().split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "prot" => is_mikey = value.eq_ignore_ascii_case("mikey"),
            "data" if is_mikey => data.push(value),
            _ => {}
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 4568 4.
    const EXAMPLE: &str = "1 AES_CM_128_HMAC_SHA1_80 \
        inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP";

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let crypto = Crypto::parse(EXAMPLE).unwrap();
        assert_eq!((crypto.tag.as_str(), crypto.keys.len()), ("1", 1));
        assert_eq!(crypto.suite, "AES_CM_128_HMAC_SHA1_80");
        assert_eq!(crypto.keys[0].octets.len(), 30);
        assert_eq!(crypto.keys[0].mki, [0, 0, 0, 1]);
        assert_eq!(crypto.parameters, ["FEC_ORDER=FEC_SRTP"]);
        assert!(!format!("{crypto:?}").contains("89"), "{crypto:?}");
        for wrong in [
            "",
            "1",
            "1 AES",
            "1 AES key",
            "1 AES other:abc",
            "1 AES inline:abc|1:0",
            "1 AES inline:abc|1:40000000000",
        ] {
            assert_eq!(Crypto::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn mikey_is_found_wherever_a_message_may_carry_it() {
        let message = |headers: &[(&str, &str)], body: &str| Message {
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
            ..Message::default()
        };
        let header = [("keymgmt", "prot=mikey;uri=\"\";data=\"AQAF\"")];
        for (message, expected) in [
            (message(&header, ""), 1),
            (message(&[("keymgmt", "prot=other;data=\"AQAF\"")], ""), 0),
            (message(&[], "mikey: AQAF\r\nother: AQAF\r\n"), 1),
            (
                message(
                    &[],
                    "v=0\r\na=key-mgmt:mikey AQAF\r\nm=video 0 RTP/SAVP 96\r\na=key-mgmt:mikey AQAF\r\n",
                ),
                2,
            ),
            (
                message(
                    &[],
                    "v=0\r\nm=video 0 RTP/SAVP 96\r\na=key-mgmt:other AQAF\r\n",
                ),
                0,
            ),
            (message(&[], "mikey: !"), 0),
        ] {
            assert_eq!(
                mikey(&message),
                vec![vec![1, 0, 5]; expected],
                "{message:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(at in 0..EXAMPLE.len(), text in ".{0,8}") {
            let mut value = EXAMPLE.to_owned();
            value.insert_str(at, &text);
            let _ = Crypto::parse(&value);
            key_mgmt_data(&value);
        }
    }
}
