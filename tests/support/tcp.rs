//! A fixture over TCP: one connection, and only what the server sends counts. It waits for bytes, never for time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use wirelab::wire::notation::{Side, print_block};
use wirelab::wire::script::{Expected, Given, Script, Turn};

use super::fixture::Fixture;

/// Plays every fixture to a server: to one and the same for as many as can share it, to a fresh one where a fixture
/// needs it. `start` tells where a new server listens; it runs for as long as the other thing is kept.
///
/// # Panics
/// When a server sends other bytes than a fixture says; with all that differ.
pub fn play_all<S>(start: impl Fn() -> (SocketAddr, S)) {
    let is_heard = |fixture: &Fixture| fixture.folder() != "sse" && !waits_long(&fixture.script);
    let fixtures: Vec<_> = Fixture::all().into_iter().filter(is_heard).collect();
    let shared = start();
    let play_one = |fixture: &Fixture| {
        let fresh = needs_a_fresh_server(fixture).then(&start);
        let (address, _) = fresh.as_ref().unwrap_or(&shared);
        play(fixture, *address)
    };
    let failures: Vec<_> = fixtures.iter().filter_map(|fixture| play_one(fixture).err()).collect();
    let (failed, all) = (failures.len(), fixtures.len());
    assert!(failures.is_empty(), "{failed} of {all} fixtures over TCP:\n\n{}", failures.join("\n"));
}

/// Plays one fixture to the server at `address`.
///
/// # Errors
/// Both sides in visible notation, when the server sends other bytes than the fixture says.
pub fn play(fixture: &Fixture, address: SocketAddr) -> Result<(), String> {
    let expected = fixture.script.bytes(Side::Server);
    let (came, end) = match converse(&fixture.script, address) {
        Ok(came) => (came, None),
        Err((came, error)) => (came, Some(error)),
    };
    let is_reset = fixture.script.turns().iter().any(|turn| has(turn, &Expected::Reset));
    let end = end.filter(|error| !(is_reset && error.kind() == ErrorKind::ConnectionReset));
    if came == expected && end.is_none() {
        return Ok(());
    }
    let mut text = format!("{}:1: over TCP\n  expected:\n", fixture.name);
    print(&expected, &mut text);
    text.push_str("  came:\n");
    print(&came, &mut text);
    if let Some(error) = end {
        text.push_str(&format!("    and then: {error}\n"));
    }
    Err(text)
}

/// What the server sends, to its end of the stream or an error.
fn converse(script: &Script, address: SocketAddr) -> Result<Vec<u8>, (Vec<u8>, std::io::Error)> {
    let mut came = Vec::new();
    let mut go = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut due = 0;
        for turn in script.turns() {
            for step in &turn.given {
                give(&mut stream, &step.what);
            }
            due += turn.expected.iter().map(|step| bytes(&step.what).len()).sum::<usize>();
            read(&mut stream, due, &mut came)?;
        }
        give(&mut stream, &Given::Eof);
        read(&mut stream, usize::MAX, &mut came)
    };
    match go() {
        Ok(()) => Ok(came),
        Err(error) => Err((came, error)),
    }
}

/// A server that has refused may be gone already: what counts is what it has sent.
fn give(stream: &mut TcpStream, given: &Given) {
    let _ = match given {
        Given::Bytes(bytes) => stream.write_all(bytes),
        Given::Eof => stream.shutdown(Shutdown::Write),
        Given::Clock(_) => Ok(()),
    };
}

/// Reads until so many bytes have come in all, or the stream ends.
fn read(stream: &mut TcpStream, due: usize, came: &mut Vec<u8>) -> std::io::Result<()> {
    let mut piece = [0; 4096];
    while came.len() < due {
        match stream.read(&mut piece)? {
            0 => break,
            count => came.extend_from_slice(&piece[..count]),
        }
    }
    Ok(())
}

/// Whether a fixture is about what a server remembers beyond a connection, and so holds on one that nobody has asked
/// anything before: numbers count up there, and what one fixture leaves behind is news to the next.
fn needs_a_fresh_server(fixture: &Fixture) -> bool {
    REMEMBERED.iter().any(|folder| fixture.name.starts_with(folder))
}

fn waits_long(script: &Script) -> bool {
    let steps = script.turns().iter().flat_map(|turn| &turn.given);
    let waited = steps.map(|step| if let Given::Clock(time) = step.what { time } else { Duration::ZERO });
    waited.sum::<Duration>() > LONGEST_WAIT
}

fn has(turn: &Turn, wanted: &Expected) -> bool {
    turn.expected.iter().any(|step| step.what == *wanted)
}

fn bytes(expected: &Expected) -> &[u8] {
    if let Expected::Bytes(bytes) = expected { bytes } else { &[] }
}

fn print(bytes: &[u8], text: &mut String) {
    let mut lines = String::new();
    print_block(Side::Server, bytes, &mut lines);
    lines.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
}

/// The folders of fixtures about what outlives a connection.
const REMEMBERED: [&str; 6] = [
    "fixtures/jobs/",
    "fixtures/topics/",
    "fixtures/queues/",
    "fixtures/pipeline/",
    "fixtures/images/",
    "fixtures/uploads/",
];

/// A clock that real servers are waited for; the others are the simulated clock's to move.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Not a part of any fixture: how long a broken server may keep the tests from failing.
const PATIENCE: Duration = Duration::from_secs(10);
