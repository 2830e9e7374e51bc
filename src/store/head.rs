//! The first bytes of an SQLite file, which tell whose it is before anything else looks at it: opening a database by
//! SQLite may repair it, and what is not ours stays as it is (<https://sqlite.org/fileformat2.html> §1.3).

use super::database::FORMAT;
use super::error::OpenError;

/// Whether a file that begins so is ours, or nothing yet.
pub(super) fn check(head: &[u8]) -> Result<(), OpenError> {
    if head.is_empty() {
        return Ok(());
    }
    let number =
        |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    match (number(USER_VERSION), number(APPLICATION_ID)) {
        (Some(FORMAT), Some(OURS)) if head.starts_with(MAGIC) => Ok(()),
        (Some(format), Some(OURS)) if head.starts_with(MAGIC) => Err(OpenError::Format(format)),
        _ => Err(OpenError::Foreign),
    }
}

/// The bytes to look at.
pub(super) const BYTES: u64 = 100;

/// `wlab`, as `PRAGMA application_id`; `file` shows it too.
pub(super) const OURS: i32 = i32::from_be_bytes(*b"wlab");

const MAGIC: &[u8] = b"SQLite format 3\0";
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(format: i32, application: i32) -> Vec<u8> {
        let mut head = [MAGIC, &[0; 84]].concat();
        head[USER_VERSION..USER_VERSION + 4].copy_from_slice(&format.to_be_bytes());
        head[APPLICATION_ID..APPLICATION_ID + 4].copy_from_slice(&application.to_be_bytes());
        head
    }

    #[test]
    fn tells_whose_a_file_is() {
        assert!(check(b"").is_ok());
        assert!(check(&head(FORMAT, OURS)).is_ok());
        assert!(
            matches!(check(&head(FORMAT + 1, OURS)), Err(OpenError::Format(format)) if format == FORMAT + 1)
        );
        assert!(matches!(check(&head(FORMAT, 0)), Err(OpenError::Foreign)));
        assert!(matches!(check(&head(FORMAT, OURS)[1..]), Err(OpenError::Foreign)));
        assert!(matches!(check(&head(FORMAT, OURS)[..70]), Err(OpenError::Foreign)));
        assert!(matches!(check(b"dear diary"), Err(OpenError::Foreign)));
    }
}
