//! Lab notes are tests: what a note prints is typed, and what it shows has to come of it.
//!
//! `lab-notes/README.md` says how a note is written, and what stands for what varies. One note alone:
//! `cargo test --test notes note_03`.

#[path = "notes/machine.rs"]
mod machine;
#[path = "notes/page.rs"]
mod page;
#[path = "notes/pattern.rs"]
mod pattern;
#[path = "notes/process.rs"]
mod process;
#[path = "notes/run.rs"]
mod run;
#[path = "notes/trace.rs"]
mod trace;
#[path = "support/uring.rs"]
mod uring;

use std::fs;

use page::Note;

#[test]
fn note_01() {
    run::check("01-where-a-request-ends.md");
}

#[test]
fn note_02() {
    run::check("02-the-same-bytes-at-both-ends.md");
}

#[test]
fn note_03() {
    run::check("03-read-until-it-would-block.md");
}

#[test]
fn note_04() {
    run::check("04-what-an-idle-client-costs.md");
}

#[test]
fn note_05() {
    run::check("05-four-instants.md");
}

#[test]
fn note_06() {
    run::check("06-two-lengths-two-readers.md");
}

#[test]
fn note_07() {
    run::check("07-closing-without-losing-the-answer.md");
}

#[test]
fn note_08() {
    run::check("08-by-hand-to-websocket.md");
}

#[test]
fn note_09() {
    run::check("09-why-clients-mask.md");
}

#[test]
fn note_10() {
    run::check("10-who-is-still-there.md");
}

#[test]
fn note_11() {
    run::check("11-what-a-message-costs.md");
}

#[test]
fn note_12() {
    run::check("12-an-answer-that-never-ends.md");
}

#[test]
fn note_13() {
    run::check("13-what-did-i-miss.md");
}

#[test]
fn note_14() {
    run::check("14-one-publisher-many-readers.md");
}

#[test]
fn note_15() {
    run::check("15-why-the-seventh-tab-hangs.md");
}

#[test]
fn note_16() {
    run::check("16-the-bill-for-ten-notifications.md");
}

#[test]
fn note_17() {
    run::check("17-how-late-is-the-news.md");
}

#[test]
fn note_18() {
    run::check("18-the-client-that-cannot-keep-up.md");
}

#[test]
fn note_19() {
    run::check("19-at-least-once.md");
}

#[test]
fn note_20() {
    run::check("20-chain-or-publish-subscribe.md");
}

#[test]
fn note_21() {
    run::check("21-an-upload-that-is-cut.md");
}

#[test]
fn note_22() {
    run::check("22-parts-that-arrive-as-1-3-2.md");
}

#[test]
fn note_23() {
    run::check("23-when-is-it-safe-to-say-yes.md");
}

#[test]
fn note_24() {
    run::check("24-100-and-104-on-the-wire.md");
}

#[test]
fn note_25() {
    run::check("25-one-file-two.md");
}

#[test]
fn note_26() {
    run::check("26-a-thread-waits.md");
}

#[test]
fn note_27() {
    run::check("27-many-wait-in-one-place.md");
}

#[test]
fn note_28() {
    run::check("28-the-kernel-reports-back.md");
}

#[test]
fn note_29() {
    run::check("29-one-blocking-call-freezes-a-loop.md");
}

#[test]
fn note_30() {
    run::check("30-what-10000-idle-clients-cost.md");
}

#[test]
fn note_31() {
    run::check("31-the-bill-drawn.md");
}

/// A note without a test here would never be run.
#[test]
fn every_note_is_run() {
    let tests = include_str!("notes.rs");
    for name in page::names() {
        assert!(
            tests.contains(&format!("run::check(\"{name}\")")),
            "lab-notes/{name} has no test in tests/notes.rs"
        );
    }
}

/// The headings in their order, a page at most, and nothing named in the code that is not there.
#[test]
fn every_note_keeps_to_the_form() {
    for name in page::names() {
        let note = Note::read(&name);
        let headings: Vec<&str> = note.text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let form = ["Question", "Prediction", "Try it", "Bytes seen", "Explanation", "Exercise"];
        assert_eq!(headings, form, "lab-notes/{name}");
        assert!(note.text.lines().count() <= 120, "lab-notes/{name} is longer than a page");
        for (item, path) in note.mentions() {
            let code =
                fs::read_to_string(path).unwrap_or_else(|error| panic!("lab-notes/{name}: {path}: {error}"));
            let is_there = ["fn", "struct", "enum", "const"].iter().any(|kind| {
                let definition = format!("{kind} {item}");
                let mut behind = code.split(&definition).skip(1).filter_map(|rest| rest.chars().next());
                behind.any(|char| !char.is_alphanumeric() && char != '_')
            });
            assert!(is_there, "lab-notes/{name}: there is no {item} in {path}");
        }
    }
}
