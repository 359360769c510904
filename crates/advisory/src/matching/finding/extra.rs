//! What only vulnerabilities know, as words for formats and filters.
//!
//! Keys: `class` (`system`, `application`), `package`, `version`, `source`, `vendor-severity`, `exploit` (`known-exploited`, `weaponised`,
//! `proof-of-concept`), `ransomware`, `epss-percentile`, `cwe`, `published`, `subscription`. Odd: a key that has nothing to say is
//! not there.

use std::collections::BTreeMap;

use plimsoll_model::Origin;

use super::{Statement, Subjects};
use crate::{
    priority::{EPSS_WHOLE, Exploitation, Signals, VendorSeverity},
    snapshot::reader::SignalRecord,
};

pub(super) fn of(
    about: &Subjects<'_>,
    hits: &[&Statement<'_>],
    signal: &SignalRecord<'_>,
    signals: &Signals,
) -> BTreeMap<String, String> {
    let package = about.package;
    let class = match about.row.origin {
        Origin::System => "system",
        Origin::Application => "application",
    };
    let mut extra = BTreeMap::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            extra.insert(key.to_owned(), value);
        }
    };
    put("class", class.to_owned());
    put("package", package.name.clone());
    put("version", package.version.clone());
    put("source", package.source.as_ref().map(|source| source.name.clone()).unwrap_or_default());
    put("vendor-severity", signals.vendor.map_or("", VendorSeverity::as_str).to_owned());
    put("exploit", exploit(signals).to_owned());
    put("ransomware", if signal.ransomware { "known".to_owned() } else { String::new() });
    let percentile = signals.epss.and_then(|epss| epss.percentile);
    put("epss-percentile", percentile.map(share).unwrap_or_default());
    let mut cwe = signals.cwe.clone();
    cwe.sort_unstable();
    cwe.dedup();
    put("cwe", cwe.iter().map(|number| format!("CWE-{number}")).collect::<Vec<_>>().join(","));
    put("published", signals.published.map(|time| time.date()).unwrap_or_default());
    let pro = hits.iter().any(|hit| hit.needs_subscription);
    put("subscription", if pro { "ubuntu-pro".to_owned() } else { String::new() });
    extra
}

fn exploit(signals: &Signals) -> &'static str {
    if signals.known_exploited.is_some() || signals.exploitation == Some(Exploitation::Active) {
        "known-exploited"
    } else if signals.weaponised {
        "weaponised"
    } else if signals.proof_of_concept || signals.exploitation == Some(Exploitation::ProofOfConcept)
    {
        "proof-of-concept"
    } else {
        ""
    }
}

/// `0.97213`, without trailing zeros.
fn share(billionths: u32) -> String {
    if billionths >= EPSS_WHOLE {
        return "1".to_owned();
    }
    let text = format!("0.{billionths:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_print_short() {
        assert_eq!(share(972_130_000), "0.97213");
        assert_eq!(share(0), "0");
        assert_eq!(share(EPSS_WHOLE), "1");
        assert_eq!(share(1), "0.000000001");
    }
}
