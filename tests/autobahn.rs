//! The servers, judged by the test suite that WebSocket implementations are compared by.
//!
//! ```sh
//! cargo test --test autobahn                  # all but compression, and a sample of that
//! cargo test --test autobahn -- --ignored     # all 517 cases, in about half an hour
//! ```
//!
//! Each run leaves the suite's report, with every frame of every case, in `target/tmp/autobahn-…/report/index.html`.

#[path = "support/install.rs"]
mod install;
#[path = "support/server.rs"]
mod server;
#[path = "autobahn/suite.rs"]
mod suite;
#[path = "support/uring.rs"]
mod uring;
#[path = "autobahn/verdict.rs"]
mod verdict;

use install::or_leave_out;
use server::Server;
use suite::Selection;

#[test]
fn epoll_server_passes() {
    judge("epoll-server", env!("CARGO_BIN_EXE_epoll-server"), Selection::Sample);
}

#[test]
fn threaded_server_passes() {
    judge("threaded-server", env!("CARGO_BIN_EXE_threaded-server"), Selection::Sample);
}

#[test]
fn uring_server_passes() {
    if uring::is_here() {
        judge("uring-server", env!("CARGO_BIN_EXE_uring-server"), Selection::Sample);
    }
}

#[test]
#[ignore = "takes half an hour"]
fn epoll_server_passes_every_case() {
    judge("epoll-server", env!("CARGO_BIN_EXE_epoll-server"), Selection::Whole);
}

#[test]
#[ignore = "takes half an hour"]
fn threaded_server_passes_every_case() {
    judge("threaded-server", env!("CARGO_BIN_EXE_threaded-server"), Selection::Whole);
}

#[test]
#[ignore = "takes half an hour"]
fn uring_server_passes_every_case() {
    if uring::is_here() {
        judge("uring-server", env!("CARGO_BIN_EXE_uring-server"), Selection::Whole);
    }
}

fn judge(name: &str, binary: &str, selection: Selection) {
    let Some(wstest) = or_leave_out(suite::WSTEST.clone()) else { return };
    let server = Server::start(binary, &[]);
    let run = suite::run(&wstest, name, &format!("ws://{}/ws/echo", server.address), selection);
    let faults = verdict::faults(&run);
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), run.planned.len(), faults.join("\n"));
}
