//! The data directory.
//!
//! In: `--data` or the machine's convention. Out: paths in it. Source: XDG base directory specification. Odd: it is made
//! by whatever first writes into it, readable by its owner alone.

use std::{
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use plimsoll_model::Secret;
use plimsoll_store::{
    LocationError, MasterKeySource, PostgresLocation, Store, StoreLocation, StoreOptions,
};

use crate::arguments::Global;

/// What is read of a file that holds a secret, in bytes.
const LONGEST_SECRET: u64 = 4 << 10;

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
    Ok(StoreOptions { location, master_key: master_key(global)?, ..StoreOptions::default() })
}

/// Where the master key comes from: a file that was named, the environment, else the data directory.
fn master_key(global: &Global) -> anyhow::Result<MasterKeySource> {
    const NAME: &str = "PLIMSOLL_MASTER_KEY";
    if let Some(file) = &global.master_key_file {
        return Ok(MasterKeySource::File(file.clone()));
    }
    let Some(text) = std::env::var_os(NAME).filter(|text| !text.is_empty()) else {
        return Ok(MasterKeySource::DataDirectory);
    };
    let text = text.into_string().ok().with_context(|| format!("{NAME} is not UTF-8"))?;
    Ok(MasterKeySource::Given { name: NAME, text: Secret::new(text) })
}

/// What stands in the first line of a file that holds a secret.
pub(crate) fn first_line(file: &Path) -> anyhow::Result<Secret<String>> {
    let cannot = || format!("`{}` cannot be read", file.display());
    let mut text = String::new();
    let opened = std::fs::File::open(file).with_context(cannot)?;
    opened.take(LONGEST_SECRET).read_to_string(&mut text).with_context(cannot)?;
    let line = text.lines().next().unwrap_or_default().trim();
    Ok(Secret::new(line.to_owned()))
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
