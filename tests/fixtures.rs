//! Every fixture, on the protocol cores alone and on the whole lab: whole, at every two-way cut, and byte by byte. An
//! event stream is what a server sends: the parser alone hears those of `fixtures/sse`.
//!
//! `BLESS=1 cargo test` rewrites what is expected, never what the client sends.

mod support {
    pub mod core;
    pub mod driven;
    pub mod event_stream;
    pub mod fixture;
    pub mod lab;
    pub mod play;
    pub mod player;
}

use std::fmt::Write;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{env, fs, thread};

use support::core::Core;
use support::driven::Driven;
use support::event_stream::EventStream;
use support::fixture::Fixture;
use support::play::{Cut, expectations, is_report, play};
use support::player::Player;
use wirelab::wire::script::{Expected, Script};

#[test]
fn every_fixture_holds_however_its_bytes_are_cut() {
    let bless = env::var_os("BLESS").is_some_and(|value| value == "1");
    let fixtures = Fixture::all();
    assert!(!fixtures.is_empty(), "there are no fixtures");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(fixture) = fixtures.get(next.fetch_add(1, Relaxed)) {
                    let result = catch_unwind(|| check(fixture, bless));
                    let result =
                        result.unwrap_or_else(|_| Err(format!("{}: a panic, see above", fixture.name)));
                    failures.lock().unwrap().extend(result.err());
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} fixtures:\n\n{}",
        failures.len(),
        fixtures.len(),
        failures.join("\n")
    );
}

/// The things that a script is played to.
#[derive(Clone, Copy)]
enum On {
    Core,
    Lab,
    EventStream,
}

impl On {
    fn all(fixture: &Fixture) -> &'static [On] {
        match fixture.folder() {
            "sse" => &[On::EventStream],
            _ => &[On::Core, On::Lab],
        }
    }

    fn play(self, script: &Script, cut: Cut) -> Vec<Vec<Expected>> {
        match self {
            On::Core => play(script, cut, &mut Core::new()),
            On::Lab => {
                let mut driven = Driven::new();
                let answers = play(script, cut, &mut driven);
                driven.receive_eof();
                let late = driven.take();
                let is_silent = !late.iter().any(|end| matches!(end, Expected::Bytes(_)));
                assert!(
                    is_silent,
                    "the client's <eof> would be answered: the fixture has to say so\n{late:?}"
                );
                answers
            }
            On::EventStream => play(script, cut, &mut EventStream::new()),
        }
    }

    fn expected(self, script: &Script) -> Vec<Vec<Expected>> {
        match self {
            On::Core => expectations(script, is_report),
            On::Lab => expectations(script, |expected| !is_report(expected)),
            On::EventStream => expectations(script, |_| true),
        }
    }

    fn name(self) -> &'static str {
        match self {
            On::Core => "the core",
            On::Lab => "the lab",
            On::EventStream => "the parser of event streams",
        }
    }
}

fn check(fixture: &Fixture, bless: bool) -> Result<(), String> {
    let blessed = if bless { self::bless(fixture) } else { None };
    let script = blessed.as_ref().unwrap_or(&fixture.script);
    // The trace of a connection shows what passed over it, not what the core made of it.
    let is_trace = On::Core.expected(script).iter().all(Vec::is_empty);
    for on in On::all(fixture).iter().filter(|on| !(is_trace && matches!(on, On::Core))) {
        let expected = on.expected(script);
        for cut in Cut::all(script) {
            let answers = on.play(script, cut);
            if answers != expected {
                return Err(describe(fixture, *on, cut, &expected, &answers));
            }
        }
    }
    Ok(())
}

/// Writes down what comes of the script when it is played whole, if it is not what the file says.
fn bless(fixture: &Fixture) -> Option<Script> {
    let script = &fixture.script;
    let (mut answers, mut is_expected) = (vec![Vec::new(); script.turns().len()], true);
    for on in On::all(fixture) {
        let came = on.play(script, Cut::Whole);
        is_expected &= came == on.expected(script);
        answers.iter_mut().zip(came).for_each(|(answer, more)| answer.extend(more));
    }
    if is_expected {
        return None;
    }
    let text = script.rewritten(&answers);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&fixture.name);
    fs::write(path, &text).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
    Some(text.parse().expect("a rewritten script is a script"))
}

fn describe(
    fixture: &Fixture,
    on: On,
    cut: Cut,
    expected: &[Vec<Expected>],
    answers: &[Vec<Expected>],
) -> String {
    let turn = (0..expected.len()).find(|&turn| expected[turn] != answers[turn]).unwrap_or(0);
    let cut = match cut {
        Cut::Whole => "whole".to_owned(),
        Cut::At(at) => format!("cut in two before byte {at} of the client"),
        Cut::EveryByte => "byte by byte".to_owned(),
    };
    let mut text =
        format!("{}:{}: {}, {cut}\n", fixture.name, fixture.script.turns()[turn].line(), on.name());
    for (label, side) in [("expected", &expected[turn]), ("came", &answers[turn])] {
        let mut lines = String::new();
        side.iter().for_each(|expected| expected.print(&mut lines));
        let _ = writeln!(text, "  {label}:");
        lines.lines().for_each(|line| writeln!(text, "    {line}").unwrap());
    }
    text
}
