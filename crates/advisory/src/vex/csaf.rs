//! CSAF documents as VEX.
//!
//! In: JSON. Out: a statement per vulnerability, state and product. Source: CSAF 2.0, 3.2.3 and profile "VEX". Odd: a product that is a
//! part of a distribution's release is that only there; a part of another product counts where that product is the
//! image or among its packages, or is not said at all.

use plimsoll_model::Status;

use super::{Component, Document, Product, Statement, VexError, line};
use crate::feed::{
    csaf::{
        document::{self, Vulnerability},
        tree::{Names, Tree},
    },
    parse_time,
    platform::of_product,
};

pub(super) const FORMAT: &str = "CSAF";

pub(super) fn read(bytes: &[u8]) -> Result<Document, VexError> {
    let invalid = |problem: String| VexError::Invalid { format: FORMAT, problem };
    let file = document::Document::read(bytes).map_err(invalid)?;
    let tree = file.product_tree.as_ref().map(Tree::of).unwrap_or_default();
    let head = &file.document;
    let time = parse_time(&head.tracking.current_release_date);
    let mut statements = Vec::new();
    for vulnerability in file.vulnerabilities.iter().flatten() {
        of_vulnerability(vulnerability, &tree, &mut |statement| {
            statements.push(Statement { time, ..statement });
        });
    }
    Ok(Document {
        format: FORMAT.to_owned(),
        id: line(Some(&head.tracking.id)).unwrap_or_default(),
        author: line(head.publisher.name.as_deref()).unwrap_or_default(),
        statements,
    })
}

fn of_vulnerability(
    vulnerability: &Vulnerability<'_>,
    tree: &Tree<'_>,
    add: &mut dyn FnMut(Statement),
) {
    let Some(states) = &vulnerability.product_status else { return };
    let others = vulnerability.ids.iter().flatten().map(|id| &id.text);
    let ids: Vec<String> =
        vulnerability.cve.iter().chain(others).map(|id| id.clone().into_owned()).collect();
    let all = [
        (&states.fixed, Status::Fixed),
        (&states.first_fixed, Status::Fixed),
        (&states.known_affected, Status::Affected),
        (&states.under_investigation, Status::UnderInvestigation),
        (&states.known_not_affected, Status::NotAffected),
    ];
    for (products, status) in all {
        for id in products.iter().flatten() {
            let Some(product) = product(&tree.chain_of(id)) else { continue };
            add(Statement {
                ids: ids.clone(),
                products: vec![product],
                status,
                justification: flag(vulnerability, tree, id),
                text: impact(vulnerability, tree, id),
                time: None,
            });
        }
    }
}

/// The justification of a product.
fn flag(vulnerability: &Vulnerability<'_>, tree: &Tree<'_>, id: &str) -> Option<String> {
    let mut flags = vulnerability.flags.iter().flatten();
    let flag = flags.find(|flag| {
        tree.named(flag.product_ids.as_ref(), flag.group_ids.as_ref()).any(|one| one == id)
    })?;
    line(Some(&flag.label))
}

/// What is said of the impact on a product.
fn impact(vulnerability: &Vulnerability<'_>, tree: &Tree<'_>, id: &str) -> Option<String> {
    let mut threats = vulnerability.threats.iter().flatten();
    let threat = threats.find(|threat| {
        threat.category == "impact"
            && tree
                .named(threat.product_ids.as_ref(), threat.group_ids.as_ref())
                .any(|one| one == id)
    })?;
    line(Some(&threat.details))
}

/// A product by its package URL, within what it is a part of.
fn product(chain: &[Names<'_>]) -> Option<Product> {
    let (own, wholes) = chain.split_first()?;
    let platform = wholes.iter().find_map(|whole| of_product(whole.cpe, whole.name));
    let component = Component::named(own.purl);
    if matches!(component, Component::Unknown(_)) {
        return None;
    }
    let platform = platform.map(|platform| (platform.ecosystem.to_owned(), platform.release));
    let whole =
        wholes.iter().map(|whole| Component::named(whole.purl)).find(|whole| whole.is_known());
    match whole {
        Some(whole) if platform.is_none() => {
            Some(Product { component: whole, parts: vec![component], platform, versions: None })
        }
        // A part of something that nothing identifies may be anybody's.
        None if platform.is_none() && !wholes.is_empty() => None,
        _ => Some(Product { component, parts: Vec::new(), platform, versions: None }),
    }
}
