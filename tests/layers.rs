//! Who may name whom: imports point down, and only drivers speak to the operating system.

use std::fs;
use std::path::{Path, PathBuf};

/// What only drivers, binaries and the measuring client may name.
const SYSTEM: &[&str] = &[
    "std::io",
    "std::net",
    "std::thread",
    "std::fs",
    "mio",
    "io_uring",
    "socket2",
    "rustix",
    "Instant::now",
    "SystemTime",
];

const FLOORS: &[&str] =
    &["wire", "http", "websocket", "sse", "session", "lab", "trace", "drivers", "store", "contrast"];

/// The words of the protocols; `sse` only by itself, as it is a part of many words.
const PROTOCOL: &[&str] = &["http", "request", "response", "websocket"];

#[test]
fn only_drivers_speak_to_the_operating_system() {
    for floor in ["wire", "http", "websocket", "sse", "session", "lab", "trace"] {
        check(floor, |code| {
            SYSTEM.iter().filter(|name| names(code, name)).map(ToString::to_string).collect()
        });
    }
}

#[test]
fn imports_point_down() {
    for (floor, below) in [
        ("wire", &[][..]),
        ("http", &["wire"]),
        ("websocket", &["wire", "http"]),
        ("sse", &["wire"]),
        ("session", &[]),
        ("trace", &["wire", "http", "session"]),
        ("lab", &["wire", "http", "websocket", "sse", "session", "trace"]),
        ("drivers", &["wire", "session"]),
        ("store", &["wire", "lab"]),
        ("contrast", &["wire", "http", "websocket", "sse"]),
    ] {
        let may_name = |other: &&&str| **other == floor || below.contains(*other);
        let above: Vec<_> = FLOORS.iter().filter(|other| !may_name(other)).collect();
        let foreign = |code: &str| {
            let paths = above.iter().map(|other| format!("crate::{other}"));
            paths.filter(|path| names(code, path)).collect()
        };
        check(floor, foreign);
    }
}

#[test]
fn the_store_knows_of_the_lab_only_its_journal_and_of_the_system_no_network() {
    check("store", |code| {
        let foreign = ["std::net", "mio", "io_uring", "socket2"].into_iter().filter(|name| names(code, name));
        let rooms = code.split("crate::lab").skip(1).filter(|behind| !is_journal(behind));
        foreign.map(str::to_owned).chain(rooms.map(|behind| format!("crate::lab{behind}"))).collect()
    });
    assert!(is_journal("::journal::Ack;") && is_journal("::{"));
    assert!(!is_journal(";") && !is_journal("::Lab") && !is_journal("::journals") && !is_journal("::{Lab"));
}

/// Whether what stands behind `crate::lab` leads to its journal, or begins a group, whose names are looked at singly.
fn is_journal(behind: &str) -> bool {
    let path: String = behind.chars().take_while(|char| !matches!(char, ' ' | ';' | ',' | '}')).collect();
    path == "::{" || path == "::journal" || path.starts_with("::journal::")
}

#[test]
fn drivers_know_no_protocol() {
    check("drivers", |code| words(code).into_iter().filter(|word| is_protocol(word)).collect());
}

#[test]
fn the_checks_find_what_they_look_for() {
    let code = code_of(
        "use std::{fmt, io::Read};\n/// std::fs in prose\nuse crate::{http, wire::hexdump};\nlet http_port = 1; // mio\n\
         #[cfg(test)]\nmod tests {\n    use std::thread;\n}\n",
    );
    for name in ["std::fmt", "std::io", "crate::http", "crate::wire"] {
        assert!(names(&code, name), "{name}");
    }
    for name in ["std::fs", "mio", "std::thread", "crate::lab", "port"] {
        assert!(!names(&code, name), "{name}");
    }
    assert!(words(&code).iter().any(|word| is_protocol(word)));
    assert!(is_protocol("sse_stream") && is_protocol("HttpRequest") && !is_protocol("passed"));
}

/// Fails with every line of a floor in which `find` finds something; a floor that is not built yet has none.
fn check(floor: &str, find: impl Fn(&str) -> Vec<String>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source.join(floor), &mut files);
    files.extend(Some(source.join(format!("{floor}.rs"))).filter(|file| file.exists()));
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file is text");
        for (number, line) in (1..).zip(code_of(&text).lines()) {
            found.extend(find(line).into_iter().map(|name| format!("{}:{number}: {name}", file.display())));
        }
    }
    assert!(found.is_empty(), "{floor} names what it must not know:\n{}", found.join("\n"));
}

/// Source files below a folder; those of tests may name anything.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry of a folder that was just opened").path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some("tests" | "tests.rs") => {}
            _ if path.is_dir() => collect(&path, files),
            _ => files.push(path),
        }
    }
}

/// The code without comments and tests, every name of a grouped import with its whole path; lines stay lines.
fn code_of(text: &str) -> String {
    let tested = text.find("#[cfg(test)]").unwrap_or(text.len());
    let mut code = String::new();
    let mut prefix: Option<String> = None;
    for line in text[..tested].lines() {
        let line = match line.trim_start().starts_with("//") {
            true => "",
            false => line.split(" // ").next().unwrap_or_default(),
        };
        if let Some((path, _)) = line.split_once("::{").filter(|_| line.trim_start().contains("use ")) {
            prefix = Some(path.trim_start().trim_start_matches("pub ").trim_start_matches("use ").to_owned());
        }
        code.push_str(line);
        if let Some(path) = &prefix {
            let names = line.split_once("::{").map_or(line, |(_, names)| names);
            names.split(',').for_each(|name| code.push_str(&format!(" {path}::{}", name.trim())));
        }
        if line.contains(';') {
            prefix = None;
        }
        code.push('\n');
    }
    code
}

/// Whether a path or a word stands in the code by itself.
fn names(code: &str, name: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    code.match_indices(name).any(|(start, _)| {
        let (before, behind) = (&code[..start], &code[start + name.len()..]);
        !before.ends_with(is_part) && !behind.starts_with(is_part)
    })
}

fn words(code: &str) -> Vec<String> {
    let split = code.split(|char: char| !char.is_alphanumeric() && char != '_');
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_protocol(word: &str) -> bool {
    let lower = word.to_lowercase();
    PROTOCOL.iter().any(|protocol| lower.contains(protocol)) || lower.split('_').any(|part| part == "sse")
}
