//! The first half of a refresh: parts are matched again, some hundred a transaction.
//!
//! In: the parts that may have changed. Out: their new findings, and for the second half which of them change a counter or
//! a vulnerability's images. Odd: most answers are what they were, byte for byte, and cost no write.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{Finding, MatchContext, Package, Timestamp};

use super::{DOING, State};
use crate::{
    Judge, Store, StoreError, column,
    database::{DatabaseRow, Transaction},
    error::Doing,
    inventory_rows::corrupt,
    own_counters,
    parts::{self, Answer, failed, rows_of, set_answer},
    statement,
};

/// Parts that are matched in one transaction.
const AT_ONCE: i64 = 1_000;

/// Finding id to priority before and after; `None`: the part has no such finding.
pub(super) type Changes = BTreeMap<String, (Option<String>, Option<String>)>;

/// A package's row before it is matched again.
struct Before {
    id: i64,
    purl: String,
    content: Vec<u8>,
    matched: Option<Vec<u8>>,
    context: MatchContext,
    /// All that is compared besides.
    answer: Answer,
}

/// What a part is now where it differs.
struct Differs {
    id: i64,
    before: Vec<Finding>,
    after: Vec<Finding>,
    purl: String,
    answer: Answer,
    counts: bool,
    /// Its findings have other names, or stand in another order: rules may cover others of them.
    renamed: bool,
}

impl Store {
    pub(super) async fn rematch_some(
        &self,
        state: &State,
        judge: &Arc<dyn Judge>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = if state.everything {
            "SELECT * FROM parts WHERE id > $1 AND ecosystem IS NOT NULL ORDER BY id LIMIT $2"
        } else {
            "SELECT p.* FROM refresh_parts r JOIN parts p ON p.id = r.part_id \
             WHERE p.id > $1 AND r.refresh_id = $3 AND r.pending = 1 ORDER BY p.id LIMIT $2"
        };
        let query = statement::query(sql).bind(state.next).bind(AT_ONCE);
        let query = if state.everything { query } else { query.bind(state.id) };
        let rows = query.fetch_all(&mut *self.read().await?).await.doing(DOING)?;
        let before: Vec<Before> =
            rows.iter().map(Before::from_row).collect::<Result<_, StoreError>>()?;
        drop(rows);
        let last = before.iter().map(|part| part.id).max();
        let looked_at = u64::try_from(before.len()).unwrap_or_default();
        let judge = Arc::clone(judge);
        let differing = tokio::task::spawn_blocking(move || judge_all(&before, judge.as_ref()));
        let differing = differing.await.map_err(|error| failed(DOING, error))??;

        let mut transaction = self.write().await?;
        let changed = u64::try_from(differing.len()).unwrap_or_default();
        let (phase, next) = last.map_or(("count", 0), |last| ("match", last));
        if !state.advance(&mut transaction, phase, next, [looked_at, changed, 0]).await? {
            return Ok(());
        }
        let has_rules = own_counters::has_any(&mut transaction).await?;
        for part in &differing {
            write(&mut transaction, state.id, part, has_rules, now).await?;
        }
        if let Some(last) = last.filter(|_| !state.everything) {
            statement::query(
                "UPDATE refresh_parts SET pending = 0 WHERE refresh_id = $1 AND part_id > $2 AND part_id <= $3 AND pending = 1",
            )
            .bind(state.id)
            .bind(state.next)
            .bind(last)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)
    }
}

async fn write(
    transaction: &mut Transaction,
    refresh: i64,
    part: &Differs,
    has_rules: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    set_answer(transaction, part.id, &part.purl, &part.before, &part.answer, now).await?;
    let row = statement::query(
        "SELECT counts, changes FROM refresh_parts WHERE refresh_id = $1 AND part_id = $2",
    )
    .bind(refresh)
    .bind(part.id)
    .fetch_optional(transaction)
    .await
    .doing(DOING)?;
    let (counted, earlier) = match row {
        Some(row) => (column::flag(&row, "counts")?, column::json(&row, "changes")?),
        None => (false, Changes::new()),
    };
    let changes = merged(earlier, changes(&part.before, &part.after));
    let counts = counted || part.counts || (has_rules && part.renamed);
    if !counts && changes.is_empty() {
        return Ok(());
    }
    statement::query(
        "INSERT INTO refresh_parts (refresh_id, part_id, pending, counts, changes) VALUES ($1, $2, 0, $3, $4) \
         ON CONFLICT (refresh_id, part_id) DO UPDATE SET counts = excluded.counts, changes = excluded.changes",
    )
    .bind(refresh)
    .bind(part.id)
    .bind(i64::from(counts))
    .bind(serde_json::to_string(&changes).map_err(|error| failed(DOING, error))?)
    .execute(transaction)
    .await
    .doing(DOING)?;
    Ok(())
}

/// Matches parts again on two threads.
fn judge_all(parts: &[Before], judge: &dyn Judge) -> Result<Vec<Differs>, StoreError> {
    let (one, other) = parts.split_at(parts.len() / 2);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| judge_some(one, judge));
        let second = judge_some(other, judge)?;
        let mut all = match first.join() {
            Ok(first) => first?,
            Err(_panic) => judge_some(one, judge)?,
        };
        all.extend(second);
        Ok(all)
    })
}

fn judge_some(parts: &[Before], judge: &dyn Judge) -> Result<Vec<Differs>, StoreError> {
    let mut differing = Vec::new();
    for part in parts {
        let package: Package = serde_json::from_slice(&part.content)
            .map_err(|_error| corrupt("parts.content", part.id))?;
        let judged = judge.judge(&package, part.context);
        let after = judged.findings.clone();
        let answer = Answer::of_package(&part.purl, judged)?;
        let known = &part.answer;
        let counts = (&answer.tally, &answer.lead, &answer.gaps, answer.stale)
            != (&known.tally, &known.lead, &known.gaps, known.stale);
        if counts
            || answer.matched != part.matched
            || answer.until != known.until
            || answer.asked != known.asked
        {
            let before = parts::stored_findings(part.id, part.matched.as_deref())?;
            let (id, purl) = (part.id, part.purl.clone());
            let renamed = !parts::has_names_of(&rows_of(Some(&purl), &before), &answer.rows);
            differing.push(Differs { id, before, after, purl, answer, counts, renamed });
        }
    }
    Ok(differing)
}

impl Before {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        let lead: Option<Vec<u8>> = column::get(row, "lead")?;
        let number: Option<i64> = column::get(row, "lead_number")?;
        Ok(Self {
            id: column::number(row, "id")?,
            purl: column::text(row, "purl")?,
            content: column::get(row, "content")?,
            matched: column::get(row, "matched")?,
            context: column::context(row, "context")?,
            answer: Answer {
                asked: column::get(row, "asked")?,
                matched: None,
                gaps: column::get(row, "gaps")?,
                stale: column::flag(row, "stale")?,
                tally: column::get(row, "tally")?,
                lead: lead.zip(number),
                until: column::get(row, "until")?,
                rows: Vec::new(),
                suppressed: Vec::new(),
            },
        })
    }
}

/// The priority of each open finding's id, the highest where there are several.
fn priorities(findings: &[Finding]) -> BTreeMap<&str, Option<plimsoll_model::Priority>> {
    let mut priorities = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_open()) {
        let known = priorities.entry(finding.id.as_str()).or_insert(finding.priority);
        *known = (*known).max(finding.priority);
    }
    priorities
}

/// What differs between two lists of findings: a finding without a priority stands as an empty text.
fn changes(before: &[Finding], after: &[Finding]) -> Changes {
    let (before, after) = (priorities(before), priorities(after));
    let word = |priority: &Option<plimsoll_model::Priority>| {
        priority.map_or("", plimsoll_model::Priority::as_str).to_owned()
    };
    before
        .keys()
        .chain(after.keys())
        .filter(|id| before.get(*id) != after.get(*id))
        .map(|id| ((*id).to_owned(), (before.get(id).map(word), after.get(id).map(word))))
        .collect()
}

/// Two changes one after the other.
fn merged(mut earlier: Changes, later: Changes) -> Changes {
    for (id, (before, after)) in later {
        let before = earlier.remove(&id).map_or(before, |(first, _)| first);
        if before != after {
            earlier.insert(id, (before, after));
        }
    }
    earlier
}
