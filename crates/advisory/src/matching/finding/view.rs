//! What each source says, and how each match came about, as the report has it.
//!
//! In: statements and what assessors say of the CVE. Out: [`View`]s and [`Why`]s. Odd: those whose word counts most come first, the
//! rest in the order of their names, so that equal statements give equal bytes.

use std::{cmp::Reverse, collections::BTreeMap};

use plimsoll_model::{Package, View, Why};

use super::{Statement, decision::Decision, named};
use crate::{feed::feeds, snapshot::reader::SignalRecord};

/// The feed that CVEs themselves are described by.
const RECORDS: &str = "cve-records";

/// `osv/Debian`: the feed, and whose packages it speaks of.
pub(super) fn source(statement: &Statement<'_>) -> String {
    format!("{}/{}", statement.advisory.source, statement.ecosystem)
}

/// What one source says.
pub(super) fn of(statement: &Statement<'_>) -> View {
    let advisory = &statement.advisory;
    let feed = feeds().iter().find(|feed| feed.id() == advisory.source);
    View {
        source: source(statement),
        advisory: advisory.id.to_owned(),
        revision: advisory.modified,
        url: feed.and_then(|feed| feed.page(statement.ecosystem, advisory.id)),
        links: Vec::new(),
        status: Some(statement.status),
        fixed: statement.reason.fix.map(str::to_owned),
        severity: statement.severity.map(|severity| severity.as_str().to_owned()),
        cvss: sorted(&statement.cvss),
        justification: statement.justification.map(str::to_owned),
        text: statement.text.map(str::to_owned),
    }
}

/// What every source says of one vulnerability in one package.
pub(super) fn views(id: &str, decision: &Decision<'_, '_>, signal: &SignalRecord<'_>) -> Vec<View> {
    let statements = || decision.denials.iter().chain(&decision.hits);
    let mut ranked: Vec<_> =
        statements().map(|one| (Reverse(one.advisory.authority), of(one))).collect();
    ranked.sort();
    let mut views: Vec<View> = ranked.into_iter().map(|(_, view)| view).collect();
    let mut rated: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (by, vector) in &signal.cvss {
        // What an advisory says of the CVE stands in its own view.
        if !statements().any(|one| one.cvss.contains(vector)) {
            rated.entry(by).or_default().push(vector);
        }
    }
    views.extend(rated.into_iter().map(|(by, vectors)| rating(by, id, &vectors)));
    if !signal.links.is_empty() || signal.rejected.is_some() {
        let feed = feeds().iter().find(|feed| feed.id() == RECORDS);
        views.push(View {
            source: RECORDS.to_owned(),
            url: feed.and_then(|feed| feed.page("", id)),
            links: signal.links.iter().map(|(_, url)| (*url).to_owned()).collect(),
            text: signal.rejected.map(|reason| format!("rejected: {reason}")),
            ..rating("", id, &[])
        });
    }
    views.dedup();
    views
}

/// What somebody says who only rates.
fn rating(by: &str, id: &str, vectors: &[&str]) -> View {
    View {
        source: by.to_owned(),
        advisory: id.to_owned(),
        revision: None,
        url: None,
        links: Vec::new(),
        status: None,
        fixed: None,
        severity: None,
        cvss: sorted(vectors),
        justification: None,
        text: None,
    }
}

fn sorted(vectors: &[&str]) -> Vec<String> {
    let mut vectors: Vec<String> = vectors.iter().map(|vector| (*vector).to_owned()).collect();
    vectors.sort_unstable();
    vectors.dedup();
    vectors
}

/// How one match came about.
pub(super) fn why(package: &Package, hit: &Statement<'_>) -> Why {
    Why {
        advisory: hit.advisory.id.to_owned(),
        source: source(hit),
        revision: hit.advisory.modified,
        range: hit.reason.range.clone(),
        comparison: hit.reason.comparison.clone(),
        package: named(package),
    }
}
