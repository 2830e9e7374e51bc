//! A journal that a test can read, and that a crash tears the last pages out of.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use wirelab::lab::journal::{Ack, Change, Failure, Journal, Receipt, Row, Table};

/// All changes in their order, each call a page.
#[derive(Default)]
pub struct Pages {
    pages: Mutex<Vec<(Vec<Change>, Ack)>>,
    is_busy: AtomicBool,
}

impl Journal for Pages {
    fn append(&self, changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure> {
        assert!(!changes.is_empty(), "an empty page");
        if self.is_busy.load(Relaxed) {
            return Err(Failure::Busy);
        }
        self.pages.lock().unwrap().push((changes, ack));
        Ok(Receipt::done())
    }
}

impl Pages {
    pub fn be_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Relaxed);
    }

    pub fn len(&self) -> usize {
        self.pages.lock().unwrap().len()
    }

    /// Tears up to so many of the last pages out, back to one that was said to be kept; answers how many are left.
    pub fn tear(&self, most: usize) -> usize {
        let mut pages = self.pages.lock().unwrap();
        for _ in 0..most {
            if pages.pop_if(|(_, ack)| *ack == Ack::Memory).is_none() {
                break;
            }
        }
        pages.len()
    }

    /// What the pages come to.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = BTreeMap::new();
        for change in self.pages.lock().unwrap().iter().flat_map(|(changes, _)| changes) {
            match change.clone() {
                Change::Put(row) => drop(rows.insert((row.name.clone(), row.number), row)),
                Change::Remove { name, number, .. } => drop(rows.remove(&(name, number))),
                Change::RemoveThrough { name, number, .. } => {
                    rows.retain(|(other, id), _| *other != name || *id > number);
                }
            }
        }
        rows.into_values().collect()
    }
}

pub fn row(name: &str, number: u64, value: &'static str) -> Row {
    Row { table: Table::Messages, name: name.into(), number, value: Bytes::from_static(value.as_bytes()) }
}

pub fn of_text(content: &[u8]) -> String {
    String::from_utf8(content.to_vec()).expect("the tests post text")
}
