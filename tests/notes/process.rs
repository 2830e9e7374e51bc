//! The processes of a note: a shell that is typed into, and servers in terminals of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::machine;

/// A child process with all that it has started; it ends with this.
struct Group {
    child: Child,
    lines: Receiver<String>,
}

impl Group {
    /// Both streams of the output are read, so that nobody waits for a reader.
    fn start(command: &mut Command, folder: &Path) -> Group {
        command.current_dir(folder).process_group(0).env("LC_ALL", "C.UTF-8");
        command.stdout(Stdio::piped()).env("PATH", path_with_binaries());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, lines) = channel();
        let stdout = child.stdout.take().expect("it is piped");
        thread::spawn(move || read_lines(stdout, |line| sender.send(line).is_ok()));
        Group { child, lines }
    }

    /// Lines until they are all that is waited for.
    fn read_until(&self, are_all: impl Fn(&str) -> bool) -> Result<String, String> {
        let until = Instant::now() + PATIENCE;
        let mut printed = String::new();
        while !are_all(&printed) {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => printed.push_str(&line),
                Err(RecvTimeoutError::Timeout) => return Err(format!("{printed}\n(no end in {PATIENCE:?})")),
                Err(RecvTimeoutError::Disconnected) => return Err(format!("{printed}\n(it has ended)")),
            }
        }
        Ok(printed)
    }

    fn signal(&self, name: &str) {
        let (name, group) = (format!("-{name}"), format!("-{}", self.child.id()));
        let _ = Command::new("kill").args([&name, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

/// A terminal in which a server runs.
pub struct Server {
    _group: Group,
    pub announced: String,
}

impl Server {
    /// Types the command and waits until it listens.
    pub fn start(command: &str, folder: &Path) -> Result<Server, String> {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-c", &format!("exec 2>&1; exec {command}")])
            .stdin(Stdio::null());
        let group = Group::start(&mut bash, folder);
        let announced = group.read_until(|printed| printed.contains("/wire/last"))?;
        Ok(Server { _group: group, announced })
    }
}

/// A terminal in which commands are typed, one after another.
pub struct Shell {
    stdin: ChildStdin,
    group: Group,
}

impl Shell {
    pub fn open(folder: &Path) -> Shell {
        let mut bash = Command::new("bash");
        let mut group = Group::start(bash.args(["--noprofile", "--norc"]).stdin(Stdio::piped()), folder);
        let mut stdin = group.child.stdin.take().expect("it is piped");
        // Ctrl-C is for the command, and a shell that traps it goes on.
        stdin.write_all(b"exec 2>&1; trap : INT\n").expect("a shell");
        Shell { stdin, group }
    }

    /// What a command prints, on both streams. It cannot read from the terminal.
    pub fn run(&mut self, command: &str) -> Result<String, String> {
        self.begin(command);
        self.type_in(&format!("printf '\\n{MARK}\\n'\n"));
        let printed = self.hear(|printed| printed.ends_with(&format!("\n{MARK}\n")))?;
        Ok(printed.replace(&format!("\n{MARK}\n"), ""))
    }

    /// Types a command that may go on, and cannot read from the terminal either.
    pub fn begin(&mut self, command: &str) {
        self.type_in(&format!("{{ {command}\n}} </dev/null\n"));
    }

    /// What has been printed since it was last asked, once it is all that is waited for.
    pub fn hear(&self, is_all: impl Fn(&str) -> bool) -> Result<String, String> {
        self.group.read_until(is_all)
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        self.group.signal("INT");
    }

    /// A shell that has gone is noticed where its output is read.
    fn type_in(&mut self, text: &str) {
        let _ = self.stdin.write_all(text.as_bytes());
    }
}

fn read_lines(stream: impl Read, mut take: impl FnMut(String) -> bool) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        // Read on when nobody listens: a server that cannot print would notice.
        take(text);
    }
}

fn path_with_binaries() -> String {
    format!("{}:{}", machine::binaries().display(), std::env::var("PATH").unwrap_or_default())
}

/// Longer than any command of a note takes.
const PATIENCE: Duration = Duration::from_secs(10);

const MARK: &str = "--- a command has ended ---";
