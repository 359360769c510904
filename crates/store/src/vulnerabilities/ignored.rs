//! What ignore rules take out of images' vulnerabilities, in the index's numbers.
//!
//! In: rows of `ignored_records`. Out: [`Ignored`]: how each vulnerability that a rule touches stands in each image. Source:
//! `docs/decisions/`, "Rules give images numbers of their own". Odd: where a rule covers only some of the packages that have a
//! vulnerability, what is left may be less urgent; such images' reports are read, and there are few.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_model::{IgnoreRule, Priority};

use super::{
    DOING, ROWS,
    index::{Counts, Entry, HolderId, Index, Standing, State},
};
use crate::{
    StoreError, artifacts, column,
    database::DatabaseConnection,
    error::Doing,
    ignore_rules::rule_of,
    listing::push_in,
    statement::{self, QueryBuilder},
};

/// Images in which a rule ignores something.
#[derive(Debug, Default)]
pub(super) struct Ignored(BTreeMap<i64, InImage>);

/// What rules touch in an image.
#[derive(Debug)]
struct InImage {
    holder: HolderId,
    /// The priority that is left of each vulnerability; `None`: nothing is left.
    left: BTreeMap<u32, Option<Priority>>,
}

/// What stands in counts otherwise than without rules.
#[derive(Debug, Default)]
pub(super) struct Adjusted {
    /// Images that have a vulnerability in which it counts.
    pub(super) counts: Vec<Counts>,
    /// Images in which it is ignored, by the priority that it would have.
    pub(super) ignored: BTreeMap<u32, Counts>,
}

impl Ignored {
    /// Of some images, or of all.
    pub(super) async fn read(
        connection: &mut DatabaseConnection,
        index: &Index,
        images: Option<&[i64]>,
    ) -> Result<Self, StoreError> {
        const ALL: &str = "SELECT g.image_id, g.record, MAX(g.is_whole) AS is_whole, \
             MAX(COALESCE(a.inventory_id, -a.id)) AS holder FROM ignored_records g JOIN images i ON i.id = g.image_id \
             JOIN artifacts a ON a.id = i.artifact_id WHERE g.kind = 'vulnerability' AND ";
        let mut rows = Vec::new();
        match images {
            Some(images) if images.len() <= ROWS => {
                if images.is_empty() {
                    return Ok(Self::default());
                }
                let mut sql = QueryBuilder::new(ALL);
                push_in(&mut sql, "g.image_id", images);
                sql.push(" GROUP BY g.image_id, g.record");
                rows.extend(
                    sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?,
                );
            }
            _ => {
                let mut sql = QueryBuilder::new(ALL);
                sql.push("1 = 1 GROUP BY g.image_id, g.record");
                rows.extend(sql.build().fetch_all(connection).await.doing(DOING)?);
            }
        }
        let wanted: Option<BTreeSet<i64>> = images.map(|images| images.iter().copied().collect());
        let mut ignored = Self::default();
        let mut in_part: BTreeSet<i64> = BTreeSet::new();
        for row in &rows {
            let image: i64 = column::number(row, "image_id")?;
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&image)) {
                continue;
            }
            let holder = column::number(row, "holder")?;
            let Some(record) = index.number_of(&column::text(row, "record")?) else { continue };
            let of_image =
                ignored.0.entry(image).or_insert_with(|| InImage { holder, left: BTreeMap::new() });
            of_image.left.insert(record, None);
            if !column::flag(row, "is_whole")? {
                in_part.insert(image);
            }
        }
        for image in in_part {
            let left = left_of(connection, image).await?;
            let Some(of_image) = ignored.0.get_mut(&image) else { continue };
            for (record, priority) in &mut of_image.left {
                *priority =
                    index.record(*record).and_then(|record| left.get(&record.name).copied());
            }
        }
        Ok(ignored)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The vulnerabilities of an image with what rules make of them; `None`: no rule ignores anything in it.
    pub(super) fn entries(&self, index: &Index, image: i64) -> Option<Vec<Entry>> {
        let of_image = self.0.get(&image)?;
        let mut entries = index.entries(of_image.holder);
        for entry in entries.iter_mut().filter(|entry| entry.standing.state == State::Open) {
            match of_image.left.get(&entry.record) {
                None => {}
                Some(Some(priority)) => entry.standing = Standing::open(Some(*priority)),
                Some(None) => entry.standing.state = State::Ignored,
            }
        }
        Some(entries)
    }

    /// Counts with what rules make of them.
    pub(super) fn adjust(&self, index: &Index, mut counts: Vec<Counts>) -> Adjusted {
        let mut ignored: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut known: HashMap<HolderId, Vec<Entry>> = HashMap::new();
        for of_image in self.0.values() {
            let entries =
                known.entry(of_image.holder).or_insert_with(|| index.entries(of_image.holder));
            for (record, left) in &of_image.left {
                let place = entries.binary_search_by_key(record, |entry| entry.record);
                let Some(entry) = place.ok().and_then(|place| entries.get(place)) else { continue };
                if entry.standing.state != State::Open {
                    continue;
                }
                let before = entry.standing.priority as usize;
                if let Some(counts) = counts.get_mut(*record as usize) {
                    if let Some(count) = counts.get_mut(before) {
                        *count = count.saturating_sub(1);
                    }
                    let after = left.and_then(|left| counts.get_mut(left as usize));
                    if let Some(count) = after {
                        *count = count.saturating_add(1);
                    }
                }
                if left.is_none()
                    && let Some(count) = ignored.entry(*record).or_default().get_mut(before)
                {
                    *count = count.saturating_add(1);
                }
            }
        }
        Adjusted { counts, ignored }
    }
}

/// The rules that ignore something in an image.
pub(super) async fn rules_of(
    connection: &mut DatabaseConnection,
    image: i64,
) -> Result<Vec<IgnoreRule>, StoreError> {
    let rows = statement::query(
        "SELECT r.* FROM ignore_rules r WHERE r.id IN (SELECT g.rule_id FROM ignored_records g WHERE g.image_id = $1) \
         ORDER BY r.id",
    )
    .bind(image)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    rows.iter().map(rule_of).collect()
}

/// The priority that is left of each vulnerability of an image, by name.
async fn left_of(
    connection: &mut DatabaseConnection,
    image: i64,
) -> Result<HashMap<String, Priority>, StoreError> {
    let rules = rules_of(connection, image).await?;
    let row = statement::query("SELECT artifact_id FROM images WHERE id = $1")
        .bind(image)
        .fetch_one(connection)
        .await
        .doing(DOING)?;
    let report = artifacts::report(connection, column::number(&row, "artifact_id")?).await?;
    let mut left: HashMap<String, Priority> = HashMap::new();
    for finding in report.into_iter().flat_map(|report| report.findings) {
        let is_covered = rules.iter().any(|rule| rule.rule.covers(&finding));
        if finding.is_open() && !is_covered {
            let priority = super::would_be(&finding);
            let known = left.entry(finding.record).or_insert(priority);
            *known = (*known).max(priority);
        }
    }
    Ok(left)
}
