//! What a route does with one request: answer at once, or go on for a while.

use std::cell::OnceCell;
use std::mem;
use std::task::Waker;
use std::time::Instant;

use super::Lab;
use super::dialogue::Upgrade;
use super::params::Params;
use super::refusal::{Form, Refusal};
use super::registry::Card;
use super::representation::Representation;
use crate::http::response::reason;
use crate::http::{Connection, Date, Fields, Length, Prepared, Request, Response};
use crate::session::{Bell, Done, Errand};

/// A request on its way to a route.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    pub lab: &'c Lab,
    pub request: &'c Request<'c>,
    /// What stood for the `{…}` segments of the route's pattern, decoded.
    pub captured: &'c [String],
    pub card: &'c Card,
    pub now: Instant,
    /// When the first byte of the head arrived.
    pub begun: Instant,
    /// In how many reads the head arrived.
    pub reads: u32,
    /// Where the head begins in the connection's stream.
    pub offset: u64,
}

impl Call<'_> {
    /// The form in which the client prefers to be refused.
    pub fn form(&self) -> Form {
        Form::preferred(&self.request.fields)
    }

    /// The form in which the client prefers to be answered.
    pub fn representation(&self) -> Representation {
        Representation::preferred(&self.request.fields)
    }

    /// The parameters of the target's query.
    pub fn params(&self) -> Result<Params, Refusal> {
        Params::parse(self.request.target.query())
    }
}

/// What a route says to a request.
pub enum Answer {
    /// This response, and nothing of the content is wanted.
    Whole(Response),
    /// A response that is always the same, without anything of this lab in it.
    Prepared(&'static Prepared),
    /// An exchange that takes content, or time. A client that waits for a 100 (Continue) gets one: without it or an
    /// answer, both would wait (RFC 9110 §10.1.1).
    Exchange(Box<dyn Exchange>),
    /// Another protocol from here on.
    Upgrade(Box<Upgrade>),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        Answer::Whole(response)
    }
}

impl Answer {
    /// A response about this request or this moment, which is worth nothing to anybody else (RFC 9111 §5.2.2.5).
    pub fn uncached(response: Response) -> Answer {
        Answer::Whole(response.with("Cache-Control", "no-store"))
    }

    pub fn exchange(exchange: impl Exchange + 'static) -> Answer {
        Answer::Exchange(Box::new(exchange))
    }

    /// An exchange that says all it has to say when the request is complete.
    pub fn at_end(say: impl FnOnce(&mut Reply<'_>) + Send + 'static) -> Answer {
        Answer::exchange(AtEnd(Some(say)))
    }
}

struct AtEnd<F>(Option<F>);

impl<F: FnOnce(&mut Reply<'_>) + Send> Exchange for AtEnd<F> {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        if let Some(say) = self.0.take() {
            say(reply);
        }
    }
}

/// An exchange under way: content that is still to come in, or an answer that is still to go out.
///
/// Each call may send by way of the [`Reply`]. The exchange is over when its response has been sent to the end.
pub trait Exchange: Send {
    /// A part of the request's content.
    fn receive(&mut self, _data: &[u8], _reply: &mut Reply<'_>) {}

    /// The field lines behind chunked content.
    fn receive_trailers(&mut self, _trailers: &Fields<'_>) {}

    /// The request is complete.
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {}

    /// Everything sent so far has left: send what is ready now, about [`PIECE_BYTES`] at the most. The request may
    /// not be complete yet. Who waits for others leaves a [`waker`](Reply::waker) with them, and then looks whether
    /// it has happened already: in this order nothing falls between.
    fn poll(&mut self, _reply: &mut Reply<'_>) {}

    /// Whether it has said all that it has to say until something happens: it is woken, or comes to its
    /// [deadline](Exchange::poll_timeout), or its client sends. Then it need not be polled again to find that out.
    fn is_waiting(&self) -> bool {
        false
    }

    /// How many bytes the system may hold for the client, if the exchange wants another number than the usual one:
    /// said once, behind a poll that has sent something. It holds for the connection from then on.
    fn poll_send_buffer(&mut self) -> Option<usize> {
        None
    }

    /// What it is ready for; asked after each call.
    fn demand(&self) -> Demand {
        Demand::Content
    }

    /// The errand that it [demands](Demand::Errand). Another one comes only when this one is done.
    fn poll_errand(&mut self) -> Option<Errand> {
        None
    }

    /// The errand is done; a poll follows, unless the connection is over.
    fn handle_errand(&mut self, _done: Done) {}

    /// The content has ended before its end: the peer has gone, was late, or broke a rule, of which it is told without
    /// the exchange. What came so far may be worth to be kept: then the exchange
    /// [outlives](Exchange::outlives_connection) this.
    fn handle_cut(&mut self) {}

    /// Whether errands are left that somebody counts on: then they go on when the exchange is cut off, or the
    /// connection is over. Nothing but errands comes behind that.
    fn outlives_connection(&self) -> bool {
        false
    }

    /// When to poll again, if nothing else happens before.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The server is stopping; a poll follows. An exchange that would go on for long ends itself there.
    fn handle_shutdown(&mut self) {}
}

/// What an exchange is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// More content, as far as there is any.
    Content,
    /// The driver has to see to an errand; whether content may come meanwhile, it tells then.
    Errand,
    /// No content for now: it holds as much as it wants to hold.
    Pause,
}

/// How an exchange speaks: the connection, with everything a response of this lab carries.
pub struct Reply<'r> {
    pub now: Instant,
    pub lab: &'r Lab,
    pub card: &'r Card,
    pub(super) connection: &'r mut Connection,
    pub(super) out: &'r mut Vec<u8>,
    pub(super) date: &'r OnceCell<Date>,
    pub(super) cut: &'r mut Option<Cut>,
    /// Whether the peer has finished sending: it may have gone, or it may still be reading.
    pub peer_has_ended: bool,
    /// The request line, when a log wants it.
    pub(super) request_line: Option<&'r str>,
    /// Only a poll has one, as only a poll looks at what a wake is about.
    pub(super) bell: Option<&'r dyn Bell>,
}

impl<'r> Reply<'r> {
    /// Sends a whole response.
    pub fn send(&mut self, response: Response) {
        self.log(response.status);
        let date = self.date();
        self.connection.send(&self.signed(response), date, self.out);
    }

    /// Sends a response that was encoded before, unsigned.
    pub fn send_prepared(&mut self, prepared: &Prepared) {
        self.log(prepared.response().status);
        let date = self.date();
        self.connection.send_prepared(prepared, date, self.out);
    }

    /// Sends an interim response, unsigned; the final one follows.
    pub fn send_interim(&mut self, response: &Response) {
        self.connection.send_interim(response, self.out);
    }

    /// Gives the connection up to another protocol.
    pub fn switch_protocols(&mut self, response: Response) {
        self.log(response.status);
        let date = self.date();
        self.connection.switch_protocols(&self.signed(response), date, self.out);
    }

    /// Sends a refusal.
    pub fn refuse(&mut self, refusal: &Refusal, form: Form) {
        self.send(refusal.response(form));
    }

    /// Sends the head of a response whose content follows.
    pub fn begin(&mut self, response: Response, length: Length) {
        self.log(response.status);
        let date = self.date();
        self.connection.send_head(&self.signed(response), length, date, self.out);
    }

    /// Sends a whole response, while the exchange still has something to do: the next one begins when this one is
    /// [ended](Reply::end).
    pub fn send_early(&mut self, mut response: Response) {
        let content = mem::take(&mut response.content);
        self.begin(response, Length::Known(content.len() as u64));
        self.send_data(&content);
    }

    pub fn send_data(&mut self, data: &[u8]) {
        self.connection.send_data(data, self.out);
    }

    /// Sends what is in a buffer, without a copy if that can be, and leaves an empty one in its place.
    pub fn send_buffer(&mut self, buffer: &mut Vec<u8>) {
        self.connection.send_buffer(buffer, self.out);
    }

    pub fn end(&mut self, trailers: &[(&str, &str)]) {
        self.connection.send_end(trailers, self.out);
    }

    /// Sends bytes that are no message at all.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Ends the connection in the middle of the response.
    pub fn cut(&mut self, how: Cut) {
        self.connection.cut();
        *self.cut = Some(how);
    }

    /// Lets the connection end with this exchange.
    pub fn close_after_exchange(&mut self) {
        self.connection.close_after_exchange();
    }

    /// Whether no response has begun.
    pub fn can_answer(&self) -> bool {
        self.connection.can_answer()
    }

    pub fn can_send_trailers(&self) -> bool {
        self.connection.can_send_trailers()
    }

    /// Whether content would reach the client: not behind the answer to HEAD.
    pub fn can_send_content(&self) -> bool {
        self.connection.can_send_content()
    }

    /// How many bytes of the peer's stream have been understood.
    pub fn offset(&self) -> u64 {
        self.connection.offset()
    }

    /// What wakes this exchange for a poll; the same one, however often it is asked for.
    ///
    /// # Panics
    /// Outside of a poll.
    pub fn waker(&self) -> Waker {
        self.bell.expect("a waker is made in a poll, which then looks for what happened before").waker()
    }

    /// How much this turn has sent so far.
    pub fn sent(&self) -> usize {
        self.out.len()
    }

    /// Whether this turn has sent as much as a turn should.
    pub fn is_full(&self) -> bool {
        self.out.len() >= PIECE_BYTES
    }

    /// Which connection answered, and which of its requests: reuse of connections made visible.
    fn signed(&self, response: Response) -> Response {
        let (connection, request) = self.card.signature(self.lab.settings.golden);
        response.with("X-Conn", connection.to_string()).with("X-Req", request.to_string())
    }

    fn date(&self) -> &'r Date {
        self.date.get_or_init(|| self.lab.clock.date(self.now))
    }

    fn log(&self, status: u16) {
        let (connection, request) = self.card.signature(false);
        let line = self.request_line.unwrap_or("(no request)");
        log::debug!("conn {connection} request {request}: {line}: {status} {}", reason(status));
    }
}

/// How a response is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order: the end of the stream follows the bytes sent.
    Close,
    /// By a TCP reset.
    Reset,
}

/// What one turn of a connection sends, about: more would make the others wait, less would cost system calls.
pub const PIECE_BYTES: usize = 64 * 1024;
