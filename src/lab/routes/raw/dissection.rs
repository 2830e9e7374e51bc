//! The dissection of a request in words, and the same for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Raw;
use crate::http::{Framing, Request, Target};
use crate::wire::{hexdump, notation};

impl Raw {
    /// A dissection of the message that ends just before offset `end`.
    pub(super) fn to_text(&self, request: &Request<'_>, end: u64) -> String {
        let mut text = "offset  bytes  what stands there\n".to_owned();
        let mut part = |offset: u64, bytes: &[u8], what: &str| {
            let mut shown = String::new();
            notation::encode(bytes, &mut shown);
            let _ = writeln!(text, "{offset:>6}  {:>5}  {what:<13} {shown}", bytes.len());
        };
        part(self.offset, self.line(), "request line");
        for (offset, line) in self.field_lines(request) {
            part(offset, line, "field line");
        }
        part(self.head_end() - 2, b"\r\n", "end of head");
        self.tell_body(request, end, &mut text);
        let _ = writeln!(text);
        tell_target(request, &mut text);
        let _ = writeln!(
            text,
            "head:     {} bytes, in {}",
            self.head.len(),
            counted(self.reads as usize, "read")
        );
        let _ = writeln!(text, "framing:  {}", why(request.framing));
        let _ = writeln!(text, "content:  {}", counted(self.content.bytes().len(), "byte"));
        self.tell_content(&mut text);
        for (name, value) in &self.trailers {
            let _ = writeln!(text, "trailer:  {name}: {}", String::from_utf8_lossy(value));
        }
        text
    }

    fn tell_body(&self, request: &Request<'_>, end: u64, text: &mut String) {
        let (offset, bytes) = (self.head_end(), end - self.head_end());
        let what = match request.framing {
            Framing::None => return,
            Framing::Length(_) => "content",
            Framing::Chunked => "chunks: sizes, data, the last chunk, the trailer section",
        };
        let _ = writeln!(text, "{offset:>6}  {bytes:>5}  {what}");
    }

    fn tell_content(&self, text: &mut String) {
        let content = self.content.bytes();
        let shown = &content[..content.len().min(SHOWN_CONTENT_BYTES)];
        let mut rows = String::new();
        hexdump::print_rows(shown, &mut rows);
        for row in rows.lines() {
            let _ = writeln!(text, "  {row}");
        }
        if shown.len() < content.len() {
            let _ = writeln!(text, "  and {} more", counted(content.len() - shown.len(), "byte"));
        }
    }

    pub(super) fn to_json(&self, request: &Request<'_>, end: u64) -> Value {
        let fields = request.fields.lines().zip(self.field_lines(request));
        let fields = fields.map(|((_, name, value), (offset, line))| {
            let value = String::from_utf8_lossy(value);
            json!({ "offset": offset, "bytes": line.len(), "name": name, "value": value })
        });
        let trailers = self
            .trailers
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": String::from_utf8_lossy(value) }));
        let content = self.content.bytes();
        let excerpt = String::from_utf8_lossy(&content[..content.len().min(SHOWN_CONTENT_BYTES)]);
        json!({
            "head": { "offset": self.offset, "bytes": self.head.len(), "reads": self.reads },
            "request_line": { "offset": self.offset, "bytes": self.line().len(), "text": request.line() },
            "target": {
                "form": form(&request.target),
                "authority": request.authority(),
                "path": request.target.path(),
                "query": request.target.query(),
            },
            "fields": fields.collect::<Vec<Value>>(),
            "framing": why(request.framing),
            "body": { "offset": self.head_end(), "bytes": end - self.head_end() },
            "content": { "bytes": content.len(), "excerpt": excerpt },
            "trailers": trailers.collect::<Vec<Value>>(),
        })
    }

    /// The request line with its CRLF.
    fn line(&self) -> &[u8] {
        let end = memchr::memchr(b'\n', &self.head).map_or(self.head.len(), |lf| lf + 1);
        &self.head[..end]
    }

    /// The field lines with their CRLFs, and where they stand in the stream.
    fn field_lines<'r>(&'r self, request: &Request<'r>) -> impl Iterator<Item = (u64, &'r [u8])> + use<'r> {
        let section = self.line().len();
        request.fields.lines().map(move |(start, ..)| {
            let line = &self.head[section + start..];
            let end = memchr::memchr(b'\n', line).map_or(line.len(), |lf| lf + 1);
            (self.offset + (section + start) as u64, &line[..end])
        })
    }

    fn head_end(&self) -> u64 {
        self.offset + self.head.len() as u64
    }
}

fn tell_target(request: &Request<'_>, text: &mut String) {
    let target = &request.target;
    let _ = write!(text, "target:   {}, path {}", form(target), target.path());
    let _ = match target.query() {
        Some(query) => writeln!(text, ", query {query}"),
        None => writeln!(text, ", no query"),
    };
    let authority = request.authority().filter(|authority| !authority.is_empty());
    let _ = writeln!(text, "host:     {}", authority.unwrap_or("not named"));
}

/// RFC 9112 §3.2
fn form(target: &Target<'_>) -> &'static str {
    match target {
        Target::Origin { .. } => "origin form",
        Target::Absolute { .. } => "absolute form",
        Target::Asterisk => "asterisk form",
    }
}

/// RFC 9112 §6.3
fn why(framing: Framing) -> &'static str {
    match framing {
        Framing::None => "neither Content-Length nor Transfer-Encoding, so the request ends with its head",
        Framing::Length(_) => "Content-Length counts the content",
        Framing::Chunked => "Transfer-Encoding: chunked; the content ends with the chunk of size 0",
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

const SHOWN_CONTENT_BYTES: usize = 256;
