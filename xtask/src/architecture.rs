//! Whether the code is as ARCHITECTURE.md says.
//!
//! In: `cargo metadata`, the crate table of ARCHITECTURE.md, the sources. Out: success, or every place that differs.
//! Odd: only normal and build dependencies count; tests may use what they need.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::process::{output, root, say};

/// No source file is longer, tables excepted (they say so in their head: "Table:").
const MAX_LINES: usize = 600;

/// `ARCHITECTURE.md` stays readable in one sitting.
const MAX_ARCHITECTURE_LINES: usize = 200;

pub(crate) fn run() -> anyhow::Result<()> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let mut faults = Vec::new();
    if text.lines().count() > MAX_ARCHITECTURE_LINES {
        faults.push(format!("ARCHITECTURE.md has more than {MAX_ARCHITECTURE_LINES} lines"));
    }
    compare(&documented(&text)?, &actual()?, &mut faults);
    for path in sources(&root().join("crates"))?.into_iter().chain(sources(&root().join("xtask"))?)
    {
        inspect_source(&path, &mut faults)?;
    }
    if !faults.is_empty() {
        bail!("the code is not as ARCHITECTURE.md says:\n  {}", faults.join("\n  "));
    }
    say("architecture: as ARCHITECTURE.md says");
    Ok(())
}

/// Rows `` | `crate` | model, native | … | `` below the heading "Crates and who may use whom".
fn documented(text: &str) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let section =
        text.split("\n## ").find(|section| section.starts_with("Crates and who may use whom"));
    let section =
        section.context("ARCHITECTURE.md has no section \"Crates and who may use whom\"")?;
    let mut table = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (Some(name), Some(uses)) = (cells.next(), cells.next()) else { continue };
        let uses = uses.split(',').map(str::trim).filter(|word| !word.is_empty() && *word != "–");
        table.insert(name.trim_matches('`').to_owned(), uses.map(str::to_owned).collect());
    }
    Ok(table)
}

fn actual() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let text = output("cargo", &["metadata", "--locked", "--format-version", "1", "--no-deps"])?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let list = |value: &serde_json::Value, key: &str| {
        value
            .get(key)
            .and_then(serde_json::Value::as_array)
            .cloned()
            .with_context(|| format!("metadata without `{key}`"))
    };
    let word = |value: &serde_json::Value, key: &str| {
        value.get(key).and_then(|text| text.as_str().map(str::to_owned))
    };
    let packages = list(&metadata, "packages")?;
    let short = |name: &str| name.strip_prefix("plimsoll-").unwrap_or(name).to_owned();
    let names: BTreeSet<String> =
        packages.iter().filter_map(|package| word(package, "name")).collect();
    let mut table = BTreeMap::new();
    for package in &packages {
        let name = word(package, "name").context("a package without a name")?;
        let uses = list(package, "dependencies")?
            .iter()
            .filter(|dependency| word(dependency, "kind").as_deref() != Some("dev"))
            .filter_map(|dependency| word(dependency, "name"))
            .filter(|dependency| names.contains(dependency))
            .map(|dependency| short(&dependency))
            .collect();
        table.insert(short(&name), uses);
    }
    Ok(table)
}

fn compare(
    documented: &BTreeMap<String, BTreeSet<String>>,
    actual: &BTreeMap<String, BTreeSet<String>>,
    faults: &mut Vec<String>,
) {
    for name in documented.keys().filter(|name| !actual.contains_key(*name)) {
        faults.push(format!("ARCHITECTURE.md lists the crate `{name}`, which does not exist"));
    }
    for (name, uses) in actual {
        let Some(may_use) = documented.get(name) else {
            faults.push(format!("the crate `{name}` is not in ARCHITECTURE.md"));
            continue;
        };
        for other in uses.difference(may_use) {
            faults.push(format!("the crate `{name}` uses `{other}`, which its row does not allow"));
        }
    }
}

fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target" && name != "cases")
        {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn inspect_source(path: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path)?;
    let shown = path.strip_prefix(root()).unwrap_or(path).display();
    // A module's `tests.rs` says by its place what it tests.
    if !text.starts_with("//!") && path.file_name().is_none_or(|name| name != "tests.rs") {
        faults.push(format!("{shown} does not begin with a module head (`//!`)"));
    }
    let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if text.lines().count() > MAX_LINES && !head.contains("Table:") {
        faults.push(format!("{shown} has more than {MAX_LINES} lines and is no table"));
    }
    for page in mentioned_pages(&text).filter(|page| !root().join(page).exists()) {
        faults.push(format!("{shown} mentions {page}, which does not exist"));
    }
    let is_native = path.starts_with(root().join("crates/native"));
    if !is_native && text.contains(concat!("un", "safe {")) {
        faults.push(format!("{shown} has unsafe code, which belongs into the crate `native`"));
    }
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        faults.push(format!("{shown}: modules are `name.rs` beside `name/`"));
    }
    Ok(())
}

/// Pages below `docs/` that a text names.
fn mentioned_pages(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c)))
            .unwrap_or(rest.len());
        let page = rest.get(..end)?.trim_end_matches('.');
        let is_page = [".md", ".json"].iter().any(|ending| page.ends_with(ending));
        let starts = !text.get(..at)?.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
        (is_page && starts).then_some(page)
    })
}
