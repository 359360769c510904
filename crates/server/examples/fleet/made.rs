//! Writes the fleet through the store's own ways: a sync for the images, reports in bulk for what they hold.

use std::time::Instant;

use plimsoll_advisory::Snapshot;
use plimsoll_model::{Report, Timestamp};
use plimsoll_server::operation::judge::SnapshotJudge;
use plimsoll_store::{
    Judge, NetType, RegistrySettings, RepoType, Store, SyncListing, SyncedImage, UrlScheme,
};

use crate::{
    Failure,
    images::{Names, TAGS, digest, path, report},
    say,
};

/// Images of one part of the work.
const AT_ONCE: u32 = 2_000;

/// What was made.
pub(crate) struct Made {
    pub(crate) names: Names,
    pub(crate) images: u32,
    /// Pairs of an image and a package that it has.
    pub(crate) package_rows: u64,
}

pub(crate) async fn fleet(
    store: &Store,
    snapshot: &Snapshot,
    judge: &SnapshotJudge,
    images: u32,
    now: Timestamp,
) -> Result<Made, Failure> {
    let names = Names::of(snapshot);
    let registry = match store.registry("fleet").await? {
        Some(registry) => registry,
        None => store.add_registry(&settings(), now).await?,
    };
    let have = store.risk_overview().await?;
    let mut made = Made { names, images, package_rows: 0 };
    let started = Instant::now();
    for first in (0..images).step_by(AT_ONCE as usize) {
        let numbers = first..images.min(first + AT_ONCE);
        let reports: Vec<Report> =
            numbers.clone().map(|number| report(&made.names, number, judge.feed())).collect();
        made.package_rows += reports.iter().map(|report| report.packages.len() as u64).sum::<u64>();
        if have.images >= u64::from(images) && have.not_scanned == 0 {
            continue;
        }
        let listing = SyncListing {
            images: numbers.zip(&reports).map(|(number, report)| image(number, report)).collect(),
            ..SyncListing::default()
        };
        store.apply_sync(registry.id, &listing, now).await?;
        let taken = store.take_in(&reports, "made", judge, now).await?;
        if taken != reports.len() {
            return Err(format!("{taken} of {} reports were taken in", reports.len()).into());
        }
        say(&format!("{} images after {} s", first + AT_ONCE, started.elapsed().as_secs()));
    }
    Ok(made)
}

impl Made {
    pub(crate) async fn lines(&self, store: &Store) -> Result<Vec<String>, Failure> {
        let counts = store.inventory_counts().await?;
        Ok(vec![format!(
            "{} images, {} package rows, {} inventories, {} distinct packages, {} findings of them",
            self.images, self.package_rows, counts.inventories, counts.packages, counts.findings
        )])
    }
}

fn settings() -> RegistrySettings {
    RegistrySettings {
        name: "fleet".to_owned(),
        kind: "oci".to_owned(),
        reported_type: "oci".to_owned(),
        scheme: UrlScheme::Https,
        host: "registry.test".to_owned(),
        port: None,
        username: None,
        password: None,
        region_id: "local".to_owned(),
        net_type: NetType::Internet,
        ca_pem: None,
        repositories: Vec::new(),
        platform: None,
        adapter: plimsoll_store::AdapterSettings::default(),
    }
}

pub(crate) fn image(number: u32, report: &Report) -> SyncedImage {
    let manifest = report.image.digest.unwrap_or_else(|| digest(&[0]));
    SyncedImage {
        path: path(number),
        tag: format!("1.{}", number % TAGS),
        digest: manifest,
        manifest_digest: manifest,
        platform: plimsoll_model::Platform::host(),
        image_id: report.image.id.unwrap_or(manifest),
        size: report.image.size,
        repo_type: RepoType::Private,
        tag_immutable: false,
        created: None,
        updated: None,
    }
}
