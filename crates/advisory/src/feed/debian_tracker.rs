//! Debian's security tracker: what Debian says of every vulnerability in every release, fixed or not.
//!
//! In: the tracker's JSON, one object of packages, each of vulnerabilities, each of releases. Out: one advisory per
//! vulnerability, with a statement per package and release. Source: the tracker's export and its documentation
//! (`https://security-team.debian.org/security_tracker.html`). Odd, and each covered by a test:
//! * `fixed_version` `0` means that no version in this release was ever affected.
//! * End of life stands among the urgencies; `nodsa_reason` `ignored` is a decision, `postponed` and none are not.
//! * Nothing in it has a date. Each vulnerability is taken to be of its year's first day, so the source looks older than it is,
//!   never newer.
//! * A release with nothing to say is an empty list, where others are objects.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use plimsoll_model::Status;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Document, Feed, LONGEST_TEXT, Sink, is_cve, title_of, year_of};
use crate::{
    collection::{Advisory, Affected, Authority, EventKind, Symbol},
    priority::VendorSeverity,
};

#[derive(Debug)]
pub(super) struct DebianTracker;

/// Releases by the names that the tracker uses. One that is not here keeps its name, and matches nothing.
const RELEASES: [(&str, &str); 9] = [
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

impl Feed for DebianTracker {
    fn id(&self) -> &'static str {
        "debian-tracker"
    }

    fn about(&self) -> &'static str {
        "Debian's security tracker: per release fixed, open, not affected, ignored or without support, as one JSON"
    }

    fn home(&self) -> &'static str {
        "https://security-tracker.debian.org/tracker/data/json"
    }

    fn page(&self, _: &str, id: &str) -> Option<String> {
        Some(format!("https://security-tracker.debian.org/tracker/{id}"))
    }

    fn recognises(&self, document: &Document<'_>) -> bool {
        let head = document.bytes.get(..16_384).unwrap_or(document.bytes);
        let head = String::from_utf8_lossy(head);
        head.trim_start().starts_with('{')
            && ["\"releases\"", "\"repositories\"", "\"urgency\"", "\"status\""]
                .iter()
                .all(|word| head.contains(word))
    }

    fn read(&self, document: &Document<'_>, into: &mut Sink<'_>) -> Result<u64, String> {
        let mut statements = Statements { into, found: BTreeMap::new(), records: 0 };
        let mut reader = serde_json::Deserializer::from_slice(document.bytes);
        (&mut statements)
            .deserialize(&mut reader)
            .and_then(|()| reader.end())
            .map_err(|error| error.to_string())?;
        let Statements { into, found, records } = statements;
        if records == 0 {
            return Err("it names no vulnerability".to_owned());
        }
        let source = into.0.symbols.intern(self.id());
        for (id, (title, affected)) in found {
            let cves = if is_cve(&id) { vec![into.0.symbols.intern(&id)] } else { Vec::new() };
            let title = into.0.symbols.intern(&title);
            let symbol = into.0.symbols.intern(&id);
            into.0.add_advisory(Advisory {
                authority: Authority::Tracker,
                is_dated: false,
                cves,
                affected,
                ..Advisory::new(symbol, source, title, year_of(&id))
            });
        }
        Ok(records)
    }
}

#[derive(Deserialize)]
struct Issue<'a> {
    #[serde(default, borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    releases: Releases<'a>,
}

struct Releases<'a>(BTreeMap<Cow<'a, str>, Release<'a>>);

#[derive(Deserialize)]
struct Release<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    fixed_version: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    urgency: Option<Cow<'a, str>>,
    #[serde(borrow)]
    nodsa: Option<Cow<'a, str>>,
    #[serde(borrow)]
    nodsa_reason: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Releases<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Releases<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of releases")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut releases = BTreeMap::new();
                while let Some((name, release)) = map.next_entry()? {
                    releases.insert(name, release);
                }
                Ok(Releases(releases))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(Releases(BTreeMap::new())),
                    Some(_) => Err(A::Error::custom("releases are a list that is not empty")),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Reads package by package, so that the whole is never in memory twice.
struct Statements<'s, 'c> {
    into: &'s mut Sink<'c>,
    /// By id: title and statements.
    found: BTreeMap<String, (String, Vec<Affected>)>,
    records: u64,
}

impl<'de> DeserializeSeed<'de> for &mut Statements<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Statements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(package) = map.next_key::<Cow<'de, str>>()? {
            let issues: BTreeMap<Cow<'de, str>, Issue<'de>> = map.next_value()?;
            let wrong = |id: &str, what: &str| {
                let (package, id) = (title_of(&package), title_of(id));
                A::Error::custom(format!("package `{package}`, `{id}`: {what}"))
            };
            if package.is_empty() || package.len() > LONGEST_TEXT {
                return Err(wrong("", "it has no name, or far too long a one"));
            }
            for (id, issue) in &issues {
                if id.is_empty() || id.len() > LONGEST_TEXT || title_of(id) != **id {
                    return Err(wrong(id, "this is no id"));
                }
                for release in issue.releases.0.values() {
                    if release.fixed_version.as_ref().is_some_and(|text| text.len() > LONGEST_TEXT)
                    {
                        return Err(wrong(id, "it has a version of more than 4096 bytes"));
                    }
                }
                self.add(&package, id, issue);
            }
        }
        Ok(())
    }
}

impl Statements<'_, '_> {
    fn add(&mut self, package: &str, id: &str, issue: &Issue<'_>) {
        self.records += 1;
        let ecosystem = self.into.0.symbols.intern("Debian");
        let name = self.into.0.symbols.intern(package);
        let (title, affected) = self.found.entry(id.to_owned()).or_default();
        if title.is_empty() {
            *title = title_of(issue.description.as_deref().unwrap_or_default());
        }
        for (codename, release) in &issue.releases.0 {
            let number = RELEASES.iter().find(|(known, _)| known == codename);
            let number = number.map_or(&**codename, |(_, number)| *number);
            let mut intern = |text: &str| self.into.0.symbols.intern(text);
            let text = release.words();
            affected.push(Affected {
                module: None,
                ecosystem,
                name,
                release: Some(intern(number)),
                ranges: vec![release.range(&mut intern)],
                versions: Vec::new(),
                status: Some(release.status()),
                severity: release.urgency.as_deref().and_then(VendorSeverity::from_word),
                cvss: Vec::new(),
                justification: None,
                text: text.map(|text| intern(&text)),
            });
        }
    }
}

impl Release<'_> {
    fn never_affected(&self) -> bool {
        self.fixed_version.as_deref() == Some("0")
    }

    fn range(&self, intern: &mut dyn FnMut(&str) -> Symbol) -> Vec<(EventKind, Symbol)> {
        let mut range = vec![(EventKind::Introduced, intern("0"))];
        if let Some(version) = self.fixed_version.as_deref().filter(|version| *version != "0") {
            range.push((EventKind::Fixed, intern(version)));
        }
        range
    }

    fn status(&self) -> Status {
        let urgency = self.urgency.as_deref().unwrap_or_default();
        match (&*self.status, self.nodsa_reason.as_deref()) {
            _ if self.never_affected() => Status::NotAffected,
            // What is below the fixed version is affected; whether an upgrade exists is another question.
            ("resolved", _) => Status::Affected,
            ("open", _) if urgency == "end-of-life" => Status::EndOfLife,
            ("open", Some("ignored")) => Status::WillNotFix,
            ("open", _) => Status::Affected,
            // `undetermined`, and whatever word may come: nobody has decided.
            _ => Status::UnderInvestigation,
        }
    }

    /// Debian's own words: `Minor issue`, `postponed: Minor issue`.
    fn words(&self) -> Option<String> {
        let note = self.nodsa.as_deref().map(title_of).filter(|note| !note.is_empty());
        match (self.nodsa_reason.as_deref().filter(|reason| !reason.is_empty()), note) {
            (Some(reason), Some(note)) => Some(format!("{}: {note}", title_of(reason))),
            (Some(reason), None) => Some(title_of(reason)),
            (None, Some(note)) => Some(format!("no advisory of its own: {note}")),
            (None, None) => None,
        }
    }
}
