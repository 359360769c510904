//! The VEX documents whose word counts for the whole fleet.
//!
//! In: files and folders that were named, and the folder `vex` of the data directory. Out: [`VexDocuments`]: what they say of a
//! package wherever it is, and of an image. Source: `docs/semantics.md`, "VEX". Odd: what is said of a package without an image is
//! heard when the package is judged, once for all images; what is said of an image is heard when it is scanned, and the image's
//! report is then kept whole. Both give what one scan with the same documents gives.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use plimsoll_advisory::{
    overrule,
    vex::{About, Document, Image, MAX_VEX_BYTES, VexError},
};
use plimsoll_model::{Finding, Kind, Package, Timestamp, View};
use plimsoll_scanner::vex::Given;

use crate::sha256::sha256;

/// The folder of documents in the data directory.
pub const VEX_FOLDER: &str = "vex";
/// Documents that are read of one folder.
const MAX_FILES: usize = 1_000;

/// Documents, and what tells one set of them from another.
#[derive(Debug, Default)]
pub struct VexDocuments {
    given: Vec<Given>,
    /// Sources of their views.
    sources: Vec<String>,
    version: String,
    of_images: String,
}

/// Why documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VexFileError {
    /// A file or folder cannot be read.
    #[error("VEX document `{path}` cannot be read")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file is no VEX document.
    #[error("`{path}` is no VEX document that can be used")]
    Document {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: VexError,
    },
    /// A folder has too many.
    #[error("`{0}` has more than 1,000 documents")]
    Many(PathBuf),
}

impl VexDocuments {
    /// Reads the data directory's documents and those that were named; of a folder, its files that end with `.json` or `.xml`.
    ///
    /// # Errors
    /// A file that was named, or one in such a folder, cannot be used: answers would rest on less than was meant.
    pub fn open(data: &Path, named: &[PathBuf]) -> Result<Self, VexFileError> {
        let mut given = Vec::new();
        let mut hashes = Vec::new();
        for (place, path) in files(data, named)? {
            let bytes =
                read(&path).map_err(|source| VexFileError::Io { path: path.clone(), source })?;
            hashes.push(format!("{place} {}", sha256(&bytes)));
            let document =
                Document::read(&bytes).map_err(|source| VexFileError::Document { path, source })?;
            given.push(Given { place, document, is_attached: false });
        }
        if given.is_empty() {
            return Ok(Self::default());
        }
        let of_images: Vec<String> = given
            .iter()
            .zip(&hashes)
            .filter(|(one, _)| one.document.statements.iter().any(|one| !one.is_of_packages()))
            .map(|(_, hash)| hash.clone())
            .collect();
        let short = |texts: &[String]| {
            let mut hash = sha256(texts.join("\n").as_bytes()).hex();
            hash.truncate(16);
            hash
        };
        Ok(Self {
            sources: given.iter().map(|one| format!("vex/{}", one.place)).collect(),
            version: format!(" vex {}", short(&hashes)),
            of_images: format!(" vex {}", short(&of_images)),
            given,
        })
    }

    /// All of them.
    #[must_use]
    pub fn given(&self) -> &[Given] {
        &self.given
    }

    /// What answers about packages rest on besides the snapshot; empty without documents.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What scans rest on besides detectors: what is said of images. Empty without documents.
    #[must_use]
    pub fn version_of_images(&self) -> &str {
        &self.of_images
    }

    /// Lets the documents decide about a package, whichever image it is in.
    pub fn decide(&self, package: &Package, findings: &mut [Finding]) {
        let image = Image::default();
        let packages = std::slice::from_ref(package);
        let about = About { image: &image, package, packages, is_attached: false };
        for finding in findings.iter_mut().filter(|finding| finding.kind == Kind::Vulnerability) {
            let mut views: Vec<(Option<Timestamp>, View)> = Vec::new();
            for (one, source) in self.given.iter().zip(&self.sources) {
                views.extend(one.document.views(source, finding, &about));
            }
            // As for one image: the latest comes last, and stays.
            views.reverse();
            views.sort_by_key(|(time, _)| *time);
            for (_, view) in views {
                overrule(finding, view);
            }
        }
    }
}

/// The files with the names under which reports show them.
fn files(data: &Path, named: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, VexFileError> {
    let own = data.join(VEX_FOLDER);
    let own = own.is_dir().then_some(own);
    let mut files = Vec::new();
    for path in own.iter().chain(named) {
        if !path.is_dir() {
            files.push((path.display().to_string(), path.clone()));
            continue;
        }
        let failed = |source| VexFileError::Io { path: path.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".json") || name.ends_with(".xml") {
                names.push((name, entry.path()));
            }
            if names.len() > MAX_FILES {
                return Err(VexFileError::Many(path.clone()));
            }
        }
        names.sort();
        files.extend(names);
    }
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_VEX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large.
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What tells two states of the files apart: path, time and length of each.
pub(crate) type Trace = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// The state of the files.
pub(crate) fn trace(data: &Path, named: &[PathBuf]) -> Trace {
    let files = files(data, named).unwrap_or_default();
    let look = |(_, path): (String, PathBuf)| {
        let metadata = fs::metadata(&path).ok()?;
        Some((path, metadata.modified().ok(), metadata.len()))
    };
    files.into_iter().filter_map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document about this product.
    fn document(product: &str) -> String {
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://test/1","author":"ada","version":1,
            "timestamp":"2026-11-21T00:00:00Z","statements":[{{"vulnerability":{{"name":"CVE-1"}},
            "products":[{{"@id":"{product}"}}],"status":"fixed"}}]}}"#
        )
    }

    #[test]
    fn documents_of_packages_ask_for_no_scan_and_unusable_ones_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let none = VexDocuments::open(data.path(), &[]).unwrap();
        assert_eq!((none.version(), none.version_of_images()), ("", ""));
        let folder = data.path().join(VEX_FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.json"), document("pkg:npm/left-pad")).unwrap();
        fs::write(folder.join("README"), "not read").unwrap();
        let before = trace(data.path(), &[]);
        let one = VexDocuments::open(data.path(), &[]).unwrap();
        fs::write(folder.join("b.json"), document("pkg:npm/right-pad")).unwrap();
        assert_ne!(trace(data.path(), &[]), before);
        let two = VexDocuments::open(data.path(), &[]).unwrap();
        assert_eq!((one.given().len(), two.given().len()), (1, 2));
        assert_ne!(one.version(), two.version());
        assert_eq!(one.version_of_images(), two.version_of_images());
        let named = data.path().join("image.json");
        fs::write(&named, document("pkg:oci/app?tag=1")).unwrap();
        let three = VexDocuments::open(data.path(), std::slice::from_ref(&named)).unwrap();
        assert_ne!(three.version_of_images(), two.version_of_images());
        fs::write(&named, "{}").unwrap();
        assert!(VexDocuments::open(data.path(), &[named]).is_err());
    }
}
