//! One image: its findings, packages, coverage; and text that wants to be more than text.

use axum::http::StatusCode;
use plimsoll_model::{BuildStep, Evidence, GapReason, Kind, Level, Location};
use plimsoll_store::{Store, TaskState, image_uuid};

use crate::{
    browser::{Browser, Page, logged_in},
    fleet::{
        baseline, digest, image, registry, report, scan_all, store, sync, vulnerability,
        with_findings, with_gap, with_package,
    },
};

const EVIL: &str = "<script>alert(1)</script>\"'&";

async fn one_image(
    report_of: impl Fn(plimsoll_model::Report) -> plimsoll_model::Report,
) -> (tempfile::TempDir, Store, String) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let registry = registry(&store, "production").await;
    sync(&store, &registry, vec![image("team/app", "1.0", 7)]).await;
    scan_all(&store, |_| Some(report_of(report(7)))).await;
    let uuid = image_uuid("production", "team", "app", "1.0");
    (folder, store, format!("/console/images/{uuid}"))
}

#[tokio::test]
async fn findings_stand_most_urgent_first_with_what_to_do_and_why() {
    let (_folder, store, path) = one_image(|report| {
        let report = with_package(report, "libssl3", "3.0.11", "openssl");
        let report = with_package(report, "openssl", "3.0.11", "openssl");
        let fixed = Some("3.0.13");
        with_findings(
            report,
            [
                vulnerability("CVE-LOW", "Low", ("openssl", "3.0.11"), 20, None),
                vulnerability("CVE-URGENT", "Urgent", ("openssl", "3.0.11"), 135, fixed),
                vulnerability("CVE-URGENT", "Urgent", ("libssl3", "3.0.11"), 135, fixed),
                baseline("root-user", "Runs as root", Level::Medium, None, "Name a user."),
            ],
        )
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(&path).await;
    assert!(page.body.contains("Begin here: <b>Update libssl3 3.0.11 to 3.0.13</b>"));
    assert!(page.body.contains("Ends most: <b>Update "), "{}", page.body);
    let (_, list) = page.body.split_once("id=\"views\"").unwrap();
    let place = |text: &str| list.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(place("Fix as soon as possible") < place("CVE-URGENT"));
    assert!(place("CVE-URGENT") < place("Plan to fix"));
    assert!(place("Plan to fix") < place("root-user"));
    assert!(place("root-user") < place("No need to fix now"));
    assert!(place("No need to fix now") < place("CVE-LOW"));
    // Two packages of one vulnerability are one entry, as in the counters.
    assert_eq!(page.body.matches("<details class=\"card finding").count(), 3);
    assert!(page.body.contains("In libssl3 3.0.11, openssl 3.0.11."));
    assert!(page.body.contains("Update to 3.0.13"));
    assert!(page.body.contains("Raised to 13.5: it is known to be exploited or malicious."));
    assert!(page.body.contains("known exploited"));

    let page = browser.get(&format!("{path}?kind=baseline")).await;
    let (_, list) = page.body.split_once("id=\"views\"").unwrap();
    assert!(list.contains("root-user") && !list.contains("CVE-URGENT"));
    let page = browser.get(&format!("{path}?text=LIBSSL3")).await;
    assert!(page.body.contains("CVE-URGENT") && !page.body.contains("CVE-LOW"));
}

#[tokio::test]
async fn what_is_ignored_stands_apart_with_who_and_why() {
    let (_folder, store, path) = one_image(|report| {
        let report = with_package(report, "openssl", "3.0.11", "openssl");
        with_findings(
            report,
            [
                vulnerability("CVE-URGENT", "Urgent", ("openssl", "3.0.11"), 135, Some("3.0.13")),
                vulnerability("CVE-LOW", "Low", ("openssl", "3.0.11"), 20, None),
            ],
        )
    })
    .await;
    let now = "2026-11-25".parse().unwrap();
    let rule = plimsoll_model::NewIgnoreRule {
        vulnerability: "CVE-URGENT".to_owned(),
        reason: "<b>not reachable</b>".to_owned(),
        author: "ada".to_owned(),
        expires: Some("2999-03-01".parse().unwrap()),
        ..Default::default()
    };
    let added = store.add_ignore_rule(&rule, now).await.unwrap();
    let mut browser = logged_in(&store).await;
    let page = browser.get(&path).await;
    let (_, list) = page.body.split_once("id=\"views\"").unwrap();
    let place = |text: &str| list.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(place("CVE-LOW") < place("<h2>Ignored"));
    assert!(place("<h2>Ignored") < place("CVE-URGENT"));
    assert!(!list.contains("Fix as soon as possible"));
    assert!(list.contains(&format!(
        "&lt;b&gt;not reachable&lt;/b&gt;</b> ada, rule {}, until 2999-03-01.",
        added.id
    )));
    assert!(!page.body.contains("Begin here: <b>Update"));
    store.remove_ignore_rules(&[added.id], now).await.unwrap();
    let page = browser.get(&path).await;
    assert!(page.body.contains("Fix as soon as possible") && !page.body.contains("<h2>Ignored"));
}

#[tokio::test]
async fn each_kind_has_a_tab_with_evidence_in_its_place() {
    let (_folder, store, path) = one_image(|report| {
        let mut check =
            baseline("perm_shadow", "Readable shadow", Level::High, Some("etc/shadow"), "chmod");
        check.evidence = (1..=5)
            .map(|line| Evidence {
                location: Some(Location {
                    path: "etc/shadow".into(),
                    layer: report.image.layers.last().copied(),
                }),
                detail: format!("line {line}: mode 644"),
            })
            .collect();
        check.extra.insert("why".to_owned(), "Anybody reads hashes.".to_owned());
        let mut step = baseline("add", "ADD instead of COPY", Level::Medium, None, "Use COPY.");
        step.kind = Kind::Build;
        let report = with_package(report, "openssl", "3.0.11", "openssl");
        with_findings(
            report,
            [vulnerability("CVE-LOW", "Low", ("openssl", "3.0.11"), 20, None), check, step],
        )
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(&format!("{path}/findings/baseline")).await;
    let (_, list) = page.body.split_once("id=\"views\"").unwrap();
    for (words, count) in
        [("Findings", 3), ("Vulnerabilities", 1), ("Baseline", 1), ("Malware", 0), ("Build", 1)]
    {
        let tab = format!("{words} <span class=\"count\">{count}</span>");
        assert!(list.contains(&tab), "{tab}: {list}");
    }
    assert!(
        list.contains("perm_shadow")
            && !list.contains("CVE-LOW")
            && !list.contains("name=\"kind\" id")
    );
    let (summary, body) = list.split_once("</summary>").unwrap();
    assert!(summary.contains("line 3: mode 644") && !summary.contains("line 4: mode 644"));
    assert!(summary.contains("in /etc/shadow, layer ") && summary.contains("and 2 more"));
    assert!(body.contains("line 5: mode 644") && body.contains("Anybody reads hashes."));
    assert_eq!(
        browser.get(&format!("{path}/findings/nothing")).await.status,
        StatusCode::NOT_FOUND
    );
    let page = browser.get(&format!("{path}/findings/secret")).await;
    assert!(page.body.contains("Nothing was found."));
}

#[tokio::test]
async fn the_build_file_stands_with_risks_at_their_steps() {
    let (_folder, store, path) = one_image(|report| {
        let step = |index: u32, instruction: &str| BuildStep {
            index,
            line: index + 2,
            instruction: instruction.to_owned(),
            layer: report.image.layers.get(usize::try_from(index).unwrap()).copied(),
            created: None,
            inherited: index == 0,
        };
        let build = vec![step(0, "ADD file:1 in /"), step(1, "RUN apt-get update <b>")];
        let mut at_step =
            baseline("update_alone", "Update alone", Level::Low, None, "Install, too.");
        at_step.kind = Kind::Build;
        at_step.record = "update_alone:1".into();
        at_step.extra.insert("history".to_owned(), "1".to_owned());
        let mut of_image = baseline("no_user", "Runs as root", Level::Medium, None, "Name a user.");
        of_image.kind = Kind::Build;
        plimsoll_model::Report { build, ..with_findings(report, [at_step, of_image]) }
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(&format!("{path}/findings/build")).await;
    let place =
        |text: &str| page.body.find(text).unwrap_or_else(|| panic!("{text}: {}", page.body));
    assert!(place("Of the image as a whole") < place("no_user"));
    assert!(place("no_user") < place("FROM scratch"));
    assert!(place("FROM scratch") < place("ADD file:1 in /"));
    assert!(place("ADD file:1 in /") < place("from the base image"));
    assert!(place("RUN apt-get update &lt;b&gt;") < place("update_alone"));
    assert!(page.body.contains("id=\"line-3\" class=\"has-risk\""));
}

#[tokio::test]
async fn a_finding_is_ignored_where_it_stands_and_counts_again() {
    let (_folder, store, path) = one_image(|report| {
        let check = |id| baseline(id, id, Level::High, Some("etc/shadow"), "Mend it.");
        with_findings(report, [check("perm_shadow"), check("other")])
    })
    .await;
    let mut browser = logged_in(&store).await;
    let tab = format!("{path}/findings/baseline");
    let page = browser.get(&tab).await;
    let (_, form) = page.body.split_once("<details class=\"decide\">").unwrap();
    let (_, token) = form.split_once("name=\"csrf\" value=\"").unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    let counted = |store: Store, path: String| async move {
        let uuid = path.rsplit('/').next().unwrap().to_owned();
        store.image_risk(&uuid).await.unwrap().unwrap().counters.baseline_high
    };
    let fields = |reason: &'static str, scope: &'static str| {
        [
            ("back", "baseline"),
            ("kind", "baseline"),
            ("id", "perm_shadow"),
            ("path", ""),
            ("scope", scope),
            ("reason", reason),
            ("author", "ada"),
        ]
    };
    let with = |token: &str, fields: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        let token = [("csrf".to_owned(), token.to_owned())];
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        token.into_iter().chain(fields).collect()
    };
    let ignore = format!("{path}/ignore");
    for (token, reason, scope, wanted) in [
        ("0", "r", "image", StatusCode::FORBIDDEN),
        (token.as_str(), "", "image", StatusCode::BAD_REQUEST),
        (&token, "r", "nowhere", StatusCode::BAD_REQUEST),
    ] {
        let page = post(&mut browser, &ignore, &with(token, &fields(reason, scope))).await;
        assert_eq!(page.status, wanted, "{reason} {scope}");
    }
    assert_eq!(counted(store.clone(), path.clone()).await, 2);
    let done = post(&mut browser, &ignore, &with(&token, &fields("known", "image"))).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.headers["location"], format!("{tab}#views"));
    assert_eq!(counted(store.clone(), path.clone()).await, 1);
    let page = browser.get(&tab).await;
    let rule = store.ignore_rules().await.unwrap()[0].rule.id.to_string();
    let button = format!("Take rule {rule} back, which holds in this image");
    assert!(page.body.contains(&button), "{}", page.body);
    let back = [
        ("csrf".to_owned(), token),
        ("back".to_owned(), "x".to_owned()),
        ("rule".to_owned(), rule),
    ];
    let again = format!("{path}/count-again");
    let done = post(&mut browser, &again, &back).await;
    assert_eq!(
        (done.status, &done.headers["location"]),
        (StatusCode::SEE_OTHER, &format!("{path}#views").parse().unwrap())
    );
    assert_eq!(counted(store.clone(), path.clone()).await, 2);
    assert_eq!(post(&mut browser, &again, &back).await.status, StatusCode::BAD_REQUEST);
}

async fn post(browser: &mut Browser, path: &str, fields: &[(String, String)]) -> Page {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &fields).await
}

#[tokio::test]
async fn whatever_an_image_says_is_text() {
    let (_folder, store, path) = one_image(|report| {
        let mut report = with_package(report, EVIL, EVIL, EVIL);
        report.image.distribution = Some(EVIL.into());
        report.packages[0].locations[0].path = EVIL.into();
        let report = with_gap(report, GapReason::UnreadableFile, EVIL, EVIL);
        with_findings(
            report,
            [
                vulnerability(EVIL, EVIL, (EVIL, EVIL), 140, Some(EVIL)),
                baseline(EVIL, EVIL, Level::High, Some(EVIL), EVIL),
            ],
        )
    })
    .await;
    let mut browser = logged_in(&store).await;
    let asked = "/console/findings/%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'&";
    let filter =
        "/console/images?text=%3Cscript%3Ealert(1)%3C/script%3E%22'&registry=%22%3E%3Cscript%3E";
    for address in [
        path.clone(),
        format!("{path}?text=%3Cscript%3E"),
        format!("{path}/packages"),
        format!("{path}/packages?ecosystem=%22%3E%3Cscript%3E"),
        format!("{path}/layers"),
        format!("{path}/findings/baseline"),
        asked.to_owned(),
        filter.to_owned(),
        "/console/ranking".to_owned(),
    ] {
        let page = browser.get(&address).await;
        assert_eq!(page.status, StatusCode::OK, "{address}");
        assert!(!page.body.contains("<script"), "{address}");
    }
    let page = browser.get(&path).await;
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
    assert!(!page.body.contains("osv.dev/vulnerability/&lt;"), "an odd id became an address");
}

#[tokio::test]
async fn gaps_stand_in_plain_words_and_many_are_folded() {
    let (_folder, store, path) = one_image(|mut report| {
        for number in 0..9 {
            let at = format!("lib/{number}.jar");
            report = with_gap(report, GapReason::UnreadableFile, &at, "damaged");
        }
        with_gap(report, GapReason::EndOfLifeDistribution, "", "no fixes since 2020")
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(&path).await;
    assert!(page.body.contains("Some things could not be looked at."));
    assert!(page.body.contains("A file could not be read"));
    assert!(page.body.contains("× 9") && page.body.contains("and 6 more"));
    assert!(page.body.contains("This distribution gets no more fixes"));
    assert!(page.body.contains(
        "No vulnerability, no failed check and no malicious file was found, but not everything could be looked at."
    ));
}

#[tokio::test]
async fn packages_can_be_searched_and_say_what_is_known_against_them() {
    let (_folder, store, path) = one_image(|mut report| {
        for number in 0..120 {
            report = with_package(report, &format!("lib{number:03}"), "1.0", "source");
        }
        let known = vulnerability("CVE-1", "t", ("lib007", "1.0"), 80, None);
        with_findings(report, [known])
    })
    .await;
    let mut browser = logged_in(&store).await;
    let page = browser.get(&format!("{path}/packages")).await;
    assert!(page.body.contains("1–100 of 120") && page.body.contains("page=2"));
    let page = browser.get(&format!("{path}/packages?text=lib007")).await;
    assert!(page.body.contains("1–1 of 1"));
    assert!(page.body.contains("<b>1</b> later"), "{}", page.body);
    let page = browser.get(&format!("{path}/layers")).await;
    assert!(page.body.contains("120 packages, 1 finding"));
    let page = browser.get("/console/findings/cve-1").await;
    assert!(page.body.contains("team/app"));
}

#[tokio::test]
async fn a_new_scan_is_asked_for_with_the_sessions_own_form_only() {
    let (_folder, store, path) = one_image(|report| report).await;
    let mut browser = logged_in(&store).await;
    let scan = format!("{path}/scan");
    assert_eq!(browser.post(&scan, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post(&scan, &[("csrf", "00")]).await.status, StatusCode::FORBIDDEN);
    let state = async || store.artifact(&digest(7)).await.unwrap().unwrap().task.unwrap().state;
    assert_eq!(state().await, TaskState::Done);
    let csrf = browser.get(&path).await.field("csrf");
    let page = browser.post(&scan, &[("csrf", &csrf)]).await;
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, path.as_str()));
    assert_eq!(state().await, TaskState::Queued);
    assert!(browser.get(&path).await.body.contains("queued for a scan"));
}

#[tokio::test]
async fn an_unknown_image_is_not_found() {
    let (_folder, store, _) = one_image(|report| report).await;
    let mut browser = logged_in(&store).await;
    for id in ["00000000-0000-0000-0000-000000000000", "x", "%2e%2e"] {
        let page = browser.get(&format!("/console/images/{id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        assert!(page.body.contains("There is no image with this id."));
    }
}
