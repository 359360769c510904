//! What ignore rules take out of what counts: of one image, and of one vulnerability in all images.
//!
//! In: an image's id, or names of records. Out: records with the rules that ignore them. Odd: a record of which only some
//! packages are covered still counts, and says so ([`IgnoredRecord::is_whole`]).

use std::{borrow::Cow, collections::BTreeMap};

use plimsoll_model::{Digest, IgnoreRule, Kind, NewIgnoreRule, Priority, Report, ignore::apply};

use crate::{
    Store, StoreError, artifacts, column,
    error::Doing,
    findings::{KIND, PRIORITY},
    ignore_rules::rule_of,
    images::dashed,
    listing::push_in,
    parts::sha256,
    statement::{self, QueryBuilder},
};

/// What a rule ignores in an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoredRecord {
    /// Kind of finding.
    pub kind: Kind,
    /// What counts as one: the wire's name of a vulnerability.
    pub record: String,
    /// Its CVE or advisory id.
    pub id: String,
    /// The highest priority that it would have.
    pub priority: Option<Priority>,
    /// Nothing is left of it in this image; else it counts by other packages.
    pub is_whole: bool,
    /// The rule.
    pub rule: IgnoreRule,
}

/// In how many images a vulnerability is ignored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoredIn {
    /// What counts as one.
    pub record: String,
    /// The highest priority that it would have.
    pub priority: Option<Priority>,
    /// Images in which nothing is left of it.
    pub images: u64,
}

const DOING: &str = "reading what is ignored";
/// Rows of one statement.
const ROWS: usize = 500;

/// Bytes of a record that are kept of a finding besides vulnerabilities: paths may be longer than what can be indexed.
const LONGEST_RECORD: usize = 1_000;

/// How the record of a finding besides vulnerabilities stands in `ignored_records`.
pub(crate) fn kept_record(record: &str) -> Cow<'_, str> {
    if record.len() <= LONGEST_RECORD {
        return Cow::Borrowed(record);
    }
    let start = record.floor_char_boundary(LONGEST_RECORD);
    let start = record.get(..start).unwrap_or_default();
    Cow::Owned(format!("{start}…{}", Digest::from_bytes(sha256(record.as_bytes()))))
}

impl Store {
    /// What is ignored in an image, by its id with or without dashes: most urgent first, then by record and rule. Which
    /// findings those are, [`plimsoll_model::NewIgnoreRule::covers`] tells.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ignored_records(&self, uuid: &str) -> Result<Vec<IgnoredRecord>, StoreError> {
        let rows = statement::query(
            "SELECT r.*, g.kind AS of_kind, g.record, g.finding_id, g.priority, g.is_whole FROM images i \
             JOIN ignored_records g ON g.image_id = i.id JOIN ignore_rules r ON r.id = g.rule_id WHERE i.uuid = $1",
        )
        .bind(dashed(uuid))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            records.push(IgnoredRecord {
                kind: column::parsed(row, "of_kind", KIND)?,
                record: column::text(row, "record")?,
                id: column::text(row, "finding_id")?,
                priority: column::optional_parsed(row, "priority", PRIORITY)?,
                is_whole: column::flag(row, "is_whole")?,
                rule: rule_of(row)?,
            });
        }
        records.sort_by(|one, other| {
            (other.priority, &one.record, one.rule.id).cmp(&(
                one.priority,
                &other.record,
                other.rule.id,
            ))
        });
        Ok(records)
    }

    /// The report of an image, by its id with or without dashes, in which what rules ignore is taken out of what counts;
    /// `None`: there is no such image, or no report yet. Its numbers are the image's own.
    ///
    /// # Errors
    /// The database fails, or the report in it does not unpack.
    pub async fn image_report(&self, uuid: &str) -> Result<Option<Report>, StoreError> {
        // Rules and findings are of one moment.
        let mut snapshot = self.snapshot().await?;
        let row = statement::query("SELECT id, artifact_id FROM images WHERE uuid = $1")
            .bind(dashed(uuid))
            .fetch_optional(&mut snapshot)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let artifact = column::number(&row, "artifact_id")?;
        let Some(mut report) = artifacts::report(&mut snapshot, artifact).await? else {
            return Ok(None);
        };
        let rows = statement::query(
            "SELECT * FROM ignore_rules WHERE id IN (SELECT rule_id FROM ignored_records WHERE image_id = $1) ORDER BY id",
        )
        .bind(column::number::<i64>(&row, "id")?)
        .fetch_all(&mut snapshot)
        .await
        .doing(DOING)?;
        let rules: Vec<IgnoreRule> = rows.iter().map(rule_of).collect::<Result<_, _>>()?;
        let rules: Vec<(String, &NewIgnoreRule)> =
            rules.iter().map(|rule| (format!("rule {}", rule.id), &rule.rule)).collect();
        apply(&mut report.findings, &rules);
        Ok(Some(report))
    }

    /// In how many images each of these records is ignored as a whole, by the priority that it would have there.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ignored_in(&self, records: &[String]) -> Result<Vec<IgnoredIn>, StoreError> {
        let mut found: BTreeMap<(String, Option<Priority>), u64> = BTreeMap::new();
        for chunk in records.chunks(ROWS) {
            let mut sql = QueryBuilder::new(
                "SELECT record, image_id, priority FROM ignored_records WHERE is_whole = 1 AND kind = 'vulnerability' AND ",
            );
            push_in(&mut sql, "record", chunk);
            let rows = sql
                .build()
                .persistent(false)
                .fetch_all(&mut *self.read().await?)
                .await
                .doing(DOING)?;
            // Several rules may ignore one record in one image: it is one, at the highest priority.
            let mut images: BTreeMap<(String, i64), Option<Priority>> = BTreeMap::new();
            for row in &rows {
                let key = (column::text(row, "record")?, column::number(row, "image_id")?);
                let priority = column::optional_parsed(row, "priority", PRIORITY)?;
                let known = images.entry(key).or_insert(priority);
                *known = (*known).max(priority);
            }
            for ((record, _), priority) in images {
                *found.entry((record, priority)).or_default() += 1;
            }
        }
        Ok(found
            .into_iter()
            .map(|((record, priority), images)| IgnoredIn { record, priority, images })
            .collect())
    }
}
