//! Figures for people: columns that line up, numbers that can be read.

use std::fmt;

/// Rows of text below a head. The first column is aligned to the left, all others to the right.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as a page shows it.
    pub fn to_html(&self) -> String {
        let row = |cells: &[String], tag: &str| {
            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let rows: String = self.rows.iter().map(|cells| row(cells, "td")).collect();
        format!(
            "<table>\n<thead>{}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
            row(&self.head, "th").trim_end()
        )
    }
}

/// A table, what it is about, and what to look at in it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub title: String,
    pub table: Table,
    pub look: &'static str,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || [&self.head].into_iter().chain(&self.rows);
        let width = |column: usize| {
            lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        };
        for line in lines() {
            let mut text = String::new();
            for (column, cell) in line.iter().enumerate() {
                let width = width(column).unwrap_or_default();
                match column {
                    0 => text.push_str(&format!("{cell:<width$}")),
                    _ => text.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// A number with so many digits that it can be compared: `1,234,567`, `98.6`, `0.412`.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => whole(value.round() as i64),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A number that may be missing.
pub fn number_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// What was counted: `1`, `5,000`.
pub fn count(count: u64) -> String {
    whole(count as i64)
}

fn whole(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text that is only text in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits_and_thousands_are_set_apart() {
        let shown = [1_234_567.4, 999.6, -1000.0, 98.64, 1.234, 0.4123, 0.0].map(number);
        assert_eq!([1, 10, 5000].map(count), ["1", "10", "5,000"]);
        assert_eq!(shown, ["1,234,567", "1,000", "-1,000", "98.6", "1.23", "0.412", "0"]);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["server", "requests/s"]);
        table.push(vec!["a".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "server  requests/s\na                1\n");
    }

    #[test]
    fn what_is_text_stays_text_in_html() {
        let mut table = Table::new(&["way", "ms"]);
        table.push(vec!["a <b>".to_owned(), "1,024".to_owned()]);
        let html = table.to_html();
        assert!(html.contains("<thead><tr><th>way</th><th>ms</th></tr></thead>"), "{html}");
        assert!(html.contains("<td>a &lt;b&gt;</td><td>1,024</td>"), "{html}");
    }
}
