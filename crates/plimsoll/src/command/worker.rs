//! `plimsoll worker`: scans what others queue, until it is told to stop.

use std::time::Duration;

use plimsoll_server::{ServeConfig, work};

use crate::{
    arguments::{Global, VexSources, Worker},
    command::{
        serve::{StopSignal, unusable},
        shared_place,
    },
    data, telemetry,
    terminal::Terminal,
};

pub(crate) async fn run(
    arguments: Worker,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    data::refuse_server(global, "worker")?;
    let folder = data::directory(global)?;
    let mut config = ServeConfig::new(&folder);
    config.store = data::store_options(global)?;
    config.store.lease = Duration::from_secs(arguments.ending.lease);
    let location = config.store.location.clone();
    config.workers = arguments.workers.into();
    config.layer_threads = arguments.layer_threads.into();
    config.isolation = arguments.confinement.isolation();
    config.budget = arguments.limits.budget()?;
    config.rules = arguments.rules;
    config.vex = arguments.vex;
    config.vex_beside_images = arguments.vex_sources == VexSources::Referrers;
    config.drain = Duration::from_secs(arguments.ending.drain);
    config.probes = arguments.ending.probes;
    config.shared = shared_place::open(&arguments.shared)?;
    let telemetry = telemetry::begin(&arguments.traces)?;
    let mut stop = StopSignal::new()?;
    let worker = work(config).await.map_err(|error| unusable(error, &folder, &location))?;
    terminal.print(&format!("scanning what is queued in {}", described(&folder, &location)))?;
    if let Some(address) = worker.probes() {
        terminal.say(&format!("probes and metrics: http://{address}/metrics"));
    }
    terminal.say(&format!("sandbox of scans: {}", worker.confinement()));
    stop.wait().await;
    terminal.say("stopping: scans under way are finished or handed back");
    tokio::select! {
        () = worker.stop() => {}
        () = stop.wait() => terminal.say("stopped at once: leases of scans end by themselves"),
    }
    telemetry.end().await;
    Ok(())
}

fn described(folder: &std::path::Path, location: &plimsoll_store::StoreLocation) -> String {
    match location {
        plimsoll_store::StoreLocation::Embedded => format!("`{}`", folder.display()),
        plimsoll_store::StoreLocation::Postgres(location) => format!("`{location}`"),
    }
}
