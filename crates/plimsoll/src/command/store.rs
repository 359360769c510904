//! `plimsoll store`: the database behind all state.

use anyhow::Context;
use plimsoll_store::{Store, StoreOptions};

use crate::{
    arguments::{Global, StoreCommand, StoreCopy},
    data,
    terminal::Terminal,
};

pub(crate) async fn run(
    command: StoreCommand,
    global: &Global,
    terminal: Terminal,
) -> anyhow::Result<()> {
    match command {
        StoreCommand::Copy(copy) => copy_store(&copy, global, terminal).await,
    }
}

async fn copy_store(copy: &StoreCopy, global: &Global, terminal: Terminal) -> anyhow::Result<()> {
    data::refuse_server(global, "the store")?;
    let target = data::postgres(&copy.to, copy.to_password_file.as_deref())?;
    let folder = data::directory(global)?;
    anyhow::ensure!(
        folder.join("plimsoll.db").exists(),
        "there is no store in the data directory `{}`\nhint: `--data DIR` says where the one to copy is; an empty database \
         needs no copy, `plimsoll serve --store URL` begins it",
        folder.display()
    );
    // `--store` and PLIMSOLL_STORE may name the target already: what is copied is in the data directory.
    let options = StoreOptions::default();
    let location = options.location.clone();
    let store = Store::open(&folder, options.clone())
        .await
        .with_context(|| data::unusable(&folder, &location))?;
    let copied = store.copy_to(&target, &options).await;
    store.close().await;
    let copied = copied.with_context(|| format!("the store was not copied to `{target}`"))?;
    let rows = copied
        .tables
        .iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(table, rows)| vec![table.clone(), rows.to_string()]);
    terminal.print(&terminal.grid(&["TABLE", "ROWS"], rows))?;
    terminal.say(&format!(
        "{} rows are in `{target}`; go on with `--store` and the same data directory",
        copied.rows()
    ));
    Ok(())
}
