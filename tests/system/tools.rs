//! Other people's clients. One that is not installed is named; it has to be there where `CI` is `true`.

use std::env;
use std::fs;
use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::client::{Client, get, stat};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    answers_curl_many_times_in_parallel,
    answers_curl_with_old_and_new_versions,
    takes_what_curl_uploads,
    keeps_what_curl_uploads_as_an_image,
    answers_nc,
    answers_telnet,
);

/// Runs a tool and gives it `input`; `None` if it is not installed.
fn run(name: &str, options: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(name);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound && env::var("CI").as_deref() != Ok("true") => {
            eprintln!("{name} is not installed");
            return None;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = thread::scope(|scope| {
        // Beside reading, or both would wait; and telnet takes the end of its input for the end of everything.
        let writer = scope.spawn(move || {
            let _ = stdin.write_all(input.as_bytes());
            (name == "telnet").then_some(stdin)
        });
        let output = child.wait_with_output();
        drop(writer.join());
        output
    });
    Some(output.expect("the tool ends"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn answers_curl_many_times_in_parallel(binary: Binary) {
    let server = Server::start(binary, &[]);
    let url = format!("http://{}/echo/[1-300]", server.address);
    let directory = tempfile::tempdir().expect("a directory");
    let files = directory.path().join("#1").display().to_string();
    let options = ["-sS", "--max-time", "30", "--parallel", "--parallel-max", "20", "-o", &files, &url];
    let Some(output) = run("curl", &options, "") else { return };
    assert!(output.status.success(), "{output:?}");
    for number in 1..=300 {
        let content = fs::read_to_string(directory.path().join(number.to_string())).expect("a file");
        assert_eq!(content, number.to_string());
    }
    // They were asked for on the connections that were there.
    let accepted = stat(&mut Client::connect(server.address), "accepted");
    assert!(accepted <= 41, "{accepted} connections");
}

fn answers_curl_with_old_and_new_versions(binary: Binary) {
    let server = Server::start(binary, &[]);
    let url = format!("http://{}/stream/3", server.address);
    let lines = "line 1 of 3\nline 2 of 3\nline 3 of 3\n";
    // HTTP/1.0 connects again; the others do not, and an upgrade that was offered is passed over.
    for (version, connects) in [("--http1.0", 1), ("--http1.1", 0), ("--http2", 0)] {
        let written = "%{http_version} %{num_connects}\n";
        let options = ["-sS", "--max-time", "30", version, "-w", written, &url, &url];
        let Some(output) = run("curl", &options, "") else { return };
        assert!(output.status.success(), "{version}: {output:?}");
        assert_eq!(stdout(&output), format!("{lines}1.1 1\n{lines}1.1 {connects}\n"), "{version}");
    }
}

fn takes_what_curl_uploads(binary: Binary) {
    let server = Server::start(binary, &[]);
    let url = format!("http://{}/echo", server.address);
    let content = "0123456789abcdef".repeat(200_000);
    // From standard input in chunks; and with a length, after a 100 (Continue).
    for options in [
        &["-sS", "--max-time", "30", "-T", "-", &url][..],
        &["-sS", "--max-time", "30", "-H", "Expect: 100-continue", "--data-binary", "@-", &url],
    ] {
        let Some(output) = run("curl", options, &content) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout(&output) == content, "{} bytes came back", output.stdout.len());
    }
}

/// Large enough for curl to ask first (100), in chunks, and then back in parts and not again.
fn keeps_what_curl_uploads_as_an_image(binary: Binary) {
    let home = crate::images::Home::new();
    let server = home.start(binary, &[]);
    let url = format!("http://{}/images", server.address);
    let content = "0123456789abcdef".repeat(200_000);
    let curl = |options: &[&str], input: &str| {
        let options = [&["-sS", "--max-time", "30", "-w", "%{http_code}"], options].concat();
        let output = run("curl", &options, input)?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(stdout(&output))
    };
    let image = ["-H", "Content-Type: image/png"];
    let Some(said) = curl(&[&image[..], &["--data-binary", "@-", &url]].concat(), &content) else { return };
    let path = said.strip_suffix("\n201").expect("a path and a status");
    let again = curl(&[&image[..], &["-X", "POST", "-T", "-", &url]].concat(), &content);
    assert_eq!(again, Some(format!("{path}\n303")));
    let url = format!("http://{}{path}", server.address);
    assert_eq!(curl(&["-r", "3000000-", &url], ""), Some(content[3_000_000..].to_owned() + "206"));
    let tag = format!("If-None-Match: \"{}\"", path.rsplit('/').next().unwrap_or_default());
    assert_eq!(curl(&["-H", &tag, &url], "").as_deref(), Some("304"));
    assert!(curl(&[&url], "") == Some(content + "200"));
}

fn answers_nc(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let requests = get("/echo/one") + &get("/delay/100ms") + &get("/echo/two");
    let Some(output) = run("nc", &["-N", "-w", "30", &host, &port], &requests) else { return };
    let text = stdout(&output);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{text}");
    assert!(text.ends_with("\r\n\r\ntwo"), "{text}");
}

fn answers_telnet(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    // Typed: telnet makes CRLF of each line's end.
    let typed = "GET /echo/typed HTTP/1.1\nHost: lab\nConnection: close\n\n";
    let Some(output) = run("telnet", &[&host, &port], typed) else { return };
    assert!(stdout(&output).contains("typed"), "{output:?}");
}
