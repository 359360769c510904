//! OpenVEX.
//!
//! In: JSON. Out: its statements. Source: OpenVEX specification 0.2 and 0.0.1. Odd: the older form has a bare text for a
//! vulnerability and for a product, and lists subcomponents beside the products; what a statement does not say itself (time,
//! products) comes from the document and from what it is wrapped in.

use std::collections::BTreeMap;

use plimsoll_model::{Status, Timestamp};
use serde::Deserialize;

use super::{Component, Document, Product, Statement, VexError, line};
use crate::feed::parse_time;

pub(super) const FORMAT: &str = "OpenVEX";

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "@context")]
    context: Context,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    One(String),
    Several(Vec<serde_json::Value>),
}

/// Whether its JSON-LD context is OpenVEX's.
pub(super) fn is(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Probe>(bytes).is_ok_and(|probe| match probe.context {
        Context::One(context) => context.contains("openvex"),
        Context::Several(all) => {
            all.iter().any(|context| context.as_str().is_some_and(|text| text.contains("openvex")))
        }
    })
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    author: String,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    statements: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    vulnerability: Vulnerability,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    products: Vec<Named>,
    /// Of the older form.
    #[serde(default)]
    subcomponents: Vec<Named>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    status_notes: Option<String>,
    action_statement: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Id(String),
    Known {
        name: Option<String>,
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Id(String),
    Known {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        identifiers: BTreeMap<String, String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Self>,
    },
}

pub(super) fn read(bytes: &[u8], subjects: &[String]) -> Result<Document, VexError> {
    let invalid = |problem: String| VexError::Invalid { format: FORMAT, problem };
    let file: File = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
    let time = |text: Option<&String>| text.and_then(|text| parse_time(text));
    let document_time = time(file.timestamp.as_ref()).or_else(|| time(file.last_updated.as_ref()));
    let mut statements = Vec::with_capacity(file.statements.len());
    for said in &file.statements {
        let own = time(said.last_updated.as_ref()).or_else(|| time(said.timestamp.as_ref()));
        statements.push(statement(said, own.or(document_time), subjects).map_err(invalid)?);
    }
    Ok(Document {
        format: FORMAT.to_owned(),
        id: line(Some(&file.id)).unwrap_or_default(),
        author: line(Some(&file.author)).unwrap_or_default(),
        statements,
    })
}

fn statement(
    said: &Said,
    time: Option<Timestamp>,
    subjects: &[String],
) -> Result<Statement, String> {
    let status = match said.status.as_str() {
        "not_affected" => Status::NotAffected,
        "affected" => Status::Affected,
        "fixed" => Status::Fixed,
        "under_investigation" => Status::UnderInvestigation,
        other => {
            return Err(format!("a statement has the status `{}`", crate::feed::title_of(other)));
        }
    };
    let ids = match &said.vulnerability {
        Vulnerability::Id(id) => vec![id.clone()],
        Vulnerability::Known { name, id, aliases } => {
            // The id is an address, whose last part is the name where there is none.
            let from_id = id.as_ref().and_then(|id| id.rsplit('/').next()).map(str::to_owned);
            name.clone().or(from_id).into_iter().chain(aliases.iter().cloned()).collect()
        }
    };
    let mut products: Vec<Product> = Vec::new();
    for named in &said.products {
        let mut parts: Vec<Component> = said.subcomponents.iter().flat_map(components).collect();
        if let Named::Known { subcomponents, .. } = named {
            parts.extend(subcomponents.iter().flat_map(components));
        }
        for component in components(named) {
            products.push(Product {
                component,
                parts: parts.clone(),
                platform: None,
                versions: None,
            });
        }
    }
    if said.products.is_empty() {
        let parts: Vec<Component> = said.subcomponents.iter().flat_map(components).collect();
        let wrapped = subjects.iter().map(|digest| Component::Sha256(digest.to_ascii_lowercase()));
        products.extend(wrapped.chain([Component::Subject]).map(|component| Product {
            component,
            parts: parts.clone(),
            platform: None,
            versions: None,
        }));
    }
    let words = [&said.impact_statement, &said.status_notes, &said.action_statement];
    Ok(Statement {
        ids,
        products,
        status,
        justification: line(said.justification.as_deref()),
        text: words.into_iter().find_map(|text| line(text.as_deref())),
        time,
    })
}

/// The names of a product: any of them will do.
fn components(named: &Named) -> Vec<Component> {
    match named {
        Named::Id(id) => vec![Component::named(id)],
        Named::Known { id, identifiers, hashes, .. } => {
            let purl = identifiers.get("purl");
            let hash =
                hashes.get("sha-256").map(|hash| Component::Sha256(hash.to_ascii_lowercase()));
            let mut found: Vec<Component> =
                id.iter().chain(purl).map(|name| Component::named(name)).chain(hash).collect();
            found.dedup();
            found
        }
    }
}
