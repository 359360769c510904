//! Reviews as folders: `request.json`, `policy.toml`, the store's state in `store.json` (the shared one where there is none), and the
//! whole answer in `expect.json`.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::{
    FLEET,
    site::{Fleet, Site},
};

#[tokio::test(flavor = "multi_thread")]
async fn each_case_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission/cases");
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 20, "{}", cases.len());
    let mut verdicts = BTreeSet::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let text = |file: &str| fs::read_to_string(case.join(file));
        let fleet = Fleet::read(&text("store.json").unwrap_or_else(|_none| FLEET.to_owned()));
        let site = Site::new(&fleet, &text("policy.toml").unwrap()).await;
        let request: Value = serde_json::from_str(&text("request.json").unwrap()).unwrap();
        let answer = site.ask(&request).await;
        // A second time, when it is remembered.
        assert_eq!(answer, site.ask(&request).await, "{name}");
        site.server.stop().await;

        assert_eq!(answer["response"]["uid"], request["request"]["uid"], "{name}");
        let warnings = answer["response"]["warnings"].as_array().into_iter().flatten();
        for warning in warnings {
            assert!(warning.as_str().unwrap().chars().count() <= 120, "{name}: {warning}");
        }
        let verdict = &answer["response"]["auditAnnotations"]["verdict"];
        verdicts.insert(verdict.as_str().unwrap().to_owned());
        let mut shown = serde_json::to_string_pretty(&answer).unwrap();
        shown.push('\n');
        if is_update {
            fs::write(case.join("expect.json"), &shown).unwrap();
            continue;
        }
        let wanted = text("expect.json").unwrap_or_else(|_none| panic!("{name}: no expect.json"));
        assert_eq!(shown, wanted, "{name}");
    }
    let wanted = ["allowed", "denied", "exempt", "not-concerned", "off", "warned"];
    assert_eq!(verdicts, wanted.map(str::to_owned).into());
}
