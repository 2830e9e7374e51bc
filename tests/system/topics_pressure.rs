//! Readers that stop: what they cost is bounded, others hear everything, and they are told what they have lost.

use crate::client::{Client, Footprint};
use crate::listener::Listener;
use crate::live_firehose::queued;
use crate::process::{Binary, Server, on_each_server};
use crate::topics::{Lines, id, json, publish};
use crate::websocket::{CLOSE, FIN, TEXT, WebSocket};

on_each_server!(
    a_page_that_does_not_read_has_a_gap,
    lines_that_are_not_read_have_a_gap,
    a_websocket_that_does_not_read_is_closed,
);

/// What the kernel takes, megabytes in many small buffers, comes on top of what a topic keeps.
const EVENTS: u64 = 250;

/// A long event that says its number.
fn long(number: u64) -> String {
    format!("{number}{}", " x".repeat(25_000))
}

fn number(event: &str) -> u64 {
    let end = event.find(' ').unwrap_or(event.len());
    event[..end].parse().unwrap_or_else(|_| panic!("no number in {:?}", &event[..end]))
}

/// Publishes more than anybody may lag, with one who hears each event as it comes beside the one who does not read;
/// and looks what it costs.
fn publish_too_much(server: &Server, deaf: u64) {
    let mut author = Client::connect(server.address);
    let mut other = Listener::open(server, "/topics/news/events");
    let before = server.most_resident_bytes();
    for due in 1..=EVENTS {
        let answer = publish(&mut author, "news", &long(due));
        assert_eq!((answer.status, id(&answer)), (201, due));
        assert_eq!(number(&other.next().expect("an event").data), due);
    }
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 10 << 20, "{growth} bytes of memory more than before");
    let queued = queued(&mut author, deaf);
    assert!((500_000..4 << 20).contains(&queued), "{queued} bytes are said to wait");
}

/// Everything up to `last` was heard, or was said to be missing; tells how much was.
struct Account {
    last: u64,
    missing: u64,
}

impl Account {
    fn event(&mut self, number: u64) {
        self.last += 1;
        assert_eq!(number, self.last);
    }

    fn gap(&mut self, from: u64, to: u64) {
        assert!(from == self.last + 1 && from <= to, "{from} to {to} are missing behind {}", self.last);
        self.missing += to + 1 - from;
        self.last = to;
    }

    fn close(self) {
        assert!(self.missing > EVENTS / 5, "only {} events were lost", self.missing);
    }
}

fn a_page_that_does_not_read_has_a_gap(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut deaf = Listener::over(Client::connect_narrow(server.address), "/topics/news/events", "");
    publish_too_much(&server, deaf.number());
    let mut account = Account { last: 0, missing: 0 };
    while account.last < EVENTS {
        let event = deaf.next().expect("an event");
        if event.kind == "gap" {
            let gap = json(&event.data);
            account.gap(gap["from"].as_u64().expect("an id"), gap["to"].as_u64().expect("an id"));
        } else {
            account.event(number(&event.data));
        }
        assert_eq!(event.last_event_id, account.last.to_string());
    }
    account.close();
    // It has caught up, and goes on as the others do.
    publish(&mut Client::connect(server.address), "news", "251");
    assert_eq!(deaf.next().expect("an event").data, "251");
    drop(deaf);
    alone.until_alone_again(&server);
}

fn lines_that_are_not_read_have_a_gap(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    let at = client.get("/topics").field("X-Conn").and_then(|number| number.parse::<u64>().ok());
    let mut deaf = Lines::over(Client::connect_narrow(server.address), "/topics/news/raw");
    publish_too_much(&server, at.expect("a number") + 1);
    let mut account = Account { last: 0, missing: 0 };
    while account.last < EVENTS {
        let line = deaf.next().expect("an event");
        match line.strip_prefix("(gap: ").and_then(|gap| gap.strip_suffix(')')) {
            Some(gap) => {
                let (from, to) = gap.split_once('-').unwrap_or((gap, gap));
                account.gap(number(from), number(to));
            }
            None if line.is_empty() => {}
            None => account.event(number(&line)),
        }
    }
    account.close();
}

fn a_websocket_that_does_not_read_is_closed(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let (mut deaf, answer) =
        WebSocket::over(Client::connect_narrow(server.address), "/topics/news/ws?name=deaf", "");
    let at = answer.field("X-Conn").and_then(|number| number.parse().ok()).expect("a number");
    let mut author = Client::connect(server.address);
    let mut other = Listener::open(&server, "/topics/news/events");
    let before = server.most_resident_bytes();
    for due in 1..=EVENTS {
        assert_eq!(publish(&mut author, "news", &long(due)).status, 201);
        assert_eq!(number(&other.next().expect("an event").data), due);
    }
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 10 << 20, "{growth} bytes of memory more than before");
    assert!(queued(&mut author, at) > 500_000);
    let mut last = 0;
    let end = loop {
        let frame = deaf.frame();
        if frame.first != FIN | TEXT {
            break frame;
        }
        last += 1;
        assert_eq!(number(std::str::from_utf8(&frame.payload).expect("text")), last);
    };
    assert!(last < EVENTS, "nothing was lost");
    assert_eq!((end.first, &end.payload[..2]), (FIN | CLOSE, &3008u16.to_be_bytes()[..]));
    // It has left before it hangs up, and the others go on.
    assert_eq!(other.next().expect("an event").kind, "leave");
    deaf.send(crate::websocket::frame(FIN | CLOSE, &3008u16.to_be_bytes()));
    deaf.expect_end();
    drop((author, other, deaf));
    alone.until_alone_again(&server);
}
