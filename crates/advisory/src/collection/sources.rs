//! The sources of a snapshot: how many records each gave, and of which day it is.
//!
//! In: advisories and signals. Out: one [`Source`] per ecosystem and per other feed. Source: `docs/semantics.md`,
//! "Coverage". Odd: a feed's day is that of its newest record, but real feeds hold records with a mistyped year (two of
//! 16,000 in PyPI's, a year ahead). Such a day would make the data look fresh for a year and everything after it look
//! old, so a few records that stand far apart from all others do not date a feed.

use std::collections::{BTreeMap, HashMap};

use plimsoll_model::Timestamp;

use super::{Advisory, Signal, Source, Symbol, Symbols};

/// Records are apart from the others when there are none for so many days before them …
const APART_DAYS: i64 = 60;
/// … and when they are fewer than one in so many.
const APART_SHARE: usize = 1000;

/// One source per ecosystem: a record that names several counts in each, as it stands in each one's archive.
pub(super) fn of_advisories(
    advisories: &[Advisory],
    symbols: &Symbols,
) -> BTreeMap<String, Source> {
    let mut dates: Vec<Timestamp> = advisories.iter().map(|advisory| advisory.modified).collect();
    let newest = newest_plausible(&mut dates);
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for advisory in advisories {
        let mut ecosystems: Vec<&str> =
            advisory.affected.iter().map(|affected| symbols.text(affected.ecosystem)).collect();
        ecosystems.sort_unstable();
        ecosystems.dedup();
        for ecosystem in ecosystems {
            let source = sources
                .entry(format!("{}/{ecosystem}", symbols.text(advisory.source)))
                .or_insert(Source { records: 0, date: Timestamp(i64::MIN) });
            source.records += 1;
            if advisory.modified <= newest {
                source.date = source.date.max(advisory.modified);
            }
        }
    }
    for source in sources.values_mut().filter(|source| source.date == Timestamp(i64::MIN)) {
        source.date = newest;
    }
    sources
}

/// The other feeds: what they said stands in the signals.
pub(super) fn of_signals(
    signals: &HashMap<Symbol, Signal>,
    dates: &BTreeMap<&'static str, Timestamp>,
) -> BTreeMap<String, Source> {
    let count = |holds: &dyn Fn(&Signal) -> bool| {
        u64::try_from(signals.values().filter(|signal| holds(signal)).count()).unwrap_or(u64::MAX)
    };
    dates
        .iter()
        .map(|(name, date)| {
            let records = match *name {
                "kev" => count(&|signal| signal.known_exploited.is_some()),
                "epss" => count(&|signal| signal.epss.is_some()),
                "cve-records" => count(&|signal| signal.has_cve_record),
                _ => count(&|signal| signal.has_record),
            };
            ((*name).to_owned(), Source { records, date: *date })
        })
        .collect()
}

/// The newest date that does not stand apart.
fn newest_plausible(dates: &mut [Timestamp]) -> Timestamp {
    dates.sort_unstable();
    let may_be_apart = dates.len() / APART_SHARE;
    for apart in 1..=may_be_apart {
        let end = dates.len() - apart;
        let Some([before, first]) = dates.get(end - 1..=end) else { break };
        if first.days_since(*before) > APART_DAYS {
            return *before;
        }
    }
    dates.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp(day * 86_400)
    }

    #[test]
    fn a_mistyped_year_does_not_date_a_feed() {
        let mut dates: Vec<Timestamp> = (0..3000).map(day).collect();
        assert_eq!(newest_plausible(&mut dates), day(2999));
        dates.push(day(3300));
        dates.push(day(3301));
        assert_eq!(newest_plausible(&mut dates), day(2999));
        dates.extend([day(3302), day(3303)]);
        assert_eq!(newest_plausible(&mut dates), day(3303), "one in 1000 is not apart any more");
    }

    #[test]
    fn a_small_feed_is_as_new_as_its_newest_record() {
        assert_eq!(newest_plausible(&mut [day(5000), day(1)]), day(5000));
        assert_eq!(newest_plausible(&mut []), Timestamp(0));
    }
}
