//! The HTTP core, and how it gives way to that of WebSocket.

use std::time::Duration;

use wirelab::http::connection::Missing;
use wirelab::http::{Connection, Date, Error, Event, Limits, Request, Response};

use super::reports::{Reports, visible};
use super::websocket::WebSocket;

/// HTTP/1.1, with the clock that the core does not have.
pub struct Http {
    connection: Connection,
    now: Duration,
    latest: Duration,
    head_begun: Option<Duration>,
}

impl Http {
    pub fn new() -> Http {
        Http {
            connection: Connection::new(Limits::default()),
            now: Duration::ZERO,
            latest: Duration::ZERO,
            head_begun: None,
        }
    }

    /// How many of the bytes were understood; behind an opening handshake it is WebSocket that goes on.
    pub fn understand(&mut self, bytes: &[u8], reports: &mut Reports) -> (usize, Option<WebSocket>) {
        let mut consumed = 0;
        let mut request = Request::NONE;
        loop {
            let (used, event) = match self.connection.next_event(&bytes[consumed..], &mut request) {
                Ok(next) => next,
                Err(error) => {
                    reports.add_error(error);
                    return (bytes.len(), None);
                }
            };
            consumed += used;
            match event {
                Event::Request => {
                    reports.add(format!("Request {}", without_version(request.line())));
                    if let Some(websocket) = WebSocket::open(&request, reports) {
                        self.connection.switch_protocols(&Response::new(101), &date(), &mut Vec::new());
                        return (consumed, Some(websocket));
                    }
                }
                Event::Data(data) => reports.add_data(data),
                Event::Trailers(trailers) => reports.add(format!("Trailers {}", section(trailers.iter()))),
                Event::EndOfMessage => {
                    reports.add("EndOfMessage");
                    self.connection.send(&Response::new(200), &date(), &mut Vec::new());
                }
                Event::Incomplete | Event::Paused => return (consumed, None),
                Event::Closed => return (bytes.len(), None),
            }
        }
    }

    /// Notes when bytes came, and what they leave open.
    pub fn note(&mut self, pending: &[u8]) {
        self.latest = self.now;
        self.head_begun = match self.connection.missing(pending) {
            Some(Missing::Head) => self.head_begun.or(Some(self.now)),
            _ => None,
        };
    }

    pub fn receive_eof(&mut self, pending: &[u8], reports: &mut Reports) {
        add_result(self.connection.receive_eof(pending), reports);
    }

    pub fn advance(&mut self, time: Duration, pending: &[u8], reports: &mut Reports) {
        self.now += time;
        let is_late = match self.connection.missing(pending) {
            Some(Missing::Head) => self.head_begun.is_some_and(|begun| self.now >= begun + HEAD_TIMEOUT),
            Some(Missing::Content) => self.now >= self.latest + IDLE_TIMEOUT,
            None => false,
        };
        if is_late {
            add_result(self.connection.time_out(pending), reports);
        }
    }
}

fn add_result(result: Result<(), Box<Error>>, reports: &mut Reports) {
    if let Err(error) = result {
        reports.add_error(error);
    }
}

fn date() -> Date {
    Date::new("Sun, 06 Nov 1994 08:49:37 GMT")
}

fn without_version(line: &str) -> &str {
    line.rsplit_once(' ').map_or(line, |(before, _)| before)
}

/// Field lines as one line of text.
fn section<'b>(fields: impl Iterator<Item = (&'b str, &'b [u8])>) -> String {
    let lines: Vec<Vec<u8>> = fields.map(|(name, value)| [name.as_bytes(), b": ", value].concat()).collect();
    visible(&lines.join(&b"\r\n"[..]))
}

/// Those of the lab's settings: the core measures no time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
