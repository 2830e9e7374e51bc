//! Whether io_uring can be had.

use std::sync::LazyLock;
use std::thread;

use wirelab::drivers::uring;

/// If not, says why; and fails where everything has to be there, as under CI on Linux.
pub fn is_here() -> bool {
    // In a thread of its own: when a ring goes away, the kernel interrupts the system calls of the thread that had it.
    static CHECKED: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let checked = thread::spawn(|| uring::check().map_err(|error| error.to_string()));
        checked.join().expect("no panic")
    });
    let Err(why) = &*CHECKED else { return true };
    assert!(!cfg!(target_os = "linux") || std::env::var_os("CI").is_none(), "{why}");
    println!("left out: {why}");
    false
}
