//! What the policy of a server says of each image, kept for lists.
//!
//! In: which policy judges, and its verdicts. Out: images that are to be judged, and with each image of a list its verdict. Source:
//! `docs/policy.md`. Odd: the store knows no policy. It knows which images changed in what a policy looks at (triggers write that,
//! as long as there is one), and an image that changes while it is judged stays due.

use crate::{
    Store, StoreError, column,
    database::DatabaseRow,
    error::Doing,
    settings,
    statement::{self, QueryBuilder},
};

/// The setting that names the policy that judges; the triggers of the schema look at it.
const JUDGING: &str = "policy.judging";

/// A verdict that is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeptVerdict {
    /// Nothing speaks against the image.
    Pass,
    /// Somebody is to look.
    Warn,
    /// It is refused.
    Deny,
}

impl KeptVerdict {
    /// All, the kindest first.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Warn, Self::Deny];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }

    /// The verdict of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// An image that is to be judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueImage {
    /// Its id.
    pub uuid: String,
    image: i64,
    number: i64,
}

/// `policy_verdict` of an image's row.
pub(crate) fn kept_verdict(row: &DatabaseRow) -> Result<Option<KeptVerdict>, StoreError> {
    let Some(word) = column::get::<Option<String>>(row, "policy_verdict")? else { return Ok(None) };
    let verdict = KeptVerdict::of(&word).ok_or_else(|| StoreError::Corrupt {
        column: "image_verdicts.verdict".to_owned(),
        value: word.clone(),
        expected: "pass, warn or deny",
    })?;
    Ok(Some(verdict))
}

impl Store {
    /// Says which policy judges images from now on. Another one than before makes all images due and forgets its verdicts; none
    /// forgets them all.
    ///
    /// # Errors
    /// The database fails.
    pub async fn judge_by(&self, policy: Option<&str>) -> Result<(), StoreError> {
        const DOING: &str = "exchanging the policy";
        if self.setting(JUDGING).await?.as_deref() == policy {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        settings::write(&mut transaction, JUDGING, policy).await?;
        for sql in ["DELETE FROM image_verdicts", "DELETE FROM verdicts_due"] {
            statement::query(sql).execute(&mut transaction).await.doing(DOING)?;
        }
        if policy.is_some() {
            statement::query(
                "INSERT INTO verdicts_due (image_id, number) SELECT id, 1 FROM images",
            )
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)
    }

    /// Some of the images that are to be judged.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_due(&self, most: u32) -> Result<Vec<DueImage>, StoreError> {
        let rows = statement::query(
            "SELECT d.image_id, d.number, i.uuid FROM verdicts_due d JOIN images i ON i.id = d.image_id \
             ORDER BY d.image_id LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(&mut *self.read().await?)
        .await
        .doing("reading which images are to be judged")?;
        rows.iter()
            .map(|row| {
                Ok(DueImage {
                    uuid: column::text(row, "uuid")?,
                    image: column::number(row, "image_id")?,
                    number: column::number(row, "number")?,
                })
            })
            .collect()
    }

    /// Keeps verdicts. An image that changed since it was read as due stays so.
    ///
    /// # Errors
    /// The database fails.
    pub async fn keep_verdicts(
        &self,
        verdicts: &[(DueImage, KeptVerdict)],
    ) -> Result<(), StoreError> {
        const DOING: &str = "keeping verdicts";
        if verdicts.is_empty() {
            return Ok(());
        }
        let mut transaction = self.write().await?;
        for (due, verdict) in verdicts {
            // An image that was removed meanwhile has no verdict; an equal one is no change for those who follow the list.
            statement::query(
                "INSERT INTO image_verdicts (image_id, verdict) SELECT id, $2 FROM images WHERE id = $1 \
                 ON CONFLICT (image_id) DO UPDATE SET verdict = excluded.verdict \
                 WHERE image_verdicts.verdict <> excluded.verdict",
            )
            .bind(due.image)
            .bind(verdict.as_str())
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
            statement::query("DELETE FROM verdicts_due WHERE image_id = $1 AND number = $2")
                .bind(due.image)
                .bind(due.number)
                .execute(&mut transaction)
                .await
                .doing(DOING)?;
        }
        // What waits for images that are gone waits for nothing.
        let mut gone = QueryBuilder::new("DELETE FROM verdicts_due WHERE image_id < ");
        gone.push_bind(verdicts.iter().map(|(due, _)| due.image).max().unwrap_or_default());
        gone.push(" AND NOT EXISTS (SELECT 1 FROM images i WHERE i.id = verdicts_due.image_id)");
        gone.build().execute(&mut transaction).await.doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }
}
