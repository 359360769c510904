//! Files grouped across images: malicious ones by content, sensitive ones by kind.
//!
//! In: [`GroupedFilesQuery`]. Out: one page of [`FileGroup`]: the worst first, then what most images have, then by key; what is
//! dealt with in every image comes behind all that counts. Odd: an image counts once however many of its files are of a group.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use plimsoll_model::Timestamp;

use super::{FileFilter, FileKind, FileLevel, FileState, Wanted, is_everything, state::Judgements};
use crate::{
    ImageSelection, Page, Store, StoreError, column,
    database::DatabaseConnection,
    error::Doing,
    listing::push_in,
    statement::{self, QueryBuilder},
    vulnerabilities::{Group, HolderId, OtherEntry, VulnerabilityIndex, selected},
};

/// Which part of the grouped list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupedFilesQuery {
    /// Of which kind.
    pub kind: FileKind,
    /// Over which images.
    pub images: ImageSelection,
    /// Which files.
    pub filter: FileFilter,
    /// Number of the page, from 1; 0 is taken as 1.
    pub page: u32,
    /// Entries of a page.
    pub page_size: u32,
}

/// Files that lists count as one, and how many images have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileGroup {
    /// MD5 of a malicious file, of a malicious package the advisory's id; a sensitive file's kind.
    pub key: String,
    /// Id of its worst finding: a rule, an advisory, a sensitive file's kind.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// `WEBSHELL_IMG` and the like, of malicious files.
    pub malicious_key: Option<String>,
    /// The class of a sensitive file's kind.
    pub class: Option<String>,
    /// The highest level of one.
    pub level: FileLevel,
    /// Open in an image; else the best that is said of it in one.
    pub state: FileState,
    /// Images that have an open one.
    pub images: u64,
    /// Images that have one and no open one.
    pub dealt_with: u64,
    /// Files, each as often as images have it.
    pub files: u64,
    /// When one was first known.
    pub first_seen: Timestamp,
    /// The latest successful scan of an image that has one.
    pub last_scanned: Option<Timestamp>,
}

const DOING: &str = "listing files by group";
/// Scans that are looked at from the newest backwards.
const NEWEST: i64 = 1_000;
/// Holders of one statement.
const ROWS: usize = 500;

/// What people call a group.
pub(super) fn name_of(group: &Group) -> &str {
    let facts = &group.facts;
    let name = facts.virus_type.as_ref().or(facts.name.as_ref());
    name.filter(|name| !name.is_empty()).unwrap_or(&group.title)
}

/// How a group stands in one image, or in all images that hold the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct InImage {
    files: i64,
    level: FileLevel,
    state: FileState,
    first_seen: Timestamp,
}

/// How a group stands in images.
#[derive(Clone, Debug, Default)]
struct Sum {
    open: i64,
    dealt_with: BTreeMap<FileState, i64>,
    files: i64,
    /// Images by the highest level of their files.
    levels: BTreeMap<FileLevel, i64>,
    first_seen: Option<Timestamp>,
}

impl Sum {
    /// Adds images, or takes them away.
    fn add(&mut self, one: &InImage, images: i64) {
        match one.state {
            FileState::Open => self.open += images,
            other => *self.dealt_with.entry(other).or_default() += images,
        }
        self.files += one.files * images;
        *self.levels.entry(one.level).or_default() += images;
        let first = self.first_seen.map_or(one.first_seen, |known| known.min(one.first_seen));
        self.first_seen = Some(first);
    }

    fn level(&self) -> Option<FileLevel> {
        self.levels.iter().rev().find(|(_, images)| **images > 0).map(|(level, _)| *level)
    }

    fn state(&self) -> FileState {
        let dealt_with = || self.dealt_with.iter().find(|(_, images)| **images > 0);
        if self.open > 0 {
            return FileState::Open;
        }
        dealt_with().map_or(FileState::Open, |(state, _)| *state)
    }
}

/// What an image has, by group.
fn groups_of(
    entries: impl Iterator<Item = (i64, OtherEntry)>,
    wanted: &Wanted,
    state: impl Fn(i64, &OtherEntry) -> FileState,
) -> BTreeMap<u32, InImage> {
    let mut found: BTreeMap<u32, InImage> = BTreeMap::new();
    for (part, entry) in entries.filter(|(_, entry)| wanted.has(entry)) {
        let own = InImage {
            files: 1,
            level: FileLevel::of(entry.level),
            state: state(part, &entry),
            first_seen: entry.first_seen,
        };
        found
            .entry(entry.group)
            .and_modify(|known| {
                known.files += 1;
                known.level = known.level.max(own.level);
                known.state = known.state.min(own.state);
                known.first_seen = known.first_seen.min(own.first_seen);
            })
            .or_insert(own);
    }
    found
}

impl Store {
    /// One page of the files of images, grouped.
    ///
    /// # Errors
    /// The database fails.
    pub async fn grouped_files(
        &self,
        query: &GroupedFilesQuery,
    ) -> Result<Page<FileGroup>, StoreError> {
        let kind = query.kind.kind();
        let (index, mut snapshot) = self.current_vulnerabilities(&BTreeSet::new()).await?;
        let wanted = Wanted::new(index.others(), kind, &query.filter);
        let judgements = Judgements::read(&mut snapshot, kind).await?;
        let mut images: Option<BTreeMap<HolderId, i64>> = None;
        let mut meant: Option<HashSet<i64>> = None;
        if !is_everything(&query.images) {
            let selected = selected(&mut snapshot, &query.images).await?;
            let mut counted = BTreeMap::new();
            for image in &selected {
                *counted.entry(image.holder).or_insert(0) += 1;
            }
            images = Some(counted);
            meant = Some(selected.iter().map(|image| image.image).collect());
        }
        let number_of = |holder: HolderId| match &images {
            Some(images) => images.get(&holder).copied().unwrap_or_default(),
            None => index.holder(holder).map_or(0, |holder| i64::from(holder.images)),
        };
        let mut sums: HashMap<u32, Sum> = HashMap::new();
        for (holder, _) in index.others().holders(kind) {
            let number = number_of(holder);
            if number > 0 {
                let entries = index.others().of_holder(kind, holder);
                let own = groups_of(entries, &wanted, |part, one| judgements.anywhere(part, one));
                for (group, one) in &own {
                    sums.entry(*group).or_default().add(one, number);
                }
            }
        }
        let special = judgements.special();
        for (image, holder) in
            special.filter(|(image, _)| meant.as_ref().is_none_or(|meant| meant.contains(image)))
        {
            let entries = || index.others().of_holder(kind, holder);
            let without = groups_of(entries(), &wanted, |part, one| judgements.anywhere(part, one));
            let with =
                groups_of(entries(), &wanted, |part, one| judgements.state(image, part, one));
            for (group, one) in &without {
                sums.entry(*group).or_default().add(one, -1);
            }
            for (group, one) in &with {
                sums.entry(*group).or_default().add(one, 1);
            }
        }
        let mut all: Vec<(u32, Sum, FileLevel)> = sums
            .into_iter()
            .filter_map(|(number, sum)| sum.level().map(|level| (number, sum, level)))
            .collect();
        all.sort_by_cached_key(|(number, sum, level)| {
            let key = index.others().group(*number).map(|group| group.key.clone());
            let rest: i64 = sum.dealt_with.values().sum();
            (sum.open == 0, Reverse(*level), Reverse(sum.open), Reverse(rest), key)
        });
        let (page, size) = (query.page.max(1), query.page_size);
        let skip = u64::from(page - 1).saturating_mul(u64::from(size));
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let shown: Vec<(u32, Sum, FileLevel)> = all
            .into_iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
            .take(usize::try_from(size).unwrap_or(usize::MAX))
            .collect();
        let numbers: BTreeSet<u32> = shown.iter().map(|(number, ..)| *number).collect();
        let scans = latest_scans(&mut snapshot, &index, query.kind, &numbers, |holder| {
            number_of(holder) > 0
        })
        .await?;
        let items = shown.into_iter().filter_map(|(number, sum, level)| {
            let group = index.others().group(number)?;
            let dealt_with: i64 = sum.dealt_with.values().sum();
            Some(FileGroup {
                key: group.key.clone(),
                id: group.id.clone(),
                name: name_of(group).to_owned(),
                title: group.title.clone(),
                malicious_key: group.facts.malicious_key.clone(),
                class: group.facts.class.clone(),
                level,
                state: sum.state(),
                images: u64::try_from(sum.open).unwrap_or_default(),
                dealt_with: u64::try_from(dealt_with).unwrap_or_default(),
                files: u64::try_from(sum.files).unwrap_or_default(),
                first_seen: sum.first_seen.unwrap_or(Timestamp(0)),
                last_scanned: scans.get(&number).copied().map(Timestamp),
            })
        });
        Ok(Page { items: items.collect(), total, page, page_size: size })
    }
}

impl Store {
    /// What the files that images have are called, with the keys of these names where they have some; by name.
    ///
    /// # Errors
    /// The database fails.
    pub async fn file_names(
        &self,
        kind: FileKind,
        levels: &BTreeSet<FileLevel>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let (index, _snapshot) = self.current_vulnerabilities(&BTreeSet::new()).await?;
        let (others, kind) = (index.others(), kind.kind());
        let filter = FileFilter { levels: levels.clone(), ..FileFilter::default() };
        let wanted = Wanted::new(others, kind, &filter);
        let mut groups: HashSet<u32> = HashSet::new();
        for holder in wanted.holders(&index, kind) {
            let entries = others.of_holder(kind, holder).filter(|(_, entry)| wanted.has(entry));
            groups.extend(entries.map(|(_, entry)| entry.group));
        }
        let names: BTreeSet<(String, String)> = groups
            .into_iter()
            .filter_map(|number| others.group(number))
            .map(|group| {
                let name = name_of(group);
                let key = group.facts.malicious_key.as_deref().unwrap_or(name);
                (name.to_owned(), key.to_owned())
            })
            .collect();
        Ok(names.into_iter().collect())
    }
}

/// When an image with each group was last scanned: most groups are met soon when scans are looked at from the newest backwards,
/// and of the others few images have them.
async fn latest_scans(
    connection: &mut DatabaseConnection,
    index: &VulnerabilityIndex,
    kind: FileKind,
    wanted: &BTreeSet<u32>,
    is_meant: impl Fn(HolderId) -> bool,
) -> Result<HashMap<u32, i64>, StoreError> {
    let (others, kind) = (index.others(), kind.kind());
    let rows = statement::query(
        "SELECT COALESCE(a.inventory_id, -a.id) AS holder, t.succeeded FROM tasks t JOIN artifacts a ON a.id = t.artifact_id \
         WHERE t.succeeded IS NOT NULL ORDER BY t.succeeded DESC LIMIT $1",
    )
    .bind(NEWEST)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    let mut scans = HashMap::new();
    let mut looked_at = HashSet::new();
    for row in &rows {
        if scans.len() == wanted.len() {
            break;
        }
        let (holder, succeeded): (i64, i64) =
            (column::number(row, "holder")?, column::number(row, "succeeded")?);
        if looked_at.insert(holder) && is_meant(holder) {
            for (_, entry) in others.of_holder(kind, holder) {
                if wanted.contains(&entry.group) {
                    scans.entry(entry.group).or_insert(succeeded);
                }
            }
        }
    }
    for group in
        wanted.iter().filter(|group| !scans.contains_key(group)).copied().collect::<Vec<_>>()
    {
        let holders: Vec<HolderId> = others
            .holders(kind)
            .map(|(holder, _)| holder)
            .filter(|holder| is_meant(*holder))
            .filter(|holder| others.of_holder(kind, *holder).any(|(_, one)| one.group == group))
            .collect();
        if let Some(scanned) = last_scan(connection, &holders).await? {
            scans.insert(group, scanned);
        }
    }
    Ok(scans)
}

async fn last_scan(
    connection: &mut DatabaseConnection,
    holders: &[HolderId],
) -> Result<Option<i64>, StoreError> {
    let inventories: Vec<i64> = holders.iter().copied().filter(|id| *id >= 0).collect();
    let artifacts: Vec<i64> = holders.iter().filter(|id| **id < 0).map(|id| -id).collect();
    let mut latest = None;
    for (column, ids) in [("a.inventory_id", inventories), ("a.id", artifacts)] {
        for chunk in ids.chunks(ROWS) {
            let mut query = QueryBuilder::new(
                "SELECT MAX(COALESCE(t.succeeded, a.scanned)) AS scanned FROM artifacts a \
                 LEFT JOIN tasks t ON t.artifact_id = a.id WHERE a.scanned IS NOT NULL AND ",
            );
            push_in(&mut query, column, chunk);
            let row = query.build().persistent(false).fetch_one(connection).await.doing(DOING)?;
            latest = latest.max(column::get::<Option<i64>>(&row, "scanned")?);
        }
    }
    Ok(latest)
}
