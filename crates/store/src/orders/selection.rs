//! Which images an order of scans is about.
//!
//! In: lists of what images must be, each of which may be empty. Out: conditions of a statement whose `i` is `images` and whose
//! `r` is `registries`. Odd: what is given of one thing is combined with "or", of different things with "and"; nothing at all
//! selects every image.

use plimsoll_model::{Digest, Timestamp};

use crate::{
    ImageRow, Store, StoreError, column, error::Doing, images::dashed, listing::push_in,
    statement::QueryBuilder,
};

/// Which images.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScanSelection {
    /// Of registries that the API calls so.
    pub registry_types: Vec<String>,
    /// Of registries in these regions.
    pub region_ids: Vec<String>,
    /// Of these repositories.
    pub repo_ids: Vec<String>,
    /// Of repositories in these namespaces.
    pub repo_namespaces: Vec<String>,
    /// Of repositories of these names, behind the namespace.
    pub repo_names: Vec<String>,
    /// With these tags.
    pub tags: Vec<String>,
    /// Whose tag or platform's manifest is one of these.
    pub digests: Vec<Digest>,
    /// These, by their ids.
    pub uuids: Vec<String>,
    /// Whose tag moved then or later.
    pub moved_since: Option<Timestamp>,
}

/// How much a selection selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selected {
    /// Images.
    pub images: u64,
    /// Contents of images: each is scanned once, whatever names it has.
    pub contents: u64,
}

impl ScanSelection {
    /// What tells it from any other: the same lists in the same order give the same text, and so does any window of time, since
    /// that moves on with the clock.
    pub(super) fn wish(&self) -> String {
        let digests: Vec<String> = self.digests.iter().map(ToString::to_string).collect();
        serde_json::json!([
            self.registry_types,
            self.region_ids,
            self.repo_ids,
            self.repo_namespaces,
            self.repo_names,
            self.tags,
            digests,
            self.uuids,
            self.moved_since.is_some(),
        ])
        .to_string()
    }

    /// Adds the conditions, each behind `AND`.
    pub(super) fn push(&self, sql: &mut QueryBuilder) {
        let uuids: Vec<String> = self.uuids.iter().map(|uuid| dashed(uuid)).collect();
        let lists: [(&'static str, &[String]); 7] = [
            ("r.reported_type", &self.registry_types),
            ("r.region_id", &self.region_ids),
            ("i.repo_id", &self.repo_ids),
            ("i.namespace", &self.repo_namespaces),
            ("i.repository", &self.repo_names),
            ("i.tag", &self.tags),
            ("i.uuid", &uuids),
        ];
        for (name, values) in lists {
            if !values.is_empty() {
                sql.push(" AND ");
                push_in(sql, name, values);
            }
        }
        if !self.digests.is_empty() {
            let digests: Vec<String> = self.digests.iter().map(ToString::to_string).collect();
            sql.push(" AND (");
            push_in(sql, "i.digest", &digests);
            sql.push(" OR ");
            push_in(sql, "i.manifest_digest", &digests);
            sql.push(")");
        }
        if let Some(since) = self.moved_since {
            sql.push(" AND i.updated >= ").push_bind(since.0);
        }
    }
}

impl Store {
    /// How much a selection selects that can be scanned; what builds report is scanned by them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count_selected(&self, selection: &ScanSelection) -> Result<Selected, StoreError> {
        let mut sql = QueryBuilder::new(
            "SELECT COUNT(*) AS images, COUNT(DISTINCT i.artifact_id) AS contents FROM images i \
             JOIN registries r ON r.id = i.registry_id WHERE r.reported_type <> 'CI/CD'",
        );
        selection.push(&mut sql);
        let row = sql.build().fetch_one(&mut *self.read().await?).await;
        let row = row.doing("counting what is selected")?;
        Ok(Selected {
            images: column::number(&row, "images")?,
            contents: column::number(&row, "contents")?,
        })
    }

    /// The images of a selection, those of builds too, in the order of their names, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn selected_images(
        &self,
        selection: &ScanSelection,
        limit: u32,
    ) -> Result<Vec<ImageRow>, StoreError> {
        let mut sql = QueryBuilder::new(
            "SELECT i.* FROM images i JOIN registries r ON r.id = i.registry_id WHERE 1 = 1",
        );
        selection.push(&mut sql);
        sql.push(" ORDER BY i.namespace, i.repository, i.tag, i.registry_id LIMIT ");
        sql.push_bind(i64::from(limit));
        let rows = sql.build().fetch_all(&mut *self.read().await?).await;
        rows.doing("reading what is selected")?.iter().map(ImageRow::from_row).collect()
    }
}
