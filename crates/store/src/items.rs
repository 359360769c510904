//! Findings besides vulnerabilities across images: which images have a failed check, a build risk or the like, and how it
//! stands there.
//!
//! In: a kind of finding, filters of items and of images. Out: what images have, by groups of images that have the same
//! ([`ItemProfile`]), image by image ([`ItemImage`]), and all of one image ([`ImageItem`]). Source: `docs/api.md`.
//!
//! Odd:
//! * All that an inventory has of these belongs to no package, so it lies in one part; an artifact names that part, and images
//!   with equal artifacts or equal parts are looked at once. Malicious packages are the exception and not in these lists.
//! * What is switched off is in no list.

mod images;
mod one_image;
mod profiles;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::{Kind, Level, Timestamp};

use crate::{
    ImageSelection, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    findings::LEVEL,
    ignored::kept_record,
    image_selection::push_selection,
    listing::push_in,
    parts::sha256,
    statement::{self, QueryBuilder},
};

pub use self::{
    images::{ItemImage, ItemImagesQuery},
    one_image::{ImageItem, ImageItems},
    profiles::ItemProfile,
};

/// How a finding stands in an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ItemState {
    /// It counts.
    Open,
    /// Somebody decided to live with it.
    Ignored,
    /// Somebody decided that it is not so.
    FalsePositive,
    /// The image had it and has it no longer.
    Fixed,
}

/// A finding of an image, as far as lists tell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Item {
    /// The check, rule or kind of secret.
    pub id: String,
    /// What counts as one.
    pub record: String,
    /// How bad it is.
    pub level: Level,
    /// File, or part of the image.
    pub subject: String,
    /// Since when it is known of what the image holds.
    pub first_seen: Timestamp,
    /// How it stands.
    pub state: ItemState,
}

/// Number of the part that an artifact's findings of these kinds lie in, or the negative of the number of an artifact whose
/// report is kept whole.
type Holder = i64;

/// What rules make of findings: by image and record.
type Marks = BTreeMap<i64, BTreeMap<String, ItemState>>;

const DOING: &str = "listing findings";
/// Values of one statement.
const ROWS: usize = 500;

/// A number for a finding of an image, the same after every scan: 49 bits, since clients that keep no more than 15 digits must
/// read it.
#[must_use]
pub fn finding_number(uuid: &str, record: &str) -> i64 {
    let hash = sha256(format!("{uuid}\n{record}").as_bytes());
    let bytes = hash.first_chunk::<8>().copied().unwrap_or_default();
    i64::try_from(u64::from_be_bytes(bytes) >> 15).unwrap_or_default()
}

/// The ids of a kind that are not asked for, in upper case.
async fn switched_off(
    connection: &mut DatabaseConnection,
    kind: Kind,
) -> Result<BTreeSet<String>, StoreError> {
    let rows = statement::query(
        "SELECT UPPER(vulnerability) AS id FROM ignore_rules WHERE expired = 0 AND switched_off = 1 AND kind = $1",
    )
    .bind(kind.as_str())
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    rows.iter().map(|row| column::text(row, "id")).collect()
}

/// The findings of a kind, by who holds them; of all holders, or of these.
async fn items_of(
    connection: &mut DatabaseConnection,
    kind: Kind,
    holders: Option<&[Holder]>,
) -> Result<BTreeMap<Holder, Vec<Item>>, StoreError> {
    let off = switched_off(connection, kind).await?;
    let mut items: BTreeMap<Holder, Vec<Item>> = BTreeMap::new();
    let chunks: Vec<Option<&[Holder]>> = match holders {
        None => vec![None],
        Some(holders) => holders.chunks(ROWS).map(Some).collect(),
    };
    for chunk in chunks {
        let mut sql = QueryBuilder::new(
            "SELECT f.part_id AS holder, f.finding_id, f.record, f.level, f.subject, f.first_seen FROM part_findings f \
             WHERE f.kind <> 'vulnerability' AND f.kind = ",
        );
        sql.push_bind(kind.as_str());
        if let Some(chunk) = chunk {
            sql.push(" AND ");
            push_in(&mut sql, "f.part_id", chunk);
        }
        sql.push(
            " UNION ALL SELECT -f.artifact_id AS holder, f.finding_id, f.record, f.level, f.subject, f.first_seen \
             FROM findings f WHERE f.kind <> 'vulnerability' AND f.kind = ",
        );
        sql.push_bind(kind.as_str());
        if let Some(chunk) = chunk {
            let artifacts: Vec<i64> = chunk.iter().map(|holder| holder.saturating_neg()).collect();
            sql.push(" AND ");
            push_in(&mut sql, "f.artifact_id", &artifacts);
        }
        let rows = sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let item = Item::read(row)?;
            if !off.contains(&item.id.to_ascii_uppercase()) {
                items.entry(column::number(row, "holder")?).or_default().push(item);
            }
        }
    }
    for items in items.values_mut() {
        items.sort();
    }
    Ok(items)
}

impl Item {
    fn read(row: &DatabaseRow) -> Result<Self, StoreError> {
        let subject: Option<String> = column::get(row, "subject")?;
        Ok(Self {
            id: column::text(row, "finding_id")?,
            record: column::text(row, "record")?,
            level: column::parsed(row, "level", LEVEL)?,
            subject: subject.unwrap_or_default(),
            first_seen: column::time(row, "first_seen")?,
            state: ItemState::Open,
        })
    }

    /// The same in an image in which rules make this of findings.
    fn marked(&self, marks: &BTreeMap<String, ItemState>) -> Self {
        let state = marks.get(kept_record(&self.record).as_ref());
        Self { state: state.copied().unwrap_or(ItemState::Open), ..self.clone() }
    }
}

/// What rules make of findings of a kind in the images of a selection, or in these.
async fn marks(
    connection: &mut DatabaseConnection,
    kind: Kind,
    selection: &ImageSelection,
    images: Option<&[i64]>,
) -> Result<Marks, StoreError> {
    let mut marks = Marks::new();
    let mut sql = QueryBuilder::new(
        "SELECT g.image_id, g.record, MIN(q.false_positive) AS false_positive FROM ignored_records g \
         JOIN ignore_rules q ON q.id = g.rule_id JOIN images i ON i.id = g.image_id JOIN registries r ON r.id = i.registry_id \
         WHERE g.kind <> 'vulnerability' AND g.is_whole = 1 AND q.switched_off = 0 AND g.kind = ",
    );
    sql.push_bind(kind.as_str());
    push_selection(&mut sql, selection);
    if let Some(images) = images {
        if images.is_empty() {
            return Ok(marks);
        }
        sql.push(" AND ");
        push_in(&mut sql, "g.image_id", images);
    }
    sql.push(" GROUP BY g.image_id, g.record");
    let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
    for row in &rows {
        let state = if column::flag(row, "false_positive")? {
            ItemState::FalsePositive
        } else {
            ItemState::Ignored
        };
        let of_image = marks.entry(column::number(row, "image_id")?).or_default();
        of_image.insert(column::text(row, "record")?, state);
    }
    Ok(marks)
}

/// One of each record, at its highest level.
fn one_of_each(items: Vec<Item>) -> Arc<[Item]> {
    let mut known: BTreeMap<String, Item> = BTreeMap::new();
    for item in items {
        match known.get_mut(&item.record) {
            Some(other) if other.level >= item.level => {}
            _ => {
                known.insert(item.record.clone(), item);
            }
        }
    }
    let items: BTreeSet<Item> = known.into_values().collect();
    items.into_iter().collect()
}
