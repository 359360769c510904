//! VEX documents: what somebody who looked says of vulnerabilities in a product.
//!
//! In: an OpenVEX, CycloneDX or CSAF document, bare or in an in-toto statement, a DSSE envelope or a Sigstore bundle. Out:
//! [`Document`], and for a finding the statements that are about it, the latest first. Source: OpenVEX 0.2, "Status Labels" and
//! "Data Inheritance"; CycloneDX 1.4 to 1.7, `vulnerabilities`; CSAF 2.0, profile "VEX". Odd: signatures are not looked at, so
//! whose word it is is for the caller to decide; a statement that names no product that is known here is about nothing.

mod csaf;
mod cyclonedx;
mod envelope;
mod openvex;
pub mod product;
pub mod rules;

use std::cmp::Reverse;

use plimsoll_model::{Finding, Package, Status, Timestamp, View};
use serde::{Deserialize, Serialize};

pub use product::{Component, Image, Product};
pub use rules::{ImagePlace, Rules};

/// Most bytes of one document.
pub const MAX_VEX_BYTES: usize = 64 << 20;

/// A VEX document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// `OpenVEX`, `CycloneDX`, `CSAF`.
    pub format: String,
    /// Its own id.
    pub id: String,
    /// Who says that he wrote it.
    pub author: String,
    /// What it says.
    pub statements: Vec<Statement>,
}

/// What a document says of one vulnerability in some products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Names of the vulnerability: its id and its aliases.
    pub ids: Vec<String>,
    /// Of what it speaks.
    pub products: Vec<Product>,
    /// What it says.
    pub status: Status,
    /// One of VEX's words.
    pub justification: Option<String>,
    /// The author's own words.
    pub text: Option<String>,
    /// When it was made or last changed.
    pub time: Option<Timestamp>,
}

/// Why bytes are no VEX document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VexError {
    /// Larger than what is read.
    #[error("it has more than 64 MiB")]
    Size,
    /// None of the formats.
    #[error("it is no OpenVEX, CycloneDX or CSAF document")]
    Format,
    /// One of the formats, but not readable.
    #[error("it is no valid {format} document: {problem}")]
    Invalid {
        /// Which.
        format: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// One of the formats, but without a statement.
    #[error("this {0} document says nothing of any vulnerability")]
    Empty(&'static str),
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// [`VexError`] says whether it is something else or damaged. A CycloneDX document without an analysis is an SBOM and
    /// says nothing.
    pub fn read(bytes: &[u8]) -> Result<Self, VexError> {
        if bytes.len() > MAX_VEX_BYTES {
            return Err(VexError::Size);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let opened = envelope::open(bytes)?;
        let inner = opened.bytes.as_ref();
        let format = format_of(inner).ok_or(VexError::Format)?;
        let mut document = match format {
            openvex::FORMAT => openvex::read(inner, &opened.subjects)?,
            cyclonedx::FORMAT => cyclonedx::read(inner)?,
            _ => csaf::read(inner)?,
        };
        if document.statements.is_empty() {
            return Err(VexError::Empty(format));
        }
        // Later statements come first; those of one time in the document's own order from behind.
        document.statements.reverse();
        document.statements.sort_by_key(|statement| Reverse(statement.time));
        Ok(document)
    }

    /// The statements about a finding, the latest first, as the report shows them.
    pub fn views<'a>(
        &'a self,
        source: &'a str,
        finding: &'a Finding,
        about: &'a About<'_>,
    ) -> impl Iterator<Item = (Option<Timestamp>, View)> + 'a {
        self.statements
            .iter()
            .filter(move |statement| statement.is_about(finding, about))
            .map(move |statement| (statement.time, self.view(statement, source)))
    }

    fn view(&self, statement: &Statement, source: &str) -> View {
        View {
            source: source.to_owned(),
            advisory: self.id.clone(),
            revision: statement.time,
            url: None,
            links: Vec::new(),
            status: Some(statement.status),
            fixed: None,
            severity: None,
            cvss: Vec::new(),
            justification: statement.justification.clone(),
            text: statement.text.clone(),
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The image.
    pub image: &'a Image,
    /// The finding's package.
    pub package: &'a Package,
    /// All packages of the image.
    pub packages: &'a [Package],
    /// The document was attached to this very image.
    pub is_attached: bool,
}

impl Statement {
    /// Whether it speaks of packages wherever they are, and so never of an image.
    #[must_use]
    pub fn is_of_packages(&self) -> bool {
        self.products.iter().all(|product| {
            product.parts.is_empty()
                && matches!(product.component, Component::Package(_) | Component::Unknown(_))
        })
    }

    fn is_about(&self, finding: &Finding, about: &About<'_>) -> bool {
        let names =
            || std::iter::once(&finding.id).chain(&finding.aliases).chain(&finding.advisories);
        self.ids.iter().any(|id| names().any(|name| name.eq_ignore_ascii_case(id)))
            && self.products.iter().any(|product| product.is(about))
    }
}

fn format_of(bytes: &[u8]) -> Option<&'static str> {
    if openvex::is(bytes) {
        Some(openvex::FORMAT)
    } else if cyclonedx::is(bytes) {
        Some(cyclonedx::FORMAT)
    } else if crate::feed::csaf::document::is_csaf(bytes) {
        Some(csaf::FORMAT)
    } else {
        None
    }
}

/// A text of somebody else's as one harmless line.
fn line(text: Option<&str>) -> Option<String> {
    text.map(crate::feed::title_of).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
