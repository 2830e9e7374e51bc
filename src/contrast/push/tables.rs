//! Fan-out, for people.

use crate::contrast::figures::{FanOut, Push, Pushed};
use crate::contrast::table::{Shown, Table, count, number, number_or_dash};

/// Two tables for each server: those who read, and those who are slow.
pub fn tables(push: &Push) -> Vec<Shown> {
    push.servers
        .iter()
        .flat_map(|server| [readers(server), slow_ones(server)])
        .filter(|shown| !shown.table.is_empty())
        .collect()
}

fn readers(server: &Pushed) -> Shown {
    let mut table = Table::new(&[
        "way",
        "subscribers",
        "slow",
        "deliveries/s",
        "last late ms, mean",
        "p99",
        "CPU ms",
        "MB before",
        "MB at most",
        "lost",
        "doubled",
    ]);
    for fan_out in &server.fan_outs {
        let megabytes = |bytes: Option<u64>| number_or_dash(bytes.map(|bytes| bytes as f64 / 1e6));
        let mut row = vec![fan_out.way.clone()];
        row.extend([fan_out.subscribers, fan_out.slow].map(|crowd| count(crowd as u64)));
        row.push(number(fan_out.deliveries_per_second));
        row.extend([fan_out.lateness_of_last.mean_ms, fan_out.lateness_of_last.p99_ms].map(number));
        row.push(number_or_dash(fan_out.cpu_ms));
        row.extend([fan_out.resident_bytes_before, fan_out.resident_bytes_most].map(megabytes));
        row.extend([fan_out.lost, fan_out.doubled].map(count));
        table.push(row);
    }
    Shown {
        title: format!("{}. What those get who read.", server.name),
        table,
        look: "Look at deliveries/s and memory with and without slow ones: they must not cost the others anything.",
    }
}

fn slow_ones(server: &Pushed) -> Shown {
    let mut table =
        Table::new(&["way", "subscribers", "slow", "caught up", "told of a gap", "closed as slow", "cut"]);
    for FanOut { way, subscribers, slow, fates, .. } in
        server.fan_outs.iter().filter(|fan_out| fan_out.slow > 0)
    {
        let mut row = vec![way.clone()];
        let counts =
            [*subscribers, *slow, fates.caught_up, fates.told_of_gap, fates.closed_as_slow, fates.cut];
        row.extend(counts.map(|crowd| count(crowd as u64)));
        table.push(row);
    }
    Shown {
        title: format!("{}. What became of the slow ones, once they read on.", server.name),
        table,
        look: "Look whether anybody was cut without a word: news may be missing, but not in silence.",
    }
}
