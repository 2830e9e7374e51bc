//! One connection of a crowd, and its socket.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;

use super::{End, Next, Talk};

/// A socket, and what is remembered of the connection.
pub(super) struct Member<L> {
    pub(super) stream: TcpStream,
    pub(super) is_open: bool,
    pub(super) line: L,
    /// What the socket did not take; empty nearly always.
    unsent: Vec<u8>,
}

impl<L> Member<L> {
    /// A connection that is being opened.
    pub(super) fn new(stream: TcpStream, line: L) -> Member<L> {
        Member { stream, is_open: false, line, unsent: Vec::new() }
    }

    /// The first event of a connection: it is open, or it has failed.
    pub(super) fn become_open(&mut self, talk: &mut impl Talk<Line = L>, out: &mut Vec<u8>) -> Next {
        let now = Instant::now();
        match self.stream.take_error().and_then(|error| error.map_or_else(|| self.stream.peer_addr(), Err)) {
            Ok(_) => {
                self.is_open = true;
                talk.connected(&mut self.line, now, out);
                match self.deliver(out) {
                    Ok(()) => Next::Stay,
                    Err(error) => talk.ended(&mut self.line, now, End::Broken(&error)),
                }
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Next::Stay,
            Err(error) => talk.ended(&mut self.line, now, End::NotOpened(&error)),
        }
    }

    /// An event of an open connection.
    pub(super) fn go_on(
        &mut self,
        talk: &mut impl Talk<Line = L>,
        event: &Event,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Next {
        if event.is_writable()
            && !self.unsent.is_empty()
            && let Err(error) = self.deliver(out)
        {
            return talk.ended(&mut self.line, Instant::now(), End::Broken(&error));
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            return self.read(talk, event.is_read_closed(), scratch, out);
        }
        Next::Stay
    }

    /// Reads until a read would block, or is known to.
    fn read(
        &mut self,
        talk: &mut impl Talk<Line = L>,
        is_closing: bool,
        scratch: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Next {
        loop {
            let result = self.stream.read(scratch);
            let now = Instant::now();
            match result {
                Ok(0) => return talk.ended(&mut self.line, now, End::Closed),
                Ok(count) => {
                    let next = talk.receive(&mut self.line, now, &scratch[..count], out);
                    if next != Next::Stay {
                        out.clear();
                        return next;
                    }
                    if let Err(error) = self.deliver(out) {
                        return talk.ended(&mut self.line, now, End::Broken(&error));
                    }
                    // A short read emptied the socket: what arrives from here on is a new edge (epoll(7)). Only the end
                    // of the stream that was announced with it is not.
                    if count < scratch.len() && !is_closing {
                        return Next::Stay;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Stay,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return talk.ended(&mut self.line, now, End::Broken(&error)),
            }
        }
    }

    /// Writes what is to be said behind what is still unsent; what the socket does not take waits for the next event.
    pub(super) fn deliver(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let result = if self.unsent.is_empty() {
            write(&mut self.stream, out).map(|sent| self.unsent.extend_from_slice(&out[sent..]))
        } else {
            self.unsent.extend_from_slice(out);
            write(&mut self.stream, &self.unsent).map(|sent| drop(self.unsent.drain(..sent)))
        };
        // Whatever became of the bytes: the next connection must find none of them.
        out.clear();
        result
    }
}

/// Writes until everything has left or the socket is full; answers how much has left.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// The most that one read takes.
pub(super) const READ_BYTES: usize = 64 * 1024;
