//! The program as people run it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wirelab::contrast::figures::{CountedBy, Experiment, Io, Run};

use crate::uring;

fn contrast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contrast"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    contrast(arguments).output().expect("the binary was built")
}

/// The one line that it complains with.
fn complaint(arguments: &[&str]) -> String {
    let output = output(arguments);
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

#[test]
fn io_measures_every_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("text");
    let quick = ["--seconds", "0.2", "--connections", "1,8", "--rounds", "2", "--measure", "busy,idle,new"];
    let output = output(&[&["io", "--json", "--out", out], &quick[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Run = serde_json::from_slice(&output.stdout).expect("figures");
    let kept = fs::read_to_string(folder.path().join("io.json")).expect("they are kept");
    assert_eq!(serde_json::from_str::<Run>(&kept).expect("figures"), run);
    assert!(run.command.starts_with("contrast io --json") && run.machine.cores > 0);
    let Experiment::Io(io) = &run.experiment else { panic!("another experiment: {run:?}") };
    let names: Vec<_> = io.servers.iter().map(|server| server.name.as_str()).collect();
    match uring::is_here() {
        true => assert_eq!(names, ["epoll-server", "threaded-server", "uring-server"]),
        false => assert_eq!(names, ["epoll-server", "threaded-server"]),
    }
    check(io);
}

/// What has to hold on every machine.
fn check(io: &Io) {
    for server in &io.servers {
        let name = &server.name;
        assert_eq!(server.busy.iter().map(|point| point.connections).collect::<Vec<_>>(), [1, 8], "{name}");
        assert_eq!(
            server.idle.iter().map(|point| point.connections).collect::<Vec<_>>(),
            [0, 1, 8],
            "{name}"
        );
        let loads = server.busy.iter().map(|point| &point.load);
        let new = server.new_connections.as_ref().expect("they were measured");
        for load in loads.chain(server.idle.iter().map(|point| &point.load)).chain([&new.load]) {
            let (latency, rate) = (load.latency, load.requests_per_second);
            assert!(load.requests > 0 && load.errors.total() == 0, "{name}: {load:?}");
            assert!(
                latency.p50_us <= latency.p99_us && latency.p99_us <= latency.p999_us,
                "{name}: {load:?}"
            );
            assert!(
                0.0 < rate.least && rate.least <= rate.median && rate.median <= rate.most,
                "{name}: {load:?}"
            );
        }
        if cfg!(target_os = "linux") {
            let eight = server.busy[1].process.expect("it is known");
            let threads = eight.threads;
            let syscalls = eight.syscalls_per_request.expect("the servers count them");
            assert!(
                syscalls.counted_by == CountedBy::Server && syscalls.per_request > 0.0,
                "{name}: {syscalls:?}"
            );
            assert!(eight.resident_bytes > 100_000 && eight.cpu_seconds_per_100k_requests >= 0.0, "{name}");
            assert!(if name == "threaded-server" { threads > 8 } else { threads < 8 }, "{name}: {threads}");
            let idle = &server.idle[2];
            assert!(
                idle.resident_bytes.is_some_and(|bytes| bytes > 100_000)
                    && idle.resident_bytes_each.is_none()
            );
        }
    }
}

#[test]
fn tables_are_for_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("text");
    let quick = ["--seconds", "0.1", "--connections", "2", "--rounds", "1", "--only", "epoll-server"];
    let output = output(&[&["io", "--measure", "busy", "--rate", "500", "--out", out], &quick[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("500 requests per second by the clock"), "{text}");
    let row = text.lines().find(|line| line.starts_with("epoll-server")).expect("a row");
    assert_eq!(row.split_whitespace().nth(1), Some("2"), "{text}");
}

#[test]
fn another_server_is_measured_by_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/mine", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut bytes = [0; 1024];
                while stream.read(&mut bytes).is_ok_and(|count| count > 0) {
                    let is_mine = bytes.starts_with(b"GET /mine HTTP/1.1\r\n");
                    let status = if is_mine { "200 OK" } else { "404 Not Found" };
                    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                }
            });
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("text");
    let (server, pid) = (format!("mine={url}"), format!("mine={}", std::process::id()));
    let named = ["io", "--json", "--out", out, "--only", "mine", "--server", &server, "--pid", &pid];
    let quick = ["--measure", "busy,blocked", "--connections", "2", "--seconds", "0.1", "--rounds", "1"];
    let output = output(&[&named[..], &quick].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Run = serde_json::from_slice(&output.stdout).expect("figures");
    let Experiment::Io(io) = &run.experiment else { panic!("another experiment: {run:?}") };
    let [mine] = &io.servers[..] else { panic!("not one server: {run:?}") };
    assert_eq!((mine.name.as_str(), mine.url.as_deref()), ("mine", Some(url.as_str())));
    assert!(mine.busy[0].load.requests > 0 && mine.busy[0].load.errors.total() == 0, "{run:?}");
    assert_eq!(mine.busy[0].process.is_some(), cfg!(target_os = "linux"));
    // What it does not have is left out, and said.
    assert!(mine.blocked.is_none());
    assert!(run.remarks.iter().any(|remark| remark.contains("is answered with status 404")), "{run:?}");
}

#[test]
fn more_connections_than_descriptors_are_said_to_be_too_many() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "ulimit -n 300; exec '{}' io --json --out '{}' --only epoll-server --measure busy --connections 2,1000 \
         --seconds 0.1 --rounds 1",
        env!("CARGO_BIN_EXE_contrast"),
        folder.path().display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run: Run = serde_json::from_slice(&output.stdout).expect("figures");
    let Experiment::Io(io) = &run.experiment else { panic!("another experiment: {run:?}") };
    let counts: Vec<_> = io.servers[0].busy.iter().map(|point| point.connections).collect();
    assert_eq!(counts, [2, 200]);
    assert!(run.remarks.iter().any(|remark| remark.contains("300 descriptors")), "{run:?}");
}

#[test]
fn an_address_without_a_server_gets_one_clear_line() {
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let server = format!("mine=http://{address}/x");
    let line = complaint(&["io", "--only", "mine", "--server", &server]);
    assert!(line.starts_with(&format!("contrast: cannot measure http://{address}/x: ")), "{line}");
    assert!(line.contains("refused"), "{line}");
}

#[test]
fn options_that_cannot_be_obeyed_get_one_clear_line() {
    for (arguments, expected) in [
        (&["--only", "nobody"][..], "--only nobody: there are epoll-server, threaded-server, uring-server"),
        (&["--server", "http://127.0.0.1/"], "--server http://127.0.0.1/: such as --server nginx=http://"),
        (&["--server", "a=127.0.0.1"], "127.0.0.1: an address begins with http://"),
        (&["--pid", "nginx=7"], "--pid nginx=…: there is no --server nginx=URL"),
    ] {
        let line = complaint(&[&["io"], arguments].concat());
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn an_interrupt_leaves_no_server_behind() {
    for signal in ["INT", "TERM"] {
        let mut child =
            contrast(&["io", "--seconds", "60", "--connections", "4"]).spawn().expect("it was built");
        // The first servers are only asked whether they are there: one that has connections is being measured.
        until(&mut child, |pid| children(pid).iter().any(|server| sockets(*server) > 4));
        let started = children(child.id());
        let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(status.expect("kill is everywhere").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let line = String::from_utf8(output.stderr).expect("text");
        assert!(line.contains("contrast: interrupted"), "{line}");
        assert!(!started.iter().any(|pid| is_a_server(*pid)), "{started:?} live on");
    }
}

fn until(child: &mut Child, condition: impl Fn(u32) -> bool) {
    let start = Instant::now();
    while !condition(child.id()) {
        assert!(start.elapsed() < PATIENCE && child.try_wait().expect("it was started").is_none());
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes that a process has started and that live.
fn children(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("Linux").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| fields(*child).is_some_and(|fields| fields[1] == pid.to_string())).collect()
}

/// Whether it is a process of the lab, and no other one that has its number by now.
fn is_a_server(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.contains("-server") && fields(pid).is_some_and(|fields| fields[0] != "Z")
}

/// What stands in `stat` behind the name: the state, the parent, and more.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    Some(behind_name.split_whitespace().map(str::to_owned).collect())
}

fn sockets(pid: u32) -> usize {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
