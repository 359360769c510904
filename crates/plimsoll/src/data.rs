//! The data directory.
//!
//! In: `--data` or the machine's convention. Out: paths in it. Source: XDG base directory specification. Odd: it is made
//! by whatever first writes into it, readable by its owner alone.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use plimsoll_store::{LocationError, PostgresLocation, Store, StoreLocation, StoreOptions};

use crate::arguments::Global;

/// The data directory: `--data`, else `$XDG_DATA_HOME/plimsoll`, else `~/.local/share/plimsoll`.
pub(crate) fn directory(global: &Global) -> anyhow::Result<PathBuf> {
    if let Some(data) = &global.data {
        return Ok(data.clone());
    }
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = variable("XDG_DATA_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")));
    let base = base.context(
        "neither HOME nor XDG_DATA_HOME is set\nhint: say where state lives with `--data DIR`",
    )?;
    Ok(base.join("plimsoll"))
}

/// The data directory of a command that only reads: a database on a server needs none.
pub(crate) fn directory_to_read(
    global: &Global,
    location: &StoreLocation,
) -> anyhow::Result<PathBuf> {
    match location {
        StoreLocation::Postgres(_) => Ok(global.data.clone().unwrap_or_default()),
        StoreLocation::Embedded => directory(global),
    }
}

/// Makes the data directory if it is missing, as the store makes it.
pub(crate) fn make(directory: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("`{}` cannot be made", directory.display()))
}

/// The state in the data directory, or in the database that `--store` names.
pub(crate) async fn store(global: &Global) -> anyhow::Result<Store> {
    let folder = directory(global)?;
    let options = store_options(global)?;
    let location = options.location.clone();
    Store::open(&folder, options).await.with_context(|| unusable(&folder, &location))
}

/// How the store is opened.
pub(crate) fn store_options(global: &Global) -> anyhow::Result<StoreOptions> {
    let location = match global.store.as_deref().filter(|store| !store.is_empty()) {
        None => StoreLocation::Embedded,
        Some(url) => StoreLocation::Postgres(postgres(url, global.store_password_file.as_deref())?),
    };
    Ok(StoreOptions { location, ..StoreOptions::default() })
}

/// A database of a server, with the password from a file if there is one.
pub(crate) fn postgres(
    url: &str,
    password_file: Option<&Path>,
) -> Result<PostgresLocation, LocationError> {
    let location: PostgresLocation = url.parse()?;
    match password_file {
        None => Ok(location),
        Some(file) => location.with_password_file(file),
    }
}

/// What to say, and to do, when the data directory or the database cannot be used.
pub(crate) fn unusable(folder: &Path, location: &StoreLocation) -> String {
    if let StoreLocation::Postgres(location) = location {
        return format!(
            "the store `{location}` with the data directory `{}` cannot be used\nhint: the role must be allowed to make \
             tables in the schema, and a password comes from PGPASSWORD, ~/.pgpass or --store-password-file",
            folder.display()
        );
    }
    format!(
        "the data directory `{}` cannot be used\nhint: `--data DIR` chooses another; a damaged plimsoll.db in it must be restored, or moved away to begin anew",
        folder.display()
    )
}

/// The folder with the facts of layers.
pub(crate) fn layers(global: &Global) -> anyhow::Result<PathBuf> {
    Ok(directory(global)?.join("layers"))
}

/// Refuses `--server` for what lies in the data directory alone, instead of changing another one on this machine.
pub(crate) fn refuse_server(global: &Global, what: &str) -> anyhow::Result<()> {
    match &global.server {
        None => Ok(()),
        Some(server) => anyhow::bail!(
            "{what} cannot be reached through `{server}`\nhint: run this on the server's machine with `--data DIR`, \
             without `--server` and PLIMSOLL_SERVER; the server takes a change up at once"
        ),
    }
}
