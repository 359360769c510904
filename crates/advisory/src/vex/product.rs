//! Whether a statement speaks of a package in an image.
//!
//! In: the products of a statement, a package, its image. Out: yes or no. Source: OpenVEX, "Product Data Structure"; purl-spec,
//! type `oci`. Odd: a product is an image or a package. Without parts it is the package itself, or everything in the image; with
//! parts it must be there, and the package must be one of them. A package URL without a version is every version, and one
//! with qualifiers only what has them.

use plimsoll_model::{
    Digest, ImageIdentity, ImageReference, Package, Scheme, purl::Purl, reference::DOCKER_HUB,
};

use serde::{Deserialize, Serialize};

use super::About;
use crate::{
    matching::release::{Applies, applies},
    version::compare,
};

/// Of what a statement speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// What it is.
    pub component: Component,
    /// The parts of it that are meant; empty for all of it.
    pub parts: Vec<Component>,
    /// Ecosystem and release that it is of.
    pub platform: Option<(String, String)>,
    /// The versions that are meant; `None` for all.
    pub versions: Option<Versions>,
}

/// Versions of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Each by itself.
    pub exact: Vec<String>,
    /// `vers:deb/>=1|<2`.
    pub ranges: Vec<String>,
}

/// A package, an image, or something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Component {
    /// A package.
    Package(Box<Purl>),
    /// An image of a registry.
    Image(Box<Purl>),
    /// Bytes with this digest, in hexadecimal.
    Sha256(String),
    /// What the document is about, without a name.
    Subject,
    /// Nothing that can be compared.
    Unknown(String),
}

impl Component {
    /// What a name stands for.
    pub(super) fn named(name: &str) -> Self {
        let Ok(purl) = name.parse::<Purl>() else { return Self::Unknown(name.to_owned()) };
        match purl.purl_type.as_str() {
            "oci" | "docker" => Self::Image(Box::new(purl)),
            _ => Self::Package(Box::new(purl)),
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// What an image is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Its reference, if it is of a registry.
    pub reference: Option<ImageReference>,
    /// Digests of its manifest, of its configuration, of the index that names it.
    pub digests: Vec<Digest>,
}

impl Image {
    /// The image of a report; `other` are digests that the report does not know.
    #[must_use]
    pub fn of(identity: &ImageIdentity, other: &[Digest]) -> Self {
        let is_named = ["registry", "registry-contents", "docker-daemon", "containers-storage"]
            .contains(&identity.source.as_str());
        let reference: Option<ImageReference> =
            is_named.then(|| identity.name.parse().ok()).flatten();
        let named = reference.as_ref().and_then(|reference| reference.digest);
        let digests = [identity.digest, identity.id, named].into_iter().flatten();
        Self { digests: digests.chain(other.iter().copied()).collect(), reference }
    }

    fn has(&self, hex: &str) -> bool {
        self.digests.iter().any(|digest| digest.hex() == hex)
    }

    /// Whether a package URL of type `oci` or `docker` names it.
    fn is(&self, purl: &Purl) -> bool {
        let version = purl.version.as_deref().unwrap_or_default();
        if let Some(hex) = version.strip_prefix("sha256:") {
            return self.has(&hex.to_ascii_lowercase());
        }
        let Some(reference) = &self.reference else { return false };
        let is_here = match (purl.qualifiers.get("repository_url"), &purl.namespace) {
            (Some(url), _) => is_at(reference, url, &purl.name),
            (None, Some(namespace)) => reference.repository == format!("{namespace}/{}", purl.name),
            (None, None) => reference.repository.rsplit('/').next() == Some(&purl.name),
        };
        let tag = purl.qualifiers.get("tag").map(String::as_str);
        let tag = tag.or_else(|| (!version.is_empty()).then_some(version));
        is_here && tag.is_none_or(|tag| reference.tag.as_deref() == Some(tag))
    }
}

/// Whether an image lies where `repository_url` says, which may or may not end with the name.
fn is_at(reference: &ImageReference, url: &str, name: &str) -> bool {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    // Docker Hub has several names.
    let hub = ["docker.io/", "index.docker.io/"].iter().find_map(|host| url.strip_prefix(host));
    let own = format!("{}/{}", reference.host, reference.repository);
    let url = hub.map_or_else(|| url.to_owned(), |rest| format!("{DOCKER_HUB}/{rest}"));
    own == url || own == format!("{url}/{name}")
}

impl Product {
    /// Whether it is what the finding is about.
    pub(super) fn is(&self, about: &About<'_>) -> bool {
        if let Some((ecosystem, release)) = &self.platform {
            let package = about.package;
            let here = package.ecosystem.0 == *ecosystem
                && applies(&package.ecosystem, package.release.as_deref(), Some(release))
                    == Applies::Yes;
            if !here {
                return false;
            }
        }
        let of_image = match &self.component {
            Component::Image(purl) => about.image.is(purl),
            Component::Sha256(hex) => about.image.has(hex),
            Component::Subject => about.is_attached,
            Component::Package(_) | Component::Unknown(_) => false,
        };
        let is_part = || self.parts.iter().any(|part| is_package(part, about.package));
        match &self.component {
            Component::Package(_) if self.parts.is_empty() => {
                is_package(&self.component, about.package)
                    && self.versions.as_ref().is_none_or(|versions| versions.hold(about.package))
            }
            Component::Package(_) => {
                about.packages.iter().any(|package| is_package(&self.component, package))
                    && is_part()
            }
            _ => of_image && (self.parts.is_empty() || is_part()),
        }
    }
}

/// Qualifiers that say where a package was had from, and not which one it is.
pub(super) const ORIGIN: [&str; 5] =
    ["repository_url", "download_url", "vcs_url", "checksum", "file_name"];

fn is_package(component: &Component, package: &Package) -> bool {
    let Component::Package(asked) = component else { return false };
    let Ok(own) = package.purl.parse::<Purl>() else { return false };
    if asked.purl_type != own.purl_type || asked.namespace != own.namespace {
        return false;
    }
    let architecture = asked.qualifiers.get("arch").map(String::as_str);
    let source = package.source.as_ref().filter(|_| matches!(architecture, Some("src" | "source")));
    let (name, version) = match source {
        Some(source) => (source.name.as_str(), source.version.as_str()),
        None => (own.name.as_str(), package.version.as_str()),
    };
    let qualifiers = asked.qualifiers.iter().all(|(key, value)| match key.as_str() {
        "arch" if source.is_some() => true,
        "epoch" => true,
        // `debian-12` and `debian-12.5` are one.
        "distro" => own
            .qualifiers
            .get(key)
            .is_some_and(|own| own.starts_with(value.as_str()) || value.starts_with(own.as_str())),
        key if ORIGIN.contains(&key) => true,
        key => own.qualifiers.get(key) == Some(value),
    });
    name == asked.name && qualifiers && is_version(asked, package, version)
}

fn is_version(asked: &Purl, package: &Package, version: &str) -> bool {
    if asked.version.is_none() {
        return true;
    }
    let wanted = asked.identity().version;
    // Many leave an epoch out, and a source package of an rpm has none.
    let own = match (wanted.contains(':'), version.split_once(':')) {
        (false, Some((_, rest))) => rest,
        _ => version,
    };
    let wanted = match (own.contains(':'), wanted.split_once(':')) {
        (false, Some((_, rest))) => rest,
        _ => wanted.as_str(),
    };
    own == wanted || compare(scheme(package), own, wanted).is_ok_and(std::cmp::Ordering::is_eq)
}

fn scheme(package: &Package) -> Scheme {
    package.ecosystem.row().map_or(Scheme::Unordered, |row| row.scheme)
}

impl Versions {
    fn hold(&self, package: &Package) -> bool {
        let scheme = scheme(package);
        let version = package.version.as_str();
        self.exact.iter().any(|one| {
            one == version || compare(scheme, one, version).is_ok_and(std::cmp::Ordering::is_eq)
        }) || self.ranges.iter().any(|range| holds(range, scheme, version))
    }
}

/// Whether a range such as `vers:npm/>=1.0.0|<=2.7.0` holds a version. What cannot be compared is not held.
fn holds(range: &str, scheme: Scheme, version: &str) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let Some((_, constraints)) = range.split_once('/') else { return false };
    if constraints == "*" {
        return true;
    }
    // A lower bound opens an interval that the next upper bound closes.
    let mut is_open_below = true;
    let mut has_lower = false;
    for constraint in constraints.split('|').map(str::trim).filter(|text| !text.is_empty()) {
        let at = constraint.find(|c: char| !"<>=!".contains(c)).unwrap_or(constraint.len());
        let (operator, bound) = constraint.split_at(at);
        let Ok(order) = compare(scheme, version, bound.trim()) else { return false };
        match operator {
            "" | "=" if order == Equal => return true,
            "!=" if order == Equal => return false,
            ">=" | ">" => {
                has_lower = true;
                is_open_below = order == Greater || (operator == ">=" && order == Equal);
            }
            "<=" | "<" => {
                let is_below = order == Less || (operator == "<=" && order == Equal);
                if is_below && is_open_below {
                    return true;
                }
                (is_open_below, has_lower) = (false, false);
            }
            _ => {}
        }
    }
    has_lower && is_open_below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_versions() {
        for (range, version, wanted) in [
            ("vers:semver/>=2.0.0|<=2.7.0", "2.7.0", true),
            ("vers:semver/>=2.0.0|<2.7.0", "2.7.0", false),
            ("vers:semver/>=2.0.0|<2.7.0|>=3.0.0", "3.1.0", true),
            ("vers:semver/>=2.0.0|<2.7.0|>=3.0.0", "2.8.0", false),
            ("vers:semver/<2.0.0", "1.0.0", true),
            ("vers:semver/1.2.3|1.2.4", "1.2.4", true),
            ("vers:semver/1.2.3", "1.2.4", false),
            ("vers:semver/*", "9.0.0", true),
            ("vers:semver/>=x", "9.0.0", false),
        ] {
            assert_eq!(holds(range, Scheme::Semver, version), wanted, "{range} {version}");
        }
    }
}
