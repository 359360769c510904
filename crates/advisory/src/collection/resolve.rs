//! From what was read to what is compiled: withdrawn records leave, aliases become CVEs, what an advisory says of its one
//! CVE goes to that CVE's signals.
//!
//! Odd: an advisory without a CVE takes the CVE that another record gives to one of its aliases (`PYSEC-1` alias `GHSA-1`,
//! `GHSA-1` alias `CVE-1`), one step only: long chains of aliases join vulnerabilities that are not the same.

use std::collections::HashMap;

use plimsoll_model::{Ecosystem, Origin, Timestamp};

use super::{Advisory, Collection, Resolved, Signal, Symbol, Symbols, parts, sources};

/// Vectors of one CVE that are kept; more would not change the choice.
const MAX_VECTORS: usize = 16;

/// Links of one CVE that are kept.
const MAX_LINKS: usize = 4;

impl Collection {
    pub(crate) fn resolve(self) -> Resolved {
        let Self { mut symbols, mut advisories, parts, mut signals, dates } = self;
        let joined =
            parts.into_iter().filter_map(|(key, parts)| Some((key, parts::join(parts, &symbols)?)));
        advisories.extend(joined);
        let total = advisories.len();
        let mut advisories: Vec<Advisory> =
            advisories.into_values().filter(|advisory| !advisory.is_withdrawn).collect();
        let withdrawn = u64::try_from(total - advisories.len()).unwrap_or(u64::MAX);
        let key = |advisory: &Advisory| (symbols.text(advisory.id), symbols.text(advisory.source));
        advisories.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut sources = sources::of_advisories(&advisories, &symbols);
        sources.extend(sources::of_signals(&signals, &dates));
        let date = sources.values().map(|source| source.date).max().unwrap_or_default();
        find_cves(&mut advisories, &symbols);
        for advisory in &advisories {
            add_signals(advisory, &mut symbols, &mut signals);
        }
        let mut signals: Vec<(Symbol, Signal)> = signals.into_iter().collect();
        signals.sort_by(|(a, _), (b, _)| symbols.text(*a).cmp(symbols.text(*b)));
        for (cve, signal) in &mut signals {
            signal.cwe.sort_unstable();
            signal.cwe.dedup();
            signal.cvss.sort_by(|a, b| vector_order(&symbols, *a).cmp(&vector_order(&symbols, *b)));
            signal.cvss.dedup();
            signal.cvss.truncate(MAX_VECTORS);
            signal.links.sort_by(|a, b| symbols.text(a.url).cmp(symbols.text(b.url)));
            signal.links.dedup_by_key(|link| link.url);
            signal.links.truncate(MAX_LINKS);
            let may_be_new = may_be_new(symbols.text(*cve), date);
            signal.published = signal.published.or(signal.first_advisory.filter(|_| may_be_new));
        }
        Resolved { symbols, advisories, signals, sources, date, withdrawn }
    }
}

/// Whether a CVE can have been disclosed of late, by its year. A distribution's advisory may come years after the CVE, so
/// its date alone does not make an old CVE a new one.
fn may_be_new(cve: &str, date: Timestamp) -> bool {
    let year = |text: &str| text.parse::<i64>().ok();
    let numbered = cve.split('-').nth(1).and_then(year);
    let now = date.date().split('-').next().and_then(year);
    numbered.zip(now).is_none_or(|(numbered, now)| now - numbered <= 1)
}

fn vector_order(symbols: &Symbols, (by, vector): (Symbol, Symbol)) -> (bool, &str, &str) {
    let by = symbols.text(by);
    // Named assessors first, so that the limit never drops them.
    (!["NVD", "CNA", "CISA-ADP"].contains(&by), by, symbols.text(vector))
}

fn find_cves(advisories: &mut [Advisory], symbols: &Symbols) {
    // Which CVE stands for an id that is none: only where all records agree on one.
    let mut known: HashMap<Symbol, Option<Symbol>> = HashMap::new();
    for advisory in advisories.iter() {
        let [cve] = advisory.cves.as_slice() else { continue };
        if advisory.is_malicious {
            continue;
        }
        for id in std::iter::once(&advisory.id).chain(&advisory.aliases) {
            known
                .entry(*id)
                .and_modify(|other| *other = other.filter(|other| other == cve))
                .or_insert(Some(*cve));
        }
    }
    for advisory in advisories {
        if advisory.cves.is_empty() && !advisory.is_malicious {
            let ids = std::iter::once(&advisory.id).chain(&advisory.aliases);
            advisory.cves = ids.filter_map(|id| known.get(id).copied().flatten()).collect();
            advisory.cves.sort_by(|a, b| symbols.text(*a).cmp(symbols.text(*b)));
            advisory.cves.dedup();
        }
    }
}

/// What an advisory on exactly one CVE says holds for that CVE in every package.
fn add_signals(advisory: &Advisory, symbols: &mut Symbols, signals: &mut HashMap<Symbol, Signal>) {
    for cve in &advisory.cves {
        let alone = advisory.cves.len() == 1;
        if !alone && !signals.contains_key(cve) && advisory.published.is_none() {
            continue;
        }
        let signal = signals.entry(*cve).or_default();
        if let Some(published) = advisory.published {
            let known = signal.first_advisory.unwrap_or(published);
            signal.first_advisory = Some(published.min(known));
        }
        if !alone {
            continue;
        }
        let prefix: String = symbols.text(advisory.id).chars().take_while(|c| *c != '-').collect();
        let by = symbols.intern(&prefix);
        for vector in advisory.cvss.iter().chain(advisory.affected.iter().flat_map(|one| &one.cvss))
        {
            if !signal.cvss.iter().any(|(_, known)| known == vector) {
                signal.cvss.push((by, *vector));
            }
        }
        signal.cwe.extend_from_slice(&advisory.cwe);
        signal.has_proof_of_concept |= advisory.has_proof_of_concept;
        signal.is_weaponised |= advisory.is_weaponised;
        signal.is_disputed |= advisory.is_disputed;
        if signal.title.is_none() && describes_it(advisory, symbols) {
            signal.title = Some(advisory.title);
        }
    }
}

/// Distributions title their advisories `openssl - security update`, which says nothing of the vulnerability.
fn describes_it(advisory: &Advisory, symbols: &Symbols) -> bool {
    let is_system = advisory.affected.iter().any(|affected| {
        let ecosystem = Ecosystem::named(symbols.text(affected.ecosystem));
        ecosystem.row().is_some_and(|row| row.origin == Origin::System)
    });
    !is_system && !symbols.text(advisory.title).is_empty()
}
