//! Downloads what changed in the feeds, from the first mirror that has it.
//!
//! In: mirrors, ecosystems, the data directory. Out: a new snapshot, or the files to import, and everything that failed. Source:
//! `docs/feeds.md`. Odd: only one process at a time updates a data directory; what fails everywhere stays as it was downloaded last, and is said: one publisher's bad day does not
//! keep the others' news away. A mirror without a list of records is asked for whole archives, by their `ETag`.

mod ecosystem;

use std::{
    io,
    path::{Path, PathBuf},
};

use plimsoll_advisory::{ImportOptions, ImportSummary, feed::feeds, import};
use plimsoll_model::{Timestamp, ecosystem::ECOSYSTEMS};
use plimsoll_registry::{
    HttpClient,
    download::{
        DownloadError, Outcome, Progress,
        feed::{EXTRAS, Extra, FeedAddresses, FeedFile, OTHERS, OtherFeed},
    },
};
use serde::{Deserialize, Serialize};

/// Name of the file in the feed folder that says how the last update went.
const LAST_UPDATE_FILE: &str = "last-update.json";

/// What is happening, for a bar.
#[derive(Debug)]
pub enum UpdateEvent<'a> {
    /// Bytes of a file.
    Bytes {
        /// The file, below the feed folder.
        file: &'a Path,
        /// How far it is.
        progress: Progress,
    },
    /// Single records of an ecosystem.
    Records {
        /// The ecosystem.
        ecosystem: &'a str,
        /// How many are there.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// A file or ecosystem is done; what was done, for people.
    Done(String),
    /// Something failed at one mirror; the next one is asked.
    Failed(String),
}

/// Hears of [`UpdateEvent`]s.
pub type Say<'a> = &'a mut (dyn FnMut(UpdateEvent<'_>) + Send);

/// What to download.
#[derive(Debug)]
pub struct UpdateRequest<'a> {
    /// In the order in which they are asked.
    pub mirrors: &'a [FeedAddresses],
    /// Ecosystems of OSV; empty: all that packages are read of.
    pub ecosystems: &'a [String],
    /// Where everything goes.
    pub folder: &'a Path,
}

/// What is there after an update.
#[derive(Debug, Default)]
pub struct Downloaded {
    /// Files to import.
    pub paths: Vec<PathBuf>,
    /// What no mirror gave, for people.
    pub failures: Vec<String>,
    /// Whether anything was given at all.
    pub any: bool,
}

/// Why one mirror did not give something.
#[derive(Debug, thiserror::Error)]
enum UpdateError {
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error(transparent)]
    Feed(#[from] plimsoll_advisory::FeedError),
    #[error("`{file}`: {reason}")]
    Content { file: String, reason: String },
    #[error("`{}`: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// Downloads everything that changed.
pub async fn download_feeds(
    http: &HttpClient,
    request: &UpdateRequest<'_>,
    say: Say<'_>,
) -> Downloaded {
    let mut downloaded = Downloaded::default();
    for name in ecosystems(http, request, &mut downloaded, say).await {
        let archive = request.folder.join(&name).join("all.zip");
        let mut failures = Vec::new();
        let mut is_done = false;
        for mirror in request.mirrors {
            match ecosystem::update(http, mirror, &name, request.folder, say).await {
                Ok(what) => {
                    say(UpdateEvent::Done(format!("{name}: {what}")));
                    is_done = true;
                    break;
                }
                Err(error) => failures.push(failure(&name, mirror, &error, say)),
            }
        }
        downloaded.note(archive, is_done, failures);
    }
    let known: Vec<&str> = feeds().iter().map(|feed| feed.id()).collect();
    let is_wanted = |other: &&OtherFeed| {
        known.contains(&other.feed)
            && (request.ecosystems.is_empty()
                || other.ecosystem.is_none_or(|one| request.ecosystems.iter().any(|it| it == one)))
    };
    for other in OTHERS.iter().filter(is_wanted) {
        other_from_any(http, request, other, &mut downloaded, say).await;
    }
    if is_wanted(&&EXTRAS) {
        extras(http, request, &mut downloaded, say).await;
    }
    downloaded
}

/// Fetches a file from the first mirror that gives it. Whether one did.
async fn other_from_any(
    http: &HttpClient,
    request: &UpdateRequest<'_>,
    other: &OtherFeed,
    downloaded: &mut Downloaded,
    say: Say<'_>,
) -> bool {
    let mut failures = Vec::new();
    let mut is_done = false;
    for mirror in request.mirrors {
        match other_file(http, mirror, other, request.folder, say).await {
            Ok(outcome) => {
                say(UpdateEvent::Done(format!("{}: {}", other.file, shown(outcome))));
                is_done = true;
                break;
            }
            Err(DownloadError::Status { status: 404 | 410, .. }) if mirror.may_lack(other) => {}
            Err(error) => failures.push(failure(other.file, mirror, &error.into(), say)),
        }
    }
    downloaded.note(request.folder.join(other.file), is_done, failures);
    is_done
}

/// The extras of Amazon Linux 2: what the catalogue lists, that of the last time where none can be had.
async fn extras(
    http: &HttpClient,
    request: &UpdateRequest<'_>,
    downloaded: &mut Downloaded,
    say: Say<'_>,
) {
    let mut catalogue = Downloaded::default();
    other_from_any(http, request, &EXTRAS, &mut catalogue, say).await;
    downloaded.failures.append(&mut catalogue.failures);
    // It is no feed itself.
    let Some(path) = catalogue.paths.first() else { return };
    let listed = std::fs::read(path).map_err(|error| error.to_string());
    let extras = match listed.and_then(|bytes| Extra::listed(&bytes)) {
        Ok(extras) => extras,
        Err(reason) => {
            downloaded.failures.push(format!("{}: {reason}", EXTRAS.file));
            downloaded.paths.extend(Extra::files_in(request.folder));
            return;
        }
    };
    for extra in extras {
        let mut failures = Vec::new();
        let mut is_done = false;
        for mirror in request.mirrors {
            match extra_file(http, mirror, &extra, request.folder, say).await {
                // Nothing is said of it any more.
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    say(UpdateEvent::Done(format!("{}: {}", extra.file(), shown(outcome))));
                    is_done = true;
                    break;
                }
                Err(DownloadError::Status { status: 404 | 410, .. })
                    if mirror.may_lack(&EXTRAS) => {}
                Err(error) => failures.push(failure(&extra.file(), mirror, &error.into(), say)),
            }
        }
        downloaded.note(request.folder.join(extra.file()), is_done, failures);
    }
}

async fn extra_file(
    http: &HttpClient,
    mirror: &FeedAddresses,
    extra: &Extra,
    folder: &Path,
    say: Say<'_>,
) -> Result<Option<Outcome>, DownloadError> {
    match mirror.extra(http, extra).await? {
        Some(file) => fetch(http, &file, folder, say).await.map(Some),
        None => Ok(None),
    }
}

impl Downloaded {
    /// A file that is new, or as it was, or not there.
    fn note(&mut self, path: PathBuf, is_done: bool, failures: Vec<String>) {
        self.any |= is_done;
        if is_done || path.is_file() {
            self.paths.push(path);
        }
        if !is_done {
            self.failures.extend(failures);
        }
    }
}

fn failure(what: &str, mirror: &FeedAddresses, error: &UpdateError, say: Say<'_>) -> String {
    let text = format!("{what}: {}: {error}", mirror.name());
    say(UpdateEvent::Failed(text.clone()));
    text
}

fn shown(outcome: Outcome) -> String {
    match outcome {
        Outcome::Fetched(bytes) => format!("{bytes} bytes"),
        Outcome::Current => "unchanged".to_owned(),
    }
}

async fn other_file(
    http: &HttpClient,
    mirror: &FeedAddresses,
    other: &OtherFeed,
    folder: &Path,
    say: Say<'_>,
) -> Result<Outcome, DownloadError> {
    let file = mirror.other(http, other).await?;
    fetch(http, &file, folder, say).await
}

async fn fetch(
    http: &HttpClient,
    file: &FeedFile,
    folder: &Path,
    say: Say<'_>,
) -> Result<Outcome, DownloadError> {
    let path = file.path.clone();
    file.fetch(http, folder, &mut |progress| say(UpdateEvent::Bytes { file: &path, progress }))
        .await
}

/// The ecosystems that are wanted and offered. Where nobody offers a list, those that are here.
async fn ecosystems(
    http: &HttpClient,
    request: &UpdateRequest<'_>,
    downloaded: &mut Downloaded,
    say: Say<'_>,
) -> Vec<String> {
    if !request.ecosystems.is_empty() {
        return request.ecosystems.to_vec();
    }
    let mut failures = Vec::new();
    for mirror in request.mirrors {
        match mirror.ecosystems(http).await {
            Ok(offered) => {
                let known = |name: &String| ECOSYSTEMS.iter().any(|row| row.name == name.as_str());
                return offered.into_iter().filter(known).collect();
            }
            Err(error) => failures.push(failure("ecosystems", mirror, &error.into(), say)),
        }
    }
    downloaded.failures.extend(failures);
    let entries = std::fs::read_dir(request.folder).into_iter().flatten().flatten();
    let mut here: Vec<String> = entries
        .filter(|entry| entry.path().join("all.zip").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    here.sort();
    here
}

/// Held by the process that updates a data directory, as long as it lives.
#[derive(Debug)]
pub struct UpdateLock(#[expect(dead_code, reason = "its end frees the lock")] std::fs::File);

impl UpdateLock {
    /// Takes the lock; `None`: another process has it.
    ///
    /// # Errors
    /// What the system says.
    pub fn take(data: &Path) -> io::Result<Option<Self>> {
        let folder = data.join(super::feed::FEEDS_FOLDER);
        std::fs::create_dir_all(&folder)?;
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("update.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// How an update of a data directory ended.
#[derive(Debug)]
pub enum Updated {
    /// Another process updates it.
    Busy,
    /// Nothing at all could be downloaded.
    Nothing(Vec<String>),
    /// What could be had is compiled and in place; the rest failed.
    Taken {
        /// What is in the snapshot.
        summary: Box<ImportSummary>,
        /// For people.
        failures: Vec<String>,
    },
    /// What was downloaded was refused; the snapshot in use stays.
    Refused(Vec<String>),
}

/// Downloads what changed, compiles it, and remembers how that went.
///
/// # Errors
/// The data directory cannot be written.
pub async fn update_feeds(
    http: &HttpClient,
    mirrors: &[FeedAddresses],
    data: &Path,
    now: Timestamp,
) -> io::Result<Updated> {
    let Some(_lock) = UpdateLock::take(data)? else { return Ok(Updated::Busy) };
    let folder = data.join(super::feed::FEEDS_FOLDER);
    let request = UpdateRequest { mirrors, ecosystems: &[], folder: &folder };
    let downloaded = download_feeds(http, &request, &mut |_event| {}).await;
    let mut failures = downloaded.failures;
    let updated = if downloaded.any {
        let target = super::feed::feed_path(data);
        let paths = downloaded.paths;
        let compiled = tokio::task::spawn_blocking(move || {
            import(&paths, &target, &ImportOptions::default(), &mut |_progress| {})
        });
        match compiled.await.map_err(io::Error::other)? {
            Ok(summary) => {
                Updated::Taken { summary: Box::new(summary), failures: failures.clone() }
            }
            Err(error) => {
                failures.push(format!("import: {}", super::error_chain(&error)));
                Updated::Refused(failures.clone())
            }
        }
    } else {
        Updated::Nothing(failures.clone())
    };
    LastUpdate::remember(data, now, failures)?;
    Ok(updated)
}

/// How the last update went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastUpdate {
    /// When it was tried.
    pub tried: Timestamp,
    /// When one succeeded in full.
    pub succeeded: Option<Timestamp>,
    /// What failed, for people; empty: nothing.
    pub failures: Vec<String>,
}

impl LastUpdate {
    /// What is remembered in a data directory; `None`: no update was ever tried, or nobody can tell.
    #[must_use]
    pub fn read(data: &Path) -> Option<Self> {
        let text =
            std::fs::read(data.join(super::feed::FEEDS_FOLDER).join(LAST_UPDATE_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Remembers an update.
    ///
    /// # Errors
    /// What the system says.
    pub fn remember(data: &Path, tried: Timestamp, failures: Vec<String>) -> io::Result<()> {
        let before = Self::read(data).and_then(|last| last.succeeded);
        let succeeded = if failures.is_empty() { Some(tried) } else { before };
        let last = Self { tried, succeeded, failures };
        let folder = data.join(super::feed::FEEDS_FOLDER);
        std::fs::create_dir_all(&folder)?;
        let part = folder.join("last-update.json.part");
        std::fs::write(&part, serde_json::to_vec_pretty(&last)?)?;
        std::fs::rename(part, folder.join(LAST_UPDATE_FILE))
    }
}
