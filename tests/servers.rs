//! Every fixture over TCP, on each of the servers: the same bytes to the same bytes, however a server waits.

mod support {
    pub mod fixture;
    pub mod lab;
    pub mod server;
    pub mod tcp;
    pub mod uring;
}

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use support::server::Server;
use support::tcp::play_all;
use wirelab::drivers::disk::Disk;
use wirelab::session::{Cause, Flow, Service, Session, Way};

#[test]
fn the_epoll_server_answers_as_the_fixtures_say() {
    play_all(|| started(env!("CARGO_BIN_EXE_epoll-server")));
}

#[test]
fn the_threaded_server_answers_as_the_fixtures_say() {
    play_all(|| started(env!("CARGO_BIN_EXE_threaded-server")));
}

#[test]
fn the_uring_server_answers_as_the_fixtures_say() {
    if support::uring::is_here() {
        play_all(|| started(env!("CARGO_BIN_EXE_uring-server")));
    }
}

/// The smallest driver there is, to tell faults of the servers from faults of the fixtures. Every connection has a lab
/// of its own, as fresh as a fixture may need it.
#[test]
fn a_blocking_loop_answers_as_the_fixtures_say() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(thread::spawn(|| serve(stream))))
    });
    play_all(|| (address, ()));
}

fn started(binary: &str) -> (SocketAddr, Server) {
    let server = Server::start(binary, &[]);
    (server.address, server)
}

/// Reads and writes until the session is over; a read lasts until the session's deadline at the most.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut session = support::lab::lab().open(Instant::now(), stream.peer_addr()?);
    let disk = Disk::fresh(Duration::ZERO);
    let (mut arrived, mut out) = ([0; 4096], Vec::new());
    loop {
        let due = session.poll_timeout().map(|due| due.saturating_duration_since(Instant::now()));
        stream.set_read_timeout(due.map(|due| due.max(Duration::from_millis(1))))?;
        match stream.read(&mut arrived) {
            Ok(0) => session.receive_eof(Instant::now()),
            Ok(count) => session.receive(Instant::now(), &mut arrived[..count], &mut out),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                session.handle_timeout(Instant::now());
            }
            Err(error) => return Err(error),
        }
        loop {
            stream.write_all(&out)?;
            out.clear();
            session.poll_transmit(Instant::now(), Waker::noop(), &mut out);
            if out.is_empty() {
                if session.flow() != Flow::Errand {
                    break;
                }
                let errand = session.poll_errand().expect("the flow says that there is one");
                let done = match errand.way() {
                    Way::InPlace => disk.run(errand),
                    // As if it were somebody else, so what the session says meanwhile comes first.
                    Way::Usual | Way::Aside | Way::Thread => {
                        session.poll_transmit(Instant::now(), Waker::noop(), &mut out);
                        disk.run_for(NOBODY, errand)
                    }
                };
                session.handle_errand(Instant::now(), done);
            }
        }
        match session.flow() {
            Flow::HalfClosed => stream.shutdown(Shutdown::Write).unwrap_or_default(),
            Flow::Closed | Flow::Reset => break,
            Flow::Open | Flow::Paused | Flow::Errand => {}
        }
    }
    session.handle_close(Instant::now(), Cause::Flow);
    Ok(())
}

/// No thread has this number.
const NOBODY: u64 = 0;
