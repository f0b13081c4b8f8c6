//! A peer as its library shows it: a table of functions with C's calling
//! convention.

#![expect(
    unsafe_code,
    reason = "the other side of a C interface has to be trusted"
)]

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
};

use crate::{Peer, Side, Slot, Unit};

/// What a library shows of its peer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Table {
    /// How it was optimised.
    pub opt_level: Octets,
    /// The CPU features that its compiler could count on.
    pub cpu_features: Octets,
    /// [`Peer::new`]; null if there is none.
    pub new:
        unsafe extern "C" fn(suite: Octets, side: Side, key: Octets, salt: Octets) -> *mut c_void,
    /// Seals or opens a batch; whether all of it.
    pub process: unsafe extern "C" fn(peer: *mut c_void, batch: *mut Batch) -> bool,
    /// Drops a peer.
    pub free: unsafe extern "C" fn(peer: *mut c_void),
}

/// Octets of somebody else.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Octets {
    start: *const u8,
    length: usize,
}

// SAFETY: nothing is done with the pointer but in `get`, whose caller answers for it.
unsafe impl Sync for Octets {}

/// Units of somebody else.
#[derive(Debug)]
#[repr(C)]
pub struct Batch {
    pub(crate) bytes: *mut u8,
    pub(crate) length: usize,
    pub(crate) slots: *mut Slot,
    pub(crate) count: usize,
    pub(crate) keep: bool,
}

impl Table {
    /// The table of a peer.
    pub const fn of<P: Peer>() -> Self {
        Self {
            opt_level: Octets::of(env!("PEER_OPT_LEVEL").as_bytes()),
            cpu_features: Octets::of(env!("PEER_CPU_FEATURES").as_bytes()),
            new: new::<P>,
            process: process::<P>,
            free: free::<P>,
        }
    }
}

impl Octets {
    /// These octets.
    pub const fn of(octets: &[u8]) -> Self {
        Self {
            start: octets.as_ptr(),
            length: octets.len(),
        }
    }

    /// The octets.
    ///
    /// # Safety
    ///
    /// They must still be where they were, and stay there for `'a`.
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        // SAFETY: made from a slice, which the caller says is still there.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

/// Shows the peer of a library to whoever loads it.
#[macro_export]
macro_rules! export {
    ($peer:ty) => {
        /// What whoever loads this library looks for.
        #[allow(unsafe_code, reason = "only one library at a time is asked for it")]
        #[unsafe(no_mangle)]
        pub static LIGHTLEAK_PEER: $crate::Table = $crate::Table::of::<$peer>();
    };
}

unsafe extern "C" fn new<P: Peer>(
    suite: Octets,
    side: Side,
    key: Octets,
    salt: Octets,
) -> *mut c_void {
    // SAFETY: the caller lends them for this call.
    let (suite, key, salt) = unsafe { (suite.get(), key.get(), salt.get()) };
    let made = catch_unwind(|| P::new(str::from_utf8(suite).ok()?, side, key, salt));
    match made {
        Ok(Some(peer)) => Box::into_raw(Box::new(peer)).cast(),
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn process<P: Peer>(peer: *mut c_void, batch: *mut Batch) -> bool {
    // SAFETY: `new` made the peer as this type; the caller has it and the batch to
    // itself, and lends the buffers of the batch for this call.
    let (peer, bytes, slots, keep) = unsafe {
        let batch = &mut *batch;
        (
            &mut *peer.cast::<P>(),
            slice::from_raw_parts_mut(batch.bytes, batch.length),
            slice::from_raw_parts_mut(batch.slots, batch.count),
            batch.keep,
        )
    };
    let all = || {
        slots.iter_mut().all(|slot| {
            let mut length = slot.end - slot.start;
            let unit = Unit {
                bytes: &mut bytes[slot.start..slot.limit],
                length: &mut length,
                keep,
            };
            let done = peer.process(unit).is_some();
            slot.end = slot.start + length;
            done
        })
    };
    catch_unwind(AssertUnwindSafe(all)).unwrap_or(false)
}

unsafe extern "C" fn free<P: Peer>(peer: *mut c_void) {
    // SAFETY: `new` made it as a box of this type, and the caller drops it once.
    drop(unsafe { Box::from_raw(peer.cast::<P>()) });
}
