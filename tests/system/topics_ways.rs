//! One feed in every way out, and what those who come too late are told.

use std::thread;

use serde_json::Value;

use crate::client::{Client, get, stat};
use crate::listener::Listener;
use crate::process::{Binary, Server, on_each_server, until};
use crate::topics::{Lines, id, json, publish, until_held_back};
use crate::websocket::{WebSocket, text};

on_each_server!(
    every_way_out_tells_the_same_in_the_same_order,
    a_listener_makes_it_created,
    a_long_poll_is_woken_by_an_event,
    a_long_poll_waits_for_as_many_bytes_as_it_wants,
    what_history_has_lost_is_told_in_every_way,
    history_ends_by_age,
);

/// An event, as far as a way out tells of it.
type Heard = (Option<u64>, String);

fn heard(event: &Value) -> Heard {
    (event["id"].as_u64(), event["data"].as_str().expect("text").to_owned())
}

/// Whoever polls hears so many events, some at a time.
fn poll(mut client: Client, count: usize) -> Vec<Heard> {
    let (mut all, mut last_id) = (Vec::new(), "0".to_owned());
    while all.len() < count {
        let answer = client.get(&format!("/topics/news?since={last_id}&wait=30&limit=7"));
        assert_eq!(answer.status, 200, "{}", answer.head);
        for line in answer.text().lines() {
            let (id, data) = line.split_once('\t').expect("an id");
            all.push((id.parse().ok(), data.to_owned()));
        }
        last_id = answer.field("X-Last-Event-ID").expect("a position").to_owned();
        assert!(answer.has(&format!("ETag: W/\"{last_id}\"")), "{}", answer.head);
    }
    all
}

fn every_way_out_tells_the_same_in_the_same_order(binary: Binary) {
    const EACH: usize = 100;
    const ALL: usize = 3 * EACH;
    let server = Server::start(binary, &[]);
    let mut pages: Vec<_> = (0..3).map(|_| Listener::open(&server, "/topics/news/events")).collect();
    pages.push(Listener::open(&server, "/topics/other,news/events"));
    let mut raw = [Lines::open(&server, "/topics/news/raw"), Lines::open(&server, "/topics/news/raw")];
    let mut ndjson = Lines::open(&server, "/topics/news/json");
    assert_eq!(ndjson.next_json().expect("its beginning")["event"], "open");
    let mut plain = WebSocket::open(&server, "/topics/news/ws");
    let fields = "Sec-WebSocket-Protocol: lab.json.v1\r\n";
    let (mut objects, _) = WebSocket::open_with(&server, "/topics/news/ws", fields);
    let (mut published, told): (Vec<Heard>, Vec<Vec<Heard>>) = thread::scope(|scope| {
        let mut listeners = Vec::new();
        for page in &mut pages {
            listeners.push(scope.spawn(move || {
                let events = (0..ALL).map(|_| page.next().expect("an event"));
                let own_id = |id: &str| id.rsplit(':').next().and_then(|id| id.parse().ok());
                events.map(|event| (own_id(&event.last_event_id), event.data)).collect()
            }));
        }
        for raw in &mut raw {
            listeners
                .push(scope.spawn(move || (0..ALL).map(|_| (None, raw.next().expect("an event"))).collect()));
        }
        let ndjson = &mut ndjson;
        listeners.push(
            scope.spawn(move || (0..ALL).map(|_| heard(&ndjson.next_json().expect("an event"))).collect()),
        );
        let (plain, objects) = (&mut plain, &mut objects);
        listeners.push(scope.spawn(move || (0..ALL).map(|_| (None, plain.text())).collect()));
        listeners.push(scope.spawn(move || (0..ALL).map(|_| heard(&json(&objects.text()))).collect()));
        for _ in 0..2 {
            let client = Client::connect(server.address);
            listeners.push(scope.spawn(move || poll(client, ALL)));
        }
        let publishers: Vec<_> = (0..3)
            .map(|publisher| {
                let mut client = Client::connect(server.address);
                scope.spawn(move || -> Vec<Heard> {
                    let data = (0..EACH).map(|number| format!("{number} of {publisher}"));
                    data.map(|data| (Some(id(&publish(&mut client, "news", &data))), data)).collect()
                })
            })
            .collect();
        let published = publishers.into_iter().flat_map(|publisher| publisher.join().expect("published"));
        (
            published.collect(),
            listeners.into_iter().map(|listener| listener.join().expect("heard all")).collect(),
        )
    });
    published.sort();
    assert!(published.iter().map(|(id, _)| *id).eq((1..=ALL as u64).map(Some)));
    for (listener, told) in told.iter().enumerate() {
        let is_same = |((id, data), (told_id, told)): (&Heard, &Heard)| {
            data == told && (told_id.is_none() || told_id == id)
        };
        let is_all = told.len() == ALL && published.iter().zip(told).all(is_same);
        assert!(is_all, "listener {listener} was told otherwise: {told:?}");
    }
}

/// A listener of any way, and one who waits for an answer; but nobody who has had it.
fn a_listener_makes_it_created(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    let mut expect = |status: u16, text: &str| {
        let answer = publish(&mut client, "news", "hello");
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
    };
    expect(202, "id 1, subscribers 0, queued 1\n");
    let _page = Listener::open(&server, "/topics/news/events");
    let _several = Listener::open(&server, "/topics/a,news,b/events");
    let _raw = Lines::open(&server, "/topics/news/raw");
    let _socket = WebSocket::open(&server, "/topics/news/ws");
    let mut poll = Client::connect(server.address);
    assert_eq!(poll.get("/topics/news?since=0&wait=30").status, 200);
    expect(201, "id 2, subscribers 4, queued 2\n");
}

fn a_long_poll_is_woken_by_an_event(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut waiting: Vec<_> = (0..5).map(|_| Client::connect(server.address)).collect();
    for round in 0..3 {
        for client in &mut waiting {
            client.send(get(&format!("/topics/news?since={round}&wait=120")));
        }
        until_held_back(&mut author, 5);
        // What others hear does not concern them.
        publish(&mut author, "other", "nothing");
        let answer = publish(&mut author, "news", "at last");
        assert_eq!((answer.status, id(&answer)), (201, round + 1));
        for client in &mut waiting {
            assert_eq!(client.answer().text(), format!("{}\tat last\n", round + 1));
        }
        until_held_back(&mut author, 0);
    }
    // Who has all is told when there is more.
    waiting[0].send(
        "GET /topics/news?since=2 HTTP/1.1\r\nHost: lab\r\nIf-None-Match: W/\"3\"\r\nPrefer: wait=120\r\n\r\n",
    );
    until_held_back(&mut author, 1);
    publish(&mut author, "news", "more");
    let answer = waiting[0].answer();
    assert!(answer.has("Preference-Applied: wait=120"), "{}", answer.head);
    assert_eq!(answer.text(), "3\tat last\n4\tmore\n");
}

fn a_long_poll_waits_for_as_many_bytes_as_it_wants(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut client] = std::array::from_fn(|_| Client::connect(server.address));
    client.send(get("/topics/news?since=0&min_bytes=10&wait=120"));
    until_held_back(&mut author, 1);
    for data in ["0123", "4567"] {
        publish(&mut author, "news", data);
        assert_eq!(stat(&mut author, "longpoll_waiters"), 1);
    }
    publish(&mut author, "news", "89");
    assert_eq!(client.answer().text(), "1\t0123\n2\t4567\n3\t89\n");
}

fn what_history_has_lost_is_told_in_every_way(binary: Binary) {
    let server = Server::start(binary, &["--history-events", "10"]);
    let mut client = Client::connect(server.address);
    (1..=100).for_each(|number| assert_eq!(id(&publish(&mut client, "news", &number.to_string())), number));
    let answer = client.get("/topics/news?since=5");
    assert!(answer.has("X-Gap: 6-90"), "{}", answer.head);
    assert_eq!(answer.text(), (91..=100).map(|number| format!("{number}\t{number}\n")).collect::<String>());
    assert!(!client.get("/topics/news?since=90").head.contains("X-Gap"));

    let mut page = Listener::open_behind(&server, "/topics/news/events", "5");
    assert!(page.head.has("X-Last-Event-ID: 90"), "{}", page.head.head);
    let gap = page.next().expect("a gap");
    assert_eq!((gap.kind.as_str(), gap.last_event_id.as_str()), ("gap", "90"));
    assert_eq!(json(&gap.data), serde_json::json!({ "topic": "news", "from": 6, "to": 90 }));
    (91..=100).for_each(|number: u64| assert_eq!(page.next().expect("an event").data, number.to_string()));

    let mut raw = Lines::open(&server, "/topics/news/raw?since=89");
    assert_eq!([raw.next(), raw.next()], ["(gap: 90)", "91"].map(|line| Some(line.to_owned())));
    let mut objects = Lines::open(&server, "/topics/news/json?since=5");
    // Whoever keeps this and hears no more is told of the gap when it comes again.
    assert_eq!(objects.next_json().expect("its beginning")["last_id"], "5");
    assert_eq!(objects.next_json().expect("a gap")["gap"]["from"], 6);
    assert_eq!(objects.next_json().expect("an event")["id"], 91);
    let mut socket = WebSocket::open(&server, "/topics/news/ws?since=5");
    assert_eq!([socket.text(), socket.text()], ["(gap: 6-90)", "91"]);
    socket.send(text("101"));
    (92..=101).for_each(|number: u64| assert_eq!(socket.text(), number.to_string()));
}

fn history_ends_by_age(binary: Binary) {
    let server = Server::start(binary, &["--history-age", "200ms"]);
    let mut client = Client::connect(server.address);
    let mut page = Listener::open(&server, "/topics/news/events");
    publish(&mut client, "news", "soon forgotten");
    assert_eq!(page.next().expect("an event").data, "soon forgotten");
    until("it is forgotten", || client.get("/topics/news").status == 204);
    let answer = client.get("/topics/news?since=0");
    assert_eq!((answer.status, answer.field("X-Gap")), (204, Some("1")));
    assert_eq!(id(&publish(&mut client, "news", "the next")), 2);
}
