//! Whoever comes again, and again, while events are being published, has lost nothing and hears nothing twice.

use std::thread;

use crate::client::Client;
use crate::listener::Listener;
use crate::process::{Binary, Server, on_each_server};
use crate::topics::{Lines, delete, id, publish};
use crate::websocket::WebSocket;

on_each_server!(
    a_page_that_comes_again_has_lost_nothing,
    a_page_with_several_topics_has_lost_nothing_of_each,
    who_comes_another_way_each_time_has_lost_nothing,
    what_was_published_survives_the_server,
);

/// More than it would take to publish all before a listener has come twice.
const EVENTS: u64 = 3000;

/// Enough for everything that is ever published here.
const HISTORY: [&str; 4] = ["--history-events", "100000", "--history-bytes", "100000000"];

/// Publishes so many events on each topic, each with its id as its data, while `listen` goes on.
fn while_publishing(server: &Server, topics: &[&str], listen: impl FnOnce()) {
    thread::scope(|scope| {
        for topic in topics {
            let mut client = Client::connect(server.address);
            scope.spawn(move || {
                for number in 1..=EVENTS {
                    assert_eq!(id(&publish(&mut client, topic, &number.to_string())), number);
                }
            });
        }
        listen();
    });
}

/// How much a listener hears before it goes again; nothing, at times.
fn patience(visit: u64) -> u64 {
    visit * 7919 % 61
}

fn a_page_that_comes_again_has_lost_nothing(binary: Binary) {
    let server = Server::start(binary, &HISTORY);
    while_publishing(&server, &["news"], || {
        let (mut heard, mut visits) = (0, 0);
        while heard < EVENTS {
            let mut page = Listener::open_behind(&server, "/topics/news/events", &heard.to_string());
            for _ in 0..patience(visits).min(EVENTS - heard) {
                heard += 1;
                let event = page.next().expect("an event");
                assert_eq!((event.last_event_id, event.data), (heard.to_string(), heard.to_string()));
            }
            if visits % 3 == 0 {
                page.reset();
            }
            visits += 1;
        }
    });
}

fn a_page_with_several_topics_has_lost_nothing_of_each(binary: Binary) {
    let server = Server::start(binary, &HISTORY);
    while_publishing(&server, &["a", "b"], || {
        let (mut heard, mut visits, mut last_event_id) = ([0, 0], 0, "a:0,b:0".to_owned());
        while heard != [EVENTS, EVENTS] {
            let mut page = Listener::open_behind(&server, "/topics/a,b/events", &last_event_id);
            for _ in 0..patience(visits).min(2 * EVENTS - heard[0] - heard[1]) {
                let event = page.next().expect("an event");
                last_event_id = event.last_event_id;
                let ids: Vec<u64> =
                    last_event_id.split([',', ':']).filter_map(|part| part.parse().ok()).collect();
                let of = usize::from(ids[0] == heard[0]);
                heard[of] += 1;
                assert_eq!((&ids[..], event.data), (&heard[..], heard[of].to_string()));
            }
            visits += 1;
        }
    });
}

/// An id is worth the same everywhere.
fn who_comes_another_way_each_time_has_lost_nothing(binary: Binary) {
    let server = Server::start(binary, &HISTORY);
    while_publishing(&server, &["news"], || {
        let (mut last, mut visits) = (0, 0);
        while last < EVENTS {
            for data in visit(&server, visits, last, patience(visits).min(EVENTS - last)) {
                last += 1;
                assert_eq!(data, last.to_string());
            }
            visits += 1;
        }
    });
}

/// What is heard of so many events behind the last one.
fn visit(server: &Server, visits: u64, last: u64, wanted: u64) -> Vec<String> {
    match visits % 5 {
        0 => {
            let mut page = Listener::open(server, &format!("/topics/news/events?last_event_id={last}"));
            (0..wanted).map(|_| page.next().expect("an event").data).collect()
        }
        1 => {
            let mut raw = Lines::open(server, &format!("/topics/news/raw?since={last}"));
            (0..wanted).map(|_| raw.next().expect("an event")).collect()
        }
        2 => {
            let mut objects = Lines::open(server, &format!("/topics/news/json?since={last}"));
            assert_eq!(objects.next_json().expect("its beginning")["last_id"], last.to_string());
            let data = (0..wanted).map(|_| objects.next_json().expect("an event")["data"].clone());
            data.map(|data| data.as_str().expect("text").to_owned()).collect()
        }
        3 => {
            let mut socket = WebSocket::open(server, &format!("/topics/news/ws?since={last}"));
            (0..wanted).map(|_| socket.text()).collect()
        }
        _ => {
            let target = format!("/topics/news?since={last}&limit={}&wait=30", wanted.max(1));
            let text = Client::connect(server.address).get(&target).text();
            text.lines().map(|line| line.split_once('\t').expect("an id").1.to_owned()).collect()
        }
    }
}

/// However it ends, and also that a topic was deleted.
fn what_was_published_survives_the_server(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--data", folder.path().to_str().expect("UTF-8")];
    let mut heard = 0;
    for signal in ["TERM", "KILL", "TERM"] {
        let server = Server::start(binary, &options);
        let mut client = Client::connect(server.address);
        let mut page = Listener::open_behind(&server, "/topics/news/events", &heard.to_string());
        for number in 0..20 {
            let published = publish(&mut client, "news", &number.to_string());
            assert_eq!(published.status, 201);
            let event = page.next().expect("an event");
            assert_eq!((event.kind.as_str(), event.data), ("message", number.to_string()));
            heard = event.last_event_id.parse().expect("a number");
            assert_eq!(heard, id(&published));
        }
        // All but the last, which the next server tells.
        let unheard = publish(&mut client, "news", "while nobody listened");
        assert_eq!(page.next().expect("an event").last_event_id, id(&unheard).to_string());
        publish(&mut client, "gone", "for a moment");
        delete(&mut client, "gone");
        server.signal(signal);
        drop((client, page));
        server.finish();

        let server = Server::start(binary, &options);
        let mut page = Listener::open_behind(&server, "/topics/news/events", &heard.to_string());
        let event = page.next().expect("an event");
        assert_eq!(
            (event.data.as_str(), event.last_event_id),
            ("while nobody listened", id(&unheard).to_string())
        );
        heard = id(&unheard);
        let mut client = Client::connect(server.address);
        assert_eq!(client.get("/topics/gone/events").status, 204);
        drop((client, page));
        assert_eq!(server.stop().status.code(), Some(0));
    }
}
