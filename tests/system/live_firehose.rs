//! A reader that stops, and the four things that a producer can do about it.

use std::collections::HashMap;

use wirelab::sse::Dispatched;

use crate::client::{Client, Footprint};
use crate::listener::Listener;
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    block_loses_nothing,
    drop_oldest_has_holes_and_the_newest,
    coalesce_jumps_to_the_newest,
    close_gives_the_reader_up,
    who_keeps_up_loses_nothing_whatever_the_policy,
    what_waits_is_bounded_and_shown,
);

const COUNT: u64 = 5000;

/// So many events at ten thousand a second, of which sixteen may wait.
fn target(policy: &str, count: u64) -> String {
    format!("/firehose?policy={policy}&rate=10000&count={count}&queue=16&sndbuf=4096")
}

/// A reader that stops before half a second of events, and comes back when their time has passed: somebody who came
/// later was told more of them meanwhile.
fn away(server: &Server, policy: &str) -> Listener {
    let away = Listener::over(Client::connect_narrow(server.address), &target(policy, COUNT), "");
    let told = Listener::open(server, &target("drop-oldest", COUNT + 1000)).rest();
    assert_eq!(figures(&told)["produced"], COUNT + 1000);
    away
}

/// What comes to a reader that was away.
fn after_a_break(binary: Binary, policy: &str) -> Vec<Dispatched> {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let events = away(&server, policy).rest();
    alone.until_alone_again(&server);
    events
}

fn block_loses_nothing(binary: Binary) {
    let events = after_a_break(binary, "block");
    assert_eq!(ids(&events), (1..=COUNT).collect::<Vec<_>>());
    assert_eq!(events.last().expect("the end").kind, "end");
    let figures = figures(&events);
    assert_eq!([figures["sent"], figures["dropped"], figures["last id"]], [COUNT, 0, COUNT]);
}

fn drop_oldest_has_holes_and_the_newest(binary: Binary) {
    let events = after_a_break(binary, "drop-oldest");
    let (ids, figures) = (ids(&events), figures(&events));
    assert!(ids.is_sorted());
    assert!(ids.ends_with(&(COUNT - 15..=COUNT).collect::<Vec<_>>()), "{ids:?}");
    assert_eq!([figures["sent"], figures["sent"] + figures["dropped"]], [ids.len() as u64, COUNT]);
    assert!(figures["dropped"] > COUNT / 2, "{figures:?}");
}

fn coalesce_jumps_to_the_newest(binary: Binary) {
    let events = after_a_break(binary, "coalesce");
    let (ids, figures) = (ids(&events), figures(&events));
    assert!(ids.is_sorted() && ids.last() == Some(&COUNT), "{ids:?}");
    assert!(ids[ids.len() - 2] < COUNT - 16, "the latest but one was still worth reading: {ids:?}");
    assert_eq!([figures["sent"], figures["sent"] + figures["coalesced"]], [ids.len() as u64, COUNT]);
}

fn close_gives_the_reader_up(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut away = away(&server, "close");
    let events: Vec<Dispatched> = std::iter::from_fn(|| away.next()).collect();
    away.client().expect_end();
    let last = events.last().expect("a last word");
    assert!(
        last.kind == "close" && last.data.starts_with("too slow: more than 16 events waited\n"),
        "{last:?}"
    );
    let (ids, figures) = (ids(&events), figures(&events));
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "nothing is missing before");
    assert_eq!([figures["dropped"], figures["produced"]], [17, ids.len() as u64 + 17]);
}

/// A thousand a second are few, and whoever reads them all is sent them all.
fn who_keeps_up_loses_nothing_whatever_the_policy(binary: Binary) {
    let server = Server::start(binary, &[]);
    for policy in ["block", "drop-oldest", "close"] {
        let events =
            Listener::open(&server, &format!("/firehose?policy={policy}&count=300&queue=1000")).rest();
        assert_eq!(ids(&events), (1..=300).collect::<Vec<_>>(), "{policy}");
    }
}

/// While the reader is away, `/connections` tells what the server holds for it: the queue, and what is on its way.
fn what_waits_is_bounded_and_shown(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut other = Client::connect(server.address);
    for (policy, most) in [("block", 16), ("drop-oldest", 16), ("coalesce", 1)] {
        let target = format!("/firehose?policy={policy}&rate=10000&queue=16&sndbuf=4096");
        let away = Listener::over(Client::connect_narrow(server.address), &target, "");
        let before = server.most_resident_bytes();
        let full = most * 1024;
        // A queue that is full for a moment may still find room in the socket; one that stays so has none.
        let mut times_full = 0;
        until("the queue stays full", || {
            let is_full = queued(&mut other, away.number()) >= full;
            times_full = if is_full { times_full + 1 } else { 0 };
            times_full == 50
        });
        for _ in 0..100 {
            let queued = queued(&mut other, away.number());
            // On its way is a burst at the most, and the framing of its chunks.
            assert!((full..full + 70_000).contains(&queued), "{queued} bytes");
        }
        assert!(server.most_resident_bytes() - before < 2 << 20);
        drop(away);
    }
}

/// What `/connections` says that the server holds for a connection.
pub fn queued(client: &mut Client, number: u64) -> u64 {
    client.send("GET /connections HTTP/1.1\r\nHost: lab\r\nAccept: application/json\r\n\r\n");
    let page: serde_json::Value = serde_json::from_str(&client.answer().text()).expect("JSON");
    let rows = page["connections"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["connection"] == number).expect("it is connected");
    row["bytes_queued"].as_u64().expect("a number")
}

fn ids(events: &[Dispatched]) -> Vec<u64> {
    let numbered = events.iter().filter(|event| event.kind == "message");
    numbered.map(|event| event.last_event_id.parse().expect("a number")).collect()
}

/// What the last event says of all.
fn figures(events: &[Dispatched]) -> HashMap<String, u64> {
    let line = events.last().and_then(|event| event.data.lines().last()).expect("figures");
    let pairs = line.split(", ").filter_map(|pair| pair.rsplit_once(' '));
    pairs.map(|(name, number)| (name.to_owned(), number.parse().expect("a number"))).collect()
}
