//! What the questions of a fleet cost.
//!
//! In: a made fleet. Out: figures, as rows of a table. Odd: the thousand changed advisories are new ones about packages
//! that the fleet has, in a snapshot that is compiled from the same feeds and them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll_advisory::{ImportOptions, MatchContext, Snapshot, import, match_packages};
use plimsoll_model::{NewIgnoreRule, Package, Timestamp};
use plimsoll_server::operation::judge::SnapshotJudge;
use plimsoll_store::{AffectedQuery, ImageRiskQuery, Judge, Refreshed, Store};

use crate::{
    Failure, Options,
    images::{digest, mix, report},
    lists,
    made::{self, Made},
    say, today,
};

/// New advisories of the second snapshot.
const CHANGED: u64 = 1_000;

pub(crate) async fn run(
    store: &Store,
    options: &Options,
    snapshot: &Arc<Snapshot>,
    made: &Made,
) -> Result<(), Failure> {
    let now = today(snapshot);
    say("| measure | figure |");
    say("|---|---|");
    matching(snapshot, made)?;
    affected(store).await?;
    lists::run(store, "after the start").await?;
    ignoring(store, now).await?;
    let changed = changed_snapshot(options, made)?;
    let begun = Instant::now();
    let changes = changed.changes_since(snapshot).ok_or("a snapshot is damaged")?;
    let compared = begun.elapsed();
    row(
        "comparing two snapshots",
        &format!("{} ({} names differ)", seconds(compared), changes.names.len()),
    );
    let judge = Arc::new(SnapshotJudge::new(Some(Arc::clone(&changed)), now));
    let begun = Instant::now();
    store.begin_refresh(judge.as_ref(), Some(&changes.names), changes.coverage, now).await?;
    finish(store, judge, now).await?;
    let took = begun.elapsed() + compared;
    let last = store.refreshes(1).await?.pop().ok_or("no refresh")?;
    let deltas = store.deltas_since(now, u32::MAX).await?;
    let newly: u64 = deltas.iter().map(|delta| delta.newly).sum();
    row(
        &format!("refresh with {CHANGED} changed advisories"),
        &format!(
            "{}: {} packages matched, {} with other findings, {} artifacts with other numbers, {} vulnerabilities in the delta, {newly} new hits",
            seconds(took),
            last.parts,
            last.changed,
            last.artifacts,
            deltas.len()
        ),
    );
    affected(store).await?;
    lists::run(store, "after a refresh").await?;
    let none = Arc::new(SnapshotJudge::new(None, now));
    store.begin_refresh(none.as_ref(), None, true, now).await?;
    finish(store, none, now).await?;
    let judge = Arc::new(SnapshotJudge::new(Some(Arc::clone(snapshot)), now));
    let begun = Instant::now();
    store.begin_refresh(judge.as_ref(), None, true, now).await?;
    finish(store, judge, now).await?;
    let took = begun.elapsed();
    let last = store.refreshes(1).await?.pop().ok_or("no refresh")?;
    row(
        "full re-match from nothing",
        &format!("{}: {} packages, {} artifacts", seconds(took), last.parts, last.artifacts),
    );
    size(store, options, made).await
}

async fn finish(store: &Store, judge: Arc<SnapshotJudge>, now: Timestamp) -> Result<(), Failure> {
    let judge: Arc<dyn Judge> = judge;
    match store.continue_refresh(judge, now, &|| true).await? {
        Refreshed::Done => Ok(()),
        other => Err(format!("the refresh ended as {other:?}").into()),
    }
}

/// 500 packages of several images, matched again and again.
fn matching(snapshot: &Snapshot, made: &Made) -> Result<(), Failure> {
    let mut packages: Vec<Package> = Vec::new();
    for number in (0..made.images).step_by(17) {
        let report = report(&made.names, number, None);
        if report.packages.len() >= 500 {
            packages = report.packages.into_iter().take(500).collect();
            break;
        }
    }
    if packages.len() < 500 {
        return Err("no image has 500 packages".into());
    }
    let mut times = Vec::new();
    let mut findings = 0;
    for _ in 0..200 {
        let begun = Instant::now();
        let matched = match_packages(&packages, snapshot, &MatchContext::default());
        times.push(begun.elapsed());
        findings = matched.findings.len();
    }
    times.sort();
    row(
        "match of a 500-package inventory, warm",
        &format!("{} median ({findings} findings)", milliseconds(times[times.len() / 2])),
    );
    Ok(())
}

/// First pages of the names that most images have, and of others.
async fn affected(store: &Store) -> Result<(), Failure> {
    let mut names = store.finding_ids(100_000).await?;
    names.sort_by_key(|name| mix(&name.bytes().map(u64::from).collect::<Vec<_>>()));
    names.truncate(1_500);
    let mut times: Vec<(Duration, u64, String)> = Vec::new();
    for name in &names {
        let begun = Instant::now();
        let page = store.affected(name, &AffectedQuery::default()).await?;
        times.push((begun.elapsed(), page.images, name.clone()));
    }
    let mut most: Vec<(u64, String)> =
        times.iter().map(|(_, images, name)| (*images, name.clone())).collect();
    most.sort_by(|a, b| b.cmp(a));
    row(
        "CVE → images, first page of 100 with total",
        &format!("{} over {} names", percentiles(&times), times.len()),
    );
    let mut popular = Vec::new();
    for (_, name) in most.iter().take(100).cycle().take(400) {
        let begun = Instant::now();
        let page = store.affected(name, &AffectedQuery::default()).await?;
        popular.push((begun.elapsed(), page.images, name.clone()));
    }
    let images = popular.iter().map(|(_, images, _)| *images);
    row(
        "the same, the hundred names with the most images",
        &format!(
            "{}; {} to {} images",
            percentiles(&popular),
            images.clone().min().unwrap_or(0),
            images.max().unwrap_or(0)
        ),
    );
    Ok(())
}

/// Rules on the vulnerability with the most images, and on one with about a tenth as many.
async fn ignoring(store: &Store, now: Timestamp) -> Result<(), Failure> {
    let mut names = Vec::new();
    for id in store.finding_ids(100_000).await?.into_iter().step_by(7) {
        let page = AffectedQuery { page_size: 1, ..AffectedQuery::default() };
        names.push((store.affected(&id, &page).await?.images, id));
    }
    names.sort();
    let most = names.last().cloned().ok_or("no vulnerability")?;
    let fewer = names.iter().rfind(|(images, _)| *images <= most.0 / 10).cloned();
    store.prepare_list().await?;
    for (_, id) in [Some(most), fewer].into_iter().flatten() {
        let rule = NewIgnoreRule {
            vulnerability: id,
            reason: "measured".to_owned(),
            author: "bench".to_owned(),
            ..NewIgnoreRule::default()
        };
        let begun = Instant::now();
        let added = store.add_ignore_rule(&rule, now).await?;
        let adding = begun.elapsed();
        let begun = Instant::now();
        store.list_image_risk(&ImageRiskQuery::default()).await?;
        let listing = begun.elapsed();
        let images = store.ignore_rule(added.id).await?.map_or(0, |found| found.images);
        let begun = Instant::now();
        store.remove_ignore_rules(&[added.id], now).await?;
        row(
            &format!("an ignore rule that covers something in {images} images"),
            &format!(
                "made in {}, the list follows in {}, taken back in {}",
                seconds(adding),
                seconds(listing),
                seconds(begun.elapsed())
            ),
        );
    }
    Ok(())
}

fn percentiles(times: &[(Duration, u64, String)]) -> String {
    let mut times: Vec<Duration> = times.iter().map(|(time, ..)| *time).collect();
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    format!(
        "p50 {}, p99 {}, most {}",
        milliseconds(at(50)),
        milliseconds(at(99)),
        milliseconds(at(100))
    )
}

/// A snapshot of the same feeds and of a thousand advisories that were published since.
fn changed_snapshot(options: &Options, made: &Made) -> Result<Arc<Snapshot>, Failure> {
    let path = options.data.join("changed.snapshot");
    if !path.exists() {
        let folder = options.data.join("changed");
        std::fs::create_dir_all(&folder)?;
        write_advisories(&folder, made)?;
        let mut paths = options.advisories.clone();
        paths.push(folder);
        import(&paths, &path, &ImportOptions::default(), &mut |_| {})?;
    }
    Ok(Arc::new(Snapshot::open(&path)?))
}

fn write_advisories(folder: &Path, made: &Made) -> Result<(), Failure> {
    let mut names: BTreeMap<(String, String), Package> = BTreeMap::new();
    for number in (0..made.images).step_by(31) {
        for package in report(&made.names, number, None).packages {
            names.entry((package.ecosystem.0.clone(), package.name.clone())).or_insert(package);
        }
    }
    let mut names: Vec<Package> = names.into_values().collect();
    names.sort_by_key(|package| mix(&package.purl.bytes().map(u64::from).collect::<Vec<_>>()));
    for (number, package) in (0..CHANGED).zip(names.iter().cycle()) {
        let ecosystem = match &package.release {
            Some(release) => format!("{}:{release}", package.ecosystem.0),
            None => package.ecosystem.0.clone(),
        };
        let id = format!("CVE-2026-{}", 900_000 + number);
        let record = serde_json::json!({
            "schema_version": "1.7.0", "id": id, "modified": "2026-08-22T20:00:00Z",
            "published": "2026-08-01T00:00:00Z", "summary": format!("A made vulnerability of {}", package.name),
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
            "affected": [{ "package": { "ecosystem": ecosystem, "name": package.name },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }] }] }],
        });
        std::fs::write(folder.join(format!("{id}.json")), serde_json::to_vec(&record)?)?;
    }
    Ok(())
}

/// The database's size, and what more images of known inventories add.
async fn size(store: &Store, options: &Options, made: &Made) -> Result<(), Failure> {
    const MORE: u32 = 5_000;
    store.shrink().await?;
    let before = store.size().await?;
    let judge = SnapshotJudge::new(
        Some(Arc::new(Snapshot::open(&options.data.join("advisories.snapshot"))?)),
        today(&Snapshot::open(&options.data.join("advisories.snapshot"))?),
    );
    let now = today(&Snapshot::open(&options.data.join("advisories.snapshot"))?);
    let registry = store.registry("fleet").await?.ok_or("no registry")?;
    let mut reports = Vec::new();
    let mut images = Vec::new();
    for number in 0..MORE.min(made.images) {
        let mut report = report(&made.names, number, judge.feed());
        report.image.digest = Some(digest(&[u64::from(number), 99]));
        let mut image = made::image(number, &report);
        image.tag = format!("2.{}", number % 100);
        images.push(image);
        reports.push(report);
    }
    let listing = plimsoll_store::SyncListing { images, ..plimsoll_store::SyncListing::default() };
    store.apply_sync(registry.id, &listing, now).await?;
    let taken = store.take_in(&reports, "made", &judge, now).await?;
    store.shrink().await?;
    let after = store.size().await?;
    row(
        "size of the store",
        &format!(
            "{} MiB, {} bytes an image in all; {} bytes for each further image of a known inventory ({taken} added)",
            before >> 20,
            before / u64::from(made.images.max(1)),
            (after - before) / u64::try_from(taken.max(1))?
        ),
    );
    Ok(())
}

pub(crate) fn row(measure: &str, figure: &str) {
    say(&format!("| {measure} | {figure} |"));
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
