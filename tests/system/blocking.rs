//! Work that takes long: who does it, who waits for it, and what the server tells of it.

use std::io::ErrorKind;

use crate::client::{Client, get, stat};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    the_lines_come_in_the_order_in_which_things_happened,
    who_reads_is_who_is_native_there,
    only_sync_keeps_others_waiting,
    only_block_keeps_others_waiting,
    who_has_gone_is_forgotten_by_the_work,
    who_has_only_finished_sending_gets_the_answer,
    there_are_two_places_to_compute_at,
    a_loop_that_was_blocked_says_by_whom,
    epoll_refuses_files,
    errands_are_counted,
    system_calls_are_counted_by_kind,
);

fn the_lines_come_in_the_order_in_which_things_happened(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    for _ in 0..20 {
        assert_eq!(order(&read(&mut client, "sync")), ["1", "file", "2"]);
        for mode in ["async", "thread", "completion"] {
            assert_eq!(order(&read(&mut client, mode)), ["1", "2", "file"], "{mode}");
        }
    }
}

fn who_reads_is_who_is_native_there(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    for mode in ["sync", "async", "thread", "completion"] {
        let text = read(&mut client, mode);
        let (serves, reads) = (doer(&text, "1"), doer(&text, "file"));
        assert_eq!(doer(&text, "2"), serves);
        assert!(serves.starts_with("thread "), "{text}");
        match (mode, binary) {
            ("sync", _) => assert_eq!(reads, serves, "{text}"),
            ("async" | "completion", Binary::Uring) => assert_eq!(reads, "the kernel", "{text}"),
            _ => assert!(reads.starts_with("thread ") && reads != serves, "{mode}: {text}"),
        }
        let has_stood_in = text.contains("a thread does what the kernel would do");
        assert_eq!(has_stood_in, mode == "completion" && binary != Binary::Uring, "{text}");
        let has_blocked_all = text.contains("everybody else has waited");
        assert_eq!(has_blocked_all, mode == "sync" && binary != Binary::Threads, "{text}");
    }
}

fn only_sync_keeps_others_waiting(binary: Binary) {
    let server = Server::start(binary, &[]);
    let keeps_waiting =
        |mode, delay| keeps_others_waiting(&server, &format!("/demo/read?mode={mode}&delay={delay}"));
    match binary {
        Binary::Threads => assert!(!keeps_waiting("sync", "5s")),
        Binary::Epoll | Binary::Uring => assert!(keeps_waiting("sync", "300ms")),
    }
    for mode in ["async", "thread", "completion"] {
        assert!(!keeps_waiting(mode, "5s"), "{mode}");
    }
}

fn only_block_keeps_others_waiting(binary: Binary) {
    let server = Server::start(binary, &[]);
    let keeps_waiting =
        |number: u32, mode| keeps_others_waiting(&server, &format!("/prime/{number}?mode={mode}"));
    match binary {
        Binary::Threads => assert!(!keeps_waiting(LARGE_PRIME, "block")),
        Binary::Epoll | Binary::Uring => assert!(keeps_waiting(100_000_007, "block")),
    }
    assert!(!keeps_waiting(LARGE_PRIME, "offload"));
}

fn who_has_gone_is_forgotten_by_the_work(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut witness = Client::connect(server.address);
    for round in 0..4 {
        let mut client = Client::connect(server.address);
        client.send(get(&format!("/prime/{LARGE_PRIME}?mode=offload")));
        until("it is computed", || stat(&mut witness, "errands_running") == 1);
        // Whoever ends a connection in order may still be there, and is found out when he is told something.
        if round % 2 == 0 {
            client.reset()
        } else {
            drop(client)
        }
        until("the work has ended", || stat(&mut witness, "errands_running") == 0);
    }
    let spent = server.cpu_time();
    assert!(spent.as_secs() < 8, "computed for {spent:?} for nobody");
}

fn who_has_only_finished_sending_gets_the_answer(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(get("/prime/20000003?mode=offload"));
    client.finish_sending();
    let mut answer = client.head();
    if answer.status == 102 {
        answer = client.answer();
    }
    assert_eq!(answer.status, 200);
}

fn there_are_two_places_to_compute_at(binary: Binary) {
    let server = Server::start(binary, &[]);
    let target = format!("/prime/{LARGE_PRIME}?mode=offload");
    let mut clients = [(); 3].map(|()| Client::connect(server.address));
    let mut witness = Client::connect(server.address);
    for (number, client) in clients.iter_mut().take(2).enumerate() {
        client.send(get(&target));
        until("it is computed", || stat(&mut witness, "errands_running") == number as u64 + 1);
    }
    let refusal = clients[2].get(&target);
    assert_eq!((refusal.status, refusal.field("Retry-After")), (503, Some("2")));
    // Disks do not wait for those who compute.
    assert_eq!(order(&read(&mut clients[2], "thread")), ["1", "2", "file"]);
    let [first, ..] = clients;
    first.reset();
    until("a place is free", || stat(&mut witness, "errands_running") == 1);
    let mut next = Client::connect(server.address);
    assert_eq!(next.get("/prime/7?mode=offload").status, 200);
}

fn a_loop_that_was_blocked_says_by_whom(binary: Binary) {
    let server = Server::start_logging(binary, "wirelab::drivers::lag=warn");
    let mut client = Client::connect(server.address);
    client.get("/echo/hi");
    client.get("/demo/read?mode=sync&delay=300ms");
    let lag = stat(&mut client, "loop_lag_max_ms");
    let finished = server.stop();
    let parts = ["the loop was blocked for", "conn 1,", "GET /demo/read?mode=sync&delay=300ms HTTP/1.1"];
    let is_told = finished.stderr.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    match binary {
        Binary::Threads => assert_eq!((lag, is_told), (0, false)),
        Binary::Epoll | Binary::Uring => assert!(lag >= 200 && is_told, "{lag}, {}", finished.stderr),
    }
}

fn epoll_refuses_files(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    for _ in 0..2 {
        let answer = client.get("/demo/epoll-file");
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("epoll_ctl says EPERM"), "{}", answer.text());
    }
}

fn errands_are_counted(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    // Two to make the file, and one to read it.
    read(&mut client, "async");
    until("errands are counted", || stat(&mut client, "errands_done") == 3);
    read(&mut client, "sync");
    until("errands are counted", || stat(&mut client, "errands_done") == 4);
    for name in ["errands_running", "errands_waiting"] {
        assert_eq!(stat(&mut client, name), 0, "{name}");
    }
}

fn system_calls_are_counted_by_kind(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    (0..10).for_each(|_| drop(client.get("/echo/hi")));
    let mut stat = |name| stat(&mut client, name);
    let uses = ["calls_epoll_wait", "calls_accept", "calls_read", "calls_write", "calls_io_uring_enter"]
        .map(|name| stat(name) > 0);
    match binary {
        Binary::Epoll => assert_eq!(uses, [true, true, true, true, false]),
        Binary::Threads => assert_eq!(uses, [false, true, true, true, false]),
        Binary::Uring => assert_eq!(uses, [false, false, false, false, true]),
    }
    assert_eq!(stat("uring_completions") > 10, binary == Binary::Uring);
}

/// The page about a read in a mode.
fn read(client: &mut Client, mode: &str) -> String {
    let answer = client.get(&format!("/demo/read?mode={mode}"));
    assert_eq!(answer.status, 200);
    answer.text()
}

/// What the first three lines begin with.
fn order(text: &str) -> Vec<&str> {
    text.lines().take(3).filter_map(|line| line.split_whitespace().next()).collect()
}

/// Who did what the line tells that begins with a word.
fn doer<'t>(text: &'t str, word: &str) -> &'t str {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(word)).expect("a line");
    let (_, doer) = line.split_once(", by ").expect("it is said who");
    doer.split(',').next().unwrap_or(doer)
}

/// Whether somebody else gets no answer while one client waits for this one. No time is measured: what counts is whose
/// bytes are there first.
fn keeps_others_waiting(server: &Server, target: &str) -> bool {
    let (mut patient, mut other) = (Client::connect(server.address), Client::connect(server.address));
    other.get("/echo/hi");
    // The file is there, so that nothing comes before the read.
    read(&mut patient, "async");
    patient.send([get("/echo/begun"), get(target)].concat());
    assert_eq!(patient.answer().text(), "begun");
    other.get("/echo/hi");
    has_arrived(&mut patient)
}

fn has_arrived(client: &mut Client) -> bool {
    if !client.reader().buffer().is_empty() {
        return true;
    }
    client.stream().set_nonblocking(true).expect("a socket");
    let peeked = client.stream().peek(&mut [0]);
    client.stream().set_nonblocking(false).expect("a socket");
    match peeked {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("the connection broke: {error}"),
    }
}

/// The largest prime number below 2 to the power of 32: computed for longer than anybody here waits.
const LARGE_PRIME: u32 = 4_294_967_291;
