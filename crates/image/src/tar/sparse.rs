//! Sparse files: maps of where the data belongs, and the file that they stand for.
//!
//! In: maps in the old GNU form (header and blocks after it) and in PAX form (records, or the data's first blocks). Out:
//! [`SparseContent`], which turns a read of the file into reads of data and runs of zeros. Source: GNU tar's manual,
//! "Storing Sparse Files"; Go's `archive/tar`. Odd: version 1.0 writes decimal although the manual says octal.

use super::{
    header::{BLOCK, Block, Dialect, dialect, field},
    number,
};

/// Data of a sparse file: everything between regions is zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Region {
    offset: u64,
    length: u64,
}

impl Region {
    /// A region from two decimal numbers.
    pub(super) fn parse(offset: &[u8], length: &[u8]) -> Option<Self> {
        Self::new(number::decimal(offset)?, number::decimal(length)?)
    }

    fn new(offset: i64, length: i64) -> Option<Self> {
        offset.checked_add(length)?;
        Some(Self { offset: u64::try_from(offset).ok()?, length: u64::try_from(length).ok()? })
    }
}

/// Why a map is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MapProblem {
    Damaged(&'static str),
    TooMany,
}

const DAMAGED: MapProblem = MapProblem::Damaged("the map of a sparse file is damaged");

fn push(regions: &mut Vec<Region>, region: Region, limit: usize) -> Result<(), MapProblem> {
    if regions.len() >= limit {
        return Err(MapProblem::TooMany);
    }
    regions.push(region);
    Ok(())
}

/// The old GNU map: four regions in the header, 21 in each block after it.
pub(super) struct OldMap {
    real_size: i64,
    regions: Vec<Region>,
    goes_on: bool,
    limit: usize,
}

impl OldMap {
    pub(super) fn new(header: &Block, limit: usize) -> Result<Self, MapProblem> {
        if dialect(header) != Some(Dialect::Gnu) {
            return Err(MapProblem::Damaged("a sparse entry is not in GNU format"));
        }
        let real_size = number::numeric(field(header, 483, 12)).ok_or(DAMAGED)?;
        let mut map = Self { real_size, regions: Vec::new(), goes_on: false, limit };
        map.table(header, 386, 4)?;
        Ok(map)
    }

    /// Reads the next block of the map.
    pub(super) fn feed(&mut self, block: &Block) -> Result<(), MapProblem> {
        self.table(block, 0, 21)
    }

    fn table(&mut self, block: &Block, start: usize, count: usize) -> Result<(), MapProblem> {
        for index in 0..count {
            let offset = field(block, start + index * 24, 12);
            if offset.first() == Some(&0) {
                break;
            }
            let offset = number::numeric(offset).ok_or(DAMAGED)?;
            let length =
                number::numeric(field(block, start + index * 24 + 12, 12)).ok_or(DAMAGED)?;
            let region = Region::new(offset, length).ok_or(DAMAGED)?;
            push(&mut self.regions, region, self.limit)?;
        }
        self.goes_on = field(block, start + count * 24, 1) != [0];
        Ok(())
    }

    /// Whether another block follows.
    pub(super) const fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Size of the file that the map describes.
    pub(super) const fn real_size(&self) -> i64 {
        self.real_size
    }

    pub(super) fn into_regions(self) -> Vec<Region> {
        self.regions
    }
}

/// Version 1.0: the data begins with the count and the numbers, one per line, up to the end of a block.
pub(super) struct MapInData {
    regions: Vec<Region>,
    /// Regions still to come; `None` before the count is read.
    missing: Option<u64>,
    offset: Option<Vec<u8>>,
    line: Vec<u8>,
    bytes: usize,
    limit: usize,
}

impl MapInData {
    pub(super) const fn new(limit: usize) -> Self {
        Self { regions: Vec::new(), missing: None, offset: None, line: Vec::new(), bytes: 0, limit }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing == Some(0)
    }

    pub(super) const fn bytes_read(&self) -> usize {
        self.bytes
    }

    pub(super) fn feed(&mut self, block: &Block) -> Result<(), MapProblem> {
        self.bytes += BLOCK;
        for &byte in block {
            if self.is_complete() {
                break; // the rest of the block is padding
            }
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match (self.missing, self.offset.take()) {
                (None, _) => {
                    let count = number::decimal(&line).ok_or(DAMAGED)?;
                    self.missing = Some(u64::try_from(count).map_err(|_negative| DAMAGED)?);
                }
                (Some(_), None) => self.offset = Some(line),
                (Some(missing), Some(offset)) => {
                    let region = Region::parse(&offset, &line).ok_or(DAMAGED)?;
                    push(&mut self.regions, region, self.limit)?;
                    self.missing = Some(missing.saturating_sub(1));
                }
            }
        }
        Ok(())
    }

    pub(super) fn into_regions(self) -> Vec<Region> {
        self.regions
    }
}

/// A sparse file that is being read.
pub(super) struct SparseContent {
    /// Regions that are not read yet, the next one last.
    regions: Vec<Region>,
    size: u64,
    position: u64,
}

impl SparseContent {
    /// `None` when regions overlap, are out of order, lie beyond the size, or do not add up to the stored data.
    pub(super) fn new(mut regions: Vec<Region>, size: u64, stored: u64) -> Option<Self> {
        let mut end = 0;
        let mut sum: u64 = 0;
        for region in &regions {
            if region.offset < end {
                return None;
            }
            end = region.offset.checked_add(region.length)?;
            sum = sum.checked_add(region.length)?;
        }
        if end > size || sum != stored {
            return None;
        }
        regions.retain(|region| region.length > 0);
        regions.reverse();
        Some(Self { regions, size, position: 0 })
    }

    /// Whether the next bytes are data, and how many of at most `wanted` there are in one piece.
    pub(super) fn next_piece(&self, wanted: usize) -> (bool, usize) {
        let (is_data, length) = match self.regions.last() {
            Some(region) if region.offset <= self.position => (true, region.length),
            Some(region) => (false, region.offset - self.position),
            None => (false, self.size.saturating_sub(self.position)),
        };
        (is_data, usize::try_from(length).unwrap_or(usize::MAX).min(wanted))
    }

    /// Moves on by bytes of the piece that [`next_piece`](Self::next_piece) named.
    pub(super) fn advance(&mut self, bytes: u64) {
        let is_data = matches!(self.regions.last(), Some(region) if region.offset <= self.position);
        self.position += bytes;
        if is_data && let Some(region) = self.regions.last_mut() {
            region.offset += bytes;
            region.length = region.length.saturating_sub(bytes);
            if region.length == 0 {
                self.regions.pop();
            }
        }
    }
}
