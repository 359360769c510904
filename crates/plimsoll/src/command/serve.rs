//! `plimsoll serve`: the server, until it is told to stop.

use std::{path::Path, time::Duration};

use plimsoll_server::{FeedUpdates, ServeConfig, ServeError, TlsFiles, serve};
use plimsoll_store::StoreLocation;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    arguments::{Global, Serve, VexSources},
    command::{policy_file, shared_place},
    data, telemetry,
    terminal::Terminal,
};

pub(crate) async fn run(
    arguments: Serve,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let folder = data::directory(global)?;
    let mut config = ServeConfig::new(&folder);
    config.store = data::store_options(global)?;
    config.store.lease = Duration::from_secs(arguments.ending.lease);
    let location = config.store.location.clone();
    config.listen = arguments.listen;
    config.workers = arguments.workers.into();
    config.layer_threads = arguments.layer_threads.into();
    config.drain = Duration::from_secs(arguments.ending.drain);
    config.probes = arguments.ending.probes;
    config.shared = shared_place::open(&arguments.shared)?;
    config.admin_token = arguments.admin_token_file.as_deref().map(data::first_line).transpose()?;
    config.isolation = arguments.confinement.isolation();
    config.budget = arguments.limits.budget()?;
    config.policy = arguments.policy.as_deref().map(policy_file::read).transpose()?;
    config.sync_interval = (arguments.sync_interval > 0)
        .then(|| Duration::from_secs(arguments.sync_interval.saturating_mul(60)));
    config.feed_updates = (arguments.feed_interval > 0).then(|| FeedUpdates {
        interval: Duration::from_secs(arguments.feed_interval.saturating_mul(60)),
        mirrors: arguments.feed_from,
    });
    config.rules = arguments.rules;
    config.vex = arguments.vex;
    config.vex_beside_images = arguments.vex_sources == VexSources::Referrers;
    config.tls = arguments
        .tls_certificate
        .zip(arguments.tls_key)
        .map(|(certificate, key)| TlsFiles { certificate, key });
    if config.tls.is_none() && !config.listen.ip().is_loopback() {
        terminal.say(
            "warning: plain http on a network address: tokens and answers can be read on the way\n\
             hint: `--tls-certificate FILE --tls-key FILE`, or a proxy with TLS in front of 127.0.0.1",
        );
    }
    let telemetry = telemetry::begin(&arguments.traces)?;
    let mut stop = StopSignal::new()?;
    let server = serve(config).await.map_err(|error| unusable(error, &folder, &location))?;
    terminal.print(&format!("listening on {}", server.url()))?;
    terminal.say(&format!("console: {}/console/", server.url()));
    if let Some(address) = server.probes() {
        terminal.say(&format!("probes and metrics: http://{address}/metrics"));
    }
    terminal.say(&format!("sandbox of scans: {}", server.confinement()));
    if server.new_admin_token().is_some() {
        let file = server.store().admin_token_file();
        terminal.say(&format!("log in with the admin token in {}", file.display()));
    }
    stop.wait().await;
    terminal.say("stopping: scans under way are finished or handed back");
    server.stop().await;
    telemetry.end().await;
    Ok(())
}

/// Why nothing was started, and what to do where the data directory or the store is what cannot be used.
pub(crate) fn unusable(
    error: ServeError,
    folder: &Path,
    location: &StoreLocation,
) -> anyhow::Error {
    match error {
        ServeError::Open(error) => {
            anyhow::Error::new(error).context(data::unusable(folder, location))
        }
        error => error.into(),
    }
}

/// Ctrl-C, or SIGTERM as service managers send it.
pub(crate) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// From now on a signal no longer ends the process by itself.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for either.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
