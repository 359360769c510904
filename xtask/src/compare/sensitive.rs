//! Our sensitive files against those of `detect-secrets`, on the same real images.
//!
//! In: layouts, and a `detect-secrets` from PyPI. Out: a section of `docs/comparison.md`: each place that we report with what a
//! person says of it, and what only the other one reports, by reason. Odd: the other one reads folders, so images are unpacked
//! by `umoci`, and it is shown only where packages of the distribution put nothing; what no rule judges fails the task. It sees
//! nothing of what a later layer deletes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{output, root, run_command, say};

/// `cargo xtask compare-secrets`
#[derive(clap::Args, Debug)]
pub(crate) struct CompareSecrets {
    /// Our program
    #[arg(long, value_name = "FILE", default_value = "target/release/plimsoll")]
    plimsoll: PathBuf,
    /// The other one
    #[arg(long, value_name = "FILE", default_value = "detect-secrets")]
    detect_secrets: PathBuf,
    /// Where the builder of real images put them
    #[arg(long, value_name = "DIR", default_value = "target/test-images")]
    images: PathBuf,
    /// Which images
    #[arg(default_values_t = IMAGES.iter().map(|name| (*name).to_owned()))]
    names: Vec<String>,
}

const IMAGES: &[&str] =
    &["debian-slim", "python-app", "node-app", "java-app", "go-app", "rpm-app", "kitchen-sink"];

/// The section's heading; `cargo xtask compare` keeps the section.
pub(super) const HEADING: &str = "## Sensitive files against detect-secrets";

/// Where packages of the distribution put nothing.
const FOLDERS: &[&str] =
    &["app", "opt", "srv", "home", "root", "usr/local", "etc", "var/www", "site", "node", "work"];

/// Somebody's report: path and line, and what is there.
type Places = BTreeMap<(String, u64), String>;

/// Examples that the page shows of each reason.
const EXAMPLES: usize = 3;

/// What a person says of ours: part of a path, part of a rule, the verdict.
const JUDGED: &[(&str, &str, &str)] = &[
    (".ssh/", "", "planted: a private key"),
    ("etc/ssl/private/server.key", "", "planted: a private key"),
    (".aws/credentials", "", "planted: an AWS key with its secret"),
    (".docker/config.json", "", "planted: a registry login"),
    ("app/.env", "", "planted: a database password and tokens"),
    ("app/config/", "", "planted: a key or token of the application"),
    ("node_modules", "", "right, and harmless: keys that a library brings for its tests"),
    ("site-packages", "", "right, and harmless: keys that a library brings for its tests"),
];

/// Why the other one reports what we do not: its kind, part of a path, the reason.
const THEIRS: &[(&str, &str, &str)] = &[
    (
        "",
        ".coveralls.yml",
        "right: tokens of Coveralls that libraries published with their packages; a value that only a general name tells of is left out in places of libraries",
    ),
    ("", ".package-lock.json", "digests of packages in a lock file"),
    (
        "",
        "/test",
        "values in tests of libraries, where what only a general name tells of is left out",
    ),
    (
        "Secret Keyword",
        "",
        "a name like `password` with any value, most often code or documentation; we ask that the value looks like a secret",
    ),
    ("Hex High Entropy String", "", "any long hexadecimal text: checksums, commits, identifiers"),
    (
        "Base64 High Entropy String",
        "",
        "any long text in base64: checksums, class names, encoded data",
    ),
    (
        "Basic Auth Credentials",
        "",
        "addresses with a login in documentation and tests, which we know by their words (`user:password@`)",
    ),
    ("Private Key", "", "a label without a key behind it, in programs that read keys"),
];

pub(crate) fn run(options: &CompareSecrets) -> anyhow::Result<()> {
    let work = root().join("target/compare");
    fs::create_dir_all(&work)?;
    let mut page = vec![
        HEADING.to_owned(),
        String::new(),
        format!(
            "Written by `cargo xtask compare-secrets` with {}; it is shown the unpacked folders {} of each image, without asking any service. Places are the same when file and line are.",
            version(&options.detect_secrets)?,
            FOLDERS.join(", ")
        ),
        String::new(),
        "| image | ours | of them in files that a later layer removes | theirs | both | high of ours |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let mut judged: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    let mut open = Vec::new();
    for name in &options.names {
        let layout = root().join(&options.images).join("oci").join(name);
        let Ours { places: ours, removed, high } = ours(&options.plimsoll, &layout, &work)?;
        let theirs = theirs(&options.detect_secrets, &layout, &work, name)?;
        let both = ours.keys().filter(|place| theirs.contains_key(*place)).count();
        page.push(format!(
            "| {name} | {} | {removed} | {} | {both} | {high} |",
            ours.len(),
            theirs.len()
        ));
        for ((path, line), rule) in &ours {
            let shown = format!("`{path}` line {line}: {rule} ({name})");
            let verdict =
                JUDGED.iter().find(|(part, of, _)| path.contains(part) && rule.contains(of));
            match verdict {
                Some((_, _, verdict)) => judged.entry(verdict).or_default().push(shown),
                None => open.push(shown),
            }
        }
        for ((path, line), kind) in theirs.iter().filter(|(place, _)| !ours.contains_key(*place)) {
            let reason =
                THEIRS.iter().find(|(of, part, _)| kind.contains(of) && path.contains(part));
            let shown = format!("{kind}: `{path}` line {line} ({name})");
            let Some((_, _, reason)) = reason else {
                open.push(format!("only theirs: {shown}"));
                continue;
            };
            let (count, examples) = reasons.entry(reason).or_default();
            *count += 1;
            if examples.len() < EXAMPLES {
                examples.push(shown);
            }
        }
    }
    page.push(String::new());
    for (verdict, places) in &judged {
        page.push(format!("- ours ({}): {verdict}. {}.", places.len(), places.join("; ")));
    }
    for (reason, (count, examples)) in &reasons {
        page.push(format!("- only theirs ({count}): {reason}. {}.", examples.join("; ")));
    }
    write(&page.join("\n"))?;
    if !open.is_empty() {
        bail!("{} places are not judged:\n{}", open.len(), open.join("\n"));
    }
    Ok(())
}

/// Puts the section at the end of the page, in the place of an older one.
fn write(section: &str) -> anyhow::Result<()> {
    let path = root().join("docs/comparison.md");
    let old = fs::read_to_string(&path)?;
    let kept = old.find(HEADING).and_then(|at| old.get(..at)).unwrap_or(&old);
    fs::write(path, format!("{}\n\n{section}\n", kept.trim_end()))?;
    Ok(())
}

fn version(program: &Path) -> anyhow::Result<String> {
    let said = output(&program.display().to_string(), &["--version"])?;
    Ok(format!("detect-secrets {}", said.trim()))
}

/// What we report.
#[derive(Default)]
struct Ours {
    places: Places,
    /// Places in files that a later layer removes or replaces.
    removed: usize,
    /// Findings that are high.
    high: usize,
}

fn ours(program: &Path, layout: &Path, work: &Path) -> anyhow::Result<Ours> {
    let program = root().join(program).display().to_string();
    let (layout, state) =
        (layout.display().to_string(), work.join("state-secrets").display().to_string());
    let text =
        output(&program, &["scan", "--quiet", "--format", "json", "--data", &state, &layout])?;
    let report: Value = serde_json::from_str(&text).context("our report")?;
    let findings = report.get("findings").and_then(Value::as_array);
    let mut ours = Ours::default();
    for finding in findings.into_iter().flatten() {
        if finding.get("kind").and_then(Value::as_str) != Some("secret") {
            continue;
        }
        ours.high += usize::from(finding.get("level").and_then(Value::as_str) == Some("high"));
        let is_removed = finding.pointer("/extra/removed").is_some();
        let rule = finding.pointer("/extra/rule").and_then(Value::as_str).unwrap_or_default();
        for seen in finding.get("evidence").and_then(Value::as_array).into_iter().flatten() {
            let path = seen.pointer("/location/path").and_then(Value::as_str).unwrap_or_default();
            let detail = seen.get("detail").and_then(Value::as_str).unwrap_or_default();
            let line = detail.strip_prefix("line ").and_then(|rest| rest.split(':').next());
            let line = line.and_then(|line| line.parse().ok()).unwrap_or(0);
            let known = ours.places.insert((path.to_owned(), line), rule.to_owned());
            ours.removed += usize::from(is_removed && known.is_none());
        }
    }
    Ok(ours)
}

/// Theirs, in an unpacked copy.
fn theirs(program: &Path, layout: &Path, work: &Path, name: &str) -> anyhow::Result<Places> {
    let tree = work.join(format!("tree-{name}"));
    if !tree.exists() {
        say(&format!("unpacks {name}"));
        let image = format!("{}:latest", layout.display());
        run_command(Command::new("umoci").args(["unpack", "--image", &image]).arg(&tree))?;
    }
    let rootfs = tree.join("rootfs");
    let kept = work.join(format!("{name}-detect-secrets.json"));
    if !kept.exists() {
        say(&format!("detect-secrets reads {name}"));
        let folders: BTreeSet<&str> =
            FOLDERS.iter().copied().filter(|folder| rootfs.join(folder).exists()).collect();
        let said = Command::new(program)
            .args(["scan", "--all-files", "--no-verify"])
            .args(&folders)
            .current_dir(&rootfs)
            .output()
            .with_context(|| format!("`{}` cannot be started", program.display()))?;
        if !said.status.success() {
            bail!("detect-secrets failed on {name}: {}", String::from_utf8_lossy(&said.stderr));
        }
        fs::write(&kept, said.stdout)?;
    }
    let report: Value = serde_json::from_slice(&fs::read(&kept)?)?;
    let mut places = Places::new();
    let results = report.get("results").and_then(Value::as_object);
    for (path, found) in results.into_iter().flatten() {
        for one in found.as_array().into_iter().flatten() {
            let line = one.get("line_number").and_then(Value::as_u64).unwrap_or_default();
            let kind = one.get("type").and_then(Value::as_str).unwrap_or_default();
            places.insert((path.clone(), line), kind.to_owned());
        }
    }
    Ok(places)
}
