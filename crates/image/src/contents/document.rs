//! The table of contents itself.
//!
//! In: JSON, in an archive of its own (eStargz) or a frame (zstd:chunked). Out: [`Contents`]. Odd: a table that leaves
//! something open, as an old one without digests, is no error: the layer is then read as a whole.

use std::{
    cell::Cell,
    collections::BTreeSet,
    io::{self, Read},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll_model::Digest;
use serde::Deserialize;

use super::{
    Form, Table,
    fetch::{Fetcher, MAX_CHUNK},
};
use crate::{
    blob::is_impossible_whiteout,
    budget::Budget,
    capabilities::FileCapabilities,
    codec::{Codec, digest_bytes, unpack},
    entry::{EntryKind, EntryMeta, TreePath},
    tar::Reader,
};

/// Bytes of a table, packed; one of a hundred thousand files has 9 MiB.
const MAX_PACKED: u64 = 32 << 20;
/// Bytes of a table, unpacked: some hundred thousand files. A layer of more is read as a whole.
const MAX_TABLE: u64 = 48 << 20;
/// Bytes at the end of an eStargz that name the table's place.
const FOOTER: u64 = 51;
/// Bytes at the end that are fetched at once: mostly the table is among them.
const TAIL: u64 = 128 << 10;
const TABLE_NAME: &str = "stargz.index.json";

/// What a layer holds, and where.
pub(super) struct Contents {
    pub(super) members: Vec<Member>,
    chunks: Vec<Chunk>,
}

/// One entry.
pub(super) struct Member {
    pub(super) meta: EntryMeta,
    first: usize,
    count: usize,
}

/// A part of a file.
pub(super) struct Chunk {
    /// Where in the blob.
    pub(super) offset: u64,
    pub(super) end: u64,
    /// Bytes that come before it in what is unpacked from there.
    pub(super) inner: u64,
    pub(super) size: u64,
    /// `None`: zeros, which lie nowhere.
    pub(super) digest: Option<Digest>,
}

impl Contents {
    pub(super) fn chunks_of(&self, member: &Member) -> &[Chunk] {
        self.chunks.get(member.first..member.first + member.count).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Document {
    version: u32,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    link_name: String,
    #[serde(default)]
    mode: i64,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    uid: i64,
    #[serde(default)]
    gid: i64,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    inner_offset: u64,
    #[serde(default)]
    chunk_size: u64,
    #[serde(default)]
    chunk_offset: u64,
    #[serde(default)]
    chunk_digest: Option<String>,
    #[serde(default)]
    chunk_type: String,
    #[serde(default)]
    xattrs: Attributes,
}

/// Attributes of the file system, in base64.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(rename = "security.capability")]
    capability: Option<String>,
}

/// Fetches and reads a layer's table; `None` when it cannot be relied on.
pub(super) fn read(table: &Table, fetcher: &mut Fetcher<'_>, budget: &Budget) -> Option<Contents> {
    let (json, data_end) = match table.form {
        Form::Estargz => estargz(fetcher, budget)?,
        Form::Chunked { offset, length, unpacked } => {
            if length > MAX_PACKED || unpacked > MAX_TABLE {
                return None;
            }
            let packed = fetcher.bytes(offset, offset.checked_add(length)?).ok()?;
            if digest_bytes(packed) != table.digest {
                return None;
            }
            (unpacked_all(Codec::Zstd, packed, unpacked, budget)?, offset)
        }
    };
    if table.form == Form::Estargz && digest_bytes(&json) != table.digest {
        return None;
    }
    let document: Document = serde_json::from_slice(&json).ok()?;
    drop(json);
    (document.version == 1).then_some(())?;
    contents(document.entries, data_end, budget)
}

/// The table's text, and where it begins in the blob.
fn estargz(fetcher: &mut Fetcher<'_>, budget: &Budget) -> Option<(Vec<u8>, u64)> {
    let size = fetcher.size;
    // All at once, since the footer names what is mostly just before it.
    let tail_at = size.saturating_sub(TAIL);
    let tail = fetcher.bytes(tail_at, size).ok()?;
    let footer = tail.get(tail.len().checked_sub(usize::try_from(FOOTER).ok()?)?..)?;
    let offset = footer_offset(footer)?;
    let end = size.checked_sub(FOOTER)?;
    (end.checked_sub(offset)? <= MAX_PACKED).then_some(())?;
    let packed = fetcher.bytes(offset, end).ok()?;
    let archive = unpacked_all(Codec::Gzip, packed, MAX_TABLE, budget)?;
    let mut reader = Reader::new(archive.as_slice(), budget);
    while let Ok(Some(meta)) = reader.next_entry() {
        if meta.path == TreePath::from(TABLE_NAME) {
            let mut json = Vec::new();
            reader.content().read_to_end(&mut json).ok()?;
            return Some((json, offset));
        }
    }
    None
}

/// A gzip member of nothing, with an extra field: `SG`, its length, 16 hexadecimal digits and `STARGZ`.
fn footer_offset(footer: &[u8]) -> Option<u64> {
    let extra = footer.strip_prefix(&[0x1f, 0x8b, 8, 4])?.get(6..)?;
    let field = extra.strip_prefix(&[26, 0, b'S', b'G', 22, 0])?;
    let digits = std::str::from_utf8(field.get(..16)?).ok()?;
    (field.get(16..22)? == b"STARGZ").then_some(())?;
    u64::from_str_radix(digits, 16).ok()
}

fn unpacked_all(codec: Codec, packed: &[u8], limit: u64, budget: &Budget) -> Option<Vec<u8>> {
    let (mut bytes, used) = (Vec::new(), Cell::new(0));
    let read: io::Result<usize> = unpack(codec, packed, &used, budget)
        .and_then(|it| it.take(limit + 1).read_to_end(&mut bytes));
    read.ok().filter(|_| bytes.len() as u64 <= limit)?;
    Some(bytes)
}

fn contents(entries: Vec<Entry>, data_end: u64, budget: &Budget) -> Option<Contents> {
    (entries.len() <= budget.max_entries).then_some(())?;
    // Where one part ends the next begins, unless the table says it.
    let has_data = |entry: &&Entry| match entry.kind.as_str() {
        "reg" => entry.size > 0,
        kind => kind == "chunk",
    };
    let starts: BTreeSet<u64> = entries.iter().filter(has_data).map(|it| it.offset).collect();
    let end_of = |entry: &Entry| {
        let next = starts.range(entry.offset.saturating_add(1)..).next().copied();
        next.unwrap_or(data_end).min(data_end)
    };
    let mut contents = Contents { members: Vec::new(), chunks: Vec::new() };
    // The file whose parts come, and how many bytes of it are still to come.
    let mut left = 0;
    for entry in &entries {
        if entry.kind != "chunk" {
            (left == 0).then_some(())?;
            let meta = meta_of(entry)?;
            let is_usual = meta.path.as_bytes().len() <= budget.max_path_bytes
                && entry.link_name.len() <= budget.max_path_bytes
                && !is_impossible_whiteout(&meta);
            is_usual.then_some(())?;
            contents.members.push(Member { meta, first: contents.chunks.len(), count: 0 });
            left = if entry.kind == "reg" { entry.size } else { 0 };
            if left == 0 {
                continue;
            }
        }
        let member = contents.members.last_mut()?;
        let position = member.meta.size - left;
        let is_of_it =
            entry.kind == "reg" || TreePath::clean(entry.name.as_bytes()) == member.meta.path;
        (is_of_it && left > 0 && entry.chunk_offset == position).then_some(())?;
        let size = if entry.chunk_size == 0 { left } else { entry.chunk_size };
        let is_whole = size == member.meta.size;
        let digest = entry.chunk_digest.as_ref().filter(|text| !text.is_empty());
        let digest = match digest.or(entry.digest.as_ref().filter(|_| is_whole)) {
            _ if entry.chunk_type == "zeros" => None,
            Some(digest) => Some(digest.parse().ok()?),
            None => return None,
        };
        let (offset, end) = (entry.offset, end_of(entry));
        let is_placed = digest.is_none() || (offset < end && end <= data_end);
        (is_placed && size <= left && size <= MAX_CHUNK && entry.inner_offset <= MAX_CHUNK)
            .then_some(())?;
        contents.chunks.push(Chunk { offset, end, inner: entry.inner_offset, size, digest });
        member.count += 1;
        left -= size;
    }
    (left == 0).then_some(contents)
}

fn meta_of(entry: &Entry) -> Option<EntryMeta> {
    let kind = match entry.kind.as_str() {
        "reg" => EntryKind::File,
        "dir" => EntryKind::Directory,
        "symlink" => EntryKind::Symlink,
        "hardlink" => EntryKind::Hardlink,
        "char" => EntryKind::CharDevice,
        "block" => EntryKind::BlockDevice,
        "fifo" => EntryKind::Fifo,
        _ => return None,
    };
    let is_link = matches!(kind, EntryKind::Symlink | EntryKind::Hardlink);
    let capability = entry.xattrs.capability.as_ref();
    let capability = capability.and_then(|text| STANDARD.decode(text).ok());
    Some(EntryMeta {
        path: TreePath::clean(entry.name.as_bytes()),
        kind,
        mode: u32::try_from(entry.mode & 0o7777).ok()?,
        uid: u64::try_from(entry.uid).ok()?,
        gid: u64::try_from(entry.gid).ok()?,
        size: if kind == EntryKind::File { entry.size } else { 0 },
        mtime: 0,
        link: is_link.then(|| entry.link_name.clone().into_bytes()),
        capabilities: capability.and_then(|value| FileCapabilities::parse(&value)),
    })
}
