//! What counts as passed. The suite itself is content with less.

use serde_json::Value;

use super::suite::Run;

/// A line for each case that is not as it has to be.
pub fn faults(run: &Run) -> Vec<String> {
    let wanted = run.selection.cases();
    let all_planned = (run.planned.len() != wanted)
        .then(|| format!("the suite planned {} cases, and there are {wanted}", run.planned.len()));
    all_planned.into_iter().chain(run.planned.iter().filter_map(|case| fault(case, run))).collect()
}

fn fault(case: &str, run: &Run) -> Option<String> {
    let result = &run.results[case];
    let Some(behavior) = result["behavior"].as_str() else { return Some(format!("{case}: was not run")) };
    let closing = result["behaviorClose"].as_str().unwrap_or("nothing");
    let wanted = if INFORMATIONAL.contains(&case) { "INFORMATIONAL" } else { "OK" };
    let file = result["reportfile"].as_str().unwrap_or("index.json");
    let page = run.report.join(file).with_extension("html");
    ((behavior, closing) != (wanted, wanted))
        .then(|| format!("{case}: {behavior}, closing: {closing}; see {}", page.display()))
}

/// Where the RFC leaves open what is right: a Close behind a message that is still being echoed, and the codes 5000
/// and 65535.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

mod tests {
    use serde_json::json;

    use super::super::suite::Selection;
    use super::*;

    /// A run in which everything is as it has to be.
    fn passed() -> Run {
        let mut run = Run {
            selection: Selection::Whole,
            planned: INFORMATIONAL.map(str::to_owned).to_vec(),
            results: json!({}),
            report: "report".into(),
        };
        run.planned.extend((1..=514).map(|number| format!("1.1.{number}")));
        for case in &run.planned {
            run.results[case] = result("OK", "OK");
        }
        for case in INFORMATIONAL {
            run.results[case] = result("INFORMATIONAL", "INFORMATIONAL");
        }
        run
    }

    fn result(behavior: &str, closing: &str) -> Value {
        json!({ "behavior": behavior, "behaviorClose": closing, "reportfile": "server_case_1_1_7.json" })
    }

    #[test]
    fn all_cases_as_they_have_to_be_are_no_fault() {
        assert_eq!(faults(&passed()), [""; 0]);
    }

    #[test]
    fn everything_else_than_ok_is_a_fault() {
        for other in ["NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"] {
            let mut run = passed();
            run.results["1.1.7"] = result(other, "OK");
            let expected = format!("1.1.7: {other}, closing: OK; see report/server_case_1_1_7.html");
            assert_eq!(faults(&run), [expected]);
        }
        for other in ["FAILED", "WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "INFORMATIONAL"] {
            let mut run = passed();
            run.results["1.1.7"] = result("OK", other);
            let expected = format!("1.1.7: OK, closing: {other}; see report/server_case_1_1_7.html");
            assert_eq!(faults(&run), [expected]);
        }
    }

    #[test]
    fn a_case_that_was_not_run_is_a_fault() {
        let mut run = passed();
        run.results.as_object_mut().unwrap().remove("1.1.7");
        assert_eq!(faults(&run), ["1.1.7: was not run"]);
    }

    #[test]
    fn a_suite_of_fewer_cases_is_a_fault() {
        let mut run = passed();
        run.planned.pop();
        assert_eq!(faults(&run), ["the suite planned 516 cases, and there are 517"]);
    }
}
