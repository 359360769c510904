//! Making the index of vulnerabilities, and bringing it up to date.
//!
//! In: a connection whose statements see one state of the database. Out: an [`Index`] of that state. Odd: what parts have
//! changes with refreshes alone, which raise their revision; all else is told by which inventories images have now, so
//! that nothing has to be written down for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tokio::sync::OwnedRwLockReadGuard;

use super::{
    index::{Entry, Holder, HolderId, Index, Standing, State},
    would_be,
};
use crate::{
    Store, StoreError,
    closed_findings::{self, ClosedState},
    column,
    database::{DatabaseConnection, Transaction},
    error::Doing,
    findings::PRIORITY,
    inventory_rows::{ImageCounts, corrupt},
    parts::failed,
    statement::{self, QueryBuilder},
    tally,
};
use plimsoll_model::Priority;

const DOING: &str = "reading which images have which vulnerabilities";
/// Rows of one statement.
const ROWS: usize = 500;

/// What the index is made of, as far as that can change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// The last refresh that found something else.
    revision: i64,
    /// Images of each holder.
    images: BTreeMap<HolderId, u32>,
    /// The reports that are kept whole.
    whole: BTreeMap<i64, String>,
}

/// What is to be counted after something was read.
enum Recount {
    Everything,
    New(HashSet<HolderId>),
}

impl Seen {
    pub(super) async fn read(connection: &mut DatabaseConnection) -> Result<Self, StoreError> {
        let row = statement::query(
            "SELECT COALESCE(MAX(revision), 0) AS revision FROM parts WHERE revision > 0",
        )
        .fetch_one(connection)
        .await
        .doing(DOING)?;
        let revision = column::number(&row, "revision")?;
        let counts = ImageCounts::read(connection).await?;
        let mut images: BTreeMap<HolderId, u32> = counts
            .iter()
            .map(|(id, count)| (id, u32::try_from(count).unwrap_or(u32::MAX)))
            .collect();
        let rows = statement::query(
            "SELECT a.id, a.report_digest, COUNT(*) AS images FROM artifacts a JOIN images i ON i.artifact_id = a.id \
             WHERE a.inventory_id IS NULL AND a.scanned IS NOT NULL GROUP BY a.id, a.report_digest",
        )
        .fetch_all(connection)
        .await
        .doing(DOING)?;
        let mut whole = BTreeMap::new();
        for row in &rows {
            let id: i64 = column::number(row, "id")?;
            images.insert(-id, column::number(row, "images")?);
            whole.insert(
                id,
                column::get::<Option<String>>(row, "report_digest")?.unwrap_or_default(),
            );
        }
        Ok(Self { revision, images, whole })
    }
}

impl Store {
    /// The index as of now, with these holders besides those of images, and the state of the database that it is of.
    pub(crate) async fn current_vulnerabilities(
        &self,
        besides: &BTreeSet<HolderId>,
    ) -> Result<(OwnedRwLockReadGuard<Index>, Transaction), StoreError> {
        let index = self.vulnerability_index().clone().read_owned().await;
        let mut snapshot = self.snapshot().await?;
        let seen = Seen::read(&mut snapshot).await?;
        if index.seen.as_ref() == Some(&seen)
            && besides.iter().all(|id| index.holders.contains_key(id))
        {
            return Ok((index, snapshot));
        }
        drop((index, snapshot));
        // Nobody brings it further while it is used with this state of the database.
        let mut index = self.vulnerability_index().clone().write_owned().await;
        let mut snapshot = self.snapshot().await?;
        let seen = Seen::read(&mut snapshot).await?;
        let recount = index.follow(&mut snapshot, &seen, besides).await?;
        // Counting a large fleet takes a while, which must not keep other requests from being read.
        let counted = tokio::task::spawn_blocking(move || {
            match recount {
                Recount::Everything => index.count_all(),
                Recount::New(new) => index.count_images(&seen.images, &new),
            }
            index.seen = Some(seen);
            index
        });
        let index = counted.await.map_err(|error| failed(DOING, error))?;
        Ok((index.downgrade(), snapshot))
    }
}

impl Index {
    async fn follow(
        &mut self,
        connection: &mut DatabaseConnection,
        seen: &Seen,
        besides: &BTreeSet<HolderId>,
    ) -> Result<Recount, StoreError> {
        let before = self.seen.take();
        let changed = match &before {
            Some(before) if before.revision != seen.revision => {
                changed_parts(connection, before.revision).await?
            }
            _ => Vec::new(),
        };
        let wanted = |id: &HolderId| seen.images.contains_key(id) || besides.contains(id);
        // Those that lost their last image are still counted, and go with the next change.
        self.holders.retain(|id, holder| wanted(id) || holder.images > 0);
        let known = |id: i64| before.as_ref().and_then(|before| before.whole.get(&id));
        let all = seen.images.keys().chain(besides).copied();
        let new: HashSet<HolderId> = all
            .filter(|id| {
                let is_rewritten =
                    seen.whole.get(&-*id).is_some_and(|digest| known(-*id) != Some(digest));
                is_rewritten || !self.holders.contains_key(id)
            })
            .collect();
        let has_rewritten = new.iter().any(|id| self.holders.contains_key(id));
        let inventories: Vec<i64> = new.iter().copied().filter(|id| *id >= 0).collect();
        self.read_inventories(connection, &inventories).await?;
        for id in new.iter().filter(|id| **id < 0) {
            let own = self.read_whole(connection, -*id).await?;
            self.read_others_of_artifact(connection, -*id).await?;
            self.holders.insert(*id, Holder { own, ..Holder::default() });
        }
        let missing: BTreeSet<i64> = inventories
            .iter()
            .flat_map(|id| self.parts_of(*id))
            .filter(|part| !self.parts.contains_key(part))
            .chain(changed.iter().copied())
            .collect();
        let missing: Vec<i64> = missing.into_iter().collect();
        for chunk in missing.chunks(ROWS) {
            self.read_parts(connection, chunk).await?;
            self.read_others(connection, chunk).await?;
        }
        let reached: Vec<HolderId> = if changed.is_empty() {
            new.iter().copied().collect()
        } else {
            self.holders.keys().copied().collect()
        };
        for id in reached {
            let own = (id < 0).then_some(id);
            let parts = self.parts_of(id).into_iter().chain(own).collect();
            self.others.hold(id, &parts);
        }
        if before.is_some() && changed.is_empty() && !has_rewritten {
            return Ok(Recount::New(new));
        }
        self.holders.retain(|id, _| wanted(id));
        for (id, holder) in &mut self.holders {
            holder.images = seen.images.get(id).copied().unwrap_or_default();
        }
        self.forget_parts();
        Ok(Recount::Everything)
    }

    /// Parts that no holder has any more.
    fn forget_parts(&mut self) {
        let held: HashSet<i64> = self.holders.keys().flat_map(|id| self.parts_of(*id)).collect();
        self.parts.retain(|part, _| held.contains(part));
        let holders = &self.holders;
        self.others.retain(
            |part| held.contains(&part) || holders.contains_key(&part),
            |holder| holders.contains_key(&holder),
        );
    }

    async fn read_inventories(
        &mut self,
        connection: &mut DatabaseConnection,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        for chunk in ids.chunks(ROWS) {
            let mut query = QueryBuilder::new("SELECT id, parts FROM inventories WHERE id IN (");
            push_numbers(&mut query, chunk);
            let rows = query.build().persistent(false).fetch_all(connection).await;
            for row in &rows.doing(DOING)? {
                let parts: &[u8] = column::get(row, "parts")?;
                let holder = Holder { parts: parts.into(), ..Holder::default() };
                self.holders.insert(column::number(row, "id")?, holder);
            }
        }
        Ok(())
    }

    async fn read_whole(
        &mut self,
        connection: &mut DatabaseConnection,
        artifact: i64,
    ) -> Result<Box<[Entry]>, StoreError> {
        let rows = statement::query(
            "SELECT record, priority, title FROM findings WHERE artifact_id = $1 AND kind = 'vulnerability' ORDER BY number",
        )
        .bind(artifact)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let standing = Standing::open(column::optional_parsed(row, "priority", PRIORITY)?);
            let record = self.learn(&column::text(row, "record")?, &column::text(row, "title")?);
            entries.extend(record.map(|record| Entry { record, standing }));
        }
        Ok(entries.into())
    }

    async fn read_parts(
        &mut self,
        connection: &mut DatabaseConnection,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        let mut query = QueryBuilder::new("SELECT id, tally FROM parts WHERE id IN (");
        push_numbers(&mut query, ids);
        let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        let mut tallies: Vec<(i64, Vec<(u64, u8)>)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = column::number(row, "id")?;
            let bytes: &[u8] = column::get(row, "tally")?;
            let entries = tally::read(bytes).ok_or_else(|| corrupt("parts.tally", id))?;
            tallies
                .push((id, entries.into_iter().filter_map(tally::Entry::vulnerability).collect()));
        }
        let nameless: Vec<i64> = tallies
            .iter()
            .filter(|(_, entries)| entries.iter().any(|(hash, _)| !self.numbers.contains_key(hash)))
            .map(|(id, _)| *id)
            .collect();
        self.read_names(connection, &nameless).await?;
        let mut closed = self.read_closed(connection, ids).await?;
        for (id, tally) in tallies {
            let mut entries = closed.remove(&id).unwrap_or_default();
            for (hash, tier) in tally {
                let standing = Standing::open(match tier {
                    3 => Some(Priority::Asap),
                    2 => Some(Priority::Later),
                    _ => None,
                });
                let record = self.numbers.get(&hash).copied();
                entries.extend(record.map(|record| Entry { record, standing }));
            }
            self.parts.insert(id, entries.into());
        }
        Ok(())
    }

    async fn read_names(
        &mut self,
        connection: &mut DatabaseConnection,
        parts: &[i64],
    ) -> Result<(), StoreError> {
        if parts.is_empty() {
            return Ok(());
        }
        let mut query = QueryBuilder::new(
            "SELECT record, MIN(title) AS title FROM part_findings WHERE kind = 'vulnerability' AND part_id IN (",
        );
        push_numbers(&mut query, parts);
        query.push(" GROUP BY record");
        let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        for row in &rows {
            self.learn(&column::text(row, "record")?, &column::text(row, "title")?);
        }
        Ok(())
    }

    async fn read_closed(
        &mut self,
        connection: &mut DatabaseConnection,
        parts: &[i64],
    ) -> Result<BTreeMap<i64, Vec<Entry>>, StoreError> {
        let mut closed: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        for one in closed_findings::of_parts(connection, parts).await? {
            let state = match one.state {
                ClosedState::Suppressed => State::Suppressed,
                ClosedState::Ended => State::Ended,
            };
            let standing = Standing { state, priority: would_be(&one.finding) };
            if let Some(record) = self.learn(&one.record, &one.finding.title) {
                closed.entry(one.part).or_default().push(Entry { record, standing });
            }
        }
        Ok(closed)
    }
}

fn push_numbers(query: &mut QueryBuilder, numbers: &[i64]) {
    let mut listed = query.separated(", ");
    for number in numbers {
        listed.push_bind(*number);
    }
    query.push(")");
}

async fn changed_parts(
    connection: &mut DatabaseConnection,
    since: i64,
) -> Result<Vec<i64>, StoreError> {
    let rows = statement::query("SELECT id FROM parts WHERE revision > $1 AND revision > 0")
        .bind(since)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(|row| column::number(row, "id")).collect()
}
