//! New expectations in the place of old ones.

use std::ops::Range;

use super::line::Meaning;
use super::{Expected, Script, Step, Turn};

impl Script {
    /// The file with other expectations: `answers` holds those of each turn.
    ///
    /// Whatever the client gives stays byte for byte, and so do comments, and steps that are still the same before
    /// and after the first difference of a turn, with their glosses and the way in which they were broken into lines.
    ///
    /// # Panics
    ///
    /// If there is not one answer for each turn.
    pub fn rewritten(&self, answers: &[Vec<Expected>]) -> String {
        assert_eq!(answers.len(), self.turns.len(), "one answer for each turn");
        let mut text = String::new();
        let mut next = 0;
        for edit in self.turns.iter().zip(answers).map(|(turn, answer)| turn.edit(answer)) {
            self.lines[next..edit.replaced.start].iter().for_each(|line| text.push_str(&line.text));
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&edit.lines);
            for line in &self.lines[edit.replaced.clone()] {
                if !matches!(line.meaning, Meaning::Expected(_)) {
                    text.push_str(&line.text);
                }
            }
            next = edit.replaced.end;
        }
        self.lines[next..].iter().for_each(|line| text.push_str(&line.text));
        text
    }
}

impl Turn {
    fn edit(&self, answer: &[Expected]) -> Edit {
        let old = &self.expected;
        let same = |(old, new): &(&Step<Expected>, &Expected)| old.what == **new;
        let before = old.iter().zip(answer).take_while(same).count();
        let (old_rest, new_rest) = (&old[before..], &answer[before..]);
        let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();

        let replaced = match &old_rest[..old_rest.len() - after] {
            [first, .., last] => first.line - 1..last.last_line,
            [only] => only.line - 1..only.last_line,
            [] => {
                let end = self.end_of_step(before);
                end..end
            }
        };
        let mut lines = String::new();
        new_rest[..new_rest.len() - after].iter().for_each(|expected| expected.print(&mut lines));
        Edit { replaced, lines }
    }

    /// How many lines of the file end with so many expectations of this turn.
    fn end_of_step(&self, expectations: usize) -> usize {
        match expectations.checked_sub(1) {
            Some(index) => self.expected[index].last_line,
            None => self.given.last().map_or(0, |step| step.last_line),
        }
    }
}

/// Lines to put in the place of others, counted from 0; comments among those others stay, behind the new lines.
struct Edit {
    replaced: Range<usize>,
    lines: String,
}
