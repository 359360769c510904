//! The scanners that are held against each other: how each is called, and which packages it lists.
//!
//! In: where their programs are. Out: commands for one image, and what a report lists. Odd: all that needs a network is switched
//! off, and nobody has vulnerability data here; so what is compared is reading images and listing packages. Trivy lists no
//! jars without its index of jars, which it downloads.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{root, run_command, say};

/// Where the programs are.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Programs {
    /// Our own [default: it is built]
    #[arg(long, value_name = "FILE")]
    plimsoll: Option<PathBuf>,
    /// Trivy [default: from the path]
    #[arg(long, value_name = "FILE")]
    trivy: Option<PathBuf>,
    /// Syft [default: from the path]
    #[arg(long, value_name = "FILE")]
    syft: Option<PathBuf>,
}

/// Which scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Ours.
    Plimsoll,
    /// Aqua Security's.
    Trivy,
    /// Anchore's lister of packages.
    Syft,
}

impl Kind {
    /// As its makers write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plimsoll => "Plimsoll",
            Self::Trivy => "Trivy",
            Self::Syft => "Syft",
        }
    }
}

/// In which form an image is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Source {
    /// OCI layout, a folder.
    Layout,
    /// The same with zstd layers.
    Zstd,
    /// docker-archive, layers unpacked.
    Archive,
    /// A registry on this machine, without TLS.
    Registry,
}

impl Source {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Layout => "layout",
            Self::Zstd => "layout, zstd",
            Self::Archive => "archive",
            Self::Registry => "registry",
        }
    }
}

/// A scanner that is here.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    pub(crate) kind: Kind,
    program: PathBuf,
}

impl Programs {
    /// The scanners that are here, ours first; a missing one is said.
    pub(crate) fn scanners(&self) -> anyhow::Result<Vec<Scanner>> {
        let ours = if let Some(program) = &self.plimsoll {
            program.clone()
        } else {
            let arguments = ["build", "--locked", "--release", "--quiet", "--package", "plimsoll"];
            run_command(Command::new("cargo").args(arguments))?;
            root().join("target/release/plimsoll")
        };
        let mut scanners = vec![Scanner { kind: Kind::Plimsoll, program: ours }];
        for (kind, said, name) in
            [(Kind::Trivy, &self.trivy, "trivy"), (Kind::Syft, &self.syft, "syft")]
        {
            match said.clone().or_else(|| on_path(name)) {
                Some(program) => scanners.push(Scanner { kind, program }),
                None => say(&format!("`{name}` is neither on the path nor given: left out")),
            }
        }
        Ok(scanners)
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

impl Scanner {
    /// Its program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Scans an image; what is kept between scans lies in `state`. The report goes to standard output, as JSON.
    pub(crate) fn scan(&self, source: Source, target: &str, state: &Path) -> Command {
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Plimsoll => {
                command.args(["scan", "--quiet", "--format", "json", "--data"]).arg(state);
                // The others look for packages and licences as well, and for nothing else.
                command.args(["--kinds", "vulnerability,license"]);
                command.arg(target);
            }
            Kind::Trivy => {
                command.args(["image", "--quiet", "--format", "json", "--list-all-pkgs"]);
                command.args(["--offline-scan", "--skip-version-check", "--disable-telemetry"]);
                command.args(["--scanners", "license", "--cache-dir"]).arg(state);
                match source {
                    Source::Registry => command.args(["--image-src", "remote", target]),
                    _ => command.args(["--input", target]),
                };
            }
            Kind::Syft => {
                let scheme = match source {
                    Source::Layout | Source::Zstd => "oci-dir",
                    Source::Archive => "docker-archive",
                    Source::Registry => "registry",
                };
                command.args(["scan", "--quiet", "--output", "json"]);
                command.arg(format!("{scheme}:{target}"));
                command.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
                command.env("SYFT_REGISTRY_INSECURE_USE_HTTP", "true");
                command.env("SYFT_CACHE_DIR", state);
            }
        }
        command
    }

    /// Name and version, as its makers count.
    pub(crate) fn shown(&self) -> anyhow::Result<String> {
        let output = Command::new(&self.program).arg("--version").output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let word =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        Ok(format!("{} {}", self.kind.name(), word.unwrap_or("of unknown version")))
    }

    /// The packages that a report of this scanner lists, each once.
    pub(crate) fn packages(&self, report: &Path) -> anyhow::Result<BTreeSet<Listed>> {
        let bytes = fs::read(report)?;
        let report: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no report", report.display()))?;
        Ok(match self.kind {
            Kind::Plimsoll => listed(report.get("packages"), "/purl", "/locations/0/path"),
            Kind::Syft => listed(report.get("artifacts"), "/purl", "/locations/0/path"),
            Kind::Trivy => report
                .get("Results")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .flat_map(|result| {
                    let target = result.get("Target").and_then(Value::as_str).unwrap_or_default();
                    listed(result.get("Packages"), "/Identifier/PURL", "/FilePath").into_iter().map(
                        |mut package| {
                            if package.path.is_empty() {
                                target.clone_into(&mut package.path);
                            }
                            package
                        },
                    )
                })
                .collect(),
        })
    }

    /// Files that packages of the distribution own, as Syft's report says it.
    pub(crate) fn owned_files(&self, report: &Path) -> anyhow::Result<BTreeSet<String>> {
        let report: Value = serde_json::from_slice(&fs::read(report)?)?;
        let packages = report.get("artifacts").and_then(Value::as_array);
        let mut owned = BTreeSet::new();
        for package in packages.into_iter().flatten() {
            let files = package.pointer("/metadata/files").and_then(Value::as_array);
            let is_of_distribution = package
                .get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| matches!(kind, "deb" | "rpm" | "apk"));
            for file in files.into_iter().flatten().filter(|_| is_of_distribution) {
                let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
                owned.insert(path.trim_start_matches('/').to_owned());
            }
        }
        Ok(owned)
    }
}

/// A package in somebody's list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    /// The purl's type: `deb`, `npm`, …; `none` when there is no purl.
    pub(crate) kind: String,
    /// The purl's namespace, empty when it has none.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it was found.
    pub(crate) path: String,
    /// Which part of the scanner found it, if it says so.
    pub(crate) by: String,
}

fn listed(packages: Option<&Value>, purl: &str, path: &str) -> BTreeSet<Listed> {
    let text = |package: &Value, at: &str| {
        package.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let packages = packages.and_then(Value::as_array).into_iter().flatten();
    packages
        .map(|package| {
            let path = text(package, path);
            let by = [text(package, "/found_by"), text(package, "/foundBy")].concat();
            match read_purl(&text(package, purl)) {
                Ok((kind, namespace, name, version)) => {
                    Listed { kind, namespace, name, version, path, by }
                }
                Err(_) => Listed {
                    kind: "none".to_owned(),
                    namespace: String::new(),
                    name: text(package, "/name"),
                    version: text(package, "/version"),
                    path,
                    by,
                },
            }
        })
        .collect()
}

/// Type, namespace, name and version of a package URL. Of its qualifiers, only the epoch tells packages apart here; some write it
/// there, others into the version.
fn read_purl(text: &str) -> anyhow::Result<(String, String, String, String)> {
    let text = text.strip_prefix("pkg:").context("no package URL")?;
    let (text, qualifiers) = text.split_once('?').unwrap_or((text, ""));
    let (text, subpath) = match (text.split_once('#'), qualifiers.split_once('#')) {
        (Some((text, subpath)), _) => (text, subpath),
        (None, subpath) => (text, subpath.map_or("", |(_, subpath)| subpath)),
    };
    let epoch = qualifiers
        .split(['&', '#'])
        .find_map(|qualifier| qualifier.strip_prefix("epoch="))
        .filter(|epoch| *epoch != "0");
    let (kind, rest) = text.split_once('/').context("a package URL without a name")?;
    let (path, version) = rest.rsplit_once('@').unwrap_or((rest, ""));
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.is_empty() {
        bail!("a package URL without a name");
    }
    let version = match (decoded(version), epoch) {
        (version, Some(epoch)) if !version.contains(':') => format!("{epoch}:{version}"),
        (version, _) => version,
    };
    let mut name = decoded(name);
    // Some write the end of a Go module's name, `v4` or `api`, as a path below the package.
    if kind == "golang" && !subpath.is_empty() {
        name = format!("{name}/{}", decoded(subpath));
    }
    Ok((kind.to_owned(), decoded(namespace), name, version))
}

/// Percent-decoded; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escape = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_comes_apart() {
        let parts = |text| read_purl(text).ok().map(|(a, b, c, d)| [a, b, c, d]);
        let wanted = ["npm", "@babel", "traverse", "7.10.0"].map(str::to_owned);
        assert_eq!(parts("pkg:npm/%40babel/traverse@7.10.0?a=b/c@d"), Some(wanted));
        let wanted = ["golang", "", "stdlib", ""].map(str::to_owned);
        assert_eq!(parts("pkg:golang/stdlib"), Some(wanted));
        let wanted = ["golang", "github.com/a", "b/v4", "v4.7.1"].map(str::to_owned);
        assert_eq!(parts("pkg:golang/github.com/a/b@v4.7.1#v4"), Some(wanted));
        let wanted = ["deb", "debian", "git", "1:2.39"].map(str::to_owned);
        assert_eq!(parts("pkg:deb/debian/git@2.39?arch=amd64&epoch=1"), Some(wanted.clone()));
        assert_eq!(parts("pkg:deb/debian/git@1%3A2.39?arch=amd64"), Some(wanted));
        assert!(read_purl("stdlib@1").is_err());
    }
}
