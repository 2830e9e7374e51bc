//! How a running driver is asked to stop: a byte through a pair of sockets.
//!
//! A signal handler may call `write` and little else, a poll can watch a descriptor, a thread can block on one, and a
//! test can write to it: so one pair of sockets serves all of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// A way to ask a driver to stop, and the end that the driver watches.
pub fn pair() -> io::Result<(Stop, StopSignal)> {
    let (write, read) = UnixStream::pair()?;
    // Who asks never waits, even if nobody listens any more.
    write.set_nonblocking(true)?;
    Ok((Stop { stream: Arc::new(write) }, StopSignal { stream: read, asked: 0 }))
}

/// Asks a driver to stop. When the last one is dropped, that asks too.
#[derive(Clone, Debug)]
pub struct Stop {
    stream: Arc<UnixStream>,
}

impl Stop {
    /// Asks to stop: connections may finish within the grace. Asking again ends them at once.
    pub fn stop(&self) {
        // A full pair means that it was asked often enough; a closed one, that the driver is gone.
        let _ = (&*self.stream).write(b".");
    }

    /// Asks with each SIGINT and SIGTERM.
    pub fn on_signals(&self) -> io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            pipe::register(signal, self.stream.try_clone()?)?;
        }
        Ok(())
    }
}

/// The driver's end: tells how urgently it was asked to stop.
#[derive(Debug)]
pub struct StopSignal {
    stream: UnixStream,
    asked: usize,
}

/// How urgently a driver was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    NotAsked,
    Graceful,
    AtOnce,
}

impl StopSignal {
    /// Waits until it is asked again, unless the stream was made non-blocking; `None` when nobody is left to ask.
    pub(super) fn wait(&mut self) -> Option<Urgency> {
        match self.stream.read(&mut [0; 16]) {
            Ok(0) => return None,
            Ok(count) => self.asked += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
        Some(match self.asked {
            0 => Urgency::NotAsked,
            1 => Urgency::Graceful,
            _ => Urgency::AtOnce,
        })
    }

    /// A stream to poll, which is readable when `wait` would tell something; makes `wait` non-blocking.
    pub(super) fn watched(&self) -> io::Result<UnixStream> {
        self.stream.set_nonblocking(true)?;
        self.stream.try_clone()
    }

    /// Something that ends another thread's `wait`.
    pub(super) fn canceller(&self) -> io::Result<Canceller> {
        self.stream.try_clone().map(Canceller)
    }
}

/// Makes [`StopSignal::wait`] return `None` in the thread that waits.
pub(super) struct Canceller(UnixStream);

impl Drop for Canceller {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_again_is_more_urgent() {
        let (stop, mut signal) = pair().unwrap();
        stop.stop();
        assert_eq!(signal.wait(), Some(Urgency::Graceful));
        stop.clone().stop();
        assert_eq!(signal.wait(), Some(Urgency::AtOnce));
    }

    #[test]
    fn dropping_the_last_asks_as_well() {
        let (stop, mut signal) = pair().unwrap();
        drop(stop.clone());
        signal.watched().unwrap();
        assert_eq!(signal.wait(), Some(Urgency::NotAsked));
        drop(stop);
        assert_eq!(signal.wait(), None);
    }

    #[test]
    fn a_wait_can_be_cancelled() {
        let (_stop, mut signal) = pair().unwrap();
        let canceller = signal.canceller().unwrap();
        let waiting = std::thread::spawn(move || signal.wait());
        drop(canceller);
        assert_eq!(waiting.join().unwrap(), None);
    }
}
