//! One component of an SBOM, whatever the format, and the package that it is.
//!
//! In: what a reader found of a component. Out: [`Outcome`]. Source: purl-spec; the properties and texts that Trivy and we
//! write. Odd: package URLs fold the case of some names (`JSONStream`), so a component's own name is taken where it is the
//! same but for that. A property of ours wins over everything, since it says exactly what was matched.

use std::collections::BTreeMap;

use plimsoll_model::{
    Ecosystem, Location,
    properties::PackageProperties,
    purl::{Identity, Purl},
};

use super::{document::Entry, origin::Origins};
use crate::{
    facts::PackageFact,
    packages::{MAX_WORD, python},
};

/// Licences, hashes, CPEs and paths of one component that are kept, each.
const MAX_LISTED: usize = 100;

/// Longest licence text that is kept.
const MAX_LICENCE: usize = 4 << 10;

/// A component as a document describes it.
#[derive(Debug, Default)]
pub(super) struct Component {
    /// CycloneDX's `type`, SPDX's purpose.
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) purl: String,
    /// What tools list is added by the methods below, which keep it short.
    pub(super) cpes: Vec<String>,
    pub(super) licences: Vec<String>,
    /// Algorithm and value.
    pub(super) hashes: Vec<(String, String)>,
    pub(super) paths: Vec<String>,
    /// What the document's tool says of the source package.
    pub(super) origins: Origins,
    /// Our own properties.
    pub(super) properties: PackageProperties,
}

/// What a component comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    Package(Box<Entry>),
    /// A package, but nobody can say which: its name.
    Unidentified(String),
    /// An image, a distribution, a file, a source.
    Else,
}

/// Kinds of components that are software which somebody may have installed.
const SOFTWARE: &[&str] =
    &["", "library", "framework", "application", "firmware", "device-driver", "install"];

/// Types of package URLs that name where something comes from, or what holds it.
const ORIGINS: &[&str] = &["github", "gitlab", "bitbucket", "oci", "docker", "swid"];

/// Hash algorithms by our own words for them.
const HASHES: &[(&str, &str)] =
    &[("md5", "md5"), ("sha1", "sha1"), ("sha256", "sha256"), ("sha512", "sha512")];

impl Component {
    fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    pub(super) fn is_operating_system(&self) -> bool {
        self.is_kind("operating-system") || self.is_kind("operating_system")
    }

    pub(super) fn licence(&mut self, text: String) {
        let is_stated = !["", "NOASSERTION", "NONE"].contains(&text.as_str());
        if is_stated && self.licences.len() < MAX_LISTED && !self.licences.contains(&text) {
            self.licences.push(text);
        }
    }

    /// SPDX's: what was declared, else what somebody concluded.
    pub(super) fn licence_of_two(&mut self, declared: String, concluded: String) {
        self.licence(declared);
        if self.licences.is_empty() {
            self.licence(concluded);
        }
    }

    pub(super) fn hash(&mut self, algorithm: String, value: String) {
        if self.hashes.len() < MAX_LISTED {
            self.hashes.push((algorithm, value));
        }
    }

    pub(super) fn cpe(&mut self, name: String) {
        if !name.is_empty() && self.cpes.len() < MAX_LISTED {
            self.cpes.push(name);
        }
    }

    /// A path in the image, with or without a slash before it.
    pub(super) fn path(&mut self, path: String) {
        if !path.is_empty() && self.paths.len() < MAX_LISTED {
            self.paths.push(path.trim_start_matches('/').to_owned());
        }
    }

    /// Takes a property of a tool's.
    pub(super) fn property(&mut self, name: &str, value: &str) {
        if name.len() + value.len() > 4 * MAX_LICENCE {
            return;
        }
        self.properties.add(name, value);
        self.origins.property(name, value);
        let is_path = name == "aquasecurity:trivy:FilePath"
            || (name.starts_with("syft:location:") && name.ends_with(":path"));
        if is_path {
            self.path(value.to_owned());
        }
    }

    /// Takes an external reference of SPDX's.
    pub(super) fn reference(&mut self, kind: &str, locator: String) {
        // SPDX 3 writes `packageUrl`; older tools wrote the kind as an address.
        match kind.rsplit('/').next().unwrap_or_default() {
            "purl" | "packageUrl" | "packageURL" if self.purl.is_empty() => self.purl = locator,
            "cpe23Type" | "cpe23" => self.cpe(locator),
            _ => {}
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        if self.is_operating_system() || self.is_kind("container") || self.is_kind("source") {
            return Outcome::Else;
        }
        let is_software = SOFTWARE.iter().any(|kind| self.is_kind(kind));
        let name = |component: Self| match component.name.as_str() {
            "" => component.purl,
            _ => component.name,
        };
        let Ok(purl) = self.purl.trim().parse::<Purl>() else {
            // What has not even a version (a lock file, a folder) is no package.
            let is_package = !self.purl.is_empty()
                || (is_software && !self.name.is_empty() && !self.version.is_empty());
            return if is_package { Outcome::Unidentified(name(self)) } else { Outcome::Else };
        };
        let is_archive = purl.purl_type == "generic"
            && ["download_url", "vcs_url"].iter().any(|key| purl.qualifiers.contains_key(*key));
        if is_archive || ORIGINS.contains(&purl.purl_type.as_str()) {
            return Outcome::Else;
        }
        let longest = [&purl.name, &self.version, &self.name].into_iter().map(String::len).max();
        if longest.is_some_and(|longest| longest > MAX_WORD) {
            return Outcome::Unidentified(name(self));
        }
        let entry = self.entry(&purl);
        // Without a version nothing can be said about it, and that is said.
        if entry.fact.name.is_empty() || entry.fact.version.is_empty() {
            return Outcome::Unidentified(purl.name);
        }
        Outcome::Package(Box::new(entry))
    }

    fn entry(self, purl: &Purl) -> Entry {
        let identity = purl.identity();
        let (namespace, name) = self.normalized(&identity);
        let stated = &self.properties;
        let is_ours = stated.ecosystem().is_some() && !self.version.is_empty();
        let version = match identity.version {
            version if version.is_empty() || is_ours => self.version.clone(),
            version => version,
        };
        let source = stated.source().or(identity.source).or_else(|| self.origins.source());
        let mut extra = self.extra();
        if let Some(modularity) = identity.modularity {
            extra.insert("modularity".to_owned(), modularity);
        }
        if let Some(file) = identity.source_rpm {
            extra.insert("source_rpm".to_owned(), file);
        }
        let mut architecture = identity.architecture.unwrap_or_default();
        if stated.ecosystem().is_some() {
            extra = stated.extra().clone();
            architecture = extra.remove("architecture").unwrap_or_default();
        }
        let mut locations = stated.locations();
        if locations.is_empty() {
            let found = self.paths.into_iter().map(|path| Location { path, layer: None });
            locations.extend(found);
        }
        Entry {
            fact: PackageFact {
                ecosystem: Some(
                    stated.ecosystem().map_or(identity.ecosystem.0, |own| own.0.clone()),
                ),
                release: stated.release().map(str::to_owned),
                namespace,
                name,
                version,
                source,
                architecture,
                inner: None,
                purl: Some(purl.to_string()),
                extra,
            },
            locations,
            found_by: stated.found_by().map(str::to_owned),
            distro: identity.distro,
        }
    }

    /// Namespace and name, in the component's own spelling where only case and folded signs differ.
    fn spelled(&self, identity: &Identity) -> (Option<String>, String) {
        let is_maven = identity.ecosystem == Ecosystem::named("Maven");
        let separator = if is_maven { ':' } else { '/' };
        let own = match self.group.as_str() {
            "" => self.name.clone(),
            group => format!("{group}{separator}{}", self.name),
        };
        let parts = match own.rsplit_once(separator) {
            Some((group, name)) if identity.namespace.is_some() => {
                (Some(group.to_owned()), name.to_owned())
            }
            _ => (None, own),
        };
        let is_same = |own: Option<&str>, other: Option<&str>| match (own, other) {
            (Some(own), Some(other)) => is_same_but_for_case(own, other),
            (own, other) => own == other,
        };
        let is_ours = self.properties.ecosystem().is_some() && !self.name.is_empty();
        if is_ours
            || (is_same(parts.0.as_deref(), identity.namespace.as_deref())
                && is_same_but_for_case(&parts.1, &identity.name))
        {
            return parts;
        }
        (identity.namespace.clone(), identity.name.clone())
    }

    /// Python's names are written in one spelling only.
    fn normalized(&self, identity: &Identity) -> (Option<String>, String) {
        let is_ours = self.properties.ecosystem().is_some();
        match self.spelled(identity) {
            (None, name) if identity.ecosystem.0 == "PyPI" && !is_ours => {
                (None, python::normalized(&name))
            }
            spelled => spelled,
        }
    }

    fn extra(&self) -> BTreeMap<String, String> {
        let mut extra = BTreeMap::new();
        let mut put = |key: &str, value: String| {
            if !value.is_empty() && value.len() <= MAX_LICENCE {
                extra.insert(key.to_owned(), value);
            }
        };
        put("license", together(&self.licences));
        put("cpe", self.cpes.join(" "));
        for (algorithm, value) in &self.hashes {
            let plain: String = algorithm.chars().filter(char::is_ascii_alphanumeric).collect();
            let known = HASHES.iter().find(|(name, _)| plain.eq_ignore_ascii_case(name));
            if let Some((_, key)) = known {
                put(key, value.to_ascii_lowercase());
            }
        }
        extra
    }
}

/// Several licences hold together.
fn together(licences: &[String]) -> String {
    match licences {
        [one] => one.clone(),
        several => {
            let closed = several.iter().map(|one| match one.contains(" OR ") {
                true => format!("({one})"),
                false => one.clone(),
            });
            closed.collect::<Vec<_>>().join(" AND ")
        }
    }
}

/// Names that a package URL's type may have folded into one.
fn is_same_but_for_case(own: &str, folded: &str) -> bool {
    let sign = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    own.len() == folded.len() && own.bytes().map(sign).eq(folded.bytes().map(sign))
}
