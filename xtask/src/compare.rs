//! Our package lists against those of other scanners, on real images.
//!
//! In: the folder that the builder of real images filled. Out: the page `docs/comparison.md`: per image and ecosystem what both
//! list, what only one of them lists, and why. Odd: a difference that no rule explains fails the task, so that what another
//! scanner finds and we do not is either read or argued about.

mod rules;
mod sensitive;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;

use self::rules::{Context, Side, explain};
pub(crate) use self::sensitive::{CompareSecrets, run as run_secrets};
use crate::{
    peers::{Kind, Listed, Programs, Scanner, Source},
    process::{root, say},
};

/// `cargo xtask compare`
#[derive(clap::Args, Debug)]
pub(crate) struct Compare {
    #[command(flatten)]
    programs: Programs,
    /// Where the builder of real images put them
    #[arg(long, value_name = "DIR", default_value = "target/test-images")]
    images: PathBuf,
    /// The page that is written
    #[arg(long, value_name = "FILE", default_value = "docs/comparison.md")]
    page: PathBuf,
    /// Only these images, and no page [default: all]
    names: Vec<String>,
}

/// Examples that the page shows of each reason.
const EXAMPLES: usize = 3;

/// What the page says where no rule fits.
const UNKNOWN: &str = "not explained yet: a gap of one of the two";

/// One reason's differences.
#[derive(Default)]
struct Reason {
    count: usize,
    examples: Vec<String>,
}

pub(crate) fn run(options: &Compare) -> anyhow::Result<()> {
    let images = root().join(&options.images);
    let scanners = options.programs.scanners()?;
    let work = root().join("target/compare");
    fs::create_dir_all(&work)?;
    let mut names: Vec<String> = fs::read_dir(images.join("oci"))?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("index.json").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| options.names.is_empty() || options.names.contains(name))
        .collect();
    names.sort();
    let mut lists: BTreeMap<(&str, Kind), BTreeSet<Listed>> = BTreeMap::new();
    let mut owned: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in &names {
        for scanner in &scanners {
            let Some(report) = list(scanner, &images, name, &work)? else { continue };
            lists.insert((name, scanner.kind), scanner.packages(&report)?);
            if scanner.kind == Kind::Syft {
                owned.insert(name, scanner.owned_files(&report)?);
            }
        }
    }
    let mut page = vec![HEAD.trim_end().to_owned()];
    let mut unexplained = Vec::new();
    for scanner in scanners.iter().filter(|scanner| scanner.kind != Kind::Plimsoll) {
        let mut reasons: BTreeMap<(Side, &'static str), Reason> = BTreeMap::new();
        page.push(format!("\n## Against {}\n", scanner.shown()?));
        page.push("| image | packages | both | only ours | only theirs |".to_owned());
        page.push("|---|---|---|---|---|".to_owned());
        for name in &names {
            let none = BTreeSet::new();
            let of = |kind| lists.get(&(name.as_str(), kind)).unwrap_or(&none);
            let (ours, theirs) = (of(Kind::Plimsoll), of(scanner.kind));
            if !lists.contains_key(&(name.as_str(), scanner.kind)) {
                page.push(format!(
                    "| {name} | {} does not read it | – | – | – |",
                    scanner.kind.name()
                ));
                continue;
            }
            let context = Context::new(ours, theirs, owned.get(name.as_str()));
            page.extend(table(name, ours, theirs));
            for (side, package) in context.differences() {
                let shown = format!("{} ({name})", show(package));
                let why = explain(scanner.kind, side, package, &context);
                if why.is_none() {
                    let whose = scanner.kind.name();
                    unexplained.push(format!("{} {whose}: {shown}", side.mark()));
                }
                let reason = reasons.entry((side, why.unwrap_or(UNKNOWN))).or_default();
                reason.count += 1;
                if reason.examples.len() < EXAMPLES {
                    reason.examples.push(shown);
                }
            }
        }
        page.push(String::new());
        for ((side, why), reason) in &reasons {
            let examples = reason.examples.join("; ");
            page.push(format!("- {} ({}): {why}. {examples}.", side.words(), reason.count));
        }
    }
    if options.names.is_empty() {
        let path = root().join(&options.page);
        // What the other task of this page wrote stays.
        let old = fs::read_to_string(&path).unwrap_or_default();
        let kept = old.find(sensitive::HEADING).and_then(|at| old.get(at..));
        let kept = kept.map(|section| format!("\n{section}")).unwrap_or_default();
        fs::write(path, page.join("\n") + "\n" + &kept)?;
    }
    if !unexplained.is_empty() {
        bail!("{} differences are not explained:\n{}", unexplained.len(), unexplained.join("\n"));
    }
    Ok(())
}

const HEAD: &str = "# Package lists compared\n\nWritten by `cargo xtask compare` from scans of the same real images; an image's layers are read from an OCI layout. \
Packages are the same when type, name and version of their package URLs are (the name of a Maven group and a distribution's name aside). \
\"Only ours\" and \"only theirs\" are each explained below; what no rule explains fails the task. Trivy lists no jars without its \
index of jars, which needs a download.\n";

/// A scanner's report on an image; `None` when another scanner than ours fails.
fn list(
    scanner: &Scanner,
    images: &Path,
    name: &str,
    work: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let state = work.join(format!("state-{}", scanner.kind.name()));
    let report = work.join(format!("{name}-{}.json", scanner.kind.name()));
    // What other scanners say does not change while ours is worked on.
    if scanner.kind != Kind::Plimsoll && scanner.packages(&report).is_ok() {
        return Ok(Some(report));
    }
    say(&format!("{} lists {name}", scanner.kind.name()));
    if state.exists() {
        fs::remove_dir_all(&state)?;
    }
    let target = images.join("oci").join(name).display().to_string();
    let status = scanner
        .scan(Source::Layout, &target, &state)
        .stdout(fs::File::create(&report)?)
        .status()?;
    if !status.success() && scanner.kind == Kind::Plimsoll {
        bail!("{} failed on {name}: {status}", scanner.kind.name());
    }
    Ok(status.success().then_some(report))
}

/// A row for each ecosystem of an image.
fn table(name: &str, ours: &BTreeSet<Listed>, theirs: &BTreeSet<Listed>) -> Vec<String> {
    let keys = |list: &BTreeSet<Listed>| -> BTreeSet<(String, String, String)> {
        list.iter().map(rules::key).collect()
    };
    let (ours, theirs) = (keys(ours), keys(theirs));
    let kinds: BTreeSet<&str> =
        ours.iter().chain(&theirs).map(|(kind, _, _)| kind.as_str()).collect();
    let count = |kind: &str, keys: &mut dyn Iterator<Item = &(String, String, String)>| {
        keys.filter(|key| key.0 == kind).count()
    };
    kinds
        .into_iter()
        .map(|kind| {
            format!(
                "| {name} | {kind} | {} | {} | {} |",
                count(kind, &mut ours.intersection(&theirs)),
                count(kind, &mut ours.difference(&theirs)),
                count(kind, &mut theirs.difference(&ours))
            )
        })
        .collect()
}

fn show(package: &Listed) -> String {
    let Listed { kind, namespace, name, version, path, by } = package;
    let slash = if namespace.is_empty() { "" } else { "/" };
    let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
    format!("`{kind}:{namespace}{slash}{name}@{version}` at `{path}`{by}")
}
