//! What came of a run, in the words and figures that people read: the same for the terminal and for the page.

use std::fmt::Write;

use super::figures::{Experiment, Run};
use super::table::{Shown, count, number};
use super::{io, patterns, push};

/// Everything of a run, table by table.
pub fn tables(run: &Run) -> Vec<Shown> {
    match &run.experiment {
        Experiment::Io(of_io) => io::tables(of_io),
        Experiment::Patterns(of_patterns) => patterns::tables(of_patterns),
        Experiment::Push(of_push) => push::tables(of_push),
    }
}

/// Everything of a run, as text.
pub fn text(run: &Run) -> String {
    let mut text = format!("{}: {}\n{}\n", run.command, terms(run), place(run));
    for Shown { title, table, look } in tables(run) {
        let _ = write!(text, "\n{title}\n{table}{look}\n");
    }
    if !run.remarks.is_empty() {
        text.push_str("\nRemarks\n");
        run.remarks.iter().for_each(|remark| text.push_str(&format!("- {remark}\n")));
    }
    text
}

/// How it was measured.
pub fn terms(run: &Run) -> String {
    let (placement, how) = (
        &run.placement,
        match &run.experiment {
            Experiment::Io(io) => format!("medians of {} rounds of {} s", io.rounds, io.seconds),
            Experiment::Patterns(patterns) => {
                format!("{} events or steps, one in {} ms", patterns.events, number(patterns.every_ms))
            }
            Experiment::Push(push) => format!(
                "{} events of {} bytes, up to {} of them under way",
                push.events,
                count(push.data_bytes as u64),
                push.window
            ),
        },
    );
    match (placement.server_core, placement.client_core) {
        (Some(server), Some(client)) => format!("{how}, servers on core {server}, client on core {client}"),
        _ => format!("{how}, servers and client wherever the system puts them"),
    }
}

/// Where and when it was measured.
pub fn place(run: &Run) -> String {
    let machine = &run.machine;
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    format!("{}, {cores}, {}, {}", machine.processor, machine.system, run.date)
}
