//! What a note shows, compared with what was printed.

/// Whether `actual` is what `expected` shows: `…` stands for any text in a line, a line `...` for any lines.
///
/// Blanks and CR at the end of a line cannot be seen, and are not compared.
pub fn matches(expected: &str, actual: &str) -> bool {
    let visible = |text: &str| -> Vec<String> {
        let text = text.trim_matches(['\r', '\n']);
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    };
    match_lines(&visible(expected), &visible(actual))
}

fn match_lines(expected: &[String], actual: &[String]) -> bool {
    match (expected.split_first(), actual.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((line, others)), _) if line == "..." => {
            (0..=actual.len()).any(|skipped| match_lines(others, &actual[skipped..]))
        }
        (Some(_), None) => false,
        (Some((line, others)), Some((printed, rest))) => {
            match_line(line, printed) && match_lines(others, rest)
        }
    }
}

fn match_line(expected: &str, actual: &str) -> bool {
    let Some((before, behind)) = expected.split_once('…') else { return expected == actual };
    let Some(rest) = actual.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| match_line(behind, &rest[at..]))
}

#[test]
fn what_varies_may_vary_and_nothing_else() {
    assert!(matches("X-Conn: …\n...\nhi", "X-Conn: 12\r\nX-Req: 1\r\n\r\nhi\n"));
    assert!(matches("a…c", "abbbc"));
    assert!(matches("...", ""));
    assert!(!matches("a…c", "abbb"));
    assert!(!matches("", "bash: nc: command not found"));
    assert!(!matches("one\n...\nthree", "one\ntwo"));
}
