//! Takes the bytes of one side out of a script: `wire FIXTURE | nc 127.0.0.1 8000`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use wirelab::wire::hexdump::print_rows;
use wirelab::wire::notation::Side;
use wirelab::wire::script::Script;

/// Prints the bytes that the client sends in a script, raw.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Options {
    /// The script, a `.wire` file; `-` reads standard input
    fixture: PathBuf,

    /// Print what the server is expected to send instead
    #[arg(long)]
    server: bool,

    /// Print rows of hex instead of raw bytes
    #[arg(long)]
    hex: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo run --bin wire -- fixtures/http/three-pipelined-requests-are-answered-in-order.wire | nc -N 127.0.0.1 8000
  printf 'C: GET / HTTP/1.1\\\\r\\\\n\\n' | cargo run --bin wire -- --hex -";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wire: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let name = options.fixture.display();
    let text = read(&options.fixture).map_err(|error| format!("{name}: {error}"))?;
    let script: Script = text.parse().map_err(|error| format!("{name}: {error}"))?;

    let mut bytes = script.bytes(if options.server { Side::Server } else { Side::Client });
    if options.hex {
        let mut rows = String::new();
        print_rows(&bytes, &mut rows);
        bytes = rows.into_bytes();
    }
    match io::stdout().lock().write_all(&bytes) {
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| format!("standard output: {error}")),
    }
}

fn read(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(path)
}
