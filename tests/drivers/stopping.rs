//! Stopping: nobody new, everybody told, nobody waited for too long.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use wirelab::drivers::Settings;
use wirelab::session::{Echo, Flow};

use crate::harness::*;
use crate::sessions::*;

for_each_driver!(
    stops_with_nobody_there,
    wakes_those_who_wait,
    finishes_the_answer_under_way,
    sends_a_goodbye_and_hears_the_reply,
    sends_a_goodbye_and_half_closes,
    keeps_the_time_of_those_it_told,
    wakes_the_paused,
    ends_those_who_do_not_finish,
    a_second_request_ends_the_grace,
    stops_when_nobody_is_left_to_ask,
    refuses_new_connections,
);

/// Far below the grace of ten seconds, far above what a busy machine needs.
const PROMPT: Duration = Duration::from_secs(5);

fn stops_with_nobody_there(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert!(endings.is_empty());
}

fn wakes_those_who_wait(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        expect_echo(client, b"x");
    }
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert_eq!(endings, vec!["flow"; 50]);
    for client in &mut clients {
        assert!(read_all(client).is_empty());
    }
}

fn finishes_the_answer_under_way(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(32 << 20, &transmitted));
    let mut client = server.connect();
    client.write_all(b"stream").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    server.stop.stop();
    assert_eq!(read_all(&mut client).len(), (32 << 20) - 1);
    assert_eq!(server.finish().1, ["flow"]);
}

/// As a closing handshake does: the session says something and stays open for what the peer says to it.
fn sends_a_goodbye_and_hears_the_reply(driver: Driver) {
    let mut server = Server::start(driver, || {
        Scripted::default()
            .on_shutdown(Act::new("closing", Flow::Open))
            .on_bytes(Act::new("closed", Flow::Closed))
    });
    let mut client = server.connect();
    server.wait_for_opening();
    server.stop.stop();
    client.read_exact(&mut [0; 7]).unwrap();
    client.write_all(b"you too").unwrap();
    assert_eq!(read_all(&mut client), b"closed");
    server.join();
    assert_eq!(server.next_ending(), "flow");
}

fn sends_a_goodbye_and_half_closes(driver: Driver) {
    let mut server =
        Server::start(driver, || Scripted::default().on_shutdown(Act::new("closing", Flow::HalfClosed)));
    let mut client = server.connect();
    server.wait_for_opening();
    server.stop.stop();
    assert_eq!(read_all(&mut client), b"closing");
    client.write_all(b"I was just saying").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.join();
    assert_eq!(server.next_ending(), "flow");
}

fn keeps_the_time_of_those_it_told(driver: Driver) {
    let soon = Duration::from_millis(50);
    let server = Server::start(driver, move || {
        Scripted::begin(Act::new("", Flow::Open).until(Duration::from_secs(300)))
            .on_shutdown(Act::new("closing, ", Flow::Open).until(soon))
            .on_timeout(Act::new("closed", Flow::Closed))
    });
    let mut client = server.connect();
    server.wait_for_opening();
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert_eq!(endings, ["flow"]);
    assert_eq!(read_all(&mut client), b"closing, closed");
}

fn wakes_the_paused(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("x", Flow::Paused)).on_shutdown(Act::new("goodbye", Flow::Closed))
    });
    let mut client = server.connect();
    client.read_exact(&mut [0; 1]).unwrap();
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert_eq!(endings, ["flow"]);
    assert_eq!(read_all(&mut client), b"goodbye");
}

/// One that reads, one that is written to, one that is paused: none of them ends by itself.
fn ends_those_who_do_not_finish(driver: Driver) {
    let settings = Settings { grace: Duration::from_millis(100), ..Settings::default() };
    let transmitted = Arc::new(AtomicUsize::new(0));
    let open = Streaming::of(1 << 30, &transmitted);
    let server = Server::start_with(driver, settings.clone(), open);
    let mut idle = server.connect();
    expect_echo(&mut idle, b"x");
    let mut stuck = server.connect();
    stuck.write_all(b"stream").unwrap();
    stuck.read_exact(&mut [0; 1]).unwrap();
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert_eq!(endings, ["stopped", "stopped"]);

    let server = Server::start_with(driver, settings, || Scripted::begin(Act::new("x", Flow::Paused)));
    let mut paused = server.connect();
    paused.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(server.finish().1, ["stopped"]);
}

fn a_second_request_ends_the_grace(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let settings = Settings { grace: Duration::from_secs(300), ..Settings::default() };
    let server = Server::start_with(driver, settings, Streaming::of(1, &transmitted));
    let mut idle = server.connect();
    expect_echo(&mut idle, b"x");
    server.stop.stop();
    let (took, endings) = server.finish();
    assert!(took < PROMPT);
    assert_eq!(endings, ["stopped"]);
}

fn stops_when_nobody_is_left_to_ask(driver: Driver) {
    let mut server = Server::start(driver, Echo::default);
    let mut client = server.connect();
    expect_echo(&mut client, b"x");
    let (other, _signal) = wirelab::drivers::stop::pair().unwrap();
    server.stop = other;
    server.join();
    assert_eq!(server.next_ending(), "flow");
}

fn refuses_new_connections(driver: Driver) {
    let mut server =
        Server::start(driver, || Scripted::default().on_shutdown(Act::new("closing", Flow::Open)));
    let mut client = server.connect();
    server.wait_for_opening();
    server.stop.stop();
    client.read_exact(&mut [0; 7]).unwrap();
    // On the threads driver as well as on epoll: the listener is closed before anybody is told.
    let refused = TcpStream::connect(server.address).map(|mut late| late.read(&mut [0; 1]));
    assert!(!matches!(refused, Ok(Ok(1..))), "{refused:?}");
    server.stop.stop();
    server.join();
    assert_eq!(server.next_ending(), "stopped");
}
