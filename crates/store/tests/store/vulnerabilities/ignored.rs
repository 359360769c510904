//! Lists of vulnerabilities where ignore rules hold.

use plimsoll_model::{NewIgnoreRule, Origin, Priority};
use plimsoll_store::{
    GroupedQuery, ImageRiskQuery, ImageSelection, InstanceQuery, InstanceState, VulnerabilityFilter,
};

use super::{CLOSED, OPEN, fleet, instances, short};
use crate::builders::{Fixture, after};

/// Each image's numbers are the totals of its lists.
async fn assert_images_agree(fixture: &Fixture) {
    let query = ImageRiskQuery { page_size: 100, ..ImageRiskQuery::default() };
    for image in fixture.store.list_image_risk(&query).await.unwrap().items {
        let total = async |origin, priority| {
            let query = InstanceQuery {
                images: ImageSelection {
                    uuid: Some(image.image.uuid.clone()),
                    ..ImageSelection::default()
                },
                filter: VulnerabilityFilter { origin, priority, ..VulnerabilityFilter::default() },
                states: OPEN,
                ..InstanceQuery::default()
            };
            u32::try_from(instances(fixture, query).await.len()).unwrap()
        };
        let counters = image.counters;
        assert_eq!(total(Some(Origin::System), None).await, counters.cve);
        for (priority, wanted) in [
            (Priority::Asap, counters.asap),
            (Priority::Later, counters.later),
            (Priority::Nntf, counters.nntf),
        ] {
            assert_eq!(total(None, Some(priority)).await, wanted, "{} {priority}", image.image.tag);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_ignore_is_listed_apart() {
    let (fixture, ..) = fleet(&[]).await;
    let rule = |vulnerability: &str| NewIgnoreRule {
        vulnerability: vulnerability.to_owned(),
        reason: "not reachable".to_owned(),
        author: "test".to_owned(),
        ..NewIgnoreRule::default()
    };
    let all = async || {
        let query = GroupedQuery { page: 1, page_size: 100, ..GroupedQuery::default() };
        let page = fixture.store.grouped_vulnerabilities(&query).await.unwrap();
        let groups = page.items.into_iter();
        groups
            .map(|one| (one.finding.id, [one.asap, one.later, one.nntf], one.is_ignored))
            .collect::<Vec<_>>()
    };
    let row = |id: &str, counts, is_ignored| (id.to_owned(), counts, is_ignored);
    assert_images_agree(&fixture).await;
    let before = all().await;
    // In one repository: it counts elsewhere.
    let in_a = NewIgnoreRule { repositories: vec!["team/a".to_owned()], ..rule("CVE-1") };
    let in_a = fixture.store.add_ignore_rule(&in_a, after(1)).await.unwrap();
    assert_images_agree(&fixture).await;
    assert_eq!(
        all().await,
        [
            row("CVE-3", [2, 0, 0], false),
            row("CVE-4", [0, 4, 0], false),
            row("CVE-1", [0, 1, 0], false),
            row("CVE-2", [0, 0, 3], false),
        ]
    );
    let closed = InstanceQuery { states: CLOSED, ..InstanceQuery::default() };
    let dealt_with = instances(&fixture, closed.clone()).await;
    assert_eq!(short(&dealt_with), ["team/a:1 CVE-1", "team/a:latest CVE-1"]);
    assert!(dealt_with.iter().all(|one| one.state == InstanceState::Ignored));
    fixture.store.remove_ignore_rules(&[in_a.id], after(2)).await.unwrap();
    assert_eq!(all().await, before);
    // In one package: what is left is less urgent.
    let in_library = NewIgnoreRule { package: Some("libssl3".to_owned()), ..rule("CVE-1") };
    let in_library = fixture.store.add_ignore_rule(&in_library, after(3)).await.unwrap();
    assert_images_agree(&fixture).await;
    assert!(all().await.contains(&row("CVE-1", [0, 3, 0], false)));
    assert_eq!(instances(&fixture, closed.clone()).await, []);
    fixture.store.remove_ignore_rules(&[in_library.id], after(4)).await.unwrap();
    // Everywhere: behind all that counts.
    let everywhere = fixture.store.add_ignore_rule(&rule("CVE-3"), after(5)).await.unwrap();
    assert_images_agree(&fixture).await;
    let groups = all().await;
    assert_eq!(groups.last(), Some(&row("CVE-3", [2, 0, 0], true)));
    assert_eq!(groups.len(), 4);
    fixture.store.remove_ignore_rules(&[everywhere.id], after(6)).await.unwrap();
    assert_eq!(all().await, before);
    assert_eq!(instances(&fixture, closed).await, []);
}
