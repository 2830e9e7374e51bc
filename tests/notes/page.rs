//! A note as it is written: which servers it is for, what is typed, what is shown.

use std::fs;

/// A whole note.
pub struct Note {
    pub path: String,
    pub text: String,
    pub blocks: Vec<Block>,
}

/// What a note has a test for.
pub enum Block {
    /// Commands, and what they print, in the terminal of this name: the usual one has none.
    Console(String, Vec<Step>),
    /// A conversation in the notation of the fixtures, and the line of the note that it begins on.
    Wire(usize, String),
}

/// One thing to do.
pub struct Step {
    /// The line of the note that it stands on; the first is 1.
    pub line: usize,
    pub action: Action,
    pub expected: String,
}

/// What somebody does at a terminal.
pub enum Action {
    Type(String),
    /// Ctrl-C, which a terminal shows as `^C`.
    Interrupt,
    /// Looks at what comes of a command that goes on.
    Look,
}

impl Step {
    pub fn command(&self) -> &str {
        match &self.action {
            Action::Type(command) => command,
            Action::Interrupt => "^C",
            Action::Look => "",
        }
    }
}

/// The notes, in the order of their numbers.
pub fn names() -> Vec<String> {
    let files = fs::read_dir(FOLDER).expect("lab-notes");
    let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let mut notes: Vec<String> =
        names.filter(|name| name.starts_with(|char: char| char.is_ascii_digit())).collect();
    notes.sort();
    notes
}

impl Note {
    pub fn read(name: &str) -> Note {
        let path = format!("{FOLDER}/{name}");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let blocks = blocks(&text);
        Note { path, text, blocks }
    }

    /// The servers that the note has to hold for, one run each: ``For `epoll-server` or `threaded-server`.`` are
    /// two runs. A note for both at once starts both itself.
    pub fn servers(&self) -> Vec<&'static str> {
        let line = self.text.lines().find(|line| line.starts_with("For `")).unwrap_or_default();
        let named: Vec<&str> =
            SERVERS.into_iter().filter(|name| line.contains(&format!("`{name}`"))).collect();
        assert!(!named.is_empty(), "{}: a line has to say: For `epoll-server` …", self.path);
        if line.contains("` or `") { named } else { named[..1].to_vec() }
    }

    /// Every item and file of the code that the note names, as `item` in `src/file.rs`.
    pub fn mentions(&self) -> Vec<(&str, &str)> {
        let parts: Vec<&str> = self.text.split('`').collect();
        let named =
            parts.windows(3).filter(|window| window[1].trim() == "in" && window[2].starts_with("src/"));
        named.map(|window| (window[0], window[2])).collect()
    }
}

/// The fenced blocks: ```` ```console ````, with the name of a terminal or without, and ```` ```wire ````.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let inside: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        match language.split_once(' ').unwrap_or((language, "")) {
            ("console", terminal) => {
                let steps = steps(&inside);
                let is_typed = |step: &Step| matches!(step.action, Action::Type(_));
                assert!(
                    !terminal.is_empty() || steps.iter().all(is_typed),
                    "line {number}: what goes on has a terminal with a name: console ann"
                );
                blocks.push(Block::Console(terminal.to_owned(), steps));
            }
            ("wire", _) => {
                let script = inside.iter().map(|(_, line)| format!("{line}\n")).collect();
                blocks.push(Block::Wire(number + 1, script));
            }
            _ => {}
        }
    }
    blocks
}

/// `$ ` begins a command, `> ` continues it, `^C` ends it, as bash prints them; the rest is what it prints.
fn steps(lines: &[(usize, &str)]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for &(line, text) in lines {
        let begin = |action, expected| Step { line, action, expected };
        match steps.last_mut() {
            _ if text.starts_with("$ ") => {
                steps.push(begin(Action::Type(text[2..].to_owned()), String::new()))
            }
            _ if text == "^C" => steps.push(begin(Action::Interrupt, String::new())),
            Some(Step { action: Action::Type(command), expected, .. })
                if text.starts_with("> ") && expected.is_empty() =>
            {
                command.push('\n');
                command.push_str(&text[2..]);
            }
            Some(step) => {
                step.expected.push_str(text);
                step.expected.push('\n');
            }
            None => steps.push(begin(Action::Look, format!("{text}\n"))),
        }
    }
    steps
}

const FOLDER: &str = "lab-notes";

const SERVERS: [&str; 3] = ["epoll-server", "threaded-server", "uring-server"];
