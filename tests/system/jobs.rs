//! Jobs between connections: who is told what another has caused, who is forgotten, and what there is a limit to.

use std::io::Read;

use crate::client::{Answer, Client, get, stat};
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::WebSocket;

on_each_server!(
    a_cancelled_job_is_news_to_whoever_waits_for_it,
    a_cancelled_job_is_news_to_whoever_waits_behind_it,
    many_wait_for_one_job,
    each_step_comes_by_every_way,
    whoever_goes_away_is_forgotten_and_the_job_goes_on,
    a_full_queue_refuses_until_there_is_a_place,
    the_latest_jobs_are_remembered,
    nobody_waits_for_a_server_that_stops,
);

fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: lab\r\n\r\n")
}

fn submit(client: &mut Client, query: &str) -> Answer {
    client.send(request("POST", &format!("/submit?{query}")));
    client.answer()
}

/// Asks, and comes back when the server holds so many requests back.
fn wait_for(waiting: &mut Client, other: &mut Client, target: &str, waiters: u64) {
    waiting.send(get(target));
    until("the request is held back", || stat(other, "longpoll_waiters") == waiters);
}

/// The content of a chunked answer whose head was taken, to its last chunk.
fn rest_of_stream(client: &mut Client) -> String {
    let mut content = Vec::new();
    loop {
        let size = client.chunk_size().expect("a chunk");
        let start = content.len();
        content.resize(start + size, 0);
        client.reader().read_exact(&mut content[start..]).expect("the whole of a chunk");
        client.chunk_end().expect("the end of a chunk");
        if size == 0 {
            return String::from_utf8(content).expect("text");
        }
    }
}

fn a_cancelled_job_is_news_to_whoever_waits_for_it(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut poll, mut stream] = std::array::from_fn(|_| Client::connect(server.address));
    assert_eq!(submit(&mut author, "work=3000s").status, 202);
    wait_for(&mut poll, &mut author, "/check-status?jobId=job:1&wait=120", 1);
    stream.send(get("/jobs/1/events?heartbeat=0"));
    assert_eq!(stream.head().status, 200);
    let mut socket = WebSocket::open(&server, "/jobs/1/ws");
    assert_eq!(socket.text(), "JobStatus: 0%");

    author.send(request("DELETE", "/jobs/1"));
    assert_eq!(author.head().status, 204);
    let answer = poll.answer();
    assert_eq!((answer.status, answer.text()), (200, "JobStatus: cancelled\n".to_owned()));
    assert_eq!(socket.text(), "JobStatus: cancelled");
    assert_eq!(socket.close(), (1000, "cancelled".to_owned()));
    let events = rest_of_stream(&mut stream);
    assert!(events.contains("id: cancelled\nevent: cancelled\ndata: JobStatus: cancelled\n\n"), "{events}");
    assert_eq!(stat(&mut author, "longpoll_waiters"), 0);
}

/// It starts at once instead of in an hour.
fn a_cancelled_job_is_news_to_whoever_waits_behind_it(binary: Binary) {
    let server = Server::start(binary, &["--workers", "1"]);
    let [mut author, mut poll] = std::array::from_fn(|_| Client::connect(server.address));
    submit(&mut author, "work=3000s");
    submit(&mut author, "work=0");
    wait_for(&mut poll, &mut author, "/check-status?jobId=job:2&wait=120", 1);
    author.send(request("DELETE", "/jobs/1"));
    assert_eq!(author.head().status, 204);
    assert_eq!(poll.answer().text(), "JobStatus: 100%\n");
}

fn many_wait_for_one_job(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    let mut polls: Vec<Client> = (0..100).map(|_| Client::connect(server.address)).collect();
    submit(&mut author, "work=3000s");
    for poll in &mut polls {
        poll.send(get("/check-status?jobId=job:1&wait=120"));
    }
    until("they are held back", || stat(&mut author, "longpoll_waiters") == 100);
    author.send(request("DELETE", "/jobs/1"));
    assert_eq!(author.head().status, 204);
    for poll in &mut polls {
        assert_eq!(poll.answer().text(), "JobStatus: cancelled\n");
    }
    assert_eq!(stat(&mut author, "longpoll_waiters"), 0);
}

/// However late a server looks, no step is missed where steps are told.
fn each_step_comes_by_every_way(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut poll, mut stream] = std::array::from_fn(|_| Client::connect(server.address));
    submit(&mut poll, "work=500ms&steps=5");
    stream.send("GET /jobs/1/events HTTP/1.1\r\nHost: lab\r\nLast-Event-ID: queued\r\n\r\n");
    let events = stream.answer().text();
    let ids: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["0", "20", "40", "60", "80", "100"]);

    submit(&mut poll, "work=500ms&steps=5");
    let mut socket = WebSocket::open(&server, "/jobs/2/ws");
    let mut messages = vec![socket.text()];
    while messages.last().is_some_and(|message| message != "JobStatus: 100%") {
        messages.push(socket.text());
    }
    assert_eq!(socket.close(), (1000, "done".to_owned()));
    let all = [0, 20, 40, 60, 80, 100].map(|percent| format!("JobStatus: {percent}%"));
    assert!(all.ends_with(&messages), "{messages:?}");

    submit(&mut poll, "work=500ms&steps=5");
    let mut percent = 0;
    while percent < 100 {
        let status = poll.get(&format!("/check-status?jobId=job:3&wait=120&since={percent}")).text();
        let now = status.trim_start_matches("JobStatus: ").trim_end_matches("%\n").parse().expect("percents");
        assert!(now > percent, "{now} is no news behind {percent}");
        percent = now;
    }
}

fn whoever_goes_away_is_forgotten_and_the_job_goes_on(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut author = Client::connect(server.address);
    submit(&mut author, "work=3000s");
    for leave in [drop, Client::reset, |client: Client| client.finish_sending()] {
        let mut polls: Vec<Client> = (0..10).map(|_| Client::connect(server.address)).collect();
        for poll in &mut polls {
            poll.send(get("/check-status?jobId=job:1&wait=120"));
        }
        until("they are held back", || stat(&mut author, "longpoll_waiters") == 10);
        polls.into_iter().for_each(leave);
        until("they are forgotten", || stat(&mut author, "longpoll_waiters") == 0);
        until("their connections are closed", || stat(&mut author, "connections") == 1);
    }
    assert_eq!(stat(&mut author, "jobs_running"), 1);
}

fn a_full_queue_refuses_until_there_is_a_place(binary: Binary) {
    let server = Server::start(binary, &["--workers", "1", "--max-jobs-waiting", "2"]);
    let mut client = Client::connect(server.address);
    for _ in 0..3 {
        assert_eq!(submit(&mut client, "work=3000s").status, 202);
    }
    let refused = submit(&mut client, "work=3000s");
    assert_eq!(refused.status, 429);
    assert!(refused.has("Retry-After: 3000"), "{}", refused.head);
    assert!(refused.text().contains("--max-jobs-waiting"), "{}", refused.text());
    let counts = ["jobs_queued", "jobs_running"].map(|name| stat(&mut client, name));
    assert_eq!(counts, [2, 1]);
    client.send(request("DELETE", "/jobs/2"));
    assert_eq!(client.head().status, 204);
    assert_eq!(submit(&mut client, "work=3000s").text(), "job:4\n");
}

fn the_latest_jobs_are_remembered(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    let jobs = 1001;
    client.send(request("POST", "/submit?work=0").repeat(jobs));
    for number in 1..=jobs {
        assert_eq!(client.answer().text(), format!("job:{number}\n"));
    }
    assert_eq!(stat(&mut client, "jobs_ended"), 1000);
    for target in ["/check-status?jobId=job:1", "/jobs/1", "/jobs/1/result", "/jobs/1/events", "/jobs/1/ws"] {
        assert_eq!(client.get(target).status, 410, "{target}");
    }
    assert_eq!(client.get("/check-status?jobId=job:2").text(), "JobStatus: 100%\n");
}

fn nobody_waits_for_a_server_that_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut author, mut poll, mut submission, mut stream] =
        std::array::from_fn(|_| Client::connect(server.address));
    submit(&mut author, "work=3000s");
    wait_for(&mut poll, &mut author, "/check-status?jobId=job:1&wait=120", 1);
    submission.send(request("POST", "/submit?work=3000s&wait=120"));
    until("the request is held back", || stat(&mut author, "longpoll_waiters") == 2);
    stream.send(get("/jobs/1/events"));
    assert_eq!(stream.head().status, 200);
    server.signal("TERM");
    let answer = poll.answer();
    assert_eq!((answer.status, answer.text()), (200, "JobStatus: 0%\n".to_owned()));
    assert!(answer.has("Connection: close"), "{}", answer.head);
    assert_eq!(submission.answer().text(), "job:2\n");
    assert!(rest_of_stream(&mut stream).ends_with("data: JobStatus: 0%\n\n"));
    drop((author, poll, submission, stream));
    assert_eq!(server.finish().status.code(), Some(0));
}
