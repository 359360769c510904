//! Wishes to have vulnerabilities of an image fixed.
//!
//! In: an image and names of its vulnerabilities. Out: rows that say who waits for what, and a scan of the image, which tells
//! whether they are gone. Odd: nothing here can build an image; a wish is open while the scan that was queued with it, or
//! a later one, has not ended, and says nothing about the image.

use std::collections::{HashMap, HashSet};

use plimsoll_model::Timestamp;

use crate::{
    Store, StoreError, column, database::DatabaseConnection, error::Doing, images::dashed,
    statement,
};

const DOING: &str = "noting which vulnerabilities are to be fixed";

impl Store {
    /// Notes that vulnerabilities of an image, by their names, are to be fixed; `new_tag`: as which the fixed image is to be
    /// pushed. Whether there is such an image.
    ///
    /// # Errors
    /// The database fails.
    pub async fn request_fixes(
        &self,
        uuid: &str,
        names: &[String],
        new_tag: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let row = statement::query("SELECT id FROM images WHERE uuid = $1")
            .bind(dashed(uuid))
            .fetch_optional(&mut transaction)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Ok(false) };
        let image: i64 = column::number(&row, "id")?;
        for name in names {
            statement::query(
                "INSERT INTO fix_requests (image_id, record, requested, new_tag) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (image_id, record) DO UPDATE SET requested = excluded.requested, new_tag = excluded.new_tag",
            )
            .bind(image)
            .bind(name)
            .bind(now.0)
            .bind(new_tag)
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)?;
        Ok(true)
    }
}

/// The wishes that no scan has answered yet: names of vulnerabilities by image.
pub(crate) async fn open(
    connection: &mut DatabaseConnection,
) -> Result<HashMap<i64, HashSet<String>>, StoreError> {
    let rows = statement::query(
        "SELECT f.image_id, f.record FROM fix_requests f JOIN images i ON i.id = f.image_id \
         JOIN tasks t ON t.artifact_id = i.artifact_id WHERE t.state IN ('queued', 'running') \
         AND (t.succeeded IS NULL OR t.succeeded <= f.requested)",
    )
    .fetch_all(connection)
    .await
    .doing("reading which vulnerabilities are to be fixed")?;
    let mut open: HashMap<i64, HashSet<String>> = HashMap::new();
    for row in &rows {
        open.entry(column::number(row, "image_id")?)
            .or_default()
            .insert(column::text(row, "record")?);
    }
    Ok(open)
}
