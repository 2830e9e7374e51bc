//! What a request says of an upload, and whether that fits what is known of it.

use super::tus;
use crate::http::structured;
use crate::lab::exchange::Call;
use crate::lab::journal::Ack;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::uploads::Lease;

/// The words that a request uses.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    /// Those of draft-ietf-httpbis-resumable-upload-12.
    Draft,
    /// Those of tus; with a checksum the content counts when it is what it was, or not at all.
    Tus { checksum: Option<[u8; 20]> },
}

/// The terms of a request with content.
pub(super) struct Terms {
    pub dialect: Dialect,
    /// Where the content belongs; a new upload has only one place for it.
    pub offset: Option<u64>,
    /// Whether it is the last.
    pub is_last: bool,
    /// How long the upload will be, if it says so.
    pub length: Option<u64>,
    /// How long the content is, unless it is chunked.
    pub announced: Option<u64>,
    /// Whether the client speaks the same version of the draft, and so may be sent a 104.
    pub hears_interim: bool,
    pub ack: Ack,
    pub form: Form,
    pub representation: Representation,
}

impl Terms {
    /// Whether a request asks for an upload that survives a cut. A field that is no Boolean is none, and asks for nothing.
    pub fn are_offered(call: &Call<'_>) -> bool {
        only(call, "upload-complete").and_then(structured::boolean).is_some()
    }

    /// What the fields of the draft say.
    ///
    /// # Errors
    /// `Upload-Complete` is missing, or is no Boolean, which is the same.
    pub fn read(call: &Call<'_>) -> Result<Terms, Refusal> {
        let is_last =
            only(call, "upload-complete").and_then(structured::boolean).ok_or_else(incompleteness)?;
        Ok(Terms { is_last, ..Terms::of_any(call)? })
    }

    /// The same, but for what every dialect says in its own way.
    pub fn of_any(call: &Call<'_>) -> Result<Terms, Refusal> {
        let version = only(call, INTEROP_VERSION_FIELD).and_then(structured::count);
        Ok(Terms {
            dialect: Dialect::Draft,
            offset: only(call, "upload-offset").and_then(structured::count),
            is_last: false,
            length: only(call, "upload-length").and_then(structured::count),
            announced: call.request.framing.content_length(),
            hears_interim: version == Some(INTEROP_VERSION),
            ack: Ack::of_file(call)?,
            form: call.form(),
            representation: call.representation(),
        })
    }

    /// Whether nothing is to come behind this offset.
    pub fn ends_at(&self, offset: u64, length: Option<u64>) -> bool {
        match self.dialect {
            Dialect::Draft => self.is_last,
            Dialect::Tus { .. } => length == Some(offset),
        }
    }

    pub fn is_tus(&self) -> bool {
        matches!(self.dialect, Dialect::Tus { .. })
    }

    /// What the content has to be, if that is said.
    pub fn checksum(&self) -> Option<[u8; 20]> {
        match self.dialect {
            Dialect::Draft => None,
            Dialect::Tus { checksum } => checksum,
        }
    }

    /// A refusal in the words of the request.
    pub fn refused(&self, refusal: Refusal) -> Refusal {
        match self.dialect {
            Dialect::Draft => refusal,
            Dialect::Tus { .. } => tus::refused(refusal),
        }
    }

    /// How long the upload will be, as far as the request tells, if it goes on at this offset.
    ///
    /// # Errors
    /// It tells two lengths.
    pub fn length_at(&self, offset: u64) -> Result<Option<u64>, Refusal> {
        let implied = self.announced.filter(|_| self.is_last).map(|announced| offset + announced);
        match (self.length, implied) {
            (Some(length), Some(implied)) if length != implied => Err(inconsistent(format!(
                "Upload-Length is {length}, and with this content it would be {implied}"
            ))),
            (length, implied) => Ok(length.or(implied)),
        }
    }

    /// Checks that the request fits the upload, and takes up what it tells of it.
    ///
    /// # Errors
    /// It does not.
    pub fn agree(&self, lease: &mut Lease) -> Result<(), Refusal> {
        let offset = lease.offset();
        if let Some(given) = self.offset.filter(|given| *given != offset) {
            return Err(mismatching(offset, given));
        }
        let told = self.length_at(offset)?;
        let length = match (lease.facts.length, told) {
            (Some(length), Some(told)) if length != told => {
                return Err(inconsistent(format!(
                    "the upload has {length} bytes, and by this request {told}"
                )));
            }
            (known, told) => known.or(told),
        };
        self.fits(length, self.announced.unwrap_or_default())?;
        lease.facts.length = length;
        Ok(())
    }

    /// Checks that so many bytes of content are not too many for an upload of this length.
    pub fn fits(&self, length: Option<u64>, content: u64) -> Result<(), Refusal> {
        let end = self.offset.unwrap_or_default() + content;
        match length {
            Some(length) if end > length => {
                Err(inconsistent(format!("the upload has {length} bytes, and this goes to {end}")))
            }
            _ => Ok(()),
        }
    }
}

/// The value of a field that stands in one line. Two of them are a list, which no Item is (RFC 9651 §4.2).
fn only<'c>(call: &Call<'c>, name: &str) -> Option<&'c [u8]> {
    let fields = call.request.fields;
    (fields.all(name).count() == 1).then(|| fields.first(name)).flatten()
}

fn incompleteness() -> Refusal {
    let why = "it is not said whether this is the last of the upload: Upload-Complete is a Boolean (RFC 9651 §3.3.6)";
    Refusal::new(400, why, "Upload-Complete: ?1 with the last bytes, Upload-Complete: ?0 before")
}

/// The upload is somewhere else.
fn mismatching(expected: u64, provided: u64) -> Refusal {
    let why = format!("the upload has {expected} bytes, and Upload-Offset is {provided}");
    Refusal::new(409, why, format!("Upload-Offset: {expected}, and the bytes from there on"))
        .with("Upload-Offset", expected.to_string())
        .with_member("type", format!("{PROBLEM_TYPES}#mismatching-upload-offset"))
        .with_member("title", "Mismatching Upload Offset")
        .with_member("expected-offset", expected)
        .with_member("provided-offset", provided)
}

/// Two requests, or two fields of one, tell different lengths.
pub(super) fn inconsistent(why: String) -> Refusal {
    Refusal::new(400, why, "one length from the beginning to the end; HEAD for what is known")
        .with_member("type", format!("{PROBLEM_TYPES}#inconsistent-upload-length"))
        .with_member("title", "Inconsistent Upload Length Values")
}

/// There is nothing to add any more.
pub(super) fn completed(image: &str) -> Refusal {
    Refusal::new(410, "the upload is complete", "GET what Location names")
        .with("Location", image.to_owned())
        .with_member("type", format!("{PROBLEM_TYPES}#completed-upload"))
        .with_member("title", "Upload Is Completed")
}

/// So that those who will implement the RFC are not taken for those who implement a draft.
pub(super) const INTEROP_VERSION_FIELD: &str = "Upload-Draft-Interop-Version";
pub(super) const INTEROP_VERSION: u64 = 8;

const PROBLEM_TYPES: &str = "https://iana.org/assignments/http-problem-types";
