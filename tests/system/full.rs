//! More clients than there is room for: descriptors used up, and `--max-connections`.

use std::thread;
use std::time::Duration;

use crate::client::{Client, Footprint, get, stat};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    waits_with_accepting_when_descriptors_are_used_up,
    turns_away_one_connection_too_many,
    turns_away_clients_that_say_nothing,
);

fn waits_with_accepting_when_descriptors_are_used_up(binary: Binary) {
    let server = Server::start_with_descriptors(binary, 64);
    let alone = Footprint::of(&server);
    let mut witness = Client::connect(server.address);
    let mut clients: Vec<Client> = (1..100).map(|_| Client::connect(server.address)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(&format!("/echo/{number}")));
    }
    until("accepting pauses", || stat(&mut witness, "accept_pauses") == 1);
    let open = stat(&mut witness, "connections") as usize - 1;
    assert!((32..64).contains(&open), "{open} connections with 64 descriptors");
    let mut waiting = clients.split_off(open);

    let cpu = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while accepting paused");

    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.answer().text(), number.to_string());
        assert_eq!(client.get("/echo/again").text(), "again");
    }
    // Who leaves makes room for one who waits, at once.
    let still_waiting = waiting.split_off(open / 2);
    clients.drain(..open / 2);
    for (number, client) in waiting.iter_mut().enumerate() {
        assert_eq!(client.answer().text(), (open + number).to_string());
    }
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/echo/again").text(), "again"));
    drop((clients, waiting));
    for (number, mut client) in still_waiting.into_iter().enumerate() {
        assert_eq!(client.answer().text(), (open + open / 2 + number).to_string());
    }
    drop(witness);
    alone.until_alone_again(&server);
    let finished = server.stop();
    assert_eq!(finished.stderr.lines().count(), 1, "one pause, one line: {}", finished.stderr);
}

fn turns_away_one_connection_too_many(binary: Binary) {
    let server = Server::start(binary, &["--max-connections", "3"]);
    let alone = Footprint::of(&server);
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.address)).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));

    for _ in 0..10 {
        let mut fourth = Client::connect(server.address);
        fourth.send(get("/plaintext"));
        let answer = fourth.answer();
        assert_eq!(answer.status, 503);
        assert!(answer.has("Retry-After: 1") && answer.has("Connection: close"), "{}", answer.head);
        fourth.expect_end();
    }
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));

    clients.pop();
    until("a place is free", || {
        let mut next = Client::connect(server.address);
        next.send(get("/plaintext"));
        let answer = next.answer();
        let found = answer.status == 200;
        clients.extend(found.then_some(next));
        found
    });
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    drop(clients);
    alone.until_alone_again(&server);
}

/// The one too many is told at once, and has its place for no longer than it takes to say so and to linger.
fn turns_away_clients_that_say_nothing(binary: Binary) {
    let server = Server::start(binary, &["--max-connections", "1"]);
    let mut first = Client::connect(server.address);
    assert_eq!(first.get("/plaintext").status, 200);
    let mut silent: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for client in &mut silent {
        assert_eq!(client.answer().status, 503);
        client.expect_end();
    }
    until("those who linger are dropped", || stat(&mut first, "connections") == 1);
}
