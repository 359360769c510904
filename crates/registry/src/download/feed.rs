//! Where feeds are downloaded from, and where their files go.
//!
//! In: the publishers' addresses or a mirror's. Out: [`FeedFile`]s: address, place below the feed folder, size limit.
//! Source: osv.dev, "Data dumps"; CISA's Known Exploited Vulnerabilities catalog; FIRST's EPSS data page.
//!
//! Odd: a mirror has one shape for all three, so that a plain copy of the feed folder is a mirror:
//! `<URL>/ecosystems.txt`, `<URL>/<Ecosystem>/all.zip`, `<URL>/known_exploited_vulnerabilities.json`,
//! `<URL>/epss_scores-current.csv.gz`. Ecosystems have spaces in their names (`Rocky Linux`), which addresses encode.

use std::path::{Path, PathBuf};

use reqwest::Url;

use super::{DownloadError, Outcome, Progress, download, text};
use crate::http::HttpClient;

/// osv.dev's dumps; below it `ecosystems.txt` and one `<Ecosystem>/all.zip` each.
pub const OSV_DUMPS: &str = "https://osv-vulnerabilities.storage.googleapis.com";
/// CISA's catalog of vulnerabilities that are known to be exploited.
pub const CISA_KEV: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
/// FIRST's EPSS scores of today.
pub const FIRST_EPSS: &str = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz";

/// File name of the KEV catalog, in a mirror and in the feed folder.
pub const KEV_FILE: &str = "known_exploited_vulnerabilities.json";
/// File name of the EPSS scores, in a mirror and in the feed folder.
pub const EPSS_FILE: &str = "epss_scores-current.csv.gz";

const MAX_LIST_BYTES: u64 = 1 << 20;
const MAX_OSV_BYTES: u64 = 4 << 30;
const MAX_KEV_BYTES: u64 = 256 << 20;
const MAX_EPSS_BYTES: u64 = 256 << 20;

/// The addresses of all feeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedAddresses {
    osv: String,
    kev: String,
    epss: String,
}

impl Default for FeedAddresses {
    fn default() -> Self {
        Self { osv: OSV_DUMPS.into(), kev: CISA_KEV.into(), epss: FIRST_EPSS.into() }
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
        let base = base.trim_end_matches('/');
        Self {
            osv: base.to_owned(),
            kev: format!("{base}/{KEV_FILE}"),
            epss: format!("{base}/{EPSS_FILE}"),
        }
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

    /// The files for these ecosystems, then KEV and EPSS.
    ///
    /// # Errors
    /// [`DownloadError::Url`] for an ecosystem or address that cannot be one.
    pub fn files(&self, ecosystems: &[String]) -> Result<Vec<FeedFile>, DownloadError> {
        let mut files = Vec::with_capacity(ecosystems.len() + 2);
        for name in ecosystems {
            let bad = || DownloadError::Url(format!("{}/{name}/all.zip", self.osv));
            let mut url = Url::parse(&self.osv).map_err(|_cause| bad())?;
            if !is_ecosystem(name) {
                return Err(bad());
            }
            let base = url.path().trim_end_matches('/').to_owned();
            url.set_path(&base);
            url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().push(name).push("all.zip");
            let path = Path::new(name).join("all.zip");
            files.push(FeedFile { url: url.into(), path, limit: MAX_OSV_BYTES });
        }
        files.push(FeedFile { url: self.kev.clone(), path: KEV_FILE.into(), limit: MAX_KEV_BYTES });
        files.push(FeedFile {
            url: self.epss.clone(),
            path: EPSS_FILE.into(),
            limit: MAX_EPSS_BYTES,
        });
        Ok(files)
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

    fn urls(addresses: &FeedAddresses, ecosystems: &[&str]) -> Vec<String> {
        let ecosystems: Vec<String> = ecosystems.iter().map(|&name| name.to_owned()).collect();
        addresses.files(&ecosystems).unwrap().into_iter().map(|file| file.url).collect()
    }

    #[test]
    fn publishers_and_mirrors_have_their_addresses() {
        assert_eq!(
            urls(&FeedAddresses::default(), &["Debian", "Rocky Linux", "crates.io"]),
            [
                "https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip",
                "https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip",
                "https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip",
                CISA_KEV,
                FIRST_EPSS,
            ]
        );
        for base in ["http://127.0.0.1:9/feeds", "http://127.0.0.1:9/feeds/"] {
            assert_eq!(
                urls(&FeedAddresses::mirror(base), &["Red Hat"]),
                [
                    "http://127.0.0.1:9/feeds/Red%20Hat/all.zip",
                    "http://127.0.0.1:9/feeds/known_exploited_vulnerabilities.json",
                    "http://127.0.0.1:9/feeds/epss_scores-current.csv.gz",
                ]
            );
        }
    }

    #[test]
    fn a_name_that_is_no_folder_is_refused() {
        for name in ["", "..", ".", "a/b", "/etc", "a\\b", "Debian:12", " a", "a\n", "-x", "a."] {
            assert!(!is_ecosystem(name), "{name:?}");
            let files = FeedAddresses::default().files(&[name.to_owned()]);
            assert!(matches!(files, Err(DownloadError::Url(_))), "{name:?}");
        }
        assert!(is_ecosystem("GitHub Actions") && is_ecosystem("crates.io"));
    }
}
