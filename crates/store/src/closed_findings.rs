//! Vulnerabilities of parts that do not count, so that lists can show them.
//!
//! In: what was found of a part before and what is found now. Out: rows of `closed_findings`: suppressed ones (a source says
//! that the part is not affected) and ended ones (it was affected once, and no advisory says so any more). Odd: a
//! vulnerability that comes back counts again, and is known since it was first known.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Finding, Kind, Timestamp};

use crate::{
    StoreError, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    inventories::unpack_json,
    inventory_rows::corrupt,
    parts::{Answer, Times, pack_bytes, to_json},
    statement::{self, QueryBuilder},
};

/// Why a vulnerability does not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum ClosedState {
    Suppressed,
    Ended,
}

impl ClosedState {
    const WORDS: &[(&str, Self)] = &[("suppressed", Self::Suppressed), ("ended", Self::Ended)];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Ended => "ended",
        }
    }

    pub(crate) fn read(row: &DatabaseRow) -> Result<Self, StoreError> {
        column::word(row, "state", Self::WORDS)
    }
}

/// Those of a part, by record, without the findings themselves.
pub(crate) type Stored = BTreeMap<String, (ClosedState, Times)>;

/// One of them with all that is kept.
pub(crate) struct ClosedFinding {
    pub(crate) part: i64,
    pub(crate) record: String,
    pub(crate) state: ClosedState,
    pub(crate) times: Times,
    pub(crate) finding: Finding,
}

const DOING: &str = "writing vulnerabilities that do not count";
/// Rows of one statement.
const ROWS: usize = 500;

/// Of a part's findings, one of each vulnerability that does not count.
pub(crate) fn suppressed(findings: &[Finding]) -> Vec<Finding> {
    let of_kind = |finding: &&Finding| finding.kind == Kind::Vulnerability;
    let open: BTreeSet<&str> = findings
        .iter()
        .filter(of_kind)
        .filter(|finding| finding.is_open())
        .map(|finding| finding.record.as_str())
        .collect();
    let mut found: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in findings.iter().filter(of_kind).filter(|finding| !finding.is_open()) {
        if !open.contains(finding.record.as_str()) {
            found.entry(&finding.record).or_insert(finding);
        }
    }
    found.into_values().cloned().collect()
}

/// Adds those of a new part.
pub(crate) async fn add(
    transaction: &mut Transaction,
    part: i64,
    suppressed: &[Finding],
    now: Timestamp,
) -> Result<(), StoreError> {
    let times = Times::new(now);
    for finding in suppressed {
        insert(transaction, part, finding, ClosedState::Suppressed, times).await?;
    }
    Ok(())
}

/// Brings those of a part to what is found of it now.
pub(crate) async fn follow(
    transaction: &mut Transaction,
    part: i64,
    before: &[Finding],
    (times, known): (&BTreeMap<(String, String), Times>, &Stored),
    answer: &Answer,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open: BTreeSet<&str> = answer.rows.iter().map(|row| row.record.as_str()).collect();
    let seen = |record: &str| {
        let kind = Kind::Vulnerability.as_str().to_owned();
        let counted = times.get(&(kind, record.to_owned())).map(|times| times.first_seen);
        counted.or_else(|| known.get(record).map(|(_, times)| times.first_seen)).unwrap_or(now.0)
    };
    let mut wanted: BTreeMap<&str, (&Finding, ClosedState)> = BTreeMap::new();
    for finding in &answer.suppressed {
        wanted.insert(&finding.record, (finding, ClosedState::Suppressed));
    }
    for finding in before.iter().filter(|finding| finding.kind == Kind::Vulnerability) {
        if !open.contains(finding.record.as_str()) {
            wanted.entry(&finding.record).or_insert((finding, ClosedState::Ended));
        }
    }
    for (record, (state, _)) in known {
        let stays = *state == ClosedState::Ended && !open.contains(record.as_str());
        if !stays && !wanted.contains_key(record.as_str()) {
            statement::query("DELETE FROM closed_findings WHERE part_id = $1 AND record = $2")
                .bind(part)
                .bind(record)
                .execute(transaction)
                .await
                .doing(DOING)?;
        }
    }
    for (record, (finding, state)) in wanted {
        let is_same = known.get(record).filter(|(known, _)| *known == state);
        let modified = is_same.map_or(now.0, |(_, times)| times.modified);
        let times = Times { first_seen: seen(record), modified };
        insert(transaction, part, finding, state, times).await?;
    }
    Ok(())
}

/// Those of a part, by record.
pub(crate) async fn stored(
    connection: &mut DatabaseConnection,
    part: i64,
) -> Result<Stored, StoreError> {
    let rows = statement::query(
        "SELECT record, state, first_seen, modified FROM closed_findings WHERE part_id = $1",
    )
    .bind(part)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut stored = BTreeMap::new();
    for row in &rows {
        stored.insert(column::text(row, "record")?, (ClosedState::read(row)?, times(row)?));
    }
    Ok(stored)
}

fn times(row: &DatabaseRow) -> Result<Times, StoreError> {
    let (first_seen, modified) = (column::get(row, "first_seen")?, column::get(row, "modified")?);
    Ok(Times { first_seen, modified })
}

async fn insert(
    transaction: &mut Transaction,
    part: i64,
    finding: &Finding,
    state: ClosedState,
    times: Times,
) -> Result<(), StoreError> {
    statement::query(
        "INSERT INTO closed_findings (part_id, record, state, first_seen, modified, finding) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (part_id, record) DO UPDATE SET state = excluded.state, \
         first_seen = excluded.first_seen, modified = excluded.modified, finding = excluded.finding",
    )
    .bind(part)
    .bind(&finding.record)
    .bind(state.as_str())
    .bind(times.first_seen)
    .bind(times.modified)
    .bind(pack_bytes(&to_json(finding)?)?)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

/// Those of some parts.
pub(crate) async fn of_parts(
    connection: &mut DatabaseConnection,
    parts: &[i64],
) -> Result<Vec<ClosedFinding>, StoreError> {
    let mut closed = Vec::new();
    for chunk in parts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT part_id, record, state, first_seen, modified, finding FROM closed_findings WHERE part_id IN (",
        );
        let mut listed = query.separated(", ");
        for part in chunk {
            listed.push_bind(*part);
        }
        query.push(") ORDER BY part_id, record");
        let rows = query.build().persistent(false).fetch_all(connection).await;
        for row in &rows.doing("reading vulnerabilities that do not count")? {
            let part = column::number(row, "part_id")?;
            let packed: &[u8] = column::get(row, "finding")?;
            closed.push(ClosedFinding {
                part,
                record: column::text(row, "record")?,
                state: ClosedState::read(row)?,
                times: times(row)?,
                finding: unpack_json(packed)
                    .map_err(|_error| corrupt("closed_findings.finding", part))?,
            });
        }
    }
    Ok(closed)
}
