//! `plimsoll changes` and `plimsoll image history`: what changed.
//!
//! In: a date, an image. Out: what refreshes and scans changed.

use anyhow::bail;
use plimsoll_model::{Priority, RiskCounters};
use plimsoll_server::operation::{changes::ListChanges, images::ListImages};

use crate::{
    arguments::{Changes, ChangesFormat, Global, Image, ListFormat},
    backend::Backend,
    terminal::Terminal,
};

/// Images that a name is looked for among.
const LOOKED_AT: u32 = 500;

pub(crate) async fn run(
    changes: &Changes,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    let request = ListChanges { since: changes.since.clone(), limit: changes.limit };
    match &changes.image {
        Some(image) => of_image(&backend, image, &request, changes.format, terminal).await,
        None => of_fleet(&backend, &request, changes.format, terminal).await,
    }
}

async fn of_fleet(
    backend: &Backend,
    request: &ListChanges,
    format: ChangesFormat,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let list = backend.changes(request).await?;
    if format == ChangesFormat::Json {
        terminal.print(&serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    if list.vulnerabilities.is_empty() && list.scanned.is_empty() {
        terminal.say(&format!("nothing changed since {}", list.since));
        return Ok(());
    }
    let head = ["WHEN", "VULNERABILITY", "PRIORITY", "IMAGES", "NEWLY", "CLEARED"];
    if !list.vulnerabilities.is_empty() {
        terminal.list(ListFormat::Table, &head, &list.vulnerabilities, |change| {
            vec![
                change.at.to_string(),
                change.id.clone(),
                priorities(change.priority_before, change.priority),
                change.images.to_string(),
                change.newly.to_string(),
                change.cleared.to_string(),
            ]
        })?;
    }
    if !list.scanned.is_empty() {
        if !list.vulnerabilities.is_empty() {
            terminal.print("")?;
        }
        let head = ["SCANNED", "IMAGE", "", "ASAP", "LATER", "NO NEED NOW"];
        terminal.list(ListFormat::Table, &head, &list.scanned, |scanned| {
            vec![
                scanned.at.to_string(),
                scanned.image.clone(),
                if scanned.first { "new" } else { "other contents found" }.to_owned(),
                scanned.counters.asap.to_string(),
                scanned.counters.later.to_string(),
                scanned.counters.nntf.to_string(),
            ]
        })?;
    }
    Ok(())
}

async fn of_image(
    backend: &Backend,
    image: &str,
    request: &ListChanges,
    format: ChangesFormat,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let uuid = find(backend, image).await?;
    let list = backend.image_changes(&uuid, request).await?;
    if format == ChangesFormat::Json {
        terminal.print(&serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    if list.vulnerabilities.is_empty() && list.counters.is_empty() {
        terminal.say(&format!("nothing changed in {} since {}", list.image, list.since));
        return Ok(());
    }
    if !list.vulnerabilities.is_empty() {
        let head = ["WHEN", "VULNERABILITY", "", "PRIORITY"];
        terminal.list(ListFormat::Table, &head, &list.vulnerabilities, |change| {
            let what = if change.what == "priority" { "other priority" } else { &change.what };
            vec![
                change.at.to_string(),
                change.id.clone(),
                what.to_owned(),
                priorities(change.priority_before, change.priority),
            ]
        })?;
        terminal.print("")?;
    }
    terminal.list(ListFormat::Table, &HISTORY, &list.counters, |change| {
        history_row(&change.at.to_string(), &change.why, &change.counters)
    })
}

/// `plimsoll image …`
pub(crate) async fn image(
    command: Image,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    match command {
        Image::History { image, format } => {
            let uuid = find(&backend, &image).await?;
            let history = backend.counter_history(&uuid).await?.history;
            terminal.list(format, &HISTORY, &history, |change| {
                history_row(&change.at.to_string(), &change.why, &change.counters)
            })
        }
    }
}

const HISTORY: [&str; 7] =
    ["WHEN", "BY", "ASAP", "LATER", "NO NEED NOW", "BASELINE H/M/L", "MALICIOUS"];

fn history_row(at: &str, why: &str, counters: &RiskCounters) -> Vec<String> {
    vec![
        at.to_owned(),
        why.to_owned(),
        counters.asap.to_string(),
        counters.later.to_string(),
        counters.nntf.to_string(),
        super::images::baseline(counters),
        counters.malicious().to_string(),
    ]
}

/// `asap, was later`
fn priorities(before: Option<Priority>, since: Option<Priority>) -> String {
    match (before, since) {
        (Some(before), Some(since)) if before != since => format!("{since}, was {before}"),
        (_, Some(since)) => since.to_string(),
        (Some(before), None) => format!("gone, was {before}"),
        (None, None) => String::new(),
    }
}

/// The uuid of an image that is named by it or by its reference, with or without its registry.
async fn find(backend: &Backend, image: &str) -> anyhow::Result<String> {
    let request = ListImages {
        text: Some(image.to_owned()),
        page_size: Some(LOOKED_AT),
        ..ListImages::default()
    };
    let mut list = backend.list_images(&request).await?.images;
    if list.is_empty()
        && let Some((registry, rest)) = image.split_once('/')
    {
        let request = ListImages {
            text: Some(rest.to_owned()),
            registry: Some(registry.to_owned()),
            page_size: Some(LOOKED_AT),
            ..ListImages::default()
        };
        list = backend.list_images(&request).await?.images;
    }
    let mut found = list.iter().filter(|one| {
        let namespace =
            if one.namespace.is_empty() { String::new() } else { format!("{}/", one.namespace) };
        let name = format!("{namespace}{}:{}", one.repository, one.tag);
        // With the registry's host, as lists show it, with its name, or without.
        image == one.uuid
            || image == one.image
            || image == name
            || image.strip_prefix(&one.registry).and_then(|rest| rest.strip_prefix('/'))
                == Some(&name)
    });
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.uuid.clone()),
        (Some(_), Some(_)) => {
            bail!(
                "several registries have `{image}`\nhint: put the registry's name in front: REGISTRY/{image}"
            )
        }
        (None, _) => {
            bail!(
                "there is no image `{image}`\nhint: `plimsoll images --name {image}` lists what is called like it"
            )
        }
    }
}
