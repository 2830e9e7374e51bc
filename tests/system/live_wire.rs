//! `/wire`: what passes on all other connections, and never what is shown to those who watch.

use wirelab::sse::Dispatched;
use wirelab::wire::notation::Side;
use wirelab::wire::script::Script;

use crate::client::{Client, Footprint, get};
use crate::listener::Listener;
use crate::live_firehose::queued;
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::WebSocket;

on_each_server!(
    shows_another_connection_from_its_opening_to_its_end,
    shows_the_frames_of_a_websocket_and_what_they_mean,
    shows_neither_itself_nor_others_who_watch,
    shows_of_a_large_answer_where_it_begins_and_how_long_it_is,
    who_does_not_read_has_a_gap_and_harms_nobody,
    shows_nothing_where_nothing_is_recorded,
    ends_in_order_when_the_server_stops,
);

/// The events up to the one that says so.
fn until_shown(watcher: &mut Listener, line: &str) -> Vec<Dispatched> {
    let mut events = Vec::new();
    loop {
        events.push(watcher.next().expect("it goes on"));
        if events[events.len() - 1].data.contains(line) {
            return events;
        }
    }
}

/// What a connection has sent and been sent, as the notation shows it.
fn script(events: &[Dispatched], number: u64) -> Script {
    let heading = format!("# connection {number}, 127.0.0.1:");
    let shown = events.iter().filter(|event| event.data.starts_with(&heading));
    shown.map(|event| event.data.clone() + "\n").collect::<String>().parse().expect("a script")
}

fn shows_another_connection_from_its_opening_to_its_end(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut watcher = Listener::open(&server, "/wire");
    let mut client = Client::connect(server.address);
    let request = "POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\n\x00\u{e4}\r\n";
    client.send(request);
    let answer = client.answer();
    client.finish_sending();
    client.expect_end();
    let events = until_shown(&mut watcher, "S <close>");
    assert!(events.iter().all(|event| event.kind == "message" && event.last_event_id.is_empty()));
    assert!(events[0].data.ends_with(" s\n# opened"), "{events:?}");
    assert!(events[events.len() - 2].data.ends_with(" s\nC <eof>"), "{events:?}");
    let script = script(&events, 2);
    assert_eq!(script.bytes(Side::Client), request.as_bytes());
    assert_eq!(script.bytes(Side::Server), [answer.head.as_bytes(), &answer.content].concat());
}

fn shows_the_frames_of_a_websocket_and_what_they_mean(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut watcher = Listener::open(&server, "/wire");
    let mut client = WebSocket::open(&server, "/ws/frames");
    client.send(crate::websocket::text("hi"));
    client.text();
    let events = until_shown(&mut watcher, "# 2: payload \"hi\"");
    assert!(events.iter().any(|event| event.data.contains("\nC| 81 82 ")), "{events:?}");
}

fn shows_neither_itself_nor_others_who_watch(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut watchers = [Listener::open(&server, "/wire"), Listener::open(&server, "/wire")];
    let numbers = watchers.each_ref().map(Listener::number);
    let mut client = Client::connect(server.address);
    for round in 0..10 {
        client.get(&format!("/echo/{round}"));
    }
    for watcher in &mut watchers {
        let own = watcher.number();
        let events = until_shown(watcher, "GET /echo/9 ");
        for event in &events {
            assert!(!event.data.contains(&format!("# connection {own},")), "{event:?}");
            // That somebody else begins to watch is seen, and nothing of what it is shown.
            let is_watchers =
                numbers.iter().any(|number| event.data.contains(&format!("# connection {number},")));
            assert!(!is_watchers || !event.data.contains("\nS"), "{event:?}");
        }
        for round in 0..10 {
            let line = format!("C: GET /echo/{round} HTTP/1.1\\r\\n");
            assert_eq!(events.iter().filter(|event| event.data.contains(&line)).count(), 1, "{line}");
        }
    }
    drop((watchers, client));
    alone.until_alone_again(&server);
}

fn shows_of_a_large_answer_where_it_begins_and_how_long_it_is(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut watcher = Listener::open(&server, "/wire");
    let mut client = WebSocket::open(&server, "/ws/echo");
    client.send(crate::websocket::frame(0x82, &[7; 1_000_000]));
    assert_eq!(client.frame().payload.len(), 1_000_000);
    let events = until_shown(&mut watcher, " more bytes");
    assert!(events.iter().all(|event| event.data.len() < 80_000), "as much as a tape keeps of it");
    let until_answered = until_shown(&mut watcher, "\nS| 82 7f 00 00 00 00 00 0f 42 40 07");
    let answer = until_answered.last().expect("the answer");
    assert!(
        answer.data.ends_with(&format!("# and {} more bytes", 1_000_010 - (16 << 10))),
        "{:?}",
        &answer.data[..200]
    );
}

fn who_does_not_read_has_a_gap_and_harms_nobody(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut away = Listener::over(Client::connect_narrow(server.address), "/wire", "");
    let mut watcher = Listener::open(&server, "/wire");
    let mut client = Client::connect(server.address);
    let before = server.most_resident_bytes();
    let (mut requests, mut most_queued, mut seen) = (0, 0, Vec::new());
    until("there was no room for more, and all of it is gone", || {
        requests += 1;
        assert_eq!(client.get(&format!("/bytes/100000?{requests}")).content.len(), 100_000);
        seen.extend(until_shown(&mut watcher, &format!("GET /bytes/100000?{requests} ")));
        let queued = queued(&mut client, away.number());
        most_queued = queued.max(most_queued);
        most_queued > 1 << 19 && queued < most_queued / 2
    });
    assert!(most_queued < (1 << 20) + (100 << 10), "{most_queued} bytes were queued");
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 16 << 20, "{growth} bytes of memory more than before");

    // It comes back, is told how many it has missed, and sees what follows.
    let mut shown = Vec::new();
    while shown.last().is_none_or(|event: &Dispatched| event.kind != "gap") {
        shown.push(away.next().expect("it goes on"));
    }
    let gap = shown.pop().expect("a gap");
    let (lost, explained) = gap.data.split_once(' ').expect("a number, and what it means");
    assert_eq!(explained, "events were lost here: more passed than was read");
    client.get("/echo/and-after-it");
    shown.extend(until_shown(&mut away, "GET /echo/and-after-it "));
    seen.extend(until_shown(&mut watcher, "GET /echo/and-after-it "));
    // Besides, it has seen the other one connect and ask.
    assert_eq!(shown.len() + lost.parse::<usize>().expect("a number"), seen.len() + 2);
    drop((away, watcher, client));
    alone.until_alone_again(&server);
}

fn shows_nothing_where_nothing_is_recorded(binary: Binary) {
    let server = Server::start(binary, &["--tape", "0"]);
    let answer = Client::connect(server.address).get("/wire");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("--tape"), "{}", answer.text());
}

fn ends_in_order_when_the_server_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let watcher = Listener::open(&server, "/wire");
    let mut client = Client::connect(server.address);
    client.send(get("/echo/hi"));
    client.answer();
    server.signal("TERM");
    watcher.rest();
    assert_eq!(server.finish().status.code(), Some(0));
}
