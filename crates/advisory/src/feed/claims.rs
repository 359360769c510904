//! What a distribution's document says, package by package, before it is put into the collection.
//!
//! In: what the readers of OVAL, updateinfo and CSAF understood. Out: [`Bulletin`]s, one per advisory or vulnerability. Odd:
//! what is said of a source package bears its name as rpm writes it, `openssl.src`, since a binary package may have the
//! same name; epochs are left out of versions of sources, for a source package's file name has none.

use plimsoll_model::{Status, Timestamp};

use super::{Sink, is_cve, platform::Platform, title_of};
use crate::{
    collection::{Advisory, Affected, Authority, EventKind, Symbol},
    priority::VendorSeverity,
};

/// What a document says of a package of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Versions below are affected.
    FixedIn(String),
    /// Every version is affected, as far as is known.
    Unfixed(Status),
    /// No version is affected, and why.
    NotAffected(Option<String>),
}

/// One package of one release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) platform: Platform,
    pub(super) name: String,
    /// Module stream, `nodejs:18`.
    pub(super) module: Option<String>,
    pub(super) verdict: Verdict,
    pub(super) severity: Option<VendorSeverity>,
}

/// One CVE as the document rates it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rated {
    pub(super) cve: String,
    /// CVSS vectors.
    pub(super) vectors: Vec<String>,
    pub(super) cwe: Vec<u32>,
    pub(super) published: Option<Timestamp>,
}

/// One advisory, or what a distribution says of one vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bulletin {
    /// `ELSA-2023-12342`; of a vulnerability `SUSE-CVE-2021-29154`.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) modified: Timestamp,
    pub(super) published: Option<Timestamp>,
    pub(super) severity: Option<VendorSeverity>,
    pub(super) rated: Vec<Rated>,
    pub(super) claims: Vec<Claim>,
}

/// What stands before a CVE in the id of what a publisher says of it.
pub(super) fn publisher(ecosystem: &str) -> &str {
    match ecosystem {
        "Red Hat" => "REDHAT",
        // Both are published by the same people, in the same words.
        "SUSE" | "openSUSE" => "SUSE",
        "Azure Linux" => "AZL",
        other => other.split(' ').next().unwrap_or(other),
    }
}

/// `2:1.2-3` of an epoch, which may be missing or 0, and the rest.
pub(super) fn with_epoch(epoch: &str, rest: &str) -> String {
    match epoch.trim() {
        "" | "0" | "(none)" => rest.to_owned(),
        epoch => format!("{epoch}:{rest}"),
    }
}

/// An rpm's name, version with epoch, and architecture out of `kernel-0:3.10.0-693.el7.x86_64` or the same without epoch.
pub(super) fn split_nevra(text: &str) -> Option<(&str, String, &str)> {
    let text = text.strip_suffix(".rpm").unwrap_or(text);
    let (rest, architecture) = text.rsplit_once('.')?;
    if architecture.is_empty()
        || !architecture.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return None;
    }
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let (epoch, version) = version.split_once(':').unwrap_or(("", version));
    let starts_with_digit = version.starts_with(|character: char| character.is_ascii_digit());
    (!name.is_empty() && starts_with_digit && !release.is_empty())
        .then(|| (name, with_epoch(epoch, &format!("{version}-{release}")), architecture))
}

/// Where a person reads what a publisher says under an id.
pub(super) fn page(id: &str) -> Option<String> {
    let cve = id.find("-CVE-").and_then(|at| id.get(at + 1..));
    let start = id.split('-').next().unwrap_or_default();
    Some(match (start, cve) {
        ("REDHAT", Some(cve)) => format!("https://access.redhat.com/security/cve/{cve}"),
        ("SUSE", Some(cve)) => format!("https://www.suse.com/security/cve/{cve}/"),
        ("RHSA" | "RHBA" | "RHEA", _) => format!("https://access.redhat.com/errata/{id}"),
        ("ELSA" | "ELBA" | "ELEA", _) => format!("https://linux.oracle.com/errata/{id}.html"),
        ("ANSA", _) => format!("https://anas.openanolis.cn/errata/detail/{id}"),
        ("FEDORA", _) => format!("https://bodhi.fedoraproject.org/updates/{id}"),
        ("ALAS", _) => format!("https://alas.aws.amazon.com/{id}.html"),
        (start, _) if start.starts_with("ALINUX") => {
            format!("https://alas.aliyuncs.com/errata/detail/{id}")
        }
        // `ALAS2-2018-939`, and of a part of the distribution `ALAS2KERNEL-5.15-2022-001`.
        (start, _) if start.starts_with("ALAS2023") => {
            format!(
                "https://alas.aws.amazon.com/AL2023/{}.html",
                id.replacen("ALAS2023", "ALAS", 1)
            )
        }
        (start, _) if start.starts_with("ALAS2") => {
            format!("https://alas.aws.amazon.com/AL2/{}.html", id.replacen("ALAS2", "ALAS", 1))
        }
        _ => return None,
    })
}

/// Longest id, name or version. Real ones stay below 200 characters.
const LONGEST_TEXT: usize = 4096;

impl Sink<'_> {
    /// Puts a bulletin into the collection, beside what other documents of the feed say under its id.
    pub(super) fn add_bulletin(&mut self, feed: &str, bulletin: Bulletin) -> Result<(), String> {
        let id = &bulletin.id;
        if id.len() > LONGEST_TEXT || title_of(id) != *id {
            return Err(format!("it has the id `{}`", title_of(id)));
        }
        let ecosystem = bulletin.claims.first().map_or("", |claim| claim.platform.ecosystem);
        let is_register = id.find("-CVE-").and_then(|at| id.get(at + 1..)).is_some_and(is_cve);
        let alone = bulletin.rated.len() == 1;
        let mut affected = Vec::with_capacity(bulletin.claims.len());
        for claim in &bulletin.claims {
            affected.push(self.affected(claim).map_err(|problem| format!("`{id}`: {problem}"))?);
        }
        let symbols = &mut self.0.symbols;
        let cves = bulletin.rated.iter().map(|rated| symbols.intern(&rated.cve)).collect();
        let own = bulletin.rated.first().filter(|_| alone);
        let vectors = own.map(|rated| rated.vectors.as_slice()).unwrap_or_default();
        let advisory = Advisory {
            modified: bulletin.modified,
            source: symbols.intern(feed),
            authority: if is_register { Authority::Tracker } else { Authority::Advisory },
            published: bulletin.published,
            is_dated: true,
            is_withdrawn: false,
            is_malicious: false,
            is_disputed: false,
            is_no_vulnerability: false,
            has_proof_of_concept: false,
            is_weaponised: false,
            cves,
            aliases: Vec::new(),
            title: symbols.intern(&bulletin.title),
            cvss: vectors.iter().map(|vector| symbols.intern(vector)).collect(),
            severity: bulletin.severity,
            cwe: own.map(|rated| rated.cwe.clone()).unwrap_or_default(),
            module: None,
            affected,
            id: symbols.intern(id),
        };
        let by = symbols.intern(ecosystem);
        for rated in &bulletin.rated {
            self.rate(rated, by, alone);
        }
        self.0.add_part(advisory);
        Ok(())
    }

    /// What an announcement of several vulnerabilities says of one of them.
    fn rate(&mut self, rated: &Rated, by: Symbol, alone: bool) {
        if rated.published.is_none() && (alone || rated.vectors.is_empty() && rated.cwe.is_empty())
        {
            return;
        }
        let vectors: Vec<Symbol> =
            rated.vectors.iter().map(|vector| self.0.symbols.intern(vector)).collect();
        let signal = self.0.signal(&rated.cve);
        signal.published = match (signal.published, rated.published) {
            (Some(known), Some(read)) => Some(known.min(read)),
            (known, read) => known.or(read),
        };
        if !alone {
            for vector in vectors {
                if !signal.cvss.contains(&(by, vector)) {
                    signal.cvss.push((by, vector));
                }
            }
            signal.cwe.extend(&rated.cwe);
        }
    }

    fn affected(&mut self, claim: &Claim) -> Result<Affected, String> {
        let version = match &claim.verdict {
            Verdict::FixedIn(version) => version.as_str(),
            _ => "",
        };
        for text in [&claim.name, &claim.platform.release, version] {
            if text.len() > LONGEST_TEXT {
                return Err(format!("it has a name or version of {} bytes", text.len()));
            }
        }
        let symbols = &mut self.0.symbols;
        let mut range = vec![(EventKind::Introduced, symbols.intern("0"))];
        let (status, justification) = match &claim.verdict {
            Verdict::FixedIn(version) => {
                range.push((EventKind::Fixed, symbols.intern(version)));
                (None, None)
            }
            Verdict::Unfixed(status) => (Some(*status), None),
            Verdict::NotAffected(reason) => (Some(Status::NotAffected), reason.as_deref()),
        };
        Ok(Affected {
            ecosystem: symbols.intern(claim.platform.ecosystem),
            name: symbols.intern(&claim.name),
            release: Some(symbols.intern(&claim.platform.release)),
            ranges: vec![range],
            versions: Vec::new(),
            status,
            severity: claim.severity,
            cvss: Vec::new(),
            justification: justification.map(|word| symbols.intern(word)),
            text: None,
            module: claim.module.as_deref().map(|module| symbols.intern(module)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rpm_files_come_apart() {
        for (text, name, version, architecture) in [
            ("kernel-0:3.10.0-693.112.1.el7.src", "kernel", "3.10.0-693.112.1.el7", "src"),
            ("bind-libs-32:9.11.4-26.P2.el7.x86_64", "bind-libs", "32:9.11.4-26.P2.el7", "x86_64"),
            (
                "kernel-default-5.14.21-150500.55.7.1.aarch64",
                "kernel-default",
                "5.14.21-150500.55.7.1",
                "aarch64",
            ),
            ("libldb-2.1.3-3.1.al8.x86_64.rpm", "libldb", "2.1.3-3.1.al8", "x86_64"),
        ] {
            assert_eq!(split_nevra(text), Some((name, version.to_owned(), architecture)), "{text}");
        }
        for text in
            ["kernel", "kernel.src", "libxml2-devel.x86_64", "container-tools:rhel8/buildah", ""]
        {
            assert_eq!(split_nevra(text), None, "{text}");
        }
    }

    #[test]
    fn ids_have_pages() {
        for (id, wanted) in [
            ("REDHAT-CVE-2024-1", "https://access.redhat.com/security/cve/CVE-2024-1"),
            ("RHSA-2024:1", "https://access.redhat.com/errata/RHSA-2024:1"),
            ("ALAS2-2018-939", "https://alas.aws.amazon.com/AL2/ALAS-2018-939.html"),
            ("ALAS2023-2023-001", "https://alas.aws.amazon.com/AL2023/ALAS-2023-001.html"),
            ("ALAS-2011-1", "https://alas.aws.amazon.com/ALAS-2011-1.html"),
            (
                "ALINUX3-SA-2021:0008",
                "https://alas.aliyuncs.com/errata/detail/ALINUX3-SA-2021:0008",
            ),
        ] {
            assert_eq!(page(id).as_deref(), Some(wanted));
        }
        assert_eq!(page("ALSA-2024:1"), None);
    }

    proptest::proptest! {
        #[test]
        fn parts_of_rpm_names_come_back(
            name in "[a-z][a-z0-9+_]{0,8}(-[a-z0-9]{1,5}){0,2}",
            epoch in proptest::option::of(1..40_u32),
            version in "[0-9][a-z0-9.~^]{0,8}",
            release in "[a-z0-9._+]{1,10}",
        ) {
            let evr = with_epoch(&epoch.map(|epoch| epoch.to_string()).unwrap_or_default(), &format!("{version}-{release}"));
            let text = format!("{name}-{evr}.x86_64");
            proptest::prop_assert_eq!(split_nevra(&text), Some((name.as_str(), evr, "x86_64")));
        }

        #[test]
        fn no_name_breaks_it(text in "\\PC{0,60}") {
            let _split = split_nevra(&text);
        }
    }
}
