//! Measures what each way to wait costs, on this machine.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wirelab::contrast::failure::Failure;
use wirelab::contrast::figures::Run;
use wirelab::contrast::interrupt::Interrupt;
use wirelab::contrast::options::Options;
use wirelab::contrast::{io as of_io, patterns, push, report, shown};

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
    /// The same news, asked for now and then, waited for, or told: the bill
    #[command(after_help = patterns::HELP)]
    Patterns(patterns::Options),
    /// One publishes, many are told, and some of them are slow
    #[command(after_help = push::HELP)]
    Push(push::Options),
}

const EXAMPLES: &str = "\
Examples:
  cargo run --release --bin contrast -- io
  cargo run --release --bin contrast -- io --seconds 0.2 --connections 1,100
  cargo run --release --bin contrast -- patterns --only epoll-server
  cargo run --release --bin contrast -- push --subscribers 10,100
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
    let (run, options) = match &arguments.experiment {
        Choice::Io(options) => (of_io::run(options, command(), &interrupt)?, &options.common),
        Choice::Patterns(options) => (patterns::run(options, command(), &interrupt)?, &options.common),
        Choice::Push(options) => (push::run(options, command(), &interrupt)?, &options.common),
    };
    print(&run, options)?;
    report::keep(&run, &options.out)?;
    eprintln!("{NAME}: figures and plots are in {}", options.out.join(report::PAGE).display());
    Ok(())
}

fn print(run: &Run, options: &Options) -> Result<(), Failure> {
    let text = match options.json {
        true => serde_json::to_string_pretty(run).map(|json| format!("{json}\n")),
        false => Ok(shown::text(run)),
    };
    let text = text.map_err(|error| Failure::cannot("write JSON", error))?;
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::cannot("print the figures", error)),
    }
}

/// As it was typed, but for where this program is.
fn command() -> String {
    let arguments = env::args().skip(1);
    [NAME.to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

const NAME: &str = "contrast";

/// As shells have it: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;
