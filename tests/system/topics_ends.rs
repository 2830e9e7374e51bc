//! Who is forgotten, announced and ended when; and what there is an end to.

use serde_json::Value;

use crate::client::{Client, get};
use crate::listener::Listener;
use crate::process::{Binary, Server, on_each_server, until};
use crate::topics::{Lines, delete, posted, publish, until_held_back};
use crate::websocket::WebSocket;

on_each_server!(
    who_goes_away_is_forgotten_at_once,
    those_who_say_their_name_are_announced,
    what_was_published_before_the_end_is_heard_before_it,
    streams_end_in_order_when_the_server_stops,
    what_is_typed_behind_a_stream_waits_for_its_end,
    who_has_finished_sending_hears_all_that_there_is,
    an_event_is_within_the_limit_of_all_content,
    there_are_no_more_topics_than_there_may_be,
);

fn presence(client: &mut Client, topic: &str) -> String {
    client.get(&format!("/topics/{topic}/presence")).text()
}

fn who_goes_away_is_forgotten_at_once(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut witness = Client::connect(server.address);
    let nobody = "nobody listens to news\n";
    for way in ["events", "raw", "json", "events?heartbeat=0", "poll", "ws"] {
        for number in 0..6 {
            let mut client = Client::connect(server.address);
            match way {
                "poll" => client.send(get("/topics/news?since=0&wait=120")),
                "ws" => client = WebSocket::over(client, "/topics/news/ws", "").0.into_client(),
                _ => {
                    client.send(get(&format!("/topics/news/{way}")));
                    client.head();
                }
            }
            until("it listens", || presence(&mut witness, "news") == "and one who has not said a name\n");
            match number % 3 {
                0 => drop(client),
                1 => client.reset(),
                _ => {
                    client.finish_sending();
                    client.rest();
                }
            }
            until("it is forgotten", || presence(&mut witness, "news") == nobody);
        }
    }
    assert_eq!(witness.get("/topics").text(), "nobody has published or listens; POST to /topics/news\n");
}

fn those_who_say_their_name_are_announced(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut witness = Client::connect(server.address);
    let mut page = Listener::open(&server, "/topics/room/events");
    let mut said = |kind: &str, name: &str| {
        let event = page.next().expect("an event");
        assert_eq!((event.kind.as_str(), event.data.as_str()), (kind, name));
    };
    let ann = Listener::open(&server, "/topics/room/events?name=ann");
    said("join", "ann");
    let bob = WebSocket::open(&server, "/topics/room/ws?name=bob");
    said("join", "bob");
    let zoe = Lines::open(&server, "/topics/room/raw?name=Zo%C3%AB");
    said("join", "Zo\u{eb}");
    assert_eq!(presence(&mut witness, "room"), "ann\nbob\nZo\u{eb}\nand one who has not said a name\n");
    bob.reset();
    said("leave", "bob");
    drop(ann);
    said("leave", "ann");
    drop(zoe);
    said("leave", "Zo\u{eb}");
    assert_eq!(presence(&mut witness, "room"), "and one who has not said a name\n");
}

/// The last event and the end come with one write, before anybody can hear of the one without the other.
fn what_was_published_before_the_end_is_heard_before_it(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut page = Listener::open(&server, "/topics/news/events?name=ann");
    let mut both = Listener::open(&server, "/topics/other,news/events");
    let mut raw = Lines::open(&server, "/topics/news/raw");
    let mut objects = Lines::open(&server, "/topics/news/json");
    let mut socket = WebSocket::open(&server, "/topics/news/ws");
    let mut poll = Client::connect(server.address);
    poll.send(get("/topics/news?since=none&min_bytes=1000&wait=120"));
    until_held_back(&mut author, 1);

    let end = "DELETE /topics/news HTTP/1.1\r\nHost: lab\r\n\r\n";
    author.send([&posted("news", "the last word"), end].concat());
    let answer = author.answer();
    // ann has joined before: that was event 1.
    assert_eq!(answer.text(), "id 2, subscribers 6, queued 2\n");
    assert_eq!(author.answer().status, 204);

    let event = page.next().expect("the last word");
    assert_eq!((event.data.as_str(), event.last_event_id.as_str()), ("the last word", "2"));
    let event = page.next().expect("the end");
    assert_eq!((event.kind.as_str(), event.data.as_str()), ("end", "news"));
    assert_eq!(page.next(), None);
    assert_eq!(both.next().expect("the last word").last_event_id, "other:0,news:2");
    assert_eq!(both.next().expect("the end").kind, "end");
    assert_eq!(
        [raw.next(), raw.next(), raw.next()],
        [Some("the last word"), Some("(end)"), None].map(|line| line.map(str::to_owned))
    );
    let kinds: Vec<Value> =
        std::iter::from_fn(|| objects.next_json()).map(|object| object["event"].clone()).collect();
    assert_eq!(kinds, ["open", "message", "end"]);
    assert_eq!(socket.text(), "the last word");
    assert_eq!(socket.close(), (1000, "the topic was deleted".to_owned()));
    assert_eq!(poll.answer().text(), "2\tthe last word\n");

    // Nobody is left, and nobody is missed: an EventSource that comes again is told not to.
    assert_eq!(presence(&mut author, "news"), "nobody listens to news\n");
    assert_eq!(page.client().get("/topics/news/events?name=ann").status, 204);
    let answer = publish(&mut author, "news", "a new beginning");
    assert_eq!((answer.status, answer.text().as_str()), (202, "id 3, subscribers 0, queued 1\n"));
    // And one of several topics has ended without the other.
    publish(&mut author, "other", "goes on");
    let event = both.next().expect("an event");
    assert_eq!((event.data.as_str(), event.last_event_id.as_str()), ("goes on", "other:1"));
    poll.send(get("/topics/other?since=1&wait=120"));
    until_held_back(&mut author, 1);
    delete(&mut author, "other");
    assert_eq!(poll.answer().status, 410);
    assert_eq!(both.next().expect("the end").data, "other");
    assert_eq!(both.next(), None);
}

fn streams_end_in_order_when_the_server_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut page = Listener::open(&server, "/topics/news/events?heartbeat=0");
    let mut both = Listener::open(&server, "/topics/a,b/events");
    let mut raw = Lines::open(&server, "/topics/news/raw");
    let mut socket = WebSocket::open(&server, "/topics/news/ws");
    let mut poll = Client::connect(server.address);
    poll.send(get("/topics/news?since=none&wait=120"));
    until_held_back(&mut author, 1);
    server.signal("TERM");
    // No event says that it is over: an EventSource comes again, and finds the next server.
    assert_eq!([page.next(), both.next()], [None, None]);
    assert_eq!(raw.next(), None);
    assert_eq!(socket.close().0, 1001);
    let answer = poll.answer();
    assert_eq!(answer.status, 204);
    assert!(answer.has("Connection: close"), "{}", answer.head);
    drop((author, page, both, raw, socket, poll));
    assert_eq!(server.finish().status.code(), Some(0));
}

/// Neither the time for a head nor that of an idle connection is about what waits for its turn.
fn what_is_typed_behind_a_stream_waits_for_its_end(binary: Binary) {
    let server = Server::start(binary, &["--head-timeout", "50ms", "--idle-timeout", "50ms"]);
    let mut client = Client::connect(server.address);
    client.send([&get("/topics/news/raw?heartbeat=100ms"), "GET /ec"].concat());
    assert_eq!(client.head().status, 200);
    for piece in ["", "ho/behind HTTP/1.1\r\nHo", "st: lab\r\n"] {
        client.send(piece);
        (0..3).for_each(|_| assert_eq!(client.chunk().expect("a sign of life"), b"\n"));
    }
    publish(&mut Client::connect(server.address), "news", "hello");
    while client.chunk().expect("the stream goes on") != b"hello\n" {}
    client.send("\r\n");
    client.finish_sending();
    while !client.chunk().expect("the stream ends in order").is_empty() {}
    assert_eq!(client.answer().text(), "behind");
    client.expect_end();
}

/// It may have gone, or it may still be reading: `nc -N` shuts its write side as soon as it has asked.
fn who_has_finished_sending_hears_all_that_there_is(binary: Binary) {
    const EVENTS: usize = 1000;
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let data = |topic: &str, number: usize| format!("{number} of {topic} {}", "x".repeat(500));
    for (topic, number) in (0..EVENTS).flat_map(|number| [("a", number), ("b", number)]) {
        assert_eq!(publish(&mut author, topic, &data(topic, number)).status, 202);
    }
    for topics in [&["a"][..], &["a", "b"]] {
        let mut raw = Lines::open(&server, &format!("/topics/{}/raw?since=all", topics.join(",")));
        raw.finish_sending();
        let lines: Vec<String> = std::iter::from_fn(|| raw.next()).collect();
        assert_eq!(lines.len(), EVENTS * topics.len());
        for topic in topics {
            let of_topic = lines.iter().filter(|line| line.contains(&format!(" of {topic} ")));
            assert!(of_topic.eq(&(0..EVENTS).map(|number| data(topic, number)).collect::<Vec<_>>()));
        }
    }
}

fn an_event_is_within_the_limit_of_all_content(binary: Binary) {
    let server = Server::start(binary, &["--max-content", "10"]);
    assert_eq!(publish(&mut Client::connect(server.address), "news", "0123456789").status, 202);
    let answer = publish(&mut Client::connect(server.address), "news", "0123456789x");
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("--max-content"), "{}", answer.text());
}

/// Those who listen make topics as well, for as long as they do.
fn there_are_no_more_topics_than_there_may_be(binary: Binary) {
    let server = Server::start(binary, &["--max-topics", "2"]);
    let mut client = Client::connect(server.address);
    assert_eq!(publish(&mut client, "a", "one").status, 202);
    let page = Listener::open(&server, "/topics/b/events");
    for answer in [publish(&mut client, "c", "one"), client.get("/topics/c"), client.get("/topics/c/events")]
    {
        assert_eq!(answer.status, 507, "{}", answer.head);
        assert!(answer.text().contains("--max-topics"), "{}", answer.text());
    }
    drop(page);
    until("there is room", || publish(&mut client, "c", "one").status == 202);
    delete(&mut client, "a");
    assert_eq!(publish(&mut client, "d", "one").status, 202);
    assert_eq!(publish(&mut client, "a", "one").status, 507);
}
