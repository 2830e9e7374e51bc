//! What completions bring to a connection, before it has its turn.

use std::io::{self, ErrorKind};
use std::mem;

use log::trace;

use super::{Incoming, Outgoing, Peer};
use crate::drivers::Ending;
use crate::drivers::listen::Name;
use crate::drivers::uring::ring::{Buffer, Unsent};
use crate::drivers::uring::workspace::Workspace;
use crate::session::Session;

impl<S: Session> Peer<S> {
    /// Takes what has arrived, for the turn that follows.
    pub(in crate::drivers::uring) fn received(
        &mut self,
        result: io::Result<Option<Buffer>>,
        goes_on: bool,
        work: &mut Workspace,
    ) -> Result<(), Ending> {
        if !goes_on {
            self.incoming = Incoming::Left;
        }
        match result {
            Ok(Some(bytes)) => {
                work.counts.reads += 1;
                trace!("{}: read {} bytes", Name(&self.socket), bytes.len());
                work.arrived = Some(bytes);
            }
            Ok(None) => {
                work.counts.reads += 1;
                trace!("{}: read the end of the stream", Name(&self.socket));
                self.incoming = Incoming::Ending;
            }
            // As it was asked to, or all buffers were taken: those of this round are free when the next one begins.
            Err(error) if is_to_be_begun_again(&error) => work.counts.would_block += 1,
            Err(error) => return Err(Ending::Failed(error)),
        }
        Ok(())
    }

    /// Looks what has happened to the socket.
    pub(in crate::drivers::uring) fn changed(
        &mut self,
        goes_on: bool,
        work: &mut Workspace,
    ) -> Result<(), Ending> {
        self.is_watched = goes_on;
        if let Some(error) = self.socket.take_error()? {
            return Err(Ending::Failed(error));
        }
        if let Outgoing::Full(_) = self.outgoing
            && let Outgoing::Full(unsent) = mem::replace(&mut self.outgoing, Outgoing::Asking)
        {
            self.submit(*unsent, work);
        }
        Ok(())
    }

    /// Hears how many bytes have left, and sends the rest.
    pub(in crate::drivers::uring) fn sent(
        &mut self,
        mut unsent: Unsent,
        result: io::Result<usize>,
        work: &mut Workspace,
    ) -> Result<(), Ending> {
        self.outgoing = Outgoing::Asking;
        match result {
            Ok(0) => return Err(Ending::Failed(ErrorKind::WriteZero.into())),
            Ok(count) => {
                work.counts.writes += 1;
                let waiting = unsent.bytes.len() - unsent.sent;
                trace!("{}: wrote {count} of {waiting} bytes", Name(&self.socket));
                unsent.sent += count;
                unsent.stalls_at = work.now + work.settings.send_timeout;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                work.counts.would_block += 1;
                self.outgoing = Outgoing::Full(Box::new(unsent));
                return Ok(());
            }
            Err(error) if is_to_be_begun_again(&error) => {}
            Err(error) => return Err(Ending::Failed(error)),
        }
        if unsent.sent == unsent.bytes.len() {
            work.keep(unsent.bytes);
        } else {
            // A reader who is slow may be so for long; but while most of it is left, a copy would cost as much as a send.
            if unsent.bytes.len() - unsent.sent < unsent.bytes.capacity() / 2 {
                unsent.bytes.drain(..mem::take(&mut unsent.sent));
                unsent.bytes.shrink_to_fit();
            }
            self.submit(unsent, work);
        }
        Ok(())
    }
}

/// An operation that has ended and says nothing of the connection.
fn is_to_be_begun_again(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ECANCELED | libc::ENOBUFS | libc::EINTR | libc::EAGAIN | libc::ENOMEM)
    )
}
