//! CycloneDX: the packages as components, and what is known to be wrong with them.
//!
//! In: a report. Out: a CycloneDX document of specification 1.6 or 1.7, as JSON or XML. Source: CycloneDX 1.6 (ECMA-424)
//! and 1.7, whose schemas the tests validate against; `docs/sbom.md` says what stands where. Odd: what the standard has no
//! field for goes into properties named `plimsoll:…`, so that scanning the document gives what scanning the image gave.

mod document;
mod vulnerability;
mod xml;

use std::io;

use plimsoll_model::{
    Ecosystem, Origin, Package, Report, Verdict,
    properties::{self, Property},
    purl::Purl,
};

use self::document::{
    Bom, Component, Composition, Dependency, Evidence, Hash, License, LicenseChoice, Metadata,
    NamedProperty, Occurrence, Supplier, Tools,
};
use super::{
    Format, Style, json,
    sbom::{
        self, Document, MAX_VERSION, System, TOOL, TOOL_VERSION,
        licence::{self, Licence},
    },
};

/// The versions of the specification that are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1_6,
    V1_7,
}

impl Version {
    const fn text(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }
}

/// As JSON.
pub(super) struct Json(pub(super) Version);

impl Format for Json {
    fn id(&self) -> &'static str {
        match self.0 {
            Version::V1_6 => "cyclonedx",
            Version::V1_7 => "cyclonedx-1.7",
        }
    }

    fn about(&self) -> &'static str {
        match self.0 {
            Version::V1_6 => "An SBOM with vulnerabilities: CycloneDX 1.6 as JSON.",
            Version::V1_7 => "An SBOM with vulnerabilities: CycloneDX 1.7 as JSON.",
        }
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        json::write_value(&bom(&Document::of(report)?, self.0), output)
    }
}

/// As XML.
pub(super) struct Xml(pub(super) Version);

impl Format for Xml {
    fn id(&self) -> &'static str {
        match self.0 {
            Version::V1_6 => "cyclonedx-xml",
            Version::V1_7 => "cyclonedx-xml-1.7",
        }
    }

    fn about(&self) -> &'static str {
        match self.0 {
            Version::V1_6 => "An SBOM with vulnerabilities: CycloneDX 1.6 as XML.",
            Version::V1_7 => "An SBOM with vulnerabilities: CycloneDX 1.7 as XML.",
        }
    }

    fn write(&self, report: &Report, _: Style, output: &mut dyn io::Write) -> io::Result<()> {
        output.write_all(xml::text(&bom(&Document::of(report)?, self.0)).as_bytes())
    }
}

/// What refers to the image and to its distribution; packages are referred to by their package URLs.
const IMAGE: &str = "image";
const DISTRIBUTION: &str = "distribution";

fn bom(document: &Document<'_>, version: Version) -> Bom {
    let report = document.report;
    let mut components: Vec<Component> =
        document.system.iter().map(|system| operating_system(system)).collect();
    components
        .extend(document.packages.iter().map(|(reference, package)| component(reference, package)));
    Bom {
        schema: format!("http://cyclonedx.org/schema/bom-{}.schema.json", version.text()),
        bom_format: "CycloneDX",
        spec_version: version.text(),
        serial_number: format!("urn:uuid:{}", document.id),
        version: 1,
        metadata: metadata(document),
        dependencies: vec![Dependency {
            reference: IMAGE.to_owned(),
            depends_on: components.iter().map(|component| component.bom_ref.clone()).collect(),
        }],
        components,
        compositions: vec![Composition {
            aggregate: match report.coverage.verdict {
                Verdict::Complete => "complete",
                Verdict::Partial => "incomplete",
                Verdict::Unreadable => "unknown",
            },
            assemblies: vec![IMAGE.to_owned()],
        }],
        vulnerabilities: vulnerability::all(document),
    }
}

fn metadata(document: &Document<'_>) -> Metadata {
    let report = document.report;
    let tool = Component {
        name: TOOL.to_owned(),
        version: TOOL_VERSION.to_owned(),
        ..Component::new("application", String::new())
    };
    let image = Component {
        name: report.image.name.clone(),
        version: report.image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        purl: document.image_purl.clone().unwrap_or_default(),
        properties: named(properties::of_image(&report.image)),
        ..Component::new("container", IMAGE.to_owned())
    };
    let mut own = properties::of_coverage(&report.coverage);
    own.extend(sbom::feed_properties(report));
    Metadata {
        timestamp: document.time.map(|time| time.to_string()),
        tools: Tools { components: vec![tool] },
        component: image,
        properties: named(own),
    }
}

fn operating_system(system: &System<'_>) -> Component {
    Component {
        name: system.name.clone(),
        version: system.version.clone().unwrap_or_default(),
        description: system.pretty_name.unwrap_or_default().to_owned(),
        properties: named(sbom::system_properties(system)),
        ..Component::new("operating-system", DISTRIBUTION.to_owned())
    }
}

fn component(reference: &str, package: &Package) -> Component {
    let (group, name) = group_and_name(package);
    let licenses = package.extra.get("license").and_then(|text| licence::read(text));
    let hashes = sbom::hashes(package)
        .map(|(algorithm, content)| Hash { alg: algorithm.cyclonedx, content });
    let occurrences =
        package.locations.iter().map(|location| Occurrence { location: location.path.clone() });
    Component {
        supplier: package.extra.get("vendor").map(|name| Supplier { name: name.clone() }),
        group,
        name,
        version: Some(&package.version)
            .filter(|text| text.len() <= MAX_VERSION)
            .cloned()
            .unwrap_or_default(),
        hashes: hashes.collect(),
        licenses: licenses.into_iter().map(license_choice).collect(),
        cpe: sbom::cpes(package).next().unwrap_or_default().to_owned(),
        purl: package.purl.clone(),
        properties: named(properties::of_package(package)),
        evidence: Some(Evidence { occurrences: occurrences.collect() }),
        ..Component::new("library", reference.to_owned())
    }
}

/// Scope or group stand apart where the package URL has them apart.
fn group_and_name(package: &Package) -> (String, String) {
    let is_system = package.ecosystem.row().is_some_and(|row| row.origin == Origin::System);
    let namespace = package.purl.parse::<Purl>().ok().and_then(|purl| purl.namespace);
    let split = namespace.filter(|_| !is_system).and_then(|namespace| {
        let (group, rest) = package.name.split_at_checked(namespace.len())?;
        let name = rest.strip_prefix(separator(&package.ecosystem))?;
        (group.eq_ignore_ascii_case(&namespace) && !name.is_empty())
            .then(|| (group.to_owned(), name.to_owned()))
    });
    split.unwrap_or_else(|| (String::new(), package.name.clone()))
}

fn separator(ecosystem: &Ecosystem) -> char {
    if ecosystem.0 == "Maven" { ':' } else { '/' }
}

fn license_choice(licence: Licence<'_>) -> LicenseChoice {
    match licence {
        Licence::Expression(text) => LicenseChoice::Expression { expression: text.to_owned() },
        Licence::Text(text) => LicenseChoice::Named { license: License { name: text.to_owned() } },
    }
}

fn named(properties: Vec<Property>) -> Vec<NamedProperty> {
    properties.into_iter().map(|(name, value)| NamedProperty { name, value }).collect()
}
