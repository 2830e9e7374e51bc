//! Why a folder cannot be used, in a line for the person who named it.

use std::{fmt, io};

use rusqlite::ErrorCode;

use super::database::FORMAT;

/// Why a store was not opened. Nothing was changed then.
#[derive(Debug)]
pub enum OpenError {
    NotAFolder,
    /// What was tried, and why the operating system does not let us.
    System(&'static str, io::Error),
    /// There is a `lab.db` that somebody else has made.
    Foreign,
    /// It was made by another version of the lab, in this format.
    Format(i32),
    /// What is wrong first, as SQLite says it.
    Damaged(String),
    /// Another process has it.
    InUse,
    /// SQLite says no for another reason.
    Refused(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NotAFolder => f.write_str("this is a file, and has to be a folder"),
            OpenError::System(what, error) => write!(f, "cannot {what}: {error}"),
            OpenError::Foreign => f.write_str("lab.db there is not the lab's: choose another folder"),
            OpenError::Format(found) => {
                write!(f, "lab.db there has format {found}, and this server knows format {FORMAT}")
            }
            OpenError::Damaged(why) => {
                write!(f, "lab.db there is damaged: {why}; nothing was changed: move it away, or repair it")
            }
            OpenError::InUse => {
                f.write_str("another server keeps its rows there, or another program looks at them")
            }
            OpenError::Refused(why) => write!(f, "lab.db there cannot be used: {why}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> OpenError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => OpenError::InUse,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                OpenError::Damaged(error.to_string())
            }
            _ => OpenError::Refused(error.to_string()),
        }
    }
}
