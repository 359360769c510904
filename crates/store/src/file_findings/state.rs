//! How files stand in images: what rules say of them.
//!
//! In: what ignore rules take out, and rules on sensitive files. Out: [`Judgements`]. Odd: what holds everywhere is known of parts, and
//! only images of which something else is said are looked at one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use plimsoll_model::{
    Kind, NewEventRule,
    event_rule::{EventConditionKey, EventScenarioType},
};

use super::FileState;
use crate::{
    StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    event_rules,
    images::{join_path, split_repository},
    listing::push_in,
    statement::{self, QueryBuilder},
    tally,
    vulnerabilities::{HolderId, OtherEntry},
};

const DOING: &str = "reading how files stand in images";
/// Names of one statement.
const ROWS: usize = 500;

/// What is said of files of a kind.
#[derive(Debug, Default)]
pub(super) struct Judgements {
    images: BTreeMap<i64, OfImage>,
    /// Rules that hold everywhere cover these findings of parts.
    everywhere: HashSet<(i64, i64)>,
}

/// What is said of files of one image.
#[derive(Debug, Default)]
struct OfImage {
    holder: HolderId,
    /// What ignore rules take out, by what stands for its record.
    ignored: HashMap<u64, FileState>,
    /// Findings of parts that rules of its repository cover.
    covered: HashSet<(i64, i64)>,
}

impl Judgements {
    pub(super) async fn read(
        connection: &mut DatabaseConnection,
        kind: Kind,
    ) -> Result<Self, StoreError> {
        let mut all = Self::default();
        all.read_ignored(connection, kind).await?;
        if kind == Kind::Secret {
            all.read_rules(connection).await?;
        }
        Ok(all)
    }

    fn of_image(&mut self, row: &DatabaseRow) -> Result<&mut OfImage, StoreError> {
        let (image, holder) = (column::number(row, "image_id")?, column::number(row, "holder")?);
        let of_image = self.images.entry(image).or_default();
        of_image.holder = holder;
        Ok(of_image)
    }

    async fn read_ignored(
        &mut self,
        connection: &mut DatabaseConnection,
        kind: Kind,
    ) -> Result<(), StoreError> {
        let rows = statement::query(
            "SELECT g.image_id, g.record, MIN(r.false_positive) AS is_none, MAX(COALESCE(a.inventory_id, -a.id)) AS holder \
             FROM ignored_records g JOIN ignore_rules r ON r.id = g.rule_id JOIN images i ON i.id = g.image_id \
             JOIN artifacts a ON a.id = i.artifact_id WHERE g.kind = $1 AND g.is_whole = 1 AND a.scanned IS NOT NULL \
             GROUP BY g.image_id, g.record",
        )
        .bind(kind.as_str())
        .fetch_all(connection)
        .await
        .doing(DOING)?;
        for row in &rows {
            let record = tally::hash_of(kind, &column::text(row, "record")?);
            let is_none = column::flag(row, "is_none")?;
            let state = if is_none { FileState::FalsePositive } else { FileState::Ignored };
            self.of_image(row)?.ignored.insert(record, state);
        }
        Ok(())
    }

    /// What rules on sensitive files cover.
    async fn read_rules(&mut self, connection: &mut DatabaseConnection) -> Result<(), StoreError> {
        let rules = event_rules::holding(connection).await?;
        let mut by_name: BTreeMap<String, Vec<&NewEventRule>> = BTreeMap::new();
        for rule in &rules {
            if let Some(condition) = rule.conditions.first() {
                let value = match condition.condition {
                    EventConditionKey::Path => condition.value.trim_start_matches('/'),
                    EventConditionKey::Md5 => &condition.value,
                };
                let name = column::searchable(value).to_ascii_uppercase();
                by_name.entry(name).or_default().push(rule);
            }
        }
        let names: Vec<String> = by_name.keys().cloned().collect();
        let mut by_repository: BTreeMap<String, HashSet<(i64, i64)>> = BTreeMap::new();
        for chunk in names.chunks(ROWS) {
            for row in &named(connection, chunk).await? {
                let name = column::text(row, "name")?;
                let place = (column::number(row, "part_id")?, column::number(row, "number")?);
                let (key, subject): (String, Option<String>) =
                    (column::text(row, "finding_id")?, column::get(row, "subject")?);
                let facts: Option<String> = column::get(row, "extra")?;
                let facts: BTreeMap<String, String> =
                    facts.and_then(|facts| serde_json::from_str(&facts).ok()).unwrap_or_default();
                let (path, md5) = (subject.as_deref().unwrap_or_default(), facts.get("md5"));
                for rule in by_name.get(&name).into_iter().flatten() {
                    if !rule.covers(&key, path, md5.map(String::as_str)) {
                        continue;
                    }
                    match rule.scenario.of {
                        EventScenarioType::Default => {
                            self.everywhere.insert(place);
                        }
                        EventScenarioType::Repo => {
                            let repository = rule.scenario.value.clone();
                            by_repository.entry(repository).or_default().insert(place);
                        }
                    }
                }
            }
        }
        self.read_repositories(connection, &by_repository).await
    }

    async fn read_repositories(
        &mut self,
        connection: &mut DatabaseConnection,
        covered: &BTreeMap<String, HashSet<(i64, i64)>>,
    ) -> Result<(), StoreError> {
        let all: BTreeSet<&String> = covered.keys().collect();
        for path in all {
            let (namespace, repository) = split_repository(path);
            let rows = statement::query(
                "SELECT i.id AS image_id, i.namespace, i.repository, COALESCE(a.inventory_id, -a.id) AS holder FROM images i \
                 JOIN artifacts a ON a.id = i.artifact_id \
                 WHERE i.namespace = $1 AND i.repository = $2 AND a.scanned IS NOT NULL",
            )
            .bind(namespace)
            .bind(repository)
            .fetch_all(connection)
            .await
            .doing(DOING)?;
            for row in &rows {
                let path =
                    join_path(&column::text(row, "namespace")?, &column::text(row, "repository")?);
                let places = covered.get(&path).into_iter().flatten().copied();
                self.of_image(row)?.covered.extend(places);
            }
        }
        Ok(())
    }

    /// Images of which something is said that is not said of all, with what they hold.
    pub(super) fn special(&self) -> impl Iterator<Item = (i64, HolderId)> {
        self.images.iter().map(|(image, of_image)| (*image, of_image.holder))
    }

    /// How a finding stands in images of which nothing is said.
    pub(super) fn anywhere(&self, part: i64, entry: &OtherEntry) -> FileState {
        if self.everywhere.contains(&(part, entry.number)) {
            FileState::Ignored
        } else {
            FileState::Open
        }
    }

    /// How a finding stands in an image.
    pub(super) fn state(&self, image: i64, part: i64, entry: &OtherEntry) -> FileState {
        if let Some(of_image) = self.images.get(&image) {
            if let Some(state) = of_image.ignored.get(&entry.record) {
                return *state;
            }
            if of_image.covered.contains(&(part, entry.number)) {
                return FileState::Ignored;
            }
        }
        self.anywhere(part, entry)
    }
}

/// Sensitive files that bear one of these names.
async fn named(
    connection: &mut DatabaseConnection,
    names: &[String],
) -> Result<Vec<DatabaseRow>, StoreError> {
    let mut sql = QueryBuilder::new(
        "SELECT n.name, n.part_id, n.number, f.finding_id, f.subject, f.extra FROM part_names n \
         JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number WHERE f.kind = 'secret' AND ",
    );
    push_in(&mut sql, "n.name", names);
    sql.push(
        " UNION ALL SELECT n.name, -n.artifact_id AS part_id, n.number, f.finding_id, f.subject, f.extra FROM finding_names n \
         JOIN findings f ON f.artifact_id = n.artifact_id AND f.number = n.number WHERE f.kind = 'secret' AND ",
    );
    push_in(&mut sql, "n.name", names);
    sql.build().persistent(false).fetch_all(connection).await.doing(DOING)
}
