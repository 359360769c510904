//! What reads one kind of file, and THE list of all of them.
//!
//! In: entries' paths and metadata ([`Parser::claims`], called for every entry of every layer), then the bytes of what
//! was claimed. Out: [`FileFacts`]. Odd: a parser sees one file and nothing else. What needs the whole image is decided
//! over the merged tree.

use std::io;

use plimsoll_image::{Budget, EntryMeta, TreePath};

use crate::{
    content::Content, detector::detectors, distribution, facts::FileFacts, packages, text,
};

/// Reads one format.
pub trait Parser: Sync {
    /// Short and stable: stands in `found_by` and in `coverage.ran`.
    fn id(&self) -> &'static str;

    /// Raised whenever the parser reads more or otherwise, so that layers that an older one read are read again.
    fn version(&self) -> u32;

    /// Which files it reads, for people.
    fn reads(&self) -> &'static str;

    /// Whether it wants the bytes of a regular file at `path`. Cheap: no regular expressions, no allocation, and the file's
    /// name is looked at before the folders, since a hostile path has thousands of those.
    fn claims(&self, path: &[u8], meta: &EntryMeta) -> Option<Want>;

    /// Whether it wants a file that it claimed as [`Want::Seekable`] and that begins with `head`; without it, the file is
    /// parsed with its head alone. Cheap: most files that are claimed by their mode or place are not what is looked for.
    fn wants_rest(&self, _path: &[u8], _head: &[u8]) -> bool {
        true
    }

    /// Whether it wants programs ([`Want::Program`]), and nothing else.
    fn reads_programs(&self) -> bool {
        false
    }

    /// Whether a name counts that a file has by a link alone. It does for whatever programs look for by that name, and not
    /// where the name tells what the file is: `gzip` may be a link to `busybox`.
    fn follows_links(&self) -> bool {
        true
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ParseError`] when nothing can be said about the file; what is merely incomplete is a
    /// [`Problem`](crate::Problem) beside the facts.
    fn parse(&self, file: &ClaimedFile<'_>) -> Result<FileFacts, ParseError>;
}

/// How much of a claimed file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// All of it; a file that is longer is a gap.
    Whole {
        /// Most bytes; the budget's limit for files holds too.
        limit: u64,
    },
    /// Its first bytes.
    Head {
        /// How many.
        limit: u64,
    },
    /// Its first bytes, and then, if [`Parser::wants_rest`] says so, all of it at any position. A large file is not held in
    /// memory: see [`ClaimedFile::content`].
    Seekable {
        /// How many bytes decide, and stand in [`ClaimedFile::bytes`].
        head: u64,
        /// Most bytes; the budget's limit for files holds too. A file that is longer is a gap if its rest is wanted.
        limit: u64,
    },
    /// All of it, at any position, if it begins as programs and libraries do; else nothing at all. Who wants this claims by
    /// `executable::claims` alone.
    Program {
        /// Most bytes; the budget's limit for files holds too. A program that is longer is a gap.
        limit: u64,
    },
}

/// A file that a parser claimed.
#[derive(Debug)]
pub struct ClaimedFile<'a> {
    /// The path under which it was claimed.
    pub path: &'a TreePath,
    /// Its first bytes, as many as were wanted.
    pub bytes: &'a [u8],
    /// What can be read at any position: of a [`Want::Seekable`] whose rest is wanted everything, else `bytes`.
    pub content: Content<'a>,
    /// Bytes that the whole file has.
    pub size: u64,
    /// Limits.
    pub budget: &'a Budget,
}

impl<'a> ClaimedFile<'a> {
    /// A file whose bytes are all in memory.
    #[must_use]
    pub fn new(path: &'a TreePath, bytes: &'a [u8], budget: &'a Budget) -> Self {
        let content = Content::of_bytes(bytes);
        Self { path, bytes, content, size: content.size(), budget }
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// [`ParseError::Syntax`] with the offset of the first byte that is not UTF-8.
    pub fn text(&self) -> Result<&str, ParseError> {
        std::str::from_utf8(self.bytes).map_err(|error| ParseError::Syntax {
            at: format!("byte {}", error.valid_up_to()),
            problem: "is not UTF-8".to_owned(),
        })
    }
}

/// Why nothing can be said about a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is longer than what is read.
    #[error("has {size} bytes, limit {limit} bytes (`{name}`)")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
        /// The limit's name.
        name: &'static str,
    },
    /// It is not in the format that its name promises.
    #[error("{at}: {problem}")]
    Syntax {
        /// Line, byte or page.
        at: String,
        /// What is wrong.
        problem: String,
    },
    /// It misses something without which it says nothing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The temporary file that it is read from failed.
    #[error("could not be kept in a temporary file: {0}")]
    Unkept(String),
}

/// Errors of [`Content`].
impl From<io::Error> for ParseError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Self::Syntax { at: "a part of it".to_owned(), problem: error.to_string() }
            }
            _ => Self::Unkept(error.to_string()),
        }
    }
}

/// THE list: everything that reads files. The order is that of `coverage.ran` and of the reference page.
#[must_use]
pub fn parsers() -> &'static [&'static dyn Parser] {
    &[
        &packages::dpkg::DpkgStatus,
        &packages::dpkg::DpkgFiles,
        &packages::dpkg_copyright::DpkgCopyright,
        &packages::apk::ApkInstalled,
        &packages::rpm::RpmDatabase,
        &packages::chisel::Chisel,
        &packages::pacman::Pacman,
        &packages::portage::Portage,
        &packages::opkg::Opkg,
        &packages::nix::NixStore,
        &packages::homebrew::Homebrew,
        &packages::snap::Snap,
        &packages::flatpak::Flatpak,
        &packages::python::PythonMetadata,
        &packages::python::PythonRecord,
        &packages::python::PythonArchive,
        &packages::conda::CondaMeta,
        &packages::python::PythonFiles,
        &packages::python::Requirements,
        &packages::python::PipfileLock,
        &packages::python::PoetryLock,
        &packages::python::UvLock,
        &packages::python::PdmLock,
        &packages::python::Pylock,
        &packages::npm::NodeModules,
        &packages::npm::UnpackedNodePackage,
        &packages::npm::PackageLock,
        &packages::npm::YarnLock,
        &packages::npm::PnpmLock,
        &packages::npm::BunLock,
        &packages::npm::DenoLock,
        &packages::npm::BundleBanners,
        &packages::npm::SourceMap,
        &packages::java::JavaArchive,
        &packages::java::JavaRelease,
        &packages::java::GradleLock,
        &packages::dotnet::DependencyManifest,
        &packages::dotnet::DotnetRuntime,
        &packages::dotnet::NugetLock,
        &packages::dotnet::PackagesConfig,
        &packages::dotnet::ProjectAssets,
        &packages::program::Program,
        &packages::go_binary::GoBinary,
        &packages::rust_binary::RustBinary,
        &packages::native_image::NativeImage,
        &packages::dotnet::Assembly,
        &packages::go_mod::GoMod,
        &packages::go_mod::GoSum,
        &packages::cargo::CargoLock,
        &packages::ruby::GemSpecification,
        &packages::ruby::GemfileLock,
        &packages::php::ComposerInstalled,
        &packages::php::ComposerLock,
        &packages::php::PearRegistry,
        &packages::sbom::Sbom,
        &packages::erlang::ErlangApplication,
        &packages::erlang::MixLock,
        &packages::erlang::RebarLock,
        &packages::dart::PubspecLock,
        &packages::swift::PackageResolved,
        &packages::swift::PodfileLock,
        &packages::conan::ConanLock,
        &packages::conan::ConanInfo,
        &packages::vcpkg::VcpkgStatus,
        &packages::haskell::GhcPackage,
        &packages::haskell::StackLock,
        &packages::haskell::CabalFreeze,
        &packages::opam::OpamSwitch,
        &packages::opam::OpamPackage,
        &packages::r::RPackage,
        &packages::r::RenvLock,
        &packages::julia::JuliaPackage,
        &packages::julia::JuliaManifest,
        &packages::lua::Rockspec,
        &packages::lua::RocksManifest,
        &packages::perl::CpanInstalled,
        &packages::perl::PerlLocal,
        &packages::perl::CpanSnapshot,
        &packages::wordpress::WordPress,
        &packages::classifier::Classifier,
        &distribution::release_file::ReleaseFile,
        &distribution::traces::Traces,
        &text::CheckedText,
    ]
}

/// Names all detectors with their versions: facts that were kept under another text must be read anew.
#[must_use]
pub fn detectors_version() -> String {
    let parsers = parsers().iter().map(|parser| format!("{}:{}", parser.id(), parser.version()));
    let detectors =
        detectors().iter().map(|detector| format!("{}:{}", detector.id(), detector.version()));
    let mut words: Vec<String> = parsers.chain(detectors).collect();
    words.sort();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executable;

    #[test]
    fn ids_are_unique_and_named_with_their_version() {
        let mut ids: Vec<&str> = parsers().iter().map(|parser| parser.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), parsers().len());
        for parser in parsers() {
            assert!(!parser.reads().is_empty());
            assert_eq!(parser.reads_programs(), executable::is_reader(*parser), "{}", parser.id());
            assert!(detectors_version().contains(&format!("{}:{}", parser.id(), parser.version())));
        }
    }
}
