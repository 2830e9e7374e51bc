//! What is rare in a ring of the usual size, in one that is too small for everything.

mod files;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::thread;

use super::ring::Unsent;
use super::*;
use crate::drivers::stop;
use crate::session::Echo;

/// Submissions find no room, completions overflow, and buffers are out, all the time.
const TIGHT: Shape = Shape { submissions: 2, completions: 4, buffers: 2, buffer_bytes: 64 };

struct Echoes(Tally);

impl Service for Echoes {
    type Session = Echo;

    fn open(&self, _: Instant, _: SocketAddr) -> Echo {
        Echo::default()
    }

    fn tally(&self) -> &Tally {
        &self.0
    }
}

/// Runs a loop with the tight ring while `clients` do what they do.
fn serve_echoes(settings: Settings, clients: impl FnOnce(SocketAddr)) -> Tally {
    let echoes = Echoes(Tally::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, signal) = stop::pair().unwrap();
    thread::scope(|scope| {
        let serving =
            scope.spawn(|| Loop::new(TIGHT, listener, &echoes, &settings, signal).unwrap().run().unwrap());
        clients(address);
        stop.stop();
        stop.stop();
        serving.join().unwrap();
    });
    echoes.0
}

#[test]
fn a_ring_that_is_too_small_serves_everybody() {
    if check().is_err() {
        return;
    }
    let said: Vec<u8> = (0..20_000u32).map(|number| (number % 251) as u8).collect();
    let tally = serve_echoes(Settings::default(), |address| {
        thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| {
                    let mut client = TcpStream::connect(address).unwrap();
                    for _ in 0..3 {
                        client.write_all(&said).unwrap();
                        let mut heard = vec![0; said.len()];
                        client.read_exact(&mut heard).unwrap();
                        assert!(heard == said);
                    }
                });
            }
        });
    });
    assert!(tally.would_block.into_inner() > 0, "buffers were out");
}

#[test]
fn who_sends_and_never_reads_holds_up_nobody_and_fills_only_his_socket() {
    if check().is_err() {
        return;
    }
    serve_echoes(Settings::default(), |address| {
        let mut greedy: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut took = 0;
        for client in &mut greedy {
            client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
            while let Ok(count) = client.write(&[7; READ_BYTES]) {
                took += count;
                assert!(took < 1 << 30, "it would take everything");
            }
        }
        let mut other = TcpStream::connect(address).unwrap();
        other.write_all(b"are you there?").unwrap();
        other.read_exact(&mut [0; 14]).unwrap();
    });
}

/// Completions that have no room wait in the kernel, and none is lost.
#[test]
fn completions_may_overflow() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let (here, mut there) = UnixStream::pair().unwrap();
    for number in 0..100 {
        ring.send(Whose::new(0, number), here.as_fd(), unsent(vec![number as u8]));
    }
    let mut sent = 0;
    while sent < 100 {
        ring.enter(None).unwrap();
        while let Some(Completion::Sent { result, .. }) = ring.next() {
            assert_eq!(result.unwrap(), 1);
            sent += 1;
        }
    }
    let mut came = [0; 100];
    there.read_exact(&mut came).unwrap();
    assert!((0..100).eq(came), "in their order");
}

#[test]
fn a_receive_without_a_buffer_ends_and_can_begin_again() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let (here, mut there) = UnixStream::pair().unwrap();
    let whose = Whose::new(1, 1);
    there.write_all(&[1; 200]).unwrap();
    ring.receive(whose, here.as_fd());
    // Two buffers are lent, and not given back before the third is asked for.
    let mut lent = Vec::new();
    loop {
        match completed(&mut ring) {
            Completion::Received { result: Ok(Some(bytes)), .. } => lent.push(bytes),
            Completion::Received { result: Err(error), goes_on, .. } => {
                assert_eq!((error.raw_os_error(), goes_on), (Some(libc::ENOBUFS), false));
                break;
            }
            _ => panic!("only a receive is under way"),
        }
    }
    assert_eq!(lent.iter().map(|bytes| bytes.len()).sum::<usize>(), 128);
    drop(lent);
    ring.receive(whose, here.as_fd());
    let Completion::Received { result: Ok(Some(rest)), .. } = completed(&mut ring) else {
        panic!("the rest comes")
    };
    assert_eq!(rest[..], [1; 64]);
}

/// What was to be sent stays in memory until the kernel says that it is done with it, and comes back then.
#[test]
fn a_send_that_fails_gives_its_bytes_back() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let (here, there) = UnixStream::pair().unwrap();
    let whose = Whose::new(1, 1);
    let mut send = || {
        ring.send(whose, here.as_fd(), unsent(vec![1; 1 << 20]));
        let Completion::Sent { whose: sent, unsent, result } = completed(&mut ring) else {
            panic!("only a send is under way")
        };
        assert_eq!((sent, unsent.bytes.len()), (whose, 1 << 20));
        result.map_err(|error| error.kind())
    };
    let is_full = loop {
        if let Err(kind) = send() {
            break kind;
        }
    };
    assert_eq!(is_full, io::ErrorKind::WouldBlock);
    drop(there);
    assert_eq!(send(), Err(io::ErrorKind::BrokenPipe));
}

/// A receive ends only when its own completion says so, and not when the cancellation was asked for.
#[test]
fn a_cancelled_receive_says_that_it_has_ended() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let (here, _there) = UnixStream::pair().unwrap();
    let (whose, other) = (Whose::new(1, 1), Whose::new(1, 2));
    ring.receive(whose, here.as_fd());
    ring.cancel_receive(other);
    ring.enter(Some(Duration::from_millis(10))).unwrap();
    assert!(ring.next().is_none(), "somebody else was cancelled");
    ring.cancel_receive(whose);
    let Completion::Received { whose: ended, result: Err(error), goes_on } = completed(&mut ring) else {
        panic!("only a receive is under way")
    };
    assert_eq!((ended, error.raw_os_error(), goes_on), (whose, Some(libc::ECANCELED), false));
}

#[test]
fn a_ring_ends_though_operations_are_under_way() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let (here, there) = UnixStream::pair().unwrap();
    ring.watch_stop(here.as_fd());
    ring.receive(Whose::new(1, 1), here.as_fd());
    for _ in 0..20 {
        ring.send(Whose::new(1, 1), there.as_fd(), unsent(vec![1; 1 << 20]));
    }
    drop(ring);
    // Nobody else has it open any more: this is the end of the stream.
    drop(there);
    let mut rest = Vec::new();
    (&here).read_to_end(&mut rest).unwrap();
}

/// A connection that has gone is not met by what it has left behind.
#[test]
fn a_late_completion_meets_nobody() {
    if check().is_err() {
        return;
    }
    let (echoes, settings) = (Echoes(Tally::default()), Settings::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let served = listener.accept().unwrap().0;
    let (_stop, signal) = stop::pair().unwrap();
    let mut serving = Loop::new(TIGHT, listener, &echoes, &settings, signal).unwrap();
    serving.count = 1;
    serving.admit(served);
    let (late, now) = (Whose::new(0, 0), Whose::new(0, 1));
    for whose in [late, now] {
        assert_eq!(serving.connections.len(), 1);
        let error = io::Error::from_raw_os_error(libc::ECONNRESET);
        serving.complete(Completion::Received { whose, result: Err(error), goes_on: true });
        let is_open = matches!(serving.connections.get(0), Some(Connection::Open(_)));
        assert_eq!(is_open, whose == late);
    }
    serving.end_all();
    drop(client);
}

fn unsent(bytes: Vec<u8>) -> Unsent {
    Unsent { bytes, sent: 0, stalls_at: Instant::now() }
}

fn completed(ring: &mut Ring) -> Completion {
    loop {
        if let Some(completion) = ring.next() {
            return completion;
        }
        ring.enter(None).unwrap();
    }
}
