//! How connections end, and that each one ends for itself.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use socket2::SockRef;
use wirelab::session::{Echo, Flow};

use crate::harness::*;
use crate::sessions::*;

for_each_driver!(
    a_reset_ends_one_connection,
    a_reset_in_the_middle_of_an_answer_ends_one_connection,
    closes_after_the_last_byte,
    half_closes_and_reads_on,
    half_closed_ends_when_both_have_finished,
    resets_after_the_last_byte,
    a_session_may_stay_open_after_the_end_of_the_stream,
    a_session_may_speak_first,
    a_session_that_panics_ends_alone,
);

fn a_reset_ends_one_connection(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let mut other = server.connect();
    expect_echo(&mut other, b"before");
    let mut client = server.connect();
    expect_echo(&mut client, b"x");
    reset(client);
    assert!(server.next_ending().starts_with("failed"));
    expect_echo(&mut other, b"after");
    assert!(server.has_no_ending());
}

fn a_reset_in_the_middle_of_an_answer_ends_one_connection(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(1 << 30, &transmitted));
    let mut other = server.connect();
    let mut client = server.connect();
    client.write_all(b"stream").unwrap();
    client.read_exact(&mut [0; 100_000]).unwrap();
    reset(client);
    assert!(server.next_ending().starts_with("failed"));
    expect_echo(&mut other, b"after");
    assert!(server.has_no_ending());
}

fn closes_after_the_last_byte(driver: Driver) {
    let server = Server::start(driver, || Scripted::default().on_bytes(Act::new("goodbye", Flow::Closed)));
    let mut client = server.connect();
    client.write_all(b"?").unwrap();
    assert_eq!(read_all(&mut client), b"goodbye");
    assert_eq!(server.next_ending(), "flow");
}

fn half_closes_and_reads_on(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("last words", Flow::HalfClosed)).on_bytes(Act::new("lost", Flow::Closed))
    });
    let mut client = server.connect();
    assert_eq!(read_all(&mut client), b"last words");
    assert!(server.has_no_ending());
    client.write_all(b"heard").unwrap();
    assert_eq!(server.next_ending(), "flow");
}

fn half_closed_ends_when_both_have_finished(driver: Driver) {
    let server = Server::start(driver, || Scripted::begin(Act::new("last words", Flow::HalfClosed)));
    let mut client = server.connect();
    assert_eq!(read_all(&mut client), b"last words");
    client.write_all(b"still talking").unwrap();
    assert!(server.has_no_ending());
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.next_ending(), "flow");
}

fn resets_after_the_last_byte(driver: Driver) {
    let server = Server::start(driver, || Scripted::default().on_bytes(Act::new("", Flow::Reset)));
    let mut client = server.connect();
    client.write_all(b"?").unwrap();
    let error = client.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.next_ending(), "flow");
}

fn a_session_may_stay_open_after_the_end_of_the_stream(driver: Driver) {
    let later = std::time::Duration::from_millis(50);
    let server = Server::start(driver, move || {
        Scripted::default()
            .on_eof(Act::new("heard you, ", Flow::Open).until(later))
            .on_timeout(Act::new("done", Flow::Closed))
    });
    let mut client = server.connect();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut client), b"heard you, done");
    assert_eq!(server.next_ending(), "flow");
}

fn a_session_may_speak_first(driver: Driver) {
    let server = Server::start(driver, || Scripted::begin(Act::new("hello", Flow::Open)));
    let mut hello = [0; 5];
    server.connect().read_exact(&mut hello).unwrap();
    assert_eq!(&hello, b"hello");
}

fn a_session_that_panics_ends_alone(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(0, &transmitted));
    let mut other = server.connect();
    expect_echo(&mut other, b"before");
    let mut client = server.connect();
    client.write_all(b"panic").unwrap();
    assert_eq!(server.next_ending(), "failed: the session panicked");
    assert!(client.read(&mut [0; 1]).is_ok_and(|count| count == 0));
    expect_echo(&mut other, b"after");
}

fn reset(client: std::net::TcpStream) {
    SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
}
