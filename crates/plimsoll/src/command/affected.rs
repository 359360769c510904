//! `plimsoll affected`: which images have a vulnerability.

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
    let list = Backend::open(global).await?.affected(&affected.id).await?;
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
        terminal.say(&format!(
            "no scanned image has {}; images that were not scanned, or only partly, are not spoken for (`plimsoll images`)",
            list.id
        ));
    }
    Ok(())
}
