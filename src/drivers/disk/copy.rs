//! From one file to another.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

/// Copies so many bytes, and adds them to the digest.
///
/// `io::copy` leaves it to the kernel, by copy_file_range(2) on Linux: a file system that can lets both files share the
/// blocks, and writes nothing a second time (Btrfs, XFS). The others copy what they have in memory anyway. The digest
/// reads what has just come there, so the disk is not asked again.
///
/// # Errors
/// The source has fewer bytes, and whatever the system says.
pub(super) fn copy(
    mut source: &File,
    at: u64,
    mut file: &File,
    offset: u64,
    count: u64,
    digest: &mut Sha256,
) -> io::Result<()> {
    source.seek(SeekFrom::Start(at))?;
    file.seek(SeekFrom::Start(offset))?;
    let copied = io::copy(&mut source.take(count), &mut file)?;
    if copied < count {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    read(file, offset, count, digest)
}

fn read(file: &File, offset: u64, count: u64, digest: &mut Sha256) -> io::Result<()> {
    let mut piece = vec![0; count.min(PIECE_BYTES) as usize];
    let mut done = 0;
    while done < count {
        let piece = &mut piece[..(count - done).min(PIECE_BYTES) as usize];
        file.read_exact_at(piece, offset + done)?;
        digest.update(&*piece);
        done += piece.len() as u64;
    }
    Ok(())
}

/// Little enough to stay in the processor's cache.
const PIECE_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> File {
        let file = tempfile::tempfile().expect("a file");
        file.write_all_at(content, 0).expect("room");
        file
    }

    #[test]
    fn what_is_copied_stands_where_it_belongs_and_is_in_the_digest() {
        let large: Vec<u8> = (0..200_000_u32).map(|at| at as u8 ^ (at >> 8) as u8).collect();
        let (source, target) = (file(&large), file(b"abc"));
        let mut digest = Sha256::new_with_prefix(b"abc");
        copy(&source, 5, &target, 3, 150_000, &mut digest).expect("there is enough");
        copy(&source, 0, &target, 150_003, 2, &mut digest).expect("there is enough");
        let expected = [b"abc", &large[5..150_005], &large[..2]].concat();
        let mut came = vec![0; expected.len()];
        target.read_exact_at(&mut came, 0).expect("as much as was copied");
        assert!(came == expected && target.metadata().expect("open").len() == expected.len() as u64);
        assert_eq!(digest.finalize(), Sha256::digest(&expected));
    }

    #[test]
    fn a_source_that_is_too_short_is_an_error() {
        let (source, target) = (file(b"abc"), file(b""));
        let copied = copy(&source, 1, &target, 0, 3, &mut Sha256::new());
        assert_eq!(copied.expect_err("there are two").kind(), ErrorKind::UnexpectedEof);
    }
}
