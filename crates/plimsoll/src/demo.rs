//! `plimsoll demo`: everything on this machine, with images and advisories that come along.
//!
//! In: nothing. Out: the risk list, the rankings, a console to look at, an access key and an SDK snippet. Odd: it is the
//! real server on a data folder of its own, which goes when the demo ends; only the registry is inside this process.

mod images;
mod planted;
mod recipe;
mod rpm_database;
#[cfg(test)]
mod sboms;

use std::time::Duration;

use plimsoll_advisory::starter_feed;
use plimsoll_model::{Finding, Priority};
use plimsoll_server::{
    Clock, Context, LoopbackHandle, LoopbackRegistry, ServeConfig, Server,
    operation::{
        feed::feed_path,
        images::{ListImages, image_report, list_images},
        keys::{CreateKey, CreatedKey, create_key},
        rank::rank,
        registries::{AddRegistry, add_registry},
        sync::sync_registry,
    },
    serve,
};

use crate::{
    arguments::{Confinement, Demo, DemoFormat, ListFormat},
    command,
    terminal::Terminal,
};

pub(crate) async fn run(arguments: &Demo, terminal: Terminal) -> anyhow::Result<()> {
    // The signal is waited for before the folder is made, so that Ctrl-C leaves nothing behind however early it comes.
    let mut stop = command::serve::StopSignal::new()?;
    let folder = tempfile::Builder::new().prefix("plimsoll-demo-").tempdir()?;
    tokio::select! {
        result = show_everything(arguments, &folder, terminal) => {
            let (server, _registry) = result?;
            if !arguments.exit {
                stop.wait().await;
            }
            server.stop().await;
        }
        () = stop.wait() => {}
    }
    remove(&folder).await;
    Ok(())
}

/// Removes the folder. What was broken off may still be writing into it, or make it anew, until its thread notices.
async fn remove(folder: &tempfile::TempDir) {
    let mut gone = 0;
    for _look in 0..100 {
        match std::fs::remove_dir_all(folder.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => gone += 1,
            Ok(()) | Err(_) => gone = 0,
        }
        if gone == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything up to the point where the demo only serves.
async fn show_everything(
    arguments: &Demo,
    folder: &tempfile::TempDir,
    terminal: Terminal,
) -> anyhow::Result<(Server, LoopbackHandle)> {
    let summary = starter_feed(&feed_path(folder.path()))?;
    let registry = LoopbackRegistry::new();
    for demo in images::all()? {
        registry.put(demo.repository, demo.tag, &demo.image);
    }
    let registry = registry.serve().await?;
    let mut config = ServeConfig::new(folder.path());
    config.isolation = Confinement::default().isolation();
    config.listen = arguments.listen;
    config.sync_interval = None;
    let server = serve(config).await?;
    let context = Context::new(server.store().clone(), Clock::machine());
    fill(&context, &registry.url(), terminal).await?;
    let key = CreateKey { name: "demo".into(), allow: vec!["yundun-sas:*".into()] };
    let key = create_key(server.store(), &key, context.clock.now()).await?;
    match arguments.format {
        DemoFormat::Env => terminal.print(&format!(
            "PLIMSOLL_ENDPOINT={}\nALIBABA_CLOUD_ACCESS_KEY_ID={}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={}",
            server.url(),
            key.access_key_id,
            key.access_key_secret
        ))?,
        DemoFormat::Text => {
            terminal.print(&format!(
                "Plimsoll demo: {} images of a registry on this machine, matched with the built-in starter feed of {}\n\
                 ({} advisories of famous vulnerabilities: for a first look only; `plimsoll feed update` gets all of them).\n",
                images::all()?.len(),
                summary.state.date.date(),
                summary.advisories
            ))?;
            show(&context, terminal).await?;
            terminal.print(&way_on(&server, &key))?;
        }
    }
    Ok((server, registry))
}

/// Adds the registry, syncs it, and waits until everything is scanned.
async fn fill(context: &Context, url: &str, terminal: Terminal) -> anyhow::Result<()> {
    let request = AddRegistry { name: "demo".into(), url: url.into(), ..AddRegistry::default() };
    add_registry(&context.store, &request, context.clock.now()).await?;
    sync_registry(&context.store, "demo", &context.clock).await?;
    let counts = context.store.task_counts(None).await?;
    let all = counts.queued + counts.running + counts.done;
    let bar = terminal.count_progress(all, "scanning the demo's images");
    loop {
        let counts = context.store.task_counts(None).await?;
        bar.set_position(all.saturating_sub(counts.queued + counts.running));
        if counts.queued + counts.running == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bar.finish_and_clear();
    Ok(())
}

async fn show(context: &Context, terminal: Terminal) -> anyhow::Result<()> {
    let list = list_images(&context.store, &ListImages::default()).await?;
    terminal.print("Risk list")?;
    command::images::print(&list.images, ListFormat::Table, terminal)?;
    terminal.print("")?;
    let ranking = rank(&context.store).await?;
    command::rank::print(&ranking, ListFormat::Table, terminal)?;
    match ranking.vul_asap.first() {
        Some(first) => {
            why(
                context,
                &first.uuid,
                &format!("{}/{}:{}", first.namespace, first.repository, first.tag),
                terminal,
            )
            .await
        }
        None => Ok(()),
    }
}

/// The most urgent findings of the image that leads the ranking.
async fn why(context: &Context, uuid: &str, name: &str, terminal: Terminal) -> anyhow::Result<()> {
    let report = image_report(&context.store, uuid).await?;
    terminal.print(&format!("\nWhy {name} leads, and what to do"))?;
    let mut urgent: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.priority == Some(Priority::Asap)).collect();
    urgent.dedup_by(|next, one| next.id == one.id);
    let rows = urgent.into_iter().take(5).map(|finding| {
        let score = finding.score.map_or_else(String::new, |score| format!("{score:.1}"));
        let advice =
            finding.fix.as_ref().map_or_else(|| "no fix yet".to_owned(), |fix| fix.advice.clone());
        vec![score, finding.id.clone(), finding.title.clone(), advice]
    });
    terminal.print(&terminal.grid(&["SCORE", "VULNERABILITY", "WHAT", "WHAT TO DO"], rows))?;
    Ok(())
}

fn way_on(server: &Server, key: &CreatedKey) -> String {
    let token = std::fs::read_to_string(server.store().admin_token_file()).unwrap_or_default();
    format!(
        "\nConsole: {url}/console/   (log in with the admin token {token})\n\n\
         With the official SDK (pip install alibabacloud-sas20181203):\n\n\
         \x20   from alibabacloud_sas20181203.client import Client\n\
         \x20   from alibabacloud_sas20181203.models import ListImageRiskRequest\n\
         \x20   from alibabacloud_tea_openapi.models import Config\n\n\
         \x20   client = Client(Config(access_key_id=\"{id}\",\n\
         \x20                          access_key_secret=\"{secret}\",\n\
         \x20                          endpoint=\"{host}\", protocol=\"http\"))\n\
         \x20   for image in client.list_image_risk(ListImageRiskRequest()).body.image_risk_list:\n\
         \x20       print(image.image, image.statistics)\n\n\
         Ctrl-C ends the demo; nothing is left behind.",
        url = server.url(),
        token = token.trim(),
        id = key.access_key_id,
        secret = key.access_key_secret,
        host = server.address()
    )
}
