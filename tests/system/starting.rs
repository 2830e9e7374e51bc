//! The first line, the wrong options, and what a person is told.

use std::net::{Ipv6Addr, TcpListener};
use std::process::Command;

use crate::client::Client;
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    says_where_it_listens,
    listens_on_ipv6,
    says_that_a_port_is_taken,
    says_that_an_address_is_wrong,
    says_that_a_port_needs_privileges,
    says_that_an_option_is_unknown,
    helps_with_an_example_for_each_option,
);

fn says_where_it_listens(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (name, address) = (binary.name(), server.address);
    assert_eq!(server.first_line, format!("{name} listens on http://{address}\n"));
    assert!(address.ip().is_loopback() && address.port() != 0);
    assert_eq!(Client::connect(address).get("/echo/hi").text(), "hi");
    let finished = server.stop();
    let lines: Vec<&str> = finished.stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), 3, "{}", finished.stdout);
    assert!(lines.iter().all(|line| line.starts_with("  ")), "{}", finished.stdout);
    assert_eq!(finished.stderr, "");
}

fn listens_on_ipv6(binary: Binary) {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("this machine has no IPv6");
    }
    for given in ["::1", "[::1]"] {
        let server = Server::start(binary, &["--addr", given]);
        assert!(server.first_line.contains(" listens on http://[::1]:"), "{}", server.first_line);
        assert_eq!(Client::connect(server.address).get("/echo/hi").text(), "hi");
        assert!(Client::connect(server.address).get("/whoami").text().contains("::1"));
    }
}

fn says_that_a_port_is_taken(binary: Binary) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let line = complaint(binary, &["--port", &address.port().to_string()]);
    assert_eq!(line.matches(&address.to_string()).count(), 1, "{line}");
    assert!(line.contains("in use") && line.contains("--port"), "{line}");
}

fn says_that_an_address_is_wrong(binary: Binary) {
    for given in ["no.such.host.invalid", "300.1.2.3", "", "127.0.0.1:80"] {
        let line = complaint(binary, &["--port", "0", "--addr", given]);
        assert!(line.contains("--addr"), "{line}");
    }
    // An address for documentation (RFC 5737), which no machine has.
    let line = complaint(binary, &["--port", "0", "--addr", "192.0.2.1"]);
    assert_eq!(line.matches("192.0.2.1").count(), 1, "{line}");
    assert!(line.contains("no such address"), "{line}");
}

fn says_that_a_port_needs_privileges(binary: Binary) {
    if TcpListener::bind("127.0.0.1:1").is_ok() {
        return eprintln!("whoever runs this test may use every port");
    }
    let line = complaint(binary, &["--port", "1"]);
    assert!(line.contains("127.0.0.1:1:") && line.contains("1024"), "{line}");
}

/// Runs a server that cannot start; answers the one line that it says.
pub fn complaint(binary: Binary, options: &[&str]) -> String {
    let finished = binary.run(options);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.starts_with(&format!("{}: ", binary.name())), "{}", finished.stderr);
    finished.stderr
}

fn says_that_an_option_is_unknown(binary: Binary) {
    for (options, named) in [
        (&["--prot", "8000"][..], "--prot"),
        (&["--port", "70000"], "70000"),
        (&["--grace=-1s"], "-1s"),
        (&["--idle-timeout", "1 day"], "1 day"),
        (&["stray"], "stray"),
        (&["--sync-delay", "1s"], "--data"),
        (&["--max-data", "1000000"], "--data"),
    ] {
        let finished = binary.run(options);
        assert_eq!(finished.status.code(), Some(2), "{finished:?}");
        assert!(finished.stderr.starts_with("error: ") && finished.stderr.contains(named), "{finished:?}");
        assert_eq!(finished.stdout, "");
    }
}

fn helps_with_an_example_for_each_option(binary: Binary) {
    let help = binary.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let mut options = 0;
    // The text of an option goes on until the next one begins.
    for text in help.stdout.split("\n      --").skip(1) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" "); // lines break where the terminal ends
        let name = text.split(' ').next().expect("a name");
        assert!(text.contains(&format!("e.g. --{name}")), "no example in --{text}");
        options += 1;
    }
    assert!(options >= 13, "{}", help.stdout);
}

/// As an old kernel, a container or an administrator answers.
#[test]
fn uring_server_says_that_it_cannot_have_io_uring() {
    let is_usable = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !is_usable.is_ok_and(|status| status.success()) {
        return println!("left out: strace cannot be used here");
    }
    for (error, said) in [
        ("ENOSYS", "this kernel has no io_uring, or a sandbox hides it"),
        (
            "EPERM",
            "io_uring is forbidden here, by kernel.io_uring_disabled or by the seccomp filter of a container",
        ),
        ("EINVAL", "io_uring of this kernel is too old; Linux 6.0 will do"),
    ] {
        let inject = format!("inject=io_uring_setup:error={error}");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", &inject, Binary::Uring.path(), "--port", "0"]);
        let output = strace.output().expect("it can be used");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("uring-server: {said}\n"));
        assert!(output.stdout.is_empty());
    }
}
