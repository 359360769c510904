//! The inventory: images and repositories with their numbers and how their scans stand, by conditions that clients put together.
//!
//! In: [`AssetQuery`]. Out: one page of images, the tag that moved last first; or one page of repositories, in the order of names.
//! Odd:
//! * Conditions are taken from left to right, each combined with what stands before it by its own "and" or "or".
//! * Asked of a repository, a tag, an image id or a digest is that of any of its images; numbers are sums over all of them.
//! * Repositories belong to no instance of a registry service: a condition on that fulfils none.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ImageRisk, ImageRow, Page, Registry, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    own_counters::own_counters_join,
    risk_list::{COLUMNS, TABLES},
    statement::{self, QueryBuilder},
};

/// Of what a condition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AssetField {
    /// The instance of a registry service.
    InstanceId,
    /// A repository's name behind the namespace: contains the text.
    RepoName,
    /// A repository's id.
    RepoId,
    /// A repository's namespace: contains the text.
    RepoNamespace,
    /// A registry's region.
    RegionId,
    /// What the API calls a registry's kind.
    RegistryType,
    /// The configuration's digest.
    ImageId,
    /// A tag: contains the text.
    Tag,
    /// The digest of a tag or of a platform's manifest.
    Digest,
    /// Whether there are vulnerabilities: `YES` or `NO`.
    VulStatus,
    /// Whether there are malicious files.
    AlarmStatus,
    /// Whether there are baseline risks.
    HcStatus,
    /// Whether there is any risk.
    RiskStatus,
}

/// One condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssetCondition {
    /// Of what.
    pub field: AssetField,
    /// What it must be.
    pub value: String,
    /// Whether it is enough that this or what stands before it is fulfilled.
    pub or: bool,
}

/// Which images or repositories.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AssetQuery {
    /// What they must fulfil.
    pub conditions: Vec<AssetCondition>,
    /// Only images that were scanned with success, or only others.
    pub scanned: Option<bool>,
    /// Number of the page, from 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// An image of the inventory.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageAsset {
    /// The image with its numbers.
    pub risk: ImageRisk,
    /// Whether it runs in a cluster.
    pub deployed: bool,
}

/// A repository of the inventory.
#[derive(Clone, PartialEq, Debug)]
pub struct RepositoryAsset {
    /// Its registry, without password.
    pub registry: Arc<Registry>,
    /// Its id.
    pub repo_id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name behind the namespace.
    pub repository: String,
    /// How many images it has.
    pub images: u64,
    /// Of them, how many are at risk.
    pub at_risk: u64,
    /// Vulnerabilities of all its images.
    pub vulnerabilities: u64,
    /// Baseline risks of all its images.
    pub baseline: u64,
    /// Malicious files of all its images.
    pub malicious: u64,
}

const IMAGES: &str = "listing the inventory's images";
const REPOSITORIES: &str = "listing the inventory's repositories";

/// Whether an image runs: a workload has one of its digests, or none and its name.
const DEPLOYED: &str = "(EXISTS (SELECT 1 FROM workloads w WHERE w.digest = i.digest) \
     OR EXISTS (SELECT 1 FROM workloads w WHERE w.digest = i.manifest_digest) \
     OR EXISTS (SELECT 1 FROM workloads w WHERE w.digest = i.image_id) \
     OR EXISTS (SELECT 1 FROM workloads w JOIN registries r ON r.authority = w.authority \
         WHERE w.digest = '' AND w.reference = i.reference AND r.id = i.registry_id))";

/// The columns that conditions are about.
struct Names {
    registry: &'static str,
    repo_id: &'static str,
    namespace: &'static str,
    repository: &'static str,
    vulnerabilities: &'static str,
    baseline: &'static str,
    malicious: &'static str,
    risk: &'static str,
    /// What stands around a condition on single images, which are called `i` in it.
    of_images: (&'static str, &'static str),
}

const OF_IMAGE: Names = Names {
    registry: "i.registry_id",
    repo_id: "i.repo_id",
    namespace: "i.namespace",
    repository: "i.repository",
    vulnerabilities: "COALESCE(c.cve, a.cve) + COALESCE(c.sca, a.sca)",
    baseline: "COALESCE(c.baseline_high, a.baseline_high) + COALESCE(c.baseline_medium, a.baseline_medium) \
         + COALESCE(c.baseline_low, a.baseline_low)",
    malicious: "COALESCE(c.malicious_serious, a.malicious_serious) \
         + COALESCE(c.malicious_suspicious, a.malicious_suspicious) + COALESCE(c.malicious_remind, a.malicious_remind)",
    risk: "COALESCE(c.risk_level, a.risk_level, 0)",
    of_images: ("(", ")"),
};

const OF_REPOSITORY: Names = Names {
    registry: "p.registry_id",
    repo_id: "p.repo_id",
    namespace: "p.namespace",
    repository: "p.repository",
    vulnerabilities: "p.vulnerabilities",
    baseline: "p.baseline",
    malicious: "p.malicious",
    risk: "p.at_risk",
    of_images: ("EXISTS (SELECT 1 FROM images i WHERE i.repo_id = p.repo_id AND (", "))"),
};

impl Store {
    /// One page of images.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_assets(&self, query: &AssetQuery) -> Result<Page<ImageAsset>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let registries = registries(&mut snapshot).await?;
        let conditions = |sql: &mut QueryBuilder| {
            sql.push(match query.scanned {
                Some(true) => "a.scanned IS NOT NULL AND ",
                Some(false) => "a.scanned IS NULL AND ",
                None => "",
            });
            push_conditions(sql, &query.conditions, &OF_IMAGE, &registries);
        };
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number");
        count.push(TABLES);
        conditions(&mut count);
        let row = count.build().fetch_one(&mut snapshot).await.doing(IMAGES)?;
        let mut sql = QueryBuilder::new(COLUMNS);
        sql.push(", ").push(DEPLOYED).push(" AS deployed").push(TABLES);
        conditions(&mut sql);
        sql.push(" ORDER BY i.updated DESC, i.uuid");
        let page = push_page(&mut sql, query);
        let rows = sql.build().persistent(false).fetch_all(&mut snapshot).await.doing(IMAGES)?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let image = ImageRow::from_row(row)?;
            // All are of one state of the database.
            let Some(registry) = registries.get(&image.registry_id) else { continue };
            let deployed = column::flag(row, "deployed")?;
            let risk = ImageRisk::from_row(row, image, Arc::clone(registry))?;
            items.push(ImageAsset { risk, deployed });
        }
        let total = column::number(&row, "number")?;
        Ok(Page { items, total, page, page_size: query.page_size })
    }

    /// One page of repositories.
    ///
    /// # Errors
    /// The database fails.
    pub async fn repository_assets(
        &self,
        query: &AssetQuery,
    ) -> Result<Page<RepositoryAsset>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let registries = registries(&mut snapshot).await?;
        let from = |sql: &mut QueryBuilder| {
            sql.push(" FROM (SELECT i.registry_id, i.repo_id, i.namespace, i.repository, COUNT(*) AS images, ");
            let sums = [
                (OF_IMAGE.vulnerabilities, "vulnerabilities"),
                (OF_IMAGE.baseline, "baseline"),
                (OF_IMAGE.malicious, "malicious"),
            ];
            for (sum, name) in sums {
                sql.push("CAST(SUM(").push(sum).push(") AS BIGINT) AS ").push(name).push(", ");
            }
            sql.push("COUNT(CASE WHEN ").push(OF_IMAGE.risk).push(" > 0 THEN 1 END) AS at_risk");
            sql.push(" FROM images i JOIN artifacts a ON a.id = i.artifact_id");
            sql.push(own_counters_join!());
            sql.push(" GROUP BY i.registry_id, i.repo_id, i.namespace, i.repository) AS p WHERE ");
            push_conditions(sql, &query.conditions, &OF_REPOSITORY, &registries);
        };
        let mut count = QueryBuilder::new("SELECT COUNT(*) AS number");
        from(&mut count);
        let row = count.build().fetch_one(&mut snapshot).await.doing(REPOSITORIES)?;
        let mut sql = QueryBuilder::new("SELECT p.*");
        from(&mut sql);
        sql.push(" ORDER BY p.namespace, p.repository, p.registry_id");
        let page = push_page(&mut sql, query);
        let rows =
            sql.build().persistent(false).fetch_all(&mut snapshot).await.doing(REPOSITORIES)?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let registry = column::number(row, "registry_id")?;
            if let Some(registry) = registries.get(&registry) {
                items.push(RepositoryAsset::from_row(row, Arc::clone(registry))?);
            }
        }
        let total = column::number(&row, "number")?;
        Ok(Page { items, total, page, page_size: query.page_size })
    }
}

impl RepositoryAsset {
    fn from_row(row: &DatabaseRow, registry: Arc<Registry>) -> Result<Self, StoreError> {
        Ok(Self {
            registry,
            repo_id: column::text(row, "repo_id")?,
            namespace: column::text(row, "namespace")?,
            repository: column::text(row, "repository")?,
            images: column::number(row, "images")?,
            at_risk: column::number(row, "at_risk")?,
            vulnerabilities: column::number(row, "vulnerabilities")?,
            baseline: column::number(row, "baseline")?,
            malicious: column::number(row, "malicious")?,
        })
    }
}

/// All registries by their numbers.
pub(crate) async fn registries(
    connection: &mut DatabaseConnection,
) -> Result<BTreeMap<i64, Arc<Registry>>, StoreError> {
    let rows = statement::query("SELECT * FROM registries")
        .fetch_all(connection)
        .await
        .doing("listing registries")?;
    rows.iter()
        .map(|row| Registry::from_row(row).map(|registry| (registry.id, Arc::new(registry))))
        .collect()
}

fn push_page(sql: &mut QueryBuilder, query: &AssetQuery) -> u32 {
    let page = query.page.max(1);
    let before = i64::from(page - 1).saturating_mul(i64::from(query.page_size));
    sql.push(" LIMIT ").push_bind(i64::from(query.page_size));
    sql.push(" OFFSET ").push_bind(before);
    page
}

fn push_conditions(
    sql: &mut QueryBuilder,
    conditions: &[AssetCondition],
    names: &Names,
    registries: &BTreeMap<i64, Arc<Registry>>,
) {
    let Some((first, others)) = conditions.split_first() else {
        sql.push("1 = 1");
        return;
    };
    // From left to right: all parentheses open at the front.
    sql.push("(".repeat(conditions.len()));
    push_condition(sql, first, names, registries);
    sql.push(")");
    for condition in others {
        sql.push(if condition.or { " OR " } else { " AND " });
        push_condition(sql, condition, names, registries);
        sql.push(")");
    }
}

fn push_condition(
    sql: &mut QueryBuilder,
    condition: &AssetCondition,
    names: &Names,
    registries: &BTreeMap<i64, Arc<Registry>>,
) {
    let value = condition.value.as_str();
    let (before, behind) = names.of_images;
    match condition.field {
        AssetField::InstanceId => {
            sql.push("1 = 0");
        }
        AssetField::RepoId => {
            sql.push(names.repo_id).push(" = ").push_bind(value);
        }
        AssetField::RepoName => push_contains(sql, names.repository, value),
        AssetField::RepoNamespace => push_contains(sql, names.namespace, value),
        AssetField::RegionId => {
            push_registries(sql, names, registries, |one| one.settings.region_id == value);
        }
        AssetField::RegistryType => {
            push_registries(sql, names, registries, |one| one.settings.reported_type == value);
        }
        AssetField::Tag => {
            sql.push(before);
            push_contains(sql, "i.tag", value);
            sql.push(behind);
        }
        AssetField::ImageId => {
            sql.push(before).push("i.image_id = ").push_bind(prefixed(value)).push(behind);
        }
        AssetField::Digest => {
            sql.push(before).push("i.digest = ").push_bind(prefixed(value));
            sql.push(" OR i.manifest_digest = ").push_bind(prefixed(value)).push(behind);
        }
        AssetField::VulStatus => push_status(sql, names.vulnerabilities, value),
        AssetField::AlarmStatus => push_status(sql, names.malicious, value),
        AssetField::HcStatus => push_status(sql, names.baseline, value),
        AssetField::RiskStatus => push_status(sql, names.risk, value),
    }
}

fn prefixed(digest: &str) -> String {
    format!("sha256:{}", digest.strip_prefix("sha256:").unwrap_or(digest))
}

/// Without regard to ASCII case, and without characters that stand for others.
fn push_contains(sql: &mut QueryBuilder, column: &'static str, value: &str) {
    sql.push("REPLACE(LOWER(").push(column).push("), ").push_bind(value.to_ascii_lowercase());
    sql.push(", '') <> LOWER(").push(column).push(")");
}

fn push_status(sql: &mut QueryBuilder, number: &'static str, value: &str) {
    sql.push(number).push(if value.eq_ignore_ascii_case("YES") { " > 0" } else { " = 0" });
}

fn push_registries(
    sql: &mut QueryBuilder,
    names: &Names,
    registries: &BTreeMap<i64, Arc<Registry>>,
    is_meant: impl Fn(&Registry) -> bool,
) {
    let meant: Vec<i64> =
        registries.values().filter(|one| is_meant(one)).map(|one| one.id).collect();
    crate::listing::push_in(sql, names.registry, &meant);
}
