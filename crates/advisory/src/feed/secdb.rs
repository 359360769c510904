//! The secfixes databases of Alpine and of the distributions that publish in its shape: Wolfi, Chainguard, `MinimOS`.
//!
//! In: one JSON of one repository (`v3.20/main.json`, `security.json`). Out: one advisory per id, with a statement per package.
//! Source: `https://secdb.alpinelinux.org` and the specification of Wolfi's. Odd, and each covered by a test:
//! * Version `0` means that the package was never affected.
//! * An entry may hold several ids and remarks (`CVE-2023-1 GHSA-…`, `CVE-2017-2616 (+ regression fix)`), or no CVE at all.
//! * Whose database it is says the address of the packages alone. Alpine's have a release, the rolling ones have none.
//! * Nothing in it has a date: each id is taken to be of its year's first day.

use std::{borrow::Cow, collections::BTreeMap};

use plimsoll_model::Status;
use serde::Deserialize;

use super::{Document, Feed, LONGEST_TEXT, Sink, is_cve, title_of, year_of};
use crate::collection::{Advisory, Affected, Authority, EventKind, Symbol};

#[derive(Debug)]
pub(super) struct Secdb;

/// Whose packages lie at an address.
const PUBLISHERS: [(&str, &str); 5] = [
    ("alpinelinux.org", "Alpine"),
    ("packages.wolfi.dev", "Wolfi"),
    ("packages.cgr.dev", "Chainguard"),
    ("chainguard", "Chainguard"),
    ("packages.mini.dev", "MinimOS"),
];

#[derive(Deserialize)]
struct Database<'a> {
    #[serde(default, borrow)]
    distroversion: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    urlprefix: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    apkurl: Option<Cow<'a, str>>,
    #[serde(borrow)]
    packages: Option<Vec<Row<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    pkg: Package<'a>,
}

/// What a version fixes, one line each.
type Lines<'a> = Option<Vec<Cow<'a, str>>>;

#[derive(Deserialize)]
struct Package<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, borrow)]
    secfixes: Option<BTreeMap<Cow<'a, str>, Lines<'a>>>,
}

impl Feed for Secdb {
    fn id(&self) -> &'static str {
        "secdb"
    }

    fn about(&self) -> &'static str {
        "secfixes of Alpine, Wolfi, Chainguard and MinimOS: which version of a package fixes what, one JSON per repository"
    }

    fn home(&self) -> &'static str {
        "https://secdb.alpinelinux.org"
    }

    fn page(&self, ecosystem: &str, id: &str) -> Option<String> {
        (ecosystem == "Alpine" && is_cve(id))
            .then(|| format!("https://security.alpinelinux.org/vuln/{id}"))
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        let head = document.bytes.get(..16_384).unwrap_or(document.bytes);
        let head = String::from_utf8_lossy(head);
        head.trim_start().starts_with('{')
            && head.contains("\"packages\"")
            && (head.contains("\"apkurl\"") || head.contains("\"secfixes\""))
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let database: Database<'_> =
            serde_json::from_slice(document.bytes).map_err(|error| error.to_string())?;
        let (ecosystem, release) = database.of_whom()?;
        let place = Place {
            source: into.0.symbols.intern(self.id()),
            ecosystem: into.0.symbols.intern(ecosystem),
            release: release.map(|release| into.0.symbols.intern(release)),
            nothing: into.0.symbols.intern(""),
            zero: into.0.symbols.intern("0"),
        };
        let mut records = 0;
        for row in database.packages.iter().flatten() {
            let name = &row.pkg.name;
            if name.is_empty() || name.len() > LONGEST_TEXT {
                return Err(format!("it has a package named `{}`", title_of(name)));
            }
            for (version, lines) in row.pkg.secfixes.iter().flatten() {
                let version = version.trim();
                if version.is_empty() || version.len() > LONGEST_TEXT {
                    let (name, version) = (title_of(name), title_of(version));
                    return Err(format!("package `{name}` has a fix in the version `{version}`"));
                }
                for line in lines.iter().flatten() {
                    records += place.add(name, version, line, into);
                }
            }
        }
        if records == 0 {
            return Err("it names no vulnerability".to_owned());
        }
        Ok(records)
    }
}

impl Database<'_> {
    /// Ecosystem and release.
    fn of_whom(&self) -> Result<(&'static str, Option<&str>), String> {
        let addresses = || [&self.urlprefix, &self.apkurl].into_iter().flatten();
        let known = PUBLISHERS
            .iter()
            .find(|(part, _)| addresses().any(|address| address.contains(part)))
            .map(|(_, ecosystem)| *ecosystem);
        let release = self.distroversion.as_deref().filter(|release| !release.is_empty());
        match (known, release) {
            (Some("Alpine") | None, Some(release))
                if release.starts_with('v') || release == "edge" =>
            {
                Ok(("Alpine", Some(release)))
            }
            (Some("Alpine"), _) => Err("`distroversion` names no release of Alpine".to_owned()),
            (Some(rolling), _) => Ok((rolling, None)),
            (None, _) => Err(format!(
                "its packages lie at `{}`, which is none of Alpine's, Wolfi's, Chainguard's and MinimOS's addresses",
                title_of(self.urlprefix.as_deref().unwrap_or_default())
            )),
        }
    }
}

/// What all statements of a database have in common.
struct Place {
    source: Symbol,
    ecosystem: Symbol,
    release: Option<Symbol>,
    nothing: Symbol,
    zero: Symbol,
}

impl Place {
    /// Adds what one line says, and answers how many vulnerabilities it names.
    fn add(&self, name: &str, version: &str, line: &str, into: &mut Sink<'_>) -> u64 {
        let (cves, others) = ids(line);
        let named: Vec<&String> =
            if cves.is_empty() { others.iter().take(1).collect() } else { cves.iter().collect() };
        let mut range = vec![(EventKind::Introduced, self.zero)];
        if version != "0" {
            range.push((EventKind::Fixed, into.0.symbols.intern(version)));
        }
        let name = into.0.symbols.intern(name);
        let mut records = 0;
        for id in &named {
            records += 1;
            let symbol = into.0.symbols.intern(id);
            // Further ids of a line with several CVEs could belong to any of them.
            let aliases = others
                .iter()
                .filter(|other| cves.len() <= 1 && other != id)
                .map(|other| into.0.symbols.intern(other))
                .collect();
            into.0.add_part(Advisory {
                authority: Authority::Tracker,
                is_dated: false,
                cves: if is_cve(id) { vec![symbol] } else { Vec::new() },
                aliases,
                affected: vec![Affected {
                    module: None,
                    ecosystem: self.ecosystem,
                    name,
                    release: self.release,
                    ranges: vec![range.clone()],
                    versions: Vec::new(),
                    status: (version == "0").then_some(Status::NotAffected),
                    severity: None,
                    cvss: Vec::new(),
                    justification: None,
                    text: None,
                }],
                ..Advisory::new(symbol, self.source, self.nothing, year_of(id))
            });
        }
        records
    }
}

/// The CVEs and the other ids of a line; remarks are neither.
fn ids(line: &str) -> (Vec<String>, Vec<String>) {
    let mut cves = Vec::new();
    let mut others = Vec::new();
    for word in
        line.split(|character: char| character.is_whitespace() || ",;()".contains(character))
    {
        let spelled = word.replace('_', "-");
        if is_cve(&spelled) {
            cves.push(spelled);
        } else if is_id(word) {
            others.push(word.to_owned());
        }
    }
    for list in [&mut cves, &mut others] {
        let mut known = std::collections::BTreeSet::new();
        list.retain(|id| known.insert(id.clone()));
    }
    (cves, others)
}

/// `GHSA-xxxx-xxxx-xxxx`, `XSA-248`, `ZBX-11023`: capitals, a hyphen, and something behind it.
fn is_id(word: &str) -> bool {
    let Some((kind, rest)) = word.split_once('-') else { return false };
    let is_plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte))
    };
    kind.len() >= 2
        && kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && kind != "CVE"
        && word.len() <= 64
        && rest.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && is_plain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_ids_and_remarks() {
        let read = |line| {
            let (cves, others) = ids(line);
            (cves.join(" "), others.join(" "))
        };
        let pair = |cves: &str, others: &str| (cves.to_owned(), others.to_owned());
        assert_eq!(read("CVE-2017-2616 (+ regression fix)"), pair("CVE-2017-2616", ""));
        assert_eq!(
            read("CVE-2023-30861 GHSA-m2qf-hxjv-5gpq"),
            pair("CVE-2023-30861", "GHSA-m2qf-hxjv-5gpq")
        );
        assert_eq!(read("CVE-N/A ZBX-11023"), pair("", "ZBX-11023"));
        assert_eq!(read("CVE_2019-2426"), pair("CVE-2019-2426", ""));
        assert_eq!(read("XSA-248, CVE-2017-17566"), pair("CVE-2017-17566", "XSA-248"));
        assert_eq!(read("see the-changelog"), pair("", ""));
    }
}
