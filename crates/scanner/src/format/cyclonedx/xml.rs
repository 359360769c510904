//! The XML form of a CycloneDX document.
//!
//! In: a [`Bom`]. Out: XML 1.0 in UTF-8, indented. Source: the schemas `bom-1.6.xsd` and `bom-1.7.xsd`, which fix the order
//! of elements. Odd: what is empty is left out.

use super::document::{
    Bom, Component, LicenseChoice, Metadata, NamedProperty, Rating, Source, Vulnerability,
};
use crate::format::xml::Xml;

pub(super) fn text(bom: &Bom) -> String {
    let mut xml = Xml::default();
    xml.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let namespace = format!("http://cyclonedx.org/schema/bom/{}", bom.spec_version);
    let version = bom.version.to_string();
    let attributes = [
        ("xmlns", namespace.as_str()),
        ("serialNumber", &bom.serial_number),
        ("version", &version),
    ];
    xml.element("bom", &attributes, |xml| {
        metadata(xml, &bom.metadata);
        xml.list("components", &bom.components, component);
        xml.element("dependencies", &[], |xml| {
            for dependency in &bom.dependencies {
                xml.element("dependency", &[("ref", &dependency.reference)], |xml| {
                    for on in &dependency.depends_on {
                        xml.element("dependency", &[("ref", on)], |_| {});
                    }
                });
            }
        });
        xml.list("compositions", &bom.compositions, |xml, composition| {
            xml.element("composition", &[], |xml| {
                xml.leaf("aggregate", composition.aggregate);
                xml.list("assemblies", &composition.assemblies, |xml, reference| {
                    xml.element("assembly", &[("ref", reference)], |_| {});
                });
            });
        });
        xml.list("vulnerabilities", &bom.vulnerabilities, vulnerability);
    });
    xml.text
}

fn metadata(xml: &mut Xml, metadata: &Metadata) {
    xml.element("metadata", &[], |xml| {
        xml.leaf("timestamp", metadata.timestamp.as_deref().unwrap_or_default());
        xml.element("tools", &[], |xml| {
            xml.list("components", &metadata.tools.components, component);
        });
        component(xml, &metadata.component);
        properties(xml, &metadata.properties);
    });
}

fn component(xml: &mut Xml, component: &Component) {
    let mut attributes = vec![("type", component.kind)];
    if !component.bom_ref.is_empty() {
        attributes.push(("bom-ref", &component.bom_ref));
    }
    xml.element("component", &attributes, |xml| {
        if let Some(supplier) = &component.supplier {
            xml.element("supplier", &[], |xml| xml.leaf("name", &supplier.name));
        }
        xml.leaf("group", &component.group);
        // A name is demanded, be it empty.
        xml.leaf_with("name", &[], &component.name);
        xml.leaf("version", &component.version);
        xml.leaf("description", &component.description);
        xml.list("hashes", &component.hashes, |xml, hash| {
            xml.leaf_with("hash", &[("alg", hash.alg)], &hash.content);
        });
        xml.list("licenses", &component.licenses, |xml, choice| match choice {
            LicenseChoice::Expression { expression } => xml.leaf("expression", expression),
            LicenseChoice::Named { license } => {
                xml.element("license", &[], |xml| xml.leaf("name", &license.name));
            }
        });
        xml.leaf("cpe", &component.cpe);
        xml.leaf("purl", &component.purl);
        properties(xml, &component.properties);
        if let Some(evidence) = &component.evidence {
            xml.element("evidence", &[], |xml| {
                xml.list("occurrences", &evidence.occurrences, |xml, occurrence| {
                    xml.element("occurrence", &[], |xml| {
                        xml.leaf_with("location", &[], &occurrence.location);
                    });
                });
            });
        }
    });
}

fn properties(xml: &mut Xml, properties: &[NamedProperty]) {
    xml.list("properties", properties, |xml, property| {
        xml.leaf_with("property", &[("name", &property.name)], &property.value);
    });
}

fn vulnerability(xml: &mut Xml, vulnerability: &Vulnerability) {
    xml.element("vulnerability", &[("bom-ref", &vulnerability.bom_ref)], |xml| {
        xml.leaf("id", &vulnerability.id);
        if let Some(of) = &vulnerability.source {
            source(xml, of);
        }
        xml.list("references", &vulnerability.references, |xml, reference| {
            xml.element("reference", &[], |xml| {
                xml.leaf("id", &reference.id);
                source(xml, &reference.source);
            });
        });
        xml.list("ratings", &vulnerability.ratings, rating);
        xml.list("cwes", &vulnerability.cwes, |xml, cwe| xml.leaf("cwe", &cwe.to_string()));
        xml.leaf("description", &vulnerability.description);
        xml.leaf("recommendation", &vulnerability.recommendation);
        xml.list("advisories", &vulnerability.advisories, |xml, advisory| {
            xml.element("advisory", &[], |xml| xml.leaf("url", &advisory.url));
        });
        if let Some(analysis) = &vulnerability.analysis {
            xml.element("analysis", &[], |xml| {
                if let Some(state) = analysis.state {
                    xml.leaf("state", state);
                }
                if !analysis.response.is_empty() {
                    xml.element("responses", &[], |xml| {
                        for response in &analysis.response {
                            xml.leaf("response", response);
                        }
                    });
                }
                xml.leaf("detail", &analysis.detail);
            });
        }
        xml.list("affects", &vulnerability.affects, |xml, affects| {
            xml.element("target", &[], |xml| {
                xml.leaf("ref", &affects.reference);
                xml.list("versions", &affects.versions, |xml, version| {
                    xml.element("version", &[], |xml| {
                        xml.leaf("version", &version.version);
                        xml.leaf("status", version.status);
                    });
                });
            });
        });
        properties(xml, &vulnerability.properties);
    });
}

fn rating(xml: &mut Xml, rating: &Rating) {
    xml.element("rating", &[], |xml| {
        if let Some(of) = &rating.source {
            source(xml, of);
        }
        xml.leaf("score", &rating.score.map(|score| score.to_string()).unwrap_or_default());
        xml.leaf("severity", rating.severity.unwrap_or_default());
        xml.leaf("method", rating.method);
        xml.leaf("vector", &rating.vector);
    });
}

fn source(xml: &mut Xml, source: &Source) {
    xml.element("source", &[], |xml| {
        xml.leaf("name", source.name);
        xml.leaf("url", &source.url);
    });
}
