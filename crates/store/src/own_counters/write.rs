//! Writing what images have of their own: the differences to what is stored, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{RiskCounters, Timestamp};

use super::{
    DOING, ROWS,
    evaluate::{Ignored, Own},
};
use crate::{
    StoreError, column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    findings::{KIND, PRIORITY},
    history,
    listing::push_in,
    statement::{self, QueryBuilder},
    tally,
};

/// A row of `image_counters`.
type Counted = (RiskCounters, Option<(Option<i64>, i64)>);
/// Image, record and rule of a row of `ignored_records`.
type Key = (i64, String, i64);

/// Brings the rows of these images to what is wanted. Returns how many have other numbers now.
pub(super) async fn write(
    transaction: &mut Transaction,
    images: &[i64],
    wanted: &BTreeMap<i64, Arc<Own>>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let counted = counted(transaction, images).await?;
    let mut noted = Vec::new();
    let mut ignored = ignored(transaction, images).await?;
    let mut changed = Vec::new();
    let mut added = Vec::new();
    let mut gone = Vec::new();
    for image in images {
        let Some(own) = wanted.get(image) else {
            if counted.contains_key(image) {
                gone.push(*image);
            }
            continue;
        };
        let before = counted.get(image);
        if before != Some(&(own.counters, own.lead)) {
            changed.push((*image, own));
        }
        if before.is_none_or(|before| before.0 != own.counters) {
            noted.push((*image, own.counters));
        }
        for ((record, rule), one) in &own.ignored {
            if ignored.remove(&(*image, record.clone(), *rule)).as_ref() != Some(one) {
                added.push((*image, record, *rule, one));
            }
        }
    }
    // What is left of the stored rows is wanted no more.
    let mut used: BTreeSet<i64> = added.iter().map(|(_, _, rule, _)| *rule).collect();
    used.extend(ignored.keys().map(|(_, _, rule)| *rule));
    history::note_own(transaction, &noted, &gone, now).await?;
    remove(transaction, &gone, ignored.into_keys()).await?;
    put_counters(transaction, &changed).await?;
    put_ignored(transaction, &added).await?;
    for rule in used {
        statement::query("UPDATE ignore_rules SET last_used = $2 WHERE id = $1")
            .bind(rule)
            .bind(now.0)
            .execute(transaction)
            .await
            .doing(DOING)?;
    }
    Ok(u64::try_from(changed.len() + gone.len()).unwrap_or(u64::MAX))
}

async fn counted(
    connection: &mut DatabaseConnection,
    images: &[i64],
) -> Result<BTreeMap<i64, Counted>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT * FROM image_counters WHERE ");
    push_in(&mut sql, "image_id", images);
    let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    let mut counted = BTreeMap::new();
    for row in &rows {
        let part: Option<i64> = column::get(row, "lead_part")?;
        let number: Option<i64> = column::get(row, "lead_number")?;
        let lead = number.map(|number| (part, number));
        counted.insert(column::number(row, "image_id")?, (column::counters(row)?, lead));
    }
    Ok(counted)
}

async fn ignored(
    connection: &mut DatabaseConnection,
    images: &[i64],
) -> Result<BTreeMap<Key, Ignored>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT * FROM ignored_records WHERE ");
    push_in(&mut sql, "image_id", images);
    let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    let mut ignored = BTreeMap::new();
    for row in &rows {
        let key = (
            column::number(row, "image_id")?,
            column::text(row, "record")?,
            column::number(row, "rule_id")?,
        );
        let one = Ignored {
            kind: column::parsed(row, "kind", KIND)?,
            id: column::text(row, "finding_id")?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            is_whole: column::flag(row, "is_whole")?,
        };
        ignored.insert(key, one);
    }
    Ok(ignored)
}

async fn remove(
    transaction: &mut Transaction,
    images: &[i64],
    ignored: impl Iterator<Item = Key>,
) -> Result<(), StoreError> {
    for (image, record, rule) in ignored {
        statement::query(
            "DELETE FROM ignored_records WHERE image_id = $1 AND record = $2 AND rule_id = $3",
        )
        .bind(image)
        .bind(record)
        .bind(rule)
        .execute(transaction)
        .await
        .doing(DOING)?;
    }
    if !images.is_empty() {
        let mut sql = QueryBuilder::new("DELETE FROM image_counters WHERE ");
        push_in(&mut sql, "image_id", images);
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

async fn put_counters(
    transaction: &mut Transaction,
    changed: &[(i64, &Arc<Own>)],
) -> Result<(), StoreError> {
    for chunk in changed.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "INSERT INTO image_counters (image_id, risk_level, cve, sca, asap, later, nntf, baseline_high, baseline_medium, \
             baseline_low, malicious_serious, malicious_suspicious, malicious_remind, top_tenths, lead_part, lead_number) ",
        );
        sql.push_values(chunk, |mut values, (image, own)| {
            let counters = &own.counters;
            values.push_bind(*image).push_bind(i64::from(counters.risk_level()));
            for count in tally::columns(counters) {
                values.push_bind(i64::from(count));
            }
            values
                .push_bind(own.lead.and_then(|lead| lead.0))
                .push_bind(own.lead.map(|lead| lead.1));
        });
        sql.push(
            " ON CONFLICT (image_id) DO UPDATE SET risk_level = excluded.risk_level, cve = excluded.cve, sca = excluded.sca, \
             asap = excluded.asap, later = excluded.later, nntf = excluded.nntf, baseline_high = excluded.baseline_high, \
             baseline_medium = excluded.baseline_medium, baseline_low = excluded.baseline_low, \
             malicious_serious = excluded.malicious_serious, malicious_suspicious = excluded.malicious_suspicious, \
             malicious_remind = excluded.malicious_remind, top_tenths = excluded.top_tenths, \
             lead_part = excluded.lead_part, lead_number = excluded.lead_number",
        );
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

async fn put_ignored(
    transaction: &mut Transaction,
    added: &[(i64, &String, i64, &Ignored)],
) -> Result<(), StoreError> {
    for chunk in added.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "INSERT INTO ignored_records (image_id, record, rule_id, kind, finding_id, priority, is_whole) ",
        );
        sql.push_values(chunk, |mut values, (image, record, rule, one)| {
            values
                .push_bind(*image)
                .push_bind((*record).clone())
                .push_bind(*rule)
                .push_bind(one.kind.as_str())
                .push_bind(one.id.clone())
                .push_bind(one.priority.map(plimsoll_model::Priority::as_str))
                .push_bind(i64::from(one.is_whole));
        });
        sql.push(
            " ON CONFLICT (image_id, record, rule_id) DO UPDATE SET kind = excluded.kind, \
             finding_id = excluded.finding_id, priority = excluded.priority, is_whole = excluded.is_whole",
        );
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}
