//! `plimsoll rules`: rules for malicious files.

mod import;
mod update;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use plimsoll_image::{Budget, TreePath};
use plimsoll_inspect::{Content, MaliciousLevel, Malware, look_at_file};
use plimsoll_scanner::{
    Rules,
    format::printable,
    yara::{PackSummary, Summary},
};
use plimsoll_server::operation::rules::{RULES_FOLDER, open_rules};
use serde::Serialize;

use crate::{
    Exit,
    arguments::{Global, ListFormat, RulesCommand},
    data,
    terminal::Terminal,
};

/// Longest file that `rules test` reads.
const MAX_FILE: u64 = 512 << 20;

pub(crate) async fn run(
    command: RulesCommand,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    data::refuse_server(global, "rules")?;
    let folder = data::directory(global)?;
    match command {
        RulesCommand::Import(wanted) => import::run(&wanted, &folder, terminal)?,
        RulesCommand::Update { name, ca_file } => {
            update::run(&name, ca_file.as_deref(), &folder, terminal).await?;
        }
        RulesCommand::Test { path, rules, format } => {
            return test(&path, &rules, format, &folder, terminal);
        }
        RulesCommand::List { all, rules, format } => {
            let rules = open(&folder, &rules)?;
            if all {
                list_rules(&rules, format, terminal)?
            } else {
                list_packs(&rules, format, terminal)?
            }
        }
        RulesCommand::Remove { name } => remove(&name, &folder, terminal)?,
    }
    Ok(Exit::Done)
}

fn open(folder: &Path, named: &[PathBuf]) -> anyhow::Result<Rules> {
    open_rules(folder, named).context("hint: `--rules DIR` names a folder of rule packs")
}

/// The folder of a pack in the data folder.
fn place(folder: &Path, name: &str) -> PathBuf {
    folder.join(RULES_FOLDER).join(name)
}

#[derive(Clone, Serialize)]
struct PackRow {
    pack: String,
    version: String,
    license: String,
    rules: usize,
    digests: usize,
    kinds: String,
    source: String,
    folder: String,
}

impl From<PackSummary> for PackRow {
    fn from(pack: PackSummary) -> Self {
        Self {
            pack: pack.name,
            version: pack.version,
            license: pack.license,
            rules: pack.rules,
            digests: pack.digests,
            kinds: pack.kinds,
            source: pack.source,
            folder: pack.folder.display().to_string(),
        }
    }
}

fn list_packs(rules: &Rules, format: ListFormat, terminal: Terminal) -> anyhow::Result<()> {
    let Summary { packs, allowed, problems } = rules.summary()?;
    let rows: Vec<PackRow> = packs.into_iter().map(PackRow::from).collect();
    let head = ["PACK", "VERSION", "LICENCE", "RULES", "DIGESTS", "SOURCE"];
    terminal.list(format, &head, &rows, |row| {
        vec![
            row.pack.clone(),
            row.version.clone(),
            if row.license.is_empty() { "not said".to_owned() } else { row.license.clone() },
            row.rules.to_string(),
            row.digests.to_string(),
            row.source.clone(),
        ]
    })?;
    if allowed > 0 {
        terminal.say(&format!("{allowed} entries of allow-lists"));
    }
    tell(&problems, terminal);
    Ok(())
}

fn tell(problems: &[String], terminal: Terminal) {
    for problem in problems {
        terminal.say(&format!("warning: {}", printable(problem)));
    }
}

fn list_rules(rules: &Rules, format: ListFormat, terminal: Terminal) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = rules
        .list()?
        .into_iter()
        .map(|about| {
            vec![
                about.id,
                about.level.to_string(),
                about.virus_type.to_string(),
                about.kinds,
                about.title,
                about.source,
            ]
        })
        .collect();
    let head = ["RULE", "LEVEL", "TYPE", "KINDS", "TITLE", "SOURCE"];
    terminal.list(format, &head, &rows, Clone::clone)
}

#[derive(Clone, Serialize)]
struct HitRow {
    path: String,
    level: MaliciousLevel,
    rule: String,
    detail: String,
}

fn test(
    paths: &[PathBuf],
    named: &[PathBuf],
    format: ListFormat,
    folder: &Path,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    let rules = open(folder, named)?;
    let summary = rules.summary()?;
    tell(&summary.problems, terminal);
    if paths.is_empty() {
        let count: usize = summary.packs.iter().map(|pack| pack.rules).sum();
        let digests: usize = summary.packs.iter().map(|pack| pack.digests).sum();
        let packs = summary.packs.len();
        if !summary.problems.is_empty() {
            bail!(
                "{} of the files of rules cannot be used as they are; {count} rules and {digests} digests in {packs} packs can",
                summary.problems.len()
            );
        }
        terminal
            .print(&format!("{count} rules and {digests} digests in {packs} packs can be used"))?;
        return Ok(Exit::Done);
    }
    let malware = rules.open()?;
    let mut rows = Vec::new();
    for path in paths {
        for file in files(path)? {
            look(&malware, &file, &mut rows, terminal)?;
        }
    }
    let head = ["PATH", "LEVEL", "RULE", "WHAT WAS SEEN"];
    terminal.list(format, &head, &rows, |row| {
        vec![printable(&row.path), row.level.to_string(), row.rule.clone(), printable(&row.detail)]
    })?;
    Ok(if rows.is_empty() { Exit::Done } else { Exit::LineReached })
}

/// The file, or all files below the folder, sorted; links are not followed.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("`{}` cannot be read", path.display());
    let metadata = fs::symlink_metadata(path).with_context(unreadable)?;
    if !metadata.is_dir() {
        return Ok(if metadata.is_file() { vec![path.to_owned()] } else { Vec::new() });
    }
    let mut found = Vec::new();
    let entries = fs::read_dir(path).with_context(unreadable)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().with_context(unreadable)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        found.extend(files(&entry.path())?);
    }
    Ok(found)
}

fn look(
    malware: &Malware,
    file: &Path,
    rows: &mut Vec<HitRow>,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let unreadable = || format!("`{}` cannot be read", file.display());
    let size = fs::metadata(file).with_context(unreadable)?.len();
    if size > MAX_FILE {
        bail!("`{}` has {size} bytes, limit {MAX_FILE}", file.display());
    }
    let bytes = fs::read(file).with_context(unreadable)?;
    let shown = file.display().to_string();
    // As in an image, where paths begin at its root.
    let path = TreePath::clean(shown.trim_start_matches("./").trim_start_matches('/').as_bytes());
    let facts = look_at_file(malware, &path, Content::of_bytes(&bytes), &Budget::default());
    for problem in facts.problems {
        terminal.say(&format!("warning: {}: {}", printable(&shown), printable(&problem.detail)));
    }
    for hit in facts.malware.map(|found| found.hits).unwrap_or_default() {
        let detail = match hit.inner {
            Some(inner) => format!("in `{inner}`: {}", hit.detail),
            None => hit.detail,
        };
        rows.push(HitRow { path: shown.clone(), level: hit.level, rule: hit.rule, detail });
    }
    Ok(())
}

fn remove(name: &str, folder: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let place = place(folder, name);
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if !is_name || !place.is_dir() {
        bail!(
            "there is no pack `{}` in the data folder\nhint: `plimsoll rules list` shows the packs and where they lie",
            printable(name)
        );
    }
    fs::remove_dir_all(&place)
        .with_context(|| format!("`{}` cannot be removed", place.display()))?;
    terminal
        .say(&format!("removed the pack `{name}`; running servers notice within half a minute"));
    Ok(())
}
