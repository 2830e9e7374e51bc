//! Queues between connections: who is called, what is given back, and what is still there behind a crash.

use std::io::Read;

use crate::client::{Answer, Client, Footprint, get, stat};
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::{WebSocket, text};

on_each_server!(
    who_waits_is_called_by_a_message,
    each_message_calls_one,
    who_has_gone_is_not_called,
    a_lease_that_ends_is_news_to_whoever_waits,
    a_broken_connection_gives_back_what_was_pushed,
    an_ack_by_http_makes_room_for_the_next_event,
    two_consumers_share_the_work,
    who_does_not_read_keeps_no_more_than_it_was_sent,
    a_full_queue_refuses_until_somebody_has_taken,
    nobody_waits_for_a_server_that_stops,
    messages_and_leases_outlive_a_crash,
);

fn post(client: &mut Client, target: &str, content: &str) -> Answer {
    let length = content.len();
    client.send(format!("POST {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n{content}"));
    client.answer()
}

/// The status of a request without content; 204 if it goes well.
fn ask(client: &mut Client, method: &str, target: &str) -> u16 {
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: lab\r\n\r\n"));
    let head = client.head();
    if let Some(length) = head.head.lines().find_map(|line| line.strip_prefix("Content-Length: ")) {
        let length = length.parse().expect("a number");
        client.reader().read_exact(&mut vec![0; length]).expect("the content of a refusal");
    }
    head.status
}

/// A line of what is told of a queue.
fn count(client: &mut Client, queue: &str, name: &str) -> u64 {
    let page = client.get(&format!("/queues/{queue}")).text();
    let number = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {page}"))
}

/// Begins to wait, and comes back when the server holds so many requests back.
fn wait_for(waiting: &mut Client, other: &mut Client, target: &str, waiters: u64) {
    waiting.send(get(target));
    until("the request is held back", || stat(other, "longpoll_waiters") == waiters);
}

/// Opens a stream of events, and takes its first bytes.
fn events(server: &Server, target: &str) -> Client {
    let mut stream = Client::connect(server.address);
    stream.send(get(target));
    assert_eq!(stream.head().status, 200);
    assert_eq!(chunk(&mut stream), "retry: 2000\n: ok\n");
    stream
}

fn chunk(stream: &mut Client) -> String {
    let mut content = vec![0; stream.chunk_size().expect("a chunk")];
    stream.reader().read_exact(&mut content).expect("the whole of a chunk");
    stream.chunk_end().expect("the end of a chunk");
    String::from_utf8(content).expect("text")
}

fn who_waits_is_called_by_a_message(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut consumer] = std::array::from_fn(|_| Client::connect(server.address));
    wait_for(&mut consumer, &mut author, "/queues/q/next?wait=120&consumer=ann", 1);
    assert_eq!(post(&mut author, "/queues/q", "hello").status, 201);
    let answer = consumer.answer();
    assert_eq!((answer.status, answer.text()), (200, "hello".to_owned()));
    assert!(answer.has("X-Delivery-Tag: 1.1") && answer.has("X-Redelivered: 0"), "{}", answer.head);
    assert_eq!(stat(&mut author, "longpoll_waiters"), 0);
    let page = author.get("/queues/q").text();
    assert!(page.ends_with("1.1 is with ann\n"), "{page}");
    assert_eq!(ask(&mut consumer, "POST", "/queues/q/ack/1.1"), 204);
}

fn each_message_calls_one(binary: Binary) {
    const CONSUMERS: usize = 50;
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut consumers: Vec<Client> = (0..CONSUMERS).map(|_| Client::connect(server.address)).collect();
    for (number, consumer) in (1..).zip(&mut consumers) {
        wait_for(consumer, &mut author, "/queues/q/next?wait=120", number);
    }
    for number in 1..=CONSUMERS {
        post(&mut author, "/queues/q", &number.to_string());
    }
    let mut taken: Vec<usize> =
        consumers.iter_mut().map(|consumer| consumer.answer().text().parse().expect("a number")).collect();
    taken.sort_unstable();
    assert!(taken.iter().copied().eq(1..=CONSUMERS), "{taken:?}");
    assert_eq!(count(&mut author, "q", "delivered"), CONSUMERS as u64);
    assert_eq!((count(&mut author, "q", "ready"), count(&mut author, "q", "leased")), (0, CONSUMERS as u64));
}

fn who_has_gone_is_not_called(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let [mut author, mut last] = std::array::from_fn(|_| Client::connect(server.address));
    for number in 0..10 {
        let mut gone = Client::connect(server.address);
        wait_for(&mut gone, &mut author, "/queues/q/next?wait=120", 1);
        if number % 2 == 0 {
            gone.reset();
        } else {
            drop(gone);
        }
        until("it is forgotten", || stat(&mut author, "longpoll_waiters") == 0);
    }
    assert_eq!(stat(&mut author, "consumers"), 0);
    wait_for(&mut last, &mut author, "/queues/q/next?wait=120", 1);
    post(&mut author, "/queues/q", "hello");
    assert!(last.answer().has("X-Deliveries: 1"));
    drop((author, last));
    alone.until_alone_again(&server);
}

fn a_lease_that_ends_is_news_to_whoever_waits(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut forgetful, mut next] = std::array::from_fn(|_| Client::connect(server.address));
    // They wait before there is a lease, and nothing but its end happens then.
    wait_for(&mut forgetful, &mut author, "/queues/q/next?wait=120&lease=300ms", 1);
    wait_for(&mut next, &mut author, "/queues/q/next?wait=120", 2);
    post(&mut author, "/queues/q", "hello");
    assert_eq!(forgetful.answer().text(), "hello");
    let answer = next.answer();
    assert!(answer.has("X-Delivery-Tag: 1.2") && answer.has("X-Redelivered: 1"), "{}", answer.head);
    assert_eq!(ask(&mut forgetful, "POST", "/queues/q/ack/1.1"), 410);
    assert_eq!(ask(&mut next, "POST", "/queues/q/ack/1.2"), 204);
    assert_eq!(ask(&mut next, "POST", "/queues/q/ack/1.2"), 409);
}

fn a_broken_connection_gives_back_what_was_pushed(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let [mut author, mut next] = std::array::from_fn(|_| Client::connect(server.address));
    post(&mut author, "/queues/q?max_deliveries=100", "hello");
    for number in 1..=8 {
        let tag = format!("1.{number}");
        match number % 4 {
            0 | 1 => {
                let mut stream = events(&server, "/queues/q/events");
                assert_eq!(chunk(&mut stream), format!("id: {tag}\ndata: hello\n\n"));
                if number % 4 == 0 { stream.reset() } else { drop(stream) }
            }
            _ => {
                let mut socket = WebSocket::open(&server, "/queues/q/ws");
                assert_eq!(socket.text(), format!("{tag} hello"));
                if number % 4 == 2 { socket.reset() } else { socket.leave() }
            }
        }
        until("it is given back", || count(&mut author, "q", "ready") == 1);
        assert_eq!(ask(&mut author, "POST", &format!("/queues/q/ack/{tag}")), 410);
    }
    // And whoever waits meanwhile has it in the same turn.
    let mut stream = events(&server, "/queues/q/events");
    assert_eq!(chunk(&mut stream), "id: 1.9\ndata: hello\n\n");
    wait_for(&mut next, &mut author, "/queues/q/next?wait=120", 1);
    drop(stream);
    assert!(next.answer().has("X-Delivery-Tag: 1.10"));
    drop((author, next));
    alone.until_alone_again(&server);
}

fn an_ack_by_http_makes_room_for_the_next_event(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut stream = events(&server, "/queues/q/events?prefetch=2");
    for number in 1..=4 {
        post(&mut author, "/queues/q", &number.to_string());
    }
    let mut take = |number| assert_eq!(chunk(&mut stream), format!("id: {number}.1\ndata: {number}\n\n"));
    take(1);
    take(2);
    assert_eq!((count(&mut author, "q", "ready"), count(&mut author, "q", "leased")), (2, 2));
    assert_eq!(ask(&mut author, "POST", "/queues/q/ack/2.1"), 204);
    take(3);
    assert_eq!((count(&mut author, "q", "ready"), count(&mut author, "q", "leased")), (1, 2));
    assert_eq!(ask(&mut author, "DELETE", "/queues/q"), 204);
    // The window is empty now, and the connection lives.
    post(&mut author, "/queues/q", "5");
    take(5);
}

/// Each has one message at a time, so that one may be slow.
fn two_consumers_share_the_work(binary: Binary) {
    const MESSAGES: usize = 100;
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let [mut slow, mut quick] = ["ann", "bob"]
        .map(|name| WebSocket::open(&server, &format!("/queues/q/ws?prefetch=1&consumer={name}")));
    for number in 0..MESSAGES {
        post(&mut author, "/queues/q", &number.to_string());
    }
    let kept = slow.text();
    let mut done: Vec<usize> = (1..MESSAGES).map(|_| work(&mut quick, None)).collect();
    done.push(work(&mut slow, Some(kept)));
    until("all are acked", || count(&mut author, "q", "acked") == MESSAGES as u64);
    done.sort_unstable();
    assert!(done.iter().copied().eq(0..MESSAGES), "{done:?}");
    assert_eq!(count(&mut author, "q", "redelivered"), 0);
}

/// Takes a message, unless it has been taken, and acks it; answers what it says.
fn work(consumer: &mut WebSocket, taken: Option<String>) -> usize {
    let message = taken.unwrap_or_else(|| consumer.text());
    let (tag, number) = message.split_once(' ').expect("a tag and a content");
    consumer.send(text(&format!("ack {tag}")));
    number.parse().expect("a number")
}

/// A message is not kept for somebody who cannot come to fetch it.
fn who_does_not_read_keeps_no_more_than_it_was_sent(binary: Binary) {
    let server = Server::start(binary, &["--max-content", "8000000"]);
    let [mut author, mut next] = std::array::from_fn(|_| Client::connect(server.address));
    let mut deaf = Client::connect_narrow(server.address);
    deaf.send(get("/queues/q/events?prefetch=10"));
    until("it is there", || stat(&mut author, "consumers") == 1);
    // More than the system takes for it.
    post(&mut author, "/queues/q", &"x".repeat(7_000_000));
    until("it was called", || count(&mut author, "q", "leased") == 1);
    wait_for(&mut next, &mut author, "/queues/q/next?wait=120", 1);
    post(&mut author, "/queues/q", "hello");
    assert_eq!(next.answer().text(), "hello");
}

fn a_full_queue_refuses_until_somebody_has_taken(binary: Binary) {
    let server = Server::start(binary, &["--max-messages", "3", "--max-deliveries", "1"]);
    let mut client = Client::connect(server.address);
    for id in 1..=3 {
        assert_eq!(post(&mut client, "/queues/q", "x").text(), format!("{id}\n"));
    }
    let answer = post(&mut client, "/queues/q", "x");
    assert_eq!(answer.status, 429);
    assert!(answer.has("Retry-After: 1") && answer.text().contains("--max-messages"), "{answer:?}");
    // Leased ones are still there; dead ones are elsewhere.
    client.get("/queues/q/next");
    assert_eq!(post(&mut client, "/queues/q", "x").status, 429);
    assert_eq!(ask(&mut client, "POST", "/queues/q/nack/1.1"), 204);
    assert_eq!(post(&mut client, "/queues/q", "x").text(), "4\n");
    let page = client.get("/queues").text();
    assert_eq!(page.lines().count(), 3, "{page}");
    assert!(page.contains("  q\n") && page.contains("  q.dead\n"), "{page}");
}

fn nobody_waits_for_a_server_that_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut next] = std::array::from_fn(|_| Client::connect(server.address));
    wait_for(&mut next, &mut author, "/queues/q/next?wait=120", 1);
    let mut stream = events(&server, "/queues/other/events");
    let mut socket = WebSocket::open(&server, "/queues/other/ws");
    server.signal("TERM");
    let answer = next.answer();
    assert_eq!(answer.status, 204);
    assert!(answer.has("Connection: close"));
    assert_eq!(chunk(&mut stream), "");
    assert_eq!(socket.close().0, 1001);
    drop((author, next, stream, socket));
    assert_eq!(server.finish().status.code(), Some(0));
}

/// What was answered 201 is there. A lease goes on, and what was pushed comes again.
fn messages_and_leases_outlive_a_crash(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--data", folder.path().to_str().expect("UTF-8")];
    let server = Server::start(binary, &options);
    let mut client = Client::connect(server.address);
    for content in ["leased", "pushed", "acked", "late"] {
        assert_eq!(post(&mut client, "/queues/q", content).status, 201);
    }
    assert_eq!(client.get("/queues/q/next?lease=3600&consumer=ann").text(), "leased");
    let mut stream = events(&server, "/queues/q/events");
    assert_eq!(chunk(&mut stream), "id: 2.1\ndata: pushed\n\n");
    assert_eq!(client.get("/queues/q/next").text(), "acked");
    assert_eq!(client.get("/queues/q/next?lease=1ms").text(), "late");
    assert_eq!(ask(&mut client, "POST", "/queues/q/ack/3.1?ack=write"), 204);
    drop(server);

    let server = Server::start(binary, &options);
    let mut client = Client::connect(server.address);
    let page = client.get("/queues/q").text();
    assert!(page.starts_with("ready: 2\nleased: 1\n") && page.ends_with("1.1 is with ann\n"), "{page}");
    for (tag, content) in [("2.2", "pushed"), ("4.2", "late")] {
        let answer = client.get("/queues/q/next");
        assert_eq!(answer.text(), content);
        assert!(answer.has(&format!("X-Delivery-Tag: {tag}")), "{}", answer.head);
    }
    assert_eq!(ask(&mut client, "POST", "/queues/q/ack/1.1"), 204);
    assert_eq!(ask(&mut client, "POST", "/queues/q/ack/3.1"), 410);
    // No number comes again, and none that somebody may have seen of what was lost.
    assert_eq!(post(&mut client, "/queues/q", "new").text(), "100001\n");
}
