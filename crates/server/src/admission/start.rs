//! The process: its address, and what it follows.
//!
//! In: [`AdmissionConfig`]. Out: [`AdmissionServer`]. Odd: it starts without the database and finds it later, since a cluster that comes
//! up asks before the database is there; a policy or a certificate that cannot be used at the start is an error, one that cannot be used
//! later changes nothing.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use plimsoll_store::{Store, StoreOptions};
use tokio::{task::JoinSet, time::Instant};

use super::{
    endpoint::{Endpoint, router, router_with_metrics},
    policy_file::{PolicyFileError, PolicyInUse},
    review::Reviewer,
};
use crate::{
    clock::Clock,
    operation::error_chain,
    serve::{Certificate, ServeError, TlsError, TlsFiles, accept, bind},
    stop::{Stop, Stopper, stop},
};

/// How often the policy file is read again.
const EVERY: Duration = Duration::from_secs(5);
/// How often a database that is away is looked for, and one that was there is asked whether it still is.
const LOOK: Duration = Duration::from_secs(2);
/// How long a stop waits for what is under way.
const PATIENCE: Duration = Duration::from_secs(15);

/// How to answer reviews.
#[derive(Clone, Debug)]
pub struct AdmissionConfig {
    /// Where the embedded database is; a database on a server needs none.
    pub data_dir: PathBuf,
    /// Where the database is.
    pub store: StoreOptions,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where probes and metrics are answered, besides; port 0 takes a free one.
    pub probes: Option<SocketAddr>,
    /// Certificate and key; without them it speaks plain http, which no API server does.
    pub tls: Option<TlsFiles>,
    /// The policy file.
    pub policy: PathBuf,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long it looks for the database before it says that it is ready without.
    pub patience: Duration,
    /// How long a stop goes on answering, so that others stop asking.
    pub drain: Duration,
    /// The time.
    pub clock: Clock,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Listen(#[from] ServeError),
}

/// A running webhook. Dropping it stops it at once; [`AdmissionServer::stop`] stops it in order.
pub struct AdmissionServer {
    address: SocketAddr,
    probes: Option<SocketAddr>,
    secure: bool,
    drain: Duration,
    reviewer: Arc<Reviewer>,
    stopper: Stopper,
    tasks: JoinSet<()>,
}

/// Starts answering.
///
/// # Errors
/// [`AdmissionError`] names what cannot be used.
pub async fn serve_admission(config: AdmissionConfig) -> Result<AdmissionServer, AdmissionError> {
    let policy = PolicyInUse::read(&config.policy)?;
    let certificate = config.tls.as_ref().map(Certificate::open).transpose()?;
    let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose()?;
    let (listener, address) = bind(config.listen).await?;
    let (stopper, listen) = stop();
    let reviewer = Arc::new(Reviewer::new(policy, config.timeout, config.clock));
    let endpoint = Endpoint {
        reviewer: Arc::clone(&reviewer),
        stop: listen.clone(),
        patient_until: Instant::now() + config.patience,
    };
    let mut tasks = JoinSet::new();
    let mut probes = None;
    if let Some(asked) = config.probes {
        let (listener, address) = bind(asked).await?;
        let router = router_with_metrics(endpoint.clone());
        tasks.spawn(accept(listener, None, router, listen.clone()));
        probes = Some(address);
    }
    let secure = certificate.is_some();
    if let Some(certificate) = certificate {
        tasks.spawn(certificate.follow(listen.clone()));
    }
    tasks.spawn(follow_policy(Arc::clone(&reviewer), config.policy, listen.clone()));
    tasks.spawn(follow_store(Arc::clone(&reviewer), config.data_dir, config.store, listen.clone()));
    tasks.spawn(accept(listener, acceptor, router(endpoint), listen));
    tracing::info!(%address, tls = secure, "admission start");
    let drain = config.drain;
    Ok(AdmissionServer { address, probes, secure, drain, reviewer, stopper, tasks })
}

/// Opens the store as soon as it can be, then looks whether it is still there.
async fn follow_store(
    reviewer: Arc<Reviewer>,
    data_dir: PathBuf,
    options: StoreOptions,
    mut stop: Stop,
) {
    let mut told = None;
    let store = loop {
        let opening = Store::open_to_read(&data_dir, options.clone());
        let opened = tokio::select! {
            opened = opening => opened,
            () = stop.said() => return,
        };
        match opened {
            Ok(store) => break store,
            Err(error) => {
                let problem = error_chain(&error);
                if told.as_ref() != Some(&problem) {
                    tracing::error!(error = problem, "store not opened: tried again");
                    told = Some(problem);
                }
            }
        }
        if stop.said_within(LOOK).await {
            return;
        }
    };
    tracing::info!("store opened");
    reviewer.has(store.clone());
    while !stop.said_within(LOOK).await {
        let there = tokio::time::timeout(LOOK, store.is_there()).await;
        reviewer.metrics.store_is(matches!(there, Ok(Ok(()))));
    }
}

/// Reads the policy file again and again.
async fn follow_policy(reviewer: Arc<Reviewer>, file: PathBuf, mut stop: Stop) {
    let mut told = None;
    while !stop.said_within(EVERY).await {
        match PolicyInUse::read(&file) {
            Ok(policy) => {
                told = None;
                let mark = policy.mark.clone();
                if reviewer.follow(policy) {
                    tracing::info!(policy.mark = mark, "policy exchanged");
                }
            }
            Err(error) => {
                let problem = error_chain(&error);
                if told.as_ref() != Some(&problem) {
                    tracing::error!(error = problem, "policy not read again: the former one holds");
                    told = Some(problem);
                }
            }
        }
    }
}

impl AdmissionServer {
    /// The address that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the webhook is asked.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/validate", self.address)
    }

    /// The address of probes and metrics that was bound, if one was asked for.
    #[must_use]
    pub const fn probes(&self) -> Option<SocketAddr> {
        self.probes
    }

    /// Whether the store was opened.
    #[must_use]
    pub fn has_store(&self) -> bool {
        self.reviewer.store().is_some()
    }

    /// Goes on answering for a while, finishes the reviews that are under way, closes the store.
    pub async fn stop(mut self) {
        self.stopper.drain();
        tokio::time::sleep(self.drain).await;
        self.stopper.stop();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("stop: not everything ended in time");
            self.tasks.shutdown().await;
        }
        if let Some(store) = self.reviewer.store() {
            store.close().await;
        }
        tracing::info!("admission done");
    }
}

impl std::fmt::Debug for AdmissionServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdmissionServer").field("address", &self.address).finish_non_exhaustive()
    }
}
