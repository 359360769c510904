//! The server: one address for the signed gateway, the management API and the console, and the background jobs.
//!
//! In: [`ServeConfig`]. Out: [`Server`], a handle with the address that was bound. Odd: the handle stops everything when
//! it is dropped; killing the process loses nothing either, because every decision is in the store and scans are leased.

mod connection;
mod limits;
mod tls;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use plimsoll_advisory::SnapshotError;
use plimsoll_image::Budget;
use plimsoll_model::Secret;
use plimsoll_scanner::{
    Policy,
    child::{Isolation, Level, probe},
    yara::RulesError,
};
use plimsoll_store::{OpenError, Store, StoreOptions, TokenError};
use tokio::{net::TcpListener, task::JoinSet};

pub(crate) use self::limits::{BodyError, LARGE_BODY, SMALL_BODY, read_body};
pub use self::tls::{TlsError, TlsFiles};
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
        feed::{FeedStatus, feed_path, open_feed},
        rules::open_rules,
    },
    stop::{Stop, Stopper, stop},
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
    /// The defaults for a data directory: loopback, port 7467, two workers, a sync every hour, no process for scans.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            store: StoreOptions::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7467)),
            workers: 2,
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
    #[error("the admin token cannot be made")]
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
    confinement: Confinement,
    store: Store,
    new_admin_token: Option<Secret<String>>,
    stopper: Stopper,
    tasks: JoinSet<()>,
}

/// How long a stop waits for what is under way.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts serving.
///
/// # Errors
/// [`ServeError`] names what cannot be used.
pub async fn serve(config: ServeConfig) -> Result<Server, ServeError> {
    let store = Store::open(&config.data_dir, config.store.clone()).await?;
    let new_admin_token = store.ensure_admin_token().await?;
    let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let feed = config.feed.clone().unwrap_or_else(|| feed_path(&config.data_dir));
    let mut context = Context::new(store.clone(), config.clock.clone());
    // Behind a proxy that speaks TLS, browsers see https although we do not speak it.
    let public = config.public_url.as_deref().unwrap_or_default();
    context.secure = acceptor.is_some() || public.starts_with("https://");
    let snapshot = open_feed(&feed);
    let snapshot = snapshot.map_err(|source| ServeError::Feed { path: feed.clone(), source })?;
    context.feed.set(snapshot.map(Arc::new));
    context.rules.set(open_rules(&config.data_dir, &config.rules)?);
    context.vex.set(VexDocuments::open(&config.data_dir, &config.vex)?);
    context.vex_beside_images = config.vex_beside_images;

    let secure = acceptor.is_some();
    let listener = TcpListener::bind(config.listen).await;
    let listener =
        listener.map_err(|source| ServeError::Listen { address: config.listen, source })?;
    let address = listener.local_addr();
    let address =
        address.map_err(|source| ServeError::Listen { address: config.listen, source })?;

    context.confinement = confinement(config.isolation.clone()).await?;
    context.budget = config.budget.clone();
    context.policy = config.policy.clone().map(Arc::new);
    let settings = JobSettings::new(&config, feed)?;
    let router = router(&context, config.public_url.clone());
    let confinement = context.confinement.clone();
    let (stopper, stop) = stop();
    let mut tasks = JoinSet::new();
    tasks.spawn(connection::accept(listener, acceptor, router, stop.clone()));
    start_jobs(&mut tasks, &context, &Arc::new(settings), &stop);
    tasks.spawn(prepare_list(store.clone()));
    tracing::info!(%address, tls = secure, workers = config.workers, "serve start");
    Ok(Server { address, secure, confinement, store, new_admin_token, stopper, tasks })
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
    let settings = GatewaySettings {
        public_url,
        console: Some("/console/".to_owned()),
        ..GatewaySettings::default()
    };
    Router::new()
        .route("/healthz", get(health).with_state(context.clone()))
        .merge(manage::router(context.clone()))
        .merge(harbor::router(context.clone()))
        .merge(hook::router(context.clone()))
        .merge(console::router(context.clone()))
        .merge(gateway::router(context.store.clone(), settings, context.clock.clone()))
}

fn start_jobs(
    tasks: &mut JoinSet<()>,
    context: &Context,
    settings: &Arc<JobSettings>,
    stop: &Stop,
) {
    for job in job::jobs() {
        tracing::debug!(job.id = job.id(), job.about = job.about(), "job start");
        tasks.spawn(job.run(context.clone(), Arc::clone(settings), stop.clone()));
    }
}

/// Makes the list of images in memory, which the first question would wait for.
async fn prepare_list(store: Store) {
    if let Err(error) = store.prepare_list().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "list of images not prepared");
    }
}

/// `GET /healthz`: whether the server can read its state, what confines its scans, and how its feed is. An old feed is no
/// reason to take a server out of service: the last good data is better than none.
async fn health(State(context): State<Context>) -> Response {
    match context.store.task_counts(None).await {
        Ok(_) => {
            let mut text = format!("ok\nsandbox: {}\n", context.confinement);
            let now = context.clock.now();
            let status = FeedStatus::new(context.feed.state(), context.store.data_dir(), now);
            text.push_str(&match &status.feed {
                Some(feed) => format!("feed: {}\n", feed.date),
                None => "feed: none\n".to_owned(),
            });
            for warning in status.warnings(now) {
                // What a mirror answered is in it, and must not begin a line of its own.
                text.push_str(&format!("warning: {}\n", warning.replace(char::is_control, " ")));
            }
            text.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "health check failed");
            (StatusCode::SERVICE_UNAVAILABLE, "the state cannot be read\n").into_response()
        }
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

    /// What confines scans.
    #[must_use]
    pub const fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// The state that is served.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The admin token, if this start made it; it also lies in [`Store::admin_token_file`].
    #[must_use]
    pub const fn new_admin_token(&self) -> Option<&Secret<String>> {
        self.new_admin_token.as_ref()
    }

    /// Finishes the requests that are under way, gives the scans back, closes the store.
    pub async fn stop(mut self) {
        self.stopper.stop();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("serve stop: not everything ended in time");
            self.tasks.shutdown().await;
        }
        self.store.close().await;
        tracing::info!("serve done");
    }
}
