//! The server: one address for the signed gateway, the management API and the console, and the background jobs; and the worker,
//! which only scans.
//!
//! In: [`ServeConfig`]. Out: [`Server`] or [`Worker`], handles with the addresses that were bound. Odd: the handle stops everything
//! when it is dropped; killing the process loses nothing either, because every decision is in the store and scans are leased.

mod connection;
mod limits;
mod probes;
mod tls;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware};
use plimsoll_advisory::SnapshotError;
use plimsoll_image::Budget;
use plimsoll_model::Secret;
use plimsoll_scanner::{
    LayerCache, Policy,
    child::{Isolation, Level, probe},
    yara::RulesError,
};
use plimsoll_store::{OpenError, Store, StoreError, StoreLocation, StoreOptions, TokenError};
use tokio::{net::TcpListener, task::JoinSet};

pub use self::tls::{TlsError, TlsFiles};
pub(crate) use self::{
    connection::accept,
    limits::{BodyError, LARGE_BODY, SMALL_BODY, read_body},
    tls::Certificate,
};
use crate::{
    FeedUpdates,
    clock::Clock,
    console,
    context::{Confinement, Context},
    gateway::{self, GatewaySettings},
    harbor, hook,
    job::{self, JobSettings},
    manage,
    operation::{
        feed::{feed_path, open_feed},
        rules::open_rules,
    },
    shared_place::SharedPlace,
    shared_snapshots::Gives,
    trace,
    vex::{VexDocuments, VexFileError},
};

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Where the database is, and how it is used.
    pub store: StoreOptions,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many scans run at once; 0 leaves scanning to others.
    pub workers: usize,
    /// How many layers of one image are read at once.
    pub layer_threads: usize,
    /// How long a stop waits for scans to end before it gives them back.
    pub drain: Duration,
    /// Where probes and metrics are answered without a token, besides; port 0 takes a free one.
    pub probes: Option<SocketAddr>,
    /// Where what is known of layers, and the advisory snapshot, are shared with other machines, besides the data directory.
    pub shared: Option<SharedPlace>,
    /// The admin token, where somebody else chose it; `None`: it is made at the first start.
    pub admin_token: Option<Secret<String>>,
    /// How often every registry is synced; `None`: only when somebody asks.
    pub sync_interval: Option<Duration>,
    /// Where the advisory snapshot lies; `None`: in the data directory.
    pub feed: Option<PathBuf>,
    /// When and from where advisories are downloaded; `None`: somebody else does that.
    pub feed_updates: Option<FeedUpdates>,
    /// Folders with rules for malicious files, besides `rules` in the data directory.
    pub rules: Vec<PathBuf>,
    /// VEX documents, or folders of them, besides `vex` in the data directory.
    pub vex: Vec<PathBuf>,
    /// Whether VEX documents that a registry keeps beside an image are believed, too.
    pub vex_beside_images: bool,
    /// Certificate and key; without them the server speaks plain http.
    pub tls: Option<TlsFiles>,
    /// Where clients reach the server, for addresses in answers.
    pub public_url: Option<String>,
    /// How the processes of scans are made and kept in check; `None`: images are read in the server's own process.
    pub isolation: Option<Isolation>,
    /// Limits of what is read of one image.
    pub budget: Budget,
    /// By which each image's verdict is said; `None`: there are no verdicts.
    pub policy: Option<Policy>,
    /// The time.
    pub clock: Clock,
}

impl ServeConfig {
    /// The defaults for a data directory: loopback, port 7467, two workers that are not waited for, a sync every hour, no process
    /// for scans.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            store: StoreOptions::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7467)),
            workers: 2,
            layer_threads: 2,
            drain: Duration::ZERO,
            probes: None,
            shared: None,
            admin_token: None,
            sync_interval: Some(Duration::from_secs(3600)),
            feed: None,
            feed_updates: None,
            rules: Vec::new(),
            vex: Vec::new(),
            vex_beside_images: false,
            tls: None,
            public_url: None,
            isolation: None,
            budget: Budget::default(),
            policy: None,
            clock: Clock::machine(),
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The admin token.
    #[error("the admin token cannot be made or taken")]
    AdminToken(#[from] TokenError),
    /// The address.
    #[error("cannot listen on {address}")]
    Listen {
        /// As it was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The advisory snapshot.
    #[error("the advisory snapshot `{path}` cannot be used")]
    Feed {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: SnapshotError,
    },
    /// The rules for malicious files.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The VEX documents.
    #[error(transparent)]
    Vex(#[from] VexFileError),
    /// The file that shows that this process lives.
    #[error("`{path}` cannot be locked")]
    Presence {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No process for scans can be made.
    #[error("a process for scans cannot be started")]
    Sandbox(#[source] io::Error),
    /// The sandbox was required.
    #[error("scans cannot be confined as `--sandbox require` asks: {0}")]
    NotConfined(&'static str),
    /// The key of fingerprints.
    #[error("the key by which secrets in layers are known again")]
    FingerprintKey(#[source] StoreError),
    /// The layer cache.
    #[error("the layer cache `{path}` cannot be used")]
    Cache {
        /// Where it lies.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A running server. Dropping it stops it at once; [`Server::stop`] stops it in order.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    secure: bool,
    new_admin_token: Option<Secret<String>>,
    process: Process,
}

/// A running worker. Dropping it stops it at once; [`Worker::stop`] stops it in order.
#[derive(Debug)]
pub struct Worker {
    process: Process,
}

/// What servers and workers have in common.
struct Process {
    context: Context,
    drain: Duration,
    probes: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

/// How long a stop waits for what is under way.
const PATIENCE: Duration = Duration::from_secs(20);
/// When to come again while the database is away, in seconds: what answers say in `Retry-After`.
pub(crate) const AWAY_SECONDS: i64 = 5;
/// How often a drain looks whether scans run.
const LOOK: Duration = Duration::from_millis(50);

/// Starts serving.
///
/// # Errors
/// [`ServeError`] names what cannot be used.
pub async fn serve(config: ServeConfig) -> Result<Server, ServeError> {
    let certificate = config.tls.as_ref().map(Certificate::open).transpose()?;
    let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose()?;
    let (mut context, settings) = prepare(&config, false).await?;
    let new_admin_token = match &config.admin_token {
        Some(given) => {
            context.store.set_admin_token(given).await?;
            None
        }
        None => context.store.ensure_admin_token().await?,
    };
    // Behind a proxy that speaks TLS, browsers see https although we do not speak it.
    let public = config.public_url.as_deref().unwrap_or_default();
    context.secure = acceptor.is_some() || public.starts_with("https://");
    let secure = acceptor.is_some();
    let (listener, address) = bind(config.listen).await?;
    let router = router(&context, config.public_url.clone());
    let mut process = Process::start(context, settings, &config).await?;
    let (store, stop) = (process.context.store.clone(), process.context.stopper.listen());
    if let Some(certificate) = certificate {
        process.tasks.spawn(certificate.follow(stop.clone()));
    }
    process.tasks.spawn(accept(listener, acceptor, router, stop));
    process.tasks.spawn(prepare_list(store));
    tracing::info!(%address, tls = secure, workers = config.workers, "serve start");
    Ok(Server { address, secure, new_admin_token, process })
}

/// Starts scanning what others queue. Of the configuration, what is about answering and syncing does not matter.
///
/// # Errors
/// [`ServeError`] names what cannot be used.
pub async fn work(config: ServeConfig) -> Result<Worker, ServeError> {
    let (context, settings) = prepare(&config, true).await?;
    let process = Process::start(context, settings, &config).await?;
    tracing::info!(workers = config.workers, "work start");
    Ok(Worker { process })
}

/// Opens what both need.
async fn prepare(
    config: &ServeConfig,
    only_scans: bool,
) -> Result<(Context, JobSettings), ServeError> {
    let store = Store::open(&config.data_dir, config.store.clone()).await?;
    let feed = config.feed.clone().unwrap_or_else(|| feed_path(&config.data_dir));
    let mut context = Context::new(store, config.clock.clone());
    let snapshot = open_feed(&feed);
    let snapshot = snapshot.map_err(|source| ServeError::Feed { path: feed.clone(), source })?;
    context.feed.set(snapshot.map(Arc::new));
    context.rules.set(open_rules(&config.data_dir, &config.rules)?);
    context.vex.set(VexDocuments::open(&config.data_dir, &config.vex)?);
    context.vex_beside_images = config.vex_beside_images;
    context.confinement = confinement(config.isolation.clone()).await?;
    context.budget = config.budget.clone();
    context.layer_threads = config.layer_threads;
    context.policy = config.policy.clone().map(Arc::new);
    agree_on_key(&context.store, config).await?;
    let settings = JobSettings::new(config, feed, only_scans)?;
    if let Some(shared) = &settings.shared_snapshots {
        // Before the first scan, which would rest on another snapshot. Where it fails, the job goes on trying.
        let gives = if only_scans { Gives::Never } else { Gives::Newer };
        shared.settle(&context, &settings.feed, gives).await;
    }
    Ok((context, settings))
}

/// Machines that share a database know secrets in layers by the same fingerprints, whatever each has in its data directory.
async fn agree_on_key(store: &Store, config: &ServeConfig) -> Result<(), ServeError> {
    const NAME: &str = "layers.fingerprint-key";
    if matches!(store.location(), StoreLocation::Embedded) {
        return Ok(());
    }
    let path = config.data_dir.join("layers");
    let failed = |source| ServeError::Cache { path: path.clone(), source };
    let ours = LayerCache::key_of(&path).map_err(failed)?;
    let agreed = store.agreed_secret(NAME, &Secret::new(ours)).await;
    let agreed = agreed.map_err(ServeError::FingerprintKey)?;
    LayerCache::take_key(&path, agreed.reveal()).map_err(failed)
}

pub(crate) async fn bind(asked: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address: asked, source };
    let listener = TcpListener::bind(asked).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Tries out what confines scans here. A server whose scans cannot be confined as they must does not start.
async fn confinement(isolation: Option<Isolation>) -> Result<Confinement, ServeError> {
    let Some(isolation) = isolation else { return Ok(Confinement::Off) };
    let isolation = Arc::new(isolation);
    let probing = Arc::clone(&isolation);
    let probed = tokio::task::spawn_blocking(move || probe(&probing.launcher)).await;
    let probed = probed.map_err(io::Error::other).and_then(|probed| probed);
    let level: Level = probed.map_err(ServeError::Sandbox)?;
    match level.missing() {
        Some(missing) if isolation.is_sandbox_required => {
            return Err(ServeError::NotConfined(missing));
        }
        Some(missing) => tracing::warn!(%level, "{missing}"),
        None => tracing::info!(%level, "scans are confined"),
    }
    Ok(Confinement::Child { isolation, level })
}

/// Every address that the server answers.
pub fn router(context: &Context, public_url: Option<String>) -> Router {
    let scheme = if context.secure { "https" } else { "http" };
    let settings = GatewaySettings {
        public_url,
        console: Some("/console/".to_owned()),
        ..GatewaySettings::default()
    };
    Router::new()
        .merge(probes::router(context.clone()))
        .merge(manage::router(context.clone()))
        .merge(harbor::router(context.clone()))
        .merge(hook::router(context.clone()))
        .merge(console::router(context.clone()))
        .merge(gateway::router(context.store.clone(), settings, context.clock.clone()))
        .layer(middleware::from_fn_with_state(scheme, trace::around_request))
}

/// Makes the list of images in memory, which the first question would wait for.
async fn prepare_list(store: Store) {
    if let Err(error) = store.prepare_list().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "list of images not prepared");
    }
}

impl Process {
    /// Starts the jobs, and answers probes.
    async fn start(
        context: Context,
        settings: JobSettings,
        config: &ServeConfig,
    ) -> Result<Self, ServeError> {
        let mut tasks = JoinSet::new();
        let mut probes = None;
        if let Some(asked) = config.probes {
            let (listener, address) = bind(asked).await?;
            let router = probes::router_with_metrics(context.clone());
            tasks.spawn(accept(listener, None, router, context.stopper.listen()));
            probes = Some(address);
        }
        let settings = Arc::new(settings);
        for job in job::jobs() {
            if settings.only_scans && !job.is_of_workers() {
                continue;
            }
            tracing::debug!(job.id = job.id(), job.about = job.about(), "job start");
            let stop = context.stopper.listen();
            tasks.spawn(job.run(context.clone(), Arc::clone(&settings), stop));
        }
        Ok(Self { context, drain: config.drain, probes, tasks })
    }

    /// Ends the scans that are under way, as far as there is time, then everything else.
    async fn stop(mut self) {
        self.context.stopper.drain();
        let idle = async {
            while self.context.metrics.running() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(self.drain, idle).await.is_err() {
            let scans = self.context.metrics.running();
            tracing::info!(scans, "scans that did not end in time are given back");
        }
        self.context.stopper.stop();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("stop: not everything ended in time");
            self.tasks.shutdown().await;
        }
        self.context.store.close().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Connections are no tasks of ours: they end when they hear it.
        self.context.stopper.stop();
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("store", &self.context.store).finish_non_exhaustive()
    }
}

impl Server {
    /// The address that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:7467`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The address of probes and metrics that was bound, if one was asked for.
    #[must_use]
    pub const fn probes(&self) -> Option<SocketAddr> {
        self.process.probes
    }

    /// What confines scans.
    #[must_use]
    pub const fn confinement(&self) -> &Confinement {
        &self.process.context.confinement
    }

    /// The state that is served.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.process.context.store
    }

    /// The admin token, if this start made it; it also lies in [`Store::admin_token_file`].
    #[must_use]
    pub const fn new_admin_token(&self) -> Option<&Secret<String>> {
        self.new_admin_token.as_ref()
    }

    /// Finishes the requests that are under way, ends the scans or gives them back, closes the store.
    pub async fn stop(self) {
        self.process.stop().await;
        tracing::info!("serve done");
    }
}

impl Worker {
    /// The address of probes and metrics that was bound, if one was asked for.
    #[must_use]
    pub const fn probes(&self) -> Option<SocketAddr> {
        self.process.probes
    }

    /// What confines scans.
    #[must_use]
    pub const fn confinement(&self) -> &Confinement {
        &self.process.context.confinement
    }

    /// The state that is worked on.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.process.context.store
    }

    /// Ends the scans or gives them back, closes the store.
    pub async fn stop(self) {
        self.process.stop().await;
        tracing::info!("work done");
    }
}
