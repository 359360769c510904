//! Watches the folders of rules for malicious files: changed ones are used at once, and what older ones saw is scanned anew.
//!
//! In: the folders. Out: the current rules, and tasks for every artifact that was scanned with others. Odd: the folders are looked
//! at every half minute instead of watched, since they may lie on any file system; rules that cannot be read leave the
//! others in use.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::{FutureExt, future::BoxFuture};

use super::{Job, JobSettings, feed::enqueue_outdated};
use crate::{
    context::Context,
    operation::{
        error_chain,
        rules::{open_rules, rules_folders},
    },
    stop::Stop,
};

const EVERY: Duration = Duration::from_secs(30);
/// Files that are looked at: as many as are read of rules.
const MAX_FILES: usize = 20_000;

/// The job.
pub(super) struct WatchRules;

impl Job for WatchRules {
    fn id(&self) -> &'static str {
        "watch-rules"
    }

    fn about(&self) -> &'static str {
        "Uses changed rules for malicious files as soon as they lie there, and has everything scanned anew with them."
    }

    fn is_of_workers(&self) -> bool {
        true
    }

    fn run(
        &self,
        context: Context,
        settings: Arc<JobSettings>,
        stop: Stop,
    ) -> BoxFuture<'static, ()> {
        run(context, settings, stop).boxed()
    }
}

/// What tells two states of the folders apart: path, time and length of each file.
type Trace = Vec<(PathBuf, Option<SystemTime>, u64)>;

async fn run(context: Context, settings: Arc<JobSettings>, mut stop: Stop) {
    // What was opened when the server began may be older than the folders are now.
    let mut seen = Trace::new();
    loop {
        let (data, named) = (settings.data.clone(), settings.rules.clone());
        let look = move || trace(&rules_folders(&data, &named));
        if let Ok(now) = tokio::task::spawn_blocking(look).await
            && now != seen
        {
            seen = now;
            exchange(&context, &settings).await;
        }
        if stop.said_within(EVERY).await {
            return;
        }
    }
}

/// Reads the folders and uses what is in them.
pub(super) async fn exchange(context: &Context, settings: &JobSettings) {
    let (data, named) = (settings.data.clone(), settings.rules.clone());
    match tokio::task::spawn_blocking(move || open_rules(&data, &named)).await {
        Ok(Ok(rules)) if *context.rules.current() == rules => {}
        Ok(Ok(rules)) => {
            tracing::info!(version = rules.version(), "rules exchanged");
            context.rules.set(rules);
            if !settings.only_scans {
                enqueue_outdated(context).await;
            }
        }
        Ok(Err(error)) => tracing::error!(error = error_chain(&error), "rules not usable"),
        Err(error) => tracing::error!(%error, "rules not opened"),
    }
}

fn trace(folders: &[PathBuf]) -> Trace {
    let mut trace = Trace::new();
    let mut pending: Vec<PathBuf> = folders.to_vec();
    while let Some(folder) = pending.pop() {
        // What cannot be listed is told when it is read.
        let Ok(paths) = list(&folder) else { continue };
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                pending.push(path);
            } else {
                trace.push((path, metadata.modified().ok(), metadata.len()));
            }
            if trace.len() >= MAX_FILES {
                return trace;
            }
        }
    }
    trace.sort();
    trace
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_in_any_folder_is_another_state() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        assert_eq!(trace(&folders), Trace::new());
        fs::create_dir(folder.path().join("pack")).unwrap();
        let file = folder.path().join("pack/a.yar");
        fs::write(&file, "rule a { condition: false }").unwrap();
        let first = trace(&folders);
        assert_eq!(first.len(), 1);
        fs::write(&file, "rule ab { condition: false }").unwrap();
        assert_ne!(trace(&folders), first);
    }
}
