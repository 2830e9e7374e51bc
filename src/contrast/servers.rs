//! The servers of a run: those that are started for it, and those that were there.

pub mod process;
pub mod strace;

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cores::Cores;
use super::failure::Failure;
use super::url::Url;

/// A server that takes part in a run.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub name: String,
    pub place: Place,
}

/// Where a candidate is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A program, to be started for each measurement.
    Program(PathBuf),
    /// It runs already; its process is known if the system is to be asked about it.
    Url(Url, Option<u32>),
}

impl Candidate {
    /// The three servers of the lab, which stand beside this program.
    ///
    /// # Errors
    /// If one is missing: how to build it.
    pub fn of_the_lab() -> Result<Vec<Candidate>, Failure> {
        let own = env::current_exe().map_err(|error| Failure::cannot("find this program", error))?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let candidate = |name: &&str| {
            let path = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
            match path.is_file() {
                true => Ok(Candidate { name: (*name).to_owned(), place: Place::Program(path) }),
                false => Err(Failure::Because(format!(
                    "{name} is not in {}: build all servers with cargo build --release --bins",
                    folder.display()
                ))),
            }
        };
        SERVERS.iter().map(candidate).collect()
    }

    /// Makes it ready to be measured: a server of the lab is a fresh one, whose memory is not that of what came before.
    pub fn start(&self, cores: &Cores) -> Result<Live, Failure> {
        match &self.place {
            Place::Program(path) => {
                let server = Server::start(&self.name, path, cores)?;
                let url = Url::parse(&format!("http://{}/", server.address))?;
                Ok(Live { url, pid: Some(server.child.id()), server: Some(server) })
            }
            Place::Url(url, pid) => Ok(Live { url: url.clone(), pid: *pid, server: None }),
        }
    }

    /// Whether it is one of the lab's, and has its routes.
    pub fn is_of_the_lab(&self) -> bool {
        matches!(self.place, Place::Program(_))
    }
}

/// A server that can be measured now. One that was started is stopped when this is dropped.
#[derive(Debug)]
pub struct Live {
    pub url: Url,
    pub pid: Option<u32>,
    server: Option<Server>,
}

impl Live {
    /// Whether it is one of the lab's, started for this run.
    pub fn was_started(&self) -> bool {
        self.server.is_some()
    }

    /// Stops it, if it was started; answers what it had to complain about.
    pub fn stop(self) -> String {
        self.server.map(Server::stop).unwrap_or_default()
    }
}

/// A process that was started, and ends when this is dropped.
#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
    complaints: Option<JoinHandle<String>>,
}

impl Server {
    fn start(name: &str, path: &Path, cores: &Cores) -> Result<Server, Failure> {
        let mut command = Command::new(path);
        command.args(OPTIONS).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = cores.start(|| command.spawn());
        let mut child = spawned.map_err(|error| Failure::cannot(format_args!("start {name}"), error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on it is stopped whatever happens.
        let mut server = Server {
            child,
            address: SocketAddr::from(([0; 4], 0)),
            complaints: stderr.map(|stderr| thread::spawn(|| read_some(stderr))),
        };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let mut stdout = stdout.map(BufReader::new);
            if let Some(stdout) = &mut stdout {
                let _ = stdout.read_line(&mut line);
            }
            let _ = tell.send(line);
        });
        let line = told.recv_timeout(PATIENCE).unwrap_or_default();
        match line.trim_end().rsplit("http://").next().and_then(|address| address.parse().ok()) {
            Some(address) => {
                server.address = address;
                Ok(server)
            }
            None => {
                let said = server.stop();
                let why = said.lines().next().unwrap_or("it did not say where it listens").to_owned();
                Err(Failure::cannot(format_args!("start {name}"), why))
            }
        }
    }

    fn stop(mut self) -> String {
        self.end();
        let complaints = self.complaints.take().map(|reader| reader.join().unwrap_or_default());
        complaints.unwrap_or_default()
    }

    /// Asks the process to end, and sees to it that it does.
    fn end(&mut self) {
        let asked_at = Instant::now();
        let is_asked =
            Pid::from_raw(self.child.id() as i32).is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        while is_asked && asked_at.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(GLANCE),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        // Neither can fail but for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a process complains about, up to a bound; the rest is read as well, or it would have to wait.
fn read_some(mut stream: impl Read) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        if text.len() < MOST_COMPLAINTS_BYTES {
            text.extend_from_slice(&piece[..count]);
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The names of the lab's servers.
pub const SERVERS: [&str; 3] = ["epoll-server", "threaded-server", "uring-server"];

/// A free port; idle connections stay for as long as a run takes; nobody waits for a server that is to end.
const OPTIONS: [&str; 6] = ["--port", "0", "--idle-timeout", "3600s", "--grace", "0s"];

/// How long a server may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(10);

const GLANCE: Duration = Duration::from_millis(2);

const MOST_COMPLAINTS_BYTES: usize = 64 * 1024;
