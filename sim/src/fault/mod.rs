//! What can be wrong with a camera: hooks, all empty in an honest one, and
//! the list of mutants and decoys that use them.

pub mod age_by_hand;
pub mod age_reader;
pub mod clear_answers;
pub mod clear_copy;
pub mod clear_http;
pub mod clear_page;
pub mod clear_rtsp;
pub mod clear_udp;
pub mod client_hello;
pub mod clip_file;
pub mod decoys;
pub mod documents;
pub mod errands;
pub mod mutants;
pub mod plain_leg;
pub mod plain_rtp;
pub mod player;
pub mod portal;
pub mod raw_video;
pub mod recorder;
pub mod rtmp;
mod state;
pub mod talkative;
pub mod tls_settings;
pub mod weak_dtls;
pub mod weak_hello;
pub mod weak_sframe;
pub mod weak_srtcp;
pub mod weak_srtp;
pub mod web_root;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::Method;
use rustls::ServerConfig;
use str0m::{RtcConfig, crypto::dtls::DtlsCert};

use crate::{
    camera::{Device, Settings},
    h264::AccessUnit,
    path::Listen,
    record::{beside::Document, list::ListWriter},
    rtp::Packets,
    rtsp::{
        Track,
        digest::{Algorithm, Credentials},
        mikey,
        transport::Transport,
    },
    seal::{
        keys::{
            DtlsSrtpKeys, HpkePublicKey, OwnerIdentity, OwnerPublicKey, OwnerRecipient,
            SFrameBaseKey, SrtpMasterKey,
        },
        recording::{ClipFile, OpenError, Opened},
        sframe::{self, FrameSealer, SFrameError},
        srtp::{ReceiverOptions, RtcpOpener, RtpSealer, SenderOptions, SrtpError, Suite},
    },
    world::{BoxFuture, Disk, Witness, World},
};

pub use decoys::{DECOYS, Decoy, Surroundings};
pub use mutants::Mutant;
pub use player::PlayerFault;
pub use portal::PortalFault;
pub use state::State;

/// Hooks at fixed points of a camera.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Adds ports that nobody is told of.
    pub listeners: Option<fn(&mut Vec<Listen>)>,
    /// Decides which RTSP methods demand credentials.
    pub demands_credentials: Option<fn(&Method) -> bool>,
    /// Names the algorithms of the Digest challenges.
    pub algorithms: Option<&'static [Algorithm]>,
    /// Makes credentials that are as good as the user's.
    pub also_admits: Option<fn(&Settings) -> Credentials>,
    /// Decides which transports SETUP accepts for a track: where media are
    /// RTP, all of them; where they are SRTP, those that are not.
    pub accepts_transport: Option<fn(&Transport, Track) -> bool>,
    /// Decides which parameters can be set.
    pub accepts_parameter: Option<fn(&str) -> bool>,
    /// Says something in every RTSP response, about who and where it is.
    pub banner: Option<fn(&Settings, SocketAddr) -> String>,
    /// Sees a ClientHello record before the TLS stack does; what it returns is
    /// the answer, and the stack sees nothing.
    pub client_hello: Option<client_hello::Answer>,
    /// Changes the settings of the TLS server.
    pub tls: Option<fn(&mut ServerConfig)>,
    /// Octets that are written to the TCP connection itself, beside the TLS
    /// session on it.
    pub beneath_tls: Option<fn() -> Vec<u8>>,
    /// Does something else for as long as the camera is on.
    pub errand: Option<fn(Arc<Device>) -> BoxFuture<'static, ()>>,
    /// Sends a copy of every access unit somewhere.
    pub copy: Option<clear_copy::FaultyClearCopy>,
    /// Makes the file of a clip (owner, name), in place of age.
    pub clip: Option<MakesClip>,
    /// Changes an access unit before it is recorded.
    pub stored_unit: Option<fn(&Device, &AccessUnit) -> AccessUnit>,
    /// Makes name and content of the file of a thumbnail or of events.
    pub document: Option<MakesDocument>,
    /// Sees every access unit that the pre-roll takes.
    pub pre_roll: Option<SeesPreRoll>,
    /// Adds to the list after a clip of the camera's own was added.
    pub adopts_clips: Option<AdoptsClips>,
    /// Opens clips in the owner's app, in place of age.
    pub opens_clip: Option<OpensClip>,
    /// Makes who seals SRTP, in place of the engine.
    pub srtp: Option<MakesSrtp>,
    /// Makes who opens the RTCP of viewers, in place of the engine.
    pub srtcp: Option<MakesSrtcp>,
    /// Makes the master keys that the camera hands out.
    pub srtp_key: Option<fn(&Device, Suite) -> SrtpMasterKey>,
    /// Changes the messages in which it does.
    pub mikey: Option<fn(&mut mikey::Message)>,
    /// Changes a session description before it is given.
    pub description: Option<fn(&mut Vec<u8>)>,
    /// Decides which requests of signalling (method, path) demand a token.
    pub demands_token: Option<fn(&hyper::Method, &str) -> bool>,
    /// How long a token is good for, whatever is said of it.
    pub token_lifetime: Option<Duration>,
    /// Says something in every answer of signalling, about who it is.
    pub web_banner: Option<fn(&Settings) -> String>,
    /// A session that its viewer ends goes on.
    pub keeps_ended: bool,
    /// Makes the id of a session.
    pub session_id: Option<fn(&Device) -> String>,
    /// Decides which viewers (key, signature) an owner enrolled.
    pub enrols: Option<Enrols>,
    /// Takes offers and makes sessions of them that are none of WebRTC.
    pub plain_session: Option<MakesPlainSession>,
    /// Changes an offer before it is read.
    pub offer: Option<fn(&mut Vec<u8>)>,
    /// Changes the answer to an offer before it is given.
    pub answer: Option<ChangesAnswer>,
    /// Changes the settings of ICE and DTLS.
    pub rtc: Option<fn(RtcConfig) -> RtcConfig>,
    /// Sees a datagram of DTLS before the stack does; what it returns is the
    /// answer, and the stack sees nothing.
    pub dtls_hello: Option<client_hello::Answer>,
    /// Asks no viewer for a certificate in DTLS.
    pub asks_no_certificate: bool,
    /// Makes the certificate of DTLS and its key, in place of fresh ones.
    pub dtls_certificate: Option<fn() -> DtlsCert>,
    /// Changes the base keys of a session.
    pub base_keys: Option<fn(&Device, BaseKeys) -> BaseKeys>,
    /// Changes the keys that DTLS agreed for SRTP.
    pub dtls_srtp: Option<fn(&mut DtlsSrtpKeys)>,
    /// Makes a datagram that is sent as soon as ICE finds a viewer.
    pub first_datagram: Option<fn() -> Vec<u8>>,
    /// Takes RTCP from before the handshake for a request, and makes of the next
    /// key frame what is sent at once.
    pub early_request: Option<fn(&AccessUnit) -> Packets>,
    /// Makes a datagram that is sent beside each access unit of WebRTC.
    pub datagram_beside: Option<fn(&AccessUnit) -> Vec<u8>>,
    /// The suite of SFrame.
    pub sframe_suite: Option<sframe::Suite>,
    /// Makes who seals frames from end to end, in place of the engine.
    pub sframe: Option<MakesSframe>,
    /// Takes the place of the witness.
    pub witness: Option<MakesWitness>,
    /// Where the vendor's server has a part in it.
    pub portal: PortalFault,
}

/// Makes the file of a clip.
pub type MakesClip = fn(&Device, &OwnerRecipient, &str) -> io::Result<Box<dyn ClipFile>>;
/// Makes name and content of the file of a document for an owner.
pub type MakesDocument = fn(&Device, &HpkePublicKey, &Document) -> io::Result<(String, Vec<u8>)>;
/// Sees what is kept in memory only.
pub type SeesPreRoll = fn(&dyn Disk, &AccessUnit) -> io::Result<()>;
/// Adds clips on a card to a list.
pub type AdoptsClips = fn(&dyn Disk, &mut ListWriter) -> io::Result<()>;
/// Opens a clip with an identity, as [`open`](crate::seal::recording::open) does.
pub type OpensClip = fn(&[u8], &OwnerIdentity) -> Result<Opened, OpenError>;
/// Makes who seals the packets of a session.
pub type MakesSrtp = fn(&SrtpMasterKey, &SenderOptions) -> Result<Box<dyn RtpSealer>, SrtpError>;
/// Makes who opens the RTCP of a viewer.
pub type MakesSrtcp =
    fn(&SrtpMasterKey, &ReceiverOptions) -> Result<Box<dyn RtcpOpener>, SrtpError>;
/// Whether an owner enrolled a viewer with that signature.
pub type Enrols = fn(&OwnerPublicKey, &HpkePublicKey, &[u8]) -> bool;
/// Changes the answer to an offer.
pub type ChangesAnswer = fn(&[u8], &mut Vec<u8>);
/// The base keys of [`SENDERS`](crate::webrtc::SENDERS).
pub type BaseKeys = [SFrameBaseKey; 3];
/// Makes an answer to an offer, and what sends then; none for other offers.
pub type MakesPlainSession =
    fn(Arc<Device>, Vec<u8>) -> BoxFuture<'static, Option<(Vec<u8>, BoxFuture<'static, ()>)>>;
/// Makes who seals the frames of a sender.
pub type MakesSframe = fn(SFrameBaseKey) -> Result<Box<dyn FrameSealer>, SFrameError>;
/// Makes a witness that takes the place of the world's.
pub type MakesWitness = fn(&World) -> Arc<dyn Witness>;

impl Fault {
    /// An honest camera.
    pub const NONE: Self = Self {
        listeners: None,
        demands_credentials: None,
        algorithms: None,
        also_admits: None,
        accepts_transport: None,
        accepts_parameter: None,
        banner: None,
        client_hello: None,
        tls: None,
        beneath_tls: None,
        errand: None,
        copy: None,
        clip: None,
        stored_unit: None,
        document: None,
        pre_roll: None,
        adopts_clips: None,
        opens_clip: None,
        srtp: None,
        srtcp: None,
        srtp_key: None,
        mikey: None,
        description: None,
        demands_token: None,
        token_lifetime: None,
        web_banner: None,
        keeps_ended: false,
        session_id: None,
        enrols: None,
        plain_session: None,
        offer: None,
        answer: None,
        rtc: None,
        dtls_hello: None,
        asks_no_certificate: false,
        dtls_certificate: None,
        base_keys: None,
        dtls_srtp: None,
        first_datagram: None,
        early_request: None,
        datagram_beside: None,
        sframe_suite: None,
        sframe: None,
        witness: None,
        portal: PortalFault::NONE,
    };
}
