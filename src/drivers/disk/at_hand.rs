//! Reads that nobody has to wait for: of what the system holds in memory anyhow.

use super::{Disk, opened};
use crate::drivers::system;
use crate::session::{Done, Errand};

impl Disk {
    /// Reads what is in memory: a copy, and less than it takes to tell another thread of it.
    ///
    /// # Errors
    /// The errand, if it is another one or is to be waited for.
    pub(in crate::drivers) fn read_at_hand(&self, errand: Errand) -> Result<Done, Errand> {
        match errand {
            Errand::Read { mut file, offset, mut bytes, digests: None } if self.delay.is_zero() => {
                match system::read_at_hand(opened(&mut file), &mut bytes, offset) {
                    Ok(count) if count == bytes.len() => {
                        Ok(Done::Read { file, bytes, digests: None, result: Ok(()) })
                    }
                    _ => Err(Errand::Read { file, offset, bytes, digests: None }),
                }
            }
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::session::{File, Name, Stay};

    #[test]
    fn what_is_read_at_hand_is_what_was_written() {
        let disk = Disk::fresh(Duration::ZERO);
        let errand = read(written(&disk, b"content"), 3, 4);
        // A file system may not tell what it has in memory; then the errand is still to be seen to.
        let done = disk.read_at_hand(errand).unwrap_or_else(|errand| disk.run(errand));
        let Done::Read { bytes, result: Ok(()), .. } = done else { panic!("not read: {done:?}") };
        assert_eq!(bytes, b"tent");
    }

    #[test]
    fn a_slow_disk_has_nothing_at_hand_and_a_file_nothing_behind_its_end() {
        for (delay, count) in [(Duration::from_millis(1), 7), (Duration::ZERO, 8)] {
            let disk = Disk::fresh(delay);
            let errand = disk.read_at_hand(read(written(&disk, b"content"), 0, count));
            assert!(matches!(errand, Err(Errand::Read { bytes, .. }) if bytes.len() == count));
        }
    }

    fn read(file: File, offset: u64, count: usize) -> Errand {
        Errand::Read { file, offset, bytes: vec![0; count], digests: None }
    }

    fn written(disk: &Arc<Disk>, content: &[u8]) -> File {
        let name = Name::new("images", "a").expect("a plain name");
        let Done::Opened(Ok(opened)) = disk.run(Errand::Create { name, stay: Stay::WhileOpen }) else {
            panic!("not created")
        };
        let bytes = content.to_vec();
        match disk.run(Errand::Write { file: opened.file, offset: 0, bytes, digests: None }) {
            Done::Wrote { file, result: Ok(()), .. } => file,
            other => panic!("not written: {other:?}"),
        }
    }
}
