//! A session that shows what passes through it: to people while it happens, and on a tape for those who ask later.
//!
//! What is printed is the [`notation`] of the fixtures: the trace of one connection, saved to a file, is a script. It
//! knows bytes and their order; what they mean is guessed only when somebody asks for the [layout of curl](curl_layout).

mod audience;
mod curl;
mod framing;
mod reader;
mod split;
mod tape;

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::session::{Bell, Cause, Done, Errand, Flow, Session};
use crate::wire::notation::{self, Side, print_block};

use self::audience::lines_of;

pub use self::audience::{Audience, heading};
pub use self::curl::{Exchanges, curl_layout, last_finished};
pub use self::tape::{Chunk, DEFAULT_TAPE_BYTES, MAX_KEPT_BYTES, Tape};

/// Where lines of a trace go.
pub type Print = Box<dyn FnMut(&str) + Send>;

/// What is done with the bytes of all connections: kept on a tape, printed, shown to those who watch, or nothing.
#[derive(Default)]
pub struct Tracer {
    tape: Option<Arc<Tape>>,
    printer: Option<Mutex<Printer>>,
    audience: Option<Arc<dyn Audience>>,
}

struct Printer {
    print: Print,
    /// Whose bytes were printed last.
    last: Option<(u64, Side)>,
    /// The connections that are open, by number. Here, because most servers have many and print none.
    open: BTreeMap<u64, Opened>,
}

/// What a heading tells of a connection.
struct Opened {
    peer: SocketAddr,
    at: Instant,
}

impl Tracer {
    /// A tracer for all connections of a server.
    pub fn new(tape: Option<Arc<Tape>>, print: Option<Print>, audience: Option<Arc<dyn Audience>>) -> Self {
        let printer = print.map(|print| Mutex::new(Printer { print, last: None, open: BTreeMap::new() }));
        Self { tape, printer, audience }
    }

    /// Where the recorded bytes are, if any are recorded.
    pub fn tape(&self) -> Option<&Arc<Tape>> {
        self.tape.as_ref()
    }

    /// Shows what somebody has to say about the bytes of a connection that passed last, as comments.
    pub fn remark(&self, number: u64, now: Instant, text: &str) {
        let lines = || text.lines().map(|line| format!("# {number}: {line}\n")).collect::<String>();
        if let Some(mut printer) = self.printer() {
            (printer.print)(&lines());
        }
        if let Some(audience) = self.audience(number) {
            audience.show(number, now, &lines());
        }
    }

    /// Shows what a side has sent on a connection, behind `offset` bytes.
    fn show(&self, number: u64, now: Instant, side: Side, offset: u64, bytes: &[u8]) {
        if let Some(tape) = &self.tape {
            tape.record(number, side, offset, bytes);
        }
        if self.printer.is_some() {
            let mut lines = String::new();
            print_block(side, bytes, &mut lines);
            self.print(number, now, side, &lines);
        }
        if let Some(audience) = self.audience(number) {
            audience.show(number, now, &lines_of(side, bytes));
        }
    }

    /// Shows that a side has finished sending, behind `offset` bytes.
    fn show_end(&self, number: u64, now: Instant, side: Side, offset: u64, line: &str) {
        if let Some(tape) = &self.tape {
            tape.record(number, side, offset, b"");
        }
        let line = format!("{line}\n");
        self.print(number, now, side, &line);
        if let Some(audience) = self.audience(number) {
            audience.show(number, now, &line);
        }
    }

    fn print(&self, number: u64, now: Instant, side: Side, lines: &str) {
        let Some(mut printer) = self.printer() else {
            return;
        };
        let mut text = String::new();
        if printer.last.replace((number, side)) != Some((number, side))
            && let Some(Opened { peer, at }) = printer.open.get(&number)
        {
            text = heading(number, *peer, now.saturating_duration_since(*at));
        }
        text.push_str(lines);
        (printer.print)(&text);
    }

    /// A connection is over.
    fn forget(&self, number: u64) {
        if let Some(mut printer) = self.printer() {
            printer.open.remove(&number);
        }
    }

    /// The first line of what the client of a connection has sent last, if that is on the tape.
    fn last_heard(&self, number: u64) -> Option<String> {
        let chunk = self.tape.as_ref()?.latest(number, Side::Client)?;
        let line = chunk.bytes.split(|byte| *byte == b'\n').next()?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut text = String::new();
        notation::encode(&line[..line.len().min(MAX_LABEL_BYTES)], &mut text);
        Some(text)
    }

    fn printer(&self) -> Option<MutexGuard<'_, Printer>> {
        let printer = self.printer.as_ref()?;
        Some(printer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those who watch a connection, while there are any.
    fn audience(&self, number: u64) -> Option<&dyn Audience> {
        self.audience.as_deref().filter(|audience| audience.watches(number))
    }

    fn is_off(&self) -> bool {
        self.tape.is_none() && self.printer.is_none() && self.audience.is_none()
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = self.printer.as_ref().map(|_| "..");
        out.debug_struct("Tracer").field("tape", &self.tape).field("printer", &printer).finish()
    }
}

/// A session that knows which connection it is of, and how much has passed there.
pub trait Counted: Session {
    /// The number of the connection.
    fn number(&self) -> u64;

    /// How many bytes it has received.
    fn received(&self) -> u64;

    /// How many bytes it has had for the peer.
    fn sent(&self) -> u64;
}

/// A session, and who is shown what passes through it.
#[derive(Debug)]
pub struct Traced<S> {
    inner: S,
    /// `None` where nobody is shown anything.
    tracer: Option<Arc<Tracer>>,
    has_half_closed: bool,
}

impl<S: Counted> Traced<S> {
    /// Shows what passes through `inner`, whose connection was accepted from `peer` at `now`.
    pub fn new(inner: S, peer: SocketAddr, now: Instant, tracer: &Arc<Tracer>) -> Self {
        let number = inner.number();
        if let Some(mut printer) = tracer.printer() {
            printer.open.insert(number, Opened { peer, at: now });
        }
        if let Some(audience) = tracer.audience(number) {
            audience.show(number, now, "# opened\n");
        }
        Self { inner, tracer: (!tracer.is_off()).then(|| Arc::clone(tracer)), has_half_closed: false }
    }

    /// Shows what the session has said, and that it says no more. `offset` bytes came before.
    fn show_sent(&mut self, now: Instant, offset: u64, said: &[u8]) {
        let (Some(tracer), number) = (&self.tracer, self.inner.number()) else { return };
        if !said.is_empty() {
            tracer.show(number, now, Side::Server, offset, said);
        }
        if !self.has_half_closed && self.inner.flow() == Flow::HalfClosed {
            self.has_half_closed = true;
            tracer.show_end(number, now, Side::Server, self.inner.sent(), "S <half-close>");
        }
    }
}

impl<S: Counted> Session for Traced<S> {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        if let Some(tracer) = &self.tracer {
            tracer.show(self.inner.number(), now, Side::Client, self.inner.received(), bytes);
        }
        let (sent, before) = (self.inner.sent(), out.len());
        self.inner.receive(now, bytes, out);
        self.show_sent(now, sent, &out[before..]);
    }

    fn receive_eof(&mut self, now: Instant) {
        if let Some(tracer) = &self.tracer {
            tracer.show_end(self.inner.number(), now, Side::Client, self.inner.received(), "C <eof>");
        }
        self.inner.receive_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.inner.handle_shutdown(now);
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        if let Some(tracer) = &self.tracer {
            let end = ending(cause, self.inner.flow());
            tracer.show_end(self.inner.number(), now, Side::Server, self.inner.sent(), &end);
            tracer.forget(self.inner.number());
        }
        self.inner.handle_close(now, cause);
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        let (sent, before) = (self.inner.sent(), out.len());
        self.inner.poll_transmit(now, bell, out);
        self.show_sent(now, sent, &out[before..]);
    }

    fn handle_sent(&mut self, now: Instant) -> bool {
        self.inner.handle_sent(now)
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.inner.poll_send_buffer()
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.inner.poll_errand()
    }

    fn handle_errand(&mut self, now: Instant, done: Done) {
        self.inner.handle_errand(now, done);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn label(&self) -> String {
        let last_heard = self.tracer.as_ref().and_then(|tracer| tracer.last_heard(self.inner.number()));
        match last_heard {
            Some(heard) => format!("{}, which was asked last: {heard}", self.inner.label()),
            None => self.inner.label(),
        }
    }

    fn flow(&self) -> Flow {
        self.inner.flow()
    }
}

/// How the trace of a connection ends.
fn ending(cause: Cause<'_>, flow: Flow) -> String {
    match (cause, flow) {
        (Cause::Flow, Flow::Reset) => "S <reset>".to_owned(),
        (Cause::Flow, _) => "S <close>".to_owned(),
        (Cause::Failed(why), _) => format!("# failed: {}", why.to_string().replace('\n', " ")),
        (Cause::Stalled, _) => "# the peer did not read on\nS <close>".to_owned(),
        (Cause::Stopped, _) => "# the server stopped\nS <close>".to_owned(),
    }
}

/// The most that a label takes of a line.
const MAX_LABEL_BYTES: usize = 100;

#[cfg(test)]
mod tests;
