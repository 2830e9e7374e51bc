//! The bills, for people.

use crate::contrast::figures::{Bill, Patterns, Watched};
use crate::contrast::table::{Shown, Table, count, number, number_or_dash};

/// A table for each server and what was watched there.
pub fn tables(patterns: &Patterns) -> Vec<Shown> {
    let mut tables = Vec::new();
    for server in &patterns.servers {
        for watched in [Watched::Topic, Watched::Job] {
            let mut table = Table::new(HEAD);
            server.bills.iter().filter(|bill| bill.watched == watched).for_each(|bill| table.push(row(bill)));
            if !table.is_empty() {
                tables.push(Shown { title: title(&server.name, watched), table, look: look(watched) });
            }
        }
    }
    tables
}

fn title(server: &str, watched: Watched) -> String {
    let what = match watched {
        Watched::Topic => "A topic, each event of which is to be heard",
        Watched::Job => "A job, of which only the latest state matters",
    };
    format!("{server}. {what}; requests, bytes, packets and news are those of one watcher.")
}

fn look(watched: Watched) -> &'static str {
    match watched {
        Watched::Topic => {
            "Look at bytes and lateness together: what a poll saves in one it pays in the other."
        }
        Watched::Job => {
            "Look at the news: a poll that is slower than the job misses steps, and is late for the rest."
        }
    }
}

const HEAD: &[&str] = &[
    "way",
    "watchers",
    "requests",
    "bytes up",
    "bytes down",
    "packets",
    "news",
    "late ms, mean",
    "p50",
    "p99",
    "CPU ms, all",
    "lost",
    "doubled",
];

fn row(bill: &Bill) -> Vec<String> {
    let packets = bill.packets_up.zip(bill.packets_down).map(|(up, down)| bill.each(up + down));
    let mut row = vec![bill.way.clone(), count(bill.watchers as u64)];
    row.extend([bill.requests, bill.bytes_up, bill.bytes_down].map(|all| number(bill.each(all))));
    row.extend([number_or_dash(packets), number(bill.each(bill.told))]);
    row.extend([bill.lateness.mean_ms, bill.lateness.p50_ms, bill.lateness.p99_ms].map(number));
    row.push(number_or_dash(bill.cpu_ms));
    row.extend([bill.lost, bill.doubled].map(count));
    row
}
