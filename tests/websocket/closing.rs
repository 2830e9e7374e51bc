//! The closing handshake, begun by either end (RFC 6455 §7).

use wirelab::websocket::{Close, Code, Event, Kind, Rule};

use crate::peer::{client, failing_close, hear, hear_at_every_cut, masked, ping, server, text, unmasked};

fn close(code: u16, reason: &str) -> Event<'static> {
    Event::Close(Close { code: Code::new(code), reason: reason.to_owned().into() })
}

fn body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

#[test]
fn a_close_is_answered_once_with_its_code() {
    let stream = [masked(0x88, &body(1001, "going")), masked(0x88, b""), masked(0x81, b"late")].concat();
    let (events, out) = hear_at_every_cut(server, &stream);
    assert_eq!(events, [close(1001, "going")]);
    assert_eq!(out, unmasked(0x88, &body(1001, "")));
    let (events, out) = hear_at_every_cut(client, &unmasked(0x88, b""));
    assert_eq!(events, [Event::Close(Close::default())]);
    assert_eq!(out, masked(0x88, b""));
}

#[test]
fn every_code_that_may_be_sent_is_echoed() {
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        let mut connection = server();
        let (events, out) = hear(&mut connection, [&masked(0x88, &body(code, ""))[..]]);
        assert_eq!((events, out), (vec![close(code, "")], unmasked(0x88, &body(code, ""))));
        assert!(connection.is_over() && !connection.has_failed() && !connection.is_open());
    }
}

#[test]
fn after_its_own_close_an_end_receives_what_was_on_the_way() {
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_close(Code::GOING_AWAY, "so long", &mut out);
    assert_eq!(out, unmasked(0x88, &body(1001, "so long")));
    assert!(!connection.is_open() && !connection.is_over());

    connection.send_text("too late", &mut out);
    connection.send_ping(b"too late", &mut out);
    connection.send_close(Code::NORMAL, "again", &mut out);
    assert_eq!(out.len(), 2 + 2 + 7);

    let stream =
        [masked(0x81, b"on the way"), masked(0x89, b"here?"), masked(0x88, &body(1000, ""))].concat();
    let (events, out) = hear(&mut connection, [&stream[..]]);
    assert_eq!(events, [text("on the way"), ping(b"here?"), close(1000, "")]);
    assert_eq!(out, unmasked(0x8a, b"here?"));
    assert!(connection.is_over() && !connection.has_failed());
}

#[test]
fn a_rule_broken_after_our_close_gets_no_second_one() {
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_close(Code::NORMAL, "", &mut out);
    let (events, out) = hear(&mut connection, [&unmasked(0x81, b"a")[..]]);
    assert!(matches!(events[..], [Event::Failed(error)] if error.rule == Rule::MaskMissing));
    assert_eq!(out, b"");
    assert!(connection.has_failed() && connection.is_over());
}

#[test]
fn a_close_inside_of_a_message_ends_it() {
    let stream = [masked(0x01, b"begun"), masked(0x88, &body(4000, "enough"))].concat();
    let mut connection = server();
    assert_eq!(hear(&mut connection, [&stream[..]]).0, [close(4000, "enough")]);
    assert!(connection.is_between_messages());
}

#[test]
fn fragments_of_a_message_stop_when_the_peer_closes() {
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_first_fragment(Kind::Text, b"a", &mut out);
    let (_, answer) = hear(&mut connection, [&masked(0x88, b"")[..]]);
    out.extend(answer);
    connection.send_fragment(b"b", &mut out);
    connection.send_last_fragment(b"c", &mut out);
    assert_eq!(out, [unmasked(0x01, b"a"), unmasked(0x88, b"")].concat());
}

#[test]
fn the_longest_reason_goes_both_ways() {
    let reason = "r".repeat(123);
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_close(Code::NORMAL, &reason.repeat(2), &mut out);
    assert_eq!(hear_at_every_cut(client, &out).0, [close(1000, &reason)]);
}

#[test]
fn both_ends_of_a_connection_close_it() {
    let (mut server, mut client) = (server(), client());
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    client.send_text("bye", &mut to_server);
    client.send_close(Code::NORMAL, "done", &mut to_server);
    server.send_close(Code::GOING_AWAY, "", &mut to_client);
    let (events, answer) = hear(&mut server, [&to_server[..]]);
    assert_eq!((events, answer), (vec![text("bye"), close(1000, "done")], vec![]));
    let (events, answer) = hear(&mut client, [&to_client[..]]);
    assert_eq!((events, answer), (vec![close(1001, "")], vec![]));
    assert!(server.is_over() && client.is_over());
}

#[test]
fn a_failing_close_is_itself_well_formed() {
    for rule in Rule::ALL {
        let (events, _) = hear(&mut client(), [&failing_close(rule)[..]]);
        assert_eq!(events, [close(rule.code().number(), rule.reason())]);
    }
}
