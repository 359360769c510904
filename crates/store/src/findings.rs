//! Findings as rows, of artifacts whose report is kept whole.
//!
//! In: a report's open findings, once per artifact. Out: rows with the names (id, aliases, advisories; of files their path and
//! MD5) that people search by.
//! Findings of parts stand in the same columns, see `parts`. Odd: names compare without regard to ASCII case; when a report
//! changes, only the rows that differ are written.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Finding, Kind, Level, Priority, Subject, Timestamp};

use crate::{
    ImageRow, StoreError,
    column::{self, searchable},
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    parts::Times,
    statement::{self, QueryBuilder},
};

/// One image that a finding is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Kind of finding.
    pub kind: Kind,
    /// The finding's own id, which may be another name than the one that was asked for.
    pub id: String,
    /// What counts as one in the counters.
    pub record: String,
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

/// One finding as a row; `names` in upper case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) record: String,
    pub(crate) subject: String,
    pub(crate) level: &'static str,
    pub(crate) priority: Option<&'static str>,
    pub(crate) tenths: Option<i64>,
    pub(crate) fix_version: Option<String>,
    pub(crate) title: String,
    pub(crate) extra: Option<String>,
    pub(crate) names: BTreeSet<String>,
}

impl Row {
    pub(crate) fn of(finding: &Finding) -> Self {
        let (Subject::Purl(subject) | Subject::Path(subject) | Subject::Image(subject)) =
            &finding.subject;
        let is_file = matches!(finding.kind, Kind::Malware | Kind::Secret);
        let of_file = [Some(subject), finding.extra.get("md5")].into_iter().flatten();
        let names = [&finding.id]
            .into_iter()
            .chain(&finding.aliases)
            .chain(&finding.advisories)
            .chain(of_file.filter(|_| is_file));
        Self {
            kind: finding.kind.as_str(),
            id: finding.id.clone(),
            record: finding.record.clone(),
            subject: subject.clone(),
            level: finding.level.as_str(),
            priority: finding.priority.map(Priority::as_str),
            tenths: finding.urgency.as_ref().map(|urgency| i64::from(urgency.tenths)),
            fix_version: finding.fix.as_ref().and_then(|fix| fix.version.clone()),
            title: finding.title.clone(),
            extra: extra_of(finding),
            names: names.map(|name| searchable(name).to_ascii_uppercase()).collect(),
        }
    }

    fn read(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: column::parsed::<Kind>(row, "kind", KIND)?.as_str(),
            id: column::text(row, "finding_id")?,
            record: column::text(row, "record")?,
            subject: column::text(row, "subject")?,
            level: column::parsed::<Level>(row, "level", LEVEL)?.as_str(),
            priority: column::optional_parsed(row, "priority", PRIORITY)?.map(Priority::as_str),
            tenths: column::get(row, "tenths")?,
            fix_version: column::get(row, "fix_version")?,
            title: column::text(row, "title")?,
            extra: column::get(row, "extra")?,
            names: BTreeSet::new(),
        })
    }
}

/// Facts of a finding's kind that lists read, as JSON. What may be long, and what a check says of itself alone, stays in the
/// report.
fn extra_of(finding: &Finding) -> Option<String> {
    let is_kept = |name: &str| match finding.kind {
        Kind::Vulnerability => false,
        Kind::Malware | Kind::Secret => !matches!(name, "highlight" | "rules"),
        Kind::Baseline | Kind::Build | Kind::License => {
            matches!(name, "class" | "name" | "history" | "line")
        }
    };
    let kept: BTreeMap<&str, &str> = finding
        .extra
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| is_kept(name))
        .collect();
    if kept.is_empty() { None } else { serde_json::to_string(&kept).ok() }
}

pub(crate) const KIND: &str = "a kind of finding";
pub(crate) const LEVEL: &str = "a level";
pub(crate) const PRIORITY: &str = "a priority";
const DOING: &str = "writing findings";
/// Rows of one INSERT: SQLite takes 32,766 values, PostgreSQL 65,535.
const ROWS: usize = 500;

/// Makes the rows of an artifact those of `findings`: what differs is removed or added, the rest stays untouched.
pub(crate) async fn replace(
    transaction: &mut Transaction,
    artifact: i64,
    findings: &[Finding],
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = findings.iter().filter(|finding| finding.is_open());
    let mut wanted: BTreeSet<Row> = open.map(Row::of).collect();
    let stored = stored(transaction, artifact).await?;
    let first_seen = first_seen(transaction, artifact).await?;
    let mut next = stored.keys().next_back().map_or(1, |number| number.saturating_add(1));
    for (number, row) in &stored {
        if !wanted.remove(row) {
            statement::query("DELETE FROM findings WHERE artifact_id = $1 AND number = $2")
                .bind(artifact)
                .bind(number)
                .execute(transaction)
                .await
                .doing(DOING)?;
        }
    }
    let mut numbered = Vec::with_capacity(wanted.len());
    for row in wanted {
        let record = (row.kind.to_owned(), row.record.clone());
        let first_seen = first_seen.get(&record).copied().unwrap_or(now.0);
        numbered.push((next, row, Times { first_seen, modified: now.0 }));
        next = next.saturating_add(1);
    }
    for part in numbered.chunks(ROWS) {
        insert(transaction, artifact, part).await?;
    }
    Ok(())
}

/// Since when an artifact has each of its findings, by kind and record.
async fn first_seen(
    connection: &mut DatabaseConnection,
    artifact: i64,
) -> Result<BTreeMap<(String, String), i64>, StoreError> {
    let rows = statement::query(
        "SELECT kind, record, MIN(first_seen) AS first_seen FROM findings WHERE artifact_id = $1 GROUP BY kind, record",
    )
    .bind(artifact)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut seen = BTreeMap::new();
    for row in &rows {
        let record = (column::text(row, "kind")?, column::text(row, "record")?);
        seen.insert(record, column::get(row, "first_seen")?);
    }
    Ok(seen)
}

async fn stored(
    transaction: &mut Transaction,
    artifact: i64,
) -> Result<BTreeMap<i64, Row>, StoreError> {
    let rows = statement::query("SELECT * FROM findings WHERE artifact_id = $1")
        .bind(artifact)
        .fetch_all(transaction)
        .await
        .doing(DOING)?;
    let mut stored = BTreeMap::new();
    for row in &rows {
        stored.insert(column::number(row, "number")?, Row::read(row)?);
    }
    let names = statement::query("SELECT name, number FROM finding_names WHERE artifact_id = $1")
        .bind(artifact)
        .fetch_all(transaction)
        .await
        .doing(DOING)?;
    for name in &names {
        let number: i64 = column::number(name, "number")?;
        if let Some(row) = stored.get_mut(&number) {
            row.names.insert(column::text(name, "name")?);
        }
    }
    Ok(stored)
}

async fn insert(
    transaction: &mut Transaction,
    artifact: i64,
    rows: &[(i64, Row, Times)],
) -> Result<(), StoreError> {
    let mut findings = QueryBuilder::new(
        "INSERT INTO findings (artifact_id, number, kind, finding_id, record, subject, level, priority, tenths, \
         fix_version, title, extra, first_seen, modified) ",
    );
    findings.push_values(rows, |mut values, (number, row, times)| {
        values
            .push_bind(artifact)
            .push_bind(*number)
            .push_bind(row.kind)
            .push_bind(row.id.clone())
            .push_bind(row.record.clone())
            .push_bind(row.subject.clone())
            .push_bind(row.level)
            .push_bind(row.priority)
            .push_bind(row.tenths)
            .push_bind(row.fix_version.clone())
            .push_bind(row.title.clone())
            .push_bind(row.extra.clone())
            .push_bind(times.first_seen)
            .push_bind(times.modified);
    });
    findings.build().persistent(false).execute(transaction).await.doing(DOING)?;

    let names: Vec<(i64, &String)> = rows
        .iter()
        .flat_map(|(number, row, _)| row.names.iter().map(|name| (*number, name)))
        .collect();
    for part in names.chunks(ROWS) {
        let mut insert =
            QueryBuilder::new("INSERT INTO finding_names (name, artifact_id, number) ");
        insert.push_values(part, |mut values, (number, name)| {
            values.push_bind((*name).clone()).push_bind(artifact).push_bind(*number);
        });
        insert.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

impl Affected {
    /// Reads the columns of a finding; the image is found by the caller.
    pub(crate) fn from_row(
        row: &DatabaseRow,
        image: ImageRow,
        registry: String,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            image,
            registry,
            kind: column::parsed(row, "kind", KIND)?,
            id: column::text(row, "finding_id")?,
            record: column::text(row, "record")?,
            subject: column::text(row, "subject")?,
            level: column::parsed(row, "level", LEVEL)?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            tenths: column::optional_number(row, "tenths")?,
            fix_version: column::get(row, "fix_version")?,
            title: column::text(row, "title")?,
        })
    }
}
