//! What an operator may set, each limit with its precedent.

use std::time::Duration;

use super::topics::log::History;
use crate::http::Limits as HeadLimits;
use crate::trace::DEFAULT_TAPE_BYTES;
use crate::websocket::Limits;

/// Limits and switches of the lab.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the server calls itself: `epoll`, `threads`, `io_uring`.
    pub waits_by: &'static str,
    /// Request line, head, field lines.
    pub head: HeadLimits,
    /// Bytes of content that a route keeps in memory: 413 above it. Routes that pass content on have no such limit.
    pub max_content: u64,
    /// From the first byte of a head to its last: 408. Apache's mod_reqtimeout waits 20 s, nginx 60 s; a head
    /// comes at once from everyone but a person who types, and a slow loris.
    pub head_timeout: Duration,
    /// Without a byte on a connection that persists: closed silently. nginx waits 75 s, Node 5 s.
    pub idle_timeout: Duration,
    /// Connections at a time: 503 above it. Below the 20,000 descriptors that a process may usually raise itself to.
    pub max_connections: usize,
    /// Bytes of the tape that `/wire/last` and `/wire/{conn}` read; 0 records nothing, and `/wire` shows nothing.
    pub tape_bytes: usize,
    pub websocket: WebSocketSettings,
    pub topics: TopicSettings,
    pub jobs: JobSettings,
    pub queues: QueueSettings,
    pub uploads: UploadSettings,
    /// Between the signs of life of an event stream; zero for none. WHATWG HTML §9.2.7 suggests 15 s.
    pub heartbeat: Duration,
    /// Frozen date and counters: the same bytes out for the same bytes in.
    pub golden: bool,
}

impl Settings {
    /// What the server calls itself in its answers; all are the same under `--golden`.
    pub fn shown_waits_by(&self) -> &'static str {
        if self.golden { "golden" } else { self.waits_by }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            waits_by: "nobody",
            head: HeadLimits::default(),
            max_content: 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_connections: 18_000,
            tape_bytes: DEFAULT_TAPE_BYTES,
            websocket: WebSocketSettings::default(),
            topics: TopicSettings::default(),
            jobs: JobSettings::default(),
            queues: QueueSettings::default(),
            uploads: UploadSettings::default(),
            heartbeat: Duration::from_secs(15),
            golden: false,
        }
    }
}

/// What holds for every WebSocket.
#[derive(Clone, Debug)]
pub struct WebSocketSettings {
    /// Origins of pages that may open one, besides this host's and loopback's.
    pub origins: Vec<String>,
    /// The most bytes of a message, inflated: close code 1009 above it. When nobody has set it, it is 16 MiB, and a
    /// query may ask for as much as tungstenite takes, 64 MiB; uWebSockets takes 16 KiB.
    pub max_message: Option<usize>,
    /// From a pong to the next ping. Socket.IO waits 25 s; nginx forgets a silent connection after 60 s.
    pub ping_interval: Duration,
    /// From a ping to its pong: close code 3012 after it.
    pub pong_timeout: Duration,
}

impl Default for WebSocketSettings {
    fn default() -> WebSocketSettings {
        WebSocketSettings {
            origins: Vec::new(),
            max_message: None,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
        }
    }
}

impl WebSocketSettings {
    /// The limit of a message, when the query says nothing of it.
    pub fn usual_message(&self) -> usize {
        self.max_message.unwrap_or(Limits::default().message_bytes)
    }

    /// The highest limit that a query may ask for.
    pub fn largest_message(&self) -> usize {
        self.max_message.unwrap_or(LARGEST_MESSAGE_BYTES)
    }
}

/// What holds for topics.
#[derive(Clone, Copy, Debug)]
pub struct TopicSettings {
    /// What each of them offers to those who come later.
    pub history: History,
    /// How many there may be: 507 above it.
    pub most: usize,
}

impl Default for TopicSettings {
    /// nchan keeps messages for an hour as well, but only ten of them.
    fn default() -> TopicSettings {
        TopicSettings {
            history: History { events: 1000, bytes: 1024 * 1024, age_millis: 60 * 60 * 1000 },
            most: 1000,
        }
    }
}

/// What holds for jobs.
#[derive(Clone, Copy, Debug)]
pub struct JobSettings {
    /// Jobs that run at a time. libuv's pool has 4 threads as well.
    pub workers: usize,
    /// Jobs that wait for a worker: 429 above it. Tomcat's acceptCount is 100.
    pub most_waiting: usize,
}

impl Default for JobSettings {
    fn default() -> JobSettings {
        JobSettings { workers: 4, most_waiting: 100 }
    }
}

/// What holds for the queues of messages.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// Deliveries of a message that nobody acks, before it goes to the dead-letter queue. A quorum queue of RabbitMQ
    /// makes 20.
    pub max_deliveries: u32,
    /// Queues that are there at a time: 507 above it. If need be, dead letters get theirs on top of it.
    pub max_queues: usize,
    /// Messages in a queue: 429 above it. A queue of RabbitMQ has no such limit unless it is given one.
    pub max_messages: usize,
    /// Bytes that the messages of a queue cost in memory: 429 above it.
    pub max_queue_bytes: usize,
    /// Bytes that the messages of all queues cost: 507 above it.
    pub max_bytes: usize,
}

impl Default for QueueSettings {
    fn default() -> QueueSettings {
        QueueSettings {
            max_deliveries: 5,
            max_queues: 1000,
            max_messages: 10_000,
            max_queue_bytes: 64 * 1024 * 1024,
            max_bytes: 256 * 1024 * 1024,
        }
    }
}

/// What holds for content that is kept as files.
#[derive(Clone, Copy, Debug)]
pub struct UploadSettings {
    /// Bytes of one upload: 413 above it. S3 takes 5 GiB in one PUT.
    pub max_bytes: u64,
    /// Bytes of all that is kept or on its way: 507 above it.
    pub max_total_bytes: u64,
    /// Uploads under way, and parts of others: 429 above it. Each costs up to a megabyte of memory while it is faster than
    /// the disk.
    pub most_open: usize,
    /// Files that are kept: 507 above it. What is known of each stays in memory, a few hundred bytes.
    pub most_kept: usize,
    /// For how long an upload is kept that nobody goes on with. S3 keeps parts until somebody asks it not to; here they
    /// stand in the way of others.
    pub ttl: Duration,
}

impl Default for UploadSettings {
    fn default() -> UploadSettings {
        UploadSettings {
            max_bytes: 5 * 1024 * 1024 * 1024,
            max_total_bytes: 16 * 1024 * 1024 * 1024,
            most_open: 100,
            most_kept: 10_000,
            ttl: Duration::from_secs(60 * 60),
        }
    }
}

const LARGEST_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
