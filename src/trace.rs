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

/// A session, and what it shows of itself.
#[derive(Debug)]
pub struct Traced<S> {
    inner: S,
    view: Option<View>,
}

impl<S: Session> Traced<S> {
    /// Shows what passes through `inner` as that of connection `number`, accepted from `peer` at `now`.
    pub fn new(inner: S, number: u64, peer: SocketAddr, now: Instant, tracer: &Arc<Tracer>) -> Self {
        let view = (!tracer.is_off()).then(|| View {
            tracer: Arc::clone(tracer),
            number,
            received: 0,
            sent: 0,
            half_closed: false,
        });
        if let Some(mut printer) = tracer.printer() {
            printer.open.insert(number, Opened { peer, at: now });
        }
        if let Some(audience) = tracer.audience(number) {
            audience.show(number, now, "# opened\n");
        }
        Self { inner, view }
    }
}

impl<S: Session> Session for Traced<S> {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        let Some(view) = &mut self.view else {
            return self.inner.receive(now, bytes, out);
        };
        view.received(now, bytes);
        let before = out.len();
        self.inner.receive(now, bytes, out);
        view.sent(now, &out[before..]);
        view.watch(now, self.inner.flow());
    }

    fn receive_eof(&mut self, now: Instant) {
        if let Some(view) = &mut self.view {
            view.end(now, Side::Client, "C <eof>");
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
        if let Some(view) = &mut self.view {
            view.close(now, cause, self.inner.flow());
        }
        self.inner.handle_close(now, cause);
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        let Some(view) = &mut self.view else {
            return self.inner.poll_transmit(now, bell, out);
        };
        let before = out.len();
        self.inner.poll_transmit(now, bell, out);
        view.sent(now, &out[before..]);
        view.watch(now, self.inner.flow());
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
        match self.view.as_ref().and_then(View::last_heard) {
            Some(heard) => format!("{}, which was asked last: {heard}", self.inner.label()),
            None => self.inner.label(),
        }
    }

    fn flow(&self) -> Flow {
        self.inner.flow()
    }
}

/// One connection, as the tracer sees it.
#[derive(Debug)]
struct View {
    tracer: Arc<Tracer>,
    number: u64,
    received: u64,
    sent: u64,
    half_closed: bool,
}

impl View {
    fn received(&mut self, now: Instant, bytes: &[u8]) {
        self.show(now, Side::Client, self.received, bytes);
        self.received += bytes.len() as u64;
    }

    fn sent(&mut self, now: Instant, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.show(now, Side::Server, self.sent, bytes);
            self.sent += bytes.len() as u64;
        }
    }

    /// The first line of what the client has sent last, if that is on the tape.
    fn last_heard(&self) -> Option<String> {
        let chunk = self.tracer.tape.as_ref()?.latest(self.number, Side::Client)?;
        let line = chunk.bytes.split(|byte| *byte == b'\n').next()?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut text = String::new();
        notation::encode(&line[..line.len().min(MAX_LABEL_BYTES)], &mut text);
        Some(text)
    }

    fn watch(&mut self, now: Instant, flow: Flow) {
        if flow == Flow::HalfClosed && !self.half_closed {
            self.half_closed = true;
            self.end(now, Side::Server, "S <half-close>");
        }
    }

    fn close(&mut self, now: Instant, cause: Cause<'_>, flow: Flow) {
        let end = match (cause, flow) {
            (Cause::Flow, Flow::Reset) => "S <reset>".to_owned(),
            (Cause::Flow, _) => "S <close>".to_owned(),
            (Cause::Failed(why), _) => format!("# failed: {}", why.to_string().replace('\n', " ")),
            (Cause::Stalled, _) => "# the peer did not read on\nS <close>".to_owned(),
            (Cause::Stopped, _) => "# the server stopped\nS <close>".to_owned(),
        };
        self.end(now, Side::Server, &end);
        if let Some(mut printer) = self.tracer.printer() {
            printer.open.remove(&self.number);
        }
    }

    fn show(&self, now: Instant, side: Side, offset: u64, bytes: &[u8]) {
        if let Some(tape) = &self.tracer.tape {
            tape.record(self.number, side, offset, bytes);
        }
        if self.tracer.printer.is_some() {
            let mut lines = String::new();
            print_block(side, bytes, &mut lines);
            self.print(now, side, &lines);
        }
        if let Some(audience) = self.tracer.audience(self.number) {
            audience.show(self.number, now, &lines_of(side, bytes));
        }
    }

    /// Shows that a side has finished sending.
    fn end(&self, now: Instant, side: Side, line: &str) {
        let sent = match side {
            Side::Client => self.received,
            Side::Server => self.sent,
        };
        if let Some(tape) = &self.tracer.tape {
            tape.record(self.number, side, sent, b"");
        }
        let line = format!("{line}\n");
        self.print(now, side, &line);
        if let Some(audience) = self.tracer.audience(self.number) {
            audience.show(self.number, now, &line);
        }
    }

    fn print(&self, now: Instant, side: Side, lines: &str) {
        let Some(mut printer) = self.tracer.printer() else {
            return;
        };
        let mut text = String::new();
        if printer.last.replace((self.number, side)) != Some((self.number, side))
            && let Some(Opened { peer, at }) = printer.open.get(&self.number)
        {
            text = heading(self.number, *peer, now.saturating_duration_since(*at));
        }
        text.push_str(lines);
        (printer.print)(&text);
    }
}

/// The most that a label takes of a line.
const MAX_LABEL_BYTES: usize = 100;

#[cfg(test)]
mod tests;
