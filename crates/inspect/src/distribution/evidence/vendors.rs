//! Who built the packages: the vendor that RPM's headers name, the maintainer of Debian's stanzas.
//!
//! In: vendors of packages. Out: a vote for whom most packages name. Source: the packages of each distribution. Odd: SUSE
//! builds for openSUSE as well; Fedora's name stands on EPEL's packages, so the majority decides.

use std::collections::BTreeMap;

use super::{Answer, Kind, Vote};
use crate::distribution::Listed;

/// A part of the vendor's name in lower case, and the `ID`s that it stands for.
const VENDORS: &[(&str, &[&str])] = &[
    ("red hat", &["rhel"]),
    ("rocky", &["rocky"]),
    ("almalinux", &["almalinux"]),
    ("centos", &["centos"]),
    ("oracle", &["ol"]),
    ("fedora", &["fedora"]),
    ("amazon", &["amzn"]),
    ("opensuse", OPEN_SUSE),
    ("suse", SUSE),
    ("vmware", &["photon"]),
    ("microsoft", &["azurelinux", "mariner"]),
    ("openeuler", &["openeuler"]),
    ("alibaba", &["alinux"]),
    ("anolis", &["anolis"]),
    ("kylin", &["kylin"]),
    ("tencent", &["tencentos", "tlinux"]),
    ("opencloudos", &["opencloudos"]),
    ("mageia", &["mageia"]),
    ("ubuntu", &["ubuntu"]),
];

const OPEN_SUSE: &[&str] = &[
    "opensuse-leap",
    "opensuse-tumbleweed",
    "opensuse",
    "opensuse-microos",
    "opensuse-leap-micro",
];
const SUSE: &[&str] = &[
    "sles",
    "sled",
    "sle_hpc",
    "sles_sap",
    "suse",
    "sle-micro",
    "sl-micro",
    "suse-microos",
    "opensuse-leap",
    "opensuse-leap-micro",
    "opensuse",
];

/// So many packages must name the vendor, and more than half of those that name one.
const MIN_PACKAGES: usize = 3;

pub(super) fn vote(packages: &[Listed<'_>]) -> Option<Vote> {
    let mut counts: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
    let mut named = 0_usize;
    for package in packages.iter().filter(|package| !package.vendor.is_empty()) {
        named += 1;
        let vendor = package.vendor.to_lowercase();
        if let Some(known) = VENDORS.iter().position(|(part, _)| vendor.contains(part)) {
            counts.entry(known).or_insert((0, package.vendor)).0 += 1;
        }
    }
    let (known, (count, vendor)) = counts.into_iter().max_by_key(|(_, (count, _))| *count)?;
    if count < MIN_PACKAGES || count * 2 <= named {
        return None;
    }
    let (_, ids) = VENDORS.get(known)?;
    let answers = ids.iter().map(|id| Answer::new(id, "")).collect();
    let says = format!("{count} packages are of the vendor `{}`", crate::facts::clip(vendor));
    Some(Vote { kind: Kind::Vendors, answers, says })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_of_vendors_counts() {
        let listed = |vendor| Listed { name: "x", version: "1", vendor };
        for (vendors, wanted) in [
            (vec!["Rocky Enterprise Software Foundation"; 3], Some("rocky")),
            (vec!["SUSE LLC <https://www.suse.com/>"; 3], Some("sles")),
            (vec!["openSUSE"; 3], Some("opensuse-leap")),
            (vec!["Amazon Linux"; 3], Some("amzn")),
            (vec!["Red Hat, Inc."; 2], None),
            (vec!["Nobody"; 9], None),
            ([vec!["Red Hat, Inc."; 4], vec!["Fedora Project"; 3]].concat(), Some("rhel")),
            ([vec!["Red Hat, Inc."; 3], vec!["Docker"; 3]].concat(), None),
        ] {
            let packages: Vec<Listed<'_>> = vendors.iter().map(|vendor| listed(vendor)).collect();
            let found = vote(&packages).map(|vote| vote.answers[0].id);
            assert_eq!(found, wanted, "{vendors:?}");
        }
    }
}
