//! CSAF documents of distributions: advisories and VEX.
//!
//! In: one CSAF 2.0 document of Red Hat, SUSE, openSUSE or another rpm distribution. Out: what it says of the distribution's
//! packages. Source: OASIS CSAF 2.0; Red Hat's "Security data guidelines"; SUSE's CSAF. Odd, and each covered by a case:
//! * A profile `csaf_vex` tells the state of one vulnerability; others announce an update that may be about several. What an
//!   announcement says is not affected by one of them is a statement on that vulnerability of its own.
//! * Red Hat speaks of source packages where there is no fix (`pkg:rpm/redhat/libxml2?arch=src`), and since 2026 almost
//!   everywhere: that is for every package that is built from them.
//! * A module is a part of the product that the package is a part of in turn, or stands in the package's URL (`rpmmod`).
//! * SUSE's state `recommended` means fixed; its packages have no package URL but a name with version and architecture.
//! * What is not a package of a distribution (containers, jars, layered products without CPE) is left out.

pub(crate) mod document;
pub(crate) mod tree;

use std::collections::{BTreeSet, HashMap};

use plimsoll_model::{Status, Timestamp, purl::Purl};

use super::{
    Document, Feed, Sink,
    claims::{self, Bulletin, Claim, Rated, Verdict, publisher, split_nevra, with_epoch},
    is_cve, parse_cwe, parse_time, platform, title_of,
};
use crate::priority::VendorSeverity;
use document::{ProductStatus, Vulnerability};
use tree::{Names, Tree};

#[derive(Debug)]
pub(super) struct Csaf;

impl Feed for Csaf {
    fn id(&self) -> &'static str {
        "csaf"
    }

    fn about(&self) -> &'static str {
        "CSAF 2.0 advisories and VEX of Red Hat, SUSE and openSUSE, one JSON each"
    }

    fn home(&self) -> &'static str {
        "https://security.access.redhat.com/data/csaf/v2/"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        claims::page(id)
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        document::is_csaf(document.bytes)
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        for bulletin in bulletins(document.bytes)? {
            into.add_bulletin(self.id(), bulletin)?;
        }
        Ok(1)
    }
}

/// What is the same for every vulnerability of a document.
struct Context<'a> {
    tree: Tree<'a>,
    modified: Timestamp,
    published: Option<Timestamp>,
    severity: Option<VendorSeverity>,
    title: String,
}

fn bulletins(bytes: &[u8]) -> Result<Vec<Bulletin>, String> {
    let document = document::Document::read(bytes)?;
    let head = &document.document;
    let id = &*head.tracking.id;
    if id.is_empty() || title_of(id) != id {
        return Err(format!("its `tracking.id` is `{}`", title_of(id)));
    }
    let date = &head.tracking.current_release_date;
    let context = Context {
        tree: document.product_tree.as_ref().map(Tree::of).unwrap_or_default(),
        modified: parse_time(date)
            .ok_or_else(|| format!("its `current_release_date` is `{}`", title_of(date)))?,
        published: head.tracking.initial_release_date.as_deref().and_then(parse_time),
        severity: head
            .aggregate_severity
            .as_ref()
            .and_then(|severity| VendorSeverity::from_word(severity.text.as_deref()?)),
        title: title_of(head.title.as_deref().unwrap_or_default()),
    };
    let vulnerabilities = document.vulnerabilities.as_deref().unwrap_or_default();
    let is_register = head.category == "csaf_vex";
    let mut announced = Bulletin {
        id: id.to_owned(),
        title: context.title.clone(),
        modified: context.modified,
        published: context.published,
        severity: context.severity,
        rated: Vec::new(),
        claims: Vec::new(),
    };
    let mut found = Vec::new();
    for vulnerability in vulnerabilities {
        let (Some(rated), claims) = (rated(vulnerability), claims(vulnerability, &context)) else {
            continue;
        };
        let (announces, states): (Vec<Claim>, Vec<Claim>) = claims
            .into_iter()
            .partition(|claim| !is_register && !matches!(claim.verdict, Verdict::NotAffected(_)));
        if !announces.is_empty() {
            announced.rated.push(rated.clone());
            announced.claims.extend(announces);
        }
        if let Some(first) = states.first() {
            found.push(Bulletin {
                id: format!("{}-{}", publisher(first.platform.ecosystem), rated.cve),
                title: title_of(vulnerability.title.as_deref().unwrap_or(&context.title)),
                rated: vec![rated],
                claims: states,
                ..announced.clone_head()
            });
        }
    }
    if !announced.claims.is_empty() {
        announced.claims.sort();
        announced.claims.dedup();
        found.push(announced);
    }
    Ok(found)
}

fn rated(vulnerability: &Vulnerability<'_>) -> Option<Rated> {
    let ids = vulnerability.ids.iter().flatten().map(|id| &*id.text);
    let cve = vulnerability.cve.as_deref().into_iter().chain(ids).find(|id| is_cve(id))?;
    let scores = vulnerability.scores.iter().flatten();
    let mut vectors: Vec<String> = scores
        .flat_map(|score| [&score.cvss_v3, &score.cvss_v2])
        .flatten()
        .filter_map(|vector| Some(vector.vector.as_deref()?.to_owned()))
        .collect();
    vectors.sort();
    vectors.dedup();
    let published =
        vulnerability.release_date.as_deref().or(vulnerability.discovery_date.as_deref());
    Some(Rated {
        cve: cve.to_owned(),
        vectors,
        cwe: vulnerability.cwe.iter().filter_map(|cwe| parse_cwe(&cwe.id)).collect(),
        published: published.and_then(parse_time),
    })
}

/// What one vulnerability's states say of the distribution's packages.
fn claims(vulnerability: &Vulnerability<'_>, context: &Context<'_>) -> Vec<Claim> {
    let nothing = ProductStatus::default();
    let states = vulnerability.product_status.as_ref().unwrap_or(&nothing);
    let notes = Notes::of(vulnerability, &context.tree);
    let mut claims = BTreeSet::new();
    let mut add = |id: &str, verdict: &dyn Fn(Option<&str>) -> Option<Verdict>| {
        let chain = context.tree.chain_of(id);
        let Some(package) = package(&chain) else { return };
        let Some(verdict) = verdict(package.version.as_deref()) else { return };
        claims.insert(Claim {
            platform: package.platform,
            name: package.name,
            module: package.module,
            verdict,
            severity: notes.severities.get(id).copied(),
        });
    };
    let fixed = [&states.fixed, &states.first_fixed, &states.recommended];
    for id in fixed.into_iter().flatten().flatten() {
        add(id, &|version| Some(Verdict::FixedIn(version?.to_owned())));
    }
    for id in states.known_affected.iter().flatten() {
        let status = notes.outlook.get(&**id).copied().unwrap_or(Status::Affected);
        add(id, &|_| Some(Verdict::Unfixed(status)));
    }
    for id in states.under_investigation.iter().flatten() {
        add(id, &|_| Some(Verdict::Unfixed(Status::UnderInvestigation)));
    }
    for id in states.known_not_affected.iter().flatten() {
        let reason = notes.reasons.get(&**id).map(|reason| (*reason).to_owned());
        add(id, &|_| Some(Verdict::NotAffected(reason.clone())));
    }
    claims.into_iter().collect()
}

/// What stands beside the states, by product.
struct Notes<'a> {
    /// Why it is not affected.
    reasons: HashMap<&'a str, &'a str>,
    /// Whether what has no fix will get one.
    outlook: HashMap<&'a str, Status>,
    severities: HashMap<&'a str, VendorSeverity>,
}

impl<'a> Notes<'a> {
    fn of(vulnerability: &'a Vulnerability<'_>, tree: &'a Tree<'_>) -> Self {
        let mut notes =
            Self { reasons: HashMap::new(), outlook: HashMap::new(), severities: HashMap::new() };
        for flag in vulnerability.flags.iter().flatten() {
            for id in tree.named(flag.product_ids.as_ref(), flag.group_ids.as_ref()) {
                notes.reasons.insert(id, &flag.label);
            }
        }
        for one in vulnerability.remediations.iter().flatten() {
            let Some(status) = outlook(&one.category, one.details.as_deref().unwrap_or_default())
            else {
                continue;
            };
            for id in tree.named(one.product_ids.as_ref(), one.group_ids.as_ref()) {
                notes.outlook.insert(id, status);
            }
        }
        let impacts = vulnerability.threats.iter().flatten().filter(|one| one.category == "impact");
        for threat in impacts {
            let Some(severity) = VendorSeverity::from_word(&threat.details) else { continue };
            for id in tree.named(threat.product_ids.as_ref(), threat.group_ids.as_ref()) {
                notes.severities.insert(id, severity);
            }
        }
        notes
    }
}

/// Whether a fix will come.
fn outlook(category: &str, details: &str) -> Option<Status> {
    match category {
        // Out of support is no assessment.
        "no_fix_planned" if details.to_ascii_lowercase().contains("out of support") => {
            Some(Status::EndOfLife)
        }
        "no_fix_planned" => Some(Status::WillNotFix),
        "none_available" => Some(Status::Affected),
        _ => None,
    }
}

/// A package of a distribution's release.
struct Package {
    platform: platform::Platform,
    /// `libxml2.src` for a source package.
    name: String,
    version: Option<String>,
    module: Option<String>,
}

/// The package that a product is, with the release and the module that it is a part of.
fn package(chain: &[Names<'_>]) -> Option<Package> {
    let (own, wholes) = chain.split_first()?;
    let platform = wholes.iter().find_map(|whole| platform::of_product(whole.cpe, whole.name))?;
    let module = wholes.iter().find_map(|whole| {
        let purl: Purl = whole.purl.parse().ok()?;
        (purl.purl_type == "rpmmod").then(|| {
            // `8090020231114113548:a75119d5` of a version of `13:8090…` says which build.
            let stream = purl.version.as_deref().unwrap_or_default();
            format!("{}:{}", purl.name, stream.split(':').next().unwrap_or(stream))
        })
    });
    if own.purl.is_empty() {
        let named = split_nevra(own.name).or_else(|| split_nevra(own.id));
        let (name, version, architecture) = match named {
            Some((name, version, architecture)) => (name, Some(version), architecture),
            None => (plain_name(own)?, None, ""),
        };
        let is_source = architecture == "src";
        return Some(of_parts(platform, name, version, is_source, module));
    }
    let purl: Purl = own.purl.parse().ok()?;
    if purl.purl_type != "rpm" {
        return None;
    }
    let qualifier = |key: &str| purl.qualifiers.get(key).map(String::as_str).unwrap_or_default();
    let is_source = qualifier("arch") == "src";
    // An epoch may stand in the product's id alone.
    let from_id =
        || split_nevra(own.id).or_else(|| split_nevra(own.name)).map(|(_, version, _)| version);
    let version = purl.version.as_deref().map(|version| match qualifier("epoch") {
        "" => {
            from_id().filter(|known| known.ends_with(version)).unwrap_or_else(|| version.to_owned())
        }
        epoch => with_epoch(epoch, version),
    });
    let module =
        module.or_else(|| Some(qualifier("rpmmod")).filter(|text| !text.is_empty()).map(stream));
    Some(of_parts(platform, &purl.name, version, is_source, module))
}

/// Name and stream of `postgresql:13:8090020231114113548:a75119d5`.
fn stream(module: &str) -> String {
    module.split(':').take(2).collect::<Vec<_>>().join(":")
}

fn of_parts(
    platform: platform::Platform,
    name: &str,
    version: Option<String>,
    is_source: bool,
    module: Option<String>,
) -> Package {
    if !is_source {
        return Package { platform, name: name.to_owned(), version, module };
    }
    let version = version.map(|version| match version.split_once(':') {
        Some((_, rest)) => rest.to_owned(),
        None => version,
    });
    Package { platform, name: format!("{name}.src"), version, module }
}

/// A name without version: `kernel`, `libxml2.src`.
fn plain_name<'a>(names: &Names<'a>) -> Option<&'a str> {
    let name = if names.name.is_empty() { names.id } else { names.name };
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
    is_plain.then_some(name)
}

impl Bulletin {
    /// The same document's other parts.
    fn clone_head(&self) -> Self {
        Self { rated: Vec::new(), claims: Vec::new(), ..self.clone() }
    }
}
