//! How much the system holds for a peer that does not read: as much as it likes, or as a session says.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Instant;

use wirelab::session::{Bell, Cause, Flow, Session};

use crate::harness::*;
use crate::sessions::Streaming;

for_each_driver!(the_system_holds_less_if_a_session_asks, the_system_holds_less_if_a_woken_session_asks);

fn the_system_holds_less_if_a_session_asks(driver: Driver) {
    let start = |_: &Server, client: &mut TcpStream, _: &Waiting| client.write_all(b"!").unwrap();
    let [usual, small] = [None, Some(4096)].map(|bytes| held_for_nobody(driver, bytes, start));
    assert!(small < usual / 4, "{small} bytes instead of {usual}");
}

fn the_system_holds_less_if_a_woken_session_asks(driver: Driver) {
    let start = |server: &Server, _: &mut TcpStream, waiting: &Waiting| {
        // From then on it is a second thread that acts for a session that is woken, where there are threads.
        let is_heard =
            || !matches!(driver, Driver::Threads) || server.tally.second_threads.load(Relaxed) == 1;
        wait_until(|| waiting.waker.lock().unwrap().is_some() && is_heard());
        waiting.is_over.store(true, SeqCst);
        waiting.waker.lock().unwrap().take().unwrap().wake();
    };
    let [usual, small] = [None, Some(4096)].map(|bytes| held_for_nobody(driver, bytes, start));
    assert!(small < usual / 4, "{small} bytes instead of {usual}");
}

/// How many bytes leave for a peer that reads none, once `start` has let its session begin.
fn held_for_nobody(
    driver: Driver,
    send_buffer: Option<usize>,
    start: impl Fn(&Server, &mut TcpStream, &Waiting),
) -> usize {
    let (transmitted, waiting) = (Arc::new(AtomicUsize::new(0)), Arc::new(Waiting::default()));
    let (streaming, begins) = (Streaming::of(1 << 30, &transmitted), Arc::clone(&waiting));
    let server = Server::start(driver, move || Asking {
        streaming: streaming(),
        waiting: Arc::clone(&begins),
        send_buffer,
    });
    let mut client = server.connect();
    start(&server, &mut client, &waiting);
    settled(&transmitted)
}

/// Transmits from the first byte or the first wake on, and asks for a send buffer.
struct Asking {
    streaming: Streaming,
    waiting: Arc<Waiting>,
    send_buffer: Option<usize>,
}

/// What a session waits for.
#[derive(Default)]
struct Waiting {
    waker: Mutex<Option<Waker>>,
    is_over: AtomicBool,
}

impl Session for Asking {
    fn receive(&mut self, _: Instant, _: &mut [u8], _: &mut Vec<u8>) {
        self.waiting.is_over.store(true, SeqCst);
    }

    fn receive_eof(&mut self, _: Instant) {}
    fn handle_timeout(&mut self, _: Instant) {}
    fn handle_shutdown(&mut self, _: Instant) {}
    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        if self.waiting.is_over.load(SeqCst) {
            self.streaming.begin();
            self.streaming.poll_transmit(now, bell, out);
        } else {
            *self.waiting.waker.lock().unwrap() = Some(bell.waker());
        }
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.send_buffer.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        Flow::Open
    }
}
