//! A note as it is lived through: servers started, commands typed, what is printed compared.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use super::machine::{self, free_port};
use super::page::{Action, Block, Note, Step};
use super::pattern::matches;
use super::process::{Server, Shell};
use super::trace;
use super::uring;

/// Runs a note for each server that it is for.
pub fn check(name: &str) {
    let note = Note::read(name);
    let commands: String = note.steps().map(|step| format!("{}\n", step.command())).collect();
    if let Some(reason) = machine::missing_tool(&commands) {
        assert!(!machine::must_run_all(), "{} cannot be run: {reason}", note.path);
        return say(&format!("{} was not run: {reason}", note.path));
    }
    let may_strace = !commands.contains("strace") || machine::may_strace();
    if !may_strace {
        assert!(!machine::must_run_all(), "{} cannot be run: strace is forbidden here", note.path);
        say(&format!("{} was run without its strace commands: strace is forbidden here", note.path));
    }
    for server in note.servers() {
        if server == "uring-server" && !uring::is_here() {
            continue;
        }
        Run::new(&note, server, may_strace).go();
    }
}

/// Says something that is seen though the test succeeds.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl Note {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        let consoles = self.blocks.iter().filter_map(|block| match block {
            Block::Console(_, steps) => Some(steps),
            Block::Wire(..) => None,
        });
        consoles.flatten()
    }
}

/// All terminals of a run, in one folder.
struct Desk<'f> {
    /// By name.
    shells: BTreeMap<String, Shell>,
    servers: Vec<Server>,
    folder: &'f Path,
}

impl Desk<'_> {
    fn shell(&mut self, terminal: &str) -> &mut Shell {
        self.shells.entry(terminal.to_owned()).or_insert_with(|| Shell::open(self.folder))
    }

    /// Starts a server; what it announces.
    fn start(&mut self, command: &str) -> Result<String, String> {
        let server = Server::start(command, self.folder)?;
        let announced = server.announced.clone();
        self.servers.push(server);
        Ok(announced)
    }
}

struct Run<'n> {
    note: &'n Note,
    server: &'static str,
    may_strace: bool,
    /// The ports of this run, each for the one that is printed in the note.
    ports: Vec<(&'static str, String)>,
}

impl<'n> Run<'n> {
    fn new(note: &'n Note, server: &'static str, may_strace: bool) -> Run<'n> {
        let ports = PRINTED_PORTS.into_iter().map(|printed| (printed, free_port().to_string())).collect();
        Run { note, server, may_strace, ports }
    }

    fn go(&self) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("target")).expect("a folder");
        symlink(machine::binaries(), folder.path().join("target/debug")).expect("a link");
        let mut desk = Desk { shells: BTreeMap::new(), servers: Vec::new(), folder: folder.path() };
        for block in &self.note.blocks {
            match block {
                Block::Wire(line, script) => {
                    let result = trace::check(self.server, script);
                    result.unwrap_or_else(|why| panic!("{}:{line}, {}: {why}", self.note.path, self.server));
                }
                Block::Console(terminal, steps) => {
                    for step in steps.iter().filter(|step| self.can_run(step)) {
                        let printed = match self.server_command(step) {
                            Some(command) => desk.start(&command),
                            None if terminal.is_empty() => {
                                desk.shell(terminal).run(&self.as_typed(step.command()))
                            }
                            None => self.take_part(step, desk.shell(terminal)),
                        };
                        self.compare(step, printed);
                    }
                }
            }
        }
    }

    /// In a terminal with a name: what is typed may go on, and what is shown has been printed so far.
    fn take_part(&self, step: &Step, shell: &mut Shell) -> Result<String, String> {
        match &step.action {
            Action::Type(command) => shell.begin(&self.as_typed(command)),
            Action::Interrupt => shell.interrupt(),
            Action::Look => {}
        }
        let expected = self.for_server(&step.expected);
        shell.hear(|printed| matches(&expected, &self.as_printed(printed)))
    }

    fn can_run(&self, step: &Step) -> bool {
        self.may_strace || !step.command().contains("strace") || self.server_command(step).is_some()
    }

    fn compare(&self, step: &Step, printed: Result<String, String>) {
        let expected = self.for_server(&step.expected);
        let (is_complete, actual) = match printed {
            Ok(actual) => (true, self.as_printed(&actual)),
            Err(actual) => (false, self.as_printed(&actual)),
        };
        assert!(
            is_complete && matches(&expected, &actual),
            "\n{}:{}, {}\n$ {}\n--- the note shows\n{expected}--- it printed\n{actual}\n",
            self.note.path,
            step.line,
            self.server,
            step.command(),
        );
    }

    /// What starts a server, in a terminal of its own: `cargo run --bin …-server` or `target/debug/…-server`.
    fn server_command(&self, step: &Step) -> Option<String> {
        let starts = SERVERS.iter().find(|(name, _)| {
            let command = step.command();
            command.contains(&format!("cargo run --bin {name}"))
                || command.contains(&format!("target/debug/{name}"))
        });
        let (_, port) = starts?;
        let mut command = step.command().replace(" -- ", " ");
        if !command.contains("--port") {
            command.push_str(&format!(" --port {port}"));
        }
        if !self.may_strace
            && let Some(at) = command.find("target/debug/")
        {
            command.drain(..at);
        }
        Some(self.as_typed(&command))
    }

    /// With the ports of this run, for its server, and without a second build by cargo.
    fn as_typed(&self, command: &str) -> String {
        let command = self.for_server(command).replace("cargo run --bin ", "").replace("cargo build", "true");
        self.ports.iter().fold(command, |text, (printed, real)| text.replace(printed, real))
    }

    /// With the ports of the note.
    fn as_printed(&self, actual: &str) -> String {
        self.ports.iter().fold(actual.to_owned(), |text, (printed, real)| {
            text.replace(real, printed).replace(&hex(real), &hex(printed))
        })
    }

    /// A note is printed for the first of its servers.
    fn for_server(&self, text: &str) -> String {
        text.replace(self.note.servers()[0], self.server)
    }
}

/// As a hexdump shows it.
fn hex(port: &str) -> String {
    port.bytes().map(|digit| format!("{digit:02x} ")).collect()
}

const SERVERS: [(&str, &str); 3] =
    [("epoll-server", "8000"), ("threaded-server", "8001"), ("uring-server", "8002")];

/// Numbers that are ports wherever they stand in a note.
const PRINTED_PORTS: [&str; 4] = ["8000", "8001", "8002", "8003"];
