//! Table: every distribution that we know: how it names itself, how OSV names it, and when its releases end.
//!
//! In: fields of `os-release`. Out: ecosystem, release, end of life. Source: OSV schema, "Defined ecosystems" and the
//! names in its data; each distribution's own life-cycle page for dates (end of free security fixes for everybody, long
//! terms by volunteers included, paid ones not; where a page gives a month, its last day). A release that is not listed has
//! no date that its distribution published, or none that we could verify. Odd: a release is written as OSV writes it, not
//! as the distribution does: `v3.20`, `22.04:LTS`, `Leap 15.5`, `enterprise_linux:9`.

use std::collections::BTreeMap;

use plimsoll_model::{Ecosystem, Timestamp};

use super::{
    Distribution, Family,
    numbering::{self, Release},
};

/// Which advisories there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// OSV has advisories per release.
    ByRelease,
    /// OSV has advisories, without releases.
    Rolling,
    /// OSV has none.
    NoSource,
}

/// One distribution.
#[derive(Debug)]
pub struct Distributions {
    /// Values of `ID` in `os-release`.
    pub ids: &'static [&'static str],
    /// OSV name without release; an own one where OSV has none.
    pub ecosystem: &'static str,
    /// Which advisories there are.
    pub support: Support,
    /// Release and last day of free fixes.
    pub end_of_life: &'static [(&'static str, &'static str)],
    families: &'static [Family],
    release: Release,
}

use Release::{
    Alpine, Amazon, CentOs, Major, OpenEuler, OpenSuse, Suse, TwoNumbers, Ubuntu, Whole,
};
use Support::{ByRelease, NoSource, Rolling};

const fn row(
    ids: &'static [&'static str],
    ecosystem: &'static str,
    families: &'static [Family],
    support: Support,
    release: Release,
    end_of_life: &'static [(&'static str, &'static str)],
) -> Distributions {
    Distributions { ids, ecosystem, support, end_of_life, families, release }
}

const DPKG: &[Family] = &[Family::Dpkg];
const APK: &[Family] = &[Family::Apk];
const RPM: &[Family] = &[Family::Rpm];

const DEBIAN: &[(&str, &str)] = &[
    ("7", "2018-05-31"),
    ("8", "2020-06-30"),
    ("9", "2022-06-30"),
    ("10", "2024-06-30"),
    ("11", "2026-08-31"),
    ("12", "2028-06-30"),
    ("13", "2030-06-30"),
];
const UBUNTU: &[(&str, &str)] = &[
    ("12.04:LTS", "2017-04-28"),
    ("14.04:LTS", "2019-04-25"),
    ("16.04:LTS", "2021-04-30"),
    ("18.04:LTS", "2023-05-31"),
    ("20.04:LTS", "2025-05-31"),
    ("22.04:LTS", "2027-06-01"),
    ("21.04", "2022-01-20"),
    ("21.10", "2022-07-14"),
    ("22.10", "2023-07-20"),
    ("23.04", "2024-01-25"),
    ("23.10", "2024-07-11"),
    ("24.04:LTS", "2029-05-31"),
    ("24.10", "2025-07-10"),
    ("25.04", "2026-01-15"),
    ("25.10", "2026-07-09"),
];
const ALPINE: &[(&str, &str)] = &[
    ("v3.2", "2017-05-01"),
    ("v3.3", "2017-11-01"),
    ("v3.4", "2018-05-01"),
    ("v3.5", "2018-11-01"),
    ("v3.6", "2019-05-01"),
    ("v3.7", "2019-11-01"),
    ("v3.8", "2020-05-01"),
    ("v3.9", "2020-11-01"),
    ("v3.10", "2021-05-01"),
    ("v3.11", "2021-11-01"),
    ("v3.12", "2022-05-01"),
    ("v3.13", "2022-11-01"),
    ("v3.14", "2023-05-01"),
    ("v3.15", "2023-11-01"),
    ("v3.16", "2024-05-23"),
    ("v3.17", "2024-11-22"),
    ("v3.18", "2025-05-09"),
    ("v3.19", "2025-11-01"),
    ("v3.20", "2026-04-01"),
    ("v3.21", "2026-11-01"),
    ("v3.22", "2027-05-01"),
    ("v3.23", "2027-11-01"),
];
const RED_HAT: &[(&str, &str)] = &[
    ("enterprise_linux:5", "2017-03-31"),
    ("enterprise_linux:6", "2020-11-30"),
    ("enterprise_linux:7", "2024-06-30"),
    ("enterprise_linux:8", "2029-05-31"),
    ("enterprise_linux:9", "2032-05-31"),
    ("enterprise_linux:10", "2035-05-31"),
];
const REBUILDS: &[(&str, &str)] = &[("8", "2029-05-31"), ("9", "2032-05-31"), ("10", "2035-05-31")];
const FEDORA: &[(&str, &str)] = &[
    ("30", "2020-05-26"),
    ("31", "2020-11-24"),
    ("32", "2021-05-25"),
    ("33", "2021-11-30"),
    ("34", "2022-06-07"),
    ("35", "2022-12-13"),
    ("36", "2023-05-16"),
    ("37", "2023-12-05"),
    ("38", "2024-05-21"),
    ("39", "2024-11-26"),
    ("40", "2025-05-13"),
    ("41", "2025-12-15"),
    ("42", "2026-05-13"),
];
const AMAZON: &[(&str, &str)] = &[("1", "2023-12-31"), ("2", "2026-06-30"), ("2023", "2029-06-30")];
const LEAP: &[(&str, &str)] = &[
    ("Leap 42.1", "2017-05-17"),
    ("Leap 42.2", "2018-01-26"),
    ("Leap 42.3", "2019-07-01"),
    ("Leap 15.0", "2019-12-03"),
    ("Leap 15.1", "2021-02-02"),
    ("Leap 15.2", "2022-01-04"),
    ("Leap 15.3", "2022-12-31"),
    ("Leap 15.4", "2023-12-07"),
    ("Leap 15.5", "2024-12-31"),
    ("Leap 15.6", "2026-04-30"),
    ("Leap 16.0", "2027-10-31"),
];
const SLES: &[(&str, &str)] = &[
    ("Linux Enterprise Server 12", "2016-06-30"),
    ("Linux Enterprise Server 12 SP1", "2017-05-31"),
    ("Linux Enterprise Server 12 SP2", "2018-03-31"),
    ("Linux Enterprise Server 12 SP3", "2019-06-30"),
    ("Linux Enterprise Server 12 SP4", "2020-06-30"),
    ("Linux Enterprise Server 12 SP5", "2024-10-31"),
    ("Linux Enterprise Server 15", "2019-12-31"),
    ("Linux Enterprise Server 15 SP1", "2021-01-31"),
    ("Linux Enterprise Server 15 SP2", "2021-12-31"),
    ("Linux Enterprise Server 15 SP3", "2022-12-31"),
    ("Linux Enterprise Server 15 SP4", "2023-12-31"),
    ("Linux Enterprise Server 15 SP5", "2024-12-31"),
    ("Linux Enterprise Server 15 SP6", "2025-12-31"),
    ("Linux Enterprise Server 15 SP7", "2031-07-31"),
];
const CENTOS: &[(&str, &str)] = &[
    ("5", "2017-03-31"),
    ("6", "2020-11-30"),
    ("7", "2024-06-30"),
    ("8", "2021-12-31"),
    ("8-stream", "2024-05-31"),
    ("9-stream", "2027-05-31"),
];
const ORACLE: &[(&str, &str)] =
    &[("6", "2021-03-31"), ("7", "2024-12-31"), ("8", "2029-07-31"), ("9", "2032-06-30")];
const PHOTON: &[(&str, &str)] =
    &[("1.0", "2022-02-28"), ("2.0", "2022-12-31"), ("3.0", "2024-03-01"), ("4.0", "2026-03-01")];
const OPEN_EULER: &[(&str, &str)] = &[
    ("20.03-LTS", "2021-03-31"),
    ("20.03-LTS-SP1", "2022-12-31"),
    ("20.03-LTS-SP2", "2022-04-30"),
    ("20.03-LTS-SP3", "2023-12-31"),
    ("20.03-LTS-SP4", "2025-11-30"),
    ("22.03-LTS", "2024-03-31"),
    ("22.03-LTS-SP1", "2024-12-31"),
    ("22.03-LTS-SP2", "2024-03-31"),
    ("22.03-LTS-SP3", "2025-12-31"),
    ("22.03-LTS-SP4", "2026-06-30"),
    ("23.03", "2023-09-30"),
    ("23.09", "2024-03-31"),
    ("24.03-LTS", "2026-05-31"),
    ("24.03-LTS-SP1", "2026-12-31"),
    ("24.03-LTS-SP2", "2026-03-31"),
    ("24.03-LTS-SP3", "2027-12-31"),
    ("24.03-LTS-SP4", "2027-03-31"),
    ("24.09", "2025-03-31"),
    ("25.03", "2025-09-30"),
    ("25.09", "2026-03-31"),
    ("26.09", "2027-03-31"),
];
const OPEN_WRT: &[(&str, &str)] = &[
    ("17.01", "2019-02-01"),
    ("18.06", "2021-07-01"),
    ("19.07", "2022-04-30"),
    ("21.02", "2023-04-30"),
    ("22.03", "2024-04-11"),
    ("23.05", "2025-08-16"),
];
const NIX_OS: &[(&str, &str)] = &[
    ("22.11", "2023-06-30"),
    ("23.05", "2023-12-31"),
    ("23.11", "2024-06-30"),
    ("24.05", "2024-12-31"),
    ("24.11", "2025-06-30"),
    ("25.05", "2025-12-31"),
    ("25.11", "2026-06-30"),
];

/// The table.
const ROWS: &[Distributions] = &[
    row(&["debian"], "Debian", DPKG, ByRelease, Major(""), DEBIAN),
    row(&["ubuntu"], "Ubuntu", DPKG, ByRelease, Ubuntu, UBUNTU),
    row(&["echo"], "Echo", DPKG, Rolling, Release::Rolling, &[]),
    row(&["raspbian"], "Raspbian", DPKG, NoSource, Major(""), &[]),
    row(&["kali"], "Kali Linux", DPKG, NoSource, Release::Rolling, &[]),
    row(&["devuan"], "Devuan", DPKG, NoSource, Major(""), &[]),
    row(&["linuxmint"], "Linux Mint", DPKG, NoSource, Whole, &[]),
    row(&["deepin"], "deepin", DPKG, NoSource, Whole, &[]),
    row(&["alpine"], "Alpine", APK, ByRelease, Alpine, ALPINE),
    row(&["wolfi"], "Wolfi", APK, Rolling, Release::Rolling, &[]),
    row(&["chainguard"], "Chainguard", APK, Rolling, Release::Rolling, &[]),
    row(&["minimos"], "MinimOS", APK, Rolling, Release::Rolling, &[]),
    row(&["cleanstart", "clnstrt"], "CleanStart", APK, Rolling, Release::Rolling, &[]),
    row(&["alpaquita"], "Alpaquita", APK, ByRelease, Whole, &[]),
    row(
        &["bellsoft-hardened-containers"],
        "BellSoft Hardened Containers",
        APK,
        ByRelease,
        Whole,
        &[],
    ),
    row(&["rhel"], "Red Hat", RPM, ByRelease, Major("enterprise_linux:"), RED_HAT),
    row(&["centos"], "CentOS", RPM, NoSource, CentOs, CENTOS),
    row(&["almalinux"], "AlmaLinux", RPM, ByRelease, Major(""), REBUILDS),
    row(&["rocky"], "Rocky Linux", RPM, ByRelease, Major(""), REBUILDS),
    row(&["ol"], "Oracle Linux", RPM, NoSource, Major(""), ORACLE),
    row(&["fedora"], "Fedora", RPM, NoSource, Major(""), FEDORA),
    row(&["amzn"], "Amazon Linux", RPM, NoSource, Amazon, AMAZON),
    row(
        &["sles", "sled", "sle_hpc", "sles_sap", "suse", "sle-micro", "sl-micro", "suse-microos"],
        "SUSE",
        RPM,
        ByRelease,
        Suse,
        SLES,
    ),
    row(
        &[
            "opensuse-leap",
            "opensuse-tumbleweed",
            "opensuse-microos",
            "opensuse-leap-micro",
            "opensuse",
        ],
        "openSUSE",
        RPM,
        ByRelease,
        OpenSuse,
        LEAP,
    ),
    row(&["mageia"], "Mageia", RPM, ByRelease, Major(""), &[("8", "2023-11-30")]),
    row(
        &["azurelinux", "mariner"],
        "Azure Linux",
        RPM,
        ByRelease,
        Major(""),
        &[("1", "2023-07-31"), ("2", "2025-07-31")],
    ),
    row(&["photon"], "Photon OS", RPM, NoSource, Whole, PHOTON),
    row(&["bottlerocket"], "Bottlerocket", RPM, NoSource, Whole, &[]),
    row(&["openeuler"], "openEuler", RPM, ByRelease, OpenEuler, OPEN_EULER),
    row(&["euleros"], "EulerOS", RPM, NoSource, OpenEuler, &[]),
    row(
        &["alinux", "alios", "aliyun"],
        "Alibaba Cloud Linux",
        RPM,
        NoSource,
        Major(""),
        &[("2", "2024-03-31"), ("3", "2031-03-31")],
    ),
    row(
        &["anolis"],
        "Anolis OS",
        RPM,
        NoSource,
        Major(""),
        &[("7", "2024-06-30"), ("8", "2031-03-31")],
    ),
    row(&["kylin"], "Kylin", RPM, NoSource, Whole, &[]),
    row(&["tencentos", "tlinux"], "TencentOS", RPM, NoSource, Major(""), &[]),
    row(&["opencloudos"], "OpenCloudOS", RPM, NoSource, Major(""), &[]),
    row(&["uos", "uniontech"], "UnionTech OS", RPM, NoSource, Whole, &[]),
    row(&["arch", "archarm"], "Arch Linux", &[Family::Pacman], NoSource, Release::Rolling, &[]),
    row(&["gentoo"], "Gentoo", &[Family::Portage], NoSource, Release::Rolling, &[]),
    // Since 25.12 its packages are apk's.
    row(&["openwrt"], "OpenWrt", &[Family::Opkg, Family::Apk], NoSource, TwoNumbers, OPEN_WRT),
    row(&["nixos"], "Nix", &[], NoSource, TwoNumbers, NIX_OS),
    row(&["flatcar"], "Flatcar", &[], NoSource, Whole, &[]),
    row(&["cos"], "Container-Optimized OS", &[], NoSource, Whole, &[]),
    row(&["talos"], "Talos", &[], NoSource, Whole, &[]),
    row(&["buildroot"], "Buildroot", &[], NoSource, Whole, &[]),
];

/// All rows, for the reference page.
#[must_use]
pub fn distributions() -> &'static [Distributions] {
    ROWS
}

/// A distribution with its row.
pub(super) struct Stated {
    pub(super) distribution: Distribution,
    pub(super) row: &'static Distributions,
}

pub(super) fn by_ecosystem(name: &str) -> Option<&'static Distributions> {
    ROWS.iter().find(|row| row.ecosystem == name)
}

/// What `os-release` says; `None` when its `ID` is not in the table. `ID_LIKE` is no help: a derivative's advisories are
/// not its parent's.
pub(super) fn by_os_release(fields: &BTreeMap<String, String>) -> Option<Stated> {
    let field = |name: &str| fields.get(name).map(|value| value.trim()).unwrap_or_default();
    let id = field("ID").to_ascii_lowercase();
    let row = ROWS.iter().find(|row| row.ids.contains(&id.as_str()))?;
    let version = field("VERSION_ID");
    let stated =
        numbering::Stated { id: &id, version, long: field("VERSION"), name: field("NAME") };
    let release = numbering::release(row.release, stated);
    let end_of_life = release.as_deref().and_then(|release| row.end(release));
    let pretty_name = match field("PRETTY_NAME") {
        "" => format!("{} {version}", row.ecosystem).trim().to_owned(),
        name => name.to_owned(),
    };
    let distro = (!version.is_empty()).then(|| format!("{id}-{version}"));
    let ecosystem = Ecosystem::named(row.ecosystem);
    let distribution = Distribution { pretty_name, id, ecosystem, release, distro, end_of_life };
    Some(Stated { distribution, row })
}

impl Distributions {
    /// Whether it has packages of that family.
    pub(super) fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// The families whose databases it has, the present one first.
    pub(super) const fn families(&self) -> &'static [Family] {
        self.families
    }

    /// The last second of a release's free fixes.
    fn end(&self, release: &str) -> Option<Timestamp> {
        let (_, date) = self.end_of_life.iter().find(|(known, _)| *known == release)?;
        let midnight: Timestamp = date.parse().ok()?;
        Some(Timestamp(midnight.0 + 86_399))
    }
}
