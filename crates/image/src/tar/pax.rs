//! Extended headers.
//!
//! In: the records `LENGTH KEY=VALUE\n` before an entry. Out: [`PaxRecords`], which change the entry's header. Source: POSIX
//! `pax`, "pax Extended Header"; GNU tar's manual, "Storing Sparse Files". Odd: the length counts everything, itself and
//! the newline included, so that a value may contain newlines that look like further records; an empty value keeps the
//! header's own.

use super::{
    header::Header,
    number,
    sparse::{MapProblem, Region},
};

/// How a sparse file's map is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SparseForm {
    /// Versions 0.0 and 0.1.
    InRecords,
    /// Version 1.0.
    InData,
}

/// The records that somebody uses; empty means absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct PaxRecords {
    path: Vec<u8>,
    link: Vec<u8>,
    size: Vec<u8>,
    uid: Vec<u8>,
    gid: Vec<u8>,
    mtime: Vec<u8>,
    atime: Vec<u8>,
    ctime: Vec<u8>,
    sparse_major: Vec<u8>,
    sparse_minor: Vec<u8>,
    sparse_name: Vec<u8>,
    sparse_size: Vec<u8>,
    sparse_real_size: Vec<u8>,
    sparse_count: Vec<u8>,
    sparse_map: Vec<u8>,
    capability: Vec<u8>,
}

impl PaxRecords {
    /// Reads all records.
    pub(super) fn parse(mut text: &[u8]) -> Result<Self, &'static str> {
        const DAMAGED: &str = "an extended header's record is damaged";
        let mut records = Self::default();
        // Version 0.0 repeats offset and length records; together they are the map of version 0.1.
        let mut pairs: Vec<u8> = Vec::new();
        let mut pair_parts = 0_usize;
        while !text.is_empty() {
            let (key, value, rest) = next_record(text).ok_or(DAMAGED)?;
            text = rest;
            match key {
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                    let is_offset = key == b"GNU.sparse.offset";
                    if pair_parts.is_multiple_of(2) != is_offset || value.contains(&b',') {
                        return Err(DAMAGED);
                    }
                    if pair_parts > 0 {
                        pairs.push(b',');
                    }
                    pairs.extend_from_slice(value);
                    pair_parts += 1;
                }
                _ => {
                    if let Some(record) = records.record(key) {
                        record.clear();
                        record.extend_from_slice(value);
                    }
                }
            }
        }
        if pair_parts > 0 {
            records.sparse_map = pairs;
        }
        Ok(records)
    }

    fn record(&mut self, key: &[u8]) -> Option<&mut Vec<u8>> {
        Some(match key {
            b"path" => &mut self.path,
            b"linkpath" => &mut self.link,
            b"size" => &mut self.size,
            b"uid" => &mut self.uid,
            b"gid" => &mut self.gid,
            b"mtime" => &mut self.mtime,
            b"atime" => &mut self.atime,
            b"ctime" => &mut self.ctime,
            b"GNU.sparse.major" => &mut self.sparse_major,
            b"GNU.sparse.minor" => &mut self.sparse_minor,
            b"GNU.sparse.name" => &mut self.sparse_name,
            b"GNU.sparse.size" => &mut self.sparse_size,
            b"GNU.sparse.realsize" => &mut self.sparse_real_size,
            b"GNU.sparse.numblocks" => &mut self.sparse_count,
            b"GNU.sparse.map" => &mut self.sparse_map,
            b"SCHILY.xattr.security.capability" => &mut self.capability,
            _ => return None,
        })
    }

    /// The `path` record.
    pub(super) fn path(&self) -> Option<&[u8]> {
        (!self.path.is_empty()).then_some(&self.path)
    }

    /// Whether there is a record that says where an entry is or how long, which makes no sense for many entries.
    pub(super) fn names_an_entry(&self) -> bool {
        [&self.path, &self.link, &self.size, &self.sparse_name].iter().any(|text| !text.is_empty())
    }

    /// The value of the attribute `security.capability`.
    pub(super) fn capability(&self) -> Option<&[u8]> {
        (!self.capability.is_empty()).then_some(&self.capability)
    }

    /// Overrides the header's fields.
    pub(super) fn apply_to(&self, header: &mut Header) -> Result<(), &'static str> {
        for (record, target) in [
            (&self.size, &mut header.size),
            (&self.uid, &mut header.uid),
            (&self.gid, &mut header.gid),
        ] {
            if !record.is_empty() {
                *target =
                    number::decimal(record).ok_or("an extended header's number is not one")?;
            }
        }
        let mut ignored = 0;
        for (record, target) in
            [(&self.mtime, &mut header.mtime), (&self.atime, &mut ignored), (&self.ctime, &mut 0)]
        {
            if !record.is_empty() {
                *target = number::seconds(record).ok_or("an extended header's time is not one")?;
            }
        }
        for (record, target) in [(&self.path, &mut header.name), (&self.link, &mut header.link)] {
            if !record.is_empty() {
                target.clone_from(record);
            }
        }
        Ok(())
    }

    /// How the map of a sparse file is stored; `None` when the entry is not sparse, or in a version that Go ignores.
    pub(super) fn sparse_form(&self) -> Option<SparseForm> {
        match (self.sparse_major.as_slice(), self.sparse_minor.as_slice()) {
            (b"0", b"0" | b"1") => Some(SparseForm::InRecords),
            (b"1", b"0") => Some(SparseForm::InData),
            (b"", b"") if !self.sparse_map.is_empty() => Some(SparseForm::InRecords),
            _ => None,
        }
    }

    /// Name and size that a sparse file really has.
    pub(super) fn apply_sparse_to(&self, header: &mut Header) -> Result<(), &'static str> {
        if !self.sparse_name.is_empty() {
            header.name.clone_from(&self.sparse_name);
        }
        let size =
            if self.sparse_size.is_empty() { &self.sparse_real_size } else { &self.sparse_size };
        if !size.is_empty() {
            header.size = number::decimal(size).ok_or("a sparse file's size is not a number")?;
        }
        Ok(())
    }

    /// The map of versions 0.0 and 0.1.
    pub(super) fn sparse_map(&self, limit: usize) -> Result<Vec<Region>, MapProblem> {
        const DAMAGED: MapProblem = MapProblem::Damaged("the map of a sparse file is damaged");
        let count = number::decimal(&self.sparse_count).ok_or(DAMAGED)?;
        let count = usize::try_from(count).map_err(|_negative| DAMAGED)?;
        let mut numbers = self.sparse_map.split(|&byte| byte == b',');
        if self.sparse_map.is_empty() {
            numbers.next();
        }
        let mut regions = Vec::new();
        while let Some(offset) = numbers.next() {
            let length = numbers.next().ok_or(DAMAGED)?;
            if regions.len() >= limit {
                return Err(MapProblem::TooMany);
            }
            regions.push(Region::parse(offset, length).ok_or(DAMAGED)?);
        }
        if regions.len() == count { Ok(regions) } else { Err(DAMAGED) }
    }
}

/// Splits off the first record: key, value, rest.
fn next_record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = text.iter().position(|&byte| byte == b' ')?;
    let (length_text, _) = text.split_at_checked(space)?;
    let length = usize::try_from(number::decimal(length_text)?).ok()?;
    if length < 5 {
        return None;
    }
    let (record, rest) = text.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    let (key, value) = body.split_at_checked(equals)?;
    let value = value.strip_prefix(b"=")?;
    let has_nul = match key {
        b"path" | b"linkpath" | b"uname" | b"gname" => value.contains(&0),
        key => key.contains(&0),
    };
    (!key.is_empty() && !has_nul).then_some((key, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_go_refuses_are_refused() {
        for text in [
            &b"9 path=a"[..],
            b"11 path=a\n",
            b"8 path=a\n",
            b"4 =\n",
            b"5 a\n\n",
            b"6 =ab\n",
            b" path=a\n",
            b"12 path=a\0b\n\n",
            b"11 pa\0th=a\n",
            b"-9 path=a\n",
            b"99999999999999999999 path=a\n",
        ] {
            assert!(PaxRecords::parse(text).is_err(), "{:?}", String::from_utf8_lossy(text));
        }
        let records = PaxRecords::parse(b"11 path=a\n\n").unwrap();
        assert_eq!(records.path(), Some(&b"a\n"[..]));
        assert_eq!(PaxRecords::parse(b"9 path=a\n9 path=b\n").unwrap().path(), Some(&b"b"[..]));
        assert_eq!(PaxRecords::parse(b"9 path=a\n8 path=\n").unwrap().path(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            if let Ok(records) = PaxRecords::parse(&text) {
                drop(records.sparse_map(10));
            }
        }
    }
}
