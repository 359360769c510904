//! What an image of the fleet holds.
//!
//! In: the names and versions that advisories name, an image's number. Out: its report, as a scan would give it but for
//! what matching adds. Odd: about a third of the packages have names that advisories know, as in real images; a
//! repository's tags drift through the versions, and four tags in ten are built again without a change.

use std::collections::BTreeMap;

use plimsoll_advisory::Snapshot;
use plimsoll_model::{
    Coverage, Digest, Ecosystem, Evidence, FeedState, Finding, Fix, ImageIdentity, Kind, Level,
    Location, Package, Report, SourcePackage, Subject,
};

/// Distributions: OSV's ecosystem and release, the package URL's type and namespace, packages of a plain and a large base.
const BASES: &[(&str, Option<&str>, &str, usize, usize)] = &[
    ("Debian", Some("11"), "deb/debian", 95, 390),
    ("Debian", Some("12"), "deb/debian", 92, 420),
    ("Ubuntu", Some("18.04:LTS"), "deb/ubuntu", 98, 260),
    ("Alpine", Some("v3.18"), "apk/alpine", 18, 70),
    ("Alpine", Some("v3.20"), "apk/alpine", 18, 70),
    ("Alpine", Some("v3.22"), "apk/alpine", 18, 70),
    ("AlmaLinux", Some("8"), "rpm/almalinux", 150, 330),
    ("AlmaLinux", Some("9"), "rpm/almalinux", 140, 310),
    ("Wolfi", None, "apk/wolfi", 22, 80),
];
/// Applications: OSV's ecosystem, the package URL's type, packages of a small and a large one.
const APPLICATIONS: &[(&str, &str, usize, usize)] = &[
    ("npm", "npm", 60, 480),
    ("PyPI", "pypi", 15, 110),
    ("Maven", "maven", 30, 160),
    ("Go", "golang", 25, 140),
    ("RubyGems", "gem", 30, 120),
    ("Packagist", "composer", 25, 110),
    ("crates.io", "cargo", 40, 220),
];
/// How many dated states each base has.
const STATES: usize = 6;
/// Tags of a repository.
pub(crate) const TAGS: u32 = 14;
const CHECKS: [&str; 6] = [
    "user_root",
    "shadow_empty_password",
    "sudo_nopasswd_all",
    "ssh_root_login",
    "umask_missing",
    "world_writable",
];

/// Names with the versions that advisories name, by ecosystem and release.
pub(crate) struct Names(BTreeMap<(String, Option<String>), Vec<Named>>);

/// A name and its versions.
type Named = (String, Vec<String>);

/// A hash that is spread well enough, of numbers.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for part in parts {
        state = (state ^ part).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
    }
    state
}

pub(crate) fn digest(parts: &[u64]) -> Digest {
    let mut bytes = [0; 32];
    for (chunk, salt) in bytes.chunks_exact_mut(8).zip(1_u64..) {
        let hash = mix(&[parts.iter().fold(salt, |sum, part| mix(&[sum, *part]))]);
        chunk.copy_from_slice(&hash.to_le_bytes());
    }
    Digest::from_bytes(bytes)
}

impl Names {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut names: BTreeMap<(String, Option<String>), BTreeMap<String, Vec<String>>> =
            BTreeMap::new();
        let releases: BTreeMap<&str, Vec<Option<&str>>> =
            BASES.iter().fold(BTreeMap::new(), |mut all, base| {
                all.entry(base.0).or_insert_with(Vec::new).push(base.1);
                all
            });
        let wanted = |ecosystem: &str| {
            releases.contains_key(ecosystem)
                || APPLICATIONS.iter().any(|(name, ..)| *name == ecosystem)
        };
        for (ecosystem, name, release, versions) in snapshot.named_versions() {
            if wanted(&ecosystem) && !name.is_empty() {
                let key = (ecosystem, release);
                names.entry(key).or_default().entry(name).or_default().extend(versions);
            }
        }
        let mut all = BTreeMap::new();
        for (key, names) in names {
            let list: Vec<Named> = names
                .into_iter()
                .filter(|(_, versions)| !versions.is_empty())
                .map(|(name, mut versions)| {
                    versions.dedup();
                    (name, versions)
                })
                .collect();
            all.insert(key, list);
        }
        Self(all)
    }

    fn list(&self, ecosystem: &str, release: Option<&str>) -> &[Named] {
        let key = (ecosystem.to_owned(), release.map(str::to_owned));
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The place-th package of a set; `state` of `states` chooses among its versions.
    fn package(
        &self,
        ecosystem: &str,
        release: Option<&str>,
        kind: &str,
        set: u64,
        place: usize,
        state: usize,
    ) -> Package {
        let list = self.list(ecosystem, release);
        let seed = mix(&[set, u64::try_from(place).unwrap_or_default()]);
        let is_known = seed % 100 < 35 && !list.is_empty();
        let (name, version) = if is_known {
            let index = usize::try_from(seed / 100).unwrap_or_default() % list.len();
            let (name, versions) = &list[index];
            let last = versions.len() - 1;
            let start = usize::try_from(seed / 7_919).unwrap_or_default() % versions.len();
            (name.clone(), versions[(start + state).min(last)].clone())
        } else {
            let stays = seed % 10 < 7;
            let minor = if stays { 0 } else { state };
            (
                format!("lib{ecosystem}{}-{place}", set % 97).to_lowercase(),
                format!("1.{minor}.{}", seed % 9),
            )
        };
        let has_source = ["Debian", "Ubuntu", "Alpine"].contains(&ecosystem);
        let escaped = name.replace('@', "%40").replace(':', "/");
        Package {
            ecosystem: Ecosystem::named(ecosystem),
            release: release.map(str::to_owned),
            purl: format!("pkg:{kind}/{escaped}@{version}"),
            source: has_source
                .then(|| SourcePackage { name: name.clone(), version: version.clone() }),
            locations: Vec::new(),
            found_by: kind.split('/').next().unwrap_or_default().to_owned(),
            extra: BTreeMap::from([
                ("architecture".to_owned(), "amd64".to_owned()),
                (
                    "license".to_owned(),
                    if seed.is_multiple_of(3) { "MIT" } else { "Apache-2.0" }.to_owned(),
                ),
            ]),
            name,
            version,
        }
    }
}

/// Packages of image number `number`, sorted, and its two layers' seeds. Equal seeds give equal packages.
fn packages(names: &Names, number: u32) -> (Vec<Package>, u64, u64) {
    let (repository, tag) = (u64::from(number / TAGS), u64::from(number % TAGS));
    let choice = |salt: u64, among: usize| {
        usize::try_from(mix(&[repository, salt])).unwrap_or_default() % among
    };
    let (ecosystem, release, kind, small, large) = BASES[choice(1, BASES.len())];
    let (language, language_kind, few, many) = APPLICATIONS[choice(2, APPLICATIONS.len())];
    // Four tags in ten change nothing that is installed.
    let build = tag - u64::from(mix(&[repository, tag, 3]) % 10 < 4 && tag > 0);
    let state = usize::try_from(build).unwrap_or_default() * STATES / (TAGS as usize);
    let base_size = if choice(4, 3) == 0 { large } else { small };
    let base_seed = mix(&[
        u64::try_from(base_size).unwrap_or_default(),
        u64::try_from(state).unwrap_or_default(),
        choice(1, BASES.len()) as u64,
    ]);
    // Bases are shared: their sets follow from distribution and size alone.
    let base_set = mix(&[choice(1, BASES.len()) as u64, 77]);
    let mut all: Vec<Package> = (0..base_size)
        .map(|place| names.package(ecosystem, release, kind, base_set, place, state))
        .collect();
    let spread = many - few;
    let application = few + choice(5, spread * 2).min(spread * 2) / 3;
    // Repositories of one family share most of their packages.
    let family = mix(&[choice(2, APPLICATIONS.len()) as u64, choice(6, 60) as u64]);
    for place in 0..application {
        let moved = usize::try_from(mix(&[repository, place as u64, 9]) % 5).unwrap_or_default();
        let moves = if moved == 0 { usize::try_from(build).unwrap_or_default() / 4 } else { 0 };
        all.push(names.package(language, None, language_kind, family, place, moves));
    }
    all.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    all.dedup_by(|a, b| a.purl == b.purl);
    (all, base_seed, mix(&[repository, build, 11]))
}

/// The report of image number `number`.
pub(crate) fn report(names: &Names, number: u32, feed: Option<FeedState>) -> Report {
    let (mut packages, base, own) = packages(names, number);
    // Each build has a layer of its own, even if what lies in it is the same.
    let layers = vec![digest(&[base]), digest(&[base, 1]), digest(&[own, u64::from(number)])];
    let manifest = digest(&[u64::from(number), 5]);
    for package in &mut packages {
        let is_system = package.release.is_some() || package.ecosystem.0 == "Wolfi";
        package.locations = if is_system {
            vec![Location {
                path: "var/lib/packages/status".into(),
                layer: layers.first().copied(),
            }]
        } else {
            let path = format!("srv/app/{}/metadata", package.name);
            vec![Location { path, layer: layers.last().copied() }]
        };
    }
    let checks =
        CHECKS.iter().zip(0_u64..).filter(|(_, place)| mix(&[base, *place]).is_multiple_of(3));
    let mut findings: Vec<Finding> =
        checks.map(|(check, _)| failed_check(check, &layers)).collect();
    findings.sort_by(Finding::compare_urgency);
    let ran =
        ["apk", "apt", "cargo", "dpkg", "gem", "go", "match", "maven", "npm", "python", "rpm"];
    Report {
        image: ImageIdentity {
            name: format!("registry.test/{}@{manifest}", path(number)),
            source: "registry".to_owned(),
            digest: Some(manifest),
            id: Some(digest(&[u64::from(number), 6])),
            platform: "linux/amd64".parse().ok(),
            size: 50_000_000 + mix(&[own]) % 900_000_000,
            layers,
            distribution: packages.first().map(|package| package.ecosystem.0.clone()),
        },
        coverage: Coverage::new(ran.map(str::to_owned).to_vec(), Vec::new()),
        feed,
        packages,
        findings,
        build: Vec::new(),
        ignore_rules: Vec::new(),
    }
}

pub(crate) fn path(number: u32) -> String {
    let repository = number / TAGS;
    format!("team-{:02}/service-{repository:05}", repository % 60)
}

fn failed_check(check: &str, layers: &[Digest]) -> Finding {
    Finding {
        kind: Kind::Baseline,
        id: check.to_owned(),
        record: check.to_owned(),
        aliases: Vec::new(),
        advisories: Vec::new(),
        level: Level::Medium,
        status: None,
        suppressed: None,
        views: Vec::new(),
        why: Vec::new(),
        priority: None,
        score: None,
        urgency: None,
        subject: Subject::Path("etc/passwd".to_owned()),
        title: format!("The check {check} failed"),
        evidence: vec![Evidence {
            location: Some(Location { path: "etc/passwd".into(), layer: layers.first().copied() }),
            detail: "root:x:0:0".to_owned(),
        }],
        fix: Some(Fix { version: None, advice: "change it".to_owned() }),
        extra: BTreeMap::new(),
    }
}
