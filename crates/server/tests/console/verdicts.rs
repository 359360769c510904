//! What the policy says, on the list of images and on an image's page.

use std::sync::Arc;

use plimsoll_model::Level;
use plimsoll_scanner::Policy;
use plimsoll_server::operation::verdicts::{judge_by, judge_some};

use crate::{
    browser::{Browser, context},
    fleet::{baseline, image, now, registry, report, scan_all, store, sync, with_findings},
};

#[tokio::test]
async fn the_list_shows_verdicts_and_is_filtered_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    let images = ["bad", "good", "waiting"].iter().zip(1..);
    let images = images.map(|(name, number)| image(&format!("a/{name}"), "1", number));
    sync(&store, &registry, images.collect()).await;
    scan_all(&store, |digest| {
        let number = (1..3).find(|number| crate::fleet::digest(*number) == digest)?;
        let failed = baseline("non_pwd_user", "No password", Level::High, None, "set one");
        let findings = if number == 1 { vec![failed] } else { vec![] };
        Some(with_findings(report(number), findings))
    })
    .await;
    let (mut context, token) = context(&store).await;
    let policy = Policy::read("plimsoll.toml", "[deny]\nbaseline = 'high'\n").unwrap();

    let mut without = Browser::new(&context);
    without.log_in(&token).await;
    let page = without.get("/console/images").await;
    assert!(!page.body.contains("name=\"policy\"") && !page.body.contains("Denied"));

    context.policy = Some(Arc::new(policy.clone()));
    let mut browser = Browser::new(&context);
    browser.log_in(&token).await;
    judge_by(&store, Some(&policy), now()).await.unwrap();
    while judge_some(&store, &policy, now()).await.unwrap() > 0 {}
    let page = browser.get("/console/images").await.body;
    // What is not scanned is not known to be well.
    assert_eq!(page.matches(">Denied</span>").count(), 2, "{page}");
    assert_eq!(page.matches(">Passes</span>").count(), 1, "{page}");
    let denied = browser.get("/console/images?policy=deny").await.body;
    assert!(denied.contains("1–2 of 2") && denied.contains("a/bad") && !denied.contains("a/good"));
    let passing = browser.get("/console/images?policy=pass").await.body;
    assert!(passing.contains("1–1 of 1") && passing.contains("a/good"));
}
