//! An instant in half the space, for what every connection carries.

use std::num::NonZeroU64;
use std::ops::{Add, AddAssign};
use std::time::{Duration, Instant};

/// An instant as the nanoseconds since an [`Epoch`]: 8 bytes, also as an `Option`, where an [`Instant`] takes 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(NonZeroU64);

/// Where the moments of a lab are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(Instant);

impl Epoch {
    pub fn new(start: Instant) -> Epoch {
        Epoch(start)
    }

    /// The moment of an instant. What was before the epoch counts as its first moment, what comes after 584 years as
    /// the last.
    pub fn moment(self, instant: Instant) -> Moment {
        let nanos = instant.saturating_duration_since(self.0).as_nanos();
        Moment(NonZeroU64::MIN.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    pub fn instant(self, moment: Moment) -> Instant {
        self.0 + Duration::from_nanos(moment.0.get() - 1)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Moment {
    /// How long since an earlier one.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_in_half_the_space() {
        let start = Instant::now();
        let (epoch, later) = (Epoch::new(start), start + Duration::from_millis(1500));
        assert_eq!(epoch.instant(epoch.moment(later)), later);
        assert_eq!(epoch.moment(start) + Duration::from_millis(1500), epoch.moment(later));
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }
}
