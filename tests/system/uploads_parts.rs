//! Uploads in parts: sent at the same time, cut, killed, joined while the disk is slow; and what is left of them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;

use crate::client::{Answer, Client};
use crate::images::{Home, content, path_of};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    parts_that_come_at_the_same_time_are_one_image,
    a_part_that_is_cut_leaves_nothing_of_itself,
    parts_that_were_acknowledged_outlive_a_killed_server,
    a_server_that_is_killed_while_it_joins_has_all_parts,
    of_two_with_the_same_part_the_newer_has_it,
    what_was_promised_is_joined_too,
    a_part_is_nobodys_when_its_upload_is_cancelled,
    parts_are_joined_when_the_client_has_gone,
    a_slow_disk_that_joins_makes_nobody_else_wait,
    limits_hold_for_all_parts_together,
    parts_that_nobody_joins_expire,
    a_full_disk_keeps_the_parts_that_there_are,
    parts_are_joined_in_little_memory,
    pieces_by_tus_outlive_a_killed_server,
);

fn parts_that_come_at_the_same_time_are_one_image(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "1ms"]);
    let whole = content(3_000_000);
    let pieces: Vec<&[u8]> = whole.chunks(400_000).collect();
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    thread::scope(|scope| {
        for (index, piece) in pieces.iter().enumerate().rev() {
            let address = server.address;
            scope.spawn(move || {
                let mut client = Client::connect(address);
                assert_eq!(put(&mut client, 1, index + 1, piece).status, 200);
            });
        }
    });
    assert_eq!(client.get("/uploads/1/parts").text(), "have 1-8 missing none\n");
    let answer = complete(&mut client, "");
    assert_eq!((answer.status, answer.field("Location")), (201, Some(&*path_of(&whole))));
    assert!(client.get(&path_of(&whole)).content == whole);
    assert_eq!((home.files(), parts(&home), uploads(&home)), (1, 0, 0));
}

fn a_part_that_is_cut_leaves_nothing_of_itself(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut other = Client::connect(server.address);
    begin(&mut other, "");
    for is_reset in [false, true] {
        let mut client = Client::connect(server.address);
        client.send(put_head(1, 2, "", 1_000_000));
        client.send(content(500_000));
        until("it arrives", || home.incoming() > 0);
        match is_reset {
            true => client.reset(),
            false => {
                client.finish_sending();
                assert_eq!(client.answer().status, 400);
            }
        }
        until("the file is gone", || home.incoming() == 0);
    }
    assert_eq!((other.get("/uploads/1/parts").text(), parts(&home)), ("have none missing 1\n".to_owned(), 0));
}

fn parts_that_were_acknowledged_outlive_a_killed_server(binary: Binary) {
    let home = Home::new();
    let whole = content(900_000);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "Content-Type: image/x-a\r\n");
    assert_eq!(put(&mut client, 1, 1, b"another").status, 200);
    for (part, ack) in [(1, "write"), (3, "fsync")] {
        let piece = &whole[(part - 1) * 300_000..part * 300_000];
        client.send([put_head(1, part, &format!("?ack={ack}"), piece.len()).as_bytes(), piece].concat());
        assert_eq!(client.answer().status, 200);
    }
    client.send(put_head(1, 2, "", 300_000));
    client.send(&whole[300_000..500_000]);
    until("it arrives", || home.incoming() > 0);
    drop(server); // by SIGKILL
    assert_eq!((home.images(), parts(&home)), (0, 2), "the first of them came in the place of another");
    let server = home.start(binary, &[]);
    assert_eq!(home.incoming(), 0);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/uploads/1/parts").text(), "have 1,3 missing 2\n");
    assert_eq!(complete(&mut client, "").status, 409);
    assert_eq!(put(&mut client, 1, 2, &whole[300_000..600_000]).status, 200);
    assert_eq!(complete(&mut client, "").status, 201);
    let answer = client.get(&path_of(&whole));
    assert!(answer.content == whole && answer.field("Content-Type") == Some("image/x-a"));
    assert_eq!((home.files(), parts(&home), uploads(&home)), (1, 0, 0));
}

fn a_server_that_is_killed_while_it_joins_has_all_parts(binary: Binary) {
    let home = Home::new();
    let whole = content(8 << 20);
    let server = home.start(binary, &["--disk-delay", "5ms"]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    for (index, piece) in whole.chunks(2 << 20).enumerate() {
        assert_eq!(put(&mut client, 1, index + 1, piece).status, 200);
    }
    client.send("POST /uploads/1/complete HTTP/1.1\r\nHost: lab\r\n\r\n");
    until("it has begun", || sizes(&home, "incoming").iter().any(|size| *size > 0));
    drop(server);
    assert_eq!((home.images(), parts(&home)), (0, 4));
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(complete(&mut client, "").status, 201);
    assert!(client.get(&path_of(&whole)).content == whole);
    assert_eq!((home.files(), parts(&home), uploads(&home)), (1, 0, 0));
}

fn of_two_with_the_same_part_the_newer_has_it(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut newer = Client::connect(server.address);
    begin(&mut newer, "");
    let mut older = Client::connect(server.address);
    older.send([put_head(1, 1, "", 6), "old".to_owned()].concat());
    until("it has begun", || home.incoming() == 1);
    assert_eq!(put(&mut newer, 1, 1, b"newer").status, 200);
    older.send("old");
    assert_eq!(older.answer().status, 409, "it ends behind the newer one");
    assert_eq!(parts(&home), 1);
    assert_eq!(complete(&mut newer, "").field("Location"), Some(&*path_of(b"newer")));
}

fn what_was_promised_is_joined_too(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "200ms"]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    client.send([put_head(1, 1, "?ack=memory", 3), "abc".to_owned()].concat());
    assert_eq!(client.answer().status, 200);
    assert_eq!(parts(&home), 0, "nothing is written yet");
    let mut other = Client::connect(server.address);
    assert_eq!(other.get("/uploads/1/parts").text(), "have 1 missing none\n");
    client.reset();
    assert_eq!(complete(&mut other, "").field("Location"), Some(&*path_of(b"abc")));
}

fn a_part_is_nobodys_when_its_upload_is_cancelled(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    assert_eq!(put(&mut client, 1, 1, b"abc").status, 200);
    let mut writer = Client::connect(server.address);
    writer.send([put_head(1, 2, "", 6), "abc".to_owned()].concat());
    until("it has begun", || home.incoming() == 1);
    client.send("DELETE /uploads/1 HTTP/1.1\r\nHost: lab\r\n\r\n");
    assert_eq!(client.answer().status, 204);
    assert_eq!((parts(&home), uploads(&home)), (0, 0));
    writer.send("def");
    assert_eq!(writer.answer().status, 404);
    until("its file is gone", || home.incoming() + parts(&home) == 0);
}

fn parts_are_joined_when_the_client_has_gone(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "50ms"]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    assert_eq!(put(&mut client, 1, 1, b"abc").status, 200);
    client.send("POST /uploads/1/complete HTTP/1.1\r\nHost: lab\r\n\r\n");
    until("it has begun", || home.incoming() == 1);
    client.reset();
    let mut client = Client::connect(server.address);
    until("it is there", || client.get(&path_of(b"abc")).text() == "abc");
    let answer = complete(&mut client, "");
    assert_eq!((answer.status, answer.field("Location")), (200, Some(&*path_of(b"abc"))));
    until("the parts are gone", || parts(&home) + uploads(&home) == 0);
}

/// The next errand takes longer than this test: whoever waited for it would wait in vain.
fn a_slow_disk_that_joins_makes_nobody_else_wait(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    assert_eq!(put(&mut client, 1, 1, b"abc").status, 200);
    drop(server);
    let server = home.start(binary, &["--disk-delay", "3600s"]);
    let mut waiting = Client::connect(server.address);
    waiting.send("POST /uploads/1/complete HTTP/1.1\r\nHost: lab\r\n\r\n");
    until("the parts are taken", || is_joining(&server));
    let mut other = Client::connect(server.address);
    for number in 0..100 {
        assert_eq!(other.get(&format!("/echo/{number}")).text(), number.to_string());
    }
    assert_eq!(other.get("/uploads/1/parts").text(), "have 1 missing none\n");
    waiting.stream().set_nonblocking(true).expect("a socket");
    assert_eq!(waiting.stream().peek(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Whether a part is refused, and not asked for.
fn is_joining(server: &Server) -> bool {
    let mut client = Client::connect(server.address);
    client.send(put_head(1, 2, "", 1).replace("Host", "Expect: 100-continue\r\nHost"));
    client.head().status == 409
}

fn limits_hold_for_all_parts_together(binary: Binary) {
    let home = Home::new();
    let options = ["--max-upload", "1000", "--max-stored", "1500", "--max-open-uploads", "3"];
    let server = home.start(binary, &options);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    assert_eq!(put(&mut client, 1, 1, &content(600)).status, 200);
    assert_eq!(put(&mut client, 1, 2, &content(401)).status, 413);
    assert_eq!(put(&mut client, 1, 2, &content(400)).status, 200);
    let mut chunked = Client::connect(server.address);
    chunked
        .send("PUT /uploads/1/parts/3 HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    assert_eq!(chunked.answer().status, 413, "without an end");
    chunked.expect_end();
    let number = begin(&mut client, "");
    assert_eq!(put(&mut client, 999, 1, &content(501)).status, 404, "there is no such upload");
    assert_eq!(put(&mut client, number, 1, &content(501)).status, 507);
    let mut open = Client::connect(server.address);
    open.send([put_head(number, 1, "", 2), "x".to_owned()].concat());
    until("it has begun", || home.incoming() == 1);
    assert_eq!(put(&mut client, number, 2, b"x").status, 429, "each part that is under way counts");
    drop(open);
    until("there is room again", || put(&mut client, number, 2, b"x").status == 200);
    assert_eq!(complete(&mut client, "").status, 201);
}

fn parts_that_nobody_joins_expire(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--upload-ttl", "100ms"]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    assert_eq!(put(&mut client, 1, 1, b"abc").status, 200);
    until("it is forgotten", || client.get("/uploads").text() == "0 uploads\n");
    assert_eq!(parts(&home), 1, "nobody has needed the room");
    begin(&mut client, "");
    assert_eq!((parts(&home), uploads(&home)), (0, 1), "whoever begins the next one removes what is left");
}

fn a_full_disk_keeps_the_parts_that_there_are(binary: Binary) {
    let home = Home::new();
    let server = Server::start_with_small_files(binary, 1 << 20, &["--data", home.path()]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    for part in [1, 2] {
        assert_eq!(put(&mut client, 1, part, &content(3 << 18)).status, 200);
    }
    assert_eq!(complete(&mut client, "").status, 507, "both are more than a file may have");
    until("the file is gone", || home.incoming() == 0);
    assert_eq!(client.get("/uploads/1/parts").text(), "have 1,2 missing none\n");
    assert_eq!(put(&mut client, 1, 2, &content(1 << 18)).status, 200);
    assert_eq!(complete(&mut client, "").status, 201);
}

fn parts_are_joined_in_little_memory(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    begin(&mut client, "");
    let piece = content(32 << 20);
    let before = server.most_resident_bytes();
    for part in 1..=4 {
        assert_eq!(put(&mut client, 1, part, &piece).status, 200);
    }
    let answer = complete(&mut client, "");
    assert_eq!((answer.status, answer.field("Location")), (201, Some(&*path_of(&piece.repeat(4)))));
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 20_000_000, "{growth} bytes more");
}

fn pieces_by_tus_outlive_a_killed_server(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let tus = |rest: &str| format!("HTTP/1.1\r\nHost: lab\r\nTus-Resumable: 1.0.0\r\n{rest}\r\n\r\n");
    let piece = "Content-Type: application/offset+octet-stream\r\nContent-Length: 3";
    let mut client = Client::connect(server.address);
    for content in ["abc", "def"] {
        let head = tus(&format!("Upload-Concat: partial\r\nUpload-Length: 3\r\n{piece}"));
        client.send(format!("POST /uploads {head}{content}"));
        assert_eq!(client.answer().status, 201);
    }
    drop(server);
    let server = home.start(binary, &["--disk-delay", "5ms"]);
    let mut client = Client::connect(server.address);
    client.send(format!("HEAD /uploads/1 {}", tus("Accept: */*")));
    assert_eq!(client.head().field("Upload-Concat"), Some("partial"));
    let join = format!("POST /uploads {}", tus("Upload-Concat: final;/uploads/2 /uploads/1"));
    client.send(&join);
    until("it has begun", || home.incoming() == 1);
    drop(server);
    assert_eq!((home.images(), uploads(&home)), (0, 2));
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(&join);
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("Content-Location")), (201, Some(&*path_of(b"defabc"))));
    until("the pieces are gone", || uploads(&home) == 0);
    assert_eq!(home.files(), 1);
}

/// Answers the number of the upload.
fn begin(client: &mut Client, fields: &str) -> usize {
    client.send(format!("POST /uploads HTTP/1.1\r\nHost: lab\r\n{fields}\r\n"));
    let answer = client.answer();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let number = answer.text().trim_end().strip_prefix("/uploads/").and_then(|number| number.parse().ok());
    number.expect("where it is")
}

fn put(client: &mut Client, upload: usize, part: usize, content: &[u8]) -> Answer {
    client.send([put_head(upload, part, "", content.len()).as_bytes(), content].concat());
    client.answer()
}

fn put_head(upload: usize, part: usize, query: &str, length: usize) -> String {
    format!(
        "PUT /uploads/{upload}/parts/{part}{query} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn complete(client: &mut Client, query: &str) -> Answer {
    client.send(format!("POST /uploads/1/complete{query} HTTP/1.1\r\nHost: lab\r\n\r\n"));
    client.answer()
}

fn parts(home: &Home) -> usize {
    sizes(home, "parts").len()
}

fn uploads(home: &Home) -> usize {
    sizes(home, "uploads").len()
}

fn sizes(home: &Home, folder: &str) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(Path::new(home.path()).join(folder)) else { return vec![] };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|found| found.len()).collect()
}
