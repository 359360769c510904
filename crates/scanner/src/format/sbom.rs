//! What the SBOM formats have in common: names, references and times that follow from the report alone.
//!
//! In: a report. Out: [`Document`], from which CycloneDX and SPDX are made. Source: `docs/sbom.md`. Odd: an SBOM wants a
//! unique name and a time, and a report has neither; the name is computed from the report, the time is the advisory
//! data's. Equal reports give equal bytes.

pub(super) mod licence;

use std::collections::HashMap;

use plimsoll_model::{
    Ecosystem, ImageReference, Origin, Package, Report, Timestamp,
    properties::{self, Property},
    purl::{self, Parts},
    reference::DOCKER_HUB,
};
use ring::digest;
use uuid::Uuid;

/// The namespace of documents' names (RFC 9562, section 5.5): a random number, never to be changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x7131_47ff_ff42_4ce1_b710_a077_7273_3c40);

/// This program's name and version, as SBOMs name the tool that made them.
pub(super) const TOOL: &str = "plimsoll";
/// The same for people.
pub(super) const TOOL_NAME: &str = "Plimsoll";
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Longest version that CycloneDX allows; a longer one is left out.
pub(super) const MAX_VERSION: usize = 1_024;

/// A report with what SBOMs say beyond it.
pub(super) struct Document<'a> {
    pub(super) report: &'a Report,
    /// Unique to the report's content.
    pub(super) id: Uuid,
    /// The date of the advisory data.
    pub(super) time: Option<Timestamp>,
    /// The package URL of an image from a registry.
    pub(super) image_purl: Option<String>,
    pub(super) system: Option<System<'a>>,
    /// Each package with a text that refers to it alone.
    pub(super) packages: Vec<(String, &'a Package)>,
}

/// The distribution, as a component of its own.
pub(super) struct System<'a> {
    /// `debian`, as the package URLs' `distro` says it.
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// For people.
    pub(super) pretty_name: Option<&'a str>,
    pub(super) ecosystem: Option<&'a Ecosystem>,
    pub(super) release: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> serde_json::Result<Self> {
        let content = digest::digest(&digest::SHA256, &serde_json::to_vec(report)?);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let packages = report.packages.iter().map(|package| {
            // Names that differ may have one package URL.
            let count = seen.entry(&package.purl).or_default();
            *count += 1;
            let reference = match *count {
                1 => package.purl.clone(),
                count => format!("{}#{count}", package.purl),
            };
            (reference, package)
        });
        Ok(Self {
            packages: packages.collect(),
            report,
            id: Uuid::new_v5(&NAMESPACE, content.as_ref()),
            time: report.feed.as_ref().map(|feed| feed.date),
            image_purl: image_purl(report),
            system: system(report),
        })
    }
}

/// `pkg:oci/…` for what a registry serves under a digest; a file's name is no address.
fn image_purl(report: &Report) -> Option<String> {
    let image = &report.image;
    let digest = image.digest.filter(|_| image.source == "registry")?.to_string();
    let reference: ImageReference = image.name.parse().ok()?;
    let host = if reference.host == DOCKER_HUB { "docker.io" } else { &reference.host };
    let repository = format!("{host}/{}", reference.repository);
    let name = reference.repository.rsplit('/').next()?;
    let architecture =
        image.platform.as_ref().map(|platform| platform.architecture.as_str()).unwrap_or_default();
    let qualifiers = [("arch", architecture), ("repository_url", repository.as_str())];
    let parts = Parts { name, version: &digest, qualifiers: &qualifiers, ..Parts::default() };
    purl::format_type("oci", parts)
}

/// The distribution, as its first package names it.
fn system(report: &Report) -> Option<System<'_>> {
    let pretty_name = report.image.distribution.as_deref();
    let is_system = |package: &&Package| {
        package.ecosystem.row().is_some_and(|row| row.origin == Origin::System)
    };
    let named = report.packages.iter().filter(is_system).find_map(|package| {
        let purl: purl::Purl = package.purl.parse().ok()?;
        Some((package, purl.qualifiers.get("distro")?.clone()))
    });
    match named {
        Some((package, distro)) => {
            let (name, version) = match distro.rsplit_once('-') {
                Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
                None => (distro, None),
            };
            Some(System {
                name,
                version,
                pretty_name,
                ecosystem: Some(&package.ecosystem),
                release: package.release.as_deref(),
            })
        }
        None => pretty_name.map(|name| System {
            name: name.to_owned(),
            version: None,
            pretty_name,
            ecosystem: None,
            release: None,
        }),
    }
}

/// The distribution in OSV's words.
pub(super) fn system_properties(system: &System<'_>) -> Vec<Property> {
    let property = |name: &str, value: Option<&str>| {
        value.map(|value| (format!("{}{name}", properties::PREFIX), value.to_owned()))
    };
    let pairs = [
        property("ecosystem", system.ecosystem.map(|ecosystem| ecosystem.0.as_str())),
        property("release", system.release),
    ];
    pairs.into_iter().flatten().collect()
}

/// Which advisory data the findings rest on.
pub(super) fn feed_properties(report: &Report) -> Vec<Property> {
    let Some(feed) = &report.feed else { return Vec::new() };
    let property =
        |name: &str, value: String| (format!("{}feed:{name}", properties::PREFIX), value);
    vec![property("snapshot", feed.snapshot.to_string()), property("date", feed.date.to_string())]
}

/// Hash algorithms that packages' `extra` may hold, and the number of their hex digits.
const HASHES: &[(Hash, &str, usize)] = &[
    (Hash { cyclonedx: "MD5", spdx: "MD5" }, "md5", 32),
    (Hash { cyclonedx: "SHA-1", spdx: "SHA1" }, "sha1", 40),
    (Hash { cyclonedx: "SHA-256", spdx: "SHA256" }, "sha256", 64),
    (Hash { cyclonedx: "SHA-512", spdx: "SHA512" }, "sha512", 128),
];

/// The names of one algorithm.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    pub(super) cyclonedx: &'static str,
    pub(super) spdx: &'static str,
}

/// Hashes of the package's file, in lower case.
pub(super) fn hashes(package: &Package) -> impl Iterator<Item = (Hash, String)> + '_ {
    HASHES.iter().filter_map(|(hash, key, digits)| {
        let value = package.extra.get(*key)?.to_ascii_lowercase();
        let is_hex = value.len() == *digits && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then_some((*hash, value))
    })
}

/// CPE 2.3 names, where a parser found one: separated by white space.
pub(super) fn cpes(package: &Package) -> impl Iterator<Item = &str> {
    let listed = package.extra.get("cpe").map(String::as_str).unwrap_or_default();
    listed.split_ascii_whitespace().filter(|name| is_cpe(name))
}

/// NISTIR 7695, "Formatted String Binding", without wildcards inside words.
fn is_cpe(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("cpe:2.3:") else { return false };
    let mut words = vec![String::new()];
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        let Some(word) = words.last_mut() else { return false };
        match character {
            ':' => words.push(String::new()),
            '\\' if characters.next().is_some_and(|quoted| quoted.is_ascii_punctuation()) => {
                word.push('x');
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' => word.push(character),
            '*' if word.is_empty() => word.push('*'),
            _ => return false,
        }
    }
    let is_word = |word: &String| !word.is_empty() && (word == "*" || !word.starts_with('*'));
    words.len() == 11
        && words.iter().all(is_word)
        && words.first().is_some_and(|part| ["a", "h", "o", "*", "-"].contains(&part.as_str()))
        && words.get(6).is_some_and(|language| language == "*" || language == "-")
}

#[cfg(test)]
mod tests {
    use super::is_cpe;

    #[test]
    fn cpe_names_have_eleven_words() {
        for (name, wanted) in [
            ("cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:*", true),
            ("cpe:2.3:a:libstdc\\+\\+:libstdc\\+\\+:12.2:-:*:*:*:*:*:*", true),
            ("cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*", false),
            ("cpe:2.3:a:open ssl:openssl:3.0.11:*:*:*:*:*:*:*", false),
            ("cpe:2.3:x:openssl:openssl:3.0.11:*:*:*:*:*:*:*", false),
            ("cpe:2.3:a::openssl:3.0.11:*:*:*:*:*:*:*", false),
            ("cpe:2.3:a:openssl:openssl:3.*:*:*:*:*:*:*:*", false),
            ("cpe:/a:openssl:openssl:3.0.11", false),
        ] {
            assert_eq!(is_cpe(name), wanted, "{name}");
        }
    }
}
