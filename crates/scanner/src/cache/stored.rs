//! What cache files hold, field by field.
//!
//! In and out: the facts of a layer, and what an image is. Odd: the fields are those of the types at hand; when one is added
//! to a type and here, [`FORMAT`](super::FORMAT) is raised, so that older files count as absent.

use plimsoll_image::{Entries, LayerEntries, LayerOrigin};
use plimsoll_inspect::{
    Distribution, DistributionFact, FileFacts, Hit, Inspection, LayerFacts, MaliciousLevel,
    MalwareFacts, Mark, PackageFact, Problem, ProgramDigests, SbomFacts, SecretFacts, SecretHit,
    Sum, SumKind, VirusType,
};
use plimsoll_model::{
    BuildStep, Ecosystem, Evidence, Finding, Fix, Gap, GapReason, IgnoredBy, ImageIdentity, Kind,
    Level, Location, Package, Platform, Priority, SourcePackage, Status, Subject, Suppression,
    Timestamp, Urgency, View, Why,
};

use super::wire::{Reader, Sink, Wire, fields, words};

fields!(LayerFacts { entries, files, programs, executables });
fields!(LayerEntries {
    entries,
    origin,
    anomalies,
    gaps,
    computed_digest,
    computed_diff_id,
    unpacked_size,
});
fields!(FileFacts {
    detector,
    claimed,
    packages,
    distribution,
    text,
    owned,
    witnesses,
    sums,
    malware,
    sbom,
    secrets,
    problems,
});
fields!(SecretFacts { md5, digests, hits, counts });
fields!(SecretHit { rule, level, line, offset, length, masked, fingerprint, note });
fields!(PackageFact {
    ecosystem,
    release,
    namespace,
    name,
    version,
    source,
    architecture,
    inner,
    purl,
    extra,
});
fields!(DistributionFact { fields });
fields!(SbomFacts { distro, pretty_name, image, gaps, found });
fields!(ImageIdentity { name, source, digest, id, platform, size, layers, distribution });
fields!(Platform { os, architecture, variant });
fields!(Problem { reason, detail });
fields!(Sum { path, kind, digest });
fields!(MalwareFacts { md5, sha256, size, kinds, hits, digests });
fields!(ProgramDigests { md5, sha1, sha256 });
fields!(Hit { rule, level, virus_type, title, detail, inner, marks, credit });
fields!(Mark { name, offset, length });
fields!(SourcePackage { name, version });
fields!(Gap { reason, by, at, detail });

fields!(Inspection { packages, findings, gaps, ran, distribution, build });
fields!(BuildStep { index, line, instruction, layer, created, inherited });
fields!(Distribution { pretty_name, id, ecosystem, release, distro, end_of_life });
fields!(Package { ecosystem, release, name, version, source, purl, locations, found_by, extra });
fields!(Location { path, layer });
fields!(Finding {
    kind,
    id,
    record,
    aliases,
    advisories,
    level,
    status,
    suppressed,
    priority,
    score,
    urgency,
    subject,
    title,
    evidence,
    fix,
    views,
    why,
    extra,
});
fields!(Suppression { by, advisory, reason, ignored });
fields!(IgnoredBy { author, expires });
fields!(View {
    source,
    advisory,
    revision,
    url,
    links,
    status,
    fixed,
    severity,
    cvss,
    justification,
    text,
});
fields!(Why { advisory, source, revision, range, comparison, package });
fields!(Evidence { location, detail });
fields!(Fix { version, advice });
fields!(Urgency { tenths, c10, t100, e10, a10, rules, pending, cvss, known_exploited, epss });

words!(LayerOrigin { Archive, Folder });
words!(GapReason {
    UnreadableImage,
    UnreadableFile,
    BudgetReached,
    UnsupportedDistribution,
    EndOfLifeDistribution,
    UnknownDistribution,
    PackageDatabaseRemoved,
    UnparsableVersion,
    FeedMissing,
    FeedStale,
    Anomaly,
    NotInSource,
    Unverified,
    OpaqueProgram,
    UnknownLicence,
});
words!(SumKind { Md5, Sha1, Sha256 });
words!(MaliciousLevel { Remind, Suspicious, Serious });
words!(VirusType {
    Malware,
    Trojan,
    WebShell,
    Backdoor,
    RansomWare,
    Scanner,
    Stealer,
    Malbaseware,
    Hacktool,
    Engtest,
    Downloader,
    Virus,
    Miner,
    Worm,
    DDoS,
    RiskWare,
    Proxytool,
    Suspicious,
    MalScript,
    Rootkit,
    Exploit,
});
words!(Kind { Vulnerability, Baseline, Malware, Secret, Build, License });
words!(Level { Unknown, Negligible, Low, Medium, High, Critical });
words!(Priority { Nntf, Later, Asap });
words!(Status { Affected, UnderInvestigation, WillNotFix, EndOfLife, Fixed, NotAffected });

impl Wire for Entries {
    fn write(&self, out: &mut dyn Sink) {
        self.write_bytes(&mut |piece| out.put(piece));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Self::read_bytes(&mut from.rest)
    }
}

impl Wire for Ecosystem {
    fn write(&self, out: &mut dyn Sink) {
        self.0.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        String::read(from).map(Self)
    }
}

impl Wire for Timestamp {
    fn write(&self, out: &mut dyn Sink) {
        self.0.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        i64::read(from).map(Self)
    }
}

impl Wire for Subject {
    fn write(&self, out: &mut dyn Sink) {
        let (word, text) = match self {
            Self::Purl(text) => (0, text),
            Self::Path(text) => (1, text),
            Self::Image(text) => (2, text),
        };
        out.put(&[word]);
        text.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let word = u8::read(from)?;
        let text = String::read(from)?;
        Some(match word {
            0 => Self::Purl(text),
            1 => Self::Path(text),
            2 => Self::Image(text),
            _ => return None,
        })
    }
}
