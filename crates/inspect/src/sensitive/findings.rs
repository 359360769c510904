//! From what layers hold to findings.
//!
//! In: the facts of all layers, which of their files the merged image still shows, and what packages own. Out: one finding
//! for each key, file and layer. Source: `docs/semantics.md`, "Sensitive files". Odd: a file that a later layer removes or
//! replaces counts like any other, because whoever has the image has the layer; what a package brought is everybody's and
//! counts no content. A file is a package's if it has the digest that the package says; where none is known, if it came in
//! the layer in which packages were installed: what was copied over it later did not.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plimsoll_image::{ContentRef, ImageDocuments};
use plimsoll_model::{
    Digest, Evidence, Finding, Fix, Kind, Level, Location, Subject, sensitive::SensitiveFileKey,
};

use super::{
    SecretHit,
    facts::SecretFacts,
    key::remedy,
    look::MAX_HITS,
    rule::{SecretRule, secret_rules},
};
use crate::{
    distribution::Family,
    facts::LayerFacts,
    malware::{Sum, digests::sums_of},
    paths::{Fingerprints, fingerprint},
};

/// The image as far as secrets are concerned.
pub(crate) struct Seen<'i> {
    pub(crate) layers: &'i [LayerFacts],
    pub(crate) documents: &'i ImageDocuments,
    /// Files with facts that the merged image shows.
    pub(crate) shown: &'i HashSet<ContentRef>,
    /// Paths that packages own.
    pub(crate) owned: &'i Fingerprints,
    /// What package databases say of their files' digests, sorted.
    pub(crate) sums: &'i [Sum],
}

/// Why a file counts less.
const UNMODIFIED: &str = "the file is, byte for byte, the one of its package";

/// All sensitive files of an image.
pub(crate) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (layer, facts) in seen.layers.iter().enumerate() {
        let installs = installs(facts);
        for (entry, files) in &facts.files {
            for secrets in files.iter().filter_map(|file| file.secrets.as_deref()) {
                let Some(path) = facts.path(*entry) else { continue };
                let is_identical = is_identical(seen.sums, path.as_bytes(), secrets);
                let is_of_package = is_identical.unwrap_or_else(|| {
                    installs
                        && !path.as_bytes().starts_with(b"etc/")
                        && seen.owned.contains(fingerprint(path.as_bytes()))
                });
                let file = File {
                    path: path.display().into_owned(),
                    digest: seen.documents.layers.get(layer).and_then(|layer| layer.digest),
                    layer,
                    is_removed: !seen.shown.contains(&ContentRef { layer, entry: *entry }),
                    is_of_package,
                    is_identical: is_identical == Some(true),
                    secrets,
                };
                findings.extend(file.findings());
            }
        }
    }
    findings
}

/// Whether a file has the digest that its package says; `None` where nobody says one.
fn is_identical(sums: &[Sum], path: &[u8], secrets: &SecretFacts) -> Option<bool> {
    let sums = sums_of(sums, path);
    let digests = secrets.digests.as_ref().filter(|_| !sums.is_empty())?;
    Some(sums.iter().any(|sum| digests.agrees(sum)))
}

/// Whether packages were installed in a layer.
fn installs(facts: &LayerFacts) -> bool {
    facts.files.values().flatten().any(|file| {
        Family::of_parser(&file.detector).is_some()
            && !(file.packages.is_empty() && file.owned.is_empty())
    })
}

struct File<'f> {
    path: String,
    layer: usize,
    digest: Option<Digest>,
    is_removed: bool,
    is_of_package: bool,
    is_identical: bool,
    secrets: &'f SecretFacts,
}

impl File<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut by_key: BTreeMap<&str, Vec<(&SecretRule, &SecretHit)>> = BTreeMap::new();
        for hit in &self.secrets.hits {
            let Some(rule) = secret_rules().iter().find(|rule| rule.id == hit.rule) else {
                continue;
            };
            if self.is_of_package
                && (!rule.is_about_files()
                    || rule.key == "sqlite"
                    || rule.key == "pem"
                    || rule.key == "pgp")
            {
                continue;
            }
            by_key.entry(rule.key).or_default().push((rule, hit));
        }
        by_key.into_iter().filter_map(|(key, hits)| self.finding(key, &hits)).collect()
    }

    fn finding(&self, id: &str, hits: &[(&SecretRule, &SecretHit)]) -> Option<Finding> {
        let (first, worst) = hits.iter().max_by_key(|(_, hit)| hit.level).copied()?;
        let key = first.secret_key()?;
        let name = SensitiveFileKey::find(id).map_or(first.title, |known| known.name);
        let layer = self
            .digest
            .map_or_else(|| format!("layer {}", self.layer), |digest| digest.to_string());
        let rules: BTreeSet<&str> = hits.iter().map(|(rule, _)| rule.id).collect();
        let fingerprints: BTreeSet<&str> = hits
            .iter()
            .map(|(_, hit)| hit.fingerprint.as_str())
            .filter(|it| !it.is_empty())
            .collect();
        let count = self.secrets.counts.get(id).copied().unwrap_or_default();
        let mut extra = BTreeMap::from([
            ("class".to_owned(), key.class().as_str().to_owned()),
            ("name".to_owned(), name.to_owned()),
            ("rule".to_owned(), joined(&rules)),
            ("count".to_owned(), count.to_string()),
        ]);
        let mut say = |name: &str, text: String| {
            if !text.is_empty() {
                extra.insert(name.to_owned(), text);
            }
        };
        say("md5", self.secrets.md5.clone().unwrap_or_default());
        say("masked", worst.masked.clone());
        say("fingerprint", joined(&fingerprints));
        say("lowered", if self.is_identical { UNMODIFIED.to_owned() } else { String::new() });
        say("removed", if self.is_removed { "true".to_owned() } else { String::new() });
        let location = Location { path: self.path.clone(), layer: self.digest };
        let mut evidence: Vec<(u64, Evidence)> = hits
            .iter()
            .map(|(rule, hit)| {
                (
                    hit.offset,
                    Evidence { location: Some(location.clone()), detail: detail(rule, hit) },
                )
            })
            .collect();
        evidence.sort();
        evidence.dedup();
        let ending =
            if self.is_removed { " (a later layer removes or replaces the file)" } else { "" };
        Some(Finding {
            kind: Kind::Secret,
            id: id.to_owned(),
            record: format!("{id}:{layer}:{}", self.path),
            aliases: Vec::new(),
            advisories: Vec::new(),
            level: if self.is_identical { Level::Low } else { worst.level.max(Level::Low) },
            priority: None,
            score: None,
            urgency: None,
            subject: Subject::Path(self.path.clone()),
            title: format!("{}{ending}", first.title),
            evidence: evidence.into_iter().map(|(_, evidence)| evidence).take(MAX_HITS).collect(),
            fix: Some(Fix { version: None, advice: remedy(key.class()).to_owned() }),
            status: None,
            suppressed: None,
            views: Vec::new(),
            why: Vec::new(),
            extra,
        })
    }
}

fn joined(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(",")
}

/// `line 12: AKIA…Q, 20 characters`.
fn detail(rule: &SecretRule, hit: &SecretHit) -> String {
    let note = hit.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    match hit.line {
        0 => format!("the file as a whole: {}{note}", rule.title),
        line if hit.masked.is_empty() => format!("line {line}: {}{note}", rule.title),
        line => {
            format!("line {line}: {}, {} characters: {}{note}", hit.masked, hit.length, rule.title)
        }
    }
}
