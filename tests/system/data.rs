//! `--data`: the folder has one server at a time, and is left in order.

use std::fs;

use wirelab::store::Store;

use crate::client::{Client, stat};
use crate::process::{Binary, Server, on_each_server};
use crate::starting::complaint;

on_each_server!(
    says_goodbye_when_it_is_stopped,
    looks_crashed_when_it_was_killed,
    says_that_another_server_has_the_folder,
    says_why_a_folder_cannot_be_used,
    syncs_slowly_when_it_is_told_to,
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
