//! Parameters of a query, each checked against its range; a bad one is refused with its name and its range.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::path::decode;
use super::refusal::Refusal;

/// The decoded parameters of a query: `name=value` pairs joined by `&`, a `+` for a space.
#[derive(Debug)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    pub fn parse(query: Option<&str>) -> Result<Params, Refusal> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        });
        Ok(Params { pairs: decoded.collect::<Result<_, Refusal>>()? })
    }

    /// A whole number within `range`.
    pub fn number(&self, name: &str, range: RangeInclusive<u64>, default: u64) -> Result<u64, Refusal> {
        Ok(self.number_if_given(name, range)?.unwrap_or(default))
    }

    /// The same where nothing stands for a number that is not given.
    pub fn number_if_given(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        self.value(name)?.map(|given| number(name, given, range)).transpose()
    }

    /// A time such as `2`, `1.5s` or `50ms`, up to `longest`.
    pub fn duration(&self, name: &str, longest: Duration, default: Duration) -> Result<Duration, Refusal> {
        Ok(self.duration_if_given(name, longest)?.unwrap_or(default))
    }

    /// The same where nothing stands for a time that is not given.
    pub fn duration_if_given(&self, name: &str, longest: Duration) -> Result<Option<Duration>, Refusal> {
        self.value(name)?.map(|given| duration(name, given, longest)).transpose()
    }

    /// One of several words; the first is the default.
    pub fn choice<'o>(&self, name: &str, offers: &[&'o str]) -> Result<&'o str, Refusal> {
        let Some(given) = self.value(name)? else { return Ok(offers[0]) };
        let found = offers.iter().find(|offer| **offer == given);
        found.copied().ok_or_else(|| bad(name, given, &format!("one of {}", offers.join(", "))))
    }

    /// Text, as it was given.
    pub fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.value(name)?.map(str::to_owned))
    }

    /// What somebody wants to be called.
    pub fn name(&self, name: &str) -> Result<Option<String>, Refusal> {
        self.text(name)?.map(|given| check_name(name, given)).transpose()
    }

    fn value(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values =
            self.pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let first = values.next();
        match values.next() {
            Some(_) => {
                Err(Refusal::new(400, format!("the parameter {name} is given twice"), format!("one {name}=")))
            }
            None => Ok(first),
        }
    }
}

/// A number that stands in a path or a query under `name`.
pub fn number(name: &str, given: &str, range: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let digits = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
    let number = given.parse().ok().filter(|number| digits && range.contains(number));
    number
        .ok_or_else(|| bad(name, given, &format!("a whole number from {} to {}", range.start(), range.end())))
}

/// A time that stands in a path or a query under `name`: seconds, or with the unit `s` or `ms`.
pub fn duration(name: &str, given: &str, longest: Duration) -> Result<Duration, Refusal> {
    let (amount, unit) = match given.strip_suffix("ms") {
        Some(amount) => (amount, 0.001),
        None => (given.strip_suffix('s').unwrap_or(given), 1.0),
    };
    let plain = amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = amount.parse::<f64>().ok().filter(|_| plain).map(|amount| amount * unit);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| *duration <= longest).ok_or_else(|| {
        bad(name, given, &format!("a time from 0 to {} seconds, such as 2, 1.5s or 50ms", longest.as_secs()))
    })
}

/// Names stand in lines that everybody reads, in front of a colon.
fn check_name(what: &str, name: String) -> Result<String, Refusal> {
    if (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(misleads) {
        return Ok(name);
    }
    let due =
        format!("1 to {MAX_NAME_CHARS} characters, none of them a colon or one that ends or turns a line");
    Err(Refusal::new(400, format!("{what} is {name:?}, and has to be {due}"), format!("{what} as {due}")))
}

/// Besides control characters: those of Unicode that end a line, or change its direction.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, ':' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn bad(name: impl Display, given: &str, due: &str) -> Refusal {
    Refusal::new(400, format!("{name} is {given:?}, and has to be {due}"), format!("{name} as {due}"))
}

const MAX_NAME_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_unless_they_say_otherwise() {
        let longest = Duration::from_secs(60);
        for (given, millis) in [("2", 2000), ("1.5s", 1500), ("50ms", 50), ("60", 60_000), ("0", 0)] {
            assert_eq!(duration("s", given, longest).unwrap().as_millis(), millis, "{given}");
        }
        for given in ["", "s", "61", "-1", "1e3", "inf", "1.2.3", "60.001"] {
            assert_eq!(duration("s", given, longest).unwrap_err().status, 400, "{given}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let params = Params::parse(Some("n=1&n=2&other=%31")).unwrap();
        assert!(params.number("n", 0..=9, 0).is_err());
        assert_eq!(params.number("other", 0..=9, 0).unwrap(), 1);
        assert_eq!(params.number("absent", 0..=9, 7).unwrap(), 7);
    }
}
