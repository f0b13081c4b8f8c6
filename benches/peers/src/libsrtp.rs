//! libsrtp2 of the system. That of Debian links NSS, not OpenSSL.

#![expect(unsafe_code, reason = "libsrtp is written in C")]

use std::{
    ffi::{c_int, c_uint, c_ulong, c_void},
    ptr,
    sync::OnceLock,
};

use lightleak_peer::{Peer, Side, Unit};

/// A session of libsrtp.
struct LibSrtp {
    side: Side,
    session: *mut c_void,
}

impl Peer for LibSrtp {
    fn new(suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Self> {
        static INITIALISED: OnceLock<bool> = OnceLock::new();
        // SAFETY: it is called once, before all else.
        if !INITIALISED.get_or_init(|| unsafe { srtp_init() } == OK) {
            return None;
        }
        // Not AES_192_CM: version 2.5 derives its keys otherwise than RFC 6188 does.
        let set = match suite {
            "AES_CM_128_HMAC_SHA1_80" => srtp_crypto_policy_set_rtp_default,
            "AES_CM_128_HMAC_SHA1_32" => srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
            "AES_256_CM_HMAC_SHA1_80" => srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
            "AEAD_AES_128_GCM" => srtp_crypto_policy_set_aes_gcm_128_16_auth,
            "AEAD_AES_256_GCM" => srtp_crypto_policy_set_aes_gcm_256_16_auth,
            _ => return None,
        };
        let mut master = [key, salt].concat();
        let mut policy = Policy {
            ssrc: Ssrc {
                kind: match side {
                    Side::Seal => ANY_OUTBOUND,
                    Side::Open => ANY_INBOUND,
                },
                value: 0,
            },
            rtp: CryptoPolicy::default(),
            rtcp: CryptoPolicy::default(),
            key: master.as_mut_ptr(),
            keys: ptr::null_mut(),
            key_count: 0,
            ekt: ptr::null_mut(),
            window_size: 64,
            allow_repeat_tx: 0,
            encrypted_headers: ptr::null_mut(),
            encrypted_header_count: 0,
            next: ptr::null_mut(),
        };
        let mut session = ptr::null_mut();
        // SAFETY: the policies are written to, then all is read during the call; the key
        // is as long as the suite has it, for whoever benchmarks gives one that is.
        let status = unsafe {
            set(&mut policy.rtp);
            set(&mut policy.rtcp);
            srtp_create(&mut session, &policy)
        };
        (status == OK).then_some(Self { side, session })
    }

    fn process(&mut self, mut unit: Unit<'_>) -> Option<()> {
        let (bytes, length) = unit.in_place();
        // Behind the packet it writes a tag, and while it makes that a ROC.
        const MOST_ADDED: usize = 16 + 4;
        if bytes.len() < *length + MOST_ADDED {
            return None;
        }
        let mut count = c_int::try_from(*length).ok()?;
        // SAFETY: the session is valid; there is room for what is written.
        let status = unsafe {
            match self.side {
                Side::Seal => srtp_protect(self.session, bytes.as_mut_ptr().cast(), &mut count),
                Side::Open => srtp_unprotect(self.session, bytes.as_mut_ptr().cast(), &mut count),
            }
        };
        *length = usize::try_from(count).ok()?;
        (status == OK).then_some(())
    }
}

impl Drop for LibSrtp {
    fn drop(&mut self) {
        // SAFETY: the session is valid, and is not used again.
        unsafe { srtp_dealloc(self.session) };
    }
}

const OK: c_uint = 0;
const ANY_INBOUND: c_uint = 2;
const ANY_OUTBOUND: c_uint = 3;

/// `srtp_ssrc_t`.
#[repr(C)]
struct Ssrc {
    kind: c_uint,
    value: c_uint,
}

/// `srtp_crypto_policy_t`, which its functions fill.
#[derive(Default)]
#[repr(C)]
struct CryptoPolicy {
    cipher_type: u32,
    cipher_key_length: c_int,
    authentication_type: u32,
    authentication_key_length: c_int,
    tag_length: c_int,
    services: c_uint,
}

/// `srtp_policy_t` of libsrtp 2.
#[repr(C)]
struct Policy {
    ssrc: Ssrc,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *mut u8,
    keys: *mut c_void,
    key_count: c_ulong,
    ekt: *mut c_void,
    window_size: c_ulong,
    allow_repeat_tx: c_int,
    encrypted_headers: *mut c_int,
    encrypted_header_count: c_int,
    next: *mut Policy,
}

#[link(name = "srtp2")]
unsafe extern "C" {
    fn srtp_init() -> c_uint;
    fn srtp_create(session: *mut *mut c_void, policy: *const Policy) -> c_uint;
    fn srtp_protect(session: *mut c_void, packet: *mut c_void, length: *mut c_int) -> c_uint;
    fn srtp_unprotect(session: *mut c_void, packet: *mut c_void, length: *mut c_int) -> c_uint;
    fn srtp_dealloc(session: *mut c_void) -> c_uint;
    fn srtp_crypto_policy_set_rtp_default(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_128_16_auth(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_256_16_auth(policy: *mut CryptoPolicy);
}

lightleak_peer::export!(LibSrtp);
