//! All findings of a kind of one image, with what is known of each.

use std::collections::BTreeMap;

use plimsoll_model::{Digest, Finding, Kind, Timestamp};

use super::{DOING, Holder, ItemState, items_of, marks};
use crate::{
    ImageRow, ImageSelection, Store, StoreError, artifacts, column, database::DatabaseConnection,
    error::Doing, ignored::kept_record, images::dashed, statement,
};

/// A finding of an image.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageItem {
    /// What was found.
    pub finding: Finding,
    /// How it stands.
    pub state: ItemState,
    /// Since when it is known of what the image holds; neither a new scan nor other advisories move it.
    pub first_seen: Timestamp,
}

/// An image with all its findings of a kind.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageItems {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Region of its registry.
    pub region_id: String,
    /// Most urgent first; those that it has no longer come last.
    pub items: Vec<ImageItem>,
    /// The layers from the bottom.
    pub layers: Vec<Digest>,
    /// The first scan that could read it; `None`: none could yet.
    pub first_scanned: Option<Timestamp>,
    /// The latest successful scan.
    pub scanned: Option<Timestamp>,
}

impl Store {
    /// All findings of a kind of an image, by its id with or without dashes; `None`: there is no such image. What its tag named
    /// before it last moved, and has no finding of now, is fixed.
    ///
    /// # Errors
    /// The database fails, or a report in it does not unpack.
    pub async fn image_items(
        &self,
        uuid: &str,
        kind: Kind,
    ) -> Result<Option<ImageItems>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let row = statement::query(
            "SELECT i.*, r.name AS registry, r.region_id, COALESCE(a.remainder_id, -a.id) AS holder, \
             COALESCE(a.first_scanned, a.scanned) AS first_scanned, COALESCE(t.succeeded, a.scanned) AS last_scanned \
             FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
             LEFT JOIN tasks t ON t.artifact_id = a.id WHERE i.uuid = $1",
        )
        .bind(dashed(uuid))
        .fetch_optional(&mut snapshot)
        .await
        .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let id: i64 = column::number(&row, "id")?;
        let first_scanned = column::optional_time(&row, "first_scanned")?;
        let mut found = ImageItems {
            image: ImageRow::from_row(&row)?,
            registry: column::text(&row, "registry")?,
            region_id: column::text(&row, "region_id")?,
            items: Vec::new(),
            layers: Vec::new(),
            first_scanned,
            scanned: column::optional_time(&row, "last_scanned")?,
        };
        let artifact = column::number(&row, "artifact_id")?;
        let Some(report) = artifacts::report(&mut snapshot, artifact).await? else {
            return Ok(Some(found));
        };
        let Some(first_scanned) = first_scanned else { return Ok(Some(found)) };
        let asked_for =
            AskedFor::read(&mut snapshot, kind, column::number(&row, "holder")?).await?;
        let marks =
            marks(&mut snapshot, kind, &ImageSelection::default(), Some(&[id])).await?.remove(&id);
        let marks = marks.unwrap_or_default();
        for finding in report.findings {
            let Some(first_seen) = asked_for.first_seen(kind, &finding) else { continue };
            let state = marks.get(kept_record(&finding.record).as_ref());
            found.items.push(ImageItem {
                state: state.copied().unwrap_or(ItemState::Open),
                first_seen: first_seen.max(first_scanned),
                finding,
            });
        }
        found.layers = report.image.layers;
        let before: Option<i64> = column::get(&row, "previous_artifact_id")?;
        if let Some(before) = before {
            let gone = fixed(&mut snapshot, kind, before, &found.items).await?;
            found.items.extend(gone);
        }
        Ok(Some(found))
    }
}

/// The records of a holder that are listed, with the time since when.
struct AskedFor(BTreeMap<String, Timestamp>);

impl AskedFor {
    async fn read(
        connection: &mut DatabaseConnection,
        kind: Kind,
        holder: Holder,
    ) -> Result<Self, StoreError> {
        let items = items_of(connection, kind, Some(&[holder])).await?.remove(&holder);
        let items = items.unwrap_or_default().into_iter();
        Ok(Self(items.map(|item| (item.record, item.first_seen)).collect()))
    }

    fn first_seen(&self, kind: Kind, finding: &Finding) -> Option<Timestamp> {
        if finding.kind != kind || !finding.is_open() {
            return None;
        }
        self.0.get(&finding.record).copied()
    }
}

/// What an earlier content had of ids that the present one has not.
async fn fixed(
    connection: &mut DatabaseConnection,
    kind: Kind,
    artifact: i64,
    present: &[ImageItem],
) -> Result<Vec<ImageItem>, StoreError> {
    let row = statement::query(
        "SELECT COALESCE(remainder_id, -id) AS holder FROM artifacts WHERE id = $1 AND scanned IS NOT NULL",
    )
    .bind(artifact)
    .fetch_optional(connection)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let Some(report) = artifacts::report(connection, artifact).await? else {
        return Ok(Vec::new());
    };
    let asked_for = AskedFor::read(connection, kind, column::number(&row, "holder")?).await?;
    let mut gone = Vec::new();
    for finding in report.findings {
        let Some(first_seen) = asked_for.first_seen(kind, &finding) else { continue };
        if present.iter().all(|item| item.finding.id != finding.id) {
            gone.push(ImageItem { finding, state: ItemState::Fixed, first_seen });
        }
    }
    Ok(gone)
}
