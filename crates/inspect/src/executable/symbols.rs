//! Symbols that an ELF program exports.
//!
//! In: a program, names. Out: where each is loaded. Source: System V ABI, "Symbol Table". Odd: a linker stores `sbom` as the
//! end of `my_sbom`, so a name may begin anywhere in the table of names.

use super::Executable;
use crate::parser::ParseError;

/// Longest table of exported names, and most symbols.
const MAX_NAMES: u64 = 8 << 20;
const MAX_SYMBOLS: u64 = 1 << 20;

impl Executable<'_> {
    /// Addresses of exported symbols, in the order of the names; a table that cannot be read has none.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn exported(&self, names: &[&str]) -> Result<Vec<Option<u64>>, ParseError> {
        let mut found = vec![None; names.len()];
        let (Some(symbols), Some(texts)) = (self.section(".dynsym"), self.section(".dynstr"))
        else {
            return Ok(found);
        };
        let row = if self.is_64 { 24 } else { 16 };
        let count = (symbols.size / row).min(MAX_SYMBOLS);
        let lies_within = |offset: u64, size: u64| {
            offset.checked_add(size).is_some_and(|end| end <= self.content.size())
        };
        if texts.size > MAX_NAMES
            || !lies_within(texts.offset, texts.size)
            || !lies_within(symbols.offset, count * row)
        {
            return Ok(found);
        }
        let texts = self.content.range(texts.offset, texts.size)?;
        let bytes = self.content.range(symbols.offset, count * row)?;
        for row in bytes.chunks_exact(usize::try_from(row).unwrap_or(usize::MAX)) {
            let fields = super::Fields { bytes: row, big: self.is_big_endian };
            let (Some(at), Some(value)) = (fields.usize(0), fields.word(self.is_64, 8, 4)) else {
                continue;
            };
            let text = texts.get(at..).unwrap_or_default();
            let is_called = |name: &&str| {
                text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"\0"))
            };
            if value != 0
                && let Some(place) = names.iter().position(is_called)
                && let Some(known) = found.get_mut(place)
            {
                known.get_or_insert(value);
            }
        }
        Ok(found)
    }
}
