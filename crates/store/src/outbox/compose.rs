//! What a message says: what its refreshes changed of the images that its subscriber means.
//!
//! In: a message that was claimed. Out: [`Composition`]. Odd:
//! * Several refreshes are one change: what one gave and the next took is not told.
//! * All numbers are of one moment, that of telling: an image that lost the vulnerability since is not named.
//! * Only inventories that a change touches are asked for their images (`outbox/meant.rs`); names are read for the few that
//!   are named.
//! * An image in which a rule covers a vulnerability does not count as hit by it.

use std::collections::BTreeMap;

use plimsoll_model::{Priority, RiskCounters};

use super::{MessageKind, MessageTask, meant::Meant};
use crate::{
    AffectedQuery, Refresh, Store, StoreError, Wanted, affected, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    findings::PRIORITY,
    inventory_rows,
    inventory_set::InventorySet,
    statement::{self, QueryBuilder},
};

const DOING: &str = "making a message";
/// Rows of one statement.
const ROWS: usize = 500;

/// How much a message lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Most {
    /// Vulnerabilities.
    pub findings: usize,
    /// Images of each of them.
    pub images: usize,
    /// Images that were scanned for the first time.
    pub scanned: usize,
}

/// An image by its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Named {
    /// Its registry's name.
    pub registry: String,
    /// `namespace/repository:tag`.
    pub image: String,
    /// Its stable id.
    pub uuid: String,
    /// The manifest that was scanned.
    pub digest: String,
}

/// What changed about one vulnerability in a subscriber's images.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AboutFinding {
    /// CVE or advisory id.
    pub id: String,
    /// One line for people; `None` where nobody has it any more.
    pub title: Option<String>,
    /// First version without it, of one of the packages that have it.
    pub fix_version: Option<String>,
    /// Its highest priority in any package before.
    pub priority_before: Option<Priority>,
    /// Its highest priority in any package since.
    pub priority: Option<Priority>,
    /// Images that have it.
    pub images: u64,
    /// Of them, those that did not have it before.
    pub newly: u64,
    /// Images that no longer have it.
    pub cleared: u64,
    /// Some of the images: those that are hit newly or, where none is, those that have it.
    pub named: Vec<Named>,
}

/// An image that was scanned for the first time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AboutImage {
    /// Which.
    pub named: Named,
    /// What it has.
    pub counters: RiskCounters,
}

/// All that a message says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Composition {
    /// The refreshes, oldest first.
    pub refreshes: Vec<Refresh>,
    /// The most urgent changes, most urgent first.
    pub findings: Vec<AboutFinding>,
    /// How many changes there are besides.
    pub more_findings: u64,
    /// Images that were scanned for the first time, by name.
    pub scanned: Vec<AboutImage>,
    /// How many there are besides.
    pub more_scanned: u64,
}

/// What happened to one finding.
#[derive(Default)]
struct Change {
    is_begun: bool,
    before: Option<Priority>,
    since: Option<Priority>,
    newly: InventorySet,
    cleared: InventorySet,
}

impl Change {
    /// Adds what a later refresh did.
    fn add(
        &mut self,
        before: Option<Priority>,
        since: Option<Priority>,
        newly: InventorySet,
        cleared: InventorySet,
    ) {
        if !self.is_begun {
            self.before = before;
            self.is_begun = true;
        }
        self.since = since;
        let (mut gained, mut lost) = (newly.clone(), cleared.clone());
        gained.subtract(&self.cleared);
        lost.subtract(&self.newly);
        self.newly.subtract(&cleared);
        self.newly.unite(&gained);
        self.cleared.subtract(&newly);
        self.cleared.unite(&lost);
    }
}

/// Who has a finding now.
#[derive(Default)]
struct Holders {
    title: Option<String>,
    fix_version: Option<String>,
    parts: Vec<i64>,
}

impl Composition {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.scanned.is_empty()
    }
}

impl Store {
    /// What a message says.
    ///
    /// # Errors
    /// The database fails.
    pub async fn compose(&self, task: &MessageTask, most: Most) -> Result<Composition, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = statement::query(
            "SELECT refresh_id, artifact_id FROM message_sources WHERE message_id = $1 ORDER BY refresh_id, artifact_id",
        )
        .bind(task.lease.task_id)
        .fetch_all(&mut snapshot)
        .await
        .doing(DOING)?;
        let (mut refreshes, mut artifacts) = (Vec::new(), Vec::new());
        for row in &rows {
            let refresh: i64 = column::number(row, "refresh_id")?;
            let artifact: i64 = column::number(row, "artifact_id")?;
            refreshes.extend((refresh > 0).then_some(refresh));
            artifacts.extend((artifact > 0).then_some(artifact));
        }
        let mut composition = Composition::default();
        let mut changes: BTreeMap<String, Change> = BTreeMap::new();
        for refresh in refreshes {
            let row = statement::query("SELECT * FROM refreshes WHERE id = $1")
                .bind(refresh)
                .fetch_optional(&mut snapshot)
                .await
                .doing(DOING)?;
            let Some(row) = row else { continue };
            composition.refreshes.push(Refresh::from_row(&row)?);
            add_deltas(&mut snapshot, task, refresh, &mut changes).await?;
        }
        let wanted = &task.subscription.wanted;
        if !changes.is_empty() {
            add_findings(&mut snapshot, wanted, changes, most, &mut composition).await?;
        }
        add_scanned(&mut snapshot, wanted, &artifacts, most, &mut composition).await?;
        Ok(composition)
    }
}

/// The changes of a refresh that this message tells.
async fn add_deltas(
    connection: &mut DatabaseConnection,
    task: &MessageTask,
    refresh: i64,
    changes: &mut BTreeMap<String, Change>,
) -> Result<(), StoreError> {
    let wanted = &task.subscription.wanted;
    let rows = statement::query(
        "SELECT finding_id, priority_before, priority, newly_in, cleared_in FROM refresh_deltas WHERE refresh_id = $1",
    )
    .bind(refresh)
    .fetch_all(connection)
    .await
    .doing(DOING)?;
    for row in &rows {
        let before: Option<Priority> = column::optional_parsed(row, "priority_before", PRIORITY)?;
        let since: Option<Priority> = column::optional_parsed(row, "priority", PRIORITY)?;
        let told = before.max(since);
        let is_instant = task.kind == MessageKind::Changed;
        if told < wanted.minimum || wanted.delivery.is_instant(told) != is_instant {
            continue;
        }
        let set = |name| -> Result<InventorySet, StoreError> {
            InventorySet::unpack(column::get(row, name)?)
                .ok_or_else(|| inventory_rows::corrupt("refresh_deltas.newly_in", refresh))
        };
        let (newly, cleared) = (set("newly_in")?, set("cleared_in")?);
        let id = column::text(row, "finding_id")?;
        changes.entry(id).or_default().add(before, since, newly, cleared);
    }
    Ok(())
}

async fn add_findings(
    connection: &mut DatabaseConnection,
    wanted: &Wanted,
    changes: BTreeMap<String, Change>,
    most: Most,
    composition: &mut Composition,
) -> Result<(), StoreError> {
    let holders = holders(connection, changes.keys()).await?;
    let parts: Vec<i64> =
        holders.values().flat_map(|holders| holders.parts.iter().copied()).collect();
    let sets = inventory_rows::blocks_of(connection, &parts, None).await?;
    let mut concerned = InventorySet::default();
    let changed = changes.values().flat_map(|change| [&change.newly, &change.cleared]);
    for set in sets.values().chain(changed) {
        concerned.unite(set);
    }
    let meant = Meant::read(connection, wanted, &concerned).await?;
    let ignored = meant.ignored(connection, changes.keys()).await?;
    let none = BTreeMap::new();
    let mut told: Vec<(AboutFinding, InventorySet)> = Vec::new();
    for (id, change) in changes {
        let covered = ignored.get(&id).unwrap_or(&none);
        let hit = |set: &InventorySet| {
            let ignored = covered.values().filter(|inventory| set.contains(**inventory)).count();
            meant.counts.sum(set).saturating_sub(u64::try_from(ignored).unwrap_or(u64::MAX))
        };
        let own = holders.get(&id);
        let mut has = InventorySet::default();
        for part in own.into_iter().flat_map(|own| &own.parts) {
            if let Some(set) = sets.get(part) {
                has.unite(set);
            }
        }
        let mut newly = change.newly;
        let mut lost_since = newly.clone();
        lost_since.subtract(&has);
        newly.subtract(&lost_since);
        let mut cleared = change.cleared;
        cleared.subtract(&has);
        let about = AboutFinding {
            title: own.and_then(|own| own.title.clone()),
            fix_version: own.and_then(|own| own.fix_version.clone()),
            priority_before: change.before,
            priority: change.since,
            images: hit(&has),
            newly: hit(&newly),
            cleared: meant.counts.sum(&cleared),
            named: Vec::new(),
            id,
        };
        let is_raised_or_lowered = about.images > 0
            && about.priority_before.is_some()
            && about.priority.is_some()
            && about.priority_before != about.priority;
        if about.newly > 0 || about.cleared > 0 || is_raised_or_lowered {
            let named = if about.newly > 0 { newly } else { has };
            told.push((about, named));
        }
    }
    told.sort_by(|(a, _), (b, _)| {
        let urgency = |about: &AboutFinding| {
            (about.priority, about.priority_before, about.newly, about.images, about.cleared)
        };
        urgency(b).cmp(&urgency(a)).then_with(|| a.id.cmp(&b.id))
    });
    composition.more_findings =
        u64::try_from(told.len().saturating_sub(most.findings)).unwrap_or(u64::MAX);
    told.truncate(most.findings);
    for (mut about, set) in told {
        let covered = ignored.get(&about.id).unwrap_or(&none);
        let mut chosen = Vec::new();
        if about.images > 0 {
            chosen = meant.choose(connection, &set, covered, most.images).await?;
        }
        let names = names(connection, &chosen).await?;
        about.named = names.into_values().collect();
        about.named.sort();
        composition.findings.push(about);
    }
    Ok(())
}

/// The parts that have one of these findings, what it is called, and what fixes it.
async fn holders(
    connection: &mut DatabaseConnection,
    ids: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, Holders>, StoreError> {
    let mut holders: BTreeMap<String, Holders> = BTreeMap::new();
    let ids: Vec<&String> = ids.collect();
    for chunk in ids.chunks(ROWS) {
        let mut query: QueryBuilder = QueryBuilder::new(
            "SELECT f.part_id, f.finding_id, f.title, f.fix_version FROM part_names n \
             JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number \
             WHERE (SELECT p.ecosystem FROM parts p WHERE p.id = n.part_id) IS NOT NULL AND n.name IN (",
        );
        let mut listed = query.separated(", ");
        for id in chunk {
            listed.push_bind(id.to_ascii_uppercase());
        }
        query.push(") ORDER BY f.part_id, f.number");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let own = holders.entry(column::text(row, "finding_id")?).or_default();
            own.parts.push(column::number(row, "part_id")?);
            if own.title.is_none() {
                own.title = Some(column::text(row, "title")?);
            }
            if own.fix_version.is_none() {
                own.fix_version = column::get(row, "fix_version")?;
            }
        }
    }
    Ok(holders)
}

/// Images by number.
async fn names(
    connection: &mut DatabaseConnection,
    images: &[i64],
) -> Result<BTreeMap<i64, Named>, StoreError> {
    let mut names = BTreeMap::new();
    for chunk in images.chunks(ROWS) {
        let mut query: QueryBuilder = QueryBuilder::new(
            "SELECT i.id, i.uuid, i.reference, i.manifest_digest, r.name AS registry FROM images i \
             JOIN registries r ON r.id = i.registry_id WHERE i.id IN (",
        );
        let mut listed = query.separated(", ");
        for image in chunk {
            listed.push_bind(*image);
        }
        query.push(")");
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            names.insert(column::number(row, "id")?, Named::from_row(row)?);
        }
    }
    Ok(names)
}

impl Named {
    fn from_row(row: &DatabaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            registry: column::text(row, "registry")?,
            image: column::text(row, "reference")?,
            uuid: column::text(row, "uuid")?,
            digest: column::text(row, "manifest_digest")?,
        })
    }
}

/// The images of artifacts that were scanned for the first time.
async fn add_scanned(
    connection: &mut DatabaseConnection,
    wanted: &Wanted,
    artifacts: &[i64],
    most: Most,
    composition: &mut Composition,
) -> Result<(), StoreError> {
    let filter = AffectedQuery { running: wanted.running, ..AffectedQuery::default() };
    for chunk in artifacts.chunks(ROWS) {
        let mut query: QueryBuilder = QueryBuilder::new(
            "SELECT i.uuid, i.reference, i.manifest_digest, i.namespace, i.repository, r.name AS registry, a.* \
             FROM images i JOIN artifacts a ON a.id = i.artifact_id JOIN registries r ON r.id = i.registry_id \
             WHERE a.asap > 0 AND a.id IN (",
        );
        let mut listed = query.separated(", ");
        for artifact in chunk {
            listed.push_bind(*artifact);
        }
        query.push(")");
        affected::push_filters(&mut query, &filter);
        let rows =
            query.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
        for row in &rows {
            let text = |name| column::text(row, name);
            if wanted.means(&text("registry")?, &text("namespace")?, &text("repository")?) {
                let counters = column::counters(row)?;
                composition.scanned.push(AboutImage { named: Named::from_row(row)?, counters });
            }
        }
    }
    composition
        .scanned
        .sort_by(|a, b| b.counters.asap.cmp(&a.counters.asap).then_with(|| a.named.cmp(&b.named)));
    composition.more_scanned =
        u64::try_from(composition.scanned.len().saturating_sub(most.scanned)).unwrap_or(u64::MAX);
    composition.scanned.truncate(most.scanned);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// However many refreshes there were, what is told is how the last state differs from the first.
        #[test]
        fn several_refreshes_are_one_change(states in vec(any::<[bool; 6]>(), 2..6)) {
            let holding = |state: &[bool; 6]| -> BTreeSet<i64> {
                (0..6).filter(|place| state[usize::try_from(*place).unwrap()]).collect()
            };
            let mut change = Change::default();
            for pair in states.windows(2) {
                let (before, since) = (holding(&pair[0]), holding(&pair[1]));
                let newly = since.difference(&before).copied().collect();
                let cleared = before.difference(&since).copied().collect();
                change.add(None, Some(Priority::Later), newly, cleared);
            }
            let (first, last) = (holding(&states[0]), holding(&states[states.len() - 1]));
            prop_assert_eq!(
                change.newly.iter().collect::<BTreeSet<_>>(),
                last.difference(&first).copied().collect()
            );
            prop_assert_eq!(
                change.cleared.iter().collect::<BTreeSet<_>>(),
                first.difference(&last).copied().collect()
            );
            prop_assert_eq!((change.before, change.since), (None, Some(Priority::Later)));
        }
    }
}
