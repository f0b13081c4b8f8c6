//! Who may watch, and who may publish.

use crate::{rtsp::digest::Credentials, seal::keys::BearerToken};

/// A user.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name and password.
    pub credentials: Credentials,
    /// Serial numbers of the cameras that the user may watch.
    pub cameras: Vec<String>,
}

/// A camera that may publish.
#[derive(Clone, Debug)]
pub struct CameraAccount {
    /// Its serial number.
    pub serial: String,
    /// What its owner calls it.
    pub name: String,
    /// What it shows.
    pub token: BearerToken,
}
