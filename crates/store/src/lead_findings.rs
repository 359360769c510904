//! The one finding of each image that a list shows: why it stands where it stands, and which version ends that.
//!
//! In: manifest digests of a page of images. Out: the most urgent finding of each, whatever its kind. Odd: a failed check of
//! level high ranks with vulnerabilities of priority asap, as in the image's risk level, and what does not count there comes
//! last; the order is total, so that two looks at the same scan agree.

use std::collections::BTreeMap;

use plimsoll_model::{Digest, Kind, Level, Priority};

use crate::{
    Store, StoreError, column,
    database::DatabaseRow,
    error::Doing,
    findings::{KIND, LEVEL, PRIORITY},
    statement::QueryBuilder,
};

/// A finding in the words of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeadFinding {
    /// Kind of finding.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Package URL, path, or part of the image.
    pub subject: String,
    /// Level by nature.
    pub level: Level,
    /// Vulnerabilities only.
    pub priority: Option<Priority>,
    /// Vulnerabilities only: score in tenths, 0–150.
    pub tenths: Option<u16>,
    /// First version without it, where one is known.
    pub fix_version: Option<String>,
    /// One line for people.
    pub title: String,
}

impl Store {
    /// The most urgent finding of each of these manifests; those without a finding are left out.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lead_findings(
        &self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, LeadFinding>, StoreError> {
        let mut leads = BTreeMap::new();
        // SQLite bounds the number of parameters; no page is that long.
        for part in digests.chunks(500) {
            let mut query = QueryBuilder::new(
                "SELECT * FROM (SELECT a.digest, f.kind, f.finding_id, f.subject, f.level, f.priority, f.tenths, \
                 f.fix_version, f.title, ROW_NUMBER() OVER (PARTITION BY f.artifact_id ORDER BY CASE \
                 WHEN f.kind IN ('build', 'license') THEN 3 WHEN f.priority = 'asap' THEN 0 WHEN f.priority = 'later' THEN 1 WHEN f.priority = 'nntf' THEN 2 \
                 WHEN f.kind = 'vulnerability' THEN 2 WHEN f.level IN ('critical', 'high') THEN 0 \
                 WHEN f.level = 'medium' THEN 1 ELSE 2 END, \
                 CASE f.kind WHEN 'malware' THEN 0 WHEN 'vulnerability' THEN 1 WHEN 'baseline' THEN 2 ELSE 3 END, \
                 COALESCE(f.tenths, 0) DESC, CASE f.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 \
                 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END, \
                 CASE WHEN f.fix_version IS NULL THEN 1 ELSE 0 END, f.finding_id, f.subject, f.number) AS place \
                 FROM findings f JOIN artifacts a ON a.id = f.artifact_id WHERE a.digest IN (",
            );
            let mut listed = query.separated(", ");
            for digest in part {
                listed.push_bind(digest.to_string());
            }
            query.push(")) AS placed WHERE place = 1");
            let rows = query
                .build()
                .persistent(false)
                .fetch_all(&mut *self.read().await?)
                .await
                .doing("reading the most urgent findings")?;
            for row in &rows {
                leads.insert(column::digest(row, "digest")?, LeadFinding::from_row(row)?);
            }
            // An inventory knows its own.
            let mut query = QueryBuilder::new(
                "SELECT a.digest, f.kind, f.finding_id, COALESCE(f.subject, p.purl) AS subject, f.level, f.priority, \
                 f.tenths, f.fix_version, f.title FROM artifacts a JOIN inventories v ON v.id = a.inventory_id \
                 JOIN part_findings f ON f.part_id = v.lead_part AND f.number = v.lead_number \
                 JOIN parts p ON p.id = v.lead_part WHERE a.digest IN (",
            );
            let mut listed = query.separated(", ");
            for digest in part {
                listed.push_bind(digest.to_string());
            }
            query.push(")");
            let rows = query
                .build()
                .persistent(false)
                .fetch_all(&mut *self.read().await?)
                .await
                .doing("reading the most urgent findings")?;
            for row in &rows {
                leads.insert(column::digest(row, "digest")?, LeadFinding::from_row(row)?);
            }
        }
        Ok(leads)
    }
}

impl LeadFinding {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: column::parsed(row, "kind", KIND)?,
            id: column::text(row, "finding_id")?,
            subject: column::text(row, "subject")?,
            level: column::parsed(row, "level", LEVEL)?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            tenths: column::optional_number(row, "tenths")?,
            fix_version: column::get(row, "fix_version")?,
            title: column::text(row, "title")?,
        })
    }
}
