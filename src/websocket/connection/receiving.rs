//! From bytes to events: headers, payloads, and what is answered on the way.

use std::borrow::Cow;

use super::under_way::{Complete, Frame};
use super::{Connection, Event, Role, State};
use crate::websocket::close::Close;
use crate::websocket::error::{Error, Fault, Rule};
use crate::websocket::frame::{CutHeader, Header, Opcode, Terms};
use crate::websocket::mask::mask;
use crate::websocket::message::{Content, Kind, Message};
use crate::websocket::utf8;

impl Connection {
    /// Goes over the bytes to the next event; the broken rule is still to be told to the peer.
    pub(super) fn receive<'b>(
        &mut self,
        bytes: &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<(usize, Event<'b>), Error> {
        let mut consumed = 0;
        loop {
            if !self.is_inside_frame() {
                let (taken, header) = self.receive_header(&bytes[consumed..])?;
                consumed += taken;
                let Some(header) = header else { return Ok((consumed, Event::Incomplete)) };
                if let Some(length) = self.length_in_place(&header, bytes.len() - consumed) {
                    let payload = &mut bytes[consumed..consumed + length];
                    return Ok((consumed + length, self.receive_in_place(&header, payload, out)?));
                }
                self.begin_frame(header)?;
            }
            let (taken, complete) = self.receive_payload(&mut bytes[consumed..])?;
            consumed += taken;
            let event = match complete {
                Complete::Nothing => Event::Incomplete,
                Complete::Seen(seen) => Event::Frame(seen),
                Complete::Fragment => continue,
                Complete::Control(opcode, payload) => self.receive_control(opcode, payload.into(), out)?,
                Complete::Message(Content::Text { text, .. }) => Event::Text(text.into()),
                Complete::Message(Content::Binary(content)) => Event::Binary(content.into()),
            };
            return Ok((consumed, event));
        }
    }

    /// The next header, and how many bytes of it were still missing.
    fn receive_header(&mut self, bytes: &[u8]) -> Result<(usize, Option<Header>), Error> {
        let terms = Terms {
            is_masked: matches!(self.role, Role::Server),
            is_compression_agreed: self.deflate.is_some(),
            is_inside_message: self.is_inside_message(),
        };
        let kept = self.cut_header.bytes().len();
        let parsed = if kept == 0 {
            Header::parse(bytes, &terms)
        } else {
            self.cut_header.append(bytes);
            Header::parse(self.cut_header.bytes(), &terms)
        };
        let start = self.offset - kept as u64;
        match parsed {
            Ok(Some((header, length))) => {
                self.cut_header = CutHeader::default();
                self.offset = start + length as u64;
                Ok((length - kept, Some(header)))
            }
            Ok(None) => {
                if kept == 0 {
                    self.cut_header.append(bytes);
                }
                self.offset += bytes.len() as u64;
                Ok((bytes.len(), None))
            }
            Err(Fault { rule, at }) => Err(Error { rule, offset: start + at as u64 }),
        }
    }

    /// How long the payload is, if it is one that is handed out from where it lies.
    fn length_in_place(&self, header: &Header, available: usize) -> Option<usize> {
        let is_whole = header.is_final && !header.is_compressed && header.opcode != Opcode::Continuation;
        let length = usize::try_from(header.payload_bytes).ok()?;
        let is_allowed = length <= self.limits.message_bytes || header.opcode.is_control();
        (is_whole && length <= available && is_allowed && !self.watches_frames).then_some(length)
    }

    fn receive_in_place<'b>(
        &mut self,
        header: &Header,
        payload: &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Event<'b>, Error> {
        if let Some(key) = header.key {
            mask(key, payload);
        }
        let start = self.offset;
        self.offset += payload.len() as u64;
        match header.opcode {
            Opcode::Binary => Ok(Event::Binary(Cow::Borrowed(payload))),
            Opcode::Text => match utf8::check(payload) {
                Ok(text) => Ok(Event::Text(Cow::Borrowed(text))),
                Err(at) => {
                    let rule = if at == payload.len() { Rule::TextCut } else { Rule::TextByte };
                    Err(Error { rule, offset: start + at as u64 })
                }
            },
            opcode => self.receive_control(opcode, Cow::Borrowed(payload), out),
        }
    }

    /// Prepares for a payload that has to be gathered, after its header.
    fn begin_frame(&mut self, header: Header) -> Result<(), Error> {
        let offset = self.offset - header.encoded_bytes() as u64;
        let under_way = self.under_way.get_or_insert_default();
        if !header.opcode.is_control() {
            if let Some(kind) = Kind::begun_by(header.opcode) {
                under_way.message = Some(Message::new(kind, header.is_compressed));
            }
            let message = under_way.message.as_mut().expect("a continuation alone was refused");
            let result = message.begin_fragment(&header, &self.limits);
            result.map_err(|rule| Error { rule, offset })?;
        }
        under_way.frame = Some(Frame::new(header, offset, self.watches_frames));
        Ok(())
    }

    /// Takes what belongs to the frame under way.
    fn receive_payload(&mut self, bytes: &mut [u8]) -> Result<(usize, Complete), Error> {
        let under_way = self.under_way.as_mut().expect("a frame is under way");
        let mut frame = under_way.frame.take().expect("a frame is under way");
        let payload = frame.take(bytes);
        if frame.header.opcode.is_control() {
            under_way.control.extend_from_slice(payload);
        } else {
            self.receive_data(payload, &frame)?;
        }
        self.offset += payload.len() as u64;
        let complete = match frame.left {
            0 => match frame.seen.take() {
                Some(seen) => Complete::Seen(seen),
                None => return Ok((payload.len(), self.end_frame(&frame)?)),
            },
            _ => Complete::Nothing,
        };
        self.under_way.get_or_insert_default().frame = Some(frame);
        Ok((payload.len(), complete))
    }

    fn receive_data(&mut self, payload: &[u8], frame: &Frame) -> Result<(), Error> {
        let message = self.under_way.as_mut().and_then(|under_way| under_way.message.as_mut());
        let message = message.expect("data belongs to a message");
        if message.is_compressed {
            let inflater = self.inflater.get_or_insert_default();
            let result = message.append_compressed(payload, inflater, &self.limits);
            result.map_err(|rule| Error { rule, offset: frame.offset })
        } else {
            let result = message.append(payload, &self.limits);
            result.map_err(|Fault { rule, at }| Error { rule, offset: self.offset + at as u64 })
        }
    }

    /// What it means that the frame under way has come whole; what is no longer needed goes back.
    fn end_frame(&mut self, frame: &Frame) -> Result<Complete, Error> {
        let under_way = self.under_way.as_mut().expect("the frame was under way");
        let complete = if frame.header.opcode.is_control() {
            Complete::Control(frame.header.opcode, std::mem::take(&mut under_way.control))
        } else if frame.header.is_final {
            let message = under_way.message.take().expect("the frame belongs to a message");
            self.end_message(message, frame)?
        } else {
            Complete::Fragment
        };
        self.under_way = self.under_way.take().filter(|under_way| under_way.message.is_some());
        Ok(complete)
    }

    fn end_message(&mut self, mut message: Message, frame: &Frame) -> Result<Complete, Error> {
        if message.is_compressed {
            let inflater = self.inflater.get_or_insert_default();
            let result = message.end_compressed(inflater, &self.limits);
            result.map_err(|rule| Error { rule, offset: frame.offset })?;
            if self.peers_direction().is_none_or(|direction| !direction.takes_context_over) {
                self.inflater = None;
            }
        }
        let content = message.into_content().map_err(|rule| Error { rule, offset: self.offset })?;
        Ok(Complete::Message(content))
    }

    /// "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received a
    /// Close frame" (§5.5.2). And "If an endpoint receives a Close frame and did not previously send a Close frame,
    /// the endpoint MUST send a Close frame in response" (§5.5.1), which "echos the status code it received".
    fn receive_control<'b>(
        &mut self,
        opcode: Opcode,
        payload: Cow<'b, [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<Event<'b>, Error> {
        match opcode {
            Opcode::Ping => {
                self.push_control(Opcode::Pong, &payload, out);
                Ok(Event::Ping(payload))
            }
            Opcode::Pong => Ok(Event::Pong(payload)),
            _ => self.receive_close(payload, out),
        }
    }

    fn receive_close<'b>(&mut self, body: Cow<'b, [u8]>, out: &mut Vec<u8>) -> Result<Event<'b>, Error> {
        let start = self.offset - body.len() as u64;
        let parsed = match &body {
            Cow::Borrowed(body) => Close::parse(body),
            Cow::Owned(body) => Close::parse(body).map(Close::into_owned),
        };
        let close = parsed.map_err(|Fault { rule, at }| Error { rule, offset: start + at as u64 })?;
        if self.is_open() {
            let code = close.code.map(|code| code.number().to_be_bytes());
            self.push_control(Opcode::Close, code.as_ref().map_or(&[], |code| &code[..]), out);
        }
        self.end(State::Closed);
        Ok(Event::Close(close))
    }

    /// _Fail the WebSocket Connection_ (§7.1.7): "the endpoint SHOULD send a Close frame with an appropriate status
    /// code"; whatever was to be sent before is in `out` already and leaves before it.
    #[cold]
    pub(super) fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.send_close(error.rule.code(), error.rule.reason(), out);
        self.end(State::Failed);
    }

    fn end(&mut self, state: State) {
        self.state = state;
        self.under_way = None;
        self.cut_header = CutHeader::default();
        (self.inflater, self.deflater) = (None, None);
    }

    /// Whether a frame has come in part: what comes next belongs to it, whatever it is.
    pub fn is_inside_frame(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.frame.is_some())
    }

    fn is_inside_message(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.message.is_some())
    }
}
