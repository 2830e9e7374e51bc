//! Endings: a connection is over for its session at once, and for the ring when the last operation of it has ended.

use std::mem;

use super::files::RingOrPool;
use super::leaving::Leaving;
use super::token::Whose;
use super::{Connection, Loop};
use crate::drivers::{Ending, guarded};
use crate::session::{Service, Session};

impl<V: Service> Loop<'_, V> {
    /// Ends a connection for its session. Its key stays taken until every operation of it has ended.
    pub(super) fn end(&mut self, key: usize, ending: Ending) {
        let connection = mem::replace(&mut self.connections[key], Connection::Ending);
        let Connection::Open(mut peer) = connection else { unreachable!("a connection ends once") };
        self.bells.take_down(key);
        if peer.queued {
            self.again.retain(|queued| *queued != key);
        }
        self.work.clear();
        let _ = guarded(|| {
            peer.session.handle_close(self.work.now, ending.cause());
            Ok(())
        });
        let (session, leaving) = peer.leave(&mut self.work);
        let (work, pool) = (&mut self.work, &mut self.pool);
        let mut hands = RingOrPool { ring: &mut work.ring, pool, disk: &work.settings.disk };
        self.errands.depart(key, session, &mut hands);
        let whose = leaving.whose;
        self.connections[key] = Connection::Leaving(leaving);
        self.release(whose);
    }

    pub(super) fn end_all(&mut self) {
        self.stop_accepting();
        for key in 0..self.connections.capacity() {
            if let Some(Connection::Open(_)) = self.connections.get(key) {
                self.end(key, Ending::Stopped);
            }
        }
    }

    pub(super) fn leaving(&mut self, whose: Whose) -> Option<&mut Leaving> {
        match self.connections.get_mut(whose.key()) {
            Some(Connection::Leaving(leaving)) if leaving.whose == whose => Some(leaving),
            _ => None,
        }
    }

    /// Closes the socket of a connection that is over, when all of its operations have ended.
    pub(super) fn release(&mut self, whose: Whose) {
        if self.leaving(whose).is_some_and(|leaving| leaving.is_done())
            && let Connection::Leaving(leaving) = self.connections.remove(whose.key())
        {
            self.work.ring.close(leaving.socket.into());
        }
    }
}
