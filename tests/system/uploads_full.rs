//! A disk that is really full: what was acknowledged stays, and it goes on when there is room again.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use crate::client::Client;
use crate::images::{Home, content, path_of, post, post_head};
use crate::process::{Binary, Server, on_each_server, until};
use crate::uploads::{append, begin, offset, patch};

on_each_server!(a_full_disk_loses_nothing_and_goes_on_when_there_is_room);

fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room(binary: Binary) {
    let home = Home::new();
    let Some(server) = start_on_small_disk(binary, &home) else { return };
    let (spare, whole) = (content(2 << 20), content(DISK_BYTES));
    let mut client = Client::connect(server.address);
    assert_eq!(post(&mut client, &spare).status, 201);
    client.send(begin(&format!("Upload-Complete: ?0\r\nContent-Length: {}", 1 << 20)));
    client.send(&whole[..1 << 20]);
    assert_eq!(client.answer().status, 201);

    let mut other = Client::connect(server.address);
    other.send(post_head(whole.len()));
    let _ = other.try_send(&whole); // it is answered before all of it was read
    assert_eq!(other.answer().status, 507);
    until("nothing is left of it", || files(&server, &home, "incoming") == 0);

    client.send(patch(2, 1 << 20, false, whole.len() - (1 << 20)));
    let _ = client.try_send(&whole[1 << 20..]);
    assert_eq!(client.answer().status, 507);
    let mut client = Client::connect(server.address);
    let at = offset(&mut client, 2);
    assert!((1 << 20..whole.len()).contains(&at), "{at}");
    assert_eq!(client.get("/echo/on").text(), "on", "nobody else has to know");

    assert_eq!(client.get(&path_of(&spare)).content.len(), spare.len());
    client.send(format!("DELETE {} HTTP/1.1\r\nHost: lab\r\n\r\n", path_of(&spare)));
    assert_eq!(client.answer().status, 204);
    let end = at + (1 << 20);
    assert_eq!(append(&mut client, 2, at, true, &whole[at..end]).status, 201);
    assert!(client.get(&path_of(&whole[..end])).content == whole[..end]);
}

/// A server whose `--data` is a file system of its own, in memory; nothing where that is not allowed.
fn start_on_small_disk(binary: Binary, home: &Home) -> Option<Server> {
    let mount = format!("mount -t tmpfs -o size={DISK_BYTES} none '{}'", home.path());
    // As root, or as somebody who is root in a namespace of its own.
    for options in ["-m", "-rm"] {
        match Command::new("unshare").args([options, "sh", "-c", &mount]).output() {
            Ok(tried) if tried.status.success() => {
                let serve = format!("{mount}; exec '{}' --port 0 --data '{}'", binary.path(), home.path());
                return Some(Server::spawn(Command::new("unshare").args([options, "sh", "-c", &serve])));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && env::var("CI").as_deref() != Ok("true") => {
                eprintln!("unshare is not installed: no disk was made full");
                return None;
            }
            Err(error) => panic!("unshare: {error}"),
        }
    }
    eprintln!("no file system can be mounted here: no disk was made full");
    None
}

/// How many files the server sees in a folder: nobody else sees its disk.
fn files(server: &Server, home: &Home, folder: &str) -> usize {
    let root = PathBuf::from(format!("/proc/{}/root{}", server.pid(), home.path()));
    fs::read_dir(root.join(folder)).map_or(0, Iterator::count)
}

const DISK_BYTES: usize = 8 << 20;
