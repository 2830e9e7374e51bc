//! Rooms: who hears what, and who is left behind.

use std::thread;

use crate::client::{Client, Footprint};
use crate::process::{Binary, Server, on_each_server};
use crate::websocket::{CLOSE, FIN, TEXT, WebSocket, text};

on_each_server!(
    members_hear_each_other,
    rooms_are_apart,
    the_one_who_does_not_read_is_left_behind,
    those_who_vanish_have_left,
    a_crowd_hears_every_word,
    nobody_outruns_those_who_read,
);

fn members_hear_each_other(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut a = join(&server, "r", "a");
    let mut b = join(&server, "r", "b");
    assert_eq!(a.text(), "b joined");
    a.send(text("hello"));
    b.send(text("κόσμε"));
    for member in [&mut a, &mut b] {
        let mut heard = [member.text(), member.text()];
        heard.sort_unstable();
        assert_eq!(heard, ["a: hello", "b: κόσμε"]);
    }
    assert_eq!(presence(&server, "r"), "a\nb\n");
    b.leave();
    assert_eq!(a.text(), "b left");
    assert_eq!(presence(&server, "r"), "a\n");
    a.leave();
    alone.until_alone_again(&server);
}

fn rooms_are_apart(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut a = join(&server, "one", "a");
    let mut b = join(&server, "another", "a");
    a.send(text("to one"));
    assert_eq!(a.text(), "a: to one");
    b.send(text("to another"));
    assert_eq!(b.text(), "a: to another");
}

/// It costs a bounded amount of memory, and the others nothing but an event.
fn the_one_who_does_not_read_is_left_behind(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut a = join(&server, "r", "a");
    let mut b = join(&server, "r", "b");
    let (mut deaf, _) =
        WebSocket::over(Client::connect_narrow(server.address), "/ws/chat?room=r&name=deaf", "");
    for member in [&mut a, &mut b] {
        while member.text() != "deaf joined" {}
    }
    let before = server.most_resident_bytes();
    // What the kernel takes, megabytes in many small buffers, comes on top of the server's queue.
    let word = "x".repeat(60_000);
    let mut left = [0; 2];
    let mut words = 0;
    while left != [1, 1] {
        words += 1;
        assert!(words < 2000, "{} bytes were queued somewhere", words * word.len());
        a.send(text(&word));
        for (member, left) in [&mut a, &mut b].into_iter().zip(&mut left) {
            loop {
                match member.text().as_str() {
                    "deaf left" => *left += 1,
                    heard => {
                        assert!(heard.strip_prefix("a: ") == Some(&word), "{} bytes", heard.len());
                        break;
                    }
                }
            }
            // It may come behind the word that was one too many.
            if *left == 0 && presence(&server, "r") == "a\nb\n" {
                assert_eq!(member.text(), "deaf left");
                *left += 1;
            }
        }
    }
    assert_eq!(presence(&server, "r"), "a\nb\n");
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 10 << 20, "{growth} bytes of memory more than before");

    // Once it reads again, it hears why: behind what had left before.
    let end = loop {
        let frame = deaf.frame();
        if frame.first != FIN | TEXT {
            break frame;
        }
    };
    assert_eq!((end.first, &end.payload[..2]), (FIN | CLOSE, &3008u16.to_be_bytes()[..]));
    deaf.send(crate::websocket::frame(FIN | CLOSE, &3008u16.to_be_bytes()));
    deaf.expect_end();
    // And the others go on.
    b.send(text("gone"));
    assert_eq!([a.text(), b.text()], ["b: gone", "b: gone"]);
    drop((a, b, deaf));
    alone.until_alone_again(&server);
}

fn those_who_vanish_have_left(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut a = join(&server, "r", "a");
    for number in 0..10 {
        let b = join(&server, "r", "b");
        assert_eq!(a.text(), "b joined");
        if number % 2 == 0 {
            b.reset()
        } else {
            drop(b)
        }
        assert_eq!(a.text(), "b left");
    }
    assert_eq!(presence(&server, "r"), "a\n");
}

fn a_crowd_hears_every_word(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut members: Vec<WebSocket> = Vec::new();
    for number in 0..100 {
        let newcomer = join(&server, "r", &number.to_string());
        members.iter_mut().for_each(|member| assert_eq!(member.text(), format!("{number} joined")));
        members.push(newcomer);
    }
    for number in 0..20 {
        let speaker = number * 7 % members.len();
        members[speaker].send(text(&format!("word {number}")));
        let expected = format!("{speaker}: word {number}");
        members.iter_mut().for_each(|member| assert_eq!(member.text(), expected));
    }
    drop(members);
    alone.until_alone_again(&server);
}

/// More words at once than a queue holds, from a member and to a member that both read.
fn nobody_outruns_those_who_read(binary: Binary) {
    const WORDS: usize = 3 * 1000;
    let server = Server::start(binary, &[]);
    let mut a = join(&server, "r", "a");
    let mut b = join(&server, "r", "b");
    assert_eq!(a.text(), "b joined");
    a.send(text("x").repeat(WORDS));
    thread::scope(|scope| {
        for member in [&mut a, &mut b] {
            scope.spawn(move || (0..WORDS).for_each(|_| assert_eq!(member.text(), "a: x")));
        }
    });
    b.send(text("heard"));
    assert_eq!([a.text(), b.text()], ["b: heard", "b: heard"]);
}

/// Joins, and takes the event that says so.
fn join(server: &Server, room: &str, name: &str) -> WebSocket {
    let mut member = WebSocket::open(server, &format!("/ws/chat?room={room}&name={name}"));
    assert_eq!(member.text(), format!("{name} joined"));
    member
}

fn presence(server: &Server, room: &str) -> String {
    Client::connect(server.address).get(&format!("/ws/chat/{room}/presence")).text()
}
