//! What is said on standard error, and to whom who asked for how much.

use crate::client::{Client, get};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    says_nothing_of_what_is_usual,
    says_two_lines_a_connection,
    says_one_line_a_request,
    says_each_read_and_write,
);

/// The lines that a server says with this filter while two clients come, ask twice each, and go.
fn lines(binary: Binary, filter: &str) -> Vec<String> {
    let server = Server::start_logging(binary, filter);
    for _ in 0..2 {
        let mut client = Client::connect(server.address);
        assert_eq!(client.get("/echo/hi").status, 200);
        assert_eq!(client.get("/no-such-page").status, 404);
        client.finish_sending();
        client.expect_end();
    }
    let mut client = Client::connect(server.address);
    client.send("broken\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    client.finish_sending();
    client.expect_end();
    let mut client = Client::connect(server.address);
    client.send(get("/drip?duration=60"));
    client.head();
    client.reset();
    server.stop().stderr.lines().map(str::to_owned).collect()
}

fn count(lines: &[String], level: &str, words: &[&str]) -> usize {
    let holds = |line: &&String| line.contains(level) && words.iter().all(|word| line.contains(word));
    lines.iter().filter(holds).count()
}

fn says_nothing_of_what_is_usual(binary: Binary) {
    assert_eq!(lines(binary, ""), [""; 0]);
    assert_eq!(lines(binary, "warn"), [""; 0]);
}

fn says_two_lines_a_connection(binary: Binary) {
    let lines = lines(binary, "info");
    for number in 1..=4 {
        let name = format!("conn {number} ");
        assert_eq!(count(&lines, "INFO", &[&name, "opened by 127.0.0.1:"]), 1, "{lines:#?}");
        let reason = ["the peer has ended", "the peer has ended", "answered and closed", ""][number - 1];
        assert_eq!(count(&lines, "INFO", &[&name, "closed after", reason]), 1, "{lines:#?}");
    }
    assert_eq!(lines.len(), 8, "{lines:#?}");
}

fn says_one_line_a_request(binary: Binary) {
    let lines = lines(binary, "debug");
    assert_eq!(count(&lines, "DEBUG", &["GET /echo/hi HTTP/1.1", "200 OK"]), 2, "{lines:#?}");
    assert_eq!(count(&lines, "DEBUG", &["GET /no-such-page HTTP/1.1", "404 Not Found"]), 2, "{lines:#?}");
    assert_eq!(count(&lines, "DEBUG", &["conn 3 request 1", "400 Bad Request"]), 1, "{lines:#?}");
    assert_eq!(count(&lines, "DEBUG", &["request"]), 6, "{lines:#?}");
}

fn says_each_read_and_write(binary: Binary) {
    let lines = lines(binary, "wirelab=trace");
    let asked = format!("read {} bytes", get("/echo/hi").len());
    assert_eq!(count(&lines, "TRACE", &["127.0.0.1:", &asked]), 2, "{lines:#?}");
    assert!(count(&lines, "TRACE", &["wrote"]) >= 5, "{lines:#?}");
    assert!(count(&lines, "TRACE", &["read the end of the stream"]) >= 3, "{lines:#?}");
    // What libraries have to say was not asked for.
    assert!(lines.iter().all(|line| line.contains(" wirelab::")), "{lines:#?}");
}
