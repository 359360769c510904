//! What to upgrade, so that the most urgent vulnerabilities end first.
//!
//! In: a report. Out: one [`Upgrade`] per installed package, with the version that ends everything that has a fix, most
//! worthwhile first. Odd: advisories name packages by their source, so the upgrade of one source may concern several
//! installed packages; versions are ordered by their own ecosystem's rules.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use plimsoll_advisory::compare;
use plimsoll_model::{Finding, Kind, Package, Priority, Report, Scheme, Subject};

/// One upgrade and what it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upgrade {
    /// Name that the advisories use: the source package's where the ecosystem has one.
    pub package: String,
    /// Installed version of it.
    pub installed: String,
    /// First version without any of the vulnerabilities below.
    pub version: String,
    /// Names of the installed packages that it concerns.
    pub names: BTreeSet<String>,
    /// Records that it ends and that are to be fixed as soon as possible.
    pub asap: BTreeSet<String>,
    /// … that can wait.
    pub later: BTreeSet<String>,
}

/// The upgrades that end at least one vulnerability of priority asap or later, by how many they end.
#[must_use]
pub fn upgrades(report: &Report) -> Vec<Upgrade> {
    let packages: BTreeMap<&str, &Package> =
        report.packages.iter().map(|package| (package.purl.as_str(), package)).collect();
    let mut upgrades: BTreeMap<(&str, &str, &str), Upgrade> = BTreeMap::new();
    let open = |finding: &&Finding| finding.kind == Kind::Vulnerability && finding.is_open();
    for finding in report.findings.iter().filter(open) {
        let Subject::Purl(purl) = &finding.subject else { continue };
        let Some(package) = packages.get(purl.as_str()) else { continue };
        let (name, installed) = package.matched_name_and_version();
        if let Some(version) = fixed_version(finding) {
            let upgrade =
                upgrades.entry((package.ecosystem.0.as_str(), name, installed)).or_default();
            name.clone_into(&mut upgrade.package);
            installed.clone_into(&mut upgrade.installed);
            upgrade.add(finding, version, package);
        }
    }
    let mut upgrades: Vec<Upgrade> = upgrades
        .into_values()
        .filter(|upgrade| upgrade.asap.len() + upgrade.later.len() > 0)
        .collect();
    upgrades.sort_by(|a, b| {
        let ends = |upgrade: &Upgrade| (upgrade.asap.len(), upgrade.later.len());
        ends(b)
            .cmp(&ends(a))
            .then_with(|| a.package.cmp(&b.package))
            .then_with(|| a.installed.cmp(&b.installed))
    });
    upgrades
}

/// The first version without the vulnerability, if the finding knows one.
#[must_use]
pub fn fixed_version(finding: &Finding) -> Option<&str> {
    finding.fix.as_ref().and_then(|fix| fix.version.as_deref())
}

impl Upgrade {
    fn add(&mut self, finding: &Finding, version: &str, package: &Package) {
        if self.version.is_empty()
            || is_later(package.ecosystem.row().map(|row| row.scheme), version, &self.version)
        {
            version.clone_into(&mut self.version);
        }
        self.names.insert(package.name.clone());
        match finding.priority {
            Some(Priority::Asap) => self.asap.insert(finding.record.clone()),
            Some(Priority::Later) => self.later.insert(finding.record.clone()),
            _ => false,
        };
    }
}

/// Whether `a` comes after `b`; where that cannot be told, the text decides, so that the answer does not depend on the
/// order of findings.
fn is_later(scheme: Option<Scheme>, a: &str, b: &str) -> bool {
    let order = scheme.and_then(|scheme| compare(scheme, a, b).ok()).unwrap_or_else(|| a.cmp(b));
    order == Ordering::Greater
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_ends_everything_is_the_latest_by_its_own_order() {
        assert!(is_later(Some(Scheme::Maven), "2.9.10.8", "2.9.9"));
        assert!(is_later(Some(Scheme::Dpkg), "1:1.0", "2.0"));
        assert!(!is_later(Some(Scheme::Dpkg), "1.0~rc1", "1.0"));
        assert!(is_later(None, "b", "a"));
    }
}
