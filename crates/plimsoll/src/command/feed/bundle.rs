//! `plimsoll feed bundle`, `plimsoll feed key`, and `plimsoll feed import` of a bundle.
//!
//! In: the data directory, keys. Out: a bundle, or the snapshot that one holds. Odd: what is kept to continue from is made
//! known (`bundled`) only after the bundle stands in its place.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use plimsoll_advisory::{
    FeedError, Snapshot,
    bundle::{self, BundleError, BundleImport, PublicKey, SigningKey, import_bundle, write_bundle},
};
use plimsoll_model::Timestamp;
use plimsoll_server::{
    Clock,
    operation::feed::{BUNDLED_FOLDER, TAKEN_FILE, TRUSTED_KEYS_FOLDER, feed_path},
};

use super::{open, prepare, summarise};
use crate::terminal::Terminal;

/// How a bundle is to be taken.
pub(super) struct Import {
    pub(super) trust: Vec<PathBuf>,
    pub(super) allow_unsigned: bool,
    pub(super) allow_older: bool,
}

/// The bundle among the paths, which must then be the only one.
pub(super) fn among(paths: &[PathBuf]) -> anyhow::Result<Option<&Path>> {
    match paths.iter().find(|path| bundle::is_bundle(path)) {
        Some(path) if paths.len() > 1 => anyhow::bail!(
            "`{}` is a bundle and stands alone\nhint: import it by itself",
            path.display()
        ),
        found => Ok(found.map(PathBuf::as_path)),
    }
}

pub(super) fn import(
    path: &Path,
    data: &Path,
    import: &Import,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let target = feed_path(data);
    prepare(&target)?;
    let trusted = trusted_keys(&import.trust, &data.join(TRUSTED_KEYS_FOLDER))?;
    let options = BundleImport {
        trusted: &trusted,
        allow_unsigned: import.allow_unsigned,
        allow_older: import.allow_older,
    };
    let summary = import_bundle(path, &target, &data.join(TAKEN_FILE), &options)
        .map_err(|error| refused(error, &target))?;
    let header = bundle::header(path)?;
    let by =
        header.key.as_ref().map_or("signed by nobody".to_owned(), |key| format!("signed by {key}"));
    let what = if header.base.is_some() { "difference" } else { "full bundle" };
    terminal.say(&format!(
        "{what} {} of {}, {by}: {} advisories new or changed, {} gone",
        header.version, header.made, header.advisories, header.removed
    ));
    summarise(&summary, terminal)
}

/// What to do about a bundle that was not taken.
fn refused(error: BundleError, target: &Path) -> anyhow::Error {
    let hint = match &error {
        BundleError::Unsigned { .. } => "take it all the same with `--allow-unsigned`",
        BundleError::Untrusted { .. } => {
            "if this key is meant, name its file with `--trust`, or put it into `trusted-keys` in the data folder"
        }
        BundleError::Signature { .. } | BundleError::Damaged { .. } => "fetch it again",
        BundleError::Rollback { .. } | BundleError::Feed(FeedError::Older { .. }) => {
            "replace it all the same with `--allow-older`"
        }
        BundleError::Base { .. } => "import a full bundle, or all differences in their order",
        _ => return anyhow::Error::new(error).context("the feed in use was left as it is"),
    };
    let left = if target.exists() { "; the feed in use was left as it is" } else { "" };
    anyhow::anyhow!("{error}{left}\nhint: {hint}")
}

/// The keys that were named and those of the folder.
fn trusted_keys(named: &[PathBuf], folder: &Path) -> anyhow::Result<Vec<PublicKey>> {
    let mut paths = named.to_vec();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            paths.push(entry?.path());
        }
    }
    paths
        .iter()
        .map(|path| {
            let about = || format!("trusted key `{}`", path.display());
            let text = fs::read_to_string(path).with_context(about)?;
            PublicKey::read(&text).with_context(about)
        })
        .collect()
}

pub(super) fn make(
    output: &Path,
    key: Option<&Path>,
    since: Option<&str>,
    data: &Path,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let key = key.map(signing_key).transpose()?;
    let snapshot = open(&feed_path(data))?;
    let kept = data.join(BUNDLED_FOLDER);
    let base = since.map(|since| base(since, &kept, key.as_ref())).transpose()?;
    let made = Clock::machine().now();
    let header = write_bundle(&snapshot, base.as_ref(), key.as_ref(), made, output)?;
    bundle::keep(&kept, &snapshot, made)?;
    let what = match header.base {
        Some(base) => format!("what changed since {base}"),
        None => "everything".to_owned(),
    };
    terminal.print(&format!(
        "`{}`: {what}, as of {}: {} advisories, {} gone; {} bytes",
        output.display(),
        header.date,
        header.advisories,
        header.removed,
        fs::metadata(output).map(|about| about.len()).unwrap_or_default()
    ))?;
    Ok(())
}

fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    let about = || format!("private key `{}`", path.display());
    SigningKey::read(&fs::read_to_string(path).with_context(about)?).with_context(about)
}

/// The snapshot that a difference begins at: of a bundle's file, or of a day.
fn base(since: &str, kept: &Path, key: Option<&SigningKey>) -> anyhow::Result<Snapshot> {
    let path = Path::new(since);
    if !path.is_file() {
        let day: Timestamp = since.parse().map_err(|_no| {
            anyhow::anyhow!("`{since}` is neither a file nor a day such as 2026-11-30")
        })?;
        // A day means all of it; a time means itself.
        let until = if since.len() == 10 { Timestamp(day.0.saturating_add(86_399)) } else { day };
        return bundle::kept_before(kept, until)?.with_context(|| {
            format!(
                "no bundle was made here up to {until}\nhint: name a full bundle's file instead"
            )
        });
    }
    let header = bundle::header(path)?;
    if let Some(found) = bundle::kept_snapshot(kept, header.snapshot)? {
        return Ok(found);
    }
    if header.base.is_some() {
        anyhow::bail!(
            "`{since}` is a difference, and its snapshot is not kept here any more\nhint: name a full bundle"
        );
    }
    // It is compared with and nothing else, but a forged one would make a difference that fits nobody.
    let trusted: Vec<PublicKey> = key.map(SigningKey::public).into_iter().collect();
    let options =
        BundleImport { trusted: &trusted, allow_unsigned: true, ..BundleImport::default() };
    fs::create_dir_all(kept).with_context(|| kept.display().to_string())?;
    let expanded = kept.join("expanded");
    bundle::expand(path, &expanded, &options)?;
    let snapshot = Snapshot::open(&expanded);
    fs::remove_file(&expanded).with_context(|| expanded.display().to_string())?;
    Ok(snapshot?)
}

pub(super) fn generate_key(output: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let text = SigningKey::generate()?;
    let public = SigningKey::read(&text)?.public();
    let mut name = output.as_os_str().to_owned();
    name.push(".pub");
    let public_path = PathBuf::from(name);
    for (path, mode, text) in
        [(output, 0o600, &text), (public_path.as_path(), 0o644, &public.to_pem())]
    {
        let about = || format!("`{}` cannot be made", path.display());
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let mut file = file.with_context(about)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(about)?;
    }
    terminal.print(&format!(
        "key {}: private `{}`, public `{}`",
        public.id(),
        output.display(),
        public_path.display()
    ))?;
    Ok(())
}
