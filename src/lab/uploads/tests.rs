use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::lab::clock::TimeSource;
use crate::session::Status;

static NOW: AtomicU64 = AtomicU64::new(1_000_000);

fn uploads(ttl: Duration) -> Arc<Uploads> {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::from_millis(NOW.load(Relaxed)) };
    let (settings, clock) =
        (UploadSettings { ttl, ..UploadSettings::default() }, Arc::new(Clock::new(time, false)));
    let images = Arc::new(Images::new(settings, Arc::clone(&clock)));
    Arc::new(Uploads::new(settings, images, clock))
}

fn begin(uploads: &Arc<Uploads>) -> Lease {
    uploads.begin(Shape::Whole, Some(9), "image/png".to_owned(), None).unwrap()
}

fn poll(turn: &Turn) -> Option<Result<Found, Refusal>> {
    turn.poll(|| Waker::noop().clone())
}

#[test]
fn the_newest_request_has_the_upload_as_soon_as_the_one_before_lets_go() {
    let uploads = uploads(Duration::from_secs(60));
    let mut lease = begin(&uploads);
    assert!(!lease.is_superseded(|| Waker::noop().clone()));
    let (second, third) = (uploads.ask(1).unwrap(), uploads.ask(1).unwrap());
    assert!(lease.is_superseded(|| Waker::noop().clone()));
    assert!(matches!(poll(&second), Some(Err(refusal)) if refusal.status == 409));
    assert!(poll(&third).is_none(), "the first still has it");
    lease.progress().offset = 5;
    drop(lease);
    let Some(Ok(Found::Open(lease))) = poll(&third) else { panic!("it is its turn") };
    assert_eq!(lease.offset(), 5);
    lease.forget();
    assert!(uploads.ask(1).is_err());
}

#[test]
fn what_nobody_came_for_is_forgotten_and_its_file_left_to_the_next() {
    let uploads = uploads(Duration::from_millis(10));
    let files = |length| {
        let facts = |number, length| Facts {
            number,
            shape: Shape::Whole,
            length,
            content_type: "image/png".to_owned(),
            metadata: None,
        };
        let status = Status { length, modified_millis: NOW.load(Relaxed) };
        let old = Status { modified_millis: NOW.load(Relaxed) - 10, ..status };
        let entry = |facts: Facts, status| Entry { name: facts.name(None), status };
        vec![
            entry(facts(4, None), status),
            entry(facts(5, Some(9)), old),
            entry(facts(6, Some(length - 1)), status),
        ]
    };
    let [fresh, old, longer] = &files(3)[..] else { unreachable!() };
    assert_eq!(uploads.restore(files(3), vec![]), [old.name.clone(), longer.name.clone()]);
    assert_eq!(uploads.list().len(), 1);
    assert_eq!(uploads.images.admit(None).unwrap().number(), 5, "numbers go on behind those that are kept");
    NOW.fetch_add(10, Relaxed);
    assert!(uploads.list().is_empty() && uploads.ask(4).is_err());
    assert_eq!((uploads.take_left(), uploads.take_left()), (Some(fresh.name.clone()), None));
}

#[test]
fn of_content_that_was_to_be_checked_only_what_was_checked_counts() {
    let uploads = uploads(Duration::from_secs(60));
    let facts = |number| Facts {
        number,
        shape: Shape::Whole,
        length: Some(9),
        content_type: "image/png".to_owned(),
        metadata: None,
    };
    let status = Status { length: 7, modified_millis: NOW.load(Relaxed) };
    let entry = |number, counted| Entry { name: facts(number).name(Some(counted)), status };
    let lost = entry(3, 8);
    assert_eq!(uploads.restore(vec![entry(1, 0), entry(2, 7), lost.clone()], vec![]), [lost.name]);
    let offsets: Vec<_> = uploads.list().iter().map(|upload| (upload.number, upload.offset)).collect();
    assert_eq!(offsets, [(1, Some(0)), (2, Some(7))]);
}

proptest! {
    #[test]
    fn a_file_name_says_all(
        number: u64,
        counted: Option<u64>,
        (shape, length) in shapes(),
        content_type in "[a-z]{1,9}/[a-z.+_!#$&^-]{1,30}",
    ) {
        let facts = Facts { number, shape, length, content_type, metadata: None };
        prop_assert_eq!(Facts::parse(facts.name(counted).file()), Some((facts, counted)));
    }

    #[test]
    fn no_other_file_is_taken_for_an_upload(
        file in "[0-9]{0,3}(-[0-9]{0,3})?[.]?(any|(parts|partial)?-?[0-9]{0,3})[.]?[a-z%/2F]{0,9}",
    ) {
        if let Some((facts, counted)) = Facts::parse(&file) {
            let name = facts.name(counted);
            prop_assert_eq!(name.file(), file);
        }
    }
}

fn shapes() -> impl Strategy<Value = (Shape, Option<u64>)> {
    prop_oneof![
        any::<Option<u64>>().prop_map(|length| (Shape::Whole, length)),
        any::<Option<u64>>().prop_map(|length| (Shape::Partial, length)),
        any::<Option<u16>>().prop_map(|count| (Shape::Parts(count), None)),
    ]
}
