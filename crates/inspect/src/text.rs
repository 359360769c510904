//! Keeps small files for the checks.
//!
//! In: files that a check claims. Out: their text, as it is. Odd: some of these files hold password hashes, so facts of a
//! layer are for their owner's eyes, and nothing of them goes into evidence unmasked.

use plimsoll_image::EntryMeta;

use crate::{
    check::checks,
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
};

/// Most bytes of one file: what configuration files have.
const LIMIT: u64 = 1 << 20;

/// The id of the detector, by which its texts are found again.
pub(crate) const ID: &str = "checked-text";

/// Keeps the files that checks claim.
#[derive(Debug)]
pub(crate) struct CheckedText;

impl Parser for CheckedText {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &'static str {
        "configuration files that checks look at, up to 1 MiB each"
    }

    fn claims(&self, path: &[u8], _: &EntryMeta) -> Option<Want> {
        checks().iter().any(|check| check.claims(path)).then_some(Want::Whole { limit: LIMIT })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let text = Some(String::from_utf8_lossy(file.bytes).into_owned());
        Ok(FileFacts { text, ..FileFacts::default() })
    }
}
