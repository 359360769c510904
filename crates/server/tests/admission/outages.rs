//! A store that is away, and files that are exchanged while the process runs.

use std::{fs, time::Duration};

use plimsoll_server::{Clock, admission::serve_admission};
use plimsoll_store::{Store, StoreOptions};
use serde_json::Value;

use crate::{
    FLEET, STRICT, allowed, pod,
    site::{Fleet, config, fill, get, now, post, post_in_haste, until},
};

const RISKY: &str = "registry.example.com/team/risky:1.0";

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_the_policy_decides_and_later_the_store_does() {
    for (unavailable, mode, code) in [
        ("allow", "enforce", None),
        ("deny", "enforce", Some(503)),
        // What only warns cannot refuse for want of a store.
        ("deny", "warn", None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let policy = format!("unavailable = '{unavailable}'\nmode = '{mode}'\n{STRICT}");
        let config = config(folder.path(), &data, &policy, Clock::fixed(now()));
        let server = serve_admission(config).await.unwrap();
        let body = pod(&[RISKY]).to_string();
        let read = |(status, answer): (u16, String)| {
            assert_eq!(status, 200, "{answer}");
            serde_json::from_str::<Value>(&answer).unwrap()
        };
        let answer = read(post_in_haste(server.address(), body.as_bytes()).await);
        let response = &answer["response"];
        assert_eq!(response["status"]["code"].as_u64(), code, "{answer}");
        let annotations = &response["auditAnnotations"];
        let problem = annotations["unavailable"].as_str().unwrap();
        assert!(problem.contains("was not reached"), "{problem}");
        match code {
            Some(_) => {
                let message = response["status"]["message"].as_str().unwrap();
                assert!(message.contains("unavailable = \"deny\""), "{message}");
                assert_eq!(annotations["verdict"], "unavailable-denied");
            }
            None => {
                let warning = response["warnings"][0].as_str().unwrap();
                assert!(warning.contains("let them in unseen"), "{warning}");
                assert_eq!(annotations["verdict"], "unavailable-allowed");
            }
        }
        // Being without a store is no reason to be asked less, once it was looked for.
        assert_eq!(get(server.address(), "/readyz").await, (200, "ready\n".to_owned()));
        let metrics = get(server.probes().unwrap(), "/metrics").await.1;
        assert!(metrics.contains("plimsoll_store_up 0"), "{metrics}");

        let store = Store::open(&data, StoreOptions::default()).await.unwrap();
        fill(&store, &Fleet::read(FLEET)).await;
        until("the store to be found", async || server.has_store()).await;
        let answer = read(post(server.address(), body.as_bytes()).await);
        assert_eq!(allowed(&answer), mode == "warn", "{answer}");
        assert!(answer["response"]["auditAnnotations"]["unavailable"].is_null());
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_exchanged_holds_and_one_that_cannot_be_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreOptions::default()).await.unwrap();
    fill(&store, &Fleet::read(FLEET)).await;
    let config = config(folder.path(), folder.path(), STRICT, Clock::fixed(now()));
    let file = config.policy.clone();
    let server = serve_admission(config).await.unwrap();
    until("the store to be opened", async || server.has_store()).await;
    let verdict = async || {
        let (_, body) = post(server.address(), pod(&[RISKY]).to_string().as_bytes()).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["response"]["auditAnnotations"]["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict().await, "denied");
    // Both at once: had the first one been taken, nobody would look.
    fs::write(&file, "mode = 'off'\nunknown = 1\n").unwrap();
    fs::write(&file, format!("mode = 'warn'\n{STRICT}")).unwrap();
    until("the softer policy", async || verdict().await == "warned").await;
    fs::write(&file, "mode = 'off'\nunknown = 1\n").unwrap();
    fs::write(folder.path().join("next.toml"), "mode = 'off'\n").unwrap();
    assert_eq!(verdict().await, "warned");
    fs::rename(folder.path().join("next.toml"), &file).unwrap();
    until("the policy that is off", async || verdict().await == "off").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_just_begun_is_not_asked_until_it_has_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut config = config(folder.path(), &data, STRICT, Clock::fixed(now()));
    config.patience = Duration::from_secs(3600);
    let server = serve_admission(config).await.unwrap();
    let (status, told) = get(server.address(), "/readyz").await;
    assert!(status == 503 && told.contains("not reached yet"), "{told}");
    assert_eq!(get(server.address(), "/livez").await.0, 200);
    // Who asks all the same waits for it.
    let body = pod(&[RISKY]).to_string();
    let asked = tokio::spawn(async move { post(server.address(), body.as_bytes()).await.1 });
    let store = Store::open(&data, StoreOptions::default()).await.unwrap();
    fill(&store, &Fleet::read(FLEET)).await;
    let answer = asked.await.unwrap();
    assert!(!answer.contains("unavailable"), "{answer}");
}
