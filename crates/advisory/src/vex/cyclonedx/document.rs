//! The same as XML.
//!
//! In: a BOM as XML. Out: [`File`], as JSON gives it. Source: the XML schemas of CycloneDX 1.4 to 1.7. Odd: components are taken one by
//! one as they come, and only those that something can refer to are kept, so that a long document is never there as a whole;
//! what the schema calls `target` is an entry of JSON's `affects`, `responses` holds a `response` each.

use super::{
    Affects, Analysis, File, MAX_DEPTH, Metadata, Part, Party, Reference, Version, Vulnerability,
};
use crate::feed::xml::{self, Element};

const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

pub(super) fn is(bytes: &[u8]) -> bool {
    xml::root(bytes).is_some_and(|root| {
        root.name == "bom" && root.values().any(|value| value.starts_with(NAMESPACE))
    })
}

pub(super) fn read(bytes: &[u8]) -> Result<File, String> {
    let root = xml::root(bytes).unwrap_or_default();
    let mut file = File {
        serial_number: given(root.attribute("serialNumber")),
        version: root.attribute("version").parse().ok(),
        ..File::default()
    };
    let is_wanted = |name: &str| matches!(name, "metadata" | "component" | "vulnerability");
    xml::read(bytes, &is_wanted, &mut |element| {
        match element.name.as_str() {
            "metadata" => file.metadata = Some(metadata(&element)),
            "component" => {
                let part = part(&element, 0);
                if part.reference.is_some() || !part.components.is_empty() {
                    file.components.push(part);
                }
            }
            _ => file.vulnerabilities.push(vulnerability(&element)),
        }
        Ok(())
    })?;
    Ok(file)
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn metadata(element: &Element) -> Metadata {
    let party = |party: &Element| Party { name: given(party.text_of("name")) };
    let authors = element.child("authors").into_iter().flat_map(|all| all.all("author"));
    Metadata {
        timestamp: given(element.text_of("timestamp")),
        component: element.child("component").map(|component| part(component, 0)),
        authors: authors.map(party).collect(),
        supplier: element.child("supplier").map(party),
    }
}

fn part(element: &Element, depth: usize) -> Part {
    let children = element.child("components").filter(|_| depth < MAX_DEPTH);
    let children = children.into_iter().flat_map(|all| all.all("component"));
    Part {
        reference: given(element.attribute("bom-ref")),
        purl: given(element.text_of("purl")),
        components: children.map(|child| part(child, depth + 1)).collect(),
    }
}

fn vulnerability(element: &Element) -> Vulnerability {
    let all = |list: &'static str, name: &'static str| {
        element.child(list).into_iter().flat_map(move |all| all.all(name))
    };
    let reference = |one: &Element| Reference { id: given(one.text_of("id")) };
    Vulnerability {
        id: given(element.text_of("id")),
        references: all("references", "reference").map(reference).collect(),
        updated: given(element.text_of("updated")),
        analysis: element.child("analysis").map(analysis),
        affects: all("affects", "target").map(affects).collect(),
    }
}

fn analysis(element: &Element) -> Analysis {
    let responses = element.child("responses").into_iter().flat_map(|all| all.all("response"));
    Analysis {
        state: given(element.text_of("state")),
        justification: given(element.text_of("justification")),
        response: responses.map(|response| response.text().to_owned()).collect(),
        detail: given(element.text_of("detail")),
        first_issued: given(element.text_of("firstIssued")),
        last_updated: given(element.text_of("lastUpdated")),
    }
}

fn affects(element: &Element) -> Affects {
    let versions = element.child("versions").into_iter().flat_map(|all| all.all("version"));
    let version = |one: &Element| Version {
        version: given(one.text_of("version")),
        range: given(one.text_of("range")),
        status: given(one.text_of("status")),
    };
    Affects {
        reference: element.text_of("ref").to_owned(),
        versions: versions.map(version).collect(),
    }
}
