//! Reads tar archives by the rules of Go's `archive/tar`, which every runtime uses to unpack layers.
//!
//! In: the bytes of an archive, as a stream. Out: one [`EntryMeta`] per entry, in order, and the content of the current
//! one. Source: Go's `archive/tar` (behaviour), POSIX `pax`, GNU tar's manual, "Basic Tar Format". Each rule that other
//! readers break has a sample in the tests.
//!
//! Odd, and on purpose:
//! * The size of links, directories, devices and fifos is ignored: the next header follows at once.
//! * Two extended headers before one entry: only the second counts. Global ones are checked and then ignored.
//! * A GNU long name wins over a PAX `path`; of two equal PAX keys the last wins, and an empty value means "none".
//! * An archive may end without zero blocks, but not after a single one that something follows.

mod content;
mod header;
mod input;
mod number;
mod pax;
mod sparse;

use std::io;

pub use content::Content;
use content::retry;
pub use input::Input;
pub(crate) use input::skip_buffered;

use self::{
    header::{BLOCK, Block, Header},
    pax::PaxRecords,
    sparse::{Region, SparseContent},
};
use crate::{
    budget::{Budget, BudgetReached},
    capabilities::FileCapabilities,
    entry::{EntryKind, EntryMeta, TreePath},
};

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream below failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The archive is damaged, or is one that runtimes refuse.
    #[error("byte {offset}: {problem}")]
    Damaged {
        /// Where the header begins.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// A limit was reached.
    #[error(transparent)]
    Budget(#[from] BudgetReached),
}

/// Sentences about one archive that are kept.
const MAX_ANOMALIES: usize = 100;

/// Walks the entries of one archive.
pub struct Reader<'b, R> {
    input: R,
    budget: &'b Budget,
    /// Bytes consumed from `input`.
    position: u64,
    /// Where the current header begins.
    header_at: u64,
    /// Bytes of the current entry's data that are still in `input`.
    remaining: u64,
    /// Bytes between the data's end and the next header.
    padding: u64,
    sparse: Option<SparseContent>,
    /// Where the current entry's data begins in `input`.
    data_at: u64,
    block: Block,
    anomalies: Vec<String>,
    more_anomalies: u64,
}

impl<'b, R: Input> Reader<'b, R> {
    /// Reads an archive from its first byte.
    pub fn new(input: R, budget: &'b Budget) -> Self {
        Self {
            input,
            budget,
            position: 0,
            header_at: 0,
            remaining: 0,
            padding: 0,
            sparse: None,
            data_at: 0,
            block: [0; BLOCK],
            anomalies: Vec::new(),
            more_anomalies: 0,
        }
    }

    /// Skips what is left of the current entry and reads the next; `None` at the archive's end.
    ///
    /// # Errors
    /// [`TarError`]; the archive cannot be read on then.
    pub fn next_entry(&mut self) -> Result<Option<EntryMeta>, TarError> {
        let mut records = PaxRecords::default();
        let mut has_records = false;
        let mut long_name = Vec::new();
        let mut long_link = Vec::new();
        loop {
            if !self.skip_to_header()? || !self.read_header_block()? {
                return Ok(None);
            }
            let header = Header::parse(&self.block).map_err(|problem| self.damaged(problem))?;
            self.size_of(&header)?; // before extended headers may hide it
            match header.typeflag {
                b'x' | b'g' => {
                    let text = self.read_special(header.size)?;
                    let parsed =
                        PaxRecords::parse(&text).map_err(|problem| self.damaged(problem))?;
                    if header.typeflag == b'x' {
                        if has_records {
                            self.anomaly(|| "has two extended headers before one entry".into());
                        }
                        (records, has_records) = (parsed, true);
                    } else {
                        if parsed.names_an_entry() {
                            self.anomaly(|| {
                                "has a global extended header that names entries".into()
                            });
                        }
                        // A global header is an entry of its own to Go: what came before it does not reach past it.
                        (records, has_records) = (PaxRecords::default(), false);
                        long_name.clear();
                        long_link.clear();
                    }
                }
                b'L' => long_name = number::text(&self.read_special(header.size)?).to_vec(),
                b'K' => long_link = number::text(&self.read_special(header.size)?).to_vec(),
                _ => {
                    let entry = self.finish_entry(header, &records, &long_name, &long_link)?;
                    if let Some(meta) = entry {
                        return Ok(Some(meta));
                    }
                    (records, has_records) = (PaxRecords::default(), false);
                    long_name.clear();
                    long_link.clear();
                }
            }
        }
    }

    /// The content of the current entry: empty unless it is a regular file.
    pub fn content(&mut self) -> Content<'_, 'b, R> {
        Content::new(self)
    }

    /// Where the current entry's data begins in the archive; `None` for sparse files, whose bytes are not in one piece.
    #[must_use]
    pub fn data_offset(&self) -> Option<u64> {
        self.sparse.is_none().then_some(self.data_at)
    }

    /// Bytes of the archive that were consumed so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The input, and what is odd about the archive, sorted.
    pub fn finish(mut self) -> (R, Vec<String>) {
        self.anomalies.sort();
        self.anomalies.dedup();
        if self.more_anomalies > 0 {
            self.anomalies.push(format!("{} more oddities of the archive", self.more_anomalies));
        }
        (self.input, self.anomalies)
    }

    /// Applies extended headers; `None` for an entry that is none.
    fn finish_entry(
        &mut self,
        mut header: Header,
        records: &PaxRecords,
        long_name: &[u8],
        long_link: &[u8],
    ) -> Result<Option<EntryMeta>, TarError> {
        records.apply_to(&mut header).map_err(|problem| self.damaged(problem))?;
        if !long_name.is_empty() {
            if records.path().is_some_and(|path| path != long_name) {
                self.anomaly(|| format!("names an entry twice, as {}", shown(long_name)));
            }
            header.name = long_name.to_vec();
        }
        if !long_link.is_empty() {
            header.link = long_link.to_vec();
        }
        if header.typeflag == 0 {
            header.typeflag = if header.name.ends_with(b"/") { b'5' } else { b'0' };
        }
        if header.is_header_only() && header.size != 0 {
            let name = &header.name;
            self.anomaly(|| {
                format!("gives {} a size although it is no file: readers disagree", shown(name))
            });
        }
        let size = self.size_of(&header)?;
        self.begin_data(size);
        let sparse = self.sparse_regions(&mut header, records)?;
        let size = self.size_of(&header)?;
        if let Some(regions) = sparse {
            let content = SparseContent::new(regions, size, self.remaining)
                .filter(|_| !header.is_header_only())
                .ok_or_else(|| self.damaged("the map of a sparse file is contradictory"))?;
            self.sparse = Some(content);
        }
        self.data_at = self.position;
        let Some(mut meta) = self.meta(header, size)? else { return Ok(None) };
        // Those of links are their targets'; nothing but a file has any.
        if matches!(meta.kind, EntryKind::File | EntryKind::Hardlink)
            && let Some(value) = records.capability()
        {
            meta.capabilities = FileCapabilities::parse(value);
            if meta.capabilities.is_none() {
                let path = &meta.path;
                self.anomaly(|| {
                    format!("gives {} capabilities that the kernel refuses", shown(path.as_bytes()))
                });
            }
        }
        Ok(Some(meta))
    }

    /// Bytes of an entry's data: none for entries that are no files, whatever their header says.
    fn size_of(&self, header: &Header) -> Result<u64, TarError> {
        if header.is_header_only() {
            return Ok(0);
        }
        u64::try_from(header.size).map_err(|_negative| self.damaged("the entry's size is negative"))
    }

    fn meta(&mut self, header: Header, size: u64) -> Result<Option<EntryMeta>, TarError> {
        let kind = match header.typeflag {
            b'0' => EntryKind::File,
            b'7' | b'S' => {
                let (name, flag) = (&header.name, char::from(header.typeflag));
                self.anomaly(|| {
                    format!("has {} with type `{flag}`, which runtimes refuse", shown(name))
                });
                EntryKind::File
            }
            b'1' => EntryKind::Hardlink,
            b'2' => EntryKind::Symlink,
            b'3' => EntryKind::CharDevice,
            b'4' => EntryKind::BlockDevice,
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            unknown => {
                let (name, flag) = (&header.name, char::from(unknown).escape_default());
                self.anomaly(|| {
                    format!("has {} with unknown type `{flag}`, which runtimes refuse", shown(name))
                });
                return Ok(None);
            }
        };
        let limit = self.budget.max_path_bytes;
        if header.name.len() > limit || header.link.len() > limit {
            return Err(BudgetReached {
                name: "max_path_bytes",
                what: "length of a path",
                limit: limit as u64,
            }
            .into());
        }
        let has_link = matches!(kind, EntryKind::Hardlink | EntryKind::Symlink);
        Ok(Some(EntryMeta {
            path: TreePath::clean(&header.name),
            kind,
            mode: u32::try_from(header.mode & 0o7777).unwrap_or(0),
            uid: u64::try_from(header.uid).unwrap_or(0),
            gid: u64::try_from(header.gid).unwrap_or(0),
            size: if kind == EntryKind::File { size } else { 0 },
            mtime: header.mtime,
            link: has_link.then_some(header.link),
            capabilities: None,
        }))
    }

    fn sparse_regions(
        &mut self,
        header: &mut Header,
        records: &PaxRecords,
    ) -> Result<Option<Vec<Region>>, TarError> {
        if header.typeflag == b'S' {
            return self.old_sparse_map(header).map(Some);
        }
        let Some(form) = records.sparse_form() else { return Ok(None) };
        records.apply_sparse_to(header).map_err(|problem| self.damaged(problem))?;
        match form {
            pax::SparseForm::InRecords => {
                let regions = records.sparse_map(self.budget.max_sparse_regions);
                regions.map_err(|problem| self.map_problem(problem)).map(Some)
            }
            pax::SparseForm::InData => {
                let mut map = sparse::MapInData::new(self.budget.max_sparse_regions);
                while !map.is_complete() {
                    let mut block = [0; BLOCK];
                    if self.remaining < BLOCK as u64 {
                        return Err(self.damaged("the map of a sparse file is cut off"));
                    }
                    self.content_exact(&mut block)?;
                    if map.bytes_read() > self.budget.max_metadata_bytes {
                        return Err(self.metadata_limit());
                    }
                    map.feed(&block).map_err(|problem| self.map_problem(problem))?;
                }
                Ok(Some(map.into_regions()))
            }
        }
    }

    /// The map of an `S` entry: in its header and in blocks that follow it, which its size does not count.
    fn old_sparse_map(&mut self, header: &mut Header) -> Result<Vec<Region>, TarError> {
        let limit = self.budget.max_sparse_regions;
        let mut map =
            sparse::OldMap::new(&self.block, limit).map_err(|problem| self.map_problem(problem))?;
        header.size = map.real_size();
        let mut bytes = 0;
        while map.goes_on() {
            bytes += BLOCK;
            if bytes > self.budget.max_metadata_bytes {
                return Err(self.metadata_limit());
            }
            let mut block = [0; BLOCK];
            self.read_exact(&mut block)?;
            map.feed(&block).map_err(|problem| self.map_problem(problem))?;
        }
        Ok(map.into_regions())
    }

    fn map_problem(&self, problem: sparse::MapProblem) -> TarError {
        match problem {
            sparse::MapProblem::Damaged(problem) => self.damaged(problem),
            sparse::MapProblem::TooMany => TarError::Budget(BudgetReached {
                name: "max_sparse_regions",
                what: "regions of a sparse file",
                limit: self.budget.max_sparse_regions as u64,
            }),
        }
    }

    fn metadata_limit(&self) -> TarError {
        TarError::Budget(BudgetReached {
            name: "max_metadata_bytes",
            what: "extended header of an entry",
            limit: self.budget.max_metadata_bytes as u64,
        })
    }

    fn damaged(&self, problem: &'static str) -> TarError {
        TarError::Damaged { offset: self.header_at, problem }
    }

    fn anomaly(&mut self, sentence: impl FnOnce() -> String) {
        if self.anomalies.len() < MAX_ANOMALIES {
            self.anomalies.push(sentence());
        } else {
            self.more_anomalies += 1;
        }
    }

    fn begin_data(&mut self, size: u64) {
        self.sparse = None;
        self.remaining = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// `false` when the archive ends before the next header. Only padding may be missing at the end, not data.
    fn skip_to_header(&mut self) -> Result<bool, TarError> {
        let skipped = self.skip(self.remaining)?;
        if skipped < self.remaining {
            return Err(self.damaged("the archive ends inside the entry's data"));
        }
        self.remaining = 0;
        self.sparse = None;
        let skipped = self.skip(self.padding)?;
        let is_whole = skipped == self.padding;
        self.padding = 0;
        Ok(is_whole)
    }

    fn skip(&mut self, bytes: u64) -> Result<u64, TarError> {
        if bytes == 0 {
            return Ok(0);
        }
        let skipped = self.input.skip(bytes)?;
        self.position += skipped;
        Ok(skipped)
    }

    /// `false` at the archive's end.
    fn read_header_block(&mut self) -> Result<bool, TarError> {
        self.header_at = self.position;
        if !self.read_block()? {
            return Ok(false);
        }
        if self.block != [0; BLOCK] {
            return Ok(true);
        }
        if self.read_block()? && self.block != [0; BLOCK] {
            return Err(self.damaged("a zero block stands between entries"));
        }
        Ok(false)
    }

    /// `false` when nothing is left; a part of a block is an error.
    fn read_block(&mut self) -> Result<bool, TarError> {
        let mut filled = 0;
        while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let count = retry(|| self.input.read(rest))?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        self.position += filled as u64;
        match filled {
            BLOCK => Ok(true),
            0 => Ok(false),
            _ => Err(self.damaged("the archive ends inside a header")),
        }
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("the archive ends inside an entry"),
            _ => TarError::Io(error),
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// Reads from the current entry's data; the caller knows that there is enough.
    fn content_exact(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        self.read_exact(buffer)?;
        self.remaining = self.remaining.saturating_sub(buffer.len() as u64);
        Ok(())
    }

    /// The data of an extended header.
    fn read_special(&mut self, size: i64) -> Result<Vec<u8>, TarError> {
        let size = u64::try_from(size)
            .map_err(|_negative| self.damaged("the entry's size is negative"))?;
        self.begin_data(size);
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > self.budget.max_metadata_bytes {
            return Err(self.metadata_limit());
        }
        let mut text = vec![0; length];
        self.content_exact(&mut text)?;
        Ok(text)
    }
}

/// A name for messages: as text in backticks, shortened, without control characters.
pub(crate) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut short: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
#[path = "tar/tests.rs"]
mod tests;
