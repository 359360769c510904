//! Images' own numbers: where ignore rules hold, an image does not have those of its artifact.
//!
//! In: images whose artifact, or whose rules, are others than before. Out: rows of `image_counters` and `ignored_records`,
//! for images in which a rule ignores something and for no others. Source: `docs/decisions/`, "Rules give images numbers of
//! their own". Odd: artifacts and inventories know nothing of rules; whatever changes what an image has calls [`recount`],
//! the one function that writes these rows, in its own transaction.

mod evaluate;
mod hits;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{IgnoreRule, ImageNames, Timestamp};

use self::{
    evaluate::{Facts, Own, Work},
    hits::{Range, is_of_packages},
    write::write,
};
use crate::{
    StoreError, artifacts, column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    ignore_rules,
    images::join_path,
    inventory_rows,
    inventory_rows::corrupt,
    inventory_set::InventorySet,
    listing::push_in,
    numbers,
    parts::{self, failed},
    statement::{self, QueryBuilder},
};

pub(crate) use self::hits::Hits;

const DOING: &str = "counting what ignore rules leave";
/// Rows of one statement.
const ROWS: usize = 500;
/// Of so many inventories the parts are read before what rules cover in them.
const FEW: usize = 8;
/// With more inventories than this, what all parts add is read at once.
const ALL_FACTS: usize = 1_000;

/// An image with the rules that hold in it, by their places in the list of all.
struct Target {
    image: i64,
    artifact: i64,
    /// `None`: its report is kept whole.
    inventory: Option<i64>,
    /// The part of the inventory that belongs to no package.
    remainder: Option<i64>,
    rules: Vec<usize>,
}

/// The columns of an image's numbers: `c` is [`own_counters_join`]'s, `a` is `artifacts`.
macro_rules! own_counters {
    () => {
        "COALESCE(c.risk_level, a.risk_level) AS risk_level, COALESCE(c.cve, a.cve) AS cve, COALESCE(c.sca, a.sca) AS sca, \
         COALESCE(c.asap, a.asap) AS asap, COALESCE(c.later, a.later) AS later, COALESCE(c.nntf, a.nntf) AS nntf, \
         COALESCE(c.baseline_high, a.baseline_high) AS baseline_high, \
         COALESCE(c.baseline_medium, a.baseline_medium) AS baseline_medium, \
         COALESCE(c.baseline_low, a.baseline_low) AS baseline_low, \
         COALESCE(c.malicious_serious, a.malicious_serious) AS malicious_serious, \
         COALESCE(c.malicious_suspicious, a.malicious_suspicious) AS malicious_suspicious, \
         COALESCE(c.malicious_remind, a.malicious_remind) AS malicious_remind, \
         COALESCE(c.top_tenths, a.top_tenths) AS top_tenths"
    };
}
pub(crate) use own_counters;

/// What [`own_counters`] reads; `i` is `images`.
macro_rules! own_counters_join {
    () => {
        " LEFT JOIN image_counters c ON c.image_id = i.id"
    };
}
pub(crate) use own_counters_join;

/// Counts images again with the rules that hold in them. Returns how many got other numbers; writes only what differs.
pub(crate) async fn recount(
    transaction: &mut Transaction,
    images: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if images.is_empty() || !has_any(transaction).await? {
        return Ok(0);
    }
    let rules = ignore_rules::holding(transaction).await?;
    let images: Vec<i64> = images.iter().copied().collect();
    let mut targets = Vec::with_capacity(images.len());
    for chunk in images.chunks(ROWS) {
        targets.extend(read_targets(transaction, chunk, &rules).await?);
    }
    let wanted = evaluate_all(transaction, &targets, rules).await?;
    let mut changed = 0;
    for chunk in images.chunks(ROWS) {
        changed += write(transaction, chunk, &wanted, now).await?;
    }
    Ok(changed)
}

/// The same for the images of these artifacts.
pub(crate) async fn recount_artifacts(
    transaction: &mut Transaction,
    artifacts: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if artifacts.is_empty() || !has_any(transaction).await? {
        return Ok(0);
    }
    let artifacts: Vec<i64> = artifacts.iter().copied().collect();
    let mut images = BTreeSet::new();
    for chunk in artifacts.chunks(ROWS) {
        let mut sql = QueryBuilder::new("SELECT id FROM images WHERE ");
        push_in(&mut sql, "artifact_id", chunk);
        let rows = sql.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &rows {
            images.insert(column::number(row, "id")?);
        }
    }
    recount(transaction, &images, now).await
}

/// The same for the images of these inventories, as far as a rule ignores something in them or did.
pub(crate) async fn recount_inventories(
    transaction: &mut Transaction,
    inventories: &[i64],
    now: Timestamp,
) -> Result<u64, StoreError> {
    if inventories.is_empty() || !has_any(transaction).await? {
        return Ok(0);
    }
    let rules = ignore_rules::holding(transaction).await?;
    // Advisories say nothing of what belongs to no package: whatever rules cover of that, the images have it of their own already.
    let all: Vec<_> =
        rules.iter().map(|rule| &rule.rule).filter(|rule| is_of_packages(rule.kind)).collect();
    let concerned = Hits::read(transaction, &all).await?.inventories(transaction).await?;
    let mut images = BTreeSet::new();
    for chunk in inventories.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT i.id, a.inventory_id, c.image_id IS NOT NULL AS is_own FROM artifacts a \
             JOIN images i ON i.artifact_id = a.id LEFT JOIN image_counters c ON c.image_id = i.id WHERE ",
        );
        push_in(&mut sql, "a.inventory_id", chunk);
        let rows = sql.build().persistent(false).fetch_all(transaction).await.doing(DOING)?;
        for row in &rows {
            if column::flag(row, "is_own")?
                || concerned.contains(column::number(row, "inventory_id")?)
            {
                images.insert(column::number(row, "id")?);
            }
        }
    }
    recount(transaction, &images, now).await
}

/// Notes of the rules that ignored something in these images, which are about to be removed, when that was.
pub(crate) async fn note_last_use(
    transaction: &mut Transaction,
    images: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    for chunk in images.chunks(ROWS) {
        let mut sql = QueryBuilder::new("UPDATE ignore_rules SET last_used = ");
        sql.push_bind(now.0);
        sql.push(" WHERE id IN (SELECT rule_id FROM ignored_records WHERE ");
        push_in(&mut sql, "image_id", chunk);
        sql.push(")");
        sql.build().persistent(false).execute(transaction).await.doing(DOING)?;
    }
    Ok(())
}

/// Whether there is any rule that holds, or any image that still has numbers of its own.
pub(crate) async fn has_any(connection: &mut DatabaseConnection) -> Result<bool, StoreError> {
    let row = statement::query(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM ignore_rules WHERE expired = 0) \
         OR EXISTS (SELECT 1 FROM image_counters) THEN 1 ELSE 0 END AS has_any",
    )
    .fetch_one(connection)
    .await
    .doing(DOING)?;
    column::flag(&row, "has_any")
}

async fn read_targets(
    connection: &mut DatabaseConnection,
    images: &[i64],
    rules: &[IgnoreRule],
) -> Result<Vec<Target>, StoreError> {
    let mut sql = QueryBuilder::new(
        "SELECT i.id, i.uuid, i.digest, i.manifest_digest, i.image_id, i.namespace, i.repository, a.id AS artifact, \
         a.inventory_id, a.remainder_id FROM images i JOIN artifacts a ON a.id = i.artifact_id WHERE a.scanned IS NOT NULL AND ",
    );
    push_in(&mut sql, "i.id", images);
    let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(|row| Target::from_row(row, rules)).collect()
}

impl Target {
    fn from_row(row: &DatabaseRow, rules: &[IgnoreRule]) -> Result<Self, StoreError> {
        let uuid = column::text(row, "uuid")?;
        let digests = [
            column::digest(row, "digest")?,
            column::digest(row, "manifest_digest")?,
            column::digest(row, "image_id")?,
        ];
        let path = join_path(&column::text(row, "namespace")?, &column::text(row, "repository")?);
        let names = ImageNames { uuid: &uuid, digests: digests.each_ref(), path: &path };
        let holding = rules.iter().enumerate().filter(|(_, rule)| rule.rule.holds_in(names));
        Ok(Self {
            image: column::number(row, "id")?,
            artifact: column::number(row, "artifact")?,
            inventory: column::get(row, "inventory_id")?,
            remainder: column::get(row, "remainder_id")?,
            rules: holding.map(|(place, _)| place).collect(),
        })
    }
}

/// What images are to have of their own; those that are to have nothing are left out.
async fn evaluate_all(
    transaction: &mut Transaction,
    targets: &[Target],
    rules: Vec<IgnoreRule>,
) -> Result<BTreeMap<i64, Arc<Own>>, StoreError> {
    let used: BTreeSet<usize> =
        targets.iter().flat_map(|target| target.rules.iter().copied()).collect();
    let mut wanted = BTreeMap::new();
    if used.is_empty() {
        return Ok(wanted);
    }
    let rules = Arc::new(rules);
    let mut by_inventory: BTreeMap<i64, BTreeMap<&[usize], Vec<i64>>> = BTreeMap::new();
    for target in targets.iter().filter(|target| !target.rules.is_empty()) {
        match target.inventory {
            Some(inventory) => {
                let by_rules = by_inventory.entry(inventory).or_default();
                by_rules.entry(target.rules.as_slice()).or_default().push(target.image);
            }
            None => {
                let whole = whole(transaction, target, &rules).await?;
                wanted.extend(whole.map(|own| (target.image, Arc::new(own))));
            }
        }
    }
    if by_inventory.is_empty() {
        return Ok(wanted);
    }
    // Of a few images, as a scan counts them, only what they hold is looked at; of many, what the rules name.
    let few: Vec<i64> = by_inventory.keys().copied().collect();
    let few = if few.len() <= FEW { Some(parts_of(transaction, &few).await?) } else { None };
    let held: Option<BTreeSet<i64>> =
        few.map(|parts| parts.into_values().flatten().collect::<BTreeSet<i64>>());
    let remainders: BTreeSet<i64> = targets.iter().filter_map(|target| target.remainder).collect();
    let range = Range {
        parts: held.map(|parts| parts.into_iter().collect()),
        remainders: Some(remainders.into_iter().collect()),
    };
    let used: Vec<_> = used
        .iter()
        .filter_map(|place| rules.get(*place).map(|rule| (*place, &rule.rule)))
        .collect();
    let hits = Arc::new(Hits::read_in(transaction, &used, &range).await?);
    let concerned = hits.inventories(transaction).await?;
    by_inventory.retain(|inventory, _| concerned.contains(*inventory));
    let all_facts = if by_inventory.len() > ALL_FACTS {
        Some(Arc::new(inventory_rows::all_facts(transaction).await?))
    } else {
        None
    };
    let inventories: Vec<i64> = by_inventory.keys().copied().collect();
    for chunk in inventories.chunks(ROWS) {
        let parts = parts_of(transaction, chunk).await?;
        let facts: Facts = match &all_facts {
            Some(facts) => Arc::clone(facts),
            None => {
                let held: BTreeSet<i64> = parts.values().flatten().copied().collect();
                let held: Vec<i64> = held.into_iter().collect();
                Arc::new(inventory_rows::facts(transaction, &held).await?)
            }
        };
        let sets: BTreeMap<i64, Vec<Vec<usize>>> = chunk
            .iter()
            .filter_map(|id| Some((*id, by_inventory.get(id)?)))
            .map(|(id, sets)| (id, sets.keys().map(|rules| rules.to_vec()).collect()))
            .collect();
        let touched: BTreeSet<i64> = parts
            .values()
            .flatten()
            .filter(|part| hits.of_part(**part).is_some())
            .copied()
            .collect();
        let findings = findings_of(transaction, &touched).await?;
        let work = Work {
            parts,
            sets,
            facts,
            findings,
            hits: Arc::clone(&hits),
            rules: Arc::clone(&rules),
        };
        let done = tokio::task::spawn_blocking(move || work.run());
        let done = done.await.map_err(|error| failed(DOING, error))?;
        for ((inventory, rules), own) in done {
            let images = by_inventory.get(&inventory).and_then(|sets| sets.get(rules.as_slice()));
            for image in images.into_iter().flatten() {
                wanted.insert(*image, Arc::clone(&own));
            }
        }
    }
    Ok(wanted)
}

/// The parts of inventories, as they stand there.
async fn parts_of(
    connection: &mut DatabaseConnection,
    inventories: &[i64],
) -> Result<BTreeMap<i64, Vec<i64>>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT id, parts FROM inventories WHERE ");
    push_in(&mut sql, "id", inventories);
    let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    let mut parts = BTreeMap::new();
    for row in &rows {
        let id: i64 = column::number(row, "id")?;
        let held: &[u8] = column::get(row, "parts")?;
        parts.insert(id, numbers::unpack(held).ok_or_else(|| corrupt("inventories.parts", id))?);
    }
    Ok(parts)
}

/// The findings of parts in which a rule covers one.
async fn findings_of(
    connection: &mut DatabaseConnection,
    parts: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Vec<plimsoll_model::Finding>>, StoreError> {
    let parts: Vec<i64> = parts.iter().copied().collect();
    let mut findings = BTreeMap::new();
    for chunk in parts.chunks(ROWS) {
        let mut sql = QueryBuilder::new("SELECT id, purl, content, matched FROM parts WHERE ");
        push_in(&mut sql, "id", chunk);
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let id: i64 = column::number(row, "id")?;
            findings.insert(id, parts::findings_in(id, row)?);
        }
    }
    Ok(findings)
}

/// What an image has of its own whose report is kept whole.
async fn whole(
    transaction: &mut Transaction,
    target: &Target,
    rules: &[IgnoreRule],
) -> Result<Option<Own>, StoreError> {
    let Some(report) = artifacts::report(transaction, target.artifact).await? else {
        return Ok(None);
    };
    let rules: Vec<&IgnoreRule> =
        target.rules.iter().filter_map(|place| rules.get(*place)).collect();
    let Some((mut own, lead)) = evaluate::whole(&report.findings, &rules) else {
        return Ok(None);
    };
    if let Some(lead) = lead {
        let (plimsoll_model::Subject::Purl(subject)
        | plimsoll_model::Subject::Path(subject)
        | plimsoll_model::Subject::Image(subject)) = &lead.subject;
        let row = statement::query(
            "SELECT MIN(f.number) AS number FROM findings f WHERE f.artifact_id = $1 AND f.kind = $2 AND f.finding_id = $3 AND f.subject = $4",
        )
        .bind(target.artifact)
        .bind(lead.kind.as_str())
        .bind(&lead.id)
        .bind(subject)
        .fetch_one(transaction)
        .await
        .doing(DOING)?;
        own.lead = column::optional_number(&row, "number")?.map(|number| (None, number));
    }
    Ok(Some(own))
}

/// Images of inventories.
async fn images_of(
    connection: &mut DatabaseConnection,
    set: &InventorySet,
) -> Result<BTreeSet<i64>, StoreError> {
    let inventories: Vec<i64> = set.iter().collect();
    let mut images = BTreeSet::new();
    for chunk in inventories.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT i.id FROM artifacts a JOIN images i ON i.artifact_id = a.id WHERE ",
        );
        push_in(&mut sql, "a.inventory_id", chunk);
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            images.insert(column::number(row, "id")?);
        }
    }
    Ok(images)
}
