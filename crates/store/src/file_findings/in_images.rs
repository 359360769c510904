//! Files one by one as images have them, and images with what they have of them.
//!
//! In: [`FilesQuery`]. Out: one page of [`FileInImage`] or of [`ImageWithFiles`], image by image (registry, namespace, repository,
//! tag), and how many there are. Odd: how many an image has is known in memory, so that only the images of the page are read, and of
//! these only the parts in which their files stand.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use plimsoll_model::{Digest, Finding, Kind, Subject, Timestamp};

use super::{
    FileFilter, FileKind, FileLevel, FileState, Found, SLOT_BITS, Wanted, is_everything, slots,
    state::Judgements,
};
use crate::{
    ImageRow, ImageSelection, Page, Store, StoreError, WorkloadPlace, artifacts, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    ignored::kept_record,
    images::dashed,
    inventories::{layers_of, place_in, unpack_json},
    inventory_rows::corrupt,
    listing::push_in,
    parts::{Remainder, stored_findings},
    statement::{self, QueryBuilder},
    tally,
    vulnerabilities::{
        HolderId, OtherEntry, Selected, VulnerabilityIndex, runs_in, selected, selected_of,
    },
};

/// Which part of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilesQuery {
    /// Of which kind.
    pub kind: FileKind,
    /// Of which images.
    pub images: ImageSelection,
    /// Which files.
    pub filter: FileFilter,
    /// In which states; empty: those that images have.
    pub states: BTreeSet<FileState>,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// A file of an image.
#[derive(Clone, PartialEq, Debug)]
pub struct FileInImage {
    /// By which clients call it, the same after every scan.
    pub id: i64,
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Its registry as it stands before references: `host[:port]`.
    pub authority: String,
    /// Region of its registry.
    pub region_id: String,
    /// The manifest that has it: of a file that is gone, what the tag named before.
    pub digest: Digest,
    /// What was found.
    pub finding: Finding,
    /// The layer in which the file lies.
    pub layer: Option<Digest>,
    /// How bad it is.
    pub level: FileLevel,
    /// How it stands here.
    pub state: FileState,
    /// When it was first known of this content of the image: a new scan does not move it.
    pub first_seen: Timestamp,
    /// The image's latest successful scan.
    pub scanned: Timestamp,
    /// Where the image runs, one place of perhaps many.
    pub runs_in: Option<WorkloadPlace>,
}

/// An image and how its files of a filter stand together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageWithFiles {
    /// The image.
    pub image: ImageRow,
    /// Its registry's name.
    pub registry: String,
    /// Region of its registry.
    pub region_id: String,
    /// The highest level of one.
    pub level: FileLevel,
    /// Open if one is; else the best that is said of one.
    pub state: FileState,
    /// How many there are.
    pub files: u64,
    /// When the first of them was known of this content of the image.
    pub first_seen: Timestamp,
    /// The image's latest successful scan.
    pub scanned: Timestamp,
}

/// A file as the index knows it.
#[derive(Clone, Copy)]
struct Known {
    part: i64,
    entry: OtherEntry,
    state: FileState,
    /// Of what the tag named before.
    is_gone: bool,
}

/// An image of the page with what it has.
struct OfImage {
    selected: Selected,
    known: Vec<Known>,
}

const DOING: &str = "listing files of images";
/// Rows of one statement.
const ROWS: usize = 500;
/// With more holders than this, all images are read instead of those that hold one of them.
const FEW: usize = 2_000;

impl FileInImage {
    /// The file's path without a leading slash; of a malicious package its package URL.
    #[must_use]
    pub fn path(&self) -> &str {
        let (Subject::Purl(path) | Subject::Path(path) | Subject::Image(path)) =
            &self.finding.subject;
        path
    }

    /// The file's MD5, where it is known.
    #[must_use]
    pub fn md5(&self) -> Option<&str> {
        self.finding.extra.get("md5").map(String::as_str).filter(|md5| !md5.is_empty())
    }
}

impl Store {
    /// One page of the files of images, one by one: those that count first, then by level, image by image.
    ///
    /// # Errors
    /// The database fails.
    pub async fn files_in_images(
        &self,
        query: &FilesQuery,
    ) -> Result<Page<FileInImage>, StoreError> {
        let (page, size) = (query.page.max(1), u64::from(query.page_size));
        let from = u64::from(page - 1).saturating_mul(size);
        let to = from.saturating_add(size);
        let (index, mut snapshot, images) = self.images_of(query).await?;
        let mut total = 0_u64;
        let mut shown: Vec<OfImage> = Vec::new();
        for mut of_image in images {
            let count = u64::try_from(of_image.known.len()).unwrap_or(u64::MAX);
            let (start, end) = (total, total.saturating_add(count));
            total = end;
            if start < to && end > from {
                let skip = usize::try_from(from.saturating_sub(start)).unwrap_or(usize::MAX);
                let end = usize::try_from(to.min(end) - start).unwrap_or(usize::MAX);
                of_image.known.truncate(end);
                of_image.known.drain(..skip.min(of_image.known.len()));
                shown.push(of_image);
            }
        }
        let items = read(&mut snapshot, &index, query.kind, &query.images, &shown).await?;
        Ok(Page { items, total, page, page_size: query.page_size })
    }

    /// One page of the images that have such files.
    ///
    /// # Errors
    /// The database fails.
    pub async fn images_with_files(
        &self,
        query: &FilesQuery,
    ) -> Result<Page<ImageWithFiles>, StoreError> {
        let all = FilesQuery { states: BTreeSet::new(), ..query.clone() };
        let (_index, mut snapshot, mut images) = self.images_of(&all).await?;
        let state_of = |of_image: &OfImage| {
            of_image.known.iter().map(|known| known.state).min().unwrap_or(FileState::Open)
        };
        if !query.states.is_empty() {
            images.retain(|of_image| query.states.contains(&state_of(of_image)));
        }
        let total = u64::try_from(images.len()).unwrap_or(u64::MAX);
        let page = query.page.max(1);
        let skip = u64::from(page - 1).saturating_mul(u64::from(query.page_size));
        let shown: Vec<OfImage> = images
            .into_iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
            .take(usize::try_from(query.page_size).unwrap_or(usize::MAX))
            .collect();
        let ids: Vec<i64> = shown.iter().map(|of_image| of_image.selected.image).collect();
        let rows = image_rows(&mut snapshot, &ids).await?;
        let mut items = Vec::with_capacity(shown.len());
        for of_image in &shown {
            let Some(row) = rows.get(&of_image.selected.image) else { continue };
            let known = || of_image.known.iter();
            let first = known().map(|known| known.entry.first_seen).min();
            items.push(ImageWithFiles {
                image: ImageRow::from_row(row)?,
                registry: column::text(row, "registry")?,
                region_id: column::text(row, "region_id")?,
                level: known()
                    .map(|known| FileLevel::of(known.entry.level))
                    .max()
                    .unwrap_or(FileLevel::Low),
                state: state_of(of_image),
                files: u64::try_from(of_image.known.len()).unwrap_or(u64::MAX),
                first_seen: first.unwrap_or(Timestamp(0)).max(column::time(row, "first_scanned")?),
                scanned: column::time(row, "scanned")?,
            });
        }
        Ok(Page { items, total, page, page_size: query.page_size })
    }

    /// The files that clients call by these ids, as far as images have them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn files_by_id(
        &self,
        kind: FileKind,
        ids: &[i64],
    ) -> Result<Vec<FileInImage>, StoreError> {
        let (index, mut snapshot) = self.current_vulnerabilities(&BTreeSet::new()).await?;
        let judgements = Judgements::read(&mut snapshot, kind.kind()).await?;
        let mut by_image: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for id in ids.iter().filter(|id| **id >= 0) {
            by_image.entry(id >> SLOT_BITS).or_default().insert(*id);
        }
        let images: Vec<i64> = by_image.keys().copied().collect();
        let mut wanted = Vec::new();
        for chunk in images.chunks(ROWS) {
            let mut sql = QueryBuilder::new(
                "SELECT i.id, COALESCE(a.inventory_id, -a.id) AS holder FROM images i \
                 JOIN artifacts a ON a.id = i.artifact_id WHERE a.scanned IS NOT NULL AND ",
            );
            push_in(&mut sql, "i.id", chunk);
            let rows = sql.build().persistent(false).fetch_all(&mut snapshot).await.doing(DOING)?;
            for row in &rows {
                let selected = Selected {
                    image: column::number(row, "id")?,
                    holder: column::number(row, "holder")?,
                    previous: None,
                };
                let Some(asked) = by_image.get(&selected.image) else { continue };
                let slots = slots(index.others(), kind.kind(), selected.holder);
                let entries = index.others().of_holder(kind.kind(), selected.holder);
                let known = entries
                    .filter(|(_, entry)| {
                        slots
                            .get(&entry.record)
                            .is_some_and(|slot| asked.contains(&id_of(selected.image, *slot)))
                    })
                    .map(|(part, entry)| Known {
                        part,
                        entry,
                        state: judgements.state(selected.image, part, &entry),
                        is_gone: false,
                    })
                    .collect();
                wanted.push(OfImage { selected, known });
            }
        }
        read(&mut snapshot, &index, kind, &ImageSelection::default(), &wanted).await
    }

    /// The images of a query with the files that it lets pass.
    async fn images_of(
        &self,
        query: &FilesQuery,
    ) -> Result<
        (
            tokio::sync::OwnedRwLockReadGuard<VulnerabilityIndex>,
            crate::database::Transaction,
            Vec<OfImage>,
        ),
        StoreError,
    > {
        let kind = query.kind.kind();
        let with_gone = query.states.contains(&FileState::Gone);
        let mut before = BTreeSet::new();
        if with_gone {
            let images = selected(&mut *self.read().await?, &query.images).await?;
            before.extend(images.iter().filter_map(|image| image.previous));
        }
        let (index, mut snapshot) = self.current_vulnerabilities(&before).await?;
        let judgements = Judgements::read(&mut snapshot, kind).await?;
        let wanted = Wanted::new(index.others(), kind, &query.filter);
        let holders = wanted.holders(&index, kind);
        let few = is_everything(&query.images) && !with_gone && holders.len() <= FEW;
        let images =
            selected_of(&mut snapshot, &query.images, few.then_some(holders.as_slice())).await?;
        let mut found = Vec::new();
        for image in images {
            let known = known_of(&index, kind, image, &wanted, &judgements, &query.states);
            if !known.is_empty() {
                found.push(OfImage { selected: image, known });
            }
        }
        Ok((index, snapshot, found))
    }
}

const fn id_of(image: i64, slot: i64) -> i64 {
    (image << SLOT_BITS) | slot
}

/// The files of an image that are wanted, in order.
fn known_of(
    index: &VulnerabilityIndex,
    kind: Kind,
    image: Selected,
    wanted: &Wanted,
    judgements: &Judgements,
    states: &BTreeSet<FileState>,
) -> Vec<Known> {
    let others = index.others();
    let entries = || others.of_holder(kind, image.holder);
    let mut known: Vec<Known> = entries()
        .filter(|(_, entry)| wanted.has(entry))
        .map(|(part, entry)| Known {
            part,
            entry,
            state: judgements.state(image.image, part, &entry),
            is_gone: false,
        })
        .filter(|known| states.is_empty() || states.contains(&known.state))
        .collect();
    if states.contains(&FileState::Gone)
        && let Some(previous) = image.previous.filter(|previous| *previous != image.holder)
    {
        // A file is the same in another layer: what is gone is what nothing of its content has any more.
        let present: BTreeSet<u32> = entries().map(|(_, entry)| entry.group).collect();
        let gone = others
            .of_holder(kind, previous)
            .filter(|(_, entry)| wanted.has(entry) && !present.contains(&entry.group));
        known.extend(gone.map(|(part, entry)| Known {
            part,
            entry,
            state: FileState::Gone,
            is_gone: true,
        }));
    }
    known.sort_by_key(|known| {
        let level = std::cmp::Reverse(known.entry.level);
        (known.state, level, known.part, known.entry.number)
    });
    known
}

/// What is said of images, by their numbers.
async fn image_rows(
    connection: &mut DatabaseConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, DatabaseRow>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(ROWS) {
        let mut sql = QueryBuilder::new(
            "SELECT i.*, r.name AS registry, r.authority, r.region_id, COALESCE(t.succeeded, a.scanned) AS scanned, \
             COALESCE(a.first_scanned, a.scanned) AS first_scanned, p.digest AS previous_digest \
             FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id \
             LEFT JOIN tasks t ON t.artifact_id = a.id LEFT JOIN artifacts p ON p.id = i.previous_artifact_id WHERE ",
        );
        push_in(&mut sql, "i.id", chunk);
        let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        for row in rows {
            found.insert(column::number(&row, "id")?, row);
        }
    }
    Ok(found)
}

/// Reads what is said of these files.
async fn read(
    connection: &mut DatabaseConnection,
    index: &VulnerabilityIndex,
    kind: FileKind,
    selection: &ImageSelection,
    images: &[OfImage],
) -> Result<Vec<FileInImage>, StoreError> {
    let ids: Vec<i64> = images.iter().map(|of_image| of_image.selected.image).collect();
    let rows = image_rows(connection, &ids).await?;
    let mut contents = Contents::default();
    let mut items = Vec::new();
    for of_image in images {
        let image = of_image.selected;
        let Some(row) = rows.get(&image.image) else { continue };
        let runs_in = runs_in(connection, image.image, selection).await?;
        let slots = slots(index.others(), kind.kind(), image.holder);
        for known in &of_image.known {
            let artifact: i64 = if known.is_gone {
                column::number(row, "previous_artifact_id")?
            } else {
                column::number(row, "artifact_id")?
            };
            let Some(mut finding) = contents.finding(connection, kind.kind(), known).await? else {
                continue;
            };
            place_in(&mut finding, contents.layers(connection, artifact).await?);
            let found = Found {
                image: ImageRow::from_row(row)?,
                layer: finding
                    .evidence
                    .iter()
                    .find_map(|evidence| evidence.location.as_ref()?.layer),
                finding,
                scanned: column::time(row, "scanned")?,
                first_scanned: column::time(row, "first_scanned")?,
            };
            let digest = if known.is_gone {
                column::digest(row, "previous_digest")?
            } else {
                found.image.manifest_digest
            };
            let slot = slots.get(&known.entry.record).copied();
            let first_seen = if known.is_gone {
                known.entry.first_seen
            } else {
                known.entry.first_seen.max(found.first_scanned)
            };
            items.push(FileInImage {
                // A file that is gone cannot be called.
                id: slot.map_or(0, |slot| id_of(image.image, slot)),
                image: found.image,
                registry: column::text(row, "registry")?,
                authority: column::text(row, "authority")?,
                region_id: column::text(row, "region_id")?,
                digest,
                finding: found.finding,
                layer: found.layer,
                level: FileLevel::of(known.entry.level),
                state: known.state,
                first_seen,
                scanned: found.scanned,
                runs_in: runs_in.clone(),
            });
        }
    }
    Ok(items)
}

/// What was read, each thing once.
#[derive(Default)]
struct Contents {
    /// By part; an artifact whose report is kept whole stands under the negative of its number.
    findings: HashMap<i64, Vec<Finding>>,
    layers: HashMap<i64, Vec<Digest>>,
}

impl Contents {
    async fn finding(
        &mut self,
        connection: &mut DatabaseConnection,
        kind: Kind,
        known: &Known,
    ) -> Result<Option<Finding>, StoreError> {
        let of_part = match self.findings.entry(known.part) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => place.insert(findings_of(connection, known.part).await?),
        };
        Ok(of_part
            .iter()
            .filter(|finding| finding.kind == kind && finding.is_open())
            .find(|finding| {
                tally::hash_of(kind, &kept_record(&finding.record)) == known.entry.record
            })
            .cloned())
    }

    /// The layers of an artifact from the bottom; empty where its report is kept whole, whose places name them themselves.
    async fn layers(
        &mut self,
        connection: &mut DatabaseConnection,
        artifact: i64,
    ) -> Result<&[Digest], StoreError> {
        let place = match self.layers.entry(artifact) {
            Entry::Occupied(read) => return Ok(read.into_mut()),
            Entry::Vacant(place) => place,
        };
        let row = statement::query(
            "SELECT p.report FROM reports p JOIN artifacts a ON a.id = p.artifact_id \
             WHERE a.id = $1 AND a.inventory_id IS NOT NULL",
        )
        .bind(artifact)
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
        let layers = match row {
            Some(row) => {
                let identity: &[u8] = column::get(&row, "report")?;
                layers_of(identity).ok_or_else(|| corrupt("reports.report", artifact))?
            }
            None => Vec::new(),
        };
        Ok(place.insert(layers))
    }
}

/// The findings of a part, or of an artifact whose report is kept whole.
async fn findings_of(
    connection: &mut DatabaseConnection,
    part: HolderId,
) -> Result<Vec<Finding>, StoreError> {
    if part < 0 {
        let report = artifacts::report(connection, -part).await?;
        return Ok(report.map(|report| report.findings).unwrap_or_default());
    }
    let row = statement::query(
        "SELECT ecosystem IS NOT NULL AS is_package, content, matched FROM parts WHERE id = $1",
    )
    .bind(part)
    .fetch_optional(connection)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(Vec::new()) };
    if column::flag(&row, "is_package")? {
        return stored_findings(part, column::get(&row, "matched")?);
    }
    let content: &[u8] = column::get(&row, "content")?;
    let remainder: Remainder =
        unpack_json(content).map_err(|_error| corrupt("parts.content", part))?;
    Ok(remainder.findings)
}

impl Store {
    /// Which of these images there are, by their ids with dashes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn known_images(&self, uuids: &[String]) -> Result<BTreeSet<String>, StoreError> {
        let wanted: Vec<String> = uuids.iter().map(|uuid| dashed(uuid)).collect();
        let mut known = BTreeSet::new();
        for chunk in wanted.chunks(ROWS) {
            let mut sql = QueryBuilder::new("SELECT uuid FROM images WHERE ");
            push_in(&mut sql, "uuid", chunk);
            let rows = sql
                .build()
                .persistent(false)
                .fetch_all(&mut *self.read().await?)
                .await
                .doing(DOING)?;
            for row in &rows {
                known.insert(column::text(row, "uuid")?);
            }
        }
        Ok(known)
    }
}
