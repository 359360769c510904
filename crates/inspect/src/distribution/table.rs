//! Every distribution that we know: how it names itself, how OSV names it, and when its releases end.
//!
//! In: fields of `os-release`. Out: ecosystem, release, end of life. Source: OSV schema, "Defined ecosystems" and the
//! names in its data; each distribution's own life-cycle page for dates (end of free security fixes for everybody, long
//! terms by volunteers included, paid ones not). Odd: a release is written as OSV writes it, not as the distribution does:
//! `v3.20`, `22.04:LTS`, `Leap 15.5`, `enterprise_linux:9`.

use std::collections::BTreeMap;

use plimsoll_model::{Ecosystem, Timestamp};

use super::{Distribution, Family};

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
    family: Option<Family>,
    release: Release,
}

/// How `VERSION_ID` becomes OSV's release.
#[derive(Clone, Copy, Debug)]
enum Release {
    /// None.
    Rolling,
    /// Up to the first dot, behind a prefix.
    Major(&'static str),
    /// As it is.
    Whole,
    /// `v` and the first two numbers.
    Alpine,
    /// As it is; April's of even years are long-term.
    Ubuntu,
    /// `2018.03` is the first, `2` and `2023` are themselves.
    Amazon,
    /// `Linux Enterprise Server 15 SP5` of `15.5`.
    Suse,
    /// `Leap 15.5`, or `Tumbleweed`.
    OpenSuse,
    /// `22.03-LTS-SP3` of `22.03 (LTS-SP3)`.
    OpenEuler,
}

use Release::{Alpine, Amazon, Major, OpenEuler, OpenSuse, Rolling, Suse, Ubuntu, Whole};
use Support::{ByRelease, NoSource};

const fn row(
    ids: &'static [&'static str],
    ecosystem: &'static str,
    family: Option<Family>,
    support: Support,
    release: Release,
    end_of_life: &'static [(&'static str, &'static str)],
) -> Distributions {
    Distributions { ids, ecosystem, support, end_of_life, family, release }
}

const DPKG: Option<Family> = Some(Family::Dpkg);
const APK: Option<Family> = Some(Family::Apk);
const RPM: Option<Family> = Some(Family::Rpm);

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
    ("14.04:LTS", "2019-04-25"),
    ("16.04:LTS", "2021-04-30"),
    ("18.04:LTS", "2023-05-31"),
    ("20.04:LTS", "2025-05-31"),
    ("22.04:LTS", "2027-06-01"),
    ("22.10", "2023-07-20"),
    ("23.04", "2024-01-25"),
    ("23.10", "2024-07-11"),
    ("24.04:LTS", "2029-05-31"),
    ("24.10", "2025-07-10"),
    ("25.04", "2026-01-15"),
    ("25.10", "2026-07-09"),
];
const ALPINE: &[(&str, &str)] = &[
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
    ("37", "2023-12-05"),
    ("38", "2024-05-21"),
    ("39", "2024-11-26"),
    ("40", "2025-05-13"),
    ("41", "2025-12-15"),
    ("42", "2026-05-13"),
];
const AMAZON: &[(&str, &str)] = &[("1", "2023-12-31"), ("2", "2026-06-30"), ("2023", "2029-06-30")];
const LEAP: &[(&str, &str)] = &[
    ("Leap 15.3", "2022-12-31"),
    ("Leap 15.4", "2023-12-07"),
    ("Leap 15.5", "2024-12-31"),
    ("Leap 15.6", "2026-04-30"),
];
const SLES: &[(&str, &str)] = &[
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
const CENTOS: &[(&str, &str)] =
    &[("6", "2020-11-30"), ("7", "2024-06-30"), ("8", "2021-12-31"), ("9", "2027-05-31")];

/// The table.
const ROWS: &[Distributions] = &[
    row(&["debian"], "Debian", DPKG, ByRelease, Major(""), DEBIAN),
    row(&["ubuntu"], "Ubuntu", DPKG, ByRelease, Ubuntu, UBUNTU),
    row(&["alpine"], "Alpine", APK, ByRelease, Alpine, ALPINE),
    row(&["wolfi"], "Wolfi", APK, Support::Rolling, Rolling, &[]),
    row(&["chainguard"], "Chainguard", APK, Support::Rolling, Rolling, &[]),
    row(&["alpaquita"], "Alpaquita", APK, ByRelease, Whole, &[]),
    row(&["rhel"], "Red Hat", RPM, ByRelease, Major("enterprise_linux:"), RED_HAT),
    row(&["centos"], "CentOS", RPM, NoSource, Major(""), CENTOS),
    row(&["almalinux"], "AlmaLinux", RPM, ByRelease, Major(""), REBUILDS),
    row(&["rocky"], "Rocky Linux", RPM, ByRelease, Major(""), REBUILDS),
    row(
        &["ol"],
        "Oracle Linux",
        RPM,
        NoSource,
        Major(""),
        &[("6", "2021-03-31"), ("7", "2024-12-31")],
    ),
    row(&["fedora"], "Fedora", RPM, NoSource, Major(""), FEDORA),
    row(&["amzn"], "Amazon Linux", RPM, NoSource, Amazon, AMAZON),
    row(&["sles", "sled", "sle_hpc", "sles_sap", "suse"], "SUSE", RPM, ByRelease, Suse, SLES),
    row(
        &["opensuse-leap", "opensuse-tumbleweed", "opensuse"],
        "openSUSE",
        RPM,
        ByRelease,
        OpenSuse,
        LEAP,
    ),
    row(
        &["azurelinux", "mariner"],
        "Azure Linux",
        RPM,
        ByRelease,
        Major(""),
        &[("2", "2025-07-31")],
    ),
    row(
        &["photon"],
        "Photon OS",
        RPM,
        NoSource,
        Whole,
        &[("3.0", "2024-03-01"), ("4.0", "2026-03-01")],
    ),
    row(&["openeuler"], "openEuler", RPM, ByRelease, OpenEuler, &[]),
    row(
        &["alinux", "alios", "aliyun"],
        "Alibaba Cloud Linux",
        RPM,
        NoSource,
        Major(""),
        &[("2", "2024-03-31")],
    ),
    row(&["anolis"], "Anolis OS", RPM, NoSource, Major(""), &[("7", "2024-06-30")]),
];

/// All rows, for the reference page.
#[must_use]
pub fn distributions() -> &'static [Distributions] {
    ROWS
}

/// A distribution with the family that its row says.
pub(super) struct Stated {
    pub(super) distribution: Distribution,
    pub(super) family: Option<Family>,
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
    let release = release(row.release, &id, version, field("VERSION"));
    let end_of_life = release.as_deref().and_then(|release| row.end(release));
    let pretty_name = match field("PRETTY_NAME") {
        "" => format!("{} {version}", row.ecosystem).trim().to_owned(),
        name => name.to_owned(),
    };
    let distro = (!version.is_empty()).then(|| format!("{id}-{version}"));
    let ecosystem = Ecosystem::named(row.ecosystem);
    let distribution = Distribution { pretty_name, id, ecosystem, release, distro, end_of_life };
    Some(Stated { distribution, family: row.family })
}

impl Distributions {
    pub(super) const fn family(&self) -> Option<Family> {
        self.family
    }

    /// The last second of a release's free fixes.
    fn end(&self, release: &str) -> Option<Timestamp> {
        let (_, date) = self.end_of_life.iter().find(|(known, _)| *known == release)?;
        let midnight: Timestamp = date.parse().ok()?;
        Some(Timestamp(midnight.0 + 86_399))
    }
}

fn release(how: Release, id: &str, version: &str, long: &str) -> Option<String> {
    let first = version.split('.').next().unwrap_or_default();
    let second = || version.split('.').nth(1).filter(|number| is_number(number));
    match how {
        OpenSuse if id == "opensuse-tumbleweed" => return Some("Tumbleweed".to_owned()),
        _ if version.is_empty() => return None,
        _ => {}
    }
    match how {
        Rolling => None,
        Major(prefix) => is_number(first).then(|| format!("{prefix}{first}")),
        Whole => Some(version.to_owned()),
        // `3.21.0_alpha20240923` is the development branch.
        Alpine if version.contains("_alpha") => Some("edge".to_owned()),
        Alpine if is_number(first) => second().map(|second| format!("v{first}.{second}")),
        Alpine => None,
        Ubuntu => {
            let even = first.parse::<u32>().is_ok_and(|year| year % 2 == 0);
            let term = if even && version.ends_with(".04") { ":LTS" } else { "" };
            Some(format!("{version}{term}"))
        }
        Amazon => Some(if first.starts_with("201") { "1" } else { first }.to_owned()),
        Suse => Some(match second() {
            Some(pack) => format!("Linux Enterprise Server {first} SP{pack}"),
            None => format!("Linux Enterprise Server {first}"),
        }),
        OpenSuse => Some(format!("Leap {version}")),
        OpenEuler => {
            let term = long.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            Some(term.map_or_else(|| version.to_owned(), |(term, _)| format!("{version}-{term}")))
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_digit())
}
