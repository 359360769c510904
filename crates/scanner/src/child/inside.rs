//! The child: the process that reads the hostile bytes.
//!
//! In: on standard input, a socket to the parent. Out: through it, everything. Odd: it is this very program, started anew,
//! so that nothing of the parent's memory comes along; it confines itself before it opens the image, and trusts its parent
//! but not itself.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::{fd::AsFd, unix::ffi::OsStrExt},
    panic::PanicHookInfo,
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use plimsoll_advisory::{Snapshot, SnapshotError, vex::Document};
use plimsoll_image::{
    Budget, ImageConfig, ImageDocuments, InputKind, LayerSource, StoredImage, StoredLayer,
    input_file, open_path, parse_config,
};
use plimsoll_model::{ImageIdentity, Platform};
use plimsoll_native::sandbox::{self, Confinement, Nets, Opening, Readable};

use super::{
    attempt::{Attempt, Confined},
    board::Board,
    fault::Fault,
    level::Level,
    list::Listed,
    parent::{Parent, Remote},
    reach::{reach, reach_folders},
    watch::Announcer,
    wire::{
        Channel, Done, Job, Kind, ListingWish, MAX_PIECE, NamedRules, Refusal, Setup, WireError,
        parse,
    },
};
use crate::{
    LayerCache, Rules, ScanOptions,
    listing::{ListingOptions, list_tree},
    scan,
};

/// Why the child ends without a report; the parent is told where it still listens.
enum Failure {
    /// Nothing can be said any more.
    Wire(WireError),
    /// The parent is told.
    Refused(Refusal),
}

/// Runs the child; `arguments` are those after the word that chose this.
///
/// # Errors
/// None: the exit code says only whether the parent was told how it ended.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let fault = match Fault::parse(arguments) {
        Ok(fault) => fault,
        Err(problem) => return complain(&problem),
    };
    if let Err(error) = sandbox::begin() {
        return complain(&error.to_string());
    }
    let channel = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => Channel::inherited(socket),
        Err(error) => return complain(&error.to_string()),
    };
    std::panic::set_hook(Box::new(say_panic));
    match work(&channel, fault) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused(refusal)) => {
            match channel.send_value(Kind::Refused, &refusal, None, &mut || false) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => complain(&error.to_string()),
            }
        }
        Err(Failure::Wire(error)) => complain(&error.to_string()),
    }
}

/// For a person who runs this by hand, and for the parent, which reads what a dying child says.
fn complain(problem: &str) -> ExitCode {
    let text = format!("this is for `plimsoll scan` and `plimsoll serve` to call: {problem}\n");
    let _said = io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

/// One line, the same for the same defect: it may end up in a report.
fn say_panic(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(|at| format!("{}:{}", at.file(), at.line()));
    let said = panic.payload_as_str().unwrap_or("a panic");
    let line = format!("{said} ({})\n", at.unwrap_or_default());
    let _said = io::stderr().write_all(line.as_bytes());
}

fn work(channel: &Channel, fault: Option<Fault>) -> Result<(), Failure> {
    let (kind, length, board) = channel.head_and_file()?;
    let body = channel.body(length, &mut || false)?;
    let (Kind::Setup, Some(board)) = (kind, board) else {
        let problem = "the first message is no set-up".to_owned();
        return Err(Failure::Refused(Refusal::Setup(problem)));
    };
    let setup: Setup = parse(&body)?;
    drop(body);
    let board = Board::inherited(File::from(board));
    let record = board.file().as_fd().try_clone_to_owned();
    let record = record.map_err(WireError::Io)?;
    sandbox::record_fatal_signals(record)?;
    match &setup.job {
        Job::Attempt { attempt, confined } => try_attempt(channel, *attempt, *confined, &setup),
        Job::Vex => read_vex(channel, &setup),
        Job::Local { .. } | Job::Remote(_) | Job::Stored { .. } => {
            read_image(channel, setup, board, fault)
        }
    }
}

fn try_attempt(
    channel: &Channel,
    attempt: Attempt,
    confined: Confined,
    setup: &Setup,
) -> Result<(), Failure> {
    if let Some(nets) = confined.nets() {
        sandbox::limit(&setup.limits.of_process())?;
        // The weaker of the two ways in which scans are confined: files may be opened, if Landlock lets them.
        let opening = Opening::ForReading;
        let confinement = Confinement { readable: &[], opening, nets };
        announce(channel, sandbox::confine(&confinement)?)?;
    }
    let outcome = match attempt.make(setup.limits.memory_bytes) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    };
    Ok(channel.send(Kind::Attempted, outcome.as_bytes(), None, &mut || false)?)
}

fn announce(channel: &Channel, level: sandbox::Level) -> Result<Level, Failure> {
    let level = Level { landlock: level.landlock, seccomp: level.seccomp };
    channel.send_value(Kind::Ready, &level, None, &mut || false)?;
    Ok(level)
}

fn read_image(
    channel: &Channel,
    mut setup: Setup,
    board: Board,
    fault: Option<Fault>,
) -> Result<(), Failure> {
    // What is read of our own is opened before the bytes of the image are.
    let snapshot =
        setup.snapshot.as_deref().map(|path| Snapshot::open(Path::new(OsStr::from_bytes(path))));
    let refused = |error: SnapshotError| Failure::Refused(Refusal::Snapshot(described(&error)));
    let snapshot = snapshot.transpose().map_err(refused)?;
    let rules = setup.rules.as_ref().map(rules_of);
    let malware = rules
        .map(|rules| rules.open())
        .transpose()
        .map_err(|error| Failure::Refused(Refusal::Rules(described(&error))))?;
    confine(channel, &setup)?;
    let channel = channel.another().map_err(WireError::Io)?;
    let parent = Arc::new(Parent::new(channel));
    let spooler = Arc::clone(&parent);
    plimsoll_image::set_spool(move || spooler.spool());
    let fingerprints = setup.fingerprints.take();
    let cache =
        setup.has_cache.then(|| LayerCache::elsewhere(Arc::clone(&parent) as _, fingerprints));
    let watch = Announcer::new(board, std::mem::take(&mut setup.left_out), fault);
    let source = open(setup.job, &parent, &setup.budget)?;
    parent.opened(&identity(source.documents()))?;
    if let Some(wish) = setup.listing {
        return list(&parent, &*source, wish, &setup.budget, setup.threads);
    }
    let options = ScanOptions {
        snapshot: snapshot.as_ref(),
        cache: cache.as_ref(),
        budget: &setup.budget,
        today: setup.today,
        threads: setup.threads,
        kinds: setup.kinds,
        context: setup.context,
        malware: malware.as_ref(),
        watch: Some(&watch),
    };
    let scanned = scan(&*source, &options, &*parent);
    let mut pieces = Pieces { parent: &parent, piece: Vec::new() };
    let written = serde_json::to_writer(&mut pieces, &scanned.report);
    written.map_err(io::Error::from).and_then(|()| pieces.flush()).map_err(WireError::Io)?;
    Ok(parent.done(&Done::Report { interrupted: scanned.interrupted })?)
}

/// Reads a document that somebody put beside an image.
fn read_vex(channel: &Channel, setup: &Setup) -> Result<(), Failure> {
    confine(channel, setup)?;
    let parent = Parent::new(channel.another().map_err(WireError::Io)?);
    let bytes = parent.document()?;
    let problem = match Document::read(&bytes) {
        Ok(document) => {
            let mut pieces = Pieces { parent: &parent, piece: Vec::new() };
            let written = serde_json::to_writer(&mut pieces, &document);
            let flushed = written.map_err(io::Error::from).and_then(|()| pieces.flush());
            flushed.map_err(WireError::Io)?;
            None
        }
        Err(error) => Some(described(&error)),
    };
    Ok(parent.done(&Done::Vex { problem })?)
}

fn rules_of(named: &NamedRules) -> Rules {
    let folder = |bytes: &Vec<u8>| Path::new(OsStr::from_bytes(bytes)).to_owned();
    Rules::named(named.folders.iter().map(folder).collect(), named.version.clone())
}

fn list(
    parent: &Parent,
    source: &dyn LayerSource,
    wish: ListingWish,
    budget: &Budget,
    threads: usize,
) -> Result<(), Failure> {
    let ListingWish { digests, layer, format } = wish;
    let listing = list_tree(source, &ListingOptions { budget, digests, layer, threads });
    let listing = listing.map_err(not_opened)?;
    let mut pieces = Pieces { parent, piece: Vec::new() };
    listing.write(format, &mut pieces).and_then(|()| pieces.flush()).map_err(WireError::Io)?;
    let entries = listing.entries.len();
    Ok(parent.done(&Done::Listing(Listed { coverage: listing.coverage, entries }))?)
}

fn confine(channel: &Channel, setup: &Setup) -> Result<(), Failure> {
    let readable: Vec<Readable> = match &setup.job {
        Job::Local { path, .. } => reach(&input_file(Path::new(OsStr::from_bytes(path)))),
        Job::Stored { layers, .. } => reach_folders(layers.iter().map(StoredLayer::folder)),
        Job::Remote(_) | Job::Vex | Job::Attempt { .. } => Vec::new(),
    };
    let opening = match setup.job {
        Job::Local { .. } | Job::Stored { .. } => Opening::ForReading,
        Job::Remote(_) | Job::Vex | Job::Attempt { .. } => Opening::Nothing,
    };
    sandbox::limit(&setup.limits.of_process())?;
    let level = announce(
        channel,
        sandbox::confine(&Confinement { readable: &readable, opening, nets: Nets::Both })?,
    )?;
    match level.missing().filter(|_| setup.is_sandbox_required) {
        Some(missing) => Err(Failure::Refused(Refusal::Sandbox(missing.to_owned()))),
        None => Ok(()),
    }
}

fn open(
    job: Job,
    parent: &Arc<Parent>,
    budget: &Budget,
) -> Result<Box<dyn LayerSource + Send>, Failure> {
    let (path, kind, platform, is_platform_required) = match job {
        Job::Local { path, kind, platform, is_platform_required } => {
            (path, kind, platform, is_platform_required)
        }
        Job::Remote(documents) => {
            let (manifest, config) = (parent.document()?, parent.document()?);
            return Ok(Box::new(Remote::new(documents.with(manifest, config), Arc::clone(parent))));
        }
        Job::Stored { documents, layers } => {
            let (manifest, config) = (parent.document()?, parent.document()?);
            return Ok(Box::new(StoredImage::new(documents.with(manifest, config), layers)));
        }
        Job::Vex | Job::Attempt { .. } => return Err(not_opened("there is none")),
    };
    let kind = kind.map(|kind| kind.parse::<InputKind>()).transpose();
    let kind = kind.map_err(not_opened)?;
    let source = open_path(Path::new(OsStr::from_bytes(&path)), kind, &platform, budget);
    let source = source.map_err(not_opened)?;
    if is_platform_required {
        check_platform(source.documents(), &platform)?;
    }
    Ok(source)
}

/// An image of one platform is what it is, whatever was asked for.
fn check_platform(documents: &ImageDocuments, wanted: &Platform) -> Result<(), Failure> {
    match platform_of(documents) {
        Some(platform) if !platform.satisfies(wanted) => {
            let name = &documents.name;
            let problem = format!("`{name}` is an image for {platform}, not for {wanted}");
            Err(Failure::Refused(Refusal::Platform(problem)))
        }
        _ => Ok(()),
    }
}

/// An error with its causes.
pub(super) fn described(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn not_opened(problem: impl std::fmt::Display) -> Failure {
    Failure::Refused(Refusal::Image(problem.to_string()))
}

pub(super) fn platform_of(documents: &ImageDocuments) -> Option<Platform> {
    let config: Option<ImageConfig> = parse_config(&documents.config).ok();
    config.and_then(|config| config.platform()).or_else(|| documents.platform.clone())
}

/// What can be said of the image before its layers are read.
pub(super) fn identity(documents: &ImageDocuments) -> ImageIdentity {
    ImageIdentity {
        name: documents.name.clone(),
        source: documents.source_kind.to_owned(),
        digest: documents.manifest_digest,
        id: documents.config_digest,
        platform: platform_of(documents),
        size: documents.total_size,
        layers: documents.layers.iter().filter_map(|layer| layer.digest).collect(),
        distribution: None,
    }
}

/// Sends what is written in pieces, so that the report's text is never in memory as a whole here.
struct Pieces<'p> {
    parent: &'p Parent,
    piece: Vec<u8>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (MAX_PIECE as usize).saturating_sub(self.piece.len());
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.piece.extend(taken);
        if self.piece.len() >= MAX_PIECE as usize {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.parent.piece(&self.piece).map_err(io::Error::other)?;
        self.piece.clear();
        Ok(())
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<sandbox::SandboxError> for Failure {
    fn from(error: sandbox::SandboxError) -> Self {
        Self::Refused(Refusal::Sandbox(described(&error)))
    }
}
