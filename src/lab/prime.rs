//! Is it a prime number? Asked in the slowest way: by trying every number below it.
//!
//! Those up to its square root would do. But what is wanted here is a computation that takes long and is easy to see
//! through.

/// A number, and how far it has been tried.
#[derive(Clone, Debug)]
pub struct Trial {
    number: u32,
    next: u32,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Prime,
    /// Its smallest divisor but 1.
    DivisibleBy(u32),
    /// 0 and 1 are neither prime nor composite.
    Neither,
}

impl Trial {
    pub fn new(number: u32) -> Trial {
        Trial { number, next: 2 }
    }

    /// Tries so many numbers more; what was found, once it is known.
    pub fn go_on(&mut self, tries: u32) -> Option<Verdict> {
        if self.number < 2 {
            return Some(Verdict::Neither);
        }
        let end = self.next.saturating_add(tries).min(self.number);
        while self.next < end {
            if self.number.is_multiple_of(self.next) {
                return Some(Verdict::DivisibleBy(self.next));
            }
            self.next += 1;
        }
        (self.next == self.number).then_some(Verdict::Prime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(number: u32, tries: u32) -> Verdict {
        let mut trial = Trial::new(number);
        loop {
            if let Some(verdict) = trial.go_on(tries) {
                return verdict;
            }
        }
    }

    #[test]
    fn small_numbers_are_what_everybody_knows() {
        let primes: Vec<u32> = (0..50).filter(|number| verdict(*number, 7) == Verdict::Prime).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]);
        assert_eq!(verdict(0, 1), Verdict::Neither);
        assert_eq!(verdict(1, 1), Verdict::Neither);
        assert_eq!(verdict(49, 1), Verdict::DivisibleBy(7));
        assert_eq!(verdict(u32::MAX, 1000), Verdict::DivisibleBy(3));
    }

    #[test]
    fn a_trial_stops_where_it_is_told() {
        let mut trial = Trial::new(101);
        assert_eq!(trial.go_on(98), None);
        assert_eq!(trial.next, 100);
        assert_eq!(trial.go_on(1), Some(Verdict::Prime));
        assert_eq!(trial.go_on(1), Some(Verdict::Prime));
    }
}
