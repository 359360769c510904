//! What an SBOM has no field for, as pairs of name and value, so that reading our own gives back what was written.
//!
//! In: a package, an image's identity, its coverage. Out: pairs whose names begin with `plimsoll:` and are unique within
//! what they describe; and back. Source: CycloneDX, "Property taxonomy" (names are a namespace, colons divide it); in SPDX
//! the pairs of one element stand as a JSON object in an annotation. Odd: purl, name and version have fields of their own
//! in every SBOM and are not repeated; lists are numbered (`plimsoll:location:0:path`).

use std::collections::BTreeMap;

use crate::{
    coverage::{Coverage, Gap},
    digest::Digest,
    ecosystem::Ecosystem,
    package::{Location, Package, SourcePackage},
    report::ImageIdentity,
};

/// What all names begin with.
pub const PREFIX: &str = "plimsoll:";

/// A name and its value.
pub type Property = (String, String);

/// Elements of a numbered list that are read back.
const MAX_NUMBERED: u32 = 100_000;

/// Entries of `extra` that are read back.
const MAX_EXTRA: usize = 1_000;

/// Gaps that are read back.
const MAX_GAPS: usize = 10_000;

/// Everything about a package beyond purl, name and version.
#[must_use]
pub fn of_package(package: &Package) -> Vec<Property> {
    let mut properties = vec![property("ecosystem", &package.ecosystem.0)];
    if let Some(release) = &package.release {
        properties.push(property("release", release));
    }
    if let Some(source) = &package.source {
        properties.push(property("source:name", &source.name));
        properties.push(property("source:version", &source.version));
    }
    properties.push(property("found_by", &package.found_by));
    for (number, location) in package.locations.iter().enumerate() {
        properties.push(property(&format!("location:{number}:path"), &location.path));
        if let Some(layer) = &location.layer {
            properties.push(property(&format!("location:{number}:layer"), &layer.to_string()));
        }
    }
    for (key, value) in &package.extra {
        properties.push(property(&format!("extra:{key}"), value));
    }
    properties
}

/// Everything about an image beyond its name.
#[must_use]
pub fn of_image(image: &ImageIdentity) -> Vec<Property> {
    let mut properties = vec![property("image:source", &image.source)];
    if let Some(digest) = &image.digest {
        properties.push(property("image:digest", &digest.to_string()));
    }
    if let Some(id) = &image.id {
        properties.push(property("image:id", &id.to_string()));
    }
    if let Some(platform) = &image.platform {
        properties.push(property("image:platform", &platform.to_string()));
    }
    if let Some(distribution) = &image.distribution {
        properties.push(property("image:distribution", distribution));
    }
    properties.push(property("image:size", &image.size.to_string()));
    for (number, layer) in image.layers.iter().enumerate() {
        properties.push(property(&format!("image:layer:{number}"), &layer.to_string()));
    }
    properties
}

/// How completely somebody could look, so that "could not look" is not lost on the way.
#[must_use]
pub fn of_coverage(coverage: &Coverage) -> Vec<Property> {
    let mut properties = vec![
        property("coverage:verdict", &coverage.verdict.to_string()),
        property("coverage:ran", &coverage.ran.join(",")),
    ];
    for (number, gap) in coverage.gaps.iter().enumerate() {
        let text = serde_json::to_string(gap).unwrap_or_default();
        properties.push(property(&format!("coverage:gap:{number}"), &text));
    }
    properties
}

fn property(name: &str, value: &str) -> Property {
    (format!("{PREFIX}{name}"), value.to_owned())
}

/// What properties say of a package; nothing of it is checked against anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackageProperties {
    ecosystem: Option<Ecosystem>,
    release: Option<String>,
    source: BTreeMap<String, String>,
    found_by: Option<String>,
    locations: BTreeMap<u32, (Option<String>, Option<Digest>)>,
    extra: BTreeMap<String, String>,
}

impl PackageProperties {
    /// Takes one property; others than ours are passed over.
    pub fn add(&mut self, name: &str, value: &str) {
        let Some(name) = name.strip_prefix(PREFIX) else { return };
        let value = value.to_owned();
        match name.split_once(':').unwrap_or((name, "")) {
            ("ecosystem", "") => self.ecosystem = Some(Ecosystem(value)),
            ("release", "") => self.release = Some(value),
            ("found_by", "") => self.found_by = Some(value),
            ("source", part) => {
                self.source.insert(part.to_owned(), value);
            }
            ("extra", key) if !key.is_empty() && self.extra.len() < MAX_EXTRA => {
                self.extra.insert(key.to_owned(), value);
            }
            ("location", rest) => {
                if let Some((number, part)) = rest.split_once(':')
                    && let Ok(number) = number.parse::<u32>()
                    && number < MAX_NUMBERED
                {
                    let location = self.locations.entry(number).or_default();
                    match part {
                        "path" => location.0 = Some(value),
                        "layer" => location.1 = value.parse().ok(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The ecosystem; its presence tells that the package was described by us.
    #[must_use]
    pub const fn ecosystem(&self) -> Option<&Ecosystem> {
        self.ecosystem.as_ref()
    }

    /// The release.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// The source package.
    #[must_use]
    pub fn source(&self) -> Option<SourcePackage> {
        let (name, version) = (self.source.get("name")?, self.source.get("version")?);
        Some(SourcePackage { name: name.clone(), version: version.clone() })
    }

    /// The parser that found it in the image.
    #[must_use]
    pub fn found_by(&self) -> Option<&str> {
        self.found_by.as_deref()
    }

    /// Where it was found in the image.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        let locations = self.locations.values();
        locations
            .filter_map(|(path, layer)| Some(Location { path: path.clone()?, layer: *layer }))
            .collect()
    }

    /// What only its ecosystem knows.
    #[must_use]
    pub const fn extra(&self) -> &BTreeMap<String, String> {
        &self.extra
    }
}

/// What properties say of an image and of how completely it was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageProperties {
    image: Option<ImageIdentity>,
    layers: BTreeMap<u32, Digest>,
    gaps: Vec<Gap>,
}

impl ImageProperties {
    /// Takes one property; others than ours are passed over.
    pub fn add(&mut self, name: &str, value: &str) {
        let Some(name) = name.strip_prefix(PREFIX) else { return };
        if let Some(number) = name.strip_prefix("coverage:gap:") {
            let is_few = number.parse::<u32>().is_ok_and(|number| number < MAX_NUMBERED);
            let is_few = is_few && self.gaps.len() < MAX_GAPS;
            self.gaps.extend(is_few.then(|| serde_json::from_str::<Gap>(value).ok()).flatten());
            return;
        }
        let Some(part) = name.strip_prefix("image:") else { return };
        let image = self.image.get_or_insert_with(|| ImageIdentity {
            name: String::new(),
            source: String::new(),
            digest: None,
            id: None,
            platform: None,
            size: 0,
            layers: Vec::new(),
            distribution: None,
        });
        match part {
            "source" => value.clone_into(&mut image.source),
            "digest" => image.digest = value.parse().ok(),
            "id" => image.id = value.parse().ok(),
            "platform" => image.platform = value.parse().ok(),
            "distribution" => image.distribution = Some(value.to_owned()),
            "size" => image.size = value.parse().unwrap_or_default(),
            _ => {
                if let Some(number) = part.strip_prefix("layer:")
                    && let (Ok(number), Ok(layer)) = (number.parse(), value.parse())
                    && number < MAX_NUMBERED
                {
                    self.layers.insert(number, layer);
                }
            }
        }
    }

    /// The image, as far as it is described; its name is not among the properties.
    #[must_use]
    pub fn image(&self) -> Option<ImageIdentity> {
        let layers = self.layers.values().copied().collect();
        self.image.clone().map(|image| ImageIdentity { layers, ..image })
    }

    /// What could not be looked at when the SBOM was made.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::coverage::GapReason;

    fn package(texts: Vec<String>, release: Option<String>, layer: bool) -> Package {
        let text = |at: usize| texts.get(at).cloned().unwrap_or_default();
        let location = |at: usize| Location {
            path: text(at),
            layer: layer.then(|| Digest::from_bytes([7; 32])),
        };
        Package {
            ecosystem: Ecosystem(text(0)),
            release,
            name: text(1),
            version: text(2),
            source: layer.then(|| SourcePackage { name: text(3), version: text(4) }),
            purl: String::new(),
            locations: vec![location(5), location(6), location(7)],
            found_by: text(8),
            extra: BTreeMap::from([
                (format!("k{}", text(9)), text(10)),
                ("a:b".to_owned(), text(11)),
            ]),
        }
    }

    proptest! {
        #[test]
        fn a_package_comes_back_as_it_went(
            texts in prop::collection::vec(".{0,20}", 12),
            release in prop::option::of(".{0,8}"),
            layer in any::<bool>(),
        ) {
            let package = package(texts, release, layer);
            let mut read = PackageProperties::default();
            for (name, value) in of_package(&package) {
                read.add(&name, &value);
            }
            prop_assert_eq!(read.ecosystem(), Some(&package.ecosystem));
            prop_assert_eq!(read.release(), package.release.as_deref());
            prop_assert_eq!(read.source(), package.source.clone());
            prop_assert_eq!(read.found_by(), Some(package.found_by.as_str()));
            prop_assert_eq!(read.locations(), package.locations.clone());
            prop_assert_eq!(read.extra(), &package.extra);
        }

        #[test]
        fn any_names_and_values_are_taken(name in ".{0,40}", value in ".{0,40}") {
            let mut package = PackageProperties::default();
            let mut image = ImageProperties::default();
            for name in [name.clone(), format!("{PREFIX}{name}"), format!("{PREFIX}location:{name}")] {
                package.add(&name, &value);
                image.add(&name, &value);
            }
        }
    }

    #[test]
    fn an_image_and_its_gaps_come_back() {
        let image = ImageIdentity {
            name: String::new(),
            source: "oci-layout".to_owned(),
            digest: Some(Digest::from_bytes([1; 32])),
            id: Some(Digest::from_bytes([2; 32])),
            platform: Some("linux/arm64/v8".parse().unwrap()),
            size: 12,
            layers: (0..12).map(|byte| Digest::from_bytes([byte; 32])).collect(),
            distribution: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        };
        let gaps = vec![Gap {
            reason: GapReason::BudgetReached,
            by: "npm".to_owned(),
            at: "srv/a\"b".to_owned(),
            detail: "has 5 bytes,\nlimit 4 bytes".to_owned(),
        }];
        let coverage = Coverage::new(vec!["npm".to_owned()], gaps.clone());
        let mut read = ImageProperties::default();
        for (name, value) in of_image(&image).into_iter().chain(of_coverage(&coverage)) {
            read.add(&name, &value);
        }
        assert_eq!((read.image(), read.gaps()), (Some(image), gaps.as_slice()));
    }

    #[test]
    fn names_are_unique() {
        let package = package((0..12).map(|at| at.to_string()).collect(), Some("1".into()), true);
        let mut names: Vec<String> =
            of_package(&package).into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
