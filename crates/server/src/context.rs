//! What every part of the server has in its hands.
//!
//! In: the store, the clock, the feed, the rules. Out: [`Context`], cheap to clone. Odd: the current feed snapshot and rules can
//! be exchanged while scans run; a scan keeps those that it began with.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use plimsoll_advisory::Snapshot;
use plimsoll_image::Budget;
use plimsoll_model::{FeedState, Timestamp};
use plimsoll_scanner::{
    Policy, Rules,
    child::{Isolation, Level},
};
use plimsoll_store::{Store, StoreError, TokenBearer, TokenPurpose};
use tokio::sync::Semaphore;

use crate::{
    clock::Clock,
    metrics::Metrics,
    operation::judge::SnapshotJudge,
    stop::{Stopper, stop},
    throttle::Throttle,
    vex::VexDocuments,
};

/// Answers without end that a process gives at once.
const MOST_STREAMS: usize = 64;

/// Store, clock and feed.
#[derive(Clone)]
pub struct Context {
    /// The state.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The feed snapshot that is in use.
    pub feed: CurrentFeed,
    /// The rules for malicious files that are in use.
    pub rules: CurrentRules,
    /// The VEX documents whose word counts.
    pub vex: CurrentVex,
    /// Whether those that a registry keeps beside an image count, too.
    pub vex_beside_images: bool,
    /// What confines scans here.
    pub confinement: Confinement,
    /// Limits of what is read of one image.
    pub budget: Budget,
    /// How many layers of one image are read at once.
    pub layer_threads: usize,
    /// By which each image's verdict is said.
    pub policy: Option<Arc<Policy>>,
    /// Whether clients speak TLS to us, so that cookies can insist on it.
    pub secure: bool,
    /// What this process did, counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Says to this process's jobs, and to answers without end, that it ends.
    pub(crate) stopper: Arc<Stopper>,
    /// Answers without end that are being given.
    pub(crate) streams: Arc<Semaphore>,
    throttle: Arc<Throttle>,
    /// Those who speak for a registry, apart from administrators, whom a wrong webhook must not lock out.
    visitors: Arc<Throttle>,
}

/// What confines scans.
#[derive(Clone, Debug)]
pub enum Confinement {
    /// Nothing: images are read in the server's own process.
    Off,
    /// Each image is read in a process of its own.
    Child {
        /// How it is made and kept in check.
        isolation: Arc<Isolation>,
        /// How far this machine confines it.
        level: Level,
    },
}

impl std::fmt::Display for Confinement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Child { level, .. } => level.fmt(f),
        }
    }
}

/// The feed snapshot in use, or none.
#[derive(Clone, Default)]
pub struct CurrentFeed(Arc<RwLock<Option<Arc<Snapshot>>>>);

/// The rules for malicious files in use; at first those that come along.
#[derive(Clone, Default)]
pub struct CurrentRules(Arc<RwLock<Arc<Rules>>>);

/// The VEX documents in use; at first none.
#[derive(Clone, Default)]
pub struct CurrentVex(Arc<RwLock<Arc<VexDocuments>>>);

impl CurrentVex {
    /// The documents; a scan keeps those that it began with.
    #[must_use]
    pub fn current(&self) -> Arc<VexDocuments> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges them.
    pub fn set(&self, documents: VexDocuments) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(documents);
    }
}

impl CurrentRules {
    /// The rules; a scan keeps those that it began with.
    #[must_use]
    pub fn current(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges them.
    pub fn set(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// Why a bearer of a token is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is not the admin token, or not one of the registry's.
    #[error("the admin token is not right")]
    Wrong,
    /// Too many wrong ones came from this address.
    #[error("too many wrong admin tokens from this address; try again in {retry_after} seconds")]
    TooMany {
        /// Seconds to wait.
        retry_after: i64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Context {
    /// A context without a feed.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            feed: CurrentFeed::default(),
            rules: CurrentRules::default(),
            vex: CurrentVex::default(),
            vex_beside_images: false,
            confinement: Confinement::Off,
            budget: Budget::default(),
            layer_threads: 2,
            policy: None,
            secure: false,
            metrics: Arc::default(),
            stopper: Arc::new(stop().0),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            throttle: Arc::default(),
            visitors: Arc::default(),
        }
    }

    /// Who says what advisories and VEX documents say of packages, as of today.
    #[must_use]
    pub fn judge(&self) -> SnapshotJudge {
        SnapshotJudge::new(self.feed.snapshot(), self.clock.now()).with_vex(self.vex.current())
    }

    /// What scans are made with besides snapshot and packages: who made one with another is scanned again.
    #[must_use]
    pub fn detectors_version(&self) -> String {
        let version = plimsoll_scanner::detectors_version(&self.rules.current());
        format!("{version}{}", self.vex.current().version_of_images())
    }

    /// The time by which claims are made, extended and ended: the database's, where several machines share it, because one whose
    /// clock is ahead would take what others have.
    pub(crate) async fn lease_time(&self) -> Timestamp {
        if self.clock.is_machine() {
            match self.store.database_time().await {
                Ok(Some(now)) => return now,
                Ok(None) => {}
                // What is asked for next fails likewise, and says so.
                Err(error) => tracing::debug!(%error, "the database's time is not known"),
            }
        }
        self.clock.now()
    }

    /// Lets the holder of the admin token in.
    ///
    /// # Errors
    /// [`Refused`] says whether the token was looked at at all.
    pub async fn admit(&self, token: &str, from: IpAddr) -> Result<(), Refused> {
        let now = self.clock.now();
        if let Some(retry_after) = self.throttle.locked(from, now) {
            return Err(Refused::TooMany { retry_after });
        }
        if self.store.is_admin_token(token).await? {
            self.throttle.right(from);
            return Ok(());
        }
        self.throttle.wrong(from, now);
        Err(Refused::Wrong)
    }

    /// Lets the holder of a registry's token in.
    ///
    /// # Errors
    /// [`Refused`] says whether the token was looked at at all.
    pub async fn admit_for(
        &self,
        purpose: TokenPurpose,
        token: &str,
        from: IpAddr,
    ) -> Result<TokenBearer, Refused> {
        let now = self.clock.now();
        if let Some(retry_after) = self.visitors.locked(from, now) {
            return Err(Refused::TooMany { retry_after });
        }
        if let Some(bearer) = self.store.bearer_of(token, purpose).await? {
            self.visitors.right(from);
            return Ok(bearer);
        }
        self.visitors.wrong(from, now);
        Err(Refused::Wrong)
    }

    /// Lets a cluster in that tells what it runs; its id.
    ///
    /// # Errors
    /// [`Refused`] says whether the key was looked at at all.
    pub async fn admit_cluster(&self, key: &str, from: IpAddr) -> Result<String, Refused> {
        let now = self.clock.now();
        if let Some(retry_after) = self.visitors.locked(from, now) {
            return Err(Refused::TooMany { retry_after });
        }
        if let Some(key) = self.store.cluster_of_key(key, now).await? {
            self.visitors.right(from);
            return Ok(key.settings.cluster_id);
        }
        self.visitors.wrong(from, now);
        Err(Refused::Wrong)
    }
}

impl CurrentFeed {
    /// The snapshot, kept alive as long as the answer is held.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is in it.
    #[must_use]
    pub fn state(&self) -> Option<FeedState> {
        self.snapshot().map(|snapshot| snapshot.state())
    }

    /// Exchanges it.
    pub fn set(&self, snapshot: Option<Arc<Snapshot>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}
