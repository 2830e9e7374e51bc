//! Lists of numbers for people.

use std::fmt::Write;

/// Ascending numbers, three or more in a row by the first and the last: `1,3-7,9`.
pub fn list(numbers: impl IntoIterator<Item = u16>) -> String {
    let mut numbers = numbers.into_iter().peekable();
    let mut list = String::new();
    while let Some(first) = numbers.next() {
        let mut last = first;
        while let Some(next) = numbers.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        let separator = if list.is_empty() { "" } else { "," };
        let _ = match last - first {
            0 => write!(list, "{separator}{first}"),
            1 => write!(list, "{separator}{first},{last}"),
            _ => write!(list, "{separator}{first}-{last}"),
        };
    }
    if list.is_empty() { "none".to_owned() } else { list }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_numbers_are_short() {
        for (numbers, expected) in [
            (&[][..], "none"),
            (&[3], "3"),
            (&[1, 2], "1,2"),
            (&[1, 3], "1,3"),
            (&[1, 2, 3, 5, 6, 8, 9, 10], "1-3,5,6,8-10"),
            (&[65_534, 65_535], "65534,65535"),
        ] {
            assert_eq!(list(numbers.iter().copied()), expected);
        }
    }
}
