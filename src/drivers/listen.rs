//! The listening socket, and what to make of a failed `accept`.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::session::Tally;

/// Listens on `address`; an IPv6 address takes IPv4 peers as well where the system allows it.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it, connections of the last run that are still in TIME-WAIT forbid the address to the next one.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // On Linux an accepted socket inherits it; `prepare` sees to the others.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The same, for who may come right behind a process that was killed with a ring of io_uring: the kernel takes such a
/// ring apart when the process has gone already, and its listener has the address until then.
pub fn listen_patiently(address: SocketAddr) -> io::Result<TcpListener> {
    let until = Instant::now() + RING_TEARDOWN;
    loop {
        match listen(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// Gives an accepted socket what it did not inherit from the listener.
///
/// An answer is written whole, so there is nothing for Nagle's algorithm to gather, only something to delay.
pub(super) fn prepare(socket: SockRef<'_>) -> io::Result<()> {
    if cfg!(target_os = "linux") {
        return Ok(());
    }
    socket.set_tcp_nodelay(true)
}

/// Ends a connection with a reset once it is dropped: what is unsent is discarded and no FIN is sent.
pub(super) fn reset_on_drop(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))
}

/// Whether accepting failed because of the one connection that it would have returned (accept(2) lists them); all
/// other errors are a lack of something, a descriptor or memory, and passes by itself.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | Interrupted
            | PermissionDenied
            | TimedOut
            | HostUnreachable
            | NetworkUnreachable
            | NetworkDown
    )
}

/// What the log calls a peer. The kernel is asked only when somebody reads it: ten thousand addresses kept for that
/// are 320 kB.
pub(super) struct Name<'a, S>(pub(super) &'a S);

impl<S: AsFd> fmt::Display for Name<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SockRef::from(self.0).peer_addr().ok().and_then(|address| address.as_socket()) {
            Some(address) => address.fmt(f),
            None => f.write_str("a peer that has gone"),
        }
    }
}

/// Tells of pauses in accepting, once each: a server at its limit is refused after every connection it takes, and
/// all this is one pause.
#[derive(Default)]
pub(super) struct Pauses {
    refused: Option<Instant>,
}

impl Pauses {
    /// Accepting was refused for want of something.
    pub(super) fn note(&mut self, now: Instant, reason: &dyn std::fmt::Display, tally: &Tally) {
        let goes_on = |last: Instant| now.duration_since(last) < 3 * ACCEPT_PAUSE;
        if !self.refused.is_some_and(goes_on) {
            Tally::count(&tally.accept_pauses);
            warn!("accepting pauses: {reason}");
        }
        self.refused = Some(now);
    }
}

/// How long accepting pauses when no connection closes before.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Some milliseconds on an idle machine; what has the address after this is no ring.
const RING_TEARDOWN: Duration = Duration::from_secs(2);

/// Connections that wait to be accepted; Linux cuts it to `net.core.somaxconn`, 4096 since 5.4.
const BACKLOG: i32 = 4096;
