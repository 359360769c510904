//! How a file's bytes are read, by how it begins.
//!
//! In: its first bytes. Out: [`Form`], or nothing for what is packed. Source: the magic bytes of the formats. Odd: text in UTF-16
//! is only known by its byte order mark.

/// How a file's bytes are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    /// Text of two bytes a character, of which every other is zero.
    Wide,
    /// Something else, in which there are texts.
    Binary,
}

/// What a file that begins so is; `None` for what is packed, in which nothing can be read.
pub(super) fn form(head: &[u8]) -> Option<Form> {
    const PACKED: &[&[u8]] = &[
        b"\x1f\x8b",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"PK\x03\x04",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"wOF2",
        b"wOFF",
        b"OggS",
        b"RIFF",
        b"7z\xbc\xaf",
        b"\0\0\x01\0",
        b"ID3",
        b"\x04\x22\x4d\x18",
    ];
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some(Form::Wide);
    }
    if PACKED.iter().any(|magic| head.starts_with(magic)) {
        return None;
    }
    Some(if memchr::memchr(0, head).is_some() { Form::Binary } else { Form::Text })
}
