//! What can be wrong with a message.

/// Why octets are not a MIKEY message that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MikeyError {
    /// The message ends inside a field.
    #[error("{field} needs {needed} octets, and {left} are left")]
    Short {
        /// Which.
        field: &'static str,
        /// Octets that it needs.
        needed: usize,
        /// Octets that there are.
        left: usize,
    },
    /// A field has a value that is not supported.
    #[error("{field} is {value}, not {expected}")]
    Value {
        /// Which.
        field: &'static str,
        /// What it says.
        value: u64,
        /// What it may say.
        expected: &'static str,
    },
    /// A payload of that type is not for the pre-shared key method.
    #[error("payload type {0} is not expected")]
    Payload(u8),
    /// A payload is there twice.
    #[error("there are two {0} payloads")]
    Twice(&'static str),
    /// A payload is missing.
    #[error("there is no {0} payload")]
    Missing(&'static str),
    /// Something follows the last payload.
    #[error("{0} octets follow the last payload")]
    Behind(usize),
    /// A security policy that is none of ONVIF's (ONVIF Streaming 8.2).
    #[error("policy parameter {parameter} is {value}, not {expected}")]
    Policy {
        /// Type of the parameter (RFC 3830 6.10.1).
        parameter: u8,
        /// What it says.
        value: u64,
        /// What it may say.
        expected: &'static str,
    },
}
