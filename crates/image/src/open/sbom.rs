//! A document that lists packages, scanned in the place of an image.
//!
//! In: a file. Out: a source of one layer with one file in it, the document. Odd: it is an image to nobody; but so it takes
//! the way that all bytes from outside take, with their limits and in the same confinement. What it says is read by
//! `plimsoll-inspect`. Kinds are told apart by the first bytes: an archive never begins as a text does.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{OpenError, Wanted, io_error};
use crate::{
    budget::Budget,
    entries::Entries,
    entry::{EntryKind, EntryMeta, TreePath},
    source::{
        EntryVisitor, ImageDocuments, LayerDescriptor, LayerEntries, LayerOrigin, LayerSource,
        ReadError,
    },
};

/// The path of the document within the source.
pub const SBOM_PATH: &str = "document.sbom";

/// As much decides.
const HEAD: u64 = 4 << 10;

struct Sbom {
    file: PathBuf,
    documents: ImageDocuments,
}

/// Whether a file begins as JSON, XML, or SPDX's lines do. A file that cannot be read is somebody else's to complain about.
pub(super) fn looks_like_one(file: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() || head.contains(&0) {
        return false;
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    let has_line = |start: &[u8]| {
        text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_start().starts_with(start))
    };
    matches!(text.first(), Some(b'{' | b'<'))
        || has_line(b"SPDXVersion:")
        || has_line(b"spdxVersion:")
}

pub(super) fn open(wanted: &Wanted<'_>) -> Result<Box<dyn LayerSource + Send>, OpenError> {
    if let Some(name) = wanted.name {
        let problem = format!("is an SBOM, so that `{name}` cannot name an image in it");
        return Err(wanted.not_this_kind(&problem));
    }
    let file = File::open(wanted.file).map_err(|source| io_error(wanted.file, source))?;
    let size = file.metadata().map_err(|source| io_error(wanted.file, source))?.len();
    Ok(Box::new(Sbom {
        file: wanted.file.to_owned(),
        documents: ImageDocuments {
            name: wanted.shown.display().to_string(),
            source_kind: "sbom",
            manifest: None,
            manifest_digest: None,
            config: b"{}".to_vec(),
            config_digest: None,
            layers: vec![LayerDescriptor { size, ..LayerDescriptor::default() }],
            platform: None,
            total_size: size,
        },
    }))
}

impl LayerSource for Sbom {
    fn documents(&self) -> &ImageDocuments {
        &self.documents
    }

    fn read_layer(
        &self,
        index: usize,
        budget: &Budget,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        if index != 0 {
            return Err(ReadError::NoSuchLayer { index, count: 1 });
        }
        let at = self.file.display().to_string();
        let failed = |source: io::Error| ReadError::Io { at: at.clone(), source };
        let mut file = File::open(&self.file).map_err(failed)?;
        let meta = EntryMeta {
            path: TreePath::from(SBOM_PATH),
            kind: EntryKind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: file.metadata().map_err(failed)?.len(),
            mtime: 0,
            link: None,
            capabilities: None,
        };
        let visited = visitor.visit(0, &meta, &mut (&mut file).take(budget.max_unpacked_bytes));
        visited.map_err(|source| ReadError::Visitor { at: at.clone(), source })?;
        let entries = Entries::pack([&meta]);
        Ok(LayerEntries {
            entries: entries.map_err(|source| ReadError::Budget { at: at.clone(), source })?,
            origin: LayerOrigin::Folder,
            unpacked_size: meta.size,
            ..LayerEntries::default()
        })
    }
}
