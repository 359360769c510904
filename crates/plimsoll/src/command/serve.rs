//! `plimsoll serve`: the server, until it is told to stop.

use std::time::Duration;

use plimsoll_server::{ServeConfig, TlsFiles, serve};

use crate::{
    arguments::{Global, Serve},
    data,
    terminal::Terminal,
};

pub(crate) async fn run(
    arguments: Serve,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let mut config = ServeConfig::new(&data::directory(global)?);
    config.listen = arguments.listen;
    config.workers = arguments.workers;
    config.sync_interval = (arguments.sync_interval > 0)
        .then(|| Duration::from_secs(arguments.sync_interval.saturating_mul(60)));
    config.tls = arguments
        .tls_certificate
        .zip(arguments.tls_key)
        .map(|(certificate, key)| TlsFiles { certificate, key });
    let server = serve(config).await?;
    terminal.print(&format!("listening on {}", server.url()))?;
    terminal.say(&format!("console: {}/console/", server.url()));
    if server.new_admin_token().is_some() {
        let file = server.store().admin_token_file();
        terminal.say(&format!("log in with the admin token in {}", file.display()));
    }
    stop_signal().await?;
    terminal.say("stopping: scans under way are finished or handed back");
    server.stop().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM as service managers send it.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
