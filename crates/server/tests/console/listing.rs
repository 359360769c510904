//! The risk list and the ranking.

use std::sync::Arc;

use plimsoll_model::{GapReason, Level};

use crate::{
    browser::{Browser, context, logged_in},
    fleet::{
        baseline, digest, image, now, registry, report, scan_all, store, sync, vulnerability,
        with_findings, with_gap,
    },
};

#[tokio::test]
async fn an_empty_list_teaches_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("plimsoll registry add"));
    registry(&store, "production").await;
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("plimsoll registry sync production"));
    let page = browser.get("/console/ranking").await;
    assert!(page.body.contains("Nothing to rank yet"));
}

#[tokio::test]
async fn a_long_list_has_pages_whose_links_keep_the_filters() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    let images = (0..60).map(|number| image(&format!("team/app-{number:02}"), "v1", number));
    sync(&store, &registry, images.collect()).await;
    let mut browser = logged_in(&store).await;

    let first = browser.get("/console/images?text=team&namespace=team").await;
    assert!(first.body.contains("1–25 of 60"));
    assert!(first.body.contains("team/app-00") && !first.body.contains("team/app-25"));
    let next = "href=\"/console/images?text=team&amp;namespace=team&amp;page=2\" rel=\"next\"";
    assert!(first.body.contains(next), "{}", first.body);

    let last = browser.get("/console/images?page=3").await;
    assert!(last.body.contains("51–60 of 60") && last.body.contains("team/app-59"));
    assert!(!last.body.contains("rel=\"next\""));
    let beyond = browser.get("/console/images?page=999").await;
    assert!(beyond.body.contains("51–60 of 60"));
    let nonsense = browser.get("/console/images?page=-1").await;
    assert!(nonsense.body.contains("1–25 of 60"));
}

#[tokio::test]
async fn each_row_says_its_load_and_nothing_found_is_clear_only_when_all_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    let names = ["over", "at", "below", "clear", "partial", "unreadable", "waiting"];
    let images =
        names.iter().zip(0..).map(|(name, number)| image(&format!("a/{name}"), "1", number));
    sync(&store, &registry, images.collect()).await;
    let package = ("openssl", "1.0");
    scan_all(&store, |found| {
        let number = (0..7).find(|number| digest(*number) == found)?;
        let plain = report(number);
        match number {
            0 => Some(with_findings(plain, [vulnerability("CVE-1", "t", package, 150, Some("2"))])),
            1 => Some(with_findings(plain, [baseline("b", "t", Level::Medium, None, "do")])),
            2 => Some(with_findings(plain, [vulnerability("CVE-2", "t", package, 30, None)])),
            3 => Some(plain),
            4 => Some(with_gap(plain, GapReason::UnreadableFile, "f", "damaged")),
            5 => Some(with_gap(plain, GapReason::UnreadableImage, "", "damaged")),
            _ => None,
        }
    })
    .await;
    let mut browser = logged_in(&store).await;
    for (filter, wanted) in [
        ("over", vec![("over", "Over the line")]),
        ("at", vec![("at", "At the line")]),
        ("below", vec![("below", "Below the line")]),
        ("clear", vec![("clear", "Clear"), ("partial", "Clear where seen")]),
        ("waiting", vec![("unreadable", "Not readable"), ("waiting", "Not scanned yet")]),
    ] {
        let page = browser.get(&format!("/console/images?level={filter}")).await;
        let rows: Vec<&str> = page.body.split("<tr role=\"row\">").skip(2).collect();
        assert_eq!(rows.len(), wanted.len(), "{filter}");
        for (row, (name, words)) in rows.iter().zip(wanted) {
            assert!(
                row.contains(&format!("a/{name}<"))
                    && row.contains(&format!("<span>{words}</span>")),
                "{row}"
            );
        }
    }
    let page = browser.get("/console/images?level=over").await;
    let label = "aria-label=\"1 as soon as possible, 0 later, 0 no need to fix now\"";
    assert!(page.body.contains(label));
}

#[tokio::test]
async fn registry_and_text_filter_and_no_match_offers_to_clear() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let production = registry(&store, "production").await;
    let build = registry(&store, "build").await;
    sync(&store, &production, vec![image("pay/api", "1", 1)]).await;
    sync(&store, &build, vec![image("ci/runner", "1", 2)]).await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/images?registry=build").await;
    assert!(page.body.contains("ci/runner") && !page.body.contains("pay/api"));
    assert!(page.body.contains("<option value=\"build\" selected>"));
    let page = browser.get("/console/images?text=PAY+1").await;
    assert!(page.body.contains("pay/api") && !page.body.contains("ci/runner"));
    let page = browser.get("/console/images?text=nothing-like-it").await;
    assert!(page.body.contains("No image matches"));
}

#[tokio::test]
async fn the_head_says_which_feed_is_in_use_and_that_a_starter_is_only_that() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let (context, token) = context(&store).await;
    let mut browser = Browser::new(&context);
    browser.log_in(&token).await;
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("No advisory feed."));
    let path = folder.path().join("starter");
    let summary = plimsoll_advisory::starter_feed(&path).unwrap();
    let snapshot = plimsoll_advisory::Snapshot::open(&path).unwrap();
    context.feed.set(Some(Arc::new(snapshot)));
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("Starter feed only."));
    assert!(page.body.contains(&format!(">{}</time>", summary.state.date.date())));
    assert!(page.body.contains("plimsoll feed update"));
}

#[tokio::test]
async fn the_ranking_has_both_lists_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    sync(&store, &registry, vec![image("a/one", "1", 1), image("a/two", "1", 2)]).await;
    let package = ("openssl", "1.0");
    scan_all(&store, |found| {
        if found == digest(1) {
            let urgent = vulnerability("CVE-1", "t", package, 150, None);
            return Some(with_findings(report(1), [urgent]));
        }
        let urgent = (0..3).map(|n| vulnerability(&format!("CVE-{n}"), "t", package, 140, None));
        let failed = baseline("b", "t", Level::High, None, "do");
        Some(with_findings(report(2), urgent.chain([failed])))
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/ranking").await;
    let (asap, baseline) = page.body.split_once("id=\"baseline\"").unwrap();
    assert!(asap.find("a/two").unwrap() < asap.find("a/one").unwrap());
    assert!(baseline.contains("a/two") && !baseline.contains("a/one"));
    assert!(page.body.contains("4 vulnerabilities of this priority in all scanned images"));
    assert!(page.body.contains(&now().date()));
}

#[tokio::test]
async fn each_row_names_its_most_urgent_finding_and_the_update_that_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    let names = ["fixable", "unfixable", "configured"];
    let images =
        names.iter().zip(1..).map(|(name, number)| image(&format!("a/{name}"), "1", number));
    sync(&store, &registry, images.collect()).await;
    let package = ("openssl", "3.0.11-1+deb12u1");
    scan_all(&store, |found| {
        let number = (1..4).find(|number| digest(*number) == found)?;
        let findings = match number {
            1 => vec![
                vulnerability("CVE-9", "The lesser", package, 75, Some("3.0.12")),
                vulnerability("CVE-8", "The worst", package, 150, Some("3.0.13")),
                baseline("b", "A failed check", Level::High, None, "do"),
            ],
            2 => vec![vulnerability("CVE-7", "No way out", package, 80, None)],
            _ => vec![baseline("b", "A failed check", Level::Low, None, "do")],
        };
        Some(with_findings(report(number), findings))
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("1 of 3 images"), "the fleet in one sentence");
    let row = |name: &str| {
        let rows = page.body.split("<tr role=\"row\">");
        rows.into_iter().find(|row| row.contains(&format!("a/{name}<"))).unwrap().to_owned()
    };
    assert!(row("fixable").contains("href=\"/console/findings/CVE-8\""));
    assert!(row("fixable").contains("Update openssl 3.0.11-1+deb12u1 to 3.0.13"));
    assert!(!row("fixable").contains("The lesser"));
    assert!(row("unfixable").contains("no fixed version known"));
    assert!(row("configured").contains("A failed check"));
    let one = browser.get("/console/images?text=fixable").await;
    let path = one.body.split("href=\"").find(|part| part.starts_with("/console/images/")).unwrap();
    let path = path.split('"').next().unwrap();
    let page = browser.get(path).await;
    assert!(page.body.contains("Begin here: <b>Update openssl"), "{}", page.body);
}

#[tokio::test]
async fn a_finding_is_looked_up_by_a_form_that_leads_to_its_own_address() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/findings").await;
    assert!(page.body.contains("which images have it?"));
    let page = browser.get("/console/findings?id=+CVE-2021-44228+").await;
    assert_eq!(page.status, axum::http::StatusCode::SEE_OTHER);
    assert_eq!(page.header("location"), "/console/findings/CVE-2021-44228");
    let page = browser.get("/console/findings?id=..%2F..%2Fx").await;
    assert!(page.body.contains("is not an id"));
    let page = browser.get("/console/findings/CVE-2021-44228").await;
    assert!(page.body.contains("No scanned image has it"));
}

#[tokio::test]
async fn a_registry_that_could_not_be_read_says_so_above_its_old_list() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    sync(&store, &registry, vec![image("a/one", "1", 1)]).await;
    store.set_registry_problem(registry.id, Some("connection refused")).await.unwrap();
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/images").await;
    assert!(page.body.contains("The last sync of “production” did not succeed."));
    assert!(page.body.contains("connection refused") && page.body.contains("a/one"));
    let page = browser.get("/console/images?text=CVE-2021-44228").await;
    assert!(page.body.contains("href=\"/console/findings/CVE-2021-44228\""));
}
