//! Which rules a scan uses: those that come along, and those in folders.
//!
//! In: folders. Out: [`Rules`], a name for all of it with a digest; [`Rules::open`] makes of it what a scan looks for. Odd: the
//! folders may change while they are in use. Facts of layers are kept under the digest, so what is opened must have the
//! digest that was named, and is refused otherwise.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use plimsoll_inspect::{
    AllowList, HashLists, Kinds, MaliciousLevel, Malware, MalwareEngine, VirusType, hash_format,
    heuristics,
};
use ring::digest::{Context, SHA256};

use crate::{
    embedded::EMBEDDED,
    engine::{ENGINE, Engine, Group, RuleFile},
    loading::{Loaded, Pack, load},
    meta::Defaults,
    pack::{EMBEDDED_NAME, PackAbout},
};

/// How versions of rules end that allow something in images of some names alone.
pub const BY_IMAGE: &str = "-by-image";

/// Rules by their folders and digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    folders: Vec<PathBuf>,
    version: String,
}

/// Why rules cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A folder is not there or cannot be read.
    #[error("the folder of rules `{}` cannot be read", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// They changed since they were named.
    #[error("the rules in {0} changed while a scan began")]
    Changed(String),
}

/// What the rules are, for people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// The packs, the one that comes along first.
    pub packs: Vec<PackSummary>,
    /// Entries of allow-lists.
    pub allowed: usize,
    /// What cannot be used, each as a sentence with its place.
    pub problems: Vec<String>,
}

/// One pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackSummary {
    /// Its name.
    pub name: String,
    /// Its edition.
    pub version: String,
    /// Its licence.
    pub license: String,
    /// Where it comes from.
    pub source: String,
    /// The kinds of files that its rules see.
    pub kinds: String,
    /// Rules that compile.
    pub rules: usize,
    /// Digests that are listed.
    pub digests: usize,
    /// Where it lies; empty for the one that comes along.
    pub folder: PathBuf,
    /// Where it is updated from.
    pub update: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::embedded()
    }
}

impl Rules {
    /// Those that come along alone.
    #[must_use]
    pub fn embedded() -> Self {
        Self { folders: Vec::new(), version: version(&Loaded::default()) }
    }

    /// Those that come along and all in the folders.
    ///
    /// # Errors
    /// A folder is not there.
    pub fn at(folders: Vec<PathBuf>) -> Result<Self, RulesError> {
        let version = version(&loaded(&folders)?);
        Ok(Self { folders, version })
    }

    /// As another process named them.
    #[must_use]
    pub const fn named(folders: Vec<PathBuf>, version: String) -> Self {
        Self { folders, version }
    }

    /// The folders, in their order.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// A digest of all that decides what they find.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a scan looks for. Nothing is compiled yet.
    ///
    /// # Errors
    /// The folders cannot be read, or hold something else than when they were named.
    pub fn open(&self) -> Result<Malware, RulesError> {
        let loaded = loaded(&self.folders)?;
        if version(&loaded) != self.version {
            let folders: Vec<String> =
                self.folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
            return Err(RulesError::Changed(folders.join(", ")));
        }
        Ok(malware(loaded, self.version.clone()))
    }

    /// What they are, for people: everything is read and compiled.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub fn summary(&self) -> Result<Summary, RulesError> {
        let loaded = loaded(&self.folders)?;
        let mut packs: Vec<PackSummary> = vec![PackSummary {
            name: EMBEDDED_NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: env!("CARGO_PKG_LICENSE").to_owned(),
            source: "comes along".to_owned(),
            kinds: EMBEDDED
                .iter()
                .fold(Kinds::NONE, |kinds, file| kinds.and(file.kinds))
                .to_string(),
            rules: 0,
            digests: 0,
            folder: PathBuf::new(),
            update: None,
        }];
        packs.extend(loaded.packs.iter().map(|pack| PackSummary {
            name: pack.about.name.clone(),
            version: pack.about.version.clone(),
            license: pack.about.license.clone(),
            source: pack.about.source.clone(),
            kinds: pack.about.kinds.to_string(),
            rules: 0,
            digests: digests(pack),
            folder: pack.folder.clone(),
            update: pack.about.update.clone(),
        }));
        let engine = engine(&loaded, String::new());
        for rule in engine.rules() {
            let name = rule.id.split_once('/').map_or(EMBEDDED_NAME, |(pack, _)| pack);
            if let Some(pack) = packs.iter_mut().find(|pack| pack.name == name) {
                pack.rules += 1;
            }
        }
        if let Some(first) = packs.first_mut() {
            first.rules += heuristics().len();
        }
        let problems = engine.problems();
        let malware = malware(loaded, String::new());
        let problems = malware.problems.into_iter().chain(problems).collect();
        Ok(Summary { packs, allowed: malware.allowed.len(), problems })
    }

    /// Every rule, those that are code among them, sorted by id.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub fn list(&self) -> Result<Vec<plimsoll_inspect::RuleAbout>, RulesError> {
        let mut rules = engine(&loaded(&self.folders)?, String::new()).rules();
        rules.extend(heuristics());
        rules.sort();
        Ok(rules)
    }
}

fn loaded(folders: &[PathBuf]) -> Result<Loaded, RulesError> {
    let missing = folders.iter().find(|folder| !folder.is_dir());
    let error = |path: &Path, source| RulesError::Folder { path: path.to_owned(), source };
    if let Some(missing) = missing {
        return Err(error(missing, io::ErrorKind::NotADirectory.into()));
    }
    load(folders)
        .map_err(|source| error(folders.first().map_or(Path::new(""), |path| path), source))
}

/// A digest over the engine's name and all texts, with their lengths, so that nothing can be moved between them.
fn version(loaded: &Loaded) -> String {
    let mut context = Context::new(&SHA256);
    let mut add = |bytes: &[u8]| {
        context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(bytes);
    };
    add(ENGINE.as_bytes());
    for file in EMBEDDED {
        add(file.name.as_bytes());
        add(file.text.as_bytes());
    }
    for pack in &loaded.packs {
        add(format!("{:?}", pack.about).as_bytes());
        for (name, bytes) in pack.rules.iter().chain(&pack.lists) {
            add(name.as_bytes());
            add(bytes);
        }
    }
    for (_, text) in &loaded.allowed {
        add(text.as_bytes());
    }
    for problem in &loaded.problems {
        add(problem.as_bytes());
    }
    let digest = context.finish();
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let is_by_image = loaded.allowed.iter().any(|(_, text)| text.contains("image"));
    if is_by_image { hex + BY_IMAGE } else { hex }
}

fn malware(loaded: Loaded, version: String) -> Malware {
    let engine = engine(&loaded, version.clone());
    let mut problems = loaded.problems;
    let mut allowed = AllowList::default();
    for (at, text) in &loaded.allowed {
        if let Err(problem) = allowed.add(text) {
            problems.push(format!("`{at}` is left out: {problem}"));
        }
    }
    let mut hashes = HashLists::default();
    for pack in &loaded.packs {
        add_lists(&mut hashes, pack);
    }
    problems.extend(hashes.problems().iter().cloned());
    Malware { engine: Box::new(engine), hashes, allowed, version, problems }
}

fn add_lists(hashes: &mut HashLists, pack: &Pack) {
    let level = pack.about.level.unwrap_or(MaliciousLevel::Serious);
    let virus_type = pack.about.virus_type.unwrap_or(VirusType::Malware);
    for (name, bytes) in &pack.lists {
        if let Some(format) = hash_format(name) {
            hashes.add(&format!("{}/{name}", pack.about.name), format, bytes, level, virus_type);
        }
    }
}

fn digests(pack: &Pack) -> usize {
    let mut hashes = HashLists::default();
    add_lists(&mut hashes, pack);
    hashes.len()
}

fn engine(loaded: &Loaded, version: String) -> Engine {
    let embedded: Arc<str> = EMBEDDED_NAME.into();
    let mut groups: Vec<Group> = Vec::new();
    let mut add = |kinds: Kinds, file: RuleFile| {
        // What a pack calls global must not reach further than packs.
        let is_embedded = |file: &RuleFile| &*file.pack == EMBEDDED_NAME;
        let is_like = |group: &Group| {
            group.kinds == kinds && group.files.first().map(is_embedded) == Some(is_embedded(&file))
        };
        match groups.iter_mut().find(|group| is_like(group)) {
            Some(group) => group.files.push(file),
            None => groups.push(Group { kinds, files: vec![file] }),
        }
    };
    for file in EMBEDDED {
        let file_of = |text: &str| RuleFile {
            pack: Arc::clone(&embedded),
            name: file.name.to_owned(),
            text: text.into(),
            is_included: false,
        };
        add(file.kinds, file_of(file.text));
    }
    let mut defaults: BTreeMap<Arc<str>, Defaults> = BTreeMap::new();
    for pack in &loaded.packs {
        let name: Arc<str> = pack.about.name.as_str().into();
        defaults.insert(Arc::clone(&name), pack.about.defaults());
        for (file, bytes) in &pack.rules {
            let text = String::from_utf8_lossy(bytes);
            add(
                pack.about.kinds,
                RuleFile {
                    pack: Arc::clone(&name),
                    name: file.clone(),
                    text: (*text).into(),
                    is_included: is_only_included(&pack.about, file),
                },
            );
        }
    }
    Engine::new(version, groups, defaults)
}

fn is_only_included(about: &PackAbout, file: &str) -> bool {
    !about.files.is_empty() && !about.files.iter().any(|name| name == file)
}
