//! Images that have certain findings, image by image.

use std::collections::BTreeMap;

use plimsoll_model::{Kind, Level, Timestamp};

use super::{DOING, Holder, Item, ItemState, items_of, marks, one_of_each, switched_off};
use crate::{
    ImageRow, ImageSelection, Page, Store, StoreError, column, error::Doing,
    image_selection::push_selection, listing::push_in, statement::QueryBuilder,
};

/// Which images; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemImagesQuery {
    /// That have a finding of this kind,
    pub kind: Kind,
    /// one of these; `None`: any.
    pub ids: Option<Vec<String>>,
    /// Of one of these levels; empty: of any.
    pub levels: Vec<Level>,
    /// In which it stands so; `None`: it has it, however it stands.
    pub state: Option<ItemState>,
    /// Of these images.
    pub images: ImageSelection,
    /// Whose repository's namespace contains this, without regard to ASCII case.
    pub namespace_contains: Option<String>,
    /// Whose repository's name contains this.
    pub name_contains: Option<String>,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// An image with what it has of what is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemImage {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Its registry as it stands before references: `host[:port]`.
    pub authority: String,
    /// Region of its registry.
    pub region_id: String,
    /// What it has that the query asks for.
    pub items: Vec<Item>,
    /// The first scan that could read it.
    pub first_scanned: Timestamp,
    /// The latest successful scan.
    pub scanned: Timestamp,
}

impl ItemImagesQuery {
    /// Images that have a finding of this kind in which it counts, all of them.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            ids: None,
            levels: Vec::new(),
            state: Some(ItemState::Open),
            images: ImageSelection::default(),
            namespace_contains: None,
            name_contains: None,
            page: 1,
            page_size: 20,
        }
    }

    fn wants(&self, item: &Item) -> bool {
        let is_named = |ids: &Vec<String>| ids.iter().any(|id| id.eq_ignore_ascii_case(&item.id));
        self.ids.as_ref().is_none_or(is_named)
            && (self.levels.is_empty() || self.levels.contains(&item.level))
            && self.state.is_none_or(|state| state == item.state)
    }

    /// The conditions on a finding `f`, whatever rules make of it; `off` are ids that are not asked for.
    fn push_wanted(&self, sql: &mut QueryBuilder, off: &[String]) {
        sql.push("f.kind <> 'vulnerability' AND f.kind = ").push_bind(self.kind.as_str());
        if let Some(ids) = &self.ids {
            let ids: Vec<String> = ids.iter().map(|id| id.to_ascii_uppercase()).collect();
            if ids.is_empty() {
                sql.push(" AND 1 = 0");
            } else {
                sql.push(" AND ");
                push_in(sql, "UPPER(f.finding_id)", &ids);
            }
        }
        if !self.levels.is_empty() {
            let levels: Vec<String> =
                self.levels.iter().map(|level| level.as_str().to_owned()).collect();
            sql.push(" AND ");
            push_in(sql, "f.level", &levels);
        }
        if !off.is_empty() {
            sql.push(" AND NOT ");
            push_in(sql, "UPPER(f.finding_id)", off);
        }
    }

    /// Whether the image `i` has a wanted finding in that state.
    fn push_in_state(&self, sql: &mut QueryBuilder, off: &[String], state: ItemState) {
        const COVERED: &str = "EXISTS (SELECT 1 FROM ignored_records g JOIN ignore_rules q ON q.id = g.rule_id \
             WHERE g.image_id = i.id AND g.record = f.record AND g.is_whole = 1 AND q.switched_off = 0";
        let holders = [
            "EXISTS (SELECT 1 FROM part_findings f WHERE f.part_id = a.remainder_id AND ",
            " OR EXISTS (SELECT 1 FROM findings f WHERE f.artifact_id = a.id AND a.remainder_id IS NULL AND ",
        ];
        sql.push("(");
        for holder in holders {
            sql.push(holder);
            self.push_wanted(sql, off);
            match state {
                ItemState::Open => {
                    sql.push(" AND NOT ").push(COVERED).push(")");
                }
                ItemState::Ignored => {
                    sql.push(" AND ").push(COVERED).push(" AND q.false_positive = 0)");
                }
                ItemState::FalsePositive => {
                    sql.push(" AND ").push(COVERED).push(") AND NOT ").push(COVERED);
                    sql.push(" AND q.false_positive = 0)");
                }
                // Nothing that an image has is gone from it.
                ItemState::Fixed => {
                    sql.push(" AND 1 = 0");
                }
            }
            sql.push(")");
        }
        sql.push(")");
    }

    /// What is asked of images `i` with their artifacts `a`. Which artifacts have something wanted is found once; rules are looked
    /// at for images in which they ignore something of the kind.
    fn push(&self, sql: &mut QueryBuilder, off: &[String]) {
        sql.push(
            " FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
             WHERE a.scanned IS NOT NULL",
        );
        push_selection(sql, &self.images);
        let contained =
            [("i.namespace", &self.namespace_contains), ("i.repository", &self.name_contains)];
        for (column, text) in contained {
            if let Some(text) = text {
                sql.push(" AND UPPER(").push(column).push(") LIKE ");
                sql.push_bind(format!("%{}%", escaped(&text.to_ascii_uppercase())));
                sql.push(" ESCAPE '!'");
            }
        }
        sql.push(
            " AND COALESCE(a.remainder_id, -a.id) IN (SELECT f.part_id FROM part_findings f WHERE ",
        );
        self.push_wanted(sql, off);
        sql.push(" UNION ALL SELECT -f.artifact_id FROM findings f WHERE ");
        self.push_wanted(sql, off);
        sql.push(")");
        let Some(state) = self.state else { return };
        let is_open = state == ItemState::Open;
        sql.push(if is_open { " AND (i.id NOT IN (" } else { " AND i.id IN (" });
        sql.push("SELECT g.image_id FROM ignored_records g WHERE g.kind <> 'vulnerability' AND g.kind = ");
        sql.push_bind(self.kind.as_str());
        sql.push(if is_open { ") OR " } else { ") AND " });
        self.push_in_state(sql, off, state);
        sql.push(if is_open { ")" } else { "" });
    }
}

/// What `LIKE` takes to the letter.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(letter);
    }
    escaped
}

impl Store {
    /// One page of the images that have certain findings, by registry, namespace, repository and tag.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_with_items(
        &self,
        query: &ItemImagesQuery,
    ) -> Result<Page<ItemImage>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let off: Vec<String> = switched_off(&mut snapshot, query.kind).await?.into_iter().collect();
        let mut sql = QueryBuilder::new("SELECT COUNT(*) AS total");
        query.push(&mut sql, &off);
        let row = sql.build().persistent(false).fetch_one(&mut snapshot).await.doing(DOING)?;
        let total = column::number(&row, "total")?;
        let mut sql = QueryBuilder::new(
            "SELECT i.*, COALESCE(a.remainder_id, -a.id) AS holder, r.name AS registry, r.authority, r.region_id, \
             COALESCE(a.first_scanned, a.scanned) AS first_scanned, \
             COALESCE((SELECT t.succeeded FROM tasks t WHERE t.artifact_id = a.id), a.scanned) AS scanned",
        );
        query.push(&mut sql, &off);
        sql.push(" ORDER BY i.registry_id, i.namespace, i.repository, i.tag, i.id LIMIT ");
        sql.push_bind(i64::from(query.page_size)).push(" OFFSET ");
        let skipped = i64::from(query.page.max(1) - 1).saturating_mul(i64::from(query.page_size));
        sql.push_bind(skipped);
        let rows = sql.build().persistent(false).fetch_all(&mut snapshot).await.doing(DOING)?;
        let mut ids = Vec::with_capacity(rows.len());
        let mut holders: Vec<Holder> = Vec::with_capacity(rows.len());
        for row in &rows {
            ids.push(column::number::<i64>(row, "id")?);
            holders.push(column::number(row, "holder")?);
        }
        let items = items_of(&mut snapshot, query.kind, Some(&holders)).await?;
        let marks =
            marks(&mut snapshot, query.kind, &ImageSelection::default(), Some(&ids)).await?;
        let nothing = BTreeMap::new();
        let mut images = Vec::with_capacity(rows.len());
        for ((row, id), holder) in rows.iter().zip(&ids).zip(&holders) {
            let own = one_of_each(items.get(holder).cloned().unwrap_or_default());
            let marks = marks.get(id).unwrap_or(&nothing);
            let own = own.iter().map(|item| item.marked(marks));
            images.push(ItemImage {
                image: ImageRow::from_row(row)?,
                registry: column::text(row, "registry")?,
                authority: column::text(row, "authority")?,
                region_id: column::text(row, "region_id")?,
                items: own.filter(|item| query.wants(item)).collect(),
                first_scanned: column::time(row, "first_scanned")?,
                scanned: column::time(row, "scanned")?,
            });
        }
        Ok(Page { items: images, total, page: query.page.max(1), page_size: query.page_size })
    }
}
