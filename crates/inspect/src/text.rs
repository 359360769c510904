//! Keeps small files for the checks.
//!
//! In: files that a check wants to see ([`Wanted`](crate::Wanted)). Out: their text, as it is, or what the check wants of
//! it. Odd: some of these files hold password hashes, so facts of a layer are for their owner's eyes, and nothing of them
//! goes into evidence unmasked.

use plimsoll_image::EntryMeta;

use crate::{
    facts::FileFacts,
    parser::{ClaimedFile, ParseError, Parser, Want},
    wanted::Index,
};

/// The id of the detector, by which its texts are found again.
pub(crate) const ID: &str = "checked-text";

/// Keeps the files that checks want.
#[derive(Debug)]
pub(crate) struct CheckedText;

impl Parser for CheckedText {
    fn id(&self) -> &'static str {
        ID
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self) -> &'static str {
        "configuration files that checks look at, up to 1 MiB each"
    }

    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want> {
        let wanted = Index::of_all().find(path, meta.size)?;
        Some(Want::Whole { limit: wanted.limit() })
    }

    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError> {
        let wanted = Index::of_all().find(file.path.as_bytes(), file.size);
        let text = match wanted.and_then(|wanted| wanted.kept) {
            Some(kept) => (kept.of)(file.bytes),
            None => String::from_utf8_lossy(file.bytes).into_owned(),
        };
        Ok(FileFacts { text: Some(text), ..FileFacts::default() })
    }
}
