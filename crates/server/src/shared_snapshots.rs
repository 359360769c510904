//! The advisory snapshot, shared by machines: who has a newer one gives it, all others take it.
//!
//! In: the snapshot in use, and the place that machines have in common. Out: the same snapshot everywhere: the one that the store names.
//! Source: `docs/store.md`.
//!
//! Odd:
//! * The store says which one it is, by its digest, and the place holds the bytes: whoever can write to the place can withhold a
//!   snapshot and not slip in another.
//! * It goes over in parts, so that a process holds one part in memory, not a snapshot.
//! * A server that finds a newer one in its folder at start gives it, as after `plimsoll feed update` while it was down. While it runs,
//!   whatever somebody puts there is meant, older or not. Workers take and never give.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use plimsoll_advisory::{Snapshot, SnapshotError};
use plimsoll_model::{Digest, Timestamp};
use plimsoll_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    context::Context,
    operation::{
        error_chain,
        feed::{Trace, keep_matched, trace},
    },
    shared_place::{ObjectError, Objects, SharedPlace},
};

/// The setting that says which snapshot all use.
const SETTING: &str = "advisories.shared";
/// Bytes of a part.
const PART: usize = 16 << 20;
/// The largest snapshot that is taken; a full one has some hundred megabytes.
const MAX_BYTES: u64 = 4 << 30;
/// How long a place is left alone after a failure, in seconds.
const REST: i64 = 60;

/// Which snapshot all use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Named {
    digest: Digest,
    /// The snapshot's own date.
    date: Timestamp,
    bytes: u64,
}

/// When a process gives what it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
    /// Not at all: it takes.
    Never,
    /// If its date is later, and this process has not used what all used before.
    Newer,
    /// Whatever it is: somebody has just put it there.
    Whatever,
}

/// How it stands afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settled {
    /// What is in use is what all use.
    Agreed,
    /// What all use was taken just now; with what tells its file apart.
    Taken(Trace),
    /// Others use another one, which could not be had; or what is in use could not be given.
    Apart,
}

/// Snapshots in a shared place.
#[derive(Debug)]
pub(crate) struct SharedSnapshots {
    objects: Objects,
    clock: Clock,
    /// Until when the place is left alone.
    resting: AtomicI64,
    /// Whether this process knows that the snapshot is still there.
    is_known_to_be_there: AtomicBool,
    /// Whether this process has used what all used.
    has_agreed: AtomicBool,
}

/// Why a snapshot was not given or taken.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("what the store says of the shared snapshot")]
    Named(#[source] serde_json::Error),
    #[error(
        "snapshot {0} is not in the shared place: the server that has it gives it again when it starts"
    )]
    Missing(Digest),
    #[error("snapshot {digest} has {bytes} bytes, more than {most}", most = MAX_BYTES)]
    TooLarge { digest: Digest, bytes: u64 },
    #[error("what lies in the shared place as snapshot {0} is something else")]
    Other(Digest),
    #[error("the snapshot from the shared place")]
    Snapshot(#[from] SnapshotError),
    #[error("the snapshot in use is damaged, and is not given to others")]
    Damaged,
    #[error("`{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the thread that moved it broke")]
    Thread(#[from] tokio::task::JoinError),
}

impl Gives {
    fn gives(self, own: &Snapshot, named: Option<&Named>, has_agreed: bool) -> bool {
        match self {
            Self::Never => false,
            // Who used what all used, and finds another one named, sees that somebody wants that one, even if it is older.
            Self::Newer => named.is_none_or(|named| !has_agreed && own.date() > named.date),
            Self::Whatever => true,
        }
    }
}

impl SharedSnapshots {
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(place: SharedPlace, clock: Clock) -> Self {
        Self {
            objects: Objects::new(place, clock.clone()),
            clock,
            resting: AtomicI64::new(i64::MIN),
            is_known_to_be_there: AtomicBool::new(false),
            has_agreed: AtomicBool::new(false),
        }
    }

    /// Gives or takes, so that this process uses what all use. What was taken lies at `feed` and is in use.
    pub(crate) async fn settle(&self, context: &Context, feed: &Path, gives: Gives) -> Settled {
        match self.try_settle(context, feed, gives).await {
            Ok(settled) => settled,
            Err(error) => {
                let until = self.clock.now().0.saturating_add(REST);
                self.resting.store(until, Ordering::Relaxed);
                let error = error_chain(&error);
                tracing::warn!(error, seconds = REST, "snapshot not shared for a while");
                Settled::Apart
            }
        }
    }

    /// Gives what is in use, as somebody wants it; an error says why not.
    pub(crate) async fn give_now(&self, context: &Context, feed: &Path) -> io::Result<()> {
        let settled = self.try_settle(context, feed, Gives::Whatever).await;
        settled.map(|_settled| ()).map_err(io::Error::other)
    }

    async fn try_settle(
        &self,
        context: &Context,
        feed: &Path,
        gives: Gives,
    ) -> Result<Settled, Failed> {
        let settled = self.settle_with_named(context, feed, gives).await?;
        if settled != Settled::Apart && context.feed.snapshot().is_some() {
            self.has_agreed.store(true, Ordering::Relaxed);
        }
        Ok(settled)
    }

    async fn settle_with_named(
        &self,
        context: &Context,
        feed: &Path,
        gives: Gives,
    ) -> Result<Settled, Failed> {
        let named = named(&context.store).await?;
        let own = context.feed.snapshot();
        if let (Some(own), Some(named)) = (&own, &named)
            && own.state().snapshot == named.digest
        {
            // Objects may have gone from the place: who begins later must find them.
            let is_sure =
                gives == Gives::Never || self.is_known_to_be_there.load(Ordering::Relaxed);
            if !is_sure && !self.is_resting() {
                self.give_what_is_missing(Arc::clone(own)).await?;
            }
            return Ok(Settled::Agreed);
        }
        if self.is_resting() {
            return Ok(Settled::Apart);
        }
        match (own, named) {
            (Some(own), named)
                if gives.gives(&own, named.as_ref(), self.has_agreed.load(Ordering::Relaxed)) =>
            {
                self.give(context, own).await?;
                Ok(Settled::Agreed)
            }
            (own, Some(named)) => {
                keep_for_refresh(context, feed, own.as_deref()).await?;
                let taken = self.take(context, feed, named).await?;
                Ok(Settled::Taken(taken))
            }
            (_, None) => Ok(Settled::Agreed),
        }
    }

    /// The bytes first: whoever is told of a snapshot finds it.
    async fn give(&self, context: &Context, own: Arc<Snapshot>) -> Result<(), Failed> {
        let (objects, giving) = (self.objects.clone(), Arc::clone(&own));
        tokio::task::spawn_blocking(move || put(&objects, &giving)).await??;
        self.is_known_to_be_there.store(true, Ordering::Relaxed);
        let named = Named {
            digest: own.state().snapshot,
            date: own.date(),
            bytes: u64::try_from(own.bytes().len()).unwrap_or(u64::MAX),
        };
        let text = serde_json::to_string(&named).map_err(Failed::Named)?;
        context.store.set_setting(SETTING, Some(&text)).await?;
        tracing::info!(snapshot = %named.digest, bytes = named.bytes, "snapshot given to all");
        Ok(())
    }

    async fn give_what_is_missing(&self, own: Arc<Snapshot>) -> Result<(), Failed> {
        let objects = self.objects.clone();
        let giving = move || {
            let digest = own.state().snapshot;
            let part = u64::try_from(PART).unwrap_or(u64::MAX);
            let parts = own.bytes().len().div_ceil(PART);
            // The last one is written last.
            let last = name(&digest, parts.saturating_sub(1));
            if objects.get(&last, part)?.is_none() {
                put(&objects, &own)?;
                tracing::info!(snapshot = %digest, "snapshot given again");
            }
            Ok::<_, Failed>(())
        };
        tokio::task::spawn_blocking(giving).await??;
        self.is_known_to_be_there.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn take(&self, context: &Context, feed: &Path, named: Named) -> Result<Trace, Failed> {
        let (objects, path, digest) = (self.objects.clone(), feed.to_owned(), named.digest);
        let taking = move || get(&objects, &path, &named);
        let taken = tokio::task::spawn_blocking(taking).await??;
        let path = feed.to_owned();
        let opened = tokio::task::spawn_blocking(move || Snapshot::open(&path)).await??;
        context.feed.set(Some(Arc::new(opened)));
        self.is_known_to_be_there.store(true, Ordering::Relaxed);
        tracing::info!(snapshot = %digest, "snapshot taken");
        Ok(taken)
    }

    fn is_resting(&self) -> bool {
        let left = self.resting.load(Ordering::Relaxed).saturating_sub(self.clock.now().0);
        (1..=REST).contains(&left)
    }
}

/// A refresh is short if what the fleet is matched with is still there when it begins.
async fn keep_for_refresh(
    context: &Context,
    feed: &Path,
    own: Option<&Snapshot>,
) -> Result<(), Failed> {
    let Some(own) = own else { return Ok(()) };
    let fleet = context.store.fleet().await?;
    if fleet.is_some_and(|fleet| fleet.snapshot() == Some(own.state().snapshot)) {
        keep_matched(feed);
    }
    Ok(())
}

async fn named(store: &Store) -> Result<Option<Named>, Failed> {
    let text = store.setting(SETTING).await?;
    text.as_deref().map(serde_json::from_str).transpose().map_err(Failed::Named)
}

/// `snapshots/DIGEST/00003`.
fn name(digest: &Digest, part: usize) -> String {
    format!("snapshots/{}/{part:05}", digest.hex())
}

fn put(objects: &Objects, snapshot: &Snapshot) -> Result<(), Failed> {
    if !snapshot.digest_is_right() {
        return Err(Failed::Damaged);
    }
    let digest = snapshot.state().snapshot;
    for (number, part) in snapshot.bytes().chunks(PART).enumerate() {
        objects.put(&name(&digest, number), part.to_vec())?;
    }
    Ok(())
}

/// Fetches a snapshot to where it is used from; nothing changes there unless it is the right one.
fn get(objects: &Objects, feed: &Path, named: &Named) -> Result<Trace, Failed> {
    if named.bytes > MAX_BYTES {
        return Err(Failed::TooLarge { digest: named.digest, bytes: named.bytes });
    }
    let draft = feed.with_extension(format!("taken-{}", uuid::Uuid::new_v4().simple()));
    let file = |source| Failed::File { path: draft.clone(), source };
    let fetched = fetch(objects, &draft, named).and_then(|()| {
        let seen = trace(&draft);
        fs::rename(&draft, feed).map_err(file)?;
        Ok(seen)
    });
    if fetched.is_err() {
        // What was not moved may not be there either; the first error says why.
        let _removed = fs::remove_file(&draft);
    }
    fetched
}

fn fetch(objects: &Objects, draft: &Path, named: &Named) -> Result<(), Failed> {
    let at = |source| Failed::File { path: draft.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(draft).map_err(at)?;
    let part = u64::try_from(PART).unwrap_or(u64::MAX);
    let parts = usize::try_from(named.bytes.div_ceil(part)).unwrap_or(usize::MAX);
    for number in 0..parts {
        let bytes = objects.get(&name(&named.digest, number), part)?;
        let bytes = bytes.ok_or(Failed::Missing(named.digest))?;
        file.write_all(&bytes).map_err(at)?;
    }
    file.sync_all().map_err(at)?;
    drop(file);
    let snapshot = Snapshot::open(draft)?;
    let is_it = snapshot.state().snapshot == named.digest && snapshot.digest_is_right();
    if is_it { Ok(()) } else { Err(Failed::Other(named.digest)) }
}

#[cfg(test)]
mod tests;
