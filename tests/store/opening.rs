//! Folders that can be had, and those that cannot: one line for each, and nothing is overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wirelab::lab::journal::Ack;
use wirelab::store::Store;

use crate::harness::{Other, keep, open, put};

#[test]
fn a_new_folder_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let new = folder.path().join("new 100%?#");
    let (_store, _) = open(&new);
    assert_eq!((mode(&new), mode(&new.join("lab.db"))), (0o700, 0o600));
    assert_eq!(mode(&new.join("lab.db-wal")), 0o600);

    let old = folder.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    let (_store, _) = open(&old);
    assert_eq!((mode(&old), mode(&old.join("lab.db"))), (0o755, 0o600));
}

#[test]
fn a_path_that_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "dear diary").unwrap();
    assert_eq!(refusal(&file), "this is a file, and has to be a folder");
    assert_eq!(fs::read(&file).unwrap(), b"dear diary");
    assert!(refusal(&folder.path().join("none/below")).starts_with("cannot make it: "));
    // Where the kernel shows itself nobody makes a file, not even root.
    assert!(refusal(Path::new("/sys")).starts_with("cannot "));
    assert!(refusal(Path::new("/sys/lab")).starts_with("cannot make it: "));
}

#[test]
fn what_somebody_else_has_made_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.db");
    for content in [&b"dear diary"[..], &[0; 5000]] {
        fs::write(&file, content).unwrap();
        assert_eq!(refusal(folder.path()), "lab.db there is not the lab's: choose another folder");
        assert_eq!(fs::read(&file).unwrap(), content);
    }
    fs::remove_file(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE notes (note)").unwrap();
    let before = files(folder.path());
    assert_eq!(refusal(folder.path()), "lab.db there is not the lab's: choose another folder");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn another_format_is_left_alone() {
    let folder = kept();
    overwrite(&folder.path().join("lab.db"), USER_VERSION, &7_u32.to_be_bytes());
    let before = files(folder.path());
    assert_eq!(refusal(folder.path()), "lab.db there has format 7, and this server knows format 1");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_damaged_file_is_left_alone() {
    for (at, garbage) in [(2 * PAGE, 5000), (100, 200), (5 * PAGE + 8, 2)] {
        let folder = kept();
        let file = folder.path().join("lab.db");
        overwrite(&file, at, &vec![0xa5; garbage]);
        let before = fs::read(&file).unwrap();
        let refusal = refusal(folder.path());
        assert!(refusal.starts_with("lab.db there is damaged: "), "at {at}: {refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
    let folder = kept();
    let file = folder.path().join("lab.db");
    fs::write(&file, &fs::read(&file).unwrap()[..6 * PAGE as usize]).unwrap();
    assert!(refusal(folder.path()).starts_with("lab.db there is damaged: "));
}

#[test]
fn what_a_crash_has_left_beside_a_damaged_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start("crashing::part_of_an_author", folder.path());
    while !other.says().expect("it goes on").eq("100.") {}
    other.kill();
    while other.says().is_some() {}
    // The page of a table to which nothing was written: any other may have a newer version in the log.
    overwrite(&folder.path().join("lab.db"), 3 * PAGE, &[0xa5; PAGE as usize]);
    let before = files(folder.path());
    assert!(before.iter().any(|(name, content)| name == "lab.db-wal" && content.len() > PAGE as usize));
    assert!(refusal(folder.path()).starts_with("lab.db there is damaged: "));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn tables_that_are_not_there_are_not_made_up() {
    let folder = kept();
    let connection = rusqlite::Connection::open(folder.path().join("lab.db")).unwrap();
    connection.execute_batch("DROP TABLE jobs").unwrap();
    drop(connection);
    assert_eq!(refusal(folder.path()), "lab.db there cannot be used: no such table: jobs");
}

/// Why it cannot be opened.
fn refusal(folder: &Path) -> String {
    let error = Store::open(folder, &Default::default()).err();
    error.unwrap_or_else(|| panic!("{} was opened", folder.display())).to_string()
}

/// A folder in which something is kept, on more than ten pages.
fn kept() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    keep(&*store.journal(), (0..2000).map(|number| put("news", number)).collect(), Ack::Fsync).unwrap();
    folder
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    let (mut content, at) = (fs::read(file).unwrap(), at as usize);
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(file, content).unwrap();
}

/// Names and contents, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

const PAGE: u64 = 4096;
const USER_VERSION: u64 = 60;
