//! A script played to something, its client's bytes cut in every way that they may be cut on their way.

use wirelab::wire::script::{Expected, Given, Script, Turn};

use super::player::Player;

/// Where the client's bytes are cut; a block of them is never joined with the block of another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Whole,
    /// In two, at an offset in all that the client sends.
    At(usize),
    EveryByte,
}

impl Cut {
    /// Every cut that makes a difference to a script: deep inside of a repetition, one is like its neighbours.
    pub fn all(script: &Script) -> Vec<Cut> {
        let mut cuts = vec![Cut::Whole, Cut::EveryByte];
        let mut start = 0;
        for step in script.turns().iter().flat_map(|turn| &turn.given) {
            if let Given::Bytes(bytes) = &step.what {
                let telling =
                    (1..bytes.len()).filter(|at| at % SAMPLE == 0 || !is_deep_inside_repetition(bytes, *at));
                cuts.extend(telling.map(|at| Cut::At(start + at)));
                start += bytes.len();
            }
        }
        cuts
    }

    /// The pieces of a block that begins at `start`.
    pub fn pieces(self, start: usize, block: &[u8]) -> Vec<&[u8]> {
        match self {
            Cut::EveryByte => block.chunks(1).collect(),
            Cut::At(at) if start < at && at < start + block.len() => {
                let (before, behind) = block.split_at(at - start);
                vec![before, behind]
            }
            Cut::Whole | Cut::At(_) => vec![block],
        }
    }
}

/// Whether the bytes far around repeat every four, as a long payload behind its mask may.
fn is_deep_inside_repetition(block: &[u8], at: usize) -> bool {
    let around = at.checked_sub(FAR_BYTES).and_then(|start| block.get(start..at + FAR_BYTES));
    around.is_some_and(|around| around[4..] == around[..around.len() - 4])
}

/// Plays a script from its first line to its last; what came of each turn.
pub fn play(script: &Script, cut: Cut, player: &mut dyn Player) -> Vec<Vec<Expected>> {
    let mut start = 0;
    let mut answers = Vec::new();
    for turn in script.turns() {
        for step in &turn.given {
            match &step.what {
                Given::Bytes(block) => {
                    cut.pieces(start, block).into_iter().for_each(|piece| player.receive(piece));
                    start += block.len();
                }
                Given::Eof => player.receive_eof(),
                Given::Clock(time) => player.advance(*time),
            }
        }
        answers.push(player.take());
    }
    answers
}

/// The expectations of each turn that `is_wanted` picks, neighbouring bytes joined.
pub fn expectations(script: &Script, is_wanted: fn(&Expected) -> bool) -> Vec<Vec<Expected>> {
    let of_turn = |turn: &Turn| {
        let mut kept = Vec::new();
        for step in turn.expected.iter().filter(|step| is_wanted(&step.what)) {
            match (kept.last_mut(), &step.what) {
                (Some(Expected::Bytes(all)), Expected::Bytes(more)) => all.extend(more),
                (_, what) => kept.push(what.clone()),
            }
        }
        kept
    };
    script.turns().iter().map(of_turn).collect()
}

/// Whether the core reports it; the rest is what the peer sees.
pub fn is_report(expected: &Expected) -> bool {
    matches!(expected, Expected::Event(_) | Expected::Error(_))
}

const FAR_BYTES: usize = 4096;

/// Of the cuts that are alike, one of so many is made.
const SAMPLE: usize = 257;
