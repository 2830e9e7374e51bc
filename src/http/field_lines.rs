//! The field lines of a section, split by `httparse` (RFC 9112 §5). When the split fails, a slow reader goes over the
//! lines again and finds the byte to blame.

use httparse::{EMPTY_HEADER, Header, Status, parse_headers};

use super::error::{Fault, Rule};
use super::grammar::{is_blank, is_token_byte, is_value_byte};
use super::head::CRLF;
use super::message::Fields;

/// Splits the field lines of a section and shows each to `visit`.
pub(super) fn parse_fields<'b>(
    section: &'b [u8],
    visit: impl FnMut(&Header<'b>),
) -> Result<Fields<'b>, Fault> {
    let mut few = [EMPTY_HEADER; USUAL_FIELDS];
    match parse_headers(section, &mut few) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(Fields::checked(&section[..section.len() - CRLF.len()]))
        }
        Err(httparse::Error::TooManyHeaders) => parse_many_fields(section, visit),
        _ => Err(explain(section)),
    }
}

/// The rare head with many fields pays for its own table; their count has been checked by [`Search`].
#[cold]
fn parse_many_fields<'b>(section: &'b [u8], visit: impl FnMut(&Header<'b>)) -> Result<Fields<'b>, Fault> {
    let mut many = vec![EMPTY_HEADER; memchr::memchr_iter(b'\n', section).count()];
    match parse_headers(section, &mut many) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(Fields::checked(&section[..section.len() - CRLF.len()]))
        }
        _ => Err(explain(section)),
    }
}

/// Finds the first byte that breaks a rule in a section that could not be split.
///
/// ```text
/// field-line  = field-name ":" OWS field-value OWS
/// ```
#[cold]
fn explain(section: &[u8]) -> Fault {
    let mut start = 0;
    for lf in memchr::memchr_iter(b'\n', section) {
        let line = &section[start..lf.saturating_sub(1).max(start)];
        if let Some(fault) = explain_line(line) {
            return fault.moved(start);
        }
        start = lf + 1;
    }
    // Not reached: `httparse` refuses no line that the rules below let pass, and a test holds it to that.
    Fault::new(Rule::FieldControl, 0)
}

fn explain_line(line: &[u8]) -> Option<Fault> {
    if line.first().is_some_and(|first| is_blank(*first)) {
        return Some(Fault::new(Rule::FieldFolded, 0));
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return (!line.is_empty()).then(|| Fault::new(Rule::FieldColonMissing, line.len()));
    };
    if colon == 0 {
        return Some(Fault::new(Rule::FieldNameMissing, 0));
    }
    let name = &line[..colon];
    if let Some(at) = name.iter().position(|byte| !is_token_byte(*byte)) {
        let rule = match name[at] {
            b'\r' => Rule::BareCr,
            _ if name[at..].iter().all(|byte| is_blank(*byte)) => Rule::FieldSpaceBeforeColon,
            _ => Rule::FieldNameByte,
        };
        return Some(Fault::new(rule, at));
    }
    let at = line.iter().skip(colon + 1).position(|byte| !is_value_byte(*byte))? + colon + 1;
    let rule = if line[at] == b'\r' { Rule::BareCr } else { Rule::FieldControl };
    Some(Fault::new(rule, at))
}

/// Field lines that are split without asking the allocator for a table. Most programs send fewer, and a table has to
/// be cleared for each head.
const USUAL_FIELDS: usize = 8;
