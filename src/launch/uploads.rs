//! Options for content that is kept as files, and the disk that it is kept on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{cannot, parse_time};
use crate::drivers::disk::{Disk, remove_abandoned};
use crate::lab::settings::UploadSettings;
use crate::lab::{Lab, images, uploads, workbench};

/// Limits, and how fast the disk is.
#[derive(Args, Clone, Debug)]
pub struct UploadOptions {
    /// Largest upload, in bytes (413 above), e.g. --max-upload 1048576
    #[arg(long, value_name = "BYTES", default_value_t = UploadSettings::default().max_bytes)]
    pub max_upload: u64,

    /// Most bytes of all uploads together (507 above), e.g. --max-stored 1073741824
    #[arg(long, value_name = "BYTES", default_value_t = UploadSettings::default().max_total_bytes)]
    pub max_stored: u64,

    /// Most uploads under way at a time, those that rest and parts on their way included (429 above),
    /// e.g. --max-open-uploads 10
    #[arg(long, value_name = "COUNT", default_value_t = UploadSettings::default().most_open)]
    pub max_open_uploads: usize,

    /// Time for which an unfinished upload is kept when nobody goes on with it, e.g. --upload-ttl 600s
    #[arg(long, value_name = "TIME", default_value = "3600s", value_parser = parse_time)]
    pub upload_ttl: Duration,

    /// Time that every call for an uploaded file takes longer, as --sync-delay has it for rows: a slow disk on purpose,
    /// e.g. --disk-delay 200ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    pub disk_delay: Duration,
}

impl UploadOptions {
    pub(super) fn settings(&self) -> UploadSettings {
        UploadSettings {
            max_bytes: self.max_upload,
            max_total_bytes: self.max_stored,
            most_open: self.max_open_uploads,
            ttl: self.upload_ttl,
            ..UploadSettings::default()
        }
    }

    /// The disk below the folder of `--data`, or else below one that is gone when the server ends. Those of servers that
    /// were killed are removed now.
    pub(super) fn disk(&self, data: Option<&Path>) -> Arc<Disk> {
        let Some(root) = data else {
            remove_abandoned();
            return Disk::fresh(self.disk_delay);
        };
        Disk::at(root.to_owned(), self.disk_delay)
    }
}

/// Shows the lab the images and the unfinished uploads that there are, and removes what a server has left behind that
/// could not say goodbye.
pub(super) fn find(lab: &Lab, disk: &Disk) -> Result<(), String> {
    for folder in [images::INCOMING, workbench::FOLDER] {
        disk.clear(folder).map_err(|error| cannot("clear the folder of what was under way", error))?;
    }
    let files = disk.list(images::FOLDER).map_err(|error| cannot("list the images", error))?;
    let unfinished =
        disk.list(uploads::FOLDER).map_err(|error| cannot("list the unfinished uploads", error))?;
    let parts =
        disk.list(uploads::parts::FOLDER).map_err(|error| cannot("list the parts of uploads", error))?;
    let removed = lab.find(files, unfinished, parts).iter().try_for_each(|name| disk.remove(name));
    removed.map_err(|error| cannot("remove a file that is of no use", error))
}
