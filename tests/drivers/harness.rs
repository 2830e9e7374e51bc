//! A driver under test: started on a free port, stopped when dropped.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wirelab::drivers::stop::{self, Stop, StopSignal};
use wirelab::drivers::{Settings, epoll, listen, threads, uring};
use wirelab::session::{Bell, Cause, Done, Errand, Flow, Service, Session, Tally};

/// The drivers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Epoll,
    Threads,
    Uring,
}

impl Driver {
    pub fn serve<V: Service>(
        self,
        listener: TcpListener,
        service: &V,
        settings: &Settings,
        stop: StopSignal,
    ) -> io::Result<()> {
        match self {
            Driver::Epoll => epoll::serve(listener, service, settings, stop),
            Driver::Threads => threads::serve(listener, service, settings, stop),
            Driver::Uring => uring::serve(listener, service, settings, stop),
        }
    }
}

/// Makes each `fn case(driver: Driver)` a test of each driver.
macro_rules! for_each_driver {
    ($($case:ident),+ $(,)?) => {
        mod epoll {
            $(#[test] fn $case() { super::$case(crate::harness::Driver::Epoll) })+
        }
        mod threads {
            $(#[test] fn $case() { super::$case(crate::harness::Driver::Threads) })+
        }
        mod uring {
            $(#[test] fn $case() {
                if crate::uring::is_here() {
                    super::$case(crate::harness::Driver::Uring)
                }
            })+
        }
    };
}
pub(crate) use for_each_driver;

/// A driver at work in a thread.
pub struct Server {
    pub address: SocketAddr,
    pub stop: Stop,
    pub tally: Arc<Tally>,
    openings: Receiver<()>,
    endings: Receiver<String>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts a driver that serves each connection with a session made by `open`.
    pub fn start<S: Session + 'static>(
        driver: Driver,
        open: impl Fn() -> S + Send + Sync + 'static,
    ) -> Server {
        Server::start_with(driver, Settings::default(), open)
    }

    pub fn start_with<S: Session + 'static>(
        driver: Driver,
        settings: Settings,
        open: impl Fn() -> S + Send + Sync + 'static,
    ) -> Server {
        let listener = listen::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, signal) = stop::pair().unwrap();
        let (opened, openings) = mpsc::channel();
        let (ended, endings) = mpsc::channel();
        let tally = Arc::new(Tally::default());
        let service = Opener { open, opened, ended, tally: Arc::clone(&tally) };
        let thread = thread::spawn(move || driver.serve(listener, &service, &settings, signal));
        Server { address, stop, tally, openings, endings, thread: Some(thread) }
    }

    /// A connection whose calls fail rather than hang.
    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Waits until the next connection has its session: one that waits in the queue is told nothing.
    pub fn wait_for_opening(&self) {
        self.openings.recv_timeout(PATIENCE).expect("a connection opens");
    }

    /// How the next connection ended.
    pub fn next_ending(&self) -> String {
        self.endings.recv_timeout(PATIENCE).expect("a connection ends")
    }

    /// Whether no further connection has ended.
    pub fn has_no_ending(&self) -> bool {
        self.endings.try_recv().is_err()
    }

    /// Stops, and tells how long it took and how the connections that were left ended.
    pub fn finish(mut self) -> (Duration, Vec<String>) {
        let start = Instant::now();
        self.stop.stop();
        self.join();
        (start.elapsed(), self.endings.iter().collect())
    }

    /// Waits until the driver returns.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("a driver ends well");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.stop();
        self.stop.stop();
        if !thread::panicking() {
            self.join();
        }
    }
}

/// Opens sessions that report how they end.
pub struct Opener<F> {
    pub open: F,
    pub opened: Sender<()>,
    pub ended: Sender<String>,
    pub tally: Arc<Tally>,
}

impl<S: Session, F: Fn() -> S + Send + Sync> Service for Opener<F> {
    type Session = Watched<S>;

    fn open(&self, _now: Instant, _peer: SocketAddr) -> Watched<S> {
        let _ = self.opened.send(());
        Watched { session: (self.open)(), ended: self.ended.clone(), is_over: false, has_errand: false }
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// A session that holds its driver to the contract.
pub struct Watched<S> {
    session: S,
    ended: Sender<String>,
    is_over: bool,
    has_errand: bool,
}

impl<S: Session> Session for Watched<S> {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        assert!(!self.is_over && !bytes.is_empty() && out.is_empty());
        assert!(matches!(self.flow(), Flow::Open | Flow::HalfClosed));
        self.session.receive(now, bytes, out);
    }

    fn receive_eof(&mut self, now: Instant) {
        assert!(!self.is_over);
        self.session.receive_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        assert!(!self.is_over);
        self.session.handle_timeout(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        assert!(!self.is_over);
        self.session.handle_shutdown(now);
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        assert!(!self.is_over, "closed twice");
        self.is_over = true;
        self.session.handle_close(now, cause);
        let cause = match cause {
            Cause::Flow => "flow".into(),
            Cause::Failed(error) => format!("failed: {error}"),
            Cause::Stalled => "stalled".into(),
            Cause::Stopped => "stopped".into(),
        };
        let _ = self.ended.send(cause);
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        assert!(!self.is_over && out.is_empty());
        self.session.poll_transmit(now, bell, out);
    }

    fn handle_sent(&mut self, now: Instant) -> bool {
        assert!(!self.is_over);
        self.session.handle_sent(now)
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.session.poll_send_buffer()
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        assert!(self.is_over || self.flow() == Flow::Errand);
        let errand = self.session.poll_errand();
        assert!(errand.is_none() || !std::mem::replace(&mut self.has_errand, true), "one at a time");
        errand
    }

    fn handle_errand(&mut self, now: Instant, done: Done) {
        assert!(std::mem::take(&mut self.has_errand));
        self.session.handle_errand(now, done);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn flow(&self) -> Flow {
        self.session.flow()
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        assert!(self.is_over || thread::panicking(), "dropped unclosed");
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `bytes` and expects the same back.
pub fn expect_echo(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("send");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("an echo");
    assert!(back == bytes);
}

/// Reads to the end of the stream.
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the rest");
    bytes
}

/// Bytes that differ enough for a lost or doubled piece to show.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// What a counter comes to rest at.
pub fn settled(counter: &AtomicUsize) -> usize {
    loop {
        let before = counter.load(SeqCst);
        thread::sleep(Duration::from_millis(100));
        if before > 0 && counter.load(SeqCst) == before {
            return before;
        }
    }
}

/// Waits for what shows itself in no byte.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never comes to that");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Longer than anything takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
