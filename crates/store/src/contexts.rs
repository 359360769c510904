//! How images are used, as people say it, and giving images what follows from it.
//!
//! In: settings of images, repositories, clusters and registries. Out: each image names an artifact whose packages are judged in
//! its context. Source: `docs/decisions/`, "A package is a part for each use". Odd: nothing that counts, lists or ranks knows of
//! contexts: an image that is used in another way has another artifact, with an inventory of other parts.

mod settle;

use std::collections::BTreeMap;

use plimsoll_model::{ContextSetting, ImageInUse, MatchContext};

use crate::{
    Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    images::dashed,
    listing::MEETINGS,
    statement::{self, QueryBuilder},
};

pub use self::settle::Settled;

const DOING: &str = "reading how images are used";

impl Store {
    /// All settings, by scope and name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn context_settings(&self) -> Result<Vec<ContextSetting>, StoreError> {
        settings(&mut *self.read().await?).await
    }

    /// Says something of images; of nothing at all, what was said is taken back. Returns whether that is new. Images follow with
    /// [`Store::settle_contexts`].
    ///
    /// # Errors
    /// The database fails.
    pub async fn set_context(&self, setting: &ContextSetting) -> Result<bool, StoreError> {
        const DOING: &str = "writing how images are used";
        let setting = match setting.scope {
            plimsoll_model::ContextScope::Image => {
                ContextSetting { name: dashed(&setting.name), ..setting.clone() }
            }
            _ => setting.clone(),
        };
        let before = self.context_settings().await?;
        let is_empty = setting.exposure.is_none() && setting.importance.is_none();
        let mut known =
            before.iter().filter(|one| one.scope == setting.scope && one.name == setting.name);
        if (is_empty && known.next().is_none()) || before.contains(&setting) {
            return Ok(false);
        }
        let mut transaction = self.write().await?;
        let query = if is_empty {
            statement::query("DELETE FROM image_contexts WHERE scope = $1 AND name = $2")
                .bind(setting.scope.as_str())
                .bind(&setting.name)
        } else {
            statement::query(
                "INSERT INTO image_contexts (scope, name, exposure, importance) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (scope, name) DO UPDATE SET exposure = excluded.exposure, importance = excluded.importance",
            )
            .bind(setting.scope.as_str())
            .bind(&setting.name)
            .bind(setting.exposure.map(plimsoll_model::Exposure::as_str))
            .bind(setting.importance.map(plimsoll_model::Importance::as_str))
        };
        query.execute(&mut transaction).await.doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// How an image is used, by its id with or without dashes, as far as its packages are judged so; `None`: there is none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_context(&self, uuid: &str) -> Result<Option<MatchContext>, StoreError> {
        let row = statement::query(
            "SELECT a.digest FROM images i JOIN artifacts a ON a.id = i.artifact_id WHERE i.uuid = $1",
        )
        .bind(dashed(uuid))
        .fetch_optional(&mut *self.read().await?)
        .await
        .doing(DOING)?;
        row.map(|row| Ok(column::artifact(&row, "digest")?.context)).transpose()
    }
}

pub(crate) async fn settings(
    connection: &mut DatabaseConnection,
) -> Result<Vec<ContextSetting>, StoreError> {
    let rows = statement::query("SELECT * FROM image_contexts")
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    let setting = |row: &DatabaseRow| {
        Ok(ContextSetting {
            scope: column::parsed(row, "scope", "of what something is said")?,
            name: column::text(row, "name")?,
            exposure: column::optional_parsed(row, "exposure", "an exposure")?,
            importance: column::optional_parsed(row, "importance", "an importance")?,
        })
    };
    let mut settings: Vec<ContextSetting> =
        rows.iter().map(setting).collect::<Result<_, StoreError>>()?;
    settings.sort();
    Ok(settings)
}

/// In which clusters images run, where that matters.
pub(crate) async fn clusters(
    connection: &mut DatabaseConnection,
    settings: &[ContextSetting],
) -> Result<BTreeMap<i64, Vec<String>>, StoreError> {
    let mut clusters: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    if settings.iter().all(|setting| setting.scope != plimsoll_model::ContextScope::Cluster) {
        return Ok(clusters);
    }
    for meeting in MEETINGS {
        let mut sql = QueryBuilder::new(
            "SELECT DISTINCT i.id, w.cluster_id FROM workloads w JOIN images i ON ",
        );
        sql.push(meeting);
        for row in &sql.build().fetch_all(&mut *connection).await.doing(DOING)? {
            let own = clusters.entry(column::number(row, "id")?).or_default();
            let cluster = column::text(row, "cluster_id")?;
            if !own.contains(&cluster) {
                own.push(cluster);
            }
        }
    }
    Ok(clusters)
}

/// What settings say of an image that is new: where it runs is looked at afterwards.
pub(crate) fn of_new(
    settings: &[ContextSetting],
    (uuid, registry, path): (&str, &str, &str),
) -> MatchContext {
    MatchContext::of(settings, ImageInUse { uuid, registry, path, clusters: &[] })
}
