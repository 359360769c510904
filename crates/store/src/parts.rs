//! Parts: what inventories are made of, each kept once and matched once, however many images have it.
//!
//! In: packages and what else a scan found, and a [`Judge`] that knows the advisories. Out: rows of `parts` with their
//! findings, names and what they add to counters. Source: `docs/decisions/`, "Packages are matched once".
//!
//! Odd:
//! * A package's part is all of it but the places where it lies. What matching reads of it is the matcher's affair, so
//!   nothing is left out; what only one image knows of a package is next to nothing.
//! * A package is judged in the context of the images that have it: where these are used in different ways, it is a part for
//!   each, and everything that is made of parts follows.
//! * The remainder (failed checks, secrets, gaps of reading) is a part too: equal in images of one base, found by the same
//!   index, counted by the same sums.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{FeedState, Finding, Gap, MatchContext, Package, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError, closed_findings, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    findings::Row,
    inventories::{self, gaps_text},
    inventory_rows,
    statement::{self, QueryBuilder},
    tally,
};

/// What advisories say of one package.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Judged {
    /// Ecosystem and name that the snapshot is asked for; `None`: no advisory can speak of it.
    pub asked: Option<(String, String)>,
    /// Vulnerabilities and malicious packages, without the places where the package lies.
    pub findings: Vec<Finding>,
    /// What could not be decided of it.
    pub gaps: Vec<Gap>,
    /// The detail of the evidence that stands for each place where the package lies.
    pub installed: String,
    /// An EPSS score was too old to be used.
    pub stale_scores: bool,
    /// From which date of a snapshot on the same advisories may say something else.
    pub until: Option<Timestamp>,
}

/// Who knows what advisories say. The store keeps the answers, and asks again only for what may have changed.
pub trait Judge: Send + Sync {
    /// The snapshot that the answers rest on; `None`: there is none.
    fn feed(&self) -> Option<FeedState>;
    /// Version of the rules: answers of another version are asked for again.
    fn version(&self) -> String;
    /// What advisories say of a package, which has no locations here, in an image of this context.
    fn judge(&self, package: &Package, context: MatchContext) -> Judged;
    /// Ecosystem and every name that the snapshot is asked for about a package, that of [`Judged::asked`] first.
    fn names(&self, package: &Package) -> Vec<(String, String)>;
    /// What the snapshot cannot answer of all packages of an image together. Of the packages only ecosystem, release and
    /// name are given.
    fn gaps(&self, packages: &[&Package], stale_scores: bool) -> Vec<Gap>;
    /// Whether a gap of a report comes from matching, and so from [`Judged::gaps`] or [`Judge::gaps`].
    fn is_gap_of_matching(&self, gap: &Gap) -> bool;
}

/// What a scan found that belongs to no package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Remainder {
    /// What ran.
    pub(crate) ran: Vec<String>,
    /// Gaps of reading.
    pub(crate) gaps: Vec<Gap>,
    /// Failed checks and the like; layers of places stand as their numbers.
    pub(crate) findings: Vec<Finding>,
}

/// A part as it comes out of a report.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Content {
    Package(Box<Package>),
    Remainder(Remainder),
}

/// SHA-256 of a part's content.
pub(crate) type Key = [u8; 32];

/// The column `matched`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Matched {
    pub(crate) installed: String,
    pub(crate) findings: Vec<Finding>,
}

/// A part with all that its row holds.
pub(crate) struct Prepared {
    content: Vec<u8>,
    place: Option<(String, Option<String>, String, String)>,
    /// That of a package; a remainder is the same in all.
    context: MatchContext,
    answer: Answer,
}

/// What is written of a part when it is matched.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Answer {
    pub(crate) asked: Option<String>,
    pub(crate) matched: Option<Vec<u8>>,
    pub(crate) gaps: Option<String>,
    pub(crate) stale: bool,
    pub(crate) tally: Vec<u8>,
    pub(crate) lead: Option<(Vec<u8>, i64)>,
    pub(crate) until: Option<i64>,
    pub(crate) rows: Vec<Row>,
    /// Vulnerabilities that were found and do not count.
    pub(crate) suppressed: Vec<Finding>,
}

/// Since when a finding is known, and when what is said of it last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    pub(crate) first_seen: i64,
    pub(crate) modified: i64,
}

impl Times {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { first_seen: now.0, modified: now.0 }
    }
}

const DOING: &str = "writing parts";
/// Rows of one INSERT.
const ROWS: usize = 500;

pub(crate) fn failed(
    doing: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Database { doing, source: Box::new(source), transient: false }
}

pub(crate) fn sha256(bytes: &[u8]) -> Key {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    Key::try_from(hash.as_ref()).unwrap_or_default()
}

/// The key of a package by its JSON.
pub(crate) fn key_of(json: &[u8], context: MatchContext) -> Key {
    if context.is_default() {
        return sha256(json);
    }
    sha256(&[context.to_string().as_bytes(), b"\n", json].concat())
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| failed(DOING, error))
}

pub(crate) fn pack_bytes(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::encode_all(bytes, 3).map_err(|error| failed(DOING, error))
}

impl Content {
    /// The bytes that are stored, and their key: one package in two contexts is two parts.
    pub(crate) fn encode(&self, context: MatchContext) -> Result<(Key, Vec<u8>), StoreError> {
        match self {
            Self::Package(package) => {
                let json = to_json(package)?;
                Ok((key_of(&json, context), json))
            }
            Self::Remainder(remainder) => {
                let json = to_json(remainder)?;
                Ok((sha256(&json), json))
            }
        }
    }

    /// All that a part's row holds.
    pub(crate) fn prepare(
        &self,
        json: Vec<u8>,
        judge: &dyn Judge,
        context: MatchContext,
    ) -> Result<Prepared, StoreError> {
        Ok(match self {
            Self::Package(package) => Prepared {
                content: json,
                place: Some((
                    package.ecosystem.0.clone(),
                    package.release.clone(),
                    package.name.clone(),
                    column::searchable(&package.purl).to_owned(),
                )),
                context,
                answer: Answer::of_package(&package.purl, judge.judge(package, context))?,
            },
            Self::Remainder(remainder) => Prepared {
                content: pack_bytes(&json)?,
                place: None,
                context: MatchContext::default(),
                answer: Answer {
                    gaps: gaps_text(&remainder.gaps)?,
                    ..Answer::new(None, &remainder.findings)
                },
            },
        })
    }
}

impl Answer {
    pub(crate) fn of_package(purl: &str, judged: Judged) -> Result<Self, StoreError> {
        let mut answer = Self::new(Some(purl), &judged.findings);
        answer.asked = judged.asked.map(|(ecosystem, name)| asked_text(&ecosystem, &name));
        answer.stale = judged.stale_scores;
        answer.until = judged.until.map(|until| until.0);
        answer.gaps = gaps_text(&judged.gaps)?;
        if !judged.findings.is_empty() {
            let matched = Matched { installed: judged.installed, findings: judged.findings };
            answer.matched = Some(pack_bytes(&to_json(&matched)?)?);
        }
        Ok(answer)
    }

    fn new(purl: Option<&str>, findings: &[Finding]) -> Self {
        let rows: Vec<Row> = findings
            .iter()
            .filter(|finding| finding.is_open())
            .map(|finding| {
                let mut row = Row::of(finding);
                if purl == Some(row.subject.as_str()) {
                    row.subject = String::new();
                }
                row
            })
            .collect();
        Self {
            asked: None,
            matched: None,
            gaps: None,
            stale: false,
            tally: tally::of(findings),
            lead: tally::lead(findings),
            until: None,
            rows,
            suppressed: closed_findings::suppressed(findings),
        }
    }
}

/// How a name of an ecosystem stands in the column `asked`.
pub(crate) fn asked_text(ecosystem: &str, name: &str) -> String {
    format!("{ecosystem}\n{name}")
}

/// The numbers of the parts with these keys, where they are stored.
pub(crate) async fn known(
    connection: &mut DatabaseConnection,
    keys: &[Key],
) -> Result<BTreeMap<Key, i64>, StoreError> {
    let mut known = BTreeMap::new();
    for part in keys.chunks(ROWS) {
        let mut query = QueryBuilder::new("SELECT id, key FROM parts WHERE key IN (");
        let mut listed = query.separated(", ");
        for key in part {
            listed.push_bind(key.to_vec());
        }
        query.push(")");
        let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        for row in &rows {
            let key: Vec<u8> = column::get(row, "key")?;
            if let Ok(key) = Key::try_from(key.as_slice()) {
                known.insert(key, column::number(row, "id")?);
            }
        }
    }
    Ok(known)
}

/// Adds parts that are not stored yet. Returns their numbers.
pub(crate) async fn add(
    transaction: &mut Transaction,
    parts: &[(Key, &Prepared)],
    now: Timestamp,
) -> Result<BTreeMap<Key, i64>, StoreError> {
    let mut added = BTreeMap::new();
    for chunk in parts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "INSERT INTO parts (key, ecosystem, release, name, purl, asked, content, matched, gaps, stale, tally, lead, \
             lead_number, until, context) ",
        );
        query.push_values(chunk, |mut values, (key, part)| {
            let place = part.place.clone();
            let (ecosystem, release, name, purl) = match place {
                Some((ecosystem, release, name, purl)) => {
                    (Some(ecosystem), release, Some(name), Some(purl))
                }
                None => (None, None, None, None),
            };
            let answer = &part.answer;
            values
                .push_bind(key.to_vec())
                .push_bind(ecosystem)
                .push_bind(release)
                .push_bind(name)
                .push_bind(purl)
                .push_bind(answer.asked.clone())
                .push_bind(part.content.clone())
                .push_bind(answer.matched.clone())
                .push_bind(answer.gaps.clone())
                .push_bind(i64::from(answer.stale))
                .push_bind(answer.tally.clone())
                .push_bind(answer.lead.as_ref().map(|lead| lead.0.clone()))
                .push_bind(answer.lead.as_ref().map(|lead| lead.1))
                .push_bind(answer.until)
                .push_bind((!part.context.is_default()).then(|| part.context.to_string()));
        });
        query.push(" RETURNING id, key");
        let rows = query.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &rows {
            let key: Vec<u8> = column::get(row, "key")?;
            if let Ok(key) = Key::try_from(key.as_slice()) {
                added.insert(key, column::number(row, "id")?);
            }
        }
    }
    let mut rows = Vec::new();
    let times = Times::new(now);
    for (key, part) in parts {
        if let Some(id) = added.get(key) {
            let of_part = (0..).zip(&part.answer.rows);
            rows.extend(of_part.map(|(number, row)| (*id, number, row, times)));
            closed_findings::add(transaction, *id, &part.answer.suppressed, now).await?;
        }
    }
    insert_rows(transaction, &rows).await?;
    Ok(added)
}

/// Replaces what is known of a package, of which was found before what `before` says.
pub(crate) async fn set_answer(
    transaction: &mut Transaction,
    part: i64,
    purl: &str,
    before: &[Finding],
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows_before = rows_of(Some(purl), before);
    statement::query(
        "UPDATE parts SET asked = $2, matched = $3, gaps = $4, stale = $5, tally = $6, lead = $7, lead_number = $8, \
         until = $9, revision = (SELECT COALESCE(MAX(p.revision), 0) + 1 FROM parts p WHERE p.revision > 0) WHERE id = $1",
    )
    .bind(part)
    .bind(answer.asked.as_deref())
    .bind(answer.matched.as_deref())
    .bind(answer.gaps.as_deref())
    .bind(i64::from(answer.stale))
    .bind(answer.tally.as_slice())
    .bind(answer.lead.as_ref().map(|lead| lead.0.as_slice()))
    .bind(answer.lead.as_ref().map(|lead| lead.1))
    .bind(answer.until)
    .execute(transaction)
    .await
    .doing(DOING)?;
    let has_same_rows = rows_before == answer.rows;
    if has_same_rows && closed_findings::suppressed(before) == answer.suppressed {
        return Ok(());
    }
    let times = times_of(transaction, part).await?;
    let closed = closed_findings::stored(transaction, part).await?;
    closed_findings::follow(transaction, part, before, (&times, &closed), answer, now).await?;
    if has_same_rows {
        return Ok(());
    }
    delete_rows(transaction, part, &rows_before).await?;
    let rows: Vec<(i64, i64, &Row, Times)> = (0..)
        .zip(&answer.rows)
        .map(|(number, row)| {
            let known = times.get(&(row.kind.to_owned(), row.record.clone()));
            let seen = closed.get(&row.record).map(|(_, times)| times.first_seen);
            let first_seen = known.map(|known| known.first_seen).or(seen).unwrap_or(now.0);
            let is_same = rows_before.contains(row);
            let modified = known.filter(|_| is_same).map_or(now.0, |known| known.modified);
            (part, number, row, Times { first_seen, modified })
        })
        .collect();
    insert_rows(transaction, &rows).await
}

/// Since when a part has each of its findings, by kind and record.
async fn times_of(
    connection: &mut DatabaseConnection,
    part: i64,
) -> Result<BTreeMap<(String, String), Times>, StoreError> {
    let rows = statement::query(
        "SELECT kind, record, MIN(first_seen) AS first_seen, MAX(modified) AS modified FROM part_findings \
         WHERE part_id = $1 GROUP BY kind, record",
    )
    .bind(part)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut times = BTreeMap::new();
    for row in &rows {
        let key = (column::text(row, "kind")?, column::text(row, "record")?);
        let (first_seen, modified) =
            (column::get(row, "first_seen")?, column::get(row, "modified")?);
        times.insert(key, Times { first_seen, modified });
    }
    Ok(times)
}

/// Removes a part's findings and their names.
pub(crate) async fn delete_rows(
    transaction: &mut Transaction,
    part: i64,
    rows: &[Row],
) -> Result<(), StoreError> {
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| &row.names).collect();
    for name in names {
        statement::query("DELETE FROM part_names WHERE name = $1 AND part_id = $2")
            .bind(name)
            .bind(part)
            .execute(transaction)
            .await
            .doing(DOING)?;
    }
    statement::query("DELETE FROM part_findings WHERE part_id = $1")
        .bind(part)
        .execute(transaction)
        .await
        .doing(DOING)?;
    Ok(())
}

/// The rows that a part's stored findings gave.
pub(crate) fn rows_of(purl: Option<&str>, findings: &[Finding]) -> Vec<Row> {
    Answer::new(purl, findings).rows
}

/// Whether two lists of rows name the same findings in the same order.
pub(crate) fn has_names_of(rows: &[Row], other: &[Row]) -> bool {
    let named = |row: &Row| (row.kind, row.id.clone(), row.record.clone(), row.names.clone());
    rows.iter().map(named).eq(other.iter().map(named))
}

async fn insert_rows(
    transaction: &mut Transaction,
    rows: &[(i64, i64, &Row, Times)],
) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "INSERT INTO part_findings (part_id, number, kind, finding_id, record, subject, level, priority, tenths, \
             fix_version, title, extra, first_seen, modified) ",
        );
        query.push_values(chunk, |mut values, (part, number, row, times)| {
            let subject = Some(row.subject.clone()).filter(|subject| !subject.is_empty());
            values
                .push_bind(*part)
                .push_bind(*number)
                .push_bind(row.kind)
                .push_bind(row.id.clone())
                .push_bind(row.record.clone())
                .push_bind(subject)
                .push_bind(row.level)
                .push_bind(row.priority)
                .push_bind(row.tenths)
                .push_bind(row.fix_version.clone())
                .push_bind(row.title.clone())
                .push_bind(row.extra.clone())
                .push_bind(times.first_seen)
                .push_bind(times.modified);
        });
        query.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    let mut names: Vec<(&String, i64, i64)> = rows
        .iter()
        .flat_map(|(part, number, row, _)| row.names.iter().map(|name| (name, *part, *number)))
        .collect();
    // In the order of the index, so that its pages are filled one after another.
    names.sort_unstable();
    for chunk in names.chunks(ROWS) {
        let mut query = QueryBuilder::new("INSERT INTO part_names (name, part_id, number) ");
        query.push_values(chunk, |mut values, (name, part, number)| {
            values.push_bind((*name).clone()).push_bind(*part).push_bind(*number);
        });
        query.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

/// The rows that are stored of a part.
pub(crate) async fn stored_rows(
    connection: &mut DatabaseConnection,
    part: i64,
) -> Result<Vec<Row>, StoreError> {
    let row = statement::query("SELECT purl, content, matched FROM parts WHERE id = $1")
        .bind(part)
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let purl: Option<String> = column::get(&row, "purl")?;
    Ok(rows_of(purl.as_deref(), &findings_in(part, &row)?))
}

/// The findings of a part: what matching found of a package, or what was found that belongs to none. The row has the columns
/// `purl`, `content` and `matched`.
pub(crate) fn findings_in(part: i64, row: &DatabaseRow) -> Result<Vec<Finding>, StoreError> {
    if column::get::<Option<String>>(row, "purl")?.is_some() {
        return stored_findings(part, column::get(row, "matched")?);
    }
    let content: &[u8] = column::get(row, "content")?;
    let remainder: Remainder = inventories::unpack_json(content)
        .map_err(|_error| inventory_rows::corrupt("parts.content", part))?;
    Ok(remainder.findings)
}

/// The findings in a package's column `matched`.
pub(crate) fn stored_findings(
    part: i64,
    matched: Option<&[u8]>,
) -> Result<Vec<Finding>, StoreError> {
    let Some(packed) = matched else { return Ok(Vec::new()) };
    let matched: Matched = inventories::unpack_json(packed)
        .map_err(|_error| inventory_rows::corrupt("parts.matched", part))?;
    Ok(matched.findings)
}

/// Removes a part with all that is known of it.
pub(crate) async fn remove(transaction: &mut Transaction, part: i64) -> Result<(), StoreError> {
    let rows = stored_rows(transaction, part).await?;
    delete_rows(transaction, part, &rows).await?;
    statement::query("DELETE FROM parts WHERE id = $1")
        .bind(part)
        .execute(transaction)
        .await
        .doing(DOING)?;
    Ok(())
}
