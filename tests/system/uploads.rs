//! Uploads that survive what ends an ordinary one: cuts, newer requests, killed servers.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::client::{Answer, Client};
use crate::images::{Home, chunk, content, path_of};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    a_cut_keeps_what_has_come,
    a_reset_keeps_what_was_read,
    a_newer_request_ends_the_older_one,
    a_killed_server_knows_how_far_uploads_have_come,
    a_length_that_was_told_outlives_a_killed_server,
    chunks_beyond_the_length_end_the_upload,
    progress_is_told_on_the_way,
    what_nobody_goes_on_with_expires,
    limits_hold_for_what_is_not_finished,
    a_full_disk_keeps_what_was_acknowledged,
    an_upload_is_finished_when_its_client_has_gone,
    checked_content_that_is_cut_does_not_count,
    an_upload_by_tus_outlives_a_killed_server,
    checked_content_that_a_kill_has_cut_does_not_count,
    a_number_is_given_once,
    memory_answers_before_the_disk_has_anything,
);

fn a_cut_keeps_what_has_come(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let whole = content(3_000_000);
    for (number, framing) in [(1, "Content-Length: 3000000"), (2, "Transfer-Encoding: chunked")] {
        let sent = 1_000_000 + number;
        let mut client = Client::connect(server.address);
        client.send(begin(&format!("{INTEROP}Upload-Complete: ?1\r\n{framing}")));
        let told = client.head();
        assert_eq!((told.status, told.field("Location")), (104, Some(&*format!("/uploads/{number}"))));
        match framing.starts_with("Content") {
            true => client.send(&whole[..sent]),
            false => client.send(&chunk(&whole)[..b"2dc6c0\r\n".len() + sent]),
        }
        client.finish_sending();
        assert_eq!(client.answer().status, 400);
        let mut other = Client::connect(server.address);
        assert_eq!(offset(&mut other, number), sent, "all that has come");
        let answer = append(&mut other, number, sent, true, &whole[sent..]);
        assert_eq!(answer.status, if number == 1 { 201 } else { 200 }, "{}", answer.head);
        assert_eq!(answer.field("Location"), Some(&*path_of(&whole)));
        assert!(other.get(&path_of(&whole)).content == whole);
    }
    assert_eq!((home.images(), unfinished(&home)), (1, vec![]));
}

fn a_reset_keeps_what_was_read(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "10ms"]);
    let whole = content(2_000_000);
    let mut client = Client::connect(server.address);
    client.send(begin("Upload-Complete: ?1\r\nContent-Length: 2000000"));
    client.send(&whole[..1_500_000]);
    until("some of it is there", || unfinished(&home).iter().sum::<u64>() > 500_000);
    client.reset();
    let mut other = Client::connect(server.address);
    let offset = offset(&mut other, 1);
    assert!((500_000..=1_500_000).contains(&offset), "{offset}");
    assert_eq!(append(&mut other, 1, offset, true, &whole[offset..]).status, 201);
    assert!(other.get(&path_of(&whole)).content == whole);
}

fn a_newer_request_ends_the_older_one(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let whole = content(1_000_000);
    let mut older = Client::connect(server.address);
    older.send(begin("Upload-Complete: ?1\r\nContent-Length: 1000000"));
    older.send(&whole[..600_000]);
    until("it arrives", || unfinished(&home).iter().sum::<u64>() > 0);
    let mut newer = Client::connect(server.address);
    let offset = offset(&mut newer, 1);
    let told = older.answer();
    assert_eq!(told.status, 409, "{}", told.text());
    older.expect_end();
    // The offset that was told is one that can be gone on from, and the next request ends this one in turn.
    newer.send(patch(1, offset, true, whole.len() - offset));
    newer.send(&whole[offset..offset + 300_000]);
    until("it goes on", || unfinished(&home)[0] > offset as u64);
    let mut newest = Client::connect(server.address);
    newest.send("DELETE /uploads/1 HTTP/1.1\r\nHost: lab\r\n\r\n");
    assert_eq!((newest.answer().status, newer.answer().status), (204, 409));
    assert_eq!((newest.get("/uploads").text(), unfinished(&home)), ("0 uploads\n".to_owned(), vec![]));
}

fn a_killed_server_knows_how_far_uploads_have_come(binary: Binary) {
    let home = Home::new();
    let whole = content(1_000_000);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(begin("Content-Type: text/x-a\r\nUpload-Complete: ?0\r\nContent-Length: 300000"));
    client.send(&whole[..300_000]);
    assert_eq!(client.answer().status, 201);
    client.send(patch(1, 300_000, true, 700_000));
    client.send(&whole[300_000..900_000]);
    until("more arrives", || unfinished(&home)[0] > 300_000);
    drop(server); // by SIGKILL
    assert_eq!(home.images(), 0);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    let offset = offset(&mut client, 1);
    assert!((300_000..=900_000).contains(&offset), "{offset}");
    assert_eq!(offset as u64, unfinished(&home)[0]);
    assert_eq!(append(&mut client, 1, offset, true, &whole[offset..]).status, 201);
    let answer = client.get(&path_of(&whole));
    assert!(answer.content == whole && answer.field("Content-Type") == Some("text/x-a"));
    client.send(begin("Upload-Complete: ?0\r\nContent-Length: 0"));
    assert_ne!(client.answer().field("Location"), Some("/uploads/1"), "a number is given once");
}

fn a_length_that_was_told_outlives_a_killed_server(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send([begin("Upload-Complete: ?0\r\nContent-Length: 2"), "ab".to_owned()].concat());
    assert_eq!(client.answer().status, 201);
    client
        .send([patch(1, 2, false, 2).replace("Host", "Upload-Length: 6\r\nHost"), "cd".to_owned()].concat());
    assert_eq!(client.answer().status, 204);
    drop(server);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(append(&mut client, 1, 4, true, b"e").status, 400, "it would be too short");
    assert_eq!(append(&mut client, 1, 4, true, b"ef").status, 201);
    assert_eq!(client.get(&path_of(b"abcdef")).text(), "abcdef");
}

fn chunks_beyond_the_length_end_the_upload(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(begin("Upload-Complete: ?0\r\nUpload-Length: 5\r\nTransfer-Encoding: chunked"));
    client.send(chunk(b"abc"));
    client.send(chunk(b"def"));
    let answer = client.answer();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("#inconsistent-upload-length"), "{}", answer.text());
    client.expect_end();
    let mut client = Client::connect(server.address);
    assert_eq!((client.get("/uploads").text(), unfinished(&home)), ("0 uploads\n".to_owned(), vec![]));
}

fn progress_is_told_on_the_way(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let whole = content(3_000_000);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!("{INTEROP}Upload-Complete: ?0\r\nContent-Length: 3000000")));
    client.send(&whole);
    let mut told = vec![];
    let last = loop {
        let head = client.head();
        match head.status {
            104 => {
                told.extend(head.field("Upload-Offset").map(|offset| offset.parse::<u64>().expect("digits")))
            }
            _ => break head,
        }
    };
    assert_eq!((last.status, last.field("Upload-Offset")), (201, Some("3000000")));
    assert!(told.len() >= 2 && told.is_sorted() && told[0] >= 1 << 20, "{told:?}");
}

fn what_nobody_goes_on_with_expires(binary: Binary) {
    let home = Home::new();
    let begin_one = |client: &mut Client| {
        client.send([begin("Upload-Complete: ?0\r\nContent-Length: 3"), "abc".to_owned()].concat());
        client.answer()
    };
    let server = home.start(binary, &["--upload-ttl", "100ms"]);
    let mut client = Client::connect(server.address);
    assert_eq!(begin_one(&mut client).status, 201);
    until("it is forgotten", || client.get("/uploads").text() == "0 uploads\n");
    assert_eq!(unfinished(&home), [3], "nobody has needed the room");
    assert_eq!(begin_one(&mut client).status, 201);
    assert_eq!(unfinished(&home), [3], "whoever begins the next one removes what is left");
    drop(server);
    until("it is too old", || {
        let server = home.start(binary, &["--upload-ttl", "100ms"]);
        let _server: Server = server;
        unfinished(&home).is_empty()
    });
}

fn limits_hold_for_what_is_not_finished(binary: Binary) {
    let home = Home::new();
    let options = ["--max-upload", "1000", "--max-stored", "1500", "--max-open-uploads", "2"];
    let server = home.start(binary, &options);
    let mut client = Client::connect(server.address);
    let mut answer_to = |fields: &str| {
        client.send(begin(fields));
        client.answer()
    };
    let refused = answer_to("Upload-Complete: ?0\r\nUpload-Length: 1001\r\nContent-Length: 0");
    assert_eq!((refused.status, refused.field("Upload-Limit")), (413, Some("max-size=1000, max-age=3600")));
    assert_eq!(answer_to("Upload-Complete: ?0\r\nContent-Length: 0").status, 201);
    assert_eq!(answer_to("Upload-Complete: ?0\r\nUpload-Length: 800\r\nContent-Length: 0").status, 201);
    assert_eq!(answer_to("Upload-Complete: ?0\r\nContent-Length: 0").status, 429, "they are open, and rest");
    assert_eq!(
        append(&mut client, 2, 0, false, &content(701)).status,
        507,
        "the rest is promised to another"
    );
    let mut client = Client::connect(server.address);
    assert_eq!(append(&mut client, 2, 0, true, &content(700)).status, 201);
    assert_eq!(append(&mut client, 3, 0, true, &content(800)).status, 201);
}

fn a_full_disk_keeps_what_was_acknowledged(binary: Binary) {
    let home = Home::new();
    let server = Server::start_with_small_files(binary, 1 << 20, &["--data", home.path()]);
    let whole = content(3 << 20);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!("Upload-Complete: ?0\r\nContent-Length: {}", 1 << 19)));
    client.send(&whole[..1 << 19]);
    assert_eq!(client.answer().status, 201);
    client.send(patch(1, 1 << 19, false, whole.len() - (1 << 19)));
    let _ = client.try_send(&whole[1 << 19..]); // it is answered before all of it was read
    assert_eq!(client.answer().status, 507);
    let mut client = Client::connect(server.address);
    let offset = offset(&mut client, 1);
    assert!((1 << 19..=1 << 20).contains(&offset), "{offset}");
    assert_eq!(append(&mut client, 1, offset, true, b"").status, 201, "what there is can be had");
    assert!(client.get(&path_of(&whole[..offset])).content == whole[..offset]);
}

fn an_upload_is_finished_when_its_client_has_gone(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "50ms"]);
    let mut client = Client::connect(server.address);
    client.send([begin("Upload-Complete: ?1\r\nContent-Length: 3"), "abc".to_owned()].concat());
    until("it has begun", || !unfinished(&home).is_empty());
    drop(client);
    let mut client = Client::connect(server.address);
    until("it is there", || client.get(&path_of(b"abc")).text() == "abc");
    client.send("HEAD /uploads/1 HTTP/1.1\r\nHost: lab\r\n\r\n");
    let told = client.head();
    assert_eq!(
        (told.field("Upload-Complete"), told.field("Location")),
        (Some("?1"), Some(&*path_of(b"abc")))
    );
}

fn checked_content_that_is_cut_does_not_count(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let whole = content(600_000);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!("{TUS}Upload-Length: 600000\r\nContent-Length: 0")));
    assert_eq!(client.answer().status, 201);
    let checksum = format!("Upload-Checksum: sha1 {}\r\n", STANDARD.encode(Sha1::digest(&whole)));
    client.send(patch_by_tus(0, whole.len(), &checksum));
    client.send(&whole[..500_000]);
    client.finish_sending();
    assert_eq!(client.answer().status, 400);
    let mut client = Client::connect(server.address);
    assert_eq!((offset(&mut client, 1), unfinished(&home)), (0, vec![0]));
    client.send(patch_by_tus(0, whole.len(), &checksum));
    client.send(&whole);
    assert_eq!(client.answer().field("Content-Location"), Some(&*path_of(&whole)));
    assert!(client.get(&path_of(&whole)).content == whole);
}

fn an_upload_by_tus_outlives_a_killed_server(binary: Binary) {
    let home = Home::new();
    let whole = content(600_000);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!("{TUS}Upload-Length: 600000\r\nContent-Length: 0")));
    assert_eq!(client.answer().status, 201);
    client.send([patch_by_tus(0, 400_000, "").as_bytes(), &whole[..400_000]].concat());
    assert_eq!(client.answer().status, 204);
    drop(server); // by SIGKILL
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(offset(&mut client, 1), 400_000);
    client.send([patch_by_tus(400_000, 200_000, "").as_bytes(), &whole[400_000..]].concat());
    assert_eq!(client.answer().status, 204);
    assert!(client.get(&path_of(&whole)).content == whole);
}

fn checked_content_that_a_kill_has_cut_does_not_count(binary: Binary) {
    let home = Home::new();
    let whole = content(900_000);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!("{TUS}Upload-Length: 900000\r\nContent-Length: 0")));
    assert_eq!(client.answer().status, 201);
    let checksum = |part: &[u8]| format!("Upload-Checksum: sha1 {}\r\n", STANDARD.encode(Sha1::digest(part)));
    let (first, rest) = whole.split_at(300_000);
    client.send([patch_by_tus(0, first.len(), &checksum(first)).as_bytes(), first].concat());
    assert_eq!(client.answer().status, 204);
    client.send(patch_by_tus(first.len(), rest.len(), &checksum(rest)));
    client.send(&rest[..rest.len() - 1]);
    until("some of it is there", || unfinished(&home)[0] > 500_000);
    drop(server); // by SIGKILL
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(offset(&mut client, 1), first.len(), "what was checked, and was acknowledged");
    // Goes on without a checksum: from here on all that is in the file counts.
    client.send(patch_by_tus(first.len(), rest.len(), ""));
    client.send(&rest[..300_000]);
    // The name changes when what did not count is gone.
    until("it goes on behind what counts", || is_all_counted(&home) && unfinished(&home)[0] > 500_000);
    drop(server);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    let offset = offset(&mut client, 1);
    assert!(offset > 500_000, "{offset}");
    let rest = &whole[offset..];
    client.send([patch_by_tus(offset, rest.len(), &checksum(rest)).as_bytes(), rest].concat());
    assert_eq!(client.answer().field("Content-Location"), Some(&*path_of(&whole)));
    assert!(client.get(&path_of(&whole)).content == whole);
}

fn a_number_is_given_once(binary: Binary) {
    let home = Home::new();
    let mut highest = 0;
    for round in 0..4 {
        let server = home.start(binary, &[]);
        let mut client = Client::connect(server.address);
        client.send(begin("Upload-Complete: ?0\r\nContent-Length: 0"));
        let answer = client.answer();
        let path = answer.field("Location").expect("where it is").to_owned();
        let number: u64 =
            path.strip_prefix("/uploads/").and_then(|number| number.parse().ok()).expect("a number");
        assert!(number > highest, "{number} comes behind {highest}");
        highest = number;
        client.send(format!("DELETE {path} HTTP/1.1\r\nHost: lab\r\n\r\n"));
        assert_eq!((client.answer().status, unfinished(&home)), (204, vec![]));
        if round % 2 == 0 {
            drop(server); // by SIGKILL
        } else {
            drop(client);
            assert!(server.stop().status.success());
        }
    }
}

fn memory_answers_before_the_disk_has_anything(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "500ms"]);
    let mut client = Client::connect(server.address);
    let in_memory = |request: String| request.replacen(" HTTP", "?ack=memory HTTP", 1);
    client.send([in_memory(begin("Upload-Complete: ?0\r\nContent-Length: 3")), "abc".to_owned()].concat());
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("Upload-Offset")), (201, Some("3")));
    assert!(unfinished(&home).is_empty(), "there is no file yet");
    client.send([in_memory(patch(1, 3, true, 3)), "def".to_owned()].concat());
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("Location")), (201, Some(&*path_of(b"abcdef"))));
    assert_eq!(home.images(), 0, "it is not written yet");
    client.reset();
    let mut client = Client::connect(server.address);
    until("it is kept all the same", || client.get(&path_of(b"abcdef")).text() == "abcdef");
}

fn patch_by_tus(offset: usize, length: usize, fields: &str) -> String {
    format!(
        "PATCH /uploads/1 HTTP/1.1\r\nHost: lab\r\n{TUS}Content-Type: application/offset+octet-stream\r\n\
         {fields}Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n"
    )
}

pub fn begin(fields: &str) -> String {
    format!("POST /uploads HTTP/1.1\r\nHost: lab\r\n{fields}\r\n\r\n")
}

pub fn patch(number: usize, offset: usize, is_last: bool, length: usize) -> String {
    format!(
        "PATCH /uploads/{number} HTTP/1.1\r\nHost: lab\r\nContent-Type: application/partial-upload\r\n\
         Upload-Offset: {offset}\r\nUpload-Complete: ?{}\r\nContent-Length: {length}\r\n\r\n",
        u8::from(is_last)
    )
}

pub fn append(client: &mut Client, number: usize, offset: usize, is_last: bool, content: &[u8]) -> Answer {
    client.send([patch(number, offset, is_last, content.len()).as_bytes(), content].concat());
    client.answer()
}

pub fn offset(client: &mut Client, number: usize) -> usize {
    client.send(format!("HEAD /uploads/{number} HTTP/1.1\r\nHost: lab\r\n\r\n"));
    let told = client.head();
    told.field("Upload-Offset")
        .and_then(|offset| offset.parse().ok())
        .unwrap_or_else(|| panic!("{}", told.head))
}

/// How long the files of unfinished uploads are.
fn unfinished(home: &Home) -> Vec<u64> {
    let folder = Path::new(home.path()).join("uploads");
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|found| found.len()).collect()
}

/// Whether the name of the one file says nothing of bytes that do not count.
fn is_all_counted(home: &Home) -> bool {
    let mut entries = fs::read_dir(Path::new(home.path()).join("uploads")).expect("there is one");
    let name = entries.next().expect("there is one").expect("a file").file_name();
    name.to_str().is_some_and(|name| name.starts_with("1."))
}

const TUS: &str = "Tus-Resumable: 1.0.0\r\n";
const INTEROP: &str = "Upload-Draft-Interop-Version: 8\r\n";
