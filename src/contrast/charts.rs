//! Which charts show what came of a run.

mod io;
mod news;

use super::figures::{Experiment, Run};
use super::plot::{Chart, Look};
use super::shown::place;

/// A chart and the name of its file.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub chart: Chart,
}

/// Everything of a run that can be drawn.
pub fn of_run(run: &Run) -> Vec<Named> {
    let mut charts = match &run.experiment {
        Experiment::Io(io) => io::charts(io),
        Experiment::Patterns(patterns) => news::of_patterns(patterns),
        Experiment::Push(push) => news::of_push(push),
    };
    charts.iter_mut().for_each(|named| named.chart.footer = place(run));
    charts
}

/// A server looks the same in all charts, whichever others were measured.
fn look_of_server(name: &str, place: usize) -> Look {
    let known = ["epoll-server", "threaded-server", "uring-server"];
    Look::solid(known.iter().position(|known| name == *known).unwrap_or(known.len() + place))
}
