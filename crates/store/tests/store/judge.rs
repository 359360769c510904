//! Advisories of a test, and scans that rest on them as the scanner's do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use plimsoll_model::{
    BuildStep, Coverage, Digest, Ecosystem, Evidence, Exposure, FeedState, Finding, Gap, GapReason,
    ImageIdentity, Importance, Kind, Level, Location, MatchContext, Package, Report, SourcePackage,
    Subject, Timestamp,
};
use plimsoll_store::{Judge, Judged};

use crate::builders::{NOW, digest, risk, vulnerability};

/// One advisory: a package's name, the versions that have it, an id, a score.
pub(crate) type Advisory = (&'static str, &'static [&'static str], String, u16);

pub(crate) struct TestJudge {
    pub(crate) name: String,
    pub(crate) date: Timestamp,
    pub(crate) advisories: Vec<Advisory>,
    /// Ecosystems that the snapshot does not know.
    pub(crate) unknown: Vec<&'static str>,
    /// What an alias of each id begins with.
    pub(crate) alias: &'static str,
    /// How many packages were judged.
    pub(crate) judged: AtomicUsize,
}

impl TestJudge {
    pub(crate) fn new(
        name: &str,
        advisories: &[(&'static str, &'static [&'static str], &str, u16)],
    ) -> Self {
        let owned = |(package, versions, id, tenths): &(
            &'static str,
            &'static [&'static str],
            &str,
            u16,
        )| { (*package, *versions, (*id).to_owned(), *tenths) };
        Self {
            name: name.to_owned(),
            date: NOW,
            advisories: advisories.iter().map(owned).collect(),
            unknown: Vec::new(),
            alias: "GHSA",
            judged: AtomicUsize::new(0),
        }
    }

    /// Names of packages of which this one says something else than another.
    pub(crate) fn names_since(&self, before: &Self) -> BTreeSet<(String, String)> {
        let of = |judge: &Self, package: &str| {
            let own = judge.advisories.iter().filter(|advisory| advisory.0 == package);
            own.cloned().collect::<Vec<_>>()
        };
        self.advisories
            .iter()
            .chain(&before.advisories)
            .map(|advisory| advisory.0)
            .filter(|package| of(self, package) != of(before, package))
            .map(|package| ("Debian".to_owned(), package.to_owned()))
            .collect()
    }
}

impl Judge for TestJudge {
    fn feed(&self) -> Option<FeedState> {
        Some(FeedState {
            snapshot: digest(&self.name),
            date: self.date,
            starter: false,
            sources: Vec::new(),
        })
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn judge(&self, package: &Package, context: MatchContext) -> Judged {
        assert!(package.locations.is_empty());
        self.judged.fetch_add(1, Ordering::Relaxed);
        let mut findings = Vec::new();
        for (name, versions, id, tenths) in &self.advisories {
            if package.name == *name && versions.contains(&package.version.as_str()) {
                let mut finding = vulnerability(id, name, in_context(*tenths, context));
                finding.subject = Subject::Purl(package.purl.clone());
                finding.aliases = vec![format!("{}-{id}", self.alias)];
                finding.evidence =
                    vec![Evidence { location: None, detail: format!("{} < 9", package.version) }];
                findings.push(finding);
            }
        }
        let gaps = if package.version == "odd" {
            vec![gap(GapReason::UnparsableVersion, &package.purl)]
        } else {
            Vec::new()
        };
        Judged {
            asked: self.names(package).into_iter().next(),
            findings,
            gaps,
            installed: format!("{} {} is installed", package.name, package.version),
            stale_scores: false,
            until: None,
        }
    }

    fn names(&self, package: &Package) -> Vec<(String, String)> {
        let source = package.source.iter().filter(|_| package.ecosystem.0 == "Rocky Linux");
        let source = source.map(|source| format!("{}.src", source.name));
        std::iter::once(package.name.clone())
            .chain(source)
            .map(|name| (package.ecosystem.0.clone(), name))
            .collect()
    }

    fn gaps(&self, packages: &[&Package], _stale_scores: bool) -> Vec<Gap> {
        let of_ecosystem = |ecosystem: &&str| {
            packages.iter().filter(|package| package.ecosystem.0 == *ecosystem).count()
        };
        self.unknown
            .iter()
            .map(|ecosystem| (ecosystem, of_ecosystem(ecosystem)))
            .filter(|(_, count)| *count > 0)
            .map(|(ecosystem, count)| {
                gap(GapReason::FeedMissing, &format!("{count} of {ecosystem}"))
            })
            .collect()
    }

    fn is_gap_of_matching(&self, gap: &Gap) -> bool {
        gap.by == "matcher"
    }
}

fn gap(reason: GapReason, at: &str) -> Gap {
    Gap { reason, by: "matcher".to_owned(), at: at.to_owned(), detail: "no answer".to_owned() }
}

pub(crate) fn package(name: &str, version: &str) -> Package {
    Package {
        ecosystem: Ecosystem::named("Debian"),
        release: Some("12".to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        source: Some(SourcePackage { name: name.to_owned(), version: version.to_owned() }),
        purl: format!("pkg:deb/debian/{name}@{version}?arch=amd64"),
        locations: Vec::new(),
        found_by: "dpkg".to_owned(),
        extra: BTreeMap::from([("architecture".to_owned(), "amd64".to_owned())]),
    }
}

/// A score as images that are used so have it.
pub(crate) fn in_context(tenths: u16, context: MatchContext) -> u16 {
    let exposed = match context.exposure {
        Exposure::Internal => tenths * 8 / 10,
        Exposure::Unknown => tenths,
        Exposure::Internet => tenths + 5,
    };
    match context.importance {
        Importance::Test => exposed * 6 / 10,
        Importance::Common => exposed,
        Importance::Important => (exposed * 12 / 10).min(150),
    }
}

/// The report that a scan of an image gives: `layers` are names of its layers, the packages lie in the last one.
pub(crate) fn scan(
    judge: &TestJudge,
    manifest: &Digest,
    layers: &[&str],
    packages: &[(&str, &str)],
    checks: &[&str],
) -> Report {
    scan_in(judge, manifest, (layers, packages, checks), MatchContext::default())
}

/// The same of an image that is used so.
pub(crate) fn scan_in(
    judge: &TestJudge,
    manifest: &Digest,
    (layers, packages, checks): (&[&str], &[(&str, &str)], &[&str]),
    context: MatchContext,
) -> Report {
    let layers: Vec<Digest> = layers.iter().map(|layer| digest(layer)).collect();
    let location = |path: &str| Location { path: path.to_owned(), layer: layers.last().copied() };
    let mut packages: Vec<Package> = packages
        .iter()
        .map(|(name, version)| Package {
            locations: vec![location("var/lib/dpkg/status"), location(&format!("usr/{name}"))],
            ..package(name, version)
        })
        .collect();
    packages.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    let mut findings: Vec<Finding> = checks
        .iter()
        .map(|check| {
            let mut finding = risk(Kind::Baseline, check, Level::High);
            finding.evidence =
                vec![Evidence { location: Some(location("etc/x")), detail: "seen".to_owned() }];
            finding
        })
        .collect();
    let mut gaps = vec![Gap {
        reason: GapReason::UnreadableFile,
        by: "python".to_owned(),
        at: "usr/lib/x".to_owned(),
        detail: "cut off".to_owned(),
    }];
    let mut matched = Vec::new();
    for package in &packages {
        let bare = Package { locations: Vec::new(), ..package.clone() };
        let judged = judge.judge(&bare, context);
        gaps.extend(judged.gaps);
        for mut finding in judged.findings {
            finding.evidence.extend(package.locations.iter().map(|location| Evidence {
                location: Some(location.clone()),
                detail: judged.installed.clone(),
            }));
            finding.evidence.sort();
            matched.push(finding);
        }
    }
    gaps.extend(judge.gaps(&packages.iter().collect::<Vec<_>>(), false));
    matched.sort_by(Finding::compare_urgency);
    findings.extend(matched);
    findings.sort_by(Finding::compare_urgency);
    let step = |(index, layer): (u32, &Digest)| BuildStep {
        index,
        line: index + 2,
        instruction: format!("RUN step {index}"),
        layer: (index > 0).then_some(*layer),
        created: None,
        inherited: index == 0,
    };
    let build = (0..).zip(&layers).map(step).collect();
    Report {
        image: ImageIdentity {
            name: "build.test/team/app".to_owned(),
            source: "registry".to_owned(),
            digest: Some(*manifest),
            id: Some(digest("config")),
            platform: Some("linux/amd64".parse().unwrap()),
            size: 1_000,
            layers,
            distribution: Some("Debian GNU/Linux 12".to_owned()),
        },
        coverage: Coverage::new(vec!["dpkg".to_owned(), "match".to_owned()], gaps),
        feed: judge.feed(),
        packages,
        findings,
        build,
        ignore_rules: Vec::new(),
    }
}
