//! Sums over the findings of a selection of images.
//!
//! In: what selects images. Out: [`FindingSums`], made of counters alone. Odd: without a selection the sums of all images are
//! read from memory; images with equal digests count each, as they do in lists.

use plimsoll_model::Digest;

use crate::{
    Store, StoreError, column,
    error::Doing,
    images::dashed,
    listing::{MEETINGS, push_in},
    own_counters::{own_counters, own_counters_join},
    statement::QueryBuilder,
};

/// Which images; what is given is combined with "and".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageSelection {
    /// This one, by its id with or without dashes.
    pub uuid: Option<String>,
    /// These, likewise; at most some thousand.
    pub uuids: Vec<String>,
    /// What their tag or, for an index, their platform's manifest names.
    pub digest: Option<Digest>,
    /// Their tag.
    pub tag: Option<String>,
    /// Id of their repository.
    pub repo_id: Option<String>,
    /// Region of their registry.
    pub region_id: Option<String>,
    /// A cluster in which they run.
    pub cluster_id: Option<String>,
}

/// Open findings by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FindingSums {
    /// System vulnerabilities.
    pub cve: u64,
    /// Application vulnerabilities.
    pub sca: u64,
    /// Failed baseline checks.
    pub baseline: u64,
    /// Malicious files.
    pub malicious: u64,
}

impl Store {
    /// The sums over the images of a selection.
    ///
    /// # Errors
    /// The database fails.
    pub async fn finding_sums(
        &self,
        selection: &ImageSelection,
    ) -> Result<FindingSums, StoreError> {
        if *selection == ImageSelection::default() {
            let (listing, _snapshot) = self.current_listing().await?;
            return Ok(listing.finding_sums());
        }
        let mut sql = QueryBuilder::new(concat!(
            "SELECT CAST(COALESCE(SUM(o.cve), 0) AS BIGINT) AS cve, CAST(COALESCE(SUM(o.sca), 0) AS BIGINT) AS sca, \
             CAST(COALESCE(SUM(o.baseline_high + o.baseline_medium + o.baseline_low), 0) AS BIGINT) AS baseline, \
             CAST(COALESCE(SUM(o.malicious_serious + o.malicious_suspicious + o.malicious_remind), 0) AS BIGINT) \
             AS malicious FROM (SELECT ",
            own_counters!(),
            " FROM images i JOIN registries r ON r.id = i.registry_id JOIN artifacts a ON a.id = i.artifact_id",
            own_counters_join!(),
            " WHERE 1 = 1"
        ));
        let texts = [
            ("i.uuid", selection.uuid.as_deref().map(dashed)),
            ("i.tag", selection.tag.clone()),
            ("i.repo_id", selection.repo_id.clone()),
            ("r.region_id", selection.region_id.clone()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                sql.push(" AND ").push(name).push(" = ").push_bind(value);
            }
        }
        if !selection.uuids.is_empty() {
            let uuids: Vec<String> = selection.uuids.iter().map(|uuid| dashed(uuid)).collect();
            sql.push(" AND ");
            push_in(&mut sql, "i.uuid", &uuids);
        }
        if let Some(digest) = selection.digest {
            let digest = digest.to_string();
            sql.push(" AND (i.digest = ").push_bind(digest.clone());
            sql.push(" OR i.manifest_digest = ").push_bind(digest).push(")");
        }
        if let Some(cluster) = &selection.cluster_id {
            sql.push(" AND i.id IN (");
            for (number, meeting) in MEETINGS.into_iter().enumerate() {
                sql.push(if number == 0 { "" } else { " UNION " });
                sql.push("SELECT i.id FROM workloads w JOIN images i ON ").push(meeting);
                sql.push(" AND w.cluster_id = ").push_bind(cluster.clone());
            }
            sql.push(")");
        }
        sql.push(") AS o");
        let row = sql.build().fetch_one(&mut *self.read().await?).await;
        let row = row.doing("summing up findings")?;
        Ok(FindingSums {
            cve: column::number(&row, "cve")?,
            sca: column::number(&row, "sca")?,
            baseline: column::number(&row, "baseline")?,
            malicious: column::number(&row, "malicious")?,
        })
    }
}
