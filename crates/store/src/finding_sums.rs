//! Sums over the findings of a selection of images.
//!
//! In: what selects images. Out: [`FindingSums`], made of counters alone. Odd: without a selection the sums of all images are
//! read from memory; images with equal digests count each, as they do in lists.

use plimsoll_model::{Kind, RuleType};

use crate::{
    ImageSelection, Store, StoreError, column,
    error::Doing,
    findings::KIND,
    image_selection::push_selection,
    own_counters::{own_counters, own_counters_join},
    statement::QueryBuilder,
};

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
        push_selection(&mut sql, selection);
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

    /// What ignore rules take out of these sums: records of which nothing is left in an image.
    ///
    /// # Errors
    /// The database fails.
    pub async fn ignored_sums(
        &self,
        selection: &ImageSelection,
    ) -> Result<FindingSums, StoreError> {
        const DOING: &str = "summing up what is ignored";
        let mut sql = QueryBuilder::new(
            "SELECT DISTINCT g.image_id, g.kind, g.record FROM ignored_records g JOIN images i ON i.id = g.image_id \
             JOIN registries r ON r.id = i.registry_id WHERE g.is_whole = 1",
        );
        push_selection(&mut sql, selection);
        let rows = sql.build().fetch_all(&mut *self.read().await?).await.doing(DOING)?;
        let mut sums = FindingSums::default();
        for row in &rows {
            let record = column::text(row, "record")?;
            match column::parsed(row, "kind", KIND)? {
                Kind::Vulnerability => match RuleType::of_record(&record) {
                    RuleType::Cve => sums.cve += 1,
                    RuleType::Sca => sums.sca += 1,
                },
                Kind::Baseline => sums.baseline += 1,
                Kind::Malware => sums.malicious += 1,
                Kind::Secret | Kind::Build | Kind::License => {}
            }
        }
        Ok(sums)
    }
}
