//! The shape of a CSAF document: only the fields that are used.
//!
//! Source: OASIS CSAF 2.0, section 3.2. Odd: `null` stands for "not there" in published documents, and lists may be
//! missing altogether.

use std::borrow::Cow;

use serde::Deserialize;

/// Texts are borrowed unless they hold escapes.
type Text<'a> = Cow<'a, str>;

#[derive(Deserialize)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    pub(crate) document: Head<'a>,
    #[serde(borrow, default)]
    pub(crate) product_tree: Option<ProductTree<'a>>,
    #[serde(borrow, default)]
    pub(crate) vulnerabilities: Option<Vec<Vulnerability<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow)]
    pub(crate) category: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) publisher: Publisher<'a>,
    #[serde(borrow)]
    pub(crate) tracking: Tracking<'a>,
    #[serde(borrow, default)]
    pub(crate) aggregate_severity: Option<Severity<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Publisher<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Tracking<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) current_release_date: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) initial_release_date: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Severity<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct ProductTree<'a> {
    #[serde(borrow, default)]
    pub(crate) branches: Option<Vec<Branch<'a>>>,
    #[serde(borrow, default)]
    pub(crate) full_product_names: Option<Vec<Product<'a>>>,
    #[serde(borrow, default)]
    pub(crate) relationships: Option<Vec<Relationship<'a>>>,
    #[serde(borrow, default)]
    pub(crate) product_groups: Option<Vec<Group<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Branch<'a> {
    #[serde(borrow, default)]
    pub(crate) branches: Option<Vec<Self>>,
    #[serde(borrow, default)]
    pub(crate) product: Option<Product<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Product<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) product_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) product_identification_helper: Option<Helper<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Helper<'a> {
    #[serde(borrow, default)]
    pub(crate) cpe: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) purl: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Relationship<'a> {
    #[serde(borrow)]
    pub(crate) full_product_name: Product<'a>,
    #[serde(borrow)]
    pub(crate) product_reference: Text<'a>,
    #[serde(borrow)]
    pub(crate) relates_to_product_reference: Text<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Group<'a> {
    #[serde(borrow)]
    pub(crate) group_id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) product_ids: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Vulnerability<'a> {
    #[serde(borrow, default)]
    pub(crate) cve: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) ids: Option<Vec<Id<'a>>>,
    #[serde(borrow, default)]
    pub(crate) title: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) cwe: Option<Cwe<'a>>,
    #[serde(borrow, default)]
    pub(crate) release_date: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) discovery_date: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) product_status: Option<ProductStatus<'a>>,
    #[serde(borrow, default)]
    pub(crate) flags: Option<Vec<Flag<'a>>>,
    #[serde(borrow, default)]
    pub(crate) remediations: Option<Vec<Remediation<'a>>>,
    #[serde(borrow, default)]
    pub(crate) scores: Option<Vec<Score<'a>>>,
    #[serde(borrow, default)]
    pub(crate) threats: Option<Vec<Threat<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Id<'a> {
    #[serde(borrow)]
    pub(crate) text: Text<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Cwe<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
}

type Products<'a> = Option<Vec<Text<'a>>>;

#[derive(Deserialize, Default)]
pub(crate) struct ProductStatus<'a> {
    #[serde(borrow, default)]
    pub(crate) first_fixed: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) fixed: Products<'a>,
    /// SUSE lists under this what is fixed.
    #[serde(borrow, default)]
    pub(crate) recommended: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) known_affected: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) known_not_affected: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) under_investigation: Products<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Flag<'a> {
    #[serde(borrow)]
    pub(crate) label: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) product_ids: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) group_ids: Products<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Remediation<'a> {
    #[serde(borrow)]
    pub(crate) category: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) details: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) product_ids: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) group_ids: Products<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Score<'a> {
    #[serde(borrow, default)]
    pub(crate) cvss_v2: Option<Vector<'a>>,
    #[serde(borrow, default)]
    pub(crate) cvss_v3: Option<Vector<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Vector<'a> {
    #[serde(borrow, default, rename = "vectorString")]
    pub(crate) vector: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Threat<'a> {
    #[serde(borrow)]
    pub(crate) category: Text<'a>,
    #[serde(borrow)]
    pub(crate) details: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) product_ids: Products<'a>,
    #[serde(borrow, default)]
    pub(crate) group_ids: Products<'a>,
}

impl<'a> Document<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

/// Whether JSON is a CSAF document: `document` with a version of CSAF.
pub(crate) fn is_csaf(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Probe<'a> {
        #[serde(borrow)]
        document: ProbeHead<'a>,
    }
    #[derive(Deserialize)]
    struct ProbeHead<'a> {
        #[serde(borrow)]
        csaf_version: Text<'a>,
    }
    // Most JSON that comes here is something else: a look for the word costs less than reading it all.
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("\"csaf_version\""))
        && serde_json::from_slice::<Probe<'_>>(bytes)
            .is_ok_and(|probe| probe.document.csaf_version.starts_with("2."))
}
