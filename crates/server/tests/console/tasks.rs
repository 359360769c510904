//! Scans as tasks: what is shown of each, and what its buttons do.

use axum::http::StatusCode;
use plimsoll_store::{Retry, TaskCounts};

use crate::{
    browser::logged_in,
    fleet::{image, now, registry, store, sync},
};

const PATH: &str = "/console/tasks";

#[tokio::test]
async fn scans_are_shown_by_state_cancelled_and_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(PATH).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("No scans"), "{}", page.body);

    let build = registry(&store, "build").await;
    let images = (0..3).map(|number| image("team/app", &format!("<{number}>"), number)).collect();
    sync(&store, &build, images).await;
    let task = store.claim("host/1", now()).await.unwrap().unwrap();
    store.fail(&task.lease, "registry `build`: 403 <no>", Retry::Never, now()).await.unwrap();
    let running = store.claim("host/1", now()).await.unwrap().unwrap();
    let page = browser.get(PATH).await;
    for part in [
        "1 waiting, 1 running, 1 failed",
        "team/app:&lt;0&gt;",
        "Given up",
        "another attempt would end the same",
        "403 &lt;no&gt;",
        "Try all that were given up again",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let failed = browser.get(&format!("{PATH}?state=failed")).await;
    assert!(failed.body.contains("app:&lt;0&gt;") && !failed.body.contains("app:&lt;1&gt;"));
    let unknown = browser.get(&format!("{PATH}?state=lost&page=x")).await;
    assert!(unknown.body.contains("app:&lt;1&gt;"), "a word that is no state is none");

    let csrf = page.field("csrf");
    let id = running.lease.task_id.to_string();
    let wish = |action, id| [("csrf", csrf.as_str()), ("action", action), ("id", id)];
    let done = browser.post(PATH, &wish("cancel", id.as_str())).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, PATH));
    assert_eq!(store.heartbeat(&running.lease, now()).await.unwrap(), None);
    let twice = browser.post(PATH, &wish("cancel", id.as_str())).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    let mut again = wish("retry", id.as_str()).to_vec();
    again.push(("state", "cancelled"));
    let done = browser.post(PATH, &again).await;
    assert_eq!(done.header("location"), format!("{PATH}?state=cancelled"));
    browser.post(PATH, &wish("retry-failed", "")).await;
    let counts = store.task_counts(None).await.unwrap();
    assert_eq!(counts, TaskCounts { queued: 3, ..TaskCounts::default() });

    for (action, id, status) in [
        ("cancel", "99", StatusCode::NOT_FOUND),
        ("retry", "x", StatusCode::NOT_FOUND),
        ("prune", "1", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(browser.post(PATH, &wish(action, id)).await.status, status, "{action}");
    }
    let foreign = [("csrf", "other"), ("action", "retry-failed")];
    assert!(browser.post(PATH, &foreign).await.status.is_client_error());
}
