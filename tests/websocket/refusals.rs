//! Each rule that a peer can break, where it is found, and what it is told.

use std::collections::HashSet;

use wirelab::websocket::deflate::Deflater;
use wirelab::websocket::{Code, Connection, Error, Event, Limits, Parameters, Role, Rule};

use crate::peer::{client, failing_close, hear, hear_at_every_cut, masked, server, unmasked};

/// A stream that breaks a rule; the rule, and the offset of the byte that does.
type Case = (Vec<u8>, Rule, usize);

/// Faults that one byte shows, by which the connection fails before the next one is there.
fn at_a_byte() -> Vec<Case> {
    let begun = masked(0x01, b"a");
    vec![
        (masked(0xc1, b"a"), Rule::ReservedBits, 0),
        (masked(0xa1, b"a"), Rule::ReservedBits, 0),
        (masked(0x99, b"a"), Rule::ReservedBits, 0),
        (masked(0x83, b"a"), Rule::OpcodeReserved, 0),
        (masked(0x8f, b"a"), Rule::OpcodeReserved, 0),
        ([masked(0x89, b""), masked(0x09, b"")].concat(), Rule::ControlFragmented, 6),
        (masked(0x08, b""), Rule::ControlFragmented, 0),
        (masked(0x80, b"a"), Rule::ContinuationAlone, 0),
        (masked(0x00, b"a"), Rule::ContinuationAlone, 0),
        ([begun.clone(), masked(0x80, b""), masked(0x80, b"")].concat(), Rule::ContinuationAlone, 13),
        ([begun.clone(), masked(0x81, b"b")].concat(), Rule::MessageInterrupted, 7),
        ([begun.clone(), masked(0x02, b"b")].concat(), Rule::MessageInterrupted, 7),
        ([begun, masked(0x89, b""), masked(0x81, b"")].concat(), Rule::MessageInterrupted, 13),
        (unmasked(0x81, b"a"), Rule::MaskMissing, 1),
        (unmasked(0x88, b""), Rule::MaskMissing, 1),
        (masked(0x89, &[0; 126]), Rule::ControlLong, 1),
        (masked(0x88, &[0; 65536]), Rule::ControlLong, 1),
        (b"\x81\xfe\x00\x7d".to_vec(), Rule::LengthNotMinimal, 3),
        (b"\x81\xfe\x00\x00".to_vec(), Rule::LengthNotMinimal, 3),
        (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff".to_vec(), Rule::LengthNotMinimal, 7),
        (b"\x81\xff\x80\x00\x00\x00\x00\x01\x00\x00".to_vec(), Rule::LengthOverflow, 2),
        (masked(0x81, b"ab\xffd"), Rule::TextByte, 8),
        ([masked(0x01, b"\xe2\x82"), masked(0x00, b""), masked(0x80, b"(")].concat(), Rule::TextByte, 20),
        (masked(0x88, b"\x03\xe8ab\xc0\x80"), Rule::CloseReason, 10),
    ]
}

/// Faults that more than one byte shows; the offset is that of the frame or the place where something is missing.
fn at_a_frame() -> Vec<Case> {
    vec![
        (b"\x82\xff\x00\x00\x00\x00\x01\x00\x00\x01\0\0\0\0".to_vec(), Rule::MessageLong, 0),
        ([masked(0x02, &[0; 200]), masked(0x80, &[0; 57])].concat(), Rule::MessageLong, 208),
        ([0x01, 0, 0, 0, 0].map(|first| masked(first, b"a")).concat(), Rule::FragmentsMany, 28),
        (masked(0x81, b"\xe2\x82"), Rule::TextCut, 8),
        ([masked(0x01, b"\xe2"), masked(0x80, b"")].concat(), Rule::TextCut, 13),
        (masked(0x88, b"\x03"), Rule::CloseCut, 6),
        (masked(0x88, b"\x03\xe7"), Rule::CloseCode, 6),
        (masked(0x88, b"\x03\xedbye"), Rule::CloseCode, 6),
        (masked(0x88, b"\x03\xe8\xe2\x82"), Rule::CloseReason, 10),
    ]
}

/// Faults of those who have agreed on compression.
fn of_compression() -> Vec<Case> {
    vec![
        (masked(0xc9, b""), Rule::CompressedControl, 0),
        ([masked(0x41, b"\xf2"), masked(0xc0, b"")].concat(), Rule::CompressedContinuation, 7),
        (masked(0xa1, b""), Rule::ReservedBits, 0),
        (masked(0xd1, b""), Rule::ReservedBits, 0),
        ([masked(0x89, b"a"), masked(0xc2, b"\xff\xff\xff")].concat(), Rule::DeflateBroken, 7),
        (masked(0xc2, &Deflater::new(15).deflate(&[b'a'; 257])), Rule::InflatedLong, 0),
    ]
}

fn small(deflate: Option<Parameters>) -> Connection {
    Connection::new(Role::Server, Limits { message_bytes: 256, fragments: 4 }, deflate)
}

#[test]
fn every_broken_rule_fails_the_connection_with_its_reason() {
    let mut rules = HashSet::from([Rule::MaskForbidden]); // this one is the client's to find, below
    for (cases, deflate) in
        [([at_a_byte(), at_a_frame()].concat(), None), (of_compression(), Some(Parameters::default()))]
    {
        for (bytes, rule, offset) in cases {
            let (events, out) = hear_at_every_cut(|| small(deflate), &bytes);
            let error = Error { rule, offset: offset as u64 };
            assert_eq!(events.last(), Some(&Event::Failed(error)), "{bytes:x?}");
            assert!(out.ends_with(&failing_close(rule)), "{rule:?}");
            rules.insert(rule);
        }
    }
    assert_eq!(Rule::ALL.into_iter().filter(|rule| !rules.contains(rule)).collect::<Vec<_>>(), []);
}

#[test]
fn the_byte_that_breaks_a_rule_is_the_last_one_needed() {
    for (bytes, rule, offset) in at_a_byte() {
        let mut connection = server();
        hear(&mut connection, [&bytes[..offset]]);
        assert!(!connection.has_failed(), "{bytes:x?}");
        // A Close is a whole before it is anything.
        let end = if rule == Rule::CloseReason { bytes.len() } else { offset + 1 };
        hear(&mut connection, [&bytes[offset..end]]);
        assert!(connection.has_failed(), "{bytes:x?}");
    }
}

#[test]
fn a_server_masks_nothing() {
    let (events, out) = hear_at_every_cut(client, &masked(0x81, b"a"));
    assert_eq!(events, [Event::Failed(Error { rule: Rule::MaskForbidden, offset: 1 })]);
    assert!(!out.is_empty());
}

#[test]
fn after_a_failure_nothing_is_understood_or_sent() {
    let mut connection = server();
    hear(&mut connection, [&unmasked(0x81, b"a")[..]]);
    assert!(connection.has_failed() && connection.is_over() && !connection.is_open());
    let mut out = Vec::new();
    connection.send_text("late", &mut out);
    connection.send_ping(b"", &mut out);
    connection.send_close(Code::NORMAL, "", &mut out);
    assert_eq!(out, b"");
    assert_eq!(hear(&mut connection, [&masked(0x89, b"late")[..]]), (vec![], vec![]));
}

#[test]
fn what_just_fits_is_received() {
    let fits = [masked(0x02, &[1; 100]), masked(0x00, &[2; 100]), masked(0x00, b""), masked(0x80, &[3; 56])];
    let (events, _) = hear(&mut small(None), [&fits.concat()[..]]);
    assert!(matches!(&events[..], [Event::Binary(content)] if content.len() == 256));
    let (events, _) = hear(&mut small(None), [&masked(0x82, &[0; 256])[..]]);
    assert!(matches!(&events[..], [Event::Binary(content)] if content.len() == 256));
    let compressed = masked(0xc1, &Deflater::new(15).deflate(&[b'a'; 256]));
    let (events, _) = hear(&mut small(Some(Parameters::default())), [&compressed[..]]);
    assert!(matches!(&events[..], [Event::Text(text)] if text.len() == 256), "{events:?}");
}
