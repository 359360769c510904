//! `plimsoll admission`: what may run in a cluster.

mod certificate;

use std::{fs::File, io::Read as _, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use plimsoll_server::{
    Clock, TlsFiles,
    admission::{AdmissionConfig, read_policy, review_text, serve_admission},
};
use plimsoll_store::{Store, StoreOptions};

use crate::{
    Exit,
    arguments::{Admission, AdmissionReview, AdmissionServe, Global},
    command::serve::StopSignal,
    data,
    terminal::Terminal,
};

/// Largest review that is read from a file.
const LARGEST: u64 = 8 << 20;
/// How long a connection to the database may be waited for, of which an answer waits for less.
const BUSY: Duration = Duration::from_secs(2);
/// How long the database is looked for before it is answered without.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) async fn run(
    command: Admission,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    match command {
        Admission::Serve(arguments) => serve(arguments, global, terminal).await?,
        Admission::Check { policy } => check(&policy, terminal)?,
        Admission::Review(review) => return answer(&review, global, terminal).await,
        Admission::Certificate(arguments) => certificate::run(&arguments, terminal)?,
    }
    Ok(Exit::Done)
}

async fn serve(
    arguments: AdmissionServe,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    data::refuse_server(global, "the store of admission")?;
    let options = data::store_options(global)?;
    let config = AdmissionConfig {
        data_dir: data::directory_to_read(global, &options.location)?,
        store: StoreOptions { readers: arguments.connections, busy_timeout: BUSY, ..options },
        listen: arguments.listen,
        probes: arguments.probes,
        tls: arguments
            .tls_certificate
            .zip(arguments.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        policy: arguments.policy,
        timeout: Duration::from_millis(arguments.timeout),
        patience: PATIENCE,
        drain: Duration::from_secs(arguments.drain),
        clock: Clock::machine(),
    };
    if config.tls.is_none() {
        terminal.say(
            "warning: plain http, which no API server speaks\n\
             hint: `plimsoll admission certificate`, then `--tls-certificate FILE --tls-key FILE`",
        );
    }
    say_warnings(&config.policy, terminal)?;
    let mut stop = StopSignal::new()?;
    let server = serve_admission(config).await?;
    terminal.print(&format!("answering reviews at {}", server.url()))?;
    if let Some(address) = server.probes() {
        terminal.say(&format!("probes and metrics: http://{address}/metrics"));
    }
    stop.wait().await;
    terminal.say("stopping: reviews under way are answered");
    tokio::select! {
        () = server.stop() => {}
        () = stop.wait() => terminal.say("stopped at once"),
    }
    Ok(())
}

fn check(policy: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let read = say_warnings(policy, terminal)?;
    let outage = if read.unavailable == plimsoll_scanner::PolicyVerdict::Deny {
        "refused"
    } else {
        "let in unseen"
    };
    terminal.print(&format!(
        "`{}` is an admission policy: mode {}, {} rules; without the store images are {outage}",
        policy.display(),
        read.mode.as_str(),
        read.rules.len(),
    ))?;
    Ok(())
}

fn say_warnings(
    policy: &Path,
    terminal: Terminal,
) -> anyhow::Result<plimsoll_scanner::AdmissionPolicy> {
    let read = read_policy(policy)?;
    for warning in read.warnings(Clock::machine().now()) {
        terminal.say(&format!("warning: {warning}"));
    }
    Ok(read)
}

async fn answer(
    review: &AdmissionReview,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<Exit> {
    data::refuse_server(global, "the store of admission")?;
    let what = || format!("review `{}`", review.file.display());
    let mut body = Vec::new();
    // One byte more tells a file that is too large.
    File::open(&review.file)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut body))
        .with_context(what)?;
    if u64::try_from(body.len()).is_ok_and(|length| length > LARGEST) {
        bail!("review `{}` is larger than 8 MiB", review.file.display());
    }
    let options = data::store_options(global)?;
    let folder = data::directory_to_read(global, &options.location)?;
    let location = options.location.clone();
    let store = Store::open_to_read(&folder, options)
        .await
        .with_context(|| data::unusable(&folder, &location))?;
    let reviewed = review_text(&store, &review.policy, &body, Clock::machine()).await;
    store.close().await;
    let reviewed = reviewed.with_context(what)?;
    terminal.print(&reviewed.document)?;
    Ok(if reviewed.allowed { Exit::Done } else { Exit::LineReached })
}
