//! What the lists of vulnerabilities cost.
//!
//! In: a made fleet. Out: figures, as rows of a table. Odd: the first list makes the index in memory; those behind a refresh
//! have all counted again.

use std::time::{Duration, Instant};

use plimsoll_model::{Origin, Priority};
use plimsoll_store::{
    GroupedQuery, ImageRiskQuery, ImageSelection, InstanceQuery, InstanceStates, Store,
    VulnerabilityFilter,
};

use crate::{
    Failure,
    bench::{milliseconds, row},
};

/// How often each list is asked for.
const TIMES: usize = 50;
const OPEN: InstanceStates = InstanceStates { open: true, dealt_with: false, fixed: false };

pub(crate) async fn run(store: &Store, when: &str) -> Result<(), Failure> {
    let begun = Instant::now();
    let first = GroupedQuery { page: 1, page_size: 20, ..GroupedQuery::default() };
    let total = store.grouped_vulnerabilities(&first).await?.total;
    row(
        &format!("first grouped list {when}"),
        &format!("{} ({total} vulnerabilities)", milliseconds(begun.elapsed())),
    );
    let last = u32::try_from(total.div_ceil(20)).unwrap_or(u32::MAX);
    let urgent = VulnerabilityFilter {
        origin: Some(Origin::System),
        priority: Some(Priority::Later),
        ..VulnerabilityFilter::default()
    };
    let images = store.list_image_risk(&ImageRiskQuery::default()).await?.items;
    let image = images.first().ok_or("no image")?.image.clone();
    let of_repository =
        ImageSelection { repo_id: Some(image.repo_id), ..ImageSelection::default() };
    for (name, query) in [
        ("grouped list, first page of 20", first.clone()),
        ("the same, the last page", GroupedQuery { page: last, ..first.clone() }),
        ("the same, by type and priority", GroupedQuery { filter: urgent, ..first.clone() }),
        ("the same, of one repository", GroupedQuery { images: of_repository, ..first }),
    ] {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begun = Instant::now();
            store.grouped_vulnerabilities(&query).await?;
            times.push(begun.elapsed());
        }
        figures(name, times);
    }
    let of_image = ImageSelection { uuid: Some(image.uuid), ..ImageSelection::default() };
    let all = InstanceQuery { states: OPEN, page: 1, page_size: 10, ..InstanceQuery::default() };
    for (name, query) in [
        (
            "vulnerabilities of one image, first page of 10",
            InstanceQuery { images: of_image, ..all.clone() },
        ),
        ("vulnerabilities of all images, first page of 10", all),
    ] {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begun = Instant::now();
            store.vulnerability_instances(&query).await?;
            times.push(begun.elapsed());
        }
        figures(name, times);
    }
    Ok(())
}

fn figures(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let most = times[times.len() - 1];
    row(
        name,
        &format!("median {}, most {}", milliseconds(times[times.len() / 2]), milliseconds(most)),
    );
}
