//! The services of the pipeline between connections: stopped, lost at work, and taken for by somebody else.

use crate::client::{Client, get, stat};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    what_is_published_waits_for_a_service_that_is_stopped,
    a_run_that_is_given_up_gives_its_events_back,
    anybody_may_be_the_service,
);

fn stop(client: &mut Client, service: &str) {
    client.send(format!("DELETE /pipeline/services/{service} HTTP/1.1\r\nHost: lab\r\n\r\n"));
    assert_eq!(client.answer().status, 200);
}

fn start(client: &mut Client, service: &str) -> String {
    client
        .send(format!("PUT /pipeline/services/{service} HTTP/1.1\r\nHost: lab\r\nContent-Length: 0\r\n\r\n"));
    client.answer().text()
}

/// How many events wait for a service.
fn waiting(client: &mut Client, service: &str) -> u64 {
    let page = client.get("/pipeline/services").text();
    let line = page.lines().find(|line| line.starts_with(service)).expect("the service");
    line.split_whitespace().nth(3).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{page}"))
}

fn what_is_published_waits_for_a_service_that_is_stopped(binary: Binary) {
    let server = Server::start(binary, &[]);
    let [mut operator, mut client] = std::array::from_fn(|_| Client::connect(server.address));
    stop(&mut operator, "format");
    assert_eq!(client.get("/pipeline?work=1ms").status, 502);
    for number in 1..=3 {
        assert_eq!(client.get("/pipeline?mode=pubsub&work=1ms").status, 202);
        assert_eq!(waiting(&mut operator, "format"), number);
    }
    assert_eq!(start(&mut operator, "format"), "format runs, and has worked off 3 events\n");
    assert_eq!(waiting(&mut operator, "format"), 0);
    assert_eq!(client.get("/pipeline?mode=pubsub&work=1ms").status, 200);
}

fn a_run_that_is_given_up_gives_its_events_back(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut operator = Client::connect(server.address);
    let mut hasty = Client::connect(server.address);
    hasty.send(get("/pipeline?mode=pubsub&work=10"));
    until("they are at work", || stat(&mut operator, "messages_leased") == 5);
    hasty.reset();
    until("they are lost", || stat(&mut operator, "messages_ready") == 5);
    assert_eq!(start(&mut operator, "upload"), "upload runs, and has worked off 1 event\n");
    let page = operator.get("/queues/pipeline.upload").text();
    assert!(page.contains("redelivered: 1\nacked: 1\n"), "{page}");
}

fn anybody_may_be_the_service(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    stop(&mut client, "copyright");
    assert_eq!(client.get("/pipeline?mode=pubsub&work=0").status, 202);
    assert_eq!(client.get("/queues/pipeline.copyright/next").text(), "a video was uploaded\n");
    client.send("POST /queues/pipeline.copyright/ack/1.1 HTTP/1.1\r\nHost: lab\r\n\r\n");
    assert_eq!(client.head().status, 204);
    assert_eq!(start(&mut client, "copyright"), "copyright runs, and has worked off 0 events\n");
}
