use std::time::{Duration, Instant};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::lab::clock::TimeSource;

fn images(settings: UploadSettings) -> Arc<Images> {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO };
    Arc::new(Images::new(settings, Arc::new(Clock::new(time, false))))
}

fn known(content: &str, number: u64) -> FileName {
    let id = ImageId::of(Sha256::new_with_prefix(content));
    FileName { id, number, content_type: "image/png".to_owned() }
}

fn status(length: u64) -> Status {
    Status { length, modified_millis: 1500 }
}

fn keep(images: &Arc<Images>, content: &str) -> Kept {
    let place = images.admit(Some(content.len() as u64)).unwrap();
    let known = known(content, place.number());
    place.keep(known, status(content.len() as u64))
}

#[test]
fn the_same_content_is_one_image() {
    let images = images(UploadSettings::default());
    let Kept::New(first) = keep(&images, "a") else { panic!("it is the first") };
    assert_eq!(keep(&images, "a"), Kept::There(Arc::clone(&first)));
    assert_eq!(images.find(&first.id), Some(Arc::clone(&first)));
    assert_eq!((first.modified, first.tag().len()), (1, 66));
    assert_eq!(images.remove(&first.id), Some(Arc::clone(&first)));
    assert_eq!((images.find(&first.id), images.remove(&first.id)), (None, None));
    images.put_back(first);
    assert_eq!(images.list().len(), 1);
}

#[test]
fn room_is_given_back() {
    let settings = UploadSettings {
        max_bytes: 10,
        max_total_bytes: 15,
        most_open: 2,
        most_kept: 3,
        ..UploadSettings::default()
    };
    let images = images(settings);
    let refused = |announced| images.admit(announced).map(drop).map_err(|refusal| refusal.status);
    assert_eq!(refused(Some(11)), Err(413));
    let mut place = images.admit(None).unwrap();
    assert_eq!(place.reserve(11).unwrap_err().status, 413);
    place.reserve(10).unwrap();
    assert_eq!(refused(Some(6)), Err(507));
    let other = images.admit(Some(5)).unwrap();
    assert_eq!(refused(None), Err(429));
    drop((place, other));
    assert_eq!(refused(Some(10)), Ok(()));
    for content in ["1234567890", "12345"] {
        assert!(matches!(keep(&images, content), Kept::New(_)));
    }
    assert_eq!((refused(Some(0)), refused(Some(1))), (Ok(()), Err(507)));
    assert!(matches!(keep(&images, ""), Kept::New(_)));
    assert_eq!(refused(Some(0)), Err(507), "three are kept");
    images.list().iter().for_each(|image| drop(images.remove(&image.id)));
    assert_eq!(refused(Some(10)), Ok(()));
}

#[test]
fn goes_on_from_the_files_that_are_there() {
    let images = images(UploadSettings::default());
    let entry = |name: Name| Entry { name, status: status(7) };
    let foreign = Name::new(FOLDER, "holiday.png").unwrap();
    let files = [known("b", 9), known("a", 4), known("b", 12)].map(|known| entry(known.name()));
    let spare = images.restore([&files[..], &[entry(foreign)]].concat());
    assert_eq!(spare, [known("b", 12).name()]);
    let numbers: Vec<u64> = images.list().iter().map(|image| image.number).collect();
    assert_eq!(numbers, [4, 9]);
    assert_eq!(images.admit(None).unwrap().number(), 13);
}

proptest! {
    #[test]
    fn a_file_name_says_all(content in ".*", number: u64, content_type in "[a-z]{1,9}/[a-z.+_!#$&^-]{1,30}(; ?a=\"[ -!#-\\[]{0,9}\")?") {
        let known = FileName { content_type, ..known(&content, number) };
        prop_assert!(file_name::is_short_enough(&known.content_type));
        prop_assert_eq!(FileName::parse(known.name().file()), Some(known));
    }

    #[test]
    fn no_other_file_is_taken_for_an_image(file in "[a-f0-9]{63,65}(-[0-9]{0,3})?([.][a-z%/2F]{0,9})?") {
        if let Some(known) = FileName::parse(&file) {
            let name = known.name();
            prop_assert_eq!(name.file(), file);
        }
    }
}
