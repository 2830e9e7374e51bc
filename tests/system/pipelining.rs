//! Many requests at once: answered in order, and as many with one write as came with one read.

use std::io::Read;
use std::thread;

use crate::client::{Client, get, stat};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    answers_ten_thousand_requests_to_a_slow_reader,
    answers_what_came_in_one_read_with_one_write,
    does_not_read_on_behind_an_answer_that_takes_its_time,
);

fn answers_ten_thousand_requests_to_a_slow_reader(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect_narrow(server.address);
    let requests: String = (0..10_000).map(|number| get(&format!("/echo/{number}"))).collect();
    thread::scope(|scope| {
        let mut writer = client.stream().try_clone().expect("a socket");
        scope.spawn(move || std::io::Write::write_all(&mut writer, requests.as_bytes()).expect("read"));
        for number in 0..10_000 {
            assert_eq!(client.answer().text(), number.to_string());
            if number % 1000 == 0 {
                thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    });
    client.finish_sending();
    client.expect_end();
}

fn answers_what_came_in_one_read_with_one_write(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    let counted = |client: &mut Client| (stat(client, "reads"), stat(client, "writes"));
    // Who asks for a count is counted: once for each of the two.
    let (reads, writes) = counted(&mut client);
    for _ in 0..10 {
        client.send(get("/plaintext").repeat(200));
        (0..200).for_each(|_| assert_eq!(client.answer().content, b"Hello, World!"));
    }
    let (more_reads, more_writes) = counted(&mut client);
    let (reads, writes) = (more_reads - reads - 2, more_writes - writes - 2);
    assert!(writes <= reads, "{writes} writes for {reads} reads");
    assert!((10..100).contains(&reads), "{reads} reads for 10 batches of 8 kB each");
}

fn does_not_read_on_behind_an_answer_that_takes_its_time(binary: Binary) {
    let server = Server::start(binary, &[]);
    let before = server.most_resident_bytes();
    let mut client = Client::connect(server.address);
    client.send(get("/delay/2s"));
    let flood = get("/plaintext").repeat(1_000_000);
    let sent = client.send_until_full(flood.as_bytes());
    assert!(sent < flood.len(), "everything fitted somewhere");
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 20 << 20, "{growth} bytes of memory more than before");
    assert_eq!(client.answer().text(), "waited 2 s\n");
    // What was sent is answered, and the last request, cut in two, is waited for.
    let whole = sent / get("/plaintext").len();
    (0..whole).for_each(|_| assert_eq!(client.answer().content, b"Hello, World!"));
    client.finish_sending();
    let mut rest = Vec::new();
    client.reader().read_to_end(&mut rest).expect("an orderly end");
    assert_eq!(rest.is_empty(), sent.is_multiple_of(get("/plaintext").len()));
}
