//! From a command line to a running server: the same for all servers, but for the driver.

mod uploads;

use std::fmt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::drivers::{self, stop};
use crate::http::Limits;
use crate::lab::Lab;
use crate::lab::clock::TimeSource;
use crate::lab::rehearsal::rehearse;
use crate::lab::settings::{JobSettings, QueueSettings, Settings, TopicSettings, WebSocketSettings};
use crate::lab::topics::log::History;
use crate::store::{self, Store};
use crate::trace::Print;

pub use self::uploads::UploadOptions;

/// The options that every server has.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Address to listen on, e.g. --addr 0.0.0.0 or --addr ::1
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub addr: String,

    /// Print every read and write, e.g. --trace > captured.wire
    #[arg(long)]
    pub trace: bool,

    /// Freeze date and counters: the same bytes in, the same bytes out, e.g. --golden --trace
    #[arg(long)]
    pub golden: bool,

    /// Longest request line, in bytes (414 above), e.g. --max-request-line 16384
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().request_line_bytes)]
    pub max_request_line: u32,

    /// Largest head, in bytes (431 above), e.g. --max-head 65536
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().head_bytes)]
    pub max_head: u32,

    /// Most field lines of a head (431 above), e.g. --max-fields 50
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().fields)]
    pub max_fields: u32,

    /// Largest content that a route keeps, in bytes (413 above), e.g. --max-content 4096
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().max_content)]
    pub max_content: u64,

    /// Time for a head to be complete (408 after), e.g. --head-timeout 2s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub head_timeout: Duration,

    /// Time without a byte before a connection is closed, e.g. --idle-timeout 500ms
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub idle_timeout: Duration,

    /// Time that a peer may take no byte of what waits for it, e.g. --send-timeout 5s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    pub send_timeout: Duration,

    /// Time for answers under way when the server is stopped, e.g. --grace 0s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub grace: Duration,

    /// Most connections at a time (503 above), e.g. --max-connections 1000
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().max_connections)]
    pub max_connections: usize,

    // No doc comment: an address in one would have to be a link.
    #[arg(
        long,
        value_name = "ORIGIN",
        help = "Origin whose pages may open WebSockets too, repeatable, e.g. --allow-origin https://example.org"
    )]
    pub allow_origin: Vec<String>,

    /// Largest WebSocket message, in bytes (close code 1009 above), e.g. --max-message 65536 [default: 16777216, or
    /// what ?max_message= asks for, up to 67108864]
    #[arg(long, value_name = "BYTES")]
    pub max_message: Option<usize>,

    /// Time from a pong to the next WebSocket ping, e.g. --ping-interval 5s
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = parse_time)]
    pub ping_interval: Duration,

    /// Time for the pong (close code 3012 after), e.g. --pong-timeout 2s
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = parse_time)]
    pub pong_timeout: Duration,

    /// Events that a topic keeps for those who come later, e.g. --history-events 10
    #[arg(long, value_name = "COUNT", default_value_t = TopicSettings::default().history.events)]
    pub history_events: usize,

    /// The same in bytes; an event counts 256 more than its data, e.g. --history-bytes 65536
    #[arg(long, value_name = "BYTES", default_value_t = TopicSettings::default().history.bytes)]
    pub history_bytes: u64,

    /// The same by age, e.g. --history-age 60s
    #[arg(long, value_name = "TIME", default_value = "3600s", value_parser = parse_time)]
    pub history_age: Duration,

    /// Most topics (507 above), e.g. --max-topics 10
    #[arg(long, value_name = "COUNT", default_value_t = TopicSettings::default().most)]
    pub max_topics: usize,
    /// Jobs that run at a time, e.g. --workers 2
    #[arg(long, value_name = "COUNT", default_value_t = JobSettings::default().workers, value_parser = parse_workers)]
    pub workers: usize,

    /// Most jobs that wait for a worker (429 above), e.g. --max-jobs-waiting 10
    #[arg(long, value_name = "COUNT", default_value_t = JobSettings::default().most_waiting)]
    pub max_jobs_waiting: usize,

    /// Time between comments on an event stream that has nothing to say, 0 for none, e.g. --heartbeat 5s
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = parse_time)]
    pub heartbeat: Duration,

    /// Deliveries of a message without an ack, after which it is a dead letter, e.g. --max-deliveries 2
    #[arg(long, value_name = "COUNT", default_value_t = QueueSettings::default().max_deliveries, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_deliveries: u32,

    /// Most messages in a queue (429 above), e.g. --max-messages 3
    #[arg(long, value_name = "COUNT", default_value_t = QueueSettings::default().max_messages)]
    pub max_messages: usize,

    /// Memory of the tape behind /wire/last, 0 for none and for no /wire either, e.g. --tape 16777216
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().tape_bytes)]
    pub tape: usize,

    /// Folder where events, messages, jobs and images outlive the server, e.g. --data lab-data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Largest file of events, messages and jobs there, in bytes (507 above), e.g. --max-data 1048576
    #[arg(long, value_name = "BYTES", requires = "data", default_value_t = store::Settings::default().max_bytes)]
    pub max_data: u64,

    /// Time that every sync of the disk takes longer: a slow disk on purpose, e.g. --sync-delay 200ms
    #[arg(long, value_name = "TIME", requires = "data", default_value = "0s", value_parser = parse_time)]
    pub sync_delay: Duration,

    #[command(flatten)]
    pub uploads: UploadOptions,
}

/// A server that is ready to be driven.
pub struct Server {
    pub listener: TcpListener,
    pub lab: Arc<Lab>,
    pub settings: drivers::Settings,
    pub stop: stop::StopSignal,
    /// Dropping it takes as long as the disk needs: what was kept is safe then, and `main` may return.
    pub store: Option<Store>,
}

impl Options {
    /// Listens, hears signals, and says so.
    ///
    /// # Errors
    /// One line for the person who started it.
    pub fn launch(
        &self,
        name: &str,
        waits_by: &'static str,
        port: u16,
        listen: fn(SocketAddr) -> io::Result<TcpListener>,
    ) -> Result<Server, String> {
        rehearse(OPERATING_SYSTEM); // before there is a log
        let filter = env_logger::Env::default().default_filter_or("warn");
        env_logger::Builder::from_env(filter).format_timestamp_millis().init();
        // A connection is a descriptor, and the usual soft limit of 1,024 is a relic of select(2). Where it cannot
        // be raised, accepting pauses at the limit, and that says so.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let address = resolve(&self.addr, port)?;
        let listener = listen(address)
            .map_err(|error| format!("cannot listen on {address}: {error}{}", advice(error.kind())))?;
        let bound = listener.local_addr().map_err(|error| cannot("tell the port", error))?;
        let (lab, store) = self.lab(waits_by)?;
        let disk = self.uploads.disk(self.data.as_deref());
        uploads::find(&lab, &disk)?;
        let (handle, stop) = stop::pair().map_err(|error| cannot("hear signals", error))?;
        handle.on_signals().map_err(|error| cannot("hear signals", error))?;
        announce(name, bound, self.trace);
        if !bound.ip().is_loopback() && self.tape > 0 {
            log::warn!(
                "whoever reaches {bound} can read what others send, at /wire and /wire/last; --tape 0 shows nothing"
            );
        }
        Ok(Server {
            listener,
            lab: Arc::new(lab),
            settings: drivers::Settings {
                send_timeout: self.send_timeout,
                grace: self.grace,
                disk,
                ..drivers::Settings::default()
            },
            stop,
            store,
        })
    }

    /// The lab, and the store in which it keeps what is to outlive it, if there is to be one.
    fn lab(&self, waits_by: &'static str) -> Result<(Lab, Option<Store>), String> {
        let lab = Lab::new(self.lab_settings(waits_by), OPERATING_SYSTEM, self.printer());
        let Some(folder) = &self.data else { return Ok((lab, None)) };
        let settings = store::Settings { max_bytes: self.max_data, sync_delay: self.sync_delay };
        let complaint = |why: &dyn fmt::Display| format!("--data {}: {why}", folder.display());
        let (store, found) = Store::open(folder, &settings).map_err(|error| complaint(&error))?;
        let lab = match lab.keep(store.journal(), found) {
            Ok(lab) => lab,
            Err(why) => {
                store.abandon();
                return Err(complaint(&why));
            }
        };
        // No number is given before the disk has the mark that goes ahead of it. If it will not have it, requests are
        // refused that need one, until it does.
        if let Err(failure) = store.settle() {
            log::error!("how far numbers may go was not written down: {failure}");
        }
        Ok((lab, Some(store)))
    }

    fn lab_settings(&self, waits_by: &'static str) -> Settings {
        Settings {
            waits_by,
            head: Limits {
                request_line_bytes: self.max_request_line,
                head_bytes: self.max_head,
                fields: self.max_fields,
            },
            max_content: self.max_content,
            head_timeout: self.head_timeout,
            idle_timeout: self.idle_timeout,
            max_connections: self.max_connections,
            tape_bytes: self.tape,
            websocket: WebSocketSettings {
                origins: self.allow_origin.clone(),
                max_message: self.max_message,
                ping_interval: self.ping_interval,
                pong_timeout: self.pong_timeout,
            },
            topics: TopicSettings {
                history: History {
                    events: self.history_events,
                    bytes: self.history_bytes,
                    age_millis: self.history_age.as_millis() as u64,
                },
                most: self.max_topics,
            },
            jobs: JobSettings { workers: self.workers, most_waiting: self.max_jobs_waiting },
            queues: QueueSettings {
                max_deliveries: self.max_deliveries,
                max_messages: self.max_messages,
                ..QueueSettings::default()
            },
            uploads: self.uploads.settings(),
            heartbeat: self.heartbeat,
            golden: self.golden,
        }
    }

    fn printer(&self) -> Option<Print> {
        self.trace.then(|| -> Print {
            Box::new(|lines| {
                // A reader that has gone (`| head`) is no reason to stop serving.
                let mut stdout = io::stdout().lock();
                let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
            })
        })
    }
}

/// What the help of a server ends with.
pub const HELP: &str = "\
Log: RUST_LOG=info shows connections, debug also requests, wirelab=trace also every read and write";

/// What a server's `main` ends with.
pub fn exit(name: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("{name}: {line}");
            ExitCode::FAILURE
        }
    }
}

/// The line for a person when the operating system says no.
pub fn cannot(what: &str, error: io::Error) -> String {
    format!("cannot {what}: {error}")
}

/// What to do when an address cannot be had.
fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => "; another server has this port: stop it, or choose one with --port",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose one with --port",
        _ => "",
    }
}

fn resolve(address: &str, port: u16) -> Result<SocketAddr, String> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let found = (bare, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found
        .ok_or_else(|| format!("--addr {address}: no such address; 127.0.0.1, ::1 or a name of this machine"))
}

/// One line with the address, and three commands to try. Under `--trace` they are comments, so that everything
/// printed is one script.
fn announce(name: &str, bound: SocketAddr, trace: bool) {
    let mark = if trace { "# " } else { "" };
    let at =
        if bound.ip().is_unspecified() { format!("localhost:{}", bound.port()) } else { bound.to_string() };
    let (host, port) = at.rsplit_once(':').unwrap_or((&at, ""));
    let host = host.trim_matches(['[', ']']);
    let lines = format!(
        "{mark}{name} listens on http://{bound}\n\
         {mark}  curl -i 'http://{at}/'\n\
         {mark}  printf 'GET /raw HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n' | nc -N {host} {port}\n\
         {mark}  curl 'http://{at}/wire/last'\n"
    );
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}

fn parse_time(given: &str) -> Result<Duration, String> {
    crate::lab::params::duration("the time", given, LONGEST_TIME).map_err(|refusal| refusal.why)
}

fn parse_workers(given: &str) -> Result<usize, String> {
    let workers = crate::lab::params::number("the number of workers", given, 1..=MOST_WORKERS);
    workers.map(|workers| workers as usize).map_err(|refusal| refusal.why)
}

const OPERATING_SYSTEM: TimeSource = TimeSource { instant: Instant::now, since_epoch };

/// A clock before 1970 is broken, and tells the first second of it.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// They are no threads, but more than anybody can watch.
const MOST_WORKERS: u64 = 1000;

const LONGEST_TIME: Duration = Duration::from_secs(24 * 60 * 60);
