//! A case: a folder of standard files, all that the judge ever sees. What a
//! device claims, what was done to it, what was seen at each vantage. No
//! crypto and no verdicts in here.
//!
//! ```text
//! declaration.toml
//! sessions/<nn>-<path>-<stimulus>-<condition>/
//!   session.toml  wire.pcapng  keys.log  ledger/<track>.bin .idx  log.txt
//!   played/<track>.bin .idx  what viewers played, in order, if somebody looked
//!   peer.pcapng              what a viewer holds after hop decryption, if somebody kept it
//!   rest/<file>              what the device stored, as it lay there at the end
//! decoy/<track>.bin .idx     a ledger of another seed, for the false-alarm check
//! factory/<file>             what a factory-fresh unit of the device stores
//! report/                    written by the judge, never read
//! ```
//!
//! `keys.log` has the lines of an NSS key log (RFC 9850) and
//!
//! - per owner of a memory card `AGE_IDENTITY <recipient> <identity>`, both in
//!   Bech32 as age writes them (`age1...`, `AGE-SECRET-KEY-1...`);
//! - per key that files are sealed to with HPKE (`schema/sealed-file.md`)
//!   `HPKE_PRIVATE_KEY <public> <private>`: X25519, both in hexadecimal;
//! - per base key of SFrame (RFC 9605) `SFRAME_BASE_KEY <suite> <kid> <key>`: the
//!   suite by its name in the IANA registry (`AES_128_GCM_SHA256_128`), the KID as
//!   16 digits, and both KID and key in hexadecimal;
//! - per user who may watch `CREDENTIAL <user> <password>`: the user's name has
//!   no space in it, and the password is the rest of the line;
//! - per master key of SRTP `SRTP_MASTER_KEY <suite> <mki> <key> <salt>`: the
//!   suite as the IANA registry names it (SDP Security Descriptions), the MKI
//!   that its packets carry or `-`, and all octets in hexadecimal;
//! - per bearer token (RFC 6750) that somebody was given
//!   `BEARER_TOKEN <user> <token>`, the token in hexadecimal.

#![forbid(unsafe_code)]

mod declaration;
mod error;
mod file;
mod folder;
mod ledger;
mod pcapng;
mod session;
mod toml_file;

pub use declaration::{
    Carriage, Declaration, Device, EndToEnd, Endpoint, Hop, Page, TransportPath, TransportProtocol,
};
pub use error::Error;
pub use folder::{Case, CaseWriter, Session, is_ours};
pub use ledger::{Ledger, Track, Unit};
pub use pcapng::{
    Capture, CaptureError, CaptureParts, Interface, Octets, Packet, PcapngWriter, SecretsType,
};
pub use session::{Experience, SessionRecord, Vantage};
