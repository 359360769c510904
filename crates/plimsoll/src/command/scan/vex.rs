//! VEX documents: those that the user names, and those beside the image.
//!
//! In: files, the image. Out: the report, in which their statements decide. Odd: a file that the user names must be readable,
//! for the answer rests on it; what lies beside the image may be anything, so that it is read in a process of its own, and is a
//! gap where it cannot be read.
//! Documents beside an archive are only those that are called like it, since other images lie there as well.

mod layout;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use plimsoll_advisory::vex::{Document, Image, MAX_VEX_BYTES};
use plimsoll_image::input_file;
use plimsoll_model::Report;
use plimsoll_registry::{RemoteImage, Sort};
use plimsoll_scanner::{
    child::{Isolation, VexOutcome, read_vex_in_child},
    vex::{Given, apply},
};

use crate::{arguments::VexSources, command::target::Located, terminal::Terminal};

/// Where documents about the image may lie.
pub(super) enum Beside {
    /// They are not asked for, or the image is where none can be.
    Nowhere,
    /// In its registry.
    Registry(Box<RemoteImage>),
    /// In the folder of a layout, or beside an archive.
    Local(PathBuf),
}

impl Beside {
    pub(super) fn of(located: &Located, sources: VexSources, target: &str) -> anyhow::Result<Self> {
        match (sources, located) {
            (VexSources::None, _) => Ok(Self::Nowhere),
            (VexSources::Referrers, Located::Remote(image)) => Ok(Self::Registry(image.clone())),
            (VexSources::Referrers, Located::Local(path, _)) => {
                let path = input_file(path);
                // A root file system has nothing beside it: what is in it is the image's.
                if path.is_dir() && !path.join("index.json").is_file() {
                    bail!("{}", nowhere(target));
                }
                Ok(Self::Local(path))
            }
            (VexSources::Referrers, Located::Stored(_) | Located::Spooled(_)) => {
                bail!("{}", nowhere(target))
            }
        }
    }
}

fn nowhere(target: &str) -> String {
    format!(
        "`--vex-sources referrers`: nothing can lie beside `{target}`\nhint: name VEX documents with `--vex FILE`"
    )
}

/// What was found beside an image.
struct Found {
    /// Where they are read; `None`: in this process.
    isolation: Option<Isolation>,
    given: Vec<Given>,
    problems: Vec<String>,
}

impl Found {
    fn new(isolation: Option<&Isolation>) -> Self {
        Self { isolation: isolation.cloned(), given: Vec::new(), problems: Vec::new() }
    }

    /// Takes a document.
    fn take(&mut self, place: String, bytes: &[u8], is_said_to_be: bool) {
        let outcome = read_beside(self.isolation.as_ref(), bytes);
        self.note(place, outcome, is_said_to_be);
    }

    /// What merely may be a document, and is none, is nobody's problem.
    fn note(&mut self, place: String, outcome: VexOutcome, is_said_to_be: bool) {
        match outcome {
            VexOutcome::Document(document) => {
                self.given.push(Given { place, document: *document, is_attached: true });
            }
            VexOutcome::Problem(problem) if is_said_to_be => {
                self.problems.push(format!("{place}: {problem}"));
            }
            VexOutcome::Problem(_) => {}
        }
    }
}

/// Reads a document that may be anybody's where images are read.
fn read_beside(isolation: Option<&Isolation>, bytes: &[u8]) -> VexOutcome {
    let Some(isolation) = isolation else {
        return match Document::read(bytes) {
            Ok(document) => VexOutcome::Document(Box::new(document)),
            Err(error) => VexOutcome::Problem(error.to_string()),
        };
    };
    read_vex_in_child(isolation, bytes, &|| false)
        .unwrap_or_else(|error| VexOutcome::Problem(error.to_string()))
}

/// Reads the documents that the user names.
pub(in crate::command) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Given>> {
    let read = |path: &PathBuf| {
        let what = || format!("VEX document `{}`", path.display());
        let bytes = read_file(path).with_context(what)?;
        let document = Document::read(&bytes).with_context(what)?;
        Ok(Given { place: path.display().to_string(), document, is_attached: false })
    };
    paths.iter().map(read).collect()
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_VEX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large.
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lets all documents decide, and tells what came of those that were named.
pub(super) async fn look(
    given: Vec<Given>,
    beside: Beside,
    isolation: Option<&Isolation>,
    terminal: Terminal,
    report: &mut Report,
) {
    let is_asked = !matches!(beside, Beside::Nowhere);
    if given.is_empty() && !is_asked {
        return;
    }
    let (found, other) = match &beside {
        Beside::Nowhere => (Found::new(isolation), Vec::new()),
        Beside::Registry(image) => {
            (in_registry(image, isolation).await, image.subjects().into_iter().collect())
        }
        Beside::Local(path) if path.is_dir() => {
            (layout::search(path, report, isolation), Vec::new())
        }
        Beside::Local(path) => (beside_file(path, isolation), Vec::new()),
    };
    let image = Image::of(&report.image, &other);
    let all: Vec<&Given> = given.iter().chain(&found.given).collect();
    for told in apply(report, &image, &all, found.problems) {
        let findings = match told.findings {
            1 => "1 vulnerability".to_owned(),
            count => format!("{count} vulnerabilities"),
        };
        terminal.say(&format!(
            "VEX `{}`: {} statements, about {findings} of this image",
            told.place, told.statements
        ));
    }
}

async fn in_registry(image: &RemoteImage, isolation: Option<&Isolation>) -> Found {
    let listed = image.attached(Sort::Vex).await;
    let mut found = Found { problems: listed.problems, ..Found::new(isolation) };
    for attached in &listed.documents {
        let place = format!("{} {}", attached.via, attached.blob.digest);
        match image.fetch_attached(attached).await {
            Ok(bytes) => {
                let isolation = isolation.cloned();
                let read = move || read_beside(isolation.as_ref(), &bytes);
                let outcome = tokio::task::spawn_blocking(read).await;
                let outcome =
                    outcome.unwrap_or_else(|error| VexOutcome::Problem(error.to_string()));
                found.note(place, outcome, attached.is_said_to_be);
            }
            Err(error) => found.problems.push(format!("{place}: {error}")),
        }
    }
    found
}

/// Ends of the names of VEX documents.
const ENDS: [&str; 5] =
    [".vex.json", ".openvex.json", ".csaf.json", ".vex.cdx.json", ".vex.cdx.xml"];

/// The files beside an archive that are called like it.
fn beside_file(path: &Path, isolation: Option<&Isolation>) -> Found {
    let mut found = Found::new(isolation);
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return found;
    };
    let stem = name.split('.').next().unwrap_or(&name).to_owned();
    let mut names: Vec<String> = [&name, &stem]
        .into_iter()
        .flat_map(|name| ENDS.map(|end| format!("{name}{end}")))
        .collect();
    names.sort();
    names.dedup();
    for name in names {
        take_file(&path.with_file_name(&name), name, &mut found);
    }
    found
}

fn take_file(path: &Path, name: String, found: &mut Found) {
    if !path.is_file() {
        return;
    }
    match read_file(path) {
        Ok(bytes) => found.take(format!("beside {name}"), &bytes, true),
        Err(error) => found.problems.push(format!("beside {name}: {error:#}")),
    }
}
