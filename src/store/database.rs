//! The rows as tables of SQLite, one for each kind; the only file that knows SQL.
//!
//! ```console
//! $ sqlite3 DIR/lab.db 'SELECT name, number, value FROM events'
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::error::OpenError;
use super::head;
use crate::lab::journal::{Change, Found, Row, Table};

/// An open `lab.db`, which nobody else can open.
pub(super) struct Database {
    connection: Connection,
    log: PathBuf,
    /// From so many frames of the log on, it is to be taken over into the database.
    due: u64,
    /// Whether the last process had said goodbye.
    was_in_order: bool,
}

impl Database {
    /// Opens the database in a folder, makes both if they are not there, and reads all rows.
    ///
    /// From here on it looks as after a crash, until it [says goodbye](Database::say_goodbye).
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<(Database, Found), OpenError> {
        make_folder(folder)?;
        // SQLite takes a name such as `file:here` for a URL, and an absolute path for what it is.
        let folder = fs::canonicalize(folder).map_err(|error| OpenError::System("find the folder", error))?;
        look_at_head(&folder)?;
        let connection = connect(&folder)?;
        settle(&connection, max_bytes)?;
        check(&connection)?;
        connection.execute_batch(&creation(Table::Uploads))?; // a database may be older than uploads
        let rows = read(&connection)?;
        let was_in_order: bool = connection.query_row("SELECT said FROM goodbye", [], |row| row.get(0))?;
        connection.execute("UPDATE goodbye SET said = FALSE", [])?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        let database = Database { connection, log: folder.join(LOG), due: CHECKPOINT_FRAMES, was_in_order };
        Ok((database, Found { rows, after_crash: !was_in_order }))
    }

    /// The write-ahead log, to which every commit is written.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Makes the changes, all or none. When this returns, the operating system has them; nobody has synced them.
    pub(super) fn commit<'c>(&mut self, changes: impl Iterator<Item = &'c Change>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for change in changes {
            make(&transaction, change)?;
        }
        transaction.commit()
    }

    pub(super) fn is_checkpoint_due(&self) -> bool {
        // Whatever is wrong here, the next commit meets it as well.
        checkpoint(&self.connection, "NOOP").is_ok_and(|frames| frames >= self.due)
    }

    /// Takes the log over into the database, with all the syncs that it needs; the next commit begins the log anew.
    pub(super) fn checkpoint(&mut self) -> rusqlite::Result<()> {
        let taken = checkpoint(&self.connection, "PASSIVE");
        // What cannot be done now is not tried again with every commit.
        self.due = if taken.is_ok() { CHECKPOINT_FRAMES } else { self.due + CHECKPOINT_FRAMES };
        taken.map(drop)
    }

    /// Leaves a mark for whoever opens it next.
    pub(super) fn say_goodbye(&self) -> rusqlite::Result<()> {
        self.connection.execute("UPDATE goodbye SET said = TRUE", []).map(drop)
    }

    pub(super) fn was_in_order(&self) -> bool {
        self.was_in_order
    }
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync_folder(folder.parent().filter(|parent| *parent != "").unwrap_or(Path::new("."))),
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(OpenError::System("make it", error)),
        Err(_) if folder.is_dir() => Ok(()),
        Err(_) => Err(OpenError::NotAFolder),
    }
}

/// Looks at a file that is there, or makes an empty one, which SQLite takes for a new database.
///
/// This comes before SQLite opens it: closing a descriptor gives up the locks that the process has on the file.
fn look_at_head(folder: &Path) -> Result<(), OpenError> {
    let cannot = |error| OpenError::System("open lab.db", error);
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(folder.join(FILE));
    let mut bytes = Vec::new();
    file.and_then(|file| file.take(head::BYTES).read_to_end(&mut bytes)).map_err(cannot)?;
    head::check(&bytes)?;
    if bytes.is_empty() { sync_folder(folder) } else { Ok(()) }
}

/// A name lasts when its folder is synced.
fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| OpenError::System("sync the folder", error))
}

/// Opens the file for us alone, and makes the tables if there are none.
fn connect(folder: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join(FILE), flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    // Closing must not touch the file before we know that it is sound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    let is_new: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    if is_new {
        connection.execute_batch(&layout())?;
    }
    Ok(connection)
}

/// Chooses how it is written.
fn settle(connection: &Connection, max_bytes: u64) -> Result<(), OpenError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Refused(format!("no write-ahead log but {mode}")));
    }
    // On Apple's systems a sync that reaches the disk has to be asked for by name.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {};
         PRAGMA max_page_count = {};",
        CHECKPOINT_FRAMES * PAGE_BYTES,
        (max_bytes / PAGE_BYTES).max(1),
    ))?;
    Ok(())
}

fn check(connection: &Connection) -> Result<(), OpenError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Damaged(verdict.replace('\n', " "))) }
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut found: Vec<Row> = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT name, number, value FROM {} ORDER BY name, number", sql_name(table));
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            // Rows of one name share it.
            let name = match found.last() {
                Some(last) if *last.name == *name => Arc::clone(&last.name),
                _ => name.into(),
            };
            let value: Vec<u8> = row.get(2)?;
            found.push(Row { table, name, number: row.get(1)?, value: value.into() });
        }
    }
    Ok(found)
}

fn make(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    let prepare = |before: &str, table: Table, behind: &str| {
        connection.prepare_cached(&format!("{before} {} {behind}", sql_name(table)))
    };
    match change {
        Change::Put(Row { table, name, number, value }) => {
            prepare("REPLACE INTO", *table, "VALUES (?, ?, ?)")?.execute(params![
                name,
                integer(*number),
                &value[..]
            ])
        }
        Change::Remove { table, name, number } => {
            prepare("DELETE FROM", *table, "WHERE name = ? AND number = ?")?
                .execute(params![name, integer(*number)])
        }
        Change::RemoveThrough { table, name, number } => {
            prepare("DELETE FROM", *table, "WHERE name = ? AND number <= ?")?
                .execute(params![name, integer(*number)])
        }
    }
    .map(drop)
}

/// SQL has no larger integers, and nobody counts so far; but all numbers of a name may be meant.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Answers how many frames are in the log.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<u64> {
    connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], |row| row.get(1))
}

fn layout() -> String {
    format!(
        "PRAGMA page_size = {PAGE_BYTES};
         BEGIN EXCLUSIVE;
         PRAGMA application_id = {};
         PRAGMA user_version = {FORMAT};
         {}
         CREATE TABLE goodbye (said INTEGER NOT NULL) STRICT;
         INSERT INTO goodbye VALUES (TRUE);
         COMMIT;",
        head::OURS,
        TABLES.map(creation).concat(),
    )
}

fn creation(table: Table) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (name TEXT NOT NULL, number INTEGER NOT NULL, value BLOB NOT NULL, \
         PRIMARY KEY (name, number)) STRICT, WITHOUT ROWID;",
        sql_name(table)
    )
}

fn sql_name(table: Table) -> &'static str {
    match table {
        Table::Events => "events",
        Table::Messages => "messages",
        Table::Jobs => "jobs",
        Table::Uploads => "uploads",
    }
}

/// In the order in which rows are found.
const TABLES: [Table; 4] = [Table::Events, Table::Messages, Table::Jobs, Table::Uploads];

/// The version of the layout, as `PRAGMA user_version`.
pub(super) const FORMAT: i32 = 1;

const FILE: &str = "lab.db";
const LOG: &str = "lab.db-wal";
const PAGE_BYTES: u64 = 4096;

/// 16 MiB of log: what a start after a crash reads again, and rare enough that few meet a checkpoint.
const CHECKPOINT_FRAMES: u64 = 4096;
