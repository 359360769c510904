//! Which findings rules cover, by part.
//!
//! In: rules. Out: [`Hits`], and the inventories and images that hold what is hit. Odd: the way is the names' index, so that
//! a rule on one vulnerability reads the parts that have it and not the fleet; a rule on files whatever is found in them reads
//! what there is of its kind, which is little beside vulnerabilities.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Kind, NewIgnoreRule, Priority, ignore::ANY};

use super::{DOING, ROWS, images_of};
use crate::{
    StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    findings::{KIND, PRIORITY},
    inventory_rows,
    inventory_set::InventorySet,
    listing::push_in,
    statement::QueryBuilder,
};

/// One finding of a part that a rule covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hit {
    /// The rule's place in the list.
    pub(super) rule: usize,
    /// The finding's number among the part's open ones.
    pub(super) number: i64,
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) record: String,
    pub(super) priority: Option<Priority>,
}

/// A finding of a part, as far as its row tells.
struct Covered {
    part: i64,
    number: i64,
    kind: Kind,
    id: String,
    record: String,
    priority: Option<Priority>,
    /// Of a package: its URL.
    purl: Option<String>,
    subject: String,
}

/// The columns of [`Covered`]; `f` is `part_findings`.
const COVERED: &str = "SELECT f.part_id, f.number, f.kind, f.finding_id, f.record, f.priority, f.subject, \
     (SELECT p.purl FROM parts p WHERE p.id = f.part_id) AS purl";

impl Covered {
    fn read(row: &DatabaseRow) -> Result<Self, StoreError> {
        let purl: Option<String> = column::get(row, "purl")?;
        let subject: Option<String> = column::get(row, "subject")?;
        Ok(Self {
            part: column::number(row, "part_id")?,
            number: column::number(row, "number")?,
            kind: column::parsed(row, "kind", KIND)?,
            id: column::text(row, "finding_id")?,
            record: column::text(row, "record")?,
            priority: column::optional_parsed(row, "priority", PRIORITY)?,
            subject: subject.or_else(|| purl.clone()).unwrap_or_default(),
            purl,
        })
    }

    /// What rules cover of a kind besides vulnerabilities; in these parts, or in all.
    async fn of_kind(
        connection: &mut DatabaseConnection,
        kind: Kind,
        parts: Option<&[i64]>,
        rules: &[(usize, &NewIgnoreRule)],
    ) -> Result<Vec<(i64, Hit)>, StoreError> {
        let mut sql = QueryBuilder::new(COVERED);
        sql.push(" FROM part_findings f WHERE f.kind <> 'vulnerability' AND f.kind = ");
        sql.push_bind(kind.as_str());
        if let Some(parts) = parts {
            sql.push(" AND ");
            push_in(&mut sql, "f.part_id", parts);
        }
        let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        let mut found = Vec::new();
        for row in &rows {
            found.extend(Self::read(row)?.hits(rules, None));
        }
        Ok(found)
    }

    /// The rules that cover it, as far as this tells.
    fn hits(&self, rules: &[(usize, &NewIgnoreRule)], name: Option<&str>) -> Vec<(i64, Hit)> {
        let covering = rules.iter().filter(|(_, rule)| {
            if rule.kind != self.kind {
                return false;
            }
            match (self.kind, name, &self.purl) {
                (Kind::Vulnerability, Some(name), Some(_)) => {
                    rule.covers_named(name, &self.record, &self.subject)
                }
                (Kind::Vulnerability, ..) => false,
                _ => rule.covers_other(&self.id, &self.subject),
            }
        });
        let hit = |(place, _): &(usize, &NewIgnoreRule)| {
            let hit = Hit {
                rule: *place,
                number: self.number,
                kind: self.kind,
                id: self.id.clone(),
                record: self.record.clone(),
                priority: self.priority,
            };
            (self.part, hit)
        };
        covering.map(hit).collect()
    }
}

/// What rules cover.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    parts: BTreeMap<i64, Vec<Hit>>,
    /// Artifacts whose reports are kept whole, that have something of these names.
    whole: BTreeSet<i64>,
}

/// Where rules are looked for.
#[derive(Debug, Default)]
pub(super) struct Range {
    /// Only in these parts; `None`: in all.
    pub(super) parts: Option<Vec<i64>>,
    /// What concerns no packages, only in these.
    pub(super) remainders: Option<Vec<i64>>,
}

/// Whether findings of a kind are of packages.
pub(super) const fn is_of_packages(kind: Kind) -> bool {
    matches!(kind, Kind::Vulnerability | Kind::Malware)
}

/// With more pairs of names and parts than this, what is hit is looked for in all parts.
const MOST_PAIRS: usize = 5_000;

impl Hits {
    /// In all parts and artifacts.
    pub(crate) async fn read(
        connection: &mut DatabaseConnection,
        rules: &[&NewIgnoreRule],
    ) -> Result<Self, StoreError> {
        let rules: Vec<(usize, &NewIgnoreRule)> = rules.iter().copied().enumerate().collect();
        Self::read_in(connection, &rules, &Range::default()).await
    }

    /// Of rules with their places in the list.
    pub(super) async fn read_in(
        connection: &mut DatabaseConnection,
        rules: &[(usize, &NewIgnoreRule)],
        range: &Range,
    ) -> Result<Self, StoreError> {
        let mut of_remainders: BTreeMap<Kind, Vec<(usize, &NewIgnoreRule)>> = BTreeMap::new();
        let mut by_name: BTreeMap<String, Vec<(usize, &NewIgnoreRule)>> = BTreeMap::new();
        let mut of_any: BTreeMap<Kind, Vec<(usize, &NewIgnoreRule)>> = BTreeMap::new();
        for (place, rule) in rules {
            if range.remainders.is_some() && !is_of_packages(rule.kind) {
                of_remainders.entry(rule.kind).or_default().push((*place, rule));
                continue;
            }
            if rule.vulnerability == ANY {
                of_any.entry(rule.kind).or_default().push((*place, rule));
                continue;
            }
            for name in rule.names() {
                by_name.entry(name).or_default().push((*place, rule));
            }
        }
        let names: Vec<String> = by_name.keys().cloned().collect();
        let parts = range
            .parts
            .as_deref()
            .filter(|parts| names.len().saturating_mul(parts.len()) <= MOST_PAIRS);
        let mut hits = Self::default();
        let mut found = Vec::new();
        for chunk in names.chunks(ROWS) {
            let mut sql = QueryBuilder::new(COVERED);
            sql.push(", n.name FROM part_names n JOIN part_findings f ON f.part_id = n.part_id AND f.number = n.number WHERE ");
            push_in(&mut sql, "n.name", chunk);
            if let Some(parts) = parts {
                sql.push(" AND ");
                push_in(&mut sql, "n.part_id", parts);
            }
            let rows =
                sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                let name = column::text(row, "name")?;
                let covering = by_name.get(&name).map_or(&[][..], Vec::as_slice);
                let covered = Covered::read(row)?;
                found.extend(covered.hits(covering, Some(&name)));
            }
            let mut sql =
                QueryBuilder::new("SELECT DISTINCT artifact_id FROM finding_names WHERE ");
            push_in(&mut sql, "name", chunk);
            hits.note_whole(sql, connection).await?;
        }
        let remainders = range.remainders.as_deref().unwrap_or_default();
        for (kind, covering) in &of_remainders {
            for chunk in remainders.chunks(ROWS) {
                found.extend(Covered::of_kind(connection, *kind, Some(chunk), covering).await?);
            }
        }
        for (kind, covering) in &of_any {
            found.extend(Covered::of_kind(connection, *kind, None, covering).await?);
            let mut sql = QueryBuilder::new(
                "SELECT DISTINCT artifact_id FROM findings WHERE kind <> 'vulnerability' AND kind = ",
            );
            sql.push_bind(kind.as_str());
            hits.note_whole(sql, connection).await?;
        }
        hits.note(connection, rules, found).await?;
        Ok(hits)
    }

    /// Notes what is covered. Where a rule asks for more of a finding than its row tells, the finding itself is read.
    async fn note(
        &mut self,
        connection: &mut DatabaseConnection,
        rules: &[(usize, &NewIgnoreRule)],
        found: Vec<(i64, Hit)>,
    ) -> Result<(), StoreError> {
        let by_place: BTreeMap<usize, &NewIgnoreRule> = rules.iter().copied().collect();
        let asks_more =
            |hit: &Hit| by_place.get(&hit.rule).filter(|rule| rule.md5.is_some()).copied();
        let in_question: BTreeSet<i64> = found
            .iter()
            .filter(|(_, hit)| asks_more(hit).is_some())
            .map(|(part, _)| *part)
            .collect();
        let findings = super::findings_of(connection, &in_question).await?;
        for (part, hit) in found {
            if let Some(rule) = asks_more(&hit) {
                let mut open =
                    findings.get(&part).into_iter().flatten().filter(|one| one.is_open());
                let number = usize::try_from(hit.number).unwrap_or(usize::MAX);
                if !open.nth(number).is_some_and(|finding| rule.covers(finding)) {
                    continue;
                }
            }
            let of_part = self.parts.entry(part).or_default();
            if !of_part.contains(&hit) {
                of_part.push(hit);
            }
        }
        Ok(())
    }

    async fn note_whole(
        &mut self,
        mut sql: QueryBuilder,
        connection: &mut DatabaseConnection,
    ) -> Result<(), StoreError> {
        let rows = sql.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
        for row in &rows {
            self.whole.insert(column::number(row, "artifact_id")?);
        }
        Ok(())
    }

    /// What is covered of a part.
    pub(super) fn of_part(&self, part: i64) -> Option<&[Hit]> {
        self.parts.get(&part).map(Vec::as_slice)
    }

    /// The inventories that hold a part of which something is covered.
    pub(super) async fn inventories(
        &self,
        connection: &mut DatabaseConnection,
    ) -> Result<InventorySet, StoreError> {
        let parts: Vec<i64> = self.parts.keys().copied().collect();
        let mut all = InventorySet::default();
        for set in inventory_rows::blocks_of(connection, &parts, None).await?.values() {
            all.unite(set);
        }
        Ok(all)
    }

    /// The images that have something that is covered, wherever the rules hold.
    pub(crate) async fn images(
        &self,
        connection: &mut DatabaseConnection,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let inventories = self.inventories(connection).await?;
        let mut images = images_of(connection, &inventories).await?;
        let whole: Vec<i64> = self.whole.iter().copied().collect();
        for chunk in whole.chunks(ROWS) {
            let mut sql = QueryBuilder::new("SELECT id FROM images WHERE ");
            push_in(&mut sql, "artifact_id", chunk);
            let rows =
                sql.build().persistent(false).fetch_all(&mut *connection).await.doing(DOING)?;
            for row in &rows {
                images.insert(column::number(row, "id")?);
            }
        }
        Ok(images)
    }
}
