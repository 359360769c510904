//! Making the list in memory, and bringing it up to date.
//!
//! In: a connection whose statements see one state of the database. Out: a [`Listing`] of that state. Odd: with many changes
//! a new list is quicker than a followed one, and so is one after changes that were forgotten because nobody asked for long.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use plimsoll_model::Digest;

use super::{
    Entry, Kind, Listing, RegistryPlace, compare_paths, filter::Word, names::Names, order::Order,
};
use crate::{
    ImageRiskQuery, Registry, Store, StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    images::{dashed, join_path},
    own_counters::{own_counters, own_counters_join},
    statement::{self, Bind, QueryBuilder},
    verdicts::kept_verdict,
};

const DOING: &str = "reading the list of images";

/// Images of one statement.
const ROWS: usize = 500;
/// Images of one statement when all are read.
const MANY_ROWS: i64 = 20_000;
/// With more changes than this and a tenth of all images, the list is made anew.
const MOST_CHANGES: usize = 5_000;
/// How many words of a free text are looked at.
const MOST_WORDS: usize = 16;
/// Hex digits that a word needs to be looked for in ids and digests.
const FEWEST_DIGITS: usize = 4;
/// What a digest begins with.
const ALGORITHM: &str = "sha256:";

const IMAGES: &str = concat!(
    "SELECT i.id, i.registry_id, i.namespace, i.repository, i.tag, i.manifest_digest, i.updated, a.scanned, \
     v.verdict AS policy_verdict, ",
    own_counters!(),
    " FROM images i JOIN artifacts a ON a.id = i.artifact_id LEFT JOIN image_verdicts v ON v.image_id = i.id",
    own_counters_join!(),
    " WHERE "
);

/// How images meet the containers that run them; `i` is `images`, `w` is `workloads`.
pub(crate) const MEETINGS: [&str; 4] = [
    "i.digest = w.digest WHERE w.digest <> ''",
    "i.manifest_digest = w.digest WHERE w.digest <> ''",
    "i.image_id = w.digest WHERE w.digest <> ''",
    "i.reference = w.reference JOIN registries r ON r.id = i.registry_id AND r.authority = w.authority \
     WHERE w.digest = ''",
];

/// Number of the last change of anything that the list is made of.
pub(crate) async fn current_change(connection: &mut DatabaseConnection) -> Result<i64, StoreError> {
    let row = statement::query("SELECT COALESCE(MAX(number), 0) AS number FROM list_changes")
        .fetch_one(connection)
        .await
        .doing(DOING)?;
    column::number(&row, "number")
}

/// The words of a query's free text, each with the images whose digests or id begin with it.
pub(crate) async fn ids_of_words(
    connection: &mut DatabaseConnection,
    query: &ImageRiskQuery,
) -> Result<Vec<Word>, StoreError> {
    let mut words = Vec::new();
    for text in query.text.iter().flat_map(|text| text.split_whitespace()).take(MOST_WORDS) {
        let text = text.to_ascii_lowercase();
        let images = images_named(connection, &text).await?;
        words.push(Word { begins_every_digest: text == ALGORITHM, images, text });
    }
    Ok(words)
}

/// Images whose digests or id begin with a word; none where the word cannot begin one.
async fn images_named(
    connection: &mut DatabaseConnection,
    word: &str,
) -> Result<Vec<i64>, StoreError> {
    let hex = word.strip_prefix(ALGORITHM).unwrap_or(word);
    let digits = hex.chars().filter(char::is_ascii_hexdigit).count();
    let is_id = hex.len() <= 64 && hex.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if !is_id || digits < FEWEST_DIGITS {
        return Ok(Vec::new());
    }
    // Behind every digit and the dash: what begins with the word stands before this.
    let digest = (format!("{ALGORITHM}{hex}"), format!("{ALGORITHM}{hex}g"));
    let uuid = dashed(hex);
    let rows = statement::query(
        "SELECT id FROM images WHERE digest >= $1 AND digest < $2 \
         UNION SELECT id FROM images WHERE manifest_digest >= $1 AND manifest_digest < $2 \
         UNION SELECT id FROM images WHERE image_id >= $1 AND image_id < $2 \
         UNION SELECT id FROM images WHERE uuid >= $3 AND uuid < $4",
    )
    .bind(digest.0)
    .bind(digest.1)
    .bind(&uuid)
    .bind(format!("{uuid}g"))
    .fetch_all(connection)
    .await
    .doing("looking for an image's id")?;
    rows.iter().map(|row| column::number(row, "id")).collect()
}

impl Store {
    /// Forgets all but the last `kept` changes of what lists are made of; a process that was further behind makes its list
    /// anew. Returns how many were forgotten.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_list_changes(&self, kept: u32) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting changes";
        let last = current_change(&mut *self.read().await?).await?;
        // The last one stays: its number says how far everybody is.
        let before = last.saturating_sub(i64::from(kept));
        let row =
            statement::query("SELECT COUNT(*) AS number FROM list_changes WHERE number <= $1")
                .bind(before.min(last - 1))
                .fetch_one(&mut *self.read().await?)
                .await
                .doing(DOING)?;
        if column::number::<i64>(&row, "number")? == 0 {
            return Ok(0);
        }
        let mut transaction = self.write().await?;
        let done = statement::query("DELETE FROM list_changes WHERE number <= $1")
            .bind(before.min(last - 1))
            .execute(&mut transaction)
            .await
            .doing(DOING)?;
        transaction.commit().await.doing(DOING)?;
        Ok(done.rows_affected())
    }
}

impl Listing {
    /// Brings the list to the state that the connection sees.
    pub(crate) async fn follow(
        &mut self,
        connection: &mut DatabaseConnection,
    ) -> Result<(), StoreError> {
        let current = current_change(connection).await?;
        if self.change == Some(current) {
            return Ok(());
        }
        let followed = match self.change {
            Some(change) => self.try_follow(connection, change, current).await?,
            None => false,
        };
        if !followed {
            *self = Self::load(connection).await?;
        }
        self.change = Some(current);
        self.forget_derived();
        Ok(())
    }

    /// Applies the changes since the last look; `false` where a new list has to be made.
    async fn try_follow(
        &mut self,
        connection: &mut DatabaseConnection,
        change: i64,
        current: i64,
    ) -> Result<bool, StoreError> {
        let most = MOST_CHANGES.max(self.order.len() / 10);
        let names = self.paths.len() + self.tags.len() + self.kinds.kinds.len();
        let rows = statement::query(
            "SELECT number, image_id, cluster_id FROM list_changes WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(change)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&mut *connection)
        .await
        .doing(DOING)?;
        let complete = i64::try_from(rows.len()).is_ok_and(|rows| change + rows == current);
        // Names that no image bears any more stay until the list is made anew.
        if !complete || names > 4 * self.order.len() + 10_000 {
            return Ok(false);
        }
        let (mut images, mut clusters, mut registries) = (BTreeSet::new(), BTreeSet::new(), false);
        for row in &rows {
            let image: Option<i64> = column::optional_number(row, "image_id")?;
            let cluster: Option<String> = column::get(row, "cluster_id")?;
            images.extend(image);
            registries |= image.is_none() && cluster.is_none();
            clusters.extend(cluster);
        }
        if registries && !self.follow_registries(connection).await? {
            return Ok(false);
        }
        let images: Vec<i64> = images.into_iter().collect();
        for part in images.chunks(ROWS) {
            self.follow_images(connection, part).await?;
        }
        for cluster in clusters {
            self.follow_cluster(connection, &cluster).await?;
        }
        Ok(true)
    }

    async fn load(connection: &mut DatabaseConnection) -> Result<Self, StoreError> {
        let mut listing = Self::default();
        listing.follow_registries(connection).await?;
        let mut after = i64::MIN;
        loop {
            let mut sql = QueryBuilder::new(IMAGES);
            sql.push("i.id > ").push_bind(after).push(" ORDER BY i.id LIMIT ").push_bind(MANY_ROWS);
            let rows = sql.build().fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                let Some(entry) = listing.read(row)? else { continue };
                after = entry.id;
                let Ok(slot) = u32::try_from(listing.entries.len()) else { continue };
                listing.slots.insert(entry.id, slot);
                let hub = listing.registries.on_docker_hub(entry.registry);
                listing.kinds.add(entry.kind, hub);
                listing.entries.push(entry);
            }
            if rows.is_empty() {
                break;
            }
        }
        listing.order = listing.sorted();
        for row in &meetings::<i64>(connection, "", &[]).await? {
            listing.note_run(row)?;
        }
        Ok(listing)
    }

    /// All entries in order, compared by places of numbers and names that were sorted before.
    fn sorted(&self) -> Order {
        let kinds = places(self.kinds.kinds.len(), |one, other| self.kinds.compare(one, other));
        let paths = places(self.paths.len(), |one, other| compare_paths(&self.paths, one, other));
        let place = |places: &[u32], number: u32| places.get(number as usize).copied();
        let mut slots: Vec<(Option<u32>, Option<u32>, u32)> = (0_u32..)
            .zip(&self.entries)
            .map(|(slot, entry)| (place(&kinds, entry.kind), place(&paths, entry.path), slot))
            .collect();
        slots.sort_unstable_by(|one, other| {
            (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| {
                match (self.entry(one.2), self.entry(other.2)) {
                    (Some(one), Some(other)) => self.compare_names(one, other),
                    (one, other) => one.is_some().cmp(&other.is_some()),
                }
            })
        });
        Order::of_sorted(
            slots.into_iter().filter_map(|(_, _, slot)| Some(self.row(self.entry(slot)?, slot))),
        )
    }

    /// Reads registries again; `false` where the whole list has to be read for it.
    async fn follow_registries(
        &mut self,
        connection: &mut DatabaseConnection,
    ) -> Result<bool, StoreError> {
        let rows = statement::query("SELECT * FROM registries")
            .fetch_all(&mut *connection)
            .await
            .doing("listing registries")?;
        let mut by_id = BTreeMap::new();
        for row in &rows {
            let registry = Registry::from_row(row)?;
            let place = RegistryPlace {
                authority: registry.settings.authority().to_ascii_lowercase(),
                name: registry.settings.name.to_ascii_lowercase(),
                docker_hub: registry.settings.is_docker_hub(),
                row: Arc::new(registry),
            };
            let id = place.row.id;
            let known = self.registries.by_id.get(&id).copied();
            let places = &mut self.registries.places;
            let number =
                match known.and_then(|number| Some((number, places.get_mut(number as usize)?))) {
                    // What containers without a digest run depends on it, and the sums over Docker Hub.
                    Some((_, old)) if old.authority != place.authority => return Ok(false),
                    Some((number, old)) => {
                        *old = place;
                        number
                    }
                    None => {
                        let Ok(number) = u32::try_from(places.len()) else { return Ok(false) };
                        places.push(place);
                        number
                    }
                };
            by_id.insert(id, number);
        }
        self.registries.by_id = by_id;
        Ok(true)
    }

    async fn follow_images(
        &mut self,
        connection: &mut DatabaseConnection,
        images: &[i64],
    ) -> Result<(), StoreError> {
        let mut sql = QueryBuilder::new(IMAGES);
        push_in(&mut sql, "i.id", images);
        let rows = sql.build().fetch_all(&mut *connection).await.doing(DOING)?;
        for image in images {
            self.take(*image);
            self.runs.remove(image);
        }
        for row in &rows {
            if let Some(entry) = self.read(row)? {
                self.put(entry);
            }
        }
        for row in &meetings(connection, "i.id", images).await? {
            self.note_run(row)?;
        }
        Ok(())
    }

    async fn follow_cluster(
        &mut self,
        connection: &mut DatabaseConnection,
        cluster: &str,
    ) -> Result<(), StoreError> {
        let numbered = (0_u32..).zip(&self.places.places);
        let gone: BTreeSet<u32> =
            numbered.filter(|(_, place)| place.0 == cluster).map(|(number, _)| number).collect();
        self.runs.retain(|_, there| {
            there.retain(|number| !gone.contains(number));
            !there.is_empty()
        });
        for row in &meetings(connection, "w.cluster_id", &[cluster.to_owned()]).await? {
            self.note_run(row)?;
        }
        Ok(())
    }

    fn note_run(&mut self, row: &DatabaseRow) -> Result<(), StoreError> {
        let text = |name| column::text(row, name);
        let place = (text("cluster_id")?, text("namespace")?, text("app")?);
        if let Some(number) = self.places.number(place) {
            self.runs.entry(column::number(row, "id")?).or_default().insert(number);
        }
        Ok(())
    }

    /// An image of a row of [`IMAGES`]; `None` only where there are four thousand million names.
    fn read(&mut self, row: &DatabaseRow) -> Result<Option<Entry>, StoreError> {
        let registry_id: i64 = column::number(row, "registry_id")?;
        let Some(registry) = self.registries.by_id.get(&registry_id).copied() else {
            return Err(StoreError::Corrupt {
                column: "images.registry_id".to_owned(),
                value: registry_id.to_string(),
                expected: "the number of a registry",
            });
        };
        let count = |name| Ok::<u32, StoreError>(column::optional_number(row, name)?.unwrap_or(0));
        let kind = Kind {
            level: match column::optional_time(row, "scanned")? {
                None => -1,
                Some(_) => column::optional_number(row, "risk_level")?.unwrap_or(0),
            },
            counts: [
                count("asap")?,
                count("later")?,
                count("nntf")?,
                count("baseline_high")?,
                count("baseline_medium")?,
                count("baseline_low")?,
            ],
            top_tenths: count("top_tenths")?,
            cve: count("cve")?,
            malicious: count("malicious_serious")?
                .saturating_add(count("malicious_suspicious")?)
                .saturating_add(count("malicious_remind")?),
        };
        let digest: Digest = column::digest(row, "manifest_digest")?;
        let path = join_path(&column::text(row, "namespace")?, &column::text(row, "repository")?);
        let numbers = (
            number_of(&mut self.paths, &path),
            number_of(&mut self.tags, &column::text(row, "tag")?),
            self.kinds.number(kind),
        );
        let (Some(path), Some(tag), Some(kind)) = numbers else { return Ok(None) };
        Ok(Some(Entry {
            id: column::number(row, "id")?,
            updated: column::number(row, "updated")?,
            digest: *digest.as_bytes(),
            registry,
            path,
            tag,
            kind,
            policy: kept_verdict(row)?,
        }))
    }
}

/// The place of each number in their order; those that compare equal have one place.
fn places(count: usize, compare: impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    numbers.sort_unstable_by(|one, other| compare(*one, *other));
    let mut places = vec![0_u32; numbers.len()];
    let mut before: Option<(u32, u32)> = None;
    for number in numbers {
        let place = match before {
            None => 0,
            Some((last, place)) if compare(last, number) == Ordering::Equal => place,
            Some((_, place)) => place + 1,
        };
        before = Some((number, place));
        if let Some(entry) = places.get_mut(number as usize) {
            *entry = place;
        }
    }
    places
}

fn number_of(names: &mut Names, name: &str) -> Option<u32> {
    names.number(name)
}

/// Images and the places where they run, of those whose column is one of the values; all where none is given.
async fn meetings<T>(
    connection: &mut DatabaseConnection,
    column: &'static str,
    values: &[T],
) -> Result<Vec<DatabaseRow>, StoreError>
where
    T: Clone + Send + Bind,
{
    let mut rows = Vec::new();
    for meeting in MEETINGS {
        let mut sql = QueryBuilder::new(
            "SELECT DISTINCT i.id, w.cluster_id, w.namespace, w.app FROM workloads w JOIN images i ON ",
        );
        sql.push(meeting);
        if !values.is_empty() {
            sql.push(" AND ");
            push_in(&mut sql, column, values);
        }
        let some = sql.build().fetch_all(&mut *connection).await;
        rows.extend(some.doing("reading which images run")?);
    }
    Ok(rows)
}

/// `column IN (…)`; of no values, what is never so, for an empty list is no SQL everywhere.
pub(crate) fn push_in<T>(sql: &mut QueryBuilder, column: &'static str, values: &[T])
where
    T: Clone + Send + Bind,
{
    if values.is_empty() {
        sql.push("1 = 0");
        return;
    }
    sql.push(column).push(" IN (");
    let mut separated = sql.separated(", ");
    for value in values {
        separated.push_bind(value.clone());
    }
    sql.push(")");
}
