//! The shape of an OSV record: only the fields that are used, borrowed where the text allows.
//!
//! Source: OSV schema 1.7. Odd: `null` stands for "not there" in many published records; the two `…_specific` objects are
//! anything at all, so they are looked into only for fields of a type that we expect.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, Visitor},
};
use serde_json::value::RawValue;

use super::vendor;
use plimsoll_model::Status;

use crate::{collection::EventKind, priority::VendorSeverity};

/// A text that is borrowed unless it holds escapes. `Cow` alone is only borrowed where it is a field of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) modified: Text<'a>,
    #[serde(borrow)]
    pub(super) published: Option<Text<'a>>,
    pub(super) withdrawn: Option<IgnoredAny>,
    #[serde(borrow)]
    aliases: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    upstream: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    related: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) summary: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) details: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) severity: Option<Vec<Severity<'a>>>,
    #[serde(borrow)]
    pub(super) affected: Option<Vec<Entry<'a>>>,
    #[serde(borrow)]
    pub(super) references: Option<Vec<Reference<'a>>>,
    #[serde(borrow)]
    pub(super) database_specific: Option<&'a RawValue>,
}

impl Record<'_> {
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().flatten().map(Text::as_str)
    }

    pub(super) fn upstream(&self) -> impl Iterator<Item = &str> {
        self.upstream.iter().flatten().map(Text::as_str)
    }

    pub(super) fn related(&self) -> impl Iterator<Item = &str> {
        self.related.iter().flatten().map(Text::as_str)
    }
}

#[derive(Deserialize)]
pub(super) struct Severity<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    score: Text<'a>,
}

/// The CVSS vectors of a severity list.
pub(super) fn vectors<'a>(list: Option<&'a [Severity<'_>]>) -> Vec<&'a str> {
    let all = list.unwrap_or_default().iter();
    all.filter(|one| one.kind.as_str().starts_with("CVSS_")).map(|one| one.score.as_str()).collect()
}

/// What a severity list says in words (`Ubuntu`).
pub(super) fn words<'a>(list: Option<&'a [Severity<'_>]>) -> impl Iterator<Item = &'a str> {
    let all = list.unwrap_or_default().iter();
    all.filter(|one| !one.kind.as_str().starts_with("CVSS_")).map(|one| one.score.as_str())
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    pub(super) package: Option<Package<'a>>,
    #[serde(borrow)]
    pub(super) ranges: Option<Vec<Range<'a>>>,
    #[serde(borrow)]
    pub(super) versions: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) severity: Option<Vec<Severity<'a>>>,
    #[serde(borrow)]
    pub(super) ecosystem_specific: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) database_specific: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Package<'a> {
    #[serde(borrow)]
    pub(super) ecosystem: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Range<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) events: Option<Vec<Event<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    introduced: Option<Text<'a>>,
    #[serde(borrow)]
    fixed: Option<Text<'a>>,
    #[serde(borrow)]
    last_affected: Option<Text<'a>>,
    #[serde(borrow)]
    limit: Option<Text<'a>>,
}

impl Event<'_> {
    /// The schema allows one part per event; some records hold two.
    pub(super) fn parts(&self) -> impl Iterator<Item = (EventKind, &str)> {
        [
            (EventKind::Introduced, &self.introduced),
            (EventKind::Fixed, &self.fixed),
            (EventKind::LastAffected, &self.last_affected),
            (EventKind::Limit, &self.limit),
        ]
        .into_iter()
        .filter_map(|(kind, text)| Some((kind, text.as_ref()?.as_str())))
        // A limit of `*` is the same as none.
        .filter(|(kind, version)| !(*kind == EventKind::Limit && *version == "*"))
    }
}

#[derive(Deserialize)]
pub(super) struct Reference<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    url: Text<'a>,
}

impl Reference<'_> {
    pub(super) fn is_proof_of_concept(&self) -> bool {
        self.kind.as_str() == "EVIDENCE" || self.url.as_str().contains("exploit-db.com/exploits/")
    }

    pub(super) fn is_weapon(&self) -> bool {
        let url = self.url.as_str();
        [
            "/rapid7/metasploit-framework/",
            "rapid7.com/db/modules/",
            "/projectdiscovery/nuclei-templates/",
        ]
        .iter()
        .any(|part| url.contains(part))
    }
}

/// Symbols and imports that a note names.
const MAX_SYMBOLS: usize = 8;

/// What is used of `database_specific` and `ecosystem_specific`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Specific {
    severity: serde_json::Value,
    urgency: serde_json::Value,
    status: serde_json::Value,
    state: serde_json::Value,
    note: serde_json::Value,
    cwe_ids: serde_json::Value,
    cwes: serde_json::Value,
    published_is: serde_json::Value,
    imports: serde_json::Value,
    affected_functions: serde_json::Value,
    informational: serde_json::Value,
    availability: serde_json::Value,
    last_known_affected_version_range: serde_json::Value,
}

impl Specific {
    /// What can be read of it; an object of another shape holds nothing that we use.
    pub(super) fn of(raw: Option<&RawValue>) -> Self {
        // Most are empty, or hold nothing but a source.
        raw.filter(|raw| raw.get().len() > 2)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }

    pub(super) fn severity(&self) -> Option<VendorSeverity> {
        let words = [&self.severity, &self.urgency].into_iter().filter_map(|value| value.as_str());
        // That nobody maintains a package any more is no vulnerability of its own.
        let notice =
            self.informational.as_str().filter(|word| ["unmaintained", "notice"].contains(word));
        words
            .filter_map(VendorSeverity::from_word)
            .next()
            .or_else(|| notice.map(|_| VendorSeverity::Negligible))
    }

    /// `<= 1.2.3` and `< 1.2.3`: where GitHub's advisories end that name no fixed version.
    pub(super) fn end(&self) -> Option<(EventKind, &str)> {
        let text = self.last_known_affected_version_range.as_str()?.trim();
        let (kind, version) = match text.strip_prefix("<=") {
            Some(version) => (EventKind::LastAffected, version),
            None => (EventKind::Limit, text.strip_prefix('<')?),
        };
        Some((kind, version.trim())).filter(|(_, version)| !version.is_empty())
    }

    /// What only people can use: where in the package it is, and who gets the fix.
    pub(super) fn note(&self) -> Option<String> {
        let texts = |value: &serde_json::Value| -> Vec<String> {
            let listed = value.as_array().into_iter().flatten().filter_map(|one| one.as_str());
            listed.take(MAX_SYMBOLS).map(str::to_owned).collect()
        };
        let mut parts = Vec::new();
        for import in self.imports.as_array().into_iter().flatten().take(MAX_SYMBOLS) {
            let Some(path) = import.get("path").and_then(|path| path.as_str()) else { continue };
            let of = |key: &str| import.get(key).map(&texts).unwrap_or_default().join(", ");
            let (symbols, systems) = (of("symbols"), of("goos"));
            let symbols = if symbols.is_empty() { symbols } else { format!(" ({symbols})") };
            let systems = if systems.is_empty() { systems } else { format!(", only on {systems}") };
            parts.push(format!("{path}{symbols}{systems}"));
        }
        let functions = texts(&self.affected_functions);
        if !functions.is_empty() {
            parts.push(functions.join(", "));
        }
        let words = [&self.informational, &self.availability].into_iter();
        parts.extend(words.filter_map(|word| word.as_str()).map(str::to_owned));
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    pub(super) fn status(&self) -> Option<Status> {
        let word =
            [&self.status, &self.state, &self.urgency].into_iter().find_map(|value| value.as_str());
        vendor::status(word?, self.note.as_str().unwrap_or_default())
    }

    pub(super) fn cwe(&self, parse: impl Fn(&str) -> Option<u32>) -> Vec<u32> {
        let plain = self.cwe_ids.as_array().into_iter().flatten();
        let nested = self.cwes.as_array().into_iter().flatten();
        plain
            .filter_map(|value| value.as_str())
            .chain(nested.filter_map(|value| value.get("cweId").unwrap_or(value).as_str()))
            .filter_map(parse)
            .collect()
    }

    pub(super) fn published_is_made_up(&self) -> bool {
        !self.published_is.is_null()
    }
}

/// Tells an OSV record from other JSON.
#[derive(Deserialize)]
pub(super) struct Probe {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "modified")]
    _modified: String,
}

impl Probe {
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
