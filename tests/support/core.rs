//! The HTTP core alone: the events that it reports, whatever is answered.

use std::time::Duration;

use wirelab::http::connection::Missing;
use wirelab::http::{Connection, Date, Error, Event, Limits, Request, Response};
use wirelab::wire::notation::encode;
use wirelab::wire::receive_buffer::ReceiveBuffer;
use wirelab::wire::script::Expected;

use super::player::Player;

/// A connection whose every request is answered as soon as it is complete.
pub struct Core {
    connection: Connection,
    pending: ReceiveBuffer,
    reports: Reports,
    now: Duration,
    latest: Duration,
    head_begun: Option<Duration>,
}

/// What was reported, content that arrived in pieces joined.
#[derive(Default)]
struct Reports {
    data: Vec<u8>,
    lines: Vec<Expected>,
}

impl Core {
    pub fn new() -> Core {
        Core {
            connection: Connection::new(Limits::default()),
            pending: ReceiveBuffer::default(),
            reports: Reports::default(),
            now: Duration::ZERO,
            latest: Duration::ZERO,
            head_begun: None,
        }
    }

    fn note_head(&mut self) {
        self.head_begun = match self.connection.missing(self.pending.bytes()) {
            Some(Missing::Head) => self.head_begun.or(Some(self.now)),
            _ => None,
        };
    }
}

impl Player for Core {
    fn receive(&mut self, bytes: &[u8]) {
        let Core { connection, reports, .. } = self;
        self.pending.feed(&mut bytes.to_vec(), |bytes| understand(connection, bytes, reports));
        self.latest = self.now;
        self.note_head();
    }

    fn receive_eof(&mut self) {
        let result = self.connection.receive_eof(self.pending.bytes());
        self.reports.add_result(result);
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        let is_late = match self.connection.missing(self.pending.bytes()) {
            Some(Missing::Head) => self.head_begun.is_some_and(|begun| self.now >= begun + HEAD_TIMEOUT),
            Some(Missing::Content) => self.now >= self.latest + IDLE_TIMEOUT,
            None => false,
        };
        if is_late {
            let result = self.connection.time_out(self.pending.bytes());
            self.reports.add_result(result);
        }
    }

    fn take(&mut self) -> Vec<Expected> {
        self.reports.end_data();
        std::mem::take(&mut self.reports.lines)
    }
}

fn understand(connection: &mut Connection, bytes: &[u8], reports: &mut Reports) -> usize {
    let mut consumed = 0;
    let mut request = Request::NONE;
    loop {
        let (used, event) = match connection.next_event(&bytes[consumed..], &mut request) {
            Ok(next) => next,
            Err(error) => {
                reports.add_result(Err(error));
                return bytes.len();
            }
        };
        consumed += used;
        match event {
            Event::Request => {
                let line = request.line();
                reports.add(format!("Request {}", line.rsplit_once(' ').map_or(line, |(before, _)| before)));
            }
            Event::Data(data) => reports.data.extend_from_slice(data),
            Event::Trailers(trailers) => reports.add(format!("Trailers {}", section(trailers.iter()))),
            Event::EndOfMessage => {
                reports.add("EndOfMessage".to_owned());
                connection.send(
                    &Response::new(200),
                    &Date::new("Sun, 06 Nov 1994 08:49:37 GMT"),
                    &mut Vec::new(),
                );
            }
            Event::Incomplete | Event::Paused => return consumed,
            Event::Closed => return bytes.len(),
        }
    }
}

/// Field lines as one line of text.
fn section<'b>(fields: impl Iterator<Item = (&'b str, &'b [u8])>) -> String {
    let lines: Vec<Vec<u8>> = fields.map(|(name, value)| [name.as_bytes(), b": ", value].concat()).collect();
    visible(&lines.join(&b"\r\n"[..]))
}

fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    encode(bytes, &mut text);
    text
}

impl Reports {
    fn add(&mut self, event: String) {
        self.end_data();
        self.lines.push(Expected::Event(event));
    }

    fn add_result(&mut self, result: Result<(), Box<Error>>) {
        if let Err(error) = result {
            self.end_data();
            self.lines.push(Expected::Error(error.to_string()));
        }
    }

    fn end_data(&mut self) {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.lines.push(Expected::Event(format!("Data \"{}\"", visible(&data))));
        }
    }
}

/// Those of the lab's settings: the core measures no time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
