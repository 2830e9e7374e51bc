//! Many at once.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use wirelab::session::Echo;

use crate::harness::*;

for_each_driver!(holds_many_while_it_serves_others, serves_many_at_once, serves_one_after_another);

fn holds_many_while_it_serves_others(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let mut held: Vec<_> = (0..crowd()).map(|_| server.connect()).collect();
    for client in held.iter_mut().step_by(100) {
        expect_echo(client, b"I am still here");
    }
    for _ in 0..100 {
        expect_echo(&mut server.connect(), b"I am new");
    }
    for client in &mut held {
        expect_echo(client, b"so am I");
    }
    assert_eq!(server.tally.accept_pauses.load(Relaxed), 0);
    drop(held);
    assert!(server.finish().1.iter().all(|ending| ending == "flow"));
}

fn serves_many_at_once(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let (bytes, address) = (&pattern(10_000), server.address);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(move || {
                let mut client = connect(address);
                (0..200).for_each(|_| expect_echo(&mut client, bytes));
            });
        }
    });
    (0..20).for_each(|_| assert_eq!(server.next_ending(), "flow"));
}

fn serves_one_after_another(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    for _ in 0..1000 {
        expect_echo(&mut server.connect(), b"only once");
    }
    (0..1000).for_each(|_| assert_eq!(server.next_ending(), "flow"));
}

/// Two thousand, or as many as both ends of them fit in this process beside the other tests.
fn crowd() -> usize {
    let shell = std::process::Command::new("sh").args(["-c", "ulimit -n"]).output();
    let limit = String::from_utf8(shell.unwrap().stdout).unwrap();
    let limit: usize = limit.trim().parse().unwrap_or(usize::MAX);
    2000.min(limit.saturating_sub(300) / 5)
}
