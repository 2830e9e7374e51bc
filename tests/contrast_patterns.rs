//! `contrast patterns` and `contrast push`, in short: everybody hears of everything, what is counted adds up, and what is
//! drawn can be read. Nothing here says how fast or how late anything is.

#[path = "support/uring.rs"]
mod uring;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use wirelab::contrast::figures::{Bill, Experiment, FanOut, Patterns, Push, Run, Watched};

/// Runs `contrast` to its end; what it draws goes to this folder.
fn contrast(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contrast"));
    command.args(arguments).args(["--only", &servers().join(",")]).arg("--out").arg(folder);
    command.stdin(Stdio::null()).output().expect("the binary was built")
}

fn servers() -> Vec<&'static str> {
    let mut servers = vec!["epoll-server", "threaded-server"];
    servers.extend(uring::is_here().then_some("uring-server"));
    servers
}

/// The figures that it prints, and keeps.
fn figures(arguments: &[&str], folder: &Path) -> Run {
    let output = contrast(&[arguments, &["--json"]].concat(), folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Run = serde_json::from_slice(&output.stdout).expect("figures");
    let kept = fs::read(folder.join(run.experiment.name()).with_extension("json")).expect("they are kept");
    assert_eq!(serde_json::from_slice::<Run>(&kept).expect("figures"), run);
    assert_eq!(run.remarks.iter().filter(|remark| remark.contains("lost")).count(), 0, "{:?}", run.remarks);
    run
}

fn patterns(arguments: &[&str], folder: &Path) -> Patterns {
    match figures(arguments, folder).experiment {
        Experiment::Patterns(patterns) => patterns,
        other => panic!("another experiment: {other:?}"),
    }
}

const QUICK: &[&str] =
    &["patterns", "--watchers", "1,7", "--events", "6", "--every", "20ms", "--polls", "10ms,50ms"];

#[test]
fn everybody_hears_of_everything_in_every_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let patterns = patterns(QUICK, folder.path());
    assert_eq!((patterns.events, patterns.every_ms, patterns.servers.len()), (6, 20.0, servers().len()));
    for server in &patterns.servers {
        let bills = &server.bills;
        assert_eq!(bills.len(), 2 * 5 * 2, "{}: two feeds, five ways, two crowds", server.name);
        for bill in bills {
            check(&server.name, bill);
        }
        check_order(
            &server.name,
            bills.iter().filter(|bill| bill.watched == Watched::Topic && bill.watchers == 7),
        );
    }
}

/// What holds for every bill.
fn check(server: &str, bill: &Bill) {
    let (watchers, about) = (bill.watchers as u64, format!("{server}: {bill:?}"));
    assert_eq!((bill.lost, bill.doubled), (0, 0), "{about}");
    match bill.watched {
        Watched::Topic => {
            assert_eq!(bill.told, 6 * watchers, "{about}");
            assert!(bill.lateness.mean_ms > 0.0, "{about}");
        }
        // On a busy machine a job may be over before anybody has asked.
        Watched::Job => assert!((watchers..=6 * watchers).contains(&bill.told), "{about}"),
    }
    match bill.is_push {
        true => assert_eq!(bill.requests, watchers, "{about}"),
        false => assert!(bill.requests >= watchers, "{about}"),
    }
    assert!(bill.bytes_up >= bill.requests * 40 && bill.bytes_down > bill.told * 10, "{about}");
    let late = bill.lateness;
    assert!(late.p50_ms <= late.p99_ms && late.p99_ms <= late.max_ms * 1.01, "{about}");
    if cfg!(target_os = "linux") {
        // The request, and whatever it takes to open a connection.
        assert!(bill.packets_up.expect("counted") >= bill.requests + watchers, "{about}");
        assert!(bill.packets_down.expect("counted") > watchers && bill.cpu_ms.is_some(), "{about}");
    }
}

/// What is told takes fewer bytes down than what is asked for, and a frame fewer than an event of a stream.
fn check_order<'b>(server: &str, bills: impl Iterator<Item = &'b Bill>) {
    let down: BTreeMap<&str, u64> = bills.map(|bill| (bill.way.as_str(), bill.bytes_down)).collect();
    let [long, stream, frames] = ["long poll", "event stream", "WebSocket"].map(|way| down[way]);
    assert!(frames < stream && stream < long, "{server}: {down:?}");
}

#[test]
fn those_who_read_get_everything_whatever_the_slow_ones_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["push", "--subscribers", "6", "--slow", "50%", "--events", "500"];
    let Experiment::Push(push) = figures(&arguments, folder.path()).experiment else { panic!("no push") };
    assert_eq!((push.events, push.data_bytes), (500, 4096));
    for server in &push.servers {
        let crowds: Vec<_> = server.fan_outs.iter().map(|crowd| (crowd.way.as_str(), crowd.slow)).collect();
        assert_eq!(crowds, [("event stream", 0), ("event stream", 3), ("WebSocket", 0), ("WebSocket", 3)]);
        server.fan_outs.iter().for_each(|crowd| check_crowd(&server.name, crowd, &push));
    }
}

fn check_crowd(server: &str, crowd: &FanOut, push: &Push) {
    let (fates, about) = (crowd.fates, format!("{server}: {crowd:?}"));
    assert_eq!((crowd.subscribers, crowd.lost, crowd.doubled), (6, 0, 0), "{about}");
    let readers = (crowd.subscribers - crowd.slow) as f64;
    let deliveries = crowd.deliveries_per_second * crowd.seconds;
    assert!((deliveries - push.events as f64 * readers).abs() < 1.0, "{about}");
    assert_eq!(fates.caught_up + fates.told_of_gap + fates.closed_as_slow, crowd.slow, "{about}");
    assert_eq!(fates.cut, 0, "nobody is cut without a word, {about}");
    match crowd.way.as_str() {
        "WebSocket" => assert_eq!(fates.told_of_gap, 0, "{about}"),
        _ => assert_eq!(fates.closed_as_slow, 0, "{about}"),
    }
    if let (Some(before), Some(most)) = (crowd.resident_bytes_before, crowd.resident_bytes_most) {
        assert!(before <= most, "{about}");
    }
}

/// The page is one file, asks nobody for anything and runs nothing; the plots stand in it and beside it.
#[test]
fn the_page_carries_all_that_it_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let quick = ["--watchers", "2", "--events", "3", "--every", "5ms", "--polls", "5ms"];
    let output = contrast(&[&["patterns", "--watch", "topic"], &quick[..]].concat(), folder.path());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().any(|line| line.starts_with("WebSocket ")), "a table for people: {text}");

    let page = fs::read_to_string(folder.path().join("report.html")).expect("a page");
    for foreign in ["<script", "<link", "<img", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let svg = fs::read_to_string(folder.path().join("bill-topic-epoll-server.svg")).expect("a plot");
    assert!(page.contains(svg.trim_end()), "the plot stands in the page");
    for text in
        ["lateness in milliseconds", "bytes for an event and a watcher, both ways", "WebSocket", "poll, 5ms"]
    {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    for name in ["contrast patterns --watch topic", "long poll", "core"] {
        assert!(page.contains(name), "{name}");
    }
}

#[test]
fn what_cannot_be_measured_gets_one_clear_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = contrast(&["push", "--server", "mine=http://127.0.0.1:9/", "--only", "mine"], folder.path());
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("only servers of the lab have topics"), "{stderr}");
    for wrong in
        [&["patterns", "--every", "5"][..], &["patterns", "--watchers", "0"], &["push", "--slow", "100%"]]
    {
        assert_eq!(contrast(wrong, folder.path()).status.code(), Some(2), "{wrong:?}");
    }
}
