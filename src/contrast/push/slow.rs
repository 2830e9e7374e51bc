//! Subscribers who are slow: half of them read nothing, the others a little now and then. Later they read on, to see what
//! became of them.
//!
//! They tell the kernel to hold little for them, and to take segments as short as Ethernet has: for those of loopback, 45
//! times as long, the server's kernel would hold more than a megabyte for each. So it is the server who has to decide.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::contrast::failure::Failure;
use crate::contrast::figures::Fates;
use crate::contrast::interrupt::Interrupt;
use crate::contrast::watch::watcher::{Heard, Watcher};
use crate::contrast::watch::way::{Feed, Way};

/// All who are slow.
pub(super) struct SlowOnes {
    all: Mutex<Vec<Slow>>,
}

/// One of them.
struct Slow {
    stream: TcpStream,
    watcher: Watcher,
    account: Account,
}

/// What it has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Account {
    is_listening: bool,
    /// The number of the latest event.
    heard: u64,
    /// Whether an event is missing, and whether that was said.
    is_missing: bool,
    is_told: bool,
    closed: Option<u16>,
    has_ended: bool,
}

/// A thread in which those who read a little do so.
pub(super) struct Trickle {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl SlowOnes {
    /// So many subscribers, who have been answered and read nothing from then on.
    pub(super) fn subscribe(
        server: SocketAddr,
        way: Way,
        feed: &Feed,
        count: usize,
    ) -> Result<SlowOnes, Failure> {
        let one = |_| Slow::subscribe(server, way, feed);
        let all: io::Result<Vec<Slow>> = (0..count).map(one).collect();
        let all = all.map_err(|error| Failure::cannot("subscribe as one of the slow", error))?;
        Ok(SlowOnes { all: Mutex::new(all) })
    }

    /// From now on half of them read a little.
    pub(super) fn trickle(self: &Arc<Self>) -> Trickle {
        let is_over = Arc::new(AtomicBool::new(false));
        let (slow, over) = (Arc::clone(self), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                slow.each(|slow| slow.step_by(2).for_each(Slow::sip));
                thread::sleep(BETWEEN_SIPS);
            }
        });
        Trickle { is_over, thread }
    }

    /// Lets them read until they have heard of the last event, or nothing comes any more.
    pub(super) fn read_on(&self, events: u64, interrupt: &Interrupt) -> Result<Fates, Failure> {
        self.each(|slow| slow.for_each(Slow::widen));
        let mut patience = Instant::now() + SILENCE;
        let is_waiting = |slow: &Slow| !slow.account.has_ended && slow.account.heard < events;
        while Instant::now() < patience {
            interrupt.check()?;
            let (mut has_read, mut waiting) = (false, 0);
            self.each(|slow| {
                for slow in slow.filter(|slow| is_waiting(slow)) {
                    has_read |= slow.gulp();
                    waiting += 1;
                }
            });
            if waiting == 0 {
                break;
            }
            match has_read {
                true => patience = Instant::now() + SILENCE,
                false => thread::sleep(GLANCE),
            }
        }
        let mut fates = Fates::default();
        self.each(|slow| slow.for_each(|slow| slow.account.count(events, &mut fates)));
        Ok(fates)
    }

    fn each<T>(&self, act: impl FnOnce(std::slice::IterMut<'_, Slow>) -> T) -> T {
        act(self.all.lock().unwrap_or_else(PoisonError::into_inner).iter_mut())
    }
}

impl Trickle {
    pub(super) fn end(self) -> Result<(), Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| Failure::Because("the slow readers broke off".to_owned()))
    }
}

impl Slow {
    fn subscribe(server: SocketAddr, way: Way, feed: &Feed) -> io::Result<Slow> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
        socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
        socket.set_tcp_mss(SEGMENT_BYTES)?;
        socket.connect_timeout(&server.into(), PATIENCE)?;
        socket.set_linger(Some(Duration::ZERO))?;
        let stream = TcpStream::from(socket);
        let mut slow = Slow { stream, watcher: Watcher::new(way), account: Account::default() };
        let mut request = Vec::new();
        slow.watcher.ask(feed, &mut request);
        slow.stream.write_all(&request)?;
        slow.stream.set_read_timeout(Some(PATIENCE))?;
        while !slow.account.is_listening {
            match slow.read(&mut [0; SIP_BYTES]) {
                // A signal ends a read with a time limit (signal(7)); whoever began this looks at what it says.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if slow.account.has_ended => return Err(ErrorKind::InvalidData.into()),
                Ok(_) => {}
            }
        }
        slow.stream.set_nonblocking(true)?;
        Ok(slow)
    }

    /// Reads a little.
    fn sip(&mut self) {
        self.note(|slow| slow.read(&mut [0; SIP_BYTES]));
    }

    /// Reads much; answers whether there was anything.
    fn gulp(&mut self) -> bool {
        self.note(|slow| slow.read(&mut [0; GULP_BYTES]))
    }

    /// The kernel may hold more again.
    fn widen(&mut self) {
        // If it refuses, reading on takes longer.
        let _ = SockRef::from(&self.stream).set_recv_buffer_size(GULP_BYTES);
    }

    fn note(&mut self, read: impl FnOnce(&mut Slow) -> io::Result<usize>) -> bool {
        match read(self) {
            Ok(count @ 1..) => count > 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Ok(0) | Err(_) => {
                self.account.has_ended = true;
                false
            }
        }
    }

    fn read(&mut self, scratch: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(scratch)?;
        let (account, mut out) = (&mut self.account, Vec::new());
        let result = self.watcher.receive(&scratch[..count], &mut out, |heard| account.hear(heard));
        // A pong or the answer to a Close; to a server that is gone nothing can be said.
        let _ = self.stream.write(&out);
        account.has_ended |= result.is_err();
        Ok(count)
    }
}

impl Account {
    fn hear(&mut self, heard: Heard<'_>) {
        match heard {
            Heard::Listening => self.is_listening = true,
            Heard::News(data) => {
                let number = data.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
                self.is_missing |= number != self.heard + 1;
                self.heard = number;
            }
            Heard::Gap => self.is_told = true,
            Heard::Closed(code) => self.closed = Some(code),
            Heard::Answered | Heard::Over => {}
        }
    }

    /// Adds what became of it.
    fn count(&self, events: u64, fates: &mut Fates) {
        let fate = match self {
            Account { closed: Some(TOO_SLOW), .. } => &mut fates.closed_as_slow,
            Account { is_told: true, heard, .. } if *heard == events => &mut fates.told_of_gap,
            Account { is_missing: false, heard, .. } if *heard == events => &mut fates.caught_up,
            _ => &mut fates.cut,
        };
        *fate += 1;
    }
}

/// The close code of the lab for those who do not read.
const TOO_SLOW: u16 = 3008;

/// The kernel takes it for twice as much.
const SMALL_BUFFER_BYTES: usize = 4 * 1024;

/// Of data, in a frame of Ethernet with TCP's timestamps.
const SEGMENT_BYTES: u32 = 1448;

const SIP_BYTES: usize = 1024;
const GULP_BYTES: usize = 64 * 1024;

const BETWEEN_SIPS: Duration = Duration::from_millis(100);
const GLANCE: Duration = Duration::from_millis(1);

/// Whoever hears nothing for so long hears nothing any more.
const SILENCE: Duration = Duration::from_secs(2);

/// For a connection, and for the answer to the question.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(heard: &[Heard<'_>]) -> Fates {
        let (mut account, mut fates) = (Account::default(), Fates::default());
        heard.iter().for_each(|heard| account.hear(*heard));
        account.count(3, &mut fates);
        fates
    }

    #[test]
    fn what_became_of_the_slow_is_told_by_what_they_heard() {
        let [one, two, three] = ["1 5 xx", "2 6 xx", "3 7 xx"].map(Heard::News);
        assert_eq!(fate(&[Heard::Listening, one, two, three]), Fates { caught_up: 1, ..Fates::default() });
        assert_eq!(fate(&[one, Heard::Gap, three]), Fates { told_of_gap: 1, ..Fates::default() });
        assert_eq!(fate(&[one, Heard::Closed(3008)]), Fates { closed_as_slow: 1, ..Fates::default() });
        assert_eq!(fate(&[one, three]), Fates { cut: 1, ..Fates::default() }, "missing without a word");
        assert_eq!(fate(&[one, two]), Fates { cut: 1, ..Fates::default() }, "the end is missing");
        assert_eq!(fate(&[Heard::Closed(1000)]), Fates { cut: 1, ..Fates::default() });
    }
}
