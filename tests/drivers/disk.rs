//! What the disk makes of each errand, without a driver around it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use wirelab::drivers::disk::Disk;
use wirelab::session::{Digests, Done, Errand, Failure, File, Name, Stay};

#[test]
fn a_file_is_written_read_and_cut_off() {
    let disk = Disk::fresh(Duration::ZERO);
    let file = create(&disk, "a", Stay::UntilRemoved);
    let Done::Wrote { file, bytes, result: Ok(()), .. } =
        disk.run(Errand::Write { file, offset: 3, bytes: b"defg".to_vec(), digests: None })
    else {
        panic!("not written")
    };
    assert_eq!(bytes, b"defg", "the buffer comes back");
    let Done::Wrote { file, result: Ok(()), .. } =
        disk.run(Errand::Write { file, offset: 0, bytes: b"abc".to_vec(), digests: None })
    else {
        panic!("not written")
    };
    let (file, all) = read(&disk, file, 1, 100);
    assert_eq!(all, b"bcdefg");
    let Done::Resized { file, result: Ok(()) } = disk.run(Errand::Resize { file, length: 2 }) else {
        panic!("not cut off")
    };
    let Done::Synced { file, result: Ok(()) } = disk.run(Errand::Sync { file }) else { panic!("not synced") };
    drop(file);
    let Done::Opened(Ok(opened)) = disk.run(Errand::Open { name: name("a") }) else { panic!("not opened") };
    assert_eq!(opened.status.length, 2);
    let (file, part) = read(&disk, opened.file, 0, 1);
    assert_eq!((&part[..], &read(&disk, file, 2, 8).1[..]), (&b"a"[..], &b""[..]));
}

#[test]
fn a_file_has_its_final_name_at_once_and_whole() {
    for sync in [false, true] {
        let disk = Disk::fresh(Duration::ZERO);
        for content in ["old", "new one"] {
            let file = create(&disk, "passing", Stay::WhileOpen);
            let Done::Wrote { file, .. } = disk.run(Errand::Write {
                file,
                offset: 0,
                bytes: content.as_bytes().to_vec(),
                digests: None,
            }) else {
                panic!("not written")
            };
            let final_name = Name::new("others", "final").unwrap();
            let Done::Published(Ok(status)) = disk.run(Errand::Publish { file, name: final_name, sync })
            else {
                panic!("not published")
            };
            assert_eq!(status.length, content.len() as u64);
        }
        assert_eq!(listed(&disk, "files"), Vec::<String>::new());
        assert_eq!(listed(&disk, "others"), ["final"]);
    }
}

#[test]
fn digests_take_in_what_is_written_and_what_is_read() {
    let disk = Disk::fresh(Duration::ZERO);
    let digests = || {
        let (sha256, sha1) = (Some(Sha256::new_with_prefix("be")), Some(Sha1::new_with_prefix("be")));
        Some(Box::new(Digests { sha256, sha1 }))
    };
    let due = (Sha256::digest("before").to_vec(), Sha1::digest("before").to_vec());
    let file = create(&disk, "a", Stay::UntilRemoved);
    let errand = Errand::Write { file, offset: 0, bytes: b"fore".to_vec(), digests: digests() };
    let Done::Wrote { file, digests: Some(written), .. } = disk.run(errand) else { panic!("not written") };
    // The file is shorter than the buffer.
    let errand = Errand::Read { file, offset: 0, bytes: vec![0; 10], digests: digests() };
    let Done::Read { digests: Some(read), .. } = disk.run(errand) else { panic!("not read") };
    for Digests { sha256, sha1 } in [*written, *read] {
        assert_eq!((sha256.unwrap().finalize().to_vec(), sha1.unwrap().finalize().to_vec()), due);
    }
}

#[test]
fn a_file_that_has_another_name_stays_open() {
    let disk = Disk::fresh(Duration::ZERO);
    let file = create(&disk, "a", Stay::UntilRemoved);
    let Done::Renamed { file, result: Ok(()) } = disk.run(Errand::Rename { file, name: name("b") }) else {
        panic!("not renamed")
    };
    let errand = Errand::Write { file, offset: 0, bytes: b"on".to_vec(), digests: None };
    let Done::Wrote { file, result: Ok(()), .. } = disk.run(errand) else { panic!("not written") };
    assert_eq!((read(&disk, file, 0, 9).1, listed(&disk, "files")), (b"on".to_vec(), vec!["b".to_owned()]));
}

#[test]
fn a_file_that_is_only_there_to_be_open_goes_with_its_last_holder() {
    let disk = Disk::fresh(Duration::ZERO);
    let (passing, lasting) =
        (create(&disk, "passing", Stay::WhileOpen), create(&disk, "lasting", Stay::UntilRemoved));
    assert_eq!(listed(&disk, "files"), ["lasting", "passing"]);
    drop((passing, lasting));
    assert_eq!(listed(&disk, "files"), ["lasting"]);
}

#[test]
fn a_removed_file_can_still_be_read_by_whoever_has_it_open() {
    let disk = Disk::fresh(Duration::ZERO);
    let file = create(&disk, "a", Stay::UntilRemoved);
    let Done::Wrote { file, .. } =
        disk.run(Errand::Write { file, offset: 0, bytes: b"still".to_vec(), digests: None })
    else {
        panic!("not written")
    };
    let remove = || disk.run(Errand::Remove { name: name("a") });
    assert!(matches!(remove(), Done::Removed(Ok(()))));
    assert!(matches!(remove(), Done::Removed(Err(Failure::Missing))));
    assert_eq!(read(&disk, file, 0, 8).1, b"still");
}

#[test]
fn names_that_are_taken_or_missing_are_told_from_other_failures() {
    let disk = Disk::fresh(Duration::ZERO);
    let open = || disk.run(Errand::Open { name: name("a") });
    assert!(matches!(open(), Done::Opened(Err(Failure::Missing))));
    let _file = create(&disk, "a", Stay::UntilRemoved);
    let again = disk.run(Errand::Create { name: name("a"), stay: Stay::WhileOpen });
    assert!(matches!(again, Done::Opened(Err(Failure::Exists))));
    assert!(matches!(open(), Done::Opened(Ok(_))));
}

#[test]
fn a_fresh_disk_leaves_no_folder_behind_and_a_given_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    let disk = Disk::at(root.clone(), Duration::ZERO);
    assert!(listed(&disk, "files").is_empty() && !root.exists(), "nobody has needed it");
    drop(create(&disk, "a", Stay::UntilRemoved));
    drop(disk);
    let disk = Disk::at(root.clone(), Duration::ZERO);
    fs::write(root.join("files").join(".hidden"), "not ours").unwrap();
    fs::create_dir(root.join("files").join("folder")).unwrap();
    assert_eq!(listed(&disk, "files"), ["a"]);
    disk.clear("files").unwrap();
    disk.clear("nothing-there").unwrap();
    assert!(listed(&disk, "files").is_empty() && root.join("files").join(".hidden").exists());
}

fn name(file: &str) -> Name {
    Name::new("files", file).unwrap()
}

fn create(disk: &Arc<Disk>, file: &str, stay: Stay) -> File {
    match disk.run(Errand::Create { name: name(file), stay }) {
        Done::Opened(Ok(opened)) => opened.file,
        done => panic!("{done:?}"),
    }
}

fn read(disk: &Arc<Disk>, file: File, offset: u64, most: usize) -> (File, Vec<u8>) {
    match disk.run(Errand::Read { file, offset, bytes: vec![0; most], digests: None }) {
        Done::Read { file, bytes, result: Ok(()), .. } => (file, bytes),
        done => panic!("{done:?}"),
    }
}

fn listed(disk: &Arc<Disk>, folder: &'static str) -> Vec<String> {
    let Done::Listed(Ok(entries)) = disk.run(Errand::List { folder }) else { panic!("not listed") };
    let mut names: Vec<_> = entries.iter().map(|entry| entry.name.file().to_owned()).collect();
    names.sort();
    names
}
