//! Completion needs io_uring, which only Linux has.

use std::io;
use std::net::TcpListener;

use super::Settings;
use super::stop::StopSignal;
use crate::session::Service;

/// # Errors
/// Always: this system has no io_uring.
pub fn check() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has io_uring"))
}

/// # Errors
/// As [`check`].
pub fn serve<V: Service>(_: TcpListener, _: &V, _: &Settings, _: StopSignal) -> io::Result<()> {
    check()
}
