//! The data directory.
//!
//! In: `--data` or the machine's convention. Out: paths in it. Source: XDG base directory specification. Odd: it is made
//! by whatever first writes into it, readable by its owner alone.

use std::path::PathBuf;

use anyhow::Context;

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

/// The folder with the facts of layers.
pub(crate) fn layers(global: &Global) -> anyhow::Result<PathBuf> {
    Ok(directory(global)?.join("layers"))
}
