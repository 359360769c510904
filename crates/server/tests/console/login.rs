//! Getting in and out, and the headers that keep others out.

use axum::http::StatusCode;
use plimsoll_store::Store;

use crate::{
    browser::{Browser, context, logged_in},
    fleet,
};

async fn empty_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet::store(folder.path()).await;
    (folder, store)
}

const PAGES: [&str; 8] = [
    "/console/images",
    "/console/images/00000000-0000-0000-0000-000000000000",
    "/console/images/x/packages",
    "/console/images/x/layers",
    "/console/ranking",
    "/console/tasks",
    "/console/findings/CVE-2014-0160",
    "/console/no-such-page",
];

#[tokio::test]
async fn without_a_session_every_page_leads_to_the_form() {
    let (_folder, store) = empty_store().await;
    let (context, _) = context(&store).await;
    let mut browser = Browser::new(&context);
    for path in PAGES {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        let next = path.replace('/', "%2F");
        assert_eq!(page.header("location"), format!("/console/login?next={next}"));
    }
    let posted = browser.post("/console/images/x/scan", &[]).await;
    assert_eq!(posted.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_answer_has_the_strict_policy_and_no_page_has_script_or_inline_style() {
    let (_folder, store) = empty_store().await;
    let mut browser = logged_in(&store).await;
    for path in PAGES.into_iter().chain(["/console/login", "/console", "/console/"]) {
        let page = browser.get(path).await;
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
            "{path}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.body.contains("<script") && !page.body.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn the_style_sheet_is_named_by_its_content_and_kept() {
    let (_folder, store) = empty_store().await;
    let mut browser = logged_in(&store).await;
    let page = browser.get("/console/images").await;
    let (_, rest) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let address = rest.split('"').next().unwrap();
    let sheet = browser.get(address).await;
    assert_eq!(sheet.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(sheet.header("cache-control"), "public, max-age=31536000, immutable");
    let other = browser.get("/console/assets/plimsoll-0000000000000000.css").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let (_folder, store) = empty_store().await;
    let (mut context, token) = context(&store).await;
    let page = Browser::new(&context).log_in(&token).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("plimsoll-session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(page.header("location"), "/console/images");

    context.secure = true;
    let page = Browser::new(&context).log_in(&token).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-plimsoll-session="), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_for_their_address_alone() {
    let (_folder, store) = empty_store().await;
    let (context, token) = context(&store).await;
    let mut browser = Browser::new(&context);
    for _ in 0..5 {
        let page = browser.log_in("wrong").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("That is not the admin token."));
    }
    let page = browser.log_in(&token).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.header("retry-after"), "60");
    let mut other = Browser::new(&context);
    other.address.set_ip([192, 0, 2, 2].into());
    assert_eq!(other.log_in(&token).await.status, StatusCode::SEE_OTHER);
    context.clock.advance(60);
    assert_eq!(browser.log_in(&token).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_log_in_form_must_be_ours() {
    let (_folder, store) = empty_store().await;
    let (context, token) = context(&store).await;
    let mut browser = Browser::new(&context);
    let page = browser.post("/console/login", &[("login", "x"), ("token", &token)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = browser.post("/console/login", &[("login", ""), ("token", &token)]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    browser.origin = Some("https://elsewhere.example".into());
    assert_eq!(browser.log_in(&token).await.status, StatusCode::FORBIDDEN);
    assert!(!browser.cookies.contains_key("plimsoll-session"));
}

#[tokio::test]
async fn after_the_log_in_the_wanted_page_follows_if_it_is_ours() {
    let (_folder, store) = empty_store().await;
    let (context, token) = context(&store).await;
    for (next, wanted) in
        [("/console/ranking", "/console/ranking"), ("https://evil.example", "/console/images")]
    {
        let mut browser = Browser::new(&context);
        let login = browser.get("/console/login").await.field("login");
        let fields = [("login", login.as_str()), ("token", &token), ("next", next)];
        let page = browser.post("/console/login", &fields).await;
        assert_eq!(page.header("location"), wanted);
    }
}

#[tokio::test]
async fn logging_out_wants_the_sessions_own_form_and_ends_the_session() {
    let (_folder, store) = empty_store().await;
    let mut browser = logged_in(&store).await;
    let refused = browser.post("/console/logout", &[("csrf", "0")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let csrf = browser.get("/console/images").await.field("csrf");
    let cookies = browser.cookies.clone();
    let page = browser.post("/console/logout", &[("csrf", &csrf)]).await;
    assert_eq!(page.header("location"), "/console/login");
    browser.cookies = cookies;
    assert_eq!(browser.get("/console/images").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_large_form_is_refused() {
    let (_folder, store) = empty_store().await;
    let mut browser = logged_in(&store).await;
    let large = "x".repeat(20_000);
    let page = browser.post("/console/logout", &[("csrf", &large)]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
}
