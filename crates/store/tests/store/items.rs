//! Findings besides vulnerabilities across images against a naive model: every list is what the reports and the rules say.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::{Digest, Finding, IgnoreRule, Kind, Level};
use plimsoll_store::{ImageRisk, ImageSelection, Item, ItemImagesQuery, ItemState, finding_number};

use crate::{
    builders::{Fixture, NOW, after, digest, image, report, risk},
    ignoring::World,
};

const KINDS: [Kind; 4] = [Kind::Baseline, Kind::Malware, Kind::Secret, Kind::Build];
const STATES: [ItemState; 3] = [ItemState::Open, ItemState::Ignored, ItemState::FalsePositive];

/// How each record of a kind stands in an image, by record and id.
type Standing = BTreeMap<(String, String), ItemState>;

fn standing(kind: Kind, findings: &[(Finding, BTreeSet<i64>)], rules: &[IgnoreRule]) -> Standing {
    let rule = |id: &i64| rules.iter().find(|rule| rule.id == *id).unwrap();
    let is_off = |finding: &Finding| {
        rules.iter().any(|rule| {
            rule.rule.switched_off
                && rule.rule.kind == kind
                && rule.rule.vulnerability.eq_ignore_ascii_case(&finding.id)
        })
    };
    let mut standing = Standing::new();
    for (finding, covering) in findings {
        if finding.kind != kind || is_off(finding) {
            continue;
        }
        let state = match covering.iter().map(rule).map(|rule| rule.rule.false_positive).min() {
            None => ItemState::Open,
            Some(false) => ItemState::Ignored,
            Some(true) => ItemState::FalsePositive,
        };
        standing.insert((finding.record.clone(), finding.id.clone()), state);
    }
    standing
}

/// All lists of these kinds.
pub(crate) async fn check(world: &World, list: &[ImageRisk]) {
    let store = world.store();
    let rules = store.ignore_rules().await.unwrap();
    let rules: Vec<IgnoreRule> = rules.into_iter().map(|one| one.rule).collect();
    for kind in KINDS {
        let mut images: BTreeMap<&str, Standing> = BTreeMap::new();
        let mut counts: BTreeMap<(String, ItemState), u64> = BTreeMap::new();
        for risk in list {
            let findings = world.findings(risk).await;
            let own = standing(kind, &findings, &rules);
            for ((_, id), state) in &own {
                *counts.entry((id.clone(), *state)).or_default() += 1;
            }
            let found = store.image_items(&risk.image.uuid, kind).await.unwrap().unwrap();
            let found: Standing = found
                .items
                .into_iter()
                .filter(|item| item.state != ItemState::Fixed)
                .map(|item| ((item.finding.record, item.finding.id), item.state))
                .collect();
            assert_eq!(found, own, "{kind} {}", risk.image.path());
            images.insert(&risk.image.uuid, own);
        }
        let mut found: BTreeMap<(String, ItemState), u64> = BTreeMap::new();
        for profile in store.item_profiles(kind, &ImageSelection::default()).await.unwrap() {
            assert!(profile.images > 0 && !profile.items.is_empty());
            for item in profile.items.iter() {
                *found.entry((item.id.clone(), item.state)).or_default() += profile.images;
            }
        }
        assert_eq!(found, counts, "{kind}");
        for state in STATES {
            let query =
                ItemImagesQuery { state: Some(state), page_size: 100, ..ItemImagesQuery::of(kind) };
            let page = store.images_with_items(&query).await.unwrap();
            assert_eq!(page.total, page.items.len() as u64);
            let found: BTreeSet<(String, BTreeSet<String>)> =
                page.items.iter().map(|one| (one.image.uuid.clone(), ids(&one.items))).collect();
            let wanted: BTreeSet<(String, BTreeSet<String>)> = images
                .iter()
                .map(|(uuid, own)| {
                    let of_state = own.iter().filter(|(_, of)| **of == state);
                    ((*uuid).to_owned(), of_state.map(|((_, id), _)| id.clone()).collect())
                })
                .filter(|(_, ids): &(String, BTreeSet<String>)| !ids.is_empty())
                .collect();
            assert_eq!(found, wanted, "{kind} {state:?}");
        }
    }
}

fn ids(items: &[Item]) -> BTreeSet<String> {
    items.iter().map(|item| item.id.clone()).collect()
}

#[tokio::test]
async fn a_page_is_cut_out_of_the_whole_and_filters_narrow_it() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let names = ["a", "b", "c", "d%", "e"];
    let images: Vec<_> =
        names.iter().map(|name| image(&format!("team/{name}"), "1", name)).collect();
    fixture.sync(&registry, &images).await;
    let reports: BTreeMap<Digest, _> = names[..4]
        .iter()
        .map(|name| {
            let own = risk(Kind::Baseline, name, Level::Low);
            let findings = vec![risk(Kind::Baseline, "root", Level::High), own];
            (digest(name), report(&digest(name), findings))
        })
        .collect();
    fixture.scan_all(&reports, NOW).await;
    let store = &fixture.store;
    let of = |query: ItemImagesQuery| async move {
        let page = store.images_with_items(&query).await.unwrap();
        let names: Vec<String> =
            page.items.iter().map(|one| one.image.repository.clone()).collect();
        (page.total, names.join(" "))
    };
    let all = ItemImagesQuery::of(Kind::Baseline);
    assert_eq!(of(all.clone()).await, (4, "a b c d%".to_owned()));
    assert_eq!(
        of(ItemImagesQuery { page: 2, page_size: 3, ..all.clone() }).await,
        (4, "d%".to_owned())
    );
    assert_eq!(of(ItemImagesQuery { page: u32::MAX, ..all.clone() }).await, (4, String::new()));
    let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    assert_eq!(
        of(ItemImagesQuery { ids: ids(&["A", "c"]), ..all.clone() }).await,
        (2, "a c".to_owned())
    );
    assert_eq!(of(ItemImagesQuery { ids: ids(&[]), ..all.clone() }).await, (0, String::new()));
    assert_eq!(of(ItemImagesQuery { levels: vec![Level::Medium], ..all.clone() }).await.0, 0);
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        of(ItemImagesQuery { name_contains: name("%"), ..all.clone() }).await,
        (1, "d%".to_owned())
    );
    assert_eq!(of(ItemImagesQuery { namespace_contains: name("EA"), ..all.clone() }).await.0, 4);
    // Scanned again, nothing is newer: FirstTs stays.
    let before = store.item_profiles(Kind::Baseline, &ImageSelection::default()).await.unwrap();
    fixture.rescan(&digest("a"), &reports[&digest("a")], after(100)).await;
    let again = store.item_profiles(Kind::Baseline, &ImageSelection::default()).await.unwrap();
    let seen = |profiles: &[plimsoll_store::ItemProfile]| -> Vec<_> {
        profiles.iter().map(|one| (one.items.clone(), one.first_scanned)).collect()
    };
    assert_eq!(seen(&again), seen(&before));
}

#[tokio::test]
async fn what_a_tag_no_longer_has_is_fixed() {
    let fixture = Fixture::new().await;
    let registry = fixture.registry("build").await;
    let mut reports = BTreeMap::new();
    for (content, checks) in [("old", vec!["root", "shadow"]), ("new", vec!["root"])] {
        let findings = checks.iter().map(|id| risk(Kind::Baseline, id, Level::High)).collect();
        reports.insert(digest(content), report(&digest(content), findings));
        fixture.sync(&registry, &[image("team/app", "1", content)]).await;
        fixture.scan_all(&reports, NOW).await;
    }
    let uuid = plimsoll_store::image_uuid("build", "team", "app", "1");
    let found = fixture.store.image_items(&uuid, Kind::Baseline).await.unwrap().unwrap();
    let states: Vec<_> =
        found.items.iter().map(|item| (item.finding.id.as_str(), item.state)).collect();
    assert_eq!(states, [("root", ItemState::Open), ("shadow", ItemState::Fixed)]);
    assert!(fixture.store.image_items("no-such-image", Kind::Baseline).await.unwrap().is_none());
    assert_eq!(finding_number(&uuid, "root"), finding_number(&uuid, "root"));
    assert_ne!(finding_number(&uuid, "root"), finding_number(&uuid, "shadow"));
}
