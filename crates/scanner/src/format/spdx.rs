//! SPDX 2.3: the packages of an image, as JSON or in lines of tag and value.
//!
//! In: a report. Out: an SPDX document. Source: SPDX 2.3 (the content of ISO/IEC 5962:2021 and its successor), which the
//! tests have judged by the SPDX project's own tools; `docs/sbom.md` says what stands where. Odd: what the standard has no
//! field for goes into one annotation for each element, a JSON object of properties named `plimsoll:…`; every annotation
//! wants a date, which is the advisory data's, or the first second of 1970 where there is none.

mod document;
mod tag_value;

use std::{collections::BTreeMap, io};

use plimsoll_model::{
    Package, Report,
    properties::{self, Property},
};
use ring::digest;

use self::document::{
    Annotation, Checksum, CreationInfo, Element, ExternalRef, ExtractedLicense, Relationship, Spdx,
};
use super::{
    Format, Style,
    grid::is_unprintable,
    json,
    sbom::{
        self, Document, System, TOOL, TOOL_VERSION,
        licence::{self, Licence},
    },
};

/// As JSON.
pub(super) struct Json;

impl Format for Json {
    fn id(&self) -> &'static str {
        "spdx"
    }

    fn about(&self) -> &'static str {
        "An SBOM: SPDX 2.3 as JSON."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        json::write_value(&spdx(&Document::of(report)?), output)
    }
}

/// As lines of tag and value.
pub(super) struct TagValue;

impl Format for TagValue {
    fn id(&self) -> &'static str {
        "spdx-tag-value"
    }

    fn about(&self) -> &'static str {
        "An SBOM: SPDX 2.3 as lines of tag and value."
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        output.write_all(tag_value::text(&spdx(&Document::of(report)?)).as_bytes())
    }
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const DISTRIBUTION: &str = "SPDXRef-OperatingSystem";
const UNKNOWN: &str = "NOASSERTION";

fn spdx(document: &Document<'_>) -> Spdx {
    let report = document.report;
    let writer = Writer {
        created: document
            .time
            .map_or_else(|| "1970-01-01T00:00:00Z".to_owned(), |time| time.to_string()),
    };
    let mut texts = BTreeMap::new();
    let mut packages = vec![writer.image(document)];
    packages.extend(document.system.iter().map(|system| writer.operating_system(system)));
    packages.extend(document.packages.iter().map(|(reference, package)| {
        let element = writer.package(reference, package);
        if let Some(Licence::Text(text)) = licence_of(package) {
            texts.insert(element.license_declared.clone(), text.to_owned());
        }
        element
    }));
    let relation = |from: &str, kind, to: &str| Relationship {
        from: from.to_owned(),
        kind,
        to: to.to_owned(),
    };
    let contained = packages.iter().skip(1).map(|package| relation(IMAGE, "CONTAINS", &package.id));
    let mut own = properties::of_coverage(&report.coverage);
    own.extend(sbom::feed_properties(report));
    Spdx {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: named(report.image.name.clone()),
        // What the standard advises to those who own no domain for it.
        document_namespace: format!("https://spdx.org/spdxdocs/plimsoll-{}", document.id),
        creation_info: CreationInfo { created: writer.created.clone(), creators: vec![tool()] },
        relationships: std::iter::once(relation(DOCUMENT, "DESCRIBES", IMAGE))
            .chain(contained)
            .collect(),
        packages,
        annotations: vec![writer.annotation(own)],
        extracted_licenses: texts
            .into_iter()
            .map(|(id, text)| ExtractedLicense { id, name: UNKNOWN, text })
            .collect(),
    }
}

fn tool() -> String {
    format!("Tool: {TOOL}-{TOOL_VERSION}")
}

fn licence_of(package: &Package) -> Option<Licence<'_>> {
    package.extra.get("license").and_then(|text| licence::read(text))
}

/// `LicenseRef-…`, the same for the same text.
fn licence_id(text: &str) -> String {
    format!("LicenseRef-{}", short_digest(text))
}

fn short_digest(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Letters, digits, dots and hyphens; a digest tells apart what only differs otherwise.
fn package_id(reference: &str, package: &Package) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let name: String = package
        .name
        .chars()
        .take(60)
        .map(|character| if allowed(character) { character } else { '-' })
        .collect();
    format!("SPDXRef-Package-{name}-{}", short_digest(reference))
}

struct Writer {
    created: String,
}

impl Writer {
    fn image(&self, document: &Document<'_>) -> Element {
        let image = &document.report.image;
        Element {
            version: image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            external_refs: document.image_purl.clone().map(purl).into_iter().collect(),
            annotations: vec![self.annotation(properties::of_image(image))],
            ..element(image.name.clone(), IMAGE.to_owned(), "CONTAINER")
        }
    }

    fn operating_system(&self, system: &System<'_>) -> Element {
        Element {
            version: system.version.clone().unwrap_or_default(),
            source_info: system.pretty_name.unwrap_or_default().to_owned(),
            annotations: vec![self.annotation(sbom::system_properties(system))],
            ..element(system.name.clone(), DISTRIBUTION.to_owned(), "OPERATING-SYSTEM")
        }
    }

    fn package(&self, reference: &str, package: &Package) -> Element {
        let cpe = |name: &str| ExternalRef {
            category: "SECURITY",
            kind: "cpe23Type",
            locator: name.to_owned(),
        };
        let checksum = |(algorithm, value): (sbom::Hash, String)| Checksum {
            algorithm: algorithm.spdx,
            value,
        };
        // A name with a line break in it would be none of an organization.
        let is_name = |name: &&str| !name.is_empty() && !name.contains(is_unprintable);
        let supplier = package.extra.get("vendor").map(|name| name.trim()).filter(is_name);
        Element {
            version: package.version.clone(),
            supplier: supplier.map_or(UNKNOWN.to_owned(), |name| format!("Organization: {name}")),
            checksums: sbom::hashes(package).map(checksum).collect(),
            source_info: source_info(package),
            license_declared: match licence_of(package) {
                Some(Licence::Expression(text)) => text.to_owned(),
                Some(Licence::Text(text)) => licence_id(text),
                None => UNKNOWN.to_owned(),
            },
            external_refs: std::iter::once(purl(package.purl.clone()))
                .chain(sbom::cpes(package).map(cpe))
                .collect(),
            annotations: vec![self.annotation(properties::of_package(package))],
            ..element(package.name.clone(), package_id(reference, package), "LIBRARY")
        }
    }

    /// One annotation with all properties of an element.
    fn annotation(&self, properties: Vec<Property>) -> Annotation {
        let properties: BTreeMap<String, String> = properties.into_iter().collect();
        Annotation {
            annotator: tool(),
            date: self.created.clone(),
            kind: "OTHER",
            comment: json::line(&properties),
        }
    }
}

fn element(name: String, id: String, purpose: &'static str) -> Element {
    Element {
        name: named(name),
        id,
        version: String::new(),
        supplier: UNKNOWN.to_owned(),
        download_location: UNKNOWN,
        files_analyzed: false,
        checksums: Vec::new(),
        source_info: String::new(),
        license_concluded: UNKNOWN,
        license_declared: UNKNOWN.to_owned(),
        copyright_text: UNKNOWN,
        external_refs: Vec::new(),
        primary_purpose: purpose,
        annotations: Vec::new(),
    }
}

/// A name is demanded of everything.
fn named(name: String) -> String {
    if name.trim().is_empty() { "unnamed".to_owned() } else { name }
}

fn purl(locator: String) -> ExternalRef {
    ExternalRef { category: "PACKAGE-MANAGER", kind: "purl", locator }
}

/// For people: where the package was found and what it was built from.
fn source_info(package: &Package) -> String {
    let built = package
        .source
        .as_ref()
        .map(|source| format!("built from source package {} {}; ", source.name, source.version));
    let paths: Vec<&str> = package.locations.iter().map(|place| place.path.as_str()).collect();
    format!("{}found in {}", built.unwrap_or_default(), paths.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_what_spdx_allows_and_tell_apart() {
        let package = |name: &str| Package {
            ecosystem: plimsoll_model::Ecosystem::named("npm"),
            release: None,
            name: name.to_owned(),
            version: "1".to_owned(),
            source: None,
            purl: String::new(),
            locations: Vec::new(),
            found_by: "npm".to_owned(),
            extra: BTreeMap::new(),
        };
        let id = package_id("a", &package("@babel/core\n"));
        assert!(id.starts_with("SPDXRef-Package--babel-core--"), "{id}");
        assert_ne!(id, package_id("b", &package("@babel/core\n")));
        assert!(package_id("a", &package(&"x".repeat(5_000))).len() < 100);
    }
}
