//! One definition: its metadata, and the advisory that it becomes.
//!
//! In: a `definition` element. Out: a [`Bulletin`]. Source: "oval-definitions-schema"; the `advisory` element that Red Hat
//! brought in and others took over. Odd: a definition without a package test says nothing of packages and becomes nothing;
//! Red Hat's `resolution` says whether what has no fix will get one.

use plimsoll_model::{Status, Timestamp};

use super::criteria::{self, Criteria, Row};
use crate::{
    feed::{
        claims::{Bulletin, Claim, Rated, Verdict, publisher},
        is_cve, parse_cwe, parse_time,
        platform::{self, Platform},
        title_of,
        xml::Element,
    },
    priority::VendorSeverity,
};

/// Fields of a definition that are used.
#[derive(Debug, Default)]
pub(super) struct Definition {
    id: String,
    is_vulnerability: bool,
    title: String,
    platforms: Vec<String>,
    /// Source and id.
    references: Vec<(String, String)>,
    severity: Option<VendorSeverity>,
    issued: Option<Timestamp>,
    updated: Option<Timestamp>,
    rated: Vec<(Rated, Option<VendorSeverity>)>,
    cpes: Vec<String>,
    /// Components and what becomes of them.
    resolutions: Vec<(Option<Status>, Vec<String>)>,
    pub(super) criteria: Criteria,
}

impl Definition {
    pub(super) fn of(element: &Element) -> Result<Self, String> {
        let id = element.attribute("id").to_owned();
        let criteria = element.child("criteria").map(criteria::of).unwrap_or_default();
        let is_vulnerability = element.attribute("class") == "vulnerability";
        let Some(metadata) = element.child("metadata") else {
            return Err(format!("the definition `{}` has no metadata", title_of(&id)));
        };
        let platforms = metadata.all("affected").flat_map(|affected| affected.all("platform"));
        let mut definition = Self {
            id,
            is_vulnerability,
            criteria,
            title: title_of(metadata.text_of("title")),
            platforms: platforms.map(|platform| platform.text().to_owned()).collect(),
            references: metadata
                .all("reference")
                .map(|one| (one.attribute("source").to_owned(), one.attribute("ref_id").to_owned()))
                .collect(),
            ..Self::default()
        };
        let advisory = metadata.child("advisory");
        // Azure Linux has no `advisory`, and writes some of it beside.
        definition.add(advisory.unwrap_or(metadata));
        Ok(definition)
    }

    fn add(&mut self, advisory: &Element) {
        let date = |name: &str| parse_time(advisory.child(name)?.attribute("date"));
        self.severity = VendorSeverity::from_word(advisory.text_of("severity"));
        (self.issued, self.updated) = (date("issued"), date("updated"));
        self.issued = self.issued.or_else(|| parse_time(advisory.text_of("advisory_date")));
        for cve in advisory.all("cve") {
            if !is_cve(cve.text()) {
                continue;
            }
            let vectors =
                ["cvss3", "cvss4", "cvss2"].iter().filter_map(|key| vector(cve.attribute(key)));
            let rated = Rated {
                cve: cve.text().to_owned(),
                vectors: vectors.collect(),
                cwe: cve
                    .attribute("cwe")
                    .split(['|', '>', '(', ')', '-', ' '])
                    .filter_map(number)
                    .collect(),
                published: day(cve.attribute("public")),
            };
            self.rated.push((rated, VendorSeverity::from_word(cve.attribute("impact"))));
        }
        for list in advisory.all("affected_cpe_list") {
            self.cpes.extend(list.all("cpe").map(|cpe| cpe.text().to_owned()));
        }
        for resolution in advisory.all("affected").flat_map(|affected| affected.all("resolution")) {
            let components = resolution.all("component").map(|one| one.text().to_owned()).collect();
            self.resolutions.push((status(resolution.attribute("state")), components));
        }
    }

    /// When it was last changed.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        self.updated.or(self.issued)
    }

    /// Red Hat's definitions of what is not affected look like those of what is.
    pub(super) fn is_unaffected(&self) -> bool {
        self.id.contains(".unaffected:")
    }

    /// The advisory, unless it says nothing of any package.
    pub(super) fn bulletin(
        &self,
        date: Timestamp,
        rows: Vec<Row<'_>>,
    ) -> Result<Option<Bulletin>, String> {
        let own = self.own_platforms();
        let mut claims = Vec::new();
        for row in rows {
            let platforms = match row.platforms.as_deref() {
                Some(named) => named.iter().filter_map(|name| platform::by_name(name)).collect(),
                None => own.clone(),
            };
            for platform in platforms {
                claims.push(self.claim(platform, &row));
            }
        }
        if claims.is_empty() {
            return Ok(None);
        }
        claims.sort();
        claims.dedup();
        let rated = self.all_rated();
        let id = self.advisory_id(&claims, &rated).ok_or_else(|| {
            format!("the definition `{}` names neither an advisory nor a CVE", title_of(&self.id))
        })?;
        let impacts = self.rated.iter().filter_map(|(_, impact)| *impact);
        Ok(Some(Bulletin {
            id,
            title: self.title.clone(),
            modified: self.modified().unwrap_or(date),
            published: self.issued,
            severity: self.severity.or_else(|| impacts.max()),
            rated,
            claims,
        }))
    }

    fn claim(&self, platform: Platform, row: &Row<'_>) -> Claim {
        let verdict = match row.verdict {
            criteria::Says::FixedIn(version) => Verdict::FixedIn(version.to_owned()),
            criteria::Says::NotAffected => Verdict::NotAffected(None),
            criteria::Says::Affected => {
                let of_component = self.resolutions.iter().find(|(_, components)| {
                    components.iter().any(|component| {
                        component == row.name || component.rsplit('/').next() == Some(row.name)
                    })
                });
                let only = || match self.resolutions.as_slice() {
                    [only] => Some(only),
                    _ => None,
                };
                let status = of_component.or_else(only).and_then(|(status, _)| *status);
                Verdict::Unfixed(status.unwrap_or(Status::Affected))
            }
        };
        // `kernel:5.10` is the kernel of that line, beside a plain one.
        let name = row.name.split(':').next().unwrap_or(row.name).to_owned();
        Claim { platform, name, module: row.module.map(str::to_owned), verdict, severity: None }
    }

    /// The releases that the metadata names, for criteria that name none.
    fn own_platforms(&self) -> Vec<Platform> {
        let named: Vec<Platform> =
            self.platforms.iter().filter_map(|name| platform::by_name(name)).collect();
        let mut found = match named.is_empty() {
            true => self.cpes.iter().filter_map(|cpe| platform::by_cpe(cpe)).collect(),
            false => named,
        };
        found.sort();
        found.dedup();
        found
    }

    /// The CVEs, with what is known of each.
    fn all_rated(&self) -> Vec<Rated> {
        let mut rated: Vec<Rated> = self.rated.iter().map(|(rated, _)| rated.clone()).collect();
        let referred = self.references.iter().map(|(_, id)| id.as_str());
        // `Mitre CVE-2021-29154`.
        let words =
            referred.chain([self.title.as_str()]).flat_map(|text| text.split([' ', ':', ',']));
        for cve in words.filter(|word| is_cve(word)) {
            if !rated.iter().any(|known| known.cve == cve) {
                rated.push(Rated { cve: cve.to_owned(), ..Rated::default() });
            }
        }
        rated.sort_by(|a, b| a.cve.cmp(&b.cve));
        rated.dedup_by(|a, b| a.cve == b.cve);
        rated
    }

    /// The advisory's own id; of what is said of a CVE, the CVE behind the publisher's name.
    fn advisory_id(&self, claims: &[Claim], rated: &[Rated]) -> Option<String> {
        let is_plain =
            |id: &str| !id.is_empty() && !id.contains(char::is_whitespace) && !is_cve(id);
        let referred = self.references.iter().map(|(_, id)| id.as_str()).find(|id| is_plain(id));
        if !self.is_vulnerability {
            let in_title =
                self.title.split([' ', ',']).next().map(|word| word.trim_end_matches(':'));
            let in_title = in_title.filter(|word| is_plain(word) && word.contains('-'));
            if let Some(id) = referred.or(in_title) {
                return Some(id.to_owned());
            }
        }
        let [only] = rated else { return None };
        let publisher = publisher(claims.first()?.platform.ecosystem);
        Some(format!("{publisher}-{}", only.cve))
    }
}

/// The vector of `7.8/CVSS:3.1/AV:L/…`, or of version 2 `4.3/AV:N/…`.
fn vector(text: &str) -> Option<String> {
    let (score, vector) = text.split_once('/')?;
    let is_score = score.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // A score of 0 says that nothing was assessed.
    (is_score && score.bytes().any(|byte| (b'1'..=b'9').contains(&byte))).then(|| vector.to_owned())
}

/// The number in a part of `CWE-416` or `(CWE-119|CWE-787)`.
fn number(part: &str) -> Option<u32> {
    parse_cwe(&format!("CWE-{part}"))
}

/// `20230220`, with or without a time behind it.
fn day(text: &str) -> Option<Timestamp> {
    let digits = text.get(..8).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    parse_time(&format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?))
}

/// What Red Hat says of what has no fix.
fn status(state: &str) -> Option<Status> {
    Some(match state.to_ascii_lowercase().as_str() {
        "will not fix" => Status::WillNotFix,
        "out of support scope" => Status::EndOfLife,
        "under investigation" => Status::UnderInvestigation,
        "affected" | "fix deferred" => Status::Affected,
        _ => return None,
    })
}
