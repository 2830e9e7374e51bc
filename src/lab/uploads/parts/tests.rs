use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::super::file_name::Facts;
use super::super::{Claimed, Found, Pieces};
use super::*;
use crate::lab::clock::{Clock, TimeSource};
use crate::lab::images::Kept;
use crate::lab::images::file_name::FileName as ImageName;
use crate::lab::settings::UploadSettings;
use crate::session::{Entry, Status};

static NOW: AtomicU64 = AtomicU64::new(1_000_000);

fn uploads(settings: UploadSettings) -> Arc<Uploads> {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::from_millis(NOW.load(Relaxed)) };
    let clock = Arc::new(Clock::new(time, false));
    let images = Arc::new(Images::new(settings, Arc::clone(&clock)));
    Arc::new(Uploads::new(settings, images, clock))
}

/// One in parts; answers its number.
fn begin(uploads: &Arc<Uploads>, count: Option<u16>) -> u64 {
    uploads.begin(Shape::Parts(count), None, "image/png".to_owned(), None).unwrap().facts.number
}

fn admit(uploads: &Arc<Uploads>, upload: u64, part: u16, length: u64) -> Slot {
    uploads.admit_part(upload, part, Some(length)).unwrap()
}

fn digest(content: &str) -> ImageId {
    ImageId::of(Sha256::new_with_prefix(content))
}

fn land(slot: Slot, content: &str) -> Result<Option<Name>, u16> {
    slot.land(digest(content), content.len() as u64).map_err(|refusal| refusal.status)
}

fn poll(turn: &Turn) -> Option<Result<Claimed, Refusal>> {
    turn.poll_batch(|| Waker::noop().clone())
}

fn batch(uploads: &Arc<Uploads>, upload: u64) -> Pieces {
    match poll(&uploads.ask(upload).unwrap()) {
        Some(Ok(Claimed::Pieces(pieces))) => pieces,
        Some(Err(refusal)) => panic!("{refusal:?}"),
        _ => panic!("nobody is in the way"),
    }
}

fn bytes_of(uploads: &Uploads, upload: u64) -> Vec<u64> {
    uploads.inventory(upload).unwrap().have.values().map(|part| part.unwrap().0).collect()
}

#[test]
fn of_two_with_the_same_part_the_one_that_came_last_has_it() {
    let uploads = uploads(UploadSettings::default());
    let upload = begin(&uploads, None);
    let [older, newer] = [3, 5].map(|length| admit(&uploads, upload, 1, length));
    let file = older.file(digest("old"));
    assert_eq!(land(older, "old"), Ok(None));
    assert_eq!(land(newer, "newer"), Ok(Some(file)), "which is in the place of the older one");
    let [older, newer] = [3, 5].map(|length| admit(&uploads, upload, 1, length));
    assert!(matches!(land(newer, "newer"), Ok(Some(_))));
    assert_eq!(land(older, "old"), Err(409), "it ends behind the newer one");
    assert_eq!(bytes_of(&uploads, upload), [5]);
    let lost = admit(&uploads, upload, 1, 7);
    drop(lost);
    assert_eq!(bytes_of(&uploads, upload), [5], "what is cut changes nothing");
}

#[test]
fn what_is_missing_stands_in_front_of_what_is_there_and_of_what_was_said() {
    let uploads = uploads(UploadSettings::default());
    let upload = begin(&uploads, Some(5));
    let missing = || uploads.inventory(upload).unwrap().missing;
    assert_eq!(missing(), [1, 2, 3, 4, 5]);
    assert_eq!(uploads.admit_part(upload, 6, None).err().map(|refusal| refusal.status), Some(422));
    for part in [1, 3, 5] {
        land(admit(&uploads, upload, part, 1), "x").unwrap();
    }
    assert_eq!(missing(), [2, 4]);
    let Some(Err(refusal)) = poll(&uploads.ask(upload).unwrap()) else { panic!("some are missing") };
    assert_eq!((refusal.status, &*refusal.why), (409, "have 1,3,5 missing 2,4"));
    let other = begin(&uploads, None);
    assert_eq!(uploads.inventory(other).unwrap().missing, [1], "no image is made of no parts");
}

#[test]
fn whoever_joins_parts_waits_for_those_that_were_promised_and_has_them_alone() {
    let uploads = uploads(UploadSettings::default());
    let upload = begin(&uploads, None);
    let (promised, other) = (admit(&uploads, upload, 1, 3), admit(&uploads, upload, 2, 3));
    promised.promise().unwrap();
    let turn = uploads.ask(upload).unwrap();
    assert!(poll(&turn).is_none(), "it is on its way");
    land(promised, "abc").unwrap();
    let Some(Ok(Claimed::Pieces(pieces))) = poll(&turn) else { panic!("all that is acknowledged is there") };
    assert_eq!(land(other, "def"), Err(409));
    assert_eq!(uploads.admit_part(upload, 3, None).err().map(|refusal| refusal.status), Some(409));
    let next = uploads.ask(upload).unwrap();
    assert!(next.poll(|| Waker::noop().clone()).is_none(), "nor is it cancelled meanwhile");
    drop(pieces);
    assert!(matches!(next.poll(|| Waker::noop().clone()), Some(Ok(Found::InParts))), "as it was before");
    assert_eq!(bytes_of(&uploads, upload), [3]);
}

#[test]
fn joined_parts_are_an_image_and_their_room_is_given_back() {
    let limits = UploadSettings { max_total_bytes: 10, most_open: 3, ..UploadSettings::default() };
    let uploads = uploads(limits);
    let upload = begin(&uploads, None);
    for (part, content) in [(2, "def"), (1, "abc"), (2, "xyz")] {
        land(admit(&uploads, upload, part, 3), content).unwrap();
    }
    let mut pieces = batch(&uploads, upload);
    let lengths: Vec<u64> = pieces.sources().iter().map(|source| source.length).collect();
    assert_eq!(lengths, [3, 3]);
    let known = ImageName { id: digest("abcxyz"), number: upload, content_type: "image/png".to_owned() };
    let (kept, left) = pieces.keep(known, Status { length: 6, modified_millis: 0 });
    assert!(matches!(kept, Kept::New(_)));
    assert_eq!(left.iter().map(Name::folder).collect::<Vec<_>>(), ["uploads", "parts", "parts"]);
    assert!(matches!(poll(&uploads.ask(upload).unwrap()), Some(Ok(Claimed::Complete { length: 6, .. }))));
    let places: Vec<_> = (0..3).map(|_| uploads.images.admit(None).unwrap()).collect();
    drop(places);
    assert!(uploads.images.admit(Some(5)).is_err() && uploads.images.admit(Some(4)).is_ok());
}

#[test]
fn all_parts_together_are_within_the_limits() {
    let limits = UploadSettings { max_bytes: 10, max_total_bytes: 12, ..UploadSettings::default() };
    let uploads = uploads(limits);
    let upload = begin(&uploads, None);
    land(admit(&uploads, upload, 1, 6), "123456").unwrap();
    let refused =
        |part, length| uploads.admit_part(upload, part, Some(length)).err().map(|refusal| refusal.status);
    assert_eq!((refused(2, 5), refused(1, 11)), (Some(413), Some(413)));
    assert_eq!(refused(1, 7), Some(507), "until it is whole there are both");
    let [first, second] = [2, 3].map(|part| admit(&uploads, upload, part, 3));
    land(first, "abc").unwrap();
    assert_eq!(land(second, "def"), Err(413), "two were few enough, each for itself");
    drop(uploads.ask(upload).unwrap().forget_parts());
    assert!(uploads.images.admit(Some(10)).is_ok());
}

#[test]
fn a_server_that_was_killed_at_any_point_knows_which_files_count() {
    let uploads = uploads(UploadSettings { ttl: Duration::from_millis(10), ..UploadSettings::default() });
    let now = NOW.load(Relaxed);
    let entry = |name, modified_millis| Entry { name, status: Status { length: 3, modified_millis } };
    let of = |upload, part, ticket| FileName { upload, part, ticket, digest: digest("abc") }.name();
    let marker = |number| {
        let facts = Facts {
            number,
            shape: Shape::Parts(None),
            length: None,
            content_type: "a/b".to_owned(),
            metadata: None,
        };
        let status = Status { length: 0, modified_millis: now - 20 };
        Entry { name: facts.name(None), status }
    };
    // The file of the second upload is gone, as it is complete; nobody has used the third for too long.
    let files = [of(4, 1, 7), of(4, 1, 6), of(4, 3, 5), of(4, 3, 9), of(2, 1, 8), of(3, 1, 10)];
    let ages = [0, 0, 0, 0, 0, 15];
    let parts = files.iter().zip(ages).map(|(file, age)| entry(file.clone(), now - age)).collect();
    let mut spare = uploads.restore(vec![marker(4), marker(3)], parts);
    spare.sort();
    let mut due = vec![of(4, 1, 6), of(4, 3, 5), of(2, 1, 8), of(3, 1, 10), marker(3).name];
    due.sort();
    assert_eq!(spare, due);
    let inventory = uploads.inventory(4).unwrap();
    assert_eq!(
        (inventory.have.keys().copied().collect::<Vec<_>>(), inventory.missing),
        (vec![1, 3], vec![2])
    );
    assert_eq!(
        land(admit(&uploads, 4, 1, 3), "new"),
        Ok(Some(of(4, 1, 7))),
        "numbers go on behind all of them"
    );
    NOW.fetch_add(10, Relaxed);
    assert_eq!(uploads.inventory(4).unwrap_err().status, 404);
    assert_eq!(std::iter::from_fn(|| uploads.take_left()).count(), 3);
}

#[test]
fn what_grows_takes_no_parts() {
    let uploads = uploads(UploadSettings::default());
    let lease = uploads.begin(Shape::Whole, None, "a/b".to_owned(), None).unwrap();
    let number = lease.facts.number;
    drop(lease);
    assert_eq!(uploads.admit_part(number, 1, None).err().map(|refusal| refusal.status), Some(409));
    assert_eq!(uploads.inventory(number).unwrap_err().status, 409);
    assert!(matches!(poll(&uploads.ask(number).unwrap()), Some(Err(refusal)) if refusal.status == 409));
}

proptest! {
    #[test]
    fn a_file_name_says_all(upload: u64, part in NUMBERS, ticket: u64, content: String) {
        let known = FileName { upload, part, ticket, digest: digest(&content) };
        prop_assert_eq!(FileName::parse(known.name().file()), Some(known));
    }

    #[test]
    fn no_other_file_is_taken_for_a_part(file in "[0-9]{0,3}[.]?[0-9]{0,6}[.]?[0-9]{0,3}[.]?[0-9a-f]{60,70}") {
        if let Some(known) = FileName::parse(&file) {
            let name = known.name();
            prop_assert_eq!(name.file(), file);
        }
    }
}
