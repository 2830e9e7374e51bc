//! Which of several representations a client prefers (RFC 9110 §12.5.1, §12.4.2).

use super::grammar::{list, trim};
use super::message::Fields;

/// The offer that the Accept field likes best; the first one where it is silent or likes none.
///
/// Offers are media types without parameters, in the server's own order of preference. A client that accepts none
/// of them gets the first: an answer that can be read at all teaches more than a 406.
///
/// Parameters other than the weight are passed over, and a comma or semicolon in a quoted one is taken for a
/// separator: no client is known to send such.
///
/// ```text
/// Accept = #( media-range [ weight ] )        weight = OWS ";" OWS "q=" qvalue
/// ```
pub fn preferred<'o>(fields: &Fields<'_>, offers: &[&'o str]) -> &'o str {
    let mut best = (0, offers[0]);
    for offer in offers {
        let quality = quality(fields, offer);
        if quality > best.0 {
            best = (quality, offer);
        }
    }
    best.1
}

/// The weight of the most specific media range that matches, in thousandths.
fn quality(fields: &Fields<'_>, offer: &str) -> u16 {
    let mut most_specific = None;
    for range in fields.all("accept").flat_map(list) {
        let mut parameters = range.split(|byte| *byte == b';').map(trim);
        let Some(specificity) = specificity(parameters.next().unwrap_or_default(), offer) else { continue };
        let weight = parameters.find_map(weight).unwrap_or(1000);
        if most_specific.is_none_or(|(known, _)| specificity > known) {
            most_specific = Some((specificity, weight));
        }
    }
    most_specific.map_or(0, |(_, weight)| weight)
}

fn specificity(range: &[u8], offer: &str) -> Option<u8> {
    let group = offer.split('/').next().unwrap_or_default();
    match range {
        b"*/*" => Some(0),
        [given @ .., b'/', b'*'] if given.eq_ignore_ascii_case(group.as_bytes()) => Some(1),
        exact if exact.eq_ignore_ascii_case(offer.as_bytes()) => Some(2),
        _ => None,
    }
}

/// `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`; a malformed one counts as 0.
fn weight(parameter: &[u8]) -> Option<u16> {
    let value = match parameter {
        [b'q' | b'Q', b'=', value @ ..] => value,
        _ => return None,
    };
    let (whole, fraction) = match value {
        [whole] | [whole, b'.'] => (*whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return Some(0),
    };
    if !matches!(whole, b'0' | b'1') || !fraction.iter().all(u8::is_ascii_digit) {
        return Some(0);
    }
    let thousandths = (0..3)
        .fold(0, |sum, place| sum * 10 + u16::from(fraction.get(place).map_or(0, |digit| digit - b'0')));
    Some((u16::from(whole - b'0') * 1000 + thousandths).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, best) in [
            ("", "text/plain"),
            ("Accept: */*\r\n", "text/plain"),
            ("Accept: application/json\r\n", "application/json"),
            ("Accept: text/*;q=0.5, application/json;q=0.4\r\n", "text/plain"),
            ("Accept: text/*;q=0.5, application/json;q=0.501\r\n", "application/json"),
            ("Accept: text/plain;q=0, */*\r\n", "application/json"),
            ("Accept: image/png\r\n", "text/plain"),
            ("Accept: TEXT/plain; q=0.1\r\nAccept: application/JSON ;Q=1.000\r\n", "application/json"),
        ] {
            let fields = Fields::checked(accept.as_bytes());
            assert_eq!(preferred(&fields, &["text/plain", "application/json"]), best, "{accept:?}");
        }
    }
}
