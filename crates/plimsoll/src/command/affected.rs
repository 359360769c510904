//! `plimsoll affected`: which images have a vulnerability, or a package.
//!
//! In: any name. Out: the images. Odd: a package URL tells itself; any other name is looked for among findings first, and
//! where no finding is called that, among packages.

use plimsoll_server::operation::{
    ListMeta,
    affected::{HoldingList, ListAffected},
};

use crate::{
    arguments::{Affected, Global},
    backend::Backend,
    terminal::Terminal,
};

pub(crate) async fn run(
    affected: &Affected,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let backend = Backend::open(global).await?;
    let request = ListAffected {
        running: affected.running.then_some(true),
        registry: affected.registry.clone(),
        page: affected.page,
        page_size: affected.page_size,
    };
    if affected.id.trim().starts_with("pkg:") {
        let list = backend.holders(&affected.id, &request).await?;
        print_holders(affected, terminal, &list)?;
        if list.images.is_empty() {
            say_none(terminal, &list.package);
        }
        return Ok(());
    }
    let list = backend.affected(&affected.id, &request).await?;
    if list.images.is_empty() {
        let holders = backend.holders(&affected.id, &request).await?;
        if !holders.images.is_empty() {
            return print_holders(affected, terminal, &holders);
        }
    }
    let head = ["IMAGE", "ID", "PRIORITY", "SCORE", "PACKAGE", "FIXED IN"];
    terminal.list(affected.format, &head, &list.images, |row| {
        vec![
            row.image.clone(),
            row.id.clone(),
            row.priority.map_or_else(|| row.level.to_string(), |priority| priority.to_string()),
            row.score.map_or_else(String::new, |score| format!("{score:.1}")),
            row.subject.clone(),
            row.fix_version.clone().unwrap_or_default(),
        ]
    })?;
    if list.images.is_empty() {
        say_none(terminal, &list.id);
    }
    if let Some(meta) = list.meta {
        say_more(terminal, meta);
    }
    Ok(())
}

fn print_holders(
    affected: &Affected,
    terminal: Terminal,
    list: &HoldingList,
) -> anyhow::Result<()> {
    terminal.list(affected.format, &["IMAGE", "PACKAGE"], &list.images, |row| {
        vec![row.image.clone(), row.package.clone()]
    })?;
    say_more(terminal, list.meta);
    Ok(())
}

fn say_none(terminal: Terminal, name: &str) {
    terminal.say(&format!(
        "no scanned image has {name}; images that were not scanned, or only partly, are not spoken for (`plimsoll images`)"
    ));
}

fn say_more(terminal: Terminal, meta: ListMeta) {
    if let Some(next) = meta.next {
        terminal.say(&format!("{} images in all; `--page {next}` shows the next", meta.total));
    }
}
