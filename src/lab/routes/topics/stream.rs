//! Out of a topic by listening: an answer that never ends, in three forms.

mod style;

use std::time::Instant;

use super::{called, subscribe};
use crate::http::{Length, Response};
use crate::lab::event_stream::{self, Rhythm};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::Refusal;
use crate::lab::topics::Subscribed;
use crate::lab::topics::start::{Gap, Start};
use crate::lab::topics::subscription::{Appetite, News, Subscription};
use style::Style;

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

fn stream(call: &Call<'_>, style: Style) -> Result<Answer, Refusal> {
    let rhythm = Rhythm::read(call)?;
    let subscribed = subscribe(call, Start::Live, called(call)?.as_deref())?;
    if subscribed.is_empty() {
        // The one status that tells an EventSource not to come again (WHATWG HTML §9.2.1).
        return Ok(Answer::uncached(Response::new(204).with("Access-Control-Allow-Origin", "*")));
    }
    // One that is left of several has ids that name it: the others may begin anew, and know no such number.
    let are_several = call.captured[0].contains(',');
    let feed = Feed::Other(Box::new(Other::Opening(Opening { subscribed, are_several })));
    Ok(Answer::exchange(Stream {
        feed,
        style,
        rhythm,
        sign_due: None,
        is_listening: false,
        is_waiting: false,
        server_stops: false,
    }))
}

/// An answer that goes on for as long as its topics and its reader do. There are thousands of them, so they are small.
struct Stream {
    feed: Feed,
    style: Style,
    rhythm: Rhythm,
    /// When the next sign of life is due.
    sign_due: Option<Instant>,
    is_listening: bool,
    /// Whether all was sent that there was.
    is_waiting: bool,
    server_stops: bool,
}

/// What a stream carries. Most carry one topic; for their sake, the rest is boxed.
enum Feed {
    One(Subscription),
    Other(Box<Other>),
}

enum Other {
    /// Nothing, until the request is complete.
    Opening(Opening),
    Several(Several),
}

/// What it will carry.
struct Opening {
    subscribed: Vec<Subscribed>,
    are_several: bool,
}

/// Subscriptions of several topics, whose positions make up the ids of their events.
struct Several(Vec<Subscription>);

/// What there is to send after a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Perhaps more than a turn should send.
    Perhaps,
    /// Nothing, until something happens.
    Nothing,
    /// Nothing any more.
    End,
}

impl Exchange for Stream {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        if let Some(opening) = self.feed.opening() {
            let gaps: Vec<_> = opening.subscribed.iter().map(|one| one.gap).collect();
            self.feed = opening.feed();
            self.begin(&gaps, reply);
        }
        if !reply.can_send_content() {
            reply.end(&[]);
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if self.feed.opening().is_some() {
            return;
        }
        if !self.is_listening {
            self.feed.subscriptions().iter().for_each(|subscription| subscription.listen(reply.waker()));
            self.is_listening = true;
        }
        let before = reply.sent();
        let is_last_turn = reply.peer_has_ended || self.server_stops;
        let rest = self.feed.send_news(self.style, reply);
        self.is_waiting = rest == Rest::Nothing;
        match rest {
            Rest::End => return reply.end(&[]),
            Rest::Nothing if is_last_turn => return reply.end(&[]),
            Rest::Nothing | Rest::Perhaps => {}
        }
        if self.sign_due.is_some_and(|due| due <= reply.now) {
            reply.send_data(self.style.sign_of_life());
        }
        if reply.sent() > before {
            self.sign_due = self.rhythm.next(reply.now);
        }
    }

    fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.sign_due
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

impl Stream {
    /// Who is cut off before it hears of a gap comes again with the id where that begins, and hears of it then.
    fn begin(&mut self, gaps: &[Option<Gap>], reply: &mut Reply<'_>) {
        let (style, subscriptions) = (self.style, self.feed.subscriptions());
        let mut positions: Vec<_> = subscriptions.iter().map(position).collect();
        let head =
            event_stream::head_of(style.content_type()).with("X-Last-Event-ID", self.feed.id(&positions));
        reply.begin(head, Length::Unknown);
        for (position, gap) in positions.iter_mut().zip(gaps) {
            position.1 = gap.map_or(position.1, Gap::start);
        }
        reply.send_data(
            &style.opening(&self.feed.id(&positions), subscriptions.iter().map(Subscription::topic)),
        );
        for (at, gap) in gaps.iter().enumerate() {
            if let Some(gap) = gap {
                positions[at].1 = subscriptions[at].last_id();
                reply.send_data(&style.gap(subscriptions[at].topic(), &self.feed.id(&positions), *gap));
            }
        }
        self.sign_due = self.rhythm.next(reply.now);
    }
}

impl Opening {
    fn feed(&mut self) -> Feed {
        let mut subscriptions: Vec<_> = self.subscribed.drain(..).map(|one| one.subscription).collect();
        match self.are_several {
            true => Feed::Other(Box::new(Other::Several(Several(subscriptions)))),
            false => Feed::One(subscriptions.remove(0)),
        }
    }
}

impl Feed {
    fn opening(&mut self) -> Option<&mut Opening> {
        match self {
            Feed::One(_) => None,
            Feed::Other(other) => match &mut **other {
                Other::Opening(opening) => Some(opening),
                Other::Several(_) => None,
            },
        }
    }

    /// Sends what has happened, as much of it as a turn should.
    fn send_news(&mut self, style: Style, reply: &mut Reply<'_>) -> Rest {
        let has_ended = match self {
            Feed::One(subscription) => send_news(subscription, style, reply),
            Feed::Other(other) => match &mut **other {
                Other::Opening(_) => false,
                Other::Several(several) => several.send_news(style, reply),
            },
        };
        match () {
            () if has_ended => Rest::End,
            () if reply.is_full() => Rest::Perhaps,
            () => Rest::Nothing,
        }
    }

    fn subscriptions(&self) -> &[Subscription] {
        match self {
            Feed::One(subscription) => std::slice::from_ref(subscription),
            Feed::Other(other) => match &**other {
                Other::Opening(_) => &[],
                Other::Several(several) => &several.0,
            },
        }
    }

    /// What a client names as the last event ID to go on at these positions.
    fn id(&self, positions: &[(String, u64)]) -> String {
        match self {
            Feed::One(_) => positions[0].1.to_string(),
            Feed::Other(_) => compose(positions),
        }
    }
}

/// Tells whether the topic has ended.
fn send_news(subscription: &Subscription, style: Style, reply: &mut Reply<'_>) -> bool {
    let (topic, form, mut has_ended) = (subscription.topic(), style.form(), false);
    subscription.read(|news| {
        match news {
            News::Event(event) => reply.send_data(event.encoded(form, topic)),
            News::Gap(gap) => {
                let id = gap.end().unwrap_or_default().to_string();
                reply.send_data(&style.gap(topic, &id, gap));
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

impl Several {
    /// The same for several topics, of which those that have ended drop out.
    fn send_news(&mut self, style: Style, reply: &mut Reply<'_>) -> bool {
        let mut positions = self.positions();
        let mut at = 0;
        self.0.retain(|subscription| {
            let (topic, mut has_ended) = (subscription.topic(), false);
            subscription.read(|news| {
                match news {
                    News::Event(event) => {
                        positions[at].1 = event.id;
                        reply.send_data(&style.event(event, topic, &compose(&positions)));
                    }
                    News::Gap(gap) => {
                        positions[at].1 = gap.end().unwrap_or_default();
                        reply.send_data(&style.gap(topic, &compose(&positions), gap));
                    }
                    News::End => {
                        has_ended = true;
                        reply.send_data(&style.end(topic));
                    }
                }
                if reply.is_full() { Appetite::Enough } else { Appetite::More }
            });
            at += 1;
            !has_ended
        });
        self.0.is_empty()
    }

    fn positions(&self) -> Vec<(String, u64)> {
        self.0.iter().map(position).collect()
    }
}

fn position(subscription: &Subscription) -> (String, u64) {
    (subscription.topic().to_owned(), subscription.last_id())
}

/// An id for events of several topics: how far each of them has come.
fn compose(positions: &[(String, u64)]) -> String {
    let parts: Vec<_> = positions.iter().map(|(topic, id)| format!("{topic}:{id}")).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_small() {
        assert!(size_of::<Stream>() <= 40, "{} bytes", size_of::<Stream>());
    }
}
