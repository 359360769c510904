//! `plimsoll rules import`.
//!
//! In: a folder, a zip archive or a file. Out: a pack in the data folder. Odd: the pack is put together beside its place and
//! tried before it takes it, so that a scan never sees half of one; only files of rules and lists are taken.

use std::{
    fs,
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
use plimsoll_inspect::hash_format;
use plimsoll_scanner::{
    Rules,
    yara::{PACK_FILE, PackAbout},
};
use plimsoll_server::operation::rules::RULES_FOLDER;

use super::{place, tell};
use crate::{arguments::RulesImport, data, terminal::Terminal};

/// Files of one pack.
const MAX_FILES: usize = 20_000;
/// Bytes of one file.
const MAX_FILE: u64 = 512 << 20;
/// Bytes of all together.
const MAX_BYTES: u64 = 2 << 30;

pub(super) fn run(wanted: &RulesImport, folder: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let staged = Staged::new(folder)?;
    staged.fill(&wanted.path)?;
    let mut about = toml::Table::new();
    if let Ok(text) = fs::read_to_string(staged.folder.join(PACK_FILE)) {
        about = toml::from_str(&text).with_context(|| format!("`{PACK_FILE}` cannot be read"))?;
    }
    let named = [
        ("name", &wanted.name),
        ("license", &wanted.license),
        ("source", &wanted.source),
        ("version", &wanted.edition),
        ("level", &wanted.level),
        ("update", &wanted.update_from),
    ];
    for (key, value) in named {
        if let Some(value) = value {
            about.insert(key.to_owned(), toml::Value::String(value.clone()));
        }
    }
    if let Some(kinds) = &wanted.kinds {
        let kinds = kinds.split(',').map(|kind| toml::Value::String(kind.trim().to_owned()));
        about.insert("kinds".to_owned(), toml::Value::Array(kinds.collect()));
    }
    if !about.contains_key("name") {
        let stem = wanted.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = PackAbout::of_folder(&stem).name;
        about.insert("name".to_owned(), toml::Value::String(name));
    }
    staged.take(&about, wanted.replace, folder, terminal)
}

/// A pack beside its place.
pub(super) struct Staged {
    folder: PathBuf,
    /// Removes what was not taken.
    _temporary: tempfile::TempDir,
}

impl Staged {
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        data::make(folder)?;
        let rules = folder.join(RULES_FOLDER);
        data::make(&rules)?;
        // A name with a dot is no pack to whoever reads the folder meanwhile.
        let temporary = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&rules)
            .with_context(|| format!("`{}` cannot be written", rules.display()))?;
        let folder = temporary.path().join("pack");
        fs::create_dir(&folder)?;
        Ok(Self { folder, _temporary: temporary })
    }

    /// Copies what is of use from a folder, an archive or a file.
    pub(super) fn fill(&self, from: &Path) -> anyhow::Result<()> {
        let unreadable = || format!("`{}` cannot be read", from.display());
        let metadata = fs::metadata(from).with_context(unreadable)?;
        let mut taken = Taken::default();
        if metadata.is_dir() {
            self.copy_folder(from, Path::new(""), &mut taken, 16).with_context(unreadable)?;
        } else if from.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip")) {
            self.unpack(from, &mut taken).with_context(unreadable)?;
        } else {
            let name = from.file_name().unwrap_or_default();
            let mut file = fs::File::open(from).with_context(unreadable)?;
            self.take_file(Path::new(name), &mut file, &mut taken).with_context(unreadable)?;
        }
        if taken.files == 0 {
            bail!(
                "`{}` holds no rules\nhint: files of rules end in .yar or .yara, lists of digests in .hdb, .hsb, .csv, .txt, .sha256 or .md5",
                from.display()
            );
        }
        Ok(())
    }

    fn copy_folder(
        &self,
        folder: &Path,
        below: &Path,
        taken: &mut Taken,
        depth: usize,
    ) -> anyhow::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if path.is_dir() {
                if depth > 1 && !entry.file_type()?.is_symlink() {
                    self.copy_folder(&path, &below.join(&name), taken, depth - 1)?;
                }
            } else if path.is_file() && is_of_use(&below.join(&name)) {
                self.take_file(&below.join(&name), &mut fs::File::open(&path)?, taken)?;
            }
        }
        Ok(())
    }

    fn unpack(&self, archive: &Path, taken: &mut Taken) -> anyhow::Result<()> {
        let mut archive = zip::ZipArchive::new(fs::File::open(archive)?)?;
        for index in 0..archive.len() {
            let mut member = archive.by_index(index)?;
            let Some(name) = member.enclosed_name().filter(|name| is_of_use(name)) else {
                continue;
            };
            // Sources of projects are packed with a folder of their own around them.
            let mut parts = name.components();
            let is_packed_whole = name.components().count() > 1 && {
                parts.next();
                true
            };
            let inner = if is_packed_whole { parts.as_path() } else { &*name };
            self.take_file(inner, &mut member, taken)?;
        }
        Ok(())
    }

    fn take_file(
        &self,
        name: &Path,
        from: &mut dyn std::io::Read,
        taken: &mut Taken,
    ) -> anyhow::Result<()> {
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !is_of_use(name) {
            return Ok(());
        }
        taken.files += 1;
        if taken.files > MAX_FILES {
            bail!("there are more than {MAX_FILES} files of rules");
        }
        let target = self.folder.join(name);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(&target)?;
        let copied = std::io::copy(&mut from.take(MAX_FILE + 1), &mut file)?;
        taken.bytes = taken.bytes.saturating_add(copied);
        if copied > MAX_FILE || taken.bytes > MAX_BYTES {
            bail!(
                "`{}` is too large: {MAX_FILE} bytes of one file, {MAX_BYTES} of all",
                name.display()
            );
        }
        Ok(())
    }

    /// Tries the pack and puts it in its place.
    pub(super) fn take(
        &self,
        about: &toml::Table,
        replace: bool,
        folder: &Path,
        terminal: Terminal,
    ) -> anyhow::Result<()> {
        let text = toml::to_string(about)?;
        let parsed = PackAbout::parse(&text).map_err(|problem| {
            anyhow::anyhow!("the pack's {PACK_FILE} cannot be used: {problem}")
        })?;
        fs::write(self.folder.join(PACK_FILE), text)?;
        let target = place(folder, &parsed.name);
        if target.exists() && !replace {
            bail!(
                "there is a pack `{}` already\nhint: `--replace` takes its place, `--name` gives this one another name",
                parsed.name
            );
        }
        let summary = Rules::at(vec![self.folder.clone()])?.summary()?;
        let pack = summary.packs.iter().find(|pack| pack.name == parsed.name);
        let (rules, digests) = pack.map_or((0, 0), |pack| (pack.rules, pack.digests));
        tell(&summary.problems, terminal);
        if rules == 0 && digests == 0 {
            bail!("nothing of the pack `{}` can be used; what was there is as it was", parsed.name);
        }
        // Two steps, since a folder cannot take the place of one that is not empty.
        if target.exists() {
            let old = self.folder.with_file_name("old");
            fs::rename(&target, &old)
                .with_context(|| format!("`{}` cannot be replaced", target.display()))?;
        }
        fs::rename(&self.folder, &target)
            .with_context(|| format!("`{}` cannot be written", target.display()))?;
        terminal.print(&format!(
            "{}: {rules} rules and {digests} digests; scans use them from now on",
            parsed.name
        ))?;
        Ok(())
    }
}

#[derive(Default)]
struct Taken {
    files: usize,
    bytes: u64,
}

fn is_of_use(name: &Path) -> bool {
    let text = name.to_string_lossy();
    let is_rules = |ending: &str| ending == "yar" || ending == "yara";
    let ending = name.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    name.file_name().is_some_and(|name| name == PACK_FILE)
        || ending.as_deref().is_some_and(is_rules)
        || hash_format(&text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_and_lists_are_of_use() {
        for (name, wanted) in [
            ("a/b.yar", true),
            ("x.YARA", true),
            ("pack.toml", true),
            ("main.hdb", true),
            ("README.md", false),
            ("run.sh", false),
        ] {
            assert_eq!(is_of_use(Path::new(name)), wanted, "{name}");
        }
    }
}
