//! The risk list: images with their numbers, filtered, ordered and paged in SQL.
//!
//! In: [`ImageRiskQuery`], the filters of ListImageRisk and of the console. Out: one [`Page`] and the total.
//!
//! Order, total and stable: risk level downwards with unscanned images last, then asap, later, nntf, baseline high,
//! medium, low downwards, then namespace, repository, tag, manifest digest, registry name upwards, byte by byte.
//!
//! Odd:
//! * `Namespace` means the repository's namespace or that of a workload that runs the image; together with `ClusterId` or
//!   `AppName` it means the workload's alone, and then one workload must fulfil all that is given.
//! * `ImageName` is found anywhere in `host/namespace/repository:tag`, without regard to ASCII case.
//! * Images that were never scanned with success are listed with zeros; `scanned` tells them from clean ones.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{RiskCounters, Timestamp, Verdict};
use sqlx::QueryBuilder;

use crate::{
    Artifact, ImageRow, Registry, Store, StoreError, TaskStatus,
    artifacts::artifact_columns,
    column,
    error::Doing,
    images::dashed,
    store::{Database, DatabaseConnection, DatabaseRow},
};

/// A part of a longer list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Number of this page, from 1.
    pub page: u32,
    /// Entries of a full page.
    pub page_size: u32,
}

/// Which risk levels to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RiskFilter {
    /// Scanned images of this level: 3 high, 2 medium, 1 low, 0 none.
    Level(u8),
    /// Images without a successful scan.
    NotScanned,
}

/// Which images to list. Filters are combined with "and"; an empty text is no filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageRiskQuery {
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page; 0 gives no entries, only the total.
    pub page_size: u32,
    /// ListImageRisk's `ClusterId`: images that run there.
    pub cluster_id: Option<String>,
    /// ListImageRisk's `Namespace`.
    pub namespace: Option<String>,
    /// ListImageRisk's `AppName`: images that run as this application.
    pub app_name: Option<String>,
    /// ListImageRisk's `ImageName`.
    pub image_name: Option<String>,
    /// The registry's name.
    pub registry: Option<String>,
    /// Which risk levels.
    pub risk: Option<RiskFilter>,
    /// Free text: each word must stand in the image's reference, registry name, digest, image id or uuid.
    pub text: Option<String>,
}

impl Default for ImageRiskQuery {
    /// The first page of 20, without filters.
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 20,
            cluster_id: None,
            namespace: None,
            app_name: None,
            image_name: None,
            registry: None,
            risk: None,
            text: None,
        }
    }
}

/// One image with its numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageRisk {
    /// The image.
    pub image: ImageRow,
    /// Its registry, without password.
    pub registry: Arc<Registry>,
    /// `linux/amd64`.
    pub platform: String,
    /// Sums over its findings; zeros before the first scan.
    pub counters: RiskCounters,
    /// How completely the newest scan could look; `None` before the first one.
    pub verdict: Option<Verdict>,
    /// When it was last scanned with success.
    pub scanned: Option<Timestamp>,
    /// How its scan stands.
    pub task: Option<TaskStatus>,
}

/// Longer than any reference: a longer filter matches nothing, and SQLite refuses very long patterns.
const LONGEST_FILTER: usize = 1_000;
/// How many words of a free text are looked at.
const MOST_WORDS: usize = 16;

const COLUMNS: &str = concat!("SELECT i.*, ", artifact_columns!());
const TABLES: &str = " FROM images i JOIN registries r ON r.id = i.registry_id \
     JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN tasks t ON t.artifact_id = a.id WHERE 1 = 1";
const ORDER: &str = " ORDER BY CASE WHEN a.scanned IS NULL THEN -1 ELSE a.risk_level END DESC, \
     a.asap DESC, a.later DESC, a.nntf DESC, a.baseline_high DESC, a.baseline_medium DESC, a.baseline_low DESC, \
     i.namespace, i.repository, i.tag, i.manifest_digest, r.name";

impl Store {
    /// One page of the risk list.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_image_risk(
        &self,
        query: &ImageRiskQuery,
    ) -> Result<Page<ImageRisk>, StoreError> {
        const DOING: &str = "listing images";
        let page = query.page.max(1);
        // Total, page and registries are of one moment.
        let mut snapshot = self.snapshot().await?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number");
        count.push(TABLES);
        push_filters(&mut count, query);
        let row = count.build().fetch_one(&mut *snapshot).await.doing(DOING)?;
        let total = column::number(&row, "number")?;

        let mut list = QueryBuilder::new(COLUMNS);
        list.push(TABLES);
        push_filters(&mut list, query);
        list.push(ORDER);
        let before = i64::from(page - 1).saturating_mul(i64::from(query.page_size));
        list.push(" LIMIT ").push_bind(i64::from(query.page_size));
        list.push(" OFFSET ").push_bind(before);
        let rows = list.build().fetch_all(&mut *snapshot).await.doing(DOING)?;
        let registries = registries_by_id(&mut snapshot).await?;
        let items: Result<Vec<ImageRisk>, StoreError> =
            rows.iter().map(|row| ImageRisk::from_row(row, &registries)).collect();
        Ok(Page { items: items?, total, page, page_size: query.page_size })
    }

    /// One image with its numbers, by its id with or without dashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_risk(&self, uuid: &str) -> Result<Option<ImageRisk>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut one = QueryBuilder::new(COLUMNS);
        one.push(TABLES).push(" AND i.uuid = ").push_bind(dashed(uuid));
        let row =
            one.build().fetch_optional(&mut *snapshot).await.doing("reading an image's numbers")?;
        let Some(row) = row else { return Ok(None) };
        let registries = registries_by_id(&mut snapshot).await?;
        ImageRisk::from_row(&row, &registries).map(Some)
    }
}

impl ImageRisk {
    fn from_row(
        row: &DatabaseRow,
        registries: &BTreeMap<i64, Arc<Registry>>,
    ) -> Result<Self, StoreError> {
        let image = ImageRow::from_row(row)?;
        let Some(registry) = registries.get(&image.registry_id) else {
            return Err(StoreError::Corrupt {
                column: "images.registry_id".to_owned(),
                value: image.registry_id.to_string(),
                expected: "the number of a registry",
            });
        };
        let artifact = Artifact::from_row(row)?;
        Ok(Self {
            image,
            registry: Arc::clone(registry),
            platform: artifact.platform,
            counters: artifact.counters,
            verdict: artifact.verdict,
            scanned: artifact.scanned,
            task: artifact.task,
        })
    }
}

async fn registries_by_id(
    connection: &mut DatabaseConnection,
) -> Result<BTreeMap<i64, Arc<Registry>>, StoreError> {
    let rows = sqlx::query("SELECT * FROM registries")
        .fetch_all(connection)
        .await
        .doing("listing registries")?;
    let mut registries = BTreeMap::new();
    for row in &rows {
        let registry = Registry::from_row(row)?;
        registries.insert(registry.id, Arc::new(registry));
    }
    Ok(registries)
}

fn push_filters(sql: &mut QueryBuilder<Database>, query: &ImageRiskQuery) {
    let given = |filter: &Option<String>| filter.clone().filter(|text| !text.is_empty());
    let workload = WorkloadFilter {
        cluster: given(&query.cluster_id),
        namespace: given(&query.namespace),
        app: given(&query.app_name),
    };
    if workload.cluster.is_some() || workload.app.is_some() {
        sql.push(" AND ");
        push_runs(sql, &workload);
    } else if let Some(namespace) = &workload.namespace {
        sql.push(" AND (i.namespace = ").push_bind(namespace.clone()).push(" OR ");
        push_runs(sql, &workload);
        sql.push(")");
    }
    if let Some(name) = given(&query.image_name) {
        push_contains(sql, "r.authority || '/' || i.reference", &name);
    }
    push_equal(sql, "r.name", given(&query.registry));
    match query.risk {
        Some(RiskFilter::Level(level)) => {
            sql.push(" AND a.scanned IS NOT NULL AND a.risk_level = ").push_bind(i64::from(level));
        }
        Some(RiskFilter::NotScanned) => {
            sql.push(" AND a.scanned IS NULL");
        }
        None => {}
    }
    for word in query.text.iter().flat_map(|text| text.split_whitespace()).take(MOST_WORDS) {
        push_contains(
            sql,
            "r.authority || '/' || i.reference || ' ' || r.name || ' ' || i.digest || ' ' || i.manifest_digest || ' ' \
             || i.image_id || ' ' || i.uuid",
            word,
        );
    }
}

/// Where and as what an image has to run.
struct WorkloadFilter {
    cluster: Option<String>,
    namespace: Option<String>,
    app: Option<String>,
}

/// Images that run at a workload. The sets are made once per statement, however many images there are.
fn push_runs(sql: &mut QueryBuilder<Database>, filter: &WorkloadFilter) {
    let names = [
        ("(i.digest", "w.digest"),
        (" OR i.manifest_digest", "w.digest"),
        (" OR i.image_id", "w.digest"),
        (" OR r.authority || '/' || i.reference", "w.authority || '/' || w.reference"),
    ];
    for (image, workload) in names {
        sql.push(image).push(" IN (SELECT ").push(workload).push(" FROM workloads w WHERE ");
        sql.push(if workload == "w.digest" { "w.digest <> ''" } else { "w.digest = ''" });
        push_equal(sql, "w.cluster_id", filter.cluster.clone());
        push_equal(sql, "w.namespace", filter.namespace.clone());
        push_equal(sql, "w.app", filter.app.clone());
        sql.push(")");
    }
    sql.push(")");
}

fn push_equal(sql: &mut QueryBuilder<Database>, column: &'static str, value: Option<String>) {
    if let Some(value) = value {
        sql.push(" AND ").push(column).push(" = ").push_bind(value);
    }
}

fn push_contains(sql: &mut QueryBuilder<Database>, text: &'static str, part: &str) {
    // A zero byte stands in no name; SQLite would end the pattern there, PostgreSQL refuses the value.
    if part.len() > LONGEST_FILTER || part.contains('\0') {
        sql.push(" AND 1 = 0");
        return;
    }
    sql.push(" AND lower(").push(text).push(") LIKE ");
    sql.push_bind(format!("%{}%", escape_like(&part.to_ascii_lowercase()))).push(" ESCAPE '!'");
}

/// A text that `LIKE … ESCAPE '!'` takes literally.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '!' | '%' | '_') {
            escaped.push('!');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(super::escape_like("a_b%c!d"), "a!_b!%c!!d");
    }
}
