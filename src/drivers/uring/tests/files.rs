//! Files that the ring reads and writes.

use super::*;
use crate::drivers::disk::Disk;
use crate::drivers::pool::Ticket;
use crate::drivers::uring::files::Step;
use crate::drivers::uring::ring::Transfer;
use crate::session::{Assignment, Doer, Done, Errand, File, Name, Opened, Stay, Way};

#[test]
fn what_the_ring_has_written_it_reads() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let disk = Disk::fresh(Duration::ZERO);
    let said: Vec<u8> = (0..300_000u32).map(|number| (number % 251) as u8).collect();
    let write = Errand::Write { file: created(&disk), offset: 3, bytes: said.clone(), digests: None };
    let Done::Wrote { file, bytes, result: Ok(()), .. } = done(&mut ring, &disk, write) else {
        panic!("not written")
    };
    assert!(bytes == said, "the buffer comes back");
    let Done::Synced { file, result: Ok(()) } = done(&mut ring, &disk, Errand::Sync { file }) else {
        panic!("not synced")
    };
    let read = Errand::Read { file, offset: 3, bytes: vec![0; said.len() + 100], digests: None };
    let Done::Read { file, bytes, result: Ok(()), .. } = done(&mut ring, &disk, read) else {
        panic!("not read")
    };
    assert!(bytes == said, "as far as the file goes");
    let behind = Errand::Read { file, offset: 1 << 20, bytes: vec![0; 10], digests: None };
    let Done::Read { bytes, result: Ok(()), .. } = done(&mut ring, &disk, behind) else { panic!("not read") };
    assert!(bytes.is_empty());
}

#[test]
fn what_cannot_be_written_gives_its_bytes_back() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let disk = Disk::fresh(Duration::ZERO);
    let write =
        Errand::Write { file: created(&disk), offset: i64::MAX as u64, bytes: vec![7; 10], digests: None };
    let Done::Wrote { bytes, result: Err(_), .. } = done(&mut ring, &disk, write) else {
        panic!("no such offset")
    };
    assert_eq!(bytes, [7; 10]);
}

#[test]
fn a_slow_disk_is_a_pause_in_the_kernel_and_the_kernel_is_named() {
    let Ok(mut ring) = Ring::new(TIGHT) else { return };
    let disk = Disk::fresh(Duration::from_millis(20));
    let errand = Errand::Read { file: created(&disk), offset: 0, bytes: vec![0; 10], digests: None };
    let (way, delay) = (Way::Aside, Duration::from_millis(10));
    let assigned = Errand::Assigned(Box::new(Assignment { errand, way, delay }));
    let Done::Reported(_, report) = done(&mut ring, &disk, assigned) else { panic!("it was asked for") };
    assert_eq!(report.done_by, Doer::Kernel);
    assert!(report.ended - report.began >= Duration::from_millis(30));
}

/// The kernel may be writing from its buffer at that moment.
#[test]
fn a_ring_that_ends_closes_its_files() {
    for pause in [0, 10_000] {
        let Ok(mut ring) = Ring::new(TIGHT) else { return };
        let disk = Disk::fresh(Duration::from_millis(pause));
        let quick = Disk::fresh(Duration::ZERO);
        for _ in 0..10 {
            let write =
                Errand::Write { file: created(&quick), offset: 0, bytes: vec![7; 1 << 20], digests: None };
            ring.transfer(transfer(write, &disk));
        }
        ring.enter(Some(Duration::ZERO)).unwrap();
        drop(ring);
        assert!(quick.list("files").unwrap().is_empty(), "they were only there to be open");
    }
}

/// Does all that an errand takes.
fn done(ring: &mut Ring, disk: &Disk, errand: Errand) -> Done {
    let mut next = transfer(errand, disk);
    loop {
        ring.transfer(next);
        let Completion::Transferred { transfer, result } = completed(ring) else {
            panic!("only a transfer is under way")
        };
        match transfer.go_on(result) {
            Step::Again(transfer) => next = transfer,
            Step::Finished(finished) => return finished.done,
        }
    }
}

fn transfer(errand: Errand, disk: &Disk) -> Box<Transfer> {
    let ticket = Ticket { key: 0, number: 1 };
    Transfer::of(ticket, errand, disk).unwrap_or_else(|errand| panic!("none for the ring: {errand:?}"))
}

fn created(disk: &Arc<Disk>) -> File {
    let number = disk.list("files").unwrap().len();
    let name = Name::new("files", format!("file-{number}")).unwrap();
    match disk.run(Errand::Create { name, stay: Stay::WhileOpen }) {
        Done::Opened(Ok(Opened { file, .. })) => file,
        done => panic!("{done:?}"),
    }
}
