//! Requests as they are understood, each led to its route, and the refusals of those that cannot be.

use std::cell::OnceCell;
use std::mem;
use std::time::Instant;

use super::{Arrival, Conversation, State, Turn, Why};
use crate::http::{Error, Event, Fields, Framing, Request, Response};
use crate::lab::exchange::{Answer, Call, Exchange, PIECE_BYTES, Reply};
use crate::lab::refusal::{Form, Refusal, broken_rule};
use crate::lab::registry::Card;
use crate::lab::router;
use crate::lab::routes::discard::Discard;

impl Conversation {
    /// Understands as much of what has come as there is room to answer.
    pub(super) fn understand(&mut self, now: Instant, arrived: &mut [u8], out: &mut Vec<u8>) {
        let mut turn = Turn { now, date: OnceCell::new(), out, bell: None };
        let mut pending = mem::take(&mut self.pending);
        pending.feed(arrived, |bytes| self.understand_bytes(bytes, &mut turn));
        self.pending = pending;
    }

    fn understand_bytes(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> usize {
        let mut consumed = 0;
        let mut request = Request::NONE;
        while turn.out.len() < PIECE_BYTES && !self.connection.is_done() {
            let rest = &bytes[consumed..];
            let (used, event) = match self.connection.next_event(rest, &mut request) {
                Ok(next) => next,
                Err(error) => {
                    self.refuse(&error, rest, turn);
                    break;
                }
            };
            consumed += used;
            self.arrival.is_starved = matches!(event, Event::Incomplete);
            match event {
                Event::Request => self.begin(&request, consumed < bytes.len(), turn),
                Event::Data(data) => self.step(turn, |exchange, reply| exchange.receive(data, reply)),
                Event::Trailers(trailers) => {
                    self.step(turn, |exchange, _| exchange.receive_trailers(&trailers));
                }
                Event::EndOfMessage => self.step(turn, |exchange, reply| exchange.receive_end(reply)),
                Event::Incomplete | Event::Paused | Event::Closed => break,
            }
        }
        if self.connection.is_done() { bytes.len() } else { consumed }
    }

    /// A head is complete: its route answers.
    fn begin(&mut self, request: &Request<'_>, more_has_come: bool, turn: &mut Turn<'_>) {
        Card::add(&self.card.requests, 1);
        let has_content = request.framing.has_content();
        if has_content {
            self.form = Form::preferred(&request.fields);
        }
        self.request_line = log::log_enabled!(log::Level::Debug).then(|| Box::new(request.line().into()));
        let answer = self.answer(request, turn.now);
        let form = self.form;
        match answer.unwrap_or_else(|refusal| Answer::Whole(refusal.response(form))) {
            Answer::Prepared(prepared) if !has_content => self.reply(turn).send_prepared(prepared),
            Answer::Prepared(prepared) => {
                self.answer_behind_content(prepared.response().clone(), request, turn)
            }
            Answer::Whole(response) if !has_content => self.reply(turn).send(response),
            Answer::Whole(response) => self.answer_behind_content(response, request, turn),
            Answer::Exchange(exchange) => {
                if request.expects_continue && has_content && !more_has_come {
                    self.connection.send_continue(turn.out);
                }
                self.exchange = Some(exchange);
            }
            Answer::Upgrade(upgrade) => {
                self.reply(turn).switch_protocols(upgrade.response.clone());
                self.state = State::Switching(upgrade);
            }
        }
    }

    /// The response is known, and content that nobody wants stands before the next request.
    fn answer_behind_content(&mut self, response: Response, request: &Request<'_>, turn: &mut Turn<'_>) {
        let is_long = matches!(request.framing, Framing::Length(length) if length > PIECE_BYTES as u64);
        if request.expects_continue || is_long {
            // A client that waits for a 100 need not send the content any more, and may send it all the same: what
            // follows could be read in two ways, so nothing is to follow. And long content is not worth the wait.
            self.connection.close_after_exchange();
            self.reply(turn).send(response);
        } else {
            self.exchange = Some(Box::new(Discard::new(response)));
        }
    }

    fn answer(&mut self, request: &Request<'_>, now: Instant) -> Result<Answer, Refusal> {
        let begun = self.arrival.head_begun.take().map_or(now, |begun| self.lab.epoch.instant(begun));
        let reads = mem::take(&mut self.arrival.head_reads).max(1);
        let call = Call {
            lab: &self.lab,
            request,
            captured: &[],
            card: &self.card,
            now,
            begun,
            reads,
            offset: self.connection.offset() - request.head.len() as u64,
        };
        let answer = router::answer(&call);
        if answer.is_err() {
            self.form = call.form();
        }
        answer
    }

    /// Lets the exchange under way, if there is one, take a step.
    pub(super) fn step(&mut self, turn: &mut Turn<'_>, step: impl FnOnce(&mut dyn Exchange, &mut Reply<'_>)) {
        if let Some(mut exchange) = self.exchange.take() {
            step(&mut *exchange, &mut self.reply(turn));
            self.exchange = Some(exchange);
            if self.connection.has_answered() {
                self.drop_exchange();
                self.arrival.latest = self.lab.epoch.moment(turn.now); // the peer had to wait for us
            }
        }
    }

    fn reply<'r>(&'r mut self, turn: &'r mut Turn<'_>) -> Reply<'r> {
        Reply {
            now: turn.now,
            lab: &self.lab,
            card: &self.card,
            request_line: self.request_line.as_ref().map(|line| &***line),
            connection: &mut self.connection,
            out: turn.out,
            date: &turn.date,
            cut: &mut self.cut,
            peer_has_ended: self.arrival.has_ended,
            bell: turn.bell,
        }
    }

    /// The peer broke a rule: it is told which, unless an answer has begun, which is then all it gets.
    fn refuse(&mut self, error: &Error, shown: &[u8], turn: &mut Turn<'_>) {
        self.cut_exchange();
        if !self.connection.can_answer() {
            log::info!("conn {}: {error}, after its answer had begun", self.card.number);
            self.connection.cut();
            return;
        }
        if !self.connection.owes_answer() {
            let before_fault = error.offset.saturating_sub(self.connection.offset()) as usize;
            let head = &shown[..before_fault.min(shown.len())];
            self.form = Form::preferred(&Fields::before_fault(head));
            // Something has to stand in the log where a request line would.
            self.request_line = log::log_enabled!(log::Level::Debug)
                .then(|| Box::new(format!("({})", error.rule.lesson().claim).into()));
            Card::add(&self.card.requests, 1);
        }
        let response = broken_rule(error, self.form);
        self.reply(turn).send(response);
    }

    /// Ends what the peer has left unfinished, when it has ended itself or has let too much time pass.
    pub(super) fn conclude(&mut self, turn: &mut Turn<'_>) {
        let pending = mem::take(&mut self.pending);
        let result = match self.arrival {
            Arrival { is_late: true, .. } => self.connection.time_out(pending.bytes()),
            _ => self.connection.receive_eof(pending.bytes()),
        };
        match result {
            Err(error) => self.refuse(&error, pending.bytes(), turn),
            Ok(()) if self.exchange.is_none() && self.connection.is_between_exchanges() => {
                self.state = State::Over(Why::PeerEnded);
            }
            Ok(()) => self.pending = pending,
        }
        self.arrival.is_late = false;
    }

    pub(super) fn turn_away(&mut self, turn: &mut Turn<'_>) {
        self.connection.close_after_exchange();
        let refusal = Refusal::new(
            503,
            format!("{} connections are open, as many as may be", self.lab.settings.max_connections),
            "again in a moment; the server's option --max-connections sets the limit",
        );
        self.reply(turn).send(refusal.response(Form::Text).with("Retry-After", "1"));
    }
}
