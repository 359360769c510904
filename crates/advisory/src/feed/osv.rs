//! OSV records, of every ecosystem.
//!
//! In: one JSON record. Out: one advisory. Source: OSV schema 1.7. Odd, and each covered by a test:
//! * `ecosystem` is open-ended and carries the release behind its first colon (`Ubuntu:Pro:14.04:LTS`).
//! * Distributions name their CVEs in `upstream`; `AlmaLinux` and `Rocky Linux` in `related`, which elsewhere means "something
//!   else"; some only in their own id (`DEBIAN-CVE-2024-1`).
//! * `GIT` ranges say nothing about packages. An entry with neither another range nor a version states nothing at all.
//! * GitHub's advisories without a fixed version end in `last_known_affected_version_range`.
//! * What only people can use (Go's imports and symbols, Ubuntu's availability) is kept as the statement's text.
//! * `MAL-` ids are malicious packages. `ALBA-`, `ALEA-`, `RLBA-` and `RLEA-` without a CVE are bug fixes.

mod record;
mod vendor;

use plimsoll_model::Ecosystem;

use super::{Document, Feed, LONGEST_TEXT, Sink, is_cve, parse_cwe, parse_time, title_of};
use crate::{
    collection::{Advisory, Affected, Authority, EventKind, Symbol},
    matching::name::normalized,
    priority::VendorSeverity,
};
use record::{Entry, Event, Record, Text};

#[derive(Debug)]
pub(super) struct Osv;

impl Feed for Osv {
    fn id(&self) -> &'static str {
        "osv"
    }

    fn about(&self) -> &'static str {
        "OSV records of distributions and language registries, one JSON each, in folders or in `<Ecosystem>/all.zip`"
    }

    fn home(&self) -> &'static str {
        "https://osv-vulnerabilities.storage.googleapis.com"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        Some(format!("https://osv.dev/vulnerability/{id}"))
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        record::Probe::of(document.bytes).is_some()
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let record: Record<'_> =
            serde_json::from_slice(document.bytes).map_err(|error| error.to_string())?;
        let advisory = advisory(&record, into)?;
        into.0.add_advisory(advisory);
        Ok(1)
    }
}

fn advisory(record: &Record<'_>, into: &mut Sink<'_>) -> Result<Advisory, String> {
    let id = record.id.as_str();
    if id.is_empty() || id.len() > LONGEST_TEXT || title_of(id) != id {
        return Err(format!("its id is `{}`", title_of(id)));
    }
    let modified = parse_time(record.modified.as_str())
        .ok_or_else(|| format!("its `modified` is `{}`", title_of(record.modified.as_str())))?;
    let specific = record::Specific::of(record.database_specific);
    let entries = record.affected.as_deref().unwrap_or_default();
    let text = title_of(record.summary());
    let aliases = aliases(record);
    let cves = cves(record, &aliases);
    let is_malicious =
        id.starts_with("MAL-") || record.aliases().any(|alias| alias.starts_with("MAL-"));
    let references = record.references.as_deref().unwrap_or_default();
    let mut cwe: Vec<u32> = specific.cwe(parse_cwe);
    let intern = |into: &mut Sink<'_>, texts: &[&str]| -> Vec<Symbol> {
        texts.iter().map(|text| into.0.symbols.intern(text)).collect()
    };
    let severity = vendor::record_severity(record, &specific);
    let mut affected = Vec::with_capacity(entries.len());
    for entry in entries {
        let of_entry = record::Specific::of(entry.database_specific);
        cwe.extend(of_entry.cwe(parse_cwe));
        affected.extend(read_entry(entry, &specific, &of_entry, into)?);
    }
    cwe.sort_unstable();
    cwe.dedup();
    Ok(Advisory {
        modified,
        published: record.published.as_ref().and_then(|text| parse_time(text.as_str())).filter(
            // The year 1 stands for "not known" in Go's records, the snapshot's day in some converted ones.
            |time| time.0 > 0 && !specific.published_is_made_up(),
        ),
        is_withdrawn: record.withdrawn.is_some(),
        is_malicious,
        is_disputed: [record.summary.as_ref(), record.details.as_ref()].into_iter().flatten().any(
            |text| text.as_str().get(..24).unwrap_or(text.as_str()).contains("** DISPUTED **"),
        ),
        is_no_vulnerability: vendor::is_bug_fix(id) && cves.is_empty(),
        has_proof_of_concept: references.iter().any(record::Reference::is_proof_of_concept),
        is_weaponised: references.iter().any(record::Reference::is_weapon),
        cves: intern(into, &cves),
        aliases: intern(into, &aliases),
        title: into.0.symbols.intern(&text),
        cvss: intern(into, &record.vectors()),
        severity,
        cwe,
        module: vendor::module(id, &text).map(|module| into.0.symbols.intern(module)),
        source: into.0.symbols.intern(Osv.id()),
        is_dated: true,
        authority: if vendor::is_of_a_tracker(id) {
            Authority::Tracker
        } else {
            Authority::Advisory
        },
        affected,
        id: into.0.symbols.intern(id),
    })
}

/// Other ids of what the record is about, CVEs aside: its aliases and, for a distribution, what it lists as upstream.
fn aliases<'a>(record: &'a Record<'_>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = record
        .aliases()
        .chain(record.upstream())
        .filter(|id| !is_cve(id) && *id != record.id.as_str())
        .collect();
    ids.retain(|id| !id.is_empty() && id.len() <= LONGEST_TEXT && title_of(id) == **id);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The CVEs that a record is about.
fn cves<'a>(record: &'a Record<'_>, aliases: &[&'a str]) -> Vec<&'a str> {
    let id = record.id.as_str();
    let mut cves: Vec<&str> = std::iter::once(id)
        .chain(record.aliases())
        .chain(record.upstream())
        .filter(|id| is_cve(id))
        .collect();
    if cves.is_empty() {
        let own = std::iter::once(id).chain(aliases.iter().copied());
        cves.extend(own.filter_map(vendor::cve_within));
    }
    if cves.is_empty() && vendor::lists_cves_as_related(id) {
        cves.extend(record.related().filter(|id| is_cve(id)));
    }
    cves.sort_unstable();
    cves.dedup();
    cves
}

/// One affected entry; `None` if it says nothing about packages.
fn read_entry(
    entry: &Entry<'_>,
    of_record: &record::Specific,
    of_entry: &record::Specific,
    into: &mut Sink<'_>,
) -> Result<Option<Affected>, String> {
    let Some(package) = &entry.package else { return Ok(None) };
    let (ecosystem, release) = Ecosystem::split(package.ecosystem.as_str());
    let name = normalized(&ecosystem, package.name.as_str());
    let too_long = |text: &str| text.len() > LONGEST_TEXT;
    if ecosystem.0.is_empty() || name.is_empty() || too_long(&ecosystem.0) || too_long(&name) {
        return Err(format!(
            "it has a package named `{}` of ecosystem `{}`",
            title_of(&name),
            title_of(&ecosystem.0)
        ));
    }
    let mut ranges = Vec::new();
    for range in entry.ranges.as_deref().unwrap_or_default() {
        if range.kind.as_str() == "GIT" {
            continue;
        }
        let events = range.events.as_deref().unwrap_or_default();
        let mut range: Vec<_> = events.iter().flat_map(Event::parts).collect();
        let is_open = range.iter().all(|(kind, _)| *kind == EventKind::Introduced);
        range.extend(of_entry.end().filter(|_| is_open && !range.is_empty()));
        if let Some((_, version)) = range.iter().find(|(_, version)| too_long(version)) {
            return Err(format!("it has a version of {} bytes", version.len()));
        }
        if range.iter().any(|(kind, _)| *kind == EventKind::Introduced) {
            ranges.push(
                range
                    .iter()
                    .map(|(kind, version)| (*kind, into.0.symbols.intern(version)))
                    .collect(),
            );
        }
    }
    let versions = entry.versions.as_deref().unwrap_or_default();
    if ranges.is_empty() && versions.is_empty() {
        return Ok(None);
    }
    let own = record::Specific::of(entry.ecosystem_specific);
    let status = own.status().or_else(|| of_entry.status()).or_else(|| of_record.status());
    let severity = own
        .severity()
        .or_else(|| record::words(entry.severity.as_deref()).find_map(VendorSeverity::from_word))
        .or_else(|| of_entry.severity());
    let note = own.note().or_else(|| of_entry.note());
    Ok(Some(Affected {
        ecosystem: into.0.symbols.intern(&ecosystem.0),
        name: into.0.symbols.intern(&name),
        release: release.map(|release| into.0.symbols.intern(&release)),
        ranges,
        versions: versions.iter().map(|version| into.0.symbols.intern(version.as_str())).collect(),
        status,
        severity,
        justification: None,
        text: note.map(|note| into.0.symbols.intern(&title_of(&note))),
        module: None,
        cvss: record::vectors(entry.severity.as_deref())
            .into_iter()
            .map(|vector| into.0.symbols.intern(vector))
            .collect(),
    }))
}

impl Record<'_> {
    fn summary(&self) -> &str {
        [self.summary.as_ref(), self.details.as_ref()]
            .into_iter()
            .flatten()
            .map(Text::as_str)
            .find(|text| !text.trim().is_empty())
            .unwrap_or_default()
    }

    fn vectors(&self) -> Vec<&str> {
        record::vectors(self.severity.as_deref())
    }
}
