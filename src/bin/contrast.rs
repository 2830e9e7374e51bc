//! Measures what each way to wait costs, on this machine.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wirelab::contrast::failure::Failure;
use wirelab::contrast::figures::{Experiment, Run};
use wirelab::contrast::interrupt::Interrupt;
use wirelab::contrast::{io as of_io, options::Options};

/// Measures what each way to wait costs: starts the servers, asks them, and draws what comes of it
#[derive(Parser)]
#[command(version, name = NAME, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    experiment: Choice,
}

#[derive(Subcommand)]
enum Choice {
    /// The same requests to servers that wait in different ways
    #[command(after_help = of_io::HELP)]
    Io(of_io::Options),
}

const EXAMPLES: &str = "\
Examples:
  cargo run --release --bin contrast -- io
  cargo run --release --bin contrast -- io --seconds 0.2 --connections 1,100
  cargo run --release --bin contrast -- io --help";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{NAME}: {failure}");
            match failure {
                Failure::Interrupted => ExitCode::from(INTERRUPTED),
                Failure::Because(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let interrupt = Interrupt::on_signals().map_err(|error| Failure::cannot("hear signals", error))?;
    match &arguments.experiment {
        Choice::Io(options) => keep(&of_io::run(options, command(), &interrupt)?, &options.common),
    }
}

/// Prints the figures, and writes them where plots are drawn from.
fn keep(run: &Run, options: &Options) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(run).map_err(|error| Failure::cannot("write JSON", error))?;
    let (name, tables) = match &run.experiment {
        Experiment::Io(io) => ("io", of_io::tables(run, io)),
    };
    let text = if options.json { format!("{json}\n") } else { tables };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result.map_err(|error| Failure::cannot("print the figures", error))?,
    }
    let path = options.out.join(format!("{name}.json"));
    fs::create_dir_all(&options.out)
        .and_then(|()| fs::write(&path, json))
        .map_err(|error| Failure::cannot(format_args!("write {}", path.display()), error))
}

/// As it was typed, but for where this program is.
fn command() -> String {
    let arguments = env::args().skip(1);
    [NAME.to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

const NAME: &str = "contrast";

/// As shells have it: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;
