//! From a quantity to a place on an axis, and which places are marked.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// How the values of an axis lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From zero on: lengths compare as values do.
    Linear,
    /// Equal steps are equal factors. Values that are not positive have no place on it.
    Logarithmic,
}

/// One axis over the range of its values, rounded outwards to values that people count in: 1, 2, 5, 10.
#[derive(Clone, Debug)]
pub struct Scale {
    kind: Kind,
    from: f64,
    to: f64,
}

impl Scale {
    /// The scale on which all of these values can be shown.
    pub fn over(kind: Kind, values: impl Iterator<Item = f64>) -> Scale {
        let shown = values.filter(|value| value.is_finite() && (kind == Kind::Linear || *value > 0.0));
        let (least, most) =
            shown.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        match kind {
            _ if most <= 0.0 => Scale { kind, from: if kind == Kind::Linear { 0.0 } else { 1.0 }, to: 10.0 },
            Kind::Linear => {
                let step = round_up(most / STEPS);
                Scale { kind, from: 0.0, to: (most * MARGIN / step).ceil() * step }
            }
            Kind::Logarithmic => {
                Scale { kind, from: round_down(least / MARGIN_FACTOR), to: round_up(most * MARGIN_FACTOR) }
            }
        }
    }

    /// The values that have their name at the axis.
    fn named(&self) -> Vec<f64> {
        match self.kind {
            Kind::Linear => {
                let step = round_up(self.to / (STEPS + 1.0));
                (0..=(self.to / step + 1e-9) as u32).map(|count| f64::from(count) * step).collect()
            }
            Kind::Logarithmic if self.to / self.from >= 100.0 => self.within(&[1.0]),
            Kind::Logarithmic => self.within(&[1.0, 2.0, 5.0]),
        }
    }

    /// All values in the range that are these multiples of a power of ten.
    fn within(&self, multiples: &[f64]) -> Vec<f64> {
        let powers = power_below(self.from)..=power_below(self.to);
        let all =
            powers.flat_map(|power| multiples.iter().map(move |multiple| multiple * 10_f64.powi(power)));
        all.filter(|value| (self.from * 0.999..=self.to * 1.001).contains(value)).collect()
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = match self.kind {
            Kind::Linear => value / self.to,
            Kind::Logarithmic => (value / self.from).ln() / (self.to / self.from).ln(),
        };
        limit.0 + (f64::from(limit.1 - limit.0) * part.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match self.kind {
            Kind::Logarithmic if hint.weight().allow_light_points() => {
                self.within(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
            }
            _ => self.named(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        short(*value)
    }
}

/// A value as it stands at an axis: `0.05`, `500`, `20 k`, `1 M`.
pub fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    // Sums of tenths are no tenths in binary.
    let rounded = format!("{value:.4}");
    format!("{}{unit}", rounded.trim_end_matches('0').trim_end_matches('.'))
}

/// The next value that people count in, upwards; a value that is one stays.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powi(power_below(value));
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= value * 0.999);
    multiple.unwrap_or(10.0) * power
}

fn round_down(value: f64) -> f64 {
    let power = 10_f64.powi(power_below(value));
    let multiple = [5.0, 2.0].into_iter().find(|multiple| multiple * power <= value * 1.001);
    multiple.unwrap_or(1.0) * power
}

fn power_below(value: f64) -> i32 {
    (value.log10() + 1e-9).floor() as i32
}

/// Named values of a linear axis, about.
const STEPS: f64 = 5.0;

/// Between the outermost values and the ends of the axis, so that no mark is cut.
const MARGIN: f64 = 1.04;
const MARGIN_FACTOR: f64 = 1.25;

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(kind: Kind, values: &[f64]) -> (f64, f64, Vec<String>) {
        let scale = Scale::over(kind, values.iter().copied());
        (scale.from, scale.to, scale.named().into_iter().map(short).collect())
    }

    #[test]
    fn an_axis_ends_at_values_that_people_count_in() {
        let (from, to, named) = scale(Kind::Logarithmic, &[1.0, 10.0, 5000.0]);
        assert_eq!((from, to), (0.5, 10_000.0));
        assert_eq!(named, ["1", "10", "100", "1 k", "10 k"]);
        let (from, to, named) = scale(Kind::Logarithmic, &[0.31, 0.9]);
        assert!((from - 0.2).abs() < 1e-9 && (to - 2.0).abs() < 1e-9, "{from} {to}");
        assert_eq!(named, ["0.2", "0.5", "1", "2"]);
        let (from, to, named) = scale(Kind::Linear, &[3.0, 81.0]);
        assert_eq!((from, to), (0.0, 100.0));
        assert_eq!(named, ["0", "20", "40", "60", "80", "100"]);
        let (_, to, named) = scale(Kind::Linear, &[220e3]);
        assert_eq!((to, named.len()), (250e3, 6));
    }

    #[test]
    fn an_axis_without_values_is_still_one() {
        for kind in [Kind::Linear, Kind::Logarithmic] {
            for values in [&[][..], &[0.0], &[f64::NAN]] {
                let (from, to, named) = scale(kind, values);
                assert!(from < to && named.len() > 1, "{kind:?} {values:?}");
            }
        }
    }

    #[test]
    fn every_value_has_its_place_between_the_ends() {
        let scale = Scale::over(Kind::Logarithmic, [1.0, 1000.0].into_iter());
        let places: Vec<i32> =
            [1.0, 10.0, 100.0, 1000.0].iter().map(|value| scale.map(value, (0, 1000))).collect();
        assert!(places.windows(2).all(|pair| (pair[1] - pair[0] - 250).abs() <= 60), "{places:?}");
        assert!(places[0] > 0 && places[3] < 1000);
        assert_eq!(scale.map(&0.0, (0, 1000)), 0, "what has no place is at the end");
    }

    #[test]
    fn values_are_written_as_people_read_them() {
        for (value, text) in
            [(0.05, "0.05"), (500.0, "500"), (20_000.0, "20 k"), (1_500_000.0, "1.5 M"), (0.3, "0.3")]
        {
            assert_eq!(short(value), text);
        }
    }
}
