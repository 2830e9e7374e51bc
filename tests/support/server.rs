//! A server of the lab as a child process, for as long as a test needs it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Where it makes its folder, which a killed server cannot remove.
    _folder: TempDir,
}

impl Server {
    /// Starts a binary on a port that the system chooses, with frozen date and counters.
    ///
    /// # Panics
    /// When it does not start, or its first line does not say where it listens.
    pub fn start(binary: &str, options: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(binary)
            .env("TMPDIR", folder.path())
            .args(["--golden", "--port", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{binary}: {error}"));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        let address = read.ok().and_then(|_| address(&line));
        let server = address.map(|address| Server { child, address, _folder: folder });
        server.unwrap_or_else(|| panic!("{binary} does not say where it listens: {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line such as `epoll-server listens on http://127.0.0.1:8000`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, behind) = line.split_once("http://")?;
    let end = behind.find(|char: char| char.is_whitespace() || char == '/').unwrap_or(behind.len());
    behind[..end].parse().ok()
}
