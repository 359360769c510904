//! Reads of a layer what detectors ask for, by the layer's table of contents.
//!
//! In: ranges of a blob, and the manifest's annotations about it. Out: [`LayerEntries`], with a gap. Source: the eStargz
//! format of containerd/stargz-snapshotter; zstd:chunked, `pkg/chunked` of containers/storage. Odd: the table is bound to
//! the manifest by its digest, and each chunk to the table. Nothing binds the table to the archive that the blob is, too: a
//! runtime that unpacks the archive may see other files. So layers are read so only for who asks for it, it is said of each
//! of them, and what was read is never kept as the layer's.

mod document;
mod fetch;

use std::io::{self, Read};

use plimsoll_model::{Digest, Gap, GapReason};

use self::{
    document::{Contents, Member},
    fetch::{Fetcher, MemberReader},
};
use crate::{
    budget::Budget,
    codec::Codec,
    entries::EntriesBuilder,
    entry::EntryKind,
    manifest::{ManifestDocument, parse_manifest},
    source::{EntryVisitor, ImageDocuments, LayerDescriptor, LayerEntries, ReadError},
};

const ESTARGZ: &str = "containerd.io/snapshot/stargz/toc.digest";
/// As it is called now, and as it was called before.
const CHUNKED: [&str; 2] =
    ["io.github.containers.zstd-chunked.manifest-", "io.containers.zstd-chunked.manifest-"];

/// A blob of which parts can be had.
pub trait RangeSource {
    /// So many bytes of the blob, from an offset on.
    ///
    /// # Errors
    /// They cannot be had, perhaps because only the whole blob can.
    fn range(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// Where a layer's table of contents is, and what it must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Table {
    form: Form,
    digest: Digest,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// At the place that the blob's last bytes name.
    Estargz,
    /// At an offset, compressed and unpacked so long.
    Chunked { offset: u64, length: u64, unpacked: u64 },
}

impl Form {
    const fn codec(self) -> Codec {
        match self {
            Self::Estargz => Codec::Gzip,
            Self::Chunked { .. } => Codec::Zstd,
        }
    }
}

/// What the manifest says of a layer's table.
fn table_of(documents: &ImageDocuments, index: usize) -> Option<Table> {
    let ManifestDocument::Image(manifest) =
        parse_manifest(documents.manifest.as_deref()?, None).ok()?
    else {
        return None;
    };
    let annotations = &manifest.layers.get(index)?.annotations;
    if let Some(digest) = annotations.get(ESTARGZ) {
        return Some(Table { form: Form::Estargz, digest: digest.parse().ok()? });
    }
    let said = |name: &str| CHUNKED.iter().find_map(|it| annotations.get(&format!("{it}{name}")));
    let digest = said("checksum")?.parse().ok()?;
    let mut numbers = said("position")?.split(':').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (offset, length, unpacked, kind) = (next()?, next()?, next()?, next()?);
    let form = Form::Chunked { offset, length, unpacked };
    (kind == 1).then_some(Table { form, digest })
}

/// Reads of a layer the files that `visitor` reads.
///
/// `None` when it has no table, or one that cannot be relied on, or ranges
/// cannot be had: nothing was visited then, and the layer is to be read as a whole.
///
/// # Errors
/// [`ReadError`] when what comes is not what the table says; nothing of the layer may be believed then.
pub fn read_by_contents(
    ranges: &dyn RangeSource,
    documents: &ImageDocuments,
    index: usize,
    budget: &Budget,
    visitor: &mut dyn EntryVisitor,
) -> Result<Option<LayerEntries>, ReadError> {
    let Some(layer) = documents.layers.get(index) else {
        return Err(ReadError::NoSuchLayer { index, count: documents.layers.len() });
    };
    let Some(table) = table_of(documents, index) else { return Ok(None) };
    let mut fetcher = Fetcher::new(ranges, budget, layer.size);
    let Some(contents) = document::read(&table, &mut fetcher, budget) else { return Ok(None) };
    let reading = Reading { codec: table.form.codec(), layer, budget };
    reading.walk(&contents, fetcher, visitor).map(Some)
}

struct Reading<'r> {
    codec: Codec,
    layer: &'r LayerDescriptor,
    budget: &'r Budget,
}

impl Reading<'_> {
    fn walk(
        &self,
        contents: &Contents,
        mut fetcher: Fetcher<'_>,
        visitor: &mut dyn EntryVisitor,
    ) -> Result<LayerEntries, ReadError> {
        let at = match self.layer.digest {
            Some(digest) => format!("layer {digest}"),
            None => "layer".to_owned(),
        };
        let mut layer = LayerEntries::default();
        let mut entries = EntriesBuilder::new();
        for (index, member) in (0_u32..).zip(&contents.members) {
            let Member { meta, .. } = member;
            if let Err(reached) = self.budget.use_entry(meta) {
                layer.gaps.push(Gap {
                    reason: GapReason::BudgetReached,
                    by: "layer".to_owned(),
                    at: at.clone(),
                    detail: format!("the layer was not read to its end: {reached}"),
                });
                break;
            }
            let seen = if meta.kind == EntryKind::File {
                let chunks = contents.chunks_of(member);
                let mut content = MemberReader::new(&mut fetcher, self.codec, chunks, self.budget);
                let seen = visitor.visit(index, meta, &mut content);
                // A visitor that goes on after a failure has not seen the file.
                content.failure().map_or(seen, Err)
            } else {
                visitor.visit(index, meta, &mut io::empty())
            };
            if let Err(source) = seen {
                return Err(ReadError::Visitor { at, source });
            }
            layer.unpacked_size = layer.unpacked_size.saturating_add(meta.size);
            entries
                .push_within(meta, self.budget)
                .map_err(|source| ReadError::Budget { at: at.clone(), source })?;
        }
        layer.entries = entries.finish();
        let (fetched, size) = (fetcher.fetched(), self.layer.size);
        layer.gaps.push(Gap {
            reason: GapReason::Unverified,
            by: "layer".to_owned(),
            at,
            detail: format!(
                "was read by its table of contents, {fetched} of {size} bytes: a runtime that unpacks the whole may see other files"
            ),
        });
        Ok(layer)
    }
}

#[cfg(test)]
#[path = "contents/tests.rs"]
mod tests;
