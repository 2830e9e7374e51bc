//! Peers that leave at the wrong time: they cost nothing and take nobody with them.

use crate::client::{Client, Footprint, get};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    survives_resets_inside_requests,
    survives_resets_inside_answers,
    survives_clients_that_do_not_wait,
    forgets_clients_that_are_lost_while_nothing_is_read,
    answers_a_client_that_has_finished_sending,
    refuses_a_request_that_ends_too_early,
    delivers_a_refusal_to_a_client_that_goes_on_sending,
);

/// Runs `visit` many times; another client is served meanwhile, and nothing is left behind.
fn visit_many_times(binary: Binary, visit: impl Fn(Client, usize)) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut other = Client::connect(server.address);
    for number in 0..50 {
        visit(Client::connect(server.address), number);
        assert_eq!(other.get(&format!("/echo/{number}")).text(), number.to_string());
    }
    drop(other);
    alone.until_alone_again(&server);
}

fn survives_resets_inside_requests(binary: Binary) {
    const REQUEST: &str = "POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 100\r\n\r\n0123456789";
    visit_many_times(binary, |mut client, number| {
        client.send(&REQUEST[..number % (REQUEST.len() + 1)]);
        client.reset();
    });
}

fn survives_resets_inside_answers(binary: Binary) {
    visit_many_times(binary, |mut client, number| {
        client.send(get(["/bytes/100000000", "/drip?numbytes=1000&duration=30"][number % 2]));
        client.head();
        client.reset();
    });
}

fn survives_clients_that_do_not_wait(binary: Binary) {
    visit_many_times(binary, |mut client, number| {
        client.send(get(["/delay/300ms", "/drip?numbytes=100&duration=1"][number % 2]));
        if number % 3 == 0 {
            client.finish_sending();
        }
    });
}

/// Behind a delay, neither a stream that has ended nor a full queue of requests is read.
fn forgets_clients_that_are_lost_while_nothing_is_read(binary: Binary) {
    visit_many_times(binary, |mut client, number| {
        client.send(get("/delay/60"));
        if number % 2 == 0 {
            client.finish_sending();
        } else {
            client.send(get("/plaintext").repeat(3000));
        }
        client.reset();
    });
}

fn answers_a_client_that_has_finished_sending(binary: Binary) {
    visit_many_times(binary, |mut client, number| {
        let target =
            ["/delay/20ms", "/drip?numbytes=10&duration=20ms", "/bytes/3000000", "/echo/x"][number % 4];
        client.send([get("/echo/first"), get(target)].concat());
        client.finish_sending();
        assert_eq!(client.answer().text(), "first");
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{target}");
        let length = [None, Some(10), Some(3_000_000), Some(1)][number % 4];
        assert_eq!(length.unwrap_or(answer.content.len()), answer.content.len(), "{target}");
        client.expect_end();
    });
}

fn refuses_a_request_that_ends_too_early(binary: Binary) {
    visit_many_times(binary, |mut client, number| {
        client.send(
            ["GET / HT", "POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 9\r\n\r\nabc"][number % 2],
        );
        client.finish_sending();
        let answer = client.answer();
        assert_eq!(answer.status, 400);
        assert!(answer.has("Connection: close"));
        client.expect_end();
    });
}

/// What arrives behind the last answer must not turn into a reset that destroys it (RFC 9112 §9.6).
fn delivers_a_refusal_to_a_client_that_goes_on_sending(binary: Binary) {
    visit_many_times(binary, |mut client, _| {
        client.send("POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
        client.send(vec![b'x'; 300_000]);
        assert_eq!(client.answer().status, 400);
        client.expect_end();
    });
}
