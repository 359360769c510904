//! One ecosystem of OSV: its archive, kept current record by record.
//!
//! In: a mirror, the folder. Out: `all.zip` and beside it `modified_id.csv`, which says what is in it. Source:
//! `plimsoll_advisory::dump`. Odd: records that were fetched lie in `changes` until all of them are there, so an update that
//! broke off goes on where it stopped; the list is written last.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use futures_util::{StreamExt as _, stream};
use plimsoll_advisory::dump::{RecordList, Step, lacking, merge, record_time};
use plimsoll_registry::{
    HttpClient,
    download::{
        DownloadError, Outcome,
        feed::{FeedAddresses, FeedFile},
        forget_origin,
    },
};
use tokio::fs;

use super::{Say, UpdateError, UpdateEvent, fetch, shown};

/// Records that are asked for at once.
const AT_ONCE: usize = 8;
/// Most records that a new archive may lack of its list.
const MOST_LACKING: usize = 1000;

/// Brings one ecosystem up to date and answers what was done.
pub(super) async fn update(
    http: &HttpClient,
    mirror: &FeedAddresses,
    name: &str,
    folder: &Path,
    say: Say<'_>,
) -> Result<String, UpdateError> {
    let here = folder.join(name);
    let archive = mirror.archive(name)?;
    let Some(offered) = offered(http, mirror, name, folder, say).await? else {
        return Ok(shown(fetch(http, &archive, folder, say).await?));
    };
    let held_path = here.join("modified_id.csv");
    let held = match fs::read(&held_path).await {
        // A list that cannot be read is as good as none: everything is fetched.
        Ok(bytes) if here.join("all.zip").is_file() => RecordList::read(&bytes).ok(),
        _ => None,
    };
    let records = Single { http, mirror, name, here: &here };
    match offered.step_from(held.as_ref()) {
        Step::Nothing => Ok("unchanged".to_owned()),
        Step::Changes { changed, removed } => {
            let (count, gone) = (changed.len(), removed.len());
            match records.take(&offered, changed, removed, say).await {
                Ok(list) => {
                    keep(&held_path, &list).await?;
                    Ok(format!("{count} records changed, {gone} gone"))
                }
                // What is listed and not there, or an archive that is damaged here: only all of it helps.
                Err(
                    UpdateError::Download(DownloadError::Status { status: 404 | 410, .. })
                    | UpdateError::Feed(_),
                ) => records.whole(&archive, folder, offered, &held_path, say).await,
                Err(error) => Err(error),
            }
        }
        Step::Whole(_) => records.whole(&archive, folder, offered, &held_path, say).await,
    }
}

/// The list that the mirror offers; `None`: it has none.
async fn offered(
    http: &HttpClient,
    mirror: &FeedAddresses,
    name: &str,
    folder: &Path,
    say: Say<'_>,
) -> Result<Option<RecordList>, UpdateError> {
    let file = mirror.list(name)?;
    match fetch(http, &file, folder, say).await {
        Ok(Outcome::Fetched(_) | Outcome::Current) => {}
        Err(DownloadError::Status { status: 403 | 404 | 410, .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let path = folder.join(&file.path);
    let bytes =
        fs::read(&path).await.map_err(|source| UpdateError::File { path: path.clone(), source })?;
    RecordList::read(&bytes)
        .map(Some)
        .map_err(|reason| UpdateError::Content { file: format!("{name}/modified_id.csv"), reason })
}

async fn keep(path: &Path, list: &RecordList) -> Result<(), UpdateError> {
    let failed = |source| UpdateError::File { path: path.to_owned(), source };
    let part = path.with_extension("csv.part");
    fs::write(&part, list.to_text()).await.map_err(failed)?;
    fs::rename(&part, path).await.map_err(failed)
}

async fn remove(path: &Path) -> Result<(), UpdateError> {
    match fs::remove_file(path).await {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(UpdateError::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

struct Single<'a> {
    http: &'a HttpClient,
    mirror: &'a FeedAddresses,
    name: &'a str,
    here: &'a Path,
}

impl Single<'_> {
    /// Fetches the whole archive, and one by one what it lacks of the list.
    async fn whole(
        &self,
        archive: &FeedFile,
        folder: &Path,
        offered: RecordList,
        held: &Path,
        say: Say<'_>,
    ) -> Result<String, UpdateError> {
        // Under a name of its own until it is known to hold what the list says.
        let fresh = FeedFile { path: Path::new(self.name).join("fetched.zip"), ..archive.clone() };
        let path = folder.join(&fresh.path);
        let outcome = fetch(self.http, &fresh, folder, say).await?;
        let (list, looked_at) = (offered.clone(), path.clone());
        let checked = blocking(move || lacking(&looked_at, &list)).await;
        let lacking = match checked {
            Ok(lacking) if lacking.len() <= MOST_LACKING.min(offered.len() / 10) => lacking,
            other => {
                // Another mirror, or the same one later, gives another file.
                forget_origin(&path).await?;
                remove(&path).await?;
                let count = other?.len();
                return Err(UpdateError::Content {
                    file: format!("{}/all.zip", self.name),
                    reason: format!("it lacks {count} of {} records", offered.len()),
                });
            }
        };
        // Until the new list stands there, nothing says what the archive holds.
        remove(held).await?;
        let target = folder.join(&archive.path);
        forget_origin(&target).await?;
        forget_origin(&path).await?;
        fs::rename(&path, &target).await.map_err(|source| UpdateError::File { path, source })?;
        let list = if lacking.is_empty() {
            offered
        } else {
            self.take(&offered, lacking, BTreeSet::new(), say).await?
        };
        keep(held, &list).await?;
        Ok(shown(outcome))
    }

    /// Fetches single records and puts them into the archive. Answers the list of what it holds then.
    async fn take(
        &self,
        offered: &RecordList,
        ids: Vec<String>,
        removed: BTreeSet<String>,
        say: Say<'_>,
    ) -> Result<RecordList, UpdateError> {
        let changes = self.here.join("changes");
        let failed = |source| UpdateError::File { path: changes.clone(), source };
        fs::create_dir_all(&changes).await.map_err(failed)?;
        let records = self.mirror.records(self.http, self.name)?;
        let total = ids.len();
        let mut list = offered.clone();
        let mut taken = BTreeMap::new();
        let (changes_ref, records_ref) = (&changes, &records);
        let mut fetched = stream::iter(ids.into_iter().map(|id| async move {
            let path = changes_ref.join(format!("{id}.json"));
            let listed = offered.modified(&id).unwrap_or_default();
            if let Ok(bytes) = fs::read(&path).await
                && record_time(&id, &bytes).is_ok_and(|time| time >= listed)
            {
                return Ok((id, bytes));
            }
            let bytes = records_ref.get(&id).await?;
            let content = |reason| UpdateError::Content { file: format!("{id}.json"), reason };
            record_time(&id, &bytes).map_err(content)?;
            fs::write(&path, &bytes).await.map_err(|source| UpdateError::File { path, source })?;
            Ok::<_, UpdateError>((id, bytes))
        }))
        .buffer_unordered(AT_ONCE);
        // What is under way is kept even if something fails: the next update goes on behind it.
        let mut failed_records = Vec::new();
        while let Some(record) = fetched.next().await {
            let (id, bytes) = match record {
                Ok(record) => record,
                Err(error) => {
                    failed_records.push(error);
                    if failed_records.len() > AT_ONCE { break } else { continue }
                }
            };
            // An older copy than listed (a cache on the way) is taken, and asked for again next time.
            if let Ok(time) = record_time(&id, &bytes) {
                list.correct(&id, time);
            }
            taken.insert(id, bytes);
            say(UpdateEvent::Records { ecosystem: self.name, done: taken.len(), total });
        }
        drop(fetched);
        if let Some(error) = failed_records.into_iter().next() {
            return Err(error);
        }
        let archive = self.here.join("all.zip");
        // What lies there is no longer what the server has, whatever happens next.
        forget_origin(&archive).await?;
        blocking(move || merge(&archive, &taken, &removed)).await?;
        fs::remove_dir_all(&changes).await.map_err(failed)?;
        Ok(list)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, plimsoll_advisory::FeedError> + Send + 'static,
) -> Result<T, UpdateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => {
            Err(UpdateError::Content { file: "all.zip".to_owned(), reason: error.to_string() })
        }
    }
}
