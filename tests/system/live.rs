//! Event streams of one's own: a counter that goes on where one has left it, and ends with its connection; and what
//! waits for a reader, wherever it waits.

use std::thread;
use std::time::Duration;

use wirelab::sse::Dispatched;

use crate::client::{Client, Footprint};
use crate::listener::Listener;
use crate::live_firehose::queued;
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::{WebSocket, text};

on_each_server!(
    a_counter_goes_on_behind_the_last_event_id,
    each_client_has_a_counter_of_its_own,
    a_counter_ends_with_its_connection,
    streams_end_in_order_when_the_server_stops,
    what_waits_in_a_room_is_shown,
    what_is_on_its_way_is_shown,
);

fn number(event: Option<Dispatched>) -> u64 {
    event.and_then(|event| event.last_event_id.parse().ok()).expect("a number")
}

fn a_counter_goes_on_behind_the_last_event_id(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut heard = 0;
    for _ in 0..5 {
        let mut listener = Listener::open_behind(&server, "/stream?every=10ms", &heard.to_string());
        for _ in 0..3 {
            assert_eq!(number(listener.next()), heard + 1);
            heard += 1;
        }
    }
}

fn each_client_has_a_counter_of_its_own(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut first = Listener::open(&server, "/stream?every=10ms&count=10");
    assert_eq!(number(first.next()), 1);
    assert_eq!(number(first.next()), 2);
    let mut second = Listener::open(&server, "/stream?every=10ms&count=3");
    assert_eq!([second.next(), second.next(), second.next()].map(number), [1, 2, 3]);
    assert_eq!(second.next(), None);
    assert_eq!(number(first.next()), 3);
    // It came to its end, and the connection goes on.
    assert_eq!(second.client().get("/echo/hi").text(), "hi");
}

fn a_counter_ends_with_its_connection(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for number in 0..50 {
        let mut listener = Listener::open(&server, "/stream?every=10ms");
        listener.next().expect("an event");
        match number % 3 {
            0 => listener.client().finish_sending(),
            1 => listener.reset(),
            _ => {}
        }
    }
    alone.until_alone_again(&server);
    let cpu = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} for nobody");
}

fn streams_end_in_order_when_the_server_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut counter = Listener::open(&server, "/stream?every=60");
    counter.next().expect("an event");
    let mut hose = Listener::open(&server, "/firehose?rate=10");
    hose.next().expect("an event");
    server.signal("TERM");
    assert_eq!(counter.next(), None);
    let last = hose.rest().pop().expect("a last word");
    assert!(last.kind == "end" && last.data.starts_with("the server stops\n"), "{last:?}");
    assert_eq!(server.finish().status.code(), Some(0));
}

/// Others speak, and one who does not read is asked nothing: what they say counts all the same.
fn what_waits_in_a_room_is_shown(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut page = Client::connect(server.address);
    let (deaf, answer) = WebSocket::over(Client::connect_narrow(server.address), "/ws/chat?name=deaf", "");
    let number = answer.field("X-Conn").and_then(|number| number.parse().ok()).expect("a number");
    let mut speaker = WebSocket::open(&server, "/ws/chat?name=ann");
    let word = "x".repeat(60_000);
    until("what was said waits", || {
        speaker.send(text(&word));
        while !speaker.text().starts_with("ann: ") {}
        queued(&mut page, number) > 500_000
    });
    drop(deaf);
}

/// What a session has handed out, and the peer has not taken.
fn what_is_on_its_way_is_shown(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut page = Client::connect(server.address);
    let mut away = Client::connect_narrow(server.address);
    away.send("GET /bytes/100000000 HTTP/1.1\r\nHost: lab\r\n\r\n");
    let head = away.head();
    let number = head.field("X-Conn").and_then(|number| number.parse().ok()).expect("a number");
    until("it waits for its reader", || queued(&mut page, number) > 0);
    let mut idle = Client::connect(server.address);
    let number =
        idle.get("/echo/hi").field("X-Conn").and_then(|number| number.parse().ok()).expect("a number");
    until("nothing waits for who reads", || queued(&mut page, number) == 0);
}
