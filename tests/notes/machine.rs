//! What the machine has to offer: tools, ports, the binaries.

use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// The first of `commands`' tools that cannot be used here, as a sentence.
pub fn missing_tool(commands: &str) -> Option<String> {
    let is_used = |tool: &&str| commands.split([' ', '|', '(', '\n']).any(|word| word == *tool);
    let mut used = TOOLS.into_iter().filter(is_used);
    let missing = used.find(|tool| !succeeds("sh", &["-c", &format!("command -v {tool}")]));
    if let Some(tool) = missing {
        return Some(format!("{tool} is not installed"));
    }
    let is_openbsd = || succeeds("sh", &["-c", "nc -h 2>&1 | grep -q OpenBSD"]);
    (is_used(&"nc") && !is_openbsd())
        .then(|| "nc is not OpenBSD's (netcat-openbsd), and has other options".into())
}

/// Whether a process may look at another's system calls: a sandbox may forbid it.
pub fn may_strace() -> bool {
    succeeds("strace", &["-o", "/dev/null", "true"])
}

/// Nothing may be left out where `CI=true`.
pub fn must_run_all() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// A port that nobody listens on. Of four digits, as in the notes: `Host: localhost:8000` keeps its length.
pub fn free_port() -> u16 {
    let first = FIRST_PORT + (std::process::id() % 400) as u16;
    for _ in 0..PORTS {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free from {first} on");
}

/// The folder that has the servers, as `target/debug` has them after `cargo build`.
pub fn binaries() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_epoll-server")).parent().expect("a folder").to_path_buf()
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const TOOLS: [&str; 8] = ["nc", "telnet", "curl", "xxd", "strace", "ss", "diff", "openssl"];

static NEXT: AtomicU16 = AtomicU16::new(0);
const FIRST_PORT: u16 = 7100;
const PORTS: u16 = 400;
