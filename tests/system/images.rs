//! Images by HTTP: uploads that are cut, killed, too large, too many, too fast for the disk; and what is left of them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::client::{Answer, Client, Footprint, get};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    asks_for_content_that_is_held_back,
    keeps_nothing_of_what_is_cut,
    keeps_nothing_of_what_is_reset,
    a_killed_server_leaves_no_partial_image,
    what_was_acknowledged_outlives_a_killed_server,
    an_image_that_is_deleted_while_it_is_read_is_read_to_its_end,
    the_same_content_from_many_is_one_image,
    a_slow_disk_makes_nobody_else_wait,
    a_full_disk_is_told_and_keeps_nothing,
    limits_of_uploads_are_options,
    a_server_that_stops_finishes_uploads,
    a_server_without_data_leaves_no_folder_behind,
    what_a_killed_server_without_data_has_left_goes_with_the_next_start,
    what_was_promised_is_kept_when_the_client_has_gone,
    an_answer_that_is_known_early_does_not_wait_for_the_disk,
    whoever_waits_for_the_disk_is_not_late,
    parts_of_a_large_image_are_what_they_say,
    what_others_do_to_the_files_is_told,
);

fn asks_for_content_that_is_held_back(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send("POST /images HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().status, 100);
    client.send("hello");
    let answer = client.answer();
    assert_eq!((answer.status, location(&answer)), (201, path_of(b"hello")));
    assert_eq!(client.get(&path_of(b"hello")).content, b"hello");
}

fn keeps_nothing_of_what_is_cut(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let alone = Footprint::of(&server);
    for framing in ["Content-Length: 10000000", "Transfer-Encoding: chunked"] {
        let mut client = Client::connect(server.address);
        client.send(format!("POST /images HTTP/1.1\r\nHost: lab\r\n{framing}\r\n\r\n"));
        client.send(chunk(&content(1_000_000)));
        until("it arrives", || home.incoming() > 0);
        client.finish_sending();
        assert_eq!(client.answer().status, 400);
        client.expect_end();
        until("the file is gone", || home.files() == 0);
    }
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/images").text(), "0 images\n");
    drop(client);
    until("files are closed", || server.descriptors() <= alone.descriptors() + 1);
}

fn keeps_nothing_of_what_is_reset(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "20ms"]);
    for _ in 0..5 {
        let mut client = Client::connect(server.address);
        client.send(post_head(10_000_000));
        client.send(content(1_000_000));
        until("it arrives", || home.incoming() > 0);
        client.reset();
        until("the file is gone", || home.files() == 0);
    }
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, b"next").status, 201);
}

fn a_killed_server_leaves_no_partial_image(binary: Binary) {
    let home = Home::new();
    let large = content(3_000_000);
    for sent in [1, 200_000, 2_999_999] {
        let server = home.start(binary, &[]);
        let mut client = Client::connect(server.address);
        client.send(post_head(large.len()));
        client.send(&large[..sent]);
        until("it arrives", || home.incoming() > 0);
        drop(server); // by SIGKILL
        assert_eq!((home.images(), home.incoming()), (0, 1));
    }
    let server = home.start(binary, &[]);
    assert_eq!(home.files(), 0, "what is left over is removed when a server starts");
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, &large).status, 201);
}

fn what_was_acknowledged_outlives_a_killed_server(binary: Binary) {
    let home = Home::new();
    let kept = [&b"written"[..], b"synced", b""];
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    for (content, ack) in kept.iter().zip(["write", "fsync", "write"]) {
        let head = format!(
            "POST /images?ack={ack} HTTP/1.1\r\nHost: lab\r\nContent-Type: text/x-{ack}; q=\"a b\"\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        client.send([head.as_bytes(), content].concat());
        assert_eq!(client.answer().status, 201);
    }
    let before: Vec<Answer> = kept.iter().map(|content| client.get(&path_of(content))).collect();
    drop(server);
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    for (content, before) in kept.iter().zip(before) {
        let answer = client.get(&path_of(content));
        assert_eq!(answer.content, *content);
        for field in ["Content-Type", "ETag", "Last-Modified"] {
            assert_eq!(answer.field(field), before.field(field));
        }
    }
    assert!(client.get("/images").text().ends_with("3 images\n"));
}

fn an_image_that_is_deleted_while_it_is_read_is_read_to_its_end(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let large = content(20_000_000);
    let (mut reader, mut other) = (Client::connect_narrow(server.address), Client::connect(server.address));
    assert_eq!(post(&mut other, &large).status, 201);
    reader.send(get(&path_of(&large)));
    assert!(reader.head().has("Content-Length: 20000000"));
    other.send(format!("DELETE {} HTTP/1.1\r\nHost: lab\r\n\r\n", path_of(&large)));
    assert_eq!(other.answer().status, 204);
    assert_eq!((other.get(&path_of(&large)).status, home.files()), (404, 0));
    let mut came = vec![0; large.len()];
    std::io::Read::read_exact(reader.reader(), &mut came).expect("the rest");
    assert!(came == large);
    assert_eq!(post(&mut other, &large).status, 201, "the same may come again");
}

fn the_same_content_from_many_is_one_image(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "10ms"]);
    let mut clients: Vec<Client> = (0..10).map(|_| Client::connect(server.address)).collect();
    for client in &mut clients {
        client.send([post_head(5).as_bytes(), b"hello"].concat());
    }
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.answer().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 9, "{statuses:?}");
    assert_eq!((home.images(), home.incoming()), (1, 0));
}

/// A write takes longer than this test: whoever waited for it would wait in vain.
fn a_slow_disk_makes_nobody_else_wait(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "3600s"]);
    let threads = server.threads();
    // More than there are threads for the disk.
    let mut waiting: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for (number, client) in waiting.iter_mut().enumerate() {
        client.send([post_head(1).as_bytes(), &[number as u8]].concat());
    }
    let mut other = Client::connect(server.address);
    for number in 0..100 {
        assert_eq!(other.get(&format!("/echo/{number}")).text(), number.to_string());
    }
    assert_eq!(other.get("/images").text(), "0 images\n");
    if binary == Binary::Epoll {
        assert_eq!(server.threads() - threads, 4, "they wait, and not one for each");
    }
    for client in &mut waiting {
        client.stream().set_nonblocking(true).expect("a socket");
        assert_eq!(client.stream().peek(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

fn a_full_disk_is_told_and_keeps_nothing(binary: Binary) {
    let home = Home::new();
    let server = Server::start_with_small_files(binary, 1 << 20, &["--data", home.path()]);
    let mut client = Client::connect(server.address);
    let large = content(3 << 20);
    client.send(post_head(large.len()));
    let _ = client.try_send(&large); // it is answered before all of it was read
    assert_eq!(client.answer().status, 507);
    until("the file is gone", || home.files() == 0);
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, &content(1 << 19)).status, 201);
    assert!(client.get("/images").text().ends_with("1 image\n"));
}

fn limits_of_uploads_are_options(binary: Binary) {
    let home = Home::new();
    let options = ["--max-upload", "1000", "--max-stored", "1500", "--max-open-uploads", "2"];
    let server = home.start(binary, &options);
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, &content(1000)).status, 201);
    assert_eq!(post(&mut client, &content(501)).status, 507);
    assert_eq!(post(&mut client, &content(1001)).status, 413);
    for (size, status) in [(1001, 413), (501, 507)] {
        let mut client = Client::connect(server.address);
        client.send("POST /images HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(chunk(&content(size)));
        assert_eq!(client.answer().status, status, "without an end");
        client.expect_end();
    }
    let mut open: Vec<Client> = (0..2).map(|_| Client::connect(server.address)).collect();
    open.iter_mut().for_each(|client| client.send([post_head(2).as_bytes(), b"x"].concat()));
    until("both have begun", || home.incoming() == 2);
    let answer = post(&mut client, b"third");
    assert_eq!((answer.status, answer.field("Retry-After")), (429, Some("1")));
    drop(open);
    until("there is room again", || post(&mut client, b"third").status == 201);
    client.send(format!("DELETE {} HTTP/1.1\r\nHost: lab\r\n\r\n", path_of(&content(1000))));
    assert_eq!(client.answer().status, 204);
    assert_eq!(post(&mut client, &content(501)).status, 201);
}

fn a_server_that_stops_finishes_uploads(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "20ms"]);
    let large = content(1_000_000);
    let mut client = Client::connect(server.address);
    client.send(post_head(large.len()));
    client.send(&large[..500_000]);
    until("it arrives", || home.incoming() > 0);
    server.signal("TERM");
    client.send(&large[500_000..]);
    assert_eq!(client.answer().status, 201);
    client.expect_end();
    drop(client);
    assert_eq!(server.finish().status.code(), Some(0));
    assert_eq!((home.images(), home.incoming()), (1, 0));
}

fn a_server_without_data_leaves_no_folder_behind(binary: Binary) {
    let home = Home::new();
    let server = Server::start_in(binary, home.folder.path(), &[]);
    assert_eq!(home.entries(""), 0, "nobody has needed it");
    let (mut client, mut cut) = (Client::connect(server.address), Client::connect(server.address));
    assert_eq!(post(&mut client, b"hello").status, 201);
    cut.send([post_head(2).as_bytes(), b"x"].concat());
    assert_eq!((client.get(&path_of(b"hello")).text(), home.entries("")), ("hello".to_owned(), 1));
    drop((client, cut));
    assert_eq!(server.stop().status.code(), Some(0));
    assert_eq!(home.entries(""), 0);
}

fn what_a_killed_server_without_data_has_left_goes_with_the_next_start(binary: Binary) {
    let home = Home::new();
    let [living, killed] = [b"living", b"killed"].map(|content| {
        let server = Server::start_in(binary, home.folder.path(), &[]);
        assert_eq!(post(&mut Client::connect(server.address), content).status, 201);
        server
    });
    drop(killed); // by SIGKILL
    assert_eq!(home.entries(""), 2);
    let _next = Server::start_in(binary, home.folder.path(), &[]);
    assert_eq!(home.entries(""), 1);
    let mut client = Client::connect(living.address);
    assert_eq!(client.get(&path_of(b"living")).text(), "living", "its folder is still there");
}

fn what_was_promised_is_kept_when_the_client_has_gone(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "1s"]);
    let mut client = Client::connect(server.address);
    client.send("POST /images?ack=memory HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\nhello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (201, format!("{}\n", path_of(b"hello"))));
    assert_eq!(home.images(), 0, "nothing is written yet");
    client.reset();
    until("it is kept all the same", || home.images() == 1);
    let mut client = Client::connect(server.address);
    until("it is found", || client.get(&path_of(b"hello")).text() == "hello");
}

/// The errand of an exchange that is over is still under way, and the next one has its own.
fn an_answer_that_is_known_early_does_not_wait_for_the_disk(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "100ms"]);
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, b"hello").status, 201);
    client.send(
        "POST /images?ack=memory HTTP/1.1\r\nHost: lab\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(client.head().status, 100);
    client.send(["hello", &get(&path_of(b"hello")), &get("/echo/hi")].concat());
    assert_eq!(client.answer().status, 303);
    assert_eq!((client.answer().text(), client.answer().text()), ("hello".to_owned(), "hi".to_owned()));
    until("the file is gone", || home.files() == 1);
}

fn whoever_waits_for_the_disk_is_not_late(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "1s", "--idle-timeout", "300ms"]);
    let mut client = Client::connect(server.address);
    let large = content(600_000);
    client.send(post_head(large.len()));
    client.send(&large);
    assert_eq!(client.answer().status, 201);
}

fn parts_of_a_large_image_are_what_they_say(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    let large = content(1_000_000);
    assert_eq!(post(&mut client, &large).status, 201);
    let ask = |client: &mut Client, range: &str| {
        let path = path_of(&large);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: lab\r\nRange: bytes={range}\r\n\r\n"));
        client.answer()
    };
    for (start, end) in [(0, 0), (0, 131_072), (131_071, 131_072), (65_535, 700_000), (1, 999_999)] {
        let answer = ask(&mut client, &format!("{start}-{end}"));
        assert_eq!((answer.status, answer.content.len()), (206, end - start + 1));
        assert!(answer.has(&format!("Content-Range: bytes {start}-{end}/1000000")), "{}", answer.head);
        assert!(answer.content == large[start..=end]);
    }
    let answer = ask(&mut client, "900000-,5-200004,300000-300000");
    let boundary = answer.field("Content-Type").and_then(|it| it.split_once("boundary=")).expect("parts").1;
    let mut rest = &answer.content[..];
    for (start, end) in [(900_000, 999_999), (5, 200_004), (300_000, 300_000)] {
        let line_end = if start == 900_000 { "" } else { "\r\n" };
        let head = format!(
            "{line_end}--{boundary}\r\nContent-Type: application/octet-stream\r\n\
             Content-Range: bytes {start}-{end}/1000000\r\n\r\n"
        );
        rest = rest.strip_prefix(head.as_bytes()).expect("the head of a part");
        let (part, behind) = rest.split_at(end - start + 1);
        assert!(part == &large[start..=end]);
        rest = behind;
    }
    assert_eq!(rest, format!("\r\n--{boundary}--\r\n").as_bytes());
}

fn what_others_do_to_the_files_is_told(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    let [gone, short] = [content(10), content(1_000_000)];
    for content in [&gone, &short] {
        assert_eq!(post(&mut client, content).status, 201);
    }
    for entry in fs::read_dir(home.folder.path().join("images")).expect("there are two") {
        let path = entry.expect("a file").path();
        match fs::metadata(&path).expect("it is there").len() {
            10 => fs::remove_file(&path).expect("it is there"),
            _ => fs::write(&path, &short[..600_000]).expect("it is there"),
        }
    }
    assert_eq!(client.get(&path_of(&gone)).status, 404);
    client.send(get(&path_of(&short)));
    assert!(client.head().has("Content-Length: 1000000"));
    assert!(client.rest().len() < 1_000_000, "there is no more, and nobody makes it up");

    fs::remove_dir(home.folder.path().join("incoming")).expect("it is empty");
    fs::write(home.folder.path().join("incoming"), "a file, and no folder").expect("there is room");
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, b"nowhere").status, 500);
    assert_eq!(client.get("/echo/on").text(), "on");
}

/// A folder for `--data`, looked at from outside.
pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Home {
        Home { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self) -> &str {
        self.folder.path().to_str().expect("UTF-8")
    }

    pub fn start(&self, binary: Binary, options: &[&str]) -> Server {
        Server::start(binary, &[&["--data", self.path()], options].concat())
    }

    /// Files under their final names.
    pub fn images(&self) -> usize {
        self.entries("images")
    }

    /// Files on their way.
    pub fn incoming(&self) -> usize {
        self.entries("incoming")
    }

    pub fn files(&self) -> usize {
        self.images() + self.incoming()
    }

    fn entries(&self, folder: &str) -> usize {
        fs::read_dir(Path::new(self.path()).join(folder)).map_or(0, Iterator::count)
    }
}

pub fn post(client: &mut Client, content: &[u8]) -> Answer {
    client.send([post_head(content.len()).as_bytes(), content].concat());
    client.answer()
}

pub fn post_head(length: usize) -> String {
    format!("POST /images HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n")
}

pub fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// Bytes that are not the same twice soon.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

pub fn path_of(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    format!("/images/{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn location(answer: &Answer) -> String {
    answer.field("Location").unwrap_or_default().to_owned()
}
