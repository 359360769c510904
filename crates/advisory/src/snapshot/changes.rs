//! What differs between two snapshots, as far as matching can tell.
//!
//! In: two snapshots. Out: the names of packages whose advisories, or whose CVEs' signals, are others, and whether the
//! ecosystems and releases that are spoken of are. Odd: names are compared by keyed hashes of all that their advisories say,
//! with keys drawn for each comparison, so that no feed can make a change look like none; a field that is added to the
//! records is compared without a line here.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use super::{
    Snapshot,
    layout::{Damaged, Section},
    reader::Reader,
};

/// What differs between two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ecosystem and name, as in [`MatchedAlone::asked`](crate::MatchedAlone::asked), of packages whose advisories or signals
    /// differ.
    pub names: BTreeSet<(String, String)>,
    /// Ecosystems or releases are spoken of in one and not in the other, or one is the starter feed.
    pub coverage: bool,
}

/// One name and the hash of all that is said of it; in the order of the names.
type Said<'a> = Vec<((&'a str, &'a str), u64)>;

impl Snapshot {
    /// What differs from `before`, as far as matching can tell; `None` when one of the two is damaged, so that anything may.
    /// The two dates are not compared.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Option<Changes> {
        let keys = RandomState::new();
        let (old, new) = std::thread::scope(|scope| {
            let old = scope.spawn(|| said(&before.reader(), &keys));
            let new = said(&self.reader(), &keys);
            (old.join(), new)
        });
        let (old, new) = (old.ok()?.ok()?, new.ok()?);
        let (old_coverage, new_coverage) =
            (coverage(&before.reader()).ok()?, coverage(&self.reader()).ok()?);
        let is_starter = before.state.starter || self.state.starter;
        Some(Changes {
            names: differing(&old, &new),
            coverage: old_coverage != new_coverage || is_starter,
        })
    }
}

/// Ecosystem, name, release and the versions that bound a range, of one entry.
pub type NamedVersions = (String, String, Option<String>, Vec<String>);

impl Snapshot {
    /// What each entry names: real names and versions, for fleets that are made up of them.
    pub fn named_versions(&self) -> impl Iterator<Item = NamedVersions> + '_ {
        let reader = self.reader();
        let rows =
            (0..reader.rows(Section::Packages)).filter_map(move |row| reader.package_row(row).ok());
        rows.flat_map(move |((ecosystem, name), entries)| {
            entries.filter_map(move |number| {
                let entry = reader.entry_row(number).ok()?;
                let bounds = entry.ranges.iter().flatten().map(|(_, version)| *version);
                let versions = bounds.chain(entry.versions.iter().copied());
                let versions = versions.filter(|version| !["", "0"].contains(version));
                Some((
                    ecosystem.to_owned(),
                    name.to_owned(),
                    entry.release.map(str::to_owned),
                    versions.map(str::to_owned).collect(),
                ))
            })
        })
    }
}

/// Names that stand in one list alone, or with another hash.
fn differing(old: &Said<'_>, new: &Said<'_>) -> BTreeSet<(String, String)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut names = BTreeSet::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return names,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let one = if order.is_le() { old.next() } else { None };
        let other = if order.is_ge() { new.next() } else { None };
        if one.map(|(_, hash)| hash) != other.map(|(_, hash)| hash)
            && let Some(((ecosystem, name), _)) = one.or(other)
        {
            names.insert(((*ecosystem).to_owned(), (*name).to_owned()));
        }
    }
}

fn coverage<'a>(reader: &Reader<'a>) -> Result<BTreeSet<(&'a str, Option<&'a str>)>, Damaged> {
    (0..reader.rows(Section::Releases)).map(|row| reader.release(row)).collect()
}

fn said<'a>(reader: &Reader<'a>, keys: &RandomState) -> Result<Said<'a>, Damaged> {
    let mut signals: HashMap<&str, u64> = HashMap::new();
    for row in 0..reader.rows(Section::Signals) {
        let (cve, record) = reader.signal_row(row)?;
        signals.insert(cve, keys.hash_one(&record));
    }
    let mut advisories = Vec::with_capacity(reader.rows(Section::Advisories));
    for number in (0_u32..).take(reader.rows(Section::Advisories)) {
        let record = reader.advisory(number)?;
        let mut hash = keys.build_hasher();
        record.hash(&mut hash);
        for cve in &record.cves {
            signals.get(cve).hash(&mut hash);
        }
        advisories.push(hash.finish());
    }
    let mut said = Vec::with_capacity(reader.rows(Section::Packages));
    for row in 0..reader.rows(Section::Packages) {
        let (name, entries) = reader.package_row(row)?;
        let mut hash = keys.build_hasher();
        for number in entries {
            let mut entry = reader.entry_row(number)?;
            let advisory = usize::try_from(std::mem::take(&mut entry.advisory)).ok();
            advisory.and_then(|number| advisories.get(number)).hash(&mut hash);
            entry.hash(&mut hash);
        }
        said.push((name, hash.finish()));
    }
    Ok(said)
}
