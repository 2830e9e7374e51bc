//! `GET /images/{id}`: the content, whole or in parts, as fast as the client takes it.

mod supply;

use std::collections::VecDeque;
use std::sync::Arc;

use self::supply::Supply;
use super::{describe, validators};
use crate::http::condition::{Verdict, allows_range, evaluate};
use crate::http::range::{ByteRange, Requested, last_boundary, part_head, requested, unsatisfied_range};
use crate::http::{Length, Method, Response};
use crate::lab::exchange::{Answer, Call, Cut, Demand, Exchange, Reply};
use crate::lab::images::{Image, disk_refused};
use crate::lab::refusal::{Form, Refusal, failed_condition};
use crate::session::{Done, Errand, Failure};

/// `GET /images/{id}`
pub(super) fn download(call: &Call<'_>, image: Arc<Image>) -> Result<Answer, Refusal> {
    let (fields, tag) = (&call.request.fields, image.tag());
    let current = validators(&image, &tag);
    match evaluate(fields, true, &current) {
        Verdict::Perform => {}
        Verdict::NotModified => return Ok(describe(Response::new(304), &image, &tag).into()),
        Verdict::Failed(condition) => return Err(failed_condition(condition, &tag)),
    }
    // "GET is the only method" that has ranges (RFC 9110 §14.2); HEAD tells what GET would say without one.
    let hears_range = call.request.method == Method::Get && allows_range(fields, &current);
    let wanted = if hears_range { requested(fields, image.length) } else { Requested::Whole };
    let whole = [ByteRange { start: 0, end: image.length }];
    let plan = match &wanted {
        Requested::Whole => Plan::of(200, &image, &whole),
        Requested::Parts(parts) => Plan::of(206, &image, parts),
        Requested::Unsatisfiable => return Err(unsatisfiable(&image)),
    };
    let response = describe(plan.response, &image, &tag);
    if call.request.method == Method::Head {
        let length = Length::Known(plan.length);
        return Ok(Answer::at_end(move |reply| {
            reply.begin(response, length);
            reply.end(&[]);
        }));
    }
    Ok(Answer::exchange(Download {
        form: call.form(),
        response: Some(response),
        length: plan.length,
        supply: Supply::new(image.file.clone(), plan.reads),
        pieces: plan.pieces,
        image,
        failure: None,
        is_asked: false,
    }))
}

/// What an answer consists of.
struct Plan {
    response: Response,
    length: u64,
    pieces: VecDeque<Piece>,
    reads: VecDeque<ByteRange>,
}

/// What goes out next.
enum Piece {
    /// What stands between parts.
    Text(String),
    /// So many bytes of the file.
    Content(u64),
}

impl Plan {
    fn of(status: u16, image: &Image, parts: &[ByteRange]) -> Plan {
        let (content_type, pieces) = match parts {
            [part] => (image.content_type.clone(), [Piece::Content(part.len())].into()),
            parts => multipart(image, parts),
        };
        let response = Response::new(status).with_content(content_type, "");
        let response = match parts {
            [part] if status == 206 => response.with("Content-Range", part.content_range(image.length)),
            _ => response,
        };
        let reads = parts.iter().filter(|part| !part.is_empty()).copied().collect();
        Plan { response, length: pieces.iter().map(Piece::len).sum(), pieces, reads }
    }
}

/// "If multiple parts are being transferred, the server generating the 206 response MUST generate a
/// multipart/byteranges content" (RFC 9110 §15.3.7.2). No content holds its own digest, so that is the boundary.
fn multipart(image: &Image, parts: &[ByteRange]) -> (String, VecDeque<Piece>) {
    let boundary = image.id.to_string();
    let mut pieces = VecDeque::new();
    for (place, part) in parts.iter().enumerate() {
        let head = part_head(&boundary, &image.content_type, part, image.length, place == 0);
        pieces.extend([Piece::Text(head), Piece::Content(part.len())]);
    }
    pieces.push_back(Piece::Text(last_boundary(&boundary)));
    (format!("multipart/byteranges; boundary={boundary}"), pieces)
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Piece::Text(text) => text.len() as u64,
            Piece::Content(bytes) => *bytes,
        }
    }
}

struct Download {
    form: Form,
    /// The head, until it is sent.
    response: Option<Response>,
    length: u64,
    image: Arc<Image>,
    pieces: VecDeque<Piece>,
    supply: Supply,
    failure: Option<Failure>,
    /// The request is complete.
    is_asked: bool,
}

impl Exchange for Download {
    fn receive_end(&mut self, _: &mut Reply<'_>) {
        self.is_asked = true;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Some(failure) = self.failure.take() {
            return self.refuse(&failure, reply);
        }
        if !self.is_asked || !self.supply.is_open() || self.supply.demands_errand() {
            return;
        }
        if let Some(response) = self.response.take() {
            reply.begin(response, Length::Known(self.length));
        }
        while !reply.is_full() && self.send_next(reply) {}
        if self.pieces.is_empty() {
            reply.end(&[]);
        }
    }

    fn demand(&self) -> Demand {
        let demands = self.is_asked && self.failure.is_none() && self.supply.demands_errand();
        if demands { Demand::Errand } else { Demand::Content }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.supply.poll_errand()
    }

    fn handle_errand(&mut self, done: Done) {
        self.failure = self.supply.handle(done).err();
    }
}

impl Download {
    /// Sends what can be sent of the next piece; whether anything could.
    fn send_next(&mut self, reply: &mut Reply<'_>) -> bool {
        match self.pieces.front_mut() {
            None => false,
            Some(Piece::Content(0)) => self.pieces.pop_front().is_some(),
            Some(Piece::Text(text)) => {
                reply.send_data(text.as_bytes());
                self.pieces.pop_front().is_some()
            }
            Some(Piece::Content(left)) => {
                let ready = self.supply.ready();
                let count = ready.len();
                reply.send_buffer(ready);
                *left -= count as u64;
                count > 0
            }
        }
    }

    /// Once the head has been sent there is no other way to say that the rest does not come than to say nothing more.
    fn refuse(&self, failure: &Failure, reply: &mut Reply<'_>) {
        if !reply.can_answer() {
            log::error!("{} cannot be read to its end: {failure}", self.image.file);
            return reply.cut(Cut::Close);
        }
        match failure {
            Failure::Missing => {
                let why = "the image has just been removed";
                reply.refuse(&Refusal::new(404, why, "GET /images for those that there are"), self.form);
            }
            _ => reply.refuse(&disk_refused(failure), self.form),
        }
    }
}

fn unsatisfiable(image: &Image) -> Refusal {
    let why = format!("the image has {} bytes, and none where Range looks (RFC 9110 §15.5.17)", image.length);
    Refusal::new(416, why, "Range: bytes=0-0").with("Content-Range", unsatisfied_range(image.length))
}
