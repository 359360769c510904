//! Reads folders of rules.
//!
//! In: folders. Out: packs with their files, lists of digests, allow-lists, in an order that does not depend on the machine.
//! Source: `docs/malware.md`, "Rule packs". Odd: a folder with `pack.toml` is one pack; else each folder in it is one, and the files
//! that lie loose in it are one together. Names that begin with a dot are left out, as Kubernetes puts such folders beside
//! mounted files; links are followed, as it links them. What is too large or cannot be read is told and left out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use plimsoll_inspect::{ALLOW_FILE, hash_format};

use crate::pack::{PACK_FILE, PackAbout};

/// Bytes of one file of rules.
const MAX_RULES: u64 = 32 << 20;
/// Bytes of one list of digests.
const MAX_LIST: u64 = 512 << 20;
/// Files of all folders together.
const MAX_FILES: usize = 20_000;
/// Folders in folders.
const MAX_DEPTH: usize = 16;

/// Everything in the folders.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) packs: Vec<Pack>,
    /// Allow-lists: path and text.
    pub(crate) allowed: Vec<(String, String)>,
    /// What could not be used, each as a sentence with its place.
    pub(crate) problems: Vec<String>,
    files: usize,
}

/// A pack.
#[derive(Debug)]
pub(crate) struct Pack {
    pub(crate) about: PackAbout,
    pub(crate) folder: PathBuf,
    /// Rules: name in the pack, and bytes.
    pub(crate) rules: Vec<(String, Vec<u8>)>,
    /// Lists of digests.
    pub(crate) lists: Vec<(String, Vec<u8>)>,
}

/// Reads the folders, in their order.
///
/// # Errors
/// A folder that was named is not there.
pub(crate) fn load(folders: &[PathBuf]) -> io::Result<Loaded> {
    let mut loaded = Loaded::default();
    for folder in folders {
        fs::read_dir(folder)?;
        loaded.folder(folder);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut twice = Vec::new();
    loaded.packs.retain(|pack| {
        let is_new = !seen.contains(&pack.about.name);
        if is_new {
            seen.push(pack.about.name.clone());
        } else {
            let (name, at) = (&pack.about.name, pack.folder.display());
            twice.push(format!("`{at}` is left out: there is a pack called `{name}` already"));
        }
        is_new
    });
    loaded.problems.append(&mut twice);
    Ok(loaded)
}

impl Loaded {
    /// One folder that was named.
    fn folder(&mut self, folder: &Path) {
        if folder.join(PACK_FILE).is_file() {
            self.pack(folder, true);
            return;
        }
        for entry in self.entries(folder) {
            if entry.is_dir() {
                self.pack(&entry, true);
            } else if entry.file_name().is_some_and(|name| name == ALLOW_FILE)
                && let Some(bytes) = self.read(&entry, MAX_RULES)
            {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.allowed.push((entry.display().to_string(), text));
            }
        }
        self.pack(folder, false);
    }

    fn pack(&mut self, folder: &Path, with_folders: bool) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let about = match self.read_if_there(&folder.join(PACK_FILE)) {
            None => PackAbout::of_folder(&name),
            Some(bytes) => match PackAbout::parse(&String::from_utf8_lossy(&bytes)) {
                Ok(about) => about,
                Err(problem) => {
                    let at = folder.join(PACK_FILE);
                    self.problems.push(format!(
                        "`{}` cannot be read, so its pack is left out: {problem}",
                        at.display()
                    ));
                    return;
                }
            },
        };
        let mut pack =
            Pack { about, folder: folder.to_owned(), rules: Vec::new(), lists: Vec::new() };
        self.fill(&mut pack, folder, if with_folders { MAX_DEPTH } else { 1 });
        if !pack.rules.is_empty() || !pack.lists.is_empty() {
            self.packs.push(pack);
        }
    }

    fn fill(&mut self, pack: &mut Pack, folder: &Path, depth: usize) {
        for entry in self.entries(folder) {
            if entry.is_dir() {
                if depth > 1 {
                    self.fill(pack, &entry, depth - 1);
                }
                continue;
            }
            let name = entry.strip_prefix(&pack.folder).unwrap_or(&entry);
            let name = name.to_string_lossy().into_owned();
            let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            let (limit, into) = match ending.as_str() {
                "yar" | "yara" => (MAX_RULES, &mut pack.rules),
                _ if hash_format(&name).is_some() => (MAX_LIST, &mut pack.lists),
                _ => continue,
            };
            if self.files >= MAX_FILES {
                let problem = format!(
                    "files of rules: the limit of {MAX_FILES} is reached; others are left out"
                );
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                return;
            }
            if let Some(bytes) = self.read(&entry, limit) {
                self.files += 1;
                into.push((name, bytes));
            }
        }
    }

    /// What lies in a folder, sorted.
    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let listed = fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut entries = listed.unwrap_or_else(|error| {
            self.problems.push(format!("`{}` cannot be read: {error}", folder.display()));
            Vec::new()
        });
        let is_shown = |path: &PathBuf| {
            path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        };
        entries.retain(is_shown);
        entries.sort();
        entries
    }

    fn read_if_there(&mut self, path: &Path) -> Option<Vec<u8>> {
        if path.is_file() { self.read(path, MAX_RULES) } else { None }
    }

    fn read(&mut self, path: &Path, limit: u64) -> Option<Vec<u8>> {
        let read = || {
            let metadata = fs::metadata(path)?;
            if !metadata.is_file() {
                return Err(io::Error::other("is no regular file"));
            }
            if metadata.len() > limit {
                let problem = format!("has {} bytes, limit {limit}", metadata.len());
                return Err(io::Error::other(problem));
            }
            fs::read(path)
        };
        match read() {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problems.push(format!("`{}` is left out: {error}", path.display()));
                None
            }
        }
    }
}
