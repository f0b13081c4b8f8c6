//! Keys of media on their way from a device to its viewers, through a server
//! that is to make nothing of them; as far as what that server was told could be
//! opened.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    dissect::Span,
    logins,
    open::{hpke, keylog::octets, sframe},
    seen::Seen,
};

/// What a base key is sealed for (schema/app-webrtc.md).
const INFO: &[u8] = b"lightleak sframe base key 1";

/// What the server says of somebody who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its session.
    pub session: String,
    /// The key that it is said to have shown.
    pub key: Vec<u8>,
    /// What is said to be the owner's signature of it; empty if it is none.
    pub signature: Vec<u8>,
    /// Where that was said.
    pub span: Span,
}

/// Keys that the device sealed to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The session of who is to have them.
    pub session: String,
    /// The serial number of the camera, as it is part of the address.
    pub camera: String,
    /// The keys.
    pub keys: Vec<Sealed>,
    /// Where the answer to it lies.
    pub span: Span,
}

/// A base key, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Who seals media with it.
    pub sender: String,
    /// Its suite (RFC 9605 8.1).
    pub suite: u16,
    /// Its KID.
    pub kid: u64,
    encapsulated: Vec<u8>,
    sealed: Vec<u8>,
}

/// What the server told the device of who watches, in the order of the packets.
pub fn viewers(seen: &Seen<'_>) -> Vec<Viewer> {
    let answers = seen.published().filter(|asked| {
        let path = logins::path(asked.request);
        path.starts_with("/whip/") && path.ends_with("/viewers")
    });
    let viewers = answers.flat_map(|asked| {
        let list = list(&asked.response.body, "viewers");
        list.into_iter().filter_map(move |viewer| {
            let signature = text(&viewer, "signature").and_then(octets);
            Some(Viewer {
                session: text(&viewer, "session")?.to_owned(),
                key: octets(text(&viewer, "viewer_key")?)?,
                signature: signature.unwrap_or_default(),
                span: asked.span,
            })
        })
    });
    let mut viewers: Vec<_> = viewers.collect();
    viewers.sort_by_key(|viewer| viewer.span.packet);
    viewers
}

/// What the device handed to the server, in the order of the packets.
pub fn deliveries(seen: &Seen<'_>) -> Vec<Delivery> {
    let told = seen.published().filter_map(|asked| {
        let path = logins::path(asked.request);
        let camera = path.strip_prefix("/whip/")?.split('/').next()?;
        let is_it = path.ends_with("/keys") && asked.request.head.method == "POST";
        is_it.then_some((asked, camera.to_owned()))
    });
    let deliveries = told.flat_map(|(asked, camera)| {
        let list = list(&asked.request.body, "deliveries");
        list.into_iter().filter_map(move |delivery| {
            let keys = delivery.get("keys")?.as_array()?.iter();
            Some(Delivery {
                session: text(&delivery, "session")?.to_owned(),
                camera: camera.clone(),
                keys: keys.filter_map(Sealed::read).collect(),
                span: asked.span,
            })
        })
    });
    let mut deliveries: Vec<_> = deliveries.collect();
    deliveries.sort_by_key(|delivery| delivery.span.packet);
    deliveries
}

/// The keys of viewers that were escrowed.
pub fn viewer_keys(seen: &Seen<'_>) -> hpke::Keys {
    hpke::Keys::parse(seen.session.keys.iter().map(String::as_str))
}

/// Everything that was told to the server inside TLS, or by it, and that could be
/// a key: text in JSON that is hexadecimal, of 16 octets to 64.
pub fn told_to_server(seen: &Seen<'_>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for asked in seen.published().chain(seen.signalled()) {
        for body in [&asked.request.body, &asked.response.body] {
            if let Ok(value) = serde_json::from_slice::<Value>(body) {
                texts(&value, &mut found);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl Sealed {
    fn read(value: &Value) -> Option<Self> {
        let kid = octets(text(value, "kid")?)?;
        Some(Self {
            sender: text(value, "sender")?.to_owned(),
            suite: sframe::suite(text(value, "suite")?)?,
            kid: u64::from_be_bytes(kid.try_into().ok()?),
            encapsulated: octets(text(value, "enc")?)?,
            sealed: octets(text(value, "sealed")?)?,
        })
    }

    /// Whose it is (the public half of the key), and the base key, if one of the
    /// keys opens it. What the server says of it counts for nothing.
    pub fn open(&self, camera: &str, keys: &hpke::Keys) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let associated = [
            &self.suite.to_be_bytes()[..],
            &self.kid.to_be_bytes(),
            &[0],
            format!("{camera}/{}", self.sender).as_bytes(),
        ]
        .concat();
        let envelope = (&*self.encapsulated, &*self.sealed);
        hpke::open_envelope(envelope, INFO, &associated, keys)
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn list(body: &[u8], name: &str) -> Vec<Value> {
    let object = serde_json::from_slice::<Value>(body).ok();
    let list = object.and_then(|mut object| Some(object.get_mut(name)?.take()));
    match list {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn texts(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            let octets = octets(text).filter(|octets| (16..=64).contains(&octets.len()));
            found.extend(octets);
        }
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(object) => object.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}
