//! Where feeds are downloaded from, and where their files go.
//!
//! In: the publishers' addresses or a mirror's. Out: [`FeedFile`]s: address, place below the feed folder, size limit.
//! Source: osv.dev, "Data dumps"; CISA's Known Exploited Vulnerabilities catalog; FIRST's EPSS data page.
//!
//! Odd: a mirror has one shape for all, so that a plain copy of the feed folder is a mirror: `<URL>/ecosystems.txt`,
//! `<URL>/<Ecosystem>/all.zip`, and the files of [`OTHERS`], flat; `<URL>/<Ecosystem>/modified_id.csv` and
//! `<URL>/<Ecosystem>/<ID>.json` save downloads and may be missing. Ecosystems have spaces in their names (`Rocky Linux`),
//! which addresses encode.

mod extras;
mod others;
mod update_info;

use std::path::{Path, PathBuf};

use reqwest::{StatusCode, Url};

use super::{DownloadError, Outcome, Progress, address, download, is_temporary, name_of, text};
use crate::http::{Call, HttpClient, Session};

pub use extras::{EXTRAS, Extra};
pub use others::{OTHERS, OtherFeed, Published};

/// osv.dev's dumps; below it `ecosystems.txt` and one `<Ecosystem>/all.zip` each.
pub const OSV_DUMPS: &str = "https://osv-vulnerabilities.storage.googleapis.com";
const MAX_LIST_BYTES: u64 = 1 << 20;
const MAX_OSV_BYTES: u64 = 4 << 30;
/// The list of an ecosystem's records: some 40 bytes each.
const MAX_RECORDS_BYTES: u64 = 256 << 20;
/// One record. The largest real one has less than 1 MiB.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// The addresses of all feeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedAddresses {
    osv: String,
    /// Whether the other feeds lie there, too.
    is_mirror: bool,
}

impl Default for FeedAddresses {
    fn default() -> Self {
        Self { osv: OSV_DUMPS.into(), is_mirror: false }
    }
}

/// One file of a feed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FeedFile {
    /// Where it is downloaded from.
    pub url: String,
    /// Where it goes, below the feed folder: `Debian/all.zip`.
    pub path: PathBuf,
    /// Most bytes that it may have.
    pub limit: u64,
}

impl FeedAddresses {
    /// The addresses of a mirror, whose `base` is an http or https address.
    #[must_use]
    pub fn mirror(base: &str) -> Self {
        Self { osv: base.trim_end_matches('/').to_owned(), is_mirror: true }
    }

    /// What to call it: the mirror, or the publishers.
    #[must_use]
    pub fn name(&self) -> String {
        // A password in the address must not come back in a message.
        let shown = self.osv.rsplit('@').next().unwrap_or_default();
        if self.is_mirror { format!("mirror `{shown}`") } else { "the publisher".to_owned() }
    }

    /// The names of the ecosystems that there are dumps of, sorted. A name with a colon (`Debian:12`) is a release of an
    /// ecosystem, whose records the ecosystem's own dump has too; it is left out.
    ///
    /// # Errors
    /// [`DownloadError`].
    pub async fn ecosystems(&self, http: &HttpClient) -> Result<Vec<String>, DownloadError> {
        let list = text(http, &format!("{}/ecosystems.txt", self.osv), MAX_LIST_BYTES).await?;
        let mut names: Vec<String> = list
            .lines()
            .map(str::trim)
            .filter(|name| is_ecosystem(name))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The archive with all records of an ecosystem.
    ///
    /// # Errors
    /// [`DownloadError::Url`] for an ecosystem or address that cannot be one.
    pub fn archive(&self, ecosystem: &str) -> Result<FeedFile, DownloadError> {
        let path = Path::new(ecosystem).join("all.zip");
        let url = self.below(ecosystem, "all.zip")?.into();
        Ok(FeedFile { url, path, limit: MAX_OSV_BYTES })
    }

    /// The list of an ecosystem's records. In the feed folder it has another name than in a dump, where the list says what
    /// the archive beside it holds.
    ///
    /// # Errors
    /// [`DownloadError::Url`] for an ecosystem or address that cannot be one.
    pub fn list(&self, ecosystem: &str) -> Result<FeedFile, DownloadError> {
        let path = Path::new(ecosystem).join("offered_id.csv");
        let url = self.below(ecosystem, "modified_id.csv")?.into();
        Ok(FeedFile { url, path, limit: MAX_RECORDS_BYTES })
    }

    /// Opens a session for single records of an ecosystem.
    ///
    /// # Errors
    /// [`DownloadError`] for an ecosystem or address that cannot be one.
    pub fn records(&self, http: &HttpClient, ecosystem: &str) -> Result<Records, DownloadError> {
        let folder = self.below(ecosystem, "")?;
        let (_, home) = address(folder.as_str())?;
        let session = http
            .session(&home)
            .map_err(|source| DownloadError::Http { name: ecosystem.to_owned(), source })?;
        Ok(Records { session, folder })
    }

    /// The file of a feed other than OSV, which is looked for where its address moves.
    ///
    /// # Errors
    /// [`DownloadError`] of what leads to the address.
    pub async fn other(
        &self,
        http: &HttpClient,
        other: &OtherFeed,
    ) -> Result<FeedFile, DownloadError> {
        let url = match other.published {
            _ if self.is_mirror => format!("{}/{}", self.osv, other.file),
            Published::File(url) => url.to_owned(),
            Published::UpdateInfo(list) => update_info::locate(http, list).await?,
            Published::Repository(url) => update_info::of_repository(http, url).await?,
        };
        Ok(FeedFile { url, path: other.file.into(), limit: other.limit })
    }

    /// Whether a file may be missing here without that being a failure: a mirror need not have what speaks of one
    /// distribution.
    #[must_use]
    pub const fn may_lack(&self, other: &OtherFeed) -> bool {
        self.is_mirror && other.ecosystem.is_some()
    }

    fn below(&self, ecosystem: &str, file: &str) -> Result<Url, DownloadError> {
        let bad = || DownloadError::Url(format!("{}/{ecosystem}/{file}", self.osv));
        let mut url = Url::parse(&self.osv).map_err(|_cause| bad())?;
        if !is_ecosystem(ecosystem) {
            return Err(bad());
        }
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&base);
        url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().push(ecosystem).push(file);
        Ok(url)
    }
}

/// Single records of one ecosystem.
#[derive(Clone, Debug)]
pub struct Records {
    session: Session,
    /// Ends with `/`.
    folder: Url,
}

impl Records {
    /// Reads the record with this id.
    ///
    /// # Errors
    /// [`DownloadError`].
    pub async fn get(&self, id: &str) -> Result<Vec<u8>, DownloadError> {
        let mut url = self.folder.clone();
        let name = format!("{id}.json");
        url.path_segments_mut()
            .map_err(|()| DownloadError::Url(id.to_owned()))?
            .pop_if_empty()
            .push(&name);
        let options = self.session.options();
        let (mut pause, mut left) = (options.retry_pause, options.retries);
        loop {
            let error = match self.attempt(&url).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) if left == 0 || !is_temporary(&error) => return Err(error),
                Err(error) => error,
            };
            tracing::debug!(%error, "record asked for again");
            left -= 1;
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }

    async fn attempt(&self, url: &Url) -> Result<Vec<u8>, DownloadError> {
        let name = name_of(url);
        let answer = self.session.document(&Call::get(url.clone()), MAX_RECORD_BYTES).await;
        let (status, _, body) =
            answer.map_err(|source| DownloadError::Http { name: name.clone(), source })?;
        if status != StatusCode::OK {
            let origin = self.session.home().clone();
            return Err(DownloadError::Status { name, origin, status: status.as_u16() });
        }
        Ok(body)
    }
}

impl FeedFile {
    /// Downloads the file into `folder` unless it is current there.
    ///
    /// # Errors
    /// [`DownloadError`]; the file in `folder` is then as it was.
    pub async fn fetch(
        &self,
        http: &HttpClient,
        folder: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Outcome, DownloadError> {
        download(http, &self.url, &folder.join(&self.path), self.limit, progress).await
    }
}

/// Whether `name` can be an ecosystem with a dump of its own. It becomes a folder's name, so nothing else may pass.
fn is_ecosystem(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'))
        && !name.ends_with([' ', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn urls(addresses: &FeedAddresses, ecosystems: &[&str]) -> Vec<String> {
        let http = HttpClient::new(crate::HttpOptions::default()).unwrap();
        let mut urls: Vec<String> =
            ecosystems.iter().map(|name| addresses.archive(name).unwrap().url).collect();
        for other in &OTHERS[..3] {
            urls.push(addresses.other(&http, other).await.unwrap().url);
        }
        urls
    }

    #[test]
    fn every_file_has_a_name_and_an_address_of_its_own() {
        let names: std::collections::BTreeSet<&str> =
            OTHERS.iter().map(|other| other.file).collect();
        assert_eq!(names.len(), OTHERS.len());
        for other in OTHERS {
            let (Published::File(url) | Published::UpdateInfo(url) | Published::Repository(url)) =
                other.published;
            assert!(url.starts_with("https://"), "{url}");
            assert!(
                !other.file.contains('/') && !is_ecosystem_folder(other.file),
                "{}",
                other.file
            );
            let known = plimsoll_model::ecosystem::ECOSYSTEMS.iter();
            let is_known = |name| known.clone().any(|row| row.name == name);
            assert!(other.ecosystem.is_none_or(is_known), "{:?}", other.ecosystem);
        }
    }

    /// Whether an archive's folder could have that name.
    fn is_ecosystem_folder(name: &str) -> bool {
        plimsoll_model::ecosystem::ECOSYSTEMS.iter().any(|row| row.name == name)
    }

    #[tokio::test]
    async fn publishers_and_mirrors_have_their_addresses() {
        assert_eq!(
            urls(&FeedAddresses::default(), &["Debian", "Rocky Linux", "crates.io"]).await,
            [
                "https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip",
                "https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip",
                "https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip",
                "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
                "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
                "https://security-tracker.debian.org/tracker/data/json",
            ]
        );
        for base in ["http://127.0.0.1:9/feeds", "http://127.0.0.1:9/feeds/"] {
            assert_eq!(
                urls(&FeedAddresses::mirror(base), &["Red Hat"]).await,
                [
                    "http://127.0.0.1:9/feeds/Red%20Hat/all.zip",
                    "http://127.0.0.1:9/feeds/known_exploited_vulnerabilities.json",
                    "http://127.0.0.1:9/feeds/epss_scores-current.csv.gz",
                    "http://127.0.0.1:9/feeds/debian_tracker.json",
                ]
            );
        }
    }

    #[test]
    fn a_name_that_is_no_folder_is_refused() {
        for name in ["", "..", ".", "a/b", "/etc", "a\\b", "Debian:12", " a", "a\n", "-x", "a."] {
            assert!(!is_ecosystem(name), "{name:?}");
            let file = FeedAddresses::default().archive(name);
            assert!(matches!(file, Err(DownloadError::Url(_))), "{name:?}");
            assert!(FeedAddresses::default().list(name).is_err());
        }
        assert!(is_ecosystem("GitHub Actions") && is_ecosystem("crates.io"));
    }
}
