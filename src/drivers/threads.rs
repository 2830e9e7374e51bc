//! Blocking: one thread a connection, and waiting is what the thread does.
//!
//! Each conversation reads top to bottom: read, feed, write, read. The kernel remembers where each one stands. What
//! this costs is a stack for everyone who waits, and a way to reach a thread that is deep in a system call: nothing
//! does. A session that wants to be woken gets a second thread, which writes while the first one reads; and when the
//! server stops, the thread that stops it acts for those that have only one.

mod alarm;
mod arrivals;
mod aside;
mod bell;
mod conversation;
mod peer;
mod push;
mod room;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use socket2::SockRef;

use self::conversation::converse;
use self::peer::Peer;
use self::room::Room;
use super::disk::Disk;
use super::listen::{self, ACCEPT_PAUSE, Pauses};
use super::stop::{StopSignal, Urgency};
use super::{Ending, Settings};
use crate::session::{Done, Errand, Service, Tally};

/// Serves the connections of `listener` until `stop` asks to stop and they are done.
///
/// An error is one of setting up; nothing that a peer does ends it.
pub fn serve<V: Service>(
    listener: TcpListener,
    service: &V,
    settings: &Settings,
    stop: StopSignal,
) -> io::Result<()> {
    let server = Server { service, settings, room: Room::default() };
    let watch = stop.canceller()?;
    thread::scope(|scope| {
        let watcher = thread::Builder::new().stack_size(STACK_BYTES);
        watcher.spawn_scoped(scope, || server.watch(stop, &listener))?;
        server.accept(scope, &listener);
        server.room.close(settings.grace, server.house());
        drop(watch);
        Ok(())
    })
}

struct Server<'a, V: Service> {
    service: &'a V,
    settings: &'a Settings,
    room: Room<V::Session>,
}

/// What all connections share.
#[derive(Clone, Copy)]
struct House<'a> {
    tally: &'a Tally,
    disk: &'a Arc<Disk>,
}

impl House<'_> {
    /// Runs an errand, and waits for it.
    fn run(&self, errand: Errand) -> Done {
        self.counted(|| self.disk.run(errand))
    }

    /// Runs it for the thread with this number.
    fn run_for(&self, asked_by: u64, errand: Errand) -> Done {
        self.counted(|| self.disk.run_for(asked_by, errand))
    }

    fn counted(&self, run: impl FnOnce() -> Done) -> Done {
        let running = Tally::present(&self.tally.errands_running);
        let done = run();
        drop(running);
        Tally::count(&self.tally.errands_done);
        done
    }
}

impl<V: Service> Server<'_, V> {
    fn house(&self) -> House<'_> {
        House { tally: self.service.tally(), disk: &self.settings.disk }
    }

    /// Waits for the request to stop, in a thread of its own.
    fn watch(&self, mut stop: StopSignal, listener: &TcpListener) {
        loop {
            let urgency = stop.wait();
            if urgency != Some(Urgency::NotAsked) {
                self.room.stop(urgency.unwrap_or(Urgency::Graceful));
                wake_acceptor(listener);
            }
            if urgency.is_none() {
                return;
            }
        }
    }

    fn accept<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, listener: &TcpListener) {
        let mut pauses = Pauses::default();
        while !self.room.is_stopping() {
            Tally::count(&self.service.tally().calls.accept);
            match listener.accept() {
                // The watcher's own connection, or one that came too late.
                Ok(_) if self.room.is_stopping() => return,
                Ok((stream, address)) => self.admit(scope, stream, address, &mut pauses),
                Err(error) if listen::is_of_one_connection(&error) => {}
                Err(_) if self.room.is_stopping() => return,
                Err(error) => {
                    pauses.note(Instant::now(), &error, self.service.tally());
                    self.room.wait_for_room(ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Gives the connection a thread, now or when there is room for one.
    fn admit<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        stream: TcpStream,
        address: SocketAddr,
        pauses: &mut Pauses,
    ) {
        let prepared = listen::prepare(SockRef::from(&stream))
            .and_then(|()| stream.set_write_timeout(Some(self.settings.send_timeout)));
        if prepared.is_err() {
            return;
        }
        let session = self.service.open(Instant::now(), address);
        let peer = Arc::new(Peer::new(session, stream, address));
        let key = self.room.enter(Arc::clone(&peer));
        loop {
            let peer = Arc::clone(&peer);
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            match builder.spawn_scoped(scope, move || self.serve(key, peer)) {
                Ok(_) => return,
                Err(_) if self.room.is_stopping() => break,
                Err(error) => {
                    pauses.note(Instant::now(), &error, self.service.tally());
                    self.room.wait_for_room(ACCEPT_PAUSE);
                }
            }
        }
        peer.end(&Ending::Stopped, self.house());
        drop(peer);
        self.room.leave(key);
    }

    /// What the connection's thread does.
    fn serve(&self, key: usize, peer: Arc<Peer<V::Session>>) {
        converse(&peer, self.house());
        drop(peer);
        self.room.leave(key);
    }
}

/// Ends a blocking `accept`. On Linux shutting the listener does it; where that is refused, a connection does.
fn wake_acceptor(listener: &TcpListener) {
    if SockRef::from(listener).shutdown(Shutdown::Both).is_err()
        && let Ok(address) = listener.local_addr()
    {
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    }
}

/// Address space for a stack; only what a thread touches of it becomes memory.
const STACK_BYTES: usize = 256 * 1024;
