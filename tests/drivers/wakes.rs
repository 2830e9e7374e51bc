//! Wakes: what happens elsewhere reaches a connection that waits, whatever it waits for.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use wirelab::drivers::Settings;
use wirelab::session::{Echo, Flow};

use crate::harness::*;
use crate::topic::*;

for_each_driver!(
    a_hundred_hear_what_one_says,
    reaches_those_who_wait_from_a_foreign_thread,
    many_wakes_before_an_answer_are_one,
    who_always_wakes_itself_delays_nobody,
    a_woken_session_half_closes,
    a_woken_session_closes,
    a_woken_session_resets,
    a_woken_session_that_panics_ends_alone,
    a_wake_resumes_who_is_paused,
    a_wake_reaches_who_has_read_the_end_of_the_stream,
    a_deadline_that_a_wake_moves_is_kept,
    who_does_not_read_ends_alone,
    who_is_woken_together_fails_alone,
    connections_may_close_while_they_are_woken,
    a_waker_may_outlive_its_connection_and_its_server,
    stops_while_it_pushes,
    cuts_a_push_that_nobody_takes,
    a_session_may_ask_first_when_the_server_stops,
);

fn a_hundred_hear_what_one_says(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let server = Server::start(driver, topic.members());
    let mut members: Vec<_> = (0..100).map(|_| join(&server)).collect();
    for said in ["first", "and second"] {
        members[7].write_all(said.as_bytes()).unwrap();
        members.iter_mut().for_each(|member| expect(member, said));
    }
    assert_eq!(server.tally.rings.load(Relaxed), 0, "who is called by the loop need not ring for it");
    assert!(server.finish().1.iter().all(|ending| ending == "flow"));
}

fn reaches_those_who_wait_from_a_foreign_thread(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let server = Server::start(driver, topic.members());
    let mut member = join(&server);
    let has_rung = || matches!(driver, Driver::Threads) || server.tally.rings.load(Relaxed) > 0;
    for round in 0.. {
        topic.say(b"news");
        expect(&mut member, "news");
        // Whoever was awake each time has not shown that it can be woken.
        if round >= 20 && has_rung() {
            break;
        }
    }
}

fn many_wakes_before_an_answer_are_one(driver: Driver) {
    let server = Server::start(driver, || SelfWaking::new(10_000, false));
    let mut client = server.connect();
    expect_echo(&mut client, b"wake up");
    let tally = Arc::clone(&server.tally);
    wait_until(|| tally.woken.load(Relaxed) > 0);
    expect_echo(&mut client, b"wake up");
    server.finish();
    // Two for each, because a thread may hear the first one while the session is not done yet; and the last call.
    assert!((1..=5).contains(&tally.woken.load(Relaxed)), "{:?}", tally.woken);
}

fn who_always_wakes_itself_delays_nobody(driver: Driver) {
    let server = Server::start(driver, || SelfWaking::new(0, true));
    let mut restless = server.connect();
    expect_echo(&mut restless, b"x");
    let mut other = server.connect();
    for _ in 0..100 {
        expect_echo(&mut other, b"are you there?");
        expect_echo(&mut restless, b"are you?");
    }
}

fn a_woken_session_half_closes(driver: Driver) {
    let (topic, server, mut member) = topic_of_one(driver);
    topic.conclude(b"that is all", Order::Flow(Flow::HalfClosed));
    assert_eq!(read_all(&mut member), b"that is all");
    member.write_all(b"I hear you").unwrap();
    assert!(server.has_no_ending());
    member.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.next_ending(), "flow");
}

fn a_woken_session_closes(driver: Driver) {
    let (topic, server, mut member) = topic_of_one(driver);
    topic.conclude(b"that is all", Order::Flow(Flow::Closed));
    assert_eq!(read_all(&mut member), b"that is all");
    assert_eq!(server.next_ending(), "flow");
}

fn a_woken_session_resets(driver: Driver) {
    let (topic, server, mut member) = topic_of_one(driver);
    topic.order(Order::Flow(Flow::Reset));
    assert_eq!(member.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.next_ending(), "flow");
}

fn a_woken_session_that_panics_ends_alone(driver: Driver) {
    let (topic, server, mut member) = topic_of_one(driver);
    topic.order(Order::Panic);
    assert_eq!(server.next_ending(), "failed: the session panicked");
    assert!(read_all(&mut member).is_empty());
    topic.order(Order::default());
    let mut next = join(&server);
    topic.say(b"goes on");
    expect(&mut next, "goes on");
}

fn a_wake_resumes_who_is_paused(driver: Driver) {
    let (topic, _server, mut member) = topic_of_one(driver);
    for _ in 0..20 {
        topic.conclude(b"pause", Order::Flow(Flow::Paused));
        expect(&mut member, "pause");
        member.write_all(b"and what I said").unwrap();
        topic.order(Order::Flow(Flow::Open));
        expect(&mut member, "and what I said");
    }
}

fn a_wake_reaches_who_has_read_the_end_of_the_stream(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let members = topic.members();
    let server = Server::start(driver, move || members().staying());
    let mut member = join(&server);
    member.write_all(b"last words").unwrap();
    member.shutdown(Shutdown::Write).unwrap();
    expect(&mut member, "last words");
    topic.say(b", they said");
    expect(&mut member, ", they said");
    topic.conclude(b", and left", Order::Flow(Flow::Closed));
    assert_eq!(read_all(&mut member), b", and left");
    assert_eq!(server.next_ending(), "flow");
}

/// Also if its thread began to wait when the deadline was far away.
fn a_deadline_that_a_wake_moves_is_kept(driver: Driver) {
    let (topic, server, mut member) = topic_of_one(driver);
    topic.conclude(b"later", Order::Until(Instant::now() + Duration::from_secs(300)));
    expect(&mut member, "later");
    member.write_all(b"when?").unwrap();
    expect(&mut member, "when?");
    topic.order(Order::Until(Instant::now() + Duration::from_millis(50)));
    assert_eq!(read_all(&mut member), b"too late");
    assert_eq!(server.next_ending(), "flow");
}

fn who_does_not_read_ends_alone(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let settings = Settings { send_timeout: Duration::from_secs(1), ..Settings::default() };
    let server = Server::start_with(driver, settings, topic.members());
    let stuck = join(&server);
    SockRef::from(&stuck).set_recv_buffer_size(4096).unwrap();
    let mut members: Vec<_> = (0..3).map(|_| join(&server)).collect();
    let said = pattern(32 << 20);
    thread::scope(|scope| {
        for member in &mut members {
            scope.spawn(|| {
                let mut heard = vec![0; said.len()];
                member.read_exact(&mut heard).unwrap();
                assert!(heard == said);
            });
        }
        said.chunks(1 << 20).for_each(|piece| topic.say(piece));
    });
    assert_eq!(server.next_ending(), "stalled");
    topic.say(b"and on");
    members.iter_mut().for_each(|member| expect(member, "and on"));
    assert!(server.has_no_ending());
}

/// More than are served at a time, and half of them fail.
fn who_is_woken_together_fails_alone(driver: Driver) {
    let (good, bad) = (Arc::new(Topic::default()), Arc::new(Topic::default()));
    let server = Server::start(driver, {
        let (good, bad, count) = (Arc::clone(&good), Arc::clone(&bad), AtomicU64::new(0));
        move || Member::of(if count.fetch_add(1, Relaxed) % 2 == 0 { &good } else { &bad }).joining()
    });
    let mut members: Vec<_> = (0..200).map(|_| join(&server)).collect();
    good.say(b"news");
    bad.order(Order::Panic);
    for (number, member) in members.iter_mut().enumerate() {
        match number % 2 {
            0 => expect(member, "news"),
            _ => assert!(read_all(member).is_empty()),
        }
    }
    for _ in 0..100 {
        assert_eq!(server.next_ending(), "failed: the session panicked");
    }
    good.say(b", and more");
    members.iter_mut().step_by(2).for_each(|member| expect(member, ", and more"));
}

fn connections_may_close_while_they_are_woken(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let server = Server::start(driver, topic.members());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                topic.say(b"!");
                thread::yield_now();
            }
        });
        for _ in 0..50 {
            let members: Vec<_> = (0..4).map(|_| join(&server)).collect();
            drop(members);
        }
        is_over.store(true, Relaxed);
    });
    for _ in 0..200 {
        let ending = server.next_ending();
        assert!(ending == "flow" || ending.contains("os error"), "{ending}");
    }
    let mut last = join(&server);
    topic.say(b"news");
    expect(&mut last, "news");
}

fn a_waker_may_outlive_its_connection_and_its_server(driver: Driver) {
    let (topic, server, member) = topic_of_one(driver);
    let tally = Arc::clone(&server.tally);
    drop(member);
    assert_eq!(server.next_ending(), "flow");
    topic.say(b"is anybody there?");
    // In the place of the one that has gone.
    let mut next = join(&server);
    topic.say(b"I am");
    expect(&mut next, "I am");
    server.finish();
    for _ in 0..100 {
        topic.say(b"is anybody there?");
    }
    topic.wakers().into_iter().for_each(|waker| waker.wake());
    assert_eq!([&tally.threads, &tally.second_threads].map(|gauge| gauge.load(Relaxed)), [0, 0]);
}

fn stops_while_it_pushes(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let server = Server::start(driver, topic.members());
    let mut members: Vec<_> = (0..20).map(|_| join(&server)).collect();
    let is_over = AtomicBool::new(false);
    let endings = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                topic.say(&[7; 100]);
                thread::yield_now();
            }
        });
        for member in &mut members {
            member.read_exact(&mut [0; 1000]).unwrap();
        }
        server.stop.stop();
        is_over.store(true, Relaxed);
        members.iter_mut().for_each(|member| drop(read_all(member)));
        let mut server = server;
        server.join();
        (0..20).map(|_| server.next_ending()).collect::<Vec<_>>()
    });
    assert_eq!(endings, vec!["flow"; 20]);
}

fn cuts_a_push_that_nobody_takes(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let settings = Settings { grace: Duration::from_millis(100), ..Settings::default() };
    let server = Server::start_with(driver, settings, topic.members());
    let _stuck = join(&server);
    topic.say(&pattern(32 << 20));
    let (took, endings) = server.finish();
    assert!(took < Duration::from_secs(5));
    assert_eq!(endings, ["stopped"]);
}

/// It has waited in `read` until then, and a thread there starts no other.
fn a_session_may_ask_first_when_the_server_stops(driver: Driver) {
    let topic = Arc::new(Topic::default());
    let opened = Arc::clone(&topic);
    let mut server =
        Server::start(driver, move || Member::of(&opened).staying().joining_when_the_server_stops());
    let mut member = server.connect();
    server.wait_for_opening();
    server.stop.stop();
    expect(&mut member, "+");
    topic.conclude(b"goodbye", Order::Flow(Flow::Closed));
    assert_eq!(read_all(&mut member), b"goodbye");
    server.join();
    assert_eq!(server.next_ending(), "flow");
}

/// A second thread is only for who asks.
#[test]
fn threads_are_as_many_as_are_asked_for() {
    let topic = Arc::new(Topic::default());
    let opened = Arc::clone(&topic);
    let server = Server::start(Driver::Threads, move || Member::of(&opened));
    let mut members: Vec<_> = (0..5).map(|_| server.connect()).collect();
    let gauges = |server: &Server| [&server.tally.threads, &server.tally.second_threads].map(value);
    wait_until(|| gauges(&server) == [5, 0]);
    for member in &mut members[..2] {
        member.write_all(b"x").unwrap();
        expect(member, "+");
    }
    wait_until(|| gauges(&server) == [7, 2]);
    members.remove(0);
    wait_until(|| gauges(&server) == [5, 1]);
}

#[test]
fn one_thread_serves_all_who_ask() {
    let drivers = [Driver::Epoll, Driver::Uring];
    for driver in drivers.into_iter().filter(|driver| *driver != Driver::Uring || crate::uring::is_here()) {
        let topic = Arc::new(Topic::default());
        let server = Server::start(driver, topic.members());
        let _members = [join(&server), join(&server)];
        assert_eq!([&server.tally.threads, &server.tally.second_threads].map(value), [1, 0]);
    }
}

#[test]
fn who_asks_for_no_waker_is_never_woken() {
    let server = Server::start(Driver::Threads, Echo::default);
    let mut clients: Vec<_> = (0..10).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| expect_echo(client, b"x"));
    assert_eq!([&server.tally.threads, &server.tally.second_threads].map(value), [10, 0]);
    assert_eq!([&server.tally.woken, &server.tally.rings].map(value), [0, 0]);
}

fn topic_of_one(driver: Driver) -> (Arc<Topic>, Server, TcpStream) {
    let topic = Arc::new(Topic::default());
    let server = Server::start(driver, topic.members());
    let member = join(&server);
    (topic, server, member)
}

/// A connection whose session has left its waker.
fn join(server: &Server) -> TcpStream {
    let mut member = server.connect();
    expect(&mut member, "+");
    member
}

fn expect(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).expect(text);
    assert_eq!(heard.escape_ascii().to_string(), text);
}

fn value(gauge: &AtomicU64) -> u64 {
    gauge.load(Relaxed)
}
