//! The risk list: images with their numbers, filtered, ordered and paged.
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
//! * Which images stand on a page is known in memory (`listing.rs`); the images themselves are read here each time, with the
//!   proof that what is in memory is current.
//! * Images that were never scanned with success are listed with zeros; `scanned` tells them from clean ones.

mod known;

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_model::{RiskCounters, Timestamp, Verdict};
use tokio::sync::OwnedRwLockReadGuard;

use crate::{
    Artifact, ImageRow, KeptVerdict, Registry, Store, StoreError, TaskStatus,
    artifacts::artifact_columns,
    column,
    database::{DatabaseConnection, DatabaseRow, Transaction},
    error::Doing,
    images::dashed,
    listing::{Listing, Word, current_change, ids_of_words, push_in},
    own_counters::{own_counters, own_counters_join},
    statement::{self, QueryBuilder},
    verdicts::kept_verdict,
};

pub(crate) use self::known::KnownPages;

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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RiskFilter {
    /// Scanned images of this level: 3 high, 2 medium, 1 low, 0 none.
    Level(u8),
    /// Images without a successful scan.
    NotScanned,
}

/// Which images to list. Filters are combined with "and"; an empty text is no filter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
    /// What the policy says, where a server has one.
    pub policy: Option<KeptVerdict>,
    /// Free text: each word must stand in the image's reference or registry name, or begin a digest, image id or uuid of it
    /// with at least four digits.
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
            policy: None,
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
    /// Sums over its findings, without what ignore rules take out; zeros before the first scan.
    pub counters: RiskCounters,
    /// How completely the newest scan could look; `None` before the first one.
    pub verdict: Option<Verdict>,
    /// When it was last scanned with success.
    pub scanned: Option<Timestamp>,
    /// What the policy of a server says of it; `None` where none was asked yet.
    pub policy: Option<KeptVerdict>,
    /// How its scan stands.
    pub task: Option<TaskStatus>,
}

/// Images of one statement: SQLite takes 32,766 values, PostgreSQL 65,535.
const ROWS: usize = 500;

/// What [`ImageRisk::from_row`] reads, and an image's row.
pub(crate) const COLUMNS: &str = concat!(
    "SELECT i.*, v.verdict AS policy_verdict, ",
    artifact_columns!(),
    ", ",
    own_counters!()
);
/// From where; a condition follows.
pub(crate) const TABLES: &str = concat!(
    " FROM images i JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN tasks t ON t.artifact_id = a.id \
     LEFT JOIN image_verdicts v ON v.image_id = i.id",
    own_counters_join!(),
    " WHERE "
);

impl Store {
    /// One page of the risk list.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list_image_risk(
        &self,
        query: &ImageRiskQuery,
    ) -> Result<Page<ImageRisk>, StoreError> {
        if let Some(page) = self.list_as_known(query).await? {
            return Ok(page);
        }
        let (listing, mut snapshot) = self.current_listing().await?;
        let words = ids_of_words(&mut snapshot, query).await?;
        let (listing, wanted) = select(listing, query, words).await?;
        let mut items = Vec::new();
        for part in wanted.images.chunks(ROWS) {
            items.extend(read_images(&mut snapshot, &listing, part).await?.1);
        }
        Ok(wanted.page_of(items, query))
    }

    /// The list as of now, and the state of the database that it is of.
    pub(crate) async fn current_listing(
        &self,
    ) -> Result<(OwnedRwLockReadGuard<Listing>, Transaction), StoreError> {
        let listing = self.listing().clone().read_owned().await;
        let mut snapshot = self.snapshot().await?;
        if listing.change() == Some(current_change(&mut snapshot).await?) {
            return Ok((listing, snapshot));
        }
        drop((listing, snapshot));
        // Nobody brings the list further while it is used with this state of the database.
        let mut listing = self.listing().clone().write_owned().await;
        let mut snapshot = self.snapshot().await?;
        listing.follow(&mut snapshot).await?;
        Ok((listing.downgrade(), snapshot))
    }

    /// Brings the list in memory up to date, so that the next question need not wait for it: for a server that starts.
    ///
    /// # Errors
    /// The database fails.
    pub async fn prepare_list(&self) -> Result<(), StoreError> {
        self.current_listing().await.map(drop)
    }

    /// The page from the list as it is in memory; `None` if that turns out to be behind the database.
    async fn list_as_known(
        &self,
        query: &ImageRiskQuery,
    ) -> Result<Option<Page<ImageRisk>>, StoreError> {
        let listing = self.listing().clone().read_owned().await;
        if listing.change().is_none() {
            return Ok(None);
        }
        let mut connection = self.read().await?;
        let words = ids_of_words(&mut connection, query).await?;
        let (listing, wanted) = select(listing, query, words).await?;
        // One statement sees one state; for more than one the slower way holds it.
        if wanted.images.len() > ROWS {
            return Ok(None);
        }
        let (change, items) = if wanted.images.is_empty() {
            (current_change(&mut connection).await?, Vec::new())
        } else {
            match read_images(&mut connection, &listing, &wanted.images).await? {
                // An image that is gone: the list is behind.
                (None, _) => return Ok(None),
                (Some(change), items) => (change, items),
            }
        };
        let current = listing.change() == Some(change);
        Ok(current.then(|| wanted.page_of(items, query)))
    }

    /// One image with its numbers, by its id with or without dashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn image_risk(&self, uuid: &str) -> Result<Option<ImageRisk>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut one = QueryBuilder::new(COLUMNS);
        one.push(TABLES).push("i.uuid = ").push_bind(dashed(uuid));
        let row =
            one.build().fetch_optional(&mut snapshot).await.doing("reading an image's numbers")?;
        let Some(row) = row else { return Ok(None) };
        let image = ImageRow::from_row(&row)?;
        let registry = statement::query("SELECT * FROM registries WHERE id = $1")
            .bind(image.registry_id)
            .fetch_one(&mut snapshot)
            .await
            .doing("reading an image's registry")?;
        let registry = Arc::new(Registry::from_row(&registry)?);
        ImageRisk::from_row(&row, image, registry).map(Some)
    }
}

/// Which images stand on a page.
struct Wanted {
    images: Vec<i64>,
    total: u64,
}

impl Wanted {
    fn page_of(&self, items: Vec<ImageRisk>, query: &ImageRiskQuery) -> Page<ImageRisk> {
        Page { items, total: self.total, page: query.page.max(1), page_size: query.page_size }
    }
}

/// Finds a page in the list. A selection that is not remembered takes milliseconds of computing with many images, which
/// must not keep other requests from being read.
async fn select(
    listing: OwnedRwLockReadGuard<Listing>,
    query: &ImageRiskQuery,
    words: Vec<Word>,
) -> Result<(OwnedRwLockReadGuard<Listing>, Wanted), StoreError> {
    let before = u64::from(query.page.max(1) - 1).saturating_mul(u64::from(query.page_size));
    let size = usize::try_from(query.page_size).unwrap_or(usize::MAX);
    let find = move |listing: &Listing, query: &ImageRiskQuery| {
        let selection = listing.select(query, &words);
        Wanted { images: listing.page(&selection, before, size), total: selection.total }
    };
    if listing.selects_at_once(query) {
        let wanted = find(&listing, query);
        return Ok((listing, wanted));
    }
    let query = query.clone();
    let found = tokio::task::spawn_blocking(move || {
        let wanted = find(&listing, &query);
        (listing, wanted)
    });
    found.await.map_err(|source| StoreError::Database {
        doing: "listing images",
        source: Box::new(source),
        transient: false,
    })
}

/// Some images in the order that they are asked for, with the number of the last change; without it if one of them is gone.
async fn read_images(
    connection: &mut DatabaseConnection,
    listing: &Listing,
    images: &[i64],
) -> Result<(Option<i64>, Vec<ImageRisk>), StoreError> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push(", i.id AS image_number, (SELECT MAX(number) FROM list_changes) AS change");
    sql.push(TABLES);
    push_in(&mut sql, "i.id", images);
    let rows = sql.build().fetch_all(connection).await.doing("listing images")?;
    let mut by_id = BTreeMap::new();
    let mut change = None;
    for row in &rows {
        change = column::optional_number(row, "change")?;
        let image = ImageRow::from_row(row)?;
        // A registry that the list does not know yet: it is behind.
        let Some(registry) = listing.registry(image.registry_id) else {
            return Ok((None, Vec::new()));
        };
        let id: i64 = column::number(row, "image_number")?;
        by_id.insert(id, ImageRisk::from_row(row, image, registry)?);
    }
    let items: Vec<ImageRisk> = images.iter().filter_map(|id| by_id.remove(id)).collect();
    Ok((change.filter(|_| items.len() == images.len()), items))
}

impl ImageRisk {
    /// Reads the columns of [`COLUMNS`].
    pub(crate) fn from_row(
        row: &DatabaseRow,
        image: ImageRow,
        registry: Arc<Registry>,
    ) -> Result<Self, StoreError> {
        let artifact = Artifact::from_row(row)?;
        Ok(Self {
            image,
            registry,
            platform: artifact.platform,
            counters: artifact.counters,
            verdict: artifact.verdict,
            scanned: artifact.scanned,
            policy: kept_verdict(row)?,
            task: artifact.task,
        })
    }
}
