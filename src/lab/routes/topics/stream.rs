//! Out of a topic by listening: an answer that never ends, in three forms.

use std::time::Instant;

use serde_json::{Value, json};

use super::subscribe;
use crate::http::{Length, Response};
use crate::lab::event_stream::{self, Heartbeat};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::Refusal;
use crate::lab::topics::event::{Event, Form};
use crate::lab::topics::start::{Gap, Start};
use crate::lab::topics::subscription::{Appetite, News, Subscription};
use crate::sse;

/// `GET /topics/{t}/events`
pub fn events(call: &Call<'_>) -> Result<Answer, Refusal> {
    stream(call, Style::Events)
}

/// `GET /topics/{t}/raw`
pub fn raw(call: &Call<'_>) -> Result<Answer, Refusal> {
    stream(call, Style::Lines)
}

/// `GET /topics/{t}/json`
pub fn json(call: &Call<'_>) -> Result<Answer, Refusal> {
    stream(call, Style::Json)
}

/// What one stream looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Events,
    Lines,
    Json,
}

fn stream(call: &Call<'_>, style: Style) -> Result<Answer, Refusal> {
    let heartbeat = Heartbeat::read(call)?;
    let subscribed = subscribe(call, &call.lab.topics, Start::Live)?;
    if subscribed.is_empty() {
        // The one status that tells an EventSource not to come again (WHATWG HTML §9.2.4).
        return Ok(Answer::Whole(Response::new(204).with("Access-Control-Allow-Origin", "*")));
    }
    let mut gaps = Vec::new();
    let mut sources = Vec::with_capacity(subscribed.len());
    for one in subscribed {
        gaps.extend(one.gap.map(|gap| (sources.len(), gap)));
        sources.push(Source { subscription: one.subscription, last_id: one.last_id });
    }
    let feed = match sources.len() {
        1 => Feed::One(sources.remove(0)),
        _ => Feed::Several(sources),
    };
    Ok(Answer::exchange(Stream { feed, style, heartbeat, gaps: Some(gaps.into()), server_stops: false }))
}

/// An answer that goes on for as long as its topics and its reader do.
struct Stream {
    feed: Feed,
    style: Style,
    heartbeat: Heartbeat,
    /// What is missing before the first event, until the head has been sent.
    gaps: Option<Box<[(usize, Gap)]>>,
    server_stops: bool,
}

/// What a stream carries. Most carry one topic, and there are many of them.
enum Feed {
    One(Source),
    Several(Vec<Source>),
}

struct Source {
    subscription: Subscription,
    /// The id of the latest event that was sent.
    last_id: u64,
}

impl Exchange for Stream {
    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Some(gaps) = self.gaps.take() {
            self.begin(&gaps, reply);
            if !reply.can_send_content() {
                return reply.end(&[]);
            }
        }
        let has_ended = self.send_news(reply);
        if has_ended || reply.peer_has_ended || self.server_stops {
            return reply.end(&[]);
        }
        if self.heartbeat.is_due(reply.now) {
            reply.send_data(self.style.sign_of_life());
            self.heartbeat.note(reply.now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.heartbeat.due()
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

impl Stream {
    fn begin(&mut self, gaps: &[(usize, Gap)], reply: &mut Reply<'_>) {
        let position = self.feed.position();
        let head = event_stream::head_of(self.style.content_type()).with("X-Last-Event-ID", position.clone());
        match self.style {
            Style::Events => event_stream::begin(head, reply),
            Style::Lines => reply.begin(head, Length::Unknown),
            Style::Json => {
                reply.begin(head, Length::Unknown);
                let topics: Vec<&str> =
                    self.feed.sources().iter().map(|source| source.subscription.topic()).collect();
                reply.send_data(&line(&json!({ "event": "open", "topics": topics, "last_id": position })));
            }
        }
        for (at, gap) in gaps {
            let source = &self.feed.sources()[*at];
            reply.send_data(&self.style.gap(source.subscription.topic(), &position, *gap));
        }
        self.heartbeat.note(reply.now);
        for source in self.feed.sources() {
            source.subscription.listen(reply.waker());
        }
    }

    /// Sends what has happened; tells whether nothing more can.
    fn send_news(&mut self, reply: &mut Reply<'_>) -> bool {
        let before = reply.sent();
        let has_ended = match &mut self.feed {
            Feed::One(source) => source.send_news(self.style, reply),
            Feed::Several(sources) => send_news_of_several(sources, self.style, reply),
        };
        if reply.sent() > before {
            self.heartbeat.note(reply.now);
        }
        has_ended
    }
}

impl Source {
    fn send_news(&mut self, style: Style, reply: &mut Reply<'_>) -> bool {
        let topic = self.subscription.topic();
        let (last_id, mut has_ended) = (&mut self.last_id, false);
        self.subscription.read(|news| {
            match news {
                News::Event(event) => {
                    *last_id = event.id;
                    reply.send_data(event.encoded(style.form(), topic));
                }
                News::Gap(gap) => {
                    *last_id = gap.end().unwrap_or(*last_id);
                    reply.send_data(&style.gap(topic, &last_id.to_string(), gap));
                }
                News::End => {
                    has_ended = true;
                    reply.send_data(&style.end(topic));
                }
            }
            if reply.is_full() { Appetite::Enough } else { Appetite::More }
        });
        has_ended
    }
}

/// The same for several topics, whose positions make up the ids of the events; those that have ended drop out.
fn send_news_of_several(sources: &mut Vec<Source>, style: Style, reply: &mut Reply<'_>) -> bool {
    let mut positions: Vec<(String, u64)> =
        sources.iter().map(|source| (source.subscription.topic().to_owned(), source.last_id)).collect();
    let mut has_ended = vec![false; sources.len()];
    for (at, source) in sources.iter_mut().enumerate() {
        let topic = source.subscription.topic();
        source.subscription.read(|news| {
            match news {
                News::Event(event) => {
                    positions[at].1 = event.id;
                    match style {
                        Style::Events => reply.send_data(&block(event, &compose(&positions), topic)),
                        _ => reply.send_data(event.encoded(style.form(), topic)),
                    }
                }
                News::Gap(gap) => {
                    positions[at].1 = gap.end().unwrap_or(positions[at].1);
                    reply.send_data(&style.gap(topic, &compose(&positions), gap));
                }
                News::End => {
                    has_ended[at] = true;
                    reply.send_data(&style.end(topic));
                }
            }
            if reply.is_full() { Appetite::Enough } else { Appetite::More }
        });
        source.last_id = positions[at].1;
    }
    let mut ended = has_ended.into_iter();
    sources.retain(|_| ended.next() == Some(false));
    sources.is_empty()
}

impl Feed {
    fn sources(&self) -> &[Source] {
        match self {
            Feed::One(source) => std::slice::from_ref(source),
            Feed::Several(sources) => sources,
        }
    }

    /// What a client names as the last event ID to go on here.
    fn position(&self) -> String {
        match self {
            Feed::One(source) => source.last_id.to_string(),
            Feed::Several(sources) => {
                let positions = sources.iter();
                compose(
                    &positions
                        .map(|source| (source.subscription.topic(), source.last_id))
                        .collect::<Vec<_>>(),
                )
            }
        }
    }
}

fn compose(positions: &[(impl AsRef<str>, u64)]) -> String {
    let parts: Vec<_> = positions.iter().map(|(topic, id)| format!("{}:{id}", topic.as_ref())).collect();
    parts.join(",")
}

/// An event of one topic among several.
fn block(event: &Event, id: &str, topic: &str) -> Vec<u8> {
    let shared = event.encoded(Form::SseWithoutId, topic);
    [b"id: ", id.as_bytes(), b"\n", shared].concat()
}

impl Style {
    fn content_type(self) -> &'static str {
        match self {
            Style::Events => "text/event-stream",
            Style::Lines => "text/plain; charset=utf-8",
            Style::Json => "application/x-ndjson",
        }
    }

    fn form(self) -> Form {
        match self {
            Style::Events => Form::Sse,
            Style::Lines => Form::Line,
            Style::Json => Form::Json,
        }
    }

    fn sign_of_life(self) -> &'static [u8] {
        match self {
            Style::Events => b": \n\n",
            Style::Lines => b"\n",
            Style::Json => b"{\"event\":\"keepalive\"}\n",
        }
    }

    fn gap(self, topic: &str, id: &str, gap: Gap) -> Vec<u8> {
        match self {
            Style::Events => {
                let mut block = Vec::new();
                let data = gap.to_json(topic).to_string();
                sse::Event { id: Some(id), kind: Some("gap"), data: &data }.encode(&mut block);
                block
            }
            Style::Lines => format!("(gap: {})\n", gap.to_text()).into_bytes(),
            Style::Json => line(&json!({ "event": "gap", "gap": gap.to_json(topic) })),
        }
    }

    fn end(self, topic: &str) -> Vec<u8> {
        match self {
            Style::Events => {
                let mut block = Vec::new();
                sse::Event { id: None, kind: Some("end"), data: topic }.encode(&mut block);
                block
            }
            Style::Lines => b"(end)\n".to_vec(),
            Style::Json => line(&json!({ "event": "end", "topic": topic })),
        }
    }
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}
