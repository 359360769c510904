//! What a row of the table says, and which rows claim a file.
//!
//! In: a file's path. Out: the rows whose file names it has. Odd: names are compared without the version that
//! many carry (`python3.11`, `libcrypto.so.3`) and without the hash by which Python wheels and Rust tell libraries apart
//! (`libcrypto-1b2c3d4e.so.1.1`, `libstd-6108105cd7e839cf.so`), so that one look into a hash map tells whether a file is of interest at all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use regex::bytes::{Regex, RegexBuilder};

use super::table::PRODUCTS;
use crate::paths;

/// What a file is called, without its version.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileName {
    /// A program: `python` is also `python3.11`.
    Program(&'static str),
    /// A shared library: `libssl` is `libssl.so`, `libssl.so.3` and `libssl-1b2c3d4e.so.1.1`.
    Library(&'static str),
    /// The end of the path.
    Path(&'static str),
}

/// What the first bytes must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A program or library for Linux.
    Elf,
    /// A file that begins so.
    Text(&'static str),
}

impl Form {
    pub(super) fn begins(self, head: &[u8]) -> bool {
        match self {
            Self::Elf => head.starts_with(b"\x7fELF"),
            Self::Text(text) => head.starts_with(text.as_bytes()),
        }
    }
}

/// A package as which a product is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) ecosystem: &'static str,
    pub(super) namespace: Option<&'static str>,
    pub(super) name: &'static str,
    /// Vendor and product of the CPE dictionary, several separated by blanks.
    pub(super) cpe: &'static str,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    /// Name as a package; see [`Product::also`].
    pub(super) listed: Listed,
    /// Further packages that the same file is.
    pub(super) also: &'static [Listed],
    pub(super) files: &'static [FileName],
    /// What comes along with it, modules above all: paths below the folder that `bin` or `lib` is in, or beside the file itself
    /// (`./libssl`); names may go on.
    pub(super) beside: &'static [&'static str],
    pub(super) form: Form,
    /// Regular expressions over bytes with the version as first group, the surest first. `<V>` stands for three or four
    /// numbers and an optional pre-release, `<N>` for two to four numbers alone; both are groups.
    pub(super) versions: &'static [&'static str],
    /// The version begins with the one in the file's name, where that has one: `python3.11` holds many versions.
    pub(super) is_named: bool,
    /// What stands in the file, and the version that it says.
    #[cfg_attr(not(test), expect(dead_code, reason = "a row is held to its examples by a test"))]
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// What may stand in a file of the name, and says nothing.
    #[cfg_attr(not(test), expect(dead_code, reason = "a row is held to its examples by a test"))]
    pub(super) counter_example: &'static str,
}

/// Two to four numbers with dots between them.
const NUMBERS: &str = r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}";
/// Three or four numbers, and what stands before the release itself: `rc1`, `-beta.2`, `alpha1`, `-dev3`.
const VERSION: &str =
    r"[0-9]{1,5}(?:\.[0-9]{1,5}){2,3}(?:[-.]?(?:alpha|beta|rc|RC|dev|preview)[-.]?[0-9]{0,4})?";

impl Product {
    pub(super) fn packages(&self) -> impl Iterator<Item = &Listed> {
        std::iter::once(&self.listed).chain(self.also)
    }

    fn regexes(&self) -> Vec<Regex> {
        self.versions
            .iter()
            .filter_map(|text| {
                let text = text
                    .replace("<V>", &format!("({VERSION})"))
                    .replace("<N>", &format!("({NUMBERS})"));
                RegexBuilder::new(&text).unicode(false).dot_matches_new_line(true).build().ok()
            })
            .collect()
    }
}

impl Listed {
    /// The version as the ecosystem writes it.
    pub(super) fn version(&self, found: &str) -> String {
        let is_module = self.ecosystem == "Go" && !matches!(self.name, "stdlib" | "toolchain");
        if is_module { format!("v{found}") } else { found.to_owned() }
    }

    /// What goes along: the names under which the CPE dictionary knows it.
    pub(super) fn extra(&self, version: &str) -> BTreeMap<String, String> {
        let cpes: Vec<String> = self
            .cpe
            .split_ascii_whitespace()
            .map(|product| format!("cpe:2.3:a:{product}:{}:*:*:*:*:*:*:*", escaped(version)))
            .collect();
        match cpes.as_slice() {
            [] => BTreeMap::new(),
            cpes => [("cpe".to_owned(), cpes.join(" "))].into(),
        }
    }
}

/// A version as a CPE holds it: what is neither letter, digit, `.`, `-` nor `_` stands behind a backslash.
fn escaped(version: &str) -> String {
    let mut text = String::with_capacity(version.len());
    for character in version.chars() {
        if !character.is_ascii_alphanumeric() && !['.', '-', '_'].contains(&character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// The rows that claim a path, in the table's order.
pub(super) fn candidates(path: &[u8]) -> impl Iterator<Item = (usize, &'static Product)> + '_ {
    static BY_NAME: OnceLock<HashMap<&'static [u8], Vec<usize>>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let mut by_name: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (row, product) in PRODUCTS.iter().enumerate() {
            for name in product.files {
                let name = match name {
                    FileName::Program(name) | FileName::Library(name) => {
                        without_version(name.as_bytes())
                    }
                    FileName::Path(path) => without_version(file_name(path.as_bytes())),
                };
                by_name.entry(name).or_default().push(row);
            }
        }
        by_name
    });
    let name = file_name(path);
    let (stem, is_library) = match library_stem(name) {
        Some(stem) => (stem, true),
        None => (name, false),
    };
    let rows = by_name.get(without_version(stem)).map(Vec::as_slice).unwrap_or_default();
    let mut last = None;
    rows.iter().filter_map(move |&row| {
        let product = PRODUCTS.get(row)?;
        let is_claimed = product.files.iter().any(|name| match name {
            FileName::Program(name) => {
                !is_library && without_version(stem) == without_version(name.as_bytes())
            }
            FileName::Library(name) => {
                is_library && without_version(stem) == without_version(name.as_bytes())
            }
            FileName::Path(end) => paths::ends_with(path, end.as_bytes()),
        });
        // A row with several names of one stem stands there several times.
        (is_claimed && last.replace(row) != Some(row)).then_some((row, product))
    })
}

/// The expressions of a row, compiled when they are first needed.
pub(super) fn compiled(row: usize) -> &'static [Regex] {
    static COMPILED: OnceLock<Vec<OnceLock<Vec<Regex>>>> = OnceLock::new();
    let rows = COMPILED.get_or_init(|| PRODUCTS.iter().map(|_| OnceLock::new()).collect());
    let (Some(cell), Some(product)) = (rows.get(row), PRODUCTS.get(row)) else { return &[] };
    cell.get_or_init(|| product.regexes())
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// What stands before `.so`, without a hash.
fn library_stem(name: &[u8]) -> Option<&[u8]> {
    let dot = name.windows(3).position(|part| part == b".so")?;
    let (stem, rest) = (name.get(..dot)?, name.get(dot + 3..)?);
    if !rest.iter().all(|byte| *byte == b'.' || byte.is_ascii_digit()) {
        return None;
    }
    let hash = stem.iter().rposition(|&byte| byte == b'-');
    let is_hash =
        |hash: &[u8]| matches!(hash.len(), 8 | 16) && hash.iter().all(u8::is_ascii_hexdigit);
    Some(match hash.and_then(|at| Some((stem.get(..at)?, stem.get(at + 1..)?))) {
        Some((before, hash)) if is_hash(hash) => before,
        _ => stem,
    })
}

fn without_version(stem: &[u8]) -> &[u8] {
    let end = stem.iter().rposition(|byte| *byte != b'.' && !byte.is_ascii_digit());
    match end.and_then(|end| stem.get(..=end)) {
        Some(name) => name.strip_suffix(b"-").unwrap_or(name),
        None => stem,
    }
}

/// The version in a file's name, where it has more than one number: `3.11` of `python3.11` and of `libpython3.11.so.1.0`.
pub(super) fn version_of_name(path: &[u8]) -> Option<&[u8]> {
    let name = file_name(path);
    let stem = library_stem(name).unwrap_or(name);
    let version = stem.get(without_version(stem).len()..)?;
    let version = version.strip_prefix(b"-").unwrap_or(version);
    (version.contains(&b'.') && version.first().is_some_and(u8::is_ascii_digit)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_version() {
        let stem = |name: &'static str| {
            let name = name.as_bytes();
            let stem = library_stem(name).unwrap_or(name);
            std::str::from_utf8(without_version(stem)).unwrap()
        };
        for (name, wanted) in [
            ("python3.11", "python"),
            ("node", "node"),
            ("php-fpm8.2", "php-fpm"),
            ("gcc-12", "gcc"),
            ("libcrypto.so.3", "libcrypto"),
            ("libcrypto-1b2c3d4e.so.1.1", "libcrypto"),
            ("libpython3.11.so.1.0", "libpython"),
            ("libstd-6108105cd7e839cf.so", "libstd"),
            ("libsqlite3-4c2e.so.0", "libsqlite3-4c2e"),
            ("libssl.so.conf", "libssl.so.conf"),
            ("7", "7"),
            ("", ""),
        ] {
            assert_eq!(stem(name), wanted, "{name}");
        }
    }

    #[test]
    fn names_tell_their_version() {
        let version = |path: &'static str| {
            version_of_name(path.as_bytes()).map(|text| std::str::from_utf8(text).unwrap())
        };
        assert_eq!(version("usr/bin/python3.11"), Some("3.11"));
        assert_eq!(version("usr/lib/libpython3.11.so.1.0"), Some("3.11"));
        assert_eq!(version("usr/bin/python3"), None);
        assert_eq!(version("usr/lib/libpython3.so"), None);
    }

    #[test]
    fn versions_are_escaped_in_cpes() {
        assert_eq!(escaped("17.0.9+9-LTS"), "17.0.9\\+9-LTS");
        assert_eq!(escaped("1.8.0_352"), "1.8.0_352");
    }
}
