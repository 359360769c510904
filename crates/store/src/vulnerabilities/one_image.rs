//! All vulnerabilities of one image, with what is known of each.
//!
//! In: an image of a selection. Out: its [`VulnerabilityInstance`]s, in the order of lists: those that count before those that
//! do not, then by priority, score and name. Odd: what its packages have comes from its report; since when, from the
//! rows of its parts; what it no longer has, from the parts' rows and from what its tag named before.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use plimsoll_model::{
    Digest, Ecosystem, Finding, IgnoreRule, Kind, Origin, Package, Priority, RecordName, Report,
    Subject, Timestamp,
};

use super::{
    DOING, InstanceState, Selected, VulnerabilityInstance,
    ignored::rules_of,
    index::{Entry, HolderId, Index, Standing, State},
    instances::WorkloadPlace,
    would_be,
};
use crate::{
    ImageRow, ImageSelection, StoreError, artifacts,
    closed_findings::{self, ClosedFinding},
    column,
    database::{DatabaseConnection, DatabaseRow},
    error::Doing,
    items::finding_number,
    listing::{MEETINGS, push_in},
    parts::Times,
    statement::{self, QueryBuilder},
};

/// A package with a vulnerability.
#[derive(Clone, PartialEq, Debug)]
pub struct VulnerablePackage {
    /// What is said of it.
    pub finding: Finding,
    /// The package with the places where it lies; `None`: the report knows it by its URL alone.
    pub package: Option<Package>,
}

/// An artifact with all that is needed of it here.
struct Contents {
    digest: Digest,
    scanned: i64,
    first_scanned: i64,
    report: Report,
    times: HashMap<String, Times>,
    closed: Vec<ClosedFinding>,
}

/// Parts of one statement.
const ROWS: usize = 500;

/// The vulnerabilities that what a tag named before had, and that it no longer has. One that a newer release of the
/// distribution has under another name is not gone.
pub(super) fn gone(index: &Index, image: &Selected) -> Vec<Entry> {
    let Some(previous) = image.previous.filter(|previous| *previous != image.holder) else {
        return Vec::new();
    };
    let identity = |entry: &Entry| {
        let name = index.record(entry.record)?.name.parse::<RecordName>().ok()?;
        let package = match &name {
            RecordName::System { .. } => None,
            RecordName::Application { package, .. } => Some(package.clone()),
        };
        Some((name.id().to_owned(), package))
    };
    let present: BTreeSet<_> = index.entries(image.holder).iter().filter_map(identity).collect();
    let before = index.entries(previous).into_iter();
    before
        .filter(|entry| entry.standing.state == State::Open)
        .filter(|entry| identity(entry).is_some_and(|identity| !present.contains(&identity)))
        .collect()
}

/// The vulnerabilities of an image, in order.
pub(super) async fn read(
    connection: &mut DatabaseConnection,
    index: &Index,
    image: &Selected,
    selection: &ImageSelection,
) -> Result<Vec<VulnerabilityInstance>, StoreError> {
    let row = statement::query(
        "SELECT i.*, r.name AS registry, r.authority, r.region_id FROM images i JOIN registries r ON r.id = i.registry_id \
         WHERE i.id = $1",
    )
    .bind(image.image)
    .fetch_one(connection)
    .await
    .doing(DOING)?;
    let runs_in = runs_in(connection, image.image, selection).await?;
    let artifact = column::number(&row, "artifact_id")?;
    let Some(contents) = contents(connection, index, artifact, image.holder).await? else {
        return Ok(Vec::new());
    };
    let frame = Frame::new(&row, &contents, runs_in)?;
    let mut instances = contents.instances(&frame, &rules_of(connection, image.image).await?);
    let gone = gone(index, image);
    if !gone.is_empty()
        && let Some(previous) = image.previous
    {
        let before = column::number(&row, "previous_artifact_id")?;
        if let Some(earlier) = self::contents(connection, index, before, previous).await? {
            let names: BTreeSet<&str> = gone
                .iter()
                .filter_map(|entry| index.record(entry.record))
                .map(|record| record.name.as_str())
                .collect();
            let moved = Frame {
                digest: earlier.digest,
                layers: earlier.report.image.layers.clone(),
                operating_system: operating_system(&earlier.report.packages),
                fixed: Some(contents.first_scanned),
                ..frame
            };
            let instances_before = earlier.instances(&moved, &[]);
            instances.extend(
                instances_before.into_iter().filter(|one| names.contains(one.name.as_str())),
            );
        }
    }
    instances.sort_by_cached_key(VulnerabilityInstance::sort_key);
    Ok(instances)
}

async fn contents(
    connection: &mut DatabaseConnection,
    index: &Index,
    artifact: i64,
    holder: HolderId,
) -> Result<Option<Contents>, StoreError> {
    let row = statement::query(
        "SELECT a.digest, COALESCE(t.succeeded, a.scanned) AS scanned, COALESCE(a.first_scanned, a.scanned) AS first_scanned \
         FROM artifacts a LEFT JOIN tasks t ON t.artifact_id = a.id WHERE a.id = $1 AND a.scanned IS NOT NULL",
    )
    .bind(artifact)
    .fetch_optional(connection)
    .await
    .doing(DOING)?;
    let Some(row) = row else { return Ok(None) };
    let digest = column::artifact(&row, "digest")?.digest;
    let Some(report) = artifacts::report(connection, artifact).await? else { return Ok(None) };
    let parts = index.parts_of(holder);
    let mut times: HashMap<String, Times> = HashMap::new();
    if holder < 0 {
        let mut query = QueryBuilder::new(
            "SELECT record, first_seen, modified FROM findings WHERE kind = 'vulnerability' AND artifact_id = ",
        );
        query.push_bind(artifact);
        let rows = query.build().fetch_all(connection).await.doing(DOING)?;
        note_times(&mut times, &rows)?;
    }
    for chunk in parts.chunks(ROWS) {
        let mut query = QueryBuilder::new(
            "SELECT record, first_seen, modified FROM part_findings WHERE kind = 'vulnerability' AND ",
        );
        push_in(&mut query, "part_id", chunk);
        let rows = query.build().persistent(false).fetch_all(connection).await;
        note_times(&mut times, &rows.doing(DOING)?)?;
    }
    Ok(Some(Contents {
        digest,
        scanned: column::number(&row, "scanned")?,
        first_scanned: column::number(&row, "first_scanned")?,
        report,
        times,
        closed: closed_findings::of_parts(connection, &parts).await?,
    }))
}

/// The earliest and the latest where several packages have a vulnerability.
fn note_times(times: &mut HashMap<String, Times>, rows: &[DatabaseRow]) -> Result<(), StoreError> {
    for row in rows {
        let own = Times {
            first_seen: column::get(row, "first_seen")?,
            modified: column::get(row, "modified")?,
        };
        let known = times.entry(column::text(row, "record")?).or_insert(own);
        known.first_seen = known.first_seen.min(own.first_seen);
        known.modified = known.modified.max(own.modified);
    }
    Ok(())
}

/// What all instances of an image share.
#[derive(Clone)]
struct Frame {
    image: ImageRow,
    registry: String,
    authority: String,
    region_id: String,
    digest: Digest,
    operating_system: Option<(Ecosystem, Option<String>)>,
    layers: Vec<Digest>,
    scanned: i64,
    /// All that counted is gone since then.
    fixed: Option<i64>,
    runs_in: Option<WorkloadPlace>,
}

impl Frame {
    fn new(
        row: &DatabaseRow,
        contents: &Contents,
        runs_in: Option<WorkloadPlace>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            image: ImageRow::from_row(row)?,
            registry: column::text(row, "registry")?,
            authority: column::text(row, "authority")?,
            region_id: column::text(row, "region_id")?,
            digest: contents.digest,
            operating_system: operating_system(&contents.report.packages),
            layers: contents.report.image.layers.clone(),
            scanned: contents.scanned,
            fixed: None,
            runs_in,
        })
    }
}

/// The distribution that most packages are of.
fn operating_system(packages: &[Package]) -> Option<(Ecosystem, Option<String>)> {
    let mut counts: BTreeMap<(&Ecosystem, &Option<String>), usize> = BTreeMap::new();
    for package in packages {
        let is_system = |row: &plimsoll_model::ecosystem::Row| row.origin == Origin::System;
        if package.ecosystem.row().is_some_and(is_system) {
            *counts.entry((&package.ecosystem, &package.release)).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(key, count)| (*count, Reverse(*key)));
    most.map(|((ecosystem, release), _)| (ecosystem.clone(), release.clone()))
}

impl Contents {
    /// Everything that it has or had, one instance a vulnerability.
    fn instances(&self, frame: &Frame, rules: &[IgnoreRule]) -> Vec<VulnerabilityInstance> {
        let packages: HashMap<&str, &Package> =
            self.report.packages.iter().map(|package| (package.purl.as_str(), package)).collect();
        let with_package = |finding: &Finding| {
            let package = match &finding.subject {
                Subject::Purl(purl) => {
                    packages.get(purl.as_str()).map(|package| (*package).clone())
                }
                Subject::Path(_) | Subject::Image(_) => None,
            };
            VulnerablePackage { finding: finding.clone(), package }
        };
        let mut found: BTreeMap<&str, (State, Vec<VulnerablePackage>, Option<Times>)> =
            BTreeMap::new();
        let vulnerabilities =
            self.report.findings.iter().filter(|finding| finding.kind == Kind::Vulnerability);
        for finding in vulnerabilities {
            let state = match finding.is_open() {
                false => State::Suppressed,
                true if rules.iter().any(|rule| rule.rule.covers(finding)) => State::Ignored,
                true => State::Open,
            };
            let times = self.times.get(&finding.record).copied();
            let known = found.entry(&finding.record).or_insert((state, Vec::new(), times));
            if state > known.0 {
                *known = (state, Vec::new(), times);
            }
            if state == known.0 {
                known.1.push(with_package(finding));
            }
        }
        for closed in &self.closed {
            match found.get_mut(closed.record.as_str()) {
                Some((State::Suppressed, _, times)) => {
                    let known = times.get_or_insert(closed.times);
                    known.first_seen = known.first_seen.min(closed.times.first_seen);
                    known.modified = known.modified.max(closed.times.modified);
                }
                Some((State::Open | State::Ignored, ..)) => {}
                Some((State::Ended, packages, _)) => packages.push(with_package(&closed.finding)),
                None => {
                    let packages = vec![with_package(&closed.finding)];
                    found.insert(&closed.record, (State::Ended, packages, Some(closed.times)));
                }
            }
        }
        found
            .into_iter()
            .map(|(name, (state, packages, times))| {
                let times = times.unwrap_or(Times {
                    first_seen: self.first_scanned,
                    modified: self.first_scanned,
                });
                let first_seen = times.first_seen.max(self.first_scanned);
                let priority = packages.iter().map(|one| would_be(&one.finding)).max();
                let modified = frame.fixed.unwrap_or(times.modified.max(first_seen));
                VulnerabilityInstance {
                    image: frame.image.clone(),
                    registry: frame.registry.clone(),
                    authority: frame.authority.clone(),
                    region_id: frame.region_id.clone(),
                    digest: frame.digest,
                    operating_system: frame.operating_system.clone(),
                    layers: frame.layers.clone(),
                    name: name.to_owned(),
                    packages,
                    state: match (frame.fixed, state) {
                        (Some(_), _) | (None, State::Ended) => InstanceState::Fixed,
                        (None, State::Suppressed) => InstanceState::Suppressed,
                        (None, State::Ignored) => InstanceState::Ignored,
                        (None, State::Open) => InstanceState::Open,
                    },
                    priority: priority.unwrap_or(Priority::Nntf),
                    first_seen: Timestamp(first_seen),
                    modified: Timestamp(modified),
                    scanned: Timestamp(frame.scanned),
                    runs_in: frame.runs_in.clone(),
                }
            })
            .collect()
    }
}

impl VulnerabilityInstance {
    /// Identity of this vulnerability in this image, the same after every scan: 49 bits, since clients that keep no more than 15 digits
    /// must read it.
    #[must_use]
    pub fn primary_id(&self) -> i64 {
        finding_number(&self.image.uuid, &self.name)
    }

    fn sort_key(&self) -> (InstanceState, Reverse<Priority>, Reverse<u16>, String) {
        let tenths = self.packages.iter().filter_map(|one| one.finding.urgency.as_ref());
        let tenths = tenths.map(|urgency| urgency.tenths).max().unwrap_or_default();
        (self.state, Reverse(self.priority), Reverse(tenths), self.name.clone())
    }

    pub(super) fn standing(&self) -> Standing {
        let state = match self.state {
            InstanceState::Open => State::Open,
            InstanceState::Suppressed => State::Suppressed,
            InstanceState::Ignored => State::Ignored,
            InstanceState::Fixed => State::Ended,
        };
        Standing { state, priority: self.priority }
    }
}

/// Where an image runs: the first place that fulfils what is asked of workloads.
pub(crate) async fn runs_in(
    connection: &mut DatabaseConnection,
    image: i64,
    selection: &ImageSelection,
) -> Result<Option<WorkloadPlace>, StoreError> {
    let asked = [
        ("w.cluster_id", &selection.cluster_id),
        ("w.namespace", &selection.namespace),
        ("w.pod", &selection.pod),
    ];
    let mut first: Option<WorkloadPlace> = None;
    for meeting in MEETINGS {
        let mut sql = QueryBuilder::new(
            "SELECT w.cluster_id, w.namespace, w.pod FROM workloads w JOIN images i ON ",
        );
        sql.push(meeting).push(" AND i.id = ").push_bind(image);
        for (name, value) in &asked {
            if let Some(value) = value {
                sql.push(" AND ").push(*name).push(" = ").push_bind((*value).clone());
            }
        }
        sql.push(" ORDER BY w.cluster_id, w.namespace, w.pod LIMIT 1");
        let row = sql.build().fetch_optional(connection).await.doing(DOING)?;
        let Some(row) = row else { continue };
        let place = WorkloadPlace {
            cluster_id: column::text(&row, "cluster_id")?,
            namespace: column::text(&row, "namespace")?,
            pod: column::text(&row, "pod")?,
        };
        if first.as_ref().is_none_or(|known| place < *known) {
            first = Some(place);
        }
    }
    Ok(first)
}
