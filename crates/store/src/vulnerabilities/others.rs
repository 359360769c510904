//! Findings about files in the index, besides vulnerabilities: which parts have them, in groups that lists count by.
//!
//! In: rows of findings. Out: for each kind the holders that have any, and what these are: [`OtherEntry`]. Source:
//! `docs/decisions/`, "Vulnerabilities are counted in memory". Odd: a kind's holders are few where the kind is rare, so that its
//! lists walk those and not the fleet.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_model::{Kind, Level, Timestamp};
use serde::Deserialize;

use super::{
    DOING, ROWS,
    index::{HolderId, Index},
};
use crate::{
    StoreError, column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    findings::{KIND, LEVEL},
    ignored::kept_record,
    listing::push_in,
    statement::QueryBuilder,
    tally,
};

/// What lists count as one across images: of malicious files a content, of sensitive ones a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    /// MD5 of a malicious file, or the finding's id.
    pub(crate) key: String,
    /// As its worst finding has it.
    pub(crate) level: Level,
    pub(crate) facts: OtherFacts,
    /// Id of its worst finding.
    pub(crate) id: String,
    pub(crate) title: String,
}

/// What lists say of a finding besides its columns.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OtherFacts {
    pub(crate) md5: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) virus_type: Option<String>,
    pub(crate) malicious_key: Option<String>,
}

/// One finding of a part, or of an artifact whose report is kept whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OtherEntry {
    pub(crate) group: u32,
    /// Its number among the findings of the part or artifact.
    pub(crate) number: i64,
    pub(crate) level: Level,
    /// What stands for its record, as far as that is kept of what rules take out.
    pub(crate) record: u64,
    pub(crate) first_seen: Timestamp,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Others {
    groups: Vec<Group>,
    numbers: HashMap<(Kind, String), u32>,
    /// By kind and part; an artifact whose report is kept whole stands under the negative of its number.
    parts: BTreeMap<Kind, HashMap<i64, Box<[OtherEntry]>>>,
    /// By kind: those parts of each holder that have any.
    holders: BTreeMap<Kind, BTreeMap<HolderId, Box<[i64]>>>,
}

impl Others {
    pub(crate) fn group(&self, number: u32) -> Option<&Group> {
        self.groups.get(number as usize)
    }

    /// The groups of a kind.
    pub(crate) fn groups(&self, kind: Kind) -> impl Iterator<Item = (u32, &Group)> {
        (0_u32..).zip(&self.groups).filter(move |(_, group)| group.kind == kind)
    }

    /// Holders that have findings of a kind, with the parts that have them.
    pub(crate) fn holders(&self, kind: Kind) -> impl Iterator<Item = (HolderId, &[i64])> {
        self.holders.get(&kind).into_iter().flatten().map(|(id, parts)| (*id, &**parts))
    }

    /// The findings of that kind that a part has.
    pub(crate) fn of_part(&self, kind: Kind, part: i64) -> &[OtherEntry] {
        self.parts.get(&kind).and_then(|parts| parts.get(&part)).map_or(&[], |entries| entries)
    }

    /// The findings of that kind that a holder has, with their parts.
    pub(crate) fn of_holder(
        &self,
        kind: Kind,
        holder: HolderId,
    ) -> impl Iterator<Item = (i64, OtherEntry)> {
        let parts = self.holders.get(&kind).and_then(|holders| holders.get(&holder));
        let parts = parts.map_or(&[][..], |parts| parts);
        parts.iter().flat_map(move |part| {
            self.of_part(kind, *part).iter().map(move |entry| (*part, *entry))
        })
    }

    /// Notes which parts of a holder have something.
    pub(super) fn hold(&mut self, holder: HolderId, parts: &BTreeSet<i64>) {
        for (kind, of_kind) in &self.parts {
            let held: Box<[i64]> =
                parts.iter().copied().filter(|part| of_kind.contains_key(part)).collect();
            let holders = self.holders.entry(*kind).or_default();
            if held.is_empty() {
                holders.remove(&holder);
            } else {
                holders.insert(holder, held);
            }
        }
    }

    /// Forgets what no holder has any more.
    pub(super) fn retain(
        &mut self,
        is_held: impl Fn(i64) -> bool,
        is_holder: impl Fn(HolderId) -> bool,
    ) {
        for parts in self.parts.values_mut() {
            parts.retain(|part, _| is_held(*part));
        }
        for holders in self.holders.values_mut() {
            holders.retain(|holder, _| is_holder(*holder));
        }
    }

    /// Takes in the findings of parts, which replace what was known of these parts.
    fn learn(&mut self, asked: &[i64], rows: &[DatabaseRow]) -> Result<(), StoreError> {
        for parts in self.parts.values_mut() {
            for part in asked {
                parts.remove(part);
            }
        }
        let mut read: BTreeMap<(Kind, i64), Vec<OtherEntry>> = BTreeMap::new();
        for row in rows {
            let (part, kind, entry) = self.entry(row)?;
            read.entry((kind, part)).or_default().push(entry);
        }
        for ((kind, part), entries) in read {
            self.parts.entry(kind).or_default().insert(part, entries.into());
        }
        Ok(())
    }

    fn entry(&mut self, row: &DatabaseRow) -> Result<(i64, Kind, OtherEntry), StoreError> {
        let kind: Kind = column::parsed(row, "kind", KIND)?;
        let level: Level = column::parsed(row, "level", LEVEL)?;
        let (id, record) = (column::text(row, "finding_id")?, column::text(row, "record")?);
        let extra: Option<String> = column::get(row, "extra")?;
        let facts: OtherFacts =
            extra.and_then(|extra| serde_json::from_str(&extra).ok()).unwrap_or_default();
        let key = match kind {
            Kind::Malware => facts.md5.clone().unwrap_or_else(|| id.clone()),
            _ => id.clone(),
        };
        let group = Group { kind, key, level, facts, id, title: column::text(row, "title")? };
        let entry = OtherEntry {
            group: self.group_of(group),
            number: column::number(row, "number")?,
            level,
            record: tally::hash_of(kind, &kept_record(&record)),
            first_seen: column::time(row, "first_seen")?,
        };
        Ok((column::number(row, "part_id")?, kind, entry))
    }

    /// The number of a group, of which the worst finding speaks.
    fn group_of(&mut self, group: Group) -> u32 {
        let key = (group.kind, group.key.clone());
        if let Some(number) = self.numbers.get(&key).copied() {
            if let Some(known) = self.groups.get_mut(number as usize)
                && (std::cmp::Reverse(group.level), &group.id)
                    < (std::cmp::Reverse(known.level), &known.id)
            {
                *known = group;
            }
            return number;
        }
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(group);
        self.numbers.insert(key, number);
        number
    }
}

impl Index {
    /// Reads which malicious and sensitive files parts have.
    pub(super) async fn read_others(
        &mut self,
        connection: &mut DatabaseConnection,
        parts: &[i64],
    ) -> Result<(), StoreError> {
        for chunk in parts.chunks(ROWS) {
            let mut query = QueryBuilder::new(
                "SELECT part_id, number, kind, finding_id, record, level, title, extra, first_seen \
                 FROM part_findings WHERE kind IN ('malware', 'secret') AND ",
            );
            push_in(&mut query, "part_id", chunk);
            query.push(" ORDER BY part_id, number");
            let rows = query.build().persistent(false).fetch_all(connection).await.doing(DOING)?;
            self.others.learn(chunk, &rows)?;
        }
        Ok(())
    }

    /// The same of an artifact whose report is kept whole.
    pub(super) async fn read_others_of_artifact(
        &mut self,
        connection: &mut DatabaseConnection,
        artifact: i64,
    ) -> Result<(), StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT -artifact_id AS part_id, number, kind, finding_id, record, level, title, extra, first_seen \
             FROM findings WHERE kind IN ('malware', 'secret') AND artifact_id = ",
        );
        query.push_bind(artifact).push(" ORDER BY number");
        let rows = query.build().fetch_all(connection).await.doing(DOING)?;
        self.others.learn(&[-artifact], &rows)
    }
}
