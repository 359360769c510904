//! Which images have it: a finding by any of its names, or a package.
//!
//! In: a name, and which part of the list is wanted. Out: one page of images and how many there are. Odd:
//! * The way is names, parts, inventories, artifacts, images. Up to inventories it is sets of numbers, from which the total
//!   follows; images are read for the page alone, from the end of the way that is shorter: those of the inventories, put in
//!   order, or all of them in order until the page is full.
//! * An image stands where its most urgent finding of that name stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Affected, ImageRow, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    inventory_rows::{self, ImageCounts},
    inventory_set::InventorySet,
    statement::{self, QueryBuilder},
};

/// Which part of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AffectedQuery {
    /// Only images that run in a cluster.
    pub running: bool,
    /// Only images of the registry of this name.
    pub registry: Option<String>,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Images of a page.
    pub page_size: u32,
}

impl Default for AffectedQuery {
    /// The first page of 100, without filters.
    fn default() -> Self {
        Self { running: false, registry: None, page: 1, page_size: 100 }
    }
}

/// How a package is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PackageName {
    /// By its name, in any ecosystem.
    Name(String),
    /// By its package URL; without version, or without qualifiers, all that only have those besides.
    Purl(String),
}

/// One page of images.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AffectedPage<T> {
    /// What the page's images have, image by image.
    pub items: Vec<T>,
    /// Images in all.
    pub images: u64,
    /// Number of this page, from 1.
    pub page: u32,
    /// Images of a full page.
    pub page_size: u32,
}

/// A package that an image has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// The package's URL.
    pub purl: String,
}

/// Rows of one statement.
const ROWS: usize = 500;
/// Up to so many images are put in order rather than looked for.
const FEW: u64 = 1_000;
const DOING: &str = "listing affected images";

/// How urgent: smaller first.
type Rank = (u8, i64);
/// Where an image stands among those of one rank: registry, namespace, repository, tag.
type Place = (String, String, String, String);

/// An image in the list, by what it is listed with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    rank: Rank,
    place: Place,
    image: i64,
    /// `None`: its report is kept whole.
    inventory: Option<i64>,
}

/// A row of the database that speaks of a part or of an image, and its rank.
struct Hit {
    rank: Rank,
    /// Number of a part, or of an image.
    of: i64,
    row: DatabaseRow,
}

/// Sets of inventories by rank; no inventory stands in two.
struct Ranked(Vec<(Rank, InventorySet)>);

impl Store {
    /// The images that have a finding with this id, alias or advisory; most urgent first, then by registry, namespace,
    /// repository, tag and subject; at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_affected(
        &self,
        name: &str,
        limit: u32,
    ) -> Result<Vec<Affected>, StoreError> {
        let query = AffectedQuery { page_size: limit, ..AffectedQuery::default() };
        let mut items = self.affected(name, &query).await?.items;
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(items)
    }

    /// One page of the images that have a finding with this id, alias or advisory; most urgent first, then by registry,
    /// namespace, repository and tag.
    ///
    /// # Errors
    /// The database fails.
    pub async fn affected(
        &self,
        name: &str,
        query: &AffectedQuery,
    ) -> Result<AffectedPage<Affected>, StoreError> {
        let name = column::searchable(name.trim()).to_ascii_uppercase();
        // Names, inventories and images are of one moment.
        let mut snapshot = self.snapshot().await?;
        let rows = statement::query(
            // `parts` in a join would let PostgreSQL look findings up by their part alone, of which a kernel has thousands.
            "SELECT n.part_id AS of_id, f.kind, f.finding_id, f.record, \
             COALESCE(f.subject, (SELECT p.purl FROM parts p WHERE p.id = n.part_id)) AS subject, f.level, \
             f.priority, f.tenths, f.fix_version, f.title FROM part_names n \
             JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
             WHERE n.name = $1 ORDER BY subject, n.part_id, n.number",
        )
        .bind(&name)
        .fetch_all(&mut snapshot)
        .await
        .doing(DOING)?;
        let hits = Hit::all(rows)?;
        let rows = statement::query(
            "SELECT i.id AS of_id, i.namespace, i.repository, i.tag, r.name AS registry, f.kind, f.finding_id, f.record, \
             f.subject, f.level, f.priority, f.tenths, f.fix_version, f.title FROM finding_names n \
             JOIN findings f ON f.artifact_id = n.artifact_id AND f.number = n.number \
             JOIN images i ON i.artifact_id = n.artifact_id JOIN registries r ON r.id = i.registry_id \
             WHERE n.name = $1 ORDER BY f.subject, f.number",
        )
        .bind(&name)
        .fetch_all(&mut snapshot)
        .await
        .doing(DOING)?;
        let whole = Hit::all(rows)?;
        let page = list(&mut snapshot, &hits, &whole, query).await?;
        let images = images(&mut snapshot, &page.listed).await?;
        let mut items = Vec::new();
        for (listed, hit) in page.entries(&hits, &whole) {
            if let Some((image, registry)) = images.get(&listed.image) {
                items.push(Affected::from_row(&hit.row, image.clone(), registry.clone())?);
            }
        }
        Ok(page.of(items, query))
    }

    /// One page of the images that have a package; by registry, namespace, repository and tag.
    ///
    /// # Errors
    /// The database fails.
    pub async fn holders(
        &self,
        package: &PackageName,
        query: &AffectedQuery,
    ) -> Result<AffectedPage<Holding>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut sql = QueryBuilder::new(
            "SELECT p.id AS of_id, p.purl AS subject, NULL AS priority, NULL AS tenths FROM parts p WHERE ",
        );
        match package {
            PackageName::Name(name) => {
                sql.push("p.name = ").push_bind(name.trim().to_owned());
            }
            PackageName::Purl(purl) => push_purl(&mut sql, column::searchable(purl.trim())),
        }
        sql.push(" ORDER BY p.purl, p.id");
        let rows = sql.build().fetch_all(&mut snapshot).await.doing(DOING)?;
        let hits = Hit::all(rows)?;
        let page = list(&mut snapshot, &hits, &[], query).await?;
        let images = images(&mut snapshot, &page.listed).await?;
        let mut items: Vec<Holding> = Vec::new();
        for (listed, hit) in page.entries(&hits, &[]) {
            if let Some((image, registry)) = images.get(&listed.image) {
                let purl = column::text(&hit.row, "subject")?;
                items.push(Holding { image: image.clone(), registry: registry.clone(), purl });
            }
        }
        // Packages that differ in what is no part of their URL are one here.
        items.dedup();
        Ok(page.of(items, query))
    }
}

/// The package URL itself and those that only have a version or qualifiers besides.
fn push_purl(sql: &mut QueryBuilder, purl: &str) {
    sql.push("(p.purl = ").push_bind(purl.to_owned());
    for (mark, behind) in [('@', 'A'), ('?', '@'), ('#', '$')] {
        sql.push(" OR (p.purl >= ").push_bind(format!("{purl}{mark}"));
        sql.push(" AND p.purl < ").push_bind(format!("{purl}{behind}")).push(")");
    }
    sql.push(")");
}

impl Hit {
    fn all(rows: Vec<DatabaseRow>) -> Result<Vec<Self>, StoreError> {
        rows.into_iter()
            .map(|row| {
                let priority: Option<String> = column::get(&row, "priority")?;
                let tenths: Option<i64> = column::get(&row, "tenths")?;
                let tier = match priority.as_deref() {
                    Some("asap") => 0,
                    Some("later") => 1,
                    Some("nntf") => 2,
                    _ => 3,
                };
                let rank = (tier, -tenths.unwrap_or_default());
                Ok(Self { rank, of: column::number(&row, "of_id")?, row })
            })
            .collect()
    }
}

/// A page by the numbers of its images.
struct Found {
    listed: Vec<Listed>,
    total: u64,
    sets: BTreeMap<i64, InventorySet>,
}

impl Found {
    /// The page's images with what they have, most urgent first.
    fn entries<'a>(&'a self, hits: &'a [Hit], whole: &'a [Hit]) -> Vec<(&'a Listed, &'a Hit)> {
        let mut entries = Vec::new();
        for listed in &self.listed {
            let mut own: Vec<&Hit> = match listed.inventory {
                None => whole.iter().filter(|hit| hit.of == listed.image).collect(),
                Some(inventory) => hits
                    .iter()
                    .filter(|hit| self.sets.get(&hit.of).is_some_and(|set| set.contains(inventory)))
                    .collect(),
            };
            own.sort_by_key(|hit| hit.rank);
            entries.extend(own.into_iter().map(|hit| (listed, hit)));
        }
        entries
    }

    fn of<T>(&self, items: Vec<T>, query: &AffectedQuery) -> AffectedPage<T> {
        let (page, page_size) = (query.page.max(1), query.page_size);
        AffectedPage { items, images: self.total, page, page_size }
    }
}

async fn list(
    connection: &mut DatabaseConnection,
    hits: &[Hit],
    whole: &[Hit],
    query: &AffectedQuery,
) -> Result<Found, StoreError> {
    let parts: BTreeSet<i64> = hits.iter().map(|hit| hit.of).collect();
    let parts: Vec<i64> = parts.into_iter().collect();
    let sets = inventory_rows::blocks_of(connection, &parts, None).await?;
    let ranked = Ranked::of(hits, &sets);
    let size = u64::from(query.page_size);
    let skip = u64::from(query.page.max(1) - 1).saturating_mul(size);
    let is_filtered = query.running || query.registry.is_some();
    if whole.is_empty() && !is_filtered {
        let (listed, total) = ranked.page(connection, skip, size).await?;
        return Ok(Found { listed, total, sets });
    }
    let mut listed = if is_filtered {
        filtered(connection, query, &ranked).await?
    } else {
        let mut all = Vec::new();
        for (rank, set) in &ranked.0 {
            all.extend(images_of(connection, *rank, set).await?);
        }
        all
    };
    listed.extend(listed_whole(connection, whole, query, is_filtered).await?);
    listed.sort();
    let total = u64::try_from(listed.len()).unwrap_or(u64::MAX);
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let listed = listed.into_iter().skip(skip).take(size).collect();
    Ok(Found { listed, total, sets })
}

impl Ranked {
    fn of(hits: &[Hit], sets: &BTreeMap<i64, InventorySet>) -> Self {
        let mut by_rank: BTreeMap<Rank, InventorySet> = BTreeMap::new();
        for hit in hits {
            if let Some(set) = sets.get(&hit.of) {
                by_rank.entry(hit.rank).or_default().unite(set);
            }
        }
        let mut seen = InventorySet::default();
        let mut ranked = Vec::new();
        for (rank, mut set) in by_rank {
            set.subtract(&seen);
            seen.unite(&set);
            if !set.is_empty() {
                ranked.push((rank, set));
            }
        }
        Self(ranked)
    }

    fn rank_of(&self, inventory: i64) -> Option<Rank> {
        self.0.iter().find(|(_, set)| set.contains(inventory)).map(|(rank, _)| *rank)
    }

    /// One page and the total, without filters.
    async fn page(
        &self,
        connection: &mut DatabaseConnection,
        mut skip: u64,
        size: u64,
    ) -> Result<(Vec<Listed>, u64), StoreError> {
        let counts = ImageCounts::read(connection).await?;
        let (mut listed, mut total) = (Vec::new(), 0_u64);
        for (rank, set) in &self.0 {
            let images = counts.sum(set);
            total += images;
            let have = u64::try_from(listed.len()).unwrap_or(u64::MAX);
            let need = size.saturating_sub(have);
            if need == 0 || skip >= images {
                skip = skip.saturating_sub(images);
                continue;
            }
            // Reading in order meets one of `images` among `all` each time.
            let in_order = skip.saturating_add(need).saturating_mul(counts.all()) / images.max(1);
            if images <= FEW || in_order > images {
                let mut all = images_of(connection, *rank, set).await?;
                all.sort();
                let from = usize::try_from(skip).unwrap_or(usize::MAX);
                let count = usize::try_from(need).unwrap_or(usize::MAX);
                listed.extend(all.into_iter().skip(from).take(count));
            } else {
                listed.extend(in_order_of(connection, *rank, set, skip, need).await?);
            }
            skip = 0;
        }
        Ok((listed, total))
    }
}

const COLUMNS: &str =
    "SELECT i.id, a.inventory_id, r.name AS registry, i.namespace, i.repository, i.tag FROM ";

impl Listed {
    fn from_row(row: &DatabaseRow, rank: Rank, registry: String) -> Result<Self, StoreError> {
        let place = (
            registry,
            column::text(row, "namespace")?,
            column::text(row, "repository")?,
            column::text(row, "tag")?,
        );
        let inventory = column::get(row, "inventory_id")?;
        Ok(Self { rank, place, image: column::number(row, "id")?, inventory })
    }
}

/// All images of these inventories.
async fn images_of(
    connection: &mut DatabaseConnection,
    rank: Rank,
    set: &InventorySet,
) -> Result<Vec<Listed>, StoreError> {
    let inventories: Vec<i64> = set.iter().collect();
    let mut listed = Vec::new();
    for chunk in inventories.chunks(ROWS) {
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(
            "artifacts a JOIN images i ON i.artifact_id = a.id JOIN registries r ON r.id = i.registry_id \
             WHERE a.inventory_id IN (",
        );
        let mut numbers = query.separated(", ");
        for inventory in chunk {
            numbers.push_bind(*inventory);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            listed.push(Listed::from_row(row, rank, column::text(row, "registry")?)?);
        }
    }
    Ok(listed)
}

/// The images of these inventories with their registries' names, in their order; at most `limit`.
pub(crate) async fn images_in(
    connection: &mut DatabaseConnection,
    set: &InventorySet,
    limit: u32,
) -> Result<Vec<(ImageRow, String)>, StoreError> {
    let mut listed = images_of(connection, (0, 0), set).await?;
    listed.sort();
    listed.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut found = images(connection, &listed).await?;
    Ok(listed.iter().filter_map(|one| found.remove(&one.image)).collect())
}

/// The images of these inventories in their order: `need` of them behind the first `skip`.
async fn in_order_of(
    connection: &mut DatabaseConnection,
    rank: Rank,
    set: &InventorySet,
    mut skip: u64,
    need: u64,
) -> Result<Vec<Listed>, StoreError> {
    let need = usize::try_from(need).unwrap_or(usize::MAX);
    let registries = statement::query("SELECT id, name FROM registries ORDER BY name")
        .fetch_all(&mut *connection)
        .await
        .doing(DOING)?;
    let mut listed = Vec::new();
    for registry in &registries {
        let number: i64 = column::number(registry, "id")?;
        let name = column::text(registry, "name")?;
        let mut behind = (String::new(), String::new(), String::new());
        loop {
            // A number and no value: how many rows are wanted decides how PostgreSQL looks for them.
            let rows = statement::query(
                "SELECT i.id, a.inventory_id, i.namespace, i.repository, i.tag FROM images i \
                 JOIN artifacts a ON a.id = i.artifact_id WHERE i.registry_id = $1 \
                 AND (i.namespace, i.repository, i.tag) > ($2, $3, $4) \
                 ORDER BY i.namespace, i.repository, i.tag LIMIT 1000",
            )
            .bind(number)
            .bind(&behind.0)
            .bind(&behind.1)
            .bind(&behind.2)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
            for row in &rows {
                let inventory: Option<i64> = column::get(row, "inventory_id")?;
                if !inventory.is_some_and(|inventory| set.contains(inventory)) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                listed.push(Listed::from_row(row, rank, name.clone())?);
                if listed.len() == need {
                    return Ok(listed);
                }
            }
            let Some(last) = rows.last() else { break };
            behind = (
                column::text(last, "namespace")?,
                column::text(last, "repository")?,
                column::text(last, "tag")?,
            );
        }
    }
    Ok(listed)
}

/// Adds what keeps of the images `i` and registries `r` those that are meant.
pub(crate) fn push_filters(sql: &mut QueryBuilder, query: &AffectedQuery) {
    if let Some(registry) = &query.registry {
        sql.push(" AND r.name = ").push_bind(registry.clone());
    }
    if query.running {
        sql.push(" AND i.id IN (");
        for column in ["digest", "manifest_digest", "image_id"] {
            sql.push("SELECT x.id FROM workloads w JOIN images x ON x.").push(column);
            sql.push(" = w.digest WHERE w.digest <> '' UNION ");
        }
        sql.push(
            "SELECT x.id FROM workloads w JOIN images x ON x.reference = w.reference \
             JOIN registries y ON y.id = x.registry_id AND y.authority = w.authority WHERE w.digest = '')",
        );
    }
}

/// The images of these inventories that the filters let pass.
async fn filtered(
    connection: &mut DatabaseConnection,
    query: &AffectedQuery,
    ranked: &Ranked,
) -> Result<Vec<Listed>, StoreError> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push(
        "images i JOIN artifacts a ON a.id = i.artifact_id JOIN registries r ON r.id = i.registry_id \
         WHERE a.inventory_id IS NOT NULL",
    );
    push_filters(&mut sql, query);
    let rows = sql.build().fetch_all(connection).await.doing(DOING)?;
    let mut listed = Vec::new();
    for row in &rows {
        let inventory: i64 = column::number(row, "inventory_id")?;
        if let Some(rank) = ranked.rank_of(inventory) {
            listed.push(Listed::from_row(row, rank, column::text(row, "registry")?)?);
        }
    }
    Ok(listed)
}

/// Images whose report is kept whole, each at its most urgent finding.
async fn listed_whole(
    connection: &mut DatabaseConnection,
    whole: &[Hit],
    query: &AffectedQuery,
    is_filtered: bool,
) -> Result<Vec<Listed>, StoreError> {
    let mut pass = None;
    if is_filtered {
        let mut sql = QueryBuilder::new(
            "SELECT i.id FROM images i JOIN registries r ON r.id = i.registry_id WHERE 1 = 1",
        );
        push_filters(&mut sql, query);
        let rows = sql.build().fetch_all(connection).await.doing(DOING)?;
        let ids = rows.iter().map(|row| column::number(row, "id"));
        pass = Some(ids.collect::<Result<BTreeSet<i64>, StoreError>>()?);
    }
    let mut listed: BTreeMap<i64, Listed> = BTreeMap::new();
    for hit in whole {
        if pass.as_ref().is_some_and(|pass| !pass.contains(&hit.of)) {
            continue;
        }
        let place = (
            column::text(&hit.row, "registry")?,
            column::text(&hit.row, "namespace")?,
            column::text(&hit.row, "repository")?,
            column::text(&hit.row, "tag")?,
        );
        let one = Listed { rank: hit.rank, place, image: hit.of, inventory: None };
        let known = listed.entry(hit.of).or_insert_with(|| one.clone());
        if one < *known {
            *known = one;
        }
    }
    Ok(listed.into_values().collect())
}

/// The page's images with their registries' names.
async fn images(
    connection: &mut DatabaseConnection,
    listed: &[Listed],
) -> Result<BTreeMap<i64, (ImageRow, String)>, StoreError> {
    let mut images = BTreeMap::new();
    for chunk in listed.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT i.*, r.name AS registry FROM images i JOIN registries r ON r.id = i.registry_id WHERE i.id IN (",
        );
        let mut numbers = query.separated(", ");
        for one in chunk {
            numbers.push_bind(one.image);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let image = ImageRow::from_row(row)?;
            images.insert(column::number(row, "id")?, (image, column::text(row, "registry")?));
        }
    }
    Ok(images)
}
