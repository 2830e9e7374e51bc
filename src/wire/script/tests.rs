use super::*;
use crate::wire::notation::{NotationError, Rule};

const CONVERSATION: &str = r#"# A comment.

C: GET / HTTP/1.1\r\n
# Another, inside the block.
C: \r\n
   = Request GET /
   = EndOfMessage
S: HTTP/1.1 200 OK\r\n
S: \r\n
S| 81 02 68 69   ; FIN text, "hi"

# The client waits.
T +200ms
C <eof>
! 408 too late (§1)
S <close>
"#;

fn script(text: &str) -> Script {
    text.parse().expect("a script")
}

fn event(text: &str) -> Expected {
    Expected::Event(text.to_owned())
}

fn answers(script: &Script) -> Vec<Vec<Expected>> {
    let expected = |turn: &Turn| turn.expected.iter().map(|step| step.what.clone()).collect();
    script.turns().iter().map(expected).collect()
}

#[test]
fn turns_are_what_is_given_and_then_expected() {
    let script = script(CONVERSATION);
    let [first, second] = script.turns() else { panic!("two turns: {script:?}") };

    let given =
        |turn: &Turn| turn.given.iter().map(|step| (step.line, step.what.clone())).collect::<Vec<_>>();
    assert_eq!(given(first), [(3, Given::Bytes(b"GET / HTTP/1.1\r\n\r\n".to_vec()))]);
    assert_eq!(given(second), [(13, Given::Clock(Duration::from_millis(200))), (14, Given::Eof)]);
    assert_eq!((first.line(), second.line()), (3, 13));

    let expected =
        |turn: &Turn| turn.expected.iter().map(|step| (step.line, step.what.clone())).collect::<Vec<_>>();
    let bytes = Expected::Bytes(b"HTTP/1.1 200 OK\r\n\r\n\x81\x02hi".to_vec());
    assert_eq!(expected(first), [(6, event("Request GET /")), (7, event("EndOfMessage")), (8, bytes)]);
    assert_eq!(expected(second), [(15, Expected::Error("408 too late (§1)".into())), (16, Expected::Close)]);
}

#[test]
fn each_side_has_its_bytes() {
    let script = script(CONVERSATION);
    assert_eq!(script.bytes(Side::Client), b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(script.bytes(Side::Server), b"HTTP/1.1 200 OK\r\n\r\n\x81\x02hi");
}

#[test]
fn repeated_bytes_are_bytes_and_stay_as_they_were_written() {
    let text = "C| 82 83 00 00 00 00\nC* 3 07   ; three of them\nS| 82 03\nS* 3 07\nC* 2 61\n";
    let repeating = script(text);
    assert_eq!(repeating.bytes(Side::Client), b"\x82\x83\0\0\0\0\x07\x07\x07aa");
    assert_eq!(repeating.bytes(Side::Server), b"\x82\x03\x07\x07\x07");
    assert_eq!(repeating.rewritten(&answers(&repeating)), text);
    let rewritten = repeating.rewritten(&[vec![Expected::HalfClose], vec![]]);
    assert_eq!(rewritten, text.replace("S| 82 03\nS* 3 07\n", "S <half-close>\n"));
}

#[test]
fn a_script_prints_as_it_was_written() {
    for text in [CONVERSATION, "", "# no line break at the end", "C: a"] {
        assert_eq!(script(text).to_string(), text);
    }
}

#[test]
fn the_same_answers_change_nothing() {
    let script = script(CONVERSATION);
    assert_eq!(script.rewritten(&answers(&script)), CONVERSATION);
}

#[test]
fn only_what_differs_is_rewritten() {
    let script = script(CONVERSATION);
    let mut answers = answers(&script);
    answers[0][1] = event("Data \"x\"");
    answers[0].insert(2, event("EndOfMessage"));
    answers[1] = vec![Expected::Bytes(b"x \ny".to_vec()), Expected::Close];

    let expected = CONVERSATION
        .replace("   = EndOfMessage", "   = Data \"x\"\n   = EndOfMessage")
        .replace("! 408 too late (§1)\n", "S: x \\n\nS: y\n");
    assert_eq!(script.rewritten(&answers), expected);
}

#[test]
fn first_answers_follow_what_was_given() {
    let bare = "C: a\n# why\n\nC: b\\n\n\n# the end";
    let answers = [vec![event("Line"), Expected::Bytes(b"ab".to_vec()), Expected::HalfClose]];
    let answered = "C: a\n# why\n\nC: b\\n\n   = Line\nS: ab\nS <half-close>\n\n# the end";
    assert_eq!(script(bare).rewritten(&answers), answered);
    assert_eq!(script("C: a").rewritten(&[vec![Expected::Reset]]), "C: a\nS <reset>\n");
}

#[test]
fn comments_among_rewritten_lines_stay() {
    let answers = [vec![event("Three")]];
    let rewritten = script("C: a\n= One\n# why\n= Two\n# end\n").rewritten(&answers);
    assert_eq!(rewritten, "C: a\n   = Three\n# why\n# end\n");
}

#[test]
fn a_server_may_speak_first() {
    let script = script("S: hello\nC: a\n");
    assert_eq!(script.turns().len(), 2);
    assert_eq!(script.rewritten(&[vec![event("Open")], vec![]]), "   = Open\nC: a\n");
    assert_eq!(script.rewritten(&[vec![], vec![]]), "C: a\n");
}

#[test]
fn errors_name_line_and_rule() {
    let refused = |text: &str, line, fault| {
        assert_eq!(text.parse::<Script>().unwrap_err(), ScriptError { line, fault }, "{text:?}");
    };
    let notation = |column, rule| Fault::Notation(NotationError { column, rule });
    refused("C: a\nD: b\n", 2, Fault::Mark);
    refused(" C: a\n", 1, Fault::Mark);
    refused("C: a\r\n", 1, notation(5, Rule::NotVisible));
    refused("C: a\\q\n", 1, notation(5, Rule::Escape));
    refused("C: a \n", 1, notation(5, Rule::SpaceAtEnd));
    refused("S| 81 0\n", 1, notation(7, Rule::HexPair));
    refused("C:a\n", 1, notation(4, Rule::NoBytes));
    refused("C:\n", 1, notation(4, Rule::NoBytes));
    refused("C* 61\n", 1, notation(7, Rule::NoBytes));
    refused("S* x 61\n", 1, notation(4, Rule::Count));
    refused("C <close>\n", 1, Fault::End);
    refused("T 15s\n", 1, Fault::Clock);
    refused("T +15m\n", 1, Fault::Clock);
    refused("T ++1s\n", 1, Fault::Clock);
    refused("T +s\n", 1, Fault::Clock);
    refused("  =\n", 1, Fault::NoText);
    refused("  = a \n", 1, notation(6, Rule::SpaceAtEnd));

    let error = "C: a\\q".parse::<Script>().unwrap_err();
    assert_eq!(error.to_string(), r"line 1, column 5: after \ comes r, n, t, \ or x and two hex digits");
}
