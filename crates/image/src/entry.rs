//! One entry of a layer: its cleaned path, kind and metadata.
//!
//! In: names as archives write them, any bytes. Out: [`TreePath`] and [`EntryMeta`]. Source: Go's `path.Clean`, which the
//! runtimes apply to names. Odd: names are bytes; serialised as JSON they are text in which `%` and bytes that are not
//! UTF-8 are written as `%xx`, so that no name is lost.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capabilities::FileCapabilities;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; [`EntryMeta::link`] is its target as written.
    Symlink,
    /// Another name of an entry before it in the same archive; [`EntryMeta::link`] is that entry's path as written.
    Hardlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe or a socket.
    Fifo,
}

/// A path inside an image: relative to its root, without empty, `.` and `..` parts; bytes, not text. Empty for the root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TreePath(Box<[u8]>);

impl TreePath {
    /// Cleans a name: `./a//b/../c` and `/a/c` are `a/c`; `..` stops at the root.
    #[must_use]
    pub fn clean(name: &[u8]) -> Self {
        // Archives write directories as `a/`, and some of them everything as `./a`.
        let bare = name.strip_prefix(b"./").unwrap_or(name);
        let bare = bare.strip_suffix(b"/").unwrap_or(bare);
        if is_clean(bare) {
            return Self(bare.into());
        }
        let mut cleaned: Vec<u8> = Vec::with_capacity(name.len());
        for part in name.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    let keep = cleaned.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                    cleaned.truncate(keep);
                }
                part => {
                    if !cleaned.is_empty() {
                        cleaned.push(b'/');
                    }
                    cleaned.extend_from_slice(part);
                }
            }
        }
        Self(cleaned.into())
    }

    /// A path that is clean already.
    pub(crate) fn from_clean(path: Vec<u8>) -> Self {
        Self(path.into_boxed_slice())
    }

    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path's bytes, without a leading slash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory that this path lies in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.split().map(|(parent, _)| Self(parent.into()))
    }

    /// The last part; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.split().map_or(&[], |(_, name)| name)
    }

    /// Directory and name; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        match self.0.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => self
                .0
                .split_at_checked(slash)
                .map(|(parent, name)| (parent, name.strip_prefix(b"/").unwrap_or(name))),
            None => Some((&[], &self.0)),
        }
    }

    /// This path followed by `name`, which is cleaned together with it: `a`.join(`../b`) is `b`.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut joined = Vec::with_capacity(self.0.len() + 1 + name.len());
        if self.is_root() {
            joined.extend_from_slice(name);
        } else {
            joined.extend_from_slice(&self.0);
            joined.push(b'/');
            joined.extend_from_slice(name);
        }
        if !name.is_empty() && is_clean(name) {
            return Self(joined.into_boxed_slice());
        }
        Self::clean(&joined)
    }

    /// The parts between the slashes.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|part| !part.is_empty())
    }

    /// Whether this path is `directory` or lies below it.
    #[must_use]
    pub fn starts_with(&self, directory: &Self) -> bool {
        directory.is_root()
            || self
                .0
                .strip_prefix(&*directory.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

fn is_clean(name: &[u8]) -> bool {
    name.is_empty()
        || name.split(|&byte| byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.display(), f)
    }
}

impl AsRef<[u8]> for TreePath {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for TreePath {
    fn from(name: &str) -> Self {
        Self::clean(name.as_bytes())
    }
}

impl Serialize for TreePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(&self.0))
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        // Cleaned again: a cache file is no more to be trusted than the archive was.
        Ok(Self::clean(&unescape(&text)))
    }
}

/// One entry of a layer or root file system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntryMeta {
    /// Where it is; for layers also the name of a whiteout (`etc/.wh.passwd`).
    #[serde(rename = "p")]
    pub path: TreePath,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky: `0o7777` at most.
    #[serde(rename = "m")]
    pub mode: u32,
    /// Owner.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    pub uid: u64,
    /// Group.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    pub gid: u64,
    /// Bytes of content as a reader of the file sees them (holes of sparse files included); 0 for what is not a file.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    pub size: u64,
    /// Seconds since 1970.
    #[serde(rename = "t")]
    pub mtime: i64,
    /// Target of a symlink or hardlink, as written.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none", with = "link_text")]
    pub link: Option<Vec<u8>>,
    /// What the file gives to whoever runs it.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<FileCapabilities>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `skip_serializing_if` passes a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// `%xx` for `%` and for what is not UTF-8.
fn escape(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains('%')
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '%' => text.push_str("%25"),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    Cow::Owned(text)
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if byte == b'%' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(byte));
        rest = after.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    bytes
}

mod link_text {
    use super::{Cow, Deserialize, Deserializer, Serializer, escape, unescape};

    #[expect(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        link: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match link {
            Some(link) => serializer.serialize_some(&escape(link)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
        Ok(text.map(|text| unescape(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_the_runtime_does() {
        for (name, want) in [
            ("a/b", "a/b"),
            ("/a/b/", "a/b"),
            ("./a//b/../c", "a/c"),
            ("a/../../../etc/passwd", "etc/passwd"),
            ("..", ""),
            (".", ""),
            ("", ""),
            ("a/...", "a/..."),
            ("a b/\u{fffd}", "a b/\u{fffd}"),
        ] {
            assert_eq!(TreePath::from(name).display(), want, "{name}");
        }
        let path = TreePath::from("usr/lib/os-release");
        assert_eq!(path.name(), b"os-release");
        assert_eq!(path.parent(), Some(TreePath::from("usr/lib")));
        assert_eq!(TreePath::from("usr").parent(), Some(TreePath::root()));
        assert_eq!(TreePath::root().parent(), None);
        assert_eq!(TreePath::from("etc").join(b"../usr/lib"), TreePath::from("usr/lib"));
        assert!(path.starts_with(&TreePath::from("usr/lib")));
        assert!(!path.starts_with(&TreePath::from("usr/li")));
        assert!(path.starts_with(&TreePath::root()));
    }

    proptest::proptest! {
        #[test]
        fn any_path_survives_json(bytes: Vec<u8>, link: Option<Vec<u8>>) {
            let capabilities = link.is_none().then_some(FileCapabilities { permitted: 1 << 40, ..FileCapabilities::default() });
            let meta = EntryMeta {
                path: TreePath::clean(&bytes), kind: EntryKind::Symlink, mode: 0o777, uid: 1, gid: 0,
                size: 0, mtime: -1, link, capabilities,
            };
            let text = serde_json::to_string(&meta).unwrap();
            assert_eq!(serde_json::from_str::<EntryMeta>(&text).unwrap(), meta);
        }

        #[test]
        fn cleaning_twice_changes_nothing(bytes: Vec<u8>) {
            let once = TreePath::clean(&bytes);
            assert_eq!(TreePath::clean(once.as_bytes()), once);
            assert!(once.parts().all(|part| !matches!(part, b"" | b"." | b"..")));
        }
    }
}
