//! Records that come in parts: a repository, a release or a product each has a document of its own that names the same
//! advisory.
//!
//! In: all parts of one record. Out: the record. Odd: of two documents that speak of the same package of the same release the
//! newer one is right; those of one day are both. The order in which they come does not matter.

use std::collections::BTreeMap;

use super::{Advisory, Affected, Symbol, Symbols};

/// What a row is about.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

fn key<'a>(row: &Affected, symbols: &'a Symbols) -> Key<'a> {
    let text = |symbol: Option<Symbol>| symbol.map_or("", |symbol| symbols.text(symbol));
    (symbols.text(row.ecosystem), symbols.text(row.name), text(row.release), text(row.module))
}

/// One record of all parts, of which there is at least one.
pub(super) fn join(mut parts: Vec<Advisory>, symbols: &Symbols) -> Option<Advisory> {
    // Oldest first; within a day by what is in them, never by chance.
    parts.sort_by(|a, b| match symbols.is_newer(a, b) {
        true => std::cmp::Ordering::Greater,
        false if symbols.is_newer(b, a) => std::cmp::Ordering::Less,
        false => std::cmp::Ordering::Equal,
    });
    let mut rows: BTreeMap<Key<'_>, (i64, Vec<Affected>)> = BTreeMap::new();
    for part in &parts {
        for row in &part.affected {
            let (since, known) = rows.entry(key(row, symbols)).or_default();
            if *since != part.modified.0 {
                *since = part.modified.0;
                known.clear();
            }
            if !known.contains(row) {
                known.push(row.clone());
            }
        }
    }
    let affected = rows.into_values().flat_map(|(_, rows)| rows).collect();
    let union = |of: &dyn Fn(&Advisory) -> Vec<Symbol>| {
        let mut all: Vec<Symbol> = parts.iter().flat_map(of).collect();
        all.sort_by(|a, b| symbols.text(*a).cmp(symbols.text(*b)));
        all.dedup();
        all
    };
    let (cves, cvss) = (union(&|part| part.cves.clone()), union(&|part| part.cvss.clone()));
    let aliases = union(&|part| part.aliases.clone());
    let mut cwe: Vec<u32> = parts.iter().flat_map(|part| part.cwe.clone()).collect();
    cwe.sort_unstable();
    cwe.dedup();
    let published = parts.iter().filter_map(|part| part.published).min();
    let severity = parts.iter().filter_map(|part| part.severity).max();
    let newest = parts.pop()?;
    Some(Advisory { published, severity, cves, aliases, cvss, cwe, affected, ..newest })
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Status, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::collection::{Authority, EventKind};

    fn part(symbols: &mut Symbols, day: i64, rows: &[(usize, usize)]) -> Advisory {
        let names = ["curl", "libcurl", "curl-devel"];
        let versions = ["1-1", "1-2", "1-3"];
        let affected = rows.iter().map(|(name, version)| Affected {
            ecosystem: symbols.intern("AlmaLinux"),
            name: symbols.intern(names[*name]),
            release: Some(symbols.intern("9")),
            ranges: vec![vec![(EventKind::Fixed, symbols.intern(versions[*version]))]],
            versions: Vec::new(),
            status: Some(Status::Affected),
            severity: None,
            cvss: Vec::new(),
            justification: None,
            text: None,
            module: None,
        });
        let affected = affected.collect();
        Advisory {
            is_dated: true,
            modified: Timestamp(day),
            id: symbols.intern("ALSA-2023:1"),
            source: symbols.intern("updateinfo"),
            authority: Authority::Advisory,
            published: Some(Timestamp(day)),
            is_withdrawn: false,
            is_malicious: false,
            is_disputed: false,
            is_no_vulnerability: false,
            has_proof_of_concept: false,
            is_weaponised: false,
            cves: Vec::new(),
            aliases: Vec::new(),
            title: symbols.intern("t"),
            cvss: Vec::new(),
            severity: None,
            cwe: Vec::new(),
            module: None,
            affected,
        }
    }

    #[test]
    fn packages_of_several_documents_unite_and_the_newer_word_stands() {
        let mut symbols = Symbols::default();
        let parts = vec![
            part(&mut symbols, 2, &[(0, 1)]),
            part(&mut symbols, 1, &[(0, 0), (1, 0)]),
            part(&mut symbols, 2, &[(2, 1)]),
        ];
        let joined = join(parts, &symbols).unwrap();
        let mut rows: Vec<(&str, &str)> = joined
            .affected
            .iter()
            .map(|row| (symbols.text(row.name), symbols.text(row.ranges[0][0].1)))
            .collect();
        rows.sort_unstable();
        assert_eq!(rows, [("curl", "1-2"), ("curl-devel", "1-2"), ("libcurl", "1-1")]);
        assert_eq!((joined.modified, joined.published), (Timestamp(2), Some(Timestamp(1))));
    }

    proptest! {
        #[test]
        fn the_order_of_documents_does_not_matter(
            parts in proptest::collection::vec(
                (1..4_i64, proptest::collection::vec((0..3_usize, 0..3_usize), 0..4)), 1..5
            ),
            turn in 0..4_usize,
        ) {
            let mut symbols = Symbols::default();
            let parts: Vec<Advisory> =
                parts.iter().map(|(day, rows)| part(&mut symbols, *day, rows)).collect();
            let mut turned = parts.clone();
            turned.rotate_left(turn % parts.len());
            let sorted = |advisory: Option<Advisory>| advisory.map(|mut advisory| {
                advisory.affected.sort();
                advisory
            });
            prop_assert_eq!(sorted(join(parts, &symbols)), sorted(join(turned, &symbols)));
        }
    }
}
