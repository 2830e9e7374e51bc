//! The sessions of these tests: each is about one thing that a session can ask of its driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use wirelab::session::{Bell, Cause, Flow, Session};

/// Echoes until it is sent `stream`; then transmits `len` bytes of value 7 by pieces, tells how far it got, and closes.
pub struct Streaming {
    len: usize,
    left: Option<usize>,
    transmitted: Arc<AtomicUsize>,
}

impl Streaming {
    pub fn of(len: usize, transmitted: &Arc<AtomicUsize>) -> impl Fn() -> Streaming + Send + Sync + use<> {
        let transmitted = Arc::clone(transmitted);
        move || Streaming { len, left: None, transmitted: Arc::clone(&transmitted) }
    }
}

impl Streaming {
    /// Transmits from now on, unless it does already.
    pub fn begin(&mut self) {
        self.left.get_or_insert(self.len);
    }
}

impl Session for Streaming {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        match &*bytes {
            b"stream" => self.begin(),
            _ => out.extend_from_slice(bytes),
        }
        assert!(bytes != b"panic", "as asked");
    }

    fn receive_eof(&mut self, _: Instant) {
        self.left.get_or_insert(0);
    }

    fn handle_timeout(&mut self, _: Instant) {}
    fn handle_shutdown(&mut self, _: Instant) {}
    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, out: &mut Vec<u8>) {
        if let Some(left) = &mut self.left {
            let piece = PIECE_BYTES.min(*left);
            out.resize(piece, 7);
            *left -= piece;
            self.transmitted.fetch_add(piece, SeqCst);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        match self.left {
            Some(0) => Flow::Closed,
            _ => Flow::Open,
        }
    }
}

pub const PIECE_BYTES: usize = 64 * 1024;

/// What a [`Scripted`] session does when it is told something.
#[derive(Clone)]
pub struct Act {
    pub say: &'static str,
    pub flow: Flow,
    /// When to be told that time has passed; `None` never.
    pub timeout: Option<Duration>,
}

impl Act {
    pub fn new(say: &'static str, flow: Flow) -> Act {
        Act { say, flow, timeout: None }
    }

    pub fn until(mut self, timeout: Duration) -> Act {
        self.timeout = Some(timeout);
        self
    }
}

/// Does what was written down for each thing that can happen; what was not written down changes nothing.
#[derive(Clone, Default)]
pub struct Scripted {
    on_bytes: Option<Act>,
    on_eof: Option<Act>,
    on_timeout: Option<Act>,
    on_shutdown: Option<Act>,
    saying: &'static str,
    deadline: Option<Instant>,
    flow: Option<Flow>,
}

impl Scripted {
    /// A session that begins with the act.
    pub fn begin(act: Act) -> Scripted {
        let mut scripted = Scripted::default();
        scripted.play(Instant::now(), Some(act));
        scripted
    }

    pub fn on_bytes(self, act: Act) -> Scripted {
        let on_bytes = Some(act);
        Scripted { on_bytes, ..self }
    }

    pub fn on_eof(self, act: Act) -> Scripted {
        let on_eof = Some(act);
        Scripted { on_eof, ..self }
    }

    pub fn on_timeout(self, act: Act) -> Scripted {
        let on_timeout = Some(act);
        Scripted { on_timeout, ..self }
    }

    pub fn on_shutdown(self, act: Act) -> Scripted {
        let on_shutdown = Some(act);
        Scripted { on_shutdown, ..self }
    }

    fn play(&mut self, now: Instant, act: Option<Act>) {
        if let Some(act) = act {
            self.saying = act.say;
            self.flow = Some(act.flow);
            self.deadline = act.timeout.map(|after| now + after);
        }
    }
}

impl Session for Scripted {
    fn receive(&mut self, now: Instant, _: &mut [u8], _: &mut Vec<u8>) {
        self.play(now, self.on_bytes.clone());
    }

    fn receive_eof(&mut self, now: Instant) {
        self.play(now, self.on_eof.clone());
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.play(now, self.on_timeout.clone());
        }
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.play(now, self.on_shutdown.clone());
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, out: &mut Vec<u8>) {
        out.extend_from_slice(std::mem::take(&mut self.saying).as_bytes());
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn flow(&self) -> Flow {
        self.flow.unwrap_or(Flow::Open)
    }
}
