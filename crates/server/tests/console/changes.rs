//! What changed: the fleet's page and an image's history, with their ways to other pages.

use axum::http::StatusCode;
use plimsoll_store::image_uuid;

use crate::{
    browser::logged_in,
    fleet::{
        image, registry, report, scan_all, store, sync, vulnerability, with_findings, with_package,
    },
};

#[tokio::test]
async fn a_scan_is_a_change_and_the_beginning_of_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    sync(&store, &registry, vec![image("team/app", "1.0", 7)]).await;
    scan_all(&store, |_| {
        let report = with_package(report(7), "openssl", "3.0.11", "openssl");
        let findings =
            [vulnerability("CVE-URGENT", "Urgent", ("openssl", "3.0.11"), 135, Some("3.0.13"))];
        Some(with_findings(report, findings))
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/changes").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(r#"<a href="/console/changes" aria-current="page">Changes</a>"#));
    let uuid = image_uuid("production", "team", "app", "1.0");
    assert!(page.body.contains(&format!("/console/images/{uuid}/history")), "{}", page.body);
    assert!(
        page.body.contains(r#"value="2026-11-18""#),
        "seven days unless another day is asked for"
    );
    let later = browser.get("/console/changes?since=2026-11-26").await;
    assert!(later.body.contains("Nothing changed"));
    let wrong = browser.get("/console/changes?since=%3Cscript%3E").await;
    assert!(wrong.body.contains("“&lt;script&gt;” is not a day"), "{}", wrong.body);

    let history = browser.get(&format!("/console/images/{uuid}/history")).await;
    assert_eq!(history.status, StatusCode::OK);
    assert!(history.body.contains("<svg class=\"bar history\""), "{}", history.body);
    assert!(history.body.contains(r#"<rect class="asap""#));
    assert!(
        history.body.contains("1 change since 2026-11-25: 1 vulnerability then, 1 now, at most 1")
    );
    assert!(history.body.contains("a scan"));
    let first = browser.get(&format!("/console/images/{uuid}")).await;
    assert!(first.body.contains(&format!(r##"href="/console/images/{uuid}/history#views""##)));
    let none = browser.get("/console/images/none/history").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}
