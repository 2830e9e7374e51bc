//! `--data`: the folder has one server at a time, and is left in order.

use std::fs;

use wirelab::lab::journal::{Ack, Change, Row, Table};
use wirelab::store::Store;

use crate::client::{Client, stat};
use crate::process::{Binary, Server, on_each_server};
use crate::starting::complaint;
use crate::topics::{Lines, id, publish};

on_each_server!(
    says_goodbye_when_it_is_stopped,
    looks_crashed_when_it_was_killed,
    says_that_another_server_has_the_folder,
    says_why_a_folder_cannot_be_used,
    a_row_that_cannot_be_read_hides_no_crash,
    syncs_slowly_when_it_is_told_to,
    tells_the_truth_when_the_disk_is_full,
);

fn says_goodbye_when_it_is_stopped(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for signal in ["TERM", "INT"] {
        let server = Server::start(binary, &["--data", data.to_str().expect("UTF-8")]);
        server.signal(signal);
        let finished = server.finish();
        assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(0), ""));
        let (_store, found) = Store::open(&data, &Default::default()).expect("nobody has it");
        assert!(!found.after_crash);
    }
}

fn looks_crashed_when_it_was_killed(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Server::start(binary, &["--data", folder.path().to_str().expect("UTF-8")]));
    let (_store, found) = Store::open(folder.path(), &Default::default()).expect("nobody has it");
    assert!(found.after_crash);
}

fn says_that_another_server_has_the_folder(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--data", folder.path().to_str().expect("UTF-8")];
    let server = Server::start(binary, &options);
    let line = complaint(binary, &[&["--port", "0"], &options[..]].concat());
    assert!(line.contains(options[1]) && line.contains("another server keeps its rows there"), "{line}");
    assert_eq!(Client::connect(server.address).get("/echo/hi").text(), "hi");
    assert_eq!(server.stop().status.code(), Some(0));
}

fn says_why_a_folder_cannot_be_used(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lab.db");
    fs::write(&file, "dear diary").expect("a file");
    for (path, why) in [(file.as_path(), "this is a file"), (folder.path(), "not the lab's")] {
        let path = path.to_str().expect("UTF-8");
        let line = complaint(binary, &["--port", "0", "--data", path]);
        assert!(line.contains(&format!("--data {path}: ")) && line.contains(why), "{line}");
    }
    assert_eq!(fs::read(&file).expect("it is still there"), b"dear diary");
}

fn a_row_that_cannot_be_read_hides_no_crash(binary: Binary) {
    for has_crashed in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8");
        let server = Server::start(binary, &["--data", path]);
        if has_crashed {
            drop(server)
        } else {
            drop(server.stop())
        }
        let (store, _) = Store::open(folder.path(), &Default::default()).expect("nobody has it");
        let row = Row { table: Table::Messages, name: "work".into(), number: 7, value: "rubbish".into() };
        store.journal().append(vec![Change::Put(row)], Ack::Memory).expect("it is taken");
        store.abandon();
        let line = complaint(binary, &["--port", "0", "--data", path]);
        let due = format!("--data {path}: message 7 of the queue \"work\" cannot be read\n");
        assert_eq!(line, format!("{}: {due}", binary.name()));
        let (_store, found) = Store::open(folder.path(), &Default::default()).expect("nobody has it");
        assert_eq!(found.after_crash, has_crashed);
    }
}

fn syncs_slowly_when_it_is_told_to(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8");
    let asked = std::time::Instant::now();
    let server = Server::start(binary, &["--data", data, "--sync-delay", "200ms"]);
    assert!(asked.elapsed().as_millis() >= 200, "the mark of who is here has to be on the disk");
    let mut client = Client::connect(server.address);
    assert_eq!(stat(&mut client, "journal_waiting"), 0, "nobody is served before it is");
    assert_eq!(server.stop().status.code(), Some(0));
}

/// Whoever listens has heard it, so it cannot be taken back; and its id is never that of another event.
fn tells_the_truth_when_the_disk_is_full(binary: Binary) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--data", folder.path().to_str().expect("UTF-8"), "--max-data", "300000"];
    let server = Server::start(binary, &options);
    let (mut client, mut lines) =
        (Client::connect(server.address), Lines::open(&server, "/topics/a/json?since=all"));
    let (mut kept, long) = (0, "x".repeat(60_000));
    let refused = loop {
        let answer = publish(&mut client, "a", &long);
        if answer.status != 201 {
            break answer;
        }
        kept += 1;
    };
    let lost = kept + 1;
    assert!(kept > 0 && refused.status == 507, "{}", refused.head);
    let what = format!("disk is full (id {lost}, subscribers 1, queued {lost})");
    assert!(
        refused.text().contains("this has happened") && refused.text().contains(&what),
        "{}",
        refused.text()
    );
    let mut heard = std::iter::from_fn(|| lines.next_json()).filter_map(|line| line["id"].as_u64());
    assert!(heard.any(|id| id == lost), "an event that has happened is heard");
    assert_eq!(client.get(&format!("/topics/a?since={kept}")).text(), format!("{lost}\t{long}\n"));

    server.kill();
    let server = Server::start(binary, &options[..2]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get(&format!("/topics/a?since={kept}")).status, 204, "it has ended with the server");
    assert_eq!(client.get(&format!("/topics/a?since={lost}")).field("X-Gap"), None);
    assert_eq!(client.get("/topics/a?since=all").text().lines().count() as u64, kept);
    let next = id(&publish(&mut client, "a", "short"));
    assert!(next > lost, "{next} comes after {lost}");
}
